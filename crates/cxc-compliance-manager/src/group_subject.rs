//! What the attempts of a campaign group are for.
use cxc_core::campaign::CampaignSettings;
use cxc_core::compliance::Subject;
use cxc_core::hash::HashKey;
use cxc_store::attempt_subject::collector_hash;
use cxc_store::{StoreError, Tx};

/// As its settings say, and, where these name no purpose or the content sells, the class of that. Besides, why nobody may be
/// contacted for it: the purpose does not go with what is sent.
pub(crate) async fn group_subject(
    tx: &mut Tx,
    key: &HashKey,
    tenant: i64,
    settings: &CampaignSettings,
) -> Result<(Subject, Option<String>), StoreError> {
    let class = tx.content_class(tenant, settings.content).await?;
    let subject = settings.subject(class.as_deref(), |name| collector_hash(key, tenant, name));
    Ok((subject, settings.clash(class.as_deref())))
}

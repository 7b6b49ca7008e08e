//! What the attempts of a campaign group are for.
use cxc_core::campaign::CampaignSettings;
use cxc_core::compliance::Subject;
use cxc_core::hash::HashKey;
use cxc_core::kind;
use cxc_store::attempt_subject::collector_hash;
use cxc_store::{StoreError, Tx};

/// As its settings say, and, where these name no purpose, the class of its content.
pub(crate) async fn group_subject(
    tx: &mut Tx,
    key: &HashKey,
    tenant: i64,
    settings: &CampaignSettings,
) -> Result<Subject, StoreError> {
    let content = match settings.content {
        Some(id) => tx.object_get(tenant, kind::CONTENT, id).await?,
        None => None,
    };
    let class = content.and_then(|object| object.body.0["class"].as_str().map(str::to_owned));
    Ok(settings.subject(class.as_deref(), |name| collector_hash(key, tenant, name)))
}

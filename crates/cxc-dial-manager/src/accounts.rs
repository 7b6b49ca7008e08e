//! Channel accounts as documents.
use cxc_core::field_error::FieldError;
use cxc_core::kind;
use cxc_server::app::time_text;
use cxc_server::document::{Extras, Reference, Removal, Write};
use cxc_server::{ApiError, Document, Scope};
use cxc_sip::trunk::{day_of, next_day};
use cxc_store::object_query::ObjectField;
use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::channel::ChannelAccount as Account;
use crate::channel::voice::live::amount;

/// How to reach one carrier.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct ChannelAccount(pub Account);

/// What is known of an account's use.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountUse {
    /// Campaign groups that are loaded and send by it.
    #[schema(minimum = 0)]
    pub groups_at_work: i64,
    /// Whether a sender of this installation holds it now.
    pub sending: bool,
    /// What its calls have cost today, in UTC, where `spendPerDay` is a cap: at most some seconds old. A call that is not over counts
    /// with its first minute.
    #[schema(required, minimum = 0)]
    pub spend_today: Option<f64>,
    /// When the day ends, and nothing is spent any more; where there is a cap.
    #[schema(required, format = DateTime)]
    pub spend_resets_at: Option<String>,
}

/// With its password: the document kit hides what [`Document::SECRETS`] names.
impl Serialize for ChannelAccount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.to_stored().map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

impl Document for ChannelAccount {
    const KIND: &'static str = kind::CHANNEL_ACCOUNT;
    const NOUN: &'static str = "channel account";
    const PATH: &'static str = "/channel-accounts";
    const TAG: &'static str = "Channels";
    const READ: Scope = Scope::ProfilesRead;
    const WRITE: Scope = Scope::ProfilesWrite;
    const FILTERS: &'static [ObjectField] = &[ObjectField::Text("kind")];
    const SECRETS: &'static [&'static str] = &["/credential/password"];
    type Extra = AccountUse;

    fn validate(&self) -> Vec<FieldError> {
        self.0.validate()
    }

    fn references(&self) -> Vec<Reference> {
        let Some((of, terms)) = self.0.trunk_terms() else { return Vec::new() };
        let reference =
            |(at, id): (usize, &Uuid)| Reference::new(format!("/{of}/alternates/{at}"), kind::CHANNEL_ACCOUNT, *id);
        terms.alternates.iter().enumerate().map(reference).collect()
    }

    /// A host off the open Internet must be allowed by the operator. A password goes to the server that it was given
    /// for, and to another only when it is given again.
    async fn before_write(write: &mut Write<'_, Self>) -> Result<(), ApiError> {
        let host = write.after.body.0.host.as_deref().unwrap_or_default();
        if !write.app.channel_reach.may_allow(host) {
            let detail =
                "the host is not on the open Internet, and the setting outbound.channel_networks does not allow it";
            return Err(ApiError::invalid("/host", "not_allowed", detail));
        }
        if write.before.is_some_and(|before| write.after.body.0.takes_password_elsewhere(&before.body.0)) {
            let detail = "the server changes: give the password again";
            return Err(ApiError::invalid("/credential/password", "required", detail));
        }
        check_alternates(write).await
    }

    /// Gives the account its number, so that a sender is started where it must listen.
    async fn after_write(write: &mut Write<'_, Self>) -> Result<(), ApiError> {
        write.tx.channel_account_number(write.principal.tenant, write.after.id).await?;
        Ok(())
    }

    async fn before_delete(removal: &mut Removal<'_, Self>) -> Result<(), ApiError> {
        removal.tx.channel_account_delete(removal.principal.tenant, removal.document.id).await?;
        Ok(())
    }

    async fn extra(extras: &mut Extras<'_, Self>) -> Result<Vec<AccountUse>, ApiError> {
        let now = extras.app.now();
        let has_cap = |account: &Account| account.trunk_terms().is_some_and(|(_, terms)| terms.spend_per_day.is_some());
        let capped: Vec<Uuid> = extras.documents.iter().filter(|one| has_cap(&one.body.0)).map(|one| one.id).collect();
        let spent = extras.tx.trunks_spent(&capped, day_of(now)).await?;
        let mut uses = Vec::with_capacity(extras.documents.len());
        for document in extras.documents {
            let cap = capped.contains(&document.id);
            let spend_today = cap.then(|| amount(spent.get(&document.id).copied().unwrap_or(0)));
            let spend_resets_at = cap.then(|| time_text(next_day(now)));
            let mut one = AccountUse { spend_today, spend_resets_at, ..AccountUse::default() };
            if let Some(number) = extras.tx.channel_account_find(extras.tenant, document.id).await? {
                one.groups_at_work = i64::try_from(extras.tx.groups_of_account(number).await?.len()).unwrap_or(0);
                one.sending = extras.tx.lease_holder(&format!("sender:{number}")).await?.is_some();
            }
            uses.push(one);
        }
        Ok(uses)
    }
}

/// Alternates of a trunk are other trunks. One that is not there is refused with the other references.
async fn check_alternates(write: &mut Write<'_, ChannelAccount>) -> Result<(), ApiError> {
    let (tenant, own) = (write.principal.tenant, write.after.id);
    let Some((of, terms)) = write.after.body.0.trunk_terms() else { return Ok(()) };
    for (at, id) in terms.alternates.iter().enumerate() {
        let account = write.tx.object_get(tenant, kind::CHANNEL_ACCOUNT, *id).await?;
        let is_other = account.is_some_and(|account| !matches!(account.body.0["kind"].as_str(), Some("sip" | "ari")));
        if *id == own || is_other {
            let pointer = format!("/{of}/alternates/{at}");
            let detail = "an alternate is another account of the kind sip or ari";
            return Err(ApiError::invalid(&pointer, "not_allowed", detail));
        }
    }
    Ok(())
}

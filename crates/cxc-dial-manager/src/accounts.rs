//! Channel accounts as documents.
use cxc_core::field_error::FieldError;
use cxc_core::kind;
use cxc_server::document::{Extras, Reference, Removal, Write};
use cxc_server::{ApiError, Document, Scope};
use cxc_store::object_query::ObjectField;
use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::channel::ChannelAccount as Account;

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
        let mut uses = Vec::with_capacity(extras.documents.len());
        for document in extras.documents {
            let Some(number) = extras.tx.channel_account_find(extras.tenant, document.id).await? else {
                uses.push(AccountUse::default());
                continue;
            };
            let groups = extras.tx.groups_of_account(number).await?.len();
            let sending = extras.tx.lease_holder(&format!("sender:{number}")).await?.is_some();
            uses.push(AccountUse { groups_at_work: i64::try_from(groups).unwrap_or(0), sending });
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

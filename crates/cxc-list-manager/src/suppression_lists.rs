//! `/suppression-lists`: lists of people who must not be contacted. Their entries are rows of their own.
use cxc_core::channel::Channel;
use cxc_core::field_error::FieldError;
use cxc_core::kind;
use cxc_server::document::{Extras, Removal, Write};
use cxc_server::{ApiError, Code, Document, Scope};
use cxc_store::object_query::ObjectField;
use cxc_store::suppression::{CLIENT_ID, DEVICE, NewSuppressionList};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

const DAY: i64 = 24 * 3600 * 1_000_000;

/// What the entries of a list are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SuppressionType {
    /// Phone numbers and email addresses.
    Device,
    /// Client ids: the whole contact.
    ClientId,
}

impl SuppressionType {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Device => DEVICE,
            Self::ClientId => CLIENT_ID,
        }
    }
}

/// A list of people or devices that must not be contacted.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SuppressionList {
    /// What its entries are. Stays as it is.
    #[serde(rename = "type")]
    pub kind: SuppressionType,
    /// The channels that it suppresses.
    #[schema(min_items = 1, max_items = 3)]
    pub channels: Vec<Channel>,
    /// Whether it holds for every campaign group. One that is not holds only for the groups that name it. Making or changing one
    /// that is required needs `compliance:required`.
    #[serde(default = "required")]
    #[schema(default = true)]
    pub required: bool,
    /// Entries hold for so many days; for ever when absent.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 36500)]
    pub retention_days: Option<i64>,
    /// From then on it holds no more, RFC 3339.
    #[serde(default)]
    #[schema(format = DateTime)]
    pub expires_at: Option<String>,
    /// Whether its entries are opt-outs of people. Then each that does not end by itself stands in the ledger of
    /// consents too, and taking one away needs `compliance:required` and a reason. The list is required and ends never.
    /// Stays as it is once the list has entries.
    #[serde(default)]
    #[schema(default = false)]
    pub opt_outs: bool,
}

/// A list of which nothing is said holds for everybody: one that nobody uses would let through whom it names.
fn required() -> bool {
    true
}

impl SuppressionList {
    /// Its channels as bits.
    pub fn bits(&self) -> i16 {
        self.channels.iter().fold(0, |bits, channel| bits | channel.bit())
    }

    fn expiry(&self) -> Option<i64> {
        self.expires_at.as_ref().and_then(|at| at.parse::<Timestamp>().ok()).map(Timestamp::as_microsecond)
    }

    /// Until when an entry holds that is to hold until `till` and is added at `now`.
    pub fn until(&self, till: Option<i64>, now: i64) -> Option<i64> {
        let kept = self.retention_days.map(|days| now.saturating_add(days.saturating_mul(DAY)));
        match (till, kept) {
            (Some(till), Some(kept)) => Some(till.min(kept)),
            (till, kept) => till.or(kept),
        }
    }
}

/// How much is in a suppression list, and who uses it.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SuppressionSize {
    /// Entries.
    pub size: i64,
    /// Templates and campaign groups that chose it.
    pub used_by: i64,
}

impl Document for SuppressionList {
    const KIND: &'static str = kind::SUPPRESSION_LIST;
    const NOUN: &'static str = "suppression list";
    const PATH: &'static str = "/suppression-lists";
    const TAG: &'static str = "Suppression";
    const READ: Scope = Scope::SuppressionRead;
    const WRITE: Scope = Scope::SuppressionWrite;
    const FILTERS: &'static [ObjectField] = &[ObjectField::Text("type"), ObjectField::Bool("required")];
    type Extra = SuppressionSize;

    fn validate(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let mut error = |pointer: &str, code, detail: &str| errors.push(FieldError::new(pointer, code, detail));
        if self.channels.is_empty() || self.channels.len() > Channel::ALL.len() {
            error("/channels", "length", "a list suppresses one to three channels");
        }
        if self.retention_days.is_some_and(|days| !(1..=36_500).contains(&days)) {
            error("/retentionDays", "range", "a retention is 1 to 36500 days, or absent for ever");
        }
        if self.expires_at.is_some() && self.expiry().is_none() {
            error("/expiresAt", "invalid", "an instant is RFC 3339, such as 2026-03-02T09:00:00Z");
        }
        if self.opt_outs && (!self.required || self.retention_days.is_some() || self.expires_at.is_some()) {
            let detail = "a list of opt-outs is required and has neither retentionDays nor expiresAt: an opt-out holds until \
                          the person consents again";
            error("/optOuts", "inconsistent", detail);
        }
        errors
    }

    async fn before_write(write: &mut Write<'_, Self>) -> Result<(), ApiError> {
        let named = std::mem::take(&mut write.after.body.channels);
        write.after.body.channels = Channel::ALL.into_iter().filter(|channel| named.contains(channel)).collect();
        if let Some(before) = write.before
            && before.body.kind != write.after.body.kind
        {
            return Err(ApiError::invalid("/type", "not_editable", "the type of a suppression list stays as it is"));
        }
        let was_required = write.before.is_some_and(|before| before.body.required);
        if was_required || write.after.body.required {
            write.principal.need(Scope::ComplianceRequired).map_err(|error| {
                let detail = "a suppression list is required unless `required` is false, and that needs the permission \
                              compliance:required; one with `required` false holds only for the groups that name it";
                ApiError::new(error.code(), detail)
            })?;
        }
        let (tenant, id) = (write.principal.tenant, write.after.id);
        let row = write.tx.suppression_list_get(tenant, id).await?;
        let Some(row) = row else { return Ok(()) };
        if row.role.is_some() {
            stays(&row, write)?;
        }
        if row.opt_outs != write.after.body.opt_outs && row.size > 0 {
            let text =
                "the list has entries: whether they are opt-outs stays as it is; make another list and import them";
            return Err(ApiError::invalid("/optOuts", "not_editable", text));
        }
        Ok(())
    }

    async fn after_write(write: &mut Write<'_, Self>) -> Result<(), ApiError> {
        let (tenant, id, body) = (write.principal.tenant, write.after.id, &write.after.body);
        let (channels, required, expires_at) = (body.bits(), body.required, body.expiry());
        if write.before.is_some() {
            write.tx.suppression_list_update(tenant, id, channels, required, expires_at).await?;
            write.tx.suppression_list_means(tenant, id, body.opt_outs).await?;
        } else {
            let (kind, opt_outs) = (body.kind.as_str(), body.opt_outs);
            let new = NewSuppressionList { id, kind, channels, required, expires_at, role: None, opt_outs };
            write.tx.suppression_list_insert(tenant, &new).await?;
        }
        Ok(())
    }

    async fn before_delete(removal: &mut Removal<'_, Self>) -> Result<(), ApiError> {
        let (tenant, id) = (removal.principal.tenant, removal.document.id);
        if removal.document.body.required {
            removal.principal.need(Scope::ComplianceRequired)?;
        }
        let Some(row) = removal.tx.suppression_list_lock(tenant, id).await? else { return Ok(()) };
        if row.role.is_some() {
            return Err(kept_by_system());
        }
        let name = cxc_store::list::lease_name("suppression", row.number);
        if removal.tx.lease_holder(&name).await?.is_some() {
            return Err(crate::contact_lists::importing());
        }
        removal.tx.suppression_list_delete(tenant, id, removal.app.now()).await?;
        Ok(())
    }

    async fn extra(extras: &mut Extras<'_, Self>) -> Result<Vec<SuppressionSize>, ApiError> {
        let rows = extras.tx.suppression_lists(extras.tenant).await?;
        let used = extras.tx.suppression_uses(extras.tenant).await?;
        let size = |id: Uuid| SuppressionSize {
            size: rows.iter().find(|row| row.id == id).map_or(0, |row| row.size),
            used_by: used.iter().find(|(of, _)| *of == id).map_or(0, |(_, n)| *n),
        };
        Ok(extras.documents.iter().map(|d| size(d.id)).collect())
    }
}

/// Refuses what would let pass whose opt-outs the system collects in a list.
fn stays(
    row: &cxc_store::suppression::SuppressionList,
    write: &mut Write<'_, SuppressionList>,
) -> Result<(), ApiError> {
    let after = &mut write.after.body;
    // documents of before the member existed do not name it
    let named = write.before.is_some_and(|before| before.body.opt_outs);
    if !after.required || (named && !after.opt_outs) {
        return Err(kept_by_system());
    }
    after.opt_outs = true;
    match row.collects().filter(|channel| !after.channels.contains(channel)) {
        Some(channel) => {
            let detail = format!(
                "the system collects opt-outs of the channel {} in this list: it keeps that channel",
                channel.as_str()
            );
            Err(ApiError::new(Code::RequiredItem, detail))
        }
        None => Ok(()),
    }
}

fn kept_by_system() -> ApiError {
    ApiError::new(
        Code::RequiredItem,
        "this list collects opt-outs and is kept by the system: it stays, stays required, and stays a list of opt-outs",
    )
}

//! `/caller-ids`: the numbers that calls display, with the proof that they are the tenant's.
use std::collections::HashMap;

use axum::extract::State;
use axum::http::StatusCode;
use cxc_core::Micros;
use cxc_core::call_script::CallScript;
use cxc_core::call_settings::is_number;
use cxc_core::caller_id::BLOCKED_FOR;
use cxc_core::field_error::FieldError;
use cxc_core::kind;
use cxc_store::object_query::ObjectField;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::time_text;
use crate::audit::Entry;
use crate::document::{self, Document, Extras, Write};
use crate::error::ApiError;
use crate::{ApiPath, App, Principal, Scope, require};

/// The longest text of a proof, characters.
const PROOF_LIMIT: usize = 4_000;

/// A number that calls display. Its name says who calls.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CallerId {
    /// The number: a + and 8 to 15 digits; once in the tenant, and it stays.
    #[schema(pattern = r"^\+[0-9]{8,15}$")]
    pub number: String,
    /// How it was shown that the number is the tenant's, such as the letter of its carrier. 1 to 4,000 characters.
    #[schema(min_length = 1, max_length = 4_000)]
    pub proof: String,
    /// When that was shown.
    #[schema(value_type = String, format = Date)]
    pub proven_on: Date,
    /// Whether calls display it, and calls to it are answered.
    #[serde(default = "super::on")]
    pub enabled: bool,
    /// What people hear who call it, where the dialer takes such calls: prompts, digits, opt-outs, callbacks. Without one it
    /// is the usual script, if its prompts are there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub inbound: Option<CallScript>,
}

/// What is known of its use.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallerIdStanding {
    /// Since when it is taken to be blocked on the way to the people: nobody is called by it.
    #[schema(required, format = DateTime)]
    pub blocked_since: Option<String>,
    /// Until when, if nobody clears it before.
    #[schema(required, format = DateTime)]
    pub blocked_until: Option<String>,
    /// The calls that were blocked, of `lastCalls`.
    #[schema(required, minimum = 0)]
    pub blocked_calls: Option<i64>,
    /// The calls that were answered or rejected before it was marked, 200 at most.
    #[schema(required, minimum = 0)]
    pub last_calls: Option<i64>,
}

impl Document for CallerId {
    const KIND: &'static str = kind::CALLER_ID;
    const NOUN: &'static str = "caller id";
    const PATH: &'static str = "/caller-ids";
    const TAG: &'static str = "Channels";
    const READ: Scope = Scope::ProfilesRead;
    const WRITE: Scope = Scope::ProfilesWrite;
    const FILTERS: &'static [ObjectField] = &[ObjectField::Text("number")];
    type Extra = CallerIdStanding;

    fn validate(&self) -> Vec<FieldError> {
        let mut problems = Vec::new();
        if !is_number(&self.number) {
            problems.push(FieldError::new("/number", "bad_number", "a caller id is a + and 8 to 15 digits"));
        }
        if self.proof.trim().is_empty() || self.proof.chars().count() > PROOF_LIMIT {
            let detail = "say in 1 to 4000 characters how it was shown that the number is yours";
            problems.push(FieldError::new("/proof", "required", detail));
        }
        problems.extend(self.inbound.iter().flat_map(|script| script.inbound_problems("/inbound")));
        problems
    }

    async fn before_write(write: &mut Write<'_, Self>) -> Result<(), ApiError> {
        let number = &write.after.body.number;
        if write.after.body.proven_on > latest_day(write.app.now()) {
            let detail = "the number was not proven yet: this is the day on which that was shown, today at the latest";
            return Err(ApiError::invalid("/provenOn", "in_the_future", detail));
        }
        if write.before.is_some_and(|before| before.body.number != *number) {
            let detail = "the number of a caller id stays: its proof is for it alone";
            return Err(ApiError::invalid("/number", "not_editable", detail));
        }
        let others = document::get_all::<Self>(write.tx, write.principal.tenant).await?;
        match others.iter().any(|other| other.id != write.after.id && other.body.number == *number) {
            true => Err(ApiError::invalid("/number", "used_twice", format!("{number} is another caller id already"))),
            false => Ok(()),
        }
    }

    async fn extra(extras: &mut Extras<'_, Self>) -> Result<Vec<CallerIdStanding>, ApiError> {
        let after = extras.app.now() - BLOCKED_FOR;
        let blocks = extras.tx.caller_id_blocks(extras.tenant, after).await?;
        let mut blocks: HashMap<String, CallerIdStanding> = blocks
            .into_iter()
            .map(|block| {
                let standing = CallerIdStanding {
                    blocked_since: Some(time_text(block.blocked_at)),
                    blocked_until: Some(time_text(block.blocked_at + BLOCKED_FOR)),
                    blocked_calls: Some(block.blocked),
                    last_calls: Some(block.calls),
                };
                (block.number, standing)
            })
            .collect();
        Ok(extras.documents.iter().map(|d| blocks.remove(&d.body.number).unwrap_or_default()).collect())
    }
}

/// The day that it is where a day begins first: nobody's today is later.
fn latest_day(now: Micros) -> Date {
    const FIRST: Micros = 14 * 3_600_000_000;
    let at = Timestamp::from_microsecond(now + FIRST).unwrap_or_default();
    at.to_zoned(TimeZone::UTC).date()
}

/// The actions of caller ids.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(require(Scope::ProfilesWrite, routes!(unblock)))
}

/// Call by a caller id again that was marked as blocked. The counts begin anew.
#[utoipa::path(post, path = "/caller-ids/{id}/actions/unblock", tag = "Channels", operation_id = "unblockCallerId",
    params(("id" = Uuid, Path)), responses((status = NO_CONTENT, description = "It is not marked any more."), ApiError))]
async fn unblock(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<StatusCode, ApiError> {
    let mut tx = app.db.begin().await?;
    let caller = document::get::<CallerId>(&mut tx, principal.tenant, id).await?;
    let caller = caller.ok_or_else(|| ApiError::not_found(CallerId::NOUN))?;
    if tx.caller_id_unblock(principal.tenant, &caller.body.number).await? {
        Entry::new("unblock", CallerId::KIND).of(id, &caller.name).write(&app, &mut tx, &principal).await?;
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Refuses the numbers of a group that are not those of the tenant's caller ids. What it had before may stay: one that is not
/// enabled any more is passed over.
pub async fn check_numbers(
    tx: &mut cxc_store::Tx,
    tenant: cxc_core::TenantNo,
    (before, after): (&[String], &[String]),
) -> Result<(), ApiError> {
    if after.iter().all(|number| before.contains(number)) {
        return Ok(());
    }
    let known = document::get_all::<CallerId>(tx, tenant).await?;
    let is_enabled = |number: &String| known.iter().any(|id| id.body.enabled && id.body.number == *number);
    let bad = after.iter().position(|number| !before.contains(number) && !is_enabled(number));
    let Some(position) = bad else { return Ok(()) };
    let detail = "this is not the number of an enabled caller id: see /caller-ids";
    Err(ApiError::invalid(&format!("/settings/calls/callerIds/{position}"), "not_a_caller_id", detail))
}

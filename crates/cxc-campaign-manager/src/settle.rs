//! What a person decides about records: settle what is in doubt, retry what failed, cancel, reschedule.
use axum::extract::State;
use cxc_core::attempt::AttemptState;
use cxc_core::enumerations::CallResult;
use cxc_core::kind;
use cxc_core::record::{Reason, RecordStatus};
use cxc_server::app::time_text;
use cxc_server::audit::Entry;
use cxc_server::{ApiError, ApiJson, ApiPath, App, Principal};
use cxc_store::Tx;
use cxc_store::attempt::AttemptUpdate;
use cxc_store::counter::Deltas;
use cxc_store::record::{Record, RecordChange};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::actions::group_name;
use crate::records::group_of;

const SHARD: i64 = -1;
const SLICE: i64 = 2_000;
const SETTLE_DONE: &str = "settle_done";
/// The cause of a record that was settled as done.
const SETTLED: &str = "settled by a person";

/// How what is in doubt is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SettleAs {
    /// The message may have left and is not sent again. Its result is `Unknown`: nobody knows whether it arrived.
    Done,
    /// The message did not leave: it may be sent again.
    Retry,
}

impl<'de> Deserialize<'de> for SettleAs {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "done" => Ok(Self::Done),
            "retry" => Ok(Self::Retry),
            _ => Err(serde::de::Error::custom("what is in doubt is settled as done or retry")),
        }
    }
}

/// What to settle.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settle {
    /// As what.
    #[serde(rename = "as")]
    pub settle_as: SettleAs,
}

/// What to retry.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RetryFailed {
    /// Call-result codes; if left out, all but success and what a person settled as done.
    #[serde(default)]
    #[schema(max_items = 60)]
    pub results: Vec<i16>,
}

/// What to do with one record.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Reschedule {
    /// Not before this instant, RFC 3339.
    #[schema(format = DateTime, value_type = String)]
    pub at: jiff::Timestamp,
}

/// How many records were changed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    /// Records.
    #[schema(minimum = 0)]
    pub records: i64,
}

/// Changes all records of a group that stand somewhere, slice by slice; each slice that changed something has
/// its line in the audit log, in its own transaction.
async fn change_all(
    app: &App,
    principal: &Principal,
    id: Uuid,
    action: &'static str,
    status: RecordStatus,
    change: impl Fn(&Record) -> Option<RecordChange>,
) -> Result<Changed, ApiError> {
    let (mut after, mut changed) = (0, 0);
    loop {
        let mut tx = app.db.begin().await?;
        let row = group_of(&mut tx, principal.tenant, id).await?;
        let page = tx.record_page(row.number, Some(status.code()), None, after, SLICE).await?;
        let Some(last) = page.last() else { return Ok(Changed { records: changed }) };
        after = last.id;
        let changes: Vec<RecordChange> = page.iter().filter_map(&change).collect();
        let mut deltas = Deltas::default();
        let done = tx.record_apply(&changes, 0, app.now(), &mut deltas).await?;
        if done.is_empty() {
            continue;
        }
        if status == RecordStatus::InDoubt {
            let done: Vec<&Record> = page.iter().filter(|r| done.iter().any(|(_, id)| *id == r.id)).collect();
            settle_attempts(app, &mut tx, principal, &done, action).await?;
        }
        let records = i64::try_from(done.len()).unwrap_or(0);
        let entry = Entry::new(action, kind::CAMPAIGN_GROUP).of(id, &group_name(&mut tx, principal.tenant, id).await?);
        entry.changed(None, Some(json!({ "records": records }))).write(app, &mut tx, principal).await?;
        tx.record_counters_add(SHARD, &deltas).await?;
        tx.commit().await?;
        changed += records;
    }
}

/// The attempts in doubt of settled records get what the person decided. One that is to be repeated stays in
/// doubt and counts as an attempt, since it may have left; only its words change.
async fn settle_attempts(
    app: &App,
    tx: &mut Tx,
    principal: &Principal,
    records: &[&Record],
    action: &'static str,
) -> Result<(), ApiError> {
    let mut updates = Vec::new();
    for record in records {
        let attempts = tx.attempt_of_record(principal.tenant, record).await?;
        updates.extend(attempts.iter().filter(|a| a.state == AttemptState::InDoubt.code()).map(|a| {
            let is_done = action == SETTLE_DONE;
            AttemptUpdate {
                month: a.month,
                id: a.id,
                state: if is_done { AttemptState::Final.code() } else { AttemptState::InDoubt.code() },
                result: is_done.then_some(CallResult::Unknown.code()),
                provider_id: None,
                detail: Some(format!("settled by a person: {}", if is_done { "not sent again" } else { "sent again" })),
                finished_at: Some(app.now()),
            }
        }));
    }
    tx.attempt_update(principal.tenant, &updates).await?;
    Ok(())
}

/// Settle what a crash left in doubt: as done, or to be sent again
#[utoipa::path(post, path = "/campaign-groups/{id}/actions/settle-in-doubt", tag = "Campaigns", operation_id = "settleInDoubt",
    params(("id" = Uuid, Path, description = "The campaign group.")), request_body = Settle, responses((status = OK, body = Changed), ApiError))]
pub(crate) async fn settle_in_doubt(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    ApiJson(settle): ApiJson<Settle>,
) -> Result<axum::Json<Changed>, ApiError> {
    let change = |record: &Record| {
        Some(match settle.settle_as {
            SettleAs::Done => RecordChange {
                result: Some(CallResult::Unknown.code()),
                cause: Some(SETTLED.into()),
                ..RecordChange::of(record, RecordStatus::Done, Reason::None, 0)
            },
            SettleAs::Retry => RecordChange::of(record, RecordStatus::Ready, Reason::None, 0),
        })
    };
    let action = match settle.settle_as {
        SettleAs::Done => SETTLE_DONE,
        SettleAs::Retry => "settle_retry",
    };
    Ok(axum::Json(change_all(&app, &principal, id, action, RecordStatus::InDoubt, change).await?))
}

/// Make finished records with a failing result ready again
///
/// Without results also those whose content could not be rendered: mend the content first.
#[utoipa::path(post, path = "/campaign-groups/{id}/actions/retry-failed", tag = "Campaigns", operation_id = "retryFailed",
    params(("id" = Uuid, Path, description = "The campaign group.")), request_body = RetryFailed, responses((status = OK, body = Changed), ApiError))]
pub(crate) async fn retry_failed(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    ApiJson(asked): ApiJson<RetryFailed>,
) -> Result<axum::Json<Changed>, ApiError> {
    let settled = |record: &Record| record.cause.as_deref() == Some(SETTLED);
    let failed = |record: &Record, result: i16| match asked.results.as_slice() {
        [] => result != CallResult::Ok.code() && !settled(record),
        results => result != CallResult::Ok.code() && results.contains(&result),
    };
    let change = |record: &Record| {
        let again = record.last_result.is_some_and(|result| failed(record, result));
        again.then(|| RecordChange {
            device: 0,
            retries: 0,
            ..RecordChange::of(record, RecordStatus::Ready, Reason::None, 0)
        })
    };
    let mut changed = change_all(&app, &principal, id, "retry_failed", RecordStatus::Done, change).await?;
    if asked.results.is_empty() {
        let change = |record: &Record| {
            let is_unrendered = record.reason == Reason::ContentError.code();
            is_unrendered.then(|| RecordChange::of(record, RecordStatus::Ready, Reason::None, 0))
        };
        let unrendered = change_all(&app, &principal, id, "retry_failed", RecordStatus::Excluded, change).await?;
        changed.records += unrendered.records;
    }
    Ok(axum::Json(changed))
}

/// Changes one record that waits, with a line in the audit log.
async fn change_one(
    app: &App,
    principal: &Principal,
    id: Uuid,
    record: i64,
    action: &'static str,
    change: impl Fn(&Record) -> RecordChange,
) -> Result<Changed, ApiError> {
    let mut tx = app.db.begin().await?;
    let row = group_of(&mut tx, principal.tenant, id).await?;
    let found = tx.record_get(row.number, record).await?.ok_or_else(|| ApiError::not_found("record"))?;
    if found.status != RecordStatus::Ready.code() {
        return Ok(Changed { records: 0 });
    }
    let (change, mut deltas) = (change(&found), Deltas::default());
    let done = tx.record_apply(std::slice::from_ref(&change), 0, app.now(), &mut deltas).await?;
    if done.is_empty() {
        return Ok(Changed { records: 0 });
    }
    let standing = |status, reason, due: i64| {
        let (status, reason) = (RecordStatus::from_code(status), Reason::from_code(reason));
        json!({ "recordId": record.to_string(), "status": status, "reason": reason, "due": (due > 0).then(|| time_text(due)) })
    };
    let entry = Entry::new(action, kind::CAMPAIGN_GROUP).of(id, &group_name(&mut tx, principal.tenant, id).await?);
    let before = standing(found.status, found.reason, found.due);
    let after = standing(change.status, change.reason, change.due);
    entry.changed(Some(before), Some(after)).write(app, &mut tx, principal).await?;
    tx.record_counters_add(SHARD, &deltas).await?;
    tx.commit().await?;
    Ok(Changed { records: 1 })
}

/// Cancel a record that waits
#[utoipa::path(post, path = "/campaign-groups/{id}/records/{recordId}/actions/cancel", tag = "Campaigns", operation_id = "cancelRecord",
    params(("id" = Uuid, Path, description = "The campaign group."), ("recordId" = i64, Path, description = "The record's number.")),
    responses((status = OK, body = Changed), ApiError))]
pub(crate) async fn cancel(
    State(app): State<App>,
    principal: Principal,
    ApiPath((id, record)): ApiPath<(Uuid, i64)>,
) -> Result<axum::Json<Changed>, ApiError> {
    let change = |record: &Record| RecordChange::of(record, RecordStatus::Excluded, Reason::Cancelled, 0);
    Ok(axum::Json(change_one(&app, &principal, id, record, "cancel_record", change).await?))
}

/// Contact a record that waits at another time
#[utoipa::path(post, path = "/campaign-groups/{id}/records/{recordId}/actions/reschedule", tag = "Campaigns", operation_id = "rescheduleRecord",
    params(("id" = Uuid, Path, description = "The campaign group."), ("recordId" = i64, Path, description = "The record's number.")),
    request_body = Reschedule, responses((status = OK, body = Changed), ApiError))]
pub(crate) async fn reschedule(
    State(app): State<App>,
    principal: Principal,
    ApiPath((id, record)): ApiPath<(Uuid, i64)>,
    ApiJson(asked): ApiJson<Reschedule>,
) -> Result<axum::Json<Changed>, ApiError> {
    let at = asked.at.as_microsecond().max(0);
    let change = |record: &Record| RecordChange::of(record, RecordStatus::Ready, Reason::Rescheduled, at);
    Ok(axum::Json(change_one(&app, &principal, id, record, "reschedule_record", change).await?))
}

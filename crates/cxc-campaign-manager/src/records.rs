//! The records of a campaign group: for each contact, where it stands and why.
use axum::extract::State;
use cxc_core::Micros;
use cxc_core::attempt::AttemptState;
use cxc_core::channel::Channel;
use cxc_core::compliance::STOP_SWITCH;
use cxc_core::record::{Reason, RecordStatus};
use cxc_server::app::time_text;
use cxc_server::document::Page;
use cxc_server::{ApiError, ApiPath, ApiQuery, App, Principal};
use cxc_store::Tx;
use cxc_store::attempt::Attempt;
use cxc_store::group::GroupRow;
use cxc_store::record::Record;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::accounting::result_name;

/// One contact's place in a campaign group.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordView {
    /// The record's number.
    pub record_id: String,
    /// The contact's number.
    pub contact_id: String,
    /// The contact list.
    #[schema(required)]
    pub list: Option<Uuid>,
    /// Where it stands.
    pub status: RecordStatus,
    /// It is ready, but not before `due`: the accounting counts it as waiting.
    pub waiting: bool,
    /// Why it waits or is left out; `none` where nothing stands in the way.
    pub reason: Reason,
    /// Which rule, list or filter, if one did.
    #[schema(required)]
    pub cause: Option<String>,
    /// Not before this instant; null where it may be contacted now, or never.
    #[schema(required, format = DateTime)]
    pub due: Option<String>,
    /// The position of its next or last device, 1 to 10; 0 while none is chosen.
    #[schema(minimum = 0, maximum = 10)]
    pub device: i16,
    /// How many attempts were made.
    #[schema(minimum = 0)]
    pub attempts: i16,
    /// The result of the last attempt.
    #[schema(required)]
    pub last_result: Option<String>,
    /// When it last changed.
    #[schema(format = DateTime)]
    pub changed_at: String,
}

/// A record with everything that was tried.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordDetail {
    /// Where it stands.
    #[serde(flatten)]
    pub record: RecordView,
    /// In a sentence: why it was or was not contacted.
    pub explanation: String,
    /// Why everything is stopped, while the stop switch keeps this record from being contacted.
    #[schema(required)]
    pub stopped: Option<String>,
    /// Its attempts in this group, newest first.
    pub history: Vec<AttemptView>,
}

/// One attempt.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttemptView {
    /// Its number.
    pub attempt_id: String,
    /// What became of it.
    #[schema(required)]
    pub state: Option<AttemptState>,
    /// Its result, once there is one.
    #[schema(required)]
    pub result: Option<String>,
    /// The position of the device.
    #[schema(minimum = 0, maximum = 10)]
    pub device: i16,
    /// The carrier's id.
    #[schema(required)]
    pub provider_id: Option<String>,
    /// The carrier's words.
    #[schema(required)]
    pub detail: Option<String>,
    /// The agent's id, where one talked with the person.
    #[schema(required)]
    pub agent: Option<String>,
    /// What the agent said of it, as a code.
    #[schema(required)]
    pub disposition: Option<String>,
    /// What the agent wrote about it.
    #[schema(required)]
    pub note: Option<String>,
    /// When it began.
    #[schema(format = DateTime)]
    pub started_at: String,
    /// When it ended.
    #[schema(required, format = DateTime)]
    pub finished_at: Option<String>,
}

impl From<&Attempt> for AttemptView {
    fn from(a: &Attempt) -> Self {
        Self {
            attempt_id: a.id.to_string(),
            state: AttemptState::from_code(a.state),
            result: a.result.map(result_name),
            device: a.position,
            provider_id: a.provider_id.clone(),
            detail: a.detail.clone(),
            agent: a.agent.clone(),
            disposition: a.disposition.clone(),
            note: a.note.clone(),
            started_at: time_text(a.started_at),
            finished_at: a.finished_at.map(time_text),
        }
    }
}

impl RecordView {
    fn of(record: &Record, list: Option<Uuid>, now: Micros) -> Self {
        let is_ready = record.status == RecordStatus::Ready.code();
        Self {
            record_id: record.id.to_string(),
            contact_id: record.id.to_string(),
            list,
            status: RecordStatus::from_code(record.status).unwrap_or(RecordStatus::InDoubt),
            waiting: is_ready && record.due > now,
            reason: record.standing_reason(now),
            cause: record.cause.clone().filter(|_| record.standing_reason(now) != Reason::None || !is_ready),
            // who is left out waits for nothing
            due: (record.due > 0 && record.status != RecordStatus::Excluded.code()).then(|| time_text(record.due)),
            device: record.device,
            attempts: record.attempts,
            last_result: record.last_result.map(result_name),
            changed_at: time_text(record.changed_at),
        }
    }
}

/// Why a record stands where it stands, in a sentence, while everything is stopped. Nothing for one that is over: it stands
/// where it would stand anyway.
fn explain_stopped(record: &RecordView, why: &str) -> Option<String> {
    match record.status {
        RecordStatus::Ready => Some(format!("Not contacted because everything is stopped ({why}), on every channel.")),
        RecordStatus::InProgress => Some(format!(
            "It was being contacted when everything was stopped ({why}): that attempt ends, no other begins."
        )),
        RecordStatus::Done | RecordStatus::Excluded | RecordStatus::InDoubt => None,
    }
}

/// Why a record stands where it stands, in a sentence. `cause` is the name of the rule or list that did it, `last`
/// the last attempt; `is_call` if that was a call.
pub fn explain(record: &RecordView, cause: Option<&str>, last: Option<&AttemptView>, is_call: bool) -> String {
    let cause = cause.map(|c| format!(" ({c})")).unwrap_or_default();
    let due = record.due.as_deref().unwrap_or("now");
    let said = last.and_then(|a| a.detail.as_deref()).filter(|d| !d.is_empty());
    match record.status {
        // it was looked at while everything was stopped
        RecordStatus::Ready if record.cause.as_deref() == Some(STOP_SWITCH) => {
            format!("Not contacted yet because everything was stopped until a moment ago; may be contacted from {due}.")
        }
        RecordStatus::Ready if !record.waiting => "May be contacted: it waits for its turn.".into(),
        RecordStatus::Ready => {
            let answer = said.filter(|_| matches!(record.reason, Reason::CarrierRefused | Reason::Retry));
            let answer = answer.map_or(cause, |said| format!(" (last answer: {said})"));
            format!("Not contacted yet because of {}{answer}; may be contacted from {due}.", words(record.reason))
        }
        RecordStatus::InProgress if record.reason == Reason::AwaitingReceipt => {
            "The carrier took the message; its delivery receipt is awaited.".into()
        }
        RecordStatus::InProgress => "Being contacted now.".into(),
        RecordStatus::Done => format!(
            "Done after {} with the result {}.",
            if record.attempts == 1 { "1 attempt".to_owned() } else { format!("{} attempts", record.attempts) },
            record.last_result.as_deref().unwrap_or("unknown")
        ),
        RecordStatus::Excluded => format!("Not contacted because of {}{cause}.", words(record.reason)),
        RecordStatus::InDoubt => {
            let why = said.map(|said| format!(" ({said})")).unwrap_or_default();
            let what = if is_call { "call reached anybody" } else { "message left" };
            format!("It is not known whether the last {what}{why}. It is not repeated unless a person settles it.")
        }
    }
}

/// The name of the rule, list or filter that a record's cause is the id of; other causes are words already.
async fn cause_name(tx: &mut Tx, tenant: i64, record: &Record) -> Result<Option<String>, ApiError> {
    let Some(cause) = record.cause.as_deref() else { return Ok(None) };
    let name = match cause.parse::<Uuid>() {
        Ok(id) => tx.object_name(tenant, id).await?,
        Err(_) => None,
    };
    Ok(Some(name.unwrap_or_else(|| cause.to_owned())))
}

fn words(reason: Reason) -> String {
    crate::accounting::reason_name(reason).replace('_', " ")
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// How many at most; 50 by default.
    #[param(minimum = 1, maximum = 500, nullable = false)]
    limit: Option<i64>,
    /// The record after which to go on: `next` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
    /// Only those that stand here.
    #[param(nullable = false)]
    status: Option<RecordStatus>,
    /// Only those with this reason.
    #[param(nullable = false)]
    reason: Option<Reason>,
}

/// A group of a tenant, or 404.
pub async fn group_of(tx: &mut Tx, tenant: i64, id: Uuid) -> Result<GroupRow, ApiError> {
    tx.group_get(tenant, id, false).await?.ok_or_else(|| ApiError::not_found("campaign group"))
}

async fn list_id(tx: &mut Tx, tenant: i64, number: i64) -> Result<Option<Uuid>, ApiError> {
    Ok(tx.contact_list_of_number(tenant, number).await?.map(|l| l.id))
}

/// The records of a campaign group
#[utoipa::path(get, path = "/campaign-groups/{id}/records", tag = "Campaigns", operation_id = "listRecords",
    params(("id" = Uuid, Path, description = "The campaign group."), Asked), responses((status = OK, body = Page<RecordView>), ApiError))]
pub(crate) async fn list_records(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    ApiQuery(asked): ApiQuery<Asked>,
) -> Result<axum::Json<Page<RecordView>>, ApiError> {
    let limit = asked.limit.unwrap_or(50);
    if !(1..=500).contains(&limit) {
        return Err(ApiError::new(cxc_server::Code::BadFilter, "a limit is 1 to 500"));
    }
    let bad_cursor = || ApiError::new(cxc_server::Code::BadCursor, "a cursor is what `next` of the page before said");
    let after = asked.cursor.as_deref().map_or(Ok(0), |c| c.parse::<i64>().map_err(|_| bad_cursor()))?;
    let mut tx = app.db.read().await?;
    let row = group_of(&mut tx, principal.tenant, id).await?;
    let (status, reason) = (asked.status.map(RecordStatus::code), asked.reason.map(Reason::code));
    let mut records = tx.record_page(row.number, status, reason, after, limit + 1).await?;
    let more = i64::try_from(records.len()).unwrap_or(0) > limit;
    records.truncate(usize::try_from(limit).unwrap_or(0));
    let next = records.last().filter(|_| more).map(|r| r.id.to_string());
    let (mut items, now) = (Vec::with_capacity(records.len()), app.now());
    let mut lists = std::collections::HashMap::new();
    for record in &records {
        let list = match lists.get(&record.list) {
            Some(id) => *id,
            None => *lists.entry(record.list).or_insert(list_id(&mut tx, principal.tenant, record.list).await?),
        };
        items.push(RecordView::of(record, list, now));
    }
    Ok(axum::Json(Page::new(items, next)))
}

/// One record of a campaign group: why it was or was not contacted
#[utoipa::path(get, path = "/campaign-groups/{id}/records/{recordId}", tag = "Campaigns", operation_id = "getRecord",
    params(("id" = Uuid, Path, description = "The campaign group."), ("recordId" = i64, Path, description = "The record's number.")),
    responses((status = OK, body = RecordDetail), ApiError))]
pub(crate) async fn get_record(
    State(app): State<App>,
    principal: Principal,
    ApiPath((id, record)): ApiPath<(Uuid, i64)>,
) -> Result<axum::Json<RecordDetail>, ApiError> {
    let mut tx = app.db.read().await?;
    let row = group_of(&mut tx, principal.tenant, id).await?;
    let record = tx.record_get(row.number, record).await?.ok_or_else(|| ApiError::not_found("record"))?;
    Ok(axum::Json(detail(&mut tx, principal.tenant, &record, app.now()).await?))
}

/// A record with its history and its explanation.
pub async fn detail(tx: &mut Tx, tenant: i64, record: &Record, now: i64) -> Result<RecordDetail, ApiError> {
    let list = list_id(tx, tenant, record.list).await?;
    let view = RecordView::of(record, list, now);
    let history = tx.attempt_of_record(tenant, record).await?;
    let is_call = history.first().is_some_and(|last| last.channel == Channel::Voice.bit());
    let history: Vec<AttemptView> = history.iter().map(AttemptView::from).collect();
    let cause = cause_name(tx, tenant, record).await?;
    let stopped = tx.stop_switch_get(tenant).await?;
    let held = stopped.as_deref().and_then(|why| explain_stopped(&view, why));
    let stopped = stopped.filter(|_| held.is_some());
    let explanation = held.unwrap_or_else(|| explain(&view, cause.as_deref(), history.first(), is_call));
    Ok(RecordDetail { record: view, explanation, stopped, history })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_in_doubt_is_a_call_and_a_message_a_message() {
        let record = RecordView {
            record_id: "1".into(),
            contact_id: "1".into(),
            list: None,
            status: RecordStatus::InDoubt,
            waiting: false,
            reason: Reason::None,
            cause: None,
            due: None,
            device: 1,
            attempts: 1,
            last_result: None,
            changed_at: String::new(),
        };
        let said = |is_call| explain(&record, None, None, is_call);
        assert!(said(true).starts_with("It is not known whether the last call reached anybody."), "{}", said(true));
        assert!(said(false).starts_with("It is not known whether the last message left."), "{}", said(false));
    }
}

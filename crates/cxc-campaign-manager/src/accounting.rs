//! Where everybody in a group's audience stands. The sum of the parts is the audience.
use std::collections::BTreeMap;

use axum::extract::State;
use cxc_core::enumerations::CallResult;
use cxc_core::record::{Reason, RecordStatus};
use cxc_server::app::time_text;
use cxc_server::{ApiError, ApiPath, App, Principal};
use cxc_store::counter::Bucket;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

const MINUTE: i64 = 60_000_000;

/// A group's audience by where it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Accounting {
    /// Everybody: the sum of `ready`, the counts of `waiting`, `inProgress`, the counts of `done` and `excluded`, and
    /// `inDoubt`.
    pub audience: i64,
    /// May be contacted now.
    pub ready: i64,
    /// May be contacted later, by what stands in the way.
    pub waiting: Vec<Waiting>,
    /// Being sent, or taken by the carrier and waiting for a delivery receipt.
    pub in_progress: i64,
    /// How many of `inProgress` wait for a delivery receipt. They are counted there: the sum does not add them again.
    pub awaiting_receipt: i64,
    /// Finished, by result.
    pub done: BTreeMap<String, i64>,
    /// Left out, by cause.
    pub excluded: BTreeMap<String, i64>,
    /// It is not known whether the message left.
    pub in_doubt: i64,
    /// Nobody is left to be sent to: only delivery receipts are awaited. What a receipt says is still taken, also once the group
    /// has stopped.
    pub sending_finished: bool,
}

/// People who wait for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Waiting {
    /// Why.
    pub reason: Reason,
    /// How many.
    pub count: i64,
    /// The first of them may be contacted at this minute at the latest, RFC 3339 in UTC.
    #[schema(format = DateTime)]
    pub next: String,
}

impl Accounting {
    /// From the counters of a group, as it stands at an instant.
    pub fn of(counters: &[(Bucket, i64)], now: i64) -> Self {
        let mut accounting = Self::default();
        let mut waiting: BTreeMap<Reason, (i64, i64)> = BTreeMap::new();
        for (bucket, n) in counters {
            accounting.audience += n;
            let reason = Reason::from_code(bucket.code).unwrap_or(Reason::None);
            match RecordStatus::from_code(bucket.status) {
                _ if *n == 0 => {}
                Some(RecordStatus::Ready) if bucket.waits(now) => {
                    let entry = waiting.entry(reason).or_insert((0, bucket.due_minute));
                    *entry = (entry.0 + n, entry.1.min(bucket.due_minute));
                }
                Some(RecordStatus::Ready) => accounting.ready += n,
                Some(RecordStatus::InProgress) => {
                    accounting.in_progress += n;
                    if reason == Reason::AwaitingReceipt {
                        accounting.awaiting_receipt += n;
                    }
                }
                Some(RecordStatus::Done) => *accounting.done.entry(result_name(bucket.code)).or_default() += n,
                Some(RecordStatus::Excluded) => *accounting.excluded.entry(reason_name(reason)).or_default() += n,
                Some(RecordStatus::InDoubt) | None => accounting.in_doubt += n,
            }
        }
        accounting.done.retain(|_, n| *n != 0);
        accounting.excluded.retain(|_, n| *n != 0);
        let next = |(reason, (count, minute)): (Reason, (i64, i64))| Waiting {
            reason,
            count,
            next: time_text(minute * MINUTE),
        };
        accounting.waiting = waiting.into_iter().filter(|(_, (n, _))| *n != 0).map(next).collect();
        accounting.sending_finished = accounting.awaiting_receipt > 0
            && accounting.ready == 0
            && accounting.waiting.is_empty()
            && accounting.in_progress == accounting.awaiting_receipt;
        accounting
    }

    /// Whether nothing is left to do: nobody is ready, waits, or is under way.
    pub fn is_finished(&self) -> bool {
        self.ready == 0 && self.waiting.is_empty() && self.in_progress == 0
    }
}

/// The wire name of a call result's code.
pub fn result_name(code: i16) -> String {
    CallResult::from_code(code).map_or_else(|| code.to_string(), |r| r.name().to_owned())
}

/// The wire name of a reason.
pub fn reason_name(reason: Reason) -> String {
    serde_json::to_value(reason).ok().and_then(|v| v.as_str().map(ToOwned::to_owned)).unwrap_or_default()
}

/// The accounting of a group of a tenant.
pub async fn of_group(app: &App, tenant: i64, id: Uuid) -> Result<Accounting, ApiError> {
    let mut tx = app.db.read().await?;
    let row = tx.group_get(tenant, id, false).await?.ok_or_else(|| ApiError::not_found("campaign group"))?;
    let counters = tx.record_counters(row.number).await?;
    Ok(Accounting::of(&counters, app.now()))
}

/// Account for everybody in a campaign group's audience
#[utoipa::path(get, path = "/campaign-groups/{id}/accounting", tag = "Campaigns", operation_id = "getCampaignGroupAccounting",
    params(("id" = Uuid, Path, description = "The campaign group.")), responses((status = OK, body = Accounting), ApiError))]
pub(crate) async fn accounting(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<axum::Json<Accounting>, ApiError> {
    Ok(axum::Json(of_group(&app, principal.tenant, id).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(status: RecordStatus, reason: Reason, due: i64, result: Option<i16>) -> Bucket {
        Bucket::of(status, reason, due, result)
    }

    #[test]
    fn the_parts_of_an_audience_add_up_to_it() {
        let counters = [
            (bucket(RecordStatus::Ready, Reason::None, 0, None), 5),
            (bucket(RecordStatus::Ready, Reason::ContactTimes, 10 * MINUTE, None), 7),
            (bucket(RecordStatus::Ready, Reason::Retry, MINUTE, None), 2),
            (bucket(RecordStatus::InProgress, Reason::AwaitingReceipt, 0, None), 3),
            (bucket(RecordStatus::Done, Reason::None, 0, Some(0)), 11),
            (bucket(RecordStatus::Excluded, Reason::Suppressed, 0, None), 13),
            (bucket(RecordStatus::InDoubt, Reason::None, 0, None), 1),
        ];
        let accounting = Accounting::of(&counters, 5 * MINUTE);
        let sum = accounting.ready
            + accounting.waiting.iter().map(|w| w.count).sum::<i64>()
            + accounting.in_progress
            + accounting.done.values().sum::<i64>()
            + accounting.excluded.values().sum::<i64>()
            + accounting.in_doubt;
        assert_eq!((sum, accounting.audience), (42, 42));
        assert!(!accounting.sending_finished, "some are ready");
        let sent = Accounting::of(&counters[3..], 5 * MINUTE);
        assert!(sent.sending_finished && !sent.is_finished(), "only receipts are awaited");
        assert!(!Accounting::of(&counters[4..], 5 * MINUTE).sending_finished, "nothing is awaited");
        assert_eq!(accounting.ready, 7, "a retry that has become due is ready");
        assert_eq!(accounting.waiting[0].reason, Reason::ContactTimes);
        assert!(!accounting.is_finished());
    }
}

//! A group's statistics, from its counters: nothing is scanned.
use std::collections::BTreeMap;

use axum::extract::State;
use cxc_core::enumerations::CallResult;
use cxc_core::record::{Reason, RecordStatus};
use cxc_server::{ApiError, ApiPath, App, Principal};
use cxc_store::counter::Bucket;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::accounting::Accounting;
use crate::records::group_of;

/// How a group fares.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Statistics {
    /// May be contacted now.
    #[schema(minimum = 0)]
    pub ready: i64,
    /// May be contacted later.
    #[schema(minimum = 0)]
    pub queued: i64,
    /// Contacted at least once and not to be contacted again: done or in doubt.
    #[schema(minimum = 0)]
    pub dialed: i64,
    /// Under way, or waiting for a delivery receipt.
    #[schema(minimum = 0)]
    pub in_flight: i64,
    /// Reached: answered, or the message was delivered.
    #[schema(minimum = 0)]
    pub answered: i64,
    /// Answered and left before an agent came. Messages are never abandoned.
    #[schema(minimum = 0)]
    pub abandoned: i64,
    /// Abandoned over answered and abandoned, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub abandon_rate: f64,
    /// Reached over dialed, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub hit_ratio: f64,
    /// The whole audience by its present fate; the sum is the audience.
    pub fates: BTreeMap<&'static str, i64>,
}

impl Statistics {
    /// From the counters of a group, as it stands at an instant.
    pub fn of(counters: &[(Bucket, i64)], now: i64) -> Self {
        let accounting = Accounting::of(counters, now);
        let of_result = |results: &[CallResult]| {
            let is = |b: &Bucket| b.status == RecordStatus::Done.code() && results.iter().any(|r| r.code() == b.code);
            counters.iter().filter(|(b, _)| is(b)).map(|(_, n)| n).sum::<i64>()
        };
        let answered = of_result(&[CallResult::Ok]) + of_result(&CallResult::TALKS);
        let abandoned = of_result(&[CallResult::Abandoned]);
        let dialed = accounting.done.values().sum::<i64>() + accounting.in_doubt;
        let mut fates = BTreeMap::new();
        for (bucket, n) in counters {
            *fates.entry(fate(bucket, now)).or_insert(0) += n;
        }
        fates.retain(|_, n| *n != 0);
        Self {
            ready: accounting.ready,
            queued: accounting.waiting.iter().map(|w| w.count).sum(),
            dialed,
            in_flight: accounting.in_progress,
            answered,
            abandoned,
            abandon_rate: ratio(abandoned, answered + abandoned),
            hit_ratio: ratio(answered, dialed),
            fates,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a ratio of counts far below 2^53")]
fn ratio(part: i64, whole: i64) -> f64 {
    if whole > 0 { (part as f64 / whole as f64).clamp(0.0, 1.0) } else { 0.0 }
}

/// The fate of those in a bucket, as the functional specification names it.
fn fate(bucket: &Bucket, now: i64) -> &'static str {
    match RecordStatus::from_code(bucket.status) {
        Some(RecordStatus::Ready) if bucket.waits(now) => "waiting",
        Some(RecordStatus::Ready) => "ready",
        Some(RecordStatus::InProgress) => "in_flight",
        Some(RecordStatus::Done) => "attempted_done",
        Some(RecordStatus::InDoubt) | None => "in_doubt",
        Some(RecordStatus::Excluded) => match Reason::from_code(bucket.code) {
            Some(Reason::Suppressed | Reason::OptedOut) => "suppressed",
            // the same words as in the accounting
            Some(Reason::NoDevice) => "no_device",
            Some(Reason::ForbiddenNumber) => "forbidden_number",
            Some(Reason::PhoneFiltered) => "phone_filtered",
            Some(Reason::LocationRule) => "location_excluded",
            Some(Reason::NotSelected | Reason::DuplicateInGroup) => "not_selected",
            Some(Reason::ContentError) => "content_error",
            Some(Reason::Cancelled | Reason::Removed | Reason::Erased) => "cancelled",
            Some(Reason::Expired) => "expired",
            _ => "blocked",
        },
    }
}

/// How a campaign group fares
#[utoipa::path(get, path = "/campaign-groups/{id}/statistics", tag = "Campaigns", operation_id = "getCampaignGroupStatistics",
    params(("id" = Uuid, Path, description = "The campaign group.")), responses((status = OK, body = Statistics), ApiError))]
pub(crate) async fn statistics(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<axum::Json<Statistics>, ApiError> {
    let mut tx = app.db.read().await?;
    let row = group_of(&mut tx, principal.tenant, id).await?;
    let counters = tx.record_counters(row.number).await?;
    Ok(axum::Json(Statistics::of(&counters, app.now())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_person_has_one_fate_and_ratios_are_between_nought_and_one() {
        let bucket = |status, reason, result| Bucket::of(status, reason, 60_000_000, result);
        let mut counters = vec![
            (bucket(RecordStatus::Done, Reason::None, Some(0)), 3),
            (bucket(RecordStatus::Done, Reason::None, Some(CallResult::WrongNumber.code())), 1),
            (bucket(RecordStatus::InProgress, Reason::AwaitingReceipt, None), 2),
            (bucket(RecordStatus::InDoubt, Reason::None, None), 1),
            (bucket(RecordStatus::Ready, Reason::ContactTimes, None), 4),
        ];
        counters.extend(Reason::ALL.iter().map(|reason| (bucket(RecordStatus::Excluded, *reason, None), 1)));
        let statistics = Statistics::of(&counters, 0);
        let audience: i64 = counters.iter().map(|(_, n)| n).sum();
        assert_eq!(statistics.fates.values().sum::<i64>(), audience);
        assert_eq!((statistics.dialed, statistics.answered, statistics.queued), (5, 3, 4));
        assert!((statistics.hit_ratio - 0.6).abs() < 1e-9);
        let accounted = Accounting::of(&counters, 0).excluded;
        for name in ["no_device", "forbidden_number", "phone_filtered"] {
            assert_eq!(statistics.fates.get(name), accounted.get(name), "{name}");
        }
        assert_eq!(Statistics::of(&[], 0), Statistics::default());
    }
}

//! A consent to be called back: how long it lasts.
use super::super::attempts::DayZones;
use super::super::calendar::day_start_after;
use super::super::count_filter::same_person;
use super::super::request::{AttemptRequest, PastAttempt};
use crate::Micros;
use crate::consent::ConsentEvent;

const DAY: Micros = 86_400_000_000;

/// For how many days a consent to be called back opens hours that are closed otherwise. It is given for a call at some
/// agreed time and not for all times to come; the ledger does not keep which, so that a month bounds it.
const OUT_OF_HOURS_DAYS: i64 = 30;

/// Whether a consent to be called back opens closed hours at `at`: it was given within the last 30 days.
pub(in super::super) fn opens_hours(consent: &ConsentEvent, at: Micros) -> bool {
    consent.at.as_microsecond() <= at && at < opens_hours_until(consent)
}

/// When a consent to be called back opens no closed hours any more.
pub(in super::super) fn opens_hours_until(consent: &ConsentEvent) -> Micros {
    consent.at.as_microsecond().saturating_add(OUT_OF_HOURS_DAYS * DAY)
}

/// Whether a consent to be called back holds at `at`: from when it was given to its last day (its own day is the
/// first), to its end, or to the next conversation, whichever comes first.
pub(in super::super) fn holds(
    consent: &ConsentEvent,
    days: u16,
    request: &AttemptRequest<'_>,
    past: &[PastAttempt],
    zones: DayZones<'_>,
    at: Micros,
) -> bool {
    let given = consent.at.as_microsecond();
    let end = ends(consent, days, zones);
    let talked = |p: &PastAttempt| {
        let when = p.at.as_microsecond();
        p.conversation && given < when && when <= at && same_person(request, p)
    };
    given <= at && at < end && !past.iter().any(talked)
}

/// When a consent to be called back ends if nothing ends it before.
pub(in super::super) fn ends(consent: &ConsentEvent, days: u16, zones: DayZones<'_>) -> Micros {
    let given = consent.at.as_microsecond();
    // it must not last too long in any zone; where none is known its first day may be over at once
    let in_zones = zones.and_then(|z| z.iter().map(|zone| day_start_after(zone, given, i32::from(days))).min());
    let last = in_zones.unwrap_or(given.saturating_add((i64::from(days) - 1) * DAY));
    consent.expires.map_or(last, |expires| expires.as_microsecond().min(last))
}

//! A consent to be called back: how long it lasts, and what it opens.
use super::super::attempts::DayZones;
use super::super::calendar::day_start_after;
use super::super::count_filter::same_person;
use super::super::edition::Edition;
use super::super::request::{AttemptRequest, PastAttempt};
use crate::Micros;
use crate::consent::{AskedFor, ConsentEvent};

const DAY: Micros = 86_400_000_000;

/// For how many days a consent to be called back opened closed hours, by the first meaning of the check.
const FIRST_DAYS: i64 = 30;

/// When a consent to be called back opens hours that are closed otherwise, the end exclusive; `None` if it never does. It
/// opens the time for which the person asked, less the guard, and no other: who asks to be called back has not said that
/// any Sunday will do.
pub(in super::super) fn opened_by(consent: &ConsentEvent, edition: Edition, guard: Micros) -> Option<(Micros, Micros)> {
    let given = consent.at.as_microsecond();
    if edition.is_first() {
        return Some((given, given.saturating_add(FIRST_DAYS * DAY)));
    }
    let asked = consent.asked_for.filter(AskedFor::is_specific)?;
    let (from, till) = (asked.from.as_microsecond().max(given), asked.till.as_microsecond().saturating_sub(guard));
    (from < till).then_some((from, till))
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

//! When a custom rule may come to another answer though nobody does anything.
use jiff::tz::TimeZone;

use super::super::calendar::timestamp;
use super::super::custom_rule::{Count, Tick};
use super::super::request::{AttemptRequest, Facts};
use super::Tools;
use crate::Micros;

impl Tools {
    /// The first moment after `now` at which a custom rule may come to another answer though nothing happens; exclusive.
    pub fn custom_until(
        &self,
        request: &AttemptRequest<'_>,
        facts: &Facts<'_>,
        zones: &[TimeZone],
        now: Micros,
    ) -> Micros {
        if self.customs.is_empty() || facts.tools.at_load {
            return Micros::MAX;
        }
        let rules = self.customs.iter().filter(|rule| rule.holds_for(request.channel));
        let turns = rules.flat_map(|rule| {
            let ticks = rule
                .expression
                .tick()
                .into_iter()
                .flat_map(move |tick| zones.iter().map(move |z| next_tick(z, tick, now)));
            let counts = rule.expression.counts().iter().filter_map(move |count| next_expiry(*count, facts, now));
            ticks.chain(counts)
        });
        turns.min().unwrap_or(Micros::MAX)
    }
}

/// When a part of a zone's local time becomes another, at the latest: with the minute, hour or day, or where its clocks are
/// moved.
fn next_tick(zone: &TimeZone, tick: Tick, now: Micros) -> Micros {
    let local = zone.to_datetime(timestamp(now));
    let gone = i64::from(local.second()) * 1_000_000 + i64::from(local.subsec_nanosecond()) / 1_000;
    let minutes = match tick {
        Tick::Minute => 1,
        Tick::Hour => 60 - i64::from(local.minute()),
        Tick::Day => 24 * 60 - i64::from(local.hour()) * 60 - i64::from(local.minute()),
    };
    let turn = now.saturating_add(minutes * 60_000_000 - gone);
    let moved = zone.following(timestamp(now)).next().map(|transition| transition.timestamp().as_microsecond());
    moved.filter(|at| now < *at).map_or(turn, |at| at.min(turn))
}

/// When the oldest attempt of a window leaves it. Whose it is is not asked: too early an end asks again, too late a one lets
/// somebody pass.
fn next_expiry(count: Count, facts: &Facts<'_>, now: Micros) -> Option<Micros> {
    let length = i64::from(count.seconds()) * 1_000_000;
    let leaves = facts.attempts?.iter().map(|past| past.at.as_microsecond().saturating_add(length));
    leaves.filter(|at| now < *at).min()
}

#[cfg(test)]
mod tests {
    use super::super::super::Zones;
    use super::*;

    fn turns(zone: &str, tick: Tick, now: &str) -> String {
        let now: jiff::Timestamp = now.parse().unwrap();
        let zone = Zones::bundled().get(zone).unwrap();
        timestamp(next_tick(&zone, tick, now.as_microsecond())).to_string()
    }

    #[test]
    fn a_part_of_the_time_turns_with_its_clock_and_where_clocks_are_moved() {
        let york = "America/New_York";
        assert_eq!(turns(york, Tick::Minute, "2026-12-01T17:00:00.25Z"), "2026-12-01T17:01:00Z");
        assert_eq!(turns(york, Tick::Hour, "2026-12-01T17:59:59Z"), "2026-12-01T18:00:00Z");
        assert_eq!(turns("Asia/Kathmandu", Tick::Hour, "2026-12-01T17:00:00Z"), "2026-12-01T17:15:00Z");
        assert_eq!(turns(york, Tick::Day, "2026-12-01T17:00:00Z"), "2026-12-02T05:00:00Z");
        // the hour before the clocks go on, and the day on which they go back
        assert_eq!(turns(york, Tick::Hour, "2027-03-14T06:30:00Z"), "2027-03-14T07:00:00Z");
        assert_eq!(turns(york, Tick::Day, "2026-11-01T05:30:00Z"), "2026-11-01T06:00:00Z");
        assert_eq!(turns("Australia/Lord_Howe", Tick::Hour, "2026-04-04T14:59:00Z"), "2026-04-04T15:00:00Z");
    }
}

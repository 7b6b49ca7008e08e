//! Transitions that have happened: a time zone database that has them otherwise is damaged, swapped or too old.
use jiff::Timestamp;
use jiff::tz::Offset;

use super::zones::Zones;

/// A zone that is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WrongZone {
    /// It is not there.
    #[error("the zone {0} is missing")]
    Missing(&'static str),
    /// It says something else than happened.
    #[error("the zone {zone} is at {found} at {at} and was at {expected}")]
    Offset {
        /// The zone.
        zone: &'static str,
        /// When.
        at: Timestamp,
        /// What it says.
        found: Offset,
        /// What happened.
        expected: Offset,
    },
}

/// Zone, instant in Unix seconds, offset in minutes from that instant on. The second before a change is listed
/// where the change itself matters.
const CANARIES: &[(&str, i64, i32)] = &[
    // 2025-03-09 and 2025-11-02, the last second before and the first after
    ("America/New_York", 1_741_503_599, -300),
    ("America/New_York", 1_741_503_600, -240),
    ("America/New_York", 1_762_063_199, -240),
    ("America/New_York", 1_762_063_200, -300),
    // 2026-03-08
    ("America/Chicago", 1_772_956_799, -360),
    ("America/Chicago", 1_772_956_800, -300),
    ("America/Los_Angeles", 1_772_963_999, -480),
    ("America/Los_Angeles", 1_772_964_000, -420),
    ("America/St_Johns", 1_772_947_799, -210),
    ("America/St_Johns", 1_772_947_800, -150),
    // 2026-03-29
    ("Europe/London", 1_774_745_999, 0),
    ("Europe/London", 1_774_746_000, 60),
    ("Europe/Paris", 1_774_745_999, 60),
    ("Europe/Paris", 1_774_746_000, 120),
    // 2026-04-04 by UTC
    ("Australia/Sydney", 1_775_318_399, 660),
    ("Australia/Sydney", 1_775_318_400, 600),
    ("Australia/Lord_Howe", 1_775_314_799, 660),
    ("Australia/Lord_Howe", 1_775_314_800, 630),
    ("Pacific/Auckland", 1_775_311_199, 780),
    ("Pacific/Auckland", 1_775_311_200, 720),
    // 2026-11-15: no change of clocks any more in Canada's west
    ("America/Vancouver", 1_794_744_000, -420),
    ("America/Edmonton", 1_794_744_000, -360),
    ("America/Winnipeg", 1_794_744_000, -300),
    // never changed
    ("America/Phoenix", 1_782_907_200, -420),
    ("Australia/Brisbane", 1_768_478_400, 600),
    ("Asia/Kolkata", 1_782_907_200, 330),
    ("UTC", 1_782_907_200, 0),
];

/// Whether a database has every one of them.
pub(super) fn check(zones: &Zones) -> Result<(), WrongZone> {
    for (zone, seconds, minutes) in CANARIES.iter().copied() {
        let at = Timestamp::from_second(seconds).unwrap_or_default();
        let expected = Offset::from_seconds(minutes * 60).unwrap_or(Offset::UTC);
        let found = zones.get(zone).ok_or(WrongZone::Missing(zone))?.to_offset(at);
        if found != expected {
            return Err(WrongZone::Offset { zone, at, found, expected });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_database_has_every_transition() {
        assert_eq!(check(&Zones::bundled()), Ok(()));
    }

    #[test]
    fn canaries_are_in_the_past_so_that_no_new_law_makes_them_wrong() {
        let checked: Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
        assert!(CANARIES.iter().all(|(_, at, _)| *at < checked.as_second()));
    }
}

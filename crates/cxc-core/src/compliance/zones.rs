//! The time zone database, as a value. Only the bundled copy is used: the operating system's may be years old.
use jiff::tz::{TimeZone, TimeZoneDatabase};

/// The time zones of the bundled IANA database. A zone is parsed at its first use; a later look-up shares it.
#[derive(Debug, Clone)]
pub struct Zones {
    database: TimeZoneDatabase,
}

impl Zones {
    /// The database that is compiled in.
    pub fn bundled() -> Self {
        Self { database: TimeZoneDatabase::bundled() }
    }

    /// The zone of an IANA name, whatever its case. `None` for a name that the database does not hold.
    pub fn get(&self, name: &str) -> Option<TimeZone> {
        if name.is_empty() || name.len() > 64 {
            return None;
        }
        self.database.get(name).ok().filter(|zone| !zone.is_unknown())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_zone_is_no_zone() {
        let zones = Zones::bundled();
        assert!(zones.get("America/New_York").is_some());
        assert!(zones.get("america/new_york").is_some());
        for name in ["", "Mars/Olympus", "Etc/Unknown", "EST5EDT4,M3", "../../etc/passwd", &"x".repeat(200)] {
            assert!(zones.get(name).is_none(), "{name}");
        }
    }

    #[test]
    fn the_bundled_database_knows_the_canadian_changes_of_2026() {
        let zones = Zones::bundled();
        let winter: jiff::Timestamp = "2026-12-15T12:00:00Z".parse().unwrap();
        for (name, hours) in [("America/Vancouver", -7), ("America/Edmonton", -6), ("America/Winnipeg", -5)] {
            assert_eq!(zones.get(name).unwrap().to_offset(winter).seconds(), hours * 3600, "{name}");
        }
    }
}

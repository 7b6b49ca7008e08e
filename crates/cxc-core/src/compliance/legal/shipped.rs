//! The legal rules that are shipped, one file a country.
use super::super::holidays::Calendars;
use super::super::zones::Zones;
use super::rules::{LegalRules, RuleFileError};

macro_rules! pack {
    ($name:literal) => {
        ($name, include_str!(concat!("../../../data/compliance/rules/", $name)))
    };
}

/// The shipped files by their names.
pub const SHIPPED_FILES: [(&str, &str); 9] = [
    pack!("us.toml"),
    pack!("us-states.toml"),
    pack!("us-collections.toml"),
    pack!("us-recording.toml"),
    pack!("ca.toml"),
    pack!("gb.toml"),
    pack!("au.toml"),
    pack!("nz.toml"),
    pack!("eu.toml"),
];

impl LegalRules {
    /// The rules that are shipped. Read once at start; a file that is wrong stops the start.
    pub fn shipped(zones: &Zones, calendars: &Calendars) -> Result<Self, RuleFileError> {
        Self::parse(SHIPPED_FILES, zones, calendars)
    }
}

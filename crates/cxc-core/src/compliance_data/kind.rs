//! The kinds of files.
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::location::Country;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DataKind {
    /// Leading digits of phones.
    Areacode,
    /// Regions.
    Geo,
    /// Leading characters of postal codes.
    Postal,
    /// Numbers that must not be called.
    Dnc,
}

impl DataKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Areacode, Self::Geo, Self::Postal, Self::Dnc];
    /// The kinds that together are the tables of places.
    pub const TABLES: [Self; 3] = [Self::Areacode, Self::Geo, Self::Postal];

    /// Its name in manifests and settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Areacode => "areacode",
            Self::Geo => "geo",
            Self::Postal => "postal",
            Self::Dnc => "dnc",
        }
    }
}

impl fmt::Display for DataKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for DataKind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(())
    }
}

/// Countries as a setting names them: `AU,CA,GB`. Empty for none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WantedCountries(pub BTreeSet<Country>);

impl FromStr for WantedCountries {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let country = |code: &str| Country::from_code(code).ok_or_else(|| code.chars().take(20).collect::<String>());
        text.split(',').map(str::trim).filter(|code| !code.is_empty()).map(country).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for WantedCountries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codes: Vec<&str> = self.0.iter().map(Country::as_str).collect();
        f.write_str(&codes.join(","))
    }
}

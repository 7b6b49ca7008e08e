//! Numbers, postal codes and regions whose zones are beyond doubt: a set that does not know them is another set.
use super::DataKind;
use crate::device::LineType;
use crate::location::{Country, Location, LocationTables};
use crate::phone::PhoneNumber;

const SHIPPED: &str = include_str!("../../data/compliance/canaries/canaries.tsv");

/// The canaries that are shipped.
#[derive(Debug, Clone)]
pub struct Canaries(Vec<Canary>);

#[derive(Debug, Clone)]
struct Canary {
    kind: DataKind,
    country: Country,
    text: &'static str,
    zones: Vec<&'static str>,
}

/// A canary that the tables get wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the canary {text} must be in {expected} and is in {found}")]
pub struct CanaryError {
    /// Which file is wrong.
    pub kind: DataKind,
    /// Of which country.
    pub country: Country,
    /// The number, postal code or region. Numbers are of nobody.
    pub text: String,
    /// The zones that must be among those found.
    pub expected: String,
    /// The canonical text of what was found.
    pub found: String,
}

impl Canaries {
    /// Reads the shipped canaries; a line that can't be read is none. A test reads every line.
    pub fn shipped() -> Self {
        Self(SHIPPED.lines().filter_map(read).collect())
    }

    /// Whether tables know every canary of these files. A place may have more zones: that only narrows the hours.
    pub fn check(
        &self,
        tables: &LocationTables,
        is_replaced: impl Fn(DataKind, Country) -> bool,
    ) -> Result<(), CanaryError> {
        for canary in self.0.iter().filter(|canary| is_replaced(canary.kind, canary.country)) {
            let found = canary.find(tables);
            let is_right = found.country() == Some(canary.country)
                && canary.zones.iter().all(|zone| found.zones().iter().any(|found| **found == **zone));
            if !is_right {
                return Err(CanaryError {
                    kind: canary.kind,
                    country: canary.country,
                    text: canary.text.into(),
                    expected: format!("{} at {}", canary.country, canary.zones.join(",")),
                    found: found.key().into(),
                });
            }
        }
        Ok(())
    }
}

impl Canary {
    fn find(&self, tables: &LocationTables) -> Location {
        match self.kind {
            DataKind::Postal => tables.of_postal(self.country, self.text),
            DataKind::Geo => tables.of_region(self.country, self.text),
            _ => match PhoneNumber::parse(self.text) {
                Ok(number) => tables.of_phone(&number, LineType::FixedOrMobile),
                Err(_) => Location::unmappable(None),
            },
        }
    }
}

fn read(line: &'static str) -> Option<Canary> {
    let [what, country, text, zones]: [&'static str; 4] = line.split('\t').collect::<Vec<_>>().try_into().ok()?;
    let kind = match what {
        "phone" => DataKind::Areacode,
        "postal" => DataKind::Postal,
        "region" => DataKind::Geo,
        _ => return None,
    };
    Some(Canary { kind, country: Country::from_code(country)?, text, zones: zones.split(',').collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compliance::Zones;

    #[test]
    fn every_line_is_a_canary_and_the_embedded_tables_know_them_all() {
        let canaries = Canaries::shipped();
        assert_eq!(canaries.0.len(), SHIPPED.lines().count() - 1);
        assert!(canaries.0.iter().flat_map(|c| &c.zones).all(|zone| Zones::bundled().get(zone).is_some()));
        let tables = LocationTables::embedded().unwrap();
        assert_eq!(canaries.check(&tables, |_, _| true), Ok(()));
        for kind in DataKind::TABLES {
            for country in [Country::US, Country::CA, Country::GB, Country::AU, Country::NZ] {
                let has = canaries.0.iter().any(|c| c.kind == kind && c.country == country);
                assert!(has, "{kind} of {country} has no canary");
            }
        }
    }
}

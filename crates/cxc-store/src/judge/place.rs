//! A location as the check wants it.
use cxc_core::compliance::{Part, PartKind};
use cxc_core::location::{Location, LocationSource};

pub(super) struct Place {
    pub kind: PartKind,
    pub country: String,
    pub regions: String,
    pub zones: String,
}

impl Place {
    pub fn of(location: &Location, kind: PartKind) -> Self {
        let kind = match location.source() {
            LocationSource::Postal => PartKind::Postal,
            // something was given for the contact and nothing is known of it: a postal code
            LocationSource::Unmappable if kind == PartKind::Explicit => PartKind::Postal,
            _ => kind,
        };
        Self {
            kind,
            country: location.country().map(|c| c.to_string()).unwrap_or_default(),
            regions: location.regions().join(","),
            zones: location.zones().join(","),
        }
    }

    pub fn part(&self) -> Part<'_> {
        Part::new(self.kind, &self.country, &self.regions, &self.zones)
    }
}

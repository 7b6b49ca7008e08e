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
    /// What the contact's words say, and beside a zone the postal code of which nothing is known.
    pub fn of_contact(location: &Location) -> (Self, Option<Self>) {
        let is_beside = location.source() == LocationSource::Unmappable && !location.is_unmappable();
        let unknown = Location::unmappable(location.country());
        (Self::of(location, PartKind::Explicit), is_beside.then(|| Self::of(&unknown, PartKind::Explicit)))
    }

    pub fn of(location: &Location, kind: PartKind) -> Self {
        let kind = match location.source() {
            LocationSource::Postal => PartKind::Postal,
            // something was given for the contact and nothing is known of it: a postal code
            LocationSource::Unmappable if kind == PartKind::Explicit && location.is_unmappable() => PartKind::Postal,
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

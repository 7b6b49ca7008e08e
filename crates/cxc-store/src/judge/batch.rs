//! A batch in judgement: what its contacts have in common, and the check of one of them.
use std::collections::HashMap;

use cxc_core::compliance::{
    AttemptRequest, CheckInputs, IntervalCache, Part, PartKind, PartOrigin, Subject, ToolAnswers, Verdict, check,
};
use cxc_core::device::{DeviceKind, LineType};
use cxc_core::location::Location;
use jiff::Timestamp;

use super::Scope;
use super::chosen::Chosen;
use super::columns::AttemptColumns;
use super::place::Place;
use crate::contact::Device;
use crate::facts::BatchFacts;
use crate::suppression::SuppressionList;

/// What a batch has in common.
pub(super) struct Batch<'a> {
    pub scope: &'a Scope<'a>,
    /// The suppression lists that hold anybody.
    pub lists: &'a [SuppressionList],
    pub facts: &'a BatchFacts,
    pub locations: &'a HashMap<i64, Location>,
    pub at: Timestamp,
    /// Whether what the check was given is kept.
    pub keeps: bool,
    /// Whether what came after the moment is left out.
    pub any_moment: bool,
}

impl Batch<'_> {
    /// The check of a contact on its device; with what it was given, where that is kept.
    pub fn check(
        &self,
        cache: &mut IntervalCache,
        chosen: &Chosen<'_>,
        tools: &ToolAnswers,
    ) -> (Verdict, Option<CheckInputs>) {
        let (scope, device) = (self.scope, chosen.device());
        let of_contact = self.locations.get(&chosen.contact.contact.location);
        let (contact, unknown) = of_contact.map(Place::of_contact).unzip();
        let phone = self.phone(device);
        let others = self.other_phones(chosen);
        let unknown = unknown.flatten();
        let own = [&contact, &unknown, &phone].into_iter().flatten().map(Place::part);
        let parts: Vec<Part<'_>> = own.chain(others.iter().map(|p| p.part().of(PartOrigin::OtherDevice))).collect();
        let subject = Subject { line_type: LineType::from_code(device.line_type), ..scope.subject.clone() };
        let columns = self.columns(chosen);
        let mut known = self.facts.of(&chosen.person(scope, self.lists));
        if self.any_moment {
            known.attempts.retain(|attempt| attempt.at <= self.at);
            known.consents.retain(|consent| consent.at <= self.at);
        }
        let request = AttemptRequest {
            client: chosen.client,
            parts: &parts,
            subject: &subject,
            area_code: device.area_code.as_deref().unwrap_or_default(),
            postal: chosen.contact.contact.postal.as_deref().unwrap_or_default(),
            columns: Some(&columns),
            declared: known.declared.as_ref(),
            ..AttemptRequest::new(scope.channel, scope.grp, device.address_hash)
        };
        let facts = known.facts(tools);
        let verdict = check(scope.rules, cache, &request, &facts, self.at);
        let kept = || CheckInputs::of(&request, &facts, self.at).with_columns(scope.rules, &request);
        (verdict, self.keeps.then(kept))
    }

    /// Where a phone is: by the tenant's own zones before the numbering plan's.
    fn phone(&self, device: &Device) -> Option<Place> {
        let mut place = self.locations.get(&device.location).map(|l| Place::of(l, PartKind::Phone));
        let own = self.scope.rules.custom_zones();
        let country = device.country.as_deref().filter(|_| !own.is_empty() && device.kind == DeviceKind::Phone.code());
        if let Some(country) = country {
            let known = place.as_ref().map(|p| p.zones.clone()).unwrap_or_default();
            let zones = own.apply(country, device.area_code.as_deref().unwrap_or_default(), &known);
            if *zones != *known {
                let empty = || Place {
                    kind: PartKind::Phone,
                    country: country.to_owned(),
                    regions: String::new(),
                    zones: known.clone(),
                };
                place.get_or_insert_with(empty).zones = zones.into_owned();
            }
        }
        place
    }

    /// Where the contact's other phones are, if that counts.
    fn other_phones(&self, chosen: &Chosen<'_>) -> Vec<Place> {
        if !self.scope.rules.looks_at_all_devices() {
            return Vec::new();
        }
        let devices = chosen.contact.devices.iter().enumerate();
        let others = devices.filter(|(i, d)| *i != chosen.index && d.kind == DeviceKind::Phone.code());
        others.filter_map(|(_, device)| self.phone(device)).collect()
    }

    /// What rules see of a contact.
    pub fn columns<'c>(&'c self, chosen: &'c Chosen<'_>) -> AttemptColumns<'c> {
        AttemptColumns {
            contact: &chosen.contact.contact,
            device: chosen.device(),
            place: self.locations.get(&chosen.device().location),
            record: chosen.record,
        }
    }
}

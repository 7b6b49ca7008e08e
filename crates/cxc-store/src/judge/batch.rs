//! A batch in judgement: what its contacts have in common, and the check of one of them.
use std::collections::HashMap;

use cxc_core::compliance::{
    AttemptRequest, CheckInputs, IntervalCache, KeptPart, Part, PartOrigin, Subject, ToolAnswers, Verdict, check,
};
use cxc_core::device::{DeviceKind, LineType};
use cxc_core::location::Location;
use jiff::Timestamp;

use super::Scope;
use super::chosen::Chosen;
use super::columns::AttemptColumns;
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
        let known = of_contact.into_iter().flat_map(KeptPart::of_contact);
        let mut known: Vec<KeptPart> = known.chain(self.phone(device, PartOrigin::Device)).collect();
        known.extend(self.other_phones(chosen));
        let parts: Vec<Part<'_>> = known.iter().map(KeptPart::part).collect();
        let subject = Subject { line_type: LineType::from_code(device.line_type), ..scope.subject.clone() };
        let columns = self.columns(chosen);
        let mut facts = self.facts.of(&chosen.person(scope, self.lists));
        if self.any_moment {
            facts.attempts.retain(|attempt| attempt.at <= self.at);
            facts.consents.retain(|consent| consent.at <= self.at);
        }
        let request = AttemptRequest {
            client: chosen.client,
            parts: &parts,
            subject: &subject,
            area_code: device.area_code.as_deref().unwrap_or_default(),
            postal: chosen.contact.contact.postal.as_deref().unwrap_or_default(),
            columns: Some(&columns),
            declared: facts.declared.as_ref(),
            ..AttemptRequest::new(scope.channel, scope.grp, device.address_hash)
        };
        let facts = facts.facts(tools);
        let verdict = check(scope.rules, cache, &request, &facts, self.at);
        let kept = || CheckInputs::of(&request, &facts, self.at).with_columns(scope.rules, &request);
        (verdict, self.keeps.then(kept))
    }

    /// Where a phone is, by the numbering plan and the tenant's own zones.
    fn phone(&self, device: &Device, origin: PartOrigin) -> Option<KeptPart> {
        let country = device.country.as_deref().filter(|_| device.kind == DeviceKind::Phone.code());
        let number = (country, device.area_code.as_deref().unwrap_or_default());
        KeptPart::of_phone(self.locations.get(&device.location), self.scope.rules.custom_zones(), number, origin)
    }

    /// Where the contact's other phones are, if that counts.
    fn other_phones(&self, chosen: &Chosen<'_>) -> Vec<KeptPart> {
        if !self.scope.rules.looks_at_all_devices() {
            return Vec::new();
        }
        let devices = chosen.contact.devices.iter().enumerate();
        let others = devices.filter(|(i, d)| *i != chosen.index && d.kind == DeviceKind::Phone.code());
        others.filter_map(|(_, device)| self.phone(device, PartOrigin::OtherDevice)).collect()
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

//! From a document to what the check asks: addresses are read, places found, keys hashed. Nothing is looked up in a
//! store.
use std::sync::Arc;

use cxc_core::attempt::AttemptState;
use cxc_core::channel::Channel;
use cxc_core::compliance::{
    CustomZones, Direction, KeptPart, NumberListHit, NumberListState, NumberListStatus, PartKind, PartOrigin,
    PastAttempt, RuleRef, RuleSet, Subject, SuppressedBy, SuppressionHit,
};
use cxc_core::contact::{CheckedDevice, ContactPlaces, Told, address_text};
use cxc_core::device::{DeviceKind, LineType};
use cxc_core::enumerations::CallResult;
use cxc_core::field_error::FieldError;
use cxc_core::hash::HashKey;
use cxc_core::location::{Country, Location, LocationSource, LocationTables};
use cxc_store::attempt_subject::{ACCOUNT, DEBT, PERSON, collector_hash, subject_hash};
use jiff::Timestamp;
use serde_json::Value;

use super::document::{ContactAsked, DirectionAsked, EvaluationDocument, PastAsked};
use super::kit::Kit;
use super::limits::{DEVICES, limits};
use super::question::Question;

/// What a document is read with.
#[derive(Clone)]
pub struct Resolver<'a> {
    /// Phones, places, zones.
    pub kit: &'a Kit,
    /// The installation's secret for hashes.
    pub key: &'a HashKey,
    /// The tables as they are now.
    pub tables: Arc<LocationTables>,
    /// The tenant.
    pub tenant: i64,
    /// The country of numbers without one, if the document names none.
    pub home: Option<Country>,
    /// Now.
    pub now: Timestamp,
    /// The rules, whose time zones tell where phones may be.
    pub rules: Option<&'a RuleSet>,
    /// Whether it is about somebody who is stored, not about one whom the document describes.
    pub is_stored: bool,
}

impl Resolver<'_> {
    /// The question of a document about somebody who need not be stored; everything that is wrong otherwise.
    pub fn question(
        &self,
        asked: &EvaluationDocument,
        group: (i64, Option<Channel>),
    ) -> Result<Question, Vec<FieldError>> {
        let contact = asked.contact.clone().unwrap_or_default();
        let mut errors = Vec::new();
        limits(asked, &contact, &mut errors);
        let country = self.country(&contact, &mut errors);
        let devices = self.devices(&contact, country, &mut errors);
        let place = chosen(asked.device.as_ref(), &devices, &mut errors);
        let (Some(device), true) = (devices.get(place), errors.is_empty()) else {
            self.rest(asked, contact, country, &mut errors);
            return Err(errors);
        };
        let usual = if device.kind == DeviceKind::Email { Channel::Email } else { Channel::Voice };
        let channel = asked.channel.or(group.1).unwrap_or(usual);
        if DeviceKind::for_channel(channel) != device.kind {
            let text = format!("an attempt by {} needs another kind of device", channel.as_str());
            return Err(vec![FieldError::new("/device", "invalid", text)]);
        }
        let parts = self.parts(&contact, country, &devices, place, &mut errors);
        let subject = self.subject(asked, line_type(&contact, place, device));
        let mut question = Question {
            at: asked.at.unwrap_or(self.now),
            channel,
            group: group.0,
            device: self.hash(&address_text(&device.address)),
            area_code: device.area_code.clone().unwrap_or_default(),
            client: contact.client_id.as_deref().map(|id| self.hash(id)),
            person: contact.person_key.as_deref().map(|key| self.subject_hash(PERSON, key)),
            accounts: contact.account.iter().map(|key| self.subject_hash(ACCOUNT, key)).collect(),
            debts: contact.debts.iter().map(|key| self.subject_hash(DEBT, key)).collect(),
            postal: contact.postal_code.clone().unwrap_or_default(),
            subject,
            parts,
            attempts: Vec::new(),
            suppression: suppression(asked),
            lists: asked.number_lists.iter().map(list_status).collect(),
            holding: Vec::new(),
            contact,
        };
        self.later(asked, &question.contact, &mut errors);
        let holding = asked.number_lists.iter().enumerate().filter(|(_, list)| list.holds);
        question.holding = holding.map(|(list, asked)| NumberListHit { list, added_on: asked.added_on }).collect();
        for (at, past) in asked.history.iter().enumerate() {
            match self.past(past, at, &question, country) {
                Ok(attempt) => question.attempts.push(attempt),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(question) } else { Err(errors) }
    }

    /// What is wrong besides where a device is: a document is refused with all of it.
    fn rest(
        &self,
        asked: &EvaluationDocument,
        mut contact: ContactAsked,
        country: Option<Country>,
        errors: &mut Vec<FieldError>,
    ) {
        self.later(asked, &contact, errors);
        contact.devices.clear();
        self.parts(&contact, country, &[], 0, errors);
        for (at, past) in asked.history.iter().enumerate() {
            let wrong_result = past.result.as_ref().and_then(|result| call_result(result).err());
            errors.extend(wrong_result.map(|text| wrong(&format!("/history/{at}/result"), text)));
        }
    }

    /// What is told of a time after the moment was not known at it. To leave it out would answer another question than that
    /// which was asked; to count it, none that could have been asked then.
    fn later(&self, asked: &EvaluationDocument, contact: &ContactAsked, errors: &mut Vec<FieldError>) {
        let moment = asked.at.unwrap_or(self.now);
        let consents =
            contact.consents.iter().enumerate().map(|(i, said)| (format!("/contact/consents/{i}/at"), said.at));
        let history = asked.history.iter().enumerate().map(|(i, past)| (format!("/history/{i}/at"), past.at));
        for (pointer, at) in consents.chain(history).filter(|(_, at)| *at > moment) {
            let text = format!(
                "{at} is after {moment}, the moment that is asked about, at which it was not known: leave it out, or ask \
                 about a later moment"
            );
            errors.push(FieldError::new(pointer, "range", text));
        }
    }

    fn hash(&self, text: &str) -> i64 {
        self.key.hash(self.tenant, text)
    }

    fn subject_hash(&self, kind: i16, text: &str) -> i64 {
        subject_hash(self.key, self.tenant, kind, text)
    }

    fn country(&self, contact: &ContactAsked, errors: &mut Vec<FieldError>) -> Option<Country> {
        let text = contact.country.as_deref().filter(|text| !text.trim().is_empty())?;
        Country::parse(text).map_err(|error| errors.push(wrong("/contact/country", error.to_string()))).ok()
    }

    fn devices(
        &self,
        contact: &ContactAsked,
        country: Option<Country>,
        errors: &mut Vec<FieldError>,
    ) -> Vec<CheckedDevice> {
        if contact.devices.is_empty() {
            errors.push(FieldError::new("/contact/devices", "required", "one to ten devices"));
        }
        let mut read = Vec::new();
        for (at, asked) in contact.devices.iter().take(DEVICES).enumerate() {
            let address = asked.detail().address;
            match CheckedDevice::read(&self.kit.phones, &self.tables, &address, None, country.or(self.home)) {
                Ok(device) => read.push(device),
                Err(text) => errors.push(wrong(&format!("/contact/devices/{at}"), text)),
            }
        }
        read
    }

    /// The parts of the person's location, as of a stored contact and of a validation.
    fn parts(
        &self,
        contact: &ContactAsked,
        country: Option<Country>,
        devices: &[CheckedDevice],
        chosen: usize,
        errors: &mut Vec<FieldError>,
    ) -> Vec<KeptPart> {
        let of_device = devices.get(chosen).and_then(|device| device.country);
        let told = Told {
            zone: self.zone(contact, errors),
            country,
            home: country.or(of_device).or(self.home),
            postal: contact.postal_code.as_deref().unwrap_or_default().trim(),
            state: contact.region.as_deref().unwrap_or_default().trim(),
        };
        // what was imported was warned of then, and stands for any region of its country
        let mistaken = told.country_of_state(&self.tables).err().filter(|_| !self.is_stored);
        errors.extend(mistaken.map(|problem| wrong("/contact/region", problem.to_string())));
        let place = ContactPlaces::default().find(&self.tables, told);
        let mut parts: Vec<KeptPart> = place.iter().flat_map(KeptPart::of_contact).collect();
        for (at, device) in devices.iter().enumerate() {
            let origin = if at == chosen { PartOrigin::Device } else { PartOrigin::OtherDevice };
            if let Some(zone) = contact.devices[at].detail().timezone {
                match self.tables.of_zone(&zone) {
                    Ok(found) => parts.push(KeptPart::of(&found, PartKind::Explicit, origin)),
                    Err(error) => errors.push(wrong(&format!("/contact/devices/{at}/timezone"), error.to_string())),
                }
            }
            parts.extend(self.phone(device, origin));
        }
        parts
    }

    /// All the zones that are told of the contact.
    fn zone(&self, contact: &ContactAsked, errors: &mut Vec<FieldError>) -> Option<Location> {
        let zones = contact.zones.iter().enumerate().map(|(at, zone)| (format!("/contact/zones/{at}"), zone.as_str()));
        let zone = contact.timezone.as_deref().map(|zone| ("/contact/timezone".to_owned(), zone));
        let mut names = Vec::new();
        for (pointer, zone) in zones.chain(zone).filter(|(_, zone)| !zone.trim().is_empty()) {
            match self.tables.of_zone(zone) {
                Ok(found) => names.extend_from_slice(found.zones()),
                Err(error) => errors.push(wrong(&pointer, error.to_string())),
            }
        }
        (!names.is_empty()).then(|| Location::new(LocationSource::Explicit, None, Vec::new(), names))
    }

    /// Where a phone is: in the zones of the numbering plan and in those that the tenant gave it.
    fn phone(&self, device: &CheckedDevice, origin: PartOrigin) -> Option<KeptPart> {
        let none = CustomZones::default();
        let own = self.rules.map_or(&none, RuleSet::custom_zones);
        let country = device.country.as_ref().map(Country::as_str);
        let number = (country, device.area_code.as_deref().unwrap_or_default());
        KeptPart::of_phone(device.place.as_ref(), own, number, origin)
    }

    pub(super) fn subject(&self, asked: &EvaluationDocument, line_type: LineType) -> Subject {
        Subject {
            purpose: asked.purpose.unwrap_or_default(),
            tech: asked.tech,
            contact_kind: asked.contact_kind,
            line_type,
            relationship: asked.relationship,
            purchased_at: asked.purchased_at,
            inquired_at: asked.inquired_at,
            collector: asked.collector.as_deref().map(|name| self.collector(name)),
            topic: asked.topic.as_deref().map(Into::into),
            brand: asked.brand.as_deref().map(Into::into),
        }
    }

    fn collector(&self, name: &str) -> i64 {
        collector_hash(self.key, self.tenant, name)
    }

    fn past(
        &self,
        asked: &PastAsked,
        at: usize,
        question: &Question,
        country: Option<Country>,
    ) -> Result<PastAttempt, FieldError> {
        let result = asked
            .result
            .as_ref()
            .map(call_result)
            .transpose()
            .map_err(|text| wrong(&format!("/history/{at}/result"), text))?;
        // another person has other keys: those of this one with every bit turned are nobody's
        let whose = |key: i64| if asked.other_person { !key } else { key };
        let device = match asked.device.as_deref() {
            None => whose(question.device),
            Some(text) => {
                let read = CheckedDevice::read(&self.kit.phones, &self.tables, text, None, country.or(self.home));
                let read = read.map_err(|text| wrong(&format!("/history/{at}/device"), text))?;
                self.hash(&address_text(&read.address))
            }
        };
        let channel = asked.channel.unwrap_or(question.channel);
        let answered =
            channel == Channel::Voice && result.is_some_and(|result| result.is_talk() || result == CallResult::Ok);
        Ok(PastAttempt {
            id: i64::try_from(at).unwrap_or(0) + 1,
            group: if asked.group_id.is_some() { 0 } else { question.group },
            client: question.client.map(whose),
            state: if result.is_some() { AttemptState::Final } else { AttemptState::InDoubt },
            result,
            disposition: asked.disposition.as_deref().map(Into::into),
            direction: if asked.direction == DirectionAsked::In { Direction::In } else { Direction::Out },
            purpose: asked.purpose,
            person: question.person.map(whose),
            accounts: question.accounts.iter().copied().map(whose).collect(),
            debts: match &asked.debts {
                Some(debts) => debts.iter().map(|key| self.subject_hash(DEBT, key)).collect(),
                None => question.debts.clone(),
            },
            collector: asked.collector.as_deref().map_or(question.subject.collector, |name| Some(self.collector(name))),
            connected: asked.connected.unwrap_or(answered || asked.conversation),
            conversation: asked.conversation,
            refused: asked.refused,
            consented: asked.consented,
            regions: KeptPart::regions(&question.parts).into(),
            topic: asked.topic.as_deref().map(Into::into).or_else(|| question.subject.topic.as_deref().map(Into::into)),
            ..PastAttempt::new(asked.at, channel, device)
        })
    }
}

fn wrong(pointer: &str, text: String) -> FieldError {
    FieldError::new(pointer.to_owned(), "invalid", text)
}

fn line_type(contact: &ContactAsked, at: usize, device: &CheckedDevice) -> LineType {
    contact.devices.get(at).and_then(|asked| asked.detail().line_type).unwrap_or(device.line_type)
}

/// The place of the device that is to be used.
fn chosen(asked: Option<&Value>, devices: &[CheckedDevice], errors: &mut Vec<FieldError>) -> usize {
    let place = match asked {
        None | Some(Value::Null) => Some(0),
        Some(Value::Number(number)) => number.as_u64().and_then(|n| usize::try_from(n).ok()),
        Some(Value::String(text)) => {
            let text = text.trim();
            let by_address = devices.iter().position(|d| d.address.eq_ignore_ascii_case(text));
            // no address is as short as a place
            by_address.or_else(|| text.parse().ok().filter(|_| text.len() <= 2))
        }
        Some(_) => None,
    };
    let place = place.filter(|place| *place < devices.len());
    if place.is_none() && !devices.is_empty() {
        errors.push(wrong("/device", "the address of one of the devices, or its place from 0".to_owned()));
    }
    place.unwrap_or(0)
}

/// A result by its number or name; names are compared by their letters.
fn call_result(value: &Value) -> Result<CallResult, String> {
    let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_ascii_lowercase();
    let found = match value {
        Value::String(name) => CallResult::ALL.iter().find(|result| letters(result.name()) == letters(name)).copied(),
        other => serde_json::from_value(other.clone()).ok(),
    };
    found.ok_or_else(|| "a call result is one of the platform's, by name such as NoAnswer or by number".to_owned())
}

fn suppression(asked: &EvaluationDocument) -> Vec<SuppressionHit> {
    let hit = |asked: &super::document::SuppressedAsked| SuppressionHit {
        list: RuleRef::new(asked.list.as_str(), 0),
        by: if asked.by_client_id { SuppressedBy::ClientId } else { SuppressedBy::Device },
        from: asked.from,
        until: asked.until,
    };
    asked.suppression.iter().map(hit).collect()
}

fn list_status(asked: &super::document::NumberListAsked) -> NumberListStatus {
    let state = match asked.as_of {
        None => NumberListState::NotLoaded,
        Some(as_of) => NumberListState::Loaded { version: "asked".into(), as_of },
    };
    NumberListStatus { name: asked.name.as_str().into(), own: asked.own, state }
}

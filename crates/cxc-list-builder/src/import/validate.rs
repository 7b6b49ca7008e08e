//! A line's values as a contact: devices normalised, places found, the rule asked. No database.
use std::borrow::Cow;
use std::sync::Arc;

use cxc_core::TenantNo;
use cxc_core::contact::{CheckedDevice, ContactPlaces, Told, address_text, state_code};
use cxc_core::hash::HashKey;
use cxc_core::location::{Country, LiveTables, Location, LocationTables};
use cxc_core::phone::PhoneParser;
use cxc_core::selection::{FieldSource, SelectionRule, matches_any};
use cxc_store::consent::ConsentLine;
use cxc_store::contact::{Contact, Device, FullContact};
use cxc_store::selection::ContactRow;

use super::places::PlaceNumbers;
use super::warnings::{LineWarning, WarningKind};
use crate::consents::{self, LineDevice, Named, only_opt_outs};
use crate::file::{Reject, RejectReason};
use crate::mapping::{MappedDevice, MappedRow};

/// What lines are checked with; shared by all imports.
#[derive(Clone)]
pub struct Checkers {
    /// Reads phone numbers.
    pub phones: Arc<PhoneParser>,
    /// The tables in use, which find places.
    pub tables: LiveTables,
    /// The installation's key of hashes.
    pub hash_key: HashKey,
}

/// What a line is after its check.
pub enum Checked {
    /// A contact without an id, its locations by number of this import, with what the line says of consents.
    /// What was changed or left out comes with it.
    Contact(Box<FullContact>, Option<Box<ConsentLine>>, Vec<LineWarning>),
    /// The rule does not take it; its opt-outs are taken all the same.
    Filtered(Option<Box<ConsentLine>>),
}

/// Checks the lines of one import.
pub struct Validator {
    checkers: Checkers,
    /// Those in use when the import began: an import has one set to its end.
    tables: Arc<LocationTables>,
    tenant: TenantNo,
    default_country: Option<Country>,
    keep_original: bool,
    rule: Option<SelectionRule>,
    contact_places: ContactPlaces,
    /// When the import began, microseconds: no consent is of later.
    now: i64,
    /// The numbers of locations.
    pub places: PlaceNumbers,
    /// What was changed in the line at hand.
    noted: Vec<LineWarning>,
}

impl Validator {
    /// A validator of a tenant's import.
    pub fn new(
        checkers: Checkers,
        tenant: TenantNo,
        default_country: Option<Country>,
        keep_original: bool,
        rule: Option<SelectionRule>,
        now: i64,
    ) -> Self {
        Self {
            tables: checkers.tables.current(),
            checkers,
            tenant,
            default_country,
            keep_original,
            rule,
            contact_places: ContactPlaces::default(),
            now,
            places: PlaceNumbers::default(),
            noted: Vec::new(),
        }
    }

    /// Checks a line.
    pub fn check(&mut self, row: &MappedRow<'_>) -> Result<Checked, Reject> {
        self.noted.clear();
        if row.cut > 0 {
            self.note(WarningKind::Cut, row.first_cut, "", row.cut.into(), "a text over its limit was cut");
        }
        let given = country_of(row.country)?;
        let zone = self.zone(row.time_zone)?;
        let (devices, device_places) = self.devices(row, given)?;
        let first = devices.first().and_then(|d| d.country.as_deref()).and_then(Country::from_code);
        let home = given.or(first).or(self.default_country);
        let told = Told { zone: zone.clone(), country: given, home, postal: row.postal_code, state: row.state };
        // a state says its country, so that it is still found when places are found anew
        let home = given.or_else(|| told.country_of_state(&self.tables).ok().flatten()).or(home);
        // a line of an update that has no device says nothing of the country that the contact's own gave it
        let country = if devices.is_empty() { given } else { home };
        let place = self.contact_places.find(&self.tables, told);
        let contact = Contact {
            id: 0,
            key_hash: self.key_hash(row.client_id, &devices),
            client_id: text(row.client_id),
            first_name: text(row.first_name),
            last_name: text(row.last_name),
            company: text(row.company),
            country: country.map(|c| c.as_str().to_owned()),
            region: self.region(home, row.state),
            postal: text(row.postal_code),
            zone: zone.and_then(|z| z.zones().first().map(ToString::to_string)),
            location: place.map_or(0, |place| self.places.number(&place)),
            custom: custom(row),
            original: self.keep_original.then(|| row.record().raw().to_owned()),
        };
        let full = FullContact { contact, devices };
        let consents = if row.brings_consents() { self.consents(row, &full)? } else { None };
        if self.takes(&full, &device_places) {
            Ok(Checked::Contact(Box::new(full), consents, std::mem::take(&mut self.noted)))
        } else {
            Ok(Checked::Filtered(only_opt_outs(consents)))
        }
    }

    fn consents(&self, row: &MappedRow<'_>, full: &FullContact) -> Result<Option<Box<ConsentLine>>, Reject> {
        let client = full.contact.client_id.as_deref().map(|id| (id.to_owned(), full.contact.key_hash));
        let device = |d: &Device| LineDevice {
            position: d.position,
            address: address_text(&d.address).into_owned(),
            hash: d.address_hash,
        };
        let named = Named { client, devices: full.devices.iter().map(device).collect() };
        Ok(consents::read(row, &named, self.now)?.map(Box::new))
    }

    /// What a line that is not taken revokes, of everybody whom it names so that it can be read.
    pub fn opt_outs(&mut self, row: &MappedRow<'_>) -> Option<Box<ConsentLine>> {
        if !row.brings_consents() {
            return None;
        }
        let hash = |id: &str| self.checkers.hash_key.hash(self.tenant, id);
        let client = text(row.client_id).map(|id| (id.clone(), hash(&id)));
        let given = country_of(row.country).ok().flatten();
        let mut devices = Vec::new();
        for mapped in row.devices() {
            if let Ok((Device { position, address, address_hash: hash, .. }, _)) = self.device(mapped, given) {
                devices.push(LineDevice { position, address: address_text(&address).into_owned(), hash });
            }
        }
        let line = consents::read(row, &Named { client, devices }, self.now).ok().flatten();
        only_opt_outs(line.map(Box::new))
    }

    fn takes(&self, full: &FullContact, places: &[Option<Location>]) -> bool {
        let Some(rule) = &self.rule else { return true };
        let row = |device| ContactRow { contact: &full.contact, device };
        let mut rows: Vec<ContactRow<'_>> =
            full.devices.iter().zip(places).map(|(device, place)| row(Some((device, place.as_ref())))).collect();
        if rows.is_empty() {
            rows.push(row(None));
        }
        matches_any(rule, rows.iter().map(|row| row as &dyn FieldSource))
    }

    fn zone(&self, text: &str) -> Result<Option<Location>, Reject> {
        if text.is_empty() {
            return Ok(None);
        }
        self.tables.of_zone(text).map(Some).map_err(|error| Reject {
            reason: RejectReason::UnknownTimezone,
            column: None,
            text: error.to_string(),
        })
    }

    /// The state's short code, such as `TX`; as it stands where the country does not know it.
    fn region(&mut self, country: Option<Country>, state: &str) -> Option<String> {
        if state.is_empty() {
            return None;
        }
        match state_code(&self.tables, country, state) {
            Some(short) => Some(short),
            None => {
                let words = "a state that is not known in its country was kept as it stood";
                self.note(WarningKind::UnknownState, None, state, 1, words);
                text(state)
            }
        }
    }

    fn note(&mut self, kind: WarningKind, column: Option<usize>, value: &str, count: u64, text: &str) {
        self.noted.push(LineWarning { kind, column, value: value.to_owned(), count, text: text.to_owned() });
    }

    fn key_hash(&self, client_id: &str, devices: &[Device]) -> i64 {
        match (client_id, devices.first()) {
            ("", Some(device)) => device.address_hash,
            ("", None) => 0,
            (id, _) => self.checkers.hash_key.hash(self.tenant, id),
        }
    }

    /// The devices that are some, each once; a line that has none but such as are none is rejected.
    fn devices(
        &mut self,
        row: &MappedRow<'_>,
        country: Option<Country>,
    ) -> Result<(Vec<Device>, Vec<Option<Location>>), Reject> {
        let mut devices: Vec<Device> = Vec::with_capacity(row.devices().len());
        let mut places = Vec::with_capacity(row.devices().len());
        let mut wrong: Vec<(Reject, &str)> = Vec::new();
        for mapped in row.devices() {
            match self.device(mapped, country) {
                Ok((device, _)) if devices.iter().any(|d| d.address_hash == device.address_hash) => {
                    let words = "a device that the contact has already was left out";
                    self.note(WarningKind::RepeatedDevice, mapped.column, mapped.text, 1, words);
                }
                Ok((device, place)) => {
                    devices.push(device);
                    places.push(place);
                }
                Err(text) => {
                    let reject = Reject { reason: RejectReason::BadDevice, column: mapped.column, text };
                    wrong.push((reject, mapped.text));
                }
            }
        }
        if devices.is_empty() && !wrong.is_empty() {
            return Err(wrong.swap_remove(0).0);
        }
        for (reject, value) in wrong {
            self.note(WarningKind::BadDevice, reject.column, value, 1, &reject.text);
        }
        Ok((devices, places))
    }

    fn device(
        &mut self,
        mapped: &MappedDevice<'_>,
        country: Option<Country>,
    ) -> Result<(Device, Option<Location>), String> {
        let (Checkers { phones, hash_key, .. }, tables) = (&self.checkers, &self.tables);
        let country = Country::from_code(mapped.country).or(country).or(self.default_country);
        let read = CheckedDevice::read(phones, tables, mapped.text, mapped.hint.kind, country)?;
        let device = Device {
            contact: 0,
            position: mapped.position.into(),
            kind: read.kind.code(),
            address_hash: hash_key.hash(self.tenant, &address_text(&read.address)),
            address: read.address,
            r#type: mapped.hint.contact_type.code(),
            line_type: read.line_type.code(),
            extension: read.extension,
            country: read.country.map(|c| c.as_str().to_owned()),
            area_code: read.area_code,
            location: read.place.as_ref().map_or(0, |place| self.places.number(place)),
        };
        Ok((device, read.place))
    }
}

fn country_of(text: &str) -> Result<Option<Country>, Reject> {
    if text.is_empty() {
        return Ok(None);
    }
    Country::parse(text).map(Some).map_err(|error| Reject {
        reason: RejectReason::BadCountry,
        column: None,
        text: error.to_string(),
    })
}

fn text(value: &str) -> Option<String> {
    (!value.is_empty()).then(|| without_nul(value).into_owned())
}

fn without_nul(value: &str) -> Cow<'_, str> {
    if value.contains('\0') { value.replace('\0', "").into() } else { value.into() }
}

/// The custom fields as a JSON object by column; numbered ones as `c_other7`.
fn custom(row: &MappedRow<'_>) -> Option<String> {
    let mut json = String::new();
    for (name, value) in row.custom() {
        json.push(if json.is_empty() { '{' } else { ',' });
        let numbered =
            name.strip_prefix("other").is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()) && !n.is_empty());
        if numbered {
            json.push_str("\"c_");
            json.push_str(name);
            json.push('"');
        } else {
            push_json(&mut json, name);
        }
        json.push(':');
        push_json(&mut json, value);
    }
    if json.is_empty() {
        return None;
    }
    json.push('}');
    Some(json)
}

fn push_json(out: &mut String, text: &str) {
    let plain = |b: u8| b >= 0x20 && b != b'"' && b != b'\\';
    if text.bytes().all(plain) {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        // a NUL would be refused by PostgreSQL where the text is read as JSON
        out.push_str(&serde_json::Value::from(without_nul(text).as_ref()).to_string());
    }
}

//! Single contacts: read from what a person wrote, put into a list, taken out.
use std::collections::HashMap;

use cxc_core::contact::{CheckedDevice, ContactPlaces, Told, address_text, key_text, state_code};
use cxc_core::device::MAX_DEVICES;
use cxc_core::field::{ContactField, Fit};
use cxc_core::field_error::FieldError;
use cxc_core::location::{Country, Location};
use cxc_server::{ApiError, App};
use cxc_store::Tx;
use cxc_store::contact::{Contact, Device, FullContact};
use cxc_store::id_block::Numbered;
use cxc_store::list::ContactList;

use crate::Readers;
use crate::contact_views::ContactInput;

/// A contact that was read, with its places.
pub struct ReadContact {
    full: FullContact,
    place: Option<Location>,
    places: Vec<Option<Location>>,
}

impl ReadContact {
    /// Reads a contact; numbers without a country are those of `default`.
    pub fn read(
        app: &App,
        readers: &Readers,
        tenant: i64,
        default: Option<Country>,
        input: &ContactInput,
    ) -> Result<Self, ApiError> {
        let mut errors = Vec::new();
        let mut fields = Fields::read(input, &mut errors);
        let given = fields.country(&mut errors);
        let mut places = Vec::new();
        let devices = devices(app, readers, tenant, given.or(default), input, &mut places, &mut errors);
        let zone = fields.zone.take().and_then(|name| match readers.tables.current().of_zone(&name) {
            Ok(zone) => Some(zone),
            Err(error) => {
                errors.push(FieldError::new("/fields/c_tz_name", "unknown_timezone", error.to_string()));
                None
            }
        });
        if !errors.is_empty() {
            return Err(ApiError::validation(errors));
        }
        let first = devices.first().and_then(|d| d.country.as_deref()).and_then(Country::from_code);
        let home = given.or(first).or(default);
        let (postal, state) = (fields.postal.unwrap_or_default(), fields.state.unwrap_or_default());
        let told = Told { zone: zone.clone(), country: given, home, postal: &postal, state: &state };
        // a state says its country, so that it is still found when places are found anew
        let of_state = || told.country_of_state(&readers.tables.current()).ok().flatten();
        let home = given.or_else(of_state).or(home);
        let place = ContactPlaces::default().find(&readers.tables.current(), told);
        let client_id = some(input.client_id.as_deref().unwrap_or_default().trim());
        let key = key_text(client_id.as_deref(), devices.first().map(|d| d.address.as_str()));
        let contact = Contact {
            id: 0,
            key_hash: app.hash_key.hash(tenant, &key),
            first_name: fields.first_name,
            last_name: fields.last_name,
            company: fields.company,
            country: home.map(|c| c.as_str().to_owned()),
            region: state_code(&readers.tables.current(), home, &state).or_else(|| some(&state)),
            postal: some(&postal),
            zone: zone.and_then(|z| z.zones().first().map(ToString::to_string)),
            location: 0,
            custom: (!fields.custom.is_empty()).then(|| serde_json::Value::Object(fields.custom).to_string()),
            original: None,
            client_id,
        };
        Ok(Self { full: FullContact { contact, devices }, place, places })
    }

    /// The text by which the contact is told from others.
    pub fn key(&self) -> String {
        let first = self.full.devices.first().map(|d| d.address.as_str());
        key_text(self.full.contact.client_id.as_deref(), first).into_owned()
    }

    /// The hash of the key.
    pub fn key_hash(&self) -> i64 {
        self.full.contact.key_hash
    }
}

/// The places of contacts, stored and numbered: before the transaction that writes them.
pub async fn place(app: &App, readers: &Readers, contacts: &mut [ReadContact]) -> Result<(), ApiError> {
    let all = contacts.iter().flat_map(|c| std::iter::once(&c.place).chain(&c.places)).flatten().cloned();
    let mut wanted: Vec<Location> = Vec::new();
    for location in all {
        if !wanted.contains(&location) {
            wanted.push(location);
        }
    }
    let numbers = readers.locations.numbers(&app.db, &wanted).await?;
    let numbers: HashMap<&Location, i64> = wanted.iter().zip(numbers).collect();
    let number = |place: &Option<Location>| place.as_ref().and_then(|p| numbers.get(p).copied()).unwrap_or(0);
    for contact in contacts {
        contact.full.contact.location = number(&contact.place);
        for (device, place) in contact.full.devices.iter_mut().zip(&contact.places) {
            device.location = number(place);
        }
    }
    Ok(())
}

/// The contacts of a list that have these keys, by key.
pub async fn holders(
    tx: &mut Tx,
    list: &ContactList,
    contacts: &[ReadContact],
) -> Result<HashMap<String, i64>, ApiError> {
    let hashes: Vec<i64> = contacts.iter().map(ReadContact::key_hash).collect();
    holders_of(tx, list, &hashes).await
}

/// The visible contacts of a list that have these key hashes, by key.
pub async fn holders_of(tx: &mut Tx, list: &ContactList, hashes: &[i64]) -> Result<HashMap<String, i64>, ApiError> {
    let found = tx.contact_keys(list.generation, hashes).await?;
    let visible = found.into_iter().filter(|holder| holder.id <= list.visible_to);
    let keyed = visible.map(|h| (key_text(h.client_id.as_deref(), h.address.as_deref()).into_owned(), h.id));
    Ok(keyed.collect())
}

/// Puts contacts into a list whose row is locked: those with an id take the place of the one that has it.
/// Answers them as they are now. That they were written by hand is kept: an undo of the latest import does not throw it away.
pub async fn write(
    tx: &mut Tx,
    list: &ContactList,
    contacts: Vec<(Option<i64>, ReadContact)>,
    now: i64,
) -> Result<Vec<FullContact>, ApiError> {
    let new = contacts.iter().filter(|(id, _)| id.is_none()).count();
    let mut next = tx.id_block_take(Numbered::Contact, i64::try_from(new).unwrap_or(0).max(1)).await?;
    let old: Vec<i64> = contacts.iter().filter_map(|(id, _)| *id).collect();
    let (removed, removed_devices) = tx.contacts_remove(list.generation, &old).await?;
    let mut visible_to = list.visible_to;
    let written: Vec<FullContact> = contacts
        .into_iter()
        .map(|(id, read)| {
            let mut full = read.full;
            full.contact.id = id.unwrap_or_else(|| {
                next += 1;
                next - 1
            });
            visible_to = visible_to.max(full.contact.id);
            for device in &mut full.devices {
                device.contact = full.contact.id;
            }
            full
        })
        .collect();
    tx.contacts_insert(list.generation, &written).await?;
    let ids: Vec<i64> = written.iter().map(|full| full.contact.id).collect();
    tx.contacts_edited(list.number, &ids, now).await?;
    let devices: usize = written.iter().map(|full| full.devices.len()).sum();
    let difference = |now: usize, before: u64| i64::try_from(now).unwrap_or(0) - before.cast_signed();
    let (contacts, devices) = (difference(written.len(), removed), difference(devices, removed_devices));
    tx.contact_list_count(list.number, contacts, devices, visible_to).await?;
    Ok(written)
}

/// Takes contacts out of a list whose row is locked.
pub async fn remove(tx: &mut Tx, list: &ContactList, ids: &[i64]) -> Result<(), ApiError> {
    tx.contacts_leave(list.tenant, list.number, list.generation, ids).await?;
    let (contacts, devices) = tx.contacts_remove(list.generation, ids).await?;
    Ok(tx.contact_list_count(list.number, -contacts.cast_signed(), -devices.cast_signed(), 0).await?)
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

#[derive(Default)]
struct Fields {
    first_name: Option<String>,
    last_name: Option<String>,
    company: Option<String>,
    country: Option<String>,
    state: Option<String>,
    postal: Option<String>,
    zone: Option<String>,
    custom: serde_json::Map<String, serde_json::Value>,
}

impl Fields {
    fn read(input: &ContactInput, errors: &mut Vec<FieldError>) -> Self {
        let mut own = Self::default();
        if input.fields.len() > 200 {
            errors.push(FieldError::new("/fields", "too_many", "a contact has at most 200 fields"));
        }
        if input.client_id.as_ref().is_some_and(|id| id.trim().chars().count() > ContactField::ClientId.limit()) {
            errors.push(FieldError::new("/clientId", "too_long", "a client id has at most 64 characters"));
        }
        for (name, value) in &input.fields {
            let value = value.trim();
            let field = ContactField::from_key(name).filter(|field| field.column() == name.as_str());
            let limit = field.unwrap_or(ContactField::Other(1));
            if matches!(limit.fit(value), Fit::Cut(_)) || name.trim().is_empty() || name.chars().count() > 100 {
                let detail = format!("a name has 1 to 100 characters, and this value at most {}", limit.limit());
                errors.push(FieldError::new(format!("/fields/{name}"), "too_long", detail));
            }
            let value = || some(value);
            match field {
                Some(ContactField::FirstName) => own.first_name = value(),
                Some(ContactField::LastName) => own.last_name = value(),
                Some(ContactField::Company) => own.company = value(),
                Some(ContactField::Country) => own.country = value(),
                Some(ContactField::State) => own.state = value(),
                Some(ContactField::PostalCode) => own.postal = value(),
                Some(ContactField::TimeZone) => own.zone = value(),
                Some(ContactField::ClientId | ContactField::Device(_)) => {
                    let detail = "client id and devices have members of their own";
                    errors.push(FieldError::new(format!("/fields/{name}"), "misplaced", detail));
                }
                Some(ContactField::Other(_)) | None => {
                    if let Some(value) = value() {
                        own.custom.insert(name.clone(), value.into());
                    }
                }
            }
        }
        own
    }

    fn country(&mut self, errors: &mut Vec<FieldError>) -> Option<Country> {
        let text = self.country.take()?;
        match Country::parse(&text) {
            Ok(country) => Some(country),
            Err(error) => {
                errors.push(FieldError::new("/fields/c_country_code_iso", "bad_country", error.to_string()));
                None
            }
        }
    }
}

fn devices(
    app: &App,
    readers: &Readers,
    tenant: i64,
    country: Option<Country>,
    input: &ContactInput,
    places: &mut Vec<Option<Location>>,
    errors: &mut Vec<FieldError>,
) -> Vec<Device> {
    let mut error = |pointer: String, code, detail: String| errors.push(FieldError::new(pointer, code, detail));
    if input.devices.is_empty() || input.devices.len() > MAX_DEVICES {
        error("/devices".into(), "length", "a contact has 1 to 10 devices".into());
        return Vec::new();
    }
    let mut found: Vec<(Device, Option<Location>)> = Vec::new();
    for (i, device) in input.devices.iter().enumerate() {
        let free = |p: &i16| {
            !found.iter().any(|(d, _)| d.position == *p) && !input.devices[i..].iter().any(|d| d.index == Some(*p))
        };
        let position = device.index.or_else(|| (1..=10).find(free)).unwrap_or(0);
        if !(1..=10).contains(&position) || found.iter().any(|(d, _)| d.position == position) {
            error(format!("/devices/{i}/index"), "invalid", "an index is 1 to 10, and each once".into());
            continue;
        }
        let text = device.number.trim();
        let read = if text.chars().count() > ContactField::Device(1).limit() {
            Err("a device has at most 128 characters".to_owned())
        } else {
            CheckedDevice::read(&readers.phones, &readers.tables.current(), text, None, country)
        };
        match read {
            Err(detail) => error(format!("/devices/{i}/number"), "bad_device", detail),
            Ok(read) => {
                let address_hash = app.hash_key.hash(tenant, &address_text(&read.address));
                if found.iter().any(|(d, _)| d.address_hash == address_hash) {
                    error(format!("/devices/{i}/number"), "repeated", "a contact has each device once".into());
                    continue;
                }
                let device = Device {
                    contact: 0,
                    position,
                    kind: read.kind.code(),
                    address_hash,
                    address: read.address,
                    r#type: device.contact_type.map_or(0, cxc_core::enumerations::ContactType::code),
                    line_type: read.line_type.code(),
                    extension: read.extension,
                    country: read.country.map(|c| c.as_str().to_owned()),
                    area_code: read.area_code,
                    location: 0,
                };
                found.push((device, read.place));
            }
        }
    }
    found.sort_by_key(|(device, _)| device.position);
    let (devices, found_places): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    *places = found_places;
    devices
}

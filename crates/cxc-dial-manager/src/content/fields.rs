//! The fields of a contact, by the names that templates use.
use std::collections::HashMap;

use cxc_store::contact::{Device, FullContact};
use minijinja::Value;

/// What a template can ask for: one contact, the device in use, and what the sender adds.
pub struct Fields<'a> {
    contact: &'a FullContact,
    device: &'a Device,
    custom: HashMap<String, String>,
    /// Where the person can unsubscribe.
    pub unsubscribe_url: &'a str,
    /// The sender's postal address.
    pub postal_address: &'a str,
    /// The sender's display name.
    pub from_name: &'a str,
    /// Where answers go.
    pub reply_to: Option<&'a str>,
}

impl<'a> Fields<'a> {
    /// The fields of a contact. Custom fields are read only if `wants_custom`.
    pub fn new(contact: &'a FullContact, device: &'a Device, wants_custom: bool) -> Self {
        let text = contact.contact.custom.as_deref().filter(|_| wants_custom);
        let custom: HashMap<String, String> = text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let custom = custom.into_iter().map(|(name, value)| (identifier(&name), value)).collect();
        Self { contact, device, custom, unsubscribe_url: "", postal_address: "", from_name: "", reply_to: None }
    }

    /// A field by its name; absent if the contact has none or it is empty, so that a default can step in.
    pub fn get(&self, name: &str) -> Option<Value> {
        let text = match name {
            "unsubscribe_url" => Some(self.unsubscribe_url),
            "postal_address" => Some(self.postal_address),
            other => standard(other).map_or_else(|| self.custom.get(other).map(String::as_str), |field| self.of(field)),
        };
        text.filter(|t| !t.trim().is_empty()).map(Value::from)
    }

    fn of(&self, field: Standard) -> Option<&str> {
        let contact = &self.contact.contact;
        match field {
            Standard::First => contact.first_name.as_deref(),
            Standard::Last => contact.last_name.as_deref(),
            Standard::Company => contact.company.as_deref(),
            Standard::Client => contact.client_id.as_deref(),
            Standard::Country => contact.country.as_deref(),
            Standard::Region => contact.region.as_deref(),
            Standard::Postal => contact.postal.as_deref(),
            Standard::Address => Some(&self.device.address),
        }
    }
}

enum Standard {
    First,
    Last,
    Company,
    Client,
    Country,
    Region,
    Postal,
    Address,
}

/// The names of standard fields: as columns, and as people write them.
fn standard(name: &str) -> Option<Standard> {
    Some(match name {
        "first_name" | "c_first_name" | "FirstName" => Standard::First,
        "last_name" | "c_last_name" | "LastName" => Standard::Last,
        "company" | "c_company" | "Company" => Standard::Company,
        "client_id" | "c_client_id" | "ClientID" => Standard::Client,
        "country" | "c_country_code_iso" => Standard::Country,
        "region" | "state" | "c_state_code" => Standard::Region,
        "postal_code" | "c_postal_code" => Standard::Postal,
        "address" | "contact_info" => Standard::Address,
        _ => return None,
    })
}

/// Whether a template names a field that is not a standard one.
pub fn wants_custom<'a>(mut names: impl Iterator<Item = &'a String>) -> bool {
    names.any(|name| standard(name).is_none() && !matches!(name.as_str(), "unsubscribe_url" | "postal_address"))
}

/// A custom field's name as templates write it: `Due date (EUR)` becomes `due_date_eur`.
pub fn identifier(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for c in name.chars() {
        if c.is_alphanumeric() {
            text.extend(c.to_lowercase());
        } else if !text.ends_with('_') && !text.is_empty() {
            text.push('_');
        }
    }
    text.truncate(text.trim_end_matches('_').len());
    text
}

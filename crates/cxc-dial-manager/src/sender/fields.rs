//! The fields of a contact, by the names that templates use.
use std::collections::BTreeMap;

use cxc_store::contact::{Device, FullContact};

use crate::content::{CompiledContent, Fields, placeholder_name};

/// The fields of a contact that a content uses. Custom fields are read only where one is asked for.
pub fn fields_for(content: &CompiledContent, contact: &FullContact, device: &Device) -> Fields {
    let mut fields = Fields::with_capacity(8);
    let mut custom: Option<BTreeMap<String, String>> = None;
    for name in content.fields() {
        let value = match standard(name, contact, device) {
            Some(value) => value.map(ToOwned::to_owned),
            None => custom.get_or_insert_with(|| custom_of(contact)).get(name).cloned(),
        };
        if let Some(value) = value {
            fields.push(name.into(), value);
        }
    }
    fields
}

fn custom_of(contact: &FullContact) -> BTreeMap<String, String> {
    let text = contact.contact.custom.as_deref().unwrap_or("{}");
    let custom: BTreeMap<String, String> = serde_json::from_str(text).unwrap_or_default();
    custom.into_iter().map(|(name, value)| (placeholder_name(&name), value)).collect()
}

/// A standard field, under its column's name or as people write it. `None` for a name that is no standard field.
fn standard<'a>(name: &str, contact: &'a FullContact, device: &'a Device) -> Option<Option<&'a str>> {
    let contact = &contact.contact;
    Some(match name {
        "first_name" | "c_first_name" => contact.first_name.as_deref(),
        "last_name" | "c_last_name" => contact.last_name.as_deref(),
        "company" | "c_company" => contact.company.as_deref(),
        "client_id" | "c_client_id" => contact.client_id.as_deref(),
        "country" | "c_country_code_iso" => contact.country.as_deref(),
        "region" | "state" | "c_state_code" => contact.region.as_deref(),
        "postal_code" | "c_postal_code" => contact.postal.as_deref(),
        "address" | "contact_info" => Some(&device.address),
        _ => return None,
    })
}

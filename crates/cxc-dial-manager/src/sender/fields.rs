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
            None => custom.get_or_insert_with(|| custom_of(contact)).get(&placeholder_name(name)).cloned(),
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

/// A standard field, under its column's name or as people write it (`FirstName`). `None` for a name that is no standard
/// field.
fn standard<'a>(name: &str, contact: &'a FullContact, device: &'a Device) -> Option<Option<&'a str>> {
    let contact = &contact.contact;
    Some(match name.to_ascii_lowercase().replace('_', "").as_str() {
        "firstname" | "cfirstname" => contact.first_name.as_deref(),
        "lastname" | "clastname" => contact.last_name.as_deref(),
        "company" | "ccompany" => contact.company.as_deref(),
        "clientid" | "cclientid" => contact.client_id.as_deref(),
        "country" | "ccountrycodeiso" => contact.country.as_deref(),
        "region" | "state" | "cstatecode" => contact.region.as_deref(),
        "postalcode" | "cpostalcode" => contact.postal.as_deref(),
        "address" | "contactinfo" => Some(&device.address),
        _ => return None,
    })
}

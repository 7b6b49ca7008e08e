//! What the audit log keeps of people: numbers, keyed hashes, names of fields and times, never what people are called or reached
//! by. The export of a person finds the changes by the hashes, and they stay after an erasure.
use cxc_core::hash::hash_text;
use cxc_server::App;
use cxc_server::app::time_text;
use cxc_store::contact::FullContact;
use cxc_store::suppression::SuppressionEntry;
use serde_json::{Value, json};

/// Entries of suppression lists.
pub(crate) fn entries(entries: &[SuppressionEntry]) -> Value {
    let of = |entry: &SuppressionEntry| {
        json!({
            "hash": hash_text(entry.key_hash),
            "from": entry.from_at.map(time_text),
            "till": entry.until_at.map(time_text),
            "source": entry.source,
        })
    };
    entries.iter().map(of).collect()
}

/// Contacts.
pub(crate) fn contacts(app: &App, tenant: i64, contacts: &[FullContact]) -> Value {
    let of = |full: &FullContact| {
        let client = full.contact.client_id.as_deref().map(|id| hash_text(app.hash_key.hash(tenant, id)));
        let devices: Vec<String> = full.devices.iter().map(|device| hash_text(device.address_hash)).collect();
        json!({ "id": full.contact.id.to_string(), "clientId": client, "devices": devices })
    };
    contacts.iter().map(of).collect()
}

/// The names of what differs between a contact before and after.
pub(crate) fn changed(before: &FullContact, after: &FullContact) -> Vec<&'static str> {
    let (was, is) = (&before.contact, &after.contact);
    let devices = |full: &FullContact| -> Vec<(i16, String, Option<String>)> {
        full.devices.iter().map(|d| (d.position, d.address.clone(), d.extension.clone())).collect()
    };
    let fields = [
        ("c_client_id", was.client_id != is.client_id),
        ("c_first_name", was.first_name != is.first_name),
        ("c_last_name", was.last_name != is.last_name),
        ("c_company", was.company != is.company),
        ("c_country_code_iso", was.country != is.country),
        ("c_state_code", was.region != is.region),
        ("c_postal_code", was.postal != is.postal),
        ("c_tz_name", was.zone != is.zone),
        ("custom fields", was.custom != is.custom),
        ("devices", devices(before) != devices(after)),
    ];
    fields.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}

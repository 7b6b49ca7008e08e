//! What an update makes of a contact: the file's values where it has some, the contact's own elsewhere.
use cxc_store::contact::{Contact, FullContact};
use serde_json::{Map, Value};

/// The contact with the values of a line.
pub fn merge(before: &FullContact, line: FullContact) -> FullContact {
    let (old, new) = (&before.contact, line.contact);
    let or = |new: Option<String>, old: &Option<String>| new.or_else(|| old.clone());
    let contact = Contact {
        id: old.id,
        // a contact without a client id that is given one is found by it from now on
        key_hash: if old.client_id.is_none() && new.client_id.is_some() { new.key_hash } else { old.key_hash },
        client_id: or(new.client_id, &old.client_id),
        first_name: or(new.first_name, &old.first_name),
        last_name: or(new.last_name, &old.last_name),
        company: or(new.company, &old.company),
        country: or(new.country, &old.country),
        region: or(new.region, &old.region),
        postal: or(new.postal, &old.postal),
        zone: or(new.zone, &old.zone),
        location: if new.location == 0 { old.location } else { new.location },
        custom: custom(old.custom.as_deref(), new.custom),
        original: or(new.original, &old.original),
    };
    let mut devices = line.devices;
    for device in &before.devices {
        let same =
            |d: &&cxc_store::contact::Device| d.position == device.position || d.address_hash == device.address_hash;
        if !devices.iter().any(|d| same(&d)) {
            devices.push(device.clone());
        }
    }
    devices.sort_by_key(|d| d.position);
    for device in &mut devices {
        device.contact = old.id;
    }
    FullContact { contact, devices }
}

fn custom(old: Option<&str>, new: Option<String>) -> Option<String> {
    let parse = |text: &str| serde_json::from_str::<Map<String, Value>>(text).ok();
    match (old.and_then(parse), new.as_deref().and_then(parse)) {
        (Some(mut all), Some(changed)) => {
            all.extend(changed);
            Some(Value::Object(all).to_string())
        }
        (Some(_), None) => old.map(str::to_owned),
        (None, _) => new,
    }
}

#[cfg(test)]
mod tests {
    use cxc_store::contact::Device;

    use super::*;

    fn device(position: i16, address: &str) -> Device {
        Device { position, address: address.into(), address_hash: address.len() as i64, ..Device::default() }
    }

    #[test]
    fn only_what_the_line_has_is_changed() {
        let text = |t: &str| Some(t.to_owned());
        let before = FullContact {
            contact: Contact {
                id: 7,
                key_hash: 9,
                first_name: text("Ann"),
                company: text("Acme"),
                custom: text(r#"{"c_other1":"a","c_other2":"b"}"#),
                location: 4,
                ..Contact::default()
            },
            devices: vec![device(1, "1"), device(2, "22"), device(3, "333")],
        };
        let line = FullContact {
            contact: Contact { first_name: text("Anna"), custom: text(r#"{"c_other2":"c"}"#), ..Contact::default() },
            devices: vec![device(1, "22")],
        };
        let after = merge(&before, line);
        assert_eq!((after.contact.id, after.contact.key_hash, after.contact.location), (7, 9, 4));
        assert_eq!((after.contact.first_name, after.contact.company), (text("Anna"), text("Acme")));
        assert_eq!(after.contact.custom, text(r#"{"c_other1":"a","c_other2":"c"}"#));
        // the second moved to the first place, the third stayed
        let devices: Vec<_> = after.devices.iter().map(|d| (d.position, d.address.as_str(), d.contact)).collect();
        assert_eq!(devices, [(1, "22", 7), (3, "333", 7)]);
    }
}

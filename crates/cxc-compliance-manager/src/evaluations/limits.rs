//! How much a document may hold.
use cxc_core::field_error::FieldError;

use super::document::{ContactAsked, EvaluationDocument};

/// The most devices of a contact.
pub(super) const DEVICES: usize = 10;
/// The most of everything else.
const MOST: usize = 2000;
/// The longest text.
const LONGEST: usize = 200;

/// What is too long or too much.
pub(super) fn limits(asked: &EvaluationDocument, contact: &ContactAsked, errors: &mut Vec<FieldError>) {
    let lengths = [
        ("/history", asked.history.len(), MOST),
        ("/suppression", asked.suppression.len(), MOST),
        ("/numberLists", asked.number_lists.len(), 100),
        ("/rules", asked.rules.len(), 500),
        ("/legalSettings", asked.legal_settings.len(), 500),
        ("/contact/devices", contact.devices.len(), DEVICES),
        ("/contact/zones", contact.zones.len(), 50),
        ("/contact/debts", contact.debts.len(), 50),
        ("/contact/consents", contact.consents.len(), MOST),
        ("/contact/flags", contact.flags.len(), 50),
    ];
    for (pointer, length, most) in lengths {
        if length > most {
            errors.push(FieldError::new(pointer, "too_many_items", format!("at most {most}")));
        }
    }
    for (place, list) in asked.number_lists.iter().enumerate().take(100) {
        if asked.number_lists.iter().take(place).any(|earlier| earlier.name == list.name) {
            let detail = format!("{} is already told of: one entry of each list", list.name);
            errors.push(FieldError::new(format!("/numberLists/{place}/name"), "duplicate", detail));
        }
    }
    for (place, consent) in contact.consents.iter().enumerate().take(MOST) {
        if let Some(problem) = consent.asked_for_problem() {
            errors.push(FieldError::new(format!("/contact/consents/{place}/askedFor"), "invalid", problem));
        }
    }
    let texts = [
        ("/contact/clientId", &contact.client_id),
        ("/contact/personKey", &contact.person_key),
        ("/contact/account", &contact.account),
        ("/contact/postalCode", &contact.postal_code),
        ("/contact/region", &contact.region),
        ("/collector", &asked.collector),
        ("/topic", &asked.topic),
        ("/brand", &asked.brand),
    ];
    for (pointer, text) in texts {
        if text.as_ref().is_some_and(|text| text.len() > LONGEST) {
            errors.push(FieldError::new(pointer, "too_long", format!("at most {LONGEST} bytes")));
        }
    }
}

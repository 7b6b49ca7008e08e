//! What a document tries out about a stored contact: attempts, lists and answers besides those that are known.
use cxc_core::compliance::{CheckInputs, KeptNumbers, NumberListHit};
use cxc_core::device::LineType;
use cxc_server::ApiError;
use cxc_store::contact::{Device, FullContact};

use super::document::{ContactAsked, DeviceAsked, DeviceDetail, EvaluationDocument};
use super::question::Question;
use super::resolve::Resolver;

/// Adds what is tried to what the check of a device is given.
pub(super) fn add(
    inputs: &mut CheckInputs,
    resolver: &Resolver<'_>,
    asked: &EvaluationDocument,
    contact: &FullContact,
) -> Result<(), ApiError> {
    if asked.intelligence.is_some() {
        inputs.intelligence = asked.intelligence;
    }
    if asked.history.is_empty() && asked.suppression.is_empty() && asked.number_lists.is_empty() {
        return Ok(());
    }
    let place = contact.devices.iter().position(|d| d.address_hash == inputs.device);
    let own = EvaluationDocument {
        contact: Some(words(contact)),
        device: place.map(Into::into),
        channel: Some(inputs.channel),
        ..asked.clone()
    };
    let resolver = Resolver { is_stored: true, ..resolver.clone() };
    let question = resolver.question(&own, (inputs.group, None)).map_err(ApiError::validation)?;
    add_numbers(inputs, &question);
    inputs.attempts.get_or_insert_default().extend(question.attempts);
    inputs.suppression.get_or_insert_default().extend(question.suppression);
    Ok(())
}

/// A list that is tried takes the place of the one of its name.
fn add_numbers(inputs: &mut CheckInputs, question: &Question) {
    if question.lists.is_empty() {
        return;
    }
    let known = inputs.numbers.get_or_insert_with(|| KeptNumbers { lists: Vec::new(), holding: Vec::new() });
    for (at, tried) in question.lists.iter().enumerate() {
        let index = known.lists.iter().position(|list| list.name == tried.name).unwrap_or(known.lists.len());
        match known.lists.get_mut(index) {
            Some(list) => *list = tried.clone(),
            None => known.lists.push(tried.clone()),
        }
        known.holding.retain(|hit| hit.list != index);
        let hit = question.holding.iter().find(|hit| hit.list == at);
        known.holding.extend(hit.map(|hit| NumberListHit { list: index, ..*hit }));
    }
}

/// What is stored of a contact, as somebody would write it.
fn words(full: &FullContact) -> ContactAsked {
    let contact = &full.contact;
    let device = |device: &Device| {
        DeviceAsked::Device(DeviceDetail {
            address: device.address.clone(),
            timezone: None,
            line_type: Some(LineType::from_code(device.line_type)),
        })
    };
    ContactAsked {
        client_id: contact.client_id.clone(),
        timezone: contact.zone.clone(),
        postal_code: contact.postal.clone(),
        country: contact.country.clone(),
        region: contact.region.clone(),
        devices: full.devices.iter().map(device).collect(),
        ..ContactAsked::default()
    }
}

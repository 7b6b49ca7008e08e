//! The question of a contact that is stored: its own words are read again, its attempts and suppressions looked up.
use cxc_core::channel::Channel;
use cxc_core::compliance::{RuleRef, SuppressedBy, SuppressionHit};
use cxc_core::contact::address_text;
use cxc_core::device::{DeviceKind, LineType};
use cxc_server::ApiError;
use cxc_store::Tx;
use cxc_store::attempt_subject::{HISTORY_LIMIT, HistoryKeys};
use cxc_store::contact::FullContact;
use cxc_store::suppression::DEVICE;
use jiff::Timestamp;
use serde_json::Value;

use super::document::{ContactAsked, DeviceAsked, DeviceDetail, EvaluationDocument};
use super::resolve::{Question, Resolver};
use super::run::Group;
use crate::past::past_attempt;

/// The question about a stored contact.
pub(super) async fn question(
    tx: &mut Tx,
    resolver: &Resolver<'_>,
    asked: &EvaluationDocument,
    group: Option<&Group>,
) -> Result<Question, ApiError> {
    let contact = find(tx, resolver.tenant, asked).await?;
    let mut own = asked.clone();
    own.contact = Some(words(&contact));
    let channel = asked.channel.or(group.and_then(|g| g.channel));
    if own.device.is_none() {
        own.device = first(&contact, channel);
    }
    let number = group.map_or(0, |g| g.number);
    let mut question = resolver.question(&own, (number, channel)).map_err(ApiError::validation)?;
    history(tx, resolver, &mut question).await?;
    suppression(tx, resolver, &mut question, &contact, group).await?;
    Ok(question)
}

async fn find(tx: &mut Tx, tenant: i64, asked: &EvaluationDocument) -> Result<FullContact, ApiError> {
    let missing =
        |pointer: &str, what: &str| ApiError::invalid(pointer, "not_found", format!("there is no such {what}"));
    let id = asked.list_id.ok_or_else(|| missing("/listId", "list"))?;
    let list = tx.contact_list_get(tenant, id).await?.ok_or_else(|| missing("/listId", "list"))?;
    let number = match &asked.contact_id {
        Some(Value::String(text)) => text.parse().ok(),
        Some(Value::Number(number)) => number.as_i64(),
        _ => None,
    };
    let number: i64 = number.ok_or_else(|| ApiError::invalid("/contactId", "invalid", "a contact's number"))?;
    tx.contact_get(&list, number).await?.ok_or_else(|| missing("/contactId", "contact"))
}

/// What is stored of a contact, as somebody would write it.
fn words(full: &FullContact) -> ContactAsked {
    let contact = &full.contact;
    let device = |device: &cxc_store::contact::Device| {
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

/// The first device that the channel can use.
fn first(full: &FullContact, channel: Option<Channel>) -> Option<Value> {
    let kind = DeviceKind::for_channel(channel?).code();
    full.devices.iter().position(|device| device.kind == kind).map(Value::from)
}

async fn history(tx: &mut Tx, resolver: &Resolver<'_>, question: &mut Question) -> Result<(), ApiError> {
    let since = question.at.as_microsecond().saturating_sub(REACH);
    let keys = HistoryKeys {
        devices: vec![question.device],
        clients: question.client.into_iter().collect(),
        subjects: Vec::new(),
    };
    let found = tx.attempt_history_wide(resolver.tenant, &keys, since).await?;
    if found.len() >= HISTORY_LIMIT {
        let text = "more attempts on the contact are stored than an evaluation reads";
        return Err(ApiError::new(cxc_server::Code::TooManyItems, text));
    }
    let upto = question.at;
    question.attempts.extend(found.iter().filter_map(past_attempt).filter(|attempt| attempt.at <= upto));
    Ok(())
}

/// No rule looks further back: a year and a day.
const REACH: i64 = 366 * 86_400 * 1_000_000;

async fn suppression(
    tx: &mut Tx,
    resolver: &Resolver<'_>,
    question: &mut Question,
    contact: &FullContact,
    group: Option<&Group>,
) -> Result<(), ApiError> {
    let chosen = group.and_then(|g| g.body.settings.as_ref()).map(|s| s.suppression_lists.clone()).unwrap_or_default();
    let at = question.at.as_microsecond();
    let lists = tx.suppression_applicable(resolver.tenant, &chosen, question.channel, at).await?;
    if lists.is_empty() {
        return Ok(());
    }
    let clients: Vec<i64> = question.client.into_iter().collect();
    let addresses: Vec<String> = contact.devices.iter().map(|d| address_text(&d.address).into_owned()).collect();
    let client = contact.contact.client_id.as_deref().unwrap_or_default().trim();
    for hit in tx.suppression_hits(&lists, &[question.device], &clients, at).await? {
        let Some(list) = lists.iter().find(|list| list.number == hit.list) else { continue };
        let by = if list.kind == DEVICE { SuppressedBy::Device } else { SuppressedBy::ClientId };
        // a hash may be another's; an erased person's entry has no key left, there the hash alone decides
        let own = match by {
            SuppressedBy::Device => addresses.contains(&hit.key),
            SuppressedBy::ClientId => client == hit.key,
        };
        if own || hit.key.is_empty() {
            let list = RuleRef::new(list.id.to_string(), list.changes);
            question.suppression.push(SuppressionHit { list, by, from: None, until: None::<Timestamp> });
        }
    }
    Ok(())
}

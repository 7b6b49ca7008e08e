//! The question of a contact that is stored: it is judged by the function of the senders, as right before an attempt,
//! and explained from what that was given. So an explanation knows all that a sender would know.
use std::sync::Arc;

use cxc_core::channel::Channel;
use cxc_core::compliance::campaign::CampaignFinding;
use cxc_core::compliance::{
    DataFault, Decision, Explanation, Failure, IntervalCache, Reading, RuleKind, RuleRef, RuleSet, Step, Subject,
    Verdict,
};
use cxc_core::contact::address_text;
use cxc_core::device::DeviceKind;
use cxc_core::record::Reason;
use cxc_core::treatment::Treatment;
use cxc_server::{ApiError, App};
use cxc_store::Tx;
use cxc_store::contact::FullContact;
use cxc_store::judge::{Case, Finding, Judge, Scope, leaves_other_devices};
use cxc_store::list::ContactList;
use cxc_store::location::Locations;
use serde_json::Value;

use super::campaign;
use super::document::EvaluationDocument;
use super::resolve::Resolver;
use super::run::{Group, PLACES};
use super::tried;

/// The decision about a stored contact at a moment. Of several devices it goes on to the next where a sender would,
/// unless one is asked about; the steps of each are told. `fault` is what holds everybody at that moment.
pub(super) async fn explain(
    app: &App,
    tx: &mut Tx,
    resolver: &Resolver<'_>,
    asked: &EvaluationDocument,
    group: Option<&Group>,
    (rules, fault): (&RuleSet, Option<DataFault>),
) -> Result<(Explanation, Vec<CampaignFinding>), ApiError> {
    let (list, contact) = find(tx, resolver.tenant, asked).await?;
    let at = asked.at.unwrap_or(resolver.now);
    let channel = channel(asked, group, &contact);
    let settings = group.and_then(|g| g.body.settings.as_ref());
    let chosen = settings.map(|s| s.suppression_lists.clone()).unwrap_or_default();
    let suppression = tx.suppression_applicable(resolver.tenant, &chosen, channel, at.as_microsecond()).await?;
    let record = match group {
        Some(group) => tx.record_get(group.number, contact.contact.id).await?.filter(|r| r.list == list.number),
        None => None,
    };
    let treatment = settings.map_or_else(Treatment::default, |s| s.treatment.clone());
    let subject = subject(resolver, asked, group);
    let scope = Scope {
        tenant: resolver.tenant,
        grp: group.map_or(0, |g| g.number),
        channel,
        treatment: &treatment,
        rules,
        suppression: &suppression,
        subject: &subject,
        before_attempt: true,
    };
    let cache = || IntervalCache::new(resolver.kit.zones.clone(), PLACES);
    let judge = Judge::new(cache(), Arc::new(Locations::new()), app.hash_key);
    let (mut judge, mut cache) = (judge.with_numbers(app.numbers.clone()).at_any_moment(), cache());
    let mut case = Case { contact: &contact, device: device(asked, &contact)?, record: record.as_ref() };
    let mut steps = Vec::new();
    loop {
        let findings = judge.judge(tx, &scope, &[case], at.as_microsecond()).await?;
        let Some(judged) = judge.take_judged().pop().flatten() else {
            return Ok((without_device(findings.first(), channel), Vec::new()));
        };
        let mut inputs = judged.inputs;
        inputs.data_faults.extend(fault.clone());
        tried::add(&mut inputs, resolver, asked, &contact)?;
        let explained = inputs.explain(rules, &mut cache);
        steps.extend(explained.steps);
        let next = judge.device_after(&scope, &case).filter(|_| asked.device.is_none());
        match next.filter(|_| leaves_other_devices(&explained.verdict)) {
            Some(next) => case.device = next,
            None => {
                let explained = Explanation { verdict: explained.verdict, steps };
                let zones = &resolver.kit.zones;
                return Ok(inputs.with(|request, _| {
                    let (channel, subject, parts) = (request.channel, request.subject, Some(request.parts));
                    let reading = Reading { channel, subject, parts, at };
                    campaign::judge(explained, asked, rules, &reading, zones)
                }));
            }
        }
    }
}

/// The contact that a document names, with its list.
pub(super) async fn find(
    tx: &mut Tx,
    tenant: i64,
    asked: &EvaluationDocument,
) -> Result<(ContactList, FullContact), ApiError> {
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
    let contact = tx.contact_get(&list, number).await?.ok_or_else(|| missing("/contactId", "contact"))?;
    Ok((list, contact))
}

/// As it is asked, else that of the group, else by the first device.
fn channel(asked: &EvaluationDocument, group: Option<&Group>, contact: &FullContact) -> Channel {
    let is_email = contact.devices.first().is_some_and(|d| d.kind == DeviceKind::Email.code());
    let usual = if is_email { Channel::Email } else { Channel::Voice };
    asked.channel.or(group.and_then(|g| g.channel)).unwrap_or(usual)
}

/// What the attempts are for: as it is asked, else as the group says.
fn subject(resolver: &Resolver<'_>, asked: &EvaluationDocument, group: Option<&Group>) -> Subject {
    match group.filter(|_| asked.purpose.is_none()) {
        Some(group) => group.subject.clone(),
        None => resolver.subject(asked, cxc_core::device::LineType::Unknown),
    }
}

/// The position of the device that is asked about; 0 for the first that a sender would use.
fn device(asked: &EvaluationDocument, contact: &FullContact) -> Result<i16, ApiError> {
    let found = match &asked.device {
        None | Some(Value::Null) => return Ok(0),
        Some(Value::Number(number)) => {
            number.as_u64().and_then(|n| usize::try_from(n).ok()).and_then(|n| contact.devices.get(n))
        }
        Some(Value::String(text)) => {
            contact.devices.iter().find(|d| address_text(&d.address) == address_text(text.trim()))
        }
        Some(_) => None,
    };
    let text = "the address of one of the contact's devices, or its place from 0";
    found.map(|device| device.position).ok_or_else(|| ApiError::invalid("/device", "invalid", text))
}

/// The contact has no device that the channel may use: no rule was asked.
fn without_device(finding: Option<&Finding>, channel: Channel) -> Explanation {
    let (code, why) = match finding {
        Some(Finding::Exclude { reason: Reason::ForbiddenNumber, .. }) => {
            (Reason::ForbiddenNumber, "every number of the contact is of premium rate")
        }
        _ => (Reason::NoDevice, "the contact has no device for it"),
    };
    let detail = format!("an attempt by {} is not made: {why}", channel.as_str());
    let failure = Failure {
        rule: RuleRef::new("device", 0),
        kind: RuleKind::DataState,
        code,
        observed: None,
        limit: None,
        window_start: None,
        window_end: None,
        detail: Some(detail.clone()),
    };
    let verdict = Verdict {
        decision: Decision::Deny,
        reasons: vec![failure],
        warnings: Vec::new(),
        not_before: None,
        not_after: None,
        window_end: None,
    };
    Explanation { verdict, steps: vec![Step::Outcome { decision: Decision::Deny, sentence: detail }] }
}

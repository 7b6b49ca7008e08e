//! From judged contacts to rendered messages.
use std::sync::Arc;

use cxc_core::Micros;
use cxc_core::call_media::RecordingMode;
use cxc_core::record::{Reason, RecordStatus};
use cxc_dialer::engine::RecordingSpec;
use cxc_store::attempt::{NewAttempt, month_of};
use cxc_store::contact::{Device, FullContact};
use cxc_store::id_block::{IdBlocks, Numbered};
use cxc_store::judge::{Allowed, Case, Finding, Judge, Judged, Scope};
use cxc_store::record::{Record, RecordChange};
use cxc_store::{StoreError, Tx};
use serde_json::{Map, Value};

use super::SenderContext;
use super::evidence::Explained;
use super::fields::fields_for;
use super::plan::{GroupPlan, Plans};
use super::prepare::{Prepared, reference};
use crate::channel::voice::recording_spec;
use crate::channel::{Body, CallBody, OutMessage, PersonNumber, ScreenPop};
use crate::content::{Placement, UnsubscribeClaim, UnsubscribeLink};

/// Attempts are numbered from blocks of this size.
const ATTEMPT_IDS: i64 = 10_000;

/// What became of one fetched record.
pub enum Rendered {
    /// A message that may leave.
    Ready(Box<Prepared>),
    /// The record waits or is excluded; why, where rules were asked.
    Move(RecordChange, Option<Box<Explained>>),
}

/// Judges and renders for one sender.
pub struct Renderer {
    context: SenderContext,
    judge: Judge,
    ids: IdBlocks,
    epoch: i64,
}

impl Renderer {
    /// A renderer for the epoch of a sender's lease.
    pub fn new(context: SenderContext, epoch: i64) -> Self {
        let judge = context.judge();
        Self { context, judge, ids: IdBlocks::new(Numbered::Attempt, ATTEMPT_IDS), epoch }
    }

    /// Judges each record with its contact, and renders what may be sent.
    pub async fn render(
        &mut self,
        tx: Tx,
        plans: &Plans,
        plan: &Arc<GroupPlan>,
        pairs: Vec<(Record, Option<FullContact>)>,
    ) -> Result<Vec<Rendered>, StoreError> {
        let started = self.context.now();
        let scope = plan.scope(plans);
        let counts = scope.history_reach().is_some();
        let mut rendered = Vec::with_capacity(pairs.len());
        let mut open: Vec<(Record, FullContact)> = Vec::with_capacity(pairs.len());
        for (record, contact) in pairs {
            match contact {
                Some(contact) if record.not_after.is_none_or(|at| started < at) => open.push((record, contact)),
                Some(_) => rendered.push(Rendered::Move(excluded(&record, Reason::Expired, None), None)),
                None => rendered.push(Rendered::Move(excluded(&record, Reason::Removed, None), None)),
            }
        }
        let cases: Vec<Case<'_>> = open
            .iter()
            .map(|(record, contact)| Case { contact, device: record.device, record: Some(record) })
            .collect();
        let (findings, now) = self.findings(tx, &scope, &cases).await?;
        let allowed = findings.iter().filter(|f| matches!(f, Finding::Allow(_))).count();
        // numbers of messages that never leave are lost, which does no harm
        let mut ids = self.ids.take(&self.context.app.db, i64::try_from(allowed).unwrap_or(0)).await?..;
        let judged = self.judge.take_judged().into_iter().chain(std::iter::repeat_with(|| None));
        for (((record, contact), finding), judged) in open.into_iter().zip(findings).zip(judged) {
            let explained = |judged: Option<Judged>| self.explained(plan, &contact, judged?);
            rendered.push(match finding {
                Finding::Allow(allowed) => {
                    let place = (ids.next().unwrap_or_default(), now, counts);
                    self.message(plans, plan, record, contact, (allowed, judged), place)
                }
                Finding::Exclude { reason, cause } => {
                    Rendered::Move(excluded(&record, reason, cause), explained(judged))
                }
                Finding::Wait { reason, due, device, cause } => {
                    let to = RecordChange::put_off(&record, reason, due, cause);
                    Rendered::Move(RecordChange { device, ..to }, explained(judged))
                }
            });
        }
        Ok(rendered)
    }

    /// What is found of each contact, and when. External rules are asked between two looks at the facts, not within
    /// a transaction.
    async fn findings(
        &mut self,
        mut tx: Tx,
        scope: &Scope<'_>,
        cases: &[Case<'_>],
    ) -> Result<(Vec<Finding>, i64), StoreError> {
        let now = self.context.now();
        let findings = self.judge.judge(&mut tx, scope, cases, now).await?;
        drop(tx);
        if !self.judge.has_questions() {
            return Ok((findings, now));
        }
        self.judge.ask(scope, &self.context.app.outbound, now).await;
        let now = self.context.now();
        let mut fresh = self.context.app.db.read().await?;
        Ok((self.judge.judge(&mut fresh, scope, cases, now).await?, now))
    }

    fn message(
        &self,
        plans: &Plans,
        plan: &Arc<GroupPlan>,
        record: Record,
        contact: FullContact,
        (allowed, judged): (Allowed, Option<Judged>),
        (id, now, counts): (i64, i64, bool),
    ) -> Rendered {
        let (Some(device), Some(judged)) = (contact.devices.get(allowed.index), judged) else {
            return Rendered::Move(excluded(&record, Reason::NoDevice, None), None);
        };
        let place = (id, allowed.not_after);
        let body = match self.body(plans, plan, place, (&record, &contact), (device, &judged)) {
            Ok(body) => body,
            Err(error) => return Rendered::Move(excluded(&record, Reason::ContentError, Some(error)), None),
        };
        let kit = &self.context.evidence;
        let (regions, purpose) = (judged.inputs.regions(), judged.inputs.subject.purpose);
        let explained = Explained::new(kit, plan, judged, &device.address, Some((month_of(now), id)));
        let attempt = NewAttempt {
            tenant: plans.tenant,
            month: month_of(now),
            id,
            grp: plan.number,
            record: record.id,
            list: record.list,
            contact: record.id,
            account: plans.number,
            epoch: self.epoch,
            channel: plans.channel.bit(),
            position: device.position,
            device_hash: device.address_hash,
            client_hash: allowed.client,
            location: device.location,
            rule_set: plan.rules.version(),
            regions,
            started_at: now,
        };
        let message = OutMessage {
            attempt: id,
            reference: reference(&self.context.app.hash_key, plans.tenant, id),
            from: plans.account.sender.clone().unwrap_or_default(),
            to: device.address.clone(),
            body,
        };
        let (not_after, devices) = (allowed.not_after, allowed.usable);
        // what caps allow is counted once more when the attempt is written
        let contact = counts.then_some(contact);
        Rendered::Ready(Box::new(Prepared {
            record,
            attempt,
            message,
            not_after,
            prepared_at: now,
            devices,
            contact,
            explained,
            purpose,
        }))
    }
}

impl Renderer {
    /// Why a contact is not contacted now.
    fn explained(&self, plan: &GroupPlan, contact: &FullContact, judged: Judged) -> Option<Box<Explained>> {
        let device = contact.devices.iter().find(|d| d.address_hash == judged.inputs.device)?;
        Some(Explained::new(&self.context.evidence, plan, judged, &device.address, None))
    }

    fn body(
        &self,
        plans: &Plans,
        plan: &GroupPlan,
        (attempt, not_after): (i64, Micros),
        (record, contact): (&Record, &FullContact),
        (device, judged): (&Device, &Judged),
    ) -> Result<Body, String> {
        let Some(content) = plan.content.as_ref().map_err(Clone::clone)? else {
            let recording = self.recording(plans.tenant, plan, attempt, judged);
            let person = Arc::new(screen_pop(record, contact, device));
            return Ok(Body::Call(CallBody { group: plan.number, record: record.id, not_after, recording, person }));
        };
        let account = &plans.account;
        let claim = UnsubscribeClaim {
            tenant: plans.tenant,
            attempt,
            address_hash: device.address_hash,
            channels: plans.channel.bit(),
        };
        let link = || UnsubscribeLink::url(&self.context.app.config.public_base_url, &self.context.links.token(&claim));
        let placement = Placement {
            unsubscribe_url: content.needs_link().then(link),
            postal_address: account.postal_address.as_deref().map(Into::into),
            from_name: account.sender_name.as_deref().map(Into::into),
            reply_to: account.reply_to.as_deref().map(Into::into),
        };
        content.render(fields_for(content, contact, device), &placement).map_err(|e| e.to_string())
    }
}

impl Renderer {
    /// Whether and how a call is recorded: by the strictest rule of where the person may be.
    fn recording(&self, tenant: i64, plan: &GroupPlan, attempt: i64, judged: &Judged) -> Option<RecordingSpec> {
        let settings = &plan.settings.calls.recording;
        if settings.mode == RecordingMode::Off {
            return None;
        }
        let duty = settings.duty(judged.inputs.call_duties(&plan.rules, &self.context.zones).recording_consent);
        recording_spec(settings, duty, (tenant, attempt), self.context.now())
    }
}

/// What an agent sees of a person.
pub fn screen_pop(record: &Record, contact: &FullContact, device: &Device) -> ScreenPop {
    let person = &contact.contact;
    let words = [&person.first_name, &person.last_name].into_iter().flatten();
    let name = words.map(String::as_str).collect::<Vec<_>>().join(" ");
    let mut fields = Map::new();
    for (member, value) in [
        ("company", &person.company),
        ("country", &person.country),
        ("region", &person.region),
        ("postalCode", &person.postal),
        ("timezone", &person.zone),
    ] {
        fields.extend(value.clone().map(|value| (member.to_owned(), Value::from(value))));
    }
    let custom = person.custom.as_deref().and_then(|text| serde_json::from_str::<Map<String, Value>>(text).ok());
    fields.extend(custom.unwrap_or_default());
    let phones = contact.devices.iter().filter(|other| other.kind == device.kind);
    ScreenPop {
        record_id: record.id.to_string(),
        client_id: person.client_id.clone(),
        name: if name.is_empty() { person.company.clone().unwrap_or_default() } else { name },
        fields,
        numbers: phones.map(|d| PersonNumber { position: d.position, number: d.address.clone() }).collect(),
        dialed: device.position,
        attempts_before: record.attempts,
    }
}

fn excluded(record: &Record, reason: Reason, cause: Option<String>) -> RecordChange {
    RecordChange { cause, ..RecordChange::of(record, RecordStatus::Excluded, reason, 0) }
}

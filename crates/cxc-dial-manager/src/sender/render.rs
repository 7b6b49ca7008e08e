//! From judged contacts to rendered messages.
use std::sync::Arc;

use cxc_core::compliance::IntervalCache;
use cxc_core::record::{Reason, RecordStatus};
use cxc_store::attempt::NewAttempt;
use cxc_store::contact::{Device, FullContact};
use cxc_store::judge::{Allowed, Case, Finding, Judge, Scope};
use cxc_store::record::{Record, RecordChange};
use cxc_store::{StoreError, Tx};

use super::SenderContext;
use super::plan::{GroupPlan, Plans};
use super::prepare::Prepared;
use crate::channel::{Body, OutMessage};
use crate::content::{Fields, Unsubscribe, wants_custom};

/// What became of one fetched record.
pub enum Rendered {
    /// A message that may leave.
    Ready(Box<Prepared>),
    /// The record waits or is excluded.
    Move(RecordChange),
}

/// Judges and renders for one sender.
pub struct Renderer {
    context: SenderContext,
    judge: Judge,
    epoch: i64,
}

impl Renderer {
    /// A renderer for the epoch of a sender's lease.
    pub fn new(context: SenderContext, epoch: i64) -> Self {
        let cache = IntervalCache::new(context.zones.clone(), IntervalCache::CAPACITY);
        let judge = Judge::new(cache, Arc::clone(&context.locations), context.app.hash_key);
        Self { context, judge, epoch }
    }

    /// Judges each record with its contact, and renders what may be sent.
    pub async fn render(
        &mut self,
        tx: &mut Tx,
        plans: &Plans,
        plan: &Arc<GroupPlan>,
        pairs: Vec<(Record, Option<FullContact>)>,
    ) -> Result<Vec<Rendered>, StoreError> {
        let now = self.context.now();
        let scope = Scope {
            tenant: plans.tenant,
            grp: plan.number,
            channel: plans.channel,
            treatment: &plan.settings.treatment,
            rules: &plan.rules,
            suppression: &plan.suppression,
        };
        let mut rendered = Vec::with_capacity(pairs.len());
        let mut open: Vec<(Record, FullContact)> = Vec::with_capacity(pairs.len());
        for (record, contact) in pairs {
            match contact {
                Some(contact) if record.not_after.is_none_or(|at| now < at) => open.push((record, contact)),
                Some(_) => rendered.push(Rendered::Move(excluded(&record, Reason::Expired, None))),
                None => rendered.push(Rendered::Move(excluded(&record, Reason::Removed, None))),
            }
        }
        let cases: Vec<Case<'_>> = open.iter().map(|(record, contact)| Case { contact, device: record.device }).collect();
        let findings = self.judge.judge(tx, &scope, &cases, now).await?;
        for ((record, contact), finding) in open.into_iter().zip(findings) {
            rendered.push(match finding {
                Finding::Allow(allowed) => self.message(plans, plan, record, &contact, allowed, now),
                Finding::Exclude { reason, cause } => Rendered::Move(excluded(&record, reason, cause)),
                Finding::Wait { reason, due, device, cause } => {
                    Rendered::Move(RecordChange { device, cause, ..RecordChange::of(&record, RecordStatus::Ready, reason, due) })
                }
            });
        }
        Ok(rendered)
    }

    fn message(
        &self,
        plans: &Plans,
        plan: &Arc<GroupPlan>,
        record: Record,
        contact: &FullContact,
        allowed: Allowed,
        now: i64,
    ) -> Rendered {
        let Some(device) = contact.devices.get(allowed.index) else {
            return Rendered::Move(excluded(&record, Reason::NoDevice, None));
        };
        let body = match self.body(plans, plan, &record, contact, device) {
            Ok(body) => body,
            Err(error) => return Rendered::Move(excluded(&record, Reason::ContentError, Some(error))),
        };
        let attempt = NewAttempt {
            tenant: plans.tenant,
            month: 0,
            id: 0,
            grp: plan.number,
            record: record.id,
            list: record.list,
            contact: record.contact,
            account: plans.number,
            epoch: self.epoch,
            channel: plans.channel.bit(),
            position: device.position,
            device_hash: device.address_hash,
            client_hash: allowed.client,
            location: device.location,
            rule_set: plan.rules.version(),
            started_at: now,
        };
        let message = OutMessage {
            attempt: 0,
            reference: String::new(),
            from: plans.account.sender.clone().unwrap_or_default(),
            to: device.address.clone(),
            body,
        };
        let (not_after, devices) = (allowed.not_after, allowed.usable);
        Rendered::Ready(Box::new(Prepared { record, attempt, message, not_after, prepared_at: now, devices }))
    }
}

impl Renderer {
    fn body(&self, plans: &Plans, plan: &GroupPlan, record: &Record, contact: &FullContact, device: &Device) -> Result<Body, String> {
        let content = plan.content.as_ref().map_err(Clone::clone)?;
        let account = &plans.account;
        let mut fields = Fields::new(contact, device, wants_custom(content.fields().iter()));
        let link = Unsubscribe {
            tenant: plans.tenant,
            list: record.list,
            contact: record.contact,
            position: device.position,
            device: device.address_hash,
        };
        let app = &self.context.app;
        let url = link.url(&app.config.public_base_url, &app.hash_key);
        fields.unsubscribe_url = &url;
        fields.postal_address = account.postal_address.as_deref().unwrap_or_default();
        fields.from_name = account.sender_name.as_deref().unwrap_or_default();
        fields.reply_to = account.reply_to.as_deref();
        content.render(&fields).map_err(|e| e.to_string())
    }
}

fn excluded(record: &Record, reason: Reason, cause: Option<String>) -> RecordChange {
    RecordChange { cause, ..RecordChange::of(record, RecordStatus::Excluded, reason, 0) }
}

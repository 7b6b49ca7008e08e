//! From ready records to messages that may leave: fetch, facts, compliance, rendering. Nothing is written
//! here; what must not be contacted comes back as a change of its record.
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use cxc_core::Micros;
use cxc_core::compliance::Purpose;
use cxc_core::hash::HashKey;
use cxc_store::StoreError;
use cxc_store::attempt::{NewAttempt, month_of};
use cxc_store::contact::FullContact;
use cxc_store::record::{FetchKey, Record, RecordChange};

use super::SenderContext;
use super::demand::{Named, Refusal};
use super::evidence::Explained;
use super::outcome::Flight;
use super::plan::{GroupPlan, PlanList, Plans};
use super::previews::{Offer, Sought};
use super::render::{Rendered, Renderer};
use super::shares::Shares;
use crate::channel::OutMessage;

/// Nothing was found: look again after this time.
const QUIET: Micros = 150_000;
/// So many fetches at most of records that are all in hand.
const PASSED_BY: usize = 200;
const MINUTE: Micros = 60_000_000;

/// A message that may leave, and the attempt that is to be durable before it does.
pub struct Prepared {
    /// The record as it was fetched.
    pub record: Record,
    /// The attempt, written when its turn comes.
    pub attempt: NewAttempt,
    /// The message.
    pub message: OutMessage,
    /// It may not leave at or after this instant.
    pub not_after: Micros,
    /// When it was checked.
    pub prepared_at: Micros,
    /// The positions of the devices that could be tried, in their order.
    pub devices: Vec<i16>,
    /// Whom it is for, where a rule counts attempts.
    pub contact: Option<FullContact>,
    /// Why it may leave.
    pub explained: Box<Explained>,
    /// What it is for.
    pub purpose: Purpose,
}

impl Prepared {
    /// The attempt begins now: its row is about to be written.
    pub fn begin(&mut self, now: Micros) {
        self.attempt.started_at = now;
        self.attempt.month = month_of(now);
        self.explained.begin(self.attempt.month);
    }

    /// The message to send, and what must be known when its answer comes.
    pub fn depart(self) -> (OutMessage, Flight) {
        let flight = Flight {
            record: Record {
                attempts: self.record.attempts.saturating_add(1),
                device: self.attempt.position,
                ..self.record
            },
            attempt: self.attempt,
            devices: self.devices,
            purpose: self.purpose,
        };
        (self.message, flight)
    }
}

/// The reference of an attempt in Message-IDs and receipts. Numbers begin again with every installation; what its
/// own key makes of the tenant does not, and tells neither.
pub fn reference(key: &HashKey, tenant: i64, attempt: i64) -> String {
    format!("{:016x}.{attempt:x}", key.hash(tenant, "message reference"))
}

/// What a round of preparing looks for, by group.
#[derive(Default)]
pub struct Wishes {
    /// So many messages.
    pub paced: Vec<(i64, usize)>,
    /// Records that agents ask for by themselves.
    pub named: Vec<(i64, Vec<Named>)>,
    /// Records that agents look at before they are called.
    pub previews: Vec<(i64, Sought)>,
}

/// What a round of preparing found.
#[derive(Default)]
pub struct Preparation {
    /// Messages that may leave.
    pub ready: Vec<Prepared>,
    /// Records that wait or are excluded.
    pub changes: Vec<RecordChange>,
    /// Why.
    #[expect(clippy::vec_box, reason = "each is handed on in the box in which it was made")]
    pub explained: Vec<Box<Explained>>,
    /// Calls that agents asked for.
    pub named: Vec<Prepared>,
    /// Those that may not be placed: the group, the record, and why.
    pub refused: Vec<(i64, i64, Refusal)>,
    /// Records for agents to look at, by group.
    pub offers: Vec<(i64, Offer)>,
    /// Records that agents rejected, by group: they rest by one of the changes, or are ready no more.
    pub rested: Vec<(i64, i64)>,
}

impl Preparation {
    /// Whether a record is in hand by this round.
    fn has_found(&self, grp: i64, record: i64) -> bool {
        self.named.iter().any(|p| p.record.grp == grp && p.record.id == record)
            || self.offers.iter().any(|(of, offer)| *of == grp && offer.record == record)
            || self.changes.iter().any(|change| change.grp == grp && change.id == record)
    }
}

/// Prepares messages for one account. It remembers where each list's fetch left off.
pub struct Preparer {
    pub(super) context: SenderContext,
    pub(super) renderer: Renderer,
    keys: HashMap<(i64, i64), FetchKey>,
    shares: Shares,
    quiet_until: Micros,
}

impl Preparer {
    /// A preparer for the epoch of a sender's lease.
    pub fn new(context: SenderContext, epoch: i64) -> Self {
        Self {
            renderer: Renderer::new(context.clone(), epoch),
            context,
            keys: HashMap::new(),
            shares: Shares::default(),
            quiet_until: 0,
        }
    }

    /// Whether it is time to look again.
    pub fn is_due(&self, now: Micros) -> bool {
        now >= self.quiet_until
    }

    /// Prepared messages of these groups were thrown away: their records are fetched again.
    pub fn start_again(&mut self, groups: &HashSet<i64>) {
        self.keys.retain(|(grp, _), _| !groups.contains(grp));
    }

    /// Looks for messages: so many of each group, and the records that agents ask for or are to look at. Records in `held`
    /// are in hand already.
    pub async fn prepare(
        &mut self,
        plans: &Plans,
        wishes: &Wishes,
        held: &HashSet<(i64, i64)>,
    ) -> Result<Preparation, StoreError> {
        let mut found = Preparation::default();
        for (grp, named) in &wishes.named {
            let Some(plan) = plans.group(*grp) else { continue };
            self.prepare_named(plans, plan, named, held, &mut found).await?;
        }
        for (grp, sought) in &wishes.previews {
            let Some(plan) = plans.group(*grp) else { continue };
            self.prepare_previews(plans, plan, sought, held, &mut found).await?;
        }
        for (grp, count) in &wishes.paced {
            let Some(plan) = plans.group(*grp) else { continue };
            let ready = self.prepare_group(plans, plan, *count, held, &mut found).await?;
            found.ready.extend(ready);
        }
        if found.ready.is_empty() && found.named.is_empty() && found.changes.is_empty() && found.offers.is_empty() {
            self.quiet_until = self.context.now() + QUIET;
        }
        Ok(found)
    }

    /// Up to so many messages of a group that may leave; what must not goes to the changes of what was found.
    pub(super) async fn prepare_group(
        &mut self,
        plans: &Plans,
        plan: &Arc<GroupPlan>,
        count: usize,
        held: &HashSet<(i64, i64)>,
        found: &mut Preparation,
    ) -> Result<Vec<Prepared>, StoreError> {
        let now = self.context.now();
        let mut tx = self.context.app.db.read().await?;
        let mut pairs: Vec<(Record, Option<FullContact>)> = Vec::new();
        let weights: Vec<(i64, i64)> = plan.lists.iter().map(|l| (l.number, l.weight)).collect();
        let mut rest = count;
        let mut dry: HashSet<i64> = HashSet::new();
        // lists that have nothing ready leave their share to the others
        for (list, share) in
            self.shares.split(plan.number, &weights, count).into_iter().chain(self.shares.by_weight(&weights))
        {
            let share = share.min(rest);
            let Some(list) = plan.lists.iter().find(|l| l.number == list && share > 0 && !dry.contains(&l.number))
            else {
                continue;
            };
            let is_free = |r: &Record| !held.contains(&(r.grp, r.id)) && !found.has_found(r.grp, r.id);
            let (records, is_dry) = self.fetch_free(&mut tx, plan, list, (now, share), is_free).await?;
            if is_dry {
                dry.insert(list.number);
            }
            rest = rest.saturating_sub(records.len());
            self.shares.served(plan.number, list.number, records.len());
            let ids: Vec<i64> = records.iter().map(|r| r.id).filter(|id| *id <= list.visible_to).collect();
            let mut contacts: HashMap<i64, FullContact> =
                tx.contacts_of(list.generation, &ids).await?.into_iter().map(|c| (c.contact.id, c)).collect();
            pairs.extend(records.into_iter().map(|r| {
                let contact = contacts.remove(&r.id);
                (r, contact)
            }));
        }
        let mut ready = Vec::new();
        for rendered in self.renderer.render(tx, plans, plan, pairs).await? {
            match rendered {
                Rendered::Ready(prepared) => ready.push(*prepared),
                Rendered::Move(change, explained) => {
                    found.changes.push(change);
                    found.explained.extend(explained);
                }
            }
        }
        Ok(ready)
    }

    /// Records that are not in hand already. Where agents look at the first ones, those are passed by.
    async fn fetch_free(
        &mut self,
        tx: &mut cxc_store::Tx,
        plan: &GroupPlan,
        list: &PlanList,
        (now, share): (Micros, usize),
        is_free: impl Fn(&Record) -> bool,
    ) -> Result<(Vec<Record>, bool), StoreError> {
        for _ in 0..PASSED_BY {
            let (mut records, is_dry) = self.fetch(tx, plan, list, now, share).await?;
            records.retain(&is_free);
            if is_dry || !records.is_empty() {
                return Ok((records, is_dry));
            }
        }
        Ok((Vec::new(), false))
    }

    async fn fetch(
        &mut self,
        tx: &mut cxc_store::Tx,
        plan: &GroupPlan,
        list: &PlanList,
        now: Micros,
        share: usize,
    ) -> Result<(Vec<Record>, bool), StoreError> {
        let key = self.keys.entry((plan.number, list.number)).or_default();
        let grace = i64::from(plan.settings.calls.callback_grace_minutes) * MINUTE;
        let lifo = plan.settings.dialing.lifo;
        let records = tx.record_fetch(plan.number, list.number, (now, grace), key, lifo, share).await?;
        let is_dry = records.len() < share;
        Ok((records, is_dry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_installations_or_tenants_give_a_message_the_same_reference() {
        let (one, other) = (HashKey([1; 16]), HashKey([2; 16]));
        let first = reference(&one, 1, 255);
        assert_eq!(first, reference(&one, 1, 255));
        assert!(first.ends_with(".ff") && first.len() == 19, "{first}");
        for different in [reference(&other, 1, 255), reference(&one, 2, 255), reference(&one, 1, 254)] {
            assert_ne!(first, different);
        }
    }
}

//! Check and reserve as one step. In one transaction: locks of persons, accounts and debts; marks of devices and client
//! ids; history under them; check; attempts that are held; evidence; commit. Whoever comes later waits for the locks
//! or meets the marks, and then reads the attempts that were committed, so no cap is passed in any order of events.
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use cxc_core::channel::Channel;
use cxc_core::compliance::{CheckInputs, IntervalCache, Verdict};
use cxc_server::App;
use cxc_store::StoreError;
use cxc_store::attempt::NewAttempt;
use cxc_store::evidence::{
    Appended, Appending, Decision, DeviceSeal, EvidenceChain, Indexed, PACKS, RuleSnapshot, RulesUsed, Snapshots,
};
use cxc_store::id_block::{IdBlocks, Numbered};
use cxc_store::reservation::{Reservation, StandingReservation, own_guid};
use jiff::Timestamp;

use super::ask::{Ask, word};
use super::batcher::Work;
use super::checker::{called_already, held, held_for, persons, unavailable};
use super::facts::BatchFacts;
use super::outcome::{Held, Outcome};

/// How often a batch is tried that collided with another.
const TRIES: usize = 4;

/// Decides and reserves.
pub struct Reserver {
    app: App,
    cache: IntervalCache,
    ids: IdBlocks,
    chain: EvidenceChain,
    seal: DeviceSeal,
    snapshots: Snapshots,
    packs: Arc<RuleSnapshot>,
}

/// A decision as it is appended.
type Kept = Decision<Option<CheckInputs>, Verdict>;

/// What a committed batch leaves to be noted.
struct Done {
    outcomes: Vec<Outcome>,
    appended: Appended,
}

impl Reserver {
    /// A worker with a chain of its own.
    pub fn new(
        app: App,
        cache: IntervalCache,
        chain: EvidenceChain,
        seal: DeviceSeal,
        packs: Arc<RuleSnapshot>,
    ) -> Self {
        let ids = IdBlocks::new(Numbered::Attempt, 10_000);
        Self { app, cache, ids, chain, seal, snapshots: Snapshots::default(), packs }
    }

    /// The decisions on the questions of one tenant; nothing if one of them may have spoilt it for the others.
    async fn decide(&mut self, tenant: i64, asks: &[&Ask]) -> Option<Vec<Outcome>> {
        for tried in 1..=TRIES {
            match self.attempt(tenant, asks).await {
                Ok(outcomes) => return Some(outcomes),
                // two batches in each other's way, or a dialer that asked twice at once: look again
                Err(e) if tried < TRIES && (e.is_conflict() || e.is_unique_violation()) => {
                    tracing::debug!("a batch of validations collided: {e}");
                }
                // a dialer that asks again about its attempt is no trouble, and the database's words may name it
                Err(e) if asks.len() > 1 && (e.is_conflict() || e.is_unique_violation()) => {
                    tracing::debug!(asks = asks.len(), "a batch of validations collided: each is decided by itself");
                    return None;
                }
                Err(error) if asks.len() > 1 && !error.is_unavailable() => {
                    tracing::warn!(asks = asks.len(), "validations could not be decided together: {error}");
                    return None;
                }
                Err(error) => {
                    tracing::error!("validations could not be decided: {error}");
                    break;
                }
            }
        }
        Some(unavailable(&self.app, asks.len(), "the decision could not be stored"))
    }

    async fn attempt(&mut self, tenant: i64, asks: &[&Ask]) -> Result<Vec<Outcome>, StoreError> {
        let first = self.ids.take(&self.app.db, i64::try_from(asks.len()).unwrap_or(1)).await?;
        let Done { outcomes, appended } = self.transact(tenant, asks, first).await?;
        self.chain.committed(&appended);
        for ask in asks {
            self.snapshots.committed(tenant, &ask.tenant.snapshot);
        }
        self.snapshots.committed(PACKS, &self.packs);
        Ok(outcomes)
    }

    async fn transact(&mut self, tenant: i64, asks: &[&Ask], first: i64) -> Result<Done, StoreError> {
        let mut tx = self.app.db.begin().await?;
        let mut subjects: Vec<_> = asks.iter().filter(|a| a.hold > 0).flat_map(|a| a.subjects()).collect();
        subjects.dedup();
        tx.attempt_locks(tenant, &subjects).await?;
        let at = self.app.now();
        let guids: Vec<&str> = asks.iter().filter_map(|a| a.guid.as_deref()).collect();
        let mut standing = by_guid(tx.reservation_standing(tenant, &guids).await?);
        let wanted: Vec<NewAttempt> = (first..)
            .zip(asks)
            .filter(|(_, a)| a.hold > 0 && known(&standing, a).is_none())
            .map(|(id, a)| mark(tenant, id, a, at))
            .collect();
        let free: HashSet<i64> = tx.in_flight_insert(&wanted).await?.into_iter().collect();
        let blocked: Vec<&Ask> =
            (first..).zip(asks).filter(|(id, _)| !free.contains(id)).map(|(_, ask)| *ask).collect();
        // who asks twice at once waited for the mark of the first: by now that one stands
        let late: Vec<&str> = blocked.iter().filter_map(|a| a.guid.as_deref()).collect();
        standing.extend(by_guid(tx.reservation_standing(tenant, &late).await?));
        let mut marks = held(&mut tx, tenant, &blocked).await?;
        // those of this batch have no report yet, and will have one
        marks.iter_mut().filter(|m| free.contains(&m.attempt)).for_each(|m| m.sequence = Some(-1));
        // under the locks of the persons: who begins to call one of them waits for this commit
        let mut called = tx.persons_called(tenant, &persons(asks), at).await?;
        let mut facts = BatchFacts::gather(&mut tx, &self.app.numbers, self.cache.zones(), tenant, asks, at).await?;
        facts.need_whole(asks)?;
        // what is kept, answered and judged by is one instant
        let now = Timestamp::from_microsecond(at).unwrap_or_default();
        let (mut outcomes, mut held_now, mut returned, mut decisions) = (vec![], vec![], vec![], vec![]);
        for (id, ask) in (first..).zip(asks.iter().copied()) {
            let of_guid = known(&standing, ask);
            let again = of_guid.filter(|s| is_same(s, ask) && s.sequence < 0);
            let (verdict, inputs) = facts.judge(ask, again.map(|s| s.attempt), &mut self.cache, now, true);
            let mut outcome = Outcome { dnc: facts.dnc(ask), ..Outcome::of(verdict, at) };
            if let Some(again) = again {
                stand(&mut outcome, again);
                let attempt = Some((again.month, again.attempt));
                decisions.push((outcomes.len(), self.evidence(ask, &outcome, attempt, inputs)));
                outcomes.push(outcome);
                continue;
            }
            let is_marked = free.contains(&id);
            if of_guid.is_some() {
                // its id stands for an attempt already: a new attempt needs a new one
                outcome.held = Some(Held::GuidUsed);
            } else if !is_marked {
                outcome.held = held_for(&marks, ask);
                if ask.hold > 0 && outcome.held.is_none() {
                    // whoever held the mark has just let it go: ask again
                    outcome.held = Some(Held::InFlightElsewhere);
                }
            }
            outcome.held = outcome.held.or_else(|| called_already(&called, ask));
            if outcome.is_allowed() && is_marked {
                let attempt = ask.attempt(id, at);
                let guid = ask.guid.clone().unwrap_or_else(|| own_guid(attempt.month(), id));
                let expires_at = at + ask.hold;
                outcome.reservation = Some((attempt.month(), id, expires_at));
                facts.remember(ask.as_past(id, now));
                let reservation = Reservation { attempt, guid, expires_at };
                called.extend(ask.person.filter(|_| ask.channel == Channel::Voice).map(|person| (person, id)));
                // who asked twice in this batch has the same answer
                standing.insert(reservation.guid.clone(), reservation.standing());
                held_now.push(reservation);
            } else if is_marked {
                returned.push((id, (ask.device, ask.client)));
            }
            if ask.is_dial_time {
                let attempt = outcome.reservation.map(|(month, id, _)| (month, id));
                decisions.push((outcomes.len(), self.evidence(ask, &outcome, attempt, inputs)));
            }
            outcomes.push(outcome);
        }
        let (ids, keys): (Vec<i64>, Vec<_>) = returned.into_iter().unzip();
        tx.in_flight_delete(&ids, &keys).await?;
        tx.reservation_insert(tenant, &held_now).await?;
        let mut put: Vec<String> = Vec::new();
        for snapshot in asks.iter().map(|a| &a.tenant.snapshot).filter(|s| !self.snapshots.has(tenant, s)) {
            if !put.contains(&snapshot.key()) {
                tx.rule_snapshot_put(tenant, snapshot, at).await?;
                put.push(snapshot.key());
            }
        }
        if !self.snapshots.has(PACKS, &self.packs) {
            tx.rule_snapshot_put(PACKS, &self.packs, at).await?;
        }
        let (places, decisions): (Vec<usize>, Vec<&Kept>) = decisions.iter().map(|(place, d)| (*place, d)).unzip();
        let addresses = asks.iter().map(|a| (a.device, a.address.as_str())).collect();
        let (chain, seal) = (&mut self.chain, &self.seal);
        let to = Appending { chain, seal, tenant, now: at, indexed: Indexed::Itself };
        let appended = tx.evidence_append(to, &decisions, &addresses).await?;
        tx.commit().await?;
        for (place, id) in places.into_iter().zip(&appended.ids) {
            outcomes[place].evidence = Some(*id);
        }
        Ok(Done { outcomes, appended })
    }

    fn evidence(
        &self,
        ask: &Ask,
        outcome: &Outcome,
        attempt: Option<(i64, i64)>,
        mut inputs: Option<CheckInputs>,
    ) -> Kept {
        let columns = inputs.as_mut().and_then(CheckInputs::take_columns);
        Decision {
            at: outcome.at,
            grp: ask.group.number.max(0),
            channel: ask.channel,
            device: ask.device,
            client: ask.client,
            attempt,
            request_id: ask.request_id.clone(),
            campaign_id: ask.campaign_id.clone(),
            trace: ask.trace.clone(),
            held: outcome.held.map(|h| h.code().to_owned()),
            rules: Arc::new(RulesUsed {
                version: ask.tenant.snapshot.version,
                sha256: ask.tenant.snapshot.key(),
                selected: ask.group.selected.clone(),
            }),
            data: Arc::clone(&ask.data),
            software: self.app.config.version.as_str().into(),
            inputs,
            verdict: outcome.verdict.clone(),
            columns,
        }
    }
}

type Standing = HashMap<String, StandingReservation>;

fn by_guid(found: Vec<StandingReservation>) -> Standing {
    found.into_iter().map(|standing| (standing.guid.clone(), standing)).collect()
}

/// The attempt that a question's id stands for.
fn known<'s>(standing: &'s Standing, ask: &Ask) -> Option<&'s StandingReservation> {
    ask.guid.as_deref().and_then(|guid| standing.get(guid))
}

/// Whether a question is about the attempt that its id stands for: what it is for and whom it is about is counted as it
/// was held.
fn is_same(standing: &StandingReservation, ask: &Ask) -> bool {
    let subject = &ask.subject;
    (standing.device_hash, standing.client_hash, standing.channel) == (ask.device, ask.client, ask.channel.bit())
        && standing.grp == ask.group.number
        && standing.purpose == word(&subject.purpose)
        && (standing.collector, standing.topic.as_deref()) == (subject.collector, subject.topic.as_deref())
        && ask.subjects().iter().all(|key| standing.subjects.contains(key))
}

/// A question that was asked before: a yes is that to the same reservation, while it lasts. A no leaves it standing,
/// because its attempt may have begun: who did not place it gives it back.
fn stand(outcome: &mut Outcome, standing: &StandingReservation) {
    match standing.open_until.filter(|until| *until > outcome.at) {
        None => outcome.held = Some(Held::GuidUsed),
        Some(expires_at) if outcome.is_allowed() => {
            outcome.reservation = Some((standing.month, standing.attempt, expires_at));
        }
        Some(_) => {}
    }
}

fn mark(tenant: i64, id: i64, ask: &Ask, at: i64) -> NewAttempt {
    NewAttempt {
        tenant,
        month: cxc_store::attempt::month_of(at),
        id,
        grp: ask.group.number,
        record: 0,
        list: 0,
        contact: 0,
        account: 0,
        epoch: 0,
        channel: ask.channel.bit(),
        position: 0,
        device_hash: ask.device,
        client_hash: ask.client,
        location: 0,
        rule_set: ask.group.rules.version(),
        regions: None,
        started_at: at,
    }
}

impl Work for Reserver {
    type Job = Ask;
    type Answer = Outcome;

    fn owner(job: &Ask) -> i64 {
        job.tenant.tenant
    }

    async fn run(&mut self, jobs: &[Ask]) -> Option<Vec<Outcome>> {
        let tenant = jobs.first().map(Self::owner)?;
        self.decide(tenant, &jobs.iter().collect::<Vec<_>>()).await
    }
}

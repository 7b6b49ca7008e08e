//! What is known of the people of a batch, gathered set by set: three statements, however many they are.
use std::collections::HashMap;

use cxc_core::channel::Channel;
use cxc_core::compliance::{
    CheckInputs, Facts, IntervalCache, PastAttempt, RuleRef, SuppressedBy, SuppressionHit, ToolAnswers, Verdict, check,
};
use cxc_core::consent::ConsentEvent;
use cxc_store::attempt_subject::{ACCOUNT, DEBT, HISTORY_LIMIT, HistoryKeys, PERSON};
use cxc_store::consent::{KeyKind, StoredConsent};
use cxc_store::judge_intelligence::BatchIntelligence;
use cxc_store::judge_numbers::BatchNumbers;
use cxc_store::number_lists::NumberLists;
use cxc_store::suppression::{DEVICE, SuppressionList};
use cxc_store::{StoreError, Tx};
use jiff::Timestamp;

use super::ask::{Ask, Place};
use crate::past::past_attempt;

/// The facts of a batch of one tenant.
pub struct BatchFacts {
    suppressed: HashMap<i64, Vec<Suppressed>>,
    consents: HashMap<(KeyKind, i64), Vec<StoredConsent>>,
    /// What the lists of numbers say, by the channels of the batch.
    numbers: HashMap<Channel, BatchNumbers>,
    /// What number intelligence says of the devices.
    intelligence: BatchIntelligence,
    attempts: Vec<PastAttempt>,
    /// The accounts of each: it counts for every one of them.
    accounts: Vec<Vec<i64>>,
    by_key: HashMap<(Kind, i64), Vec<usize>>,
    /// Whether every attempt that may count was read; if not, nobody of the batch is contacted.
    is_whole: bool,
    since: Timestamp,
}

/// An entry that may be a person's: the hash says so, the key must agree.
struct Suppressed {
    list: i64,
    rule: RuleRef,
    by: SuppressedBy,
    key: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Device,
    Client,
    Subject(i16),
}

impl BatchFacts {
    /// Reads the facts. In a transaction that will reserve: after the locks and marks, so that nobody else can add to
    /// what is read here before the commit.
    pub async fn gather(
        tx: &mut Tx,
        lists: &NumberLists,
        tenant: i64,
        asks: &[&Ask],
        now: i64,
    ) -> Result<Self, StoreError> {
        let mut facts = Self {
            suppressed: HashMap::new(),
            consents: HashMap::new(),
            numbers: HashMap::new(),
            intelligence: BatchIntelligence::default(),
            attempts: Vec::new(),
            accounts: Vec::new(),
            by_key: HashMap::new(),
            is_whole: true,
            since: Timestamp::MIN,
        };
        facts.read_suppression(tx, asks, now).await?;
        facts.read_consents(tx, tenant, asks).await?;
        facts.read_numbers(tx, lists, tenant, asks, now).await?;
        let reach = asks.iter().filter_map(|a| a.group.rules.history_reach_for(a.channel, &a.subject)).max();
        if let Some(reach) = reach {
            let earliest = asks.iter().filter_map(|a| a.at).fold(now, i64::min);
            let since = earliest.saturating_sub(reach);
            facts.since = Timestamp::from_microsecond(since).unwrap_or(Timestamp::MIN);
            let found = tx.attempt_history_wide(tenant, &keys(asks), since).await?;
            facts.is_whole = found.len() < HISTORY_LIMIT;
            for (wide, attempt) in found.iter().filter_map(|wide| Some((wide, past_attempt(wide)?))) {
                let accounts = wide.subjects.iter().filter(|s| s.kind == ACCOUNT).map(|s| s.key).collect();
                facts.remember(attempt, accounts);
            }
        }
        Ok(facts)
    }

    async fn read_suppression(&mut self, tx: &mut Tx, asks: &[&Ask], now: i64) -> Result<(), StoreError> {
        let mut lists: Vec<SuppressionList> = Vec::new();
        for list in asks.iter().flat_map(|a| &a.group.lists) {
            if !lists.iter().any(|l| l.number == list.number) {
                lists.push(list.clone());
            }
        }
        if lists.is_empty() {
            return Ok(());
        }
        let devices: Vec<i64> = asks.iter().map(|a| a.device).collect();
        let clients: Vec<i64> = asks.iter().filter_map(|a| a.client).collect();
        for hit in tx.suppression_hits(&lists, &devices, &clients, now).await? {
            let Some(list) = lists.iter().find(|l| l.number == hit.list) else { continue };
            let by = if list.kind == DEVICE { SuppressedBy::Device } else { SuppressedBy::ClientId };
            let rule = RuleRef::new(list.id.to_string(), list.changes);
            let entry = Suppressed { list: list.number, rule, by, key: hit.key };
            self.suppressed.entry(hit.key_hash).or_default().push(entry);
        }
        Ok(())
    }

    async fn read_consents(&mut self, tx: &mut Tx, tenant: i64, asks: &[&Ask]) -> Result<(), StoreError> {
        let devices: Vec<i64> = asks.iter().map(|a| a.device).collect();
        let clients: Vec<i64> = asks.iter().filter_map(|a| a.client).collect();
        for consent in tx.consents_of(tenant, &devices, &clients).await? {
            self.consents.entry((consent.key_kind(), consent.key_hash)).or_default().push(consent);
        }
        Ok(())
    }

    async fn read_numbers(
        &mut self,
        tx: &mut Tx,
        lists: &NumberLists,
        tenant: i64,
        asks: &[&Ask],
        now: i64,
    ) -> Result<(), StoreError> {
        let phones: Vec<&&Ask> = asks.iter().filter(|a| a.channel != Channel::Email).collect();
        if phones.is_empty() {
            return Ok(());
        }
        let lists = lists.at_hand(tx, tenant).await?;
        if lists.has_answers() {
            let devices: Vec<i64> = phones.iter().map(|a| a.device).collect();
            self.intelligence = BatchIntelligence::new(tx.number_answers(tenant, &devices).await?);
        }
        let at = Timestamp::from_microsecond(now).map_err(|e| StoreError::Corrupt(e.to_string()))?;
        for ask in phones {
            self.numbers.entry(ask.channel).or_insert_with(|| BatchNumbers::new(&lists, ask.channel, at));
        }
        Ok(())
    }

    /// The ledger of a device and its person, with what the caller knows besides.
    fn consents_of(&self, ask: &Ask) -> Vec<ConsentEvent> {
        let of = |kind: KeyKind, hash: Option<i64>, key: &str| {
            let found = hash.and_then(|hash| self.consents.get(&(kind, hash))).into_iter().flatten();
            // an erased person's entry has no key left: there the hash alone decides
            let own = found.filter(|c| c.key.is_empty() || c.key == key);
            own.filter_map(StoredConsent::event).collect::<Vec<_>>()
        };
        let mut events = of(KeyKind::Device, Some(ask.device), &ask.address);
        events.extend(of(KeyKind::Client, ask.client, ask.client_text.as_deref().unwrap_or_default().trim()));
        events.extend(ask.consents.iter().cloned());
        events
    }

    /// Adds an attempt: also one that was allowed earlier in the same batch.
    pub fn remember(&mut self, attempt: PastAttempt, accounts: Vec<i64>) {
        let index = self.attempts.len();
        let mut keys = vec![(Kind::Device, attempt.device)];
        keys.extend(attempt.client.map(|key| (Kind::Client, key)));
        keys.extend(attempt.person.map(|key| (Kind::Subject(PERSON), key)));
        keys.extend(accounts.iter().map(|key| (Kind::Subject(ACCOUNT), *key)));
        keys.extend(attempt.debts.iter().map(|key| (Kind::Subject(DEBT), *key)));
        for key in keys {
            self.by_key.entry(key).or_default().push(index);
        }
        self.attempts.push(attempt);
        self.accounts.push(accounts);
    }

    fn attempts_of(&self, ask: &Ask, account: Option<i64>) -> Vec<PastAttempt> {
        if self.attempts.is_empty() {
            return Vec::new();
        }
        let mut keys = vec![(Kind::Device, ask.device)];
        keys.extend(ask.client.map(|key| (Kind::Client, key)));
        keys.extend(ask.subjects().iter().map(|s| (Kind::Subject(s.kind), s.key)));
        let mut found: Vec<usize> = keys.iter().filter_map(|key| self.by_key.get(key)).flatten().copied().collect();
        found.sort_unstable();
        found.dedup();
        let seen = |i: usize| {
            let attempt = self.attempts.get(i)?.clone();
            let is_of = account.filter(|account| self.accounts.get(i).is_some_and(|all| all.contains(account)));
            Some(PastAttempt { account: is_of.or(attempt.account), ..attempt })
        };
        found.into_iter().filter_map(seen).collect()
    }

    fn suppression_of(&self, ask: &Ask) -> Vec<SuppressionHit> {
        let numbers = self.numbers.get(&ask.channel);
        let listed: Vec<SuppressionHit> =
            numbers.into_iter().flat_map(|numbers| numbers.suppression(&ask.address)).collect();
        if self.suppressed.is_empty() {
            return listed;
        }
        let by = |hash: Option<i64>, key: &str, by: SuppressedBy| {
            let found = hash.and_then(|hash| self.suppressed.get(&hash)).into_iter().flatten();
            let holds = |s: &&Suppressed| {
                // an erased person's entry has no key left: there the hash alone decides
                s.by == by && (s.key.is_empty() || s.key == key) && ask.group.lists.iter().any(|l| l.number == s.list)
            };
            let hit = |s: &Suppressed| SuppressionHit { list: s.rule.clone(), by, from: None, until: None };
            found.filter(holds).map(hit).collect::<Vec<_>>()
        };
        let mut hits = by(Some(ask.device), &ask.address, SuppressedBy::Device);
        hits.extend(by(ask.client, ask.client_text.as_deref().unwrap_or_default().trim(), SuppressedBy::ClientId));
        hits.extend(listed);
        hits
    }

    /// Judges one of the batch; with what the check was given, where that is to be kept. Of several accounts the
    /// first that stands in the way decides.
    pub fn judge(
        &self,
        ask: &Ask,
        cache: &mut IntervalCache,
        now: Timestamp,
        is_kept: bool,
    ) -> (Verdict, Option<CheckInputs>) {
        let mut judged = self.judge_one(ask, ask.accounts.first().copied(), cache, now, is_kept);
        for account in ask.accounts.iter().skip(1) {
            if !judged.0.is_allowed() {
                break;
            }
            judged = self.judge_one(ask, Some(*account), cache, now, is_kept);
        }
        judged
    }

    fn judge_one(
        &self,
        ask: &Ask,
        account: Option<i64>,
        cache: &mut IntervalCache,
        now: Timestamp,
        is_kept: bool,
    ) -> (Verdict, Option<CheckInputs>) {
        let at = ask.at.and_then(|at| Timestamp::from_microsecond(at).ok()).unwrap_or(now);
        let parts: Vec<_> = ask.places.iter().map(Place::part).collect();
        let request = ask.request(&parts, account);
        let suppression = self.suppression_of(ask);
        let attempts = self.attempts_of(ask, account);
        let consents = self.consents_of(ask);
        let numbers = self.numbers.get(&ask.channel);
        let holding = numbers.map(|numbers| numbers.holding(&ask.address));
        let intelligence = self.intelligence.of(ask.device, &ask.address);
        // a list of the tenant's own that can't be asked may hold anybody
        let is_whole = !numbers.is_some_and(BatchNumbers::own_unknown);
        let facts = Facts {
            suppression: is_whole.then_some(suppression.as_slice()),
            attempts: self.is_whole.then_some(attempts.as_slice()),
            attempts_since: self.since,
            consents: Some(&consents),
            numbers: numbers.zip(holding.as_deref()).and_then(|(numbers, holding)| numbers.facts(holding)),
            intelligence: intelligence.as_ref(),
            flags: ask.flags.as_deref(),
            tools: &ask.tools,
        };
        let has_externals = ask.group.rules.external_rules(ask.channel).next().is_some();
        if has_externals && ask.tools.external.is_empty() {
            // whom something else holds is told that, and not that nobody was asked
            let unasked = ToolAnswers::AT_LOAD;
            let before = Facts { tools: &unasked, ..facts };
            let verdict = check(&ask.group.rules, cache, &request, &before, at);
            if !verdict.is_allowed() {
                return (verdict, is_kept.then(|| CheckInputs::of(&request, &before, at)));
            }
        }
        let verdict = check(&ask.group.rules, cache, &request, &facts, at);
        (verdict, is_kept.then(|| CheckInputs::of(&request, &facts, at)))
    }
}

fn keys(asks: &[&Ask]) -> HistoryKeys {
    let mut keys = HistoryKeys {
        devices: asks.iter().map(|a| a.device).collect(),
        clients: asks.iter().filter_map(|a| a.client).collect(),
        subjects: asks.iter().flat_map(|a| a.subjects()).collect(),
    };
    keys.devices.sort_unstable();
    keys.devices.dedup();
    keys.clients.sort_unstable();
    keys.clients.dedup();
    keys.subjects.sort_unstable();
    keys.subjects.dedup();
    keys
}

//! The questions of a batch and what is known of their people: facts are gathered where everybody gathers them, what
//! the caller knows besides is added.
use cxc_core::compliance::{
    AttemptRequest, CheckInputs, DataFault, Facts, IntervalCache, KeptPart, PastAttempt, PersonFlag, ToolAnswers,
    Verdict, Zones, check,
};
use cxc_core::consent::ConsentEvent;
use cxc_server::App;
use cxc_store::facts::{self, Person, Wanted};
use cxc_store::number_lists::NumberLists;
use cxc_store::reservation::Held as Mark;
use cxc_store::{StoreError, Tx};
use jiff::Timestamp;

use super::ask::Ask;

/// The facts of a batch of one tenant.
pub struct BatchFacts(facts::BatchFacts);

impl BatchFacts {
    /// Reads the facts. In a transaction that will reserve: after the locks and marks, so that nobody else can add to
    /// what is read here before the commit.
    pub async fn gather(
        tx: &mut Tx,
        lists: &NumberLists,
        zones: &Zones,
        tenant: i64,
        asks: &[&Ask],
        now: i64,
    ) -> Result<Self, StoreError> {
        let people: Vec<Person<'_>> = asks.iter().map(|ask| person(ask)).collect();
        Ok(Self(facts::BatchFacts::gather(tx, wanted(lists, zones, tenant, asks, now), &people).await?))
    }

    /// The facts of a batch that only asks, with the marks on its people.
    pub async fn look(
        app: &App,
        zones: &Zones,
        tenant: i64,
        asks: &[&Ask],
        now: i64,
    ) -> Result<(Self, Vec<Mark>), StoreError> {
        let people: Vec<Person<'_>> = asks.iter().map(|ask| person(ask)).collect();
        let wanted = wanted(&app.numbers, zones, tenant, asks, now);
        let (facts, marks) = facts::BatchFacts::look(&app.db, wanted, &people).await?;
        Ok((Self(facts), marks))
    }

    /// Whether every attempt that may count was read; an error of a batch of which one person alone may have too many.
    pub fn need_whole(&self, asks: &[&Ask]) -> Result<(), StoreError> {
        if asks.len() < 2 || self.0.is_whole() {
            return Ok(());
        }
        Err(StoreError::Corrupt("more attempts on one person than are read at once".into()))
    }

    /// Adds an attempt that was allowed earlier in the same batch.
    pub fn remember(&mut self, attempt: PastAttempt) {
        self.0.remember(attempt);
    }

    /// Judges one of the batch; with what the check was given, where that is to be kept. `own` is the attempt that the
    /// question is about, if it is held already: it does not stand in its own way.
    pub fn judge(
        &self,
        ask: &Ask,
        own: Option<i64>,
        cache: &mut IntervalCache,
        now: Timestamp,
        is_kept: bool,
    ) -> (Verdict, Option<CheckInputs>) {
        let at = ask.at.and_then(|at| Timestamp::from_microsecond(at).ok()).unwrap_or(now);
        let rules = &ask.group.rules;
        let parts: Vec<_> = ask.places.iter().map(KeptPart::part).collect();
        let mut known = self.0.of(&person(ask));
        known.attempts.retain(|past| own.is_none_or(|own| past.id != own));
        // what a caller tells is in no ledger: it ends no opt-out that is
        let told = ask.consents.iter().cloned();
        known.consents.extend(told.map(|told| ConsentEvent { lifts_nothing: !told.revoked, ..told }));
        add_flags(&mut known.flags, ask.flags.as_deref().unwrap_or_default());
        let request = AttemptRequest { declared: known.declared.as_ref(), ..ask.request(&parts) };
        let facts = known.facts(&ask.tools);
        let kept = |facts: &Facts<'_>| CheckInputs::of(&request, facts, at).with_columns(rules, &request);
        let has_externals = rules.external_rules(ask.channel).next().is_some();
        if has_externals && ask.tools.external.is_empty() {
            // whom something else holds is told that, and not that nobody was asked
            let unasked = ToolAnswers::AT_LOAD;
            let before = Facts { tools: &unasked, ..facts };
            let verdict = check(rules, cache, &request, &before, at);
            if !verdict.is_allowed() {
                return (verdict, is_kept.then(|| kept(&before)));
            }
        }
        let verdict = check(rules, cache, &request, &facts, at);
        (verdict, is_kept.then(|| kept(&facts)))
    }
}

/// What is to be known of a batch.
fn wanted<'a>(lists: &'a NumberLists, zones: &Zones, tenant: i64, asks: &[&Ask], now: i64) -> Wanted<'a> {
    let reach = asks.iter().filter_map(|a| a.group.rules.history_reach_for(a.channel, &a.subject)).max();
    let earliest = asks.iter().filter_map(|a| a.at).fold(now, i64::min);
    Wanted {
        since: reach.map(|reach| earliest.saturating_sub(reach)),
        flags: asks.iter().any(|a| a.group.rules.needs_flags(a.channel, &a.subject)),
        numbers: Some(lists),
        data_faults: DataFault::of_zones(zones),
        ..Wanted::new(tenant, now)
    }
}

/// Whom a question is about.
fn person(ask: &Ask) -> Person<'_> {
    Person {
        channel: ask.channel,
        device: ask.device,
        address: ask.address.as_str().into(),
        client: ask.client,
        client_id: ask.client_text.as_deref().unwrap_or_default(),
        is_told: true,
        subjects: ask.subjects(),
        lists: &ask.group.lists,
    }
}

/// What the caller tells is added to what is recorded, each flag once.
fn add_flags(recorded: &mut Vec<PersonFlag>, told: &[PersonFlag]) {
    for flag in told {
        if !recorded.contains(flag) {
            recorded.push(*flag);
        }
    }
}

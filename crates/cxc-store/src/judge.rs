//! Whether the contacts of a batch may be contacted now: gathers the facts set by set and asks the core.
//! Pre-loading, sending, dry runs and explanations of stored contacts judge by this one function, so that they agree.
mod asking;
mod batch;
mod caps;
mod chosen;
mod clock;
mod columns;
mod external;
mod finding;

use std::sync::Arc;

use cxc_core::channel::Channel;
use cxc_core::compliance::{DataFault, Failure, IntervalCache, RuleSet, Subject, ToolAnswers};
use cxc_core::hash::HashKey;
use cxc_core::treatment::Treatment;
use jiff::Timestamp;
use serde_json::{Map, Value};

pub use caps::OverCap;
pub use external::{AskExternal, Outcomes, Question};
pub use finding::{Allowed, Finding, Judged, leaves_other_devices};

use crate::contact::FullContact;
use crate::facts::{BatchFacts, Person, Wanted};
use crate::location::Locations;
use crate::number_lists::NumberLists;
use crate::record::Record;
use crate::suppression::SuppressionList;
use crate::{StoreError, Tx};

use batch::Batch;
use chosen::Chosen;
use clock::ClockWatch;
pub use clock::clock_behind;
use external::{Answers, Key};
use finding::{InJudgement, finding};

/// On whose behalf contacts are judged.
pub struct Scope<'a> {
    /// The tenant.
    pub tenant: i64,
    /// The campaign group.
    pub grp: i64,
    /// How people are reached.
    pub channel: Channel,
    /// The order of devices.
    pub treatment: &'a Treatment,
    /// The rules that hold for the group.
    pub rules: &'a RuleSet,
    /// The suppression lists that hold for it.
    pub suppression: &'a [SuppressionList],
    /// What the attempts are for; the line of each device is looked up.
    pub subject: &'a Subject,
    /// Whether attempts follow at once: only then are external rules asked, and custom rules judged by what changes.
    pub before_attempt: bool,
}

impl Scope<'_> {
    /// How far back attempts count, in microseconds; `None` if no rule that the subject meets counts any.
    pub fn history_reach(&self) -> Option<i64> {
        self.rules.history_reach_for(self.channel, self.subject)
    }
}

/// A contact to be judged.
#[derive(Clone, Copy)]
pub struct Case<'a> {
    /// The contact with its devices.
    pub contact: &'a FullContact,
    /// The position of the device to be tried; 0 for the first in order.
    pub device: i16,
    /// Its record in the group, if it has one already.
    pub record: Option<&'a Record>,
}

/// Judges contacts. Holds the cache of intervals; one per worker.
pub struct Judge {
    cache: IntervalCache,
    locations: Arc<Locations>,
    hash_key: HashKey,
    answers: Answers,
    questions: Vec<(Key, Map<String, Value>)>,
    numbers: Option<NumberLists>,
    clock: Option<ClockWatch>,
    /// Whether the moment that is judged may be past.
    any_moment: bool,
    judged: Vec<Option<Judged>>,
    /// Every rule that stands in the way of each contact of the last batch, where that is asked for.
    reasons: Option<Vec<Vec<Failure>>>,
}

impl Judge {
    /// A judge with its own interval cache.
    pub fn new(cache: IntervalCache, locations: Arc<Locations>, hash_key: HashKey) -> Self {
        Self {
            cache,
            locations,
            hash_key,
            answers: Answers::default(),
            questions: Vec::new(),
            numbers: None,
            clock: None,
            any_moment: false,
            judged: Vec::new(),
            reasons: None,
        }
    }

    /// Remembers every rule that stands in the way of a contact, not the deciding one alone: see [`Judge::take_reasons`].
    #[must_use]
    pub fn with_reasons(self) -> Self {
        Self { reasons: Some(Vec::new()), ..self }
    }

    /// Every rule that stands in the way of each contact of the last batch, in their order; none of whom no rule looked at.
    pub fn take_reasons(&mut self) -> Vec<Vec<Failure>> {
        self.reasons.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Watches whether the clock of the judgements goes back: nobody may be contacted then. For judgements at the present
    /// only, by the clock of a machine.
    #[must_use]
    pub fn watching_clock(self, watching: bool) -> Self {
        Self { clock: watching.then(ClockWatch::default), ..self }
    }

    /// Judges moments that may be past: what came later was not known then. For answers only; of who is contacted, what
    /// seems to come later counts.
    #[must_use]
    pub fn at_any_moment(self) -> Self {
        Self { any_moment: true, ..self }
    }

    /// With the lists of numbers of the process. Without them no list is known, and rules that need one deny.
    #[must_use]
    pub fn with_numbers(self, numbers: NumberLists) -> Self {
        Self { numbers: Some(numbers), ..self }
    }

    /// Judges each contact at an instant, in their order. Some statements for the whole batch, however large it is.
    /// External rules are not asked here: those whom they concern wait until [`Judge::ask`] was called.
    pub async fn judge(
        &mut self,
        tx: &mut Tx,
        scope: &Scope<'_>,
        cases: &[Case<'_>],
        now: i64,
    ) -> Result<Vec<Finding>, StoreError> {
        let chosen: Vec<Result<Chosen<'_>, Finding>> =
            cases.iter().map(|case| Chosen::of(&self.hash_key, scope, case)).collect();
        let found: Vec<&Chosen<'_>> = chosen.iter().filter_map(|c| c.as_ref().ok()).collect();
        let lists = filled(scope.suppression);
        let people: Vec<Person<'_>> = found.iter().map(|c| c.person(scope, &lists)).collect();
        let set_back = match &mut self.clock {
            Some(clock) => clock.fault(tx, now).await?,
            None => None,
        };
        let mut wanted = self.wanted(scope, now);
        wanted.data_faults.extend(set_back);
        let facts = BatchFacts::gather(tx, wanted, &people).await?;
        let mut wanted: Vec<i64> =
            found.iter().flat_map(|c| [c.contact.contact.location, c.device().location]).collect();
        if scope.rules.looks_at_all_devices() {
            wanted.extend(found.iter().flat_map(|c| c.contact.devices.iter().map(|d| d.location)));
        }
        wanted.sort_unstable();
        wanted.dedup();
        let locations = self.locations.resolve(tx, &wanted).await?;
        let at = Timestamp::from_microsecond(now).map_err(|e| StoreError::Corrupt(e.to_string()))?;
        let keeps = scope.before_attempt;
        let any_moment = self.any_moment;
        let batch = Batch { scope, lists: &lists, facts: &facts, locations: &locations, at, keeps, any_moment };
        let unasked = ToolAnswers { at_load: !scope.before_attempt, external: Vec::new() };
        let mut judged: Vec<Result<InJudgement<'_>, Finding>> = Vec::with_capacity(chosen.len());
        for chosen in chosen {
            judged.push(chosen.map(|chosen| {
                let (verdict, inputs) = batch.check(&mut self.cache, &chosen, &unasked);
                InJudgement { chosen, verdict, inputs }
            }));
        }
        self.questions.clear();
        if scope.before_attempt {
            self.use_answers(&batch, &mut judged);
        }
        self.judged.clear();
        if let Some(reasons) = &mut self.reasons {
            let of = judged.iter().map(|judged| judged.as_ref().ok().map(|j| j.verdict.reasons.clone()));
            *reasons = of.map(Option::unwrap_or_default).collect();
        }
        let mut findings = Vec::with_capacity(judged.len());
        for judged in judged {
            match judged {
                Ok(InJudgement { chosen, verdict, inputs }) => {
                    findings.push(finding(chosen, &verdict, at));
                    self.judged.push(inputs.map(|inputs| Judged { inputs, verdict }));
                }
                Err(finding) => {
                    findings.push(finding);
                    self.judged.push(None);
                }
            }
        }
        Ok(findings)
    }

    /// What is to be known of people for a scope.
    fn wanted(&self, scope: &Scope<'_>, now: i64) -> Wanted<'_> {
        Wanted {
            since: scope.history_reach().map(|reach| now.saturating_sub(reach)),
            flags: scope.rules.needs_flags(scope.channel, scope.subject),
            numbers: self.numbers.as_ref(),
            data_faults: DataFault::of_zones(self.cache.zones()),
            ..Wanted::new(scope.tenant, now)
        }
    }

    /// What the contacts of the last batch were judged by, in their order; nothing of one that has no device, and
    /// nothing unless attempts follow at once.
    pub fn take_judged(&mut self) -> Vec<Option<Judged>> {
        std::mem::take(&mut self.judged)
    }

    /// The position of the device that comes after the one of a case in the order in which they are tried.
    pub fn device_after(&self, scope: &Scope<'_>, case: &Case<'_>) -> Option<i16> {
        Chosen::of(&self.hash_key, scope, case).ok()?.next()
    }

    /// As [`Judge::judge`], going on from a device that is suppressed to the contact's next one, until something else is found.
    pub async fn judge_through(
        &mut self,
        tx: &mut Tx,
        scope: &Scope<'_>,
        cases: &[Case<'_>],
        now: i64,
    ) -> Result<Vec<Finding>, StoreError> {
        let mut findings = self.judge(tx, scope, cases, now).await?;
        let mut reasons = self.take_reasons();
        loop {
            let next = |(i, finding): (usize, &Finding)| Some((i, finding.next_device()?));
            let (places, again): (Vec<usize>, Vec<Case<'_>>) = findings
                .iter()
                .enumerate()
                .filter_map(next)
                .map(|(i, device)| (i, Case { device, ..cases[i] }))
                .unzip();
            // each round is a device further, so there are at most ten
            if again.is_empty() {
                if let Some(kept) = &mut self.reasons {
                    *kept = reasons;
                }
                return Ok(findings);
            }
            let found = self.judge(tx, scope, &again, now).await?;
            // the reasons of the device that decided
            for (i, found) in places.iter().zip(self.take_reasons()) {
                reasons[*i] = found;
            }
            for (i, finding) in places.into_iter().zip(found) {
                findings[i] = finding;
            }
        }
    }
}

/// The lists that hold anybody: an empty one need not be asked.
fn filled(lists: &[SuppressionList]) -> Vec<SuppressionList> {
    lists.iter().filter(|list| list.size > 0).cloned().collect()
}

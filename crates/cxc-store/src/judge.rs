//! Whether the contacts of a batch may be contacted now: gathers the facts set by set and asks the core.
//! Pre-loading and sending judge by this one function, so that the audience view and the sender agree.
mod caps;
mod columns;
mod external;

use std::collections::HashMap;
use std::sync::Arc;

use cxc_core::attempt::AttemptState;
use cxc_core::channel::Channel;
use cxc_core::compliance::{
    AttemptRequest, CheckInputs, Decision, ExternalAsk, Facts, IntervalCache, Part, PartKind, PartOrigin, PastAttempt,
    PersonFlag, RuleRef, RuleSet, Subject, SuppressedBy, SuppressionHit, ToolAnswers, Verdict, check,
};
use cxc_core::consent::ConsentEvent;
use cxc_core::device::{DeviceKind, LineType};
use cxc_core::enumerations::CallResult;
use cxc_core::hash::HashKey;
use cxc_core::location::{Location, LocationSource};
use cxc_core::record::Reason;
use cxc_core::treatment::{Treatment, device_order};
use jiff::Timestamp;
use serde_json::{Map, Value};

pub use caps::OverCap;

use crate::consent::{KeyKind, StoredConsent};
use crate::contact::{Device, FullContact};
use crate::judge_intelligence::BatchIntelligence;
use crate::judge_numbers::BatchNumbers;
use crate::location::Locations;
use crate::number_lists::NumberLists;
use crate::person_flag::StoredFlag;
use crate::record::Record;
use crate::suppression::{DEVICE, SuppressionList};
use crate::{StoreError, Tx};

use columns::AttemptColumns;
use external::{Answers, Key};
pub use external::{AskExternal, Outcomes, Question};

/// What a contact that could not be judged waits, in microseconds.
const ASK_AGAIN: i64 = Verdict::RETRY_SECONDS * 1_000_000;

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
    /// Whether attempts follow at once: only then are custom and external rules judged.
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

/// What was found of a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// It may be contacted now.
    Allow(Allowed),
    /// Not now.
    Wait {
        /// Why.
        reason: Reason,
        /// Ask again at this instant, microseconds.
        due: i64,
        /// The position of the device that was judged.
        device: i16,
        /// The id of the rule.
        cause: Option<String>,
    },
    /// Not at all.
    Exclude {
        /// Why.
        reason: Reason,
        /// The id of the rule or list.
        cause: Option<String>,
    },
}

/// How an allowed contact may be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// The index of the device among the contact's devices.
    pub index: usize,
    /// The keyed hash of the client id.
    pub client: Option<i64>,
    /// Until when, exclusively; microseconds.
    pub not_after: i64,
    /// The positions of the devices that this channel can use.
    pub usable: Vec<i16>,
}

/// What a contact was judged by before an attempt, and what was found: what evidence keeps.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// What the check was given.
    pub inputs: CheckInputs,
    /// What it answered.
    pub verdict: Verdict,
}

/// Judges contacts. Holds the cache of intervals; one per worker.
pub struct Judge {
    cache: IntervalCache,
    locations: Arc<Locations>,
    hash_key: HashKey,
    answers: Answers,
    questions: Vec<(Key, Map<String, Value>)>,
    numbers: Option<NumberLists>,
    judged: Vec<Option<Judged>>,
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
            judged: Vec::new(),
        }
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
        let chosen: Vec<Result<Chosen<'_>, Finding>> = cases.iter().map(|case| self.choose(scope, case)).collect();
        let found: Vec<&Chosen<'_>> = chosen.iter().filter_map(|c| c.as_ref().ok()).collect();
        let mut facts = BatchFacts::gather(tx, scope, &found, now).await?;
        let mut wanted: Vec<i64> =
            found.iter().flat_map(|c| [c.contact.contact.location, c.device().location]).collect();
        if scope.rules.looks_at_all_devices() {
            wanted.extend(found.iter().flat_map(|c| c.contact.devices.iter().map(|d| d.location)));
        }
        wanted.sort_unstable();
        wanted.dedup();
        let locations = self.locations.resolve(tx, &wanted).await?;
        let at = Timestamp::from_microsecond(now).map_err(|e| StoreError::Corrupt(e.to_string()))?;
        if let Some(numbers) = self.numbers.as_ref().filter(|_| scope.channel != Channel::Email) {
            let lists = numbers.at_hand(tx, scope.tenant).await?;
            if lists.has_answers() {
                let devices: Vec<i64> = found.iter().map(|chosen| chosen.device().address_hash).collect();
                facts.intelligence = BatchIntelligence::new(tx.number_answers(scope.tenant, &devices).await?);
            }
            facts.numbers = Some(BatchNumbers::new(&lists, scope.channel, at));
        }
        let batch = Batch { scope, facts: &facts, locations: &locations, at };
        let unasked = ToolAnswers { at_load: !scope.before_attempt, external: Vec::new() };
        let mut judged: Vec<Result<InJudgement<'_>, Finding>> = Vec::with_capacity(chosen.len());
        for chosen in chosen {
            judged.push(chosen.map(|chosen| {
                let (verdict, inputs) = self.check(&batch, &chosen, &unasked);
                InJudgement { chosen, verdict, inputs }
            }));
        }
        self.questions.clear();
        if scope.before_attempt {
            self.use_answers(&batch, &mut judged);
        }
        self.judged.clear();
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

    /// What the contacts of the last batch were judged by, in their order; nothing of one that has no device, and
    /// nothing unless attempts follow at once.
    pub fn take_judged(&mut self) -> Vec<Option<Judged>> {
        std::mem::take(&mut self.judged)
    }

    /// Judges those whom only external rules hold back by the answers that are known, and keeps the questions to the
    /// rules about the others.
    fn use_answers(&mut self, batch: &Batch<'_>, judged: &mut [Result<InJudgement<'_>, Finding>]) {
        let rules: Vec<&ExternalAsk> = batch.scope.rules.external_rules(batch.scope.channel).collect();
        if rules.is_empty() {
            return;
        }
        let at = batch.at.as_microsecond();
        for InJudgement { chosen, verdict, inputs } in judged.iter_mut().filter_map(|judged| judged.as_mut().ok()) {
            if !external::lacks_only_answers(verdict) {
                continue;
            }
            let key = Key::of(batch.scope.grp, chosen.contact.contact.id, chosen.device().position, chosen.record);
            if let Some(answers) = self.answers.known(&key, &rules, at).cloned() {
                (*verdict, *inputs) = self.check(batch, chosen, &answers);
                continue;
            }
            let mut properties = batch.columns(chosen).properties();
            properties.insert("channel".to_owned(), batch.scope.channel.as_str().into());
            properties.insert("purpose".to_owned(), batch.scope.subject.purpose.as_str().into());
            properties.insert("group_id".to_owned(), batch.scope.grp.into());
            self.questions.push((key, properties));
        }
    }

    /// Whether external rules must be asked before the contacts of the last batch can be judged.
    pub fn has_questions(&self) -> bool {
        !self.questions.is_empty()
    }

    /// Asks the external rules what the last batch left open. Services take their time, so that this is no part of
    /// any transaction; judge the batch again afterwards, with fresh facts.
    pub async fn ask(&mut self, scope: &Scope<'_>, asker: &dyn AskExternal, now: i64) {
        let rules: Vec<&ExternalAsk> = scope.rules.external_rules(scope.channel).collect();
        let (keys, records): (Vec<Key>, Vec<_>) = std::mem::take(&mut self.questions)
            .into_iter()
            .map(|(key, properties)| (key, (key.handle(), properties)))
            .unzip();
        for (key, answers) in keys.into_iter().zip(external::gather(asker, &rules, records).await) {
            self.answers.remember(key, answers, now);
        }
    }

    /// The same, going on from a device that is suppressed to the contact's next one, until something else is found.
    pub async fn judge_through(
        &mut self,
        tx: &mut Tx,
        scope: &Scope<'_>,
        cases: &[Case<'_>],
        now: i64,
    ) -> Result<Vec<Finding>, StoreError> {
        let mut findings = self.judge(tx, scope, cases, now).await?;
        loop {
            let next = |(i, finding): (usize, &Finding)| match finding {
                Finding::Wait { reason: Reason::None, device, .. } => Some((i, *device)),
                _ => None,
            };
            let (places, again): (Vec<usize>, Vec<Case<'_>>) = findings
                .iter()
                .enumerate()
                .filter_map(next)
                .map(|(i, device)| (i, Case { device, ..cases[i] }))
                .unzip();
            // each round is a device further, so there are at most ten
            if again.is_empty() {
                return Ok(findings);
            }
            let found = self.judge(tx, scope, &again, now).await?;
            for (i, finding) in places.into_iter().zip(found) {
                findings[i] = finding;
            }
        }
    }

    fn choose<'a>(&self, scope: &Scope<'_>, case: &Case<'a>) -> Result<Chosen<'a>, Finding> {
        let kind = DeviceKind::for_channel(scope.channel).code();
        let own = || case.contact.devices.iter().filter(|d| d.kind == kind);
        let is_forbidden = |d: &&Device| LineType::from_code(d.line_type) == LineType::Premium;
        let numbers: Vec<u8> =
            own().filter(|d| !is_forbidden(d)).filter_map(|d| u8::try_from(d.position).ok()).collect();
        let order: Vec<i16> = device_order(scope.treatment, &numbers).into_iter().map(i16::from).collect();
        if order.is_empty() && own().any(|d| is_forbidden(&d)) {
            return Err(exclude(Reason::ForbiddenNumber, Some("premium rate".into())));
        }
        let wanted = match case.device {
            0 => order.first().copied(),
            // a device that is gone must not send the record back to one that was tried
            device => order.contains(&device).then_some(device),
        };
        let index = wanted.and_then(|p| case.contact.devices.iter().position(|d| d.position == p));
        let Some(index) = index else { return Err(exclude(Reason::NoDevice, None)) };
        let client = case.contact.contact.client_id.as_deref().map(|id| self.hash_key.hash(scope.tenant, id));
        Ok(Chosen { contact: case.contact, record: case.record, index, client, usable: order })
    }

    fn check(&mut self, batch: &Batch<'_>, chosen: &Chosen<'_>, tools: &ToolAnswers) -> (Verdict, Option<CheckInputs>) {
        let (scope, facts, device) = (batch.scope, batch.facts, chosen.device());
        let of_contact = batch.locations.get(&chosen.contact.contact.location);
        let contact = of_contact.map(|l| Place::of(l, PartKind::Explicit));
        let phone = batch.phone(device);
        let others = batch.other_phones(chosen);
        let own = [&contact, &phone].into_iter().flatten().map(Place::part);
        let parts: Vec<Part<'_>> = own.chain(others.iter().map(|p| p.part().of(PartOrigin::OtherDevice))).collect();
        let subject = Subject { line_type: LineType::from_code(device.line_type), ..scope.subject.clone() };
        let columns = batch.columns(chosen);
        let request = AttemptRequest {
            client: chosen.client,
            parts: &parts,
            subject: &subject,
            area_code: device.area_code.as_deref().unwrap_or_default(),
            postal: chosen.contact.contact.postal.as_deref().unwrap_or_default(),
            columns: Some(&columns),
            ..AttemptRequest::new(scope.channel, scope.grp, device.address_hash)
        };
        let suppression = facts.suppression_of(chosen);
        let suppression = facts.lists_are_whole().then_some(suppression.as_slice());
        let holding = facts.numbers.as_ref().map(|numbers| numbers.holding(&device.address));
        let numbers = facts.numbers.as_ref().zip(holding.as_deref()).and_then(|(n, holding)| n.facts(holding));
        let intelligence = facts.intelligence.of(device.address_hash, &device.address);
        let attempts = facts.attempts_of(chosen);
        let attempts = facts.history_is_whole.then_some(attempts.as_slice());
        let (consents, flags) = (facts.consents_of(chosen), facts.flags_of(chosen));
        let known = Facts {
            suppression,
            attempts,
            attempts_since: facts.since,
            consents: Some(&consents),
            flags: Some(&flags),
            numbers,
            intelligence: intelligence.as_ref(),
            tools,
        };
        let verdict = check(scope.rules, &mut self.cache, &request, &known, batch.at);
        (verdict, scope.before_attempt.then(|| CheckInputs::of(&request, &known, batch.at)))
    }
}

/// A contact whose device was chosen, with what is found of it so far.
struct InJudgement<'a> {
    chosen: Chosen<'a>,
    verdict: Verdict,
    inputs: Option<CheckInputs>,
}

/// What a batch has in common.
struct Batch<'a> {
    scope: &'a Scope<'a>,
    facts: &'a BatchFacts,
    locations: &'a HashMap<i64, Location>,
    at: Timestamp,
}

impl Batch<'_> {
    /// Where a phone is: by the tenant's own zones before the numbering plan's.
    fn phone(&self, device: &Device) -> Option<Place> {
        let mut place = self.locations.get(&device.location).map(|l| Place::of(l, PartKind::Phone));
        let own = self.scope.rules.custom_zones();
        let country = device.country.as_deref().filter(|_| !own.is_empty() && device.kind == DeviceKind::Phone.code());
        if let Some(country) = country {
            let known = place.as_ref().map(|p| p.zones.clone()).unwrap_or_default();
            let zones = own.apply(country, device.area_code.as_deref().unwrap_or_default(), &known);
            if *zones != *known {
                let empty = || Place {
                    kind: PartKind::Phone,
                    country: country.to_owned(),
                    regions: String::new(),
                    zones: known.clone(),
                };
                place.get_or_insert_with(empty).zones = zones.into_owned();
            }
        }
        place
    }

    /// Where the contact's other phones are, if that counts.
    fn other_phones(&self, chosen: &Chosen<'_>) -> Vec<Place> {
        if !self.scope.rules.looks_at_all_devices() {
            return Vec::new();
        }
        let devices = chosen.contact.devices.iter().enumerate();
        let others = devices.filter(|(i, d)| *i != chosen.index && d.kind == DeviceKind::Phone.code());
        others.filter_map(|(_, device)| self.phone(device)).collect()
    }

    fn columns<'c>(&'c self, chosen: &'c Chosen<'_>) -> AttemptColumns<'c> {
        AttemptColumns {
            contact: &chosen.contact.contact,
            device: chosen.device(),
            place: self.locations.get(&chosen.device().location),
            record: chosen.record,
        }
    }
}

fn finding(chosen: Chosen<'_>, verdict: &Verdict, at: Timestamp) -> Finding {
    let code = verdict.code();
    let deciding = verdict.reasons.iter().find(|r| r.code == code).or(verdict.reasons.first());
    let cause = deciding.map(|r| r.rule.id.to_string());
    match verdict.decision {
        Decision::Allow => Finding::Allow(Allowed {
            index: chosen.index,
            client: chosen.client,
            not_after: verdict.not_after.map_or(i64::MAX, Timestamp::as_microsecond),
            usable: chosen.usable,
        }),
        Decision::Deny => deny(verdict, &chosen, cause, at),
        Decision::Defer | Decision::Error => Finding::Wait {
            reason: code,
            due: verdict.not_before.map_or(at.as_microsecond() + ASK_AGAIN, Timestamp::as_microsecond),
            device: chosen.device().position,
            cause,
        },
    }
}

/// A device that is suppressed or in the wrong place leaves the contact's others; a suppressed person does not.
fn deny(verdict: &Verdict, chosen: &Chosen<'_>, cause: Option<String>, at: Timestamp) -> Finding {
    let position = chosen.device().position;
    let only_device = matches!(verdict.code(), Reason::Suppressed | Reason::LocationRule)
        && verdict.reasons.iter().all(|r| r.code != Reason::Blocked && r.detail.as_deref() != Some("by client id"));
    let next = chosen.usable.iter().skip_while(|p| **p != position).nth(1);
    match next {
        Some(next) if only_device => {
            Finding::Wait { reason: Reason::None, due: at.as_microsecond(), device: *next, cause }
        }
        _ => exclude(verdict.code(), cause),
    }
}

fn exclude(reason: Reason, cause: Option<String>) -> Finding {
    Finding::Exclude { reason, cause }
}

struct Chosen<'a> {
    contact: &'a FullContact,
    record: Option<&'a Record>,
    index: usize,
    client: Option<i64>,
    usable: Vec<i16>,
}

impl Chosen<'_> {
    fn device(&self) -> &Device {
        &self.contact.devices[self.index]
    }
}

/// The address and the client id as ledger and flags name them.
fn keys_of(chosen: &Chosen<'_>) -> (String, String) {
    let device = chosen.device();
    let is_email = device.kind == DeviceKind::Email.code();
    let address = if is_email { device.address.to_lowercase() } else { device.address.clone() };
    (address, chosen.contact.contact.client_id.as_deref().unwrap_or_default().trim().to_owned())
}

/// A location as the check wants it.
struct Place {
    kind: PartKind,
    country: String,
    regions: String,
    zones: String,
}

impl Place {
    fn of(location: &Location, kind: PartKind) -> Self {
        let kind = match location.source() {
            LocationSource::Postal => PartKind::Postal,
            // something was given for the contact and nothing is known of it: a postal code
            LocationSource::Unmappable if kind == PartKind::Explicit => PartKind::Postal,
            _ => kind,
        };
        Self {
            kind,
            country: location.country().map(|c| c.to_string()).unwrap_or_default(),
            regions: location.regions().join(","),
            zones: location.zones().join(","),
        }
    }

    fn part(&self) -> Part<'_> {
        Part::new(self.kind, &self.country, &self.regions, &self.zones)
    }
}

/// The facts of a whole batch.
struct BatchFacts {
    suppressed: HashMap<i64, Vec<Suppressed>>,
    consents: HashMap<(KeyKind, i64), Vec<StoredConsent>>,
    flags: HashMap<(KeyKind, i64), Vec<StoredFlag>>,
    attempts: HashMap<i64, Vec<PastAttempt>>,
    /// Whether every attempt that may count was read; if not, nobody of the batch is contacted.
    history_is_whole: bool,
    since: Timestamp,
    /// What the lists of numbers say, where they bear on the channel.
    numbers: Option<BatchNumbers>,
    /// What number intelligence says of the devices.
    intelligence: BatchIntelligence,
}

/// An entry that may be a person's: the hash says so, the key must agree.
struct Suppressed {
    list: RuleRef,
    by: SuppressedBy,
    key: String,
}

/// `attempt_history` reads no more than this of one question.
const HISTORY_LIMIT: usize = 20_000;

impl BatchFacts {
    fn none() -> Self {
        Self {
            suppressed: HashMap::new(),
            consents: HashMap::new(),
            flags: HashMap::new(),
            attempts: HashMap::new(),
            history_is_whole: true,
            since: Timestamp::MIN,
            numbers: None,
            intelligence: BatchIntelligence::default(),
        }
    }

    async fn gather(tx: &mut Tx, scope: &Scope<'_>, chosen: &[&Chosen<'_>], now: i64) -> Result<Self, StoreError> {
        let devices: Vec<i64> = chosen.iter().map(|c| c.device().address_hash).collect();
        let clients: Vec<i64> = chosen.iter().filter_map(|c| c.client).collect();
        let mut facts = Self::none();
        // an empty list holds nobody: most groups are spared the question
        let lists: Vec<SuppressionList> = scope.suppression.iter().filter(|l| l.size > 0).cloned().collect();
        if !lists.is_empty() {
            for hit in tx.suppression_hits(&lists, &devices, &clients, now).await? {
                let Some(list) = lists.iter().find(|l| l.number == hit.list) else { continue };
                let by = if list.kind == DEVICE { SuppressedBy::Device } else { SuppressedBy::ClientId };
                let list = RuleRef::new(list.id.to_string(), list.changes);
                facts.suppressed.entry(hit.key_hash).or_default().push(Suppressed { list, by, key: hit.key });
            }
        }
        for consent in tx.consents_of(scope.tenant, &devices, &clients).await? {
            facts.consents.entry((consent.key_kind(), consent.key_hash)).or_default().push(consent);
        }
        if scope.rules.needs_flags(scope.channel, scope.subject) {
            for flag in tx.person_flags_of(scope.tenant, &devices, &clients).await? {
                facts.flags.entry((flag.key_kind(), flag.key_hash)).or_default().push(flag);
            }
        }
        if let Some(reach) = scope.history_reach() {
            facts.gather_history(tx, scope.tenant, &devices, &clients, now.saturating_sub(reach)).await?;
        }
        Ok(facts)
    }

    async fn gather_history(
        &mut self,
        tx: &mut Tx,
        tenant: i64,
        devices: &[i64],
        clients: &[i64],
        since: i64,
    ) -> Result<(), StoreError> {
        self.since = Timestamp::from_microsecond(since).unwrap_or(Timestamp::MIN);
        self.read_history(tx, tenant, devices, &[], since).await?;
        self.read_history(tx, tenant, &[], clients, since).await
    }

    /// Reads the attempts on some devices or people; an answer that may be cut short is asked for in halves.
    async fn read_history(
        &mut self,
        tx: &mut Tx,
        tenant: i64,
        devices: &[i64],
        clients: &[i64],
        since: i64,
    ) -> Result<(), StoreError> {
        let mut questions = vec![(devices, clients)];
        while let Some((devices, clients)) = questions.pop() {
            let found = tx.attempt_history(tenant, devices, clients, since).await?;
            if found.len() < HISTORY_LIMIT {
                found.iter().for_each(|past| self.remember(past));
            } else if devices.len() + clients.len() > 1 {
                let (d, c) = (devices.split_at(devices.len() / 2), clients.split_at(clients.len() / 2));
                questions.extend([(d.0, c.0), (d.1, c.1)]);
            } else {
                self.history_is_whole = false;
            }
        }
        Ok(())
    }

    fn remember(&mut self, past: &crate::attempt::PastAttempt) {
        let (Some(channel), Ok(at)) = (Channel::from_bit(past.channel), Timestamp::from_microsecond(past.started_at))
        else {
            return;
        };
        let attempt = PastAttempt {
            group: past.grp,
            client: past.client_hash,
            // a state that is not known counts as under way
            state: AttemptState::from_code(past.state).unwrap_or(AttemptState::InDoubt),
            result: past.result.and_then(CallResult::from_code),
            disposition: past.disposition.as_deref().map(Into::into),
            ..PastAttempt::new(at, channel, past.device_hash)
        };
        for key in [Some(past.device_hash), past.client_hash].into_iter().flatten() {
            let known = self.attempts.entry(key).or_default();
            if !known.contains(&attempt) {
                known.push(attempt.clone());
            }
        }
    }

    /// Whether every list that suppresses could be asked.
    fn lists_are_whole(&self) -> bool {
        !self.numbers.as_ref().is_some_and(BatchNumbers::own_unknown)
    }

    fn suppression_of(&self, chosen: &Chosen<'_>) -> Vec<SuppressionHit> {
        let listed = self.numbers.iter().flat_map(|numbers| numbers.suppression(&chosen.device().address));
        let mut listed: Vec<SuppressionHit> = listed.collect();
        if self.suppressed.is_empty() {
            return listed;
        }
        let by = |hash: Option<i64>, key: &str, by: SuppressedBy| {
            let found = hash.and_then(|hash| self.suppressed.get(&hash)).into_iter().flatten();
            // an erased person's entry has no key left: there the hash alone decides
            let own = found.filter(|s| s.by == by && (s.key.is_empty() || s.key == key));
            own.map(|s| SuppressionHit { list: s.list.clone(), by, from: None, until: None }).collect::<Vec<_>>()
        };
        let device = chosen.device();
        let address = if device.kind == DeviceKind::Email.code() {
            device.address.to_lowercase()
        } else {
            device.address.clone()
        };
        let mut hits = by(Some(device.address_hash), &address, SuppressedBy::Device);
        hits.extend(by(
            chosen.client,
            chosen.contact.contact.client_id.as_deref().unwrap_or_default().trim(),
            SuppressedBy::ClientId,
        ));
        hits.append(&mut listed);
        hits
    }

    /// The ledger of a device and its person, as the core judges by it.
    fn consents_of(&self, chosen: &Chosen<'_>) -> Vec<ConsentEvent> {
        if self.consents.is_empty() {
            return Vec::new();
        }
        let of = |kind: KeyKind, hash: Option<i64>, key: &str| {
            let found = hash.and_then(|hash| self.consents.get(&(kind, hash))).into_iter().flatten();
            // an erased person's entry has no key left: there the hash alone decides
            let own = found.filter(|c| c.key.is_empty() || c.key == key);
            own.filter_map(StoredConsent::event).collect::<Vec<_>>()
        };
        let (device, client) = keys_of(chosen);
        let mut events = of(KeyKind::Device, Some(chosen.device().address_hash), &device);
        events.extend(of(KeyKind::Client, chosen.client, &client));
        events
    }

    /// What is known of a device and its person that forbids contacts. What nobody recorded is not so.
    fn flags_of(&self, chosen: &Chosen<'_>) -> Vec<PersonFlag> {
        if self.flags.is_empty() {
            return Vec::new();
        }
        let (device, client) = keys_of(chosen);
        let of = |kind: KeyKind, hash: Option<i64>, key: &str| {
            let found = hash.and_then(|hash| self.flags.get(&(kind, hash))).into_iter().flatten();
            found.filter(|f| f.key.is_empty() || f.key == key).map(StoredFlag::flag).collect::<Vec<_>>()
        };
        let mut flags = of(KeyKind::Device, Some(chosen.device().address_hash), &device);
        flags.extend(of(KeyKind::Client, chosen.client, &client));
        flags
    }

    fn attempts_of(&self, chosen: &Chosen<'_>) -> Vec<PastAttempt> {
        if self.attempts.is_empty() {
            return Vec::new();
        }
        let mut found = self.attempts.get(&chosen.device().address_hash).cloned().unwrap_or_default();
        for attempt in chosen.client.and_then(|key| self.attempts.get(&key)).into_iter().flatten() {
            if !found.contains(attempt) {
                found.push(attempt.clone());
            }
        }
        found
    }
}

//! What is known of people who may be contacted: suppression, the ledger of consents, flags, convenient times, lists of numbers, number
//! intelligence, past attempts. Gathered set by set, some statements a batch however large it is, and handed out as
//! the check wants it. Whoever judges (senders, pre-loading, dry runs, validations, explanations) gathers here, so that
//! all of them see the same.
mod history;
mod intelligence;
mod keyed;
mod numbers;
mod past;
mod suppressed;

use std::borrow::Cow;

use cxc_core::channel::Channel;
use cxc_core::compliance::{
    DataFault, DeclaredTimes, Facts, NumberIntelligence, NumberListHit, PastAttempt, PersonFlag, SuppressionHit,
    ToolAnswers,
};
use cxc_core::consent::ConsentEvent;
use jiff::Timestamp;

use self::history::History;
use self::intelligence::BatchIntelligence;
use self::keyed::Keyed;
use self::numbers::BatchNumbers;
use self::suppressed::Suppressed;
use crate::attempt_subject::SubjectKey;
use crate::consent::StoredConsent;
use crate::declared_time::StoredDeclared;
use crate::number_lists::NumberLists;
use crate::person_flag::StoredFlag;
use crate::suppression::SuppressionList;
use crate::{StoreError, Tx};

/// Somebody who may be contacted on a device.
#[derive(Debug, Clone)]
pub struct Person<'a> {
    /// How.
    pub channel: Channel,
    /// The keyed hash of the device.
    pub device: i64,
    /// The address as it is compared: email addresses in lower case.
    pub address: Cow<'a, str>,
    /// The keyed hash of the client id, if there is one.
    pub client: Option<i64>,
    /// The client id; empty without one.
    pub client_id: &'a str,
    /// Person, account and debts, as far as they are known.
    pub subjects: Vec<SubjectKey>,
    /// The suppression lists that hold and are to be asked.
    pub lists: &'a [SuppressionList],
}

/// What is to be gathered of a batch of one tenant's people.
#[derive(Clone)]
pub struct Wanted<'a> {
    /// The tenant.
    pub tenant: i64,
    /// The instant at which entries of lists must hold, microseconds.
    pub now: i64,
    /// Since when attempts count, microseconds; `None` if no rule counts any.
    pub since: Option<i64>,
    /// Whether a rule looks at flags.
    pub flags: bool,
    /// The lists of numbers of the process; without them none is known, and rules that need one deny.
    pub numbers: Option<&'a NumberLists>,
    /// What is wrong with data that every decision needs.
    pub data_faults: Vec<DataFault>,
}

impl Wanted<'_> {
    /// Lists, ledger and nothing else.
    pub fn new(tenant: i64, now: i64) -> Self {
        Self { tenant, now, since: None, flags: false, numbers: None, data_faults: Vec::new() }
    }
}

/// The facts of a batch.
#[derive(Default)]
pub struct BatchFacts {
    suppressed: Suppressed,
    ledger: Keyed<StoredConsent>,
    flags: Keyed<StoredFlag>,
    declared: Keyed<StoredDeclared>,
    history: History,
    /// What lists of numbers say, by the channels of the batch.
    numbers: Vec<(Channel, BatchNumbers)>,
    intelligence: BatchIntelligence,
    data_faults: Vec<DataFault>,
}

impl BatchFacts {
    /// Reads the facts. In a transaction that will reserve: after the locks and marks, so that nobody else can add to
    /// what is read here before the commit.
    pub async fn gather(tx: &mut Tx, wanted: Wanted<'_>, people: &[Person<'_>]) -> Result<Self, StoreError> {
        let devices: Vec<i64> = people.iter().map(|p| p.device).collect();
        let clients: Vec<i64> = people.iter().filter_map(|p| p.client).collect();
        let Wanted { tenant, now, .. } = wanted;
        let mut facts = Self { data_faults: wanted.data_faults, ..Self::default() };
        if people.is_empty() {
            return Ok(facts);
        }
        facts.suppressed = Suppressed::read(tx, people, &devices, &clients, now).await?;
        facts.ledger = Keyed::of(tx.consents_of(tenant, &devices, &clients).await?);
        facts.declared = Keyed::of(tx.declared_of(tenant, &devices, &clients).await?);
        if wanted.flags {
            facts.flags = Keyed::of(tx.person_flags_of(tenant, &devices, &clients).await?);
        }
        if let Some(lists) = wanted.numbers {
            facts.read_numbers(tx, lists, (tenant, now), people).await?;
        }
        if let Some(since) = wanted.since {
            facts.history = History::read(tx, tenant, people, since).await?;
        }
        Ok(facts)
    }

    /// The attempts alone: of everything else nothing holds anybody back.
    pub async fn attempts(tx: &mut Tx, tenant: i64, since: i64, people: &[Person<'_>]) -> Result<Self, StoreError> {
        Ok(Self { history: History::read(tx, tenant, people, since).await?, ..Self::default() })
    }

    async fn read_numbers(
        &mut self,
        tx: &mut Tx,
        lists: &NumberLists,
        (tenant, now): (i64, i64),
        people: &[Person<'_>],
    ) -> Result<(), StoreError> {
        let phones = || people.iter().filter(|p| p.channel != Channel::Email);
        if phones().next().is_none() {
            return Ok(());
        }
        let lists = lists.at_hand(tx, tenant).await?;
        if lists.has_answers() {
            let devices: Vec<i64> = phones().map(|p| p.device).collect();
            self.intelligence = BatchIntelligence::new(tx.number_answers(tenant, &devices).await?);
        }
        let at = Timestamp::from_microsecond(now).map_err(|e| StoreError::Corrupt(e.to_string()))?;
        for person in phones() {
            if !self.numbers.iter().any(|(channel, _)| *channel == person.channel) {
                self.numbers.push((person.channel, BatchNumbers::new(&lists, person.channel, at)));
            }
        }
        Ok(())
    }

    /// Adds an attempt that was allowed earlier in the same batch; `accounts` are those it counts for.
    pub fn remember(&mut self, attempt: PastAttempt, accounts: Vec<i64>) {
        self.history.remember(attempt, accounts);
    }

    /// The facts of one of the batch; attempts count for `account` where they were about it.
    pub fn of(&self, person: &Person<'_>, account: Option<i64>) -> PersonFacts<'_> {
        let numbers = self.numbers.iter().find(|(channel, _)| *channel == person.channel).map(|(_, found)| found);
        let mut suppression = self.suppressed.hits(person);
        suppression.extend(numbers.into_iter().flat_map(|numbers| numbers.suppression(&person.address)));
        PersonFacts {
            suppression,
            attempts: self.history.of(person, account),
            consents: self.ledger.of_person(person).filter_map(StoredConsent::event).collect(),
            flags: self.flags.of_person(person).map(StoredFlag::flag).collect(),
            declared: DeclaredTimes::all(self.declared.of_person(person).map(StoredDeclared::times)),
            holding: numbers.map(|numbers| numbers.holding(&person.address)).unwrap_or_default(),
            intelligence: self.intelligence.of(person.device, &person.address),
            numbers,
            data_faults: self.faults(numbers),
            batch: self,
        }
    }
}

impl BatchFacts {
    fn faults(&self, numbers: Option<&BatchNumbers>) -> Cow<'_, [DataFault]> {
        match numbers.map(BatchNumbers::own_faults) {
            None | Some([]) => Cow::Borrowed(&self.data_faults),
            Some(own) => Cow::Owned([self.data_faults.as_slice(), own].concat()),
        }
    }
}

/// What is known of one person. Nothing is allocated where nothing is known.
pub struct PersonFacts<'a> {
    suppression: Vec<SuppressionHit>,
    attempts: Vec<PastAttempt>,
    /// The ledger, as the check judges by it. Who knows of more may add to it.
    pub consents: Vec<ConsentEvent>,
    /// What forbids contacts for some purpose; what nobody recorded is not so. Who knows of more may add to it.
    pub flags: Vec<PersonFlag>,
    /// When the person said that contacts are convenient, all statements together: for the request of the check.
    pub declared: Option<DeclaredTimes>,
    holding: Vec<NumberListHit>,
    intelligence: Option<NumberIntelligence>,
    numbers: Option<&'a BatchNumbers>,
    /// What is wrong with the data of all, and with the lists of numbers that bear on the channel.
    data_faults: Cow<'a, [DataFault]>,
    batch: &'a BatchFacts,
}

impl PersonFacts<'_> {
    /// As the check takes them, with what tools answered.
    pub fn facts<'f>(&'f self, tools: &'f ToolAnswers) -> Facts<'f> {
        // a list of the tenant's own that can't be asked may hold anybody
        let lists_are_whole = !self.numbers.is_some_and(BatchNumbers::own_unknown);
        let history = &self.batch.history;
        Facts {
            suppression: lists_are_whole.then_some(self.suppression.as_slice()),
            attempts: history.is_whole().then_some(self.attempts.as_slice()),
            attempts_since: history.since(),
            consents: Some(&self.consents),
            flags: Some(&self.flags),
            numbers: self.numbers.and_then(|numbers| numbers.facts(&self.holding)),
            intelligence: self.intelligence.as_ref(),
            tools,
            data_faults: &self.data_faults,
        }
    }
}

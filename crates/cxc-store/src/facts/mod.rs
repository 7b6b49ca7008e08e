//! What is known of people who may be contacted: suppression, the ledger of consents, flags, convenient times, lists of numbers, number
//! intelligence, past attempts. Gathered set by set, some statements a batch however large it is, and handed out as
//! the check wants it. Whoever judges (senders, pre-loading, dry runs, validations, explanations) gathers here, so that
//! all of them see the same.
mod history;
mod intelligence;
mod keyed;
mod numbers;
mod paired;
mod past;
mod stored;
mod suppressed;

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use cxc_core::channel::Channel;
use cxc_core::compliance::{
    DataFault, DeclaredTimes, Facts, NumberIntelligence, NumberListHit, PastAttempt, PersonFlag, SuppressionHit,
    ToolAnswers, list_versions,
};
use cxc_core::consent::ConsentEvent;
use jiff::Timestamp;

use self::history::History;
use self::intelligence::BatchIntelligence;
use self::keyed::Keyed;
use self::numbers::BatchNumbers;
use self::paired::{Pair, doubtful};
use self::stored::{Asked, Stored};
use self::suppressed::Suppressed;
use crate::attempt_subject::SubjectKey;
use crate::consent::StoredConsent;
use crate::declared_time::StoredDeclared;
use crate::number_lists::{NumberLists, TenantLists};
use crate::person_flag::StoredFlag;
use crate::reservation::Held;
use crate::suppression::SuppressionList;
use crate::{Db, StoreError, Tx};

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
    /// That device and client id are one person's is only told by who asks. Unless a contact has both, what is said under one
    /// lifts nothing that was said under the other.
    pub is_told: bool,
    /// Person, account and debts, as far as they are known.
    pub subjects: Vec<SubjectKey>,
    /// The suppression lists that hold and are to be asked.
    pub lists: &'a [SuppressionList],
    /// The instant that is asked about, microseconds, where it is not that of the batch.
    pub at: Option<i64>,
}

/// What is to be gathered of a batch of one tenant's people.
#[derive(Clone)]
pub struct Wanted<'a> {
    /// The tenant.
    pub tenant: i64,
    /// The instant that is asked about, microseconds.
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
    /// What lists of numbers say, by the channels of the batch and the instants that are asked about.
    numbers: Vec<((Channel, Option<i64>), BatchNumbers)>,
    intelligence: BatchIntelligence,
    data_faults: Vec<DataFault>,
    /// Devices and client ids that were told together and are one person's.
    paired: HashSet<Pair>,
}

impl BatchFacts {
    /// Reads the facts. In a transaction that will reserve: after the locks and marks, so that nobody else can add to
    /// what is read here before the commit.
    pub async fn gather(tx: &mut Tx, wanted: Wanted<'_>, people: &[Person<'_>]) -> Result<Self, StoreError> {
        if people.is_empty() {
            return Ok(Self { data_faults: wanted.data_faults, ..Self::default() });
        }
        let numbers = match wanted.numbers.filter(|_| people.iter().any(has_number)) {
            Some(lists) => Some(lists.at_hand(tx, wanted.tenant).await?),
            None => None,
        };
        let asked = Asked::of(&wanted, people, has_answers(numbers.as_deref()), false);
        let found = asked.read(tx).await?;
        let history = match wanted.since {
            Some(since) if found.is_cut_short() => History::read(tx, wanted.tenant, people, since).await?,
            Some(since) => History::of_whole(&found.attempts, since),
            None => History::default(),
        };
        let paired = tx.contact_pairs(wanted.tenant, &doubtful(people, &found.consents)).await?;
        let facts = Self::of_stored(&wanted, people, numbers, (&asked.lists, found), history)?;
        Ok(Self { paired, ..facts })
    }

    /// The facts of a batch that only asks, with the marks on its people, all as they were at one moment: one round trip
    /// where it can be.
    pub async fn look(db: &Db, wanted: Wanted<'_>, people: &[Person<'_>]) -> Result<(Self, Vec<Held>), StoreError> {
        if let Db::Postgres(pool) = db
            && let Some(numbers) = known_numbers(&wanted, people)
        {
            let asked = Asked::of(&wanted, people, has_answers(numbers.as_deref()), true);
            let mut found = asked.together(pool).await?;
            if !found.is_cut_short() && doubtful(people, &found.consents).is_empty() {
                let history = wanted.since.map(|since| History::of_whole(&found.attempts, since)).unwrap_or_default();
                let marks = std::mem::take(&mut found.marks);
                let facts = Self::of_stored(&wanted, people, numbers, (&asked.lists, found), history)?;
                return Ok((facts, marks));
            }
        }
        let mut tx = db.read().await?;
        let devices: Vec<i64> = people.iter().map(|p| p.device).collect();
        let clients: Vec<i64> = people.iter().filter_map(|p| p.client).collect();
        let marks = tx.in_flight_held(wanted.tenant, &devices, &clients).await?;
        Ok((Self::gather(&mut tx, wanted, people).await?, marks))
    }

    fn of_stored(
        wanted: &Wanted<'_>,
        people: &[Person<'_>],
        numbers: Option<Arc<TenantLists>>,
        (lists, found): (&[SuppressionList], Stored),
        history: History,
    ) -> Result<Self, StoreError> {
        let mut facts = Self {
            suppressed: Suppressed::of(found.suppressed, lists),
            ledger: Keyed::of(found.consents),
            flags: Keyed::of(found.flags),
            declared: Keyed::of(found.declared),
            history,
            numbers: Vec::new(),
            intelligence: BatchIntelligence::new(found.answers),
            data_faults: wanted.data_faults.clone(),
            paired: HashSet::new(),
        };
        if let Some(lists) = numbers {
            for person in people.iter().filter(|p| has_number(p)) {
                let key = (person.channel, person.at);
                if !facts.numbers.iter().any(|(known, _)| *known == key) {
                    let at = Timestamp::from_microsecond(person.at.unwrap_or(wanted.now));
                    let at = at.map_err(|e| StoreError::Corrupt(e.to_string()))?;
                    facts.numbers.push((key, BatchNumbers::new(&lists, person.channel, at)));
                }
            }
        }
        Ok(facts)
    }

    /// The attempts alone: of everything else nothing holds anybody back.
    pub async fn attempts(tx: &mut Tx, tenant: i64, since: i64, people: &[Person<'_>]) -> Result<Self, StoreError> {
        Ok(Self { history: History::read(tx, tenant, people, since).await?, ..Self::default() })
    }

    /// Whether every attempt that may count was read. If not, nobody of the batch is contacted: ask about each alone.
    pub fn is_whole(&self) -> bool {
        self.history.is_whole()
    }

    /// The lists of numbers that bear on a channel, each with its version; empty where none is loaded.
    pub fn list_versions(&self, channel: Channel) -> String {
        let numbers = self.numbers.iter().find(|((of, _), _)| *of == channel);
        numbers.map(|(_, numbers)| list_versions(numbers.facts(&[]).lists)).unwrap_or_default()
    }

    /// Adds an attempt that was allowed earlier in the same batch.
    pub fn remember(&mut self, attempt: PastAttempt) {
        self.history.remember(attempt);
    }

    /// The facts of one of the batch.
    pub fn of(&self, person: &Person<'_>) -> PersonFacts<'_> {
        let numbers = self.numbers.iter().find(|(key, _)| *key == (person.channel, person.at)).map(|(_, found)| found);
        let mut suppression = self.suppressed.hits(person);
        suppression.extend(numbers.into_iter().flat_map(|numbers| numbers.suppression(&person.address)));
        let is_one =
            !person.is_told || person.client.is_some_and(|client| self.paired.contains(&(person.device, client)));
        let event = if is_one { StoredConsent::event } else { StoredConsent::event_of_key };
        PersonFacts {
            suppression,
            attempts: self.history.of(person),
            consents: self.ledger.of_person(person).filter_map(event).collect(),
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

fn has_number(person: &Person<'_>) -> bool {
    person.channel != Channel::Email
}

fn has_answers(lists: Option<&TenantLists>) -> bool {
    lists.is_some_and(TenantLists::has_answers)
}

/// The lists of numbers of a batch without a look at the store; nothing if they must be looked at. A batch that needs
/// none has none.
fn known_numbers(wanted: &Wanted<'_>, people: &[Person<'_>]) -> Option<Option<Arc<TenantLists>>> {
    match wanted.numbers.filter(|_| people.iter().any(has_number)) {
        Some(lists) => lists.known(wanted.tenant).map(Some),
        None => Some(None),
    }
}

/// What is known of one person. Nothing is allocated where nothing is known.
pub struct PersonFacts<'a> {
    suppression: Vec<SuppressionHit>,
    /// What was tried. Who knows of some that are not to count takes them out.
    pub attempts: Vec<PastAttempt>,
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
        let history = &self.batch.history;
        Facts {
            suppression: Some(&self.suppression),
            attempts: history.is_whole().then_some(self.attempts.as_slice()),
            attempts_since: history.since(),
            consents: Some(&self.consents),
            flags: Some(&self.flags),
            numbers: self.numbers.map(|numbers| numbers.facts(&self.holding)),
            intelligence: self.intelligence.as_ref(),
            tools,
            data_faults: &self.data_faults,
            data_until: self.numbers.and_then(BatchNumbers::until),
        }
    }
}

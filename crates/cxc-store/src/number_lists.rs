//! The lists of numbers that a process holds in memory: one value, shared by all components of the process. It holds
//! the active versions of the tenants that somebody judges for, notices a new version within a second, and swaps it
//! in while look-ups go on; the old one goes when its last look-up ends.
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cxc_core::channel::Channel;
use cxc_core::compliance::{DataFault, NumberListState, RuleRef};
use cxc_core::number_set::{NumberListKind, NumberSet};
use cxc_core::phone::PhoneNumber;
use cxc_core::record::Reason;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::number_list::{ActiveList, INSTALLATION, NumberList};
use crate::{Db, StoreError, Tx, number_bytes};

/// How often new versions are looked for.
const LOOK: Duration = Duration::from_millis(500);
/// A tenant for which nobody judged for so long needs no lists in memory.
const IDLE: Duration = Duration::from_secs(600);
/// A version that is damaged is read again after so long: somebody may have mended it.
const MENDED: Duration = Duration::from_secs(60);
/// What was looked up longer ago is looked up again by who judges: then nobody watches in this process.
const FRESH: Duration = Duration::from_secs(1);

/// The lists of numbers of one process. Cheap to clone.
#[derive(Clone)]
pub struct NumberLists(Arc<Shared>);

struct Shared {
    db: Db,
    cache: Option<PathBuf>,
    known: Mutex<Known>,
    /// One load at a time: two would need twice the memory.
    loading: tokio::sync::Mutex<()>,
    /// One of those who watch does it; the others wait to take over.
    watching: tokio::sync::Mutex<()>,
    wanted: tokio::sync::Notify,
    failing: AtomicBool,
}

#[derive(Default)]
struct Known {
    /// The numbers in memory, by list.
    held: HashMap<i64, Held>,
    /// The versions that could not be read, by list, and when that was tried: reading one again and again would hold up
    /// the others.
    damaged: HashMap<i64, (i64, Instant)>,
    tenants: HashMap<i64, Asked>,
}

#[derive(Clone)]
struct Held {
    blob: i64,
    version: i64,
    as_of: Timestamp,
    set: Arc<NumberSet>,
}

struct Asked {
    at: Instant,
    looked: Instant,
    lists: Arc<TenantLists>,
}

/// How far a list can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListState {
    /// No version of it was ever activated.
    NotLoaded,
    /// A version is active, but this process does not hold it: not yet, or because it is damaged.
    Loading,
    /// It can be asked.
    Loaded {
        /// Its version.
        version: i64,
        /// When its numbers are of.
        as_of: Timestamp,
    },
}

/// A list that bears on a tenant.
#[derive(Debug, Clone)]
pub struct ListAtHand {
    /// Its row.
    pub list: NumberList,
    /// How far it can be asked.
    pub state: ListState,
    set: Option<Arc<NumberSet>>,
}

impl ListAtHand {
    /// A list as its row says that it is, without its numbers: for who asks about its age and not whom it holds.
    pub fn unread(row: &ActiveList) -> Self {
        let as_of = row.as_of.and_then(|at| Timestamp::from_microsecond(at).ok());
        let state = as_of.map_or(ListState::NotLoaded, |as_of| ListState::Loaded { version: row.list.active, as_of });
        Self { list: row.list.clone(), state, set: None }
    }

    /// Whether it is the customer's own.
    pub fn is_own(&self) -> bool {
        self.list.kind() == NumberListKind::Customer
    }

    /// Whether it bears on a channel.
    pub fn bears_on(&self, channel: Channel) -> bool {
        self.list.channels & channel.bit() != 0
    }

    /// Whether it holds a number.
    pub fn holds(&self, number: PhoneNumber) -> bool {
        self.set.as_ref().is_some_and(|set| set.contains(number))
    }

    /// When it will be past the age that it says itself that it may have.
    pub fn too_old_from(&self) -> Option<Timestamp> {
        let ListState::Loaded { as_of, .. } = self.state else { return None };
        as_of.checked_add(SignedDuration::from_hours(24 * self.list.max_age_days?)).ok()
    }

    /// What is wrong with it: its numbers are not at hand, and nobody can say whom it holds; the day that they are of has
    /// not come yet, by more than a day, so that nobody knows their age; or they are older than the list says itself that
    /// they may be. The legal age is the rules' affair, and of a customer's list that does not say how old it may be nobody
    /// asks the age.
    pub fn fault(&self, now: Timestamp) -> Option<DataFault> {
        let (version, as_of) = match self.state {
            ListState::Loaded { version, as_of } => (version, as_of),
            ListState::NotLoaded => return None,
            ListState::Loading => {
                let why = NumberListState::Unreadable.why_not().unwrap_or_default();
                let (data, code) = (RuleRef::new(self.list.id.to_string(), 0), Reason::DataMissing);
                return Some(DataFault { data, code, detail: format!("the number list {why}") });
            }
        };
        if self.is_own() && self.list.max_age_days.is_none() {
            return None;
        }
        let fault = |code, detail| DataFault { data: RuleRef::new(self.list.id.to_string(), version), code, detail };
        let age = now.duration_since(as_of);
        if age < SignedDuration::from_hours(-24) {
            let detail = format!("the number list is dated ahead: it says that it is as of {as_of}");
            return Some(fault(Reason::DataStale, detail));
        }
        let most = self.list.max_age_days?;
        (age > SignedDuration::from_hours(24 * most)).then(|| {
            let days = age.as_hours() / 24;
            let detail =
                format!("the number list is {days} days old: past its own {most} days it counts as not loaded");
            fault(Reason::DataMissing, detail)
        })
    }
}

/// The lists that bear on a tenant, as they were at one moment.
#[derive(Debug, Clone, Default)]
pub struct TenantLists {
    lists: Vec<ListAtHand>,
    has_answers: bool,
}

impl TenantLists {
    /// The most lists of a tenant and its installation together.
    pub const MOST: usize = 64;

    /// Every list.
    pub fn lists(&self) -> &[ListAtHand] {
        &self.lists
    }

    /// Whether the tenant has any answer of number intelligence.
    pub fn has_answers(&self) -> bool {
        self.has_answers
    }

    /// Whether a list has an active version whose numbers are not at hand.
    pub fn is_loading(&self) -> bool {
        self.lists.iter().any(|list| list.state == ListState::Loading)
    }
}

impl NumberLists {
    /// The lists of a database, with a folder where their bytes are kept from one start to the next.
    pub fn new(db: Db, cache: Option<PathBuf>) -> Self {
        Self(Arc::new(Shared {
            db,
            cache,
            known: Mutex::default(),
            loading: tokio::sync::Mutex::default(),
            watching: tokio::sync::Mutex::default(),
            wanted: tokio::sync::Notify::new(),
            failing: AtomicBool::new(false),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The folder where the bytes of versions are kept.
    pub fn cache(&self) -> Option<&Path> {
        self.0.cache.as_deref()
    }

    /// The lists of a tenant as they are at hand, if somebody looked at them lately.
    pub(crate) fn known(&self, tenant: i64) -> Option<Arc<TenantLists>> {
        let (mut known, now) = (self.lock(), Instant::now());
        let asked = known.tenants.get_mut(&tenant)?;
        asked.at = now;
        (now.duration_since(asked.looked) < FRESH).then(|| Arc::clone(&asked.lists))
    }

    /// The lists of a tenant as they are at hand, and asks for those that are not. Reads at most the lists' rows, by
    /// the caller's transaction, and these only where nobody watches.
    pub async fn at_hand(&self, tx: &mut Tx, tenant: i64) -> Result<Arc<TenantLists>, StoreError> {
        if let Some(lists) = self.known(tenant) {
            return Ok(lists);
        }
        let rows = Rows::read(tx, &[tenant]).await?;
        let lists = self.publish(tenant, &rows, true);
        self.0.wanted.notify_waiters();
        Ok(lists)
    }

    /// Loads what a tenant needs and is not at hand yet. Call it before the first judgement, outside of a transaction.
    /// What can't be loaded counts as unknown afterwards.
    pub async fn prepare(&self, tenant: i64) {
        if let Err(error) = self.load_for(tenant).await {
            tracing::warn!(%error, tenant, "the lists of numbers of a tenant can't be loaded");
        }
    }

    async fn load_for(&self, tenant: i64) -> Result<(), StoreError> {
        let rows = Rows::read(&mut self.0.db.read().await?, &[tenant]).await?;
        if self.publish(tenant, &rows, true).is_loading() || self.is_behind(&rows.lists) {
            self.refresh().await?;
        }
        Ok(())
    }

    fn is_behind(&self, rows: &[ActiveList]) -> bool {
        let known = self.lock();
        rows.iter().any(|row| row.blob.is_some() && known.held.get(&row.list.number).map(|held| held.blob) != row.blob)
    }

    /// Looks for new versions of the lists of those tenants that are judged for, and loads them, one after the other.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let _one = self.0.loading.lock().await;
        let tenants = self.tenants();
        if tenants.is_empty() {
            self.lock().held.clear();
            return Ok(());
        }
        let rows = Rows::read(&mut self.0.db.read().await?, &tenants).await?;
        let is_active = |number: &i64| rows.lists.iter().any(|row| row.list.number == *number && row.blob.is_some());
        {
            let mut known = self.lock();
            known.held.retain(|number, _| is_active(number));
            known.damaged.retain(|number, _| is_active(number));
        }
        self.publish_all(&tenants, &rows);
        let (mut loaded, mut failed) = (false, None);
        for row in &rows.lists {
            match self.load(row).await {
                Ok(false) => {}
                Ok(true) => {
                    loaded = true;
                    self.publish_all(&tenants, &rows);
                }
                // the other lists are loaded all the same, and of this one the last good version stays
                Err(error) => failed = Some(error),
            }
        }
        if loaded {
            self.sweep().await;
        }
        failed.map_or(Ok(()), Err)
    }

    /// Loads the active version of a list unless it is at hand; answers whether it did.
    async fn load(&self, row: &ActiveList) -> Result<bool, StoreError> {
        let (Some(blob), Some(sha256), Some(as_of)) = (row.blob, &row.sha256, row.as_of) else { return Ok(false) };
        if self.lock().held.get(&row.list.number).is_some_and(|held| held.blob == blob) {
            return Ok(false);
        }
        if self.is_damaged(row.list.number, blob) {
            return Ok(false);
        }
        let set = match number_bytes::load(&self.0.db, blob, sha256, self.0.cache.as_deref()).await {
            Ok(set) => set,
            Err(error) => {
                // it may be the database that fails, which is asked again
                if matches!(error, StoreError::Corrupt(_)) {
                    let (list, version) = (row.list.id, row.list.active);
                    tracing::error!(%list, version, %error, "a list of numbers is damaged: load it again");
                    self.lock().damaged.insert(row.list.number, (blob, Instant::now()));
                }
                return Err(error);
            }
        };
        let as_of = Timestamp::from_microsecond(as_of).map_err(|e| StoreError::Corrupt(e.to_string()))?;
        let held = Held { blob, version: row.list.active, as_of, set: Arc::new(set) };
        let numbers = held.set.len();
        self.lock().held.insert(row.list.number, held);
        tracing::info!(list = %row.list.id, version = row.list.active, numbers, "a list of numbers is loaded");
        Ok(true)
    }

    /// Whether a version could not be read a short while ago.
    fn is_damaged(&self, list: i64, blob: i64) -> bool {
        let known = self.lock();
        known.damaged.get(&list).is_some_and(|(damaged, at)| *damaged == blob && at.elapsed() < MENDED)
    }

    /// The tenants that somebody judged for of late; the others are forgotten.
    fn tenants(&self) -> Vec<i64> {
        let mut known = self.lock();
        known.tenants.retain(|_, asked| asked.at.elapsed() < IDLE);
        known.tenants.keys().copied().collect()
    }

    fn publish_all(&self, tenants: &[i64], rows: &Rows) {
        for tenant in tenants {
            self.publish(*tenant, rows, false);
        }
    }

    /// Puts a tenant's lists together from what is at hand, in the place of those of before.
    fn publish(&self, tenant: i64, rows: &Rows, is_asked: bool) -> Arc<TenantLists> {
        let mut known = self.lock();
        let mut lists = TenantLists { has_answers: rows.answered.contains(&tenant), ..TenantLists::default() };
        let bears = |row: &&ActiveList| row.list.tenant == tenant || row.list.tenant == INSTALLATION;
        for row in rows.lists.iter().filter(bears).take(TenantLists::MOST) {
            let held = known.held.get(&row.list.number).filter(|_| row.blob.is_some());
            let state = match held {
                Some(held) => ListState::Loaded { version: held.version, as_of: held.as_of },
                None if row.blob.is_some() => ListState::Loading,
                None => ListState::NotLoaded,
            };
            let set = held.map(|held| Arc::clone(&held.set));
            lists.lists.push(ListAtHand { list: row.list.clone(), state, set });
        }
        let (lists, now) = (Arc::new(lists), Instant::now());
        let at = known.tenants.get(&tenant).filter(|_| !is_asked).map_or(now, |asked| asked.at);
        known.tenants.insert(tenant, Asked { at, looked: now, lists: Arc::clone(&lists) });
        lists
    }

    async fn sweep(&self) {
        let Some(folder) = self.0.cache.clone() else { return };
        let swept = async {
            let known = self.0.db.read().await?.number_list_digests().await?;
            let done = tokio::task::spawn_blocking(move || number_bytes::sweep(&folder, &known)).await;
            done.map_err(|e| StoreError::Corrupt(e.to_string()))?.map_err(|e| StoreError::Database(sqlx::Error::Io(e)))
        };
        if let Err(error) = swept.await {
            tracing::warn!(%error, "the cache of lists of numbers can't be swept");
        }
    }

    /// Keeps the lists up to date until the future is dropped: as the work of each component that judges. One of them
    /// does it at a time.
    pub async fn watch(&self) {
        let _first = self.0.watching.lock().await;
        loop {
            let failing = match self.refresh().await {
                Ok(()) => false,
                Err(error) => {
                    if !self.0.failing.load(Ordering::Relaxed) {
                        tracing::warn!(%error, "lists of numbers can't be loaded; the last good versions stay");
                    }
                    true
                }
            };
            self.0.failing.store(failing, Ordering::Relaxed);
            let pause = if failing { 10 * LOOK } else { LOOK };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.0.wanted.notified(), if !failing => {}
            }
        }
    }

    /// How many numbers are in memory, and in how many lists.
    pub fn held(&self) -> (usize, u64) {
        let known = self.lock();
        (known.held.len(), known.held.values().map(|held| held.set.len()).sum())
    }
}

/// What the store says of the lists of some tenants.
struct Rows {
    lists: Vec<ActiveList>,
    answered: Vec<i64>,
}

impl Rows {
    async fn read(tx: &mut Tx, tenants: &[i64]) -> Result<Self, StoreError> {
        let mut owners = tenants.to_vec();
        owners.push(INSTALLATION);
        let lists = tx.number_lists_active(&owners).await?;
        Ok(Self { lists, answered: tx.number_answers_any(tenants).await? })
    }
}

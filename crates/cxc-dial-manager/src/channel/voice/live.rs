//! What goes on in the groups of this process, looked at once a second.
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use cxc_core::Micros;
use cxc_dialer::group::{AgentsNow, CallsNow, Group, Totals};
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::watch;
use utoipa::ToSchema;
use uuid::Uuid;

/// A group at a moment.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LiveStatistics {
    /// When it was looked at.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Why it dials no more than it does; `dialing` where only the pace holds back.
    pub limited_by: &'static str,
    /// Probability that a person answers a new call, 0 to 1, as the pace takes it: learned from this run and earlier ones.
    pub answer_rate: f64,
    /// Where its calls are.
    pub calls: CallsNow,
    /// Where its agents are. Who logged out is none any more.
    pub agents: AgentsNow,
    /// Since it was loaded.
    pub totals: LiveTotals,
    /// The tightest limit of abandoned calls; none where no limit holds.
    pub budget: Option<Budget>,
    /// Ports of media, those of agents' phones included.
    pub ports: PortUse,
    /// The caller ids of the group.
    pub caller_ids: CallerIdsNow,
}

/// Counts since a group was loaded by this process. Ratios are 0 to 1, and 0 of nothing.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LiveTotals {
    /// Calls placed.
    pub dials: u64,
    /// Calls that a person answered.
    pub live: u64,
    /// Persons who came to an agent.
    pub connected: u64,
    /// Persons to whom nobody came in time.
    pub abandoned: u64,
    /// Persons who left before that.
    pub dropped: u64,
    /// Live answers of all calls.
    pub hit_ratio: f64,
    /// Abandoned and dropped of the live answers.
    pub overdial_ratio: f64,
    /// Busy time of the agents who were in service.
    pub occupancy: f64,
    /// How long persons waited for their agents, seconds: the mean.
    pub mean_wait_seconds: f64,
    /// The longest.
    pub longest_wait_seconds: f64,
    /// From the order to place a call to its first ringing or answer, seconds: the mean.
    pub mean_set_up_seconds: f64,
    /// The longest.
    pub longest_set_up_seconds: f64,
    /// Calls by result.
    pub results: BTreeMap<i16, u64>,
    /// How long each reason held the group back, seconds.
    pub limited_seconds: BTreeMap<&'static str, f64>,
}

/// Abandoned calls against what is allowed, in the open window of a policy.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Budget {
    /// Abandoned calls.
    pub abandoned: u64,
    /// Live answers.
    pub live: u64,
    /// The share of these that may be abandoned, percent.
    pub limit_percent: f64,
    /// How many more could be abandoned now; below 0 once it is passed.
    pub room: f64,
}

/// Ports of media.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PortUse {
    /// That calls and phones have.
    pub in_use: usize,
    /// That nobody has.
    pub free: usize,
}

/// Caller ids of a group that names any.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallerIdsNow {
    /// That may be displayed.
    pub usable: usize,
    /// That are marked as blocked: nobody is called by them.
    pub blocked: usize,
}

impl LiveStatistics {
    /// A group as it is now.
    pub fn of(
        group: &Group,
        limited_by: &'static str,
        (ports, caller_ids): (PortUse, CallerIdsNow),
        now: Micros,
    ) -> Self {
        let budget = group.ledgers().tightest().map(|ledger| {
            let (abandoned, live) = ledger.counts();
            Budget { abandoned, live, limit_percent: ledger.policy().rate * 100.0, room: ledger.headroom() }
        });
        Self {
            at: Timestamp::from_microsecond(now).unwrap_or_default(),
            limited_by,
            answer_rate: group.answer_rate(),
            calls: group.calls_now(),
            agents: group.agents_now(),
            totals: LiveTotals::of(group.totals()),
            budget,
            ports,
            caller_ids,
        }
    }
}

impl LiveTotals {
    fn of(totals: &Totals) -> Self {
        Self {
            dials: totals.dials,
            live: totals.live,
            connected: totals.connected,
            abandoned: totals.abandoned,
            dropped: totals.dropped,
            hit_ratio: ratio(totals.live, totals.dials),
            overdial_ratio: ratio(totals.abandoned + totals.dropped, totals.live),
            occupancy: totals.occupancy(),
            mean_wait_seconds: mean(totals.waited, totals.connected),
            longest_wait_seconds: seconds(totals.longest_wait),
            mean_set_up_seconds: mean(totals.set_up, totals.reached),
            longest_set_up_seconds: seconds(totals.longest_set_up),
            results: totals.results.iter().map(|(result, count)| (result.code(), *count)).collect(),
            limited_seconds: totals.reasons.iter().map(|(why, time)| (*why, seconds(*time))).collect(),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts and microseconds are far below 2^53")]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole > 0 { part as f64 / whole as f64 } else { 0.0 }
}

#[expect(clippy::cast_precision_loss, reason = "counts and microseconds are far below 2^53")]
fn seconds(time: Micros) -> f64 {
    time as f64 / 1e6
}

#[expect(clippy::cast_precision_loss, reason = "counts and microseconds are far below 2^53")]
fn mean(time: Micros, count: u64) -> f64 {
    if count > 0 { seconds(time) / count as f64 } else { 0.0 }
}

/// The groups of this process, by number.
#[derive(Debug, Default)]
pub struct LiveBoard {
    groups: Mutex<HashMap<i64, (Uuid, Seen)>>,
    /// What leases of this process are held by.
    holder: OnceLock<Arc<str>>,
}

/// What was last seen of a group; its end is that of the group.
pub type Seen = watch::Receiver<Option<Arc<LiveStatistics>>>;

impl LiveBoard {
    /// Names whose board it is: what its leases are held by.
    pub fn belongs_to(&self, holder: Arc<str>) {
        self.holder.get_or_init(|| holder);
    }

    /// Whether a lease is held by this process.
    pub fn is_ours(&self, holder: &str) -> bool {
        // each start of a sender is a holder of its own, behind the name of its process
        self.holder.get().is_some_and(|own| holder.split_once('/').is_some_and(|(process, _)| process == &**own))
    }

    /// A group comes on the board: what is seen of it is sent to the answer.
    pub fn show(&self, group: i64, id: Uuid) -> watch::Sender<Option<Arc<LiveStatistics>>> {
        let (tell, seen) = watch::channel(None);
        self.groups().insert(group, (id, seen));
        tell
    }

    /// A group of this process.
    pub fn get(&self, group: i64) -> Option<Seen> {
        self.groups().get(&group).map(|(_, seen)| seen.clone())
    }

    /// What was last seen of all groups of this process, by id.
    pub fn all(&self) -> BTreeMap<Uuid, Arc<LiveStatistics>> {
        let groups = self.groups();
        groups.values().filter_map(|(id, seen)| Some((*id, seen.borrow().clone()?))).collect()
    }

    /// Groups that are over leave the board.
    fn groups(&self) -> MutexGuard<'_, HashMap<i64, (Uuid, Seen)>> {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        groups.retain(|_, (_, seen)| seen.has_changed().is_ok());
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_knows_the_leases_of_its_process() {
        let board = LiveBoard::default();
        assert!(!board.is_ours("a/1"), "nobody said whose it is");
        board.belongs_to("a".into());
        assert!(board.is_ours("a/1") && !board.is_ours("b/1") && !board.is_ours("ab/1") && !board.is_ours("a"));
    }
}

//! What goes on in the groups of this process, looked at once a second.
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cxc_core::Micros;
use cxc_dialer::group::{AgentsNow, CallersNow, CallersTotals, CallsNow, Totals};
use cxc_sip::run::Look;
use cxc_sip::trunk::{TrunkOptions, Trunks, next_day};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use utoipa::ToSchema;
use uuid::Uuid;

/// Figures of this age are no live ones: the process that ran the group is lost, or does not come to write them.
const STALE: f64 = 4.0;

/// A group at a moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LiveStatistics {
    /// When it was looked at.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// How long ago that was, seconds.
    #[serde(default)]
    pub age_seconds: f64,
    /// These figures are old: nobody runs the group now, or it can't be seen from here. They say how it was, not how it is.
    #[serde(default)]
    pub stale: bool,
    /// Why it dials no more than it does; `dialing` where only the pace holds back, `lease_not_held` where no process has its
    /// trunk.
    pub limited_by: String,
    /// Probability that a person answers a new call, 0 to 1, as the pace takes it: learned from this run and earlier ones.
    pub answer_rate: f64,
    /// Where its calls are.
    pub calls: CallsNow,
    /// Where its agents are. Who logged out is none any more.
    pub agents: AgentsNow,
    /// Persons who called in and asked for an agent: in none of the calls above.
    #[serde(default)]
    pub callers: CallersNow,
    /// Since it was loaded.
    pub totals: LiveTotals,
    /// The tightest limit of abandoned calls; none where no limit holds.
    pub budget: Option<Budget>,
    /// Ports of media, those of agents' phones included.
    pub ports: PortUse,
    /// The caller ids of the group.
    pub caller_ids: CallerIdsNow,
    /// Its trunks that have a cap of what they may cost, in their order.
    #[serde(default)]
    pub spend: Vec<TrunkSpend>,
}

/// What the calls by a trunk cost, in the unit of its costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrunkSpend {
    /// The trunk.
    pub trunk: String,
    /// What they have cost today, in UTC; a call that is not over counts with its first minute.
    pub spend_today: f64,
    /// What they may cost a day.
    pub spend_per_day: f64,
    /// When a new day begins.
    #[schema(value_type = String, format = DateTime)]
    pub spend_resets_at: Timestamp,
}

/// Counts since a group was loaded by this process. Ratios are 0 to 1, and 0 of nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
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
    pub limited_seconds: BTreeMap<String, f64>,
    /// Persons who called in and asked for an agent: in none of the counts above, but for occupancy.
    #[serde(default)]
    pub callers: LiveCallers,
}

/// Counts of persons who called in and asked for an agent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LiveCallers {
    /// Who asked.
    pub came: u64,
    /// Who came to an agent.
    pub connected: u64,
    /// Who hung up before that.
    pub left: u64,
    /// To whom none came in time.
    pub unserved: u64,
    /// How long those waited who came to an agent, seconds: the mean.
    pub mean_wait_seconds: f64,
    /// The longest.
    pub longest_wait_seconds: f64,
}

impl LiveCallers {
    fn of(totals: &CallersTotals) -> Self {
        let CallersTotals { came, connected, left, unserved, waited, longest_wait } = *totals;
        let (mean_wait_seconds, longest_wait_seconds) = (mean(waited, connected), seconds(longest_wait));
        Self { came, connected, left, unserved, mean_wait_seconds, longest_wait_seconds }
    }
}

/// Abandoned calls against what is allowed, in the open window of a policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PortUse {
    /// That calls and phones have.
    pub in_use: usize,
    /// That nobody has.
    pub free: usize,
}

/// Caller ids of a group that names any.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallerIdsNow {
    /// That may be displayed.
    pub usable: usize,
    /// That are marked as blocked: nobody is called by them.
    pub blocked: usize,
}

impl LiveStatistics {
    /// A group as it is now.
    fn of(look: &Look<'_>, limited_by: &str, caller_ids: CallerIdsNow) -> Self {
        let (group, (in_use, free)) = (look.group, look.ports);
        let budget = group.ledgers().tightest().map(|ledger| {
            let (abandoned, live) = ledger.counts();
            Budget { abandoned, live, limit_percent: ledger.policy().rate * 100.0, room: ledger.headroom() }
        });
        Self {
            at: Timestamp::from_microsecond(look.now).unwrap_or_default(),
            age_seconds: 0.0,
            stale: false,
            limited_by: limited_by.to_owned(),
            answer_rate: group.answer_rate(),
            calls: group.calls_now(),
            agents: group.agents_now(),
            callers: group.callers_now(),
            totals: LiveTotals::of(group.totals()),
            budget,
            ports: PortUse { in_use, free },
            caller_ids,
            spend: spends(look.trunks, look.now),
        }
    }

    /// The same as it is shown so much later: `holder` says whether any process has its trunk.
    pub fn shown(self, age: Micros, holder: bool) -> Self {
        let age_seconds = seconds(age.max(0));
        let stale = age_seconds >= STALE;
        let limited_by = match (stale, holder) {
            (false, _) => self.limited_by,
            (true, true) => "not_started".into(),
            (true, false) => "lease_not_held".into(),
        };
        Self { age_seconds, stale, limited_by, ..self }
    }
}

/// What trunks with a cap cost today.
fn spends(trunks: &Trunks, now: Micros) -> Vec<TrunkSpend> {
    let resets_at = Timestamp::from_microsecond(next_day(now)).unwrap_or_default();
    let of = |at: usize| {
        let (_, spent) = trunks.spent(at, now)?;
        let TrunkOptions { name, tariff, .. } = trunks.options(at);
        let (spend_today, spend_per_day) = (amount(spent), amount(tariff.as_ref()?.per_day));
        Some(TrunkSpend { trunk: name.clone(), spend_today, spend_per_day, spend_resets_at: resets_at })
    };
    (0..trunks.all().len()).filter_map(of).collect()
}

/// An amount as people write it.
#[expect(clippy::cast_precision_loss, reason = "amounts are at most 1e9, in millionths")]
pub fn amount(millionths: i64) -> f64 {
    millionths as f64 / 1e6
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
            limited_seconds: totals.reasons.iter().map(|(why, time)| ((*why).to_owned(), seconds(*time))).collect(),
            callers: LiveCallers::of(&totals.callers),
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

/// A group, and the lease under which its calls are placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// Its number.
    pub group: i64,
    /// Its id.
    pub id: Uuid,
    /// The account whose lease is held.
    pub account: i64,
    /// The token of the lease.
    pub token: i64,
}

/// What is seen of a group at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Sight {
    /// For people.
    pub figures: LiveStatistics,
    /// Calls that are up, those included that agents gave to others.
    pub calls: usize,
    /// It places no more.
    pub stopping: bool,
}

impl Sight {
    /// A group as it is now.
    pub fn of(look: &Look<'_>, limited_by: &str, caller_ids: CallerIdsNow) -> Self {
        Self {
            figures: LiveStatistics::of(look, limited_by, caller_ids),
            calls: look.group.calls() + look.given_away,
            stopping: look.is_stopping,
        }
    }
}

/// The groups of this process, by number.
#[derive(Debug, Default)]
pub struct LiveBoard(Mutex<HashMap<i64, (Placed, Seen)>>);

/// What was last seen of a group; its end is that of the group.
pub type Seen = watch::Receiver<Option<Arc<Sight>>>;

impl LiveBoard {
    /// A group comes on the board: what is seen of it is sent to the answer.
    pub fn show(&self, placed: Placed) -> watch::Sender<Option<Arc<Sight>>> {
        let (tell, seen) = watch::channel(None);
        self.groups().insert(placed.group, (placed, seen));
        tell
    }

    /// What was last seen of all groups of this process. One that was just loaded was not seen yet.
    pub fn all(&self) -> Vec<(Placed, Option<Arc<Sight>>)> {
        self.groups().values().map(|(placed, seen)| (*placed, seen.borrow().clone())).collect()
    }

    /// Groups that are over leave the board.
    fn groups(&self) -> MutexGuard<'_, HashMap<i64, (Placed, Seen)>> {
        let mut groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        groups.retain(|_, (_, seen)| seen.has_changed().is_ok());
        groups
    }
}

#[cfg(test)]
mod tests {
    use cxc_dialer::abandon::{Ledgers, Place};
    use cxc_dialer::agent::AgentRules;
    use cxc_dialer::call::CallRules;
    use cxc_dialer::group::Group;
    use cxc_dialer::pacing::{Mode, Pacer};
    use cxc_sip::trunk::{Tariff, TrunkOptions};
    use jiff::tz::TimeZone;

    use super::*;

    fn figures() -> LiveStatistics {
        let rules = CallRules::default();
        let pacer = Pacer::new(Mode::Ports { agents: true }, rules.max_ring, rules.threshold, None);
        let ledgers = Ledgers::new(Place::US.policies(), 0, &TimeZone::UTC);
        let mut group = Group::new(pacer, ledgers, rules, AgentRules::default(), 0);
        group.place(1);
        let trunk = TrunkOptions::new("Carrier", "sip.example.com", 2, 1.0, Vec::new());
        let tariff = Some(Tariff { per_day: 2_500_000, per_minute: 1, per_call: 0 });
        let trunks = Trunks::new(vec![trunk.clone(), TrunkOptions { tariff, name: "Other".into(), ..trunk }]);
        let look =
            Look { group: &group, ports: (1, 2), given_away: 3, is_stopping: false, trunks: &trunks, now: 7_000_000 };
        let sight = Sight::of(&look, "dialing", CallerIdsNow::default());
        assert_eq!((sight.calls, sight.stopping), (4, false));
        sight.figures
    }

    #[test]
    fn figures_are_the_same_after_they_were_written_and_read() {
        let figures = figures();
        let text = serde_json::to_string(&figures).unwrap();
        assert_eq!(serde_json::from_str::<LiveStatistics>(&text).unwrap(), figures);
        assert!(text.len() < 2_000, "a small row: {}", text.len());
        let [spend] = &figures.spend[..] else { panic!("one trunk has a cap: {:?}", figures.spend) };
        assert_eq!((spend.trunk.as_str(), spend.spend_today, spend.spend_per_day), ("Other", 0.0, 2.5));
        assert_eq!(spend.spend_resets_at.to_string(), "1970-01-02T00:00:00Z");
    }

    #[test]
    fn old_figures_are_not_shown_as_live_ones() {
        let fresh = figures().shown(1_500_000, false);
        assert_eq!((fresh.age_seconds, fresh.stale, fresh.limited_by.as_str()), (1.5, false, "dialing"));
        let old = |holder| figures().shown(90_000_000, holder);
        assert_eq!((old(false).age_seconds, old(false).stale), (90.0, true));
        assert_eq!((old(false).limited_by, old(true).limited_by), ("lease_not_held".into(), "not_started".into()));
        assert_eq!(figures().shown(-5, true).age_seconds, 0.0, "a clock that was put back");
    }

    #[test]
    fn a_group_leaves_the_board_with_its_actor() {
        let board = LiveBoard::default();
        let tell = board.show(Placed { group: 1, id: Uuid::nil(), account: 2, token: 3 });
        assert!(board.all()[0].1.is_none());
        drop(tell);
        assert!(board.all().is_empty());
    }
}

//! The numbers that calls display: who sees which, and which of them are being blocked on the way to the people.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cxc_core::caller_id::{Alarm, BlockWatch, Displayed, rotate};
use cxc_core::hash::HashKey;
use cxc_core::phone::PhoneParser;
use cxc_server::App;
use cxc_store::StoreError;
use cxc_store::caller_id::CallerIdBlock;
use prometheus::GaugeVec;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How often alarms are written and gauges set.
const LOOK: Duration = Duration::from_millis(500);

/// A mark is in the store after this time, and was read there.
const WRITTEN: Duration = Duration::from_secs(5);

/// A caller id of a group as its plan knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanCallerId {
    /// The caller id.
    pub id: Uuid,
    /// Its number.
    pub number: String,
    /// It is marked as blocked.
    pub is_blocked: bool,
}

/// What a process sees of its groups' caller ids, by tenant and number.
#[derive(Debug, Default)]
pub struct CallerIdBoard {
    seen: Mutex<HashMap<(i64, String), Seen>>,
    alarms: Mutex<Vec<(i64, String, Alarm)>>,
}

#[derive(Debug, Default)]
struct Seen {
    id: Uuid,
    is_blocked: bool,
    watch: BlockWatch,
    /// Until when the mark is not expected in the store: what was read there may be older.
    held: Option<Instant>,
}

impl CallerIdBoard {
    /// The caller ids of a group as they are stored now. One whose mark was taken away begins anew.
    fn stand(&self, tenant: i64, ids: &[PlanCallerId]) {
        let mut seen = self.seen();
        for id in ids {
            let known = seen.entry((tenant, id.number.clone())).or_default();
            known.id = id.id;
            if known.held.is_some_and(|until| !id.is_blocked && Instant::now() < until) {
                continue;
            }
            if known.is_blocked && !id.is_blocked {
                known.watch = BlockWatch::default();
            }
            (known.is_blocked, known.held) = (id.is_blocked, None);
        }
    }

    /// A call by a caller id was answered or rejected.
    fn note(&self, tenant: i64, number: &str, is_blocked: bool) {
        let mut seen = self.seen();
        let Some(known) = seen.get_mut(&(tenant, number.to_owned())).filter(|known| !known.is_blocked) else { return };
        if let Some(alarm) = known.watch.note(is_blocked) {
            (known.is_blocked, known.held) = (true, Some(Instant::now() + WRITTEN));
            tracing::error!(caller_id = %known.id, ?alarm, "calls by a caller id are being blocked: it is left alone");
            self.alarms().push((tenant, number.to_owned(), alarm));
        }
    }

    fn is_blocked(&self, tenant: i64, number: &str) -> bool {
        self.seen().get(&(tenant, number.to_owned())).is_some_and(|known| known.is_blocked)
    }

    fn seen(&self) -> MutexGuard<'_, HashMap<(i64, String), Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn alarms(&self) -> MutexGuard<'_, Vec<(i64, String, Alarm)>> {
        self.alarms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes alarms down and shows who is blocked, until told to stop.
    pub async fn keep(&self, app: App, gauge: GaugeVec, stop: CancellationToken) {
        loop {
            let is_over = stop.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_none();
            for known in self.seen().values() {
                gauge.with_label_values(&[&known.id.to_string()]).set(f64::from(u8::from(known.is_blocked)));
            }
            let due = std::mem::take(&mut *self.alarms());
            for alarm in due {
                if let Err(error) = write(&app, &alarm).await {
                    tracing::warn!(%error, "that a caller id is blocked can't be written yet");
                    self.alarms().push(alarm);
                }
            }
            if is_over {
                return;
            }
        }
    }
}

async fn write(app: &App, (tenant, number, alarm): &(i64, String, Alarm)) -> Result<(), StoreError> {
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let (blocked, calls) = (count(alarm.blocked), count(alarm.calls));
    let block = CallerIdBlock { number: number.clone(), blocked_at: app.now(), blocked, calls };
    let mut tx = app.db.begin().await?;
    tx.caller_id_block(*tenant, &block).await?;
    tx.commit().await
}

/// No number may be displayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoCallerId;

/// What the calls of a group display.
pub struct Displays {
    tenant: i64,
    key: HashKey,
    phones: Arc<PhoneParser>,
    board: Arc<CallerIdBoard>,
    /// The one number of a group without caller ids; else the trunk's own is displayed.
    fixed: Option<String>,
    /// None for a group without caller ids.
    ids: Mutex<Option<Vec<Displayed>>>,
}

impl Displays {
    /// Of a tenant's group, with the number that is displayed where it has no caller ids.
    pub fn new(
        (tenant, key): (i64, HashKey),
        phones: Arc<PhoneParser>,
        board: Arc<CallerIdBoard>,
        fixed: Option<String>,
    ) -> Self {
        Self { tenant, key, phones, board, fixed, ids: Mutex::default() }
    }

    /// The caller ids as they are now; none for a group that names none.
    pub fn set(&self, ids: Option<&[PlanCallerId]>) {
        self.board.stand(self.tenant, ids.unwrap_or_default());
        let displayed = |id: &PlanCallerId| Displayed {
            number: id.number.clone(),
            country: self.phones.parse(&id.number, None).ok().map(|phone| phone.country),
        };
        *self.ids() = ids.map(|ids| ids.iter().map(displayed).collect());
    }

    /// Those that may be displayed now, and those that are blocked.
    pub fn counts(&self) -> (usize, usize) {
        let ids = self.ids().clone().unwrap_or_default();
        let blocked = ids.iter().filter(|id| self.board.is_blocked(self.tenant, &id.number)).count();
        (ids.len() - blocked, blocked)
    }

    /// Whether the group has caller ids, and none of them may be displayed.
    pub fn has_none_left(&self) -> bool {
        self.ids().is_some() && self.counts().0 == 0
    }

    /// Whose numbers these are.
    pub fn tenant(&self) -> i64 {
        self.tenant
    }

    /// Whether a number is one of them, also while it is left alone.
    pub fn shows(&self, number: &str) -> bool {
        match &*self.ids() {
            Some(ids) => ids.iter().any(|id| id.number == number),
            None => self.fixed.as_deref() == Some(number),
        }
    }

    /// What a person sees. None is the number of the trunk.
    pub fn to(&self, number: &str) -> Result<Option<String>, NoCallerId> {
        let Some(mut ids) = self.ids().clone() else { return Ok(self.fixed.clone()) };
        ids.retain(|id| !self.board.is_blocked(self.tenant, &id.number));
        let country = self.phones.parse(number, None).ok().map(|phone| phone.country);
        let weight = |id: &str| self.key.hash(self.tenant, &format!("{number} sees {id}"));
        rotate(&ids, country, weight).map(|id| Some(id.number.clone())).ok_or(NoCallerId)
    }

    /// A call that displayed a number was answered or rejected.
    pub fn note(&self, number: Option<&str>, is_blocked: bool) {
        if let Some(number) = number {
            self.board.note(self.tenant, number, is_blocked);
        }
    }

    fn ids(&self) -> MutexGuard<'_, Option<Vec<Displayed>>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
impl Displays {
    /// Of a group that displays one number, or none.
    pub fn one(number: Option<&str>) -> Self {
        let phones = PhoneParser::shared().unwrap();
        Self::new((1, HashKey([7; 16])), phones, Arc::default(), number.map(ToOwned::to_owned))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn displays(board: &Arc<CallerIdBoard>) -> Displays {
        let phones = PhoneParser::shared().unwrap();
        Displays::new((1, HashKey([7; 16])), phones, Arc::clone(board), Some("+12125550199".into()))
    }

    fn ids(blocked: &[bool]) -> Vec<PlanCallerId> {
        let id = |(n, is_blocked): (usize, &bool)| PlanCallerId {
            id: Uuid::from_u128(n as u128),
            number: format!("+1212555010{n}"),
            is_blocked: *is_blocked,
        };
        blocked.iter().enumerate().map(id).collect()
    }

    #[test]
    fn a_number_that_is_blocked_is_passed_over_until_its_mark_is_taken_away() {
        let board = Arc::default();
        let (displays, person) = (displays(&board), "+16465550123");
        assert_eq!(displays.to(person), Ok(Some("+12125550199".into())), "a group without caller ids");
        displays.set(Some(&ids(&[false, false])));
        let first = displays.to(person).unwrap().unwrap();
        (0..5).for_each(|_| displays.note(Some(&first), true));
        let second = displays.to(person).unwrap().unwrap();
        assert!(first != second && displays.counts() == (1, 1) && !displays.has_none_left());
        (0..5).for_each(|_| displays.note(Some(&second), true));
        assert!(displays.to(person).is_err() && displays.has_none_left());
        let alarms = std::mem::take(&mut *board.alarms());
        assert_eq!(alarms.iter().map(|(_, number, _)| number.clone()).collect::<Vec<_>>(), [first.clone(), second]);
        // what was read before the marks were written changes nothing
        displays.set(Some(&ids(&[false, false])));
        assert!(displays.has_none_left());
        displays.set(Some(&ids(&[true, true])));
        // the store says that nothing is marked any more
        displays.set(Some(&ids(&[false, false])));
        assert_eq!(displays.to(person), Ok(Some(first)));
    }

    #[test]
    fn a_group_whose_caller_ids_are_all_gone_displays_nothing() {
        let displays = displays(&Arc::default());
        displays.set(Some(&[]));
        assert!(displays.to("+16465550123").is_err() && displays.has_none_left());
        displays.set(None);
        assert!(displays.to("+16465550123").is_ok() && !displays.has_none_left());
    }
}

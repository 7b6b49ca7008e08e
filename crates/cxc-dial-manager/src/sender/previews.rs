//! Records that agents look at before they are called, and callbacks that are due for an agent: asked for by a group,
//! found by the engine of records, held in memory while an agent has them. In the store they stay ready, so a crash
//! loses nothing.
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use cxc_core::Micros;
use cxc_core::record::{Reason, RecordStatus};
use cxc_store::StoreError;
use cxc_store::contact::FullContact;
use cxc_store::record::{Record, RecordChange};
use uuid::Uuid;

use super::plan::{GroupPlan, Plans};
use super::prepare::{Preparation, Prepared, Preparer};
use super::render::Rendered;
use crate::channel::{Body, ScreenPop};

/// Callbacks that are due are looked for so often.
const LOOK: Micros = 500_000;
/// So many at once.
const CALLBACKS: i64 = 50;
const MINUTE: Micros = 60_000_000;

/// A record for an agent to look at. It may be called now, as far as is known.
#[derive(Clone)]
pub struct Offer {
    /// The record.
    pub record: i64,
    /// The person.
    pub person: Arc<ScreenPop>,
    /// The user whom the person asked for; none is whoever of the group is free.
    pub agent: Option<Uuid>,
}

/// What becomes of a record that was offered and is not called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is as it was.
    Back,
    /// It rests for a while.
    Rejected,
}

/// What is looked for now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sought {
    /// So many records.
    pub count: usize,
    /// Users for whom callbacks may be due.
    pub users: Vec<Uuid>,
    /// Records that are to rest.
    pub rejected: Vec<i64>,
}

/// The records of a group that its agents look at.
#[derive(Default)]
pub struct Previews {
    wanted: usize,
    users: Vec<Uuid>,
    looked_at: Micros,
    came: VecDeque<Offer>,
    held: HashSet<i64>,
    rejected: Vec<i64>,
    gave_back: bool,
}

impl Previews {
    /// So many are wanted now; those that came are among them. These users could take a callback.
    pub fn seek(&mut self, wanted: usize, users: Vec<Uuid>) {
        if users.iter().any(|user| !self.users.contains(user)) {
            self.looked_at = Micros::MIN;
        }
        (self.wanted, self.users) = (wanted, users);
    }

    /// How many more are wanted than came.
    pub fn missing(&self) -> usize {
        self.wanted.saturating_sub(self.came.len())
    }

    /// What is to be looked for now, if anything is.
    pub fn sought(&mut self, now: Micros) -> Option<Sought> {
        let count = self.missing();
        let is_due = !self.users.is_empty() && now.saturating_sub(self.looked_at) >= LOOK;
        if count == 0 && !is_due && self.rejected.is_empty() {
            return None;
        }
        let users = if is_due { self.users.clone() } else { Vec::new() };
        if is_due {
            self.looked_at = now;
        }
        Some(Sought { count, users, rejected: self.rejected.clone() })
    }

    /// Whether anything is to be looked for at once.
    pub fn is_missing(&self) -> bool {
        self.missing() > 0 || !self.rejected.is_empty() || self.looked_at == Micros::MIN
    }

    /// One was found.
    pub fn found(&mut self, offer: Offer) {
        self.held.insert(offer.record);
        self.came.push_back(offer);
    }

    /// Those that were found since the last time.
    pub fn take(&mut self) -> VecDeque<Offer> {
        std::mem::take(&mut self.came)
    }

    /// An agent is through with one.
    pub fn release(&mut self, record: i64, fate: Fate) {
        match fate {
            Fate::Rejected => {
                self.held.insert(record);
                self.rejected.push(record);
            }
            Fate::Back => self.gave_back |= self.held.remove(&record),
        }
    }

    /// It is to be called, or rests.
    pub fn let_go(&mut self, record: i64) {
        self.held.remove(&record);
        self.rejected.retain(|rejected| *rejected != record);
    }

    /// The records that nobody else gets.
    pub fn held(&self) -> impl Iterator<Item = i64> + '_ {
        self.held.iter().copied()
    }

    /// Whether any went back since this was last asked: they lie behind the place where the next fetch begins.
    pub fn gave_back(&mut self) -> bool {
        std::mem::take(&mut self.gave_back)
    }
}

impl Preparer {
    /// Finds what a group's agents are to look at, callbacks first, and what is to rest.
    pub(super) async fn prepare_previews(
        &mut self,
        plans: &Plans,
        plan: &Arc<GroupPlan>,
        sought: &Sought,
        held: &HashSet<(i64, i64)>,
        found: &mut Preparation,
    ) -> Result<(), StoreError> {
        if !sought.rejected.is_empty() {
            self.rest(plan, &sought.rejected, found).await?;
        }
        if !sought.users.is_empty() {
            self.callbacks(plans, plan, &sought.users, held, found).await?;
        }
        if sought.count > 0 {
            let ready = self.prepare_group(plans, plan, sought.count, held, found).await?;
            found.offers.extend(ready.into_iter().filter_map(|prepared| offer(prepared, None)));
        }
        Ok(())
    }

    /// Callbacks that are due for these users, one for each.
    async fn callbacks(
        &mut self,
        plans: &Plans,
        plan: &Arc<GroupPlan>,
        users: &[Uuid],
        held: &HashSet<(i64, i64)>,
        found: &mut Preparation,
    ) -> Result<(), StoreError> {
        let mut tx = self.context.app.db.read().await?;
        let due = tx.record_personal(plan.number, users, self.context.now(), CALLBACKS).await?;
        let (mut served, mut pairs) = (HashMap::new(), Vec::new());
        for record in due.into_iter().filter(|record| !held.contains(&(record.grp, record.id))) {
            let Some(user) = record.agent().and_then(|agent| agent.parse::<Uuid>().ok()) else { continue };
            if served.values().any(|other| *other == user) {
                continue;
            }
            let list = plan.lists.iter().find(|list| list.number == record.list && record.id <= list.visible_to);
            let contact: Option<FullContact> = match list {
                Some(list) => tx.contacts_of(list.generation, &[record.id]).await?.pop(),
                None => None,
            };
            served.insert(record.id, user);
            pairs.push((record, contact));
        }
        if pairs.is_empty() {
            return Ok(());
        }
        for rendered in self.renderer.render(tx, plans, plan, pairs).await? {
            match rendered {
                Rendered::Ready(prepared) => {
                    let user = served.get(&prepared.record.id).copied();
                    found.offers.extend(offer(*prepared, user));
                }
                Rendered::Move(change, explained) => {
                    found.changes.push(change);
                    found.explained.extend(explained);
                }
            }
        }
        Ok(())
    }

    /// Records that agents rejected rest for a while; one whose last call is still being written is looked at again.
    async fn rest(&self, plan: &GroupPlan, rejected: &[i64], found: &mut Preparation) -> Result<(), StoreError> {
        let mut tx = self.context.app.db.read().await?;
        let again = self.context.now() + i64::from(plan.settings.dialing.preview_again_minutes) * MINUTE;
        let known: HashMap<i64, Record> =
            tx.record_get_many(plan.number, rejected).await?.into_iter().map(|record| (record.id, record)).collect();
        for id in rejected {
            let record = known.get(id);
            match record.and_then(|record| RecordStatus::from_code(record.status)) {
                Some(RecordStatus::InProgress) => continue,
                Some(RecordStatus::Ready) => {
                    let change = record.map(|r| RecordChange::of(r, RecordStatus::Ready, Reason::Rejected, again));
                    found.changes.extend(change);
                }
                _ => (),
            }
            found.rested.push((plan.number, *id));
        }
        Ok(())
    }
}

/// What an agent is to look at. Its attempt is not written: it is checked once more when it is to be called.
fn offer(prepared: Prepared, agent: Option<Uuid>) -> Option<(i64, Offer)> {
    let Body::Call(call) = prepared.message.body else { return None };
    let record = prepared.record;
    Some((record.grp, Offer { record: record.id, person: call.person, agent }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(record: i64) -> Offer {
        Offer { record, person: Arc::default(), agent: None }
    }

    #[test]
    fn what_an_agent_looks_at_is_nobody_elses_until_it_goes_back() {
        let mut previews = Previews::default();
        previews.seek(2, Vec::new());
        assert_eq!(previews.sought(1).map(|sought| sought.count), Some(2));
        previews.found(found(7));
        assert_eq!(previews.sought(1).map(|sought| sought.count), Some(1), "the one that came is among them");
        assert_eq!(previews.take().len(), 1);
        previews.seek(0, Vec::new());
        assert_eq!((previews.sought(1), previews.held().collect::<Vec<_>>()), (None, vec![7]));
        previews.release(7, Fate::Rejected);
        assert_eq!(previews.sought(1).unwrap().rejected, [7]);
        assert_eq!(previews.held().count(), 1, "until that is written");
        previews.let_go(7);
        assert_eq!((previews.sought(1), previews.held().count(), previews.gave_back()), (None, 0, false));
        previews.found(found(8));
        previews.release(8, Fate::Back);
        assert!(previews.gave_back() && !previews.gave_back());
    }

    #[test]
    fn callbacks_are_looked_for_now_and_then_and_at_once_for_who_has_come() {
        let (ann, bob) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut previews = Previews::default();
        previews.seek(0, vec![ann]);
        assert!(previews.is_missing());
        assert_eq!(previews.sought(1_000_000).unwrap().users, [ann]);
        assert_eq!((previews.sought(1_400_000), previews.is_missing()), (None, false));
        previews.seek(0, vec![ann, bob]);
        assert_eq!(previews.sought(1_400_000).unwrap().users, [ann, bob]);
        assert!(previews.sought(1_900_000).is_some());
    }
}

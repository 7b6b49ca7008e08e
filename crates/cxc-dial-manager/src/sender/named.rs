//! Records that agents ask for by themselves. They are checked as all others are: only their turn is another one.
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use cxc_core::record::{Reason, RecordStatus};
use cxc_store::StoreError;
use cxc_store::record::{Record, RecordChange};

use super::demand::{Named, Refusal};
use super::plan::{GroupPlan, Plans};
use super::prepare::{Preparation, Preparer};
use super::render::Rendered;

impl Preparer {
    /// Checks the records that agents of a group ask for. One whose last call is still being written is looked at again.
    pub(super) async fn prepare_named(
        &mut self,
        plans: &Plans,
        plan: &Arc<GroupPlan>,
        named: &[Named],
        held: &HashSet<(i64, i64)>,
        found: &mut Preparation,
    ) -> Result<(), StoreError> {
        let mut tx = self.context.app.db.read().await?;
        let ids: Vec<i64> = named.iter().map(|named| named.record).collect();
        let mut known: HashMap<i64, Record> =
            tx.record_get_many(plan.number, &ids).await?.into_iter().map(|record| (record.id, record)).collect();
        let mut asked: HashMap<i64, (Named, Record)> = HashMap::new();
        let mut pairs = Vec::new();
        for named in named.iter().filter(|named| !held.contains(&(plan.number, named.record))) {
            let record = known.remove(&named.record);
            let status = record.as_ref().and_then(|record| RecordStatus::from_code(record.status));
            let list = record.as_ref().and_then(|record| {
                plan.lists.iter().find(|list| list.number == record.list && record.id <= list.visible_to)
            });
            let (Some(record), Some(list), Some(RecordStatus::Ready)) = (record, list, status) else {
                if status != Some(RecordStatus::InProgress) {
                    found.refused.push((plan.number, named.record, refusal("not_ready")));
                }
                continue;
            };
            let mut contacts = tx.contacts_of(list.generation, &[record.id]).await?;
            asked.insert(record.id, (*named, record.clone()));
            let device = named.device.unwrap_or(record.device);
            pairs.push((Record { device, ..record }, contacts.pop()));
        }
        if pairs.is_empty() {
            return Ok(());
        }
        for rendered in self.renderer.render(tx, plans, plan, pairs).await? {
            match rendered {
                Rendered::Ready(prepared) => {
                    let Some((named, record)) = asked.get(&prepared.record.id) else { continue };
                    match named.device.is_none_or(|device| device == prepared.attempt.position) {
                        true => found.named.push(*prepared),
                        false => refuse(found, named, record, refusal("no_device"), None),
                    }
                }
                Rendered::Move(change, explained) => {
                    found.explained.extend(explained);
                    let Some((named, record)) = asked.get(&change.id) else { continue };
                    let name = name(change.reason);
                    let until = Some(change.due).filter(|due| change.status == RecordStatus::Ready.code() && *due > 0);
                    refuse(found, named, record, Refusal { reason: name, until }, Some(change));
                }
            }
        }
        Ok(())
    }
}

/// A reason as the API names it. The check goes on to the next number without one where the wanted one is suppressed.
fn name(code: i16) -> String {
    let reason = Reason::from_code(code).filter(|reason| *reason != Reason::None);
    let name = serde_json::to_value(reason.unwrap_or(Reason::Suppressed));
    name.ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}

fn refusal(reason: &str) -> Refusal {
    Refusal { reason: reason.to_owned(), until: None }
}

/// What the check found holds for the record, unless it was asked by a device of somebody's choice.
fn refuse(found: &mut Preparation, named: &Named, record: &Record, refusal: Refusal, change: Option<RecordChange>) {
    let change = match named {
        Named { or_done: true, .. } => Some(RecordChange::of(record, RecordStatus::Done, Reason::None, 0)),
        Named { device: None, .. } => change,
        Named { .. } => None,
    };
    found.changes.extend(change);
    found.refused.push((record.grp, record.id, refusal));
}

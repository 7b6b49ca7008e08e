//! What an earlier load decided and what may no longer hold: a suppression entry was taken away, a device
//! added, a selection rule changed.
use std::collections::{BTreeMap, HashMap};

use cxc_core::campaign::Dedupe;
use cxc_core::record::{Reason, RecordStatus};
use cxc_server::job_runner::JobError;
use cxc_store::contact::FullContact;
use cxc_store::counter::Deltas;
use cxc_store::judge::{Case, Finding, Judge};
use cxc_store::record::{Record, RecordChange};
use cxc_store::{StoreError, Tx};

use super::slice::{LeftOut, SHARD, device_of};
use super::{Ids, LoadResult, Run};

const SLICE: i64 = 2_000;

/// Exclusions that depend on data which may have changed. The rest were decided once and for all.
const ALL: &[Reason] = &[
    Reason::Suppressed,
    Reason::NoDevice,
    Reason::NeverOpen,
    Reason::LocationRule,
    Reason::Blocked,
    Reason::ForbiddenNumber,
    Reason::NotSelected,
    Reason::Removed,
    Reason::DuplicateInGroup,
    Reason::ConsentMissing,
    Reason::LegalBlock,
];
/// Those that hang on the contents of the lists, which is all that an automatic refresh looks at.
const OF_CONTENTS: &[Reason] = &[Reason::NoDevice, Reason::NotSelected, Reason::Removed];

/// Judges excluded records again and readmits those that may be contacted.
pub async fn excluded(run: &Run<'_>, whole: bool, judge: &mut Judge, result: &mut LoadResult) -> Result<(), JobError> {
    let grp = run.audience.row.number;
    let counters = run.app.db.read().await?.record_counters(grp).await?;
    let excluded = RecordStatus::Excluded.code();
    let any =
        |reason: &&Reason| counters.iter().any(|(b, n)| b.status == excluded && b.code == reason.code() && *n > 0);
    for reason in (if whole { ALL } else { OF_CONTENTS }).iter().filter(any) {
        let mut after = 0;
        loop {
            run.guard.check()?;
            let mut tx = run.app.db.read().await?;
            let page = tx.record_page(grp, Some(excluded), Some(reason.code()), after, SLICE).await?;
            let Some(last) = page.last() else { break };
            after = last.id;
            let again = Again::judge(run, &mut tx, judge, &page).await?;
            drop(tx);
            again.write(run, result).await?;
        }
    }
    Ok(())
}

/// What was found of a page of excluded records this time.
#[derive(Default)]
pub(crate) struct Again {
    changes: Vec<RecordChange>,
    devices: Vec<(i64, i64)>,
}

impl Again {
    pub(crate) async fn judge(
        run: &Run<'_>,
        tx: &mut Tx,
        judge: &mut Judge,
        page: &[Record],
    ) -> Result<Self, StoreError> {
        let audience = run.audience;
        let keys: Vec<(i64, i64)> =
            page.iter().filter(|r| audience.list(r.list).is_some()).map(|r| (r.list, r.id)).collect();
        let found = tx.contacts_of_lists(audience.row.tenant, &keys).await?;
        let contacts: HashMap<i64, FullContact> = found.into_iter().map(|(_, c)| (c.contact.id, c)).collect();
        let left_out = left_out(run, tx, page).await?;
        let mut again = Self::default();
        let mut pairs: Vec<(&Record, &FullContact)> = Vec::with_capacity(page.len());
        for record in page {
            let (Some(part), Some(contact)) = (audience.list(record.list), contacts.get(&record.id)) else {
                continue;
            };
            match left_out.get(&record.list).and_then(|l| l.why(part, record.id)) {
                Some(why) => again.exclude(record, Reason::NotSelected, Some(why)),
                None => pairs.push((record, contact)),
            }
        }
        let cases: Vec<Case<'_>> = pairs.iter().map(|(_, contact)| Case { contact, device: 0, record: None }).collect();
        let findings = judge.judge_through(tx, &audience.scope(), &cases, run.app.now()).await?;
        let doubles = doubles(run, tx, &pairs, &findings).await?;
        let mut readmitted = Ids::new();
        let mut is_second = |device: Option<(i16, i64)>| device.is_some_and(|(_, hash)| !readmitted.insert(hash));
        for ((record, contact), finding) in pairs.into_iter().zip(findings) {
            let device = device_of(contact, &finding);
            match finding {
                Finding::Exclude { reason, cause } => again.exclude(record, reason, cause),
                _ if doubles.as_ref().is_some_and(|d| d.contains(&record.id) || is_second(device)) => {
                    again.exclude(record, Reason::DuplicateInGroup, None);
                }
                Finding::Allow(_) => again.readmit(record, Reason::None, 0, None, device),
                Finding::Wait { reason, due, cause, .. } => again.readmit(record, reason, due, cause, device),
            }
        }
        Ok(again)
    }

    fn exclude(&mut self, record: &Record, reason: Reason, cause: Option<String>) {
        if record.reason != reason.code() || record.cause != cause {
            self.changes.push(RecordChange { cause, ..RecordChange::of(record, RecordStatus::Excluded, reason, 0) });
        }
    }

    fn readmit(
        &mut self,
        record: &Record,
        reason: Reason,
        due: i64,
        cause: Option<String>,
        device: Option<(i16, i64)>,
    ) {
        let position = device.map_or(0, |(position, _)| position);
        self.devices.extend(device.map(|(_, hash)| (record.id, hash)));
        let change = RecordChange::of(record, RecordStatus::Ready, reason, due);
        self.changes.push(RecordChange { device: position, cause, ..change });
    }

    /// Leaves records out besides.
    pub(crate) fn and(&mut self, changes: Vec<RecordChange>) {
        self.changes.extend(changes);
    }

    pub(crate) async fn write(self, run: &Run<'_>, result: &mut LoadResult) -> Result<(), JobError> {
        if self.changes.is_empty() {
            return Ok(());
        }
        let now = run.app.now();
        let mut tx = run.app.db.begin_relaxed().await?;
        let mut deltas = Deltas::default();
        let done: Ids =
            tx.record_apply(&self.changes, 0, now, &mut deltas).await?.into_iter().map(|(_, id)| id).collect();
        let devices: Vec<(i64, i64)> = self.devices.into_iter().filter(|(id, _)| done.contains(id)).collect();
        tx.record_set_dedupe(run.audience.row.number, &devices).await?;
        run.hold(&mut tx, now).await?;
        tx.record_counters_add(SHARD, &deltas).await?;
        tx.commit().await?;
        let ready = RecordStatus::Ready.code();
        let readmitted = self.changes.iter().filter(|c| c.status == ready && done.contains(&c.id)).count();
        result.readmitted += i64::try_from(readmitted).unwrap_or(0);
        Ok(())
    }
}

/// The records for whose device another of the group stands already; `None` where doubles are allowed.
async fn doubles(
    run: &Run<'_>,
    tx: &mut Tx,
    pairs: &[(&Record, &FullContact)],
    findings: &[Finding],
) -> Result<Option<Ids>, StoreError> {
    if run.audience.settings.dedupe == Dedupe::None {
        return Ok(None);
    }
    let found = pairs.iter().zip(findings);
    let devices: Vec<(i64, i64)> =
        found.filter_map(|((record, contact), finding)| Some((record.id, device_of(contact, finding)?.1))).collect();
    Ok(Some(tx.record_dedupe_others(run.audience.row.number, &devices).await?.into_iter().collect()))
}

/// Who of a page of records is left out of the audience, by list.
async fn left_out(run: &Run<'_>, tx: &mut Tx, page: &[Record]) -> Result<HashMap<i64, LeftOut>, StoreError> {
    let mut ranges: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    for record in page {
        let range = ranges.entry(record.list).or_insert((record.id, record.id));
        *range = (range.0.min(record.id), range.1.max(record.id));
    }
    let mut left_out = HashMap::new();
    for (list, (first, last)) in ranges {
        if let Some(part) = run.audience.list(list) {
            left_out.insert(list, LeftOut::read(tx, run.audience, part, first - 1, last).await?);
        }
    }
    Ok(left_out)
}

/// Takes out who waits for a first attempt and is no longer selected: a rule or the contacts changed.
pub async fn deselect(run: &Run<'_>, result: &mut LoadResult) -> Result<(), JobError> {
    for part in &run.audience.lists {
        if part.rule.is_none() || part.entry.loaded_to == 0 || part.entry.loaded_changes == part.list.changes {
            continue;
        }
        let mut after = 0;
        while after < part.entry.loaded_to {
            run.guard.check()?;
            let mut tx = run.app.db.read().await?;
            let page = tx.record_waiting(run.audience.row.number, part.list.number, after, SLICE).await?;
            let Some(last) = page.last() else { break };
            let left_out = LeftOut::read(&mut tx, run.audience, part, after, last.id).await?;
            after = last.id;
            drop(tx);
            let out = |record: &Record| {
                let cause = Some(left_out.why(part, record.id)?);
                Some(RecordChange { cause, ..RecordChange::of(record, RecordStatus::Excluded, Reason::NotSelected, 0) })
            };
            let again = Again { changes: page.iter().filter_map(out).collect(), devices: Vec::new() };
            result.deselected += i64::try_from(again.changes.len()).unwrap_or(0);
            again.write(run, result).await?;
        }
    }
    Ok(())
}

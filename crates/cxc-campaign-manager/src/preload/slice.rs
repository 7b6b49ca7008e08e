//! One slice of a list: its contacts are judged together and written as records in one transaction.
use std::collections::BTreeMap;

use cxc_core::record::{Reason, RecordStatus};
use cxc_core::seen_filter::SeenFilter;
use cxc_server::App;
use cxc_store::StoreError;
use cxc_store::contact::FullContact;
use cxc_store::counter::{Bucket, Deltas};
use cxc_store::id_block::Numbered;
use cxc_store::judge::{Case, Finding, Judge, Scope};
use cxc_store::list::ContactList;
use cxc_store::record::RECORD;

use super::{Audience, AudienceList, Ids, LoadResult};

/// Pre-loading writes its counters here; senders have shards of their own.
const SHARD: i64 = 0;
/// The priority of records that no one rescheduled or asked to be called back.
const GENERAL: i16 = 2;

/// Contacts of one list, in the order of their ids.
pub struct Slice {
    contacts: Vec<FullContact>,
    selected: Option<Ids>,
    reached: Ids,
    last: i64,
}

/// A slice with what was found of each contact.
pub struct Judged {
    rows: Vec<Row>,
}

/// A record about to be written.
struct Row {
    contact: i64,
    status: RecordStatus,
    reason: Reason,
    due: i64,
    device: i16,
    dedupe: Option<i64>,
    cause: Option<String>,
}

/// What writing a slice came to.
#[derive(Debug, Default, Clone, Copy)]
pub struct Written {
    contacts: i64,
    excluded: i64,
}

impl Written {
    /// Adds to the result of the load.
    pub fn add_to(self, result: &mut LoadResult) {
        result.contacts += self.contacts;
        result.excluded += self.excluded;
        result.ready += self.contacts - self.excluded;
    }
}

impl Slice {
    /// The next contacts of a list after an id; `None` at its end.
    pub async fn read(app: &App, audience: &Audience, part: &AudienceList, after: i64, limit: i64) -> Result<Option<Self>, StoreError> {
        let mut tx = app.db.read().await?;
        let Some((contacts, last)) = tx.contact_slice_full(&part.list, after, limit, None).await? else { return Ok(None) };
        let selected = match &part.rule {
            Some(rule) => tx.contact_slice(&part.list, after, limit, Some(rule)).await?,
            None => None,
        };
        let selected = selected.map(|slice| slice.contacts.iter().map(|c| c.id).collect());
        let reached = match audience.settings.exclude_reached_by.as_slice() {
            [] => Ids::new(),
            groups => tx.record_reached(audience.row.tenant, groups, after + 1, last).await?.into_iter().collect(),
        };
        Ok(Some(Self { contacts, selected, reached, last }))
    }

    /// The last contact's id.
    pub fn last(&self) -> i64 {
        self.last
    }

    /// How many contacts it holds.
    pub fn len(&self) -> i64 {
        i64::try_from(self.contacts.len()).unwrap_or(0)
    }

    /// Judges each contact as the sender will. `seen` is the filter of devices that stand in the group.
    pub async fn judge(self, app: &App, audience: &Audience, judge: &mut Judge, seen: Option<&mut SeenFilter>) -> Result<Judged, StoreError> {
        let scope = scope(audience);
        let now = app.now();
        let mut tx = app.db.read().await?;
        let (left_out, asked): (Vec<_>, Vec<_>) = self.contacts.iter().partition(|c| self.left_out(c.contact.id).is_some());
        let cases: Vec<Case<'_>> = asked.iter().map(|contact| Case { contact, device: 0 }).collect();
        let findings = judge.judge(&mut tx, &scope, &cases, now).await?;
        let mut rows: Vec<Row> = asked.iter().zip(findings).map(|(c, finding)| row(c, finding)).collect();
        if let Some(seen) = seen {
            exclude_doubles(&mut tx, audience.row.number, seen, &mut rows).await?;
        }
        for contact in left_out {
            let cause = self.left_out(contact.contact.id).map(ToOwned::to_owned);
            rows.push(excluded(contact.contact.id, Reason::NotSelected, cause));
        }
        rows.sort_by_key(|row| row.contact);
        Ok(Judged { rows })
    }

    fn left_out(&self, contact: i64) -> Option<&'static str> {
        if self.selected.as_ref().is_some_and(|ids| !ids.contains(&contact)) {
            Some("selection rule")
        } else if self.reached.contains(&contact) {
            Some("reached by another group")
        } else {
            None
        }
    }
}

/// On whose behalf an audience's contacts are judged.
pub fn scope(audience: &Audience) -> Scope<'_> {
    Scope {
        tenant: audience.row.tenant,
        grp: audience.row.number,
        channel: audience.channel,
        treatment: &audience.settings.treatment,
        rules: &audience.rules,
        suppression: &audience.suppression,
    }
}

fn row(contact: &FullContact, finding: Finding) -> Row {
    let id = contact.contact.id;
    let (position, reason, due, cause) = match finding {
        Finding::Exclude { reason, cause } => return excluded(id, reason, cause),
        Finding::Allow(allowed) => (contact.devices.get(allowed.index).map_or(0, |d| d.position), Reason::None, 0, None),
        Finding::Wait { reason, due, device, cause } => (device, reason, due, cause),
    };
    let dedupe = contact.devices.iter().find(|d| d.position == position).map(|d| d.address_hash);
    Row { contact: id, status: RecordStatus::Ready, reason, due, device: position, dedupe, cause }
}

fn excluded(contact: i64, reason: Reason, cause: Option<String>) -> Row {
    Row { contact, status: RecordStatus::Excluded, reason, due: 0, device: 0, dedupe: None, cause }
}

/// One device is contacted once in a group, whatever lists and contacts it stands in: the first keeps it.
async fn exclude_doubles(tx: &mut cxc_store::Tx, grp: i64, seen: &mut SeenFilter, rows: &mut [Row]) -> Result<(), StoreError> {
    let suspects: Vec<i64> = rows.iter().filter_map(|r| r.dedupe).filter(|hash| seen.put(*hash)).collect();
    if suspects.is_empty() {
        return Ok(());
    }
    let mut taken: Ids = tx.record_dedupe_hits(grp, &suspects).await?.into_iter().collect();
    let suspects: Ids = suspects.into_iter().collect();
    // a double within this very slice: the first of them is not in the store yet
    for row in rows.iter_mut() {
        let Some(hash) = row.dedupe.filter(|hash| suspects.contains(hash)) else { continue };
        if !taken.insert(hash) {
            *row = excluded(row.contact, Reason::DuplicateInGroup, None);
        }
    }
    Ok(())
}

impl Judged {
    /// Writes the records, their counters and how far the list is loaded, in one transaction.
    pub async fn write(self, app: &App, audience: &Audience, list: &ContactList, to: i64) -> Result<Written, StoreError> {
        let grp = audience.row.number;
        let count = i64::try_from(self.rows.len()).unwrap_or(0);
        let now = app.now();
        let mut tx = app.db.begin_relaxed().await?;
        let first = tx.id_block_take(Numbered::Record, count).await?;
        let mut buffer = app.db.bulk(&RECORD);
        let mut buckets: BTreeMap<Bucket, i64> = BTreeMap::new();
        for (row, id) in self.rows.iter().zip(first..) {
            buffer.int(grp).int(id).int(list.number).int(row.contact);
            buffer.int(row.status.code().into()).int(row.reason.code().into()).int(GENERAL.into()).int(row.due);
            buffer.int(row.device.into()).int(0).int(0).int(0);
            buffer.opt_int(row.dedupe).opt_text(row.cause.as_deref()).int(now).end_row();
            *buckets.entry(Bucket::of(row.status, row.reason, row.due, None)).or_default() += 1;
        }
        tx.bulk_write(buffer).await?;
        tx.group_list_loaded(grp, list.number, to, list.generation, -1).await?;
        let mut deltas = Deltas::default();
        for (bucket, n) in buckets {
            deltas.add(grp, bucket, n);
        }
        tx.record_counters_add(SHARD, &deltas).await?;
        tx.commit().await?;
        let excluded = self.rows.iter().filter(|r| r.status == RecordStatus::Excluded).count();
        Ok(Written { contacts: count, excluded: i64::try_from(excluded).unwrap_or(0) })
    }
}

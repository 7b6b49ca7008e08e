//! One slice of a list: its contacts are judged together and written as records in one transaction.
use std::collections::BTreeMap;

use cxc_core::record::{Reason, RecordStatus};
use cxc_core::seen_filter::SeenFilter;
use cxc_server::job_runner::JobError;
use cxc_store::bulk::BulkBuffer;
use cxc_store::contact::{Contact, Device, FullContact};
use cxc_store::contact_slice::LeanSlice;
use cxc_store::counter::{Bucket, Deltas};
use cxc_store::group::GroupList;
use cxc_store::judge::{Case, Finding, Judge};
use cxc_store::record::{GENERAL, PUT_OFF, RECORD, RECORD_DEDUPE};
use cxc_store::{StoreError, Tx};

use super::audience::{Audience, AudienceList};
use super::{Ids, LoadResult, Run};

/// Pre-loading writes its counters here; senders have shards of their own.
pub const SHARD: i64 = 0;

/// Contacts of one list, in the order of their ids.
pub struct Slice {
    /// Those without a record, as far as they are judged.
    contacts: Vec<FullContact>,
    left_out: LeftOut,
    looked_at: i64,
    last: i64,
}

/// Who is not part of a group's audience, whatever the rules of compliance say.
#[derive(Default)]
pub struct LeftOut {
    selected: Option<Ids>,
    reached: Ids,
}

impl LeftOut {
    /// Of a list's contacts behind one id and up to another.
    pub async fn read(
        tx: &mut Tx,
        audience: &Audience,
        part: &AudienceList,
        after: i64,
        last: i64,
    ) -> Result<Self, StoreError> {
        let reached = match audience.settings.exclude_reached_by.as_slice() {
            [] => Ids::new(),
            groups => tx.record_reached(audience.row.tenant, groups, after + 1, last).await?.into_iter().collect(),
        };
        let Some(rule) = &part.rule else { return Ok(Self { selected: None, reached }) };
        let (mut selected, mut from) = (Ids::new(), after);
        while from < last
            && let Some(slice) = tx.contact_slice(&part.list, from, super::SLICE, Some(rule)).await?
        {
            selected.extend(slice.contacts.iter().map(|c| c.id));
            from = slice.last;
        }
        Ok(Self { selected: Some(selected), reached })
    }

    /// Why a contact is left out, if it is.
    pub fn why(&self, part: &AudienceList, contact: i64) -> Option<String> {
        if self.selected.as_ref().is_some_and(|ids| !ids.contains(&contact)) {
            part.entry.selection_rule.map(|id| id.to_string())
        } else if self.reached.contains(&contact) {
            Some("reached by another group".into())
        } else {
            None
        }
    }
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
    /// The next contacts of a list after an id; `None` at its end. Those that have a record already (of a run
    /// that broke off, or because their list was taken away and put back) are passed over.
    pub async fn read(run: &Run<'_>, part: &AudienceList, after: i64, limit: i64) -> Result<Option<Self>, StoreError> {
        let mut tx = run.app.db.read().await?;
        let Some(slice) = tx.contact_slice(&part.list, after, limit, None).await? else { return Ok(None) };
        let (last, looked_at) = (slice.last, slice.looked_at);
        let known: Ids = tx.record_contacts(run.audience.row.number, after + 1, last).await?.into_iter().collect();
        let left_out = LeftOut::read(&mut tx, run.audience, part, after, last).await?;
        let mut contacts = joined(slice);
        if !known.is_empty() {
            contacts.retain(|c| !known.contains(&c.contact.id));
        }
        Ok(Some(Self { contacts, left_out, looked_at, last }))
    }

    /// The last contact's id.
    pub fn last(&self) -> i64 {
        self.last
    }

    /// How many contacts were looked at.
    pub fn len(&self) -> i64 {
        self.looked_at
    }

    /// Judges each contact as the sender will. `seen` is the filter of devices that stand in the group.
    pub async fn judge(
        self,
        run: &Run<'_>,
        part: &AudienceList,
        judge: &mut Judge,
        seen: Option<&mut SeenFilter>,
    ) -> Result<Judged, StoreError> {
        let mut rows: Vec<Row> = Vec::with_capacity(self.contacts.len());
        let mut cases: Vec<Case<'_>> = Vec::with_capacity(self.contacts.len());
        for contact in &self.contacts {
            match self.left_out.why(part, contact.contact.id) {
                Some(why) => rows.push(excluded(contact.contact.id, Reason::NotSelected, Some(why))),
                None => cases.push(Case { contact, device: 0, record: None }),
            }
        }
        let mut tx = run.app.db.read().await?;
        let findings = judge.judge_through(&mut tx, &run.audience.scope(), &cases, run.app.now()).await?;
        let mut asked: Vec<Row> =
            cases.iter().zip(findings).map(|(case, finding)| row(case.contact, finding)).collect();
        if let Some(seen) = seen {
            exclude_doubles(&mut tx, run.audience.row.number, seen, &mut asked).await?;
        }
        rows.append(&mut asked);
        rows.sort_unstable_by_key(|row| row.contact);
        Ok(Judged { rows })
    }
}

/// Contacts with their devices, as far as they are judged: the rest of their columns may be long and is not read.
fn joined(slice: LeanSlice) -> Vec<FullContact> {
    let mut devices = slice.devices.into_iter().peekable();
    let with_devices = |lean: cxc_store::contact_slice::LeanContact| {
        let mut own = Vec::new();
        while let Some(d) = devices.next_if(|d| d.contact <= lean.id) {
            if d.contact == lean.id {
                let (country, area_code) = (d.country, d.area_code);
                own.push(Device {
                    contact: d.contact,
                    position: d.position,
                    kind: d.kind,
                    address: d.address,
                    address_hash: d.address_hash,
                    line_type: d.line_type,
                    country,
                    area_code,
                    location: d.location,
                    ..Device::default()
                });
            }
        }
        let (id, client_id, country, region) = (lean.id, lean.client_id, lean.country, lean.region);
        let (postal, location) = (lean.postal, lean.location);
        FullContact {
            contact: Contact { id, client_id, country, region, postal, location, ..Contact::default() },
            devices: own,
        }
    };
    slice.contacts.into_iter().map(with_devices).collect()
}

/// The position and hash of the device that a finding is about.
pub fn device_of(contact: &FullContact, finding: &Finding) -> Option<(i16, i64)> {
    let device = match finding {
        Finding::Exclude { .. } => None,
        Finding::Allow(allowed) => contact.devices.get(allowed.index),
        Finding::Wait { device, .. } => contact.devices.iter().find(|d| d.position == *device),
    };
    device.map(|d| (d.position, d.address_hash))
}

fn row(contact: &FullContact, finding: Finding) -> Row {
    let id = contact.contact.id;
    let device = device_of(contact, &finding);
    let (reason, due, cause) = match finding {
        Finding::Exclude { reason, cause } => return excluded(id, reason, cause),
        Finding::Allow(_) => (Reason::None, 0, None),
        Finding::Wait { reason, due, cause, .. } => (reason, due, cause),
    };
    let (device, dedupe) = device.map_or((0, None), |(position, hash)| (position, Some(hash)));
    Row { contact: id, status: RecordStatus::Ready, reason, due, device, dedupe, cause }
}

fn excluded(contact: i64, reason: Reason, cause: Option<String>) -> Row {
    Row { contact, status: RecordStatus::Excluded, reason, due: 0, device: 0, dedupe: None, cause }
}

/// One device is contacted once in a group, whatever lists and contacts it stands in: the first keeps it.
async fn exclude_doubles(tx: &mut Tx, grp: i64, seen: &mut SeenFilter, rows: &mut [Row]) -> Result<(), StoreError> {
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
    /// How many records it makes.
    pub fn len(&self) -> i64 {
        i64::try_from(self.rows.len()).unwrap_or(0)
    }

    /// Writes the records, their counters and how far the list is loaded, in one
    /// transaction. `None` when the list was taken away or changed its rule meanwhile: then nothing was written.
    pub async fn write(
        self,
        run: &Run<'_>,
        part: &AudienceList,
        place: &GroupList,
        to: i64,
    ) -> Result<Option<Written>, JobError> {
        let grp = run.audience.row.number;
        let now = run.app.now();
        let mut buffer = run.app.db.bulk(&RECORD);
        let mut buckets: BTreeMap<Bucket, i64> = BTreeMap::new();
        let mut dedupe: Vec<(i64, i64)> = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            buffer.int(grp).int(row.contact).int(part.list.number);
            // who waits has a turn when it is due, not behind everybody else of a long list
            let priority = if row.due > now { PUT_OFF } else { GENERAL };
            buffer.int(row.status.code().into()).int(row.reason.code().into()).int(priority.into()).int(row.due);
            buffer.int(row.device.into()).int(0).int(0).int(0);
            buffer.opt_int(row.dedupe).opt_text(row.cause.as_deref()).int(now).end_row();
            dedupe.extend(row.dedupe.map(|hash| (hash, row.contact)));
            *buckets.entry(Bucket::of(row.status, row.reason, row.due, None)).or_default() += 1;
        }
        let mut deltas = Deltas::default();
        for (bucket, n) in buckets {
            deltas.add(grp, bucket, n);
        }
        let mut tx = run.app.db.begin_relaxed().await?;
        tx.bulk_write(buffer).await?;
        tx.bulk_write(standing_for(run, dedupe)).await?;
        run.hold(&mut tx, now).await?;
        if !tx.group_list_advance(place, to, part.list.generation, -1).await? {
            return Ok(None);
        }
        tx.record_counters_add(SHARD, &deltas).await?;
        tx.commit().await?;
        let excluded = self.rows.iter().filter(|r| r.status == RecordStatus::Excluded).count();
        Ok(Some(Written { contacts: self.len(), excluded: i64::try_from(excluded).unwrap_or(0) }))
    }
}

/// The devices for which a slice's records stand; in order, since their index is.
fn standing_for(run: &Run<'_>, mut devices: Vec<(i64, i64)>) -> BulkBuffer {
    devices.sort_unstable();
    let mut buffer = run.app.db.bulk(&RECORD_DEDUPE);
    for (hash, record) in devices {
        buffer.int(run.audience.row.number).int(hash).int(record).end_row();
    }
    buffer
}

//! The import of suppression lists: the same files, mapping and accounting; entries bind as their batch is written.
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::time::Instant;

use cxc_core::contact::{CheckedDevice, address_text};
use cxc_server::job_runner::{JobControl, JobError};
use cxc_server::{ApiError, Code};
use cxc_store::StoreError;
use cxc_store::import::{ImportCounts, ListImport, NewImport, UNDO_TIME};
use cxc_store::suppression::{DEVICE, SuppressionEntry, SuppressionList};
use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
use serde_json::json;
use uuid::Uuid;

use super::outcome::{Detail, ImportOutcome};
use super::run::{ImportContext, Opened, Stop, keep_rejects, nothing_taken, open, rejects_file, release, take_lease};
use super::settings::{ImportMode, ImportSettings};
use super::settle::settle_list;
use super::warnings::{WarningKind, Warnings};
use super::write::{HeldLease, Progress};
use crate::file::{Batch, BatchStream, RecordRef, RecordStatus, Reject, RejectReason, RejectsWriter};
use crate::mapping::{MappedRow, Plan, Purpose};

const RECORDS: usize = 1_000;
const DAY: i64 = 24 * 3600 * 1_000_000;
const CUT: &str = "a text over its limit was cut";
const SHORTENED: &str = "an entry ends before its date: the list keeps entries for a number of days";

/// Runs the import of a file into a suppression list. `retention_days` is that of the list.
pub async fn run_suppression_import(
    context: &ImportContext,
    list: Uuid,
    retention_days: Option<i64>,
    settings: &ImportSettings,
    path: &Path,
    control: &JobControl,
    watch: &(dyn Fn(Progress) + Send + Sync),
) -> Result<ImportOutcome, JobError> {
    let (app, job) = (&context.app, control.job());
    if let Some(done) = app.db.read().await?.import_of_job(job.tenant, job.id).await?
        && !matches!(done.state.as_str(), "running" | "failed" | "cancelled")
    {
        return Ok(ImportOutcome::of(&done));
    }
    let row = row(context, job.tenant, list).await?;
    let mut lease = take_lease(context, "suppression", row.number, control).await?;
    let work = Work { context, list, retention_days, settings, control, watch };
    let done = work.run(path, &mut lease).await;
    release(context, &lease).await;
    done
}

/// Undoes the latest import of a suppression list.
pub async fn run_suppression_undo(
    context: &ImportContext,
    list: Uuid,
    control: &JobControl,
) -> Result<ImportOutcome, JobError> {
    let (app, tenant) = (&context.app, control.job().tenant);
    let found = row(context, tenant, list).await?;
    let mut lease = take_lease(context, "suppression", found.number, control).await?;
    let done = async {
        settle_list(&app.db, &mut lease, "suppression", found.number, "failed", app.now()).await?;
        let latest = app.db.read().await?.import_latest("suppression", found.number).await?;
        let import = suppression_undoable(latest, app.now())?;
        let mut tx = app.db.begin().await?;
        tx.lease_check(lease.lease()).await?;
        if !tx.suppression_import_undo(&import, app.now()).await? {
            return Err(JobError::from(ApiError::new(Code::UndoBlocked, "an import can be undone for seven days")));
        }
        tx.commit().await?;
        settle_list(&app.db, &mut lease, "suppression", found.number, "failed", app.now()).await?;
        Ok(import.number)
    }
    .await;
    release(context, &lease).await;
    let import = app.db.read().await?.import_get(tenant, done?).await?;
    let import = import.ok_or_else(|| StoreError::Corrupt("an undone import is gone".into()))?;
    Ok(ImportOutcome::of(&import))
}

/// Whether the latest import of a suppression list can be undone.
pub fn suppression_undoable(latest: Option<ListImport>, now: i64) -> Result<ListImport, ApiError> {
    let blocked = |text: &'static str| ApiError::new(Code::UndoBlocked, text);
    let import = latest.filter(|import| import.state == "published");
    let import = import.ok_or_else(|| blocked("the list has no import that still stands"))?;
    if import.finished_at.unwrap_or(0) + UNDO_TIME <= now {
        return Err(blocked("an import can be undone for seven days"));
    }
    Ok(import)
}

async fn row(context: &ImportContext, tenant: i64, list: Uuid) -> Result<SuppressionList, JobError> {
    let found = context.app.db.read().await?.suppression_list_get(tenant, list).await?;
    Ok(found.ok_or_else(|| ApiError::not_found("suppression list"))?)
}

struct Work<'a> {
    context: &'a ImportContext,
    list: Uuid,
    retention_days: Option<i64>,
    settings: &'a ImportSettings,
    control: &'a JobControl,
    watch: &'a (dyn Fn(Progress) + Send + Sync),
}

/// What is gathered while the file is read.
struct Tally {
    counts: ImportCounts,
    rejects: RejectsWriter<BufWriter<File>>,
    /// Entries more than before; in replace mode: entries.
    added: i64,
    /// Opt-outs of people that the file leaves as they are.
    kept: i64,
    warnings: Warnings,
}

impl Work<'_> {
    async fn run(&self, path: &Path, lease: &mut HeldLease) -> Result<ImportOutcome, JobError> {
        let (app, job) = (&self.context.app, self.control.job());
        let started = Instant::now();
        let number = row(self.context, job.tenant, self.list).await?.number;
        settle_list(&app.db, lease, "suppression", number, "failed", app.now()).await?;
        let mut tx = app.db.begin().await?;
        let found = tx.suppression_list_lock(job.tenant, self.list).await?;
        let found = found.ok_or_else(|| ApiError::not_found("suppression list"))?;
        let mode = self.settings.mode.as_str();
        let new = NewImport { job: job.id, mode, file_name: &self.settings.file_name, now: app.now() };
        let import = tx.suppression_import_begin(&found, &new).await?;
        tx.commit().await?;
        let purpose = if found.kind == DEVICE { Purpose::SuppressDevices } else { Purpose::SuppressClients };
        let opened = open(self.settings, path.to_owned(), purpose).await;
        let mut detail = opened.as_ref().map(|opened| opened.detail.clone()).unwrap_or_default();
        let done = match opened {
            Ok(opened) => self.read(&import, &found, opened, lease).await,
            Err(error) => Err(error),
        };
        detail.duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(0);
        match done {
            Ok(tally) if tally.counts.taken() > 0 => self.publish(&import, tally, detail, lease).await,
            Ok(tally) => {
                let rejected = tally.rejects.written();
                tally.rejects.finish().map_err(|e| JobError::Internal(e.into()))?;
                detail.rejects_file = keep_rejects(self.context, &import, rejected);
                detail.warnings = tally.warnings.into_list();
                let refused = ApiError::invalid("/file", "nothing_taken", nothing_taken(tally.counts));
                Err(self.take_back(&import, refused.into(), tally.counts, detail, lease).await)
            }
            Err(stop) => {
                keep_rejects(self.context, &import, 0);
                Err(self.take_back(&import, stop.into(), ImportCounts::default(), detail, lease).await)
            }
        }
    }

    async fn read(
        &self,
        import: &ListImport,
        list: &SuppressionList,
        opened: Opened,
        lease: &mut HeldLease,
    ) -> Result<Tally, Stop> {
        let Opened { file, plan, .. } = opened;
        let total_bytes = file.total_bytes;
        let rejects = rejects_file(self.context, import, &file)?;
        let mut tally =
            Tally { counts: ImportCounts::default(), rejects, added: 0, kept: 0, warnings: Warnings::default() };
        let mut batches = BatchStream::spawn(file, RECORDS, 2);
        while let Some(batch) = batches.next().await {
            let batch = batch?;
            self.control.check()?;
            lease.renew(&self.context.app.db).await?;
            self.batch(import, list, &plan, &batch, &mut tally, lease).await?;
            let total = i64::try_from(total_bytes).unwrap_or(i64::MAX);
            self.control.progress(i64::try_from(batch.bytes_read).unwrap_or(0).min(total), total);
            (self.watch)(Progress { bytes: batch.bytes_read, total_bytes, lines: tally.counts.lines });
        }
        if !tally.counts.add_up() {
            return Err(JobError::Internal(anyhow::anyhow!("the counts do not add up: {:?}", tally.counts)).into());
        }
        Ok(tally)
    }

    async fn batch(
        &self,
        import: &ListImport,
        list: &SuppressionList,
        plan: &Plan,
        batch: &Batch,
        tally: &mut Tally,
        lease: &HeldLease,
    ) -> Result<(), Stop> {
        let read: Vec<(RecordRef<'_>, Result<Vec<SuppressionEntry>, Reject>)> = batch
            .records()
            .filter_map(|record| {
                tally.counts.lines += 1;
                match record.status() {
                    RecordStatus::Blank => {
                        tally.counts.blank += 1;
                        None
                    }
                    RecordStatus::Rejected(problem) => Some((record, Err(problem.into()))),
                    RecordStatus::Data => {
                        let entries = plan.map(record).and_then(|row| self.entries(list, &row, &mut tally.warnings));
                        Some((record, entries))
                    }
                }
            })
            .collect();
        let mut tx = self.context.app.db.begin_relaxed().await?;
        tx.lease_check(lease.lease()).await?;
        let hashes: Vec<i64> = read.iter().flat_map(|(_, e)| e.iter().flatten()).map(|e| e.key_hash).collect();
        let holders = tx.suppression_holders(import.generation, &hashes).await?;
        let holders: HashMap<(i64, &str), i64> = holders.iter().map(|(h, k, i)| ((*h, k.as_str()), *i)).collect();
        let mut seen: HashSet<(i64, String)> = HashSet::new();
        let mut write = Vec::new();
        for (record, entries) in &read {
            match entries {
                Err(reject) => tally.reject(record, reject)?,
                Ok(entries) => {
                    let verdict = self.verdict(import, entries, &holders, &mut seen);
                    match verdict {
                        Verdict::Take { update } => {
                            if update {
                                tally.counts.updated += 1;
                            } else {
                                tally.counts.imported += 1;
                            }
                            tally.counts.devices += i64::try_from(entries.len()).unwrap_or(0);
                            write.extend(entries.iter().cloned());
                        }
                        Verdict::Reject(reason, text) => {
                            tally.reject(record, &Reject { reason, column: None, text: text.into() })?;
                        }
                    }
                }
            }
        }
        tally.kept += tx.suppression_import_kept(import, &write).await?;
        tally.added += tx.suppression_import_write(import, &write).await?;
        tx.commit().await?;
        Ok(())
    }

    fn verdict(
        &self,
        import: &ListImport,
        entries: &[SuppressionEntry],
        holders: &HashMap<(i64, &str), i64>,
        seen: &mut HashSet<(i64, String)>,
    ) -> Verdict {
        use RejectReason::{DuplicateInFile, DuplicateInList, NotFound};
        let held: Vec<i64> =
            entries.iter().filter_map(|e| holders.get(&(e.key_hash, e.key.as_str()))).copied().collect();
        let new_here = entries.iter().filter(|e| seen.insert((e.key_hash, e.key.clone()))).count();
        if new_here == 0 || (held.len() == entries.len() && held.iter().all(|by| *by == import.number)) {
            return Verdict::Reject(DuplicateInFile, "an earlier line of the file has the same value");
        }
        match self.settings.mode {
            ImportMode::Append if held.len() == entries.len() => {
                Verdict::Reject(DuplicateInList, "the list has this value")
            }
            ImportMode::Update if held.is_empty() && self.settings.update_only => {
                Verdict::Reject(NotFound, "the list does not have this value")
            }
            mode => Verdict::Take { update: mode == ImportMode::Update && !held.is_empty() },
        }
    }

    /// A line's entries: its client id, or each of its devices.
    fn entries(
        &self,
        list: &SuppressionList,
        row: &MappedRow<'_>,
        warnings: &mut Warnings,
    ) -> Result<Vec<SuppressionEntry>, Reject> {
        let app = &self.context.app;
        let (now, line) = (app.now(), row.record().line_number());
        let (from_at, until_at, shortened) = self.times(row, now)?;
        let entry = |key: String| SuppressionEntry {
            key_hash: app.hash_key.hash(list.tenant, &key),
            key,
            from_at,
            until_at,
            reason: (!row.reason.is_empty()).then(|| row.reason.replace('\0', "")),
            source: "import".into(),
            added_at: now,
        };
        let mut note = |kind, count: u32, text: &str| {
            if count > 0 {
                warnings.note(kind, line, count.into(), text);
            }
        };
        if list.kind != DEVICE {
            note(WarningKind::Cut, row.cut, CUT);
            note(WarningKind::TillShortened, shortened.into(), SHORTENED);
            return Ok(vec![entry(row.client_id.to_owned())]);
        }
        let checkers = &self.context.checkers;
        let mut entries: Vec<SuppressionEntry> = Vec::new();
        let mut wrong = Vec::new();
        for device in row.devices() {
            let country = self.settings.country();
            match CheckedDevice::read(
                &checkers.phones,
                &checkers.tables.current(),
                device.text,
                device.hint.kind,
                country,
            ) {
                Ok(read) => {
                    let entry = entry(address_text(&read.address).into_owned());
                    if !entries.contains(&entry) {
                        entries.push(entry);
                    }
                }
                Err(text) => wrong.push(Reject { reason: RejectReason::BadDevice, column: device.column, text }),
            }
        }
        if entries.is_empty() && !wrong.is_empty() {
            return Err(wrong.swap_remove(0));
        }
        wrong.iter().for_each(|reject| note(WarningKind::BadDevice, 1, &reject.text));
        note(WarningKind::Cut, row.cut, CUT);
        note(WarningKind::TillShortened, shortened.into(), SHORTENED);
        Ok(entries)
    }

    /// From when until when a line's entries hold, and whether that is shorter than the line says.
    fn times(&self, row: &MappedRow<'_>, now: i64) -> Result<(Option<i64>, Option<i64>, bool), Reject> {
        let from = instant(row.from, false, row.from_column())?;
        let till = instant(row.till, true, row.till_column())?;
        let kept = self.retention_days.map(|days| now.saturating_add(days.saturating_mul(DAY)));
        let until = [till, kept].into_iter().flatten().min();
        let wrong = |column, text: &str| Err(Reject { reason: RejectReason::BadValue, column, text: text.into() });
        match (from, until) {
            (Some(from), _) if till.is_some_and(|till| till <= from) => {
                wrong(row.till_column(), "the end of an entry is after its beginning")
            }
            (Some(from), Some(until)) if until <= from => {
                wrong(row.from_column(), "the entry would begin after the days for which the list keeps entries")
            }
            _ => Ok((from, until, till.is_some() && until < till)),
        }
    }

    async fn publish(
        &self,
        import: &ListImport,
        tally: Tally,
        mut detail: Detail,
        lease: &HeldLease,
    ) -> Result<ImportOutcome, JobError> {
        let app = &self.context.app;
        let rejected = tally.rejects.written();
        tally.rejects.finish().map_err(|e| JobError::Internal(e.into()))?;
        detail.rejects_file = keep_rejects(self.context, import, rejected);
        detail.warnings = tally.warnings.into_list();
        detail.kept = tally.kept;
        let json = serde_json::to_value(&detail).map_err(StoreError::from)?;
        let mut tx = app.db.begin().await?;
        tx.lease_check(lease.lease()).await?;
        let kept = tx.suppression_import_publish(import, tally.added, &tally.counts, &json, app.now()).await?;
        if kept > 0 {
            detail.kept += kept;
            let json = serde_json::to_value(&detail).map_err(StoreError::from)?;
            tx.import_detail_set(import.number, &json).await?;
        }
        let body = json!({ "suppressionListId": self.list, "importId": import.number.to_string() });
        tx.event_insert(import.tenant, "lists", "suppression_imported", &self.list.to_string(), &body, app.now())
            .await?;
        let done = tx.import_get(import.tenant, import.number).await?;
        tx.commit().await?;
        Ok(ImportOutcome::of(&done.ok_or_else(|| StoreError::Corrupt("a published import is gone".into()))?))
    }

    async fn take_back(
        &self,
        import: &ListImport,
        stop: JobError,
        counts: ImportCounts,
        mut detail: Detail,
        lease: &mut HeldLease,
    ) -> JobError {
        if matches!(&stop, JobError::Store(e) if matches!(e, StoreError::LeaseLost(_)) || e.is_unavailable()) {
            return stop;
        }
        let app = &self.context.app;
        let ended = if matches!(stop, JobError::Cancelled | JobError::Stopping) { "cancelled" } else { "failed" };
        detail.error = Some(if let JobError::Internal(_) = stop { "internal error".into() } else { stop.to_string() });
        let note = async {
            settle_list(&app.db, lease, "suppression", import.list, ended, app.now()).await?;
            let mut tx = app.db.begin().await?;
            tx.import_note(import.number, ended, &counts, &serde_json::to_value(&detail)?, app.now()).await?;
            tx.commit().await
        };
        match note.await {
            Ok(()) => stop,
            Err(error) => error.into(),
        }
    }
}

enum Verdict {
    Take { update: bool },
    Reject(RejectReason, &'static str),
}

impl Tally {
    fn reject(&mut self, record: &RecordRef<'_>, reject: &Reject) -> Result<(), Stop> {
        if reject.reason.is_duplicate() {
            self.counts.duplicate += 1;
        } else {
            self.counts.rejected += 1;
        }
        Ok(self.rejects.write(*record, reject)?)
    }
}

/// An instant, or a day of UTC: its beginning, or its end.
fn instant(text: &str, end: bool, column: Option<usize>) -> Result<Option<i64>, Reject> {
    if text.is_empty() {
        return Ok(None);
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(Some(at.as_microsecond()));
    }
    let day = text.parse::<Date>().and_then(|day| if end { day.tomorrow() } else { Ok(day) });
    let at = day.and_then(|day| day.to_zoned(TimeZone::UTC));
    at.map(|at| Some(at.timestamp().as_microsecond())).map_err(|_| Reject {
        reason: RejectReason::BadValue,
        column,
        text: "an instant is RFC 3339 or a day such as 2026-03-02".into(),
    })
}

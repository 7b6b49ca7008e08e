//! The import of suppression lists: the same files, mapping and accounting; entries bind as their batch is written.
mod line;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::time::Instant;

use cxc_core::kind;
use cxc_server::job_runner::{JobControl, JobError};
use cxc_server::{ApiError, Code};
use cxc_store::import::{ImportCounts, ListImport, NewImport, UNDO_TIME};
use cxc_store::suppression::{DEVICE, SuppressionEntry, SuppressionList};
use cxc_store::{StoreError, Tx};
use serde_json::json;
use uuid::Uuid;

use super::ending::{keep_rejects, rejects_file};
use super::holding::{release, take_lease};
use super::noted::noted;
use super::opening::{Opened, open};
use super::outcome::{Detail, ImportOutcome};
use super::run::ImportContext;
use super::settings::{ImportMode, ImportSettings};
use super::settle::{count_reject, settle_list, take_back};
use super::stop::{Stop, nothing_taken};
use super::undone::nothing_to_undo;
use super::warnings::Warnings;
use super::write::{HeldLease, Progress};
use crate::file::{Batch, BatchStream, RecordRef, RecordStatus, Reject, RejectReason, RejectsWriter};
use crate::jobs::SUPPRESSION_UNDO;
use crate::mapping::{Plan, Purpose};

const RECORDS: usize = 1_000;

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
        control.check()?;
        let import = suppression_undoable(&mut app.db.read().await?, &found, app.now()).await?;
        let mut tx = app.db.begin().await?;
        tx.lease_check(lease.lease()).await?;
        if !tx.suppression_import_undo(&import, app.now()).await? {
            return Err(JobError::from(ApiError::new(Code::UndoBlocked, "an import can be undone for seven days")));
        }
        noted(app, &mut tx, control.job(), "import_undone", (kind::SUPPRESSION_LIST, list), &import).await?;
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
pub async fn suppression_undoable(tx: &mut Tx, list: &SuppressionList, now: i64) -> Result<ListImport, ApiError> {
    match tx.import_latest("suppression", list.number).await? {
        Some(import) if import.state == "published" => {
            if import.finished_at.unwrap_or(0) + UNDO_TIME <= now {
                return Err(ApiError::new(Code::UndoBlocked, "an import can be undone for seven days"));
            }
            Ok(import)
        }
        other => Err(nothing_to_undo(tx, list.tenant, list.id, SUPPRESSION_UNDO, other.as_ref()).await?),
    }
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
        self.control.check()?;
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
                Err(take_back(self.context, &import, refused.into(), (tally.counts, detail), lease).await)
            }
            Err(stop) => {
                keep_rejects(self.context, &import, 0);
                Err(take_back(self.context, &import, stop.into(), (ImportCounts::default(), detail), lease).await)
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
        let done = done.ok_or_else(|| StoreError::Corrupt("a published import is gone".into()))?;
        let list = (kind::SUPPRESSION_LIST, self.list);
        noted(app, &mut tx, self.control.job(), "import_published", list, &done).await?;
        tx.commit().await?;
        Ok(ImportOutcome::of(&done))
    }
}

enum Verdict {
    Take { update: bool },
    Reject(RejectReason, &'static str),
}

impl Tally {
    fn reject(&mut self, record: &RecordRef<'_>, reject: &Reject) -> Result<(), Stop> {
        count_reject(&mut self.counts, reject);
        Ok(self.rejects.write(*record, reject)?)
    }
}

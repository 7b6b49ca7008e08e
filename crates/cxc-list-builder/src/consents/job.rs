//! The import of a file of consents and its undo: the same files, mapping and accounting as those of lists.
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::time::Instant;

use cxc_core::location::Country;
use cxc_server::job_runner::{JobControl, JobError};
use cxc_server::{ApiError, Code};
use cxc_store::StoreError;
use cxc_store::consent::{CONSENTS, ConsentLine, Fate};
use cxc_store::import::{ImportCounts, ListImport, NewImport, UNDO_TIME};
use serde::{Deserialize, Serialize};

use super::ledger::{ConsentCounts, HELD_BACK, LedgerWriter};
use super::line::{LineDevice, Named, only_opt_outs, read};
use crate::file::{Batch, BatchStream, RecordRef, RecordStatus, Reject, RejectReason, RejectsWriter};
use crate::import::{
    Detail, HeldLease, ImportContext, ImportOutcome, ImportSettings, Opened, Progress, Stop, WarningKind, Warnings,
    count_reject, keep_rejects, nothing_taken, open, rejects_file, release, settle_list, take_back, take_lease,
};
use crate::mapping::{MappedRow, Plan, Purpose};

/// Brings a file of consents into the ledger.
pub const CONSENT_IMPORT: &str = "consent_import";
/// Takes back what a file of consents brought.
pub const CONSENT_UNDO: &str = "consent_undo";
/// Writes the ledger to a file.
pub const CONSENT_EXPORT: &str = "consent_export";

const RECORDS: usize = 1_000;

/// The payload of [`CONSENT_UNDO`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UndoPayload {
    /// The import.
    pub import: i64,
}

/// Runs the import of a file of consents, under a lease of the tenant's ledger. Opt-outs bind as their batch is
/// written, consents when the import has ended well. Safe to run twice.
pub async fn run_consent_import(
    context: &ImportContext,
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
    let mut lease = take_lease(context, CONSENTS, job.tenant, control).await?;
    let work = Work { context, settings, control, watch };
    let done = work.run(path, &mut lease).await;
    release(context, &lease).await;
    done
}

/// Takes back what an import of consents brought.
pub async fn run_consent_undo(
    context: &ImportContext,
    import: i64,
    control: &JobControl,
) -> Result<ImportOutcome, JobError> {
    let (app, tenant) = (&context.app, control.job().tenant);
    let mut lease = take_lease(context, CONSENTS, tenant, control).await?;
    let done = async {
        // an undo that a crash left half done is finished by this
        settle_list(&app.db, &mut lease, CONSENTS, tenant, "failed", app.now()).await?;
        let found = app.db.read().await?.import_get(tenant, import).await?;
        if found.as_ref().is_some_and(|found| found.state == "undone") {
            return Ok(());
        }
        control.check()?;
        consents_undoable(found, app.now())?;
        let mut tx = app.db.begin().await?;
        tx.lease_check(lease.lease()).await?;
        tx.consent_import_undo(tenant, import).await?;
        tx.commit().await?;
        settle_list(&app.db, &mut lease, CONSENTS, tenant, "failed", app.now()).await?;
        Ok::<(), JobError>(())
    }
    .await;
    release(context, &lease).await;
    done?;
    let import = app.db.read().await?.import_get(tenant, import).await?;
    let import = import.ok_or_else(|| StoreError::Corrupt("an undone import is gone".into()))?;
    Ok(ImportOutcome::of(&import))
}

/// Whether an import of consents can be undone: while it stands, for seven days.
pub fn consents_undoable(found: Option<ListImport>, now: i64) -> Result<ListImport, ApiError> {
    let import =
        found.filter(|import| import.kind == CONSENTS).ok_or_else(|| ApiError::not_found("import of consents"))?;
    let blocked = |text: &'static str| Err(ApiError::new(Code::UndoBlocked, text));
    match &import {
        i if i.state == "undone" => {
            blocked("the import was undone already: to have its consents again, import the file again")
        }
        i if i.state != "published" => blocked("the import was not completed: nothing of it stands"),
        i if i.finished_at.unwrap_or(0) + UNDO_TIME <= now => blocked("an import can be undone for seven days"),
        _ => Ok(import),
    }
}

struct Work<'a> {
    context: &'a ImportContext,
    settings: &'a ImportSettings,
    control: &'a JobControl,
    watch: &'a (dyn Fn(Progress) + Send + Sync),
}

/// What is gathered while the file is read.
struct Tally {
    counts: ImportCounts,
    rejects: RejectsWriter<BufWriter<File>>,
    warnings: Warnings,
    consents: ConsentCounts,
}

impl Work<'_> {
    async fn run(&self, path: &Path, lease: &mut HeldLease) -> Result<ImportOutcome, JobError> {
        let (app, job) = (&self.context.app, self.control.job());
        let started = Instant::now();
        settle_list(&app.db, lease, CONSENTS, job.tenant, "failed", app.now()).await?;
        self.control.check()?;
        let mut tx = app.db.begin().await?;
        let new = NewImport { job: job.id, mode: "append", file_name: &self.settings.file_name, now: app.now() };
        let import = tx.consent_import_begin(job.tenant, &new).await?;
        tx.commit().await?;
        let opened = open(self.settings, path.to_owned(), Purpose::Consents).await;
        let mut detail = opened.as_ref().map(|opened| opened.detail.clone()).unwrap_or_default();
        let done = match opened {
            Ok(opened) => self.read(&import, opened, lease).await,
            Err(error) => Err(error),
        };
        detail.duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(0);
        let tally = match done {
            Ok(tally) => tally,
            Err(stop) => {
                keep_rejects(self.context, &import, 0);
                return Err(
                    take_back(self.context, &import, stop.into(), (ImportCounts::default(), detail), lease).await
                );
            }
        };
        let Tally { counts, rejects, warnings, consents } = tally;
        let rejected = rejects.written();
        rejects.finish().map_err(|e| JobError::Internal(e.into()))?;
        detail.rejects_file = keep_rejects(self.context, &import, rejected);
        (detail.warnings, detail.consents) = (warnings.into_list(), consents);
        if counts.taken() == 0 {
            let refused = ApiError::invalid("/file", "nothing_taken", nothing_taken(counts));
            return Err(take_back(self.context, &import, refused.into(), (counts, detail), lease).await);
        }
        self.publish(&import, counts, &detail, lease).await
    }

    async fn read(&self, import: &ListImport, opened: Opened, lease: &mut HeldLease) -> Result<Tally, Stop> {
        let Opened { file, plan, .. } = opened;
        let total_bytes = file.total_bytes;
        let rejects = rejects_file(self.context, import, &file)?;
        let (counts, warnings) = (ImportCounts::default(), Warnings::default());
        let mut tally = Tally { counts, rejects, warnings, consents: ConsentCounts::default() };
        let ledger = LedgerWriter::new(&self.context.app);
        let mut batches = BatchStream::spawn(file, RECORDS, 2);
        while let Some(batch) = batches.next().await {
            let batch = batch?;
            self.control.check()?;
            lease.renew(&self.context.app.db).await?;
            self.batch(import, &plan, &batch, &mut tally, &ledger, lease).await?;
            let total = i64::try_from(total_bytes).unwrap_or(i64::MAX);
            self.control.progress(i64::try_from(batch.bytes_read).unwrap_or(0).min(total), total);
            (self.watch)(Progress { bytes: batch.bytes_read, total_bytes, lines: tally.counts.lines });
        }
        if !tally.counts.add_up() {
            return Err(JobError::Internal(anyhow::anyhow!("the counts do not add up: {:?}", tally.counts)).into());
        }
        tally.consents = ledger.into_counts();
        if let Some(line) = tally.consents.first_held_back {
            tally.warnings.note(WarningKind::HeldBack, line, tally.consents.held_back, HELD_BACK);
        }
        Ok(tally)
    }

    async fn batch(
        &self,
        import: &ListImport,
        plan: &Plan,
        batch: &Batch,
        tally: &mut Tally,
        ledger: &LedgerWriter,
        lease: &HeldLease,
    ) -> Result<(), Stop> {
        let (mut records, mut lines) = (Vec::new(), Vec::new());
        for record in batch.records() {
            tally.counts.lines += 1;
            let read = match record.status() {
                RecordStatus::Blank => {
                    tally.counts.blank += 1;
                    continue;
                }
                RecordStatus::Rejected(problem) => Err(problem.into()),
                RecordStatus::Data => {
                    plan.map(record).and_then(|row| self.line(import.tenant, &row, &mut tally.warnings))
                }
            };
            match read {
                Ok(line) => {
                    records.push(record);
                    lines.push(line);
                }
                Err(reject) => tally.reject(record, &reject)?,
            }
        }
        let mut tx = self.context.app.db.begin_relaxed().await?;
        tx.lease_check(lease.lease()).await?;
        let fates = ledger.write(&mut tx, import, &lines).await?;
        tx.commit().await?;
        for (record, fate) in records.into_iter().zip(fates) {
            tally.take(record, fate)?;
        }
        Ok(())
    }

    fn line(&self, tenant: i64, row: &MappedRow<'_>, warnings: &mut Warnings) -> Result<ConsentLine, Reject> {
        let app = &self.context.app;
        let mut named = Named::default();
        if !row.client_id.is_empty() {
            let id = row.client_id.replace('\0', "");
            named.client = Some((id.clone(), app.hash_key.hash(tenant, &id)));
        }
        let mut unread = None;
        for device in row.devices() {
            let country = Country::from_code(device.country).or(self.settings.country());
            match self.context.address(device, country) {
                Ok(address) => {
                    let hash = app.hash_key.hash(tenant, &address);
                    named.devices.push(LineDevice { position: device.position.into(), address, hash });
                }
                Err(reject) => unread = unread.or(Some(reject)),
            }
        }
        if let Some(reject) = unread {
            // whom a consent is for must be certain: another device of the line does not do. An opt-out is for all others
            let line = read(row, &named, app.now()).ok().flatten().map(Box::new);
            let Some(line) = only_opt_outs(line) else { return Err(reject) };
            warnings.note(WarningKind::BadDevice, row.record().line_number(), 1, &reject.text);
            return Ok(*line);
        }
        if row.cut > 0 {
            let line = row.record().line_number();
            warnings.note(WarningKind::Cut, line, row.cut.into(), "a text over its limit was cut");
        }
        let nothing = || Reject {
            reason: RejectReason::BadConsent,
            column: None,
            text: "the line gives no consent and takes none back: a kind with a day, or the day of an opt-out".into(),
        };
        read(row, &named, app.now())?.ok_or_else(nothing)
    }

    async fn publish(
        &self,
        import: &ListImport,
        counts: ImportCounts,
        detail: &Detail,
        lease: &HeldLease,
    ) -> Result<ImportOutcome, JobError> {
        let app = &self.context.app;
        let json = serde_json::to_value(detail).map_err(StoreError::from)?;
        let mut tx = app.db.begin().await?;
        tx.lease_check(lease.lease()).await?;
        tx.consent_import_publish(import, &counts, &json, app.now()).await?;
        let done = tx.import_get(import.tenant, import.number).await?;
        tx.commit().await?;
        Ok(ImportOutcome::of(&done.ok_or_else(|| StoreError::Corrupt("a published import is gone".into()))?))
    }
}

impl Tally {
    fn take(&mut self, record: RecordRef<'_>, fate: Fate) -> Result<(), Stop> {
        let known = |reason, text: &str| Reject { reason, column: None, text: text.into() };
        match fate {
            Fate { known: false, .. } => {
                self.counts.imported += 1;
                Ok(())
            }
            Fate { in_file: true, .. } => {
                self.reject(record, &known(RejectReason::DuplicateInFile, "an earlier line of the file says the same"))
            }
            _ => self.reject(record, &known(RejectReason::DuplicateInList, "the ledger has it already")),
        }
    }

    fn reject(&mut self, record: RecordRef<'_>, reject: &Reject) -> Result<(), Stop> {
        count_reject(&mut self.counts, reject);
        Ok(self.rejects.write(record, reject)?)
    }
}

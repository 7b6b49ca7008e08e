//! One import from its file to its published rows. The server's job runner and `cxc import` call it alike.
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use cxc_core::contact::{CheckedDevice, address_text};
use cxc_core::location::Country;
use cxc_server::job_runner::{JobControl, JobError};
use cxc_server::{ApiError, App, Code};
use cxc_store::StoreError;
use cxc_store::import::{ImportCounts, ListImport, NewImport};
use cxc_store::list::ContactList;
use cxc_store::location::Locations;
use serde_json::json;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::intake::{Intake, IntakeError, Taken};
use super::lookup::Asked;
use super::outcome::{Detail, ImportOutcome};
use super::reading;
use super::recent::Findable;
use super::settings::{ImportMode, ImportSettings};
use super::settle::settle_list;
use super::validate::{Checkers, Validator};
use super::warnings::{WarningKind, Warnings};
use super::write::{HeldLease, Progress, Writer};
use crate::consents::{ConsentCounts, HELD_BACK, LedgerWriter};
use crate::file::{self, FileError, FileKind, FileReader, Reject, RejectReason, RejectsWriter};
use crate::mapping::{MappedDevice, Mapping, MappingError, Plan, Purpose, Specification};

/// What every import works with. Cheap to clone.
#[derive(Clone)]
pub struct ImportContext {
    /// The application.
    pub app: App,
    /// What lines are checked with.
    pub checkers: Checkers,
    /// Numbers of locations.
    pub locations: Arc<Locations>,
    /// The folder of rejects files.
    pub rejects: PathBuf,
}

impl ImportContext {
    /// The address of a device of a line, as it is compared: E.164, or an email address in lower case.
    pub(crate) fn address(&self, device: &MappedDevice<'_>, country: Option<Country>) -> Result<String, Reject> {
        let tables = self.checkers.tables.current();
        let read = CheckedDevice::read(&self.checkers.phones, &tables, device.text, device.hint.kind, country);
        let wrong = |text| Reject { reason: RejectReason::BadDevice, column: device.column, text };
        Ok(address_text(&read.map_err(wrong)?.address).into_owned())
    }
}

/// An average line: how many lines a file has is only needed for the size of a filter.
const BYTES_PER_LINE: u64 = 40;
/// Batches ahead of the second stage, and units ahead of the third.
const AHEAD: usize = 4;
const UNITS_AHEAD: usize = 2;

/// Why an import stopped, inside.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Mapping(#[from] MappingError),
    #[error(transparent)]
    Job(#[from] JobError),
    #[error("{}", why(.0))]
    NothingTaken(Box<(Taken, Warnings)>),
}

fn why(left: &(Taken, Warnings)) -> &'static str {
    nothing_taken(left.0.counts)
}

/// Why no line of a file was taken.
pub(crate) fn nothing_taken(counts: ImportCounts) -> &'static str {
    match counts {
        ImportCounts { lines, blank, .. } if lines == blank => "the file has a header and no line of data",
        ImportCounts { rejected: 0, duplicate: 0, .. } => "the selection rule takes no line of the file",
        _ => "no line of the file could be taken; the rejects file says why for each",
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Stop::Job(error.into())
    }
}

impl From<Stop> for JobError {
    fn from(stop: Stop) -> Self {
        let code = match &stop {
            Stop::File(error) => error.code(),
            Stop::Mapping(error) => error.code(),
            Stop::NothingTaken(_) => "nothing_taken",
            Stop::Job(_) => "internal",
        };
        match stop {
            Stop::Job(error) => error,
            refused => ApiError::invalid("/file", code, refused.to_string()).into(),
        }
    }
}

/// An open file with the plan of its columns.
pub(crate) struct Opened {
    pub file: FileReader,
    pub plan: Plan,
    pub detail: Detail,
}

/// Runs the import of a file into a contact list, under the list's lease. Either its rows become visible,
/// or nothing changes. Safe to run twice: what a crash left is taken back first, and an import that was
/// published is not repeated.
pub async fn run_import(
    context: &ImportContext,
    list: Uuid,
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
    let missing = || ApiError::not_found("contact list");
    let found = app.db.read().await?.contact_list_get(job.tenant, list).await?.ok_or_else(missing)?;
    let mut lease = take_lease(context, "contacts", found.number, control).await?;
    let done = run_leased(context, list, settings, path, control, watch, &mut lease).await;
    release(context, &lease).await;
    done
}

/// Takes the lease of a list, waiting a little for one whose holder has just vanished.
pub(crate) async fn take_lease(
    context: &ImportContext,
    kind: &str,
    number: i64,
    control: &JobControl,
) -> Result<HeldLease, JobError> {
    let job = control.job();
    // a later try of the same job is another holder: the first may still be writing
    let holder = format!("{}:{}", job.id, job.lease_token);
    for _ in 0..150 {
        control.check()?;
        let mut tx = context.app.db.begin().await?;
        let lease = tx.list_lease(kind, number, &holder).await?;
        let other = tx.lease_holder(&cxc_store::list::lease_name(kind, number)).await?;
        tx.commit().await?;
        match lease {
            Some(lease) => return Ok(HeldLease::new(lease)),
            // only an earlier try of this job is worth waiting for: its lease runs out
            None if other.is_none_or(|other| other.starts_with(&job.id.to_string())) => {
                tokio::time::sleep(std::time::Duration::from_millis(250)).await;
            }
            None => break,
        }
    }
    Err(ApiError::new(
        Code::ListImporting,
        "another import or undo of this list is under way; try again when it has ended",
    )
    .into())
}

/// Gives a list's lease back; one that can't be given back runs out.
pub(crate) async fn release(context: &ImportContext, lease: &HeldLease) {
    let release = async {
        let mut tx = context.app.db.begin().await?;
        tx.lease_release(lease.lease()).await?;
        tx.commit().await
    };
    if let Err(error) = release.await {
        tracing::warn!(%error, "a list's lease could not be given back; it runs out by itself");
    }
}

async fn run_leased(
    context: &ImportContext,
    list: Uuid,
    settings: &ImportSettings,
    path: &Path,
    control: &JobControl,
    watch: &(dyn Fn(Progress) + Send + Sync),
    lease: &mut HeldLease,
) -> Result<ImportOutcome, JobError> {
    let app = &context.app;
    let started = Instant::now();
    let job = control.job();
    let missing = || ApiError::not_found("contact list");
    let number = app.db.read().await?.contact_list_get(job.tenant, list).await?.ok_or_else(missing)?.number;
    settle_list(&app.db, lease, "contacts", number, "failed", app.now()).await?;
    let import = begin(context, list, settings, control).await?;
    let purpose = if settings.mode == ImportMode::Update { Purpose::Updates } else { Purpose::Contacts };
    let opened = open(settings, path.to_owned(), purpose).await;
    let mut detail = opened.as_ref().map(|opened| opened.detail.clone()).unwrap_or_default();
    let done = match opened {
        Ok(opened) => pipeline(context, &import, settings, opened, control, watch, lease).await,
        Err(error) => Err(error),
    };
    detail.duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(0);
    match done {
        Ok((taken, warnings, consents)) => {
            detail.warnings = warnings.into_list();
            detail.consents = consents;
            publish(context, list, &import, &taken, detail, control, lease).await
        }
        Err(stop) => Err(take_back(context, &import, stop, detail, lease).await),
    }
}

async fn begin(
    context: &ImportContext,
    list: Uuid,
    settings: &ImportSettings,
    control: &JobControl,
) -> Result<ListImport, JobError> {
    let (app, job) = (&context.app, control.job());
    let mut tx = app.db.begin().await?;
    let missing = || ApiError::not_found("contact list");
    // the row as it is now, locked: a short edit may just have changed it
    let list: ContactList = tx.contact_list_lock(job.tenant, list).await?.ok_or_else(missing)?;
    let new = NewImport { job: job.id, mode: settings.mode.as_str(), file_name: &settings.file_name, now: app.now() };
    let import = tx.import_begin(&list, &new).await?;
    tx.commit().await?;
    Ok(import)
}

pub(crate) async fn open(settings: &ImportSettings, path: PathBuf, purpose: Purpose) -> Result<Opened, Stop> {
    let settings = settings.clone();
    let opened = tokio::task::spawn_blocking(move || open_blocking(&settings, &path, purpose)).await;
    opened.map_err(|error| JobError::Internal(error.into()))?
}

fn open_blocking(settings: &ImportSettings, path: &Path, purpose: Purpose) -> Result<Opened, Stop> {
    let file = file::open(path, &settings.read_options()?)?;
    let specification = settings.specification.as_deref().map(Specification::parse).transpose()?;
    let mapping = match (&settings.mapping, &specification) {
        (Some(document), _) => Mapping::Document(document),
        (None, Some(specification)) => Mapping::Specification(specification),
        (None, None) => Mapping::Auto,
    };
    let plan = Plan::new(&file, mapping, purpose)?;
    let detail = Detail {
        encoding: file.encoding.to_owned(),
        delimiter: match file.kind {
            FileKind::Delimited('\t') => Some("tab".into()),
            FileKind::Delimited(sign) => Some(sign.to_string()),
            FileKind::Fixed | FileKind::Spreadsheet => None,
        },
        mapping: file.notes.iter().cloned().chain(plan.notes()).collect(),
        ..Detail::default()
    };
    Ok(Opened { file, plan, detail })
}

/// The name of an import's rejects file.
pub fn rejects_name(import: i64) -> String {
    format!("rejects-{import}.csv")
}

async fn pipeline(
    context: &ImportContext,
    import: &ListImport,
    settings: &ImportSettings,
    opened: Opened,
    control: &JobControl,
    watch: &(dyn Fn(Progress) + Send + Sync),
    lease: &mut HeldLease,
) -> Result<(Taken, Warnings, ConsentCounts), Stop> {
    let app = &context.app;
    let Opened { file, plan, .. } = opened;
    let total_bytes = file.total_bytes;
    // packed lines are more than the bytes of the file tell: the filter only gets a little less sharp
    let lines = total_bytes / BYTES_PER_LINE;
    let findable = Findable::default();
    let intake = Intake {
        db: app.db.clone(),
        runtime: Handle::current(),
        import: import.clone(),
        mode: settings.mode,
        update_only: settings.update_only,
        dedupe: settings.dedupe,
        locations: Arc::clone(&context.locations),
        asked: Asked::new(&app.db, import, settings.mode, settings.dedupe, lines).await?,
        findable: findable.clone(),
        rejects: rejects_file(context, import, &file)?,
    };
    let validator = Validator::new(
        context.checkers.clone(),
        import.tenant,
        settings.country(),
        settings.keep_original,
        settings.rule.clone(),
        app.now(),
    );
    let ledger = LedgerWriter::new(app);
    let (parsed_in, parsed) = mpsc::channel(AHEAD);
    let (units_in, units) = mpsc::channel(UNITS_AHEAD);
    let reading = tokio::task::spawn_blocking(move || reading::read(file, &plan, validator, &parsed_in));
    let taking = tokio::task::spawn_blocking(move || intake.run(parsed, units_in));
    let mut writer = Writer { db: &app.db, import, lease, control, findable, total_bytes, watch, ledger: &ledger };
    let written = writer.run(units).await;
    // both threads end: a writer that stopped has hung up on them
    let (read, taken) = tokio::join!(reading, taking);
    let (read, taken) = (read.map_err(internal)?, taken.map_err(internal)?);
    written?;
    let mut warnings = read?;
    let consents = ledger.into_counts();
    if let Some(line) = consents.first_held_back {
        warnings.note(WarningKind::HeldBack, line, consents.held_back, HELD_BACK);
    }
    let taken = taken.map_err(|error| match error {
        IntakeError::Store(error) => Stop::from(error),
        other => internal(other),
    })?;
    if !taken.counts.add_up() {
        return Err(internal(anyhow::anyhow!("the counts do not add up: {:?}", taken.counts)));
    }
    // opt-outs of lines that were not taken stand, unless the list would be emptied with them
    let stands = consents.opt_outs > 0 && settings.mode != ImportMode::Replace;
    if taken.counts.taken() == 0 && !stands {
        return Err(Stop::NothingTaken(Box::new((taken, warnings))));
    }
    Ok((taken, warnings, consents))
}

fn internal(error: impl Into<anyhow::Error>) -> Stop {
    Stop::Job(JobError::Internal(error.into()))
}

pub(crate) fn rejects_file(
    context: &ImportContext,
    import: &ListImport,
    file: &FileReader,
) -> Result<RejectsWriter<BufWriter<File>>, Stop> {
    std::fs::create_dir_all(&context.rejects).map_err(FileError::Io)?;
    let out = File::create(context.rejects.join(rejects_name(import.number))).map_err(FileError::Io)?;
    Ok(RejectsWriter::new(BufWriter::new(out), &file.header, file.columns)?)
}

/// Names the rejects file, or removes it when nothing is in it.
pub(crate) fn keep_rejects(context: &ImportContext, import: &ListImport, rejected: u64) -> Option<String> {
    let name = rejects_name(import.number);
    if rejected > 0 {
        return Some(name);
    }
    let path = context.rejects.join(name);
    if path.exists()
        && let Err(error) = std::fs::remove_file(path)
    {
        tracing::warn!(%error, "an empty rejects file could not be removed");
    }
    None
}

async fn publish(
    context: &ImportContext,
    list: Uuid,
    import: &ListImport,
    taken: &Taken,
    mut detail: Detail,
    control: &JobControl,
    lease: &HeldLease,
) -> Result<ImportOutcome, JobError> {
    let app = &context.app;
    detail.rejects_file = keep_rejects(context, import, taken.rejected);
    let detail = serde_json::to_value(&detail).map_err(StoreError::from)?;
    let now = app.now();
    let mut tx = app.db.begin().await?;
    tx.lease_check(lease.lease()).await?;
    tx.import_publish(import, taken.change, &taken.counts, &detail, now).await?;
    let body = json!({ "listId": list, "importId": import.number.to_string(), "jobId": control.job().id });
    tx.event_insert(import.tenant, "lists", "list_imported", &list.to_string(), &body, now).await?;
    let done = tx.import_get(import.tenant, import.number).await?;
    tx.commit().await?;
    let done = done.ok_or_else(|| StoreError::Corrupt("a published import is gone".into()))?;
    let counts = &taken.counts;
    tracing::info!(
        tenant = import.tenant,
        list = %list,
        import = import.number,
        lines = counts.lines,
        imported = counts.imported,
        updated = counts.updated,
        duplicate = counts.duplicate,
        rejected = counts.rejected,
        "an import is published"
    );
    Ok(ImportOutcome::of(&done))
}

/// Takes back what an import did and notes why, unless another runner has it or the store can't be reached:
/// then whoever runs the job next does.
async fn take_back(
    context: &ImportContext,
    import: &ListImport,
    stop: Stop,
    mut detail: Detail,
    lease: &mut HeldLease,
) -> JobError {
    if let Stop::Job(JobError::Store(error)) = &stop
        && (matches!(error, StoreError::LeaseLost(_)) || error.is_unavailable())
    {
        return stop.into();
    }
    let app = &context.app;
    let ended =
        if matches!(stop, Stop::Job(JobError::Cancelled | JobError::Stopping)) { "cancelled" } else { "failed" };
    let mut counts = ImportCounts::default();
    let mut stop = stop;
    if let Stop::NothingTaken(left) = &mut stop {
        counts = left.0.counts;
        detail.warnings = std::mem::take(&mut left.1).into_list();
        detail.rejects_file = keep_rejects(context, import, left.0.rejected);
    } else {
        keep_rejects(context, import, 0);
    }
    detail.error = Some(match &stop {
        Stop::Job(JobError::Internal(_)) => "internal error".into(),
        stop => stop.to_string(),
    });
    let note = async {
        settle_list(&app.db, lease, "contacts", import.list, ended, app.now()).await?;
        let mut tx = app.db.begin().await?;
        tx.import_note(import.number, ended, &counts, &serde_json::to_value(&detail)?, app.now()).await?;
        tx.commit().await
    };
    match note.await {
        Ok(()) => stop.into(),
        Err(error) => error.into(),
    }
}

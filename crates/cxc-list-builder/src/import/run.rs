//! One import from its file to its published rows. The server's job runner and `cxc import` call it alike.
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use cxc_core::contact::{CheckedDevice, address_text};
use cxc_core::location::Country;
use cxc_server::job_runner::{JobControl, JobError};
use cxc_server::{ApiError, App};
use cxc_store::import::{ListImport, NewImport};
use cxc_store::list::ContactList;
use cxc_store::location::Locations;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::ending::{publish, rejects_file, take_back, warnings_file};
use super::holding::{release, take_lease};
use super::intake::{Intake, IntakeError, Taken};
use super::lookup::Asked;
use super::opening::{Opened, open};
use super::outcome::ImportOutcome;
use super::reading;
use super::recent::Findable;
use super::settings::{ImportMode, ImportSettings};
use super::settle::settle_list;
use super::stop::{Stop, internal};
use super::validate::{Checkers, Validator};
use super::warnings::WarningKind;
use super::write::{HeldLease, Progress, Writer};
use crate::consents::{ConsentCounts, HELD_BACK, LedgerWriter};
use crate::file::{Reject, RejectReason};
use crate::mapping::{MappedDevice, Purpose};

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
    // a job that was cancelled after its runner vanished runs again only to take back what that one left
    let ended = if control.check().is_err() { "cancelled" } else { "failed" };
    settle_list(&app.db, lease, "contacts", number, ended, app.now()).await?;
    control.check()?;
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
        Ok((taken, consents)) => {
            detail.consents = consents;
            publish(context, list, &import, taken, detail, control, lease).await
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

async fn pipeline(
    context: &ImportContext,
    import: &ListImport,
    settings: &ImportSettings,
    opened: Opened,
    control: &JobControl,
    watch: &(dyn Fn(Progress) + Send + Sync),
    lease: &mut HeldLease,
) -> Result<(Taken, ConsentCounts), Stop> {
    let app = &context.app;
    let Opened { file, plan, remarks, .. } = opened;
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
        warnings: warnings_file(context, import, &file),
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
    read?;
    let consents = ledger.into_counts();
    let mut taken = taken.map_err(|error| match error {
        IntakeError::Store(error) => Stop::from(error),
        other => internal(other),
    })?;
    if !taken.counts.add_up() {
        return Err(internal(anyhow::anyhow!("the counts do not add up: {:?}", taken.counts)));
    }
    if let Some(line) = consents.first_held_back {
        taken.warnings.note(WarningKind::HeldBack, line, consents.held_back, HELD_BACK);
    }
    for (kind, text) in remarks {
        taken.warnings.note(kind, 1, 1, &text);
    }
    // opt-outs of lines that were not taken stand, unless the list would be emptied with them
    let stands = consents.opt_outs > 0 && settings.mode != ImportMode::Replace;
    if taken.counts.taken() == 0 && !stands {
        return Err(Stop::NothingTaken(Box::new(taken)));
    }
    Ok((taken, consents))
}

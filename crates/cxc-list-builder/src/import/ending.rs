//! How an import of contacts ends: its rows become visible by one statement, or everything is taken back.
use std::fs::File;
use std::io::BufWriter;

use cxc_core::kind;
use cxc_server::job_runner::{JobControl, JobError};
use cxc_store::StoreError;
use cxc_store::import::{ImportCounts, ListImport};
use serde_json::json;
use uuid::Uuid;

use super::intake::Taken;
use super::noted::noted;
use super::outcome::{Detail, ImportOutcome};
use super::run::ImportContext;
use super::settle::settle_list;
use super::stop::Stop;
use super::warnings::WarningsWriter;
use super::write::HeldLease;
use crate::file::{FileError, FileReader, RejectsWriter};

/// The name of an import's rejects file.
pub fn rejects_name(import: i64) -> String {
    format!("rejects-{import}.csv")
}

/// The name of an import's file of warnings.
pub fn warnings_name(import: i64) -> String {
    format!("warnings-{import}.csv")
}

/// Begins the rejects file of an import.
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
    keep(context, rejects_name(import.number), rejected)
}

fn keep(context: &ImportContext, name: String, lines: u64) -> Option<String> {
    if lines > 0 {
        return Some(name);
    }
    let path = context.rejects.join(name);
    if path.exists()
        && let Err(error) = std::fs::remove_file(path)
    {
        tracing::warn!(%error, "an empty file of rejects or warnings could not be removed");
    }
    None
}

/// The file of warnings of an import, made with the first one.
pub(super) fn warnings_file(context: &ImportContext, import: &ListImport, file: &FileReader) -> WarningsWriter {
    WarningsWriter::new(context.rejects.join(warnings_name(import.number)), &file.header)
}

/// Makes an import visible.
pub(super) async fn publish(
    context: &ImportContext,
    list: Uuid,
    import: &ListImport,
    taken: Taken,
    mut detail: Detail,
    control: &JobControl,
    lease: &HeldLease,
) -> Result<ImportOutcome, JobError> {
    let app = &context.app;
    detail.rejects_file = keep_rejects(context, import, taken.rejected);
    detail.warnings_file = keep(context, warnings_name(import.number), taken.warned);
    detail.warnings = taken.warnings.into_list();
    let detail = serde_json::to_value(&detail).map_err(StoreError::from)?;
    let now = app.now();
    let mut tx = app.db.begin().await?;
    tx.lease_check(lease.lease()).await?;
    tx.import_publish(import, taken.change, &taken.counts, &detail, now).await?;
    let body = json!({ "listId": list, "importId": import.number.to_string(), "jobId": control.job().id });
    tx.event_insert(import.tenant, "lists", "list_imported", &list.to_string(), &body, now).await?;
    let done = tx.import_get(import.tenant, import.number).await?;
    let done = done.ok_or_else(|| StoreError::Corrupt("a published import is gone".into()))?;
    noted(app, &mut tx, control.job(), "import_published", (kind::CONTACT_LIST, list), &done).await?;
    tx.commit().await?;
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
pub(super) async fn take_back(
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
    let mut rejected = 0;
    if let Stop::NothingTaken(left) = &mut stop {
        counts = left.counts;
        detail.warnings = std::mem::take(&mut left.warnings).into_list();
        rejected = left.rejected;
    }
    detail.rejects_file = keep_rejects(context, import, rejected);
    keep(context, warnings_name(import.number), 0);
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

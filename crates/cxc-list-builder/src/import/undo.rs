//! Undo of a list's latest import: until the next one, for seven days at most, while nobody of it was attempted.
use cxc_core::kind;
use cxc_server::job_runner::{JobControl, JobError};
use cxc_server::{ApiError, Code};
use cxc_store::import::ListImport;
use cxc_store::import_undo::Undo;
use cxc_store::list::ContactList;
use cxc_store::{Db, StoreError, Tx};
use serde_json::json;
use uuid::Uuid;

use super::holding::{release, take_lease};
use super::noted::noted;
use super::outcome::ImportOutcome;
use super::run::ImportContext;
use super::settle::{settle, settle_list};
use super::undone::nothing_to_undo;
use super::write::HeldLease;
use crate::jobs::LIST_UNDO;

/// Whether a list's latest import can be undone; else why not (`undo_blocked`).
pub async fn undoable(db: &Db, tenant: i64, list: Uuid, now: i64) -> Result<ListImport, ApiError> {
    let mut tx = db.read().await?;
    let found = tx.contact_list_get(tenant, list).await?;
    let found = found.ok_or_else(|| ApiError::not_found("contact list"))?;
    checked(&mut tx, &found, now).await
}

async fn checked(tx: &mut Tx, list: &ContactList, now: i64) -> Result<ListImport, ApiError> {
    let blocked = |text: String| Err(ApiError::new(Code::UndoBlocked, text));
    match tx.import_undoable(list, now).await? {
        Undo::Possible(import) => Ok(*import),
        Undo::Nothing => {
            let latest = tx.import_latest("contacts", list.number).await?;
            Err(nothing_to_undo(tx, list.tenant, list.id, LIST_UNDO, latest.as_ref()).await?)
        }
        Undo::TooLate => Err(too_late()),
        Undo::Attempted => blocked(
            "a contact of the import has been attempted: delete the contacts that should go, or replace the list's contents"
                .into(),
        ),
        Undo::Edited(contacts) => blocked(format!(
            "contacts that the undo would take away or change were written by hand since the import: {contacts}. Delete the \
             contacts that should go, or replace the list's contents",
        )),
    }
}

fn too_late() -> ApiError {
    ApiError::new(Code::UndoBlocked, "an import can be undone for seven days: replace the list's contents instead")
}

/// Undoes a list's latest import. Safe to run twice: an undo that a crash left half done is finished.
pub async fn run_undo(context: &ImportContext, list: Uuid, control: &JobControl) -> Result<ImportOutcome, JobError> {
    let (app, tenant) = (&context.app, control.job().tenant);
    let found = app.db.read().await?.contact_list_get(tenant, list).await?;
    let found = found.ok_or_else(|| ApiError::not_found("contact list"))?;
    let mut lease = take_lease(context, "contacts", found.number, control).await?;
    let done = undo_leased(context, list, control, &mut lease).await;
    release(context, &lease).await;
    let number = done?;
    let import = app.db.read().await?.import_get(tenant, number).await?;
    let import = import.ok_or_else(|| StoreError::Corrupt("an undone import is gone".into()))?;
    Ok(ImportOutcome::of(&import))
}

async fn undo_leased(
    context: &ImportContext,
    list: Uuid,
    control: &JobControl,
    lease: &mut HeldLease,
) -> Result<i64, JobError> {
    let app = &context.app;
    let tenant = control.job().tenant;
    let missing = || ApiError::not_found("contact list");
    let number = app.db.read().await?.contact_list_get(tenant, list).await?.ok_or_else(missing)?.number;
    let half_done = app.db.read().await?.import_unsettled("contacts", number).await?;
    settle_list(&app.db, lease, "contacts", number, "failed", app.now()).await?;
    if let Some(import) = half_done
        && import.state == "undoing"
    {
        return Ok(import.number);
    }
    control.check()?;
    let import = undoable(&app.db, tenant, list, app.now()).await?;
    // reads all of them, so it goes before the writing transaction; the lease keeps the list as it is
    let added = app.db.read().await?.import_range_count(&import).await?;
    let mut tx = app.db.begin().await?;
    tx.lease_check(lease.lease()).await?;
    let now_list = tx.contact_list_lock(tenant, list).await?.ok_or_else(missing)?;
    // a sender may have begun since
    checked(&mut tx, &now_list, app.now()).await?;
    if !tx.import_undo(&now_list, &import, added, app.now()).await? {
        return Err(too_late().into());
    }
    let body = json!({ "listId": list, "importId": import.number.to_string(), "jobId": control.job().id });
    tx.event_insert(tenant, "lists", "import_undone", &list.to_string(), &body, app.now()).await?;
    noted(app, &mut tx, control.job(), "import_undone", (kind::CONTACT_LIST, list), &import).await?;
    tx.commit().await?;
    // gone for users already; what is left takes its time
    let begun = app.db.read().await?.import_unsettled("contacts", number).await?;
    if let Some(begun) = begun {
        let total = added.0 + begun.counts.updated;
        settle(&app.db, lease, &begun, "failed", app.now(), |done| control.progress(done.min(total), total)).await?;
    }
    Ok(import.number)
}

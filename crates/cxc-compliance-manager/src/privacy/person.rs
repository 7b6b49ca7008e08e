//! What requests and commands do with one person's data, each in the caller's transaction and audited.
use cxc_server::audit::Entry;
use cxc_server::job_runner::JobError;
use cxc_server::{ApiError, App, Code, Principal};
use cxc_store::privacy::{Erased, Erasure, Person, PersonData};
use cxc_store::{StoreError, Tx};
use uuid::Uuid;

use crate::history::recording;

/// Erases a person that was found. `request` is the request by which it was asked for. Call
/// [`cxc_store::Db::empty_journal`] once it is committed.
pub async fn erase(
    app: &App,
    tx: &mut Tx,
    principal: &Principal,
    person: &Person,
    request: Option<Uuid>,
) -> Result<Erased, JobError> {
    // before anything else is lost by which they are found
    let calls = tx.person_calls(person).await?;
    let erased = match tx.person_erase(person, app.now()).await? {
        Erasure::Done(erased) => erased,
        Erasure::Busy(_) => {
            let detail = "a list is being imported and may bring this person: try again when that is done";
            return Err(ApiError::new(Code::ListImporting, detail).into());
        }
    };
    // files know no transaction: if what follows fails, they are gone all the same
    recording::forget(app, person.tenant, calls).await?;
    // who was erased is not written down again
    let after = serde_json::to_value(&erased).map_err(StoreError::from)?;
    entry("erase", request).changed(None, Some(after)).write(app, tx, principal).await?;
    Ok(erased)
}

/// Everything known of a person that was found. `request` is the request by which it was asked for.
pub async fn export(
    app: &App,
    tx: &mut Tx,
    principal: &Principal,
    person: &Person,
    request: Option<Uuid>,
) -> Result<PersonData, JobError> {
    let data = tx.person_export(person).await?;
    entry("export", request).write(app, tx, principal).await?;
    Ok(data)
}

fn entry(action: &'static str, request: Option<Uuid>) -> Entry {
    let entry = Entry::new(action, "person");
    match request {
        Some(id) => entry.of(id, ""),
        None => entry,
    }
}

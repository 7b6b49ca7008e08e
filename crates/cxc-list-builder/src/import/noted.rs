//! What the audit log keeps of imports and undos once they are done: whose job, which file, and what came of it.
use cxc_server::audit::Entry;
use cxc_server::{ApiError, App, Principal};
use cxc_store::Tx;
use cxc_store::import::ListImport;
use cxc_store::job::Job;
use serde_json::json;
use uuid::Uuid;

/// Notes an import as it stands now on a list (its kind and id), in the transaction that makes it so. `import_published` has the
/// list's size before it, `import_undone` what the import had taken.
pub(crate) async fn noted(
    app: &App,
    tx: &mut Tx,
    job: &Job,
    action: &'static str,
    (kind, list): (&'static str, Uuid),
    import: &ListImport,
) -> Result<(), ApiError> {
    let name = tx.object_name(job.tenant, list).await?.unwrap_or_default();
    let of = json!({
        "importId": import.number.to_string(),
        "jobId": job.id,
        "fileName": import.file_name,
        "mode": import.mode,
    });
    let mut counts = json!(import.counts);
    let size = json!({ "contacts": import.contacts_before, "devices": import.devices_before });
    let (before, after) = if action == "import_undone" {
        (counts, of)
    } else {
        if let (Some(counts), Some(of)) = (counts.as_object_mut(), of.as_object()) {
            counts.extend(of.clone());
        }
        (size, counts)
    };
    let who = Principal { name: job.created_by.clone(), ..Principal::system(job.tenant) };
    Entry::new(action, kind).of(list, &name).changed(Some(before), Some(after)).write(app, tx, &who).await
}

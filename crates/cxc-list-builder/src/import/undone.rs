//! Why there is nothing to undo: what was undone already, when, and what can be done instead.
use cxc_server::app::time_text;
use cxc_server::{ApiError, Code};
use cxc_store::import::ListImport;
use cxc_store::{StoreError, Tx};
use uuid::Uuid;

/// The refusal of an undo where the latest import of a list, if there was any, does not stand. `job` is the kind of the
/// jobs that undo imports of such a list.
pub(crate) async fn nothing_to_undo(
    tx: &mut Tx,
    tenant: i64,
    list: Uuid,
    job: &str,
    latest: Option<&ListImport>,
) -> Result<ApiError, StoreError> {
    let blocked = |text: String| ApiError::new(Code::UndoBlocked, text);
    let Some(import) = latest else {
        return Ok(blocked("nothing was imported into the list yet: there is nothing to undo".into()));
    };
    let undo = tx.job_latest(tenant, list, job).await?.filter(|job| job.state == "succeeded");
    let when = undo.and_then(|job| job.finished_at).map(|at| format!(" at {}", time_text(at))).unwrap_or_default();
    let taken = import.counts.taken();
    let text = match import.state.as_str() {
        "undoing" => format!("the import of {:?} is being undone: wait until that job has ended", import.file_name),
        _ => format!(
            "the import of {:?} that began at {} and took {taken} lines was undone{when}: an undo reaches back over the \
             latest import only; to have the contents of the file again, import it again",
            import.file_name,
            time_text(import.started_at),
        ),
    };
    Ok(blocked(text))
}

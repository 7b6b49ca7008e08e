//! The recording of an attempt, for who may see people's data. Each look at one is audited.
use std::path::PathBuf;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use cxc_core::recording;
use cxc_server::{ApiError, App, Code, Principal, audit};
use tokio_util::io::ReaderStream;

/// The recording of an attempt
///
/// A WAV file of 8 kHz: on the left the person, on the right what the person heard.
#[utoipa::path(get, path = "/compliance/attempts/{id}/recording", tag = "Compliance", operation_id = "getRecording",
    params(("id" = String, Path, description = "The attempt: its number, as records and exports name it, or its id with the month, as the history does.")),
    responses((status = OK, content_type = "audio/wav", body = Vec<u8>), ApiError))]
pub(crate) async fn get(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let none = || ApiError::not_found("recording");
    let attempt = number(&id).ok_or_else(|| {
        let detail = format!(
            "there is no attempt {id:?}: an attempt is its number, such as 30003, or its id, such as 202612-7533"
        );
        ApiError::new(Code::NotFound, detail)
    })?;
    let root = app.config.recordings.clone().ok_or_else(none)?;
    // the folder is that of the caller's own tenant, whatever the id
    let folder = root.join(recording::folder(principal.tenant, attempt));
    let found = tokio::task::spawn_blocking(move || find(&folder, attempt)).await.map_err(ApiError::internal)?;
    let path = found.ok_or_else(none)?;
    let file = tokio::fs::File::open(&path).await.map_err(|_| none())?;
    let length = file.metadata().await.map_err(ApiError::internal)?.len();
    let mut tx = app.db.begin().await?;
    audit::Entry::new("read", "recording").named(&id).write(&app, &mut tx, &principal).await?;
    tx.commit().await?;
    let headers = [
        (header::CONTENT_TYPE, "audio/wav".to_owned()),
        (header::CONTENT_LENGTH, length.to_string()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{id}.wav\"")),
    ];
    Ok((headers, Body::from_stream(ReaderStream::new(file))).into_response())
}

/// Deletes what was recorded of these calls.
pub(crate) async fn forget(app: &App, tenant: i64, attempts: Vec<i64>) -> Result<(), ApiError> {
    let Some(root) = app.config.recordings.clone().filter(|_| !attempts.is_empty()) else { return Ok(()) };
    let forgotten = tokio::task::spawn_blocking(move || {
        attempts.into_iter().try_for_each(|attempt| {
            let found = find(&root.join(recording::folder(tenant, attempt)), attempt);
            found.map_or(Ok(()), std::fs::remove_file)
        })
    });
    forgotten.await.map_err(ApiError::internal)?.map_err(ApiError::internal)
}

/// The number of an attempt: as it is, or in an id that begins with its month.
fn number(id: &str) -> Option<i64> {
    let Some((month, number)) = id.split_once('-') else {
        let is_plain = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
        return is_plain.then(|| id.parse().ok())?;
    };
    let is_month = !month.is_empty() && month.bytes().all(|byte| byte.is_ascii_digit());
    let is_hex = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_month && is_hex).then(|| i64::from_str_radix(number, 16).ok())?
}

fn find(folder: &std::path::Path, attempt: i64) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?;
    let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.find(|path| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| recording::is_of(name, attempt))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_number_or_a_month_and_a_number_and_no_path() {
        assert_eq!((number("202612-1f"), number("31")), (Some(31), Some(31)));
        assert_eq!((number("30003"), number("202612-7533")), (Some(30_003), Some(30_003)));
        for bad in [
            "",
            "-",
            "1f",
            "+1",
            "99999999999999999999",
            "202612-",
            "-1f",
            "202612-../1",
            "202612--1",
            "202612-+1",
            "2026/12-1",
            "202612-1f/..",
            "x-1",
        ] {
            assert_eq!(number(bad), None, "{bad}");
        }
    }
}

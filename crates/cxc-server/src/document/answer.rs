//! Documents as answered: common members, the body without secrets, computed members; and their ETags.
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::change::stale;
use super::{Common, Document, Extras, Stored, patch};
use crate::App;
use crate::app::time_text;
use crate::error::{ApiError, Code};
use cxc_core::TenantNo;
use cxc_store::Tx;

/// A document as answered, with its ETag. The tag is the version, and a hash of the computed members where there are any.
pub struct View {
    /// The members, in a fixed order.
    pub members: Map<String, Value>,
    /// The strong tag, with its quotes.
    pub etag: String,
}

/// These documents as answered.
pub async fn view<D: Document>(
    app: &App,
    tx: &mut Tx,
    tenant: TenantNo,
    documents: &[Stored<D>],
) -> Result<Vec<View>, ApiError> {
    let extras = D::extra(&mut Extras { app, tx, tenant, documents }).await?;
    if extras.len() != documents.len() {
        return Err(ApiError::internal(anyhow::anyhow!("computed members of {} are incomplete", D::KIND)));
    }
    documents.iter().zip(extras).map(|(document, extra)| one(document, extra)).collect()
}

fn one<D: Document>(document: &Stored<D>, extra: D::Extra) -> Result<View, ApiError> {
    let common = Common {
        id: document.id,
        name: document.name.clone(),
        description: document.description.clone(),
        version: document.version,
        created_at: time_text(document.created_at),
        created_by: document.created_by.clone(),
        updated_at: time_text(document.updated_at),
        updated_by: document.updated_by.clone(),
    };
    let mut members = object(serde_json::to_value(common))?;
    let mut body = serde_json::to_value(&document.body).map_err(ApiError::internal)?;
    patch::redact(&mut body, D::SECRETS);
    members.extend(object(Ok(body))?);
    let extra = object(serde_json::to_value(extra))?;
    let etag = if extra.is_empty() {
        format!("\"{}\"", document.version)
    } else {
        let hash = Sha256::digest(serde_json::to_vec(&extra).map_err(ApiError::internal)?);
        let hash: String = hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        format!("\"{}-{hash}\"", document.version)
    };
    members.extend(extra);
    Ok(View { members, etag })
}

fn object(value: Result<Value, serde_json::Error>) -> Result<Map<String, Value>, ApiError> {
    match value.map_err(ApiError::internal)? {
        Value::Object(members) => Ok(members),
        _ => Err(ApiError::internal(anyhow::anyhow!("a document is a JSON object"))),
    }
}

impl View {
    /// The answer with its ETag.
    pub fn answer(self, status: StatusCode) -> Result<Response, ApiError> {
        let mut response = (status, axum::Json(self.members)).into_response();
        response.headers_mut().insert(header::ETAG, HeaderValue::from_str(&self.etag).map_err(ApiError::internal)?);
        Ok(response)
    }

    /// 304 when the client has it already.
    pub fn answer_if_changed(self, headers: &HeaderMap) -> Result<Response, ApiError> {
        let tags = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok());
        let known = tags
            .flat_map(|v| v.split(','))
            .map(str::trim)
            .any(|tag| tag == "*" || tag.trim_start_matches("W/") == self.etag);
        if known {
            let tag = HeaderValue::from_str(&self.etag).map_err(ApiError::internal)?;
            return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
        }
        self.answer(StatusCode::OK)
    }
}

/// Refuses an edit without `If-Match` (428) or of another version (412). Computed members don't count:
/// a number that moved since is no reason to refuse an edit.
pub fn if_match(headers: &HeaderMap, version: i64) -> Result<(), ApiError> {
    let mut tags =
        headers.get_all(header::IF_MATCH).iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(',')).peekable();
    if tags.peek().is_none() {
        return Err(ApiError::new(Code::IfMatchRequired, "send the ETag of the version that you change in If-Match"));
    }
    let ours = version.to_string();
    let same = |tag: &str| {
        let tag = tag.trim();
        tag == "*" || tag.trim_matches('"').split('-').next() == Some(&ours) && tag.starts_with('"')
    };
    if tags.any(same) { Ok(()) } else { Err(stale()) }
}

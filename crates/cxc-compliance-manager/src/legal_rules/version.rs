//! The version of a tenant's decision on a rule: how many decisions on it there were. It goes on where one was taken back,
//! so that no version comes twice.
use axum::http::{HeaderMap, HeaderName, header};
use cxc_server::document::if_match;
use cxc_server::{ApiError, Code};
use cxc_store::Tx;

/// An ETag, as a part of an answer.
pub(crate) type EtagHeader = [(HeaderName, String); 1];

/// The ETag of the decision on a rule.
pub(super) async fn tag(tx: &mut Tx, tenant: i64, rule: &str) -> Result<EtagHeader, ApiError> {
    Ok([(header::ETAG, format!("\"{}\"", tx.legal_decisions_count(tenant, rule).await?))])
}

/// Refuses a decision on what was decided anew since it was read (412), or that does not say what it read (428). Only the
/// first decision need not.
pub(super) async fn unchanged(
    tx: &mut Tx,
    (tenant, rule): (i64, &str),
    is_decided: bool,
    headers: &HeaderMap,
) -> Result<(), ApiError> {
    let version = tx.legal_decisions_count(tenant, rule).await?;
    if version == 0 && !is_decided && !headers.contains_key(header::IF_MATCH) {
        return Ok(());
    }
    if_match(headers, version)
}

/// Two first decisions at once: the later one read what is not so any more.
pub(super) fn raced(error: ApiError) -> ApiError {
    match error.code() {
        Code::NameTaken => ApiError::new(Code::EtagMismatch, "it was decided meanwhile: look at it again"),
        _ => error,
    }
}

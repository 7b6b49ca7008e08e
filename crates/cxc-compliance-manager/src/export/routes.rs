//! Exports by the API.
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use cxc_server::{ApiError, ApiJson, App, Principal, Scope, require};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::collect::{ExportAsked, collect};
use super::sign::Signer;

/// The routes below the public base path.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(require(Scope::PrivacyAdmin, routes!(export)))
        .routes(require(Scope::ComplianceRead, routes!(key)))
}

/// The key that exports are signed with.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PublicKey {
    /// `ed25519`.
    algorithm: &'static str,
    /// Base64 of its 32 bytes.
    public_key: String,
}

/// The public key of exports of evidence
#[utoipa::path(get, path = "/compliance/evidence-key", tag = "Compliance", operation_id = "getEvidenceKey",
    responses((status = OK, body = PublicKey), ApiError))]
async fn key(State(app): State<App>) -> Result<axum::Json<PublicKey>, ApiError> {
    let signer = Signer::new(&app.hash_key).map_err(ApiError::internal)?;
    Ok(axum::Json(PublicKey { algorithm: "ed25519", public_key: signer.public_key() }))
}

/// Export the decisions about a person or of a campaign group as a signed file
///
/// It has people's addresses in clear. The manifest tells how the chains stand that its decisions rest on.
#[utoipa::path(post, path = "/compliance/evidence-exports", tag = "Compliance", operation_id = "exportEvidence",
    request_body = ExportAsked,
    responses((status = OK, content_type = "application/zip", body = Vec<u8>), ApiError))]
async fn export(
    State(app): State<App>,
    principal: Principal,
    ApiJson(asked): ApiJson<ExportAsked>,
) -> Result<Response, ApiError> {
    let bytes = collect(&app, &principal, &asked).await?;
    let headers = [
        (header::CONTENT_TYPE, "application/zip"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"evidence.zip\""),
    ];
    Ok((headers, bytes).into_response())
}

//! Evaluations by the API.
use axum::Extension;
use axum::extract::State;
use cxc_server::{ApiError, ApiJson, App, Principal, Scope, require};
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::EvaluationAnswer;
use super::document::EvaluationDocument;
use super::run::Evaluator;

/// The routes below the public base path.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(require(Scope::ComplianceRead, routes!(evaluate)))
}

/// Ask whether a person may be contacted at a moment, and why
#[utoipa::path(post, path = "/compliance/evaluations", tag = "Compliance", operation_id = "evaluateCompliance",
    request_body = EvaluationDocument, responses((status = OK, body = EvaluationAnswer), ApiError))]
async fn evaluate(
    State(app): State<App>,
    Extension(evaluator): Extension<Evaluator>,
    principal: Principal,
    ApiJson(body): ApiJson<Value>,
) -> Result<axum::Json<EvaluationAnswer>, ApiError> {
    let asked = EvaluationDocument::read(body)?;
    Ok(axum::Json(evaluator.evaluate(&app, principal.tenant, &asked).await?))
}

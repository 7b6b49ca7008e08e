//! Evaluations by the API.
use axum::Extension;
use axum::extract::State;
use cxc_server::extract::Once;
use cxc_server::{ApiError, ApiJson, App, Principal, Scope, require};
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
///
/// What a question tells of the past (`history`, `contact.consents`) was before the moment that it asks about: an entry after
/// it, a consent or an opt-out too, is refused (422) with its place. So is a member that is there twice.
#[utoipa::path(post, path = "/compliance/evaluations", tag = "Compliance", operation_id = "evaluateCompliance",
    request_body = EvaluationDocument, responses((status = OK, body = EvaluationAnswer), ApiError))]
async fn evaluate(
    State(app): State<App>,
    Extension(evaluator): Extension<Evaluator>,
    principal: Principal,
    ApiJson(body): ApiJson<Once>,
) -> Result<axum::Json<EvaluationAnswer>, ApiError> {
    let asked = EvaluationDocument::read(body)?;
    Ok(axum::Json(evaluator.evaluate(&app, principal.tenant, &asked).await?))
}

//! Dry runs by the API.
use axum::extract::State;
use axum::http::StatusCode;
use cxc_server::resources::JobView;
use cxc_server::{ApiError, ApiJson, App, Principal, Scope, require};
use cxc_store::job::NewJob;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::job::{DryRunAsked, KIND};
use crate::evaluations::{rule_errors, tried_errors};

/// The routes below the public base path.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(require(Scope::ComplianceRead, routes!(start)))
}

/// Count what rules would do to the audience of a campaign group
///
/// A job: its result tells how many may be contacted at the moment, by rule, by hour and by zone. Nothing is changed.
#[utoipa::path(post, path = "/compliance/dry-runs", tag = "Compliance", operation_id = "startComplianceDryRun",
    request_body = DryRunAsked, responses((status = ACCEPTED, body = JobView), ApiError))]
async fn start(
    State(app): State<App>,
    principal: Principal,
    ApiJson(asked): ApiJson<DryRunAsked>,
) -> Result<(StatusCode, axum::Json<JobView>), ApiError> {
    for (length, pointer) in [(asked.rules.len(), "/rules"), (asked.legal_settings.len(), "/legalSettings")] {
        if length > 500 {
            return Err(ApiError::invalid(pointer, "too_many_items", "at most 500"));
        }
    }
    if asked.guard_seconds.is_some_and(|guard| guard > 3600) {
        return Err(ApiError::invalid("/guardSeconds", "invalid", "0 to 3600 seconds"));
    }
    let now = app.now();
    let mut tx = app.db.begin().await?;
    if tx.group_get(principal.tenant, asked.group_id, false).await?.is_none() {
        return Err(ApiError::invalid("/groupId", "not_found", "there is no such campaign group"));
    }
    let documents = app.rules.documents(&mut tx, principal.tenant).await?;
    let mut errors = rule_errors(&documents, &asked.rules);
    errors.extend(tried_errors(&documents, &asked.legal_settings));
    if !errors.is_empty() {
        return Err(ApiError::validation(errors));
    }
    let job = NewJob {
        id: app.ids.next(),
        tenant: principal.tenant,
        kind: KIND,
        subject: Some(asked.group_id),
        payload: serde_json::to_value(&asked).map_err(ApiError::internal)?,
        run_at: now,
        created_by: principal.name.clone(),
        created_at: now,
    };
    tx.job_insert(&job).await?;
    let queued = tx.job_get(principal.tenant, job.id).await?.ok_or_else(|| ApiError::not_found("job"))?;
    tx.commit().await?;
    Ok((StatusCode::ACCEPTED, axum::Json(JobView::from(queued))))
}

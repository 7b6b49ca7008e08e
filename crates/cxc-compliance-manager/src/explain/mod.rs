//! Why a stored contact may or may not be contacted at a moment, with every step.
use axum::Extension;
use axum::extract::State;
use cxc_core::channel::Channel;
use cxc_core::compliance::Purpose;
use cxc_server::{ApiError, ApiPath, ApiQuery, App, Principal, Scope, require};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::evaluations::{EvaluationAnswer, EvaluationDocument, Evaluator};

/// The routes below the public base path.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(require(Scope::ComplianceRead, routes!(explain)))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// The campaign group whose rules and purpose hold; if nothing is said, the one that has the contact. Of several one
    /// must be named, or a purpose.
    #[param(nullable = false)]
    group_id: Option<Uuid>,
    /// What the contact is for, without a group or in place of the group's.
    #[param(nullable = false)]
    purpose: Option<Purpose>,
    /// The moment; now if nothing is said.
    #[param(value_type = Option<String>, nullable = false, format = DateTime)]
    at: Option<Timestamp>,
    /// How the person is to be reached; that of the group if nothing is said.
    #[param(nullable = false)]
    channel: Option<Channel>,
}

/// Explain whether a contact may be contacted at a moment
#[utoipa::path(get, path = "/lists/{id}/contacts/{contactId}/explanation", tag = "Compliance",
    operation_id = "explainContact", params(("id" = Uuid, Path, description = "The contact list."),
        ("contactId" = i64, Path, description = "The contact's number."), Asked),
    responses((status = OK, body = EvaluationAnswer), ApiError))]
async fn explain(
    State(app): State<App>,
    Extension(evaluator): Extension<Evaluator>,
    principal: Principal,
    ApiPath((list, contact)): ApiPath<(Uuid, i64)>,
    ApiQuery(asked): ApiQuery<Asked>,
) -> Result<axum::Json<EvaluationAnswer>, ApiError> {
    known(&app, principal.tenant, list, contact).await?;
    let document = EvaluationDocument {
        list_id: Some(list),
        contact_id: Some(contact.into()),
        group_id: asked.group_id,
        at: asked.at,
        channel: asked.channel,
        purpose: asked.purpose,
        ..EvaluationDocument::default()
    };
    Ok(axum::Json(evaluator.explain_stored(&app, principal.tenant, document).await?))
}

/// What the path names is there, or nothing is found; what the query names is a value that may be wrong.
async fn known(app: &App, tenant: i64, list: Uuid, contact: i64) -> Result<(), ApiError> {
    let mut tx = app.db.read().await?;
    let list = tx.contact_list_get(tenant, list).await?.ok_or_else(|| ApiError::not_found("contact list"))?;
    tx.contact_get(&list, contact).await?.ok_or_else(|| ApiError::not_found("contact"))?;
    Ok(())
}

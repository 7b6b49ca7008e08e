//! `/audit-events`: who did what. Read only.
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use cxc_store::audit::{AuditEvent, AuditQuery};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::time_text;
use crate::document::{Page, Paging};
use crate::error::ApiError;
use crate::extract::{ApiJson, ApiQuery};
use crate::principal::{Principal, require};
use crate::{App, Scope};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(require(Scope::AuditRead, routes!(list)))
}

/// Who did what to which object.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AuditEventView {
    /// The id.
    id: Uuid,
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// `user`, `api_client` or `system`.
    actor_kind: String,
    /// Whose id; null for the program itself.
    #[schema(required)]
    actor_id: Option<Uuid>,
    /// Whose name.
    actor: String,
    /// From which network address; empty when unknown.
    address: String,
    /// In which request; empty for the program itself.
    request_id: String,
    /// Such as `create`, `update`, `delete`, `export`, `sign_in`, `sign_in_refused`.
    action: String,
    /// What kind of object.
    object_kind: String,
    /// Which object.
    #[schema(required)]
    object_id: Option<Uuid>,
    /// Its name then.
    object_name: String,
    /// It before, without secrets; null when it was made.
    #[schema(value_type = Option<Object>, required)]
    before: Option<Value>,
    /// It after, without secrets; null when it was deleted.
    #[schema(value_type = Option<Object>, required)]
    after: Option<Value>,
}

impl From<AuditEvent> for AuditEventView {
    fn from(e: AuditEvent) -> Self {
        Self {
            id: e.id,
            at: time_text(e.at),
            actor_kind: e.actor_kind,
            actor_id: e.actor_id,
            actor: e.actor,
            address: e.address,
            request_id: e.request_id,
            action: e.action,
            object_kind: e.object_kind,
            object_id: e.object_id,
            object_name: e.object_name,
            before: e.before,
            after: e.after,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// How many at most; 50 by default.
    #[param(minimum = 1, maximum = 500, nullable = false)]
    limit: Option<i64>,
    /// Where to go on: `next` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
    /// Not before this instant.
    #[param(nullable = false, format = DateTime)]
    from: Option<String>,
    /// Before this instant.
    #[param(nullable = false, format = DateTime)]
    till: Option<String>,
    /// Of this actor.
    #[param(nullable = false)]
    actor: Option<String>,
    /// Of this action.
    #[param(nullable = false)]
    action: Option<String>,
    /// On this kind of object.
    #[param(nullable = false)]
    object_kind: Option<String>,
    /// On this object.
    #[param(nullable = false)]
    object_id: Option<Uuid>,
}

/// List audit events, newest first.
#[utoipa::path(get, path = "/audit-events", tag = "Administration", operation_id = "listAuditEvents", params(Asked),
    responses((status = OK, body = Page<AuditEventView>), ApiError))]
async fn list(
    State(app): State<App>,
    principal: Principal,
    ApiQuery(asked): ApiQuery<Asked>,
) -> Result<Response, ApiError> {
    let of_query = format!(
        "{} audit {:?}",
        principal.tenant,
        (&asked.from, &asked.till, &asked.actor, &asked.action, &asked.object_kind, asked.object_id)
    );
    let paging = Paging::open(&app, of_query, asked.limit, asked.cursor.as_deref())?;
    let instant = |name, text: &Option<String>| text.as_deref().map(|t| crate::document::instant(name, t)).transpose();
    let query = AuditQuery {
        from: instant("from", &asked.from)?,
        till: instant("till", &asked.till)?,
        actor: asked.actor,
        action: asked.action,
        object_kind: asked.object_kind,
        object_id: asked.object_id,
        after: paging.after,
        limit: paging.rows(),
    };
    let events = app.db.read().await?.audit_page(principal.tenant, &query).await?;
    let page: Page<AuditEventView> = paging.page(events, |event: &AuditEvent| (event.at, event.id));
    Ok(ApiJson(page).into_response())
}

//! What a supervisor does with the talk of an agent: listen, whisper, barge.
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use cxc_server::document::get;
use cxc_server::resources::users::User;
use cxc_server::{ApiError, ApiJson, ApiPath, App, Code, Principal, Scope, require};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::AgentHub;
use super::protocol::Shown;
use super::routes::supervised;
use super::seat::Refused;
use super::talking::{Supervision, phone};

/// The routes, below the base path.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(require(Scope::AgentsSupervise, routes!(supervise_talk)))
        .routes(require(Scope::AgentsSupervise, routes!(leave_talk)))
}

/// How a supervisor comes to a talk.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Supervise {
    /// How much of the supervisor is heard.
    level: Supervision,
    /// The supervisor's phone, a plain SIP URI; that of the user if not given.
    #[serde(default)]
    #[schema(nullable = false, max_length = 263)]
    phone: Option<String>,
}

/// Lets a supervisor hear an agent's talk, and be heard by the agent or by all
///
/// The supervisor's phone is called; it is hung up when the talk ends. Asked again by the same supervisor, it changes the level.
#[utoipa::path(post, path = "/agent-groups/{id}/agents/{user}/actions/supervise", tag = "Agents", operation_id = "superviseTalk",
    params(("id" = Uuid, Path, description = "The agent group."), ("user" = Uuid, Path, description = "The agent.")),
    request_body = Supervise, responses((status = OK, body = Shown), ApiError))]
async fn supervise_talk(
    State(app): State<App>,
    Extension(hub): Extension<Arc<AgentHub>>,
    principal: Principal,
    ApiPath(of): ApiPath<(Uuid, Uuid)>,
    ApiJson(asked): ApiJson<Supervise>,
) -> Result<ApiJson<Shown>, ApiError> {
    let usual = async {
        let user = get::<User>(&mut app.db.read().await?, principal.tenant, principal.id).await?;
        Ok::<_, ApiError>(user.and_then(|user| user.body.phone))
    };
    let uri = match asked.phone {
        Some(phone) => phone,
        None => usual.await?.ok_or_else(|| ApiError::invalid("/phone", "required", "name a phone"))?,
    };
    // written down before anybody hears anything
    let seat = supervised(&app, &hub, &principal, of, asked.level.name(), None).await?;
    let phone = phone(&app, &seat, &uri).await.map_err(|refused| match refused.0 {
        "not_talking" => not_now(refused),
        _ => ApiError::invalid("/phone", "invalid", refused.1),
    })?;
    seat.supervise(principal.id, phone, asked.level.level()).map_err(not_now)?;
    Ok(ApiJson(seat.shown()))
}

/// Hangs up the phone of the supervisor who is in an agent's talk
#[utoipa::path(post, path = "/agent-groups/{id}/agents/{user}/actions/leave", tag = "Agents", operation_id = "leaveTalk",
    params(("id" = Uuid, Path, description = "The agent group."), ("user" = Uuid, Path, description = "The agent.")),
    responses((status = OK, body = Shown), ApiError))]
async fn leave_talk(
    State(app): State<App>,
    Extension(hub): Extension<Arc<AgentHub>>,
    principal: Principal,
    ApiPath(of): ApiPath<(Uuid, Uuid)>,
) -> Result<ApiJson<Shown>, ApiError> {
    let seat = supervised(&app, &hub, &principal, of, "leave_talk", None).await?;
    seat.unsupervise().map_err(not_now)?;
    Ok(ApiJson(seat.shown()))
}

fn not_now(refused: Refused) -> ApiError {
    ApiError::new(Code::InUse, refused.1)
}

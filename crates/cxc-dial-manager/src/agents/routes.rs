//! `/agent-session`, the WebSocket of a desk, and what supervisors see and do.
use std::sync::Arc;

use axum::Extension;
use axum::extract::{State, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use cxc_server::audit::Entry;
use cxc_server::document::get;
use cxc_server::http::is_of_own_page;
use cxc_server::principal::ActorKind;
use cxc_server::resources::agent_groups::AgentGroup;
use cxc_server::resources::users::User;
use cxc_server::{ApiError, ApiJson, ApiPath, App, Code, Principal, Scope, require};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::protocol::{Closing, Command, Event, PhoneState, Place, Shown};
use super::session::{LARGEST, Session};
use super::{AgentHub, Seat, supervision};

/// The routes, below the base path.
pub fn routes(hub: Arc<AgentHub>) -> OpenApiRouter<App> {
    let routes = OpenApiRouter::new()
        .routes(require(Scope::AgentsWork, routes!(agent_session)))
        .routes(require(Scope::AgentsSupervise, routes!(list_agents)))
        .routes(require(Scope::AgentsSupervise, routes!(log_out_agent)))
        .routes(require(Scope::AgentsSupervise, routes!(make_agent_ready)))
        .routes(require(Scope::AgentsSupervise, routes!(make_agent_not_ready)))
        .merge(supervision::routes());
    routes.layer(Extension(hub))
}

/// What travels on the connection of a desk.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what is sent either way")]
struct AgentSession {
    /// From the desk, one JSON object a message; it may have an `id` of its own.
    command: Command,
    /// To the desk.
    event: Event,
}

/// The connection of an agent's desk, a WebSocket
///
/// Text messages, each a JSON object: commands of the desk and events for it. For users who signed in, not for API clients.
#[utoipa::path(get, path = "/agent-session", tag = "Agents", operation_id = "openAgentSession",
    responses((status = 101, description = "A WebSocket; the schema describes its messages.", body = AgentSession), ApiError))]
async fn agent_session(
    State(app): State<App>,
    Extension(hub): Extension<Arc<AgentHub>>,
    principal: Principal,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    if principal.kind != ActorKind::User {
        return Err(ApiError::new(Code::Forbidden, "a desk is for a user who signed in"));
    }
    if !is_of_own_page(&app, &headers) {
        return Err(ApiError::new(Code::Forbidden, "a desk is opened by a page of this server"));
    }
    let upgrade = upgrade.map_err(|_| ApiError::new(Code::MalformedRequest, "a desk is opened as a WebSocket"))?;
    let mut tx = app.db.read().await?;
    let user = get::<User>(&mut tx, principal.tenant, principal.id).await?;
    drop(tx);
    let phone = user.and_then(|user| user.body.phone);
    let Some(open) = hub.open(principal.tenant, principal.id) else {
        return Err(ApiError::new(Code::RateLimited, "so many desks of a user are open already: close one"));
    };
    let (session, told) = Session::open(app, hub, principal, phone).await;
    let upgrade = upgrade.max_message_size(LARGEST).max_frame_size(LARGEST);
    Ok(upgrade.on_upgrade(move |socket| session.run(socket, told, open)).into_response())
}

/// An agent of a group, as supervisors see them.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AgentView {
    /// The user.
    user: Uuid,
    /// The user's name.
    name: String,
    /// The person's name.
    full_name: String,
    /// Whether a desk shows what happens.
    desk: bool,
    /// Where the agent is.
    #[serde(flatten)]
    shown: Shown,
}

/// The agents of a group.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AgentViews {
    /// Its members, in their order.
    items: Vec<AgentView>,
    /// How many of them take the next call.
    ready_agents: usize,
}

/// The agents of a group with their states, as this dialer knows them
#[utoipa::path(get, path = "/agent-groups/{id}/agents", tag = "Agents", operation_id = "listAgents",
    params(("id" = Uuid, Path, description = "The agent group.")), responses((status = OK, body = AgentViews), ApiError))]
async fn list_agents(
    State(app): State<App>,
    Extension(hub): Extension<Arc<AgentHub>>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<ApiJson<AgentViews>, ApiError> {
    let mut tx = app.db.read().await?;
    let group = get::<AgentGroup>(&mut tx, principal.tenant, id).await?;
    let group = group.ok_or_else(|| ApiError::not_found("agent group"))?;
    let mut items = Vec::with_capacity(group.body.members.len());
    for member in group.body.members {
        let Some(user) = get::<User>(&mut tx, principal.tenant, member).await? else { continue };
        let seat = hub.get(principal.tenant, member).filter(|seat| !seat.is_gone());
        items.push(AgentView {
            user: member,
            name: user.name,
            full_name: user.body.full_name,
            desk: seat.as_ref().is_some_and(|seat| seat.has_desk()),
            shown: seat.map_or_else(nobody, |seat| seat.shown()),
        });
    }
    let ready_agents = items.iter().filter(|agent| agent.shown.state == Place::Ready).count();
    Ok(ApiJson(AgentViews { items, ready_agents }))
}

fn nobody() -> Shown {
    Shown {
        state: Place::LoggedOut,
        reason: None,
        since: None,
        deadline: None,
        next: None,
        phone: PhoneState::None,
        group: None,
    }
}

/// Logs an agent out: from a call, after its wrap-up
#[utoipa::path(post, path = "/agent-groups/{id}/agents/{user}/actions/log-out", tag = "Agents", operation_id = "logOutAgent",
    params(("id" = Uuid, Path, description = "The agent group."), ("user" = Uuid, Path, description = "The agent.")),
    responses((status = OK, body = Shown), ApiError))]
async fn log_out_agent(
    State(app): State<App>,
    Extension(hub): Extension<Arc<AgentHub>>,
    principal: Principal,
    ApiPath(of): ApiPath<(Uuid, Uuid)>,
) -> Result<ApiJson<Shown>, ApiError> {
    let seat = supervised(&app, &hub, &principal, of, "log_out", None).await?;
    seat.log_out(Closing::Supervisor);
    Ok(ApiJson(seat.shown()))
}

/// Makes an agent ready
#[utoipa::path(post, path = "/agent-groups/{id}/agents/{user}/actions/ready", tag = "Agents", operation_id = "makeAgentReady",
    params(("id" = Uuid, Path, description = "The agent group."), ("user" = Uuid, Path, description = "The agent.")),
    responses((status = OK, body = Shown), ApiError))]
async fn make_agent_ready(
    State(app): State<App>,
    Extension(hub): Extension<Arc<AgentHub>>,
    principal: Principal,
    ApiPath(of): ApiPath<(Uuid, Uuid)>,
) -> Result<ApiJson<Shown>, ApiError> {
    let seat = supervised(&app, &hub, &principal, of, "make_ready", None).await?;
    if !seat.has_desk() {
        return Err(ApiError::new(Code::InUse, "no desk shows this agent's calls: nobody would take them"));
    }
    seat.ready();
    Ok(ApiJson(seat.shown()))
}

/// Why an agent is to take no calls.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MakeNotReady {
    /// What the desk shows; `supervisor` if not given.
    #[serde(default)]
    #[schema(nullable = false, max_length = 100)]
    reason: Option<String>,
}

/// Makes an agent not ready: from a call, after its wrap-up
#[utoipa::path(post, path = "/agent-groups/{id}/agents/{user}/actions/not-ready", tag = "Agents", operation_id = "makeAgentNotReady",
    params(("id" = Uuid, Path, description = "The agent group."), ("user" = Uuid, Path, description = "The agent.")),
    request_body = Option<MakeNotReady>, responses((status = OK, body = Shown), ApiError))]
async fn make_agent_not_ready(
    State(app): State<App>,
    Extension(hub): Extension<Arc<AgentHub>>,
    principal: Principal,
    ApiPath(of): ApiPath<(Uuid, Uuid)>,
    asked: Option<ApiJson<MakeNotReady>>,
) -> Result<ApiJson<Shown>, ApiError> {
    let reason = asked.and_then(|ApiJson(asked)| asked.reason).unwrap_or_else(|| "supervisor".into());
    if reason.is_empty() || reason.chars().count() > 100 || reason.contains(char::is_control) {
        return Err(ApiError::invalid("/reason", "invalid", "a reason has 1 to 100 printable characters"));
    }
    let seat = supervised(&app, &hub, &principal, of, "make_not_ready", Some(&reason)).await?;
    seat.not_ready(Some(reason));
    Ok(ApiJson(seat.shown()))
}

/// The place of an agent of a group, once it is written down who does what to them.
pub async fn supervised(
    app: &App,
    hub: &AgentHub,
    principal: &Principal,
    (group, user): (Uuid, Uuid),
    action: &'static str,
    reason: Option<&str>,
) -> Result<Arc<Seat>, ApiError> {
    let mut tx = app.db.begin().await?;
    let group = get::<AgentGroup>(&mut tx, principal.tenant, group).await?;
    let is_member = group.is_some_and(|group| group.body.members.contains(&user));
    let seat = hub.get(principal.tenant, user).filter(|seat| is_member && !seat.is_gone());
    let seat = seat.ok_or_else(|| ApiError::not_found("agent: it is not one of the group, or not logged in here"))?;
    let after = reason.map(|reason| serde_json::json!({"reason": reason}));
    Entry::new(action, "agent").of(user, &seat.agent.name).changed(None, after).write(app, &mut tx, principal).await?;
    tx.commit().await?;
    Ok(seat)
}

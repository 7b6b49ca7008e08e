//! What can be done to a campaign group: load, start, pause, resume, stop, force stop, refresh, retry, settle.
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cxc_core::campaign::CampaignGroupBody;
use cxc_core::channel::Channel;
use cxc_core::group_state::{Change, GroupAction, GroupState, Refusal, apply};
use cxc_core::kind;
use cxc_server::audit::Entry;
use cxc_server::document;
use cxc_server::error::Code;
use cxc_server::{ApiError, ApiJson, ApiPath, App, BASE, Principal};
use cxc_store::StoreError;
use cxc_store::Tx;
use cxc_store::group::GroupRow;
use cxc_store::job::NewJob;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::groups::{CampaignGroup, resolve};
use crate::legal_gate::{ConcernedRule, LegalStanding, count_people};
use crate::preload::{LOAD, LoadJob, REFRESH};

/// What an action came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Acted {
    /// The state now.
    pub state: GroupState,
    /// Whether the action changed anything.
    pub changed: bool,
    /// The job that works on it, if it takes long.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub job: Option<Uuid>,
    /// Legal rules that are off or waived and would have narrowed the group.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub disabled_rules: Vec<ConcernedRule>,
}

impl Acted {
    pub(crate) fn new(state: GroupState, changed: bool, job: Option<Uuid>) -> Self {
        Self { state, changed, job, disabled_rules: Vec::new() }
    }
}

/// What becomes of talks when their group is stopped at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Talks {
    /// They go on to their end; only then is the group not loaded.
    #[default]
    Finish,
    /// They are hung up now, whatever is being said.
    End,
}

/// How a group is stopped at once.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ForceStop {
    /// What becomes of talks, and of people who are in a script.
    #[serde(default)]
    talks: Talks,
}

/// Does an action on a group of the principal's tenant, in a transaction of its own.
pub async fn act(app: &App, principal: &Principal, id: Uuid, action: GroupAction) -> Result<Acted, ApiError> {
    act_with(app, principal, id, (action, Talks::Finish)).await
}

async fn act_with(
    app: &App,
    principal: &Principal,
    id: Uuid,
    (action, talks): (GroupAction, Talks),
) -> Result<Acted, ApiError> {
    let loads = matches!(action, GroupAction::Load | GroupAction::Start);
    let row = app.db.read().await?.group_get(principal.tenant, id, false).await?;
    if let Some(row) = row.filter(|row| loads && row.state == GroupState::NotLoaded.as_str()) {
        count_people(app, &row).await?;
    }
    let mut tx = app.db.begin().await?;
    let row = tx.group_get(principal.tenant, id, true).await?.ok_or_else(|| ApiError::not_found("campaign group"))?;
    let state = GroupState::parse(&row.state)
        .ok_or_else(|| ApiError::internal(anyhow::anyhow!("unknown state {}", row.state)))?;
    let target = row.target.as_deref().and_then(GroupState::parse);
    let ends = talks == Talks::End;
    let acted = match apply(state, target, action).map_err(refusal)? {
        // it is being unloaded already, and the talks that it waits for end now
        Change::Nothing if ends && state == GroupState::UnloadInProgress && !row.ends_talks => {
            Acted::new(state, true, row.job)
        }
        Change::Nothing => return Ok(Acted::new(state, false, row.job)),
        Change::Refresh => {
            let rules = tx.rule_set_version(row.tenant).await?;
            let job = refresh_job(app, &mut tx, &row, &principal.name, true, rules).await?;
            Acted::new(state, true, Some(job))
        }
        Change::To { state: to, target } => change_state(app, &mut tx, principal, &row, state, to, target).await?,
    };
    let mut told = json!({ "state": acted.state });
    if ends && acted.state == GroupState::UnloadInProgress {
        tx.group_end_talks(row.number).await?;
        told["talks"] = json!("end");
    }
    let entry =
        Entry::new(name(action), kind::CAMPAIGN_GROUP).of(id, &group_name(&mut tx, principal.tenant, id).await?);
    entry.changed(Some(json!({ "state": state })), Some(told)).write(app, &mut tx, principal).await?;
    tell_state(app, &mut tx, &row, acted.state, Some(action)).await?;
    tx.commit().await?;
    Ok(acted)
}

/// Tells listeners and the operator that a group reached a state, in the transaction that brought it there.
pub(crate) async fn tell_state(
    app: &App,
    tx: &mut Tx,
    row: &GroupRow,
    state: GroupState,
    action: Option<GroupAction>,
) -> Result<(), StoreError> {
    let mut body = json!({ "state": state });
    if let Some(action) = action {
        body["action"] = json!(action);
    }
    let by = action.map_or("the system", name);
    tracing::info!(tenant = row.tenant, group = %row.id, state = state.as_str(), by, "the state of a campaign group");
    tx.event_insert(row.tenant, "campaign-groups", "state", &row.id.to_string(), &body, app.now()).await
}

async fn change_state(
    app: &App,
    tx: &mut Tx,
    principal: &Principal,
    row: &GroupRow,
    from: GroupState,
    to: GroupState,
    target: Option<GroupState>,
) -> Result<Acted, ApiError> {
    let target_word = target.map(GroupState::as_str);
    let mut disabled_rules = Vec::new();
    let job = match (from, to) {
        (GroupState::NotLoaded, GroupState::PreLoading) => {
            disabled_rules = check_loadable(app, tx, principal.tenant, row).await?;
            let rules = tx.rule_set_version(row.tenant).await?;
            let asked = LoadJob { group: row.number, reconsider: true, rules };
            Some(queue(app, tx, row, &principal.name, LOAD, &asked).await?)
        }
        (GroupState::PreLoading, GroupState::PreLoading) => row.job,
        (GroupState::PreLoading, _) => {
            if let Some(job) = row.job {
                tx.job_cancel(principal.tenant, job, app.now()).await?;
            }
            None
        }
        _ => None,
    };
    tx.group_set_state(row.number, to.as_str(), target_word, job, app.now()).await?;
    // whoever starts it has seen what went wrong before
    if from == GroupState::NotLoaded || to == GroupState::Running {
        tx.group_set_error(row.number, None).await?;
    }
    Ok(Acted { disabled_rules, ..Acted::new(to, true, job) })
}

/// What a group lacks to be loaded. Its session profile may have changed since it was made: it is looked up anew.
/// Answers the legal rules that are off and would have narrowed it.
async fn check_loadable(app: &App, tx: &mut Tx, tenant: i64, row: &GroupRow) -> Result<Vec<ConcernedRule>, ApiError> {
    let lists = tx.group_lists(row.number).await?;
    if lists.is_empty() {
        return Err(ApiError::new(Code::GroupWithoutList, "give the group at least one contact list"));
    }
    let group = document::get::<CampaignGroup>(tx, tenant, row.id).await?;
    let body = group.ok_or_else(|| ApiError::not_found("campaign group"))?.body.0;
    let channel = check_account(tx, tenant, row, &body).await?;
    check_content(tx, tenant, channel, &body).await?;
    for entry in lists {
        let importing = match tx.contact_list_of_number(tenant, entry.list).await? {
            Some(list) => {
                tx.lease_holder(&list.lease_name()).await?.is_some()
                    || tx.contact_list_half_changed(list.number).await?
            }
            None => false,
        };
        if importing {
            let detail = "a list of the group is being imported: wait until that is done. An import that was interrupted is taken back by a \
                 running server within a minute, or by the next command on that list";
            return Err(ApiError::new(Code::ListImporting, detail));
        }
    }
    let settings = body.settings.unwrap_or_default();
    LegalStanding::of(app, tx, row, channel, &settings).await?.admit()
}

/// The channel account must be there and carry what the group sends.
async fn check_account(
    tx: &mut Tx,
    tenant: i64,
    row: &GroupRow,
    body: &CampaignGroupBody,
) -> Result<Channel, ApiError> {
    let invalid = |detail: &'static str| ApiError::new(Code::SessionProfileInvalid, detail);
    let (kind, gateway) = resolve(tx, tenant, body).await?;
    let gateway = gateway.ok_or_else(|| invalid("the session profile names no channel account (gateway)"))?;
    let account = tx.object_get(tenant, kind::CHANNEL_ACCOUNT, gateway).await?;
    let account = account.ok_or_else(|| invalid("the channel account (gateway) is gone"))?.body.0;
    let carried = match account["kind"].as_str() {
        Some("smtp") => Some(Channel::Email),
        Some("smpp") => Some(Channel::Sms),
        Some("sip" | "ari") => Some(Channel::Voice),
        Some("simulator") if account["simulator"]["channel"] == "email" => Some(Channel::Email),
        Some("simulator") => Some(Channel::Sms),
        _ => None,
    };
    if carried != Some(kind.channel()) {
        return Err(invalid("the channel account (gateway) carries another channel than the group's"));
    }
    let number = tx.channel_account_number(tenant, gateway).await?;
    tx.group_set_account(row.number, kind.channel().bit(), number).await?;
    Ok(kind.channel())
}

/// Calls have no content: agents take them, or a script that needs none.
fn check_agents(body: &CampaignGroupBody) -> Result<(), ApiError> {
    match body.settings.as_ref().is_some_and(|settings| settings.calls.has_agents() || !settings.calls.needs_agents()) {
        true => Ok(()),
        false => Err(ApiError::new(
            Code::GroupWithoutAgents,
            "name an agent group in calls.agentGroup, or phones in calls.agents",
        )),
    }
}

async fn check_content(tx: &mut Tx, tenant: i64, channel: Channel, body: &CampaignGroupBody) -> Result<(), ApiError> {
    if channel == Channel::Voice {
        return check_agents(body);
    }
    let missing = |detail: &'static str| ApiError::new(Code::ContentMissing, detail);
    let content = body.settings.as_ref().and_then(|settings| settings.content);
    let content = content.ok_or_else(|| missing("give the group a content to send"))?;
    let object = tx.object_get(tenant, kind::CONTENT, content).await?;
    let object = object.ok_or_else(|| missing("the group's content is gone"))?.body.0;
    match object["channel"].as_str() {
        Some(other) if Some(other) != serde_json::to_value(channel).map_err(ApiError::internal)?.as_str() => {
            Err(missing("the group's content is for another channel"))
        }
        _ => Ok(()),
    }
}

/// Queues a refresh, or names the one that is under way: two of a group must not run side by side. `rules` is the
/// version of the tenant's rules by which the group then stands.
pub async fn refresh_job(
    app: &App,
    tx: &mut Tx,
    row: &GroupRow,
    created_by: &str,
    reconsider: bool,
    rules: i64,
) -> Result<Uuid, StoreError> {
    match tx.job_latest(row.tenant, row.id, REFRESH).await? {
        Some(job) if job.finished_at.is_none() => Ok(job.id),
        _ => {
            let asked = LoadJob { group: row.number, reconsider, rules };
            queue(app, tx, row, created_by, REFRESH, &asked).await
        }
    }
}

async fn queue(
    app: &App,
    tx: &mut Tx,
    row: &GroupRow,
    created_by: &str,
    kind: &'static str,
    asked: &LoadJob,
) -> Result<Uuid, StoreError> {
    let now = app.now();
    let id = app.ids.next();
    let job = NewJob {
        id,
        tenant: row.tenant,
        kind,
        subject: Some(row.id),
        payload: serde_json::to_value(asked)?,
        run_at: now,
        created_by: created_by.to_owned(),
        created_at: now,
    };
    tx.job_insert(&job).await?;
    Ok(id)
}

/// The name of a group, for logs of changes.
pub async fn group_name(tx: &mut Tx, tenant: i64, id: Uuid) -> Result<String, ApiError> {
    Ok(tx.object_get(tenant, kind::CAMPAIGN_GROUP, id).await?.map(|o| o.name).unwrap_or_default())
}

fn refusal(refusal: Refusal) -> ApiError {
    let code = match refusal {
        Refusal::NotLoaded => Code::GroupNotLoaded,
        Refusal::PreLoading => Code::PreloadInProgress,
        Refusal::Unloading => Code::UnloadInProgress,
    };
    ApiError::new(code, refusal.to_string())
}

fn name(action: GroupAction) -> &'static str {
    match action {
        GroupAction::Load => "load",
        GroupAction::Start => "start",
        GroupAction::Pause => "pause",
        GroupAction::Resume => "resume",
        GroupAction::Stop => "stop",
        GroupAction::ForceStop => "force_stop",
        GroupAction::Refresh => "refresh",
    }
}

/// Stop a campaign group at once
///
/// Calls that nobody has answered are given up. Talks go on, and the group is `unload_in_progress` until the last one is over; with
/// `{"talks": "end"}` they are hung up.
#[utoipa::path(post, path = "/campaign-groups/{id}/actions/force-stop", tag = "Campaigns",
    params(("id" = Uuid, Path, description = "The campaign group.")), request_body = Option<ForceStop>,
    responses((status = OK, body = Acted, description = "Done, or it was so already."), ApiError))]
pub(crate) async fn force_stop(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    asked: Option<ApiJson<ForceStop>>,
) -> Result<Response, ApiError> {
    let talks = asked.map(|ApiJson(asked)| asked.talks).unwrap_or_default();
    let acted = act_with(&app, &principal, id, (GroupAction::ForceStop, talks)).await?;
    Ok((StatusCode::OK, axum::Json(acted)).into_response())
}

async fn answer(app: App, principal: Principal, id: Uuid, action: GroupAction) -> Result<Response, ApiError> {
    let acted = act(&app, &principal, id, action).await?;
    let Some(job) = acted.job.filter(|_| acted.changed) else {
        return Ok((StatusCode::OK, axum::Json(acted)).into_response());
    };
    let location = HeaderValue::from_str(&format!("{BASE}/jobs/{job}")).map_err(ApiError::internal)?;
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], axum::Json(acted)).into_response())
}

macro_rules! action_routes {
    ($($(#[$doc:meta])* $function:ident $path:literal $action:ident;)*) => {
        $(
            $(#[$doc])*
            #[utoipa::path(post, path = $path, tag = "Campaigns", params(("id" = Uuid, Path, description = "The campaign group.")),
                responses((status = OK, body = Acted, description = "Done, or it was so already."),
                    (status = ACCEPTED, body = Acted, description = "A job works on it."), ApiError))]
            pub(crate) async fn $function(State(app): State<App>, principal: Principal, ApiPath(id): ApiPath<Uuid>) -> Result<Response, ApiError> {
                answer(app, principal, id, GroupAction::$action).await
            }
        )*
    };
}

action_routes! {
    /// Load a campaign group without starting it
    load "/campaign-groups/{id}/actions/load" Load;
    /// Start a campaign group, loading it if need be
    start "/campaign-groups/{id}/actions/start" Start;
    /// Pause a campaign group
    pause "/campaign-groups/{id}/actions/pause" Pause;
    /// Resume a paused campaign group
    resume "/campaign-groups/{id}/actions/resume" Resume;
    /// Stop a campaign group: what is under way finishes
    stop "/campaign-groups/{id}/actions/stop" Stop;
    /// Take over what changed in the lists of a loaded campaign group
    refresh "/campaign-groups/{id}/actions/refresh" Refresh;
}

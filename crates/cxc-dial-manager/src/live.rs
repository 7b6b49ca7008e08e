//! Live statistics of voice groups: `/campaign-groups/{id}/live`, the same as a stream, and the dialer's gauges.
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use cxc_core::channel::Channel;
use cxc_server::metrics::Metrics;
use cxc_server::{ApiError, ApiJson, ApiPath, App, Code, Principal, Scope, require, sse};
use cxc_store::group::state;
use futures_util::StreamExt as _;
use prometheus::{Error, GaugeVec};
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::channel::voice::live::{LiveBoard, LiveStatistics};

/// How often the gauges are set.
const LOOK: Duration = Duration::from_secs(1);
/// How often it is looked for figures that who follows a group has not seen.
const FOLLOW: Duration = Duration::from_millis(500);

/// The routes, below the base path.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(require(Scope::CampaignsRead, routes!(live_statistics)))
        .routes(require(Scope::CampaignsRead, routes!(follow_live_statistics)))
}

/// What goes on in a voice group now
///
/// Calls and agents by state, counts since the group was loaded, abandoned calls against their limit. Looked at once a second, and
/// the same whichever process is asked. `ageSeconds` says how old that is; where it is `stale`, nobody runs the group now.
#[utoipa::path(get, path = "/campaign-groups/{id}/live", tag = "Campaigns", operation_id = "getLiveStatistics",
    params(("id" = Uuid, Path, description = "The campaign group.")), responses((status = OK, body = LiveStatistics), ApiError))]
async fn live_statistics(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Response, ApiError> {
    Ok(ApiJson(look(&app, principal.tenant, id).await?).into_response())
}

/// Follow a voice group: an event `live` each second until it is unloaded
#[utoipa::path(get, path = "/campaign-groups/{id}/live/events", tag = "Campaigns", operation_id = "followLiveStatistics",
    params(("id" = Uuid, Path, description = "The campaign group.")),
    responses((status = OK, content_type = "text/event-stream", body = String), ApiError))]
async fn follow_live_statistics(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Response, ApiError> {
    let (tenant, first) = (principal.tenant, look(&app, principal.tenant, id).await?);
    let event = |live: &LiveStatistics| sse::event("live", &live.at.to_string(), live);
    let start = event(&first);
    let next = futures_util::stream::unfold((app, first.at), move |(app, shown)| async move {
        loop {
            tokio::time::sleep(FOLLOW).await;
            let live = look(&app, tenant, id).await.ok()?;
            if live.at != shown || live.stale {
                return Some((event(&live), (app, live.at)));
            }
        }
    });
    Ok(sse::answer(futures_util::stream::once(async { start }).chain(next)))
}

/// A group as the dialer that has its trunk last saw it.
async fn look(app: &App, tenant: i64, id: Uuid) -> Result<LiveStatistics, ApiError> {
    let mut tx = app.db.read().await?;
    let row = tx.group_get(tenant, id, false).await?.ok_or_else(|| ApiError::not_found("campaign group"))?;
    if row.channel != Channel::Voice.bit() {
        return Err(not_loaded("it sends messages"));
    }
    if [state::NOT_LOADED, state::PRE_LOADING].contains(&row.state.as_str()) {
        return Err(not_loaded("it is not loaded"));
    }
    let holder = tx.lease_holder(&format!("sender:{}", row.account)).await?;
    match tx.group_live(row.number).await? {
        Some(seen) => {
            let live: LiveStatistics = serde_json::from_str(&seen.figures).map_err(ApiError::internal)?;
            Ok(live.shown(seen.age, holder.is_some()))
        }
        None if holder.is_some() => Err(not_loaded("it is just being loaded")),
        None => Err(not_loaded("no dialer has its trunk at this moment; one takes it within seconds")),
    }
}

fn not_loaded(why: &str) -> ApiError {
    ApiError::new(Code::GroupNotLoaded, format!("no calls are placed for the group: {why}"))
}

/// Gauges of every group that places calls.
pub struct LiveMetrics {
    calls: GaugeVec,
    agents: GaugeVec,
    abandoned: GaugeVec,
    answers: GaugeVec,
    room: GaugeVec,
    ports: GaugeVec,
    set_up: GaugeVec,
}

impl LiveMetrics {
    /// Registers them.
    pub fn register(metrics: &Metrics) -> Result<Self, Error> {
        let (of_group, of_state) = (&["group"], &["group", "state"]);
        Ok(Self {
            calls: metrics.gauge("cxc_dialer_calls", "Calls of a campaign group by state.", of_state)?,
            agents: metrics.gauge("cxc_dialer_agents", "Agents of a campaign group by state.", of_state)?,
            abandoned: metrics.gauge(
                "cxc_dialer_budget_abandoned",
                "Abandoned calls in the open window of the tightest limit.",
                of_group,
            )?,
            answers: metrics.gauge(
                "cxc_dialer_budget_answers",
                "Live answers in the open window of the tightest limit.",
                of_group,
            )?,
            room: metrics.gauge(
                "cxc_dialer_budget_room",
                "Calls that could be abandoned now within the limit.",
                of_group,
            )?,
            ports: metrics.gauge(
                "cxc_dialer_media_ports",
                "Media ports of a campaign group, in use and free.",
                of_state,
            )?,
            set_up: metrics.gauge(
                "cxc_dialer_set_up_seconds_mean",
                "From the order to place a call to its first ringing or answer, since the group was loaded.",
                of_group,
            )?,
        })
    }

    /// Sets them once a second, until told to stop.
    pub async fn keep(self, board: Arc<LiveBoard>, stop: CancellationToken) {
        let mut known: BTreeMap<Uuid, String> = BTreeMap::new();
        while stop.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_some() {
            let seen = board.all().into_iter().filter_map(|(placed, sight)| Some((placed.id, sight?)));
            let groups: BTreeMap<_, _> = seen.collect();
            for (_, group) in known.extract_if(.., |id, _| !groups.contains_key(id)) {
                self.each(&group, None);
            }
            for (id, sight) in groups {
                let label = known.entry(id).or_insert_with(|| id.to_string());
                self.each(label, Some(&sight.figures));
            }
        }
    }

    /// Sets the series of a group; those of one that is gone are taken away.
    fn each(&self, group: &str, live: Option<&LiveStatistics>) {
        let calls = live.map(|l| l.calls).unwrap_or_default();
        let agents = live.map(|l| l.agents).unwrap_or_default();
        let callers = live.map(|l| l.callers).unwrap_or_default();
        let ports = live.map(|l| l.ports).unwrap_or_default();
        let budget = live.and_then(|l| l.budget.as_ref());
        let count = |n: u32| live.map(|_| f64::from(n));
        for (gauge, state, value) in [
            (&self.calls, "dialing", count(calls.dialing)),
            (&self.calls, "ringing", count(calls.ringing)),
            (&self.calls, "cancelling", count(calls.cancelling)),
            (&self.calls, "classifying", count(calls.classifying)),
            (&self.calls, "scripted", count(calls.scripted)),
            (&self.calls, "waiting", count(calls.waiting)),
            (&self.calls, "talking", count(calls.talking)),
            (&self.calls, "abandoned", count(calls.abandoned)),
            (&self.calls, "machines", count(calls.machines)),
            (&self.calls, "caller_waiting", count(callers.waiting)),
            (&self.calls, "caller_talking", count(callers.talking)),
            (&self.agents, "logged_out", count(agents.logged_out)),
            (&self.agents, "not_ready", count(agents.not_ready)),
            (&self.agents, "ready", count(agents.ready)),
            (&self.agents, "previewing", count(agents.previewing)),
            (&self.agents, "dialing", count(agents.dialing)),
            (&self.agents, "reserved", count(agents.reserved)),
            (&self.agents, "talking", count(agents.talking)),
            (&self.agents, "wrap_up", count(agents.wrap_up)),
            (&self.ports, "in_use", live.map(|_| ports.in_use as f64)),
            (&self.ports, "free", live.map(|_| ports.free as f64)),
        ] {
            set(gauge, &[group, state], value);
        }
        set(&self.abandoned, &[group], budget.map(|b| b.abandoned as f64));
        set(&self.answers, &[group], budget.map(|b| b.live as f64));
        set(&self.room, &[group], budget.map(|b| b.room));
        set(&self.set_up, &[group], live.map(|l| l.totals.mean_set_up_seconds));
    }
}

fn set(gauge: &GaugeVec, labels: &[&str], value: Option<f64>) {
    match value {
        Some(value) => gauge.with_label_values(labels).set(value),
        // what was never set is not there
        None => drop(gauge.remove_label_values(labels)),
    }
}

//! `/events`: what happens in the tenant, live, from the outbox.
use std::collections::VecDeque;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::response::sse::Event as Sent;
use cxc_store::event::Event;
use cxc_store::lease::Lease;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::job_access::seen_by;
use super::job_changes::JobChanges;
use super::jobs::JobView;
use crate::app::time_text;
use crate::document::bad;
use crate::error::ApiError;
use crate::extract::ApiQuery;
use crate::principal::{Principal, signed_in};
use crate::{App, Scope, sse};

const LOOK_EVERY: Duration = Duration::from_millis(500);
const RESUME_WITHIN: i64 = 10 * 60 * 1_000_000;
const KEEP: i64 = 7 * 24 * 3600 * 1_000_000;
const PAGE: i64 = 200;
const STAMP_EVERY: Duration = Duration::from_millis(250);
const STAMPED_AT_ONCE: u64 = 1000;
const LEASE: i64 = 30 * 1_000_000;
const RENEW_EVERY: Duration = Duration::from_secs(10);
/// The topic of jobs.
const JOBS: &str = "jobs";
/// What may be listened to, and what is needed for it.
const TOPICS: &[(&str, Option<Scope>)] = &[
    (JOBS, None),
    ("campaign-groups", Some(Scope::CampaignsRead)),
    ("lists", Some(Scope::ListsRead)),
    ("system", None),
];

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(signed_in(routes!(listen)))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// What to listen to, parted by commas: jobs, campaign-groups, lists, system. All that I may see when left out.
    #[param(nullable = false)]
    topics: Option<String>,
}

/// What is told.
#[derive(Serialize)]
struct EventView<'a, B> {
    topic: &'a str,
    /// What happened; of a job its state.
    kind: &'a str,
    subject: String,
    at: String,
    /// Its details; of a job all of it.
    body: &'a B,
}

/// Listen to what happens: an event of its topic's name each time. Of a job all of it with each change and step. `Last-Event-ID` resumes within 10 minutes; beyond that an event `reset` says reload.
#[utoipa::path(get, path = "/events", tag = "Jobs", operation_id = "listen", params(Asked),
    responses((status = OK, content_type = "text/event-stream", body = String), ApiError))]
async fn listen(
    State(app): State<App>,
    principal: Principal,
    ApiQuery(asked): ApiQuery<Asked>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let topics = topics(asked.topics.as_deref(), &principal)?;
    let mut tx = app.db.read().await?;
    let (newest, oldest) = tx.event_bounds().await?;
    drop(tx);
    let last: Option<i64> = sse::last_event_id(&headers).and_then(|id| id.parse().ok());
    let mut waiting = VecDeque::new();
    let mut after = last.unwrap_or(newest);
    if last.is_some_and(|last| last < 0 || last > newest || last.saturating_add(1) < oldest) {
        waiting.push_back(sse::event("reset", &newest.to_string(), &json!({})));
        after = newest;
    }
    // where jobs stand is told anew after a break, also where nothing was missed
    let since = if last.is_some() { app.now() - RESUME_WITHIN } else { app.now() };
    let jobs = topics.contains(&JOBS).then(|| JobChanges::since(since, seen_by(&principal)));
    let listener = Listener { app, tenant: principal.tenant, topics, after, waiting, fresh: last.is_some(), jobs };
    Ok(sse::answer(futures_util::stream::unfold(listener, Listener::next)))
}

fn topics(asked: Option<&str>, principal: &Principal) -> Result<Vec<&'static str>, ApiError> {
    let may = |scope: &Option<Scope>| scope.is_none_or(|s| principal.scopes.has(s));
    let Some(asked) = asked else {
        return Ok(TOPICS.iter().filter(|(_, scope)| may(scope)).map(|(t, _)| *t).collect());
    };
    let mut topics = Vec::new();
    for name in asked.split(',').filter(|n| !n.is_empty()) {
        let (topic, scope) = TOPICS
            .iter()
            .find(|(t, _)| *t == name)
            .ok_or_else(|| bad("topics", "a topic is jobs, campaign-groups, lists or system"))?;
        if let Some(scope) = scope {
            principal.need(*scope)?;
        }
        topics.push(*topic);
    }
    Ok(topics)
}

struct Listener {
    app: App,
    tenant: i64,
    topics: Vec<&'static str>,
    after: i64,
    waiting: VecDeque<Sent>,
    /// Whether the first look may find that the place to resume from is too old.
    fresh: bool,
    /// The jobs, if they are listened to.
    jobs: Option<JobChanges>,
}

impl Listener {
    async fn next(mut self) -> Option<(Sent, Self)> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some((event, self));
            }
            let found = self.look().await.unwrap_or_else(|error| {
                tracing::warn!("events could not be read: {error}");
                0
            });
            if found < PAGE as usize && self.waiting.is_empty() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    }

    async fn look(&mut self) -> Result<usize, ApiError> {
        let mut tx = self.app.db.read().await?;
        let events = tx.event_page(self.tenant, self.after, PAGE).await?;
        let stale = events.first().is_some_and(|e| e.at + RESUME_WITHIN < self.app.now());
        if std::mem::take(&mut self.fresh) && stale {
            self.after = tx.event_bounds().await?.0;
            self.waiting.push_back(sse::event("reset", &self.after.to_string(), &json!({})));
            return Ok(0);
        }
        for event in &events {
            self.after = event.seq.unwrap_or(self.after);
            if self.topics.contains(&event.topic.as_str()) {
                self.waiting.push_back(sse::event(&event.topic, &self.after.to_string(), &view(event)));
            }
        }
        if let Some(jobs) = &mut self.jobs {
            let at = self.after.to_string();
            let moved = jobs.look(&mut tx, self.tenant).await?;
            self.waiting.extend(moved.iter().map(|job| sse::event(JOBS, &at, &job_view(job))));
        }
        Ok(events.len())
    }
}

fn job_view(job: &JobView) -> EventView<'_, JobView> {
    EventView { topic: JOBS, kind: &job.state, subject: job.id.to_string(), at: job.updated_at.clone(), body: job }
}

fn view(event: &Event) -> EventView<'_, Value> {
    EventView {
        topic: &event.topic,
        kind: &event.kind,
        subject: event.subject.clone(),
        at: time_text(event.at),
        body: &event.body.0,
    }
}

/// Gives committed events their place in order, and forgets them after a week. One process at a time does
/// it, under a lease. An error is logged and tried again.
pub async fn dispatch(app: App, stop: CancellationToken) -> anyhow::Result<()> {
    let mut dispatcher = Dispatcher { me: app.ids.next().to_string(), app, lease: None, renewed: None };
    while !stop.is_cancelled() {
        let done = dispatcher.stamp().await.unwrap_or_else(|error| {
            tracing::warn!("events could not be put in order: {error}");
            dispatcher.lease = None;
            0
        });
        if done < STAMPED_AT_ONCE {
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(STAMP_EVERY) => {}
            }
        }
    }
    Ok(())
}

struct Dispatcher {
    app: App,
    me: String,
    lease: Option<Lease>,
    renewed: Option<Instant>,
}

impl Dispatcher {
    async fn stamp(&mut self) -> Result<u64, ApiError> {
        let mut tx = self.app.db.begin().await?;
        // renewing is a write: only now and then, so that an idle system stays idle
        if self.lease.is_none() || self.renewed.is_none_or(|at| at.elapsed() >= RENEW_EVERY) {
            self.lease = tx.lease_acquire("event_dispatcher", &self.me, LEASE).await?;
            self.renewed = Some(Instant::now());
            if self.lease.is_some() {
                tx.event_forget(self.app.now() - KEEP, 1000).await?;
            }
            tx.commit().await?;
            tx = self.app.db.begin().await?;
        }
        let Some(lease) = &self.lease else { return Ok(0) };
        tx.lease_check(lease).await?;
        let stamped = tx.event_stamp(STAMPED_AT_ONCE.cast_signed()).await?;
        if stamped > 0 {
            tx.commit().await?;
        }
        Ok(stamped)
    }
}

//! `/jobs`: long work, its progress and its end.
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use cxc_store::job::Job;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::job_access::{may_cancel, may_see, seen_by};
use crate::app::time_text;
use crate::document::{Page, Paging};
use crate::error::{ApiError, Code};
use crate::extract::{ApiJson, ApiPath, ApiQuery, NoQuery};
use crate::principal::{Principal, signed_in};
use crate::{App, sse};

const LOOK_EVERY: Duration = Duration::from_millis(500);

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(signed_in(routes!(list)))
        .routes(signed_in(routes!(get)))
        .routes(signed_in(routes!(cancel)))
        .routes(signed_in(routes!(events)))
}

/// A job as answered. Also the body of every 202.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobView {
    /// The id.
    pub id: Uuid,
    /// What is done, such as `list_import`.
    pub kind: String,
    /// The object it works on.
    #[schema(required)]
    pub subject: Option<Uuid>,
    /// How far it is.
    #[schema(value_type = JobState)]
    pub state: String,
    /// How much is done.
    pub progress: Progress,
    /// Whether it was asked to stop.
    pub cancel_requested: bool,
    /// What came of it; null until it has succeeded.
    #[schema(value_type = Option<Object>, required)]
    pub result: Option<Value>,
    /// Why it failed, as a problem document; null unless it has.
    #[schema(value_type = Option<Object>, required)]
    pub error: Option<Value>,
    /// Who asked for it.
    pub created_by: String,
    /// When it was asked for.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it last moved.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// When it ended; null until then.
    #[schema(format = DateTime, required)]
    pub finished_at: Option<String>,
}

/// How much of a job is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Progress {
    /// So many are done.
    pub done: i64,
    /// Of so many; 0 while that is not known.
    pub total: i64,
}

/// How far a job is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "names the states in the API description")]
enum JobState {
    Queued,
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

impl From<Job> for JobView {
    fn from(job: Job) -> Self {
        Self {
            id: job.id,
            kind: job.kind,
            subject: job.subject,
            state: job.state,
            progress: Progress { done: job.done, total: job.total },
            cancel_requested: job.cancel,
            result: job.result.map(|r| r.0),
            error: job.error.map(|e| e.0),
            created_by: job.created_by,
            created_at: time_text(job.created_at),
            updated_at: time_text(job.updated_at),
            finished_at: job.finished_at.map(time_text),
        }
    }
}

impl JobView {
    /// The answer to a request that started long work: 202, `Location` and the job.
    pub fn accepted(self) -> Response {
        let location = format!("{}/jobs/{}", crate::BASE, self.id);
        (axum::http::StatusCode::ACCEPTED, [(axum::http::header::LOCATION, location)], axum::Json(self)).into_response()
    }

    fn has_ended(&self) -> bool {
        !matches!(self.state.as_str(), "queued" | "running")
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// How many at most; 50 by default.
    #[param(minimum = 1, maximum = 500, nullable = false)]
    limit: Option<i64>,
    /// Where to go on: `next` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// List jobs, newest first: those of a kind that I may read, and those that I asked for.
#[utoipa::path(get, path = "/jobs", tag = "Jobs", operation_id = "listJobs", params(Asked),
    responses((status = OK, body = Page<JobView>), ApiError))]
async fn list(
    State(app): State<App>,
    principal: Principal,
    ApiQuery(asked): ApiQuery<Asked>,
) -> Result<Response, ApiError> {
    let query = format!("{} jobs", principal.tenant);
    let paging = Paging::open(&app, query, asked.limit, asked.cursor.as_deref())?;
    let seen = seen_by(&principal);
    let jobs = app.db.read().await?.job_page(principal.tenant, &seen, paging.after, paging.rows()).await?;
    let page: Page<JobView> = paging.page(jobs, |job: &Job| (job.created_at, job.id));
    Ok(ApiJson(page).into_response())
}

/// Get a job.
#[utoipa::path(get, path = "/jobs/{id}", tag = "Jobs", operation_id = "getJob", params(("id" = Uuid, Path)),
    responses((status = OK, body = JobView), ApiError))]
async fn get(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    _: NoQuery,
) -> Result<Response, ApiError> {
    Ok(ApiJson(find(&app, &principal, id).await?).into_response())
}

async fn find(app: &App, principal: &Principal, id: Uuid) -> Result<JobView, ApiError> {
    let job = app.db.read().await?.job_get(principal.tenant, id).await?;
    Ok(job.filter(|job| may_see(principal, job)).ok_or_else(|| ApiError::not_found("job"))?.into())
}

/// Ask a job to stop. A queued one is cancelled at once, a running one at its next step.
#[utoipa::path(post, path = "/jobs/{id}/actions/cancel", tag = "Jobs", operation_id = "cancelJob", params(("id" = Uuid, Path)),
    responses((status = OK, body = JobView), ApiError))]
async fn cancel(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Response, ApiError> {
    let mut tx = app.db.begin().await?;
    let job = tx.job_get(principal.tenant, id).await?;
    let job = job.filter(|job| may_see(&principal, job)).ok_or_else(|| ApiError::not_found("job"))?;
    may_cancel(&principal, &job)?;
    if !tx.job_cancel(principal.tenant, id, app.now()).await? {
        return Err(ApiError::new(Code::JobFinished, "the job has ended, there is nothing to cancel"));
    }
    crate::audit::Entry::new("cancel", "job").of(id, &job.kind).write(&app, &mut tx, &principal).await?;
    let job = tx.job_get(principal.tenant, id).await?.ok_or_else(|| ApiError::not_found("job"))?;
    tx.commit().await?;
    Ok(ApiJson(JobView::from(job)).into_response())
}

/// Follow a job: an event `job` with each change until it has ended.
#[utoipa::path(get, path = "/jobs/{id}/events", tag = "Jobs", operation_id = "followJob", params(("id" = Uuid, Path)),
    responses((status = OK, content_type = "text/event-stream", body = String), ApiError))]
async fn events(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let first = find(&app, &principal, id).await?;
    let seen = sse::last_event_id(&headers);
    let stream = futures_util::stream::unfold(Some((None::<JobView>, Some(first))), move |state| {
        let (app, principal, seen) = (app.clone(), principal.clone(), seen.clone());
        async move {
            let (mut last, mut fresh) = state?;
            loop {
                let job = match fresh.take() {
                    Some(job) => job,
                    None => {
                        tokio::time::sleep(LOOK_EVERY).await;
                        find(&app, &principal, id).await.ok()?
                    }
                };
                let is_news = last.as_ref() != Some(&job)
                    && (last.is_some() || job.has_ended() || seen.as_ref() != Some(&job.updated_at));
                let ended = job.has_ended();
                last = Some(job.clone());
                if is_news {
                    let event = sse::event("job", &job.updated_at, &job);
                    return Some((event, (!ended).then_some((last, None))));
                }
            }
        }
    });
    Ok(sse::answer(stream))
}

//! `/privacy/requests`: made, listed, and their exports fetched.
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use cxc_server::audit::Entry;
use cxc_server::document::{Page, Paging};
use cxc_server::extract::NoQuery;
use cxc_server::resources::{JobView, Progress};
use cxc_server::{ApiError, ApiJson, ApiPath, ApiQuery, App, BASE, Principal, Scope, require};
use cxc_store::job::NewJob;
use cxc_store::privacy::PrivacyRequest;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::job::PrivacyKind;
use crate::consents::person;

/// The routes, below the base path.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(require(Scope::PrivacyAdmin, routes!(list, ask)))
        .routes(require(Scope::PrivacyAdmin, routes!(get)))
        .routes(require(Scope::PrivacyAdmin, routes!(export)))
}

/// What is asked for, and of whom.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PrivacyAsked {
    /// What is wanted.
    kind: PrivacyKind,
    /// A phone number with its country, or an email address; or else `clientId`.
    #[serde(default)]
    #[schema(max_length = 256)]
    device: Option<String>,
    /// A client id.
    #[serde(default)]
    #[schema(max_length = 64)]
    client_id: Option<String>,
    /// Why, without naming the person: the audit log keeps it, also after an erasure.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// A request. Whom it names is not told again.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PrivacyRequestView {
    /// Its id, and that of its job.
    id: Uuid,
    /// What was asked for.
    kind: PrivacyKind,
    /// Why.
    reason: String,
    /// How far it is: `queued`, `running`, `succeeded`, `failed` or `cancelled`.
    state: String,
    /// How much is done.
    progress: Progress,
    /// What it came to: `known`, and a count of each sort of data. `openAttempts` of an erasure above 0: ask again when
    /// these messages have ended.
    #[schema(value_type = Option<Object>, required)]
    result: Option<Value>,
    /// Why it failed, as a problem document.
    #[schema(value_type = Option<Object>, required)]
    error: Option<Value>,
    /// Where the export is fetched; null unless there is one, and once the person was erased.
    #[schema(required)]
    export_url: Option<String>,
    /// Who made it.
    created_by: String,
    /// When.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it ended.
    #[schema(format = DateTime, required)]
    finished_at: Option<String>,
}

impl From<PrivacyRequest> for PrivacyRequestView {
    fn from(request: PrivacyRequest) -> Self {
        let (has_file, reason) = (request.has_file, request.reason);
        let job = JobView::from(request.job);
        Self {
            id: job.id,
            kind: PrivacyKind::of(&job.kind),
            reason,
            state: job.state,
            progress: job.progress,
            result: job.result,
            error: job.error,
            export_url: has_file.then(|| format!("{BASE}/privacy/requests/{}/export", job.id)),
            created_by: job.created_by,
            created_at: job.created_at,
            finished_at: job.finished_at,
        }
    }
}

/// Ask for a person's data or its erasure
///
/// A job with the id of the request, kept for 30 days. While a request of the same kind about the same person waits or
/// runs, it is answered again and no second one is made.
#[utoipa::path(post, path = "/privacy/requests", tag = "Privacy", operation_id = "createPrivacyRequest",
    request_body = PrivacyAsked, responses((status = ACCEPTED, body = JobView), ApiError))]
async fn ask(
    State(app): State<App>,
    principal: Principal,
    ApiJson(asked): ApiJson<PrivacyAsked>,
) -> Result<Response, ApiError> {
    let key = person::read("", asked.device.as_deref(), asked.client_id.as_deref())?;
    let reason = person::reason(&asked.reason)?;
    let (_, text, hash) = person::hashed(&app.hash_key, principal.tenant, &key);
    let known = app.db.read().await?.person_find(principal.tenant, &key, &app.hash_key).await?;
    let mut keys = known.addresses.iter().chain(&known.client_ids).map(|(key, _)| key.as_str()).chain([text.as_str()]);
    if keys.any(|key| names(&reason, key)) {
        let detail = "a reason does not name the person: it is kept after an erasure";
        return Err(ApiError::invalid("/reason", "bad_value", detail));
    }
    let now = app.now();
    let job = NewJob {
        id: app.ids.next(),
        tenant: principal.tenant,
        kind: asked.kind.job(),
        subject: None,
        payload: json!({}),
        run_at: now,
        created_by: principal.name.clone(),
        created_at: now,
    };
    let mut tx = app.db.begin().await?;
    let (request, is_new) = tx.privacy_request_add(&job, (&key, hash), &reason).await?;
    if is_new {
        let after = json!({ "kind": asked.kind, "reason": reason });
        let entry = Entry::new("create", "privacy_request").of(request.job.id, "");
        entry.changed(None, Some(after)).write(&app, &mut tx, &principal).await?;
    }
    tx.commit().await?;
    Ok(JobView::from(request.job).accepted())
}

/// Whether a text has a key among its words, or a phone number however it is written.
fn names(text: &str, key: &str) -> bool {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    if let Some(number) = key.strip_prefix('+') {
        // the end of a number is the same with and without its country
        let end = number.get(number.len().saturating_sub(8)..).unwrap_or_default();
        if end.len() == 8 && digits(text).contains(end) {
            return true;
        }
    }
    let plain = |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric() && c != '+').to_lowercase();
    text.split_whitespace().any(|word| plain(word) == plain(key))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageAsked {
    /// How many at most; 50 by default.
    #[param(minimum = 1, maximum = 500, nullable = false)]
    limit: Option<i64>,
    /// Where to go on: `next` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// List requests for people's data, newest first
#[utoipa::path(get, path = "/privacy/requests", tag = "Privacy", operation_id = "listPrivacyRequests", params(PageAsked),
    responses((status = OK, body = Page<PrivacyRequestView>), ApiError))]
async fn list(
    State(app): State<App>,
    principal: Principal,
    ApiQuery(asked): ApiQuery<PageAsked>,
) -> Result<Response, ApiError> {
    let query = format!("{} privacy requests", principal.tenant);
    let paging = Paging::open(&app, query, asked.limit, asked.cursor.as_deref())?;
    let found = app.db.read().await?.privacy_request_page(principal.tenant, paging.after, paging.rows()).await?;
    let page: Page<PrivacyRequestView> =
        paging.page(found, |request: &PrivacyRequest| (request.job.created_at, request.job.id));
    Ok(ApiJson(page).into_response())
}

/// Get a request for a person's data
#[utoipa::path(get, path = "/privacy/requests/{id}", tag = "Privacy", operation_id = "getPrivacyRequest",
    params(("id" = Uuid, Path)), responses((status = OK, body = PrivacyRequestView), ApiError))]
async fn get(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    _: NoQuery,
) -> Result<Response, ApiError> {
    let found = app.db.read().await?.privacy_request_get(principal.tenant, id).await?;
    let found = found.ok_or_else(|| ApiError::not_found("privacy request"))?;
    Ok(ApiJson(PrivacyRequestView::from(found)).into_response())
}

/// Fetch the export of a request
#[utoipa::path(get, path = "/privacy/requests/{id}/export", tag = "Privacy", operation_id = "getPrivacyExport",
    params(("id" = Uuid, Path)), responses((status = OK, body = Object, content_type = "application/json"), ApiError))]
async fn export(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    _: NoQuery,
) -> Result<Response, ApiError> {
    let mut tx = app.db.begin().await?;
    let file = tx.privacy_file_get(principal.tenant, id).await?.ok_or_else(|| ApiError::not_found("export"))?;
    Entry::new("download", "privacy_request").of(id, "").write(&app, &mut tx, &principal).await?;
    tx.commit().await?;
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"person.json\""),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, file).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_that_names_the_person_is_found_out() {
        let named = |text: &str, key: &str| names(text, key);
        assert!(named("letter of Ann@Example.com.", "ann@example.com"));
        assert!(named("call from (+12125550100)", "+12125550100"));
        assert!(named("call from (212) 555-0100", "+12125550100"));
        assert!(named("on behalf of ann.lee@example.com / +12125550100", "ann.lee@example.com"));
        assert!(!named("case 555-0100 of 2026", "+12125550100"));
        assert!(named("client c-1, by phone", "C-1"));
        assert!(!named("letter of 2026-11-01, file 12", "1"));
        assert!(!named("ticket C-11", "C-1"));
    }
}

//! What can be done about number intelligence: load a file of answers, ask a source, see what is known of numbers.
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use cxc_core::kind;
use cxc_core::location::Country;
use cxc_core::phone::PhoneNumber;
use cxc_server::app::time_text;
use cxc_server::document::Page;
use cxc_server::resources::JobView;
use cxc_server::{ApiError, ApiJson, ApiPath, App, Principal};
use cxc_store::StoreError;
use cxc_store::number_answer::StoredAnswer;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::job::{ANSWERS_LOAD, ANSWERS_QUERY, AnswersPayload, QueryPayload, consent_day};
use crate::jobs::Source;
use crate::queue::{Target, json, queue, target};
use crate::upload_store::UploadStore;
use crate::uploads;

/// A file of answers.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AnswersAsked {
    /// The file, a complete upload: number, query_date, answer (yes, no, no_data), and consent_date, line_type,
    /// port_date where known.
    upload: Uuid,
    /// The country of numbers without one.
    #[serde(default)]
    #[schema(max_length = 2)]
    country: Option<String>,
}

/// Load a file of answers on numbers.
#[utoipa::path(post, path = "/compliance/number-answers/actions/load", tag = "Compliance", operation_id = "loadNumberAnswers",
    request_body = AnswersAsked, responses((status = ACCEPTED, body = JobView), ApiError))]
pub(crate) async fn load(
    State(app): State<App>,
    Extension(store): Extension<UploadStore>,
    principal: Principal,
    ApiJson(asked): ApiJson<AnswersAsked>,
) -> Result<Response, ApiError> {
    let known = uploads::complete(&app, &store, principal.tenant, asked.upload).await?;
    if asked.country.as_deref().is_some_and(|code| Country::from_code(code).is_none()) {
        let text = "a country is two letters of ISO 3166-1, such as US";
        return Err(ApiError::invalid("/country", "bad_country", text));
    }
    let target = Target {
        kind: "number_answer",
        id: asked.upload,
        name: known.file_name.clone(),
        body: serde_json::Value::Null,
    };
    let payload =
        AnswersPayload { source: Source::Upload(asked.upload), file_name: known.file_name, country: asked.country };
    queue(&app, &principal, &target, ANSWERS_LOAD, "load", json(payload)?).await
}

/// Whose numbers are asked about.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct QueryAsked {
    /// The contact list.
    list: Uuid,
    /// The day of consent that is asked about: 2026-01-31.
    #[schema(format = Date)]
    consent_date: String,
}

/// Ask a source about the numbers of a contact list of which no answer is younger than 45 days.
#[utoipa::path(post, path = "/compliance/number-sources/{id}/actions/query", tag = "Compliance",
    operation_id = "queryNumberSource", params(("id" = Uuid, Path)), request_body = QueryAsked,
    responses((status = ACCEPTED, body = JobView), ApiError))]
pub(crate) async fn query(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    ApiJson(asked): ApiJson<QueryAsked>,
) -> Result<Response, ApiError> {
    let target = target(&app, principal.tenant, kind::NUMBER_SOURCE, id).await?;
    let list = app.db.read().await?.contact_list_get(principal.tenant, asked.list).await?;
    list.ok_or_else(|| ApiError::invalid("/list", "not_found", "there is no such contact list"))?;
    let day = consent_day(&asked.consent_date, app.clock.now());
    let wrong = || ApiError::invalid("/consentDate", "invalid", "a day of consent is one that was, such as 2026-01-31");
    let payload = QueryPayload { list: asked.list, consent_on: day.ok_or_else(wrong)? };
    queue(&app, &principal, &target, ANSWERS_QUERY, "query", json(payload)?).await
}

/// The numbers that are looked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AnswersSearch {
    /// Numbers with their country.
    #[schema(min_items = 1, max_items = 1000)]
    numbers: Vec<PhoneNumber>,
}

/// What a source said of a number.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AnswerView {
    /// The number.
    pub number: String,
    /// When the source was asked.
    #[schema(format = DateTime)]
    pub queried_at: String,
    /// The day of consent that it was asked about.
    #[schema(format = DateTime, required)]
    pub consent_at: Option<String>,
    /// Whether it was reassigned since: `yes`, `no` or `no_data`.
    pub answer: String,
    /// What its line is.
    #[schema(required)]
    pub line_type: Option<String>,
    /// When it was ported last.
    #[schema(format = DateTime, required)]
    pub ported_at: Option<String>,
    /// Who said it.
    pub source: String,
}

impl From<StoredAnswer> for AnswerView {
    fn from(a: StoredAnswer) -> Self {
        Self {
            number: a.number,
            queried_at: time_text(a.queried_at),
            consent_at: a.consent_at.map(time_text),
            answer: a.answer,
            line_type: a.line_type,
            ported_at: a.ported_at.map(time_text),
            source: a.source,
        }
    }
}

/// Find what sources said of some numbers.
#[utoipa::path(post, path = "/compliance/number-answers/search", tag = "Compliance", operation_id = "searchNumberAnswers",
    request_body = AnswersSearch, responses((status = OK, body = Page<AnswerView>), ApiError))]
pub(crate) async fn search(
    State(app): State<App>,
    principal: Principal,
    ApiJson(search): ApiJson<AnswersSearch>,
) -> Result<Response, ApiError> {
    if search.numbers.len() > 1_000 {
        return Err(ApiError::new(cxc_server::Code::TooManyItems, "a call takes at most 1,000 items"));
    }
    let found = answers_on(&app, principal.tenant, &search.numbers).await?;
    Ok(ApiJson(Page::new(found, None)).into_response())
}

/// What sources said of some numbers of a tenant.
pub async fn answers_on(app: &App, tenant: i64, numbers: &[PhoneNumber]) -> Result<Vec<AnswerView>, StoreError> {
    let hashes: Vec<i64> = numbers.iter().map(|number| app.hash_key.hash(tenant, number.as_str())).collect();
    let mut found = app.db.read().await?.number_answers(tenant, &hashes).await?;
    found.retain(|answer| numbers.iter().any(|number| number.as_str() == answer.number));
    Ok(found.into_iter().map(AnswerView::from).collect())
}

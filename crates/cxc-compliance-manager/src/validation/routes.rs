//! The calls of the internal backend that ask: `/validations`, `/compliance/validations` and its batch.
use std::sync::Arc;

use axum::Extension;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cxc_core::compliance::{Decision, RuleKind};
use cxc_core::enumerations::CallResult;
use cxc_server::{ApiError, ApiJson, App, Code, Principal, Scope, require};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Validator;
use super::ask::Ask;
use super::limits::Reached;
use super::outcome::Outcome;
use super::record::{Properties, Record};
use super::rules::TenantRules;
use super::wire::{LimitAnswer, ReasonAnswer, ValidationAnswer, ValidationBatch, ValidationRequest};
use crate::metrics::ComplianceMetrics;

/// The most validations of one request.
const MOST: usize = 500;

/// The routes, below the internal base path.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(require(Scope::ComplianceValidate, routes!(validate_record)))
        .routes(require(Scope::ComplianceValidate, routes!(validate)))
        .routes(require(Scope::ComplianceValidate, routes!(validate_batch)))
}

/// Why a record is not to be dialed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DoNotDial {
    /// The code of the first rule that decided.
    code: String,
    /// That rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_id: Option<String>,
    /// Its kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_type: Option<RuleKind>,
    /// The call result that the record gets, if it ends by this.
    #[serde(skip_serializing_if = "Option::is_none")]
    call_result: Option<i16>,
    /// The earliest legal instant.
    #[serde(skip_serializing_if = "Option::is_none")]
    earliest: Option<String>,
    /// What stands in the way besides the rules, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'static str>,
    /// Every rule that stands in the way.
    reasons: Vec<ReasonAnswer>,
}

/// May this record be dialed now?
#[utoipa::path(post, path = "/validations", tag = "Internal", operation_id = "validateRecord",
    request_body = Object, responses((status = OK), (status = CONFLICT, body = DoNotDial), ApiError))]
async fn validate_record(
    Extension(validator): Extension<Arc<Validator>>,
    Extension(metrics): Extension<Arc<ComplianceMetrics>>,
    principal: Principal,
    ApiJson(properties): ApiJson<Properties>,
) -> Result<Response, ApiError> {
    let record = Record::new(properties)?;
    let (asked, handle) = (record.validation()?, record.handle()?);
    let tenant = validator.tenant_of(&principal, asked.ccid.as_deref()).await?;
    let running = metrics.validation(asked.kind.as_str(), &tenant.labels);
    let ask = validator.resolve((&principal, &tenant), &asked, true, "").await?;
    if let Err(reached) = validator.limit(&tenant, &ask) {
        metrics.limited(&tenant.labels, reached.reason.as_str());
        running.ended(false);
        return Ok(too_many(&reached));
    }
    let data = Arc::clone(&ask.data);
    let outcome = validator.decide(vec![ask]).await?.pop().ok_or_else(super::too_many)?;
    running.ended(outcome.is_allowed());
    let answer = ValidationAnswer::of(&outcome, &asked, tenant.documents.version, &data);
    if outcome.is_allowed() {
        let mut response = axum::Json(changed(answer)).into_response();
        if let Ok(etag) = HeaderValue::from_str(&handle) {
            response.headers_mut().insert(header::ETAG, etag);
        }
        return Ok(response);
    }
    if outcome.decision() == Decision::Error {
        return Err(could_not(&outcome));
    }
    let deciding = outcome.deciding().filter(|_| outcome.held.is_none() || outcome.decision() == Decision::Deny);
    let body = DoNotDial {
        code: outcome.code(),
        rule_id: deciding.map(|d| d.rule.id.to_string()),
        rule_type: deciding.map(|d| d.kind),
        call_result: call_result(&outcome),
        earliest: answer.not_before.map(|at| at.to_string()),
        detail: answer.detail,
        reasons: answer.reasons,
    };
    Ok((StatusCode::CONFLICT, axum::Json(body)).into_response())
}

/// The fields of the record that change by a yes: those of external rules, and what the dialer must know.
fn changed(answer: ValidationAnswer) -> Map<String, Value> {
    let own = [
        ("cxc_reservation_id", answer.reservation_id.map(Value::from)),
        ("cxc_ring_min_seconds", answer.ring_min_seconds.map(Value::from)),
        ("cxc_recording_consent", answer.recording_consent.and_then(|p| super::ask::word(&p)).map(Value::from)),
    ];
    let own = own.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    answer.fields.into_iter().chain(own).collect()
}

/// What a denied record ends with: what the external rule that decided says, suppression and opt-outs as do not call, other blocks as cancelled.
fn call_result(outcome: &Outcome) -> Option<i16> {
    if outcome.decision() != Decision::Deny {
        return None;
    }
    let kind = outcome.deciding().map(|d| d.kind);
    if kind == Some(RuleKind::ExternalRule)
        && let Some(named) = outcome.fields.get("GSW_CALL_RESULT").and_then(Value::as_i64)
    {
        return i16::try_from(named).ok();
    }
    let result = if matches!(kind, Some(RuleKind::Suppression | RuleKind::ConsentGate)) {
        CallResult::DoNotCall
    } else {
        CallResult::CancelRecord
    };
    Some(result.code())
}

fn could_not(outcome: &Outcome) -> ApiError {
    let why = outcome.verdict.reasons.iter().find_map(|r| r.detail.clone());
    let text = why.unwrap_or_else(|| "the rules could not be judged".to_owned());
    let wait = cxc_core::compliance::Verdict::RETRY_SECONDS;
    ApiError::new(Code::DependencyUnavailable, text).retry_after(u64::try_from(wait).unwrap_or(300))
}

fn limit_answer(reached: &Reached) -> LimitAnswer {
    let wait = reached.retry_after;
    let retry_after = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    LimitAnswer { reason: reached.reason.as_str(), key_kind: reached.key_kind, retry_after: retry_after.max(1) }
}

fn too_many(reached: &Reached) -> Response {
    let answer = limit_answer(reached);
    let wait = HeaderValue::from(answer.retry_after);
    let mut response = (StatusCode::TOO_MANY_REQUESTS, axum::Json(answer)).into_response();
    response.headers_mut().insert(header::RETRY_AFTER, wait);
    response
}

/// May this attempt be made?
#[utoipa::path(post, path = "/compliance/validations", tag = "Internal", operation_id = "validate",
    request_body = ValidationRequest,
    responses((status = OK, body = ValidationAnswer), (status = CONFLICT, body = ValidationAnswer), ApiError))]
async fn validate(
    Extension(validator): Extension<Arc<Validator>>,
    Extension(metrics): Extension<Arc<ComplianceMetrics>>,
    principal: Principal,
    ApiJson(asked): ApiJson<ValidationRequest>,
) -> Result<Response, ApiError> {
    let tenant = validator.tenant_of(&principal, asked.ccid.as_deref()).await?;
    let running = metrics.validation(asked.kind.as_str(), &tenant.labels);
    let ask = validator.resolve((&principal, &tenant), &asked, false, "").await?;
    if let Err(reached) = validator.limit(&tenant, &ask) {
        metrics.limited(&tenant.labels, reached.reason.as_str());
        running.ended(false);
        return Ok(too_many(&reached));
    }
    let data = Arc::clone(&ask.data);
    let outcome = validator.decide(vec![ask]).await?.pop().ok_or_else(super::too_many)?;
    running.ended(outcome.is_allowed());
    let status = match outcome.decision() {
        Decision::Allow => StatusCode::OK,
        Decision::Defer | Decision::Deny => StatusCode::CONFLICT,
        Decision::Error => StatusCode::SERVICE_UNAVAILABLE,
    };
    Ok((status, axum::Json(ValidationAnswer::of(&outcome, &asked, tenant.documents.version, &data))).into_response())
}

/// The answers, in the order of the questions.
#[derive(Debug, Serialize, ToSchema)]
struct BatchAnswer {
    items: Vec<ValidationAnswer>,
}

/// May these attempts be made? Up to 500; each is answered for itself
///
/// An item that can't be read refuses the whole batch, with every place that is wrong, and nothing of it is counted.
#[utoipa::path(post, path = "/compliance/validations/batch", tag = "Internal", operation_id = "validateBatch",
    request_body = ValidationBatch, responses((status = OK, body = BatchAnswer), ApiError))]
async fn validate_batch(
    Extension(validator): Extension<Arc<Validator>>,
    Extension(metrics): Extension<Arc<ComplianceMetrics>>,
    principal: Principal,
    ApiJson(batch): ApiJson<ValidationBatch>,
) -> Result<axum::Json<BatchAnswer>, ApiError> {
    if batch.items.is_empty() {
        return Err(ApiError::invalid(
            "/items",
            "required",
            format!("a batch has 1 to {MOST} items, this one has none"),
        ));
    }
    if batch.items.len() > MOST {
        let text = format!("a batch has 1 to {MOST} items, this one has {}", batch.items.len());
        return Err(ApiError::new(Code::TooManyItems, text));
    }
    let (mut read, mut errors) = (Vec::with_capacity(batch.items.len()), Vec::new());
    for (i, asked) in batch.items.iter().enumerate() {
        let tenant = validator.tenant_of(&principal, asked.ccid.as_deref()).await?;
        let one = metrics.validation(asked.kind.as_str(), &tenant.labels);
        match validator.resolve((&principal, &tenant), asked, false, &format!("/items/{i}")).await {
            Ok(ask) => read.push((tenant, ask, one)),
            Err(wrong) if wrong.code() == Code::ValidationFailed => errors.extend(wrong.problem("").errors),
            Err(other) => return Err(other),
        }
    }
    // what is refused whole has asked nothing: no limit counts it
    if !errors.is_empty() {
        return Err(ApiError::validation(errors));
    }
    let mut answers: Vec<Option<ValidationAnswer>> = batch.items.iter().map(|_| None).collect();
    let (mut asks, mut places, mut running) = (Vec::new(), Vec::new(), Vec::new());
    for ((i, asked), (tenant, ask, one)) in batch.items.iter().enumerate().zip(read) {
        if let Err(reached) = validator.limit(&tenant, &ask) {
            metrics.limited(&tenant.labels, reached.reason.as_str());
            one.ended(false);
            answers[i] = Some(limited(&validator, &tenant, asked, (&ask, &reached)));
            continue;
        }
        places.push((i, tenant, Arc::clone(&ask.data)));
        asks.push(ask);
        running.push(one);
    }
    let outcomes = validator.decide(asks).await?;
    for ((outcome, (i, tenant, data)), one) in outcomes.iter().zip(places).zip(running) {
        one.ended(outcome.is_allowed());
        answers[i] = Some(ValidationAnswer::of(outcome, &batch.items[i], tenant.documents.version, &data));
    }
    Ok(axum::Json(BatchAnswer { items: answers.into_iter().flatten().collect() }))
}

fn limited(
    validator: &Validator,
    tenant: &TenantRules,
    asked: &ValidationRequest,
    (ask, reached): (&Ask, &Reached),
) -> ValidationAnswer {
    let now = validator.app.clock.now();
    let verdict = cxc_core::compliance::Verdict {
        not_before: now.checked_add(reached.retry_after).ok(),
        reasons: Vec::new(),
        decision: Decision::Defer,
        ..cxc_core::compliance::Verdict::unavailable(now, "")
    };
    let outcome = Outcome::of(verdict, now.as_microsecond());
    let mut answer = ValidationAnswer::of(&outcome, asked, tenant.documents.version, &ask.data);
    answer.code = Some("rate_limited".to_owned());
    answer.limited = Some(limit_answer(reached));
    answer
}

impl Validator {
    fn limit(&self, tenant: &TenantRules, ask: &Ask) -> Result<(), Reached> {
        self.limits.take(tenant.tenant, ask.device, ask.client, &tenant.quotas)
    }
}

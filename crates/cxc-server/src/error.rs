//! One error for every handler, answered as a problem document (RFC 9457). Causes go to the log only.
use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cxc_core::field_error::FieldError;
use cxc_store::StoreError;
use serde::Serialize;
use utoipa::openapi::{Ref, RefOr};
use utoipa::{IntoResponses, ToSchema};

pub use crate::code::Code;

/// Every way a request can fail. Boxed, so that a `Result` of it stays small.
#[derive(Debug, thiserror::Error)]
#[error("{}: {}", .0.code.as_str(), .0.detail)]
pub struct ApiError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    code: Code,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    retry_after: Option<u64>,
    cause: Option<anyhow::Error>,
}

/// The body of every error answer.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// A reference that names the kind of problem.
    #[serde(rename = "type")]
    #[schema(example = "/cx-contact/v3/problems/group_running")]
    pub kind: String,
    /// For people; the same for every problem of this code.
    pub title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// Stable, for programs.
    #[schema(example = "group_running")]
    pub code: String,
    /// For people: what happened here.
    pub detail: String,
    /// The id of the request, as in `X-Request-Id` and in the log.
    pub request_id: String,
    /// Where in the request it is wrong, when that can be told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

impl ApiError {
    /// An error of a code with a text for people.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner { code, detail: detail.into(), errors: Vec::new(), retry_after: None, cause: None }))
    }

    /// 404: `what` such as "contact list".
    pub fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, format!("there is no such {what}"))
    }

    /// 422 with one entry per wrong member.
    pub fn validation(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            // the whole body has no pointer
            [one] if one.pointer.is_empty() => one.detail.to_string(),
            [one] => format!("{}: {}", one.pointer, one.detail),
            many => format!("{} members are not valid", many.len()),
        };
        Self::new(Code::ValidationFailed, detail).with_errors(errors)
    }

    /// 422 for one member.
    pub fn invalid(pointer: &str, code: &'static str, detail: impl Into<String>) -> Self {
        Self::validation(vec![FieldError::new(pointer, code, detail)])
    }

    /// 409 for a name that another object of the kind has.
    pub fn name_taken(what: &str) -> Self {
        let errors = vec![FieldError::new("/name", "name_taken", format!("another {what} has this name"))];
        Self::new(Code::NameTaken, format!("another {what} has this name")).with_errors(errors)
    }

    /// 500; the cause is logged and never sent.
    pub fn internal(cause: impl Into<anyhow::Error>) -> Self {
        let mut error = Self::new(Code::Internal, "the request failed on our side; the log has its request id");
        error.0.cause = Some(cause.into());
        error
    }

    /// 503; the cause is logged and never sent.
    pub fn unavailable(detail: impl Into<Cow<'static, str>>, cause: impl Into<anyhow::Error>) -> Self {
        let mut error = Self::new(Code::DependencyUnavailable, detail);
        error.0.cause = Some(cause.into());
        error.0.retry_after = Some(5);
        error
    }

    /// Adds the wrong members.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.0.errors = errors;
        self
    }

    /// Adds `Retry-After`, in seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    /// The code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The text for people.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The problem document, for errors that are stored (of a job, say) instead of answered.
    pub fn problem(&self, request_id: &str) -> Problem {
        let Inner { code, detail, errors, .. } = &*self.0;
        Problem {
            kind: format!("{}/problems/{}", crate::BASE, code.as_str()),
            title: code.title().into(),
            status: code.status().as_u16(),
            code: code.as_str().into(),
            detail: detail.to_string(),
            request_id: request_id.into(),
            errors: errors.clone(),
        }
    }
}

impl ApiError {
    /// The problem document as JSON, for a job that failed.
    pub fn to_problem(&self) -> serde_json::Value {
        serde_json::to_value(self.problem("")).unwrap_or_default()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let problem = self.problem("");
        if let Some(cause) = &self.0.cause {
            tracing::error!(code = problem.code, "request failed: {cause:#}");
        }
        let mut response = render(&problem);
        if let Some(seconds) = self.0.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.0.code.status() == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        // the request id is known further out, where the document is rendered again
        response.extensions_mut().insert(problem);
        response
    }
}

fn render(problem: &Problem) -> Response {
    let mut response = Response::new(body(problem));
    *response.status_mut() = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn body(problem: &Problem) -> Body {
    // plain strings and numbers always serialise; an empty body would still carry the status
    Body::from(serde_json::to_vec(problem).unwrap_or_default())
}

/// Writes the request id into a problem that a handler answered.
pub(crate) fn stamp(response: &mut Response, request_id: &str) {
    let Some(mut problem) = response.extensions_mut().remove::<Problem>() else { return };
    problem.request_id = request_id.into();
    *response.body_mut() = body(&problem);
    response.headers_mut().remove(header::CONTENT_LENGTH);
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::AlreadyExists(what) => ApiError::name_taken(what),
            error if error.is_unavailable() => ApiError::unavailable("the database is not available", error),
            error if error.is_conflict() => ApiError::unavailable("the database is busy, try again", error),
            error => ApiError::internal(error),
        }
    }
}

/// The statuses that any operation may answer with, and what they mean in the API description.
pub(crate) const ERROR_ANSWERS: &[(u16, &str, &str)] = &[
    (400, "BadRequest", "The request can't be read, or a parameter is not valid."),
    (401, "Unauthenticated", "No valid session or token."),
    (403, "Forbidden", "A permission or the CSRF token is missing."),
    (404, "NotFound", "No such object in this tenant."),
    (409, "Conflict", "The state of the object forbids it."),
    (412, "PreconditionFailed", "The object has changed since it was read."),
    (413, "TooLarge", "The body or the number of items is too large."),
    (415, "UnsupportedMediaType", "The content type is not supported."),
    (422, "Invalid", "Some values are not valid."),
    (428, "PreconditionRequired", "If-Match is missing."),
    (429, "TooManyRequests", "Too many requests; see Retry-After."),
    (500, "Internal", "It failed on our side."),
    (503, "Unavailable", "A dependency is not available."),
];

/// Lets a handler write `responses(.., ApiError)` instead of repeating the error rows.
impl IntoResponses for ApiError {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        ERROR_ANSWERS
            .iter()
            .map(|(status, name, _)| {
                (status.to_string(), RefOr::Ref(Ref::new(format!("#/components/responses/{name}"))))
            })
            .collect()
    }
}

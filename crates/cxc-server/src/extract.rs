//! Extractors whose rejections are problem documents with pointers.
mod once;
mod words;
mod wrong_places;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use cxc_core::field_error::FieldError;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::once::Once;
use self::once::TWICE;
use self::wrong_places::{LARGEST, pointer, wrong_places};
use crate::error::{ApiError, Code};

/// A JSON body: refused with 415, 413, 400 (not JSON) or 422 (JSON of another shape, with the pointer). As an
/// answer it is the JSON of its content.
#[derive(Debug)]
pub struct ApiJson<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for ApiJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        if !is_json(&request) {
            return Err(ApiError::new(Code::UnsupportedMediaType, "the body is application/json"));
        }
        let bytes = body_bytes(request, state).await?;
        parse(&bytes).map(Self)
    }
}

/// A body that may be left out.
impl<T: DeserializeOwned, S: Send + Sync> axum::extract::OptionalFromRequest<S> for ApiJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, ApiError> {
        let named = is_json(&request);
        let bytes = body_bytes(request, state).await?;
        if bytes.is_empty() {
            return Ok(None);
        }
        if !named {
            return Err(ApiError::new(Code::UnsupportedMediaType, "the body is application/json"));
        }
        parse(&bytes).map(|body| Some(Self(body)))
    }
}

impl<T: Serialize> IntoResponse for ApiJson<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// A JSON merge patch, as `application/merge-patch+json` or `application/json`. A member that is there twice is refused.
#[derive(Debug)]
pub struct MergePatch(pub serde_json::Value);

impl<S: Send + Sync> FromRequest<S> for MergePatch {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let ApiJson(Once(patch)) = ApiJson::<Once>::from_request(request, state).await?;
        if patch.is_object() {
            Ok(Self(patch))
        } else {
            Err(ApiError::invalid("", "invalid", "a merge patch is a JSON object"))
        }
    }
}

fn is_json(request: &Request) -> bool {
    let Some(kind) = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()) else { return false };
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

/// The whole body, up to the limit of the route.
pub(crate) async fn body_bytes<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, ApiError> {
    Bytes::from_request(request, state).await.map_err(|rejection| {
        if rejection.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
            ApiError::new(Code::BodyTooLarge, "the body is larger than allowed here")
        } else {
            ApiError::new(Code::MalformedRequest, "the body could not be read to its end")
        }
    })
}

/// Reads JSON text; nesting is bounded by the parser (128 levels).
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    if holds_nul(bytes) {
        return Err(ApiError::invalid("", "nul_character", "a text holds no NUL character"));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|e| {
        // a number in the place of a name is JSON all the same, whatever the parser of texts says
        let value = e.inner().is_syntax().then(|| serde_json::from_slice(bytes).ok()).flatten();
        if let Some(error) = value.and_then(|value| from_value::<T>(value).err()) {
            return error;
        }
        let sent: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
        let first = explain(&e, &sent);
        let is_shape = first.code() == Code::ValidationFailed && bytes.len() <= LARGEST;
        every(first, if is_shape { wrong_places::<T>(sent) } else { Vec::new() })
    })?;
    reader.end().map_err(|e| ApiError::new(Code::MalformedRequest, format!("not JSON: {e}")))?;
    Ok(value)
}

/// All that is wrong, if it was found out.
fn every(first: ApiError, all: Vec<FieldError>) -> ApiError {
    if all.is_empty() { first } else { ApiError::validation(all) }
}

/// Reads a JSON value that is at hand already.
pub fn from_value<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, ApiError> {
    let kept = value.clone();
    serde_path_to_error::deserialize(value).map_err(|e| {
        let is_small = serde_json::to_string(&kept).is_ok_and(|text| text.len() <= LARGEST);
        every(explain(&e, &kept), if is_small { wrong_places::<T>(kept) } else { Vec::new() })
    })
}

fn explain(error: &serde_path_to_error::Error<serde_json::Error>, sent: &serde_json::Value) -> ApiError {
    use serde_json::error::Category;
    match error.inner().classify() {
        Category::Data => {}
        Category::Syntax | Category::Eof | Category::Io => {
            return ApiError::new(Code::MalformedRequest, format!("not JSON: {}", error.inner()));
        }
    }
    ApiError::validation(vec![told(pointer(error.path(), sent), &error.inner().to_string())])
}

/// What serde says of a place.
fn told(pointer: String, text: &str) -> FieldError {
    let code = if text.starts_with("missing field") {
        "required"
    } else if text.starts_with("unknown field") {
        "unknown_member"
    } else if text.starts_with(TWICE) || text.starts_with("duplicate field") {
        "duplicate"
    } else {
        "invalid"
    };
    FieldError::new(pointer, code, words::in_words(text))
}

/// Whether a text in the JSON holds U+0000, which PostgreSQL can't store: `\u0000` after an even number of backslashes.
fn holds_nul(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|&b| b == b'\\') {
        if rest[at..].starts_with(b"\\u0000") {
            return true;
        }
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    false
}

/// Path parameters: refused with 400.
#[derive(Debug)]
pub struct ApiPath<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for ApiPath<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(rejection) => {
                Err(ApiError::new(Code::MalformedRequest, format!("the path is not valid: {}", rejection.body_text())))
            }
        }
    }
}

/// Query parameters: refused with 400 and the name of the parameter. Give `T` `deny_unknown_fields`.
#[derive(Debug)]
pub struct ApiQuery<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for ApiQuery<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parse_query(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

/// No query parameters at all: any is refused with 400 and its name.
#[derive(Debug)]
pub struct NoQuery;

impl<S: Send + Sync> FromRequestParts<S> for NoQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let given: Vec<(String, String)> = parse_query(parts.uri.query().unwrap_or_default())?;
        let Some((name, _)) = given.into_iter().next() else { return Ok(Self) };
        let name: String = name.chars().take(100).collect();
        let text = "this operation takes no query parameters; fields, sort and filters are those of lists";
        let detail = format!("{name}: {text}");
        Err(ApiError::new(Code::BadFilter, detail).with_errors(vec![FieldError::new(name, "unknown", text)]))
    }
}

/// Reads a query string; a wrong parameter is 400 `bad_filter`.
pub fn parse_query<T: DeserializeOwned>(query: &str) -> Result<T, ApiError> {
    let uri = axum::http::Uri::builder().path_and_query(format!("/?{query}")).build();
    let uri = uri.map_err(|_| ApiError::new(Code::MalformedRequest, "the query string is not valid"))?;
    axum::extract::Query::try_from_uri(&uri).map(|q| q.0).map_err(|rejection| {
        let text = rejection.body_text();
        let text = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
        let name = text.split(':').next().filter(|n| !n.contains(' ')).unwrap_or_default();
        ApiError::new(Code::BadFilter, text.to_owned()).with_errors(vec![FieldError::new(name, "invalid", text)])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    enum Kind {
        A,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Window {
        #[expect(dead_code, reason = "only its shape matters")]
        days: Vec<u8>,
    }

    #[test]
    fn a_wrong_member_is_named_by_its_pointer() {
        let error = parse::<Window>(br#"{"days":[1,"x"]}"#).unwrap_err();
        assert_eq!(error.code(), Code::ValidationFailed);
        assert_eq!(error.problem("").errors[0].pointer, "/days/1");
        let error = parse::<Kind>(b"5").unwrap_err();
        assert_eq!(error.problem("").errors[0].detail, "a text was expected, and the number 5 found");
        let error = parse::<Window>(br#"{"days":[],"more":1}"#).unwrap_err();
        assert_eq!(error.problem("").errors[0].code, "unknown_member");
        let error = parse::<Window>(br#"{"less":0,"days":[1,"x",3,"y"],"more":1}"#).unwrap_err();
        let mut pointers: Vec<String> = error.problem("").errors.into_iter().map(|e| e.pointer).collect();
        pointers.sort_unstable();
        assert_eq!(pointers, ["/days/1", "/days/3", "/less", "/more"]);
    }

    #[test]
    fn what_is_no_json_is_malformed() {
        for text in ["", "{", "{} {}", "\u{0}", &"[".repeat(100_000)] {
            assert_eq!(
                parse::<serde_json::Value>(text.as_bytes()).unwrap_err().code(),
                Code::MalformedRequest,
                "{text:.9}"
            );
        }
    }

    #[test]
    fn a_nul_character_is_refused_but_its_spelling_is_not() {
        assert_eq!(parse::<String>(br#""a\u0000""#).unwrap_err().code(), Code::ValidationFailed);
        assert_eq!(parse::<String>(br#""a\\u0000""#).unwrap(), "a\\u0000");
        assert_eq!(parse::<String>(br#""a\\\u0000""#).unwrap_err().code(), Code::ValidationFailed);
    }
}

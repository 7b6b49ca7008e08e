//! Trying an external rule: the service is really asked.
use axum::extract::State;
use cxc_core::compliance::ExternalOutcome;
use cxc_server::outbound::external::ask;
use cxc_server::{ApiError, ApiJson, ApiPath, App, Principal, Scope, document};
use cxc_store::judge::Question;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::time::Instant;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::rules::ExternalRule;

/// The scope that trying needs: it sends a request.
pub(crate) const TEST: Scope = Scope::ComplianceWrite;

/// A record that somebody makes up.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MadeUpRecord {
    /// What the service knows the record by.
    #[serde(default = "handle")]
    #[schema(default = "test", max_length = 64)]
    pub handle: String,
    /// The properties that are sent.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub properties: Map<String, Value>,
}

fn handle() -> String {
    "test".to_owned()
}

/// What the service answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// Whether the attempt may be made.
    pub passed: bool,
    /// Whether the service answered at all; without an answer the attempt is not made and tried again later.
    pub answered: bool,
    /// What it said, or why there is no answer.
    pub detail: String,
    /// How long it took.
    #[schema(minimum = 0)]
    pub milliseconds: u64,
}

/// Ask the service of an external rule about a made-up record
#[utoipa::path(post, path = "/compliance/external-rules/{id}/actions/test", tag = "Compliance", operation_id = "testExternalRule",
    params(("id" = Uuid, Path, description = "The external rule.")), request_body = MadeUpRecord,
    responses((status = OK, body = Asked), ApiError))]
pub(crate) async fn test_rule(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    ApiJson(record): ApiJson<MadeUpRecord>,
) -> Result<axum::Json<Asked>, ApiError> {
    let rule = document::get::<ExternalRule>(&mut app.db.read().await?, principal.tenant, id).await?;
    let rule = rule.ok_or_else(|| ApiError::not_found("external rule"))?.body.0;
    let plain = |c: char| c.is_ascii_graphic() && c != '"';
    if !(1..=64).contains(&record.handle.len()) || !record.handle.chars().all(plain) {
        return Err(ApiError::invalid("/handle", "handle", "a handle has 1 to 64 printable characters"));
    }
    let since = Instant::now();
    let question = Question { rule: &rule, handle: record.handle, properties: record.properties };
    let (passed, answered, detail) = match ask(&app.outbound, &question).await.outcome {
        ExternalOutcome::Pass => (true, true, "contact".to_owned()),
        ExternalOutcome::Block(said) => (false, true, said),
        ExternalOutcome::Unavailable(why) => (false, false, why),
    };
    let milliseconds = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(axum::Json(Asked { passed, answered, detail, milliseconds }))
}

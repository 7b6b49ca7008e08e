//! Trying a custom rule on a contact that somebody makes up.
use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::extract::State;
use cxc_core::channel::Channel;
use cxc_core::compliance::{Columns, CustomExpression, Purpose, Trial};
use cxc_core::field_error::FieldError;
use cxc_server::{ApiError, ApiJson, ApiPath, App, Principal, Scope, document};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::rules::CustomRule;

/// The scope that trying needs.
pub(crate) const TEST: Scope = Scope::ComplianceRead;

/// The most columns of a made-up contact.
const MOST_COLUMNS: usize = 200;
/// The most zones in which it may be.
const MOST_ZONES: usize = 20;

/// A contact that somebody makes up, and a moment.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MadeUp {
    /// The columns by name, as `c_other1` or `custom:Branch`.
    #[serde(default)]
    pub columns: BTreeMap<String, String>,
    /// The channel.
    #[serde(default = "sms")]
    pub channel: Channel,
    /// The purpose.
    #[serde(default = "informational")]
    pub purpose: Purpose,
    /// The IANA time zones in which the person may be.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub time_zones: Vec<String>,
    /// The moment; now, if it is left out.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
    /// What each function that counts attempts answers.
    #[serde(default)]
    #[schema(minimum = 0)]
    pub attempts: u32,
}

fn sms() -> Channel {
    Channel::Sms
}

fn informational() -> Purpose {
    Purpose::Informational
}

/// An expression and a contact that somebody makes up.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExpressionTest {
    /// The expression.
    #[schema(min_length = 1, max_length = 2000)]
    pub expression: String,
    /// What it is tried on.
    pub on: MadeUp,
}

/// What an expression says of a contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tried {
    /// Whether the attempt may be made.
    pub passed: bool,
    /// Why that can't be told, and it may not be made for that reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub error: Option<String>,
}

#[derive(Debug)]
struct Row<'a>(&'a BTreeMap<String, String>);

impl Columns for Row<'_> {
    fn column(&self, name: &str) -> Option<Cow<'_, str>> {
        self.0.get(name).map(|value| value.as_str().into())
    }
}

/// Try an expression that is not stored
#[utoipa::path(post, path = "/compliance/custom-rules/actions/test", tag = "Compliance", operation_id = "testExpression",
    request_body = ExpressionTest, responses((status = OK, body = Tried), ApiError))]
pub(crate) async fn test_expression(
    State(app): State<App>,
    _principal: Principal,
    ApiJson(asked): ApiJson<ExpressionTest>,
) -> Result<axum::Json<Tried>, ApiError> {
    let wrong = |detail: String| ApiError::invalid("/expression", "expression", detail);
    let expression = CustomExpression::compile(&asked.expression).map_err(wrong)?;
    try_on(&app, &expression, &asked.on, "/on").map(axum::Json)
}

/// Try a custom rule
#[utoipa::path(post, path = "/compliance/custom-rules/{id}/actions/test", tag = "Compliance", operation_id = "testCustomRule",
    params(("id" = Uuid, Path, description = "The custom rule.")), request_body = MadeUp,
    responses((status = OK, body = Tried), ApiError))]
pub(crate) async fn test_rule(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    ApiJson(on): ApiJson<MadeUp>,
) -> Result<axum::Json<Tried>, ApiError> {
    let rule = document::get::<CustomRule>(&mut app.db.read().await?, principal.tenant, id).await?;
    let rule = rule.ok_or_else(|| ApiError::not_found("custom rule"))?;
    let answer = match CustomExpression::compile(&rule.body.0.expression) {
        Ok(expression) => try_on(&app, &expression, &on, "")?,
        Err(error) => Tried { passed: false, error: Some(error) },
    };
    Ok(axum::Json(answer))
}

fn try_on(app: &App, expression: &CustomExpression, on: &MadeUp, at: &str) -> Result<Tried, ApiError> {
    let mut errors = Vec::new();
    if on.columns.len() > MOST_COLUMNS {
        let detail = format!("a contact has at most {MOST_COLUMNS} columns here");
        errors.push(FieldError::new(format!("{at}/columns"), "too_many", detail));
    }
    if on.time_zones.len() > MOST_ZONES {
        errors.push(FieldError::new(format!("{at}/timeZones"), "too_many", "a contact has at most 20 time zones here"));
    }
    let (zones, now) = (&app.rules.zones, on.at.unwrap_or_else(|| app.clock.now()));
    let mut local = Vec::new();
    for (i, name) in on.time_zones.iter().enumerate().take(MOST_ZONES) {
        match zones.get(name) {
            Some(zone) => local.push(zone.to_datetime(now)),
            None => errors.push(FieldError::new(
                format!("{at}/timeZones/{i}"),
                "time_zone",
                "a time zone is an IANA name, as in America/New_York",
            )),
        }
    }
    if !errors.is_empty() {
        return Err(ApiError::validation(errors));
    }
    let trial = Trial {
        columns: &Row(&on.columns),
        channel: on.channel,
        purpose: on.purpose.as_str(),
        local: &local,
        attempts: on.attempts.into(),
    };
    Ok(match expression.try_on(&trial) {
        Ok(passed) => Tried { passed, error: None },
        Err(error) => Tried { passed: false, error: Some(error) },
    })
}

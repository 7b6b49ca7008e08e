//! The policy of a tenant's whole rule set: the guard before a window's end, and who is contacted without a known zone.
use axum::extract::State;
use axum::http::{HeaderMap, header};
use cxc_core::compliance::{DEFAULT_GUARD_SECONDS, MAX_GUARD_SECONDS, UnmappedPolicy, Zones};
use cxc_core::field_error::FieldError;
use cxc_core::written_reason::WrittenReason;
use cxc_server::audit::Entry;
use cxc_server::document::if_match;
use cxc_server::{ApiError, ApiJson, App, Principal, Scope};
use cxc_store::rule_set::RulePolicy;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::legal_rules::EtagHeader;

/// The scope that reading needs.
pub(crate) const READ: Scope = Scope::ComplianceRead;
/// The scope that changing needs: it holds for every campaign.
pub(crate) const WRITE: Scope = Scope::ComplianceRequired;

/// The policy of a tenant's whole rule set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Policy {
    /// How long before a window's end contacting stops, in seconds.
    #[schema(minimum = 0, maximum = 3600)]
    pub guard_seconds: u32,
    /// What holds for people whose zone is not known, and which parts of a location are looked at.
    pub unmapped: UnmappedPolicy,
}

/// A new policy, and why.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewPolicy {
    /// How long before a window's end contacting stops, in seconds; 60 where it is left out.
    #[serde(default = "usual_guard")]
    #[schema(minimum = 0, maximum = 3600)]
    pub guard_seconds: u32,
    /// What holds for people whose zone is not known.
    #[serde(default)]
    pub unmapped: UnmappedPolicy,
    /// Why it is changed; the audit log keeps it.
    #[schema(min_length = 1, max_length = 2000)]
    pub reason: String,
}

fn usual_guard() -> u32 {
    DEFAULT_GUARD_SECONDS
}

impl Policy {
    fn of(stored: RulePolicy) -> Self {
        Self {
            guard_seconds: stored.guard_seconds.unwrap_or(DEFAULT_GUARD_SECONDS),
            unmapped: stored.unmapped.unwrap_or_default(),
        }
    }
}

impl NewPolicy {
    fn errors(&self, zones: &Zones) -> Vec<FieldError> {
        let mut errors = Vec::new();
        if self.guard_seconds > MAX_GUARD_SECONDS {
            errors.push(FieldError::new("/guardSeconds", "range", "a guard is 0 to 3600 seconds"));
        }
        if let Err(error) = WrittenReason::of_law(&self.reason) {
            errors.push(FieldError::new("/reason", "required", error.to_string()));
        }
        let window = self.unmapped.window;
        let mut zone = |pointer: &str, name: &str| {
            if zones.get(name).is_none() {
                let detail = "a time zone is an IANA name, as in America/New_York";
                errors.push(FieldError::new(pointer, "time_zone", detail));
            }
        };
        zone("/unmapped/zone", &self.unmapped.zone);
        if let Some(name) = &self.unmapped.default_zone {
            zone("/unmapped/defaultZone", name);
        }
        if window.from >= window.till {
            let detail = "a window closes after it opens";
            errors.push(FieldError::new("/unmapped/window/till", "not_after_from", detail));
        }
        errors
    }
}

/// The policy of the rule set
#[utoipa::path(get, path = "/compliance/policy", tag = "Compliance", operation_id = "getCompliancePolicy",
    responses((status = OK, body = Policy, headers(("ETag" = String))), ApiError))]
pub(crate) async fn get(
    State(app): State<App>,
    principal: Principal,
) -> Result<(EtagHeader, axum::Json<Policy>), ApiError> {
    let stored = app.db.read().await?.rule_policy_get(principal.tenant).await?;
    Ok((tag(stored.version), axum::Json(Policy::of(stored))))
}

fn tag(version: i64) -> EtagHeader {
    [(header::ETAG, format!("\"{version}\""))]
}

/// Change the policy of the rule set
///
/// Only the first change needs no `If-Match`.
#[utoipa::path(put, path = "/compliance/policy", tag = "Compliance", operation_id = "setCompliancePolicy",
    params(("If-Match" = Option<String>, Header, description = "The ETag of the policy as it was read; may be left out until the first change.")),
    request_body = NewPolicy, responses((status = OK, body = Policy, headers(("ETag" = String))), ApiError))]
pub(crate) async fn set(
    State(app): State<App>,
    principal: Principal,
    headers: HeaderMap,
    ApiJson(wanted): ApiJson<NewPolicy>,
) -> Result<(EtagHeader, axum::Json<Policy>), ApiError> {
    let errors = wanted.errors(&app.rules.zones);
    if !errors.is_empty() {
        return Err(ApiError::validation(errors));
    }
    let mut tx = app.db.begin().await?;
    let taken = tx.rule_policy_take(principal.tenant).await?;
    let is_first = taken == RulePolicy::default() && !headers.contains_key(header::IF_MATCH);
    if !is_first {
        if_match(&headers, taken.version)?;
    }
    let (version, before) = (taken.version + 1, Policy::of(taken));
    let after = Policy { guard_seconds: wanted.guard_seconds, unmapped: wanted.unmapped };
    let (guard_seconds, unmapped) = (Some(after.guard_seconds), Some(after.unmapped.clone()));
    let stored = RulePolicy { guard_seconds, unmapped, version };
    tx.rule_policy_set(principal.tenant, &stored).await?;
    let mut audited = json!(after);
    audited["reason"] = wanted.reason.trim().into();
    let entry = Entry::new("update", "compliance_policy").changed(Some(json!(before)), Some(audited));
    entry.write(&app, &mut tx, &principal).await?;
    tx.commit().await?;
    Ok((tag(version), axum::Json(after)))
}

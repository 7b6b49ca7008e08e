//! `/compliance/consent-policy`: whether files may lift an opt-out, and shorter terms than the law's.
use axum::extract::State;
use axum::http::{HeaderMap, header};
use cxc_core::consent::ConsentPolicy;
use cxc_core::field_error::FieldError;
use cxc_core::written_reason::WrittenReason;
use cxc_server::audit::Entry;
use cxc_server::document::if_match;
use cxc_server::{ApiError, ApiJson, App, Code, Principal};
use cxc_store::StoreError;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::legal_rules::EtagHeader;

/// The longest of a tenant's own terms: what is longer could not shorten the law's.
const MOST_DAYS: u16 = 30;
const MOST_MINUTES: u16 = 60;

/// A new consent policy, and why: the members as they are read, and the reason.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewConsentPolicy {
    /// A consent of a file lifts an opt-out that it is later than, if it is express. Otherwise no file ever does.
    #[serde(default)]
    #[schema(default = false)]
    files_lift_opt_outs: bool,
    /// An opt-out must hold within so many days, if the law allows more.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 30)]
    revocation_days: Option<u16>,
    /// The one confirmation of an opt-out goes out within so many minutes or not at all, if the law allows more. 0: none
    /// is sent.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 60)]
    confirm_minutes: Option<u16>,
    /// Why it is changed; the audit log keeps it.
    #[schema(min_length = 1, max_length = 2000)]
    reason: String,
}

impl NewConsentPolicy {
    fn errors(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let mut wrong = |pointer: &str, text: &str| errors.push(FieldError::new(pointer, "range", text));
        if self.revocation_days.is_some_and(|days| days > MOST_DAYS) {
            wrong("/revocationDays", "a term of the tenant's own is 0 to 30 days: it can only shorten the law's");
        }
        if self.confirm_minutes.is_some_and(|minutes| minutes > MOST_MINUTES) {
            wrong("/confirmMinutes", "a term of the tenant's own is 0 to 60 minutes: it can only shorten the law's");
        }
        if let Err(error) = WrittenReason::of_law(&self.reason) {
            errors.push(FieldError::new("/reason", "required", error.to_string()));
        }
        errors
    }

    fn policy(&self) -> ConsentPolicy {
        ConsentPolicy {
            files_lift_opt_outs: self.files_lift_opt_outs,
            revocation_days: self.revocation_days,
            confirm_minutes: self.confirm_minutes,
        }
    }
}

fn tag(version: i64) -> EtagHeader {
    [(header::ETAG, format!("\"{version}\""))]
}

/// What the tenant decided about consents and opt-outs
#[utoipa::path(get, path = "/compliance/consent-policy", tag = "Compliance", operation_id = "getConsentPolicy",
    responses((status = OK, body = ConsentPolicy, headers(("ETag" = String))), ApiError))]
pub(crate) async fn get(
    State(app): State<App>,
    principal: Principal,
) -> Result<(EtagHeader, axum::Json<ConsentPolicy>), ApiError> {
    let (policy, version) = app.db.read().await?.consent_policy_versioned(principal.tenant).await?;
    Ok((tag(version), axum::Json(policy)))
}

/// Decide about consents and opt-outs
///
/// Takes what a GET answers, and a reason; a member that is left out is set back. Terms can only be shortened: the earlier of the
/// law's and the tenant's holds. Only the first change needs no `If-Match`.
#[utoipa::path(put, path = "/compliance/consent-policy", tag = "Compliance", operation_id = "setConsentPolicy",
    params(("If-Match" = Option<String>, Header, description = "The ETag of the policy as it was read; may be left out until the first change.")),
    request_body = NewConsentPolicy,
    responses((status = OK, body = ConsentPolicy, headers(("ETag" = String))), ApiError))]
pub(crate) async fn set(
    State(app): State<App>,
    principal: Principal,
    headers: HeaderMap,
    ApiJson(wanted): ApiJson<NewConsentPolicy>,
) -> Result<(EtagHeader, axum::Json<ConsentPolicy>), ApiError> {
    let errors = wanted.errors();
    if !errors.is_empty() {
        return Err(ApiError::validation(errors));
    }
    let policy = wanted.policy();
    let mut tx = app.db.begin().await?;
    let (before, version) = tx.consent_policy_versioned(principal.tenant).await?;
    if version > 0 || headers.contains_key(header::IF_MATCH) {
        if_match(&headers, version)?;
    }
    let set = tx.consent_policy_set(principal.tenant, app.ids.next(), &policy, &principal.name, app.now()).await;
    set.map_err(|error| match error {
        StoreError::AlreadyExists(_) => {
            ApiError::new(Code::EtagMismatch, "somebody else changed it: read it again and repeat your change")
        }
        error => error.into(),
    })?;
    let mut after = json!(policy);
    after["reason"] = wanted.reason.trim().into();
    Entry::new("update", "consent_policy")
        .changed(Some(json!(before)), Some(after))
        .write(&app, &mut tx, &principal)
        .await?;
    tx.commit().await?;
    Ok((tag(version + 1), axum::Json(policy)))
}

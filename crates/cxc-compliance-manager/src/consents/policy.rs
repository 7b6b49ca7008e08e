//! `/compliance/consent-policy`: whether files may lift an opt-out, and shorter terms than the law's.
use axum::extract::State;
use cxc_core::consent::ConsentPolicy;
use cxc_server::audit::Entry;
use cxc_server::{ApiError, ApiJson, App, Principal};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::person;

/// The longest of a tenant's own terms: what is longer could not shorten the law's.
const MOST_DAYS: u16 = 30;
const MOST_MINUTES: u16 = 60;

/// A new consent policy, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewConsentPolicy {
    /// What holds.
    policy: ConsentPolicy,
    /// Why it is changed; the audit log keeps it.
    #[schema(min_length = 1, max_length = 2000)]
    reason: String,
}

/// What the tenant decided about consents and opt-outs
#[utoipa::path(get, path = "/compliance/consent-policy", tag = "Compliance", operation_id = "getConsentPolicy",
    responses((status = OK, body = ConsentPolicy), ApiError))]
pub(crate) async fn get(State(app): State<App>, principal: Principal) -> Result<ApiJson<ConsentPolicy>, ApiError> {
    Ok(ApiJson(app.db.read().await?.consent_policy(principal.tenant).await?))
}

/// Decide about consents and opt-outs
///
/// Terms can only be shortened: the earlier of the law's and the tenant's holds.
#[utoipa::path(put, path = "/compliance/consent-policy", tag = "Compliance", operation_id = "setConsentPolicy",
    request_body = NewConsentPolicy, responses((status = OK, body = ConsentPolicy), ApiError))]
pub(crate) async fn set(
    State(app): State<App>,
    principal: Principal,
    ApiJson(wanted): ApiJson<NewConsentPolicy>,
) -> Result<ApiJson<ConsentPolicy>, ApiError> {
    let reason = person::reason_of_law(&wanted.reason)?;
    let policy = wanted.policy;
    if policy.revocation_days.is_some_and(|days| days > MOST_DAYS) {
        let text = "a term of the tenant's own is 0 to 30 days: it can only shorten the law's";
        return Err(ApiError::invalid("/policy/revocationDays", "range", text));
    }
    if policy.confirm_minutes.is_some_and(|minutes| minutes > MOST_MINUTES) {
        let text = "a term of the tenant's own is 0 to 60 minutes: it can only shorten the law's";
        return Err(ApiError::invalid("/policy/confirmMinutes", "range", text));
    }
    let mut tx = app.db.begin().await?;
    let before = tx.consent_policy(principal.tenant).await?;
    tx.consent_policy_set(principal.tenant, app.ids.next(), &policy, &principal.name, app.now()).await?;
    let entry = Entry::new("update", "consent_policy")
        .changed(Some(json!(before)), Some(json!({ "policy": policy, "reason": reason })));
    entry.write(&app, &mut tx, &principal).await?;
    tx.commit().await?;
    Ok(ApiJson(policy))
}

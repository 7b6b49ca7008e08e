//! Taking a decision on a legal rule back: what holds without one holds again.
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use cxc_core::compliance::legal::{LegalRule, LegalRuleSetting, widens};
use cxc_server::audit::Entry;
use cxc_server::document::Document as _;
use cxc_server::{ApiError, ApiPath, ApiQuery, App, Code, Principal, Scope};
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;

use super::{Setting, history, version, yesterday};
use crate::consents::person;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Withdrawn {
    /// Why. Whatever lets contacts pass that were held back needs one.
    #[param(min_length = 1, max_length = 500, nullable = false)]
    reason: Option<String>,
}

/// Take a decision on a legal rule back: what holds without one holds again
///
/// Also of a rule that is not shipped any more: see `/compliance/rule-problems`.
#[utoipa::path(delete, path = "/compliance/legal-rules/{rule}/setting", tag = "Compliance",
    operation_id = "withdrawLegalRuleDecision",
    params(("rule" = String, Path, description = "The id of the rule, such as US-TX-HOURS."), Withdrawn,
        ("If-Match" = String, Header, description = "The ETag of the rule as it was read.")),
    responses((status = NO_CONTENT), ApiError))]
pub(crate) async fn withdraw(
    State(app): State<App>,
    principal: Principal,
    ApiPath(rule): ApiPath<String>,
    ApiQuery(Withdrawn { reason }): ApiQuery<Withdrawn>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    let reason = reason.as_deref().map(person::reason).transpose()?;
    let mut tx = app.db.begin().await?;
    let stored = tx.object_find(principal.tenant, Setting::KIND, &rule).await?;
    let stored = stored.ok_or_else(|| ApiError::not_found(Setting::NOUN))?;
    version::unchanged(&mut tx, (principal.tenant, &rule), true, &headers).await?;
    let versions: Vec<&LegalRule> = app.rules.packs.get(&rule).map(AsRef::as_ref).collect();
    // one that can't be read stops everybody, so that its end lets them pass
    let before = serde_json::from_value::<LegalRuleSetting>(stored.body.0.clone()).ok();
    let frees = before.as_ref().is_none_or(|before| widens(&versions, Some(before), None, yesterday(&app)));
    if frees {
        principal.need(Scope::ComplianceRequired)?;
        if reason.is_none() {
            let detail = "this lets contacts pass that were held back: say why, the audit log keeps it";
            return Err(ApiError::invalid("/reason", "required", detail));
        }
    }
    if !tx.object_delete(principal.tenant, Setting::KIND, stored.id, stored.version).await? {
        return Err(ApiError::new(Code::EtagMismatch, "it was decided anew meanwhile: look at it again"));
    }
    tx.rule_set_moved(principal.tenant).await?;
    history::withdrawn(&app, &mut tx, &principal, &rule, reason.as_deref()).await?;
    let entry = Entry::new("delete", Setting::KIND).of(stored.id, &rule);
    let after = reason.map(|reason| json!({ "reason": reason }));
    entry.changed(Some(stored.body.0), after).write(&app, &mut tx, &principal).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

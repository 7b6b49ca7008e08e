//! The record of who decided what about a legal rule, when and why: each decision is added to it, none takes another's place.
use cxc_core::compliance::legal::{Narrowing, SettingState};
use cxc_server::app::time_text;
use cxc_server::document::Write;
use cxc_server::{ApiError, App, Principal};
use cxc_store::Tx;
use cxc_store::legal_decision::LegalDecision;
use cxc_store::object::Json;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::Setting;

/// A decision on a legal rule as it was made.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DecisionMade {
    /// When.
    #[schema(format = DateTime)]
    pub at: String,
    /// By whom.
    pub by: String,
    /// What was decided; null where the decision of before was taken back.
    #[schema(required)]
    pub state: Option<SettingState>,
    /// Why.
    pub reason: String,
    /// How the rule was narrowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub narrow: Option<Narrowing>,
}

/// What is kept of a decision, as far as it is shown.
#[derive(Deserialize)]
struct Kept {
    state: Option<SettingState>,
    #[serde(default)]
    reason: String,
    narrow: Option<Narrowing>,
}

/// Adds the decision that is being written.
pub(super) async fn decided(write: &mut Write<'_, Setting>) -> Result<(), ApiError> {
    let body = serde_json::to_value(&write.after.body).map_err(ApiError::internal)?;
    add(write.app, write.tx, write.principal, &write.after.body.0.rule, body).await
}

/// Adds that the decision was taken back.
pub(super) async fn withdrawn(
    app: &App,
    tx: &mut Tx,
    principal: &Principal,
    rule: &str,
    reason: Option<&str>,
) -> Result<(), ApiError> {
    add(app, tx, principal, rule, json!({ "reason": reason.unwrap_or_default() })).await
}

async fn add(app: &App, tx: &mut Tx, principal: &Principal, rule: &str, body: Value) -> Result<(), ApiError> {
    let decision = LegalDecision {
        id: app.ids.next(),
        at: app.now(),
        decided_by: principal.name.clone(),
        withdrawn: body["state"].is_null(),
        body: Json(body),
    };
    Ok(tx.legal_decision_add(principal.tenant, rule, &decision).await?)
}

/// Every decision on a rule, the newest first.
pub(super) async fn of(tx: &mut Tx, tenant: i64, rule: &str) -> Result<Vec<DecisionMade>, ApiError> {
    let made = |kept: LegalDecision| {
        let body: Kept = serde_json::from_value(kept.body.0).map_err(ApiError::internal)?;
        let state = body.state.filter(|_| !kept.withdrawn);
        let (at, by) = (time_text(kept.at), kept.decided_by);
        Ok(DecisionMade { at, by, state, reason: body.reason, narrow: body.narrow })
    };
    tx.legal_decisions(tenant, rule).await?.into_iter().map(made).collect()
}

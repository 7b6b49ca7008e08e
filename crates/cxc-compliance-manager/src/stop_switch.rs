//! The stop switch: a tenant's attempts cease on every channel until it is switched off again.
use axum::extract::State;
use cxc_server::audit::Entry;
use cxc_server::{ApiError, ApiJson, App, Principal, Scope};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::consents::person;

/// Whether everything is stopped, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StopSwitch {
    /// Whether nobody is contacted.
    pub stopped: bool,
    /// Why everything is stopped, or may go on; needed to change it. Empty while nothing is stopped.
    #[serde(default)]
    #[schema(max_length = 500)]
    pub reason: String,
}

/// Whether everything is stopped
#[utoipa::path(get, path = "/compliance/stop-switch", tag = "Compliance", operation_id = "getStopSwitch",
    responses((status = OK, body = StopSwitch), ApiError))]
pub(crate) async fn get(State(app): State<App>, principal: Principal) -> Result<axum::Json<StopSwitch>, ApiError> {
    let stopped = app.db.read().await?.stop_switch_get(principal.tenant).await?;
    Ok(axum::Json(StopSwitch { stopped: stopped.is_some(), reason: stopped.unwrap_or_default() }))
}

/// Stop every attempt of the tenant, or let them go on
#[utoipa::path(put, path = "/compliance/stop-switch", tag = "Compliance", operation_id = "setStopSwitch", request_body = StopSwitch,
    responses((status = OK, body = StopSwitch), ApiError))]
pub(crate) async fn set(
    State(app): State<App>,
    principal: Principal,
    ApiJson(wanted): ApiJson<StopSwitch>,
) -> Result<axum::Json<StopSwitch>, ApiError> {
    let reason = person::reason(&wanted.reason)?;
    let mut tx = app.db.begin().await?;
    let before = tx.stop_switch_get(principal.tenant).await?;
    let after = wanted.stopped.then_some(reason.as_str());
    tx.stop_switch_set(principal.tenant, after).await?;
    let was = before.map_or_else(|| json!({ "stopped": false }), |why| json!({ "stopped": true, "reason": why }));
    let is = json!({ "stopped": wanted.stopped, "reason": reason });
    let entry = Entry::new("update", "stop_switch").changed(Some(was), Some(is));
    entry.write(&app, &mut tx, &principal).await?;
    tx.commit().await?;
    let reason = if wanted.stopped { reason } else { String::new() };
    Ok(axum::Json(StopSwitch { stopped: wanted.stopped, reason }))
}

/// The scope that reading needs.
pub(crate) const READ: Scope = Scope::ComplianceRead;
/// The scope that switching needs.
pub(crate) const WRITE: Scope = Scope::ComplianceRequired;

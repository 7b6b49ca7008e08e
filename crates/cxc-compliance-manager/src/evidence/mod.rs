//! Evidence as a compliance officer reads it: decisions of a person, a group and a time, one decision, and whether
//! a day's chains hold.
mod chains;
mod digest;
mod replay;
mod shown;

use axum::extract::State;
use cxc_core::contact::address_text;
use cxc_server::app::time_text;
use cxc_server::extract::ApiPath;
use cxc_server::{ApiError, ApiQuery, App, Code, Principal, Scope, document, require};
use cxc_store::evidence::{DeviceSeal, EvidenceFilter, EvidenceId, Found};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::validation::Held;

pub use chains::ChainView;
pub(crate) use chains::{checked, unreadable};
pub(crate) use digest::Telling;
pub use digest::{DigestView, digest};
pub use replay::{Replayed, replay};
pub(crate) use shown::shown;

/// What came of a decision: a verdict that allows is deferred where somebody else held the person.
pub(crate) fn came_out(verdict: &Value, held: Option<&str>) -> String {
    match (verdict["decision"].as_str().unwrap_or_default(), held) {
        (_, Some(held)) if Held::of(held) == Some(Held::GuidUsed) => "deny".to_owned(),
        ("allow", Some(_)) => "defer".to_owned(),
        (decision, _) => decision.to_owned(),
    }
}

/// Why a decision was held back besides the rules.
fn held_back(held: &str) -> String {
    format!("it was held back ({held}): {}", Held::of(held).map_or("somebody else held the person", Held::past))
}

/// The routes below the public base path.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(require(Scope::ComplianceRead, routes!(list)))
        .routes(require(Scope::ComplianceRead, routes!(get)))
        .routes(require(Scope::ComplianceRead, routes!(replay::replay_one)))
        .routes(require(Scope::ComplianceRead, routes!(chains::chains)))
        .routes(require(Scope::ComplianceRead, routes!(digest::of_day)))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// About this device: a phone number in E.164 or an email address.
    #[param(nullable = false)]
    device: Option<String>,
    /// About this client id.
    #[param(nullable = false)]
    client_id: Option<String>,
    /// Of this campaign group.
    #[param(nullable = false)]
    group_id: Option<Uuid>,
    /// Not before this instant.
    #[param(value_type = Option<String>, nullable = false, format = DateTime)]
    from: Option<Timestamp>,
    /// Before this instant.
    #[param(value_type = Option<String>, nullable = false, format = DateTime)]
    till: Option<Timestamp>,
    /// How many at most; 50 by default.
    #[param(minimum = 1, maximum = 500, nullable = false)]
    limit: Option<i64>,
    /// Where to go on: `next` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// A decision, with all that it was made from.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct EvidenceView {
    /// Its id.
    id: String,
    /// When it was made.
    at: String,
    /// The device, unless the person was erased; only of a single decision, and for who may see people's data
    /// (`privacy:admin`).
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    /// What came of it: `allow`, `defer`, `deny` or `error`. One that was held back is deferred, though its verdict allows.
    outcome: String,
    /// Who stood in the way besides the rules: `history_pending` or `in_flight_elsewhere`.
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<String>,
    /// That it was held back, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    held_back: Option<String>,
    /// The decision as it is kept: inputs, versions and the verdict with every rule that stood in the way. Ids and keyed hashes
    /// are texts.
    #[schema(value_type = Object)]
    decision: Value,
}

/// Decisions, oldest first.
#[derive(Debug, Serialize, ToSchema)]
struct EvidencePage {
    items: Vec<EvidenceView>,
    /// Where to go on; null at the end.
    #[schema(required)]
    next: Option<String>,
}

impl EvidenceView {
    fn of(found: &Found, device: Option<String>) -> Result<Self, ApiError> {
        let decision = shown(serde_json::to_value(&found.decision).map_err(ApiError::internal)?);
        let held = found.decision.held.clone();
        Ok(Self {
            id: found.id.to_string(),
            at: time_text(found.decision.at),
            device,
            outcome: came_out(&found.decision.verdict, held.as_deref()),
            held_back: held.as_deref().map(held_back),
            held,
            decision,
        })
    }
}

/// List decisions, oldest first
#[utoipa::path(get, path = "/compliance/evidence", tag = "Compliance", operation_id = "listEvidence", params(Asked),
    responses((status = OK, body = EvidencePage), ApiError))]
async fn list(
    State(app): State<App>,
    principal: Principal,
    ApiQuery(asked): ApiQuery<Asked>,
) -> Result<axum::Json<EvidencePage>, ApiError> {
    let limit = usize::try_from(document::limit(asked.limit)?).unwrap_or(1);
    let tenant = principal.tenant;
    let mut tx = app.db.read().await?;
    let grp = match asked.group_id {
        None => None,
        Some(id) => {
            let found = tx.group_get(tenant, id, false).await?;
            Some(found.ok_or_else(|| ApiError::not_found("campaign group"))?.number)
        }
    };
    let hash = |text: &str| app.hash_key.hash(tenant, text);
    let device = asked.device.as_deref().map(|d| hash(&address_text(d.trim())));
    let filter = EvidenceFilter {
        keys: device.into_iter().chain(asked.client_id.as_deref().map(hash)).collect(),
        grp,
        from: asked.from.map_or(0, Timestamp::as_microsecond),
        to: asked.till.map_or(i64::MAX, Timestamp::as_microsecond),
        after: asked.cursor.as_deref().map(place).transpose()?,
    };
    let found = tx.evidence_find(tenant, &filter, limit).await.map_err(unreadable)?;
    let last = found.last().filter(|_| found.len() == limit);
    let next = last.map(|f| format!("{}.{}", f.block_at, f.id));
    let items = found.iter().map(|f| EvidenceView::of(f, None)).collect::<Result<_, _>>()?;
    Ok(axum::Json(EvidencePage { items, next }))
}

/// A page's end: it names only a place, and the tenant's own filter holds for it, so it needs no seal.
fn place(cursor: &str) -> Result<(i64, EvidenceId), ApiError> {
    let bad = || ApiError::new(Code::BadCursor, "a cursor comes from `next`");
    let (at, id) = cursor.split_once('.').ok_or_else(bad)?;
    Ok((at.parse().map_err(|_| bad())?, id.parse().map_err(|_| bad())?))
}

/// One decision
///
/// The device, and the columns that custom rules read, are told to who may see people's data (`privacy:admin`).
#[utoipa::path(get, path = "/compliance/evidence/{id}", tag = "Compliance", operation_id = "getEvidence",
    params(("id" = String, Path, description = "The id of the decision")),
    responses((status = OK, body = EvidenceView), ApiError))]
async fn get(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<String>,
) -> Result<axum::Json<EvidenceView>, ApiError> {
    let id: EvidenceId = id.parse().map_err(|_| ApiError::not_found("decision"))?;
    let mut tx = app.db.read().await?;
    let found = tx.evidence_get(principal.tenant, id).await.map_err(unreadable)?;
    let mut found = found.ok_or_else(|| ApiError::not_found("decision"))?;
    let device = match principal.sees_people() {
        true => found.open(&DeviceSeal::new(&app.hash_key)?, principal.tenant).map_err(unreadable)?,
        false => None,
    };
    Ok(axum::Json(EvidenceView::of(&found, device)?))
}

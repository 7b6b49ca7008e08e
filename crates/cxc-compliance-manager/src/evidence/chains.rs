//! Whether chains of evidence hold: of a day, and those that a decision or a file rests on.
use axum::extract::State;
use cxc_server::{ApiError, ApiQuery, App, Code, Principal};
use cxc_store::evidence::is_day;
use cxc_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Day {
    /// The day in UTC, such as 20260301.
    day: i64,
}

/// How one chain of a day stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EvidenceChain)]
pub struct ChainView {
    /// The day in UTC, such as 20260301.
    pub day: i64,
    /// The chain.
    pub chain: String,
    /// Its blocks that hold.
    pub blocks: i64,
    /// Their decisions.
    pub decisions: i64,
    /// Whether every block follows from the one before, to the end that was noted.
    pub holds: bool,
    /// The first block that does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub broken_at: Option<i64>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub why: Option<String>,
}

impl ChainView {
    /// How it stands, in words.
    pub fn sentence(&self) -> String {
        let Self { day, chain, blocks, .. } = self;
        match (self.broken_at, &self.why) {
            (Some(at), Some(why)) => format!(
                "the evidence chain {chain} of {day} is broken at block {at}: {why}; the {blocks} blocks before it hold"
            ),
            _ => format!("the evidence chain {chain} of {day} is verified: its {blocks} blocks hold"),
        }
    }
}

/// Recomputes one chain.
pub(crate) async fn checked(tx: &mut Tx, tenant: i64, day: i64, chain: i64) -> Result<ChainView, StoreError> {
    let state = tx.evidence_verify(tenant, day, chain).await?;
    Ok(ChainView {
        day,
        chain: format!("{chain:x}"),
        blocks: state.blocks,
        decisions: state.decisions,
        holds: state.broken.is_none(),
        broken_at: state.broken.map(|broken| broken.0),
        why: state.broken.map(|broken| broken.1.to_owned()),
    })
}

/// 409 for evidence that can't be read: who asks is told that it was changed.
pub(crate) fn unreadable(error: StoreError) -> ApiError {
    match error {
        StoreError::Corrupt(what) => {
            let text = format!("{what}: it was changed since it was kept, see GET /compliance/evidence-chains");
            ApiError::new(Code::EvidenceBroken, text)
        }
        other => other.into(),
    }
}

/// Recompute the chains of a day
#[utoipa::path(get, path = "/compliance/evidence-chains", tag = "Compliance", operation_id = "verifyEvidence", params(Day),
    responses((status = OK, body = Vec<ChainView>), ApiError))]
pub(super) async fn chains(
    State(app): State<App>,
    principal: Principal,
    ApiQuery(Day { day }): ApiQuery<Day>,
) -> Result<axum::Json<Vec<ChainView>>, ApiError> {
    if !is_day(day) {
        return Err(ApiError::new(Code::BadFilter, "day: year, month and day in eight digits, such as 20260301"));
    }
    let mut tx = app.db.read().await?;
    let mut shown = Vec::new();
    for chain in tx.evidence_chains(principal.tenant, day).await? {
        shown.push(checked(&mut tx, principal.tenant, day, chain).await?);
    }
    Ok(axum::Json(shown))
}

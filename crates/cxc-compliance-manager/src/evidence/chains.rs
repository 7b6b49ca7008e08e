//! Whether chains of evidence hold: of a day, and those that a decision or a file rests on.
use axum::extract::State;
use cxc_server::{ApiError, ApiQuery, App, Code, Principal};
use cxc_store::evidence::{ChainState, EvidenceId, is_day};
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

impl Day {
    /// The day, if there is such a one.
    pub fn checked(&self) -> Result<i64, ApiError> {
        let bad = || ApiError::new(Code::BadFilter, "day: year, month and day in eight digits, such as 20260301");
        Some(self.day).filter(|day| is_day(*day)).ok_or_else(bad)
    }
}

/// What of a chain was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = EvidenceLookedAt)]
pub enum Looked {
    /// Every block from the first to the end, and whether each decision is found.
    #[default]
    WholeChain,
    /// The blocks that lead from the end to the one of a decision, and whether that is found.
    Decision,
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
    /// What of it was looked at.
    #[serde(default)]
    pub looked_at: Looked,
    /// The blocks that were looked at and hold.
    pub blocks: i64,
    /// Their decisions.
    pub decisions: i64,
    /// Whether each of these blocks follows from those that it names, to the end that was noted.
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
        let (one, hold) = (*blocks == 1, if *blocks == 1 { "block holds" } else { "blocks hold" });
        match (self.broken_at, &self.why, self.looked_at) {
            (Some(at), Some(why), _) => {
                let before = if one {
                    "block before it that was looked at holds"
                } else {
                    "blocks before it that were looked at hold"
                };
                format!("the evidence chain {chain} of {day} is broken at block {at}: {why}; the {blocks} {before}")
            }
            (.., Looked::Decision) => {
                let lead = if one { "block that leads" } else { "blocks that lead" };
                let verb = if one { "holds" } else { "hold" };
                format!(
                    "the decision is verified: the {blocks} {lead} to it from the end of the evidence chain {chain} of {day} {verb}"
                )
            }
            _ => format!("the evidence chain {chain} of {day} is verified: its {blocks} {hold}"),
        }
    }

    fn of(state: &ChainState, (day, chain): (i64, i64), looked_at: Looked) -> Self {
        Self {
            day,
            chain: format!("{chain:x}"),
            looked_at,
            blocks: state.blocks,
            decisions: state.decisions,
            holds: state.broken.is_none(),
            broken_at: state.broken.map(|broken| broken.0),
            why: state.broken.map(|broken| broken.1.to_owned()),
        }
    }
}

/// Recomputes one chain.
pub(crate) async fn checked(tx: &mut Tx, tenant: i64, day: i64, chain: i64) -> Result<ChainView, StoreError> {
    let state = tx.evidence_verify(tenant, day, chain).await?;
    Ok(ChainView::of(&state, (day, chain), Looked::WholeChain))
}

/// Recomputes what leads from the end of its chain to one decision.
pub(crate) async fn proved(tx: &mut Tx, tenant: i64, id: EvidenceId) -> Result<ChainView, StoreError> {
    let state = tx.evidence_prove(tenant, id).await?;
    Ok(ChainView::of(&state, (id.day, id.chain), Looked::Decision))
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
    ApiQuery(asked): ApiQuery<Day>,
) -> Result<axum::Json<Vec<ChainView>>, ApiError> {
    let day = asked.checked()?;
    let mut tx = app.db.read().await?;
    let mut shown = Vec::new();
    for chain in tx.evidence_chains(principal.tenant, day).await? {
        shown.push(checked(&mut tx, principal.tenant, day, chain).await.map_err(unreadable)?);
    }
    Ok(axum::Json(shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_block_holds_and_several_hold() {
        let view = |blocks, looked_at| {
            let chain = ChainState::default();
            ChainView { blocks, holds: true, ..ChainView::of(&chain, (20_260_301, 31), looked_at) }.sentence()
        };
        assert!(view(1, Looked::WholeChain).ends_with("is verified: its 1 block holds"));
        assert!(view(3, Looked::WholeChain).ends_with("is verified: its 3 blocks hold"));
        assert!(view(1, Looked::Decision).contains("the 1 block that leads to it"));
    }
}

//! The digest of a day's evidence: told in the log once the day is over, and compared later with what the log kept.
use axum::extract::State;
use cxc_server::{ApiError, ApiQuery, App, Principal};
use cxc_store::StoreError;
use cxc_store::evidence::{DayDigest, day_of};
use serde::Serialize;
use utoipa::ToSchema;

use super::chains::{Day, checked, unreadable};

const HOUR: i64 = 3_600 * 1_000_000;
/// Nothing is added to a day any more once it is over for so long.
const QUIET: i64 = HOUR;
/// After a start so many days are told again: a log may have lost them while nothing ran.
const TOLD_AGAIN: i64 = 7;

/// What the evidence of a day comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EvidenceDigest)]
pub struct DigestView {
    /// The day in UTC, such as 20260301.
    pub day: i64,
    /// SHA-256 of the ends of all its chains, in hexadecimal digits; not there if no evidence is kept of the day.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub digest: Option<String>,
    /// How many chains it has.
    pub chains: i64,
    /// How many blocks they have together.
    pub blocks: i64,
    /// Whether the day is over, so that the digest stays.
    pub is_over: bool,
    /// Whether each chain, recomputed, holds and comes to its noted end.
    pub holds: bool,
    /// What is wrong with those that don't.
    pub broken: Vec<String>,
}

/// Recomputes all chains of a day, and its digest.
///
/// # Errors
/// 409 where a chain can't be read.
pub async fn digest(app: &App, tenant: i64, day: i64) -> Result<DigestView, ApiError> {
    let mut tx = app.db.read().await?;
    let mut broken = Vec::new();
    for chain in tx.evidence_chains(tenant, day).await? {
        let state = checked(&mut tx, tenant, day, chain).await.map_err(unreadable)?;
        if !state.holds {
            broken.push(state.sentence());
        }
    }
    let found = tx.evidence_digest(tenant, day).await?;
    let (chains, blocks) = found.as_ref().map_or((0, 0), |found| (found.chains, found.blocks));
    Ok(DigestView {
        day,
        digest: found.map(|found| found.digest),
        chains,
        blocks,
        is_over: day <= last_over(app.now()),
        holds: broken.is_empty(),
        broken,
    })
}

/// The digest of a day's evidence
///
/// Every process that has this service tells the digest of a day in its log once the day is over. Kept outside the database, it
/// shows later that no evidence of the day was changed, added or removed, by whomever.
#[utoipa::path(get, path = "/compliance/evidence-digest", tag = "Compliance", operation_id = "getEvidenceDigest",
    params(Day), responses((status = OK, body = DigestView), ApiError))]
pub(super) async fn of_day(
    State(app): State<App>,
    principal: Principal,
    ApiQuery(asked): ApiQuery<Day>,
) -> Result<axum::Json<DigestView>, ApiError> {
    Ok(axum::Json(digest(&app, principal.tenant, asked.checked()?).await?))
}

/// The last day that is over for good.
fn last_over(now: i64) -> i64 {
    day_of(now.saturating_sub(24 * HOUR + QUIET))
}

/// Tells the digests of days that are over.
#[derive(Debug, Default)]
pub(crate) struct Telling {
    /// The last day that was told.
    told: Option<i64>,
}

impl Telling {
    /// Tells what is over and was not told yet; after a start, of the last days.
    pub async fn tell(&mut self, app: &App) -> Result<(), StoreError> {
        let days = self.due(app.now());
        for tenant in app.db.read().await?.tenant_all().await? {
            let mut tx = app.db.read().await?;
            for day in &days {
                let Some(DayDigest { day, chains, blocks, digest }) = tx.evidence_digest(tenant.no, *day).await? else {
                    continue;
                };
                tracing::info!(tenant = %tenant.ccid, day, chains, blocks, digest, "the evidence of a day is closed");
            }
        }
        self.told = days.last().copied().or(self.told);
        Ok(())
    }

    fn due(&self, now: i64) -> Vec<i64> {
        let back = (0..TOLD_AGAIN).rev().map(|days| last_over(now.saturating_sub(days * 24 * HOUR)));
        back.filter(|day| self.told.is_none_or(|told| *day > told)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        text.parse::<jiff::Timestamp>().unwrap().as_microsecond()
    }

    #[test]
    fn a_day_is_told_once_an_hour_after_its_end_and_those_before_a_start_again() {
        let mut telling = Telling::default();
        let week = vec![20_260_222, 20_260_223, 20_260_224, 20_260_225, 20_260_226, 20_260_227, 20_260_228];
        assert_eq!(telling.due(at("2026-03-01T01:00:00Z")), week);
        telling.told = Some(20_260_228);
        assert_eq!(telling.due(at("2026-03-02T00:59:59Z")), Vec::<i64>::new());
        assert_eq!(telling.due(at("2026-03-02T01:00:00Z")), [20_260_301]);
        assert_eq!(telling.due(at("2026-02-20T12:00:00Z")), Vec::<i64>::new(), "a clock that was set back");
    }
}

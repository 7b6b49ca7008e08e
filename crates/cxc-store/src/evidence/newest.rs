//! The newest instant at which a kept decision was made. A clock that is behind it was set back, also while no process ran.
use crate::installation::CLOCK_ACCEPTED;
use crate::{StoreError, Tx, on};

impl Tx {
    /// The newest decision of any tenant, microseconds. Nothing where none is kept.
    pub async fn evidence_newest(&mut self) -> Result<Option<i64>, StoreError> {
        // by the index of each tenant
        const SQL: &str = "SELECT max(o.at) FROM
            (SELECT (SELECT max(e.at) FROM evidence e WHERE e.tenant = t.no) AS at FROM tenant t) AS o";
        Ok(on!(self, conn => sqlx::query_scalar(SQL).fetch_one(conn).await?))
    }

    /// The instant that no clock may be behind: the newest decision, unless an operator has said that it was made by a
    /// wrong clock.
    pub async fn clock_floor(&mut self) -> Result<Option<i64>, StoreError> {
        let accepted: Option<i64> = self.installation_get(CLOCK_ACCEPTED).await?.and_then(|text| text.parse().ok());
        Ok(self.evidence_newest().await?.filter(|newest| accepted.is_none_or(|accepted| accepted < *newest)))
    }

    /// Accepts a clock that is behind the newest decision; answers that. A decision that is newer still counts again.
    pub async fn clock_accept(&mut self) -> Result<Option<i64>, StoreError> {
        let newest = self.evidence_newest().await?;
        if let Some(newest) = newest {
            self.installation_set(CLOCK_ACCEPTED, &newest.to_string()).await?;
        }
        Ok(newest)
    }
}

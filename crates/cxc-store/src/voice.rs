//! Calls among the attempts: what people answered, and results as they come. Read by the dialer and the compliance
//! manager; attempts are written by [`crate::attempt`].
use cxc_core::attempt::AttemptState;
use cxc_core::channel::Channel;
use cxc_core::enumerations::CallResult;
use sqlx::AssertSqlSafe;

use crate::{StoreError, Tx, on};

const HOUR: i64 = 3_600_000_000;

/// Calls of a group that a person answered in an hour, and those of them who were abandoned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnsweredHour {
    /// The beginning of the hour, microseconds.
    pub at: i64,
    /// Calls that a person answered.
    pub live: u64,
    /// Persons who got no agent in time.
    pub abandoned: u64,
}

/// Calls that ended with a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct ResultCount {
    /// The number of the result.
    pub result: i16,
    /// How many.
    pub n: i64,
}

impl Tx {
    /// The answered calls of a group since an instant, hour by hour.
    pub async fn voice_answers(&mut self, tenant: i64, grp: i64, from: i64) -> Result<Vec<AnsweredHour>, StoreError> {
        let (voice, abandoned) = (Channel::Voice.bit(), CallResult::Abandoned.code());
        // a person answered each of these, however it ended
        let others = [CallResult::Abandoned, CallResult::Dropped, CallResult::CallDropError];
        let live = CallResult::TALKS.iter().chain(&others);
        let live: Vec<String> = live.map(|result| result.code().to_string()).collect();
        let live = live.join(", ");
        let sql = format!(
            "SELECT started_at / {HOUR} AS hour, count(*) FILTER (WHERE result IN ({live})) AS live,
                count(*) FILTER (WHERE result = {abandoned}) AS abandoned
             FROM attempt WHERE grp = $1 AND channel = {voice} AND started_at >= $2 AND tenant + 0 = $3
             GROUP BY started_at / {HOUR} ORDER BY hour"
        );
        let rows: Vec<(i64, i64, i64)> = on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(grp).bind(from)
            .bind(tenant).fetch_all(conn).await?);
        let count = |n: i64| u64::try_from(n).unwrap_or(0);
        Ok(rows
            .into_iter()
            .map(|(hour, live, abandoned)| AnsweredHour {
                at: hour * HOUR,
                live: count(live),
                abandoned: count(abandoned),
            })
            .collect())
    }

    /// How calls of our own dialer ended from an instant up to before another, by result.
    pub async fn voice_results(&mut self, from: i64, until: i64) -> Result<Vec<ResultCount>, StoreError> {
        let (voice, done) = (Channel::Voice.bit(), AttemptState::Final.code());
        let sql = format!(
            "SELECT result, count(*) AS n FROM attempt
             WHERE channel = {voice} AND finished_at >= $1 AND finished_at < $2 AND state = {done}
                AND account <> 0 AND result IS NOT NULL GROUP BY result"
        );
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(from).bind(until).fetch_all(conn).await?))
    }
}

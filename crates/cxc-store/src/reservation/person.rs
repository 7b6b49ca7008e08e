//! Calls under way by the person: whoever is being called is called by nobody else, on whatever device.
use cxc_core::channel::Channel;
use serde::Serialize;
use sqlx::AssertSqlSafe;

use crate::attempt_subject::PERSON;
use crate::{Engine, Rows, StoreError, Tx, on};

/// An attempt that nobody ends otherwise is in doubt after a day, and its marks are gone by then.
const LONGEST: i64 = 2 * 24 * 3_600 * 1_000_000;

impl Tx {
    /// Those of some persons who are being called at an instant, as pairs of the person's keyed hash and the attempt. In a
    /// transaction that holds the locks of the persons, nobody else can begin to call them before its commit.
    pub async fn persons_called(
        &mut self,
        tenant: i64,
        persons: &[i64],
        now: i64,
    ) -> Result<Vec<(i64, i64)>, StoreError> {
        #[derive(Serialize)]
        struct Person {
            key: i64,
        }
        if persons.is_empty() {
            return Ok(Vec::new());
        }
        let source = Rows::source(self, "$1", &[("key", "BIGINT")]);
        // each mark is looked up by its device: the table is short, yet full of dead rows
        let marked = match self.engine() {
            Engine::Postgres => {
                "LATERAL (SELECT i.attempt FROM in_flight i WHERE i.device_hash = a.device_hash OFFSET 0) f"
            }
            Engine::Sqlite => "in_flight f",
        };
        let sql = format!(
            "SELECT s.key_hash, s.attempt FROM {source} CROSS JOIN attempt_subject s CROSS JOIN attempt a CROSS JOIN {marked}
             WHERE s.tenant = $2 AND s.kind = {PERSON} AND s.key_hash = v.key AND s.started_at >= $3
             AND a.tenant = s.tenant AND a.month = s.month AND a.id = s.attempt AND a.channel = {}
             AND f.attempt = a.id{}",
            Channel::Voice.bit(),
            if self.engine() == Engine::Sqlite { " AND f.device_hash = a.device_hash" } else { "" }
        );
        let rows = Rows::of(&persons.iter().map(|key| Person { key: *key }).collect::<Vec<_>>())?;
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(rows.text()).bind(tenant)
            .bind(now.saturating_sub(LONGEST)).fetch_all(conn).await?))
    }
}

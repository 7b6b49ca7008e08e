//! What calls by a trunk cost in a day. Written by the dialer that holds the trunk.
use std::collections::HashMap;

use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::{StoreError, Tx, on};

impl Tx {
    /// What was spent by a trunk on a day, in millionths of its unit.
    pub async fn trunk_spent(&mut self, account: i64, trunk: Uuid, day: i64) -> Result<i64, StoreError> {
        const SQL: &str = "SELECT spent FROM trunk_spend WHERE account = $1 AND trunk = $2 AND day = $3";
        let spent: Option<(i64,)> =
            on!(self, conn => sqlx::query_as(SQL).bind(account).bind(trunk).bind(day).fetch_optional(conn).await?);
        Ok(spent.map_or(0, |(spent,)| spent))
    }

    /// What was spent by trunks on a day, whichever account held them; at most 1,000 ids, those by which nothing was spent left out.
    pub async fn trunks_spent(&mut self, trunks: &[Uuid], day: i64) -> Result<HashMap<Uuid, i64>, StoreError> {
        if trunks.is_empty() {
            return Ok(HashMap::new());
        }
        let places: Vec<String> = (0..trunks.len()).map(|n| format!("${}", n + 2)).collect();
        let sql = format!(
            "SELECT trunk, CAST(sum(spent) AS BIGINT) FROM trunk_spend WHERE day = $1 AND trunk IN ({}) GROUP BY trunk",
            places.join(", ")
        );
        let rows: Vec<(Uuid, i64)> = on!(self, conn => {
            let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(day);
            for trunk in trunks {
                query = query.bind(*trunk);
            }
            query.fetch_all(conn).await?
        });
        Ok(rows.into_iter().collect())
    }

    /// Notes what was spent. Who has lost the lease since the token was given writes nothing.
    pub async fn trunk_spend_set(
        &mut self,
        (account, trunk): (i64, Uuid),
        (day, spent): (i64, i64),
        token: i64,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO trunk_spend (account, trunk, day, spent, token) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (account, trunk) DO UPDATE SET day = excluded.day, spent = excluded.spent, token = excluded.token
            WHERE trunk_spend.token <= excluded.token";
        on!(self, conn => sqlx::query(SQL).bind(account).bind(trunk).bind(day).bind(spent).bind(token)
            .execute(conn).await?.rows_affected());
        Ok(())
    }
}

//! Attempts as they are shown, whoever made them.
use serde_json::Value;
use sqlx::AssertSqlSafe;
use sqlx::types::Json;

use crate::attempt::{ERASED, OF_TENANT};
use crate::{StoreError, Tx, on};

/// Which attempts are looked for: at least one of device, client, guid and group.
#[derive(Debug, Clone, Default)]
pub struct AttemptFilter {
    /// The keyed hash of a device.
    pub device: Option<i64>,
    /// That of a client id.
    pub client: Option<i64>,
    /// The dialer's id.
    pub guid: Option<String>,
    /// The number of a group.
    pub grp: Option<i64>,
    /// Not before, microseconds.
    pub from: i64,
    /// Before, microseconds.
    pub till: i64,
}

/// An attempt with its reports.
#[derive(Debug, Clone, sqlx::FromRow)]
#[expect(missing_docs, reason = "the columns are explained in the migration")]
pub struct ShownAttempt {
    pub month: i64,
    pub id: i64,
    pub guid: Option<String>,
    pub sequence: Option<i16>,
    pub channel: i16,
    pub state: i16,
    pub record: i64,
    pub result: Option<i16>,
    pub disposition: Option<String>,
    pub started_at: i64,
    pub finished_at: Option<i64>,
    pub rule_set: i64,
    pub report: Option<Json<Value>>,
}

impl Tx {
    /// The attempts of a filter, newest first.
    pub async fn attempt_shown(
        &mut self,
        tenant: i64,
        filter: &AttemptFilter,
        limit: i64,
    ) -> Result<Vec<ShownAttempt>, StoreError> {
        let mut tests = Vec::new();
        let mut test = |wanted: bool, text: &'static str| {
            if wanted {
                tests.push(text);
            }
        };
        test(filter.device.is_some(), "a.device_hash = $2");
        test(filter.client.is_some(), "a.client_hash = $3");
        test(filter.guid.is_some(), "r.guid = $4");
        test(filter.grp.is_some(), "a.grp = $5");
        let join = if filter.guid.is_some() { "JOIN" } else { "LEFT JOIN" };
        // by the dialer's id the report leads to the attempt
        let is_persons = filter.device.is_some() || filter.client.is_some();
        let by_tenant = if is_persons { OF_TENANT } else { "tenant" };
        // by their keys nobody finds those who were erased
        let whose = if is_persons { format!(" AND a.contact <> {ERASED}") } else { String::new() };
        // every parameter is named once, so that its type is known also where it is not asked for
        let sql = format!(
            "SELECT a.month, a.id, r.guid, r.sequence, a.channel, a.state, a.record, a.result, a.disposition,
                a.started_at, a.finished_at, a.rule_set, r.report
             FROM attempt_known a {join} attempt_report r ON r.tenant = a.tenant AND r.attempt = a.id AND r.month = a.month
             WHERE a.{by_tenant} = $1 AND {}{whose} AND a.started_at >= $6 AND a.started_at < $7
             AND (CAST($2 AS BIGINT) IS NULL OR true) AND (CAST($3 AS BIGINT) IS NULL OR true)
             AND (CAST($4 AS TEXT) IS NULL OR true) AND (CAST($5 AS BIGINT) IS NULL OR true)
             ORDER BY a.started_at DESC, a.id DESC LIMIT $8",
            tests.join(" AND ")
        );
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(filter.device).bind(filter.client)
            .bind(filter.guid.as_deref()).bind(filter.grp).bind(filter.from).bind(filter.till).bind(limit)
            .fetch_all(conn).await?))
    }
}

//! The outbox: what happened, written in the transaction of its cause, read in commit order.
use serde_json::Value;
use sqlx::types::Json;

use crate::{StoreError, Tx, id_block::Numbered, on};

/// An event as stored. `seq` is its place in commit order, once stamped.
#[derive(Debug, Clone, sqlx::FromRow)]
#[expect(missing_docs, reason = "the columns read by themselves")]
pub struct Event {
    pub tenant: i64,
    pub topic: String,
    pub kind: String,
    pub subject: String,
    pub body: Json<Value>,
    pub at: i64,
    pub seq: Option<i64>,
}

impl Tx {
    /// Writes an event. `topic` is one of jobs, campaign-groups, lists, system.
    pub async fn event_insert(
        &mut self,
        tenant: i64,
        topic: &str,
        kind: &str,
        subject: &str,
        body: &Value,
        at: i64,
    ) -> Result<(), StoreError> {
        const SQL: &str =
            "INSERT INTO event (id, tenant, topic, kind, subject, body, at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let id = self.id_block_take(Numbered::Event, 1).await?;
        on!(self, conn => sqlx::query(SQL).bind(id).bind(tenant).bind(topic).bind(kind).bind(subject).bind(Json(body)).bind(at).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Gives committed events their place in order; the caller holds the dispatcher's lease.
    pub async fn event_stamp(&mut self, limit: i64) -> Result<u64, StoreError> {
        const SQL: &str = "UPDATE event SET seq = s.seq FROM (
                SELECT id, (SELECT coalesce(max(seq), 0) FROM event) + row_number() OVER (ORDER BY id) AS seq
                FROM event WHERE seq IS NULL ORDER BY id LIMIT $1) AS s
            WHERE event.id = s.id";
        Ok(on!(self, conn => sqlx::query(SQL).bind(limit).execute(conn).await?.rows_affected()))
    }

    /// The events of a tenant after a place in order, oldest first.
    pub async fn event_page(&mut self, tenant: i64, after: i64, limit: i64) -> Result<Vec<Event>, StoreError> {
        const SQL: &str = "SELECT tenant, topic, kind, subject, body, at, seq FROM event
            WHERE seq > $2 AND tenant = $1 ORDER BY seq LIMIT $3";
        Ok(on!(self, conn => sqlx::query_as(SQL).bind(tenant).bind(after).bind(limit).fetch_all(conn).await?))
    }

    /// The last place in order that was given, and the first that is still kept.
    pub async fn event_bounds(&mut self) -> Result<(i64, i64), StoreError> {
        const SQL: &str = "SELECT coalesce(max(seq), 0), coalesce(min(seq), 0) FROM event WHERE seq IS NOT NULL";
        Ok(on!(self, conn => sqlx::query_as(SQL).fetch_one(conn).await?))
    }

    /// Forgets stamped events from before an instant, at most `limit` at a time; the newest stays, so
    /// that the order never starts anew.
    pub async fn event_forget(&mut self, before: i64, limit: i64) -> Result<u64, StoreError> {
        const SQL: &str = "DELETE FROM event WHERE id IN (
            SELECT id FROM event WHERE seq IS NOT NULL AND at < $1 AND seq < (SELECT max(seq) FROM event) LIMIT $2)";
        Ok(on!(self, conn => sqlx::query(SQL).bind(before).bind(limit).execute(conn).await?.rows_affected()))
    }
}

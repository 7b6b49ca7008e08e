//! The audit log: append-only. Owner: the server kit.
use serde_json::Value;
use sqlx::AssertSqlSafe;
use sqlx::types::Json;
use uuid::Uuid;

use crate::{StoreError, Tx, on};

/// Who did what to which object. Times are microseconds.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct AuditEvent {
    /// Its id; rises with time.
    pub id: Uuid,
    /// When.
    pub at: i64,
    /// user, api_client or system.
    pub actor_kind: String,
    /// Whose id.
    pub actor_id: Option<Uuid>,
    /// Whose name.
    pub actor: String,
    /// From which network address; empty for the program itself.
    pub address: String,
    /// In which request; empty for the program itself.
    pub request_id: String,
    /// create, update, delete, export, sign_in, sign_in_refused, ...
    pub action: String,
    /// What kind of object.
    pub object_kind: String,
    /// Which object.
    pub object_id: Option<Uuid>,
    /// Its name then.
    pub object_name: String,
    /// It before, without secrets.
    #[sqlx(json(nullable))]
    pub before: Option<Value>,
    /// It after, without secrets.
    #[sqlx(json(nullable))]
    pub after: Option<Value>,
}

/// Which audit events to list. `None` is any.
#[derive(Debug, Clone, Default)]
pub struct AuditQuery {
    /// Not before, in microseconds.
    pub from: Option<i64>,
    /// Before, in microseconds.
    pub till: Option<i64>,
    /// Of this actor.
    pub actor: Option<String>,
    /// Of this action.
    pub action: Option<String>,
    /// On this kind of object.
    pub object_kind: Option<String>,
    /// On this object.
    pub object_id: Option<Uuid>,
    /// After this event in the list (newest first).
    pub after: Option<(i64, Uuid)>,
    /// At most so many.
    pub limit: i64,
}

const COLUMNS: &str = "id, at, actor_kind, actor_id, actor, address, request_id, action, object_kind, object_id, object_name, before, after";

impl Tx {
    /// Adds an event, in the transaction of the change.
    pub async fn audit_insert(&mut self, tenant: i64, event: &AuditEvent) -> Result<(), StoreError> {
        const SQL: &str =
            "INSERT INTO audit_event (tenant, id, at, actor_kind, actor_id, actor, address, request_id, action,
                object_kind, object_id, object_name, before, after)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
        on!(self, conn => sqlx::query(SQL).bind(tenant).bind(event.id).bind(event.at).bind(&event.actor_kind).bind(event.actor_id)
            .bind(&event.actor).bind(&event.address).bind(&event.request_id).bind(&event.action).bind(&event.object_kind)
            .bind(event.object_id).bind(&event.object_name).bind(event.before.as_ref().map(Json)).bind(event.after.as_ref().map(Json)).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// A page of a tenant's events, newest first.
    pub async fn audit_page(&mut self, tenant: i64, query: &AuditQuery) -> Result<Vec<AuditEvent>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM audit_event WHERE tenant = $1 AND at >= $2 AND at < $3 AND (at < $4 OR (at = $4 AND id < $5))
               AND ($6 = '' OR actor = $6) AND ($7 = '' OR action = $7) AND ($8 = '' OR object_kind = $8)
               AND ($9 = $10 OR object_id = $9)
             ORDER BY at DESC, id DESC LIMIT $11"
        );
        let (at, id) = query.after.unwrap_or((i64::MAX, Uuid::max()));
        let text = |t: &Option<String>| t.clone().unwrap_or_default();
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(query.from.unwrap_or(i64::MIN))
            .bind(query.till.unwrap_or(i64::MAX)).bind(at).bind(id).bind(text(&query.actor)).bind(text(&query.action))
            .bind(text(&query.object_kind)).bind(query.object_id.unwrap_or_default()).bind(Uuid::nil()).bind(query.limit)
            .fetch_all(conn).await?))
    }

    /// Forgets a slice of the events of all tenants from before an instant: the retention of the log.
    pub async fn audit_forget(&mut self, before: i64, limit: i64) -> Result<u64, StoreError> {
        const SQL: &str = "DELETE FROM audit_event WHERE id IN (SELECT id FROM audit_event WHERE at < $1 LIMIT $2)";
        Ok(on!(self, conn => sqlx::query(SQL).bind(before).bind(limit).execute(conn).await?.rows_affected()))
    }
}

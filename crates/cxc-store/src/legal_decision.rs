//! What a tenant decided about legal rules, with its whole history: decisions are added and never changed.
//! Owning service: compliance manager.
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use crate::{StoreError, Tx, on};

/// A decision as it was made, or that it was taken back.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct LegalDecision {
    /// Its id; ids are in the order of decisions.
    pub id: Uuid,
    /// When it was made, microseconds.
    pub at: i64,
    /// By whom.
    pub decided_by: String,
    /// Whether it took the standing decision back.
    pub withdrawn: bool,
    /// The decision; of one that was taken back, the reason.
    pub body: Json<Value>,
}

impl Tx {
    /// Adds a decision.
    pub async fn legal_decision_add(
        &mut self,
        tenant: i64,
        rule: &str,
        decision: &LegalDecision,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO legal_decision (tenant, rule, id, at, decided_by, withdrawn, body)
            VALUES ($1, $2, $3, $4, $5, $6, $7)";
        on!(self, conn => sqlx::query(SQL).bind(tenant).bind(rule).bind(decision.id).bind(decision.at)
            .bind(&decision.decided_by).bind(decision.withdrawn).bind(&decision.body).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// How many decisions on a rule there were: each change of what holds is one more.
    pub async fn legal_decisions_count(&mut self, tenant: i64, rule: &str) -> Result<i64, StoreError> {
        const SQL: &str = "SELECT COUNT(*) FROM legal_decision WHERE tenant = $1 AND rule = $2";
        Ok(on!(self, conn => sqlx::query_scalar(SQL).bind(tenant).bind(rule).fetch_one(conn).await?))
    }

    /// Every decision on a rule, the newest first.
    pub async fn legal_decisions(&mut self, tenant: i64, rule: &str) -> Result<Vec<LegalDecision>, StoreError> {
        const SQL: &str = "SELECT id, at, decided_by, withdrawn, body FROM legal_decision
            WHERE tenant = $1 AND rule = $2 ORDER BY id DESC";
        Ok(on!(self, conn => sqlx::query_as(SQL).bind(tenant).bind(rule).fetch_all(conn).await?))
    }
}

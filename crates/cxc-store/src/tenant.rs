//! Tenants. Owner: the server kit.
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::{StoreError, Tx, on};

/// A tenant as stored. Times are microseconds.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Tenant {
    /// The key of every large table; never reused. 1 is the system tenant of the operators.
    pub no: i64,
    /// Its id at the API.
    pub id: Uuid,
    /// Unique.
    pub short_name: String,
    /// For people.
    pub customer_name: String,
    /// What stands before the backslash at sign-in; unique, in lower case.
    pub domain: String,
    /// The contact centre id of metrics and of the dialer; unique.
    pub ccid: String,
    /// Whether its users may sign in and its campaigns run.
    pub enabled: bool,
    /// 1 and one more with each change.
    pub version: i64,
    /// When it was made.
    pub created_at: i64,
    /// Who made it.
    pub created_by: String,
    /// When it was last changed.
    pub updated_at: i64,
    /// Who changed it last.
    pub updated_by: String,
}

const COLUMNS: &str =
    "no, id, short_name, customer_name, domain, ccid, enabled, version, created_at, created_by, updated_at, updated_by";

impl Tx {
    /// Adds a tenant; [`StoreError::AlreadyExists`] when short name, domain or ccid is taken.
    pub async fn tenant_insert(&mut self, tenant: &Tenant) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO tenant (no, id, short_name, customer_name, domain, ccid, enabled, version, created_at, created_by, updated_at, updated_by)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING";
        let inserted = on!(self, conn => sqlx::query(SQL).bind(tenant.no).bind(tenant.id).bind(&tenant.short_name)
            .bind(&tenant.customer_name).bind(&tenant.domain).bind(&tenant.ccid).bind(tenant.enabled).bind(tenant.version)
            .bind(tenant.created_at).bind(&tenant.created_by).bind(tenant.updated_at).bind(&tenant.updated_by)
            .execute(conn).await?.rows_affected());
        if inserted == 1 { Ok(()) } else { Err(StoreError::AlreadyExists("tenant")) }
    }

    /// Changes a tenant from the version before `tenant.version`; false when it has another version now.
    pub async fn tenant_update(&mut self, tenant: &Tenant) -> Result<bool, StoreError> {
        const SQL: &str = "UPDATE tenant SET short_name = $2, customer_name = $3, domain = $4, ccid = $5, enabled = $6,
                version = $7, updated_at = $8, updated_by = $9
            WHERE no = $1 AND version = $7 - 1";
        let done = on!(self, conn => sqlx::query(SQL).bind(tenant.no).bind(&tenant.short_name).bind(&tenant.customer_name)
            .bind(&tenant.domain).bind(&tenant.ccid).bind(tenant.enabled).bind(tenant.version)
            .bind(tenant.updated_at).bind(&tenant.updated_by).execute(conn).await.map(|d| d.rows_affected()).map_err(StoreError::from));
        match done {
            Ok(changed) => Ok(changed == 1),
            Err(error) if error.is_unique_violation() => Err(StoreError::AlreadyExists("tenant")),
            Err(error) => Err(error),
        }
    }

    /// One tenant by its number.
    pub async fn tenant_get(&mut self, no: i64) -> Result<Option<Tenant>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM tenant WHERE no = $1");
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(no).fetch_optional(conn).await?))
    }

    /// One tenant by its id.
    pub async fn tenant_by_id(&mut self, id: Uuid) -> Result<Option<Tenant>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM tenant WHERE id = $1");
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(id).fetch_optional(conn).await?))
    }

    /// One tenant by its sign-in domain, whatever the case.
    pub async fn tenant_by_domain(&mut self, domain: &str) -> Result<Option<Tenant>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM tenant WHERE domain = $1");
        Ok(
            on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(domain.to_lowercase()).fetch_optional(conn).await?),
        )
    }

    /// One tenant by its short name, its domain or its ccid: what a person types at a command.
    pub async fn tenant_find(&mut self, text: &str) -> Result<Option<Tenant>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM tenant WHERE short_name = $1 OR domain = $2 OR ccid = $1
             ORDER BY CASE WHEN short_name = $1 THEN 0 WHEN domain = $2 THEN 1 ELSE 2 END LIMIT 1"
        );
        Ok(
            on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(text).bind(text.to_lowercase()).fetch_optional(conn).await?),
        )
    }

    /// Every tenant, by number: also for work that visits each of them.
    pub async fn tenant_all(&mut self) -> Result<Vec<Tenant>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM tenant ORDER BY no");
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).fetch_all(conn).await?))
    }

    /// A page of tenants by number.
    pub async fn tenant_page(&mut self, after: i64, limit: i64) -> Result<Vec<Tenant>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM tenant WHERE no > $1 ORDER BY no LIMIT $2");
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(after).bind(limit).fetch_all(conn).await?))
    }
}

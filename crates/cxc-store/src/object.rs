//! Objects that people edit, of every kind, and the references between them. Owner: the server kit's documents.
use serde_json::Value;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

/// A JSON value in a column.
pub use sqlx::types::Json;

use crate::object_query::{ObjectQuery, Param};
use crate::{StoreError, Tx, on};

/// An object as stored. Times are microseconds.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Object {
    /// Its id.
    pub id: Uuid,
    /// Unique within tenant and kind, whatever the case.
    pub name: String,
    /// Free text, may be empty.
    pub description: String,
    /// What the kind holds, as JSON.
    pub body: Json<Value>,
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

/// An object that refers to another.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ObjectUser {
    /// The kind of the object that refers.
    pub kind: String,
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Where in it the reference stands.
    pub pointer: String,
}

const COLUMNS: &str = "id, name, description, body, version, created_at, created_by, updated_at, updated_by";

/// The form in which names are compared.
pub fn name_key(name: &str) -> String {
    name.to_lowercase()
}

impl Tx {
    /// Adds an object; [`StoreError::AlreadyExists`] with `kind` when its name is taken.
    pub async fn object_insert(&mut self, tenant: i64, kind: &'static str, object: &Object) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO object (tenant, id, kind, name, name_key, description, body, version, created_at, created_by, updated_at, updated_by)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (tenant, kind, name_key) DO NOTHING";
        let inserted = on!(self, conn => sqlx::query(SQL).bind(tenant).bind(object.id).bind(kind).bind(&object.name)
            .bind(name_key(&object.name)).bind(&object.description).bind(&object.body).bind(object.version)
            .bind(object.created_at).bind(&object.created_by).bind(object.updated_at).bind(&object.updated_by)
            .execute(conn).await?.rows_affected());
        if inserted == 1 { Ok(()) } else { Err(StoreError::AlreadyExists(kind)) }
    }

    /// Changes an object from the version before `object.version`; false when it has another version now.
    pub async fn object_update(
        &mut self,
        tenant: i64,
        kind: &'static str,
        object: &Object,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "UPDATE object SET name = $4, name_key = $5, description = $6, body = $7, version = $8, updated_at = $9, updated_by = $10
            WHERE tenant = $1 AND id = $2 AND kind = $3 AND version = $8 - 1";
        let done = on!(self, conn => sqlx::query(SQL).bind(tenant).bind(object.id).bind(kind).bind(&object.name)
            .bind(name_key(&object.name)).bind(&object.description).bind(&object.body).bind(object.version)
            .bind(object.updated_at).bind(&object.updated_by).execute(conn).await.map(|d| d.rows_affected()).map_err(StoreError::from));
        match done {
            Ok(changed) => Ok(changed == 1),
            Err(error) if error.is_unique_violation() => Err(StoreError::AlreadyExists(kind)),
            Err(error) => Err(error),
        }
    }

    /// Removes an object of this version, with the references that it holds; false when it has another version now.
    pub async fn object_delete(&mut self, tenant: i64, kind: &str, id: Uuid, version: i64) -> Result<bool, StoreError> {
        const SQL: &str = "DELETE FROM object WHERE tenant = $1 AND id = $2 AND kind = $3 AND version = $4";
        Ok(
            on!(self, conn => sqlx::query(SQL).bind(tenant).bind(id).bind(kind).bind(version).execute(conn).await?.rows_affected())
                == 1,
        )
    }

    /// One object of a tenant.
    pub async fn object_get(&mut self, tenant: i64, kind: &str, id: Uuid) -> Result<Option<Object>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM object WHERE tenant = $1 AND id = $2 AND kind = $3");
        Ok(
            on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(id).bind(kind).fetch_optional(conn).await?),
        )
    }

    /// The name of a tenant's object of any kind.
    pub async fn object_name(&mut self, tenant: i64, id: Uuid) -> Result<Option<String>, StoreError> {
        const SQL: &str = "SELECT name FROM object WHERE tenant = $1 AND id = $2";
        Ok(on!(self, conn => sqlx::query_scalar(SQL).bind(tenant).bind(id).fetch_optional(conn).await?))
    }

    /// One object of a tenant by its name, whatever the case.
    pub async fn object_find(&mut self, tenant: i64, kind: &str, name: &str) -> Result<Option<Object>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM object WHERE tenant = $1 AND kind = $2 AND name_key = $3");
        Ok(
            on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(kind).bind(name_key(name)).fetch_optional(conn).await?),
        )
    }

    /// Every object of a kind, oldest first: for kinds of which a tenant has few.
    pub async fn object_all(&mut self, tenant: i64, kind: &str) -> Result<Vec<Object>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM object WHERE tenant = $1 AND kind = $2 ORDER BY created_at, id");
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(kind).fetch_all(conn).await?))
    }

    /// A page of the objects that a query names.
    pub async fn object_page(
        &mut self,
        tenant: i64,
        kind: &str,
        query: &ObjectQuery,
    ) -> Result<Vec<Object>, StoreError> {
        let (tail, params) = query.page_sql(self.engine());
        let sql = format!("SELECT {COLUMNS} FROM object WHERE tenant = $1 AND kind = $2{tail}");
        Ok(on!(self, conn => {
            let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(kind);
            for param in params {
                query = match param {
                    Param::Text(text) => query.bind(text),
                    Param::Number(number) => query.bind(number),
                    Param::Id(id) => query.bind(id),
                };
            }
            query.fetch_all(conn).await?
        }))
    }

    /// How many objects the filters of a query name, counted up to `most`.
    pub async fn object_count(
        &mut self,
        tenant: i64,
        kind: &str,
        query: &ObjectQuery,
        most: i64,
    ) -> Result<i64, StoreError> {
        let (tail, params) = query.filter_sql(self.engine());
        let sql = format!(
            "SELECT count(*) FROM (SELECT 1 FROM object WHERE tenant = $1 AND kind = $2{tail} LIMIT {most}) AS counted"
        );
        Ok(on!(self, conn => {
            let mut query = sqlx::query_scalar(AssertSqlSafe(sql)).bind(tenant).bind(kind);
            for param in params {
                query = match param {
                    Param::Text(text) => query.bind(text),
                    Param::Number(number) => query.bind(number),
                    Param::Id(id) => query.bind(id),
                };
            }
            query.fetch_one(conn).await?
        }))
    }

    /// The kinds of those of these objects that exist in the tenant.
    pub async fn object_kinds(&mut self, tenant: i64, ids: &[Uuid]) -> Result<Vec<(Uuid, String)>, StoreError> {
        let places: Vec<String> = (0..ids.len()).map(|n| format!("${}", n + 2)).collect();
        if places.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!("SELECT id, kind FROM object WHERE tenant = $1 AND id IN ({})", places.join(", "));
        Ok(on!(self, conn => {
            let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(tenant);
            for id in ids {
                query = query.bind(*id);
            }
            query.fetch_all(conn).await?
        }))
    }

    /// Replaces the references that an object holds. At most 1,000.
    pub async fn object_refer(&mut self, tenant: i64, from: Uuid, to: &[(String, Uuid)]) -> Result<(), StoreError> {
        const FORGET: &str = "DELETE FROM object_reference WHERE tenant = $1 AND from_id = $2";
        on!(self, conn => sqlx::query(FORGET).bind(tenant).bind(from).execute(conn).await?.rows_affected());
        if to.is_empty() {
            return Ok(());
        }
        let rows: Vec<String> = (0..to.len()).map(|n| format!("($1, $2, ${}, ${})", 2 * n + 3, 2 * n + 4)).collect();
        let sql = format!("INSERT INTO object_reference (tenant, from_id, pointer, to_id) VALUES {}", rows.join(", "));
        on!(self, conn => {
            let mut query = sqlx::query(AssertSqlSafe(sql)).bind(tenant).bind(from);
            for (pointer, id) in to {
                query = query.bind(pointer).bind(*id);
            }
            query.execute(conn).await?.rows_affected()
        });
        Ok(())
    }

    /// The first ten objects that refer to an object.
    pub async fn object_users(&mut self, tenant: i64, to: Uuid) -> Result<Vec<ObjectUser>, StoreError> {
        const SQL: &str = "SELECT o.kind, o.id, o.name, r.pointer FROM object_reference r
            JOIN object o ON o.tenant = r.tenant AND o.id = r.from_id
            WHERE r.tenant = $1 AND r.to_id = $2 AND r.from_id <> $2 ORDER BY o.kind, o.name_key, r.pointer LIMIT 10";
        Ok(on!(self, conn => sqlx::query_as(SQL).bind(tenant).bind(to).fetch_all(conn).await?))
    }

    /// The objects of a kind that an object refers to.
    pub async fn object_referred(&mut self, tenant: i64, from: Uuid, kind: &str) -> Result<Vec<Object>, StoreError> {
        const SQL: &str = "SELECT o.id, o.name, o.description, o.body, o.version, o.created_at, o.created_by, o.updated_at, o.updated_by
            FROM object_reference r JOIN object o ON o.tenant = r.tenant AND o.id = r.to_id
            WHERE r.tenant = $1 AND r.from_id = $2 AND o.kind = $3 ORDER BY o.created_at, o.id";
        Ok(on!(self, conn => sqlx::query_as(SQL).bind(tenant).bind(from).bind(kind).fetch_all(conn).await?))
    }
}

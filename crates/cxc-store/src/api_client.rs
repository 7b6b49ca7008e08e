//! Secrets and bearer tokens of programs; only their hashes are stored. The clients themselves are objects. Owner: the server kit.
use uuid::Uuid;

use crate::{StoreError, Tx, on};

/// A program with its tenant, found by its id or by a bearer token. Times are microseconds.
#[derive(Debug, Clone, sqlx::FromRow)]
#[expect(missing_docs, reason = "the columns read by themselves")]
pub struct ClientRow {
    pub tenant: i64,
    pub tenant_id: Uuid,
    pub tenant_name: String,
    pub ccid: String,
    pub tenant_enabled: bool,
    pub client_id: Uuid,
    pub client_name: String,
    #[sqlx(json)]
    pub client_body: serde_json::Value,
    /// The hash of the client's secret, or of the token.
    pub hash: Vec<u8>,
    /// The scopes that a token was given, parted by spaces; empty for a client.
    pub scopes: String,
    /// When a token ends; 0 for a client.
    pub expires_at: i64,
}

impl Tx {
    /// Sets a client's secret; its tokens end.
    pub async fn api_client_secret_set(
        &mut self,
        tenant: i64,
        client: Uuid,
        hash: &[u8],
        now: i64,
    ) -> Result<(), StoreError> {
        const SQL: &str =
            "INSERT INTO api_client_secret (client_id, tenant, secret_hash, changed_at) VALUES ($1, $2, $3, $4)
            ON CONFLICT (client_id) DO UPDATE SET secret_hash = $3, changed_at = $4";
        on!(self, conn => sqlx::query(SQL).bind(client).bind(tenant).bind(hash).bind(now).execute(conn).await?.rows_affected());
        self.access_token_delete_of(tenant, client).await
    }

    /// A client by its id, in whichever tenant it is.
    pub async fn api_client_find(&mut self, client: Uuid) -> Result<Option<ClientRow>, StoreError> {
        const SQL: &str = "SELECT s.tenant, t.id AS tenant_id, t.short_name AS tenant_name, t.ccid, t.enabled AS tenant_enabled,
                s.client_id, o.name AS client_name, o.body AS client_body, s.secret_hash AS hash, '' AS scopes, CAST(0 AS BIGINT) AS expires_at
            FROM api_client_secret s JOIN tenant t ON t.no = s.tenant
            JOIN object o ON o.tenant = s.tenant AND o.id = s.client_id AND o.kind = 'api_client'
            WHERE s.client_id = $1";
        Ok(on!(self, conn => sqlx::query_as(SQL).bind(client).fetch_optional(conn).await?))
    }

    /// Notes a token that was handed out.
    pub async fn access_token_insert(
        &mut self,
        tenant: i64,
        client: Uuid,
        hash: &[u8],
        scopes: &str,
        now: i64,
        expires_at: i64,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO access_token (token_hash, tenant, client_id, scopes, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)";
        on!(self, conn => sqlx::query(SQL).bind(hash).bind(tenant).bind(client).bind(scopes).bind(now).bind(expires_at).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// The client of a bearer token. The tenant comes from the token.
    pub async fn access_token_get(&mut self, hash: &[u8]) -> Result<Option<ClientRow>, StoreError> {
        const SQL: &str =
            "SELECT a.tenant, t.id AS tenant_id, t.short_name AS tenant_name, t.ccid, t.enabled AS tenant_enabled,
                a.client_id, o.name AS client_name, o.body AS client_body, a.token_hash AS hash, a.scopes, a.expires_at
            FROM access_token a JOIN tenant t ON t.no = a.tenant
            JOIN object o ON o.tenant = a.tenant AND o.id = a.client_id AND o.kind = 'api_client'
            WHERE a.token_hash = $1";
        Ok(on!(self, conn => sqlx::query_as(SQL).bind(hash).fetch_optional(conn).await?))
    }

    /// Ends every token of a client.
    pub async fn access_token_delete_of(&mut self, tenant: i64, client: Uuid) -> Result<(), StoreError> {
        const SQL: &str = "DELETE FROM access_token WHERE tenant = $1 AND client_id = $2";
        on!(self, conn => sqlx::query(SQL).bind(tenant).bind(client).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Forgets tokens that ended.
    pub async fn access_token_sweep(&mut self, before: i64) -> Result<(), StoreError> {
        const SQL: &str = "DELETE FROM access_token WHERE expires_at <= $1";
        on!(self, conn => sqlx::query(SQL).bind(before).execute(conn).await?.rows_affected());
        Ok(())
    }
}

//! Requests of people for their data or its erasure. Each is a job with the same id and is kept as long as the job. An
//! erasure takes out of all of them who the person was, and the exports.
use std::io::Read as _;

use flate2::read::ZlibDecoder;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::{Person, PersonKey};
use crate::consent::KeyKind;
use crate::evidence::zlib;
use crate::int_set::IntSet;
use crate::job::{Job, NewJob};
use crate::{StoreError, Tx, on};

/// A request with its job.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct PrivacyRequest {
    /// The job, which has its id.
    #[sqlx(flatten)]
    pub job: Job,
    /// Why it was made.
    pub reason: String,
    /// Whether there is an export to be fetched.
    pub has_file: bool,
}

impl PersonKey {
    fn kind(&self) -> KeyKind {
        match self {
            Self::Address(_) => KeyKind::Device,
            Self::ClientId(_) => KeyKind::Client,
        }
    }

    fn of(kind: i16, text: String) -> Self {
        if kind == KeyKind::Device.code() { Self::Address(text) } else { Self::ClientId(text) }
    }
}

const SELECT: &str = "SELECT j.*, r.reason, r.file IS NOT NULL AS has_file FROM privacy_request r
    JOIN job j ON j.tenant = r.tenant AND j.id = r.id";

impl Tx {
    /// The names of the files beside the database that may hold people of a tenant, below the data folder: rejected lines and
    /// warnings of its imports, and its exports. Most of them are gone already.
    pub async fn files_of_tenant(&mut self, tenant: i64) -> Result<Vec<String>, StoreError> {
        const IMPORTS: &str = "SELECT number FROM list_import WHERE tenant = $1";
        const EXPORTS: &str = "SELECT id FROM job WHERE tenant = $1
            AND kind IN ('list_export', 'suppression_export', 'consent_export')";
        let imports: Vec<i64> = on!(self, conn => sqlx::query_scalar(IMPORTS).bind(tenant).fetch_all(conn).await?);
        let exports: Vec<Uuid> = on!(self, conn => sqlx::query_scalar(EXPORTS).bind(tenant).fetch_all(conn).await?);
        let lines =
            imports.iter().flat_map(|n| [format!("rejects/rejects-{n}.csv"), format!("rejects/warnings-{n}.csv")]);
        Ok(lines.chain(exports.iter().map(|id| format!("exports/export-{id}.csv"))).collect())
    }

    /// Queues a request about the person of a key with this keyed hash. While a request of the same kind about the same
    /// key waits or runs, no second one is made. Answers the request, and whether it is new.
    pub async fn privacy_request_add(
        &mut self,
        job: &NewJob,
        key: (&PersonKey, i64),
        reason: &str,
    ) -> Result<(PrivacyRequest, bool), StoreError> {
        const INSERT: &str = "INSERT INTO privacy_request (id, tenant, reason, key_kind, key_hash, key)
            VALUES ($1, $2, $3, $4, $5, $6)";
        let open = format!(
            "{SELECT} WHERE r.tenant = $1 AND r.key_hash = $2 AND r.key_kind = $3 AND r.key = $4 AND j.kind = $5
             AND j.state IN ('queued', 'running') LIMIT 1"
        );
        let (key, hash) = key;
        let (kind, text) = (key.kind().code(), key.text());
        let open: Option<PrivacyRequest> = on!(self, conn => sqlx::query_as(AssertSqlSafe(open)).bind(job.tenant)
            .bind(hash).bind(kind).bind(text).bind(job.kind).fetch_optional(conn).await?);
        if let Some(open) = open {
            return Ok((open, false));
        }
        self.job_insert(job).await?;
        on!(self, conn => sqlx::query(INSERT).bind(job.id).bind(job.tenant).bind(reason).bind(kind).bind(hash).bind(text)
            .execute(conn).await?.rows_affected());
        let made = self.privacy_request_get(job.tenant, job.id).await?;
        let made = made.ok_or_else(|| StoreError::Corrupt("a request that was made is gone".into()))?;
        Ok((made, true))
    }

    /// One request of a tenant.
    pub async fn privacy_request_get(&mut self, tenant: i64, id: Uuid) -> Result<Option<PrivacyRequest>, StoreError> {
        let sql = format!("{SELECT} WHERE r.tenant = $1 AND r.id = $2");
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(id).fetch_optional(conn).await?))
    }

    /// A page of a tenant's requests, newest first, after the last one seen.
    pub async fn privacy_request_page(
        &mut self,
        tenant: i64,
        after: Option<(i64, Uuid)>,
        limit: i64,
    ) -> Result<Vec<PrivacyRequest>, StoreError> {
        let sql = format!(
            "{SELECT} WHERE r.tenant = $1 AND (j.created_at < $2 OR (j.created_at = $2 AND j.id < $3))
             ORDER BY j.created_at DESC, j.id DESC LIMIT $4"
        );
        let (at, id) = after.unwrap_or((i64::MAX, Uuid::max()));
        Ok(
            on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(at).bind(id).bind(limit).fetch_all(conn).await?),
        )
    }

    /// Whom a request names; nothing once the person was erased.
    pub async fn privacy_request_key(&mut self, tenant: i64, id: Uuid) -> Result<Option<PersonKey>, StoreError> {
        const SQL: &str = "SELECT key_kind, key FROM privacy_request WHERE tenant = $1 AND id = $2 AND key <> ''";
        let row: Option<(i16, String)> =
            on!(self, conn => sqlx::query_as(SQL).bind(tenant).bind(id).fetch_optional(conn).await?);
        Ok(row.map(|(kind, text)| PersonKey::of(kind, text)))
    }

    /// Keeps the export of a request. False if the person was erased meanwhile: then nothing is kept.
    pub async fn privacy_file_put(&mut self, tenant: i64, id: Uuid, json: &[u8]) -> Result<bool, StoreError> {
        const SQL: &str = "UPDATE privacy_request SET file = $3 WHERE tenant = $1 AND id = $2 AND key <> ''";
        let file = zlib(json)?;
        let kept =
            on!(self, conn => sqlx::query(SQL).bind(tenant).bind(id).bind(file).execute(conn).await?.rows_affected());
        Ok(kept == 1)
    }

    /// The export of a request, JSON.
    pub async fn privacy_file_get(&mut self, tenant: i64, id: Uuid) -> Result<Option<Vec<u8>>, StoreError> {
        const SQL: &str = "SELECT file FROM privacy_request WHERE tenant = $1 AND id = $2 AND file IS NOT NULL";
        let file: Option<Vec<u8>> =
            on!(self, conn => sqlx::query_scalar(SQL).bind(tenant).bind(id).fetch_optional(conn).await?);
        let Some(file) = file else { return Ok(None) };
        let mut json = Vec::new();
        ZlibDecoder::new(file.as_slice()).read_to_end(&mut json).map_err(|e| StoreError::Corrupt(e.to_string()))?;
        Ok(Some(json))
    }

    /// Takes the person out of the requests, and the exports with it.
    pub(super) async fn erase_requests(&mut self, person: &Person) -> Result<(), StoreError> {
        let sql = format!(
            "UPDATE privacy_request SET key_hash = 0, key = '', file = NULL WHERE tenant = $1 AND key_hash{}",
            IntSet::test(self, "$2")
        );
        let hashes = IntSet::of(person.addresses.iter().chain(&person.client_ids).map(|key| key.1));
        on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(person.tenant).bind(hashes.text()).execute(conn).await?.rows_affected());
        Ok(())
    }
}

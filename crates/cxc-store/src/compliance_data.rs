//! Generations of the compliance data provider: kept so that every process takes over what one of them downloaded,
//! and starts with it while the provider can't be reached. Owning service: list manager.
use sqlx::AssertSqlSafe;

use crate::{Db, StoreError, Tx, on};

/// Generations that are kept: the one in use and two before it.
const KEPT: i64 = 3;
/// Held while one process downloads.
pub const LEASE: &str = "compliance-data";
/// The fact about the latest look at the provider.
const CHECK: &str = "compliance_data_check";

/// A generation that was believed.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct GenerationRow {
    /// Grows with every activation.
    pub seq: i64,
    /// Its name.
    pub generation: String,
    /// The manifest as it was signed.
    pub manifest: String,
    /// Whether a person said that its row counts are right.
    pub unusual_counts: bool,
    /// When, in microseconds.
    pub activated_at: i64,
}

/// A file of a generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenerationFile {
    /// Its kind.
    pub kind: String,
    /// Its country.
    pub country: String,
    /// The digest of its rows.
    pub sha256: String,
    /// Its rows, compressed; nothing if they are kept already.
    pub body: Option<Vec<u8>>,
}

/// Where a file stands.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct FileState {
    /// Its kind.
    pub kind: String,
    /// Its country.
    pub country: String,
    /// `embedded`, `downloaded`, `active`, `stale` or `rejected`.
    pub state: String,
    /// The version that the state is of.
    pub version: String,
    /// When it becomes stale, in microseconds.
    pub expires: Option<i64>,
    /// Why it was rejected.
    pub detail: Option<String>,
    /// Since when, in microseconds.
    pub changed_at: i64,
}

const GENERATION: &str = "seq, generation, manifest, unusual_counts, activated_at";

impl Tx {
    /// The generations that are kept, the one in use first.
    pub async fn compliance_generations(&mut self) -> Result<Vec<GenerationRow>, StoreError> {
        let sql = format!("SELECT {GENERATION} FROM compliance_generation ORDER BY seq DESC LIMIT {KEPT}");
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).fetch_all(conn).await?))
    }

    /// The number of the generation in use; 0 before the first.
    pub async fn compliance_generation_newest(&mut self) -> Result<i64, StoreError> {
        const SQL: &str = "SELECT coalesce(max(seq), 0) FROM compliance_generation";
        Ok(on!(self, conn => sqlx::query_scalar(SQL).fetch_one(conn).await?))
    }

    /// The compressed rows of a generation's files.
    pub async fn compliance_generation_files(&mut self, seq: i64) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        const SQL: &str = "SELECT f.sha256, f.body FROM compliance_generation_file g
            JOIN compliance_file f ON f.sha256 = g.sha256 WHERE g.seq = $1";
        Ok(on!(self, conn => sqlx::query_as(SQL).bind(seq).fetch_all(conn).await?))
    }

    /// Puts a generation in use, with its files; generations before the last two, and rows that no generation needs,
    /// leave. The caller holds the lease.
    pub async fn compliance_generation_add(
        &mut self,
        row: &GenerationRow,
        files: &[GenerationFile],
    ) -> Result<i64, StoreError> {
        const INSERT: &str =
            "INSERT INTO compliance_generation (seq, generation, manifest, unusual_counts, activated_at)
            VALUES ($1, $2, $3, $4, $5)";
        let seq = self.compliance_generation_newest().await? + 1;
        on!(self, conn => sqlx::query(INSERT).bind(seq).bind(&row.generation).bind(&row.manifest)
            .bind(row.unusual_counts).bind(row.activated_at).execute(conn).await?.rows_affected());
        for file in files {
            self.compliance_file_add(seq, file).await?;
        }
        const OLD: &str = "DELETE FROM compliance_generation WHERE seq <= $1";
        const LINKS: &str = "DELETE FROM compliance_generation_file WHERE seq <= $1";
        for sql in [OLD, LINKS] {
            on!(self, conn => sqlx::query(sql).bind(seq - KEPT).execute(conn).await?.rows_affected());
        }
        const ORPHANS: &str =
            "DELETE FROM compliance_file WHERE sha256 NOT IN (SELECT sha256 FROM compliance_generation_file)";
        on!(self, conn => sqlx::query(ORPHANS).execute(conn).await?.rows_affected());
        Ok(seq)
    }

    /// A generation has some dozen files of some hundred kilobytes: each is a statement of its own.
    async fn compliance_file_add(&mut self, seq: i64, file: &GenerationFile) -> Result<(), StoreError> {
        const BODY: &str = "INSERT INTO compliance_file (sha256, body) VALUES ($1, $2) ON CONFLICT (sha256) DO NOTHING";
        const LINK: &str =
            "INSERT INTO compliance_generation_file (seq, kind, country, sha256) VALUES ($1, $2, $3, $4)";
        if let Some(body) = &file.body {
            on!(self, conn => sqlx::query(BODY).bind(&file.sha256).bind(body).execute(conn).await?.rows_affected());
        }
        on!(self, conn => sqlx::query(LINK).bind(seq).bind(&file.kind).bind(&file.country).bind(&file.sha256)
            .execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Where every file stands that was ever looked at.
    pub async fn compliance_file_states(&mut self) -> Result<Vec<FileState>, StoreError> {
        const SQL: &str = "SELECT kind, country, state, version, expires, detail, changed_at
            FROM compliance_file_state ORDER BY kind, country";
        Ok(on!(self, conn => sqlx::query_as(SQL).fetch_all(conn).await?))
    }

    /// Notes where files stand; the time of a state that stays is left alone.
    pub async fn compliance_file_states_put(&mut self, states: &[FileState]) -> Result<(), StoreError> {
        const SQL: &str =
            "INSERT INTO compliance_file_state (kind, country, state, version, expires, detail, changed_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (kind, country) DO UPDATE SET
                changed_at = CASE WHEN compliance_file_state.state = $3 AND compliance_file_state.version = $4
                    THEN compliance_file_state.changed_at ELSE $7 END,
                state = $3, version = $4, expires = $5, detail = $6";
        for s in states {
            on!(self, conn => sqlx::query(SQL).bind(&s.kind).bind(&s.country).bind(&s.state).bind(&s.version)
                .bind(s.expires).bind(&s.detail).bind(s.changed_at).execute(conn).await?.rows_affected());
        }
        Ok(())
    }

    /// What was noted of the latest look at the provider, as JSON.
    pub async fn compliance_check(&mut self) -> Result<Option<String>, StoreError> {
        self.installation_get(CHECK).await
    }
}

/// Notes what came of a look at the provider, as JSON.
pub async fn note_check(db: &Db, json: &str) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    tx.installation_set(CHECK, json).await?;
    tx.commit().await
}

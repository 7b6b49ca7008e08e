//! The audio of prompts. Written by the dialer's API, read by every dialer.
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::{StoreError, Tx, on};

/// What is known of an audio without its samples.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct PromptAudio {
    /// The prompt.
    pub id: Uuid,
    /// 1 and one more with each upload.
    pub version: i64,
    /// How long it is.
    pub milliseconds: i64,
    /// The size of its file.
    pub bytes: i64,
    /// What was uploaded, for people.
    pub source: String,
    /// When, microseconds.
    pub uploaded_at: i64,
    /// By whom.
    pub uploaded_by: String,
}

/// A prompt with audio, by its name.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct SpokenPrompt {
    /// Its name.
    pub name: String,
    /// The prompt.
    pub id: Uuid,
    /// The version of its audio.
    pub version: i64,
}

const COLUMNS: &str = "id, version, milliseconds, bytes, source, uploaded_at, uploaded_by";

impl Tx {
    /// Keeps the audio of a prompt, in the place of one that is there; answers its version, which is not taken from `audio`.
    pub async fn prompt_audio_put(&mut self, tenant: i64, audio: &PromptAudio, file: &[u8]) -> Result<i64, StoreError> {
        const SQL: &str = "INSERT INTO prompt_audio
                (tenant, id, version, milliseconds, bytes, source, uploaded_at, uploaded_by, audio)
            VALUES ($1, $2, 1, $3, $4, $5, $6, $7, $8) ON CONFLICT (tenant, id) DO UPDATE SET
                version = prompt_audio.version + 1, milliseconds = excluded.milliseconds, bytes = excluded.bytes,
                source = excluded.source, uploaded_at = excluded.uploaded_at, uploaded_by = excluded.uploaded_by,
                audio = excluded.audio
            RETURNING version";
        Ok(on!(self, conn => sqlx::query_scalar(SQL).bind(tenant).bind(audio.id).bind(audio.milliseconds)
            .bind(audio.bytes).bind(&audio.source).bind(audio.uploaded_at).bind(&audio.uploaded_by).bind(file)
            .fetch_one(conn).await?))
    }

    /// What is known of the audio of a prompt.
    pub async fn prompt_audio_get(&mut self, tenant: i64, id: Uuid) -> Result<Option<PromptAudio>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM prompt_audio WHERE tenant = $1 AND id = $2");
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(id).fetch_optional(conn).await?))
    }

    /// The same of all prompts of a tenant.
    pub async fn prompt_audio_all(&mut self, tenant: i64) -> Result<Vec<PromptAudio>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM prompt_audio WHERE tenant = $1 ORDER BY id");
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).fetch_all(conn).await?))
    }

    /// The file of a prompt, and its version.
    pub async fn prompt_audio_file(&mut self, tenant: i64, id: Uuid) -> Result<Option<(i64, Vec<u8>)>, StoreError> {
        const SQL: &str = "SELECT version, audio FROM prompt_audio WHERE tenant = $1 AND id = $2";
        Ok(on!(self, conn => sqlx::query_as(SQL).bind(tenant).bind(id).fetch_optional(conn).await?))
    }

    /// The prompts of a tenant that have audio.
    pub async fn prompts_spoken(&mut self, tenant: i64) -> Result<Vec<SpokenPrompt>, StoreError> {
        const SQL: &str = "SELECT o.name, a.id, a.version FROM prompt_audio a
            JOIN object o ON o.tenant = a.tenant AND o.id = a.id WHERE a.tenant = $1 ORDER BY o.name";
        Ok(on!(self, conn => sqlx::query_as(SQL).bind(tenant).fetch_all(conn).await?))
    }
}

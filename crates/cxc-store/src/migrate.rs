//! Migrations: one set of texts with type tokens, run at start. They expand first and contract a release later.
use std::borrow::Cow;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, PgPool, SqlSafeStr, SqlitePool};

use crate::StoreError;

/// Every migration: number, title, text. A number is never reused, a released text never edited.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "base", include_str!("../migrations/0001_base.sql")),
    (2, "access", include_str!("../migrations/0002_access.sql")),
    (3, "lists", include_str!("../migrations/0003_lists.sql")),
    (4, "campaigns", include_str!("../migrations/0004_campaigns.sql")),
    (6, "numbers", include_str!("../migrations/0006_numbers.sql")),
    (7, "evidence", include_str!("../migrations/0007_evidence.sql")),
    (8, "consent", include_str!("../migrations/0008_consent.sql")),
    (9, "sending", include_str!("../migrations/0009_sending.sql")),
    (10, "compliance data", include_str!("../migrations/0010_compliance_data.sql")),
    (11, "person flags", include_str!("../migrations/0011_person_flags.sql")),
    (12, "evidence of senders", include_str!("../migrations/0012_sender_evidence.sql")),
    (14, "evidence head", include_str!("../migrations/0014_evidence_head.sql")),
    (15, "consent files", include_str!("../migrations/0015_consent_files.sql")),
    (16, "list places", include_str!("../migrations/0016_list_places.sql")),
    (19, "data snapshots", include_str!("../migrations/0019_data_snapshots.sql")),
    (21, "in flight", include_str!("../migrations/0021_in_flight.sql")),
    (22, "job changes", include_str!("../migrations/0022_job_changes.sql")),
    (23, "suppression changes", include_str!("../migrations/0023_suppression_changes.sql")),
    (24, "contacts left", include_str!("../migrations/0024_contacts_left.sql")),
    (25, "privacy requests", include_str!("../migrations/0025_privacy_requests.sql")),
    (26, "legal decisions", include_str!("../migrations/0026_legal_decisions.sql")),
    (30, "voice", include_str!("../migrations/0030_voice.sql")),
    (33, "evidence as it is", include_str!("../migrations/0033_evidence_storage.sql")),
    (34, "agents", include_str!("../migrations/0034_agents.sql")),
    (35, "callbacks", include_str!("../migrations/0035_callbacks.sql")),
    (37, "erased", include_str!("../migrations/0037_erased.sql")),
    (38, "caller ids", include_str!("../migrations/0038_caller_ids.sql")),
    (40, "prompts", include_str!("../migrations/0040_prompts.sql")),
    (43, "learned", include_str!("../migrations/0043_learned.sql")),
    (44, "evidence skip and test sends", include_str!("../migrations/0044_evidence_skip.sql")),
    (46, "group live", include_str!("../migrations/0046_group_live.sql")),
    (47, "asked_for", include_str!("../migrations/0047_asked_for.sql")),
    (52, "taken back", include_str!("../migrations/0052_taken_back.sql")),
];

/// Type token, PostgreSQL, SQLite.
const TOKENS: &[(&str, &str, &str)] = &[
    ("{UUID}", "UUID", "BLOB"),
    ("{JSON}", "JSONB", "TEXT"),
    ("{BIGINT}", "BIGINT", "INTEGER"),
    ("{SMALLINT}", "SMALLINT", "INTEGER"),
    ("{BOOL}", "BOOLEAN", "INTEGER"),
    ("{NO}", "FALSE", "0"),
    ("{BYTES}", "BYTEA", "BLOB"),
    // tables that are looked up by their key only
    ("{WITHOUT_ROWID}", "", "WITHOUT ROWID"),
    ("{BY_MONTH}", "PARTITION BY RANGE (month)", "WITHOUT ROWID"),
    ("{DEFAULT_MONTH}", "CREATE TABLE attempt_default PARTITION OF attempt DEFAULT;", ""),
    // tables whose rows live for moments: vacuumed before their dead ones fill many pages
    (
        "{SHORT_LIVED}",
        "WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0)",
        "",
    ),
    // lines of one engine only
    ("{POSTGRES}", "", "-- "),
    ("{SQLITE}", "-- ", ""),
    // tables whose rows are updated often keep room on their pages and are vacuumed early
    (
        "{HOT}",
        "WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0)",
        "WITHOUT ROWID",
    ),
];

fn migrator(postgres: bool) -> Migrator {
    let migrations = MIGRATIONS
        .iter()
        .map(|(number, title, text)| {
            let mut sql = (*text).to_owned();
            for (token, pg, lite) in TOKENS {
                sql = sql.replace(token, if postgres { pg } else { lite });
            }
            Migration::new(
                *number,
                Cow::Borrowed(*title),
                MigrationType::Simple,
                AssertSqlSafe(sql).into_sql_str(),
                false,
            )
        })
        .collect();
    Migrator::with_migrations(migrations)
}

pub(crate) async fn postgres(pool: &PgPool) -> Result<(), StoreError> {
    migrator(true).run(pool).await.map_err(explain)
}

pub(crate) async fn sqlite(pool: &SqlitePool) -> Result<(), StoreError> {
    migrator(false).run(pool).await.map_err(explain)
}

fn explain(error: MigrateError) -> StoreError {
    let known = MIGRATIONS.last().map_or(0, |m| m.0);
    match error {
        MigrateError::VersionMissing(found) if found > known => StoreError::NewerSchema { found, known },
        other => StoreError::Migrate(other),
    }
}

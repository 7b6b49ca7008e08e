//! What can go wrong in the store.

/// What can go wrong in the store. `AlreadyExists` and `InUse` are the caller's to explain; the rest is internal.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A unique name or key is taken.
    #[error("{0} already exists")]
    AlreadyExists(&'static str),
    /// A row no longer holds what its type allows.
    #[error("stored value no longer parses: {0}")]
    Corrupt(String),
    /// The caller's lease or epoch was lost: another process owns this work now.
    #[error("lease lost: {0}")]
    LeaseLost(String),
    /// The database was made by a newer version of this program.
    #[error(
        "the database has schema {found}, this program knows up to {known}: use the newer program, or restore a backup"
    )]
    NewerSchema {
        /// The newest migration in the database.
        found: i64,
        /// The newest migration of this program.
        known: i64,
    },
    /// A migration failed.
    #[error("migration: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The database address is not one of the two kinds.
    #[error("a database is sqlite:FILE or postgres://user:password@host:port/name")]
    BadUrl,
    /// The database answered with an error, or not at all.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// A value could not be written as JSON.
    #[error("value can't be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl StoreError {
    /// Whether the database could not be reached (stopped, restarting, out of connections): worth waiting for.
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Database(
                sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed,
            ) => true,
            Self::Database(sqlx::Error::Protocol(_) | sqlx::Error::Tls(_)) => true,
            // 57P01-57P03: shutting down or starting up; 08xxx: connection; 53300: too many connections
            Self::Database(sqlx::Error::Database(e)) => {
                e.code().is_some_and(|c| c.starts_with("57P") || c.starts_with("08") || c == "53300")
            }
            _ => false,
        }
    }

    /// Whether the write collided with another transaction and is worth repeating at once.
    pub fn is_conflict(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Database(e)) => {
                e.code().is_some_and(|c| matches!(c.as_ref(), "40001" | "40P01" | "5" | "517" | "261"))
            }
            _ => false,
        }
    }

    /// Whether the database refused a value as such: trying it again can't help.
    pub fn is_bad_value(&self) -> bool {
        match self {
            // 22xxx: data exceptions
            Self::Database(sqlx::Error::Database(e)) => e.code().is_some_and(|c| c.starts_with("22")),
            Self::Database(sqlx::Error::Encode(_)) | Self::Json(_) => true,
            _ => false,
        }
    }

    /// Whether a unique constraint was violated.
    pub fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::Database(e)) if e.is_unique_violation())
    }
}

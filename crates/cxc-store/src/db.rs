//! The open database: one handle, two engines, explicit transactions.
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{
    Connection as _, Executor, PgConnection, PgPool, Postgres, SqlSafeStr as _, Sqlite, SqlitePool, Transaction,
};

use crate::{StoreError, migrate};

/// The two databases that one SQL text runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Production.
    Postgres,
    /// The embedded default.
    Sqlite,
}

/// How to open the database.
#[derive(Debug, Clone)]
pub struct DbOptions {
    /// `sqlite:FILE` or `postgres://...`.
    pub url: String,
    /// The most connections of this process (PostgreSQL), or reading connections (SQLite).
    pub max_connections: u32,
    /// How long to wait for a free or new connection.
    pub acquire_timeout: Duration,
}

impl DbOptions {
    /// The defaults for a database address.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), max_connections: 12, acquire_timeout: Duration::from_secs(10) }
    }
}

/// The open database. Cheap to clone.
#[derive(Clone)]
pub enum Db {
    /// A pool of connections to a server.
    Postgres(PgPool),
    /// A file with one writer and several readers.
    Sqlite {
        /// The only connection that writes in this process.
        writer: SqlitePool,
        /// Connections that only read.
        readers: SqlitePool,
        /// The file.
        path: PathBuf,
    },
}

/// A transaction on either engine. Dropping it without [`Tx::commit`] rolls back.
pub enum Tx {
    /// On PostgreSQL.
    Postgres(Transaction<'static, Postgres>),
    /// On SQLite.
    Sqlite(Transaction<'static, Sqlite>),
}

/// Batches look their rows up by key, whatever PostgreSQL believes of the sizes: of a table that it has not yet
/// analysed (a new installation, a new month) or that was small when it did, it would read every row for each batch.
/// What is there already (`IF NOT EXISTS`) is no news.
const PLANS: &str = "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off;
    SET client_min_messages = warning";

/// How long the first connection may take.
const FIRST: Duration = Duration::from_secs(5);

/// A connection that lay idle for so long is asked whether it still lives before it is used.
const ASKED_AFTER: Duration = Duration::from_secs(1);

impl Db {
    /// Opens the database and brings its schema up to date; a newer schema is refused.
    pub async fn open(options: &DbOptions) -> Result<Self, StoreError> {
        let db = Self::connect(options).await?;
        db.migrate().await?;
        Ok(db)
    }

    /// Opens the database as it is.
    pub async fn connect(options: &DbOptions) -> Result<Self, StoreError> {
        match options.url.strip_prefix("sqlite:") {
            Some(path) => Self::connect_sqlite(Path::new(path.trim_start_matches("//")), options).await,
            None if options.url.starts_with("postgres") => Self::connect_postgres(options).await,
            None => Err(StoreError::BadUrl),
        }
    }

    async fn connect_postgres(options: &DbOptions) -> Result<Self, StoreError> {
        let connect = PgConnectOptions::from_str(&options.url).map_err(|_| StoreError::BadUrl)?.application_name("cxc");
        first_postgres(&connect).await?;
        let pool = PgPoolOptions::new()
            .max_connections(options.max_connections)
            .acquire_timeout(options.acquire_timeout)
            .idle_timeout(Duration::from_secs(300))
            .after_connect(|connection, _| Box::pin(async { connection.execute(PLANS).await.map(drop) }))
            // one that was used just now is not asked whether it still lives: that would be a round trip each time
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    if meta.idle_for >= ASKED_AFTER {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_with(connect)
            .await?;
        Ok(Db::Postgres(pool))
    }

    async fn connect_sqlite(path: &Path, options: &DbOptions) -> Result<Self, StoreError> {
        let connect = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // a power cut must not forget an attempt
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(15))
            .foreign_keys(true)
            .pragma("cache_size", "-16000")
            .pragma("temp_store", "memory")
            .pragma("journal_size_limit", "67108864")
            // what is deleted or erased is overwritten, not only marked as free
            .pragma("secure_delete", "on");
        make_private(path).map_err(sqlx::Error::Io)?;
        let one = SqlitePoolOptions::new().acquire_timeout(options.acquire_timeout.max(Duration::from_secs(30)));
        let writer =
            one.clone().max_connections(1).idle_timeout(None).max_lifetime(None).connect_with(connect.clone()).await?;
        let readers = one
            .max_connections(options.max_connections.min(4))
            .connect_with(connect.pragma("query_only", "on").pragma("cache_size", "-4000"))
            .await?;
        Ok(Db::Sqlite { writer, readers, path: path.to_owned() })
    }

    /// Brings the schema up to date. Safe to run from several processes at once.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        match self {
            Db::Postgres(pool) => migrate::postgres(pool).await,
            Db::Sqlite { writer, .. } => migrate::sqlite(writer).await,
        }
    }

    /// The engine of this database.
    pub fn engine(&self) -> Engine {
        match self {
            Db::Postgres(_) => Engine::Postgres,
            Db::Sqlite { .. } => Engine::Sqlite,
        }
    }

    /// A transaction that will write. On PostgreSQL its commit is durable before it returns.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        Ok(match self {
            Db::Postgres(pool) => Tx::Postgres(begin_postgres(pool, "BEGIN").await?),
            // Take SQLite's one write lock now: upgrading a read lock later can fail as "busy".
            Db::Sqlite { writer, .. } => Tx::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?),
        })
    }

    /// A writing transaction whose commit may be lost in a power cut (never in a crash of this
    /// process): for imports and other work that is repeated or undone by itself.
    pub async fn begin_relaxed(&self) -> Result<Tx, StoreError> {
        let mut tx = self.begin().await?;
        if let Tx::Postgres(tx) = &mut tx {
            sqlx::query("SET LOCAL synchronous_commit = off").execute(&mut **tx).await?;
        }
        Ok(tx)
    }

    /// A transaction that only reads: one consistent view, no write lock.
    pub async fn read(&self) -> Result<Tx, StoreError> {
        Ok(match self {
            Db::Postgres(pool) => {
                Tx::Postgres(begin_postgres(pool, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
            }
            Db::Sqlite { readers, .. } => Tx::Sqlite(readers.begin().await?),
        })
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        match self {
            Db::Postgres(pool) => sqlx::query("SELECT 1").execute(pool).await.map(drop)?,
            Db::Sqlite { readers, .. } => sqlx::query("SELECT 1").execute(readers).await.map(drop)?,
        }
        Ok(())
    }

    /// Empties the journal of the embedded store: what was overwritten in the file may still stand there. Call it
    /// after an erasure. False if somebody read for too long; the journal is then emptied later.
    pub async fn empty_journal(&self) -> Result<bool, StoreError> {
        let Db::Sqlite { writer, .. } = self else { return Ok(true) };
        const SQL: &str = "PRAGMA wal_checkpoint(TRUNCATE)";
        let (busy, _, _): (i64, i64, i64) = sqlx::query_as(SQL).fetch_one(writer).await?;
        Ok(busy == 0)
    }

    /// Waits for open transactions and closes every connection.
    pub async fn close(&self) {
        match self {
            Db::Postgres(pool) => pool.close().await,
            Db::Sqlite { writer, readers, .. } => {
                readers.close().await;
                writer.close().await;
            }
        }
    }
}

/// Connects once: the pool would try again for long before it told that nobody listens there.
async fn first_postgres(connect: &PgConnectOptions) -> Result<(), StoreError> {
    let silent =
        || std::io::Error::new(std::io::ErrorKind::TimedOut, format!("no answer within {} s", FIRST.as_secs()));
    let made = tokio::time::timeout(FIRST, PgConnection::connect_with(connect)).await;
    let connection = made.map_err(|_| sqlx::Error::Io(silent()))??;
    Ok(connection.close().await?)
}

/// Begins a transaction in a task of its own, which goes on when the caller's future is dropped. A `BEGIN` that
/// nobody waited for would leave the connection in a transaction that the pool does not know of, and the next one
/// to write would find itself in it. Here the finished transaction is dropped, which rolls it back.
async fn begin_postgres(pool: &PgPool, sql: &'static str) -> Result<Transaction<'static, Postgres>, StoreError> {
    // waiting for a connection can be given up at any point
    let connection = pool.acquire().await?;
    let begun = tokio::spawn(Transaction::begin(connection, Some(sql.into_sql_str())));
    // a task is cancelled when the process stops
    Ok(begun.await.map_err(|_| sqlx::Error::PoolClosed)??)
}

/// Makes the file of a new store for its owner only: it holds personal data. Its journal takes after it.
fn make_private(path: &Path) -> std::io::Result<()> {
    // a name of SQLite's, not of a file
    if path == Path::new(":memory:") {
        return Ok(());
    }
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

impl Tx {
    /// Makes the changes last.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self {
            Tx::Postgres(tx) => tx.commit().await?,
            Tx::Sqlite(tx) => tx.commit().await?,
        }
        Ok(())
    }

    /// Takes the changes back.
    pub async fn rollback(self) -> Result<(), StoreError> {
        match self {
            Tx::Postgres(tx) => tx.rollback().await?,
            Tx::Sqlite(tx) => tx.rollback().await?,
        }
        Ok(())
    }

    /// The engine of this transaction.
    pub fn engine(&self) -> Engine {
        match self {
            Tx::Postgres(_) => Engine::Postgres,
            Tx::Sqlite(_) => Engine::Sqlite,
        }
    }

    /// `for_postgres` or `for_sqlite`: for the few places where the engines truly differ.
    pub fn choose<T>(&self, for_postgres: T, for_sqlite: T) -> T {
        match self {
            Tx::Postgres(_) => for_postgres,
            Tx::Sqlite(_) => for_sqlite,
        }
    }

    /// The database's clock, in microseconds: what leases are measured by.
    pub async fn now(&mut self) -> Result<i64, StoreError> {
        let sql = self.choose(
            "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint",
            "SELECT CAST(unixepoch('subsec') * 1000000 AS INTEGER)",
        );
        Ok(crate::on!(self, conn => sqlx::query_scalar::<_, i64>(sql).fetch_one(conn).await?))
    }
}

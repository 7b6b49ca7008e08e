//! Fresh databases: SQLite files, or databases of one PostgreSQL server per test binary. `CXC_TEST_ENGINE` chooses.
use std::ops::Deref;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, anyhow, bail};
use cxc_core::attempt::AttemptState;
use cxc_store::attempt::{AttemptOutcome, MadeAttempt, NewAttempt};
use cxc_store::{Db, DbOptions, Engine};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::postgres::Postgres;

// One server for all tests of a binary: a server per test would cost a second each. It is never changed, and its
// guard ends it with the process.
static SERVER: LazyLock<Result<Postgres, String>> =
    LazyLock::new(|| Postgres::start_fast().map_err(|error| format!("{error:#}")));
static MIGRATED: OnceCell<()> = OnceCell::const_new();
static NAMES: AtomicU64 = AtomicU64::new(0);
const TEMPLATE: &str = "migrated";

/// The engine that this run tests, SQLite unless `CXC_TEST_ENGINE` says `postgres`.
pub fn engine() -> Result<Engine> {
    match std::env::var("CXC_TEST_ENGINE").as_deref() {
        Ok("postgres") => Ok(Engine::Postgres),
        Ok("sqlite") | Err(_) => Ok(Engine::Sqlite),
        Ok(other) => bail!("CXC_TEST_ENGINE is sqlite or postgres, not {other}"),
    }
}

fn server() -> Result<&'static Postgres> {
    SERVER.as_ref().map_err(|error| anyhow!("the PostgreSQL server of the tests starts: {error}"))
}

/// A database with nothing in it, by its address: for tests that open it themselves. Dropping it removes it.
#[derive(Debug)]
pub struct Database {
    url: String,
    // also the folder of a SQLite database is removed when this is dropped
    home: Home,
}

#[derive(Debug)]
enum Home {
    Folder(#[expect(dead_code, reason = "held until the database is dropped")] TempDir),
    Server(String),
}

impl Database {
    /// An empty database of this run's engine.
    pub fn empty() -> Result<Self> {
        Self::empty_on(engine()?)
    }

    /// An empty database of one engine, whatever the run tests.
    pub fn empty_on(engine: Engine) -> Result<Self> {
        Self::create(engine, Postgres::create_database)
    }

    fn create(engine: Engine, on_server: impl FnOnce(&Postgres, &str) -> Result<String>) -> Result<Self> {
        match engine {
            Engine::Sqlite => {
                let folder =
                    tempfile::Builder::new().prefix("cxc-db-").tempdir().context("a temporary folder can be made")?;
                let url = format!("sqlite:{}", folder.path().join("cxc.db").display());
                Ok(Self { url, home: Home::Folder(folder) })
            }
            Engine::Postgres => {
                let name = format!("t{}", NAMES.fetch_add(1, Ordering::Relaxed));
                let url = on_server(server()?, &name)?;
                Ok(Self { url, home: Home::Server(name) })
            }
        }
    }

    /// Its address, as `cxc_store::DbOptions` takes it.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Home::Server(name) = &self.home
            && let Ok(server) = server()
        {
            // left behind it would only cost room until the server ends
            let _removed = server.drop_database(name);
        }
    }
}

/// An open database with the current schema and no rows.
pub struct TestDb {
    db: Db,
    database: Database,
}

impl TestDb {
    /// A database of this run's engine.
    pub async fn start() -> Result<Self> {
        Self::start_on(engine()?).await
    }

    /// A database of one engine, whatever the run tests.
    pub async fn start_on(engine: Engine) -> Result<Self> {
        let database = match engine {
            Engine::Sqlite => Database::empty_on(engine)?,
            Engine::Postgres => {
                MIGRATED.get_or_try_init(make_template).await?;
                Database::create(engine, |server, name| server.copy_database(TEMPLATE, name))?
            }
        };
        let db = Db::open(&DbOptions::new(database.url())).await.context("a fresh database opens")?;
        Ok(Self { db, database })
    }

    /// The open database.
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// Its address, to open it once more.
    pub fn url(&self) -> &str {
        self.database.url()
    }
}

impl Deref for TestDb {
    type Target = Db;

    fn deref(&self) -> &Db {
        &self.db
    }
}

/// Migrates once; every test's database is a copy, which takes a tenth of the time.
async fn make_template() -> Result<()> {
    let url = server()?.create_database(TEMPLATE)?;
    let db = Db::open(&DbOptions::new(url)).await.context("the migrations run")?;
    db.close().await;
    Ok(())
}

/// Attempts as a dialer's report writes them when they begin: in state `sending`.
pub fn begun(attempts: &[NewAttempt]) -> Vec<MadeAttempt> {
    let outcome = AttemptOutcome { state: AttemptState::Sending.code(), ..AttemptOutcome::default() };
    attempts.iter().map(|attempt| attempt.clone().made(outcome.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn is_fresh_and_alone(engine: Engine) {
        let (one, two) = (TestDb::start_on(engine).await.unwrap(), TestDb::start_on(engine).await.unwrap());
        assert_eq!(one.engine(), engine);
        assert_ne!(one.url(), two.url());
        one.ping().await.unwrap();
        // as up to date as a database that was migrated by itself
        two.migrate().await.unwrap();
    }

    #[tokio::test]
    async fn a_sqlite_test_has_a_database_of_its_own() {
        is_fresh_and_alone(Engine::Sqlite).await;
    }

    #[tokio::test]
    async fn a_postgres_test_has_a_database_of_its_own() {
        is_fresh_and_alone(Engine::Postgres).await;
    }

    #[tokio::test]
    async fn an_empty_database_can_be_opened_by_its_address() {
        for engine in [Engine::Sqlite, Engine::Postgres] {
            let database = Database::empty_on(engine).unwrap();
            let db = Db::open(&DbOptions::new(database.url())).await.unwrap();
            db.ping().await.unwrap();
        }
    }
}

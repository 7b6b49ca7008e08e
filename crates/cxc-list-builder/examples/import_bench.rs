//! Measures the import against the database's own bulk load of the same rows.
//!
//! `import_bench URL [CONTACTS]` with an empty database: `sqlite:FILE` or `postgres://...`. Prints one line a figure.
use std::fmt::Write as _;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use cxc_core::hash::HashKey;
use cxc_core::location::{LiveTables, LocationTables};
use cxc_core::phone::PhoneParser;
use cxc_list_builder::import::{Checkers, ImportContext, ImportMode, ImportSettings};
use cxc_list_builder::jobs::{ImportPayload, LIST_IMPORT, ListJobs, SUPPRESSION_IMPORT, Source};
use cxc_server::rule_data::RuleData;
use cxc_server::{App, ServerConfig, SystemClock};
use cxc_store::job::NewJob;
use cxc_store::location::Locations;
use cxc_store::suppression::{DEVICE, NewSuppressionList};
use cxc_store::{Db, DbOptions};
use futures_util::TryStreamExt;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// That of the program.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "its figures are its output")]
async fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let url = args.next().context("import_bench URL [CONTACTS]")?;
    let contacts: usize = args.next().map_or(Ok(1_000_000), |n| n.parse())?;
    let folder = tempfile::tempdir()?;
    let db = Db::open(&DbOptions::new(&url)).await?;
    let bench = Bench { app: app(db.clone()), folder: folder.path().to_owned() };
    // the first import warms the caches of the process and of the database
    bench.import(&bench.file(contacts / 100, 0)?).await?;
    let mut small = Vec::new();
    for round in 1..=5 {
        let (took, _) = bench.import(&bench.file(contacts / 10, round)?).await?;
        small.push(took);
    }
    small.sort();
    let per_small = small[2].as_secs_f64() / (contacts / 10) as f64;
    let file = bench.file(contacts, 9)?;
    let (took, generation) = bench.import(&file).await?;
    let memory = peak_memory();
    let per_large = took.as_secs_f64() / contacts as f64;
    println!("import {contacts} contacts: {:.2} s, {:.0} contacts/s", took.as_secs_f64(), 1.0 / per_large);
    println!("cost per contact at {contacts} against {}: {:.2}", contacts / 10, per_large / per_small);
    println!("peak memory: {} MB", memory / 1024);
    if let Db::Postgres(pool) = &db {
        let bare = bare_copy(pool, generation, folder.path()).await?;
        println!("bare COPY of the same rows, side by side: {:.2} s", bare.as_secs_f64());
        println!("import against bare COPY: {:.2}", bare.as_secs_f64() / took.as_secs_f64());
    }
    let again = bench.refresh(&file).await?;
    println!(
        "replace with the same file: {:.2} s, {:.0} contacts/s",
        again.as_secs_f64(),
        contacts as f64 / again.as_secs_f64()
    );
    let mut per_entry = Vec::new();
    for entries in [contacts / 50, contacts / 5] {
        let took = bench.suppress(&bench.numbers(entries)?).await?;
        per_entry.push(took.as_secs_f64() / entries as f64);
        println!(
            "list of {entries} opt-outs: {:.2} s, {:.0} entries/s",
            took.as_secs_f64(),
            entries as f64 / took.as_secs_f64()
        );
    }
    println!("cost per entry at {} against {}: {:.2}", contacts / 5, contacts / 50, per_entry[1] / per_entry[0]);
    Ok(())
}

fn app(db: Db) -> App {
    App::new(db, Arc::new(SystemClock), HashKey([1; 16]), ServerConfig::default(), RuleData::default())
}

struct Bench {
    app: App,
    folder: PathBuf,
}

impl Bench {
    /// A file of contacts with a phone each, every second with an email address, too.
    fn file(&self, contacts: usize, seed: u64) -> Result<PathBuf> {
        let path = self.folder.join(format!("{contacts}-{seed}.csv"));
        let mut out = BufWriter::new(std::fs::File::create(&path)?);
        writeln!(out, "Client ID,First Name,Last Name,Mobile,Email,State,Zip,Other1")?;
        let (mut random, mut line) = (seed.wrapping_mul(0x9e37_79b9) + 1, String::new());
        for n in 0..contacts {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let area = ["212", "312", "415", "713", "303", "602", "206", "305"][(random >> 61) as usize];
            line.clear();
            write!(line, "c{seed}-{n:07},Ann{},Miller{n},({area}) {}", n % 500, 200 + (random >> 40) % 700)?;
            write!(line, "-{:04},", (random >> 20) % 10_000)?;
            if n % 2 == 0 {
                write!(line, "user{n}.{seed}@example.com")?;
            }
            write!(line, ",TX,75{:03},note {}", n % 300, n % 97)?;
            writeln!(out, "{line}")?;
        }
        out.flush()?;
        Ok(path)
    }

    async fn import(&self, file: &Path) -> Result<(Duration, i64)> {
        let id = self.app.ids.next();
        let mut tx = self.app.db.begin().await?;
        tx.contact_list_insert(1, id).await?;
        tx.commit().await?;
        let took = self.run(LIST_IMPORT, id, file, ImportMode::Append).await?;
        let list = self.app.db.read().await?.contact_list_get(1, id).await?.context("the list")?;
        Ok((took, list.generation))
    }

    async fn refresh(&self, file: &Path) -> Result<Duration> {
        let lists = self.app.db.read().await?.contact_list_page(1, 0, 100).await?;
        let list = lists.last().context("a list")?;
        self.run(LIST_IMPORT, list.id, file, ImportMode::Replace).await
    }

    /// A file of phone numbers.
    fn numbers(&self, count: usize) -> Result<PathBuf> {
        let path = self.folder.join(format!("numbers-{count}.csv"));
        let mut out = BufWriter::new(std::fs::File::create(&path)?);
        writeln!(out, "phone")?;
        for n in 0..count {
            writeln!(out, "+1212{:07}", 2_000_000 + n * 7 % 7_999_999)?;
        }
        out.flush()?;
        Ok(path)
    }

    /// Into a new list of opt-outs.
    async fn suppress(&self, file: &Path) -> Result<Duration> {
        let id = self.app.ids.next();
        let new = NewSuppressionList {
            id,
            kind: DEVICE,
            channels: 7,
            required: true,
            expires_at: None,
            role: None,
            opt_outs: true,
        };
        let mut tx = self.app.db.begin().await?;
        tx.suppression_list_insert(1, &new).await?;
        tx.commit().await?;
        self.run(SUPPRESSION_IMPORT, id, file, ImportMode::Append).await
    }

    async fn run(&self, kind: &'static str, list: Uuid, file: &Path, mode: ImportMode) -> Result<Duration> {
        let settings = ImportSettings {
            mode,
            default_country: Some("US".into()),
            file_name: "bench.csv".into(),
            ..ImportSettings::default()
        };
        let payload = ImportPayload { source: Source::Path(file.to_owned()), settings };
        let now = self.app.now();
        let job = NewJob {
            id: self.app.ids.next(),
            tenant: 1,
            kind,
            subject: Some(list),
            payload: serde_json::to_value(payload)?,
            run_at: now,
            created_by: "bench".into(),
            created_at: now,
        };
        let mut tx = self.app.db.begin().await?;
        tx.job_insert(&job).await?;
        tx.commit().await?;
        let context = ImportContext {
            app: self.app.clone(),
            checkers: Checkers {
                phones: Arc::new(PhoneParser::new()?),
                tables: LiveTables::new(LocationTables::embedded()?),
                hash_key: self.app.hash_key,
            },
            locations: Arc::new(Locations::new()),
            rejects: self.folder.join("rejects"),
        };
        let jobs = ListJobs::new(context, self.folder.clone());
        let since = Instant::now();
        let done = cxc_server::job_runner::run_by_id(&self.app, &jobs, job.id, CancellationToken::new()).await?;
        let took = since.elapsed();
        let done = done.context("the job ran")?;
        anyhow::ensure!(done.state == "succeeded", "the import failed: {:?}", done.error);
        Ok(took)
    }
}

/// Peak resident memory of this process in KiB.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// The import's rows once more by one COPY each into tables with the same indexes, by two connections.
async fn bare_copy(pool: &sqlx::PgPool, generation: i64, folder: &Path) -> Result<Duration> {
    for table in ["contact", "device"] {
        let out = folder.join(table);
        let mut file = BufWriter::new(std::fs::File::create(&out)?);
        let mut connection = pool.acquire().await?;
        let sql = format!("COPY (SELECT * FROM {table} WHERE generation = {generation}) TO STDOUT");
        let mut rows = connection.copy_out_raw(&sql).await?;
        while let Some(chunk) = rows.try_next().await? {
            file.write_all(&chunk)?;
        }
        file.flush()?;
        drop(rows);
        let create = format!("CREATE TABLE bare_{table} (LIKE {table} INCLUDING ALL)");
        sqlx::query(sqlx::AssertSqlSafe(create)).execute(&mut *connection).await?;
    }
    let since = Instant::now();
    tokio::try_join!(copy_in(pool, "contact", folder), copy_in(pool, "device", folder))?;
    Ok(since.elapsed())
}

async fn copy_in(pool: &sqlx::PgPool, table: &str, folder: &Path) -> Result<()> {
    let mut file = std::fs::File::open(folder.join(table))?;
    let mut tx = pool.begin().await?;
    sqlx::query("SET LOCAL synchronous_commit = off").execute(&mut *tx).await?;
    let mut copy = tx.copy_in_raw(&format!("COPY bare_{table} FROM STDIN")).await?;
    let mut chunk = vec![0_u8; 64 * 1024];
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            break;
        }
        copy.send(&chunk[..read]).await?;
    }
    copy.finish().await?;
    tx.commit().await?;
    Ok(())
}

//! How fast the validation service answers over HTTP: `validation_bench DATABASE [SECONDS]`. The database is
//! `postgres` (a durable server of its own) or `sqlite` (a file of its own). Beside each figure stands what the same
//! server or database does at least: a bare health request, a bare insert and commit.
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use axum::Router;
use cxc_core::hash::HashKey;
use cxc_server::app::PasswordCost;
use cxc_server::principal::SYSTEM_TENANT;
use cxc_server::provision::{self, NewTenant};
use cxc_server::rule_data::RuleData;
use cxc_server::scope::BuiltInRole;
use cxc_server::{App, BASE, INTERNAL_BASE, Principal, ServerConfig, SystemClock, health, http, resources, service};
use cxc_store::{Db, DbOptions, Engine, on};
use cxc_test::{Caller, Database, Postgres};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// What came of one kind of request.
struct Measured {
    rate: f64,
    p50: Duration,
    p99: Duration,
}

fn say(text: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{text}").context("the figures are printed")
}

fn show(what: &str, m: &Measured, target: &str) -> Result<()> {
    let ms = |d: Duration| d.as_secs_f64() * 1e3;
    say(&format!("{what:<52} {:>8.0}/s  p50 {:>7.2} ms  p99 {:>7.2} ms  {target}", m.rate, ms(m.p50), ms(m.p99)))
}

#[tokio::main]
async fn main() -> Result<()> {
    let engine = std::env::args().nth(1).unwrap_or_else(|| "sqlite".into());
    let seconds = std::env::args().nth(2).map_or(Ok(10), |s| s.parse()).context("SECONDS is a number")?;
    let time = Duration::from_secs(seconds);
    let (_server, url, _folder) = match engine.as_str() {
        "postgres" => {
            let server = Postgres::start()?;
            let url = server.create_database("bench")?;
            (Some(server), url, None)
        }
        "sqlite" => {
            let database = Database::empty_on(Engine::Sqlite)?;
            (None, database.url().to_owned(), Some(database))
        }
        other => bail!("the database is sqlite or postgres, not {other}"),
    };
    let bench = Bench::start(&url).await?;
    let health = bench.run("/health/live", time.min(Duration::from_secs(3)), 8, 0, None).await?;
    show("health request (yardstick)", &health, "")?;
    let ask = |i: u64| question(i, 0).to_string();
    let asked = bench.run(&validate(), time, 16, 0, Some(&ask)).await?;
    show("check without reservation, as fast as it goes", &asked, "target 5,000/s")?;
    let asked = bench.run(&validate(), time, 16, 5_000, Some(&ask)).await?;
    show("the same at 5,000 a second", &asked, "target p99 < 5 ms")?;
    let commit = bench.commits(time.min(Duration::from_secs(3))).await?;
    show("insert and commit of one row (yardstick)", &commit, "")?;
    let held = |i: u64| question(1_000_000 + i, 60_000).to_string();
    let reserved = bench.run(&validate(), time, 32, 500, Some(&held)).await?;
    show("check, durable reservation, evidence at 500 a second", &reserved, "target p99 < 25 ms")?;
    let held = |i: u64| question(3_000_000 + i, 60_000).to_string();
    let reserved = bench.run(&validate(), time, 32, 0, Some(&held)).await?;
    show("the same, as fast as it goes", &reserved, "target 500/s")?;
    for (what, hold, from) in
        [("500 checks in a batch", 0, 6_000_000), ("500 reservations in a batch", 60_000, 7_000_000)]
    {
        let batch = |i: u64| {
            let items: Vec<Value> = (0..500).map(|n| question(from + i * 500 + n, hold)).collect();
            json!({ "items": items }).to_string()
        };
        let path = format!("{INTERNAL_BASE}/compliance/validations/batch");
        let batches = bench.run(&path, time.min(Duration::from_secs(5)), 1, 0, Some(&batch)).await?;
        show(what, &batches, if hold == 0 { "target < 250 ms" } else { "" })?;
    }
    Ok(())
}

fn validate() -> String {
    format!("{INTERNAL_BASE}/compliance/validations")
}

/// A question about a person of its own, by email, whose rules are open at any hour of the bench.
fn question(i: u64, hold_ms: u32) -> Value {
    json!({ "type": "email", "device": { "email": format!("person{i}@example.com") }, "hold_ms": hold_ms,
        "contact": { "client_id": format!("client {i}"), "country": "US", "state": "NY", "tz": "America/New_York" } })
}

struct Bench {
    at: SocketAddr,
    token: String,
    db: Db,
    client: reqwest::Client,
    _stop: tokio_util::sync::DropGuard,
}

impl Bench {
    async fn start(url: &str) -> Result<Self> {
        let db = Db::open(&DbOptions::new(url)).await?;
        db.attempt_partitions(cxc_server::Clock::now(&SystemClock).as_microsecond()).await?;
        let config = ServerConfig {
            password_cost: PasswordCost { memory_kib: 8, passes: 1 },
            rate_limit: None,
            ..ServerConfig::default()
        };
        let app = App::new(db.clone(), Arc::new(SystemClock), HashKey([7; 16]), config, RuleData::default());
        provision::installation(&app).await?;
        let new = NewTenant {
            short_name: "bench".into(),
            customer_name: "Bench".into(),
            domain: "bench".into(),
            ccid: "bench".into(),
        };
        let tenant = provision::tenant(&app, &Principal::system(SYSTEM_TENANT), &new).await?;
        provision::user(&app, tenant.no, "admin", "a good password", &[BuiltInRole::Administrator]).await?;
        let aggregator = service::Service::new("api-aggregator", app.clone(), resources::routes()).into_parts();
        let manager = cxc_compliance_manager::service(app.for_component())?.into_parts();
        let api = http::finish(&app, Router::new().nest(BASE, aggregator.api.merge(manager.api)));
        let caller = Caller::of_router(api).as_api_client("bench\\admin", "a good password", "bench", &[]).await?;
        rules(&caller).await?;
        let internal = http::finish_without_access(&app, Router::new().nest(INTERNAL_BASE, manager.internal));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let at = listener.local_addr()?;
        let stop = CancellationToken::new();
        tokio::spawn(service::serve(listener, internal.merge(health::router(&app)), stop.clone()));
        let token = caller.token().context("the caller has a token")?.to_owned();
        let client = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { at, token, db, client, _stop: stop.drop_guard() })
    }

    /// Requests for a while: of `workers` at once, as fast as they go or at a rate.
    async fn run(
        &self,
        path: &str,
        time: Duration,
        workers: u64,
        rate: u64,
        body: Option<&(dyn Fn(u64) -> String + Sync)>,
    ) -> Result<Measured> {
        let url = format!("http://{}{path}", self.at);
        let begun = Instant::now();
        let work = (0..workers).map(|worker| {
            let url = &url;
            async move {
                let mut times = Vec::new();
                let mut i = worker;
                while begun.elapsed() < time {
                    let mut from = Instant::now();
                    if rate > 0 {
                        // due at its own moment: a request that waits for its turn is late by that much
                        let due = begun + Duration::from_secs_f64(i as f64 / rate as f64);
                        tokio::time::sleep_until(due.into()).await;
                        from = due;
                    }
                    let request = match body {
                        Some(body) => self.client.post(url).header("content-type", "application/json").body(body(i)),
                        None => self.client.get(url),
                    };
                    let answer = request.bearer_auth(&self.token).send().await?;
                    let status = answer.status();
                    let text = answer.bytes().await?;
                    ensure!(status.is_success(), "{status}: {}", String::from_utf8_lossy(&text));
                    times.push(from.elapsed());
                    i += workers;
                }
                Ok(times)
            }
        });
        let times = futures_util::future::try_join_all(work).await?;
        Ok(measured(times.into_iter().flatten().collect(), begun.elapsed()))
    }

    async fn commits(&self, time: Duration) -> Result<Measured> {
        let begun = Instant::now();
        let mut times = Vec::new();
        while begun.elapsed() < time {
            let from = Instant::now();
            let mut tx = self.db.begin().await?;
            let name = format!("bench {}", times.len());
            on!(&mut tx, conn => sqlx::query("INSERT INTO installation (name, value) VALUES ($1, '')").bind(&name)
                .execute(conn).await?.rows_affected());
            tx.commit().await?;
            times.push(from.elapsed());
        }
        Ok(measured(times, begun.elapsed()))
    }
}

fn measured(mut times: Vec<Duration>, whole: Duration) -> Measured {
    times.sort_unstable();
    let at = |q: f64| times.get((times.len() as f64 * q) as usize).or(times.last()).copied().unwrap_or_default();
    Measured { rate: times.len() as f64 / whole.as_secs_f64(), p50: at(0.5), p99: at(0.99) }
}

/// Rules that count and hours that are always open, and limits that don't bound the bench.
async fn rules(caller: &Caller) -> Result<()> {
    let always = json!([{ "from": "00:00", "till": "24:00" }]);
    let times = json!({ "name": "always", "weekdays": vec![always; 7] });
    caller.post("/compliance/contact-times").json(&times).await.expect(201);
    for (i, count_by) in ["client_id", "device", "pair"].iter().enumerate() {
        let rule = json!({ "name": format!("rule {i}"), "maxAttempts": 3, "window": { "seconds": 604_800 },
            "countBy": count_by, "required": true });
        caller.post("/compliance/attempt-rules").json(&rule).await.expect(201);
    }
    let settings = caller.get("/settings").await;
    let limits = json!({ "validationsPerSecond": 1_000_000 });
    caller.patch("/settings").if_match(&settings.etag()).json(&limits).await.expect(200);
    Ok(())
}

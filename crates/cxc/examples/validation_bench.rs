//! How fast the validation service of the running binary answers over HTTP, and what it costs: `validation_bench
//! postgres|sqlite [SECONDS]` with `CXC_BIN` (a release build). At a rate each request is due at its own moment,
//! whatever became of those before it, and is measured from that moment on. Every answer is checked: a wrong one ends
//! the bench.
#![expect(clippy::print_stdout, reason = "its figures are its output")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a bench that can't run says so and ends")]
#[path = "support/cpu.rs"]
mod cpu;
#[path = "support/load.rs"]
mod load;

use std::time::{Duration, Instant};

use cpu::Cpu;
use cxc_store::{Db, DbOptions, on};
use cxc_test::{Caller, Cxc, Postgres};
use load::{Asked, Load, Times};
use serde_json::json;

const ONE: &str = "/internal/v1/compliance/validations";
const BATCH: &str = "/internal/v1/compliance/validations/batch";
/// The phone of somebody whose cap is used up: one of five hundred questions is about him and must not be a yes.
const SPENT: &str = "+12129300001";

/// What a figure must hold.
#[derive(Clone, Copy)]
enum Target {
    Rate(f64),
    P99(f64),
    Median(f64),
    None,
}

#[tokio::main]
async fn main() {
    let engine = std::env::args().nth(1).unwrap_or_else(|| "postgres".into());
    let seconds = std::env::args().nth(2).map_or(10, |text| text.parse().expect("SECONDS is a number"));
    let server = (engine == "postgres").then(|| Postgres::start().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let url = match &server {
        Some(server) => server.create_database("bench").unwrap(),
        None => format!("sqlite:{}", folder.path().join("cxc.db").display()),
    };
    let binary = std::env::var("CXC_BIN").expect("CXC_BIN is the path of the binary");
    let mut cxc = Cxc::with_settings(binary, &format!("database.url = \"{url}\"\nlog.level = \"info\"\n")).unwrap();
    cxc.up().unwrap();
    let api = cxc.tenant("bench").await.unwrap();
    let inside = Caller::of_server(cxc.internal_url("")).unwrap().with_token(api.token().unwrap());
    prepare(&api, &inside).await;
    let at = cxc.internal_url("").trim_start_matches("http://").trim_end_matches('/').to_owned();
    let load = Load { at: at.parse().unwrap(), token: api.token().unwrap().to_owned() };
    figures(&load, Duration::from_secs(seconds));
    commits(&url, Duration::from_secs(seconds.min(3))).await;
}

fn figures(load: &Load, time: Duration) {
    let short = time.min(Duration::from_secs(3));
    println!("processor time: microseconds a request of each program; validation is the load tool itself");
    measured("health request (yardstick)", Target::None, || load.as_fast(short, 8, "/health/live", |_| Asked::alive()));
    load.as_fast(short, 8, ONE, |i| question(i, 0));
    let five = Target::P99(5.0);
    measured("check at 5,000 a second", five, || load.at_rate(time, 5_000, 64, ONE, |i| question(100_000 + i, 0)));
    let rate = Target::Rate(5_000.0);
    measured("the same, as fast as it goes", rate, || load.as_fast(time, 16, ONE, |i| question(1_000_000 + i, 0)));
    let held = |i| question(3_000_000 + i, 60_000);
    let late = Target::P99(25.0);
    measured("reservation and evidence at 500 a second", late, || load.at_rate(time, 500, 64, ONE, held));
    let held = |i| question(4_000_000 + i, 60_000);
    measured("the same, as fast as it goes", Target::Rate(500.0), || load.as_fast(time, 32, ONE, held));
    let asked = |i: u64| batch(6_000_000 + i * 500, 0);
    measured("500 checks in a batch", Target::Median(250.0), || load.as_fast(short, 1, BATCH, asked));
    let held = |i: u64| batch(8_000_000 + i * 500, 60_000);
    measured("500 reservations in a batch", Target::Median(250.0), || load.as_fast(short, 1, BATCH, held));
}

/// Prints a figure beside its target.
fn measured(what: &str, target: Target, work: impl FnOnce() -> Times) {
    let before = Cpu::now();
    let times = work();
    let spent = Cpu::now().since(&before, times.count() as f64);
    let ms = |q: f64| times.at(q).as_secs_f64() * 1e3;
    let (text, holds) = match target {
        Target::Rate(least) => (format!("target {least}/s"), times.rate() >= least),
        Target::P99(most) => (format!("target p99 < {most} ms"), ms(0.99) < most),
        Target::Median(most) => (format!("target < {most} ms"), ms(0.5) < most),
        Target::None => (String::new(), true),
    };
    let verdict = if holds { "" } else { ": MISSED" };
    let quantiles = format!("p50 {:.2}, p99 {:.2}, p99.9 {:.2}, max {:.2} ms", ms(0.5), ms(0.99), ms(0.999), ms(1.0));
    println!("{what:<42} {:>7.0}/s  {quantiles}  {text}{verdict}", times.rate());
    println!("{:<42} {spent}", "");
}

/// Area codes of the United States.
const AREAS: [u32; 8] = [212, 312, 305, 415, 713, 617, 404, 206];

/// A question about a call to a person of its own, or to the one whose cap is used up.
fn item(i: u64, hold_ms: u32) -> (String, bool) {
    let is_spent = i % 500 == 99;
    let own = format!("+1{}{:07}", AREAS[(i % 8) as usize], 2_000_000 + i / 8 % 8_000_000);
    let phone = if is_spent { SPENT } else { own.as_str() };
    let client = if is_spent { "spent".to_owned() } else { format!("client {i}") };
    let text = format!(
        r#"{{"request_id":"{i}","type":"voice","purpose":"informational","tech":"live","device":{{"e164":"{phone}"}},"hold_ms":{hold_ms},"contact":{{"client_id":"{client}","country":"US","tz":"America/New_York","flags":[]}}}}"#
    );
    (text, is_spent)
}

fn question(i: u64, hold_ms: u32) -> Asked {
    let (body, is_spent) = item(i, hold_ms);
    Asked { body, spent: usize::from(is_spent), of: 1, is_held: hold_ms > 0 }
}

fn batch(from: u64, hold_ms: u32) -> Asked {
    let items: Vec<(String, bool)> = (from..from + 500).map(|i| item(i, hold_ms)).collect();
    let spent = items.iter().filter(|(_, is_spent)| *is_spent).count();
    let texts: Vec<&str> = items.iter().map(|(text, _)| text.as_str()).collect();
    Asked { body: format!(r#"{{"items":[{}]}}"#, texts.join(",")), spent, of: 500, is_held: hold_ms > 0 }
}

/// Rules that count, hours that are open at any hour of the bench, limits that don't bound it, and a person whose cap
/// is used up.
async fn prepare(api: &Caller, inside: &Caller) {
    let all_day = json!([{ "from": "00:00", "till": "24:00" }]);
    let times = json!({ "name": "Always", "required": true, "weekdays": vec![all_day; 7],
        "reason": "a bench contacts nobody" });
    api.post("/compliance/contact-times").json(&times).await.expect(201);
    for count_by in ["client_id", "device", "pair"] {
        let rule = json!({ "name": count_by, "maxAttempts": 3, "window": { "seconds": 604_800 }, "results": [],
            "countBy": count_by, "required": true });
        api.post("/compliance/attempt-rules").json(&rule).await.expect(201);
    }
    let settings = api.get("/settings").await;
    let limits = json!({ "validationsPerSecond": 1_000_000, "validationsPerDevicePerMinute": 1_000_000,
        "validationsPerClientIdPerMinute": 1_000_000 });
    api.patch("/settings").if_match(&settings.etag()).json(&limits).await.expect(200);
    let reports = (0..3).map(|i| {
        json!({ "GSW_CALL_ATTEMPT_GUID": format!("spent {i}"), "GSW_HIST_SEQUENCE_NUM": 1, "GSW_TENANT_NAME": "bench",
            "GSW_TENANT_CCID": "undefined", "contact_info": SPENT, "c_client_id": "spent", "GSW_CALL_RESULT": 6 })
    });
    inside.post("/internal/v1/attempts").json(&json!(reports.collect::<Vec<_>>())).await.expect(200);
    // rules and limits are looked at every two seconds
    tokio::time::sleep(Duration::from_millis(2_100)).await;
}

/// What a commit costs here: one row, one after the other.
async fn commits(url: &str, time: Duration) {
    let db = Db::connect(&DbOptions::new(url)).await.unwrap();
    let (begun, mut times) = (Instant::now(), Vec::new());
    while begun.elapsed() < time {
        let from = Instant::now();
        let mut tx = db.begin().await.unwrap();
        let name = format!("bench {}", times.len());
        on!(&mut tx, conn => sqlx::query("INSERT INTO installation (name, value) VALUES ($1, '')").bind(&name)
            .execute(conn).await.unwrap().rows_affected());
        tx.commit().await.unwrap();
        times.push(from.elapsed());
    }
    let times = Times::of(times, begun.elapsed());
    measured("insert and commit of one row (yardstick)", Target::None, || times);
}

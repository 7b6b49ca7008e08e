//! Measures calls through everything: fetch, compliance, the row of the attempt, INVITE, answer, result; beside what
//! SIPp's own client sets up against the same peer in the same run.
//!
//! `call_bench postgres|sqlite` with `CXC_BIN` (a release build) and `BENCH_CALLS` (calls that are measured, 20,000).
#![expect(clippy::print_stdout, reason = "its figures are its output")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a bench that can't run says so and ends")]
#[path = "../tests/e2e/audience.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod audience;
#[path = "../tests/e2e/campaign.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod campaign;
#[path = "support/cpu.rs"]
mod cpu;
#[path = "../tests/e2e/world.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod world;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use audience::Audience;
use campaign::Group;
use cpu::Cpu;
use cxc_test::tools::find_program;
use cxc_test::{Postgres, Sipp};
use serde_json::json;
use world::World;

/// Called before the clock starts: connections are open, caches warm.
const WARM: usize = 1_000;

#[tokio::main]
async fn main() {
    let engine = std::env::args().nth(1).unwrap_or_else(|| "postgres".into());
    let calls: usize = std::env::var("BENCH_CALLS").map_or(20_000, |text| text.parse().expect("a whole number"));
    let server = (engine == "postgres").then(|| Postgres::start().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let url = match &server {
        Some(server) => server.create_database("bench").unwrap(),
        None => format!("sqlite:{}", folder.path().join("cxc.db").display()),
    };
    let world = World::on(&url).await;
    let people = Audience(calls + 4 * WARM);
    let list = world.import("people", people).await;
    // people who answer at once; the script hangs up
    let carrier = Sipp::start("answer", u32::try_from(2 * people.0).unwrap(), &[]).unwrap();
    let bare = bare(&carrier, 2_000);
    let group = group(&world, &list, carrier.address().port()).await;
    group.start().await;
    until_done(&group, WARM).await;
    let (start, first, busy) = (Instant::now(), done(&group).await, Cpu::now());
    until_done(&group, first + calls).await;
    let ended = done(&group).await - first;
    let rate = ended as f64 / start.elapsed().as_secs_f64();
    println!("processor microseconds a call: {}", Cpu::now().since(&busy, ended as f64));
    println!("results: {}", group.accounting().await["done"]);
    report("calls through everything, a second", rate, 100.0, "at least");
    println!("{:<56} {:>10.2}", "the same against SIPp's own client", rate / bare);
}

/// A group that calls everybody as fast as it may, and hangs up on who answers.
async fn group(world: &World, list: &str, port: u16) -> Group {
    let account = json!({
        "name": "calls", "kind": "sip", "host": "127.0.0.1", "port": port, "sender": "+12125550100",
        "ratePerSecond": 2_000, "sip": {"channels": 1_000, "countries": ["US"]},
    });
    let account = world.make("/channel-accounts", &account).await;
    let script = json!({"start": "bye", "steps": {"bye": {"type": "hang_up"}}});
    let settings = json!({
        "dialing": {"mode": 11, "callsPerMinute": 60_000, "maxPorts": 1_000}, "calls": {"script": script},
        "compliance": {"purpose": "informational"},
    });
    let profile = json!({"name": "calls", "type": "ivr", "settings": settings});
    let profile = world.make("/dialing-profiles", &profile).await;
    let session = world.make("/session-profiles", &json!({"name": "calls", "gateway": account})).await;
    let template = json!({"name": "calls", "dialingProfile": profile, "sessionProfile": session});
    let template = world.make("/campaign-templates", &template).await;
    let id = world.make("/campaign-groups", &json!({"name": "calls", "template": template})).await;
    let lists = json!({"items": [{"list": list, "weight": 10}]});
    world.api.put(&format!("/campaign-groups/{id}/lists")).json(&lists).await.expect(200);
    waive(world, &id).await;
    Group::known(world, &id)
}

/// A decision on each legal rule that concerns these made-up people.
async fn waive(world: &World, group: &str) {
    let standing = world.api.get(&format!("/campaign-groups/{group}/legal-standing")).await.expect(200);
    let rules = ["unanswered", "unscrubbed"].map(|list| standing[list].as_array().cloned().unwrap_or_default());
    for rule in rules.iter().flatten() {
        let rule = rule["rule"].as_str().unwrap_or_default();
        let decision = json!({"state": "waived", "reason": "the people are made up"});
        world.api.put(&format!("/compliance/legal-rules/{rule}/setting")).json(&decision).await.expect(200);
    }
}

async fn done(group: &Group) -> usize {
    let done = &group.accounting().await["done"];
    let each = done.as_object().into_iter().flatten().filter_map(|(_, count)| count.as_u64());
    each.sum::<u64>() as usize
}

async fn until_done(group: &Group, calls: usize) {
    let begun = Instant::now();
    while done(group).await < calls {
        assert!(begun.elapsed() < Duration::from_secs(600), "calls end: {}", group.standing().await);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Calls a second of SIPp's own client against the peer, as fast as it goes.
fn bare(carrier: &Sipp, calls: usize) -> f64 {
    let mut command = Command::new(find_program("sipp").unwrap());
    command.args(["-sn", "uac", "-i", "127.0.0.1", "-nostdin", "-d", "0", "-r", "5000", "-l", "200"]);
    command.args(["-m", &calls.to_string()]).arg(carrier.address().to_string());
    let start = Instant::now();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(status.success(), "sipp calls");
    let rate = calls as f64 / start.elapsed().as_secs_f64();
    println!("{:<56} {rate:>10.0}", "(yardstick) SIPp's own client, calls a second");
    rate
}

fn report(what: &str, figure: f64, target: f64, bound: &str) {
    let good = if bound == "at most" { figure <= target } else { figure >= target };
    println!("{what:<56} {figure:>10.2}   {bound} {target:<8} {}", if good { "pass" } else { "MISS" });
}

//! Measures sending through everything, beside what the peers' own load tools reach in the same run.
//!
//! `send_bench postgres|sqlite [email|sms]...` with `CXC_BIN` (a release build), `SMPP_LOAD` (the example of the dial manager),
//! `BENCH_CONTACTS` (the large list, 1,000,000) and `BENCH_MESSAGES` (messages a measurement, 60,000).
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

use std::process::Command;
use std::time::{Duration, Instant};

use audience::Audience;
use campaign::{Kind, Template};
use cpu::Cpu;
use cxc_test::tools::find_program;
use cxc_test::{FastSmtpSink, Postgres, Smsc};
use serde_json::json;
use world::World;

const SERIES: &str = "cxc_dm_processed_messages_total";
/// Sent before the clock starts: connections are open, caches warm.
const WARM: usize = 2_000;

#[tokio::main]
async fn main() {
    let engine = std::env::args().nth(1).unwrap_or_else(|| "postgres".into());
    let large = number("BENCH_CONTACTS", 1_000_000);
    let messages = number("BENCH_MESSAGES", 60_000).min(large / 10 - 2 * WARM);
    let server = (engine == "postgres").then(|| Postgres::start().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let url = match &server {
        Some(server) => server.create_database("bench").unwrap(),
        None => format!("sqlite:{}", folder.path().join("cxc.db").display()),
    };
    let mut world = World::on(&url).await;
    idle(&mut world).await;
    let lists = [world.import("small", Audience(large / 10)).await, world.import("large", Audience(large)).await];

    let parts: Vec<String> = std::env::args().skip(2).collect();
    let is_wanted = |part: &str| parts.is_empty() || parts.iter().any(|p| p == part);
    if is_wanted("email") {
        email(&world, &lists, messages).await;
    }
    if is_wanted("sms") {
        sms(&world, &lists, messages).await;
    }
    report("memory while sending, MB", world.cxc.memory().unwrap().1 as f64 / 1e6, 200.0, "at most");
}

async fn email(world: &World, lists: &[String; 2], messages: usize) {
    let sink = FastSmtpSink::start().unwrap();
    let bare = || smtp_source(sink.port(), messages);
    let account = json!({"connections": 20, "ratePerSecond": 100_000});
    let email = world.template(Kind::Email, sink.port(), &account, 6_000_000).await;
    let [small, large] = measure(world, &email, lists, messages, bare).await;
    report("email a second", small.rate, 1_500.0, "at least");
    report("email against smtp-source, small list", small.against_bare(), 0.3, "at least");
    report("email against smtp-source, large list", large.against_bare(), 0.3, "at least");
    report("email, cost per record, large against small list", small.against(&large), 1.3, "at most");
}

async fn sms(world: &World, lists: &[String; 2], messages: usize) {
    let smsc = Smsc::start().unwrap();
    // the load tool has the window and the connections that an account has unless somebody says otherwise
    let (connections, window) = (2, 10);
    let bare = || smpp_load(smsc.port(), messages, connections, window);
    let account = json!({"receipts": false, "ratePerSecond": 100_000, "connections": connections, "window": window});
    let sms = world.template(Kind::Sms, smsc.port(), &account, 6_000_000).await;
    let [small, large] = measure(world, &sms, lists, messages, bare).await;
    report("SMS a second", small.rate, 0.6 * small.bare, "at least");
    report("SMS against smpp_load, small list", small.against_bare(), 0.6, "at least");
    report("SMS against smpp_load, large list", large.against_bare(), 0.6, "at least");
    report("SMS, cost per record, large against small list", small.against(&large), 1.3, "at most");
}

/// How soon it is ready on a database that is there, and its memory with nothing to do.
async fn idle(world: &mut World) {
    world.cxc.end(cxc_test::Signal::Term, Duration::from_secs(40)).unwrap();
    let start = Instant::now();
    world.cxc.up().unwrap();
    report("ready, seconds", start.elapsed().as_secs_f64(), 1.0, "at most");
    tokio::time::sleep(Duration::from_secs(10)).await;
    report("idle memory, MB", world.cxc.memory().unwrap().0 as f64 / 1e6, 80.0, "at most");
}

/// What a group reached, and the bare tool beside it: the mean of before and after, since machines change their speed.
#[derive(Default)]
struct Reached {
    rate: f64,
    bare: f64,
}

impl Reached {
    fn against_bare(&self) -> f64 {
        self.rate / self.bare
    }

    /// The cost of a message in the other one against this one's, each measured by its yardstick.
    fn against(&self, other: &Reached) -> f64 {
        self.against_bare() / other.against_bare()
    }
}

/// Messages a second in a group on each list.
async fn measure(
    world: &World,
    template: &Template,
    lists: &[String; 2],
    messages: usize,
    bare: impl Fn() -> f64,
) -> [Reached; 2] {
    let mut all: [Reached; 2] = Default::default();
    let mut before_it = bare();
    for (reached, list) in all.iter_mut().zip(lists) {
        let name = format!("{} {list}", template.kind.name());
        let group = world.group(&name, template, list).await;
        let label = format!("media=\"{}\"", template.kind.name());
        let before = world.sent(SERIES, &label);
        group.start().await;
        while world.sent(SERIES, &label) < before + WARM as f64 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let (start, first, busy) = (Instant::now(), world.sent(SERIES, &label), Cpu::now());
        while world.sent(SERIES, &label) < first + messages as f64 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let sent = world.sent(SERIES, &label) - first;
        let rate = sent / start.elapsed().as_secs_f64();
        println!("{name}: {rate:.0} a second; processor microseconds a message: {}", Cpu::now().since(&busy, sent));
        group.stop().await;
        let after_it = bare();
        *reached = Reached { rate, bare: f64::midpoint(before_it, after_it) };
        before_it = after_it;
    }
    all
}

/// Messages a second of Postfix's own load tool with messages of our size.
fn smtp_source(port: u16, messages: usize) -> f64 {
    let mut command = Command::new(find_program("smtp-source").unwrap());
    command.args(["-s", "20", "-l", "1200", "-m", &messages.to_string()]).arg(format!("127.0.0.1:{port}"));
    let start = Instant::now();
    assert!(command.status().unwrap().success(), "smtp-source sends");
    let rate = messages as f64 / start.elapsed().as_secs_f64();
    println!("{:<56} {rate:>10.0}", "(yardstick) smtp-source, messages a second");
    rate
}

/// Messages a second of our own bare load tool.
fn smpp_load(port: u16, messages: usize, connections: u32, window: u32) -> f64 {
    let tool = std::env::var("SMPP_LOAD").expect("SMPP_LOAD is the path of the dial manager's example");
    let mut command = Command::new(tool);
    command.arg(format!("127.0.0.1:{port}")).args(["--messages", &messages.to_string()]);
    command.args(["--sessions", &connections.to_string(), "--window", &window.to_string()]);
    let busy = Cpu::now();
    let told = String::from_utf8(command.output().unwrap().stdout).unwrap();
    println!("smpp_load: processor microseconds a message: {}", Cpu::now().since(&busy, messages as f64));
    let rate = told.rsplit(": ").next().and_then(|r| r.split(' ').next()?.parse().ok());
    let rate: f64 = rate.expect("smpp_load tells its rate");
    println!("{:<56} {rate:>10.0}", "(yardstick) smpp_load, messages a second");
    rate
}

fn report(what: &str, figure: f64, target: f64, bound: &str) {
    let good = if bound == "at most" { figure <= target } else { figure >= target };
    println!("{what:<56} {figure:>10.2}   {bound} {target:<8} {}", if good { "pass" } else { "MISS" });
}

fn number(name: &str, usual: usize) -> usize {
    std::env::var(name).map_or(usual, |text| text.parse().expect("a whole number"))
}

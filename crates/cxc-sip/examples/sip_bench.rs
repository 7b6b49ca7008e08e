//! Call set-ups of the engine alone against a SIPp server on the other core, beside SIPp's own client as the yardstick.
//! `sip_bench [CALLS_PER_SECOND] [SECONDS] [ENDPOINTS]`; run it on one core: `taskset -c 0 sip_bench 1000 60`.
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cxc_core::location::Country;
use cxc_core::phone::PhoneParser;
use cxc_dialer::call::{CallEvent, CallId};
use cxc_dialer::engine::{CallEngine as _, CallSpec, EngineEvent};
use cxc_sip::engine::{EngineOptions, Report, SipEngine};
use cxc_sip::trunk::{Destinations, TrunkOptions, Trunks};
use cxc_sip::ua::UaOptions;

type Error = Box<dyn std::error::Error>;

/// A peer that is ended with this program.
struct Peer(Child);

impl Drop for Peer {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

fn free_port() -> Result<u16, Error> {
    Ok(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// SIPp on the other core.
fn sipp(core: &str, arguments: &[&str]) -> Result<Peer, Error> {
    let mut command = Command::new("taskset");
    command.args(["-c", core, "sipp", "-i", "127.0.0.1", "-nostdin"]).args(arguments);
    Ok(Peer(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?))
}

/// CPU time of a process, user and system.
fn cpu(pid: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    // a tick is a hundredth of a second on Linux
    Some(Duration::from_millis(ticks * 10))
}

/// Memory of this process, KB.
fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// SIPp's client: its CPU for each call.
fn yardstick(rate: u64, calls: u64) -> Result<f64, Error> {
    let (server, client) = (free_port()?, free_port()?);
    let _server = sipp("1", &["-sn", "uas", "-p", &server.to_string()])?;
    std::thread::sleep(Duration::from_millis(500));
    let target = format!("127.0.0.1:{server}");
    let (rate, count, port) = (rate.to_string(), calls.to_string(), client.to_string());
    let limit = (calls + 1).to_string();
    let arguments = ["-sn", "uac", "-p", &port, "-r", &rate, "-m", &count, "-d", "0", "-l", &limit, &target];
    let mut client = sipp("0", &arguments)?;
    let mut used = Duration::ZERO;
    while client.0.try_wait()?.is_none() {
        used = cpu(client.0.id()).filter(|now| *now > used).unwrap_or(used);
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(used.as_secs_f64() * 1e6 / calls as f64)
}

struct Seen {
    answered: u64,
    failed: u64,
    setups: Vec<Duration>,
    ended: u64,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let rate: u64 = arguments.next().map_or(Ok(1_000), |text| text.parse())?;
    let seconds: u64 = arguments.next().map_or(Ok(60), |text| text.parse())?;
    let endpoints: usize = arguments.next().map_or(Ok(2), |text| text.parse())?;
    let calls = rate * seconds;
    let yardstick = yardstick(rate, (rate * 5).min(calls))?;

    let server = free_port()?;
    let _server = sipp("1", &["-sn", "uas", "-p", &server.to_string()])?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let us = Country::parse("US")?;
    let host = SocketAddr::from((Ipv4Addr::LOCALHOST, server)).to_string();
    let trunk = TrunkOptions::new("bench", &host, 1_000_000, 1e6, vec![us]);
    let listen = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0)); endpoints];
    let options = EngineOptions { ua: UaOptions { listen, ..UaOptions::default() }, ..EngineOptions::default() };
    let destinations = Destinations::new(Arc::new(PhoneParser::new()?));
    let (mut engine, mut reports) = SipEngine::start(options, Trunks::new(vec![trunk]), destinations).await?;

    let (before, used) = (memory().unwrap_or(0), cpu(std::process::id()).unwrap_or_default());
    let start = Instant::now();
    let mut placed: Vec<Instant> = Vec::with_capacity(calls as usize);
    let mut seen = Seen { answered: 0, failed: 0, setups: Vec::with_capacity(calls as usize), ended: 0 };
    let mut clock = tokio::time::interval(Duration::from_millis(1));
    let mut peak = before;
    while seen.ended + seen.failed < calls {
        tokio::select! {
            _ = clock.tick() => {
                let due = (start.elapsed().as_secs_f64() * rate as f64) as u64;
                while (placed.len() as u64) < due.min(calls) {
                    let spec = CallSpec { number: "+12125550142".into(), ..CallSpec::default() };
                    engine.originate(CallId(placed.len() as u64), &spec, 0);
                    placed.push(Instant::now());
                }
                if placed.len().is_multiple_of(1_000) {
                    peak = peak.max(memory().unwrap_or(0));
                }
            }
            Some(report) = reports.recv() => match report {
                Report::Event(EngineEvent::Call(call, CallEvent::Answered)) => {
                    seen.answered += 1;
                    seen.setups.push(placed[call.0 as usize].elapsed());
                    engine.hangup(call, 0);
                }
                Report::Event(EngineEvent::Call(_, CallEvent::Failed(_) | CallEvent::Refused { .. })) => seen.failed += 1,
                Report::Audio(..) => seen.ended += 1,
                _ => (),
            },
        }
        if start.elapsed() > Duration::from_secs(seconds + 40) {
            break;
        }
    }
    let (wall, spent) = (start.elapsed(), cpu(std::process::id()).unwrap_or_default().saturating_sub(used));
    peak = peak.max(memory().unwrap_or(0));
    let (dialogs, held) = (engine.ua().dialogs(), engine.ua().transactions());
    seen.setups.sort_unstable();
    let at = |share: f64| seen.setups.get((seen.setups.len() as f64 * share) as usize).copied().unwrap_or_default();
    let ours = spent.as_secs_f64() * 1e6 / calls as f64;
    let text = format!(
        "{calls} calls at {rate}/s: {} answered, {} failed, {:.0} a second\n\
         set-up p50 {:.2} ms, p99 {:.2} ms (target: 0 failures at 1,000/s)\n\
         own CPU {ours:.0} us a call (target 500); SIPp's client {yardstick:.0}; ratio {:.2}\n\
         memory {:.1} KB for each attempt that is held ({held} transactions; target 25); dialogs left {dialogs}\n",
        seen.answered,
        seen.failed,
        seen.answered as f64 / wall.as_secs_f64(),
        at(0.5).as_secs_f64() * 1e3,
        at(0.99).as_secs_f64() * 1e3,
        ours / yardstick,
        (peak - before) as f64 / (rate * seconds.min(32)) as f64,
    );
    std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes())?;
    Ok(())
}

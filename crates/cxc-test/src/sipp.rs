//! SIPp peers on loopback, with the scenarios of `crates/cxc-sip/tests/scenarios`.
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::ports::Port;
use crate::process::{Process, Signal};
use crate::tools::{find_program, project_root};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A SIPp process with one of our scenarios.
#[derive(Debug)]
pub struct Sipp {
    process: Process,
    port: Port,
    media: u16,
    home: TempDir,
}

impl Sipp {
    /// Starts a peer for so many calls and waits until its port is bound.
    pub fn start(scenario: &str, calls: u32, more: &[&str]) -> Result<Self> {
        Self::prepared(scenario, calls, more, &[], &[])
    }

    /// The same, with words of the scenario replaced and files in its folder.
    pub fn prepared(
        scenario: &str,
        calls: u32,
        more: &[&str],
        words: &[(&str, &str)],
        files: &[(&str, Vec<u8>)],
    ) -> Result<Self> {
        let home = tempfile::Builder::new().prefix("cxc-sipp-").tempdir()?;
        for (name, bytes) in files {
            std::fs::write(home.path().join(name), bytes)?;
        }
        let source = project_root().join(format!("crates/cxc-sip/tests/scenarios/{scenario}.xml"));
        let mut text = std::fs::read_to_string(source).with_context(|| format!("there is a scenario {scenario}"))?;
        for (word, by) in words {
            text = text.replace(&format!("[{word}]"), by);
        }
        let file = home.path().join("scenario.xml");
        std::fs::write(&file, text)?;
        let port = Port::free()?;
        // another test process may take the media port between our look and the peer's
        let mut tries = 0..5;
        loop {
            let media = media_port()?;
            let mut command = Command::new(find_program("sipp")?);
            command.current_dir(home.path()).arg("-sf").arg(&file);
            command.args(["-i", "127.0.0.1", "-p", &port.number().to_string(), "-mp", &media.to_string()]);
            // a phone that says nothing is asked whether it is still there
            command.arg("-aa");
            command.args(["-trace_logs", "-log_file", "calls"]);
            command.args(["-m", &calls.to_string(), "-nostdin", "-trace_err", "-error_file", "errors"]);
            command.args(["-timeout", "900"]).args(more);
            let log = home.path().join("log");
            let mut process = Process::spawn("sipp", command, &log, Signal::Kill, Some(home.path()))?;
            match process.wait_until(PATIENCE, || is_bound(port.number()) && is_bound(media)) {
                Ok(()) => return Ok(Self { process, port, media, home }),
                Err(error) if tries.next().is_none() => return Err(error),
                Err(_) => (),
            }
        }
    }

    /// The port at which it takes the audio of all its calls, unless the scenario gives each one of its own.
    pub fn media_port(&self) -> u16 {
        self.media
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port.number()))
    }

    /// How often each number was called, by what the scenario notes of new calls: retransmissions are none.
    pub fn called(&self) -> BTreeMap<String, usize> {
        let mut called = BTreeMap::new();
        let noted = std::fs::read_to_string(self.home.path().join("calls")).unwrap_or_default();
        for line in noted.lines() {
            let number = line.split_once("called sip:").and_then(|(_, rest)| rest.split('@').next());
            if let Some(number) = number {
                *called.entry(number.to_owned()).or_default() += 1;
            }
        }
        called
    }

    /// Where the call to each number takes its audio, as far as the scenario notes it.
    pub fn media(&self) -> BTreeMap<String, SocketAddr> {
        let noted = std::fs::read_to_string(self.home.path().join("calls")).unwrap_or_default();
        let found = noted.lines().filter_map(|line| {
            let (number, rest) = line.split_once("called sip:")?.1.split_once('@')?;
            let port = rest.split_once("m=audio ")?.1.split_whitespace().next()?.parse().ok()?;
            Some((number.to_owned(), SocketAddr::from((Ipv4Addr::LOCALHOST, port))))
        });
        found.collect()
    }

    /// The number that the call to each number displayed, as far as the scenario notes it.
    pub fn displayed(&self) -> BTreeMap<String, String> {
        let noted = std::fs::read_to_string(self.home.path().join("calls")).unwrap_or_default();
        let found = noted.lines().filter_map(|line| {
            let (number, rest) = line.split_once("called sip:")?.1.split_once('@')?;
            let from = rest.split_once(" from ")?.1.split_once("sip:")?.1.split('@').next()?;
            Some((number.to_owned(), from.to_owned()))
        });
        found.collect()
    }

    /// What came and went, where it was started with `-trace_msg -message_file messages`.
    pub fn messages(&self) -> String {
        std::fs::read_to_string(self.home.path().join("messages")).unwrap_or_default()
    }

    /// The ports at which callers want to hear, where the scenario notes them, in order.
    pub fn audio_ports(&self) -> Vec<u16> {
        let noted = std::fs::read_to_string(self.home.path().join("calls")).unwrap_or_default();
        let ports = noted.lines().filter_map(|line| line.split_once("hears at m=audio ")?.1.trim().parse().ok());
        ports.collect()
    }

    /// At which port the person of each number that answered hears, where the scenario notes it.
    pub fn hears(&self) -> BTreeMap<String, u16> {
        let noted = std::fs::read_to_string(self.home.path().join("calls")).unwrap_or_default();
        let found = noted.lines().filter_map(|line| {
            let (number, rest) = line.split_once("answered sip:")?.1.split_once('@')?;
            Some((number.to_owned(), rest.split_once("hears at ")?.1.trim().parse().ok()?))
        });
        found.collect()
    }

    /// It stands still from now on: it keeps its ports, and neither hears nor says anything.
    pub fn freeze(&self) -> Result<()> {
        self.process.signal(Signal::Stop)
    }

    /// Waits until all its calls have gone as its scenario says; an error shows what did not.
    pub fn finish(mut self) -> Result<()> {
        let status = self.process.wait(PATIENCE)?;
        if !status.success() {
            let errors = std::fs::read_to_string(self.home.path().join("errors")).unwrap_or_default();
            bail!("sipp ended with {status}\n{errors}\n{}", self.process.log_tail());
        }
        Ok(())
    }
}

/// A port for SIPp's media, which takes the second next one too. No other helper gives out ports of this range.
fn media_port() -> Result<u16> {
    static TURN: AtomicU16 = AtomicU16::new(0);
    let is_free = |port: u16| UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    let first = (std::process::id().wrapping_mul(101) % 400) as u16;
    let turns = (0..400).map(|_| (first + TURN.fetch_add(1, Ordering::Relaxed)) % 400);
    turns.map(|turn| 31_000 + turn * 4).find(|port| is_free(*port) && is_free(port + 2)).context("a media port is free")
}

pub(crate) fn is_bound(port: u16) -> bool {
    let wanted = format!(":{port:04X} ");
    let lists = ["/proc/net/udp", "/proc/net/tcp"];
    lists.iter().filter_map(|list| std::fs::read_to_string(list).ok()).any(|list| {
        list.lines()
            .skip(1)
            .filter_map(|line| line.split_ascii_whitespace().nth(1))
            .any(|at| format!("{at} ").ends_with(&wanted))
    })
}

//! Audio as it goes over loopback, captured by tcpdump.
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::process::{Process, Signal};
use crate::tools::{find_program, is_root};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// The header of a capture, and that of each of its packets (pcap, microseconds).
const FILE: usize = 24;
const PACKET: usize = 16;
/// What lies before the payload of UDP on loopback: Ethernet, IPv4 without options, UDP.
const FRAME: usize = 14 + 20 + 8;
/// RTP without extensions, and what is kept of its payload.
const RTP: usize = 12;
const KEPT: usize = 8;

/// A packet of audio: from which port to which, and the synchronisation source that says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Heard {
    /// Who sent it.
    pub from: u16,
    /// To whom.
    pub to: u16,
    /// By what source.
    pub ssrc: u32,
}

/// A capture of the RTP whose payload is one byte over and over: speech that nothing else on the machine says.
#[derive(Debug)]
pub struct Capture {
    process: Process,
    file: PathBuf,
    _home: TempDir,
}

impl Capture {
    /// Listens from now on for packets of 20 ms of that byte. Needs the right to capture: root, or what `scripts/setup`
    /// gives to tcpdump.
    pub fn start(speech: u8) -> Result<Self> {
        let home = tempfile::Builder::new().prefix("cxc-capture-").tempdir()?;
        let (file, log) = (home.path().join("audio"), home.path().join("log"));
        let said = format!("udp and len = {} and udp[20] = {speech} and udp[179] = {speech}", FRAME + RTP + 160);
        let mut command = Command::new(find_program("tcpdump")?);
        let kept = (FRAME + RTP + KEPT).to_string();
        if is_root() {
            // else it would become a user who may not write to our folder
            command.args(["-Z", "root"]);
        }
        command
            .args(["-i", "lo", "--immediate-mode", "-U", "-n", "-s", &kept, "-B", "8192", "-w"])
            .arg(&file)
            .arg(said);
        let mut process = Process::spawn("tcpdump", command, &log, Signal::Int, Some(home.path()))?;
        let listens = || std::fs::read_to_string(&log).is_ok_and(|text| text.contains("listening on lo"));
        process.wait_until(PATIENCE, listens)?;
        Ok(Self { process, file, _home: home })
    }

    /// Ends it; what was heard, each pair of ports and source once.
    pub fn heard(mut self) -> Result<BTreeSet<Heard>> {
        self.process.end_with(Signal::Int, PATIENCE)?;
        read(&std::fs::read(&self.file).context("tcpdump wrote what it heard")?)
    }
}

fn read(capture: &[u8]) -> Result<BTreeSet<Heard>> {
    let mut rest = capture.get(FILE..).context("a capture has a header")?;
    ensure!(capture.starts_with(&0xa1b2_c3d4_u32.to_le_bytes()), "this is no capture in microseconds");
    let mut heard = BTreeSet::new();
    while let Some((header, after)) = rest.split_at_checked(PACKET) {
        let length = u32::from_le_bytes(header[8..12].try_into()?) as usize;
        let (packet, next) = after.split_at_checked(length).context("a packet is whole")?;
        rest = next;
        ensure!(packet.len() >= FRAME + RTP && packet[14] == 0x45, "a packet is IPv4 without options");
        let port = |at: usize| u16::from_be_bytes([packet[at], packet[at + 1]]);
        let ssrc = u32::from_be_bytes(packet[FRAME + 8..FRAME + 12].try_into()?);
        heard.insert(Heard { from: port(34), to: port(36), ssrc });
    }
    Ok(heard)
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    #[test]
    fn what_is_said_on_loopback_is_heard_and_nothing_else() {
        let capture = Capture::start(0x5e).unwrap();
        let (from, to) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        let to = to.local_addr().unwrap();
        for (ssrc, byte) in [(7_u32, 0x5e), (7, 0x5e), (8, 0x5f)] {
            let header = [&[0x80, 0, 0, 1, 0, 0, 0, 1][..], &ssrc.to_be_bytes()].concat();
            from.send_to(&[header, vec![byte; 160]].concat(), to).unwrap();
        }
        let from = from.local_addr().unwrap().port();
        // it reads and writes them in its own time
        std::thread::sleep(Duration::from_secs(1));
        assert_eq!(capture.heard().unwrap(), BTreeSet::from([Heard { from, to: to.port(), ssrc: 7 }]));
    }
}

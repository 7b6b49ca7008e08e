//! Free ports of loopback that stay ours: below the range from which the kernel takes ports for outgoing
//! connections, and locked against other test processes of this machine.
use std::fs::File;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::ops::Range;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};

use anyhow::{Context, Result, bail};

/// Below the media ports that engines take by default, from 20000 on; the kernel's own range usually begins at 32768.
const RANGE: Range<u16> = 10_000..20_000;

/// Where servers receive media: so many ports each. What a peer still sends to a port of before must reach no other server.
const MEDIA: Range<u16> = 33_000..60_000;
const MEDIA_PORTS: u16 = 1_000;

/// Ports for media that no other server of this machine's tests takes while this value lives.
#[derive(Debug)]
pub struct MediaPorts {
    first: u16,
    _lock: File,
}

impl MediaPorts {
    /// Takes a free range.
    pub fn free() -> Result<Self> {
        static TURN: AtomicU16 = AtomicU16::new(0);
        let count = (MEDIA.end - MEDIA.start) / MEDIA_PORTS;
        for _ in 0..count {
            let first = MEDIA.start + TURN.fetch_add(1, Ordering::Relaxed) % count * MEDIA_PORTS;
            if let Some(lock) = locked(&format!("media-{first}"))? {
                return Ok(Self { first, _lock: lock });
            }
        }
        bail!("{MEDIA_PORTS} ports from {} to {} are free", MEDIA.start, MEDIA.end - 1)
    }

    /// The range as the configuration has it.
    pub fn range(&self) -> String {
        format!("{}-{}", self.first, self.first + MEDIA_PORTS - 1)
    }
}

/// A lock of this name, which no other process of this machine's tests has while it lives; none if one has it.
fn locked(name: &str) -> Result<Option<File>> {
    let folder = std::env::temp_dir().join("cxc-test-ports");
    std::fs::create_dir_all(&folder).with_context(|| format!("{} can be written", folder.display()))?;
    match File::create(folder.join(name)) {
        Ok(lock) => Ok(lock.try_lock().is_ok().then_some(lock)),
        // another user's lock file
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(None),
        Err(error) => Err(error).context("a port's lock file can be made"),
    }
}

/// A port that nobody else of this machine's tests takes while this value lives. Nothing listens on it yet, and a
/// server can leave it and come back.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _lock: File,
}

impl Port {
    /// Takes a free port.
    pub fn free() -> Result<Self> {
        // what was sent to a port of before must reach no other server: each is taken after the last one, and processes
        // begin at different places
        static TURN: AtomicU32 = AtomicU32::new(0);
        let count = u32::from(RANGE.end - RANGE.start);
        let first = std::process::id().wrapping_mul(101) % count;
        for _ in 0..count {
            let turn = first.wrapping_add(TURN.fetch_add(1, Ordering::Relaxed)) % count;
            let number = RANGE.start + u16::try_from(turn).unwrap_or_default();
            let Some(lock) = locked(&number.to_string())? else { continue };
            let at = (Ipv4Addr::LOCALHOST, number);
            if TcpListener::bind(at).is_ok() && UdpSocket::bind(at).is_ok() {
                return Ok(Self { number, _lock: lock });
            }
        }
        bail!("a port from {} to {} is free", RANGE.start, RANGE.end - 1)
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.number
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_ranges_for_media_share_no_port() {
        let (one, other) = (MediaPorts::free().unwrap(), MediaPorts::free().unwrap());
        assert!(one.first.abs_diff(other.first) >= MEDIA_PORTS, "{} and {}", one.range(), other.range());
    }

    #[test]
    fn two_ports_differ_and_can_be_bound() {
        let (one, two) = (Port::free().unwrap(), Port::free().unwrap());
        assert_ne!(one.number(), two.number());
        let _first = TcpListener::bind(one.address()).unwrap();
        let _second = TcpListener::bind(two.address()).unwrap();
    }

    #[test]
    fn a_port_is_free_again_when_it_is_dropped() {
        let one = Port::free().unwrap();
        let number = one.number();
        let folder = std::env::temp_dir().join("cxc-test-ports");
        let lock = File::create(folder.join(number.to_string())).unwrap();
        assert!(lock.try_lock().is_err());
        drop(one);
        assert!(lock.try_lock().is_ok());
    }
}

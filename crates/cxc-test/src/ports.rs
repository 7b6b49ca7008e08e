//! Free ports of loopback that stay ours: below the range from which the kernel takes ports for outgoing
//! connections, and locked against other test processes of this machine.
use std::fs::File;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

use anyhow::{Context, Result, bail};

/// The kernel's own range usually begins at 32768.
const RANGE: Range<u16> = 18_000..31_000;

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
        let folder = std::env::temp_dir().join("cxc-test-ports");
        std::fs::create_dir_all(&folder).with_context(|| format!("{} can be written", folder.display()))?;
        // processes begin at different places, so that they rarely try the same port
        let first = std::process::id().wrapping_mul(101) % u32::from(RANGE.end - RANGE.start);
        let first = u16::try_from(first).unwrap_or_default();
        for step in 0..(RANGE.end - RANGE.start) {
            let number = RANGE.start + (first + step) % (RANGE.end - RANGE.start);
            let lock = match File::create(folder.join(number.to_string())) {
                Ok(lock) => lock,
                // another user's lock file
                Err(error) if error.kind() == ErrorKind::PermissionDenied => continue,
                Err(error) => return Err(error).context("a port's lock file can be made"),
            };
            if lock.try_lock().is_ok() && TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok() {
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

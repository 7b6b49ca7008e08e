//! What calls are placed with.
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;

use super::value::{Expected, Found};

/// What calls are placed with.
#[derive(Debug, Clone)]
pub struct Voice {
    /// The WAV file that abandoned persons hear.
    pub abandon_message: Option<PathBuf>,
    /// The WAV file that machines get after their beep.
    pub machine_message: Option<PathBuf>,
    /// The WAV file that persons hear before they are recorded.
    pub recording_notice: Option<PathBuf>,
    /// Where the prompts of scripts lie, as WAV files.
    pub prompts: Option<PathBuf>,
    /// The WAV file that persons hear who wait while they talk, again and again; silence without one.
    pub hold_prompt: Option<PathBuf>,
    /// Where recordings lie, if not below the data folder.
    pub recordings: Option<PathBuf>,
    /// The ports of media.
    pub media_ports: RangeInclusive<u16>,
    /// The address that trunks and phones see, where it is not this machine's own.
    pub public_address: Option<IpAddr>,
    /// Where calls to caller ids come in; nowhere if it is not set.
    pub inbound_listen: Option<SocketAddr>,
}

impl Default for Voice {
    fn default() -> Self {
        Self {
            abandon_message: None,
            machine_message: None,
            recording_notice: None,
            prompts: None,
            hold_prompt: None,
            recordings: None,
            media_ports: 20_000..=29_999,
            public_address: None,
            inbound_listen: None,
        }
    }
}

/// An address of this machine with a port: carriers are told to send there, so it is not all of them.
pub fn listen(found: &Found) -> Result<SocketAddr, Expected> {
    const EXPECTED: &str = "an address of this machine and a port, such as 10.0.0.5:5060";
    let address: SocketAddr = found.text(EXPECTED)?.parse().map_err(|_| EXPECTED.to_owned())?;
    let is_one = !address.ip().is_unspecified() && !address.ip().is_multicast() && address.port() > 0;
    if is_one { Ok(address) } else { Err(EXPECTED.to_owned()) }
}

/// An address that trunks and phones can send to: one, and not all of a machine's.
pub fn public(found: &Found) -> Result<IpAddr, Expected> {
    const EXPECTED: &str = "the address that trunks and phones see, such as 203.0.113.7";
    let address: IpAddr = found.text(EXPECTED)?.parse().map_err(|_| EXPECTED.to_owned())?;
    let is_broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    let is_one = !address.is_unspecified() && !address.is_multicast() && !is_broadcast;
    if is_one { Ok(address) } else { Err(EXPECTED.to_owned()) }
}

/// A range of ports such as `20000-29999`.
pub fn ports(found: &Found) -> Result<RangeInclusive<u16>, Expected> {
    const EXPECTED: &str = "a range of at least ten ports such as 20000-29999";
    let text = found.text(EXPECTED)?;
    let (first, last) = text.split_once('-').ok_or(EXPECTED)?;
    let port = |text: &str| text.trim().parse::<u16>().map_err(|_| EXPECTED.to_owned());
    let (first, last) = (port(first)?, port(last)?);
    if first >= 1_024 && last >= first.saturating_add(9) { Ok(first..=last) } else { Err(EXPECTED.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_come_in_at_one_address() {
        let read = |text: &str| listen(&Found::Plain(text.into()));
        assert_eq!(read("10.0.0.5:5060").unwrap(), "10.0.0.5:5060".parse().unwrap());
        assert!(read("[fd00::5]:5060").is_ok());
        for wrong in ["0.0.0.0:5060", "[::]:5060", "10.0.0.5", "10.0.0.5:0", "sip.example.com:5060", ""] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_trunks_see_is_one_address() {
        let read = |text: &str| public(&Found::Plain(text.into()));
        assert_eq!(read("203.0.113.7").unwrap(), "203.0.113.7".parse::<IpAddr>().unwrap());
        for wrong in ["0.0.0.0", "::", "224.0.0.1", "255.255.255.255", "203.0.113.7:5060", "h", ""] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn ports_are_a_range() {
        let read = |text: &str| ports(&Found::Plain(text.into()));
        assert_eq!(read("20000-29999").unwrap(), 20_000..=29_999);
        for wrong in ["20000", "29999-20000", "20000-20001", "80-1000", "a-b", "20000-99999"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}

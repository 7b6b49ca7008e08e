//! What calls are placed with.
use std::net::IpAddr;
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
        }
    }
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
    fn ports_are_a_range() {
        let read = |text: &str| ports(&Found::Plain(text.into()));
        assert_eq!(read("20000-29999").unwrap(), 20_000..=29_999);
        for wrong in ["20000", "29999-20000", "20000-20001", "80-1000", "a-b", "20000-99999"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}

//! Session descriptions: what we offer, what the far end answers, and our answer to an offer. Audio only, one stream.
use std::net::{IpAddr, SocketAddr};

use crate::media::Codec;

/// The payload type that we offer for digits.
pub const DIGITS: u8 = 101;

/// What was agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agreed {
    /// Where media goes.
    pub remote: SocketAddr,
    /// Where reports on it go: always the same host.
    pub reports: Option<SocketAddr>,
    /// How audio is coded.
    pub codec: Codec,
    /// The payload type of digits, where the far end takes them.
    pub digits: Option<u8>,
    /// The far end wants to hear us.
    pub hears: bool,
    /// The far end sends.
    pub speaks: bool,
}

/// Why a description can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// Not one that can be read.
    #[error("the session description can't be read")]
    Unreadable,
    /// It has no audio over RTP, or refuses it.
    #[error("the session description has no audio")]
    NoAudio,
    /// Neither of our codecs.
    #[error("the session description has neither PCMU nor PCMA")]
    NoCodec,
}

/// What we offer: both laws of G.711 and digits.
pub fn offer(local: SocketAddr, session: u64) -> Vec<u8> {
    describe(local, session, 0, "0 8 101", &["0 PCMU/8000", "8 PCMA/8000", "101 telephone-event/8000"], "sendrecv")
}

/// The answer to what was agreed from an offer. `version` grows with each description of a session.
pub fn answer(local: SocketAddr, session: u64, version: u32, agreed: &Agreed) -> Vec<u8> {
    let codec = match agreed.codec {
        Codec::Pcmu => "0 PCMU/8000",
        Codec::Pcma => "8 PCMA/8000",
    };
    let direction = match (agreed.hears, agreed.speaks) {
        (true, true) => "sendrecv",
        (true, false) => "sendonly",
        (false, true) => "recvonly",
        (false, false) => "inactive",
    };
    let payload = agreed.codec.payload_type();
    match agreed.digits {
        None => describe(local, session, version, &payload.to_string(), &[codec], direction),
        Some(digits) => {
            let map = format!("{digits} telephone-event/8000");
            describe(local, session, version, &format!("{payload} {digits}"), &[codec, &map], direction)
        }
    }
}

fn describe(local: SocketAddr, session: u64, version: u32, types: &str, maps: &[&str], direction: &str) -> Vec<u8> {
    let family = if local.is_ipv4() { "IP4" } else { "IP6" };
    let (ip, port) = (local.ip(), local.port());
    let mut text = format!(
        "v=0\r\no=cxc {session} {version} IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP {types}\r\n"
    );
    for map in maps {
        text += &format!("a=rtpmap:{map}\r\n");
        if let Some((events, _)) = map.split_once(" telephone-event") {
            text += &format!("a=fmtp:{events} 0-15\r\n");
        }
    }
    text += &format!("a=ptime:20\r\na={direction}\r\n");
    text.into_bytes()
}

/// What a description of the far end, answer or offer, lets us agree on. Its first codec that is ours is taken.
pub fn agree(description: &[u8]) -> Result<Agreed, SdpError> {
    let text = std::str::from_utf8(description).map_err(|_| SdpError::Unreadable)?;
    let mut session = Part::default();
    let mut audio: Option<(Vec<&str>, Part)> = None;
    let mut in_audio = false;
    for line in text.lines() {
        let Some((kind, value)) = line.trim_end().split_once('=') else { continue };
        if kind == "m" {
            in_audio = audio.is_none() && value.starts_with("audio ");
            if in_audio {
                audio = Some((value.split_ascii_whitespace().collect(), Part::default()));
            } else if audio.is_none() {
                session.closed = true;
            }
            continue;
        }
        match &mut audio {
            Some((_, part)) if in_audio => part.line(kind, value),
            None if !session.closed => session.line(kind, value),
            _ => (),
        }
    }
    let (media, part) = audio.ok_or(SdpError::NoAudio)?;
    finish(&media, &part, &session)
}

fn finish(media: &[&str], part: &Part, session: &Part) -> Result<Agreed, SdpError> {
    let [_, port, profile, types @ ..] = media else { return Err(SdpError::Unreadable) };
    let port: u16 = port.split('/').next().and_then(|port| port.parse().ok()).ok_or(SdpError::Unreadable)?;
    if port == 0 || !matches!(*profile, "RTP/AVP" | "RTP/AVPF") {
        return Err(SdpError::NoAudio);
    }
    let reports = part.reports.or_else(|| port.checked_add(1));
    let ip = part.address.or(session.address).ok_or(SdpError::Unreadable)?;
    let types: Vec<u8> = types.iter().filter_map(|kind| kind.parse().ok()).collect();
    let codec = types.iter().find_map(|kind| Codec::of_payload_type(*kind)).ok_or(SdpError::NoCodec)?;
    let digits = types.iter().copied().find(|kind| part.events.contains(kind));
    // the old way to say "on hold"
    let held = ip.is_unspecified();
    let direction = part.direction.or(session.direction).unwrap_or(Direction::Both);
    Ok(Agreed {
        remote: SocketAddr::new(ip, port),
        reports: reports.map(|reports| SocketAddr::new(ip, reports)),
        codec,
        digits,
        hears: !held && matches!(direction, Direction::Both | Direction::Receives),
        speaks: matches!(direction, Direction::Both | Direction::Sends),
    })
}

#[derive(Debug, Clone, Copy)]
enum Direction {
    Both,
    Sends,
    Receives,
    None,
}

/// The lines of a session, or of a stream.
#[derive(Debug, Default)]
struct Part {
    address: Option<IpAddr>,
    direction: Option<Direction>,
    reports: Option<u16>,
    events: Vec<u8>,
    closed: bool,
}

impl Part {
    fn line(&mut self, kind: &str, value: &str) {
        match kind {
            "c" => {
                let address = value.split_ascii_whitespace().nth(2).and_then(|address| address.split('/').next());
                self.address = address.and_then(|address| address.parse().ok());
            }
            "a" => self.attribute(value),
            _ => (),
        }
    }

    fn attribute(&mut self, value: &str) {
        match value {
            "sendrecv" => self.direction = Some(Direction::Both),
            "sendonly" => self.direction = Some(Direction::Sends),
            "recvonly" => self.direction = Some(Direction::Receives),
            "inactive" => self.direction = Some(Direction::None),
            _ if value.starts_with("rtcp:") => {
                // its host is not taken: reports would go to whom it names (RFC 3605)
                let port = value.split_ascii_whitespace().next().and_then(|port| port.strip_prefix("rtcp:"));
                self.reports = port.and_then(|port| port.parse().ok()).filter(|port| *port > 0);
            }
            _ => {
                let Some((kind, name)) = value.strip_prefix("rtpmap:").and_then(|map| map.split_once(' ')) else {
                    return;
                };
                if name.trim().to_ascii_lowercase().starts_with("telephone-event/8000")
                    && let Ok(kind) = kind.parse()
                {
                    self.events.push(kind);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local() -> SocketAddr {
        "192.0.2.7:20002".parse().unwrap()
    }

    #[test]
    fn our_own_offer_can_be_agreed_on() {
        let agreed = agree(&offer(local(), 5)).unwrap();
        let reports = Some("192.0.2.7:20003".parse().unwrap());
        let (codec, digits) = (Codec::Pcmu, Some(DIGITS));
        let expected = Agreed { remote: local(), reports, codec, digits, hears: true, speaks: true };
        assert_eq!(agreed, expected);
    }

    #[test]
    fn the_first_codec_that_is_ours_is_taken_and_the_stream_overrules_the_session() {
        let text = "v=0\r\nc=IN IP4 192.0.2.1\r\na=inactive\r\nt=0 0\r\nm=video 9 RTP/AVP 96\r\na=sendrecv\r\n\
                    m=audio 4000 RTP/AVP 18 8 0 97\r\nc=IN IP4 192.0.2.9/127\r\na=rtpmap:97 telephone-event/8000\r\n\
                    a=sendonly\r\na=rtcp:53020 IN IP4 198.51.100.1\r\n";
        let agreed = agree(text.as_bytes()).unwrap();
        assert_eq!(agreed.remote, "192.0.2.9:4000".parse().unwrap());
        assert_eq!(agreed.reports, Some("192.0.2.9:53020".parse().unwrap()), "never to another host");
        assert_eq!((agreed.codec, agreed.digits), (Codec::Pcma, Some(97)));
        assert!(agreed.speaks && !agreed.hears);
        let ours = String::from_utf8(answer(local(), 5, 2, &agreed)).unwrap();
        assert!(ours.contains("m=audio 20002 RTP/AVP 8 97\r\n") && ours.contains("a=recvonly"), "{ours}");
    }

    #[test]
    fn a_refused_stream_and_a_strange_codec_are_told_apart() {
        let with = |media: &str| agree(format!("v=0\nc=IN IP4 192.0.2.1\n{media}\n").as_bytes());
        assert_eq!(with("m=audio 0 RTP/AVP 0"), Err(SdpError::NoAudio));
        assert_eq!(with("m=audio 4000 RTP/SAVP 0"), Err(SdpError::NoAudio));
        assert_eq!(with("m=audio 4000 RTP/AVP 18"), Err(SdpError::NoCodec));
        assert_eq!(with("m=image 4000 udptl t38"), Err(SdpError::NoAudio));
        assert_eq!(with("m=audio x"), Err(SdpError::Unreadable));
        assert_eq!(agree(b"\xff\xfe"), Err(SdpError::Unreadable));
    }

    #[test]
    fn the_old_way_of_holding_a_call_is_understood() {
        let agreed = agree(b"v=0\nc=IN IP4 0.0.0.0\nm=audio 4000 RTP/AVP 0\n").unwrap();
        assert!(!agreed.hears && agreed.digits.is_none());
    }
}

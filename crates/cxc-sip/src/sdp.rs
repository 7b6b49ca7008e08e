//! Session descriptions: what we offer, what the far end answers, and our answer to an offer. Audio only, one stream.
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::media::{Codec, Crypto, Key};

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
    /// The far end's key, where media is encrypted.
    pub crypto: Option<Crypto>,
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
    /// Its media would go to many.
    #[error("the session description sends media to a multicast address")]
    Multicast,
    /// Its media would go to an IPv6 address from an IPv4 one, or the other way round.
    #[error("the session description has media at another kind of address (IPv4, IPv6) than ours")]
    Family,
    /// Media must be encrypted, and it does not say so, or not how we can.
    #[error("the session description does not encrypt media with AES_CM_128_HMAC_SHA1_80")]
    NotSecure,
}

/// Our side of a description.
#[derive(Debug, Clone, Copy)]
pub struct Local {
    /// Where we take media.
    pub address: SocketAddr,
    /// Our key, where media must be encrypted.
    pub key: Option<Key>,
}

/// What we offer: both laws of G.711 and digits.
pub fn offer(local: Local, session: u64) -> Vec<u8> {
    let maps = ["0 PCMU/8000", "8 PCMA/8000", "101 telephone-event/8000"];
    describe(local, (session, 0), 1, "0 8 101", &maps, "sendrecv")
}

/// The answer to what was agreed from an offer. `version` grows with each description of a session.
pub fn answer(local: Local, session: u64, version: u32, agreed: &Agreed) -> Vec<u8> {
    let tag = agreed.crypto.map_or(1, |crypto| crypto.tag);
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
        None => describe(local, (session, version), tag, &payload.to_string(), &[codec], direction),
        Some(digits) => {
            let map = format!("{digits} telephone-event/8000");
            describe(local, (session, version), tag, &format!("{payload} {digits}"), &[codec, &map], direction)
        }
    }
}

fn describe(
    local: Local,
    (session, version): (u64, u32),
    tag: u32,
    types: &str,
    maps: &[&str],
    direction: &str,
) -> Vec<u8> {
    let family = if local.address.is_ipv4() { "IP4" } else { "IP6" };
    let (ip, port) = (local.address.ip(), local.address.port());
    let profile = if local.key.is_some() { "RTP/SAVP" } else { "RTP/AVP" };
    let mut text = format!(
        "v=0\r\no=cxc {session} {version} IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n\
         m=audio {port} {profile} {types}\r\n"
    );
    if let Some(key) = local.key {
        text += &format!("a=crypto:{}\r\n", Crypto { tag, key }.write());
    }
    for map in maps {
        text += &format!("a=rtpmap:{map}\r\n");
        if let Some((events, _)) = map.split_once(" telephone-event") {
            text += &format!("a=fmtp:{events} 0-15\r\n");
        }
    }
    text += &format!("a=ptime:20\r\na={direction}\r\n");
    text.into_bytes()
}

/// What a description of the far end, answer or offer, lets us agree on. Its first codec that is ours is taken, and its first
/// key, where media must be encrypted.
pub fn agree(description: &[u8], is_secure: bool) -> Result<Agreed, SdpError> {
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
    finish(&media, &part, &session, is_secure)
}

fn finish(media: &[&str], part: &Part, session: &Part, is_secure: bool) -> Result<Agreed, SdpError> {
    let [_, port, profile, types @ ..] = media else { return Err(SdpError::Unreadable) };
    let port: u16 = port.split('/').next().and_then(|port| port.parse().ok()).ok_or(SdpError::Unreadable)?;
    let crypto = match (*profile, is_secure) {
        _ if port == 0 => return Err(SdpError::NoAudio),
        ("RTP/AVP" | "RTP/AVPF", false) => None,
        ("RTP/SAVP" | "RTP/SAVPF", true) => Some(part.crypto.ok_or(SdpError::NotSecure)?),
        (_, true) => return Err(SdpError::NotSecure),
        (_, false) => return Err(SdpError::NoAudio),
    };
    let reports = part.reports.or_else(|| port.checked_add(1));
    let ip = part.address.or(session.address).ok_or(SdpError::Unreadable)?;
    if ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST) {
        return Err(SdpError::Multicast);
    }
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
        crypto,
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
    crypto: Option<Crypto>,
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
            _ if value.starts_with("crypto:") => {
                self.crypto = self.crypto.or_else(|| Crypto::read(value.strip_prefix("crypto:")?));
            }
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

    fn local() -> Local {
        Local { address: "192.0.2.7:20002".parse().unwrap(), key: None }
    }

    fn agree(description: &[u8]) -> Result<Agreed, SdpError> {
        super::agree(description, false)
    }

    #[test]
    fn our_own_offer_can_be_agreed_on() {
        let agreed = agree(&offer(local(), 5)).unwrap();
        let reports = Some("192.0.2.7:20003".parse().unwrap());
        let (codec, digits) = (Codec::Pcmu, Some(DIGITS));
        let remote = local().address;
        let expected = Agreed { remote, reports, codec, digits, hears: true, speaks: true, crypto: None };
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
        for many in ["IP4 224.2.1.1/127", "IP4 239.255.0.1", "IP4 255.255.255.255", "IP6 ff15::101/3"] {
            let text = format!("v=0\nc=IN {many}\nm=audio 4000 RTP/AVP 0\n");
            assert_eq!(agree(text.as_bytes()), Err(SdpError::Multicast), "{many}");
        }
    }

    #[test]
    fn the_old_way_of_holding_a_call_is_understood() {
        let agreed = agree(b"v=0\nc=IN IP4 0.0.0.0\nm=audio 4000 RTP/AVP 0\n").unwrap();
        assert!(!agreed.hears && agreed.digits.is_none());
    }

    #[test]
    fn encrypted_media_has_a_key_on_both_sides_and_never_falls_back() {
        let ours = Local { key: Key::random(), ..local() };
        let offered = offer(ours, 5);
        assert_eq!(agree(&offered), Err(SdpError::NoAudio), "who did not ask for it");
        let agreed = super::agree(&offered, true).unwrap();
        assert_eq!(agreed.crypto.map(|crypto| (crypto.tag, Some(crypto.key))), Some((1, ours.key)));
        let theirs =
            String::from_utf8(offered).unwrap().replace("a=crypto:1", "a=crypto:4 OTHER inline:x\r\na=crypto:3");
        let agreed = super::agree(theirs.as_bytes(), true).unwrap();
        let answered = String::from_utf8(answer(ours, 5, 1, &agreed)).unwrap();
        assert!(answered.contains("RTP/SAVP 0 101\r\na=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:"), "{answered}");
        let plain = theirs.replace("RTP/SAVP", "RTP/AVP");
        assert_eq!(super::agree(plain.as_bytes(), true), Err(SdpError::NotSecure));
        let without = theirs.replace("a=crypto:3", "a=x:3");
        assert_eq!(super::agree(without.as_bytes(), true), Err(SdpError::NotSecure));
    }
}

//! Which addresses requests of a tenant may go to. A tenant names any host; without this the program would fetch
//! for it what only this machine and its neighbours may see.
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A network of addresses, `10.0.0.0/8` or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: u128,
    /// Bits of 128 that must agree.
    bits: u32,
}

/// A text that is no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a network is an address with the number of its fixed bits, as in 10.0.0.0/8 or fd00::/8, or one address")]
pub struct BadNetwork;

/// IPv4 addresses are compared as IPv6 ones that hold them.
fn number(address: IpAddr) -> u128 {
    let six = match address {
        IpAddr::V4(four) => four.to_ipv6_mapped(),
        IpAddr::V6(six) => six,
    };
    u128::from(six)
}

impl Network {
    /// The machine itself.
    pub fn loopback() -> Vec<Self> {
        let one = |address: IpAddr, bits: u32| Self { address: number(address), bits };
        vec![one(Ipv4Addr::new(127, 0, 0, 0).into(), 8 + 96), one(Ipv6Addr::LOCALHOST.into(), 128)]
    }

    /// Whether an address lies in it.
    pub fn holds(&self, address: IpAddr) -> bool {
        let differing = self.address ^ number(address);
        self.bits == 0 || differing.leading_zeros() >= self.bits
    }
}

impl FromStr for Network {
    type Err = BadNetwork;

    fn from_str(text: &str) -> Result<Self, BadNetwork> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.trim().parse().map_err(|_| BadNetwork)?;
        let (most, outer) = if address.is_ipv4() { (32, 96) } else { (128, 0) };
        let bits = match bits {
            Some(bits) => bits.trim().parse().ok().filter(|n: &u32| *n <= most).ok_or(BadNetwork)?,
            None => most,
        };
        Ok(Self { address: number(address), bits: bits + outer })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let six = Ipv6Addr::from(self.address);
        match six.to_ipv4_mapped().filter(|_| self.bits >= 96) {
            Some(four) => write!(f, "{four}/{}", self.bits - 96),
            None => write!(f, "{six}/{}", self.bits),
        }
    }
}

/// Whether an address can be somebody's on the open Internet.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => is_public_four(four),
        IpAddr::V6(six) => match six.to_ipv4_mapped().or_else(|| translated(six)) {
            Some(four) => is_public_four(four),
            None => is_public_six(six),
        },
    }
}

/// The IPv4 address behind a translator (64:ff9b::/96) or a 6to4 relay (2002::/16).
fn translated(six: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = six.segments();
    let four = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match s {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(four(high, low)),
        [0x2002, high, low, ..] => Some(four(high, low)),
        _ => None,
    }
}

fn is_public_four(four: Ipv4Addr) -> bool {
    let [a, b, c, _] = four.octets();
    let special = matches!((a, b, c), (0 | 240..=255, ..) | (100, 64..=127, _) | (192, 0, 0) | (198, 18..=19, _));
    !(special
        || four.is_private()
        || four.is_loopback()
        || four.is_link_local()
        || four.is_multicast()
        || four.is_documentation())
}

fn is_public_six(six: Ipv6Addr) -> bool {
    let first = six.segments()[0];
    // global unicast, but not the addresses of documents
    (first & 0xe000) == 0x2000 && !(first == 0x2001 && six.segments()[1] == 0xdb8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(text: &str) -> bool {
        is_public(text.parse().unwrap())
    }

    #[test]
    fn addresses_of_this_machine_and_its_neighbours_are_not_public() {
        for inside in [
            "127.0.0.1",
            "127.8.8.8",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "192.0.2.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "::127.0.0.1",
        ] {
            assert!(!public(inside), "{inside}");
        }
        for outside in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "64:ff9b::808:808"] {
            assert!(public(outside), "{outside}");
        }
    }

    #[test]
    fn a_network_holds_the_addresses_that_begin_alike() {
        let holds = |network: &str, address: &str| network.parse::<Network>().unwrap().holds(address.parse().unwrap());
        assert!(holds("10.0.0.0/8", "10.255.1.2") && !holds("10.0.0.0/8", "11.0.0.1"));
        assert!(holds("127.0.0.1", "127.0.0.1") && !holds("127.0.0.1", "127.0.0.2"));
        assert!(holds("fd00::/8", "fd12::1") && !holds("fd00::/8", "10.0.0.1"));
        assert!(holds("10.0.0.0/8", "::ffff:10.1.1.1"));
        assert!(!holds("0.0.0.0/0", "fd00::1") && holds("0.0.0.0/0", "1.2.3.4"));
        for bad in ["", "10.0.0.0/33", "host", "10.0.0.0/", "10.0.0.0/-1"] {
            assert_eq!(bad.parse::<Network>(), Err(BadNetwork), "{bad}");
        }
        assert_eq!(Network::loopback(), ["127.0.0.0/8", "::1"].map(|text| text.parse().unwrap()));
        for text in ["10.0.0.0/8", "fd00::/8", "127.0.0.1/32"] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), text);
        }
    }
}

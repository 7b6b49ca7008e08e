//! RTP packets (RFC 3550).

/// Bytes of a header without extras.
pub(super) const HEADER: usize = 12;

/// What stands before the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Begins a stretch of speech, or a digit.
    pub marker: bool,
    /// What the payload is.
    pub payload_type: u8,
    /// Grows by one with each packet.
    pub sequence: u16,
    /// Grows by one with each sample.
    pub timestamp: u32,
    /// The stream.
    pub source: u32,
}

/// A packet that came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Its header.
    pub header: Header,
    /// What it carries.
    pub payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads a datagram; none if it is no RTP.
    pub fn read(datagram: &'a [u8]) -> Option<Self> {
        let (fixed, rest) = datagram.split_first_chunk::<HEADER>()?;
        let [first, second, ..] = *fixed;
        let kind = second & 0x7f;
        // RTCP that strays to this port has these types (RFC 5761, 4)
        if first >> 6 != 2 || (64..=95).contains(&kind) {
            return None;
        }
        let mut payload = rest.get(usize::from(first & 0x0f) * 4..)?;
        if first & 0x10 != 0 {
            let (extension, after) = payload.split_first_chunk::<4>()?;
            let words = u16::from_be_bytes([extension[2], extension[3]]);
            payload = after.get(usize::from(words) * 4..)?;
        }
        if first & 0x20 != 0 {
            let padding = usize::from(*payload.last()?);
            payload = payload.get(..payload.len().checked_sub(padding)?)?;
        }
        let header = Header {
            marker: second & 0x80 != 0,
            payload_type: kind,
            sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
            timestamp: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            source: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
        };
        Some(Self { header, payload })
    }
}

impl Header {
    /// Puts the header in front of a payload.
    pub fn write(&self, into: &mut Vec<u8>) {
        into.clear();
        into.push(0x80);
        into.push(self.payload_type | if self.marker { 0x80 } else { 0 });
        into.extend(self.sequence.to_be_bytes());
        into.extend(self.timestamp.to_be_bytes());
        into.extend(self.source.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header = Header { marker: true, payload_type: 8, sequence: 65_535, timestamp: 7, source: 0xdead };

    #[test]
    fn what_is_written_is_read() {
        let mut datagram = Vec::new();
        HEADER.write(&mut datagram);
        datagram.extend([1, 2, 3]);
        assert_eq!(Packet::read(&datagram), Some(Packet { header: HEADER, payload: &[1, 2, 3] }));
    }

    #[test]
    fn sources_extension_and_padding_are_no_payload() {
        let mut datagram = Vec::new();
        HEADER.write(&mut datagram);
        datagram[0] = 0x80 | 0x20 | 0x10 | 1;
        // a contributing source, an extension of one word, the payload, padding of two
        datagram.extend([0, 0, 0, 9, 0xbe, 0xde, 0, 1, 5, 5, 5, 5, 42, 0, 2]);
        assert_eq!(Packet::read(&datagram).unwrap().payload, &[42]);
        datagram.truncate(20);
        assert_eq!(Packet::read(&datagram), None, "it says more than there is");
    }

    #[test]
    fn other_datagrams_are_no_packets() {
        assert_eq!(Packet::read(b"INVITE sip:x SIP/2.0"), None);
        assert_eq!(Packet::read(&[0x80; 11]), None);
        let mut report = vec![0x80, 200];
        report.extend([0; 26]);
        assert_eq!(Packet::read(&report), None);
    }
}

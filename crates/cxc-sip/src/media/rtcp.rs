//! Reports beside the audio (RTCP, RFC 3550, 6): what we send and what came, and what the far end says of the same.
use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rtcp_types::prelude::RtcpPacketWriterExt;
use rtcp_types::{
    Bye, Compound, Packet, ReceiverReport, ReceiverReportBuilder, ReportBlock, Sdes, SdesChunk, SdesItem, SenderReport,
    SenderReportBuilder,
};

use super::reception::Measured;

/// Longer reports are not read.
pub(super) const LONGEST: usize = 1_024;
/// From 1900, where the clock of reports begins, to 1970.
const EPOCH: u64 = 2_208_988_800;

/// What we say.
pub(super) struct Report<'a> {
    pub source: u32,
    /// Names our streams: random, it tells nobody who calls.
    pub name: &'a str,
    /// What we sent: packets, bytes of payload, and the timestamp of now; none where we sent nothing.
    pub sent: Option<(u32, u32, u32)>,
    /// What came: of which source, and when the last report of its sender came.
    pub came: Option<(u32, Measured, Option<Before>)>,
    /// Nothing follows.
    pub is_last: bool,
}

/// The last report of the far end as a sender.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before {
    /// The middle of its clock.
    pub clock: u32,
    /// How long ago it came.
    pub ago: Duration,
}

/// What the far end says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// The middle of its clock, where it sends.
    pub clock: Option<u32>,
    /// What it says of our stream.
    pub ours: Option<Ours>,
}

/// How our stream comes in there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ours {
    pub lost: u32,
    pub jitter: u32,
    /// From our last report that it knows to here, as far as that is known.
    pub round_trip: Option<Duration>,
}

impl Report<'_> {
    /// As it is sent. None where the library refuses, which it has no reason to.
    pub fn write(&self, now: SystemTime) -> Option<Vec<u8>> {
        let block = self.came.map(|(source, came, before)| {
            let block = ReportBlock::builder(source)
                .fraction_lost(came.fraction)
                .cumulative_lost(came.lost)
                .extended_sequence_number(came.highest)
                .interarrival_jitter(came.jitter);
            match before {
                Some(before) => block
                    .last_sender_report_timestamp(before.clock)
                    .delay_since_last_sender_report_timestamp(short(before.ago)),
                None => block,
            }
        });
        let mut compound = Compound::builder();
        compound = match self.sent {
            Some((packets, bytes, timestamp)) => {
                let report = SenderReport::builder(self.source)
                    .ntp_timestamp(clock(now))
                    .rtp_timestamp(timestamp)
                    .packet_count(packets)
                    .octet_count(bytes);
                compound.add_packet(block.into_iter().fold(report, SenderReportBuilder::add_report_block))
            }
            None => {
                let report = ReceiverReport::builder(self.source);
                compound.add_packet(block.into_iter().fold(report, ReceiverReportBuilder::add_report_block))
            }
        };
        let name = SdesChunk::builder(self.source).add_item(SdesItem::builder(SdesItem::CNAME, self.name));
        compound = compound.add_packet(Sdes::builder().add_chunk(name));
        if self.is_last {
            compound = compound.add_packet(Bye::builder().add_source(self.source));
        }
        let mut datagram = vec![0; LONGEST];
        let len = compound.write_into(&mut datagram).ok()?;
        datagram.truncate(len);
        Some(datagram)
    }
}

/// Reads a datagram; none if it is no report. `source` is our stream.
pub(super) fn read(datagram: &[u8], source: u32, now: SystemTime) -> Option<Told> {
    let mut told = Told::default();
    for (at, packet) in Compound::parse(datagram).ok()?.enumerate() {
        match packet.ok()? {
            Packet::Sr(report) => {
                told.clock = Some(middle(report.ntp_timestamp()));
                told.ours = report.report_blocks().find_map(|block| ours(&block, source, now)).or(told.ours);
            }
            Packet::Rr(report) => {
                told.ours = report.report_blocks().find_map(|block| ours(&block, source, now)).or(told.ours);
            }
            // something else that looks alike: a report begins with a report
            _ if at == 0 => return None,
            _ => (),
        }
    }
    Some(told)
}

fn ours(block: &ReportBlock<'_>, source: u32, now: SystemTime) -> Option<Ours> {
    if block.ssrc() != source {
        return None;
    }
    let (sent, held) = (block.last_sender_report_timestamp(), block.delay_since_last_sender_report_timestamp());
    let way = middle(clock(now)).wrapping_sub(sent).wrapping_sub(held);
    // a way of hours is a clock that was set, or a far end that says anything
    let round_trip = (sent != 0 && way < 60 << 16).then(|| Duration::from_micros((u64::from(way) * 1_000_000) >> 16));
    let lost = block.cumulative_lost();
    // below zero: some came twice
    let lost = if lost > 0x7f_ffff { 0 } else { lost };
    Some(Ours { lost, jitter: block.interarrival_jitter(), round_trip })
}

/// The time in reports is that since the first of this process: far ends compare differences only, and nobody's wall
/// clock has to be right (RFC 3550, 6.4.1).
pub(super) fn now() -> SystemTime {
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    UNIX_EPOCH + BEGAN.elapsed()
}

/// Seconds since 1900 in the upper half, their fractions in the lower.
fn clock(now: SystemTime) -> u64 {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    (since.as_secs().wrapping_add(EPOCH) << 32) | ((u64::from(since.subsec_nanos()) << 32) / 1_000_000_000)
}

fn middle(clock: u64) -> u32 {
    (clock >> 16) as u32
}

/// In parts of 65,536 of a second.
fn short(time: Duration) -> u32 {
    u32::try_from((time.as_micros() << 16) / 1_000_000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: SystemTime = UNIX_EPOCH;

    fn measured() -> Measured {
        Measured { fraction: 12, lost: 34, highest: 70_000, jitter: 56 }
    }

    #[test]
    fn what_is_said_is_read_at_the_other_end() {
        let later = NOW + Duration::from_millis(1_250);
        let ours = Report { source: 7, name: "n", sent: Some((50, 8_000, 99)), came: None, is_last: false };
        let told = read(&ours.write(NOW).unwrap(), 8, NOW).unwrap();
        assert_eq!(told.ours, None, "it heard nothing yet");
        // the other end holds it for a second
        let before = Before { clock: told.clock.unwrap(), ago: Duration::from_secs(1) };
        let theirs =
            Report { source: 8, name: "m", sent: None, came: Some((7, measured(), Some(before))), is_last: true };
        let told = read(&theirs.write(later).unwrap(), 7, later).unwrap();
        assert_eq!(told.clock, None, "it sends nothing");
        let ours = told.ours.unwrap();
        assert_eq!((ours.lost, ours.jitter), (34, 56));
        let way = ours.round_trip.unwrap().as_millis();
        assert!((249..=250).contains(&way), "{way}");
        assert_eq!(read(&theirs.write(later).unwrap(), 9, later).unwrap().ours, None, "of another stream");
    }

    #[test]
    fn what_begins_with_no_report_is_none() {
        let mut bye = vec![0; 8];
        bye[..4].copy_from_slice(&[0x81, 203, 0, 1]);
        assert_eq!(read(&bye, 7, NOW), None);
        assert_eq!(read(b"", 7, NOW), None);
        let ours = Report { source: 7, name: "n", sent: None, came: None, is_last: false };
        let whole = ours.write(NOW).unwrap();
        assert_eq!(read(&whole[..whole.len() - 1], 7, NOW), None, "cut off");
    }

    proptest! {
        /// The library reads them, but a panic would be ours.
        #[test]
        fn any_bytes_are_read_or_refused(datagram in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&datagram, 7, NOW);
        }

        #[test]
        fn any_bytes_after_a_head_are_read_or_refused(
            kind in 192_u8..=210, count in 0_u8..64, words in 0_u16..12,
            body in proptest::collection::vec(any::<u8>(), 0..64),
        ) {
            let mut datagram = vec![0x80 | count, kind];
            datagram.extend(words.to_be_bytes());
            datagram.extend(&body);
            datagram.resize(usize::from(words) * 4 + 4, 0);
            let _ = read(&datagram, 7, NOW);
            let ours = Report { source: 7, name: "n", sent: None, came: None, is_last: false };
            let mut compound = ours.write(NOW).unwrap_or_default();
            compound.extend(datagram);
            let _ = read(&compound, 7, NOW);
        }
    }
}

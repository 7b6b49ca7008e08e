//! Audio between sockets: who is listened to, what a bridge forwards, how a prompt is paced.
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use cxc_sip::media::{Codec, Header, MediaEvent, Packet, Ports, Prompt, Stream, Wheel, bridge};
use cxc_sip::sdp::{Agreed, SdpError};
use rtcp_types::prelude::RtcpPacketWriterExt as _;
use rtcp_types::{Compound, Packet as Told, ReceiverReport, ReportBlock};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

const PATIENCE: Duration = Duration::from_secs(10);

/// A far end with its stream of ours.
struct Side {
    phone: UdpSocket,
    /// Where it hears reports.
    beside: UdpSocket,
    stream: Stream,
    events: UnboundedReceiver<MediaEvent>,
    codec: Codec,
}

fn phone(host: Ipv4Addr) -> Result<UdpSocket> {
    let phone = UdpSocket::bind((host, 0))?;
    phone.set_read_timeout(Some(PATIENCE))?;
    Ok(phone)
}

fn side(codec: Codec, digits: u8) -> Result<Side> {
    let ports = Ports::new(Ipv4Addr::LOCALHOST.into(), None, 30_000..=31_999);
    let ports = Arc::new(ports.with_reports_every(Duration::from_millis(300)));
    let (tell, events) = unbounded_channel();
    let stream = Stream::open(&ports, tell, false)?;
    let (beside, phone) = (phone(Ipv4Addr::LOCALHOST)?, phone(Ipv4Addr::LOCALHOST)?);
    let (remote, reports) = (phone.local_addr()?, Some(beside.local_addr()?));
    stream.agree(Agreed { remote, reports, codec, digits: Some(digits), hears: true, speaks: true, crypto: None });
    Ok(Side { phone, beside, stream, events, codec })
}

fn send(from: &UdpSocket, to: SocketAddr, payload_type: u8, sequence: u16, payload: &[u8]) -> Result<()> {
    let timestamp = 5_000 + u32::from(sequence) * 160;
    let header = Header { marker: false, payload_type, sequence, timestamp, source: 77 };
    let mut datagram = Vec::new();
    header.write(&mut datagram);
    datagram.extend(payload);
    from.send_to(&datagram, to)?;
    Ok(())
}

impl Side {
    fn says(&self, sequence: u16, payload: &[u8]) -> Result<()> {
        send(&self.phone, self.stream.local(), self.codec.payload_type(), sequence, payload)
    }

    fn hears(&self) -> Result<(Header, Vec<u8>)> {
        let mut datagram = [0; 1_500];
        let len = self.phone.recv(&mut datagram)?;
        let packet = Packet::read(&datagram[..len]).context("it is RTP")?;
        Ok((packet.header, packet.payload.to_vec()))
    }

    /// The next report that has what is wanted of it.
    fn told<T>(&self, wanted: impl Fn(Told<'_>) -> Option<T>) -> Result<T> {
        let mut datagram = [0; 1_500];
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            let len = self.beside.recv(&mut datagram)?;
            for packet in Compound::parse(&datagram[..len])? {
                if let Some(found) = wanted(packet?) {
                    return Ok(found);
                }
            }
        }
        anyhow::bail!("nothing of the kind was reported")
    }

    async fn counted(&self, wanted: impl Fn(cxc_sip::media::Counts) -> bool) -> Result<()> {
        let start = Instant::now();
        while !wanted(self.stream.counts()) {
            anyhow::ensure!(start.elapsed() < PATIENCE, "{:?}", self.stream.counts());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bridge_keeps_order_and_gaps_and_converts_law_and_digits() -> Result<()> {
    let (mut agent, person) = (side(Codec::Pcmu, 101)?, side(Codec::Pcma, 96)?);
    assert!(bridge(&agent.stream.peer(), &person.stream.peer()));
    let loud = audio_of(Codec::Pcmu);
    // 12 is late, 13 is lost
    for sequence in [10, 11, 14, 12, 15] {
        agent.says(sequence, &loud)?;
    }
    let heard: Result<Vec<(Header, Vec<u8>)>> = (0..5).map(|_| person.hears()).collect();
    let heard = heard?;
    let (first, ours) = (heard[0].0.sequence, heard[0].0.source);
    let order: Vec<u16> = heard.iter().map(|(header, _)| header.sequence.wrapping_sub(first)).collect();
    assert_eq!(order, [0, 1, 4, 2, 5]);
    for (header, payload) in &heard {
        assert_eq!((header.payload_type, header.source), (8, ours));
        let at = u32::from(header.sequence.wrapping_sub(first)) * 160;
        assert_eq!(header.timestamp.wrapping_sub(heard[0].0.timestamp), at);
        // the laws have different steps
        let sounds = |byte: &u8| (i32::from(audio_codec_algorithms::decode_alaw(*byte)) - 8_191).abs() < 300;
        assert!(payload.len() == 160 && payload.iter().all(sounds), "{payload:?}");
    }
    assert!(heard[0].0.marker && !heard[1].0.marker);
    assert_ne!(ours, 77, "the stream is ours");
    agent.counted(|counts| counts.lost == 1 && counts.received == 5).await?;

    for end in [0, 0x80, 0x80, 0x80] {
        send(&agent.phone, agent.stream.local(), 101, 16, &[7, end | 10, 3, 32])?;
    }
    let (header, payload) = person.hears()?;
    assert_eq!((header.payload_type, payload), (96, vec![7, 10, 3, 32]));
    assert_eq!(agent.events.recv().await, Some(MediaEvent::Digit('7')));
    assert!(agent.events.try_recv().is_err(), "one key, one digit");

    let gone = person.stream.peer();
    drop(person);
    let start = Instant::now();
    while bridge(&agent.stream.peer(), &gone) {
        anyhow::ensure!(start.elapsed() < PATIENCE, "a closed stream can be bridged");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(())
}

/// The same 20 ms in a law.
fn audio_of(codec: Codec) -> Vec<u8> {
    let prompt = Prompt::from_samples(&[0.25; 160]);
    prompt.frame(0, codec).map(<[u8]>::to_vec).unwrap_or_default()
}

#[tokio::test]
async fn audio_at_an_address_of_another_kind_is_not_agreed_on() -> Result<()> {
    let side = side(Codec::Pcmu, 101)?;
    let terms = |family: &str, ip: &str| {
        let text = format!("v=0\r\nc=IN {family} {ip}\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\n");
        side.stream.terms(text.as_bytes())
    };
    assert!(terms("IP4", "127.0.0.1").is_ok());
    assert!(terms("IP4", "0.0.0.0").is_ok(), "on hold");
    assert_eq!(terms("IP6", "::1"), Err(SdpError::Family), "nobody would hear anybody");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_are_not_heard_and_a_translated_port_is() -> Result<()> {
    let (person, agent) = (side(Codec::Pcmu, 101)?, side(Codec::Pcmu, 101)?);
    bridge(&person.stream.peer(), &agent.stream.peer());
    let (stranger, translated) = (phone(Ipv4Addr::new(127, 0, 0, 2))?, phone(Ipv4Addr::LOCALHOST)?);
    let to = person.stream.local();
    send(&stranger, to, 0, 1, &[1; 160])?;
    person.counted(|counts| counts.refused == 1).await?;
    // behind a translator the port is another one, and what we send goes there
    send(&translated, to, 0, 2, &[2; 160])?;
    assert_eq!(agent.hears()?.1, [2; 160]);
    agent.says(1, &[9; 160])?;
    let mut datagram = [0; 1_500];
    assert_eq!(translated.recv(&mut datagram)?, 172);
    // another one of that host comes too late, but the one that was agreed on always counts
    let late = phone(Ipv4Addr::LOCALHOST)?;
    send(&late, to, 0, 3, &[3; 160])?;
    person.counted(|counts| counts.refused == 2).await?;
    person.says(4, &[4; 160])?;
    assert_eq!(agent.hears()?.1, [4; 160]);
    agent.says(2, &[8; 160])?;
    assert_eq!(person.hears()?.1, [8; 160]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prompt_is_sent_fifty_frames_a_second_and_stops_when_a_bridge_begins() -> Result<()> {
    let mut person = side(Codec::Pcma, 101)?;
    let wheel = Wheel::start();
    let prompt = Prompt::from_samples(&[0.25; 160 * 20]);
    let start = Instant::now();
    let number = person.stream.play(&prompt, &wheel);
    let heard: Result<Vec<(Header, Vec<u8>)>> = (0..20).map(|_| person.hears()).collect();
    let heard = heard?;
    assert!(start.elapsed() >= Duration::from_millis(360), "{:?}", start.elapsed());
    for (at, (header, payload)) in heard.iter().enumerate() {
        assert_eq!(header.sequence, heard[0].0.sequence.wrapping_add(at as u16));
        assert_eq!(header.timestamp, heard[0].0.timestamp.wrapping_add(at as u32 * 160));
        assert_eq!((header.marker, header.payload_type), (at == 0, 8));
        assert_eq!(payload, &audio_of(Codec::Pcma));
    }
    assert_eq!(person.events.recv().await, Some(MediaEvent::Played(number)));

    let agent = side(Codec::Pcmu, 101)?;
    person.stream.play(&Prompt::from_samples(&[0.25; 160 * 500]), &wheel);
    person.hears()?;
    bridge(&person.stream.peer(), &agent.stream.peer());
    let sent = person.stream.counts().sent;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(person.stream.counts().sent, sent, "nobody speaks now");
    assert!(person.events.try_recv().is_err());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_say_what_was_sent_and_what_came_and_those_of_the_far_end_are_read() -> Result<()> {
    let person = side(Codec::Pcmu, 101)?;
    person.stream.play(&Prompt::from_samples(&[0.25; 160 * 100]), &Wheel::start());
    // 2 and 3 are lost
    for sequence in [1, 4, 5] {
        person.says(sequence, &[9; 160])?;
    }
    let (source, clock, lost) = person.told(|packet| match packet {
        Told::Sr(report) if report.packet_count() > 5 && report.octet_count() == report.packet_count() * 160 => {
            let block = report.report_blocks().find(|block| block.ssrc() == 77)?;
            Some((report.ssrc(), report.ntp_timestamp(), block.cumulative_lost()))
        }
        _ => None,
    })?;
    assert_eq!(lost, 2);
    let name = person.told(|packet| match packet {
        Told::Sdes(names) => names.chunks().next()?.items().next().map(|item| (item.type_(), item.value().len())),
        _ => None,
    })?;
    assert_eq!(name, (1, 24), "a name that says nothing");

    let block = ReportBlock::builder(source).cumulative_lost(3).interarrival_jitter(44);
    let block = block.last_sender_report_timestamp((clock >> 16) as u32);
    let report = Compound::builder().add_packet(ReceiverReport::builder(77).add_report_block(block));
    let mut datagram = vec![0; 200];
    let len = report.write_into(&mut datagram)?;
    let mut to = person.stream.local();
    to.set_port(to.port() + 1);
    let stranger = phone(Ipv4Addr::new(127, 0, 0, 2))?;
    stranger.send_to(&datagram[..len], to)?;
    person.beside.send_to(b"no report", to)?;
    person.counted(|counts| counts.refused == 2 && counts.far_lost.is_none()).await?;
    person.beside.send_to(&datagram[..len], to)?;
    person.counted(|counts| counts.far_lost == Some(3) && counts.far_jitter == Some(44)).await?;
    assert!(person.stream.counts().round_trip.is_some_and(|ms| ms < 10_000));

    let Side { stream, beside, .. } = person;
    drop(stream);
    let mut is_over = false;
    while !is_over {
        let len = beside.recv(&mut datagram)?;
        is_over = Compound::parse(&datagram[..len])?.any(|packet| matches!(packet, Ok(Told::Bye(_))));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_listens_hears_even_frames_in_order_and_silence_where_nothing_comes() -> Result<()> {
    let person = side(Codec::Pcma, 101)?;
    let (tell, mut heard) = unbounded_channel();
    let loud = audio_of(Codec::Pcma);
    let level = |frame: &[i16; 160]| i32::from(frame[0]);
    person.stream.listen(&Wheel::start(), move |frame| tell.send(level(frame)).is_ok());
    for sequence in [1, 3, 2] {
        person.says(sequence, &loud)?;
    }
    let mut frames = Vec::new();
    while frames.len() < 25 {
        frames.push(heard.recv().await.context("it goes on")?);
    }
    let first = frames.iter().position(|level| *level != 0).context("it was heard")?;
    assert!(frames[first..first + 3].iter().all(|level| (level - 8_191).abs() < 300), "{frames:?}");
    assert!(frames[first + 3] < frames[first] && frames[24].abs() <= 1, "it fades: {frames:?}");
    drop(heard);
    Ok(())
}

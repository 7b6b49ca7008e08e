//! People on the line: a SIPp peer that answers, and audio of our own. Each speaks with a tone by which others hear them.
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use cxc_sip::engine::Phone;
use cxc_sip::media::{Header, Packet};

use crate::support::{PATIENCE, Sipp, says};

/// Who speaks at which pitch.
const PITCHES: [(char, f32); 4] = [('p', 450.0), ('a', 1_000.0), ('t', 1_700.0), ('s', 2_600.0)];
/// What is listened to at once: 300 ms.
const WINDOW: usize = 15;

type Heard = Arc<Mutex<Vec<(Header, Vec<u8>)>>>;

/// Somebody who is called.
pub struct Voice {
    pub sipp: Sipp,
    heard: Heard,
    /// Where they speak to; 0 before their call, and 1 when they are gone.
    to: Arc<AtomicU16>,
}

impl Voice {
    /// Answers one call.
    pub fn start(name: char) -> Result<Self> {
        Self::for_so_long(name, "600000")
    }

    /// Answers one call and hangs up after so many milliseconds.
    pub fn for_so_long(name: char, talk: &str) -> Result<Self> {
        Self::by("voice", name, &[("talk", talk)])
    }

    /// Answers one call by a scenario.
    pub fn by(scenario: &str, name: char, words: &[(&str, &str)]) -> Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_read_timeout(Some(Duration::from_millis(50)))?;
        let port = socket.local_addr()?.port().to_string();
        let words: Vec<(&str, &str)> = words.iter().copied().chain([("voice", port.as_str())]).collect();
        let sipp = Sipp::prepared(scenario, 1, &[], &words, &[])?;
        let (heard, to) = (Heard::default(), Arc::new(AtomicU16::new(0)));
        let (ear, mouth) = (socket.try_clone()?, Arc::clone(&to));
        let (kept, gone) = (Arc::clone(&heard), Arc::clone(&to));
        std::thread::spawn(move || listen(&ear, &kept, &gone));
        std::thread::spawn(move || speak(name, &socket, &mouth));
        Ok(Self { sipp, heard, to })
    }

    pub fn phone(&self) -> Phone {
        let uri = format!("sip:voice@{}", self.sipp.address());
        Phone::at(&uri)
    }

    /// Speaks from the moment on that they are called.
    pub async fn speaks(&self) -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Some(port) = self.sipp.audio_ports().last() {
                self.to.store(*port, Ordering::Relaxed);
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        bail!("nobody called")
    }

    /// Waits until just these are heard, by their letters. Without any, something must come all the same: silence.
    pub async fn hears(&self, names: &str) -> Result<()> {
        let (start, mut last) = (Instant::now(), String::new());
        while start.elapsed() < PATIENCE {
            last = self.listened().await;
            if last == names {
                return Ok(());
            }
        }
        bail!("{names:?} should be heard, and {last:?} is")
    }

    /// Waits until nothing comes any more.
    pub async fn hears_nothing(&self) -> Result<()> {
        self.hears("nothing").await
    }

    /// Who is heard now.
    async fn listened(&self) -> String {
        self.packets().clear();
        let start = Instant::now();
        while self.packets().len() < WINDOW && start.elapsed() < Duration::from_millis(800) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let samples: Vec<i16> = self
            .packets()
            .iter()
            .filter(|(header, _)| header.payload_type == 0)
            .flat_map(|(_, payload)| payload.iter().map(|byte| audio_codec_algorithms::decode_ulaw(*byte)))
            .collect();
        match samples.is_empty() {
            true => "nothing".into(),
            false => {
                PITCHES.iter().filter(|(_, hertz)| level(&samples, *hertz) > 1_500.0).map(|(name, _)| name).collect()
            }
        }
    }

    /// Waits until a key is pressed, and answers all that were so far.
    pub async fn keys(&self, count: usize) -> Result<Vec<u8>> {
        let start = Instant::now();
        loop {
            let mut keys: Vec<(u32, u8)> = Vec::new();
            for (header, payload) in self.packets().iter().filter(|(header, _)| header.payload_type == 101) {
                ensure!(payload.len() == 4, "{payload:?}");
                // the end comes three times
                if payload[1] & 0x80 != 0 && keys.last().is_none_or(|(at, _)| *at != header.timestamp) {
                    keys.push((header.timestamp, payload[0]));
                }
            }
            if keys.len() >= count {
                return Ok(keys.into_iter().map(|(_, key)| key).collect());
            }
            ensure!(start.elapsed() < PATIENCE, "{keys:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn packets(&self) -> std::sync::MutexGuard<'_, Vec<(Header, Vec<u8>)>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends with the call.
    pub fn finish(self) -> Result<()> {
        self.to.store(1, Ordering::Relaxed);
        self.sipp.finish()
    }
}

/// How strong a tone is, of samples in pieces: a packet that came late does not turn the phase of all others.
pub fn level(samples: &[i16], hertz: f32) -> f32 {
    let strength = |piece: &[i16]| {
        let angle = |at: usize| at as f32 / 8_000.0 * hertz * std::f32::consts::TAU;
        let wave = |turn: fn(f32) -> f32| -> f32 {
            piece.iter().enumerate().map(|(at, sample)| turn(angle(at)) * f32::from(*sample)).sum()
        };
        wave(f32::sin).hypot(wave(f32::cos)) * 2.0 / piece.len() as f32
    };
    samples.chunks_exact(160).map(strength).sum::<f32>() / (samples.len() / 160).max(1) as f32
}

fn listen(socket: &UdpSocket, heard: &Heard, to: &AtomicU16) {
    let mut datagram = [0; 1_500];
    while to.load(Ordering::Relaxed) != 1 {
        let Ok(len) = socket.recv(&mut datagram) else { continue };
        let Some(packet) = Packet::read(&datagram[..len]) else { continue };
        heard.lock().unwrap_or_else(PoisonError::into_inner).push((packet.header, packet.payload.to_vec()));
    }
}

fn speak(name: char, socket: &UdpSocket, to: &AtomicU16) {
    let hertz = PITCHES.iter().find(|(known, _)| *known == name).map_or(450.0, |(_, hertz)| *hertz);
    let tone = says(&[(hertz, 1_000)]);
    let (start, mut datagram) = (Instant::now(), Vec::new());
    for (sequence, frame) in (0_u16..).zip(tone.chunks(160).cycle()) {
        let due = start + Duration::from_millis(20) * u32::from(sequence);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let port = to.load(Ordering::Relaxed);
        if port == 1 || sequence == u16::MAX {
            return;
        }
        let timestamp = u32::from(sequence) * 160;
        Header { marker: false, payload_type: 0, sequence, timestamp, source: 42 }.write(&mut datagram);
        datagram.extend_from_slice(frame);
        if port != 0 {
            let _lost = socket.send_to(&datagram, SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        }
    }
}

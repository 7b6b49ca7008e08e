//! The keys and the ear of a person whose phone is a SIPp peer without audio of its own.
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// As the peers' descriptions number the events of RFC 4733.
const EVENTS: u8 = 101;
const FRAME: Duration = Duration::from_millis(20);

/// Keys by RFC 4733, sent to where a call takes its audio: what it plays comes here from the first key on.
#[derive(Debug)]
pub struct Keypad {
    socket: UdpSocket,
    to: SocketAddr,
    sequence: u16,
    timestamp: u32,
}

impl Keypad {
    /// Of the call that takes its audio there.
    pub fn of(to: SocketAddr) -> Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).context("a port for keys")?;
        socket.set_read_timeout(Some(FRAME))?;
        Ok(Self { socket, to, sequence: 1, timestamp: 8_000 })
    }

    /// Presses keys, one after the other, a fifth of a second each. Each end is sent three times.
    pub fn press(&mut self, keys: &str) -> Result<()> {
        for key in keys.chars() {
            let event = "0123456789*#ABCD".find(key).context("a key of a phone")?;
            for packet in 0..6_u16 {
                let (end, passed) = (if packet < 3 { 0 } else { 0x80 }, (packet.min(3) + 1) * 160);
                let mut datagram = vec![0x80, EVENTS | if packet == 0 { 0x80 } else { 0 }];
                datagram.extend(self.sequence.to_be_bytes());
                datagram.extend(self.timestamp.to_be_bytes());
                datagram.extend([0, 0, 0, 7, u8::try_from(event)?, end | 10]);
                datagram.extend(passed.to_be_bytes());
                self.socket.send_to(&datagram, self.to).context("a key is sent")?;
                self.sequence = self.sequence.wrapping_add(1);
                std::thread::sleep(FRAME);
            }
            self.timestamp = self.timestamp.wrapping_add(2_000);
            std::thread::sleep(FRAME * 4);
        }
        Ok(())
    }

    /// Says this byte of G.711 µ-law over and over for so long; answers the audio that comes meanwhile.
    pub fn says(&mut self, byte: u8, within: Duration) -> Result<Vec<u8>> {
        let (start, mut heard, mut sent) = (Instant::now(), Vec::new(), 0);
        while start.elapsed() < within {
            let mut datagram = vec![0x80, 0];
            datagram.extend(self.sequence.to_be_bytes());
            datagram.extend(self.timestamp.to_be_bytes());
            datagram.extend([0, 0, 0, 7]);
            datagram.extend([byte; 160]);
            self.socket.send_to(&datagram, self.to).context("audio is sent")?;
            (self.sequence, self.timestamp) = (self.sequence.wrapping_add(1), self.timestamp.wrapping_add(160));
            sent += 1;
            heard.extend(self.listens((FRAME * sent).saturating_sub(start.elapsed())));
        }
        Ok(heard)
    }

    /// How many packets of audio come within a time.
    pub fn hears(&self, within: Duration) -> usize {
        self.packets(within).len()
    }

    /// The audio that comes within a time, G.711 µ-law.
    pub fn listens(&self, within: Duration) -> Vec<u8> {
        let is_audio = |packet: &&Vec<u8>| packet.get(1).is_some_and(|kind| kind & 0x7f == 0);
        self.packets(within).iter().filter(is_audio).flat_map(|packet| packet.iter().skip(12).copied()).collect()
    }

    fn packets(&self, within: Duration) -> Vec<Vec<u8>> {
        let (until, mut packets, mut datagram) = (Instant::now() + within, Vec::new(), [0; 1_500]);
        while Instant::now() < until {
            if let Ok(size) = self.socket.recv(&mut datagram) {
                packets.push(datagram.iter().take(size).copied().collect());
            }
        }
        packets
    }
}

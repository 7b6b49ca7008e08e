//! What is known of the audio of one call.
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use super::digits::{Digits, Keys};
use super::hearing::Hears;
use super::jitter::Jitter;
use super::reception::Reception;
use super::recording::{Side, Tape};
use super::reports::Reports;
use super::srtp::{Receiver, Sender};
use super::stream::{Counts, Shared};
use super::{Codec, FRAME, Header, Key, Packet};
use crate::sdp::Agreed;

/// A jump of the timestamp by more than this, samples, begins a new stretch.
const JUMP: i32 = 80_000;

/// The keys of an encrypted call, and what is done with them.
pub(super) struct Secure {
    pub key: Key,
    pub sender: Sender,
    /// Made for the key of the far end.
    pub receiver: Option<Receiver>,
}

impl Secure {
    /// With a new key of ours; none where none can be made.
    pub fn new() -> Option<Self> {
        let key = Key::random()?;
        Some(Self { key, sender: Sender::new(&key)?, receiver: None })
    }

    /// The far end's key is this: what came with another one is forgotten.
    fn set_far(&mut self, far: Option<Key>) {
        let is_new = |far: &Key| self.receiver.as_ref().is_none_or(|receiver| !receiver.is_of(far));
        if let Some(far) = far.filter(is_new) {
            self.receiver = Receiver::new(far);
        }
    }
}

pub(super) struct State {
    /// None where audio is in the clear.
    pub secure: Option<Box<Secure>>,
    pub agreed: Option<Agreed>,
    /// Where the far end really sends from.
    pub latched: Option<SocketAddr>,
    /// Who hears this call, or did a moment ago.
    pub audience: Arc<[Weak<Shared>]>,
    /// Whom this call hears.
    pub hears: Hears,
    /// Keys that are pressed for us; what is said waits for them.
    pub keys: Keys,
    /// Who presses keys instead, where they do not go by RTP.
    pub presses: Option<UnboundedSender<String>>,
    pub counts: Counts,
    pub came: Option<Reception>,
    pub reports: Reports,
    pub digits: Digits,
    /// The next packet that is sent.
    pub out: Header,
    pub shift: Option<Shift>,
    /// The prompt that plays; another number stops it.
    pub playing: u64,
    /// Who listens here, by number, and what evens out the way.
    pub ear: Option<(u64, Jitter)>,
    pub tape: Option<Arc<Tape>>,
    pub datagram: Vec<u8>,
}

/// From the peer's stream to ours.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shift {
    source: u32,
    last: u32,
    timestamp: u32,
    sequence: u16,
}

impl State {
    /// Before anything was agreed on.
    pub fn new(reports: Duration, secure: Option<Box<Secure>>) -> Self {
        let mut random = [0; 10];
        // without it the stream begins at zero, and is none the worse for it
        let _weak = getrandom::fill(&mut random);
        let [a, b, c, d, e, f, g, h, i, j] = random;
        let out = Header {
            marker: true,
            payload_type: 0,
            // in the lower half: how often it turned over must be clear from the first packet on (RFC 3711, 3.3.1)
            sequence: u16::from_be_bytes([i, j]) >> 1,
            timestamp: u32::from_be_bytes([a, b, c, d]),
            source: u32::from_be_bytes([e, f, g, h]),
        };
        Self {
            secure,
            agreed: None,
            latched: None,
            audience: Arc::default(),
            hears: Hears::Nobody,
            keys: Keys::default(),
            presses: None,
            counts: Counts::default(),
            came: None,
            reports: Reports::new(reports),
            digits: Digits::default(),
            out,
            shift: None,
            playing: 0,
            ear: None,
            tape: None,
            datagram: Vec::with_capacity(FRAME + 12),
        }
    }

    /// Sends and takes audio by what was agreed, from now on.
    pub fn agree(&mut self, agreed: Agreed) {
        if self.agreed.is_none_or(|before| before.remote != agreed.remote) {
            self.latched = None;
            self.reports.moved();
        }
        if let Some(secure) = &mut self.secure {
            secure.set_far(agreed.crypto.map(|crypto| crypto.key));
        }
        self.agreed = Some(agreed);
    }

    /// What the far end sent, out of an encrypted packet or as it came; none where it is not from there.
    pub fn opened<'a>(secure: Option<&mut Box<Secure>>, datagram: &'a mut [u8]) -> Option<&'a [u8]> {
        match secure {
            Some(secure) => secure.receiver.as_mut()?.audio(datagram),
            None => Some(datagram),
        }
    }

    /// Nothing plays and nobody is heard from now on.
    pub fn quiet(&mut self) {
        self.hears = Hears::Nobody;
        self.playing += 1;
    }

    /// Media is taken from the host that was agreed on only. Behind a translator its port may be another one: the first
    /// that sends is taken, until the one that was agreed on sends itself.
    pub fn latch(&mut self, agreed: &Agreed, from: SocketAddr) -> bool {
        if from.ip() != agreed.remote.ip() {
            return false;
        }
        if from == agreed.remote {
            self.latched = Some(from);
        }
        *self.latched.get_or_insert(from) == from
    }

    pub fn count(&mut self, header: Header, arrival: u32, is_audio: bool) {
        self.counts.received += 1;
        // the far end may begin another stream at any time
        let came = match &mut self.came {
            Some(came) if came.source == header.source => came,
            came => came.insert(Reception::new(header)),
        };
        came.packet(header, arrival, is_audio);
    }

    pub fn counts(&self) -> Counts {
        let came = self.came.as_ref();
        let (lost, jitter) = came.map_or((0, 0), |came| (u64::from(came.lost()), came.jitter()));
        Counts { lost, jitter, ..self.counts }
    }

    /// Keeps audio for who listens, and for the recording.
    pub fn hear(&mut self, packet: &Packet<'_>) {
        let Some(codec) = Codec::of_payload_type(packet.header.payload_type) else { return };
        if let Some(tape) = &self.tape {
            tape.heard(Side::Far, codec, &packet.header, packet.payload);
        }
        if let Some((_, jitter)) = &mut self.ear {
            let Header { source, timestamp, .. } = packet.header;
            jitter.put(source, timestamp, packet.payload.iter().map(|byte| codec.decode(*byte)));
        }
    }

    /// A header of the peer's stream in ours. Order and gaps stay as they are: the far end's buffer deals with them.
    pub fn shifted(&mut self, header: Header) -> Header {
        let near = |shift: &Shift| {
            shift.source == header.source && (header.timestamp.wrapping_sub(shift.last) as i32).abs() < JUMP
        };
        let shift = self.shift.filter(near).unwrap_or_else(|| {
            self.out.marker = true;
            Shift {
                source: header.source,
                last: header.timestamp,
                timestamp: self.out.timestamp.wrapping_sub(header.timestamp),
                sequence: self.out.sequence.wrapping_sub(header.sequence),
            }
        });
        self.shift = Some(Shift { last: header.timestamp, ..shift });
        let timestamp = header.timestamp.wrapping_add(shift.timestamp);
        let sequence = header.sequence.wrapping_add(shift.sequence);
        let marker = header.marker || self.out.marker;
        self.went(timestamp, sequence);
        Header { timestamp, sequence, marker, ..self.out }
    }

    /// What is sent next follows the furthest that was sent.
    pub fn went(&mut self, timestamp: u32, sequence: u16) {
        if sequence.wrapping_sub(self.out.sequence) as i16 >= 0 {
            self.out.sequence = sequence.wrapping_add(1);
            self.out.timestamp = timestamp.wrapping_add(FRAME as u32);
        }
        self.out.marker = false;
    }
}

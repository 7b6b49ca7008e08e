//! The audio of one call: a socket, what was agreed, what is sent and what came in.
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::net::UdpSocket;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::AbortHandle;

use super::digits::Digits;
use super::{Codec, FRAME, Header, Lease, Packet, Ports, PortsError, Prompt, Wheel};
use crate::sdp::Agreed;

/// Longer packets than this are no audio of ours.
const LONGEST: usize = 1_500;
/// A jump of the timestamp by more than this, samples, begins a new stretch.
const JUMP: i32 = 80_000;

/// What happens to the audio of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaEvent {
    /// A key was pressed.
    Digit(char),
    /// A prompt was sent to its end. The number is that of [`Stream::play`].
    Played(u64),
}

/// What came in and went out so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Packets that came from the far end.
    pub received: u64,
    /// Packets of the stream of now that should have come before its last one and did not.
    pub lost: u64,
    /// Packets that were sent.
    pub sent: u64,
    /// Datagrams of strangers, or no RTP.
    pub refused: u64,
}

/// The audio of a call. Dropping it closes the socket and frees the port.
pub struct Stream {
    shared: Arc<Shared>,
    receiving: AbortHandle,
}

pub(super) struct Shared {
    socket: UdpSocket,
    lease: Lease,
    events: UnboundedSender<MediaEvent>,
    state: Mutex<State>,
}

struct State {
    agreed: Option<Agreed>,
    /// Where the far end really sends from.
    latched: Option<SocketAddr>,
    /// The call whose audio this one hears.
    peer: Weak<Shared>,
    counts: Counts,
    came: Option<Came>,
    digits: Digits,
    /// The next packet that is sent.
    out: Header,
    shift: Option<Shift>,
    /// The prompt that plays; another number stops it.
    playing: u64,
    datagram: Vec<u8>,
}

/// A stream of the far end: its first sequence number, how far it came from there, and its packets.
#[derive(Debug, Clone, Copy)]
struct Came {
    source: u32,
    first: u16,
    span: u32,
    packets: u64,
}

/// From the peer's stream to ours.
#[derive(Debug, Clone, Copy)]
struct Shift {
    source: u32,
    last: u32,
    timestamp: u32,
    sequence: u16,
}

impl Stream {
    /// Opens a port.
    pub fn open(ports: &Arc<Ports>, events: UnboundedSender<MediaEvent>) -> Result<Self, PortsError> {
        let (socket, lease) = ports.open()?;
        let mut random = [0; 10];
        // without it the stream begins at zero, and is none the worse for it
        let _weak = getrandom::fill(&mut random);
        let [a, b, c, d, e, f, g, h, i, j] = random;
        let out = Header {
            marker: true,
            payload_type: 0,
            sequence: u16::from_be_bytes([i, j]),
            timestamp: u32::from_be_bytes([a, b, c, d]),
            source: u32::from_be_bytes([e, f, g, h]),
        };
        let state = State {
            agreed: None,
            latched: None,
            peer: Weak::new(),
            counts: Counts::default(),
            came: None,
            digits: Digits::default(),
            out,
            shift: None,
            playing: 0,
            datagram: Vec::with_capacity(FRAME + 12),
        };
        let shared = Arc::new(Shared { socket, lease, events, state: Mutex::new(state) });
        let receiving = tokio::spawn(receive(Arc::clone(&shared))).abort_handle();
        Ok(Self { shared, receiving })
    }

    /// What the far end is told.
    pub fn local(&self) -> SocketAddr {
        self.shared.lease.address()
    }

    /// Sends and takes audio by what was agreed, from now on.
    pub fn agree(&self, agreed: Agreed) {
        let mut state = self.shared.state();
        if state.agreed.is_none_or(|before| before.remote != agreed.remote) {
            state.latched = None;
        }
        state.agreed = Some(agreed);
    }

    /// Sends a prompt, instead of one that plays and of what a peer says.
    pub fn play(&self, prompt: &Prompt, wheel: &Wheel) -> u64 {
        let number = {
            let mut state = self.shared.state();
            state.peer = Weak::new();
            state.playing += 1;
            state.out.marker = true;
            state.playing
        };
        wheel.add(Arc::downgrade(&self.shared), number, prompt.clone());
        number
    }

    /// Stops what plays and what a peer says.
    pub fn quiet(&self) {
        let mut state = self.shared.state();
        state.peer = Weak::new();
        state.playing += 1;
    }

    /// What came in and went out so far.
    pub fn counts(&self) -> Counts {
        self.shared.state().counts
    }

    /// A handle for bridging that does not keep the stream open.
    pub fn peer(&self) -> Peer {
        Peer(Arc::downgrade(&self.shared))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.receiving.abort();
    }
}

/// A stream as another call knows it.
#[derive(Clone)]
pub struct Peer(Weak<Shared>);

/// Lets two calls hear each other; whatever plays on them stops. False if one of them is gone.
pub fn bridge(one: &Peer, other: &Peer) -> bool {
    let (Some(a), Some(b)) = (one.0.upgrade(), other.0.upgrade()) else { return false };
    a.join(Arc::downgrade(&b));
    b.join(Arc::downgrade(&a));
    true
}

async fn receive(shared: Arc<Shared>) {
    let mut datagram = [0; LONGEST];
    loop {
        match shared.socket.recv_from(&mut datagram).await {
            Ok((len, from)) => shared.take(&datagram[..len], from),
            // an error of an earlier send, such as an unreachable port
            Err(error) => tracing::trace!(%error, "media could not be received"),
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn join(&self, peer: Weak<Shared>) {
        let mut state = self.state();
        state.peer = peer;
        state.shift = None;
        state.playing += 1;
        state.out.marker = true;
    }

    /// A datagram that came in.
    fn take(&self, datagram: &[u8], from: SocketAddr) {
        let mut state = self.state();
        let Some(agreed) = state.agreed else { return };
        let packet = Packet::read(datagram).filter(|_| state.latch(&agreed, from));
        let Some(packet) = packet else {
            state.counts.refused += 1;
            return;
        };
        state.count(packet.header);
        if Some(packet.header.payload_type) == agreed.digits
            && let Some(digit) = state.digits.packet(packet.header.timestamp, packet.payload)
        {
            // who does not listen any more needs no digits
            let _gone = self.events.send(MediaEvent::Digit(digit));
        }
        let peer = state.peer.upgrade();
        drop(state);
        if let Some(peer) = peer {
            peer.forward(&packet, &agreed);
        }
    }

    /// Sends on what a peer said, as a part of our own stream.
    fn forward(&self, packet: &Packet<'_>, of: &Agreed) {
        let mut state = self.state();
        let Some(agreed) = state.agreed.filter(|agreed| agreed.hears) else { return };
        let is_digit = Some(packet.header.payload_type) == of.digits;
        let payload_type = match agreed.digits.filter(|_| is_digit) {
            Some(digits) => digits,
            None if !is_digit && packet.header.payload_type == of.codec.payload_type() => agreed.codec.payload_type(),
            None => return,
        };
        let convert = (!is_digit && of.codec != agreed.codec).then_some((of.codec, agreed.codec));
        let header = Header { payload_type, ..state.shifted(packet.header) };
        self.send(&mut state, &agreed, header, packet.payload, convert);
    }

    /// Sends the next frame of a prompt; false once it is not to be sent any more.
    pub(super) fn frame(&self, playing: u64, prompt: &Prompt, number: usize) -> bool {
        let mut state = self.state();
        if state.playing != playing {
            return false;
        }
        let Some(agreed) = state.agreed else { return true };
        let Some(frame) = prompt.frame(number, agreed.codec) else {
            state.playing += 1;
            drop(state);
            let _gone = self.events.send(MediaEvent::Played(playing));
            return false;
        };
        let header = Header { payload_type: agreed.codec.payload_type(), ..state.out };
        if agreed.hears {
            self.send(&mut state, &agreed, header, frame, None);
        }
        state.went(header.timestamp, header.sequence);
        true
    }

    fn send(
        &self,
        state: &mut State,
        agreed: &Agreed,
        header: Header,
        payload: &[u8],
        convert: Option<(Codec, Codec)>,
    ) {
        let to = state.latched.unwrap_or(agreed.remote);
        let mut datagram = std::mem::take(&mut state.datagram);
        header.write(&mut datagram);
        match convert {
            Some((from, to)) => datagram.extend(payload.iter().map(|byte| from.convert(*byte, to))),
            None => datagram.extend_from_slice(payload),
        }
        // a full socket loses the packet, as the network might; waiting would delay the others
        if self.socket.try_send_to(&datagram, to).is_ok() {
            state.counts.sent += 1;
        }
        state.datagram = datagram;
    }
}

impl State {
    /// Media is taken from the host that was agreed on only. Behind a translator its port may be another one: the first
    /// that sends is taken, until the one that was agreed on sends itself.
    fn latch(&mut self, agreed: &Agreed, from: SocketAddr) -> bool {
        if from.ip() != agreed.remote.ip() {
            return false;
        }
        if from == agreed.remote {
            self.latched = Some(from);
        }
        *self.latched.get_or_insert(from) == from
    }

    fn count(&mut self, header: Header) {
        self.counts.received += 1;
        // the far end may begin another stream at any time
        let fresh = Came { source: header.source, first: header.sequence, span: 0, packets: 0 };
        let came = match &mut self.came {
            Some(came) if came.source == header.source => came,
            came => came.insert(fresh),
        };
        came.packets += 1;
        let ahead = header.sequence.wrapping_sub(came.first.wrapping_add(came.span as u16)) as i16;
        came.span += u32::try_from(ahead).unwrap_or(0);
        self.counts.lost = (u64::from(came.span) + 1).saturating_sub(came.packets);
    }

    /// A header of the peer's stream in ours. Order and gaps stay as they are: the far end's buffer deals with them.
    fn shifted(&mut self, header: Header) -> Header {
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
    fn went(&mut self, timestamp: u32, sequence: u16) {
        if sequence.wrapping_sub(self.out.sequence) as i16 >= 0 {
            self.out.sequence = sequence.wrapping_add(1);
            self.out.timestamp = timestamp.wrapping_add(FRAME as u32);
        }
        self.out.marker = false;
    }
}

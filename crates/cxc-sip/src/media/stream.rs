//! The audio of one call: a socket, what was agreed, what is sent and what came in.
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use tokio::sync::mpsc::UnboundedSender;
use tokio::task::AbortHandle;

use super::jitter::Jitter;
use super::packet::HEADER;
use super::reader::Reading;
use super::recording::{Recording, Side};
use super::reports;
use super::state::{Secure, State};
use super::{Codec, FRAME, Header, Lease, Packet, Ports, PortsError, Prompt, Wheel};
use crate::sdp::{self, Agreed, Local, SdpError};

/// Longer packets than this are no audio of ours.
const LONGEST: usize = 1_500;

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
    /// How unevenly packets come, samples (RFC 3550).
    pub jitter: u32,
    /// Packets of ours that the far end says it lost; none where it does not report.
    pub far_lost: Option<u32>,
    /// How unevenly ours come there, samples.
    pub far_jitter: Option<u32>,
    /// To the far end and back, milliseconds.
    pub round_trip: Option<u32>,
}

/// The audio of a call. Dropping it closes the socket and frees the port.
pub struct Stream {
    shared: Arc<Shared>,
    _reading: Reading,
    reporting: AbortHandle,
}

pub(super) struct Shared {
    socket: UdpSocket,
    /// Beside it, for reports.
    pub(super) beside: tokio::net::UdpSocket,
    lease: Lease,
    events: UnboundedSender<MediaEvent>,
    state: Mutex<State>,
    opened: Instant,
}

impl Stream {
    /// Opens a port, for audio that must be encrypted or is not.
    pub fn open(ports: &Arc<Ports>, events: UnboundedSender<MediaEvent>, is_secure: bool) -> Result<Self, PortsError> {
        let (socket, beside, lease) = ports.open()?;
        let secure = match is_secure {
            true => Some(Box::new(Secure::new().ok_or(PortsError::NoKey)?)),
            false => None,
        };
        let state = State::new(ports.reports_every(), secure);
        let (state, opened) = (Mutex::new(state), Instant::now());
        let shared = Arc::new(Shared { socket, beside, lease, events, state, opened });
        let reading = Reading::start(&shared).map_err(PortsError::Address)?;
        let reporting = tokio::spawn(reports::exchange(Arc::clone(&shared))).abort_handle();
        Ok(Self { shared, _reading: reading, reporting })
    }

    /// What the far end is told.
    pub fn local(&self) -> SocketAddr {
        self.shared.lease.address()
    }

    /// Our side of a description.
    pub fn described(&self) -> Local {
        let key = self.shared.state().secure.as_ref().map(|secure| secure.key);
        Local { address: self.local(), key }
    }

    /// Whether audio must be encrypted.
    pub fn is_secure(&self) -> bool {
        self.shared.state().secure.is_some()
    }

    /// What a description of the far end lets us agree on for this audio.
    pub fn terms(&self, description: &[u8]) -> Result<Agreed, SdpError> {
        let agreed = sdp::agree(description, self.is_secure())?;
        match agreed.remote.is_ipv4() == self.local().is_ipv4() {
            true => Ok(agreed),
            false => Err(SdpError::Family),
        }
    }

    /// Sends and takes audio by what was agreed, from now on.
    pub fn agree(&self, agreed: Agreed) {
        self.shared.state().agree(agreed);
    }

    /// Keys that are pressed for the far end go this way, and not by RTP.
    pub fn press_by(&self, presses: UnboundedSender<String>) {
        self.shared.state().presses = Some(presses);
    }

    /// Sends a prompt, instead of one that plays and of what a peer says.
    pub fn play(&self, prompt: &Prompt, wheel: &Wheel) -> u64 {
        play(&self.shared, prompt, wheel, false)
    }

    /// Lets someone hear what the far end says, 20 ms at a time and evenly, until they have heard enough: what they
    /// answer. Takes the place of who listened before.
    pub fn listen(&self, wheel: &Wheel, mut hear: impl FnMut(&[i16; FRAME]) -> bool + Send + 'static) {
        let number = {
            let mut state = self.shared.state();
            let number = state.ear.as_ref().map_or(0, |(number, _)| number + 1);
            state.ear = Some((number, Jitter::default()));
            number
        };
        let stream = Arc::downgrade(&self.shared);
        wheel.add(move || {
            let Some(stream) = stream.upgrade() else { return false };
            let frame = match &mut stream.state().ear {
                Some((mine, jitter)) if *mine == number => jitter.frame(),
                _ => return false,
            };
            let goes_on = hear(&frame);
            if !goes_on {
                stream.state().ear.take_if(|(mine, _)| *mine == number);
            }
            goes_on
        });
    }

    /// Sends a prompt again and again, as [`Stream::play`] does once.
    pub fn play_on(&self, prompt: &Prompt, wheel: &Wheel) {
        play(&self.shared, prompt, wheel, true);
    }

    /// Stops what plays and what others say.
    pub fn quiet(&self) {
        self.shared.state().quiet();
    }

    /// Puts what comes and goes from now on in a recording.
    pub fn record(&self, recording: &Recording) {
        self.shared.state().tape = Some(recording.tape());
    }

    /// What came in and went out so far.
    pub fn counts(&self) -> Counts {
        self.shared.state().counts()
    }

    /// A handle for bridging that does not keep the stream open.
    pub fn peer(&self) -> Peer {
        Peer(Arc::downgrade(&self.shared))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.reporting.abort();
        self.shared.goodbye();
    }
}

/// A stream as another call knows it.
#[derive(Clone)]
pub struct Peer(pub(super) Weak<Shared>);

impl Peer {
    /// Whether it is still open.
    pub fn is_there(&self) -> bool {
        self.0.strong_count() > 0
    }

    /// Sends a prompt there, as [`Stream::play`] does. False if it is gone.
    pub fn play(&self, prompt: &Prompt, wheel: &Wheel) -> bool {
        self.0.upgrade().map(|shared| play(&shared, prompt, wheel, false)).is_some()
    }

    /// Whether its far end takes digits.
    pub fn takes_digits(&self) -> bool {
        self.0.upgrade().is_some_and(|shared| {
            let state = shared.state();
            state.presses.is_some() || state.agreed.is_some_and(|agreed| agreed.digits.is_some())
        })
    }

    /// Presses keys for its far end. What is said to it waits meanwhile.
    pub fn press(&self, keys: &str, wheel: &Wheel) {
        let Some(shared) = self.0.upgrade() else { return };
        if let Some(presses) = &shared.state().presses {
            // a call that has just ended does without
            let _over = presses.send(keys.to_owned());
            return;
        }
        if shared.state().keys.press(keys) {
            let stream = Arc::downgrade(&shared);
            wheel.add(move || stream.upgrade().is_some_and(|stream| stream.keyed()));
        }
    }
}

fn play(shared: &Arc<Shared>, prompt: &Prompt, wheel: &Wheel, again: bool) -> u64 {
    let number = {
        let mut state = shared.state();
        state.quiet();
        state.out.marker = true;
        state.playing
    };
    let (stream, prompt, mut at) = (Arc::downgrade(shared), prompt.clone(), 0);
    wheel.add(move || {
        let Some(stream) = stream.upgrade() else { return false };
        let frame = if again { at % prompt.frames().max(1) } else { at };
        at += 1;
        stream.frame(number, &prompt, frame)
    });
    number
}

impl Shared {
    pub(super) fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    /// Takes the next datagram that came.
    pub(super) fn read(&self) {
        let mut datagram = [0; LONGEST];
        match self.socket.recv_from(&mut datagram) {
            Ok((len, from)) => self.take(&mut datagram[..len], from),
            // an error of an earlier send, such as an unreachable port
            Err(error) => tracing::trace!(%error, "media could not be received"),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A datagram that came in.
    fn take(&self, datagram: &mut [u8], from: SocketAddr) {
        let mut guard = self.state();
        let state = &mut *guard;
        let Some(agreed) = state.agreed else { return };
        let is_from_there = from.ip() == agreed.remote.ip();
        let opened = is_from_there.then(|| State::opened(state.secure.as_mut(), datagram)).flatten();
        let packet = opened.and_then(Packet::read).filter(|_| state.latch(&agreed, from));
        let Some(packet) = packet else {
            state.counts.refused += 1;
            return;
        };
        // the clock of samples: it turns over with the timestamps
        let arrival = (self.opened.elapsed().as_micros() * 8 / 1_000) as u32;
        state.count(packet.header, arrival, Some(packet.header.payload_type) != agreed.digits);
        state.hear(&packet);
        if Some(packet.header.payload_type) == agreed.digits
            && let Some(digit) = state.digits.packet(packet.header.timestamp, packet.payload)
        {
            // who does not listen any more needs no digits
            let _gone = self.events.send(MediaEvent::Digit(digit));
        }
        let audience = Arc::clone(&state.audience);
        drop(guard);
        for listener in audience.iter().filter_map(Weak::upgrade) {
            listener.said(self, &packet, &agreed);
        }
    }

    /// Another call said something: it is sent on as a part of our own stream, or mixed with what others say.
    fn said(&self, by: &Self, packet: &Packet<'_>, of: &Agreed) {
        let mut state = self.state();
        if !state.hears.takes(by, packet) || state.keys.is_busy() {
            return;
        }
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
        let Some(agreed) = state.agreed.filter(|_| !state.keys.is_busy()) else { return true };
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

    /// Sends the next 20 ms of what all say who are heard here; false once they are not to be mixed any more.
    pub(super) fn mixed(&self, playing: u64) -> bool {
        let mut state = self.state();
        if state.playing != playing {
            return false;
        }
        let Some(frame) = state.hears.mixed() else { return false };
        let Some(agreed) = state.agreed.filter(|_| !state.keys.is_busy()) else { return true };
        let header = Header { payload_type: agreed.codec.payload_type(), ..state.out };
        if agreed.hears {
            self.send(&mut state, &agreed, header, &frame.map(|sample| agreed.codec.encode(sample)), None);
        }
        state.went(header.timestamp, header.sequence);
        true
    }

    /// Sends the next 20 ms of the keys that are pressed; false once there are no more.
    fn keyed(&self) -> bool {
        let mut state = self.state();
        let Some((agreed, payload_type)) = state.agreed.and_then(|agreed| Some((agreed, agreed.digits?))) else {
            state.keys.clear();
            return false;
        };
        let now = state.out.timestamp;
        if let Some(press) = state.keys.turn(now) {
            for _ in 0..press.times {
                let sequence = state.out.sequence;
                let header = Header {
                    marker: press.marker,
                    payload_type,
                    sequence,
                    timestamp: press.timestamp,
                    source: state.out.source,
                };
                self.send(&mut state, &agreed, header, &press.payload, None);
                state.out.sequence = sequence.wrapping_add(1);
            }
        }
        // the time of the stream passes while keys are held; what is said afterwards begins anew
        state.out.timestamp = now.wrapping_add(FRAME as u32);
        state.out.marker = true;
        state.shift = None;
        state.keys.is_busy()
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
        if let Some(tape) = state.tape.as_ref().filter(|_| header.payload_type == agreed.codec.payload_type()) {
            tape.heard(Side::Near, agreed.codec, &header, &datagram[HEADER..]);
        }
        let is_ready = state.secure.as_mut().is_none_or(|secure| secure.sender.audio(&mut datagram));
        // a full socket loses the packet, as the network might; waiting would delay the others
        if is_ready && self.socket.send_to(&datagram, to).is_ok() {
            state.counts.sent += 1;
            state.reports.sent(payload.len());
        }
        state.datagram = datagram;
    }
}

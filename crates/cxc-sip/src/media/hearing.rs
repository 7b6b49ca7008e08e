//! Who hears whom. One voice is sent on as it comes; none, or more than one, are mixed: a frame every 20 ms.
use std::sync::{Arc, Weak};

use super::jitter::Jitter;
use super::stream::Shared;
use super::{Codec, FRAME, Packet, Peer, Wheel};

/// Whom a call hears.
#[derive(Default)]
pub(super) enum Hears {
    /// Nothing is sent.
    #[default]
    Nobody,
    /// What one says is sent on.
    One(Weak<Shared>),
    /// What they say is added up; silence is sent where nobody is heard.
    Mix(Vec<(Weak<Shared>, Jitter)>),
}

impl Hears {
    fn of(voices: &[Arc<Shared>]) -> Self {
        match voices {
            [one] => Self::One(Arc::downgrade(one)),
            all => Self::Mix(all.iter().map(|voice| (Arc::downgrade(voice), Jitter::default())).collect()),
        }
    }

    fn voices(&self) -> Vec<Weak<Shared>> {
        match self {
            Self::Nobody => Vec::new(),
            Self::One(one) => vec![Weak::clone(one)],
            Self::Mix(all) => all.iter().map(|(voice, _)| Weak::clone(voice)).collect(),
        }
    }

    fn is_of(&self, voices: &[Arc<Shared>]) -> bool {
        let own = self.voices();
        let is_same = own.len() == voices.len() && own.iter().zip(voices).all(|(own, voice)| is(own, voice));
        is_same && !matches!(self, Self::Nobody)
    }

    /// Takes what somebody said. True if it is to be sent on as it is.
    pub fn takes(&mut self, by: &Shared, packet: &Packet<'_>) -> bool {
        match self {
            Self::Nobody => false,
            Self::One(one) => is(one, by),
            Self::Mix(all) => {
                let jitter = all.iter_mut().find(|(voice, _)| is(voice, by)).map(|(_, jitter)| jitter);
                if let (Some(jitter), Some(codec)) = (jitter, Codec::of_payload_type(packet.header.payload_type)) {
                    let audio = packet.payload.iter().map(|byte| codec.decode(*byte));
                    jitter.put(packet.header.source, packet.header.timestamp, audio);
                }
                false
            }
        }
    }

    /// The next 20 ms of all who are heard; none where nothing is mixed.
    pub fn mixed(&mut self) -> Option<[i16; FRAME]> {
        let Self::Mix(all) = self else { return None };
        let mut sum = [0_i32; FRAME];
        for (_, jitter) in all {
            sum.iter_mut().zip(jitter.frame()).for_each(|(sum, sample)| *sum += i32::from(sample));
        }
        // what is too loud is cut, as any phone would
        Some(sum.map(|sum| sum.clamp(i16::MIN.into(), i16::MAX.into()) as i16))
    }
}

fn is(one: &Weak<Shared>, other: &Shared) -> bool {
    std::ptr::eq(one.as_ptr(), other)
}

/// Lets a call hear these others, and nobody and nothing else; silence if there are none. False if it is gone.
pub fn hear(listener: &Peer, voices: &[&Peer], wheel: &Wheel) -> bool {
    let Some(own) = listener.0.upgrade() else { return false };
    let voices: Vec<Arc<Shared>> = voices.iter().filter_map(|voice| voice.0.upgrade()).collect();
    if let Some(playing) = own.listen_to(&voices).filter(|_| voices.len() != 1) {
        let stream = Arc::downgrade(&own);
        wheel.add(move || stream.upgrade().is_some_and(|stream| stream.mixed(playing)));
    }
    true
}

/// Lets two calls hear each other; whatever plays on them stops. False if one of them is gone.
pub fn bridge(one: &Peer, other: &Peer) -> bool {
    let (Some(one), Some(other)) = (one.0.upgrade(), other.0.upgrade()) else { return false };
    one.listen_to(std::slice::from_ref(&other));
    other.listen_to(std::slice::from_ref(&one));
    true
}

impl Peer {
    /// Hears nobody any more, if it hears one of these.
    pub fn leave(&self, voices: &[&Peer]) {
        let Some(own) = self.0.upgrade() else { return };
        let heard = own.state().hears.voices();
        if !heard.iter().any(|heard| voices.iter().any(|voice| Weak::ptr_eq(heard, &voice.0))) {
            return;
        }
        own.state().quiet();
        heard.iter().filter_map(Weak::upgrade).for_each(|voice| voice.is_heard_by(&own, false));
    }
}

impl Shared {
    /// Hears these from now on. Answers the number of what is sent; none where all is as it was.
    fn listen_to(self: &Arc<Self>, voices: &[Arc<Self>]) -> Option<u64> {
        let (before, playing) = {
            let mut state = self.state();
            if state.hears.is_of(voices) {
                return None;
            }
            let before = state.hears.voices();
            state.quiet();
            state.hears = Hears::of(voices);
            state.shift = None;
            state.out.marker = true;
            (before, state.playing)
        };
        // one lock at a time: two calls may begin to hear each other at once
        let is_left = |voice: &Arc<Self>| !voices.iter().any(|new| Arc::ptr_eq(new, voice));
        before.iter().filter_map(Weak::upgrade).filter(is_left).for_each(|voice| voice.is_heard_by(self, false));
        voices.iter().for_each(|voice| voice.is_heard_by(self, true));
        Some(playing)
    }

    /// Adds a listener or takes one out; those who are gone go, too.
    fn is_heard_by(&self, listener: &Arc<Shared>, is_heard: bool) {
        let mut state = self.state();
        let others = state.audience.iter().filter(|known| known.strong_count() > 0 && !is(known, listener));
        let added = is_heard.then(|| Arc::downgrade(listener));
        state.audience = others.cloned().chain(added).collect();
    }
}

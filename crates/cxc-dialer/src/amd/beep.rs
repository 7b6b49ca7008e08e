//! The beep of a machine: one steady tone (Goertzel's algorithm on each frame).
use std::f32::consts::TAU;

use super::{FRAME, TICK, level};

/// The lowest tone and the distance of two, hertz: as far as a frame can tell them apart.
const LOWEST: usize = 400;
const STEP: usize = 50;
/// To 2,200 Hz.
const TONES: usize = 37;
/// The share of a frame's energy that is in the tone and in its neighbours: a tone between two of ours lies in several.
const PURE: f32 = 0.8;
/// A shorter tone is none.
const SHORTEST: u32 = 150;
/// Without a beep a silence of this length will do.
const SILENCE: u32 = 3_000;
/// And nobody waits for longer than this.
const LONGEST: u32 = 30_000;
const QUIET: u32 = 256;

/// When the message may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// A beep has ended.
    Beep,
    /// Nobody speaks any more.
    Silence,
    /// The greeting has no end.
    Time,
}

/// Waits for the beep of a machine.
#[derive(Debug, Clone, Default)]
pub struct Beep {
    total: u32,
    silence: u32,
    /// The tone that sounds, and for how long.
    tone: Option<(usize, u32)>,
}

impl Beep {
    /// The next frame; the reason to begin once there is one.
    pub fn frame(&mut self, samples: &[i16; FRAME]) -> Option<Heard> {
        self.total += TICK;
        let is_quiet = level(samples) < QUIET;
        self.silence = if is_quiet { self.silence + TICK } else { 0 };
        let tone = (!is_quiet).then(|| tone(samples)).flatten();
        let before = self.tone;
        self.tone = match (tone, before) {
            (Some(now), Some((since, time))) if now.abs_diff(since) <= 1 => Some((since, time + TICK)),
            (Some(now), _) => Some((now, TICK)),
            (None, _) => None,
        };
        let has_ended = self.tone.is_none() && before.is_some_and(|(_, time)| time > SHORTEST);
        match has_ended {
            true => Some(Heard::Beep),
            false if self.silence >= SILENCE => Some(Heard::Silence),
            false => (self.total >= LONGEST).then_some(Heard::Time),
        }
    }
}

/// The tone that a frame is, if it is one.
fn tone(samples: &[i16; FRAME]) -> Option<usize> {
    let energy: f32 = samples.iter().map(|sample| f32::from(*sample).powi(2)).sum();
    let mut power = [0.0; TONES];
    for (at, power) in power.iter_mut().enumerate() {
        *power = goertzel(samples, (LOWEST + at * STEP) as f32);
    }
    let strongest = (0..TONES).max_by(|one, other| power[*one].total_cmp(&power[*other]))?;
    let around = strongest.saturating_sub(1)..=(strongest + 1).min(TONES - 1);
    let share = power[around].iter().sum::<f32>() * 2.0 / (energy * FRAME as f32);
    (share > PURE).then_some(strongest)
}

/// The squared strength of a frequency.
fn goertzel(samples: &[i16; FRAME], hertz: f32) -> f32 {
    let factor = 2.0 * (TAU * hertz / 8_000.0).cos();
    let (mut before, mut last) = (0.0, 0.0);
    for sample in samples {
        (before, last) = (last, f32::from(*sample) + factor * last - before);
    }
    last * last + before * before - factor * last * before
}

//! Answering machine detection: who took a call, told by how long they speak and are silent, as pure functions of frames
//! of 20 ms. Rules of thumb of the trade; how well they do on real calls was not measured. See docs/dialer.md.
mod beep;

pub use beep::{Beep, Heard};

/// Samples of a frame: 20 ms of 8,000 a second.
pub const FRAME: usize = 160;
/// Milliseconds of a frame.
const TICK: u32 = 20;

/// The rules, milliseconds where nothing else is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Silence from the beginning: a machine.
    pub initial_silence: u32,
    /// Speech together: a machine.
    pub greeting: u32,
    /// Silence after speech: a person.
    pub silence_after: u32,
    /// Everything together: not sure.
    pub total: u32,
    /// Shorter sounds are no word.
    pub word: u32,
    /// Silence that ends a word.
    pub gap: u32,
    /// More words: a machine.
    pub words: u32,
    /// A longer word: a machine.
    pub longest_word: u32,
    /// The mean level of a frame that is sound, of 32,768.
    pub level: u32,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            initial_silence: 2_500,
            greeting: 1_500,
            silence_after: 800,
            total: 5_000,
            word: 100,
            gap: 50,
            words: 2,
            longest_word: 5_000,
            level: 256,
        }
    }
}

/// Who took the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A person.
    Human(Cause),
    /// A machine.
    Machine(Cause),
    /// Either: treated as a person.
    NotSure(Cause),
    /// They hung up before anything could be told.
    Hangup,
}

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Nobody spoke.
    InitialSilence,
    /// A long greeting.
    Greeting,
    /// A short one, and silence.
    SilenceAfter,
    /// Many words.
    Words,
    /// A long sound.
    LongWord,
    /// The time was over.
    Time,
}

impl Cause {
    /// Its name in logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::InitialSilence => "initial_silence",
            Self::Greeting => "greeting",
            Self::SilenceAfter => "silence_after",
            Self::Words => "words",
            Self::LongWord => "long_word",
            Self::Time => "time",
        }
    }
}

/// Listens to who took a call. Frames come by the clock: where no audio came they are silence.
#[derive(Debug, Clone)]
pub struct Detector {
    rules: Rules,
    total: u32,
    silence: u32,
    /// Sound without a gap.
    sound: u32,
    /// Sound in words.
    speech: u32,
    words: u32,
    in_word: bool,
}

impl Detector {
    /// Before the first frame.
    pub fn new(rules: Rules) -> Self {
        Self { rules, total: 0, silence: 0, sound: 0, speech: 0, words: 0, in_word: false }
    }

    /// The next frame; a verdict once there is one.
    pub fn frame(&mut self, samples: &[i16; FRAME]) -> Option<Verdict> {
        self.total += TICK;
        let verdict = match level(samples) < self.rules.level {
            true => self.quiet(),
            false => self.sound(),
        };
        verdict.or_else(|| (self.total >= self.rules.total).then_some(Verdict::NotSure(Cause::Time)))
    }

    fn quiet(&mut self) -> Option<Verdict> {
        self.silence += TICK;
        if self.silence >= self.rules.gap {
            self.in_word = false;
            self.sound = 0;
        }
        if self.words == 0 {
            let is_long = self.silence >= self.rules.initial_silence;
            return is_long.then_some(Verdict::Machine(Cause::InitialSilence));
        }
        (self.silence >= self.rules.silence_after).then_some(Verdict::Human(Cause::SilenceAfter))
    }

    fn sound(&mut self) -> Option<Verdict> {
        self.sound += TICK;
        if !self.in_word && self.sound >= self.rules.word {
            self.in_word = true;
            self.words += 1;
            // the part that showed that it is one
            self.speech += self.sound - TICK;
        }
        if !self.in_word {
            return None;
        }
        // a noise does not end a silence, a word does
        self.silence = 0;
        self.speech += TICK;
        if self.words > self.rules.words {
            return Some(Verdict::Machine(Cause::Words));
        }
        if self.sound >= self.rules.longest_word {
            return Some(Verdict::Machine(Cause::LongWord));
        }
        (self.speech >= self.rules.greeting).then_some(Verdict::Machine(Cause::Greeting))
    }
}

/// The mean level of a frame.
fn level(samples: &[i16; FRAME]) -> u32 {
    samples.iter().map(|sample| u32::from(sample.unsigned_abs())).sum::<u32>() / FRAME as u32
}

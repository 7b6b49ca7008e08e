//! Persons and machines of synthetic speech, through G.711 and with noise.
#![expect(clippy::expect_used, reason = "a test that finds something else than it expects has failed")]
use audio_codec_algorithms::{decode_alaw, decode_ulaw, encode_alaw, encode_ulaw};
use cxc_dialer::amd::{Beep, Cause, Detector, FRAME, Heard, Rules, Verdict};
use proptest::prelude::*;

/// What is heard, 8,000 samples a second.
#[derive(Default, Clone)]
struct Line {
    samples: Vec<i16>,
    seed: u32,
}

impl Line {
    fn noise(&mut self) -> f32 {
        self.seed = self.seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.seed >> 8) as f32 / (1 << 23) as f32 - 1.0
    }

    /// A voiced sound: harmonics of a pitch that glides, under two formants, swelling three times a second.
    fn speech(mut self, ms: usize) -> Self {
        let count = ms * 8;
        for at in 0..count {
            let time = at as f32 / 8_000.0;
            let pitch = 110.0 + 25.0 * (time * 5.0).sin();
            let swell = 0.7 + 0.3 * (time * 19.0).sin();
            let voice: f32 = (1..20)
                .map(|harmonic| {
                    let hertz = pitch * harmonic as f32;
                    let formants = [(500.0, 1.0), (1_400.0, 0.5)];
                    let strength: f32 =
                        formants.iter().map(|(f, a)| a / (1.0 + ((hertz - f) / 120.0_f32).powi(2))).sum();
                    strength * (std::f32::consts::TAU * hertz * time).sin()
                })
                .sum();
            let breath = self.noise() * 0.05;
            self.samples.push(((voice * swell + breath) * 4_000.0).clamp(-32_000.0, 32_000.0) as i16);
        }
        self
    }

    fn silence(mut self, ms: usize) -> Self {
        self.samples.extend(std::iter::repeat_n(0, ms * 8));
        self
    }

    fn tone(mut self, hertz: f32, ms: usize) -> Self {
        let wave = |at: usize| ((at as f32 / 8_000.0 * hertz * std::f32::consts::TAU).sin() * 6_000.0) as i16;
        self.samples.extend((0..ms * 8).map(wave));
        self
    }

    /// With noise of a level all over.
    fn with_noise(mut self, level: f32) -> Self {
        for at in 0..self.samples.len() {
            let noise = (self.noise() * level) as i16;
            self.samples[at] = self.samples[at].saturating_add(noise);
        }
        self
    }

    fn frames(&self, is_mu: bool) -> Vec<[i16; FRAME]> {
        let through = |sample: &i16| match is_mu {
            true => decode_ulaw(encode_ulaw(*sample)),
            false => decode_alaw(encode_alaw(*sample)),
        };
        let heard: Vec<i16> = self.samples.iter().map(through).collect();
        heard.as_chunks::<FRAME>().0.to_vec()
    }

    /// The verdict and when it came, milliseconds; the line is silent in the end.
    fn judged(&self, is_mu: bool) -> (Verdict, usize) {
        let mut detector = Detector::new(Rules::default());
        let frames = self.clone().silence(6_000).frames(is_mu);
        let found = frames.iter().enumerate().find_map(|(at, frame)| Some((detector.frame(frame)?, (at + 1) * 20)));
        found.expect("there is a verdict within five seconds")
    }
}

fn line() -> Line {
    Line::default()
}

#[test]
fn a_hello_and_silence_is_a_person_within_eight_tenths_of_a_second() {
    for is_mu in [true, false] {
        for noise in [0.0, 150.0] {
            for hello in [300, 500, 900] {
                let said = line().silence(400).speech(hello).silence(1_000).with_noise(noise);
                let (verdict, at) = said.judged(is_mu);
                assert_eq!(verdict, Verdict::Human(Cause::SilenceAfter), "{hello} ms, noise {noise}");
                let after = at - 400 - hello;
                assert!((740..=840).contains(&after), "{after} ms after the end of {hello} ms, noise {noise}");
            }
        }
    }
}

#[test]
fn hello_who_is_it_is_a_person_too() {
    let said = line().silence(300).speech(350).silence(200).speech(500).silence(1_000);
    assert_eq!(said.judged(true).0, Verdict::Human(Cause::SilenceAfter));
}

#[test]
fn a_long_greeting_is_a_machine() {
    let said = line().silence(500).speech(4_000);
    let (verdict, at) = said.judged(true);
    assert_eq!(verdict, Verdict::Machine(Cause::Greeting));
    assert!((1_980..=2_060).contains(&at), "{at}");
    let words = line().silence(200).speech(300).silence(150).speech(300).silence(150).speech(300);
    assert_eq!(words.judged(false).0, Verdict::Machine(Cause::Words));
}

#[test]
fn silence_is_a_machine_and_clicks_are_no_words() {
    assert_eq!(line().judged(true), (Verdict::Machine(Cause::InitialSilence), 2_500));
    let clicks = line().silence(500).speech(60).silence(500).speech(60).silence(500).with_noise(100.0);
    assert_eq!(clicks.judged(true).0, Verdict::Machine(Cause::InitialSilence));
}

#[test]
fn who_never_stops_to_mumble_is_not_known() {
    let rules = Rules { greeting: 60_000, words: 99, longest_word: 60_000, ..Rules::default() };
    let mut detector = Detector::new(rules);
    let verdict = line().speech(6_000).frames(true).iter().find_map(|frame| detector.frame(frame));
    assert_eq!(verdict, Some(Verdict::NotSure(Cause::Time)));
    let mut detector = Detector::new(Rules { greeting: 60_000, total: 60_000, ..Rules::default() });
    let verdict = line().tone(300.0, 6_000).frames(true).iter().find_map(|frame| detector.frame(frame));
    assert_eq!(verdict, Some(Verdict::Machine(Cause::LongWord)));
}

/// What a waiting message hears, and when, milliseconds.
fn begins(line: &Line) -> Option<(Heard, usize)> {
    let mut beep = Beep::default();
    let frames = line.frames(true);
    frames.iter().enumerate().find_map(|(at, frame)| Some((beep.frame(frame)?, (at + 1) * 20)))
}

#[test]
fn the_message_begins_when_the_beep_ends_whatever_its_tone() {
    for hertz in [420.0, 440.0, 525.0, 850.0, 1_000.0, 1_024.0, 1_375.0, 1_999.0] {
        for noise in [0.0, 150.0] {
            let said = line().speech(2_000).silence(400).tone(hertz, 400).silence(2_000).with_noise(noise);
            let (heard, at) = begins(&said).unwrap_or_else(|| panic!("{hertz} Hz is heard"));
            assert_eq!(heard, Heard::Beep, "{hertz} Hz, noise {noise}");
            assert!((2_800..=2_840).contains(&at), "{hertz} Hz: {at}");
        }
    }
}

#[test]
fn speech_and_short_tones_are_no_beep_but_a_long_silence_will_do() {
    assert_eq!(begins(&line().speech(8_000).with_noise(100.0)), None);
    let short = line().speech(500).tone(1_000.0, 120).silence(2_000);
    assert_eq!(begins(&short), None);
    assert_eq!(begins(&line().speech(500).silence(4_000)), Some((Heard::Silence, 3_500)));
    let (heard, at) = begins(&line().speech(31_000)).expect("it does not wait for ever");
    assert_eq!((heard, at), (Heard::Time, 30_000));
}

proptest! {
    /// Whatever is heard, there is one verdict within five seconds, and nothing overflows.
    #[test]
    fn anything_is_judged_in_time(
        parts in proptest::collection::vec((any::<i16>(), 0_usize..40), 1..60),
    ) {
        let mut detector = Detector::new(Rules::default());
        let mut beep = Beep::default();
        let levels = parts.iter().flat_map(|(level, frames)| std::iter::repeat_n(*level, *frames));
        let mut verdict = None;
        for (at, level) in levels.chain(std::iter::repeat(0)).take(300).enumerate() {
            verdict = verdict.or(detector.frame(&[level; FRAME]).map(|_| at));
            beep.frame(&[level; FRAME]);
        }
        prop_assert!(verdict.is_some_and(|at| at < 250));
    }
}

//! What becomes of dialed numbers, by cohort: calls that were started in one slice of time.
//!
//! An answer rate must not be taken from calls that have ended: failures end sooner than answers when dialing speeds up,
//! the rate looks small, and dialing speeds up again. A cohort counts as a whole, once all of its calls must have ended.
use std::collections::VecDeque;

use cxc_core::Micros;
use serde::{Deserialize, Serialize};

/// Slices of a call's time in flight.
pub const AGES: usize = 28;
/// How much of a cohort's weight is left when the next one counts.
const DECAY: f64 = 0.996;
/// Weight of the first guess, in calls.
const GUESS: f64 = 2.0;

/// What is known of past cohorts; kept and handed to the next run of a campaign.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hazards {
    /// By age: calls that were still in flight.
    alive: [f64; AGES],
    /// By age: those of them that were answered at this age or later.
    answered: [f64; AGES],
    /// Calls that have counted in this run.
    pub results: u64,
}

impl Default for Hazards {
    /// Three of ten answered, the sooner the likelier: a guess that weighs as much as two calls.
    fn default() -> Self {
        let answered = std::array::from_fn(|age| GUESS * 0.3 * (1.0 - age as f64 / AGES as f64).powi(2));
        Self { alive: [GUESS; AGES], answered, results: 0 }
    }
}

#[derive(Debug, Clone)]
struct Cohort {
    slice: i64,
    alive: u32,
    answered: [u32; AGES],
    failed: [u32; AGES],
}

/// The estimator: past cohorts as hazards, open ones by age.
#[derive(Debug, Clone)]
pub struct Cohorts {
    slice: Micros,
    hazards: Hazards,
    chance: [f64; AGES],
    /// Oldest first.
    open: VecDeque<Cohort>,
}

impl Cohorts {
    /// `max_ring` is the longest time that a call may ring; `known` comes from the campaign's last run.
    pub fn new(max_ring: Micros, known: Option<Hazards>) -> Self {
        let hazards = known.map_or_else(Hazards::default, |known| Hazards { results: 0, ..known });
        let slice = (max_ring / (AGES as Micros - 3)).max(1);
        let mut cohorts = Self { slice, hazards, chance: [0.0; AGES], open: VecDeque::new() };
        cohorts.renew();
        cohorts
    }

    /// What to keep for the next run.
    pub fn hazards(&self) -> &Hazards {
        &self.hazards
    }

    /// A call was started.
    pub fn dialed(&mut self, now: Micros) {
        let slice = now.div_euclid(self.slice);
        if self.open.back().is_none_or(|last| last.slice != slice) {
            self.open.push_back(Cohort { slice, alive: 0, answered: [0; AGES], failed: [0; AGES] });
        }
        if let Some(last) = self.open.back_mut() {
            last.alive += 1;
        }
    }

    /// A person answered the call that was started at `dialed`.
    pub fn answered(&mut self, dialed: Micros, now: Micros) {
        self.ended(dialed, now, |cohort, age| cohort.answered[age] += 1);
    }

    /// The call that was started at `dialed` ended in any other way.
    pub fn failed(&mut self, dialed: Micros, now: Micros) {
        self.ended(dialed, now, |cohort, age| cohort.failed[age] += 1);
    }

    /// The call that was started at `dialed` never reached its number: it says nothing of people.
    pub fn withdrawn(&mut self, dialed: Micros) {
        self.ended(dialed, dialed, |_, _| ());
    }

    fn ended(&mut self, dialed: Micros, now: Micros, count: impl FnOnce(&mut Cohort, usize)) {
        let slice = dialed.div_euclid(self.slice);
        let age = (now.div_euclid(self.slice) - slice).clamp(0, AGES as i64 - 1) as usize;
        if let Ok(at) = self.open.binary_search_by_key(&slice, |cohort| cohort.slice) {
            let cohort = &mut self.open[at];
            cohort.alive = cohort.alive.saturating_sub(1);
            count(cohort, age);
        }
    }

    /// Lets the cohorts count that are older than any call can be.
    pub fn advance(&mut self, now: Micros) {
        let closes = now.div_euclid(self.slice) - AGES as i64;
        let mut closed = false;
        while let Some(cohort) = self.open.pop_front_if(|cohort| cohort.slice <= closes) {
            self.hazards.add(&cohort);
            closed = true;
        }
        if closed {
            self.renew();
        }
    }

    fn renew(&mut self) {
        for age in 0..AGES {
            let known = self.hazards.alive[age];
            // late ages that hardly any call reaches borrow from the age before
            let before = if age == 0 { 0.0 } else { self.chance[age - 1] };
            self.chance[age] = (self.hazards.answered[age] + before * 0.1) / (known + 0.1);
        }
    }

    /// Probability that a new call is answered by a person.
    pub fn answer_rate(&self) -> f64 {
        self.chance[0].max(0.005)
    }

    /// Mean time to an answer, of the calls that are answered.
    pub fn ring(&self) -> Micros {
        let [first, rest @ ..] = &self.hazards.answered;
        let slices = 0.5 + rest.iter().sum::<f64>() / first.max(1e-9);
        (slices * self.slice as f64) as Micros
    }

    /// Whether a call that was started at `dialed` is worth its place: what calls of its age still bring, for the time that
    /// they take, against the same of a new one.
    pub fn is_worth_more(&self, dialed: Micros, now: Micros) -> bool {
        let age = (now.div_euclid(self.slice) - dialed.div_euclid(self.slice)).clamp(0, AGES as i64 - 1) as usize;
        let Hazards { alive, answered, .. } = &self.hazards;
        let time = |from: usize| alive[from..].iter().sum::<f64>();
        answered[age] * time(0) > answered[0] * time(age)
    }

    /// Calls in flight, each counted as its chance of an answer at its age over that of a new call.
    pub fn in_flight(&self, now: Micros) -> f64 {
        let slice = now.div_euclid(self.slice);
        let chance = |cohort: &Cohort| self.chance[((slice - cohort.slice) as usize).min(AGES - 1)];
        let answers: f64 = self.open.iter().map(|cohort| f64::from(cohort.alive) * chance(cohort)).sum();
        answers / self.answer_rate()
    }
}

impl Hazards {
    fn add(&mut self, cohort: &Cohort) {
        let ended: u32 = cohort.answered.iter().chain(&cohort.failed).sum();
        if ended + cohort.alive == 0 {
            return;
        }
        let (mut alive, mut answered) = (cohort.alive, 0);
        for age in (0..AGES).rev() {
            alive += cohort.answered[age] + cohort.failed[age];
            answered += cohort.answered[age];
            self.alive[age] = self.alive[age] * DECAY + f64::from(alive);
            self.answered[age] = self.answered[age] * DECAY + f64::from(answered);
        }
        self.results += u64::from(ended + cohort.alive);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Micros = 1_000_000;

    /// Half of the calls of each second are answered after 10 s, the others end after `failure` seconds.
    fn run(cohorts: &mut Cohorts, from: i64, to: i64, failure: i64, each: i64) {
        for second in from..to {
            let now = second * SECOND;
            cohorts.advance(now);
            for _ in 0..each {
                cohorts.dialed(now);
                cohorts.dialed(now);
                if second - from >= 10 {
                    cohorts.answered(now - 10 * SECOND, now);
                }
                if second - from >= failure {
                    cohorts.failed(now - failure * SECOND, now);
                }
            }
        }
    }

    #[test]
    fn the_answer_rate_does_not_fall_when_failures_end_first() {
        let mut cohorts = Cohorts::new(25 * SECOND, None);
        run(&mut cohorts, 0, 600, 2, 1);
        let before = cohorts.answer_rate();
        assert!((before - 0.5).abs() < 0.01, "{before}");
        for _ in 0..200 {
            cohorts.dialed(600 * SECOND);
            cohorts.failed(600 * SECOND, 602 * SECOND);
        }
        cohorts.advance(605 * SECOND);
        assert!((cohorts.answer_rate() - before).abs() < 0.01, "{}", cohorts.answer_rate());
    }

    #[test]
    fn a_call_in_flight_weighs_by_its_age() {
        let mut cohorts = Cohorts::new(25 * SECOND, None);
        run(&mut cohorts, 0, 600, 5, 1);
        cohorts.advance(640 * SECOND);
        cohorts.dialed(640 * SECOND);
        assert!((cohorts.in_flight(640 * SECOND) - 1.0).abs() < 0.01);
        assert!((cohorts.in_flight(647 * SECOND) - 2.0).abs() < 0.05, "a call that did not fail at once is answered");
        assert!(cohorts.in_flight(655 * SECOND) < 0.1, "past its time it is not");
        assert!((cohorts.ring() - 10_500_000).abs() < 200_000, "{}", cohorts.ring());
    }

    #[test]
    fn a_call_is_worth_its_place_while_it_brings_more_than_a_new_one() {
        let mut cohorts = Cohorts::new(25 * SECOND, None);
        run(&mut cohorts, 0, 600, 20, 1);
        let at = |age: i64| cohorts.is_worth_more(600 * SECOND, (600 + age) * SECOND);
        assert!(!at(0) && at(5) && at(9), "nobody answers before the tenth second");
        assert!(!at(12), "and nobody after it");
    }

    #[test]
    fn a_call_that_never_left_says_nothing() {
        let mut cohorts = Cohorts::new(25 * SECOND, None);
        run(&mut cohorts, 0, 300, 5, 1);
        cohorts.advance(340 * SECOND);
        let before = cohorts.hazards().clone();
        for second in 340..400 {
            cohorts.dialed(second * SECOND);
            cohorts.withdrawn(second * SECOND);
        }
        cohorts.advance(500 * SECOND);
        assert_eq!(*cohorts.hazards(), before);
    }
}

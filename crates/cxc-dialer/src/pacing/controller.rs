//! How bold to be: the model's boldness corrected by what really happened.
//!
//! The headroom of the ledger is the integral of the error: each live answer adds the target rate to it, each abandoned
//! call takes one. Boldness follows it in proportion, about a reserve that leaves the budget gate open, and a slow second
//! integral takes out what the model misses. The second one stands still while the gate is shut: the two would fight.
use serde::{Deserialize, Serialize};

use super::Target;

/// Boldness grows with this power of headroom over reserve.
const PROPORTION: f64 = 2.0;
/// The furthest that the integral goes, and boldness beyond the rate, as logarithms.
const MOST: f64 = 1.5;
/// Seconds in which a peak of risk fades to a third.
const FADES: f64 = 5400.0;
/// Seconds of full error that take a goal from nothing to everything.
const GOAL_SECONDS: f64 = 600.0;

/// The controller of a group; kept over restarts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Controller {
    integral: f64,
    peak: f64,
    share: f64,
}

impl Default for Controller {
    fn default() -> Self {
        Self { integral: 0.0, peak: 1.0, share: 1.0 }
    }
}

impl Controller {
    /// A second has passed in which `risk` calls could have been abandoned if the pace were free.
    pub fn passed(&mut self, seconds: f64, risk: f64) {
        self.peak = (self.peak * (-seconds / FADES).exp()).max(risk).max(1.0);
    }

    /// The headroom to hold: the usual risk and what chance adds.
    pub fn reserve(&self) -> f64 {
        self.peak + self.peak.sqrt()
    }

    /// A person answered.
    pub fn answered(&mut self, rate: f64, headroom: f64, gate_shut: bool) {
        if !gate_shut {
            // with this gain the two integrals damp each other critically
            let gain = rate * PROPORTION * PROPORTION / (4.0 * self.reserve());
            let error = self.error(headroom).max(-1.0);
            self.integral = (self.integral + gain * error).clamp(-MOST, MOST);
        }
    }

    /// Headroom against the reserve, as a logarithm.
    fn error(&self, headroom: f64) -> f64 {
        (headroom / self.reserve()).clamp(0.02, std::f64::consts::E).ln()
    }

    /// The share of answers that the model may foresee as abandoned.
    pub fn boldness(&self, rate: f64, headroom: f64) -> f64 {
        let exponent = PROPORTION * self.error(headroom) + self.integral;
        rate * exponent.min(MOST).exp()
    }

    /// Steers to a goal other than the limit itself: `busy` of `agents` were busy for so long, at a mean handle time.
    pub fn steer(&mut self, target: Target, busy: u32, agents: u32, handle: f64, seconds: f64) {
        let goal = match target {
            Target::AbandonRate => return,
            Target::BusyFactor(share) => share,
            Target::WaitTime(wait) => handle / (handle + wait.max(0.0)),
        };
        let error = goal - f64::from(busy) / f64::from(agents.max(1));
        self.share = (self.share + error * seconds / GOAL_SECONDS).clamp(0.0, 1.0);
    }

    /// The part of what the table wants beyond one call for each idle agent that the goal asks for.
    pub fn share(&self) -> f64 {
        self.share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headroom_makes_bold_and_the_lack_of_it_careful() {
        let mut controller = Controller::default();
        controller.passed(1.0, 4.0);
        let reserve = controller.reserve();
        assert!((controller.boldness(0.03, reserve) - 0.03).abs() < 1e-9);
        assert!(controller.boldness(0.03, 0.0) < 0.03 && controller.boldness(0.03, 2.0 * reserve) > 0.03);
        assert!(controller.boldness(0.03, 1e6) < 0.15, "a large reserve is not spent in one go");
    }

    #[test]
    fn the_integral_stands_still_while_the_gate_is_shut() {
        let mut controller = Controller::default();
        let before = controller.clone();
        (0..1000).for_each(|_| controller.answered(0.03, 0.0, true));
        assert_eq!(controller, before);
        (0..1000).for_each(|_| controller.answered(0.03, 100.0, false));
        assert!(controller.integral > 0.1);
    }

    #[test]
    fn a_goal_that_is_passed_takes_the_pace_back() {
        let mut controller = Controller::default();
        (0..3600).for_each(|_| controller.steer(Target::BusyFactor(0.7), 9, 10, 120.0, 1.0));
        assert!(controller.share() < 0.01);
        (0..7200).for_each(|_| controller.steer(Target::WaitTime(10.0), 8, 10, 120.0, 1.0));
        assert!(controller.share() > 0.99);
    }
}

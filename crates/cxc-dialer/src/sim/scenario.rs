//! What changes while a simulation runs.
use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::Settings;
use super::engine::Behaviour;

/// Seconds between two shocks, at least, in a run that is long enough for it.
const HOUR: f64 = 3600.0;
/// Seconds of a drift's period.
const DRIFT: f64 = 90.0 * 60.0;
/// Seconds for which agents stay away.
const AWAY: f64 = 30.0 * 60.0;
/// Seconds for which a trunk is out.
const OUTAGE: f64 = 10.0 * 60.0;
/// After a shock the pace has so long to find itself, seconds.
const RECOVERY: f64 = 30.0 * 60.0;

/// A named course of events. All but the first two are shocks, at even distances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scenario {
    /// Nothing changes.
    Stationary,
    /// The answer rate swings by 40 % up and down in 90 minutes.
    Drift,
    /// The answer rate halves, and comes back a period later.
    StepChange,
    /// Two of five agents leave within a minute, and come back half an hour later.
    AgentsLeaving,
    /// Every other period it takes a second to tell a person from a machine.
    DetectionDelay,
    /// The carrier refuses all calls for ten minutes.
    TrunkOutage,
    /// Every other period calls take twice as long.
    LongCalls,
}

/// The world at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Truth {
    /// Agents who are there.
    pub agents: u32,
    /// People and the carrier.
    pub behaviour: Behaviour,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Scenario; 7] = [
        Scenario::Stationary,
        Scenario::Drift,
        Scenario::StepChange,
        Scenario::AgentsLeaving,
        Scenario::DetectionDelay,
        Scenario::TrunkOutage,
        Scenario::LongCalls,
    ];

    /// Its name on the command line and in results.
    pub fn name(self) -> &'static str {
        match self {
            Scenario::Stationary => "stationary",
            Scenario::Drift => "drift",
            Scenario::StepChange => "step-change",
            Scenario::AgentsLeaving => "agents-leaving",
            Scenario::DetectionDelay => "detection-delay",
            Scenario::TrunkOutage => "trunk-outage",
            Scenario::LongCalls => "long-calls",
        }
    }

    /// Whether there are moments after which the pace must recover.
    pub fn has_shocks(self) -> bool {
        !matches!(self, Scenario::Stationary | Scenario::Drift)
    }

    /// The distance of shocks, seconds: a tenth of the run, one to four hours. A run of less than two hours has one, in its
    /// middle.
    pub fn period(settings: &Settings) -> f64 {
        let run = settings.hours * HOUR;
        (run / 10.0).clamp(HOUR, 4.0 * HOUR).min(run / 2.0)
    }

    /// What lasts for a time lasts for so much of it: less than 1 in runs of less than two hours.
    pub fn scale(settings: &Settings) -> f64 {
        (Self::period(settings) / HOUR).min(1.0)
    }

    /// Seconds since the last change of the world; none before the first.
    fn since_shock(self, settings: &Settings, at: f64) -> Option<f64> {
        let period = Self::period(settings);
        if !self.has_shocks() || at < period {
            return None;
        }
        let (since, scale) = (at % period, Self::scale(settings));
        Some(match self {
            Scenario::AgentsLeaving if since >= AWAY * scale => since - AWAY * scale,
            Scenario::TrunkOutage if since >= OUTAGE * scale => since - OUTAGE * scale,
            _ => since,
        })
    }

    /// Whether the last shock lies half an hour back, less in a short run: from then on the pace must have found itself again.
    pub fn has_recovered(self, settings: &Settings, at: f64) -> bool {
        self.since_shock(settings, at).is_some_and(|since| since >= RECOVERY * Self::scale(settings))
    }

    /// The world at a second of the run.
    pub fn truth(self, settings: &Settings, at: f64) -> Truth {
        let mut behaviour = Behaviour {
            answer_rate: settings.answer_rate,
            handle_mean: settings.handle_mean,
            handle_cv: settings.handle_cv,
            trunk_up: true,
            detection: None,
        };
        let mut agents = settings.agents;
        let (period, scale) = (Self::period(settings), Self::scale(settings));
        let (round, within) = ((at / period) as u64, at % period);
        let other = round % 2 == 1;
        match self {
            Scenario::Drift => {
                let swing = 1.0 + 0.4 * (std::f64::consts::TAU * at / (DRIFT * scale)).sin();
                behaviour.answer_rate = (behaviour.answer_rate * swing).min(1.0);
            }
            Scenario::StepChange if other => behaviour.answer_rate /= 2.0,
            Scenario::AgentsLeaving if round > 0 && within < AWAY * scale => {
                let leave = f64::from(agents) * 0.4 * (within / 60.0).min(1.0);
                agents -= leave as u32;
            }
            Scenario::DetectionDelay if other => behaviour.detection = Some(1.0),
            Scenario::TrunkOutage => behaviour.trunk_up = round == 0 || within >= OUTAGE * scale,
            Scenario::LongCalls if other => behaviour.handle_mean *= 2.0,
            _ => (),
        }
        Truth { agents, behaviour }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scenario {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let names = Self::ALL.map(Self::name).join(", ");
        Self::ALL.into_iter().find(|s| s.name() == name).ok_or_else(|| format!("a scenario is one of {names}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds of a run at which the world is not as it is when nothing happens.
    fn unusual(scenario: Scenario, hours: f64) -> usize {
        let settings = Settings { hours, scenario, ..Settings::default() };
        let usual = Scenario::Stationary.truth(&settings, 0.0);
        (0..(hours * HOUR) as u32).filter(|at| scenario.truth(&settings, f64::from(*at)) != usual).count()
    }

    #[test]
    fn each_scenario_happens_within_the_shortest_run_that_can_be_asked_for() {
        for scenario in Scenario::ALL {
            let some = unusual(scenario, 0.5);
            assert_eq!(some > 0, scenario != Scenario::Stationary, "{scenario}: {some}");
        }
        let settings = Settings { hours: 0.5, ..Settings::default() };
        let measured = |at: &u32| Scenario::TrunkOutage.has_recovered(&settings, f64::from(*at));
        assert_eq!((0..1_800).filter(measured).count(), 300, "the pace is looked at after it");
        assert_eq!(unusual(Scenario::TrunkOutage, 0.5), 150, "one outage, as long in the run as in one of two hours");
        assert_eq!(unusual(Scenario::TrunkOutage, 2.0), 600);
        assert_eq!(unusual(Scenario::TrunkOutage, 40.0), 9 * 600, "a tenth of the run apart");
    }
}

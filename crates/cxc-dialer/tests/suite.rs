//! The simulated suite: every size of group and every scenario against the computed optimum and the limit of abandoned
//! calls. The cases that take seconds run always; `cargo test -p cxc-dialer --test suite -- --ignored` runs the rest.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test that can't go on fails, and shows its figures")]
use cxc_dialer::pacing::{Mode, Tables, Target};
use cxc_dialer::sim::{Report, Scenario, Settings, run_mode, simulate};

/// Points below the optimum that are given away, percent of the agents' time.
const POINTS: f64 = 2.0;

fn settings(agents: u32, answer_rate: f64, scenario: Scenario) -> Settings {
    Settings { agents, answer_rate, scenario, ..Settings::default() }
}

/// What holds in every run: the limit at the end, and at every overdial with full risk.
fn ran(settings: &Settings) -> Report {
    let report = simulate(settings, &mut Tables::default());
    let Report { occupancy_percent, abandon_percent, progressive_percent, optimum_percent, .. } = report;
    println!(
        "{:>3} agents {:<15} p {}: {occupancy_percent:.2} of {optimum_percent:.2} ({progressive_percent:.2} progressive), \
         abandoned {abandon_percent:.2}, after shocks {:?} of {:?}",
        settings.agents,
        settings.scenario.name(),
        settings.answer_rate,
        report.recovered_percent,
        report.recovered_optimum_percent
    );
    assert!(report.abandon_percent <= 3.0, "abandoned {abandon_percent}");
    assert_eq!(report.overdials_uncovered, 0);
    report
}

fn steady(agents: u32, answer_rate: f64, scenario: Scenario) {
    let report = ran(&settings(agents, answer_rate, scenario));
    let (ours, best) = (report.occupancy_percent, report.optimum_percent);
    assert!(ours >= best - POINTS, "{ours} is more than {POINTS} below {best}");
    assert!(ours > report.progressive_percent);
}

fn shocked(agents: u32, scenario: Scenario) {
    let report = ran(&settings(agents, 0.3, scenario));
    let (ours, best) = (report.recovered_percent.unwrap(), report.recovered_optimum_percent.unwrap());
    assert!(ours >= best - POINTS, "{ours} is more than {POINTS} below {best} after shocks");
}

macro_rules! cases {
    ($($(#[$ignored:meta])? $name:ident: $case:expr;)+) => {
        $(#[test] $(#[$ignored])? fn $name() { $case; })+
    };
}

cases! {
    five_agents: steady(5, 0.3, Scenario::Stationary);
    ten_agents: steady(10, 0.3, Scenario::Stationary);
    twenty_agents: steady(20, 0.3, Scenario::Stationary);
    fifty_agents: steady(50, 0.3, Scenario::Stationary);
    #[ignore = "half a minute"] a_hundred_agents: steady(100, 0.3, Scenario::Stationary);
    five_agents_in_a_drift: steady(5, 0.3, Scenario::Drift);
    ten_agents_in_a_drift: steady(10, 0.3, Scenario::Drift);
    twenty_agents_in_a_drift: steady(20, 0.3, Scenario::Drift);
    #[ignore = "half a minute"] fifty_agents_in_a_drift: steady(50, 0.3, Scenario::Drift);
    #[ignore = "half a minute"] a_hundred_agents_in_a_drift: steady(100, 0.3, Scenario::Drift);
    five_agents_often_answered: steady(5, 0.6, Scenario::Stationary);
    ten_agents_often_answered: steady(10, 0.6, Scenario::Stationary);
    twenty_agents_often_answered: steady(20, 0.6, Scenario::Stationary);
    #[ignore = "half a minute"] fifty_agents_often_answered: steady(50, 0.6, Scenario::Stationary);
    #[ignore = "half a minute"] a_hundred_agents_often_answered: steady(100, 0.6, Scenario::Stationary);
    five_agents_rarely_answered: steady(5, 0.1, Scenario::Stationary);
    ten_agents_rarely_answered: steady(10, 0.1, Scenario::Stationary);
    #[ignore = "half a minute"] twenty_agents_rarely_answered: steady(20, 0.1, Scenario::Stationary);
    #[ignore = "half a minute"] fifty_agents_rarely_answered: steady(50, 0.1, Scenario::Stationary);
    #[ignore = "a minute"] a_hundred_agents_rarely_answered: steady(100, 0.1, Scenario::Stationary);
    five_agents_after_steps: shocked(5, Scenario::StepChange);
    ten_agents_after_steps: shocked(10, Scenario::StepChange);
    #[ignore = "half a minute"] twenty_agents_after_steps: shocked(20, Scenario::StepChange);
    #[ignore = "half a minute"] fifty_agents_after_steps: shocked(50, Scenario::StepChange);
    #[ignore = "a minute"] a_hundred_agents_after_steps: shocked(100, Scenario::StepChange);
    five_agents_of_whom_two_leave: shocked(5, Scenario::AgentsLeaving);
    ten_agents_of_whom_four_leave: shocked(10, Scenario::AgentsLeaving);
    #[ignore = "half a minute"] twenty_agents_of_whom_eight_leave: shocked(20, Scenario::AgentsLeaving);
    #[ignore = "half a minute"] fifty_agents_of_whom_twenty_leave: shocked(50, Scenario::AgentsLeaving);
    #[ignore = "a minute"] a_hundred_agents_of_whom_forty_leave: shocked(100, Scenario::AgentsLeaving);
    five_agents_behind_detection: shocked(5, Scenario::DetectionDelay);
    ten_agents_behind_detection: shocked(10, Scenario::DetectionDelay);
    #[ignore = "half a minute"] twenty_agents_behind_detection: shocked(20, Scenario::DetectionDelay);
    #[ignore = "half a minute"] fifty_agents_behind_detection: shocked(50, Scenario::DetectionDelay);
    #[ignore = "half a minute"] a_hundred_agents_behind_detection: shocked(100, Scenario::DetectionDelay);
    five_agents_after_outages: shocked(5, Scenario::TrunkOutage);
    ten_agents_after_outages: shocked(10, Scenario::TrunkOutage);
    #[ignore = "half a minute"] twenty_agents_after_outages: shocked(20, Scenario::TrunkOutage);
    #[ignore = "half a minute"] fifty_agents_after_outages: shocked(50, Scenario::TrunkOutage);
    #[ignore = "half a minute"] a_hundred_agents_after_outages: shocked(100, Scenario::TrunkOutage);
    five_agents_with_longer_calls: shocked(5, Scenario::LongCalls);
    ten_agents_with_longer_calls: shocked(10, Scenario::LongCalls);
    #[ignore = "half a minute"] twenty_agents_with_longer_calls: shocked(20, Scenario::LongCalls);
    #[ignore = "half a minute"] fifty_agents_with_longer_calls: shocked(50, Scenario::LongCalls);
    #[ignore = "half a minute"] a_hundred_agents_with_longer_calls: shocked(100, Scenario::LongCalls);
}

#[test]
fn one_agent_is_progressive_and_abandons_nobody() {
    let report = ran(&settings(1, 0.3, Scenario::Stationary));
    assert_eq!((report.abandoned, report.overdials), (0, 0));
    assert!((report.occupancy_percent - report.progressive_percent).abs() < 0.01);
}

#[test]
fn two_agents_gain_without_breaking_the_limit() {
    let report = ran(&settings(2, 0.3, Scenario::Stationary));
    assert!(report.occupancy_percent > report.progressive_percent + 3.0);
}

#[test]
fn the_same_seed_gives_the_same_report_and_another_one_another() {
    let run = |seed| {
        let settings = Settings { hours: 2.0, seed, ..settings(8, 0.3, Scenario::AgentsLeaving) };
        serde_json::to_string(&simulate(&settings, &mut Tables::default())).unwrap()
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn a_busy_factor_and_a_wait_time_are_held_and_abandon_less() {
    let settings = Settings { hours: 20.0, warm_up: 2.0, ..settings(20, 0.3, Scenario::Stationary) };
    let mut tables = Tables::default();
    let mut run = |target| run_mode(&settings, Mode::Predictive(target), &mut tables);
    let (most, busy, wait) = (run(Target::AbandonRate), run(Target::BusyFactor(0.75)), run(Target::WaitTime(40.0)));
    assert!((busy.occupancy - 0.75).abs() < 0.02, "{}", busy.occupancy);
    // 120 s of work for each 40 s of waiting are the same goal
    assert!((wait.occupancy - 0.75).abs() < 0.02, "{}", wait.occupancy);
    assert!(busy.totals.abandoned * 2 < most.totals.abandoned);
    // no target goes below one call for each idle agent
    let least = run(Target::BusyFactor(0.2));
    assert!(least.occupancy > 0.6 && least.totals.abandoned == 0, "{}", least.occupancy);
}

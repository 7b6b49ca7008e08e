//! The pace at its limits.
use std::sync::LazyLock;
use std::time::Instant;

use cxc_core::Micros;
use cxc_dialer::abandon::{Ledgers, Place};
use cxc_dialer::pacing::{Decision, Mode, Outside, Pacer, Records, Scene, Tables, Target, Why};
use jiff::tz::TimeZone;
use proptest::prelude::*;

const SECOND: Micros = 1_000_000;

fn free() -> Outside {
    Outside {
        stopped: None,
        records: Records::ready(u32::MAX),
        ports: u32::MAX,
        trunk: (u32::MAX, Why::TrunkChannelsFull),
    }
}

fn ledgers(live: u32, abandoned: u32) -> Ledgers {
    let mut ledgers = Ledgers::new(Place::US.policies(), 0, &TimeZone::UTC);
    (0..live).for_each(|_| ledgers.answered(0));
    (0..abandoned).for_each(|_| ledgers.abandoned(0));
    ledgers
}

/// A pacer that knows its people: three of ten answer after ten seconds.
fn warm(mode: Mode, agents: u32) -> Pacer {
    let mut pacer = Pacer::new(mode, 25 * SECOND, 2 * SECOND, None);
    for second in 0..200 {
        let now = second * SECOND;
        (0..10).for_each(|_| pacer.dialed(now));
        let dialed = now - 10 * SECOND;
        if dialed >= 0 {
            (0..3).for_each(|_| pacer.answered(dialed, now, &ledgers(1_000, 0)));
            (0..7).for_each(|_| pacer.failed(dialed, now));
        }
    }
    pacer.look(300 * SECOND, Scene { agents, ready: 0, dialing: 0, queued: 0, callers: 0 });
    if let Some(key) = pacer.table_needed(agents) {
        pacer.set_table(Tables::default().get(key));
    }
    pacer
}

const PREDICTIVE: Mode = Mode::Predictive(Target::AbandonRate);

fn decide(pacer: &mut Pacer, scene: Scene, ledgers: &Ledgers, outside: &Outside) -> Decision {
    pacer.decide(300 * SECOND, scene, ledgers, outside)
}

#[test]
fn a_script_alone_fills_its_ports_or_its_minute_without_agents_and_one_with_agents_keeps_the_limit() {
    let nobody = Scene { agents: 0, ready: 0, dialing: 6, queued: 0, callers: 0 };
    let outside = Outside { ports: 4, ..free() };
    let mut ports = Pacer::new(Mode::Ports { agents: false }, 25 * SECOND, 2 * SECOND, None);
    let decision = decide(&mut ports, nobody, &ledgers(0, 9), &outside);
    assert_eq!((decision.dial, decision.why), (4, Why::PortsFull), "as many as there are, less those in use");

    let mut minute = Pacer::new(Mode::PerMinute(60), 25 * SECOND, 2 * SECOND, None);
    let decision = decide(&mut minute, nobody, &ledgers(0, 9), &outside);
    assert_eq!((decision.dial, decision.why), (1, Why::CallsPerMinute));
    minute.dialed(300 * SECOND);
    assert_eq!(minute.decide(310 * SECOND, nobody, &ledgers(0, 9), &outside).dial, 2, "two seconds are saved up");
    assert_eq!(minute.decide(310 * SECOND, nobody, &ledgers(0, 9), &Outside { ports: 1, ..free() }).dial, 1);

    let mut handed = Pacer::new(Mode::Ports { agents: true }, 25 * SECOND, 2 * SECOND, None);
    assert_eq!(decide(&mut handed, nobody, &ledgers(0, 0), &outside).why, Why::NoAgentsReady);
    let two = Scene { agents: 5, ready: 2, dialing: 0, queued: 0, callers: 0 };
    let decision = decide(&mut handed, two, &ledgers(0, 0), &outside);
    assert_eq!((decision.dial, decision.why), (2, Why::BudgetGate { abandoned: 0, live: 0 }));
    assert_eq!(decide(&mut handed, two, &ledgers(1_000, 0), &outside).dial, 4, "the ledger covers all ports");
}

#[test]
fn a_fresh_ledger_allows_one_call_for_each_idle_agent() {
    let mut pacer = warm(PREDICTIVE, 10);
    let scene = Scene { agents: 10, ready: 4, dialing: 0, queued: 0, callers: 0 };
    let decision = decide(&mut pacer, scene, &ledgers(0, 0), &free());
    assert_eq!((decision.dial, decision.why), (4, Why::BudgetGate { abandoned: 0, live: 0 }));
    assert!(decision.wanted > 4);
    let filled = decide(&mut pacer, scene, &ledgers(10_000, 0), &free());
    assert_eq!((filled.dial, filled.why), (filled.wanted, Why::Dialing));
}

#[test]
fn a_group_that_knows_nothing_warms_up_and_one_agent_never_overdials() {
    let mut cold = Pacer::new(PREDICTIVE, 25 * SECOND, 2 * SECOND, None);
    let scene = Scene { agents: 10, ready: 4, dialing: 1, queued: 0, callers: 0 };
    let decision = decide(&mut cold, scene, &ledgers(10_000, 0), &free());
    assert_eq!((decision.dial, decision.why), (3, Why::WarmingUp { cohorts: 0 }));
    let mut one = warm(PREDICTIVE, 1);
    let scene = Scene { agents: 1, ready: 1, dialing: 0, queued: 0, callers: 0 };
    assert_eq!(decide(&mut one, scene, &ledgers(10_000, 0), &free()).dial, 1);
}

#[test]
fn every_limit_says_that_it_is_the_one() {
    let mut pacer = warm(PREDICTIVE, 10);
    let scene = Scene { agents: 10, ready: 8, dialing: 0, queued: 0, callers: 0 };
    let ledgers = ledgers(100_000, 0);
    let next = Why::RecordsOutsideWindow { next: 5 };
    let cases = [
        (Outside { ports: 3, ..free() }, 3, Why::PortsFull),
        (Outside { trunk: (2, Why::TrunkCps), ..free() }, 2, Why::TrunkCps),
        (Outside { trunk: (0, Why::TrunkDown { status: 503 }), ..free() }, 0, Why::TrunkDown { status: 503 }),
        (Outside { records: Records { ready: 1, why: next.clone() }, ..free() }, 1, next.clone()),
        (Outside { records: Records { ready: 1, why: next }, ports: 0, ..free() }, 0, Why::PortsFull),
        (Outside { stopped: Some(Why::LeaseNotHeld), ports: 0, ..free() }, 0, Why::LeaseNotHeld),
    ];
    for (outside, dial, why) in cases {
        let decision = decide(&mut pacer, scene, &ledgers, &outside);
        assert_eq!((decision.dial, decision.why), (dial, why));
    }
    let nobody = Scene { agents: 0, ready: 0, dialing: 3, queued: 0, callers: 0 };
    assert_eq!(decide(&mut pacer, nobody, &ledgers, &free()).why, Why::NoAgentsReady);
}

#[test]
fn what_was_learned_serves_the_next_run() {
    let pacer = warm(PREDICTIVE, 10);
    assert!((pacer.answer_rate() - 0.285).abs() < 0.02, "the last ten seconds never ended: {}", pacer.answer_rate());
    let text = serde_json::to_string(&pacer.learned()).unwrap();
    let next = Pacer::new(PREDICTIVE, 25 * SECOND, 2 * SECOND, Some(serde_json::from_str(&text).unwrap()));
    assert!((next.answer_rate() - pacer.answer_rate()).abs() < 1e-9);
    let other = Pacer::new(PREDICTIVE, 40 * SECOND, 2 * SECOND, Some(serde_json::from_str(&text).unwrap()));
    let unknown = Pacer::new(PREDICTIVE, 40 * SECOND, 2 * SECOND, None);
    assert!((other.answer_rate() - unknown.answer_rate()).abs() < 1e-9, "ages are cut by the longest ring");
}

#[test]
#[ignore = "a figure of the machine"]
fn a_decision_for_a_hundred_agents_takes_less_than_a_microsecond() {
    let mut pacer = warm(PREDICTIVE, 100);
    for second in 275..300 {
        (0..2).for_each(|_| pacer.dialed(second * SECOND));
    }
    let (ledgers, outside) = (ledgers(10_000, 200), free());
    let start = Instant::now();
    let mut dialed = 0_u64;
    for n in 0..1_000_000_u32 {
        let scene = Scene { agents: 100, ready: n % 7, dialing: 50, queued: 0, callers: 0 };
        dialed += u64::from(decide(&mut pacer, scene, &ledgers, &outside).dial);
    }
    let each = start.elapsed().as_nanos() / 1_000_000;
    println!("{each} ns a decision, {dialed} dials");
    assert!(each < 1_000, "{each} ns");
}

static WARM: LazyLock<Pacer> = LazyLock::new(|| warm(PREDICTIVE, 20));

proptest! {
    #[test]
    fn nothing_that_can_happen_to_ringing_calls_breaks_the_limit(
        tenths in 1..100_u32, predictive in any::<bool>(),
        ready in 0..20_u32, busy in 0..20_u32, dialing in 0..60_u32, queued in 0..3_u32,
        live in 0..3_000_u32, share in 0.0..0.04_f64,
    ) {
        let abandoned = (f64::from(live) * share) as u32;
        let mode = if predictive { PREDICTIVE } else { Mode::Progressive { tenths } };
        let mut pacer = WARM.clone();
        pacer.set_mode(mode);
        let scene = Scene { agents: ready + busy, ready, dialing, queued, callers: 0 };
        let decision = decide(&mut pacer, scene, &ledgers(live, abandoned), &free());
        let in_flight = dialing + decision.dial;
        if decision.dial > 0 && in_flight + queued > ready {
            for answered in 0..=in_flight {
                let without = (answered + queued).saturating_sub(ready);
                let (lost, all) = (f64::from(abandoned + without), f64::from(live + answered));
                prop_assert!(without == 0 || lost <= 0.03 * all + 1e-6, "{answered} answered: {lost} of {all}");
            }
        }
        prop_assert!(decision.dial <= decision.wanted);
    }
}

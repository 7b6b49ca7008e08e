//! How long a check takes in process: the facts gathered, the intervals of the place cached, 50 rules.
//!
//! `cargo run --release -p cxc-core --example check_bench` prints the median and the 99th percentile of an allowed
//! attempt (promised: 3 and 15 microseconds), of one that is denied, and of one that is deferred with its earliest
//! legal instant (100). With `-- NUMBERS` a random number is looked up in a list of that many before each check
//! (100000000 is the promise): where it is listed the check denies. The yardstick is what it takes to read the clock.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]
use std::sync::Arc;
use std::time::{Duration, Instant};

use cxc_core::attempt::AttemptState;
use cxc_core::channel::Channel;
use cxc_core::compliance::legal::{LegalRuleSetting, LegalRules};
use cxc_core::compliance::{
    AttemptRequest, Calendars, Decision, Facts, IntervalCache, NumberFacts, NumberListHit, NumberListState,
    NumberListStatus, Part, PartKind, PastAttempt, RuleDocument, RuleDocuments, RuleRef, RuleSet, Stored, Subject,
    Technique, Verdict, Zones, check,
};
use cxc_core::consent::{ConsentEvent, ConsentKind, ConsentScope};
use cxc_core::enumerations::CallResult;
use cxc_core::number_set::{NumberSet, NumberSetBuilder};
use cxc_core::record::Reason;
use jiff::{SignedDuration, Timestamp};

type Failed = Box<dyn std::error::Error>;

/// How many checks are measured.
const ROUNDS: u64 = 200_000;

fn stored<T: RuleDocument>(id: &str, json: &str) -> Stored<T> {
    Stored::parse(RuleRef::new(id, 1), json)
}

/// The shipped legal rules with what a tenant must decide, and fifty rules of its own.
fn documents(zones: &Zones) -> Result<RuleDocuments, Failed> {
    let calendars = Calendars::shipped()?;
    let decided = [("US-CONSENT-PEWC", "on"), ("US-RND", "waived"), ("US-TX-HOURS", "on"), ("US-VA-HOURS", "on")];
    let setting = |(rule, state): (&str, &str)| -> Stored<LegalRuleSetting> {
        stored(rule, &format!(r#"{{"rule":"{rule}","state":"{state}","reason":"measured"}}"#))
    };
    let cap = |n: u32| {
        let window =
            if n.is_multiple_of(2) { format!(r#"{{"seconds":{}}}"#, 3600 * n) } else { r#"{"today":true}"#.into() };
        stored(
            &format!("cap{n}"),
            &format!(r#"{{"required":true,"maxAttempts":{},"window":{window},"results":[]}}"#, 40 + n),
        )
    };
    let day = r#"[{"from":"08:00","till":"21:00"}]"#;
    let times = |n: u32| {
        let text = format!(r#"{{"country":"US","weekdays":[{day},{day},{day},{day},{day},{day},{day}]}}"#);
        stored(&format!("times{n}"), &text)
    };
    let date = |n: u32| stored(&format!("date{n}"), &format!(r#"{{"country":"US","date":"2027-03-{n:02}"}}"#));
    Ok(RuleDocuments {
        legal_packs: Arc::new(LegalRules::shipped(zones, &calendars)?),
        calendars: Arc::new(calendars),
        legal_settings: decided.into_iter().map(setting).collect(),
        attempt_rules: (1..=20).map(cap).collect(),
        contact_times: (1..=10).map(times).collect(),
        contact_dates: (1..=20).map(date).collect(),
        ..RuleDocuments::default()
    })
}

fn history(now: Timestamp) -> Vec<PastAttempt> {
    let tried = |days: i64| PastAttempt {
        client: Some(7),
        state: AttemptState::Final,
        result: Some(CallResult::Ok),
        ..PastAttempt::new(now.saturating_sub(SignedDuration::from_hours(24 * days)).unwrap_or(now), Channel::Sms, 8)
    };
    (1..=10).map(tried).collect()
}

fn written_consent(now: Timestamp) -> ConsentEvent {
    ConsentEvent {
        kind: ConsentKind::ExpressWritten,
        channels: Vec::new(),
        scope: ConsentScope::All,
        at: now.saturating_sub(SignedDuration::from_hours(2400)).unwrap_or(now),
        effective_at: None,
        expires: None,
        revoked: false,
        source: "form".into(),
        lifts_nothing: false,
        asked_for: None,
        key: Default::default(),
    }
}

/// The median and the 99th percentile of many checks.
fn measure(
    name: &str,
    target: &str,
    mut one: impl FnMut(u64) -> Verdict,
    is_right: impl Fn(&Verdict) -> bool,
) -> Result<(), Failed> {
    let mut took: Vec<Duration> = Vec::with_capacity(usize::try_from(ROUNDS)?);
    for round in 0..ROUNDS + 1_000 {
        let started = Instant::now();
        let verdict = one(round);
        let elapsed = started.elapsed();
        if !is_right(&verdict) {
            return Err(format!("{name}: not what was to be measured: {verdict:?}").into());
        }
        // the first ones fill the cache
        if round >= 1_000 {
            took.push(elapsed);
        }
    }
    show(name, target, took);
    Ok(())
}

fn show(name: &str, target: &str, mut took: Vec<Duration>) {
    took.sort_unstable();
    let at = |share: usize| took.get(took.len() * share / 100).copied().unwrap_or_default();
    println!("{name:<40} median {:>9.2?}  p99 {:>9.2?}  {target}", at(50), at(99));
}

/// What a measurement of nothing takes.
fn yardstick() {
    let once = |_| Instant::now().elapsed();
    show("reading the clock (yardstick)", "", (0..ROUNDS).map(once).collect());
}

/// Random numbers of ten digits: the same at each run.
fn random_number(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    12_000_000_000 + (*state >> 33) % 8_000_000_000
}

/// A list of so many random numbers, if the command line asks for one, and some that are on it.
fn number_list() -> Result<(NumberSet, Vec<u64>), Failed> {
    let count: u64 = std::env::args().nth(1).map_or(Ok(0), |text| text.parse())?;
    let (mut builder, mut state) = (NumberSetBuilder::new(), 1);
    let mut some = Vec::new();
    for _ in 0..count {
        let number = random_number(&mut state);
        builder.push_digits(number)?;
        if some.len() < 100_000 {
            some.push(number);
        }
    }
    Ok((builder.finish()?.0, some))
}

fn main() -> Result<(), Failed> {
    let zones = Zones::bundled();
    let rules = RuleSet::compile(&documents(&zones)?, &[], &zones);
    let mut cache = IntervalCache::new(zones, IntervalCache::CAPACITY);
    let noon: Timestamp = "2026-12-01T18:00:00Z".parse()?;
    let night: Timestamp = "2026-12-02T05:00:00Z".parse()?;
    let subject = Subject { tech: Technique::Autodialed, ..Subject::UNSPECIFIED };
    let parts = [
        Part::new(PartKind::Postal, "US", "US-FL", "America/New_York America/Chicago"),
        Part::new(PartKind::Phone, "US", "US-TX", "America/Chicago"),
    ];
    let request =
        AttemptRequest { client: Some(7), parts: &parts, subject: &subject, ..AttemptRequest::new(Channel::Sms, 1, 8) };
    let lists = [NumberListStatus {
        name: "US-DNC".into(),
        own: false,
        state: NumberListState::Loaded { version: "1".into(), as_of: noon },
    }];
    let (attempts, consents) = (history(noon), [written_consent(noon)]);
    let none: [NumberListHit; 0] = [];
    let facts = Facts {
        suppression: Some(&[]),
        attempts: Some(&attempts),
        attempts_since: Timestamp::MIN,
        consents: Some(&consents),
        numbers: Some(NumberFacts { lists: &lists, holding: &none }),
        ..Facts::none_known()
    };
    let moment = |base: Timestamp, round: u64| {
        let micros = i64::try_from(round % 1_000_000).unwrap_or(0);
        base.saturating_add(SignedDuration::from_micros(micros)).unwrap_or(base)
    };
    yardstick();
    measure(
        "allow",
        "target 3 and 15 us",
        |round| check(&rules, &mut cache, &request, &facts, moment(noon, round)),
        Verdict::is_allowed,
    )?;
    let (list, some) = number_list()?;
    let held = [NumberListHit { list: 0, added_on: None }];
    let denied = |verdict: &Verdict| {
        verdict.decision == Decision::Deny && verdict.reasons.iter().any(|r| r.code == Reason::Suppressed)
    };
    if !some.is_empty() {
        println!("a list of {} numbers, a random one looked up before each check", list.len());
        // without a consent, which would exempt
        let mut ask = |number: u64, consents, round| {
            let holding = if list.contains_digits(number) { &held[..] } else { &none[..] };
            let numbers = Some(NumberFacts { lists: &lists, holding });
            check(&rules, &mut cache, &request, &Facts { numbers, consents, ..facts }, moment(noon, round))
        };
        let mut state = 2;
        let consented = Some(&consents[..]);
        let any = |round| ask(random_number(&mut state), consented, round);
        measure("allow, any number looked up", "target 3 and 15 us", any, Verdict::is_allowed)?;
        let mut state = 3;
        let listed = |round| {
            random_number(&mut state);
            let at = usize::try_from(state >> 33).unwrap_or(0) % some.len();
            ask(some.get(at).copied().unwrap_or(0), Some(&[]), round)
        };
        measure("deny, a listed number looked up", "target 15 us p99", listed, denied)?;
    }
    let deferred = |verdict: &Verdict| verdict.not_before.is_some() && !verdict.reasons.is_empty();
    measure(
        "closed, with the earliest instant",
        "target 100 us p99",
        |round| check(&rules, &mut cache, &request, &facts, moment(night, round)),
        deferred,
    )?;
    let many: Vec<_> = (0..45)
        .map(|n| PastAttempt {
            at: noon.saturating_sub(SignedDuration::from_mins(n + 1)).unwrap_or(noon),
            ..attempts[0].clone()
        })
        .collect();
    let capped = Facts { attempts: Some(&many), ..facts };
    measure(
        "capped, with the earliest instant",
        "target 100 us p99",
        |round| check(&rules, &mut cache, &request, &capped, moment(noon, round)),
        deferred,
    )
}

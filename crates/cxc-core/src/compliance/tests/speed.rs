use std::time::Instant;

use super::*;

/// The bound holds in a release build; a debug build is slower, so the test only guards against a change of kind
/// and prints what it saw.
#[test]
fn the_check_of_an_allowed_attempt_takes_microseconds() {
    let mut world = World::new(&with_attempts(&[
        ("a", r#"{"required":true,"maxAttempts":3,"window":{"today":true}}"#),
        ("b", r#"{"required":true,"maxAttempts":10,"window":{"seconds":604800}}"#),
    ]))
    .part(PartKind::Postal, "US", "US-KY", "America/New_York America/Chicago")
    .phone("US", "US-CA", "America/Los_Angeles")
    .tried("2026-11-28T12:00:00Z", AttemptState::Final, Some(CallResult::Ok));
    let now = at("2026-12-01T18:00:00Z");
    assert!(world.check(now).is_allowed());
    let parts: Vec<_> =
        world.parts.iter().map(|(kind, country, regions, zones)| Part::new(*kind, country, regions, zones)).collect();
    let request = AttemptRequest { client: Some(7), parts: &parts, ..AttemptRequest::new(Channel::Sms, 1, 8) };
    let facts = Facts {
        suppression: Some(&[]),
        attempts: Some(&world.attempts),
        attempts_since: Timestamp::MIN,
        ..Facts::none_known()
    };
    // the best of many short rounds: a busy machine slows some of them
    let mut round = |start: i64| {
        let started = Instant::now();
        for i in start..start + 500 {
            let now = now.saturating_add(jiff::SignedDuration::from_micros(i)).unwrap();
            assert!(check(&world.rules, &mut world.cache, &request, &facts, now).is_allowed());
        }
        started.elapsed().as_nanos() / 500
    };
    let best = (0..40).map(|n| n * 500).map(&mut round).min().unwrap();
    println!("{best} ns a check");
    assert!(best < 20_000, "{best} ns");
}

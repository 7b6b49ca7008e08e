//! A clock that was set back contacts nobody.
use super::*;

#[test]
fn attempts_and_opt_outs_of_the_future_count_and_say_that_the_clock_was_set_back() {
    let sales = || {
        let mut case = Case::voice(&[]).at_home("US", "US-FL", NEW_YORK);
        case.fresh = true;
        case
    };
    // an hour back and a year back
    for now in ["2026-12-01T17:00:00Z", "2025-12-01T17:00:00Z"] {
        let noon = at(now);
        let mut called = sales();
        let attempts = times_of(3, &sale("2026-12-01T18:00:00Z"));
        called.world.attempts = attempts.clone();
        let verdict = called.with(noon, |rules, cache, request, facts, now| {
            check(rules, cache, request, &Facts { attempts: Some(&attempts), ..*facts }, now)
        });
        assert_eq!(verdict.decision, Decision::Error, "{now}");
        let mut barred = ids(&verdict);
        barred.sort_unstable();
        assert_eq!(barred, ["US-FL-CAP", "clock"], "three calls of the future use up the cap, too");
        let mut out = sales();
        out.consents = Some(vec![revocation("2026-12-01T18:00:00Z")]);
        assert_eq!(out.barred_by(now), ["clock"]);
        assert_eq!(out.check(now).decision, Decision::Error);
        // a consent of the future lets nothing pass and stands in nobody's way
        let mut given = sales();
        given.consents = Some(vec![consent(ConsentKind::ExpressWritten, "2026-12-01T18:00:00Z")]);
        assert!(given.allowed(now));
    }
    // a second is the usual difference of two machines
    let mut near = sales();
    near.consents = Some(vec![revocation("2026-12-01T17:00:01Z")]);
    assert!(near.allowed("2026-12-01T17:00:00Z"));
    assert_eq!(near.barred_by("2026-12-01T17:00:01Z"), ["opt_out"]);
}

#[test]
fn lists_of_the_future_are_stale() {
    let mut case = Case::voice(&[]).at_home("US", "US-NY", NEW_YORK);
    assert!(case.allowed("2026-11-20T17:00:00Z"));
    assert_eq!(case.barred_by("2025-11-20T17:00:00Z"), ["US-DNC-NATIONAL-AGE"]);
}

//! Explanations tell every part, rule and count in sentences.
use super::*;
use crate::compliance::{Edition, Standing, Step, explain};

fn explained(case: &mut Case, now: &str) -> (Verdict, Vec<Step>) {
    let told = case.with(at(now), explain);
    (told.verdict, told.steps)
}

fn standing_of(steps: &[Step], id: &str) -> Option<Standing> {
    steps.iter().find_map(|step| match step {
        Step::Rule { rule, standing, .. } | Step::Hours { rule, standing, .. } | Step::Count { rule, standing, .. }
            if &*rule.id == id =>
        {
            Some(*standing)
        }
        _ => None,
    })
}

#[test]
fn an_explanation_names_the_attempts_that_were_counted_and_how_each_rule_stands() {
    let numbered = |id: i64, when: &str| PastAttempt { id, ..sale(when) };
    let mut case = Case::voice(&[]).at_home("US", "US-FL", NEW_YORK).past([
        numbered(11, "2026-11-30T15:00:00Z"),
        numbered(12, "2026-12-01T14:00:00Z"),
        numbered(13, "2026-12-01T15:00:00Z"),
        numbered(14, "2026-12-01T16:00:00Z"),
    ]);
    let (verdict, steps) = explained(&mut case, "2026-12-01T17:00:00Z");
    assert_eq!(ids(&verdict), ["US-FL-CAP"]);
    let counted = steps.iter().find_map(|step| match step {
        Step::Count { rule, attempts, observed, .. } if &*rule.id == "US-FL-CAP" => Some((attempts.clone(), *observed)),
        _ => None,
    });
    assert_eq!(counted, Some((vec![12, 13, 14], Some(3))));
    for (id, standing) in [
        ("US-FL-CAP", Some(Standing::Bars)),
        ("US-FL-HOURS", Some(Standing::Passes)),
        ("US-DNC-NATIONAL", Some(Standing::Passes)),
        ("US-TX-HOURS", Some(Standing::Off)),
        ("US-OK-HOURS", Some(Standing::Elsewhere)),
        ("US-REGF-7IN7", Some(Standing::NotAbout)),
        ("US-REVOKE-ALL", Some(Standing::NotInForce)),
        ("AU-DNCR", None),
    ] {
        assert_eq!(standing_of(&steps, id), standing, "{id}");
    }
    assert!(steps.iter().all(|step| !step.sentence().is_empty()));
    let sentences: Vec<_> = steps.iter().map(Step::sentence).collect();
    assert!(sentences[0].starts_with("the phone number of the device to be used tells the zones America/New_York"));
    assert_eq!(
        sentences.last().copied(),
        Some("the contact waits; the earliest legal instant is 2026-12-02T14:00:00Z")
    );
}

#[test]
fn an_explanation_and_a_check_say_the_same_and_what_is_not_known_is_told() {
    let mut case = Case::voice(&[]).at_home("US", "US-NY", NEW_YORK);
    case.lists = None;
    case.consents = None;
    let (verdict, steps) = explained(&mut case, "2026-12-01T17:00:00Z");
    assert_eq!(verdict, case.check("2026-12-01T17:00:00Z"));
    assert_eq!(standing_of(&steps, "US-DNC-NATIONAL"), Some(Standing::Bars));
    let unread = |step: &Step| step.sentence().contains("the ledger could not be read");
    assert!(steps.iter().any(unread));
    // a stop switch is told too
    let mut documents = shipped();
    documents.stop_switch = Some("a regulator called".to_owned());
    let mut case = Case::new(&documents, Channel::Voice).at_home("US", "US-NY", NEW_YORK);
    let (_, steps) = explained(&mut case, "2026-12-01T17:00:00Z");
    assert_eq!(standing_of(&steps, "stop_switch"), Some(Standing::Bars));
    let mut informed = Case::new(&documents, Channel::Voice).at_home("US", "US-NY", NEW_YORK);
    informed.subject.purpose = Purpose::Informational;
    informed.subject.tech = Technique::Live;
    let (verdict, steps) = explained(&mut informed, "2026-12-01T17:00:00Z");
    assert_eq!(verdict.decision, Decision::Defer, "{verdict:?}");
    let told = steps.last().unwrap().sentence();
    assert_eq!(told, "everything is stopped (a regulator called): the contact waits until the stop switch is off");
}

#[test]
fn an_opt_out_and_a_list_are_told_as_rules_that_bar_and_their_absence_as_one_that_passes() {
    let mut case = Case::voice(&[]).at_home("US", "US-NY", NEW_YORK);
    let (_, steps) = explained(&mut case, "2026-12-01T17:00:00Z");
    assert_eq!(standing_of(&steps, "suppression"), Some(Standing::Passes));
    let clocks: Vec<&str> = steps.iter().filter(|s| matches!(s, Step::Clock { .. })).map(Step::sentence).collect();
    assert_eq!(clocks, ["at 2026-12-01T17:00:00Z it is Tuesday 2026-12-01 12:00:00 in America/New_York"]);
    let out = ConsentEvent { revoked: true, ..consent(ConsentKind::Express, "2026-11-01T00:00:00Z") };
    case.consents = Some(vec![out]);
    let (verdict, steps) = explained(&mut case, "2026-12-01T17:00:00Z");
    assert!(verdict.reasons.iter().any(|f| &*f.rule.id == "opt_out"));
    assert_eq!(standing_of(&steps, "opt_out"), Some(Standing::Bars));
    assert_eq!(standing_of(&steps, "suppression"), None);
    for failure in &verdict.reasons {
        assert!(steps.iter().any(|step| step.rule() == Some(&failure.rule)), "{failure:?}");
    }
}

fn told_of(steps: &[Step], id: &str) -> String {
    let step = steps.iter().find(|step| step.rule().is_some_and(|rule| &*rule.id == id));
    step.map(|step| step.sentence().to_owned()).unwrap_or_default()
}

/// What a decision that is kept says, made again by the meaning before reasons named their facts.
fn as_before(case: &mut Case, now: &str) -> Verdict {
    case.with(at(now), |rules, cache, request, facts, now| {
        CheckInputs { edition: Edition::Second, ..CheckInputs::of(request, facts, now) }.check(rules, cache)
    })
}

#[test]
fn hours_that_a_holiday_closes_name_it_and_its_calendar() {
    let mut case = Case::voice(&[]).at_home("AU", "AU-QLD", "Australia/Brisbane");
    case.fresh = true;
    for (now, day) in [
        ("2026-12-25T02:00:00Z", "2026-12-25 is Christmas Day (holiday calendar AU)"),
        ("2026-12-26T02:00:00Z", "2026-12-26 is Boxing Day (holiday calendar AU)"),
    ] {
        let (verdict, steps) = explained(&mut case, now);
        assert_eq!((ids(&verdict), verdict.reasons[0].detail.as_deref()), (vec!["AU-TMS-HOURS"], Some(day)));
        let told = told_of(&steps, "AU-TMS-HOURS");
        assert!(told.ends_with(&format!("is closed until 2026-12-28T23:00:00Z: {day}")), "{told}");
        assert_eq!(as_before(&mut case, now).reasons[0].detail, None, "what is kept is made again as it was");
    }
    // an ordinary evening has no day to name
    let (verdict, _) = explained(&mut case, "2026-12-21T11:00:00Z");
    assert_eq!((ids(&verdict), verdict.reasons[0].detail.as_deref()), (vec!["AU-TMS-HOURS"], None));
}

#[test]
fn the_day_before_a_holiday_and_days_that_were_declared_are_named() {
    let mut italy = Case::voice(&[]).at_home("IT", "", "Europe/Rome");
    let verdict = italy.check("2026-06-01T07:30:00Z");
    let eve = verdict.reasons[0].detail.as_deref().unwrap();
    assert!(eve.starts_with("2026-06-01 is the day before ") && eve.ends_with("(holiday calendar IT)"), "{eve}");
    let json =
        r#"{"rule":"US-NY-EMERGENCY","state":"on","narrow":{"dates":[{"first":"2026-12-01","last":"2026-12-03"}]}}"#;
    let mut documents = shipped();
    documents.legal_settings = vec![stored("US-NY-EMERGENCY", json)];
    let mut case = Case::new(&documents, Channel::Voice).at_home("US", "US-NY", NEW_YORK);
    let verdict = case.check("2026-12-02T17:00:00Z");
    let declared = "2026-12-02 is one of the days that were declared, 2026-12-01 to 2026-12-03";
    assert_eq!(verdict.reasons[0].detail.as_deref(), Some(declared), "{verdict:?}");
}

#[test]
fn a_cool_down_names_the_conversation_and_how_long_it_bars() {
    let talk = PastAttempt { id: 17, direction: Direction::In, ..conversation("2026-09-08T15:00:00Z") };
    let before = PastAttempt { id: 16, ..conversation("2026-09-07T15:00:00Z") };
    let mut case = Case::collector(&[], "US-NY", NEW_YORK).past([talk, before]);
    let now = "2026-09-10T15:00:00Z";
    let (verdict, steps) = explained(&mut case, now);
    let reason = &verdict.reasons[0];
    let detail = "after a conversation, 2026-09-08T15:00:00Z by voice, begun by the person, attempt 17: no attempt until \
                  2026-09-15T04:00:00Z (7 days, of which its own is the first)";
    assert_eq!(
        (ids(&verdict), reason.detail.as_deref(), reason.limit),
        (vec!["US-REGF-COOLDOWN"], Some(detail), Some(7))
    );
    assert_eq!(reason.window_start, Some(at("2026-09-08T15:00:00Z")));
    assert_eq!(reason.window_end, Some(at("2026-09-15T04:00:00Z")));
    assert!(told_of(&steps, "US-REGF-COOLDOWN").contains(detail), "{steps:?}");
    let kept = as_before(&mut case, now);
    assert_eq!((kept.reasons[0].detail.as_deref(), kept.reasons[0].limit), (Some("after a conversation"), None));
}

#[test]
fn of_whom_no_country_is_known_no_law_is_named() {
    let mut case = Case::voice(&[]);
    case.world = case.world.part(PartKind::Explicit, "", "", NEW_YORK);
    let (_, steps) = explained(&mut case, "2026-12-01T17:00:00Z");
    let place = steps.iter().find(|step| matches!(step, Step::Place { .. })).unwrap().sentence();
    assert_eq!(place, "the person may be in the zones America/New_York and in any country");
}

#[test]
fn an_opt_out_a_list_and_a_missing_consent_tell_when_and_which() {
    let mut case = Case::voice(&[("US-CONSENT-PEWC", "on"), ("US-RND", "waived")]).at_home("US", "US-NY", NEW_YORK);
    case.subject.tech = Technique::Autodialed;
    case.subject.line_type = LineType::Mobile;
    case.holding = vec![NumberListHit { list: 0, added_on: Some("2026-03-02".parse().unwrap()) }];
    let told = |case: &mut Case, id: &str| {
        let verdict = case.check("2026-12-01T17:00:00Z");
        let reason = verdict.reasons.iter().find(|reason| &*reason.rule.id == id);
        reason.and_then(|reason| reason.detail.clone()).unwrap_or_default()
    };
    let listed = "the number is on US-DNC, since 2026-03-02, as of 2026-11-20T00:00:00Z";
    assert_eq!(told(&mut case, "US-DNC-NATIONAL"), listed);
    let missing = told(&mut case, "US-CONSENT-PEWC");
    let wanted = "there is no consent that the rule accepts (prior_express_written): what stands is none";
    assert_eq!(missing, wanted);
    case.consents = Some(vec![consent(ConsentKind::Express, "2026-10-01T00:00:00Z")]);
    assert!(told(&mut case, "US-CONSENT-PEWC").ends_with("what stands is an express one"));
    case.consents = Some(vec![revocation("2026-11-01T00:00:00Z")]);
    assert_eq!(told(&mut case, "opt_out"), "opted out through reply at 2026-11-01T00:00:00Z");
    let before = as_before(&mut case, "2026-12-01T17:00:00Z");
    let details: Vec<_> = before.reasons.iter().filter_map(|reason| reason.detail.as_deref()).collect();
    assert!(
        details.contains(&"opted out through reply") && details.contains(&"the number is on US-DNC"),
        "{details:?}"
    );
}

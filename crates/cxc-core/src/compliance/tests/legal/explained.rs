//! Explanations tell every part, rule and count in sentences.
use super::*;
use crate::compliance::{Standing, Step, explain};

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

//! What a tenant decides, what it is asked, and what can't be read.
use super::*;

const NOON: &str = "2026-12-01T17:00:00Z";

#[test]
fn a_rule_that_nobody_decided_about_lets_nobody_through_and_is_asked_about() {
    let mut case = Case::new(&shipped(), Channel::Sms).at_home("US", "US-NY", NEW_YORK);
    case.subject = Subject::UNSPECIFIED;
    let verdict = case.check(NOON);
    assert_eq!((verdict.decision, verdict.code()), (Decision::Error, Reason::RuleUnanswered));
    assert_eq!(ids(&verdict), ["US-CONSENT-PEWC", "US-RND"]);
    let asked = |case: &Case| -> Vec<String> {
        let questions = case.world.rules.open_questions(Channel::Sms, &Subject::UNSPECIFIED);
        questions.iter().filter(|q| q.country == "US").map(|q| q.rule.id.to_string()).collect()
    };
    assert_eq!(asked(&case), ["US-CONSENT-PEWC", "US-RND"]);
    let case = Case::new(&deciding(&[("US-RND", "waived"), ("US-CONSENT-PEWC", "off")]), Channel::Sms);
    assert_eq!(asked(&case), ["US-CONSENT-PEWC"], "off answers no question");
    let case = Case::new(&deciding(&[("US-RND", "waived"), ("US-CONSENT-PEWC", "on")]), Channel::Sms);
    assert!(asked(&case).is_empty());
}

#[test]
fn what_is_off_and_would_narrow_is_listed() {
    let rules = Case::new(&deciding(&[("US-FL-CAP", "off")]), Channel::Voice).world.rules;
    let dormant = rules.dormant_rules(Channel::Voice, &Subject::UNSPECIFIED);
    let ids: Vec<_> = dormant.iter().map(|q| &*q.rule.id).collect();
    assert!(ids.contains(&"US-FL-CAP") && ids.contains(&"US-TX-HOURS") && !ids.contains(&"US-FL-HOURS"));
    assert!(!ids.contains(&"US-MA-COLLECT"), "that is about debts");
    let needed = rules.lists_needed(Channel::Sms, &Subject::UNSPECIFIED);
    let needed: Vec<_> = needed.iter().map(|(q, list)| (&*q.rule.id, list.as_str())).collect();
    assert_eq!(needed, [("US-DNC-NATIONAL", "US-DNC")]);
}

#[test]
fn three_in_a_day_are_the_cap_of_four_states_and_a_narrower_one_holds() {
    let tried = ["2026-12-01T14:00:00Z", "2026-12-01T15:00:00Z", "2026-12-01T16:00:00Z"].map(sale);
    let mut case = Case::voice(&[]).at_home("US", "US-FL", NEW_YORK).past(tried.clone());
    let verdict = case.check(NOON);
    assert_eq!((ids(&verdict), verdict.not_before), (vec!["US-FL-CAP"], Some(at("2026-12-02T14:00:00Z"))));
    // another device, the same person; a text counts too
    case.device = 9;
    case.world.channel = Channel::Sms;
    assert!(case.barred_by(NOON).contains(&"US-FL-CAP".to_owned()));
    // another subject has its own count
    let on = |topic: &str| Some(topic.into());
    let about = tried.map(|attempt| PastAttempt { topic: on("solar"), ..attempt });
    let mut case = Case::voice(&[]).at_home("US", "US-FL", NEW_YORK).past(about);
    case.subject.topic = Some("roofs".into());
    assert!(case.allowed(NOON));
    case.subject.topic = Some("solar".into());
    assert!(!case.allowed(NOON));
    let mut documents = shipped();
    documents.legal_settings =
        vec![stored("s", r#"{"rule":"US-FL-CAP","state":"on","narrow":{"max":1,"hours":{"mon":"09:00-10:00"}}}"#)];
    let mut case = Case::new(&documents, Channel::Voice).at_home("US", "US-FL", NEW_YORK);
    case = case.past([sale("2026-12-01T16:00:00Z")]);
    assert_eq!(case.check(NOON).reasons[0].limit, Some(1));
}

#[test]
fn a_narrowing_never_widens() {
    let mut documents = shipped();
    let narrow =
        |rule: &str, narrow: &str| stored(rule, &format!(r#"{{"rule":"{rule}","state":"on","narrow":{narrow}}}"#));
    documents.legal_settings = vec![
        narrow("US-FL-CAP", r#"{"max":100}"#),
        narrow("US-TCPA-HOURS", r#"{"hours":{"daily":"06:00-12:00"}}"#),
        narrow("US-DNC-NATIONAL-AGE", r#"{"maxDays":400}"#),
    ];
    let mut case = Case::new(&documents, Channel::Voice).at_home("US", "US-FL", NEW_YORK);
    assert!(!case.allowed("2026-12-01T12:30:00Z") && case.allowed("2026-12-01T13:30:00Z"));
    assert!(!case.allowed("2026-12-01T17:00:00Z"));
    let mut case = case.past(times_of(3, &sale("2026-12-01T13:00:00Z")));
    assert_eq!(case.barred_by("2026-12-01T14:00:00Z"), ["US-FL-CAP"]);
}

#[test]
fn every_rule_that_stands_in_the_way_is_reported_in_its_order() {
    let mut case = Case::voice(&[]).at_home("US", "US-FL", NEW_YORK);
    case.holding = vec![NumberListHit { list: 0, added_on: None }];
    case.consents = Some(vec![revocation("2026-11-01T00:00:00Z")]);
    case = case.past(times_of(3, &sale("2026-12-01T20:00:00Z")));
    let verdict = case.check("2026-12-02T02:30:00Z");
    let expected = ["opt_out", "US-DNC-NATIONAL", "US-FL-HOURS", "US-TCPA-HOURS", "US-TSR-HOURS", "US-FL-CAP"];
    assert_eq!(ids(&verdict), expected);
    assert!(verdict.reasons.is_sorted_by_key(|f| f.kind));
    assert_eq!(verdict.decision, Decision::Deny);
}

#[test]
fn a_clock_that_was_set_back_lets_nobody_through() {
    let mut case = Case::voice(&[]).at_home("US", "US-NY", NEW_YORK).past([sale("2026-12-01T17:00:00Z")]);
    let attempts = case.world.attempts.clone();
    let mut judged = |now: &str| {
        case.with(at(now), |rules, cache, request, facts, now| {
            check(rules, cache, request, &Facts { attempts: Some(&attempts), ..*facts }, now)
        })
    };
    assert!(judged("2026-12-01T16:59:59Z").is_allowed(), "a second is skew");
    let verdict = judged("2026-12-01T16:59:58Z");
    assert_eq!((verdict.decision, ids(&verdict)), (Decision::Error, vec!["clock"]));
}

#[test]
fn a_setting_or_a_rule_that_can_not_be_read_lets_nobody_through() {
    let mut documents = shipped();
    documents.legal_settings = vec![stored("bad", r#"{"rule":"US-FL-CAP","state":"waived"}"#)];
    let mut case = Case::new(&documents, Channel::Voice).at_home("US", "US-NY", NEW_YORK);
    assert_eq!((case.check(NOON).decision, case.barred_by(NOON)), (Decision::Error, vec!["bad".to_owned()]));
    let own = |members: &str| {
        format!(
            r#"{{"id":"US-TCPA-HOURS","jurisdiction":{{"country":"US"}},{members}
            "citation":"x","verifiedOn":"2026-11-22","confidence":"low","default":"on"}}"#
        )
    };
    for (id, text, says) in [
        ("same", own(r#""kind":{"window":{"hours":{"daily":"09:00-10:00"}}},"#), "another rule has the id"),
        (
            "zone",
            own(r#""version":2,"kind":{"declared_times":{}},"tzBasis":{"fixed":["Mars/X"]},"#).replace("TCPA", "X"),
            "Mars/X",
        ),
        (
            "days",
            own(r#""kind":{"window":{"hours":{"daily":"09:00-10:00"},"holidays":["XX"]}},"#).replace("TCPA", "Y"),
            "no holiday calendar XX",
        ),
        ("hours", own(r#""kind":{"window":{"hours":{"daily":"22:00-10:00"}}},"#), "closes after it opens"),
    ] {
        let mut documents = shipped();
        documents.legal_rules = vec![stored::<LegalRule>(id, &text)];
        let verdict = Case::new(&documents, Channel::Voice).at_home("US", "US-NY", NEW_YORK).check(NOON);
        assert_eq!(verdict.decision, Decision::Error, "{id}");
        assert!(verdict.reasons[0].detail.as_deref().unwrap().contains(says), "{id}: {:?}", verdict.reasons);
    }
}

#[test]
fn data_that_every_decision_needs_blocks_while_it_is_too_old() {
    let mut documents = shipped();
    documents.data_faults = vec![DataFault {
        data: RuleRef::new("tzdb", 0),
        code: Reason::TzdbTooOld,
        detail: "2025b is older than 2026e".to_owned(),
    }];
    let verdict = Case::new(&documents, Channel::Voice).at_home("US", "US-NY", NEW_YORK).check(NOON);
    assert_eq!((verdict.decision, verdict.code()), (Decision::Error, Reason::TzdbTooOld));
}

#[test]
fn history_reaches_back_as_far_as_the_longest_rule_for_the_subject() {
    let rules = Case::new(&shipped(), Channel::Voice).world.rules;
    let days = |subject: &Subject| rules.history_reach_for(Channel::Voice, subject).unwrap() / 86_400_000_000;
    let sales = Subject { tech: Technique::Live, ..Subject::UNSPECIFIED };
    assert_eq!(days(&sales), 62, "a refusal in France");
    let collector = Subject { purpose: Purpose::Collections, collector: Some(1), ..sales.clone() };
    assert_eq!(days(&collector), 31, "the month of Australian debts");
    let informational = Subject { purpose: Purpose::Informational, ..sales };
    assert_eq!(rules.history_reach_for(Channel::Email, &informational), None);
}

#[test]
fn a_rule_survives_the_wire() {
    for rule in PACKS.all() {
        let text = serde_json::to_string(rule).unwrap();
        assert_eq!(serde_json::from_str::<LegalRule>(&text).unwrap(), **rule, "{text}");
    }
}

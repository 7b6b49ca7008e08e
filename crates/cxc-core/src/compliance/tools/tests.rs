use std::borrow::Cow;
use std::collections::BTreeMap;

use super::super::{
    AttemptRequest, CheckInputs, Columns, Decision, ExternalAnswer, ExternalOutcome, Facts, IntervalCache, NumberFacts,
    NumberListState, NumberListStatus, Part, PartKind, PastAttempt, RuleDocument, RuleDocuments, RuleRef, RuleSet,
    Stored, Subject, ToolAnswers, Verdict, Zones, check,
};
use super::*;
use crate::device::LineType;

#[derive(Debug)]
struct Row(BTreeMap<&'static str, &'static str>);

impl Columns for Row {
    fn column(&self, name: &str) -> Option<Cow<'_, str>> {
        self.0.get(name).map(|value| (*value).into())
    }
}

fn stored<T: RuleDocument>(id: &str, json: &str) -> Stored<T> {
    Stored::parse(RuleRef::new(id, 3), json)
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A Monday noon in New York.
const NOON: &str = "2026-11-30T17:00:00Z";

struct World {
    documents: RuleDocuments,
    past: Vec<PastAttempt>,
    tools: ToolAnswers,
    line_type: LineType,
    columns: Row,
    numbers: Option<Vec<NumberListStatus>>,
}

impl World {
    fn new() -> Self {
        Self {
            documents: RuleDocuments::default(),
            past: Vec::new(),
            tools: ToolAnswers::NONE,
            line_type: LineType::Unknown,
            columns: Row(BTreeMap::from([("c_other1", "VIP")])),
            numbers: None,
        }
    }

    fn location(mut self, json: &str) -> Self {
        self.documents.location_rules.push(stored("place", json));
        self
    }

    fn custom(mut self, expression: &str) -> Self {
        let json = serde_json::json!({ "required": true, "expression": expression }).to_string();
        self.documents.custom_rules.push(stored("custom", &json));
        self
    }

    fn external(mut self, answer: Option<ExternalOutcome>) -> Self {
        self.documents.external_rules.push(stored("ext", r#"{"required":true,"url":"https://x.example.com"}"#));
        let rule = RuleRef::new("ext", 3);
        self.tools.external.extend(answer.map(|outcome| ExternalAnswer { rule, outcome }));
        self
    }

    fn check(&self, now: &str) -> Verdict {
        let zones = Zones::bundled();
        let rules = RuleSet::compile(&self.documents, &[], &zones);
        let parts = [Part::new(PartKind::Phone, "US", "US-NY", "America/New_York")];
        let subject = Subject { line_type: self.line_type, ..Subject::UNSPECIFIED };
        let request = AttemptRequest {
            client: Some(7),
            parts: &parts,
            subject: &subject,
            area_code: "212",
            columns: Some(&self.columns),
            ..AttemptRequest::new(Channel::Sms, 1, 8)
        };
        let lists = self.numbers.clone().unwrap_or_default();
        let facts = Facts {
            suppression: Some(&[]),
            attempts: Some(&self.past),
            attempts_since: Timestamp::MIN,
            numbers: self.numbers.as_ref().map(|_| NumberFacts { lists: &lists, holding: &[] }),
            tools: &self.tools,
            ..Facts::none_known()
        };
        let mut cache = IntervalCache::new(zones, 10);
        let verdict = check(&rules, &mut cache, &request, &facts, at(now));
        // whatever decided is made again from what is kept, and told step by step
        let kept = CheckInputs::of(&request, &facts, at(now)).with_columns(&rules, &request);
        let kept: CheckInputs = serde_json::from_str(&serde_json::to_string(&kept).unwrap()).unwrap();
        let again = kept.explain(&rules, &mut cache);
        assert_eq!(again.verdict.reasons_text(), verdict.reasons_text());
        assert_eq!(again.verdict, verdict);
        for failure in &verdict.reasons {
            assert!(again.steps.iter().any(|step| step.rule() == Some(&failure.rule)), "{failure:?}");
        }
        verdict
    }

    fn outcome(&self) -> (Decision, Option<RuleKind>, Reason) {
        let verdict = self.check(NOON);
        (verdict.decision, verdict.reasons.first().map(|f| f.kind), verdict.code())
    }
}

const NY: &str = r#"{"required":true,"locations":[{"country":"US","areaCode":"212"}]}"#;

#[test]
fn a_location_rule_ends_the_record() {
    assert_eq!(World::new().outcome().0, Decision::Allow);
    let found = World::new().location(NY).outcome();
    assert_eq!(found, (Decision::Deny, Some(RuleKind::LocationRule), Reason::LocationRule));
    let optional = r#"{"locations":[{"country":"US"}]}"#;
    assert_eq!(World::new().location(optional).outcome().0, Decision::Allow, "nobody named it");
}

#[test]
fn a_location_rule_for_wireless_lines_holds_where_the_line_is_not_known() {
    let wireless = r#"{"required":true,"wirelessOnly":true,"locations":[{"anywhere":true}]}"#;
    let mut world = World::new().location(wireless);
    assert_eq!(world.outcome().0, Decision::Deny);
    world.line_type = LineType::Fixed;
    assert_eq!(world.outcome().0, Decision::Allow);
}

#[test]
fn a_national_list_that_is_not_loaded_holds_back_and_a_clean_one_does_not() {
    let listed = r#"{"required":true,"doNotCallOnly":true,"locations":[{"country":"US"}]}"#;
    let mut world = World::new().location(listed);
    assert_eq!(world.outcome(), (Decision::Error, Some(RuleKind::LocationRule), Reason::ComplianceUnavailable));
    let status = |state| NumberListStatus { name: "US-DNC".into(), own: false, state };
    world.numbers = Some(vec![status(NumberListState::NotLoaded)]);
    assert_eq!(world.outcome().0, Decision::Error);
    world.numbers = Some(vec![status(NumberListState::Loaded { version: "1".into(), as_of: at(NOON) })]);
    assert_eq!(world.outcome().0, Decision::Allow);
}

#[test]
fn a_custom_rule_that_does_not_hold_ends_the_record_and_one_that_fails_is_tried_again() {
    assert_eq!(World::new().custom("c_other1 == 'VIP' && local_hour == 12").outcome().0, Decision::Allow);
    let found = World::new().custom("c_other1 != 'VIP'").outcome();
    assert_eq!(found, (Decision::Deny, Some(RuleKind::CustomRule), Reason::Blocked));
    let found = World::new().custom("Attempts < 3").outcome();
    assert_eq!(found, (Decision::Error, Some(RuleKind::CustomRule), Reason::ComplianceUnavailable));
    let unread = World::new().custom("this is no expression");
    assert_eq!(unread.outcome(), (Decision::Error, Some(RuleKind::UnreadableRule), Reason::ComplianceUnavailable));
}

#[test]
fn a_custom_rule_counts_attempts_and_makes_them_be_read() {
    let mut world = World::new().custom("attempts_on_device(3600) < 2 && attempts_on_contact(86400) < 3");
    let attempt = |when: &str, device, state| PastAttempt {
        client: Some(7),
        state,
        ..PastAttempt::new(at(when), Channel::Sms, device)
    };
    world.past = vec![
        attempt("2026-11-30T16:00:00Z", 8, AttemptState::Sending),
        attempt("2026-11-30T16:30:00Z", 8, AttemptState::Sending),
        attempt("2026-11-30T16:40:00Z", 8, AttemptState::NotSent),
    ];
    assert_eq!(world.outcome().0, Decision::Allow, "one is exactly as old as the window, one never left");
    world.past.push(attempt("2026-11-30T16:50:00Z", 9, AttemptState::Sending));
    assert_eq!(world.outcome().0, Decision::Deny, "three on the contact");
    let rules = RuleSet::compile(&world.documents, &[], &Zones::bundled());
    assert_eq!(rules.history_reach(Channel::Sms), Some(86_400_000_000));
}

#[test]
fn an_attempt_on_the_contact_counts_by_its_device_where_a_client_id_is_not_known_of_both() {
    let world = |client, device| {
        let mut world = World::new().custom("attempts_on_contact(86400) < 1");
        world.past = vec![PastAttempt { client, ..PastAttempt::new(at("2026-11-30T16:00:00Z"), Channel::Sms, device) }];
        world.outcome().0
    };
    assert_eq!(world(Some(7), 9), Decision::Deny, "the contact's, on another device");
    assert_eq!(world(None, 8), Decision::Deny, "nobody said whose it was");
    assert_eq!(world(None, 9), Decision::Allow);
    assert_eq!(world(Some(70), 8), Decision::Allow, "somebody else's");
}

#[test]
fn a_custom_rule_that_asks_for_the_time_or_counts_ends_an_allowed_attempt_where_that_turns() {
    for (expression, until) in [
        ("c_other1 == 'VIP'", "2026-12-01T01:59:00Z"),
        ("local_hour < 13", "2026-11-30T18:00:00Z"),
        ("local_weekday == 1 && (local_minute < 30 || local_hour < 9)", "2026-11-30T17:01:00Z"),
        // the day ends after the hours do
        ("local_weekday == 1", "2026-12-01T01:59:00Z"),
        ("attempts_on_device(7200) >= 1", "2026-11-30T18:30:00Z"),
        ("attempts_on_device(86400) < 5", "2026-12-01T01:59:00Z"),
    ] {
        let mut world = World::new().custom(expression);
        world.past = vec![PastAttempt::new(at("2026-11-30T16:30:00Z"), Channel::Sms, 8)];
        let verdict = world.check(NOON);
        assert_eq!(verdict.not_after, Some(at(until)), "{expression}: {verdict:?}");
    }
}

#[test]
fn an_external_rule_passes_blocks_or_is_asked_again() {
    let outcome = |answer| World::new().external(answer).outcome();
    assert_eq!(outcome(Some(ExternalOutcome::Pass)).0, Decision::Allow);
    let blocked = outcome(Some(ExternalOutcome::Block("a complaint".into())));
    assert_eq!(blocked, (Decision::Deny, Some(RuleKind::ExternalRule), Reason::Blocked));
    let late = outcome(Some(ExternalOutcome::Unavailable("no answer within 2 seconds".into())));
    assert_eq!(late, (Decision::Error, Some(RuleKind::ExternalRule), Reason::ComplianceUnavailable));
    assert_eq!(outcome(None).0, Decision::Error, "it was not asked");
}

#[test]
fn while_an_audience_is_computed_external_rules_are_not_asked_and_custom_rules_bar_whom_they_always_bar() {
    let at_load = |world: World| World { tools: ToolAnswers::AT_LOAD, ..world }.outcome();
    assert_eq!(at_load(World::new().external(None)).0, Decision::Allow);
    let barred = (Decision::Deny, Some(RuleKind::CustomRule), Reason::Blocked);
    for always_no in [
        "c_other1 != 'VIP'",
        "c_other1 != 'VIP' && local_hour >= 13",
        "local_hour >= 9 && c_other1 != 'VIP'",
        "Attempts < 3 && attempts_on_device(60) < 2 && c_other1 == ''",
        "!(c_other1 == 'VIP' || call_result == 7)",
    ] {
        assert_eq!(at_load(World::new().custom(always_no)), barred, "{always_no}");
    }
    for sometimes_yes in [
        "local_hour >= 13",
        "c_other1 == 'VIP' && local_hour < 12",
        "Attempts > 3 && c_other1 == 'VIP'",
        "attempts_on_device(60) > 2 || c_other1 != 'VIP'",
        "(local_hour > 12 ? 'VIP' : '') == c_other1",
    ] {
        assert_eq!(at_load(World::new().custom(sometimes_yes)).0, Decision::Allow, "{sometimes_yes}");
    }
    let unknown = at_load(World::new().custom("cd_device_index > 1"));
    assert_eq!(unknown, (Decision::Error, Some(RuleKind::CustomRule), Reason::ComplianceUnavailable));
}

#[test]
fn a_zone_that_the_database_does_not_hold_lets_nobody_through() {
    let mars = r#"{"required":true,"locations":[{"timeZone":"Mars/Olympus"}]}"#;
    let unread = (Decision::Error, Some(RuleKind::UnreadableRule), Reason::ComplianceUnavailable);
    assert_eq!(World::new().location(mars).outcome(), unread);
    let mut world = World::new();
    world.documents.time_zones.push(stored("zone", r#"{"country":"US","timezone":"Mars/Olympus"}"#));
    assert_eq!(world.outcome(), unread);
    assert!(world.check(NOON).reasons[0].detail.as_deref().unwrap().contains("/timezone"));
}

#[test]
fn the_reasons_come_in_the_order_of_the_kinds() {
    let world = World::new().external(None).custom("false").location(NY);
    let kinds: Vec<_> = world.check("2026-11-30T06:00:00Z").reasons.iter().map(|f| f.kind).collect();
    let wanted = [RuleKind::ContactTimes, RuleKind::LocationRule, RuleKind::CustomRule, RuleKind::ExternalRule];
    assert_eq!(kinds, wanted);
}

//! An allowed attempt is allowed until the first moment at which what is known becomes another, and not beyond.
use jiff::SignedDuration;
use jiff::civil::Date;
use proptest::prelude::*;

use super::*;

const SETTINGS: [(&str, &str); 4] =
    [("US-RND", "on"), ("US-CONSENT-PEWC", "on"), ("US-CONSENT-PEWC-RESIDENTIAL", "on"), ("US-WIRELESS-PORT", "on")];

static RULES: LazyLock<RuleDocuments> = LazyLock::new(|| deciding(&SETTINGS));

/// A sales call in New York at noon there.
fn sale_at_noon() -> Case {
    Case::new(&RULES, Channel::Voice).at_home("US", "US-NY", NEW_YORK)
}

const NOON: &str = "2026-12-05T17:00:00Z";
/// Six hours later, within the legal hours.
const EVENING: &str = "2026-12-05T23:00:00Z";

fn no(asked: &str) -> NumberIntelligence {
    let reassigned =
        Reassigned { answer: ReassignedAnswer::No, consent_on: "2026-01-01".parse().unwrap(), asked_at: at(asked) };
    NumberIntelligence { reassigned: Some(reassigned), ..NumberIntelligence::default() }
}

fn loaded(case: &mut Case, as_of: &str) {
    case.lists.as_mut().unwrap()[0].state = NumberListState::Loaded { version: "1".into(), as_of: at(as_of) };
}

#[test]
fn an_attempt_is_allowed_until_a_suppression_begins() {
    let mut case = sale_at_noon();
    let hit = |from: &str, until: Option<&str>| SuppressionHit {
        list: RuleRef::new("court", 1),
        by: SuppressedBy::Device,
        from: Some(at(from)),
        until: until.map(at),
    };
    case.world.suppression = vec![hit("2026-12-05T20:00:00Z", Some("2026-12-05T19:00:00Z")), hit(EVENING, None)];
    assert_eq!(case.check(NOON).not_after, Some(at(EVENING)));
    assert_eq!(case.check(EVENING).decision, Decision::Deny);
}

#[test]
fn an_attempt_is_allowed_until_a_list_that_it_needs_is_too_old() {
    let mut case = sale_at_noon();
    loaded(&mut case, "2026-11-04T23:00:00Z");
    assert_eq!(case.check(NOON).not_after, Some(at(EVENING)));
    assert_eq!(case.check(EVENING).not_after, Some(at("2026-12-05T23:00:00.000001Z")), "at that age it is still good");
    assert_eq!(case.check("2026-12-05T23:00:01Z").code(), crate::record::Reason::DataStale);
    // the list of another country bounds nothing
    loaded(&mut case, "2026-12-01T00:00:00Z");
    case.lists.as_mut().unwrap()[2].state =
        NumberListState::Loaded { version: "1".into(), as_of: at("2026-11-07T20:00:00Z") };
    assert!(case.check(NOON).not_after > Some(at(EVENING)));
}

#[test]
fn an_attempt_is_allowed_until_the_relationship_ends_that_exempts_it() {
    let mut case = sale_at_noon();
    loaded(&mut case, "2026-12-01T00:00:00Z");
    case.holding = vec![NumberListHit { list: 0, added_on: None }];
    case.subject.purchased_at = Some(at("2025-06-05T23:00:00Z"));
    assert_eq!(case.check(NOON).not_after, Some(at(EVENING)));
    assert_eq!(case.check(EVENING).decision, Decision::Deny);
    case.subject.inquired_at = Some(at("2026-11-01T00:00:00Z"));
    assert!(case.check(NOON).not_after > Some(at(EVENING)), "the inquiry is younger");
}

#[test]
fn an_attempt_is_allowed_until_the_answer_about_the_number_is_too_old() {
    let mut case = sale_at_noon();
    (case.subject.purpose, case.subject.tech) = (Purpose::Informational, Technique::Autodialed);
    case.subject.line_type = LineType::Mobile;
    case.consents = Some(vec![consent(ConsentKind::Express, "2026-02-01T00:00:00Z")]);
    case.intelligence = Some(no("2026-10-21T23:00:00Z"));
    assert_eq!(case.check(NOON).not_after, Some(at(EVENING)));
    assert_eq!(case.check("2026-12-05T23:00:01Z").code(), crate::record::Reason::DataStale);
}

#[test]
fn an_attempt_is_allowed_until_a_port_is_no_excuse_any_more() {
    let mut case = sale_at_noon();
    (case.subject.tech, case.subject.line_type) = (Technique::Autodialed, LineType::Mobile);
    loaded(&mut case, "2026-12-01T00:00:00Z");
    let ported: Date = "2026-11-21".parse().unwrap();
    let line_type = Some(LineType::Mobile);
    case.intelligence = Some(NumberIntelligence { line_type, ported_on: Some(ported), ..no("2026-12-01T00:00:00Z") });
    assert_eq!(case.check(NOON).not_after, Some(at("2026-12-06T00:00:00Z")));
    assert_eq!(case.check("2026-12-06T00:00:00Z").code(), crate::record::Reason::ConsentMissing);
}

#[test]
fn an_attempt_is_allowed_until_its_data_is_too_old_by_its_own_terms_and_of_before_as_it_was_then() {
    let mut case = sale_at_noon();
    loaded(&mut case, "2026-11-04T23:00:00Z");
    let until = at("2026-12-05T22:00:00Z");
    let bounded = case.with(at(NOON), |rules, cache, request, facts, now| {
        check(rules, cache, request, &Facts { data_until: Some(until), ..*facts }, now)
    });
    assert_eq!(bounded.not_after, Some(until));
    // what was kept before all of this was looked at is made again as it was
    let before = case.with(at(NOON), |rules, cache, request, facts, now| {
        let mut kept = serde_json::to_value(CheckInputs::of(request, facts, now)).unwrap();
        assert_eq!(kept.as_object_mut().unwrap().remove("edition"), Some("third".into()));
        let kept: CheckInputs = serde_json::from_value(kept).unwrap();
        kept.check(rules, cache)
    });
    assert!(before.not_after > Some(at(EVENING)), "{before:?}");
}

fn minutes_from(now: Timestamp, minutes: i64) -> Timestamp {
    now.saturating_add(SignedDuration::from_mins(minutes)).unwrap()
}

/// Now and then none, and near an hour of the day that is asked about.
fn near() -> impl Strategy<Value = Option<i64>> {
    prop::option::weighted(0.6, -120i64..720)
}

const DAY: i64 = 24 * 60;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn at_every_moment_before_its_end_an_allowed_attempt_is_allowed(
        hour in 0i64..12, technique in prop_oneof![Just(Technique::Live), Just(Technique::Autodialed)],
        purpose in prop_oneof![2 => Just(Purpose::Telemarketing), 1 => Just(Purpose::Informational)],
        from in near(), until in near(), expires in near(), given in near(), bought in near(), inquired in near(),
        scrubbed in near(), asked in near(), ported in near(), held in any::<bool>(), written in any::<bool>(),
        moments in prop::collection::vec(0.0f64..1.0, 8),
    ) {
        let now = minutes_from(at("2026-12-07T13:30:00Z"), hour * 60);
        let mut case = sale_at_noon();
        (case.subject.purpose, case.subject.tech, case.subject.line_type) = (purpose, technique, LineType::Mobile);
        let (list, by) = (RuleRef::new("court", 1), SuppressedBy::ClientId);
        let hit = SuppressionHit { list, by, from: from.map(|m| minutes_from(now, m)), until: until.map(|m| minutes_from(now, m)) };
        case.world.suppression = if from.is_some() { vec![hit] } else { Vec::new() };
        let kind = if written { ConsentKind::ExpressWritten } else { ConsentKind::Express };
        let first = ConsentEvent { expires: expires.map(|m| minutes_from(now, m)), ..consent(kind, "2026-02-01T00:00:00Z") };
        let second = given.map(|m| ConsentEvent {
            effective_at: Some(minutes_from(now, m)),
            expires: Some(minutes_from(now, m + 60)),
            ..consent(ConsentKind::ExpressWritten, "2026-03-01T00:00:00Z")
        });
        case.consents = Some([first].into_iter().chain(second).collect());
        // a month is of 28 days at least: these end near the instant that is asked about, or somewhat off it
        case.subject.purchased_at = bought.map(|m| minutes_from(at("2025-06-07T13:30:00Z"), hour * 60 + m));
        case.subject.inquired_at = inquired.map(|m| minutes_from(at("2026-09-07T13:30:00Z"), hour * 60 + m));
        case.subject.relationship = if bought.is_some() { Relationship::Ebr } else { Relationship::None };
        let scrubbed = scrubbed.map_or(minutes_from(now, -DAY), |m| minutes_from(now, m - 31 * DAY));
        case.lists.as_mut().unwrap()[0].state = NumberListState::Loaded { version: "1".into(), as_of: scrubbed };
        case.holding = if held { vec![NumberListHit { list: 0, added_on: None }] } else { Vec::new() };
        let asked = asked.map_or(minutes_from(now, -DAY), |m| minutes_from(now, m - 45 * DAY));
        let ported = ported.map(|m| minutes_from(now, m - 15 * DAY).to_zoned(jiff::tz::TimeZone::UTC).date());
        let answer = no("2026-12-01T00:00:00Z").reassigned.unwrap();
        case.intelligence = Some(NumberIntelligence {
            reassigned: Some(Reassigned { asked_at: asked, ..answer }),
            line_type: Some(LineType::Mobile),
            ported_on: ported,
        });
        let verdict = case.check_at(now);
        if let Some(end) = verdict.not_after {
            let whole = end.as_microsecond() - now.as_microsecond();
            prop_assert!(whole > 0);
            let at_share = |share: &f64| now.as_microsecond() + (whole as f64 * share) as i64;
            for moment in moments.iter().map(at_share).chain([end.as_microsecond() - 1]) {
                let later = case.check_at(Timestamp::from_microsecond(moment).unwrap());
                prop_assert!(later.is_allowed(), "{moment} before {end}: {:?}", later.reasons);
            }
        }
    }
}

//! Section 8.4 over the shipped rules.
use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;

const PLACES: [(&str, &str, &str); 10] = [
    ("US", "US-FL", NEW_YORK),
    ("US", "US-TX", "America/Chicago"),
    ("US", "US-CA", "America/Los_Angeles"),
    ("US", "", "America/Denver"),
    ("US", "US-NE", "America/Chicago"),
    ("CA", "CA-NL", "America/St_Johns"),
    ("FR", "", "Europe/Paris"),
    ("IT", "", "Europe/Rome"),
    ("AU", "AU-NSW", "Australia/Lord_Howe"),
    ("NZ", "", "Pacific/Chatham"),
];

const DAYS: [&str; 6] = ["2026-10-31", "2026-12-23", "2027-03-12", "2027-03-26", "2026-10-02", "2026-06-01"];

const SETTINGS: [(&str, &str); 12] = [
    ("US-TX-HOURS", "on"),
    ("US-NE-HOURS", "on"),
    ("US-RND", "waived"),
    ("US-CONSENT-PEWC", "waived"),
    ("US-CONSENT-PEWC-RESIDENTIAL", "waived"),
    ("EU-CONSENT-AUTO", "waived"),
    ("FR-CONSENT", "waived"),
    ("CA-ADAD", "waived"),
    ("CA-ADAD-HOURS", "on"),
    ("CA-ADAD-IDENTIFY", "on"),
    ("NZ-UEM-CONSENT-AUTO", "waived"),
    ("US-MA-COLLECT", "on"),
];

static RULES: LazyLock<RuleDocuments> = LazyLock::new(|| deciding(&SETTINGS));

fn purpose() -> impl Strategy<Value = Purpose> {
    prop_oneof![Just(Purpose::Telemarketing), Just(Purpose::Collections), Just(Purpose::Survey)]
}

fn technique() -> impl Strategy<Value = Technique> {
    prop_oneof![Just(Technique::Live), Just(Technique::Prerecorded), Just(Technique::Autodialed)]
}

fn instant(day: usize, minutes: i64) -> Timestamp {
    at(&format!("{}T00:00:00Z", DAYS[day])).saturating_add(SignedDuration::from_mins(minutes)).unwrap()
}

fn case(places: &[usize], purpose: Purpose, technique: Technique, attempts: Vec<PastAttempt>) -> Case {
    let mut case = Case::new(&RULES, Channel::Voice).past(attempts);
    for place in places {
        let (country, region, zone) = PLACES[*place];
        case.world = case.world.phone(country, region, zone);
    }
    (case.subject.purpose, case.subject.tech) = (purpose, technique);
    if purpose == Purpose::Collections {
        case.subject.collector = Some(1);
        case.debts = vec![100];
    }
    case.fresh = true;
    case
}

fn tries(now: Timestamp, minutes: &[i64], purpose: Purpose) -> Vec<PastAttempt> {
    let one = |(n, back): (usize, &i64)| PastAttempt {
        at: now.saturating_sub(SignedDuration::from_mins(*back)).unwrap(),
        purpose: Some(purpose),
        conversation: n % 5 == 4,
        refused: n % 7 == 6,
        ..call("2026-01-01T00:00:00Z")
    };
    minutes.iter().enumerate().map(one).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_earliest_legal_instant_is_legal_and_a_second_before_it_is_not(
        places in prop::collection::vec(0..PLACES.len(), 1..3), purpose in purpose(), technique in technique(),
        day in 0..DAYS.len(), minutes in 0i64..2880, back in prop::collection::vec(1i64..43_200, 0..10),
    ) {
        let now = instant(day, minutes);
        let mut case = case(&places, purpose, technique, tries(now, &back, purpose));
        let verdict = case.check_at(now);
        match verdict.decision {
            Decision::Allow => {
                let last = verdict.not_after.unwrap().saturating_sub(SignedDuration::from_micros(1)).unwrap();
                prop_assert!(last >= now && verdict.reasons.is_empty());
            }
            Decision::Defer => {
                let earliest = verdict.not_before.unwrap();
                prop_assert!(earliest > now && !verdict.reasons.is_empty());
                prop_assert!(case.check_at(earliest).is_allowed(), "{earliest}");
                for back in [1_000_000, 1] {
                    let before = earliest.saturating_sub(SignedDuration::from_micros(back)).unwrap();
                    prop_assert!(before < now || !case.check_at(before).is_allowed(), "{before}");
                }
            }
            // the hours of France and of Chatham never meet
            Decision::Deny => {
                prop_assert!(verdict.reasons.iter().any(|r| r.kind == RuleKind::Horizon), "{:?}", verdict.reasons);
                for quarters in 0..14 * 96 {
                    let later = now.saturating_add(SignedDuration::from_mins(quarters * 15)).unwrap();
                    prop_assert!(!case.check_at(later).is_allowed(), "{later}");
                }
            }
            Decision::Error => prop_assert!(false, "{:?}", verdict.reasons),
        }
    }

    #[test]
    fn an_intersection_is_never_wider_than_a_member(
        first in 0..PLACES.len(), second in 0..PLACES.len(), purpose in purpose(), technique in technique(),
        day in 0..DAYS.len(), minutes in 0i64..2880, back in prop::collection::vec(1i64..20_000, 0..8),
    ) {
        let now = instant(day, minutes);
        // a country whose region another part tells is no wider than the region
        prop_assume!(PLACES[first].1.is_empty() == PLACES[second].1.is_empty() || PLACES[first].0 != PLACES[second].0);
        let attempts = tries(now, &back, purpose);
        let both = case(&[first, second], purpose, technique, attempts.clone()).check_at(now);
        if both.is_allowed() {
            for place in [first, second] {
                let alone = case(&[place], purpose, technique, attempts.clone()).check_at(now);
                prop_assert!(alone.is_allowed(), "{:?}", alone.reasons);
                prop_assert!(alone.not_after >= both.not_after && alone.window_end >= both.window_end);
            }
        }
    }

    #[test]
    fn the_same_decision_made_again_has_the_same_reasons_byte_for_byte(
        place in 0..PLACES.len(), purpose in purpose(), technique in technique(),
        asked in prop::collection::vec((0..DAYS.len(), 0i64..20_000), 1..6),
        back in prop::collection::vec(1i64..20_000, 0..8),
    ) {
        let mut used = case(&[place], purpose, technique, Vec::new());
        for (day, minutes) in asked {
            let now = instant(day, minutes);
            let attempts = tries(now, &back, purpose);
            let mut fresh = case(&[place], purpose, technique, attempts.clone());
            used.world.attempts = attempts;
            let (seen, again) = (used.check_at(now), fresh.check_at(now));
            prop_assert_eq!(seen.reasons_text(), again.reasons_text());
            prop_assert_eq!(seen, again);
        }
    }
}

//! A tenant's rules for the code of a territory of the United States are about its people.
use super::legal::own_law;
use super::*;

const NOON: &str = "2026-12-01T16:00:00Z";

/// A phone of a territory, under rules that name it by its own code.
fn barred(documents: &RuleDocuments, country: &str, zone: &str) -> bool {
    let region = format!("US-{country}");
    !World::new(documents).phone(country, &region, zone).allowed(NOON)
}

#[test]
fn a_rule_for_a_territory_binds_its_people_and_nobody_else() {
    for (country, zone) in [
        ("PR", "America/Puerto_Rico"),
        ("VI", "America/St_Thomas"),
        ("GU", "Pacific/Guam"),
        ("MP", "Pacific/Saipan"),
        ("AS", "Pacific/Pago_Pago"),
    ] {
        let open = || with_times(vec![times("open", "", "00:00", "24:00")]);
        let date = format!(r#"{{"country":"{country}","date":"2026-12-01"}}"#);
        let place = format!(r#"{{"required":true,"locations":[{{"country":"{country}"}}]}}"#);
        let closed = times("own", &format!(r#""country":"{country}","#), "03:00", "04:00");
        let mut own = [open(), open(), open(), open()];
        own[0].contact_dates = vec![stored("date", &date), stored("next", &date.replace("-12-01", "-12-02"))];
        own[1].location_rules = vec![stored("place", &place)];
        own[2].contact_times.push(closed);
        own[3].legal_rules = vec![own_law(country)];
        for documents in own {
            assert!(barred(&documents, country, zone), "{country}: {documents:?}");
            let mut state = World::new(&documents).phone("US", "US-NY", "America/New_York");
            assert!(state.allowed(NOON), "{country}");
            // a decision of before is made again as it was
            let before = RuleDocuments { edition: Edition::Second, ..documents };
            assert!(!barred(&before, country, zone), "{country}");
        }
    }
}

#[test]
fn attempts_on_people_in_a_territory_are_counted_by_its_code() {
    let rule = r#"{"required":true,"maxAttempts":1,"window":{"seconds":86400},"results":[],"to":{"country":"PR"}}"#;
    let mut world = World::new(&with_attempts(&[("cap", rule)])).phone("PR", "US-PR", "America/Puerto_Rico");
    let made = |regions: &str| PastAttempt {
        regions: regions.into(),
        ..past("2026-12-01T15:00:00Z", AttemptState::Final, Some(CallResult::Answer))
    };
    world.attempts = vec![made("US-FL")];
    assert!(world.allowed(NOON));
    world.attempts = vec![made("US-PR")];
    assert!(!world.allowed(NOON));
}

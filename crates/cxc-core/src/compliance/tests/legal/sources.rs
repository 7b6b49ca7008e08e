//! Whose law holds: that of the number that is called and of every place that is told, whosever clocks are read.
use super::*;

/// Half past eight in the evening in New York.
const LATE: &str = "2026-12-02T01:30:00Z";

fn reading(sources: Sources) -> Case {
    let mut documents = deciding(&[("US-RND", "on")]);
    documents.unmapped.sources = sources;
    let mut case = Case::new(&documents, Channel::Voice);
    (case.subject.tech, case.subject.line_type) = (Technique::Autodialed, LineType::Mobile);
    case
}

/// The same decision as it is kept.
fn kept(case: &mut Case, now: &str) -> serde_json::Value {
    let inputs = case.with(at(now), |_, _, request, facts, at| CheckInputs::of(request, facts, at));
    serde_json::to_value(inputs).unwrap()
}

/// The rules that stood in the way of a decision that is kept.
fn again(case: &mut Case, kept: &serde_json::Value) -> Vec<String> {
    let inputs: CheckInputs = serde_json::from_value(kept.clone()).unwrap();
    let verdict = inputs.check(&case.world.rules, &mut case.world.cache);
    verdict.reasons.iter().map(|failure| failure.rule.id.to_string()).collect()
}

#[test]
fn the_law_of_the_number_that_is_called_holds_whatever_part_tells_the_clocks() {
    for sources in [Sources::Contact, Sources::ContactThenDevice, Sources::ContactAndDevice, Sources::Device] {
        let mut case = reading(sources);
        case.world = case.world.part(PartKind::Explicit, "", "", NEW_YORK).phone("US", "US-FL", NEW_YORK);
        let barred = case.barred_by(LATE);
        for rule in ["US-CONSENT-PEWC", "US-RND", "US-FL-HOURS"] {
            assert!(barred.iter().any(|id| id == rule), "{sources:?}: {rule} of {barred:?}");
        }
    }
}

#[test]
fn the_law_of_every_state_that_is_told_holds_where_only_the_device_tells_the_clocks() {
    let mut case = reading(Sources::Device);
    case.world = case.world.part(PartKind::Postal, "US", "US-FL", NEW_YORK).phone("US", "US-NY", NEW_YORK);
    assert!(case.barred_by(LATE).iter().any(|id| id == "US-FL-HOURS"));
}

#[test]
fn a_decision_of_before_is_made_again_by_the_law_that_was_read_then() {
    let mut case = reading(Sources::ContactThenDevice);
    case.world = case.world.part(PartKind::Explicit, "", "", NEW_YORK).phone("US", "US-FL", NEW_YORK);
    let mut kept = kept(&mut case, LATE);
    assert_eq!(kept["edition"], "third");
    let now = case.barred_by(LATE);
    assert_eq!(again(&mut case, &kept), now);
    // as it was kept before there were several
    kept.as_object_mut().unwrap().remove("edition");
    assert_eq!(again(&mut case, &kept), Vec::<String>::new());
}

#[test]
fn a_revocation_reaches_the_territories_of_the_united_states_as_the_states() {
    let stop = ConsentEvent { channels: vec![Channel::Sms], ..revocation("2026-11-01T00:00:00Z") };
    for (country, region, zone) in [
        ("US", "US-NY", NEW_YORK),
        ("PR", "US-PR", "America/Puerto_Rico"),
        ("GU", "US-GU", "Pacific/Guam"),
        ("VI", "US-VI", "America/St_Thomas"),
        ("MP", "US-MP", "Pacific/Saipan"),
        ("AS", "", "Pacific/Pago_Pago"),
    ] {
        let mut case = reading(Sources::ContactAndDevice).at_home(country, region, zone);
        case.subject.purpose = Purpose::Informational;
        case.consents = Some(vec![stop.clone()]);
        // in force from the last day of January
        for (now, is_out) in [("2027-01-29T20:00:00Z", false), ("2027-02-02T20:00:00Z", true)] {
            assert_eq!(case.barred_by(now).iter().any(|id| id == "opt_out"), is_out, "{country} {now}");
        }
        let mut kept = kept(&mut case, "2027-02-02T20:00:00Z");
        kept.as_object_mut().unwrap().remove("edition");
        assert_eq!(again(&mut case, &kept).iter().any(|id| id == "opt_out"), country == "US", "{country} before");
    }
}

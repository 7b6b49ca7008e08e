use super::*;
use crate::record::Reason;

const ROUND_THE_CLOCK: (&str, &str) = ("00:00", "24:00");

fn open_always() -> RuleDocuments {
    with_times(vec![times("open", "", ROUND_THE_CLOCK.0, ROUND_THE_CLOCK.1)])
}

#[test]
fn without_a_rule_the_shipped_hours_hold() {
    let mut world = World::shipped(0).phone("US", "US-AZ", "America/Phoenix");
    assert!(!world.allowed("2026-12-01T14:59:59.999999Z"));
    assert!(world.allowed("2026-12-01T15:00:00Z"));
    assert!(world.allowed("2026-12-02T03:59:59.999999Z"));
    assert!(!world.allowed("2026-12-02T04:00:00Z"));
}

#[test]
fn the_guard_stops_contacting_a_minute_before_the_legal_end() {
    let mut world = World::shipped(60).phone("US", "US-AZ", "America/Phoenix");
    let verdict = world.check(at("2026-12-02T03:58:59Z"));
    assert_eq!(verdict.not_after, Some(at("2026-12-02T03:59:00Z")));
    assert_eq!(verdict.window_end, Some(at("2026-12-02T04:00:00Z")));
    let verdict = world.check(at("2026-12-02T03:59:00Z"));
    assert_eq!(verdict.not_before, Some(at("2026-12-02T15:00:00Z")));
    assert_eq!(ids(&verdict), ["shipped_contact_times"]);
}

#[test]
fn eastern_and_central_together_are_the_strictest_of_both() {
    // compliance design, section 8.3
    let mut world = World::shipped(0).part(PartKind::Postal, "US", "US-NY", "America/New_York").phone(
        "US",
        "US-IL",
        "America/Chicago",
    );
    assert!(!world.allowed("2026-12-01T13:59:59Z"));
    assert!(world.allowed("2026-12-01T14:00:00Z"));
    assert!(world.allowed("2026-12-02T01:59:59Z"));
    assert!(!world.allowed("2026-12-02T02:00:00Z"));
}

#[test]
fn a_person_in_an_eastern_or_pacific_zone_has_ten_common_hours() {
    // section 8.1, R15: 11:00-21:00 Eastern
    let mut world = World::shipped(0).part(PartKind::Postal, "US", "US-CA", "America/Los_Angeles").phone(
        "US",
        "US-NY",
        "America/New_York",
    );
    let verdict = world.check(at("2026-12-01T15:59:59Z"));
    assert_eq!(verdict.not_before, Some(at("2026-12-01T16:00:00Z")));
    assert_eq!(world.check(at("2026-12-01T16:00:00Z")).window_end, Some(at("2026-12-02T02:00:00Z")));
}

#[test]
fn a_rule_that_is_open_round_the_clock_never_closes() {
    let mut world =
        World::new(&RuleDocuments { guard_seconds: 3600, ..open_always() }).phone("US", "", "America/New_York");
    for minute in 0..3 * 24 * 60 {
        let now = at("2026-10-31T00:00:30Z").saturating_add(jiff::SignedDuration::from_mins(minute)).unwrap();
        let verdict = world.check(now);
        assert!(verdict.is_allowed(), "{now}");
        assert!(verdict.not_after.unwrap() > now.saturating_add(jiff::SignedDuration::from_hours(24)).unwrap());
    }
}

#[test]
fn the_rule_of_the_region_wins_over_that_of_its_country_and_this_over_the_general_one() {
    let documents = with_times(vec![
        times("any", "", "01:00", "02:00"),
        times("country", r#""country":"US","#, "03:00", "04:00"),
        times("region", r#""country":"US","region":"FL","#, "03:30", "06:00"),
    ]);
    for (country, region, opens, closes) in [
        ("US", "US-FL", "03:30", "06:00"),
        ("US", "US-GA", "03:00", "04:00"),
        // it may be Florida, or any other
        ("US", "", "03:30", "04:00"),
        ("GB", "", "01:00", "02:00"),
        ("", "", "01:00", "02:00"),
    ] {
        let mut world = World::new(&documents).phone(country, region, "Etc/UTC");
        let verdict = world.check(at("2026-12-01T00:00:00Z"));
        let opening = at(&format!("2026-12-01T{opens}:00Z"));
        assert_eq!(verdict.not_before, Some(opening), "{country} {region}");
        let end = world.check(opening).window_end;
        assert_eq!(end, Some(at(&format!("2026-12-01T{closes}:00Z"))), "{country} {region}");
    }
}

#[test]
fn where_no_rule_of_the_tenant_matches_the_shipped_hours_hold() {
    let documents = with_times(vec![times("gb", r#""country":"GB","#, "00:00", "24:00")]);
    let verdict = World::new(&documents).phone("US", "", "Etc/UTC").check(at("2026-12-01T00:00:00Z"));
    assert_eq!(verdict.not_before, Some(at("2026-12-01T08:00:00Z")));
}

#[test]
fn the_rules_of_every_region_in_which_a_person_may_be_hold_together() {
    let documents = with_times(vec![
        times("fl", r#""region":"US-FL","#, "08:00", "20:00"),
        times("tx", r#""region":"US-TX","#, "09:00", "21:00"),
    ]);
    let mut world =
        World::new(&documents).part(PartKind::Postal, "US", "US-FL", "Etc/UTC").phone("US", "US-TX", "Etc/UTC");
    let verdict = world.check(at("2026-12-01T06:00:00Z"));
    assert_eq!(verdict.not_before, Some(at("2026-12-01T09:00:00Z")));
    assert_eq!(ids(&verdict), ["fl", "tx"]);
    assert_eq!(world.check(at("2026-12-01T09:00:00Z")).not_after, Some(at("2026-12-01T20:00:00Z")));
}

#[test]
fn a_rule_of_another_channel_does_not_hold() {
    let documents = with_times(vec![times("voice", r#""channels":["voice"],"#, "10:00", "11:00")]);
    let mut world = World::new(&documents).phone("US", "", "Etc/UTC");
    assert!(world.allowed("2026-12-01T09:00:00Z"));
    world.channel = Channel::Voice;
    assert!(!world.allowed("2026-12-01T09:00:00Z"));
}

#[test]
fn a_rule_that_is_not_required_holds_only_where_it_is_named() {
    let documents = with_times(vec![times("mine", r#""required":false,"#, "10:00", "11:00")]);
    let mut world = World::new(&documents).phone("US", "", "Etc/UTC");
    assert!(world.allowed("2026-12-01T09:00:00Z"));
    world.rules = RuleSet::compile(&documents, &["mine"], &Zones::bundled());
    assert!(!world.allowed("2026-12-01T09:00:00Z"));
}

#[test]
fn a_rule_that_is_not_required_never_widens() {
    let wide = |members: &str| times("wide", &format!(r#"{members}"required":false,"#), "00:00", "24:00");
    let named = |documents: &RuleDocuments| RuleSet::compile(documents, &["wide"], &Zones::bundled());
    let night = at("2026-12-01T03:00:00Z");
    // neither the shipped hours, nor those of the tenant, nor the window of people without a zone
    let own = times("own", r#""country":"US","#, "10:00", "18:00");
    for (documents, opens) in [
        (with_times(vec![wide("")]), "2026-12-01T08:00:00Z"),
        (with_times(vec![wide(r#""region":"US-FL","#), own]), "2026-12-01T10:00:00Z"),
    ] {
        let mut world = World::new(&documents).phone("US", "US-FL", "Etc/UTC");
        world.rules = named(&documents);
        assert_eq!(world.check(night).not_before, Some(at(opens)));
    }
    let documents = with_times(vec![wide("")]);
    let mut world = World::new(&documents).phone("US", "", "");
    world.rules = named(&documents);
    assert_eq!(world.check(night).not_before, Some(at("2026-12-01T19:00:00Z")), "14:00 in New York");
}

#[test]
fn a_day_may_have_several_windows() {
    // France: 10-13 and 14-20, no weekends
    let day = r#"[{"from":"10:00","till":"13:00"},{"from":"14:00","till":"20:00"}]"#;
    let rule = stored("fr", &format!(r#"{{"country":"FR","weekdays":[{day},{day},{day},{day},{day},[],[]]}}"#));
    let mut world = World::new(&with_times(vec![rule])).phone("FR", "", "Europe/Paris");
    assert_eq!(world.check(at("2026-12-04T12:30:00Z")).not_before, Some(at("2026-12-04T13:00:00Z")));
    assert_eq!(world.check(at("2026-12-04T19:00:00Z")).not_before, Some(at("2026-12-07T09:00:00Z")));
    assert!(world.allowed("2026-12-04T11:59:59Z"));
}

#[test]
fn the_canadian_and_australian_boundaries_hold() {
    // section 8.2
    let week = |fri: &str, sat: &str, sun: &str| format!(r#"{{"weekdays":[[],[],[],[],{fri},{sat},{sun}]}}"#);
    let canada = week(r#"[{"from":"09:00","till":"21:30"}]"#, r#"[{"from":"10:00","till":"18:00"}]"#, "[]");
    let mut world = World::new(&with_times(vec![stored("ca", &canada)])).phone("CA", "", "America/Toronto");
    assert!(world.allowed("2026-12-05T02:29:59Z") && !world.allowed("2026-12-05T02:30:00Z"));
    assert!(world.allowed("2026-12-05T22:59:00Z") && !world.allowed("2026-12-05T14:59:00Z"));
    let australia = week("[]", r#"[{"from":"09:00","till":"17:00"}]"#, "[]");
    let mut documents = with_times(vec![stored("au", &australia)]);
    documents.contact_dates = vec![stored("anzac", r#"{"country":"AU","date":"2026-04-25"}"#)];
    let mut world = World::new(&documents).phone("AU", "", "Australia/Brisbane");
    assert!(world.allowed("2026-12-05T06:59:59Z") && !world.allowed("2026-12-05T07:00:00Z"));
    assert!(!world.allowed("2026-12-06T02:00:00Z"));
    assert!(!world.allowed("2026-04-25T02:00:00Z") && world.allowed("2026-04-18T02:00:00Z"));
}

#[test]
fn a_holiday_of_any_candidate_region_blocks_its_local_date_in_every_zone() {
    let mut documents = open_always();
    documents.contact_dates = vec![stored("day", r#"{"region":"US-LA","date":"2027-02-09","name":"Mardi Gras"}"#)];
    let mut world = World::new(&documents).part(PartKind::Postal, "US", "US-LA", "America/Chicago").phone(
        "US",
        "US-NY",
        "America/New_York",
    );
    assert!(world.allowed("2027-02-09T04:59:59Z"));
    let verdict = world.check(at("2027-02-09T05:00:00Z"));
    assert_eq!(verdict.code(), Reason::ContactDate);
    assert_eq!(verdict.not_before, Some(at("2027-02-10T06:00:00Z")));
    assert!(World::new(&documents).phone("US", "US-NY", "America/New_York").allowed("2027-02-09T12:00:00Z"));
}

#[test]
fn where_only_a_country_is_known_the_times_and_dates_of_all_its_regions_hold() {
    let mut documents = with_times(vec![
        times("all", r#""country":"US","#, "08:00", "20:00"),
        times("oregon", r#""region":"US-OR","#, "10:00", "22:00"),
    ]);
    documents.contact_dates = vec![stored("day", r#"{"region":"US-LA","date":"2027-02-09"}"#)];
    let mut unknown = World::new(&documents).phone("US", "", "America/Chicago");
    assert!(!unknown.allowed("2027-02-08T15:59:59Z"), "it may be in Oregon");
    assert!(unknown.allowed("2027-02-08T16:00:00Z"));
    assert!(!unknown.allowed("2027-02-09T02:00:00Z"), "it may be elsewhere");
    assert_eq!(unknown.check(at("2027-02-09T18:00:00Z")).code(), Reason::ContactDate);
    let mut known = World::new(&documents).phone("US", "US-TX", "America/Chicago");
    assert!(known.allowed("2027-02-08T14:00:00Z") && known.allowed("2027-02-09T18:00:00Z"));
}

#[test]
fn a_special_date_with_a_window_narrows_the_day_and_never_widens_it() {
    let mut documents = with_times(vec![times("t", "", "09:00", "17:00")]);
    documents.contact_dates = vec![stored("eve", r#"{"date":"2026-12-24","window":{"from":"06:00","till":"12:00"}}"#)];
    let mut world = World::new(&documents).phone("", "", "Etc/UTC");
    assert!(!world.allowed("2026-12-24T08:59:59Z"));
    assert!(world.allowed("2026-12-24T09:00:00Z"));
    let verdict = world.check(at("2026-12-24T12:00:00Z"));
    assert_eq!((verdict.code(), verdict.not_before), (Reason::ContactDate, Some(at("2026-12-25T09:00:00Z"))));
}

#[test]
fn without_a_zone_only_the_unmapped_window_is_left() {
    let mut world = World::shipped(0).phone("", "", "");
    let verdict = world.check(at("2026-12-01T18:59:59Z"));
    assert_eq!((verdict.not_before, ids(&verdict)), (Some(at("2026-12-01T19:00:00Z")), vec!["unmapped_window"]));
    assert_eq!(world.check(at("2026-12-01T19:00:00Z")).not_after, Some(at("2026-12-02T01:00:00Z")));
    assert!(!World::shipped(0).part(PartKind::Explicit, "US", "", "Mars/Olympus").allowed("2026-12-01T18:00:00Z"));
}

#[test]
fn a_person_without_a_zone_is_free_only_where_every_rule_is_open_round_the_clock() {
    assert!(World::new(&open_always()).allowed("2026-12-01T05:00:00Z"));
    let mut documents = open_always();
    documents.contact_times.push(times("fl", r#""region":"US-FL","#, "08:00", "20:00"));
    assert!(!World::new(&documents).allowed("2026-12-01T05:00:00Z"));
}

#[test]
fn a_tenant_may_contact_nobody_whose_phone_tells_no_zone() {
    let mut documents = open_always();
    documents.unmapped.phone = OnUnmappedPhone::Block;
    let verdict = World::new(&documents).phone("US", "", "").check(at("2026-12-01T18:00:00Z"));
    assert_eq!((verdict.decision, verdict.code()), (Decision::Error, Reason::ComplianceUnavailable));
}

#[test]
fn a_rule_that_cannot_be_read_lets_nobody_through() {
    let mut documents = open_always();
    documents.contact_dates = vec![stored("broken", r#"{"date":"2026-13-01"}"#)];
    let verdict = World::new(&documents).phone("US", "", "Etc/UTC").check(at("2026-12-01T12:00:00Z"));
    assert_eq!((verdict.decision, ids(&verdict)), (Decision::Error, vec!["broken"]));
    assert_eq!(verdict.not_before, Some(at("2026-12-01T12:05:00Z")));
    documents.contact_dates.clear();
    documents.contact_times[0] = times("backwards", "", "21:00", "08:00");
    assert!(!World::new(&documents).phone("US", "", "Etc/UTC").allowed("2026-12-01T12:00:00Z"));
}

#[test]
fn the_stop_switch_comes_first_and_defers() {
    let documents = RuleDocuments { stop_switch: Some("regulator called".to_owned()), ..RuleDocuments::default() };
    let verdict = World::new(&documents).phone("US", "", "America/New_York").check(at("2026-12-01T05:00:00Z"));
    assert_eq!(verdict.decision, Decision::Defer);
    assert_eq!(ids(&verdict), ["stop_switch", "shipped_contact_times"]);
}

#[test]
fn a_suppressed_person_is_denied_and_the_other_reasons_are_told_too() {
    let mut world = World::shipped(0).phone("US", "", "America/New_York");
    world.suppression =
        vec![SuppressionHit { list: RuleRef::new("dnc", 1), by: SuppressedBy::Device, from: None, until: None }];
    let verdict = world.check(at("2026-12-01T05:00:00Z"));
    assert_eq!((verdict.decision, verdict.code()), (Decision::Deny, Reason::Suppressed));
    assert_eq!(ids(&verdict), ["dnc", "shipped_contact_times"]);
    assert_eq!(verdict.not_before, None);
}

#[test]
fn a_suppression_entry_holds_from_its_start_until_exclusively_its_end() {
    let mut world = World::new(&open_always()).phone("US", "", "Etc/UTC");
    let (from, until) = (Some(at("2026-12-01T00:00:00Z")), Some(at("2026-12-02T00:00:00Z")));
    world.suppression = vec![SuppressionHit { list: RuleRef::new("dnc", 1), by: SuppressedBy::ClientId, from, until }];
    assert!(world.allowed("2026-11-30T23:59:59Z"));
    assert!(!world.allowed("2026-12-01T00:00:00Z"));
    assert!(!world.allowed("2026-12-01T23:59:59Z"));
    assert!(world.allowed("2026-12-02T00:00:00Z"));
}

#[test]
fn a_person_who_is_never_open_is_denied() {
    let rule = stored("closed", r#"{"weekdays":[[],[],[],[],[],[],[]]}"#);
    let mut world = World::new(&with_times(vec![rule])).phone("US", "", "Etc/UTC");
    for now in ["2026-12-01T12:00:00Z", "2026-12-01T12:00:01Z"] {
        let verdict = world.check(at(now));
        assert_eq!((verdict.decision, verdict.code()), (Decision::Deny, Reason::NeverOpen));
        assert_eq!(ids(&verdict), ["closed", "never_open"]);
    }
}

#[test]
fn an_opening_months_ahead_is_found() {
    let mut documents =
        with_times(vec![stored("sundays", r#"{"weekdays":[[],[],[],[],[],[],[{"from":"10:00","till":"11:00"}]]}"#)]);
    let dates = (0..40)
        .map(|week| at("2026-12-06T12:00:00Z").saturating_add(jiff::SignedDuration::from_hours(week * 168)).unwrap());
    documents.contact_dates =
        dates.map(|d| stored("x", &format!(r#"{{"date":"{}"}}"#, &d.to_string()[..10]))).collect();
    let verdict = World::new(&documents).phone("US", "", "Etc/UTC").check(at("2026-12-01T12:00:00Z"));
    assert_eq!(verdict.not_before, Some(at("2027-09-12T10:00:00Z")));
}

#[test]
fn facts_that_could_not_be_read_let_nobody_through() {
    let mut world =
        World::new(&with_attempts(&[("r", r#"{"maxAttempts":1,"required":true,"window":{"seconds":60}}"#)]));
    let request = AttemptRequest::new(Channel::Sms, 1, 8);
    let now = at("2026-12-01T12:00:00Z");
    let facts = Facts {
        suppression: Some(&[]),
        attempts: Some(&[]),
        attempts_since: at("2026-12-01T11:59:00Z"),
        ..Facts::none_known()
    };
    assert!(check(&world.rules, &mut world.cache, &request, &facts, now).is_allowed());
    for facts in [
        Facts { suppression: None, ..facts },
        Facts { attempts: None, ..facts },
        Facts { attempts_since: at("2026-12-01T11:59:01Z"), ..facts },
    ] {
        let verdict = check(&world.rules, &mut world.cache, &request, &facts, now);
        assert_eq!(verdict.decision, Decision::Error, "{facts:?}");
    }
    assert_eq!(Verdict::unavailable(now, "no rules").code(), Reason::ComplianceUnavailable);
}

#[test]
fn a_full_cache_starts_afresh_and_a_stale_place_is_told() {
    let documents = RuleDocuments::default();
    let zones = Zones::bundled();
    let rules = RuleSet::compile(&documents, &[], &zones);
    let mut cache = IntervalCache::new(zones, 2);
    let place = |cache: &mut IntervalCache, zones: &str| {
        cache.place(&rules, Channel::Sms, &[Part::new(PartKind::Phone, "US", "", zones)])
    };
    let now = at("2026-12-01T18:00:00Z");
    let first = place(&mut cache, "America/New_York");
    assert_eq!(first, place(&mut cache, "America/New_York"));
    assert!(cache.open_window(first, now).unwrap().is_some());
    place(&mut cache, "America/Chicago");
    place(&mut cache, "America/Denver");
    assert_eq!(cache.open_window(first, now), Err(PlaceError::Stale));
}

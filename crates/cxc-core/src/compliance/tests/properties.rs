use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;

const ZONES: [&str; 12] = [
    "America/New_York",
    "America/Chicago",
    "America/St_Johns",
    "America/Phoenix",
    "Atlantic/Azores",
    "Australia/Lord_Howe",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "Pacific/Chatham",
    "Asia/Kathmandu",
    "Asia/Beirut",
    "Europe/London",
];

/// Days of clock changes, of the date line, and ordinary ones.
const DATES: [&str; 7] =
    ["2026-10-03", "2026-10-24", "2026-10-31", "2027-03-13", "2026-12-24", "2027-03-27", "2026-06-15"];

fn week() -> impl Strategy<Value = Vec<Vec<DayWindow>>> {
    let day = prop::collection::vec(0u16..=96, 0..5).prop_map(|mut edges| {
        edges.sort_unstable();
        edges.dedup();
        edges.as_chunks::<2>().0.iter().map(|e| DayWindow::minutes(e[0] * 15, e[1] * 15)).collect()
    });
    let whole = Just(vec![DayWindow::ALL_DAY]);
    prop::collection::vec(prop_oneof![3 => day, 1 => whole], 7)
}

fn rule(weekdays: Vec<Vec<DayWindow>>) -> Stored<ContactTimes> {
    let body = ContactTimes { weekdays, ..ContactTimes::shipped() };
    Stored::new(RuleRef::new("r", 1), body)
}

fn documents(weekdays: Vec<Vec<DayWindow>>, dates: &[usize], guard_seconds: u32) -> RuleDocuments {
    let mut documents = with_times(vec![rule(weekdays)]);
    documents.guard_seconds = guard_seconds;
    documents.contact_dates = dates.iter().map(|d| stored("d", &format!(r#"{{"date":"{}"}}"#, DATES[*d]))).collect();
    documents
}

fn now(date: usize, minutes: i64) -> Timestamp {
    at(&format!("{}T00:00:00Z", DATES[date])).saturating_add(SignedDuration::from_secs(minutes * 60)).unwrap()
}

fn world(documents: &RuleDocuments, zones: &[usize]) -> World {
    zones.iter().fold(World::new(documents), |world, z| world.phone("US", "", ZONES[*z]))
}

/// What the wall clocks say, straight from the rule: the oracle of the interval engine, but for clock changes.
fn clock_allows(weekdays: &[Vec<DayWindow>], dates: &[usize], zone: usize, at: Timestamp) -> bool {
    let local = Zones::bundled().get(ZONES[zone]).unwrap().to_datetime(at);
    let weekday = usize::from(local.date().weekday().to_monday_zero_offset().unsigned_abs());
    let minute = u16::try_from(i32::from(local.hour()) * 60 + i32::from(local.minute())).unwrap();
    let blocked = dates.iter().any(|d| local.date().to_string() == DATES[*d]);
    !blocked && weekdays[weekday].iter().any(|w| w.from.minutes() <= minute && minute < w.till.minutes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]

    #[test]
    fn what_is_allowed_is_inside_the_windows_of_every_zone(
        weekdays in week(), zones in prop::collection::vec(0..ZONES.len(), 1..4),
        dates in prop::collection::vec(0..DATES.len(), 0..3), date in 0..DATES.len(), minutes in -1440i64..4320,
    ) {
        let verdict = world(&documents(weekdays.clone(), &dates, 0), &zones).check(now(date, minutes));
        let clocks = zones.iter().all(|z| clock_allows(&weekdays, &dates, *z, now(date, minutes)));
        prop_assert!(clocks || !verdict.is_allowed());
        if let Some(end) = verdict.not_after.filter(|end| *end < now(date, minutes + 1440)) {
            // open until just before the end
            let last = end.saturating_sub(SignedDuration::from_millis(1)).unwrap();
            prop_assert!(zones.iter().all(|z| clock_allows(&weekdays, &dates, *z, last)));
        }
    }

    #[test]
    fn away_from_clock_changes_what_every_clock_allows_is_allowed(
        weekdays in week(), zones in prop::collection::vec(0..ZONES.len(), 1..4), minutes in 0i64..4320,
    ) {
        let summer = DATES.len() - 1;
        let verdict = world(&documents(weekdays.clone(), &[], 0), &zones).check(now(summer, minutes));
        let clocks = zones.iter().all(|z| clock_allows(&weekdays, &[], *z, now(summer, minutes)));
        prop_assert_eq!(verdict.is_allowed(), clocks);
    }

    #[test]
    fn an_intersection_is_never_wider_than_a_member(
        weekdays in week(), first in 0..ZONES.len(), second in 0..ZONES.len(),
        date in 0..DATES.len(), minutes in 0i64..2880, guard in prop_oneof![Just(0u32), Just(60), Just(3600)],
    ) {
        let rules = documents(weekdays, &[date], guard);
        let both = world(&rules, &[first, second]).check(now(date, minutes));
        if both.is_allowed() {
            for zone in [first, second] {
                let alone = world(&rules, &[zone]).check(now(date, minutes));
                prop_assert!(alone.is_allowed());
                prop_assert!(alone.not_after >= both.not_after && alone.window_end >= both.window_end);
            }
        }
    }

    #[test]
    fn the_earliest_legal_instant_is_legal_and_a_moment_before_it_is_not(
        weekdays in week(), zones in prop::collection::vec(0..ZONES.len(), 1..4),
        date in 0..DATES.len(), minutes in 0i64..2880, guard in prop_oneof![Just(0u32), Just(60)],
        tries in prop::collection::vec(-4000i64..0, 0..6), max in 1u32..4,
    ) {
        let mut rules = documents(weekdays, &[date], guard);
        rules.attempt_rules = vec![
            stored("today", &format!(r#"{{"required":true,"maxAttempts":{max},"window":{{"today":true}},"results":[]}}"#)),
            stored("hours", r#"{"required":true,"maxAttempts":2,"window":{"seconds":100000},"results":[]}"#),
        ];
        let mut world = world(&rules, &zones);
        let now = now(date, minutes);
        let attempt = |m: &i64| PastAttempt {
            at: now.saturating_add(SignedDuration::from_mins(*m)).unwrap(),
            ..past("2026-01-01T00:00:00Z", AttemptState::Sending, None)
        };
        world.attempts = tries.iter().map(attempt).collect();
        let verdict = world.check(now);
        match verdict.decision {
            Decision::Allow => {
                let last = verdict.not_after.unwrap().saturating_sub(SignedDuration::from_micros(1)).unwrap();
                prop_assert!(verdict.reasons.is_empty() && last >= now);
            }
            Decision::Defer => {
                let earliest = verdict.not_before.unwrap();
                prop_assert!(earliest > now && !verdict.reasons.is_empty());
                prop_assert!(world.check(earliest).is_allowed());
                for back in [1_000_000, 1] {
                    let before = earliest.saturating_sub(SignedDuration::from_micros(back)).unwrap();
                    prop_assert!(before < now || !world.check(before).is_allowed());
                }
            }
            Decision::Deny | Decision::Error => prop_assert_eq!(verdict.code(), crate::record::Reason::NeverOpen),
        }
    }

    #[test]
    fn a_cache_that_has_seen_much_answers_like_a_new_one(
        weekdays in week(), nows in prop::collection::vec((0..DATES.len(), 0i64..20_000, 0..ZONES.len()), 1..12),
    ) {
        let rules = documents(weekdays, &[4], 60);
        let mut used = World::new(&rules);
        for (date, minutes, zone) in nows {
            used.parts = vec![(PartKind::Phone, "US".into(), String::new(), ZONES[zone].into())];
            let mut seen = used.check(now(date, minutes));
            let mut fresh = world(&rules, &[zone]).check(now(date, minutes));
            // a window that never ends is known as far as was computed
            for verdict in [&mut seen, &mut fresh] {
                let far = now(date, minutes + 7 * 1440);
                verdict.not_after = verdict.not_after.map(|end| end.min(far));
                verdict.window_end = verdict.window_end.map(|end| end.min(far));
            }
            if seen.not_after != fresh.not_after {
                prop_assert!(seen.not_after.min(fresh.not_after) >= Some(now(date, minutes + 1440)));
            } else {
                prop_assert_eq!(seen, fresh);
            }
        }
    }
}

//! The shipped files say what the tables of the design say: id, default, confidence.
use super::*;
use crate::compliance::legal::{Confidence, DefaultState};

/// The rows of the design's tables 2.2 to 2.7. Rules that share a row's first letters are parts of the row, and have
/// its default and confidence but where a later line says otherwise.
const ROWS: &str = "
US-TCPA-HOURS on low
US-TSR-HOURS on low
US-TSR-ABANDON on medium
US-FCC-ABANDON on low
US-DNC-NATIONAL on low
US-DNC-INTERNAL on high
US-CONSENT-PEWC ask low
US-REVOKE on high
US-REVOKE-ALL on high
US-RND ask high
US-WIRELESS-PORT off high
US-EXEMPT-CAPS off low
US-REGF-7IN7 on high
US-REGF-COOLDOWN on high
US-REGF-EXCL on high
US-REGF-TIME on high
US-REGF-EOPT on low
US-FDCPA-HARD on medium
US-CANSPAM on low
US-FL on medium
US-OK on medium
US-MD on medium
US-OR on medium
US-TX off medium
US-CT off medium
US-WA off low
US-VA off medium
US-AL off low
US-LA off medium
US-MS off medium
US-RI off medium
US-UT off low
US-PA off medium
US-SD off low
US-KY off medium
US-MA off medium
US-MI off medium
US-MN off medium
US-NM off medium
US-NV off medium
US-WY off low
US-IL off medium
US-NE off medium
US-NJ off low
US-NY off low
US-MA-COLLECT off high
US-DC-COLLECT off medium
US-NYC-COLLECT off low
US-WA-COLLECT off low
CA-UTR-HOURS on high
CA-ADAD ask high
CA-DNCL on high
CA-INTERNAL on low
CA-ABANDON on low
CA-CASL on low
CA-CASL-CONSENT ask low
CA-HOLIDAYS off medium
GB-OFCOM-MISUSE on high
GB-OFCOM-ENG on low
GB-PECR-LIVE on low
GB-PECR-AUTO ask high
GB-PECR-MSG on low
GB-PECR-MSG-CONSENT ask low
GB-HOURS on low
AU-TMS-HOURS on high
AU-RES-HOURS on high
AU-TMS-OTHER on high
AU-DNCR on low
AU-SPAM on low
AU-SPAM-CONSENT ask low
AU-DEBT on low
NZ-HOURS on medium
NZ-UEM on medium
NZ-UEM-CONSENT ask medium
EU-OBJECT on low
EU-CONSENT ask low
FR-HOURS on high
FR-CONSENT ask low
ES-HOURS on high
IT-HOURS on high
DE-CONSENT ask low
";

/// Rules that no row has: the one-call rule and the patterns of section 8.1, and who must agree to a recording.
const BESIDES: [&str; 3] = ["US-FDCPA-LOCATION", "US-REGF-PATTERN", "US-RECORDING"];

fn rows() -> Vec<(&'static str, &'static str, &'static str)> {
    let row = |line: &'static str| {
        let mut words = line.split(' ');
        Some((words.next()?, words.next()?, words.next()?))
    };
    ROWS.trim().lines().filter_map(row).collect()
}

/// The row of a rule: the longest that its id begins with.
fn row_of(id: &str) -> Option<(&'static str, &'static str, &'static str)> {
    let begins = |row: &str| id == row || id.strip_prefix(row).is_some_and(|rest| rest.starts_with('-'));
    rows().into_iter().filter(|(row, _, _)| begins(row)).max_by_key(|(row, _, _)| row.len())
}

fn words(rule: &LegalRule) -> (&'static str, &'static str) {
    let default = match rule.default {
        DefaultState::On => "on",
        DefaultState::Ask => "ask",
        DefaultState::Off => "off",
    };
    let confidence = match rule.confidence {
        Confidence::Low => "low",
        Confidence::Medium => "medium",
        Confidence::High => "high",
    };
    (default, confidence)
}

#[test]
fn every_row_of_the_design_is_shipped_with_its_default_and_confidence() {
    for (row, ..) in rows() {
        let parts = |r: &&Arc<LegalRule>| row_of(&r.id).is_some_and(|(own, ..)| own == row);
        assert!(PACKS.all().iter().any(|r| parts(&r)), "{row} is not shipped");
    }
    for rule in PACKS.all() {
        if BESIDES.contains(&rule.id.as_str()) || rule.id.ends_with("-RECORDING") {
            continue;
        }
        let Some((row, default, confidence)) = row_of(&rule.id) else { panic!("{} is in no row", rule.id) };
        assert_eq!(words(rule), (default, confidence), "{} of {row}", rule.id);
    }
}

#[test]
fn every_rule_has_its_source_its_date_and_its_country() {
    for rule in PACKS.all() {
        assert_eq!(rule.verified_on.to_string(), "2026-11-22", "{}", rule.id);
        assert!(rule.validate().is_empty(), "{}", rule.id);
        assert!(rule.id.starts_with(&rule.jurisdiction.country), "{}", rule.id);
        if let Some(region) = &rule.jurisdiction.region {
            assert!(rule.id.starts_with(&format!("US-{region}-")) || rule.id == "US-NYC-COLLECT", "{}", rule.id);
        }
    }
    assert_eq!(PACKS.all().len(), 142);
}

#[test]
fn dates_on_which_law_begins_are_those_of_the_design() {
    for (id, from) in [
        ("US-REVOKE", "2025-04-11"),
        ("US-REVOKE-ALL", "2027-01-31"),
        ("US-EXEMPT-CAPS", "2023-07-20"),
        ("US-REGF-7IN7", "2021-11-30"),
        ("US-FL-CAP", "2021-07-01"),
        ("US-OK-CAP", "2022-11-01"),
        ("US-MD-CAP", "2024-01-01"),
        ("US-OR-CAP", "2026-01-01"),
        ("US-TX-HOURS", "2025-09-01"),
        ("US-CT-HOURS", "2023-10-01"),
        ("US-VA-STOP", "2026-01-01"),
        ("GB-OFCOM-MISUSE", "2017-03-01"),
        ("FR-HOURS", "2023-03-01"),
        ("FR-CONSENT", "2026-08-11"),
    ] {
        let rule = PACKS.get(id).next().unwrap();
        assert_eq!(rule.effective_from.map(|d| d.to_string()).as_deref(), Some(from), "{id}");
    }
}

#[test]
fn every_list_and_calendar_that_a_rule_names_is_known() {
    let zones = Zones::bundled();
    let rules = RuleSet::compile(&shipped(), &[], &zones);
    assert!(rules.unreadable.is_empty(), "{:?}", rules.unreadable);
}

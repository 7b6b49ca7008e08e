//! How a campaign is run, judged by the shipped rules: section 8.2 of the compliance design.
use super::*;
use crate::compliance::abandonment::AbandonmentDay;
use crate::compliance::campaign::{CampaignFacts, CampaignFinding, Enforcer, Kept, MessageSeen, OptOutWords};
use crate::compliance::legal::Parties;

fn findings(
    channel: Channel,
    tech: Technique,
    (country, region, zone): (&str, &str, &str),
    facts: &CampaignFacts<'_>,
) -> Vec<CampaignFinding> {
    let zones = Zones::bundled();
    let rules = RuleSet::compile(&shipped(), &[], &zones);
    let parts = [Part::new(PartKind::Phone, country, region, zone)];
    let subject = Subject { tech, ..Subject::UNSPECIFIED };
    let reading = Reading { channel, subject: &subject, parts: Some(&parts), at: at("2026-12-01T12:00:00Z") };
    rules.campaign_findings(&reading, &zones, facts, &OptOutWords::default())
}

fn of(found: &[CampaignFinding], rule: &str) -> (Kept, String) {
    let found = found.iter().find(|f| &*f.rule.id == rule);
    found.map_or_else(|| panic!("{rule} is not about it"), |f| (f.kept, f.sentence.clone()))
}

const AMERICA: (&str, &str, &str) = ("US", "US-NY", NEW_YORK);
const CANADA: (&str, &str, &str) = ("CA", "CA-ON", "America/Toronto");
const BRITAIN: (&str, &str, &str) = ("GB", "", "Europe/London");

fn day(date: &str, live_answered: u64, abandoned: u64) -> AbandonmentDay {
    AbandonmentDay { date: date.parse().unwrap(), live_answered, abandoned }
}

#[test]
fn abandoned_calls_are_measured_by_each_law() {
    let asked = |place, ledger: &[AbandonmentDay], rule: &str| {
        let facts = CampaignFacts { abandonment: Some(ledger), ..CampaignFacts::default() };
        of(&findings(Channel::Voice, Technique::Autodialed, place, &facts), rule)
    };
    assert_eq!(asked(AMERICA, &[day("2026-01-01", 10_000, 300)], "US-TSR-ABANDON").0, Kept::Kept, "3.00 %");
    let (kept, sentence) = asked(AMERICA, &[day("2026-01-01", 10_000, 301)], "US-TSR-ABANDON");
    assert_eq!(kept, Kept::Broken);
    assert_eq!(
        sentence,
        "US-TSR-ABANDON allows 3.00 % of the answered calls to be abandoned, and from 2026-01-01 to 2026-01-01 it was \
         301 of 10000 (16 CFR 310.4(b)(4))"
    );
    let months = [day("2026-01-31", 100, 5), day("2026-02-01", 100, 5)];
    assert_eq!(asked(CANADA, &months, "CA-ABANDON").0, Kept::Kept);
    assert_eq!(asked(CANADA, &[months[0], day("2026-02-01", 100, 6)], "CA-ABANDON").0, Kept::Broken);
    // there is no safe share in Britain
    assert_eq!(asked(BRITAIN, &[day("2026-01-01", 1_000, 1)], "GB-OFCOM-MISUSE").0, Kept::Broken);
    assert_eq!(asked(BRITAIN, &[day("2026-01-01", 1_000, 1)], "GB-OFCOM-ENG").0, Kept::Kept);
}

#[test]
fn ring_time_delay_message_and_recording_are_judged_and_what_is_not_told_is_not() {
    let says = ["seller_name".to_owned(), "seller_number".to_owned()];
    let facts = CampaignFacts { ring_seconds: Some(14), says: Some(&says), ..CampaignFacts::default() };
    let found = findings(Channel::Voice, Technique::Autodialed, AMERICA, &facts);
    assert_eq!(of(&found, "US-TSR-ABANDON-RING").0, Kept::Broken);
    assert_eq!(of(&found, "US-TSR-ABANDON").0, Kept::Untold, "no calls are told");
    let (kept, sentence) = of(&found, "US-FCC-ABANDON");
    assert!(kept == Kept::Broken && sentence.contains("to tell opt_out"), "{sentence}");
    let often = CampaignFacts { rings: Some(4), ..facts };
    assert_eq!(
        of(&findings(Channel::Voice, Technique::Autodialed, AMERICA, &often), "US-TSR-ABANDON-RING").0,
        Kept::Kept
    );
    let late = CampaignFacts { agent_seconds: Some(3), ..CampaignFacts::default() };
    assert_eq!(of(&findings(Channel::Voice, Technique::Autodialed, CANADA, &late), "CA-ABANDON").0, Kept::Broken);
    let one = CampaignFacts { recording_consent: Some(Parties::One), ..CampaignFacts::default() };
    let found = findings(Channel::Voice, Technique::Live, ("US", "US-PA", NEW_YORK), &one);
    let broken: Vec<_> = found.iter().filter(|f| f.kept == Kept::Broken).map(|f| f.kind).collect();
    assert_eq!(broken, ["recording_consent"], "everyone must agree in Pennsylvania");
}

#[test]
fn a_message_is_looked_at_as_it_is_written() {
    let sms = |text| {
        let message = MessageSeen { text, sender: "+447700900123", brand: "Acme", ..MessageSeen::default() };
        let facts = CampaignFacts { message: Some(message), ..CampaignFacts::default() };
        of(&findings(Channel::Sms, Technique::Autodialed, BRITAIN, &facts), "GB-PECR-MSG")
    };
    assert_eq!(sms("Acme: spring sale. Reply STOP to opt out").0, Kept::Kept);
    let (kept, sentence) = sms("Acme: spring sale");
    assert!(kept == Kept::Broken && sentence.contains("wants opt_out: the text says how to opt out"), "{sentence}");
    assert!(sms("Spring sale. Reply STOP to opt out").1.contains("wants sender_identification"));
}

#[test]
fn each_rule_says_who_sees_to_it() {
    let enforced = |id: &str| PACKS.get(id).next().unwrap().enforced_by();
    assert_eq!(enforced("US-TX-HOURS"), [Enforcer::Check]);
    assert_eq!(enforced("US-TSR-ABANDON"), [Enforcer::Dialer, Enforcer::Evaluation]);
    assert_eq!(enforced("GB-OFCOM-ENG-RING"), [Enforcer::Validation, Enforcer::Evaluation]);
    assert_eq!(enforced("US-CANSPAM"), [Enforcer::Start, Enforcer::Person, Enforcer::Evaluation]);
    assert_eq!(enforced("GB-PECR-MSG"), [Enforcer::Start, Enforcer::Evaluation]);
    assert_eq!(enforced("AU-TMS-OTHER"), [Enforcer::Dialer, Enforcer::Evaluation]);
    assert!(PACKS.all().iter().all(|rule| !rule.enforced_by().is_empty()));
}

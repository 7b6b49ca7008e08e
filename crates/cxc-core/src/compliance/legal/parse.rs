//! Reads files of legal rules. A file that is wrong anywhere is refused as a whole, with the line.
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use sha2::{Digest, Sha256};
use toml::Spanned;

use super::super::holidays::Calendars;
use super::super::zones::Zones;
use super::rule::{LegalRule, TzBasis};
use super::rules::{LegalRules, RuleFileError};
use super::{RuleBody, WindowBody};

/// The most bytes of one file.
const MAX_FILE: usize = 1024 * 1024;

/// The most rules of all files.
const MAX_RULES: usize = 5_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    #[serde(default)]
    rule: Vec<Spanned<LegalRule>>,
}

/// A rule and where it stands.
struct Placed<'a> {
    file: &'a str,
    line: usize,
    rule: Arc<LegalRule>,
}

impl LegalRules {
    /// Reads files, each with its name, and compares their rules with the zones and calendars that they name.
    pub fn parse<'a>(
        files: impl IntoIterator<Item = (&'a str, &'a str)>,
        zones: &Zones,
        calendars: &Calendars,
    ) -> Result<Self, RuleFileError> {
        let mut placed = Vec::new();
        let mut hash = Sha256::new();
        for (file, text) in files {
            hash.update(file.as_bytes());
            hash.update(text.as_bytes());
            read(file, text, zones, calendars, &mut placed)?;
        }
        refuse_overlaps(&placed)?;
        refuse_loose_exclusions(&placed)?;
        let digest = hash.finalize();
        let sha256 = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self::of(placed.into_iter().map(|p| p.rule).collect(), sha256))
    }
}

fn read<'a>(
    file: &'a str,
    text: &str,
    zones: &Zones,
    calendars: &Calendars,
    placed: &mut Vec<Placed<'a>>,
) -> Result<(), RuleFileError> {
    let refuse = |at: usize, detail: String| RuleFileError::new(file, line_of(text, at), detail);
    if text.len() > MAX_FILE {
        return Err(refuse(0, format!("a file of rules has at most {MAX_FILE} bytes, not {}", text.len())));
    }
    let parsed: RuleFile = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        refuse(at, error.message().to_owned())
    })?;
    let starts: Vec<usize> = parsed.rule.iter().map(|rule| rule.span().start).collect();
    for (i, rule) in parsed.rule.into_iter().enumerate() {
        let start = rule.span().start;
        let end = starts.get(i + 1).copied().unwrap_or(text.len());
        let rule = rule.into_inner();
        if let Some(error) = rule.validate().first() {
            let at = member(text, start, end, &error.pointer);
            return Err(refuse(at, format!("rule {}: {}", rule.id, error.detail)));
        }
        if let Some(detail) = unknown_zone(&rule, zones) {
            return Err(refuse(member(text, start, end, "/tzBasis"), format!("rule {}: {detail}", rule.id)));
        }
        if let Some(detail) = unknown_calendar(&rule, calendars) {
            return Err(refuse(member(text, start, end, "/holidays"), format!("rule {}: {detail}", rule.id)));
        }
        if placed.len() >= MAX_RULES {
            return Err(refuse(start, format!("there are at most {MAX_RULES} rules")));
        }
        placed.push(Placed { file, line: line_of(text, start), rule: Arc::new(rule) });
    }
    Ok(())
}

/// The line of a place in a text, from 1.
fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}

/// Where a member of a rule stands, as near as its name is found.
fn member(text: &str, start: usize, end: usize, pointer: &str) -> usize {
    let own = text.get(start..end).unwrap_or_default();
    let found = pointer.rsplit('/').find_map(|name| own.find(name).filter(|_| !name.is_empty()));
    start + found.unwrap_or(0)
}

pub(in super::super) fn unknown_zone(rule: &LegalRule, zones: &Zones) -> Option<String> {
    let (TzBasis::Fixed(names) | TzBasis::RecipientAllAnd(names)) = &rule.tz_basis else { return None };
    let unknown = names.iter().find(|name| zones.get(name).is_none())?;
    Some(format!("the zone {unknown} is not in the time zone database; zones are named like America/Chicago"))
}

/// The calendars that a rule names.
fn calendars_of(rule: &LegalRule) -> &[String] {
    match &rule.kind {
        RuleBody::Window(WindowBody { holidays, .. }) => holidays,
        RuleBody::BlackoutDate(body) => &body.holidays,
        _ => &[],
    }
}

pub(in super::super) fn unknown_calendar(rule: &LegalRule, calendars: &Calendars) -> Option<String> {
    let unknown = calendars_of(rule).iter().find(|name| calendars.get(name).is_none())?;
    Some(format!("there is no holiday calendar {unknown}; calendars are named like US-AL or FR"))
}

/// Whether two versions hold on one day.
pub(in super::super) fn overlap(a: &LegalRule, b: &LegalRule) -> bool {
    let begins_before = |x: &LegalRule, y: &LegalRule| match (x.effective_from, y.effective_until) {
        (Some(from), Some(until)) => from < until,
        _ => true,
    };
    begins_before(a, b) && begins_before(b, a)
}

fn refuse_overlaps(placed: &[Placed<'_>]) -> Result<(), RuleFileError> {
    let mut by_id: BTreeMap<&str, Vec<&Placed<'_>>> = BTreeMap::new();
    for one in placed {
        let earlier = by_id.entry(&one.rule.id).or_default();
        let refuse = |detail| Err(RuleFileError::new(one.file, one.line, detail));
        for other in earlier.iter() {
            let place = format!("{}, line {}", other.file, other.line);
            if other.rule.version == one.rule.version {
                return refuse(format!("rule {} has version {} already in {place}", one.rule.id, one.rule.version));
            }
            if overlap(&other.rule, &one.rule) {
                return refuse(format!("the effective dates of rule {} overlap those in {place}", one.rule.id));
            }
        }
        earlier.push(one);
    }
    Ok(())
}

fn refuse_loose_exclusions(placed: &[Placed<'_>]) -> Result<(), RuleFileError> {
    for one in placed {
        let RuleBody::CountExclusion(body) = &one.rule.kind else { continue };
        let counts = |kind: &RuleBody| matches!(kind, RuleBody::AttemptCap(_) | RuleBody::Cooldown(_));
        let known = |id: &&String| placed.iter().any(|p| p.rule.id == **id && counts(&p.rule.kind));
        if let Some(id) = body.rules.iter().find(|id| !known(id)) {
            let detail = format!("rule {}: there is no cap or cool-down {id}", one.rule.id);
            return Err(RuleFileError::new(one.file, one.line, detail));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
[[rule]]
id = "GB-X"
jurisdiction = { country = "GB" }
kind.window.hours = { daily = "08:00-21:00" }
citation = "a law"
verifiedOn = "2026-11-22"
confidence = "low"
default = "on"
"#;

    fn parse(text: &str) -> Result<LegalRules, RuleFileError> {
        let calendars = Calendars::parse([("c.tsv", "GB-ENG\t2026-12-25\tChristmas Day\n")]).unwrap();
        LegalRules::parse([("gb.toml", text)], &Zones::bundled(), &calendars)
    }

    #[test]
    fn a_file_is_read_and_its_hash_moves_with_it() {
        let one = parse(GOOD).unwrap();
        assert_eq!((one.all().len(), one.sha256().len()), (1, 64));
        assert_ne!(parse(&format!("# x{GOOD}")).unwrap().sha256(), one.sha256());
    }

    #[test]
    fn what_is_wrong_is_refused_with_its_line_and_the_reason() {
        for (from, to, line, says) in [
            ("08:00-21:00", "21:00-08:00", 5, "closes after it opens"),
            ("08:00-21:00", "closed", 5, "open at some hour"),
            ("\"GB\" }", "\"XX\" }", 4, "a country is two capital letters"),
            ("\"GB\" }", "\"GB\", region = \"Wales\" }", 4, "a region is the code"),
            ("confidence = \"low\"", "confidence = \"sure\"", 8, "unknown variant"),
            ("citation = \"a law\"", "citaton = \"a law\"", 6, "unknown field"),
            ("citation = \"a law\"", "citation = \"\"", 6, "names its law"),
            ("default = \"on\"", "default = \"on\"\nfail = \"open\"", 10, "only an advisory rule"),
            ("default = \"on\"", "default = \"on\"\ntzBasis = { fixed = [\"Mars/Olympus\"] }", 10, "Mars/Olympus"),
            ("default = \"on\"", "default = \"on\"\neffectiveFrom = \"2026-13-01\"", 10, ""),
            (
                "hours = { daily",
                "holidays = [\"GB-XXX\"]\nkind.window.hours = { daily",
                5,
                "no holiday calendar GB-XXX",
            ),
            ("default = \"on\"", "default = \"on", 9, ""),
        ] {
            let error = parse(&GOOD.replace(from, to)).unwrap_err();
            assert_eq!((error.line, &*error.file), (line, "gb.toml"), "{to}: {error}");
            assert!(error.detail.contains(says), "{to}: {error}");
        }
    }

    #[test]
    fn two_versions_may_follow_one_another_and_not_overlap() {
        let first = GOOD.replace("default =", "effectiveUntil = \"2027-01-01\"\ndefault =");
        let later =
            |from: &str| GOOD.replace("default =", &format!("version = 2\neffectiveFrom = \"{from}\"\ndefault ="));
        assert_eq!(parse(&format!("{first}{}", later("2027-01-01"))).unwrap().get("GB-X").count(), 2);
        let error = parse(&format!("{first}{}", later("2026-12-31"))).unwrap_err();
        assert_eq!(error.line, 12);
        assert!(error.detail.contains("overlap those in gb.toml, line 2"), "{error}");
        assert!(parse(&format!("{first}{first}")).unwrap_err().detail.contains("version 1 already"));
    }
}

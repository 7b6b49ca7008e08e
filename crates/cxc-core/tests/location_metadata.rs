//! What Google's metadata says of numbers, as Python phonenumbers reads it, against what we say. The fixtures
//! are written by `scripts/data/fixtures.py`.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]
use std::collections::BTreeSet;

use cxc_core::device::LineType;
use cxc_core::location::{Country, LocationTables};
use cxc_core::phone::{PhoneError, PhoneNumber, PhoneParser};
use jiff::Timestamp;
use jiff::tz::TimeZoneDatabase;

const EXAMPLES: &str = include_str!("fixtures/location_examples.tsv");
const SAMPLES: &str = include_str!("fixtures/location_samples.tsv");

/// Prefixes whose zones are ours and not the metadata's: `scripts/data/overrides.py`.
const OVERRIDDEN: &[&str] = &["61", "64", "1867"];

/// Calling codes of several countries: the metadata gives a mobile number the zones of all of them, we those of its own.
const SHARED: &[&str] = &["7", "262", "590", "599"];

/// One on each side of both hemispheres' changes, and two of daylight saving's middle.
const DATES: [&str; 4] = ["2026-12-15T12:00Z", "2027-03-20T12:00Z", "2027-07-01T12:00Z", "2027-10-20T12:00Z"];

struct Row {
    number: &'static str,
    country: Country,
    line_type: LineType,
    area_code_len: usize,
    national: &'static str,
    zones: Vec<&'static str>,
}

fn rows(fixture: &'static str) -> Vec<Row> {
    fixture.lines().filter(|line| !line.starts_with('#')).map(row).collect()
}

fn row(line: &'static str) -> Row {
    let columns: Vec<&'static str> = line.split('\t').collect();
    Row {
        number: columns[0],
        country: Country::parse(columns[1]).unwrap(),
        line_type: serde_json::from_value(columns[2].into()).unwrap(),
        area_code_len: columns[3].parse().unwrap(),
        national: columns[4],
        zones: columns[5].split(',').collect(),
    }
}

/// A zone's offsets on the four dates, in seconds. Nothing for a zone that is not known.
fn offsets(zone: &str) -> Option<[i32; 4]> {
    let zone = TimeZoneDatabase::bundled().get(zone).ok()?;
    Some(DATES.map(|date| zone.to_offset(date.parse::<Timestamp>().unwrap()).seconds()))
}

#[test]
fn every_number_is_read_as_the_metadata_has_it_whatever_the_default() {
    let parser = PhoneParser::new().unwrap();
    let defaults = [None, Country::parse("US").ok(), Country::parse("DE").ok(), Country::parse("JP").ok()];
    let (examples, samples) = (rows(EXAMPLES), rows(SAMPLES));
    assert!(examples.len() > 900 && samples.len() == 3000);
    for (row, default) in examples.iter().chain(&samples).zip(defaults.into_iter().cycle()) {
        if row.number.len() < 9 {
            assert_eq!(parser.parse(row.number, default).unwrap_err(), PhoneError::TooShort, "{}", row.number);
            continue;
        }
        let phone = parser.parse(row.number, default).unwrap_or_else(|e| panic!("{}: {e}", row.number));
        assert_eq!(phone.number.as_str(), row.number);
        assert_eq!(phone.country, row.country, "{}", row.number);
        assert_eq!(phone.line_type, row.line_type, "{}", row.number);
        if row.country.as_str() != "US" && phone.calling_code() != "1" {
            assert_eq!(phone.area_code().map_or(0, str::len), row.area_code_len, "{}", row.number);
        }
    }
}

#[test]
fn the_national_form_is_the_same_number_in_its_country() {
    let parser = PhoneParser::new().unwrap();
    for row in rows(EXAMPLES).iter().chain(&rows(SAMPLES)).filter(|row| row.number.len() >= 9) {
        let phone = parser.parse(row.national, Some(row.country));
        let phone = phone.unwrap_or_else(|e| panic!("{} in {}: {e}", row.national, row.country));
        assert_eq!(phone.number.as_str(), row.number, "{} in {}", row.national, row.country);
    }
}

#[test]
fn zones_contain_those_of_the_metadata_by_offset() {
    let tables = LocationTables::embedded().unwrap();
    let mut compared = 0;
    for row in rows(EXAMPLES).iter().chain(&rows(SAMPLES)) {
        let Ok(number) = PhoneNumber::parse(row.number) else { continue };
        // All 42 zones of +1: the metadata does not know where the number is.
        if row.zones.len() > 40 || OVERRIDDEN.iter().any(|prefix| number.digits().starts_with(prefix)) {
            continue;
        }
        let location = tables.of_phone(&number, row.line_type);
        if location.is_unmappable() {
            assert!(
                matches!(
                    row.line_type,
                    LineType::TollFree | LineType::Premium | LineType::SharedCost | LineType::Other | LineType::Voip
                ),
                "{}",
                row.number
            );
            continue;
        }
        let ours: BTreeSet<_> = location.zones().iter().map(|zone| offsets(zone).unwrap()).collect();
        let shared = SHARED.iter().any(|code| number.digits().starts_with(code));
        let own = tables.of_country(row.country);
        let counts = |zone: &&&str| !shared || own.zones().iter().any(|own| **own == ***zone);
        for zone in row.zones.iter().filter(counts).filter(|zone| offsets(zone).is_some()) {
            assert!(ours.contains(&offsets(zone).unwrap()), "{}: {zone} is not in {:?}", row.number, location.zones());
        }
        compared += 1;
    }
    assert!(compared > 3000, "{compared}");
}

#[test]
fn the_country_of_a_location_is_that_of_the_number() {
    let tables = LocationTables::embedded().unwrap();
    for row in rows(EXAMPLES).iter().chain(&rows(SAMPLES)) {
        let Ok(number) = PhoneNumber::parse(row.number) else { continue };
        assert_eq!(tables.of_phone(&number, row.line_type).country(), Some(row.country), "{}", row.number);
    }
}

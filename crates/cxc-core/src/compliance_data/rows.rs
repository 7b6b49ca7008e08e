//! The rows of files: tab-separated columns below a line of explanation, one format a kind.
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::{DataFile, DataKind, Refusal};
use crate::location::{Country, Name, PlaceRow, RegionRow};
use crate::phone::PhoneNumber;

/// The most characters of a line; a country has some dozen zones.
const MAX_LINE: usize = 4096;
/// The most rows of a table.
const MAX_ROWS: usize = 60_000;

/// A row that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {detail}")]
pub struct BadRow {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub detail: &'static str,
}

/// A number that must not be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DncRow<'a> {
    /// The number.
    pub number: PhoneNumber,
    /// The register it is in, such as `US-DNC`.
    pub list: &'a str,
    /// Since when, a date; may be empty.
    pub added_on: &'a str,
}

/// SHA-256 in hexadecimal.
pub fn digest(bytes: &[u8]) -> String {
    let mut hasher = Hasher::new();
    hasher.update(bytes);
    hasher.finish().0
}

/// The digest of rows that come piece by piece.
#[derive(Debug, Clone, Default)]
pub struct Hasher {
    hash: Sha256,
    bytes: u64,
}

impl Hasher {
    /// Of nothing so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.hash.update(piece);
        self.bytes += piece.len() as u64;
    }

    /// The digest in hexadecimal, and how many bytes it is of.
    pub fn finish(self) -> (String, u64) {
        let hex = self.hash.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        (hex, self.bytes)
    }

    /// Whether the pieces are the rows that the manifest promises.
    pub fn check(self, file: &DataFile) -> Result<(), Refusal> {
        let (sha256, bytes) = self.finish();
        if bytes == file.bytes && sha256 == file.sha256 { Ok(()) } else { Err(file.other_rows()) }
    }
}

/// Columns of every line that is no comment.
fn each<'a, const N: usize>(
    text: &'a str,
    names: &'static str,
    mut row: impl FnMut([&'a str; N]) -> Result<(), &'static str>,
) -> Result<(), BadRow> {
    let mut rows = 0;
    for (at, line) in text.lines().enumerate() {
        let bad = |detail| BadRow { line: at + 1, detail };
        if line.starts_with('#') {
            continue;
        }
        rows += 1;
        if line.len() > MAX_LINE || rows > MAX_ROWS {
            return Err(bad("a line has at most 4096 bytes, and a table at most 60000 rows"));
        }
        let columns: [&str; N] = line.split('\t').collect::<Vec<_>>().try_into().map_err(|_| bad(names))?;
        row(columns).map_err(bad)?;
    }
    Ok(())
}

fn names(list: &str) -> Vec<Name> {
    list.split(',').filter(|name| !name.is_empty()).map(Name::from).collect()
}

const AREACODE: &str = "a row has the columns prefix, regions, zones, kind and precision, separated by tabs";
const POSTAL: &str = "a row has the columns pattern, regions and zones, separated by tabs";
const GEO: &str = "a row has the columns region, name, parent, zones and adjacent regions, separated by tabs";

/// The rows of leading digits or of postal codes.
pub fn place_rows(kind: DataKind, text: &str) -> Result<Vec<PlaceRow>, BadRow> {
    let mut rows = Vec::new();
    match kind {
        DataKind::Areacode => each(text, AREACODE, |[prefix, regions, zones, kind, precision]| {
            let placeless = match kind {
                "geo" | "mobile" => false,
                "tollfree" | "premium" => true,
                _ => return Err("a kind is geo, mobile, tollfree or premium"),
            };
            if !matches!(precision, "country" | "area" | "exchange") {
                return Err("a precision is country, area or exchange");
            }
            if placeless != zones.is_empty() {
                return Err("geo and mobile rows have zones, tollfree and premium rows have none");
            }
            rows.push(PlaceRow { key: prefix.into(), regions: names(regions), zones: names(zones) });
            Ok(())
        })?,
        _ => each(text, POSTAL, |[pattern, regions, zones]| {
            rows.push(PlaceRow { key: pattern.into(), regions: names(regions), zones: names(zones) });
            if zones.is_empty() { Err("a row has at least one zone") } else { Ok(()) }
        })?,
    }
    Ok(rows)
}

/// The rows of regions.
pub fn region_rows(country: Country, text: &str) -> Result<Vec<RegionRow>, BadRow> {
    let mut rows: Vec<RegionRow> = Vec::new();
    each(text, GEO, |[region, name, parent, zones, _adjacent]| {
        if parent != country.as_str() {
            return Err("the parent of a region is the country of its file");
        }
        let code = region.strip_prefix(parent).and_then(|rest| rest.strip_prefix('-')).unwrap_or_default();
        if code.is_empty() || name.is_empty() || zones.is_empty() {
            return Err("a region has a code such as US-TX, a name and at least one zone");
        }
        rows.push(RegionRow { code: code.into(), name: name.into(), zones: names(zones) });
        Ok(())
    })?;
    Ok(rows)
}

/// Rows of leading digits or of postal codes as a file's text, sorted.
pub fn text_of_places(kind: DataKind, rows: &[PlaceRow]) -> String {
    let shortest = rows.iter().map(|row| row.key.len()).min().unwrap_or(0);
    let mut lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let (regions, zones) = (row.regions.join(","), row.zones.join(","));
            if kind == DataKind::Postal {
                return format!("{}\t{regions}\t{zones}", row.key);
            }
            // in North America the area code follows the 1
            let precision = match row.key.len() {
                4 if row.key.starts_with('1') => "area",
                5.. if row.key.starts_with('1') => "exchange",
                n if n == shortest => "country",
                _ => "area",
            };
            let kind = if zones.is_empty() { "tollfree" } else { "geo" };
            format!("{}\t{regions}\t{zones}\t{kind}\t{precision}", row.key)
        })
        .collect();
    lines.sort_unstable();
    let heading = if kind == DataKind::Postal {
        "# pattern, regions, zones"
    } else {
        "# prefix, regions, zones, kind, precision"
    };
    text(heading, &lines)
}

/// Rows of regions as a file's text, sorted.
pub fn text_of_regions(country: Country, rows: &[RegionRow]) -> String {
    let line = |row: &RegionRow| format!("{country}-{}\t{}\t{country}\t{}\t", row.code, row.name, row.zones.join(","));
    let mut lines: Vec<String> = rows.iter().map(line).collect();
    lines.sort_unstable();
    text("# region, name, parent, zones, adjacent regions", &lines)
}

fn text(heading: &str, lines: &[String]) -> String {
    let mut text = format!("{heading}\n");
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    text
}

impl<'a> DncRow<'a> {
    /// Reads a line: a number with its country, the list, a date or nothing.
    pub fn read(line: &'a str) -> Result<Self, &'static str> {
        let columns: [&str; 3] = line
            .split('\t')
            .collect::<Vec<_>>()
            .try_into()
            .map_err(|_| "a row has the columns number, list and date, separated by tabs")?;
        let [number, list, added_on] = columns;
        if !number.starts_with('+') {
            return Err("a number is a + and 8 to 15 digits; hashed numbers can't be compared with those to be called");
        }
        let number = PhoneNumber::parse(number).map_err(|_| "a number is a + and 8 to 15 digits")?;
        let fits = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-';
        if !(4..=31).contains(&list.len()) || !list.bytes().all(fits) {
            return Err("a list is a country, a hyphen and a name, such as US-DNC");
        }
        Ok(Self { number, list, added_on })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_row_is_told_by_its_line_and_what_is_right() {
        let of = |kind, text: &str| place_rows(kind, text).unwrap_err();
        assert_eq!(of(DataKind::Areacode, "# x\n1212\tUS-NY"), BadRow { line: 2, detail: AREACODE });
        assert!(of(DataKind::Areacode, "1212\tUS-NY\tAmerica/New_York\tfax\tarea").detail.starts_with("a kind is"));
        assert!(of(DataKind::Areacode, "1800\t\tAmerica/New_York\ttollfree\tarea").detail.contains("have none"));
        assert!(of(DataKind::Areacode, "1212\tUS-NY\t\tgeo\tarea").detail.contains("have zones"));
        assert!(of(DataKind::Postal, "902\tUS-CA\t").detail.contains("at least one zone"));
        assert!(of(DataKind::Postal, &"902\tUS-CA\tx\n".repeat(60_001)).detail.contains("60000"));
        assert!(
            region_rows(Country::US, "CA-ON\tOntario\tCA\tAmerica/Toronto\t").unwrap_err().detail.contains("parent")
        );
    }

    #[test]
    fn a_number_of_a_list_is_plain_and_has_its_country() {
        let row = DncRow::read("+12125550100\tUS-DNC\t2026-01-01").unwrap();
        assert_eq!((row.number.digits(), row.list, row.added_on), ("12125550100", "US-DNC", "2026-01-01"));
        for bad in [
            "2125550100\tUS-DNC\t",
            "5d41402abc4b2a76b9719d911017c592\tUS-DNC\t",
            "+1\tUS-DNC\t",
            "+12125550100\tx\t",
            "+12125550100",
        ] {
            assert!(DncRow::read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_digest_is_the_one_that_others_compute() {
        assert_eq!(digest(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}

//! What is asked of a generation before its tables are used: all of it holds, or none of it.
use std::collections::BTreeMap;

use jiff::Timestamp;

use super::rows::{digest, place_rows, region_rows};
use super::{Canaries, DataFile, DataKind, Manifest, SCHEMA, WantedCountries};
use crate::location::{Country, CountryRows, LocationTables, TableError};

/// How far the number of rows may be from that of the set in use, in hundredths.
const TOLERANCE: usize = 10;

/// Which files are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted(pub BTreeMap<DataKind, WantedCountries>);

/// Why a generation, or a file of it, is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} of {}: {reason}", .kind.as_str(), .country)]
pub struct Refusal {
    /// The kind of the file.
    pub kind: DataKind,
    /// Its country.
    pub country: Country,
    /// What is wrong with it.
    pub reason: String,
}

/// Rows by file.
pub type Counts = BTreeMap<(DataKind, Country), usize>;

/// A set of tables that passed.
#[derive(Debug)]
pub struct Generation {
    /// The tables.
    pub tables: LocationTables,
    /// The rows of each file.
    pub counts: Counts,
    /// One digest over the files of each kind.
    pub digests: BTreeMap<DataKind, String>,
}

impl Wanted {
    /// Every wanted file.
    pub fn all(&self) -> impl Iterator<Item = (DataKind, Country)> + '_ {
        self.0.iter().flat_map(|(kind, countries)| countries.0.iter().map(move |country| (*kind, *country)))
    }
}

fn refusal(kind: DataKind, country: Country, reason: impl Into<String>) -> Refusal {
    Refusal { kind, country, reason: reason.into() }
}

impl DataFile {
    /// Why the file can't be used now, if it can't.
    pub fn is_usable(&self, now: Timestamp) -> Result<(), Refusal> {
        let refused = |reason: String| Err(refusal(self.kind, self.country, reason));
        if self.schema != SCHEMA {
            return refused(format!("its schema is {} and this program reads {SCHEMA}", self.schema));
        }
        if now < self.valid_from {
            return refused(format!("it is valid from {} on", self.valid_from));
        }
        if now >= self.expires {
            return refused(format!("it expired at {}", self.expires));
        }
        Ok(())
    }

    /// Whether rows are those that the manifest promises.
    pub fn check_rows(&self, rows: &[u8]) -> Result<(), Refusal> {
        let right = rows.len() as u64 == self.bytes && digest(rows) == self.sha256;
        if right { Ok(()) } else { Err(self.other_rows()) }
    }

    /// That rows are others than the manifest promises.
    pub(super) fn other_rows(&self) -> Refusal {
        refusal(self.kind, self.country, "its rows are not those of the manifest: their sha256 differs")
    }
}

/// The files of a manifest that are used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needed<'a> {
    /// Every table that is wanted, and those lists of numbers that can be used now.
    pub files: Vec<&'a DataFile>,
    /// The lists of numbers that can't, and why: whoever needs one waits for it, and nothing else does.
    pub refused: Vec<Refusal>,
}

/// The files that are wanted: all tables, all of them usable now, or none; each list of numbers for itself.
pub fn needs<'a>(manifest: &'a Manifest, wanted: &Wanted, now: Timestamp) -> Result<Needed<'a>, Refusal> {
    let mut needed = Needed { files: Vec::new(), refused: Vec::new() };
    for (kind, country) in wanted.all() {
        let lacks = match kind {
            DataKind::Dnc => "the manifest lacks it",
            _ => "the manifest lacks it: a part of a set is not used",
        };
        let file = manifest.file(kind, country).ok_or_else(|| refusal(kind, country, lacks));
        match file.and_then(|file| file.is_usable(now).map(|()| file)) {
            Ok(file) => needed.files.push(file),
            Err(refused) if kind == DataKind::Dnc => needed.refused.push(refused),
            Err(refused) => return Err(refused),
        }
    }
    Ok(needed)
}

impl Generation {
    /// How many rows the embedded tables have for each wanted file.
    pub fn embedded_counts(embedded: &LocationTables, wanted: &Wanted) -> Result<Counts, TableError> {
        let mut counts = Counts::new();
        for (kind, country) in wanted.all() {
            let rows = embedded.rows_of(country)?;
            let count = match kind {
                DataKind::Areacode => rows.phones.map(|rows| rows.len()),
                DataKind::Geo => rows.regions.map(|rows| rows.len()),
                DataKind::Postal => rows.postal.map(|rows| rows.len()),
                DataKind::Dnc => None,
            };
            counts.extend(count.map(|count| ((kind, country), count)));
        }
        Ok(counts)
    }

    /// Makes tables of files that were downloaded: their digests, forms, zones, row counts beside those in use (unless
    /// a person said that they are right) and canaries must hold, for every file.
    pub fn check(
        embedded: LocationTables,
        files: &[(&DataFile, &str)],
        in_use: Option<&Counts>,
        canaries: &Canaries,
    ) -> Result<Self, Refusal> {
        let mut rows: BTreeMap<Country, CountryRows> = BTreeMap::new();
        let mut counts = Counts::new();
        for (file, text) in files {
            let (kind, country) = (file.kind, file.country);
            let told = |reason: String| refusal(kind, country, reason);
            file.check_rows(text.as_bytes())?;
            let of = rows.entry(country).or_default();
            let count = match kind {
                DataKind::Geo => {
                    let read = region_rows(country, text).map_err(|e| told(e.to_string()))?;
                    of.regions.insert(read).len()
                }
                DataKind::Dnc => continue,
                _ => {
                    let read = place_rows(kind, text).map_err(|e| told(e.to_string()))?;
                    let place = if kind == DataKind::Postal { &mut of.postal } else { &mut of.phones };
                    place.insert(read).len()
                }
            };
            counts.insert((kind, country), count);
        }
        if let Some(in_use) = in_use {
            check_counts(&counts, in_use)?;
        }
        let tables = match embedded.with_rows(&rows) {
            Ok(tables) => tables,
            Err(error) => return Err(blamed(files, &error)),
        };
        let is_replaced = |kind, country| counts.contains_key(&(kind, country));
        canaries.check(&tables, is_replaced).map_err(|e| refusal(e.kind, e.country, e.to_string()))?;
        Ok(Self { tables, counts, digests: digests(files) })
    }
}

/// Refuses a set whose rows are far more or far fewer than those in use.
fn check_counts(counts: &Counts, in_use: &Counts) -> Result<(), Refusal> {
    for ((kind, country), count) in counts {
        let Some(before) = in_use.get(&(*kind, *country)).filter(|before| **before > 0) else { continue };
        if count.abs_diff(*before) * 100 > before * TOLERANCE {
            let text = format!("it has {count} rows and the set in use has {before}: more than {TOLERANCE} % apart");
            return Err(refusal(*kind, *country, text));
        }
    }
    Ok(())
}

/// Rows that can't be, told as a fault of the first file of their country.
fn blamed(files: &[(&DataFile, &str)], error: &crate::location::BadRows) -> Refusal {
    use crate::location::BadRows;
    let country = match error {
        BadRows::Row { country, .. } => Some(*country),
        BadRows::Table(_) => None,
    };
    let file = files.iter().map(|(file, _)| file).find(|file| country.is_none_or(|country| file.country == country));
    let (kind, country) = file.map_or((DataKind::Areacode, Country::US), |file| (file.kind, file.country));
    refusal(kind, country, error.to_string())
}

fn digests(files: &[(&DataFile, &str)]) -> BTreeMap<DataKind, String> {
    let of = |kind| {
        let mut hashes: Vec<&str> = files.iter().filter(|(f, _)| f.kind == kind).map(|(f, _)| &*f.sha256).collect();
        hashes.sort_unstable();
        (!hashes.is_empty()).then(|| (kind, digest(hashes.concat().as_bytes())))
    };
    DataKind::TABLES.into_iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{rows, text_of_places};
    use super::*;

    fn embedded() -> LocationTables {
        LocationTables::embedded().unwrap()
    }

    fn wanted() -> Wanted {
        let countries = || "AU,CA,GB,NZ,US".parse().unwrap();
        Wanted(DataKind::TABLES.into_iter().map(|kind| (kind, countries())).collect())
    }

    fn file(kind: DataKind, country: Country, text: &str) -> DataFile {
        DataFile {
            kind,
            country,
            version: "1".into(),
            schema: SCHEMA,
            sha256: digest(text.as_bytes()),
            bytes: text.len() as u64,
            url: "x".into(),
            full: true,
            delta_from: vec![],
            as_of: None,
            valid_from: "2026-01-01T00:00:00Z".parse().unwrap(),
            expires: "2027-01-01T00:00:00Z".parse().unwrap(),
            licence: "none".into(),
        }
    }

    fn texts() -> Vec<(DataKind, Country, String)> {
        let of = |(kind, country)| {
            let rows = embedded().rows_of(country).unwrap();
            let text = match kind {
                DataKind::Geo => rows::text_of_regions(country, &rows.regions.unwrap()),
                DataKind::Postal => text_of_places(kind, &rows.postal.unwrap()),
                _ => text_of_places(kind, &rows.phones.unwrap()),
            };
            (kind, country, text)
        };
        wanted().all().map(of).collect()
    }

    fn check(texts: &[(DataKind, Country, String)], counted: bool) -> Result<Generation, Refusal> {
        let files: Vec<DataFile> = texts.iter().map(|(kind, country, text)| file(*kind, *country, text)).collect();
        let pairs: Vec<(&DataFile, &str)> = files.iter().zip(texts).map(|(f, (_, _, text))| (f, &**text)).collect();
        let counts = Generation::embedded_counts(&embedded(), &wanted()).unwrap();
        Generation::check(embedded(), &pairs, Some(&counts).filter(|_| counted), &Canaries::shipped())
    }

    fn changed(from: &str, to: &str, kind: DataKind, country: Country) -> Vec<(DataKind, Country, String)> {
        let mut texts = texts();
        let (_, _, text) = texts.iter_mut().find(|(k, c, _)| *k == kind && *c == country).unwrap();
        assert!(text.contains(from), "{from}");
        *text = text.replace(from, to);
        texts
    }

    #[test]
    fn the_embedded_rows_as_files_pass_and_count_as_they_did() {
        let passed = check(&texts(), true).unwrap();
        assert_eq!(passed.counts, Generation::embedded_counts(&embedded(), &wanted()).unwrap());
        assert_eq!((passed.counts.len(), passed.digests.len()), (15, 3));
    }

    #[test]
    fn a_set_that_grew_or_shrank_too_far_needs_a_person() {
        let mut texts = texts();
        for n in 0..80 {
            texts
                .iter_mut()
                .find(|t| t.0 == DataKind::Geo && t.1 == Country::US)
                .unwrap()
                .2
                .push_str(&format!("US-{n}\tPlace {n}\tUS\tAmerica/New_York\t\n"));
        }
        let error = check(&texts, true).unwrap_err();
        assert!(error.to_string().contains("geo of US: it has") && error.reason.contains("10 % apart"), "{error}");
        assert!(check(&texts, false).is_ok());
    }

    #[test]
    fn a_set_that_gets_a_canary_wrong_is_refused() {
        let texts =
            changed("1212\tUS-NY\tAmerica/New_York", "1212\tUS-NY\tEurope/London", DataKind::Areacode, Country::US);
        let error = check(&texts, true).unwrap_err();
        assert!(error.to_string().contains("the canary +12125550100 must be in US at America/New_York"), "{error}");
    }

    #[test]
    fn rows_of_another_text_are_refused() {
        let texts = texts();
        let (kind, country, text) = &texts[0];
        let other = file(*kind, *country, "# other\n");
        let error = Generation::check(embedded(), &[(&other, text)], None, &Canaries::shipped()).unwrap_err();
        assert!(error.reason.contains("sha256 differs"), "{error}");
    }

    #[test]
    fn an_unreadable_row_and_an_unknown_zone_are_told_with_their_file() {
        let error =
            check(&changed("Europe/London", "Europe/Londinium", DataKind::Postal, Country::GB), true).unwrap_err();
        assert!(error.country == Country::GB && error.reason.contains("time zone database"), "{error}");
        let error = check(&changed("\tgeo\t", "\tmoon\t", DataKind::Areacode, Country::NZ), true).unwrap_err();
        assert!(error.to_string().starts_with("areacode of NZ: line 2: a kind is"), "{error}");
    }

    #[test]
    fn half_a_set_a_strange_schema_and_what_expired_or_is_not_valid_yet_are_refused() {
        let manifest = |files| Manifest { generation: "x#1".into(), files, tzdb: None, signature: String::new() };
        let wanted = Wanted([(DataKind::Geo, "US".parse().unwrap())].into());
        let good = file(DataKind::Geo, Country::US, "");
        let at = |text: &str| text.parse().unwrap();
        let now = at("2026-06-01T00:00:00Z");
        assert_eq!(needs(&manifest(vec![good.clone()]), &wanted, now).unwrap().files.len(), 1);
        let error = |files, now| needs(&manifest(files), &wanted, now).unwrap_err().to_string();
        assert!(error(vec![], now).contains("the manifest lacks it"));
        assert!(error(vec![DataFile { schema: 2, ..good.clone() }], now).contains("its schema is 2"));
        assert!(error(vec![good.clone()], at("2027-01-01T00:00:00Z")).contains("it expired at"));
        assert!(error(vec![good.clone()], at("2025-12-31T23:59:59Z")).contains("it is valid from"));
        // a list of numbers holds up itself alone
        let wanted = Wanted([(DataKind::Geo, "US".parse().unwrap()), (DataKind::Dnc, "GB,US".parse().unwrap())].into());
        let strange = DataFile { schema: 2, ..file(DataKind::Dnc, Country::US, "") };
        let manifest = manifest(vec![good, strange]);
        let needed = needs(&manifest, &wanted, now).unwrap();
        let refused: Vec<String> = needed.refused.iter().map(ToString::to_string).collect();
        assert_eq!((needed.files.len(), refused.len()), (1, 2), "{refused:?}");
        assert!(refused[0].starts_with("dnc of GB: the manifest lacks it") && refused[1].contains("its schema is 2"));
    }
}

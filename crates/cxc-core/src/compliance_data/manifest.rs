//! The manifest of a generation: which files belong together, and who says so.
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{DataKind, PublicKey, SigningKey, WrongSignature};
use crate::compliance::TzdbVersion;
use crate::location::Country;

/// The version of the rows' formats that this program reads.
pub const SCHEMA: u32 = 1;
/// The largest text of a manifest.
const MAX_TEXT: usize = 1 << 20;
/// The most files of a manifest.
const MAX_FILES: usize = 256;
/// The most earlier versions of a file that changes are given for.
const MAX_DELTAS: usize = 16;
/// The most bytes of a table's rows; places are at most 65,535.
const MAX_TABLE: u64 = 32 << 20;
/// The most bytes of the rows of a list of numbers: half a thousand million numbers.
const MAX_DNC: u64 = 16 << 30;

/// What is published together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Its name: an instant, `#` and a number that grows, such as `2026-11-20T00:00Z#412`.
    pub generation: String,
    /// The files.
    pub files: Vec<DataFile>,
    /// What is asked of the time zone database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tzdb: Option<TzdbDemand>,
    /// Over everything else, see [`Manifest::canonical`].
    #[serde(default)]
    pub signature: String,
}

/// What is asked of the time zone database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TzdbDemand {
    /// The least release that decisions may be made with.
    pub min_version: String,
    /// The latest release that there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<String>,
}

/// A file of rows, compressed with gzip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    /// What it holds.
    #[serde(rename = "type")]
    pub kind: DataKind,
    /// The country it speaks of.
    pub country: Country,
    /// Its release.
    pub version: String,
    /// The version of the rows' format.
    pub schema: u32,
    /// SHA-256 of the rows before compression.
    pub sha256: String,
    /// Bytes of the rows before compression.
    pub bytes: u64,
    /// Where it is, relative to the manifest.
    pub url: String,
    /// Whether it is the whole set; always true, changes are in `delta_from`.
    pub full: bool,
    /// Changes since earlier versions.
    #[serde(default)]
    pub delta_from: Vec<Delta>,
    /// Of a list of numbers: when it was taken from its register. Scrub age is counted from it, or from `valid_from`
    /// where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Timestamp>,
    /// From when on it may be used.
    pub valid_from: Timestamp,
    /// From when on it is stale.
    pub expires: Timestamp,
    /// Its terms.
    pub licence: String,
}

/// The changes since an earlier version of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delta {
    /// SHA-256 of the rows of that version.
    pub base: String,
    /// The release that it was.
    pub version: String,
    /// SHA-256 of the changes before compression.
    pub sha256: String,
    /// Bytes of the changes before compression.
    pub bytes: u64,
    /// Where they are, relative to the manifest.
    pub url: String,
}

/// A manifest that is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadManifest {
    /// It is no manifest.
    #[error("the manifest can't be read: {0}")]
    Unreadable(String),
    /// Something in it is wrong.
    #[error("the manifest is wrong: {0}")]
    Wrong(String),
    /// Somebody else made it.
    #[error(transparent)]
    Signature(#[from] WrongSignature),
}

fn wrong(text: impl Into<String>) -> BadManifest {
    BadManifest::Wrong(text.into())
}

impl Manifest {
    /// Reads a manifest and checks its signature over the whole text, then its form. Members that this program does
    /// not know are signed as well and are left alone.
    pub fn read(text: &[u8], key: &PublicKey) -> Result<Self, BadManifest> {
        let unreadable = |e: serde_json::Error| BadManifest::Unreadable(e.to_string());
        if text.len() > MAX_TEXT {
            return Err(BadManifest::Unreadable(format!("it has more than {MAX_TEXT} bytes")));
        }
        let value: Value = serde_json::from_slice(text).map_err(unreadable)?;
        let signature = value["signature"].as_str().unwrap_or_default().to_owned();
        key.check(&canonical(&value), &signature)?;
        let manifest: Self = serde_json::from_value(value).map_err(unreadable)?;
        manifest.check_form()?;
        Ok(manifest)
    }

    /// The manifest with its signature, as it is published.
    pub fn signed(mut self, key: &SigningKey) -> Result<String, BadManifest> {
        self.signature.clear();
        self.check_form()?;
        let unreadable = |e: serde_json::Error| BadManifest::Unreadable(e.to_string());
        let value = serde_json::to_value(&self).map_err(unreadable)?;
        self.signature = key.sign(&canonical(&value));
        serde_json::to_string_pretty(&self).map_err(unreadable)
    }

    /// The number of the generation: what stands behind the `#`.
    pub fn number(&self) -> u64 {
        self.generation.rsplit_once('#').and_then(|(_, number)| number.parse().ok()).unwrap_or(0)
    }

    /// The file of a kind and a country.
    pub fn file(&self, kind: DataKind, country: Country) -> Option<&DataFile> {
        self.files.iter().find(|file| file.kind == kind && file.country == country)
    }

    fn check_form(&self) -> Result<(), BadManifest> {
        if self.number() == 0 || self.generation.len() > 64 || self.generation.contains(char::is_control) {
            return Err(wrong("a generation is an instant, # and a number from 1, such as 2026-11-20T00:00Z#412"));
        }
        if self.files.len() > MAX_FILES {
            return Err(wrong(format!("it names {} files and may name {MAX_FILES}", self.files.len())));
        }
        let mut seen = BTreeSet::new();
        for file in &self.files {
            file.check_form().map_err(|text| wrong(format!("{} of {}: {text}", file.kind, file.country)))?;
            if !seen.insert((file.kind, file.country)) {
                return Err(wrong(format!("{} of {} is in it twice", file.kind, file.country)));
            }
        }
        self.tzdb.as_ref().map_or(Ok(()), |tzdb| tzdb.check_form(self.year()))
    }

    /// The year in which it was made: by its name and its files.
    fn year(&self) -> Option<i16> {
        let named = self.generation.get(..4).and_then(|year| year.parse().ok());
        self.files.iter().map(|file| file.valid_from.to_zoned(TimeZone::UTC).year()).chain(named).max()
    }
}

impl TzdbDemand {
    /// The least release that is asked for.
    pub fn least(&self) -> Option<TzdbVersion> {
        self.min_version.parse().ok()
    }

    /// A release that nobody can have would stop everybody.
    fn check_form(&self, year: Option<i16>) -> Result<(), BadManifest> {
        let bad = || wrong("tzdb.min_version is a year and a letter, such as 2026e");
        let least = self.least().ok_or_else(bad)?;
        if year.is_some_and(|year| least.year() > year) {
            return Err(wrong(format!("tzdb.min_version {least} is of the future: there is no such release yet")));
        }
        let latest = self.latest.as_ref().and_then(|latest| latest.parse::<TzdbVersion>().ok());
        match latest.filter(|latest| least > *latest) {
            Some(latest) => Err(wrong(format!("tzdb.min_version {least} is later than tzdb.latest {latest}"))),
            None => Ok(()),
        }
    }
}

impl DataFile {
    /// The most bytes that its rows may have.
    fn limit(&self) -> u64 {
        if self.kind == DataKind::Dnc { MAX_DNC } else { MAX_TABLE }
    }

    /// When its rows are of.
    pub fn dated(&self) -> Timestamp {
        self.as_of.unwrap_or(self.valid_from)
    }

    fn check_form(&self) -> Result<(), String> {
        is_path(&self.url)?;
        is_digest(&self.sha256)?;
        if self.version.is_empty() || self.version.len() > 64 || self.version.contains(char::is_control) {
            return Err("a version has 1 to 64 characters".into());
        }
        if self.bytes > self.limit() {
            return Err(format!("its rows have {} bytes and may have {}", self.bytes, self.limit()));
        }
        if !self.full {
            return Err("full must be true: changes are listed in delta_from".into());
        }
        if self.valid_from >= self.expires {
            return Err("it expires before it becomes valid".into());
        }
        if let Some(as_of) = self.as_of.filter(|as_of| *as_of > self.valid_from) {
            return Err(format!("it is dated ahead: as_of {as_of} is after valid_from {}", self.valid_from));
        }
        if self.delta_from.len() > MAX_DELTAS {
            return Err(format!("it has changes since more than {MAX_DELTAS} versions"));
        }
        for delta in &self.delta_from {
            is_path(&delta.url)?;
            is_digest(&delta.sha256)?;
            is_digest(&delta.base)?;
            if delta.bytes > self.limit() {
                return Err("its changes are larger than a file may be".into());
            }
        }
        Ok(())
    }
}

/// Whether a text is a path below the manifest: no scheme, no host, no way out.
fn is_path(url: &str) -> Result<(), String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    let part = |part: &str| !part.is_empty() && !part.starts_with('.') && part.bytes().all(plain);
    if url.len() <= 200 && url.split('/').all(part) {
        return Ok(());
    }
    Err("a url is a path below the manifest's, of letters, digits, dots, hyphens and slashes, without a leading dot"
        .into())
}

fn is_digest(text: &str) -> Result<(), String> {
    let hex = text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'));
    if hex { Ok(()) } else { Err("a sha256 is 64 digits and small letters a to f".into()) }
}

/// What is signed: the JSON without `signature`, the members of every object sorted by name, without blanks.
fn canonical(value: &Value) -> Vec<u8> {
    let mut value = value.clone();
    if let Some(object) = value.as_object_mut() {
        object.remove("signature");
    }
    sorted(&value).to_string().into_bytes()
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let by_name: BTreeMap<&String, Value> = members.iter().map(|(name, v)| (name, sorted(v))).collect();
            Value::Object(by_name.into_iter().map(|(name, v)| (name.clone(), v)).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> DataFile {
        DataFile {
            kind: DataKind::Geo,
            country: Country::US,
            version: "1".into(),
            schema: SCHEMA,
            sha256: "0".repeat(64),
            bytes: 10,
            url: "files/geo-US.tsv.gz".into(),
            full: true,
            delta_from: Vec::new(),
            as_of: None,
            valid_from: "2026-01-01T00:00:00Z".parse().unwrap(),
            expires: "2027-01-01T00:00:00Z".parse().unwrap(),
            licence: "Apache-2.0".into(),
        }
    }

    fn manifest(files: Vec<DataFile>) -> Manifest {
        let tzdb = Some(TzdbDemand { min_version: "2026e".into(), latest: None });
        Manifest { generation: "2026-11-20T00:00Z#412".into(), files, tzdb, signature: String::new() }
    }

    fn key() -> SigningKey {
        SigningKey::from_seed([3; 32]).unwrap()
    }

    #[test]
    fn a_signed_manifest_is_read_whatever_the_order_of_its_members_and_its_blanks() {
        let text = manifest(vec![file()]).signed(&key()).unwrap();
        let read = Manifest::read(text.as_bytes(), &key().public()).unwrap();
        assert_eq!((read.number(), read.file(DataKind::Geo, Country::US).is_some()), (412, true));
        let value: Value = serde_json::from_str(&text).unwrap();
        let reversed: serde_json::Map<_, _> = value.as_object().unwrap().clone().into_iter().rev().collect();
        let text = Value::Object(reversed).to_string();
        assert_eq!(Manifest::read(text.as_bytes(), &key().public()).unwrap(), read);
    }

    #[test]
    fn every_change_breaks_the_signature_and_so_does_another_key() {
        let text = manifest(vec![file()]).signed(&key()).unwrap();
        let changes = [("412", "413"), ("\"bytes\": 10", "\"bytes\": 11"), ("2026e", "2020a"), ("{", "{\"new\": 1,")];
        for (from, to) in changes {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text);
            let error = Manifest::read(changed.as_bytes(), &key().public()).unwrap_err();
            assert_eq!(error, BadManifest::Signature(WrongSignature), "{from}");
        }
        let other = SigningKey::from_seed([4; 32]).unwrap();
        assert!(matches!(Manifest::read(text.as_bytes(), &other.public()), Err(BadManifest::Signature(_))));
    }

    #[test]
    fn paths_that_leave_the_folder_of_the_manifest_are_refused() {
        let bad = [
            "../x",
            "a/../../x",
            "/etc/passwd",
            "https://example.com/x",
            "//example.com/x",
            "a//b",
            "",
            "a/.b",
            "a\\b",
            "%2e%2e/x",
            "a?b",
            ".",
        ];
        for url in bad {
            let error = manifest(vec![DataFile { url: url.into(), ..file() }]).signed(&key()).unwrap_err();
            assert!(error.to_string().contains("a url is a path below the manifest's"), "{url}: {error}");
        }
    }

    #[test]
    fn what_can_not_be_meant_is_refused_with_what_would_be_right() {
        let of = |file: DataFile| manifest(vec![file]).signed(&key()).unwrap_err().to_string();
        assert!(of(DataFile { bytes: 1 << 40, ..file() }).contains("may have"));
        assert!(of(DataFile { sha256: "x".into(), ..file() }).contains("64 digits"));
        assert!(of(DataFile { full: false, ..file() }).contains("full must be true"));
        assert!(of(DataFile { expires: file().valid_from, ..file() }).contains("expires before"));
        let ahead = Some("2026-01-01T00:00:01Z".parse().unwrap());
        assert!(of(DataFile { as_of: ahead, ..file() }).contains("dated ahead"));
        let asking = |least: &str, latest: Option<&str>| {
            let tzdb = TzdbDemand { min_version: least.into(), latest: latest.map(Into::into) };
            let asking = Manifest { tzdb: Some(tzdb), ..manifest(vec![file()]) };
            asking.signed(&key()).map_err(|e| e.to_string())
        };
        assert!(asking("2027a", None).unwrap_err().contains("2027a is of the future"));
        assert!(asking("2026g", Some("2026f")).unwrap_err().contains("later than tzdb.latest 2026f"));
        assert!(asking("2026z", None).is_ok() && asking("2026f", Some("2026f")).is_ok());
        assert!(manifest(vec![file(), file()]).signed(&key()).unwrap_err().to_string().contains("in it twice"));
        let unnumbered = Manifest { generation: "today".into(), ..manifest(vec![]) };
        assert!(unnumbered.signed(&key()).unwrap_err().to_string().contains("a generation is"));
        for text in ["", "[]", "{}", "null", "{\"signature\":1}"] {
            assert!(Manifest::read(text.as_bytes(), &key().public()).is_err(), "{text}");
        }
        assert!(Manifest::read(&vec![b' '; MAX_TEXT + 1], &key().public()).is_err());
    }
}

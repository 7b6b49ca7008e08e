//! Open windows by place, kept between checks.
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;

use super::attempts::{DayZones, days_began, today_lasts};
use super::declared::DeclaredTimes;
use super::edition::Edition;
use super::interval::Interval;
use super::law::Profile;
use super::place::{Part, PartKind, PartOrigin, Place};
use super::program::{DAY, OpenWindow, Program, TOLD};
use super::rule_set::RuleSet;
use super::subject::{Purpose, Subject};
use super::zones::Zones;
use crate::Micros;
use crate::channel::Channel;

/// How far ahead an opening is looked for, in days.
pub const SEARCH_DAYS: i64 = 400;

/// How many days are computed at a time.
const CHUNK: Micros = 8 * DAY;

/// A place in an [`IntervalCache`]: a set of zones and areas under one rule set and channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PlaceId {
    generation: u32,
    index: u32,
}

/// Why a place has no windows to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// The cache was emptied since; ask for the place again.
    #[error("the place is no longer in the cache")]
    Stale,
    /// Its postal code or phone tells no zone, and the tenant wants nobody contacted then.
    #[error("the place has no known zone, and the tenant contacts nobody without one")]
    Blocked,
}

/// The open windows of the places that a worker meets. Owned by one worker; it holds at most `capacity` places,
/// then starts afresh.
#[derive(Debug)]
pub struct IntervalCache {
    zones: Zones,
    capacity: usize,
    generation: u32,
    by_key: HashMap<Box<str>, u32>,
    entries: Vec<Entry>,
    key: String,
}

#[derive(Debug)]
struct Entry {
    program: Program,
    /// `windows` is complete for instants from `from` until `till`.
    from: Micros,
    till: Micros,
    windows: Vec<OpenWindow>,
    /// When each rule is open, for the same instants and [`TOLD`] beyond.
    intervals: Vec<Vec<Interval>>,
    /// Nothing opens between these.
    barren: (Micros, Micros),
    day: Day,
}

/// A stretch in which no zone of a place passes midnight, and when the days began that are counted back from it.
#[derive(Debug, Clone, Default)]
struct Day {
    /// By the number of days.
    began: Vec<(u16, Micros)>,
    from: Micros,
    till: Micros,
}

impl IntervalCache {
    /// A usual capacity: a country's pairs of regions. An entry takes about 2 kB.
    pub const CAPACITY: usize = 8192;

    /// An empty cache of at most `capacity` places.
    pub fn new(zones: Zones, capacity: usize) -> Self {
        let by_key = HashMap::new();
        Self { zones, capacity: capacity.max(1), generation: 0, by_key, entries: Vec::new(), key: String::new() }
    }

    /// The time zones by which places are judged.
    pub fn zones(&self) -> &Zones {
        &self.zones
    }

    /// The place of the parts of a location, for attempts of which nothing is said. The same parts in the same
    /// order give the same place.
    pub fn place(&mut self, rules: &RuleSet, channel: Channel, parts: &[Part<'_>]) -> PlaceId {
        self.place_of(rules, &Profile::of(channel, &Subject::UNSPECIFIED), parts, None)
    }

    /// The place of the parts of a location, for attempts of a profile.
    pub(super) fn place_of(
        &mut self,
        rules: &RuleSet,
        profile: &Profile<'_>,
        parts: &[Part<'_>],
        declared: Option<&DeclaredTimes>,
    ) -> PlaceId {
        write_key(&mut self.key, rules, profile, parts, declared);
        if let Some(index) = self.by_key.get(self.key.as_str()) {
            return PlaceId { generation: self.generation, index: *index };
        }
        if self.entries.len() >= self.capacity {
            self.by_key.clear();
            self.entries.clear();
            self.generation = self.generation.wrapping_add(1);
        }
        let place = Place::judge(parts, &rules.unmapped, &self.zones, profile.edition);
        let program = Program::new(rules, profile, &place, declared);
        let index = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        self.entries.push(Entry {
            program,
            from: 0,
            till: 0,
            windows: Vec::new(),
            intervals: Vec::new(),
            barren: (0, 0),
            day: Day::default(),
        });
        self.by_key.insert(self.key.as_str().into(), index);
        PlaceId { generation: self.generation, index }
    }

    /// The window that is open at `now`, else the next one that opens (it has `open > now`); `None` if none opens
    /// within [`SEARCH_DAYS`].
    pub fn open_window(&mut self, id: PlaceId, now: Timestamp) -> Result<Option<OpenWindow>, PlaceError> {
        self.window_from(id, now.as_microsecond(), now.as_microsecond())
    }

    /// The window that is open at `at`, else the next, in a search that began at `now`.
    pub(super) fn window_from(
        &mut self,
        id: PlaceId,
        now: Micros,
        at: Micros,
    ) -> Result<Option<OpenWindow>, PlaceError> {
        let entry = self.entry_mut(id)?;
        if entry.program.blocked {
            return Err(PlaceError::Blocked);
        }
        if now < entry.from || now >= entry.till {
            entry.refresh(now);
        }
        Ok(entry.next_from(at, now.saturating_add(SEARCH_DAYS * DAY)))
    }

    /// When the first of so many days began for a person there, the day of `now` included.
    pub(super) fn days_began(&mut self, id: PlaceId, now: Micros, days: u16) -> Micros {
        let Some(entry) = self.entry_mut(id).ok().filter(|e| e.program.mapped) else {
            return days_began(None, now, days);
        };
        let zones = &entry.program.zones;
        if now < entry.day.from || now >= entry.day.till {
            entry.day.began.clear();
            (entry.day.from, entry.day.till) = (now, today_lasts(zones, now));
        }
        if let Some((_, began)) = entry.day.began.iter().find(|(known, _)| *known == days) {
            return *began;
        }
        let began = days_began(Some(zones), now, days);
        entry.day.began.push((days, began));
        began
    }

    /// When each rule there is open, as far as was computed about the last instant that was asked about.
    pub(super) fn intervals(&self, id: PlaceId) -> Result<&[Vec<Interval>], PlaceError> {
        let entry = self.entries.get(id.index as usize).filter(|_| id.generation == self.generation);
        entry.map(|e| &e.intervals[..]).ok_or(PlaceError::Stale)
    }

    /// On whose clocks a day begins there; `None` where no zone is known.
    pub(super) fn day_zones(&self, id: PlaceId) -> DayZones<'_> {
        self.program(id).ok().filter(|p| p.mapped).map(|p| &p.zones[..])
    }

    pub(super) fn program(&self, id: PlaceId) -> Result<&Program, PlaceError> {
        let entry = self.entries.get(id.index as usize).filter(|_| id.generation == self.generation);
        entry.map(|e| &e.program).ok_or(PlaceError::Stale)
    }

    fn entry_mut(&mut self, id: PlaceId) -> Result<&mut Entry, PlaceError> {
        let current = id.generation == self.generation;
        self.entries.get_mut(id.index as usize).filter(|_| current).ok_or(PlaceError::Stale)
    }
}

impl Entry {
    /// Computes the windows about `now`: from a day ago, so that batches whose clocks differ a little share them.
    fn refresh(&mut self, now: Micros) {
        self.from = now.saturating_sub(DAY);
        self.till = now.saturating_add(CHUNK);
        let known = self.till.saturating_add(TOLD);
        self.intervals = self.program.intervals(self.from, known);
        self.windows = self.program.windows(&self.intervals, self.from, self.till, known);
    }

    fn next_from(&mut self, at: Micros, limit: Micros) -> Option<OpenWindow> {
        if self.from <= at && at < self.till {
            let first = self.windows.partition_point(|w| w.not_after <= at);
            if let Some(window) = self.windows.get(first) {
                return Some(OpenWindow { open: window.open.max(at), ..*window });
            }
        }
        self.search(at, limit)
    }

    /// Looks ahead in chunks; what was found barren is not searched again.
    fn search(&mut self, at: Micros, limit: Micros) -> Option<OpenWindow> {
        let known = self.barren.0 <= at && at < self.barren.1;
        let mut from = if known { self.barren.1 } else { at };
        while from < limit {
            let till = from.saturating_add(CHUNK).min(limit);
            // a day further, so that no window ends where the search does
            let known = till.saturating_add(DAY);
            let intervals = self.program.intervals(from, known);
            if let Some(window) = self.program.windows(&intervals, from, till, known).first() {
                return Some(*window);
            }
            from = till;
        }
        self.barren = (if known { self.barren.0 } else { at }, limit);
        None
    }
}

/// Everything that the windows of a place depend on, as text. Lengths keep the members apart.
fn write_key(
    key: &mut String,
    rules: &RuleSet,
    profile: &Profile<'_>,
    parts: &[Part<'_>],
    declared: Option<&DeclaredTimes>,
) {
    key.clear();
    key.push_str(rules.key());
    match profile.edition {
        Edition::First => key.push('<'),
        Edition::Second => key.push('('),
        Edition::Third => {}
    }
    key.push_str(profile.channel.as_str());
    if rules.law.rules.is_empty() {
        key.push(if profile.subject.purpose == Purpose::Emergency { 'e' } else { '.' });
    } else {
        profile.write_key(key);
    }
    if let Some(declared) = declared {
        let mut hasher = DefaultHasher::new();
        declared.hours.hash(&mut hasher);
        key.push('d');
        // a fold of the hash into letters, without an allocation
        let hash = hasher.finish();
        key.extend((0..16).map(|i| char::from(b'a' + u8::try_from(hash >> (4 * i) & 15).unwrap_or(0))));
    }
    for part in parts {
        key.push(match part.origin {
            PartOrigin::Contact => 'c',
            PartOrigin::Device => 'd',
            PartOrigin::OtherDevice => 'o',
        });
        key.push(match part.kind {
            PartKind::Explicit => 'e',
            PartKind::Postal => 'p',
            PartKind::Phone => 't',
        });
        for text in [part.country, part.regions, part.zones] {
            key.push(u32::try_from(text.len()).ok().and_then(char::from_u32).unwrap_or(char::MAX));
            key.push_str(text);
        }
    }
}

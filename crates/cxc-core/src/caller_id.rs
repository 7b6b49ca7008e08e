//! Numbers that calls display: which of them a person sees, and when one is taken to be blocked.
use std::collections::VecDeque;

use crate::Micros;
use crate::location::Country;

/// How long a caller id that was seen to be blocked is left alone.
pub const BLOCKED_FOR: Micros = 24 * 3_600_000_000;
/// So many of the last calls are looked at ...
const WINDOW: usize = 200;
/// ... and a caller id is blocked from so many refusals on ...
const FEWEST: usize = 5;
/// ... if they are more than this share of these calls, percent.
const SHARE: usize = 2;

/// A number that may be displayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Displayed {
    /// A + and 8 to 15 digits.
    pub number: String,
    /// Where it is.
    pub country: Option<Country>,
}

/// The number that a person sees: of those of their own country, else of all. It is the one of the highest weight, so that
/// the same person sees the same number as long as it is among them, and one that comes or goes moves no others.
pub fn rotate(ids: &[Displayed], country: Option<Country>, weight: impl Fn(&str) -> i64) -> Option<&Displayed> {
    let highest = |only: bool| {
        let fits = |id: &&Displayed| !only || (id.country.is_some() && id.country == country);
        ids.iter().filter(fits).max_by_key(|id| (weight(&id.number), &id.number))
    };
    highest(true).or_else(|| highest(false))
}

/// The last calls by a caller id that were answered or rejected.
#[derive(Debug, Clone, Default)]
pub struct BlockWatch {
    /// Whether each was blocked.
    calls: VecDeque<bool>,
    blocked: usize,
}

/// What a watch has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alarm {
    /// Calls that were blocked.
    pub blocked: usize,
    /// Of so many.
    pub calls: usize,
}

impl BlockWatch {
    /// Notes a call. The alarm is raised once: the watch begins anew with it.
    pub fn note(&mut self, is_blocked: bool) -> Option<Alarm> {
        self.calls.push_back(is_blocked);
        self.blocked += usize::from(is_blocked);
        if self.calls.len() > WINDOW && self.calls.pop_front() == Some(true) {
            self.blocked -= 1;
        }
        let alarm = Alarm { blocked: self.blocked, calls: self.calls.len() };
        let is_due = is_blocked && alarm.blocked >= FEWEST && alarm.blocked * 100 > alarm.calls * SHARE;
        is_due.then(|| {
            *self = Self::default();
            alarm
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::HashKey;

    fn ids(numbers: &[(&str, &str)]) -> Vec<Displayed> {
        let id = |(number, country): &(&str, &str)| Displayed {
            number: (*number).to_owned(),
            country: Country::parse(country).ok(),
        };
        numbers.iter().map(id).collect()
    }

    fn seen<'a>(ids: &'a [Displayed], person: &str, country: &str) -> &'a str {
        let weight = |id: &str| HashKey([3; 16]).hash(1, &format!("{person} {id}"));
        &rotate(ids, Country::parse(country).ok(), weight).unwrap().number
    }

    #[test]
    fn a_person_sees_one_number_and_one_that_goes_moves_only_those_who_saw_it() {
        let all: Vec<(String, &str)> = (0..10).map(|n| (format!("+1212555010{n}"), "US")).collect();
        let all = ids(&all.iter().map(|(number, country)| (number.as_str(), *country)).collect::<Vec<_>>());
        let fewer: Vec<Displayed> = all.iter().filter(|id| id.number != "+12125550103").cloned().collect();
        let mut of_each = std::collections::BTreeMap::<&str, usize>::new();
        for person in 0..2_000 {
            let person = format!("+1646555{person:04}");
            let number = seen(&all, &person, "US");
            assert_eq!(number, seen(&all, &person, "US"));
            if number != "+12125550103" {
                assert_eq!(number, seen(&fewer, &person, "US"), "{person}");
            }
            *of_each.entry(number).or_default() += 1;
        }
        assert!(of_each.len() == 10 && of_each.values().all(|n| (140..260).contains(n)), "{of_each:?}");
    }

    #[test]
    fn a_number_of_the_persons_country_comes_first() {
        let ids = ids(&[("+12125550100", "US"), ("+442079460100", "GB"), ("+442079460101", "GB")]);
        for person in ["+442079460999", "+442079460998", "+442079460997"] {
            assert!(seen(&ids, person, "GB").starts_with("+44"));
            assert_eq!(seen(&ids, person, "US"), "+12125550100");
        }
        let of_others: std::collections::BTreeSet<&str> =
            (0..50).map(|n| seen(&ids, &format!("+4930901820{n:02}"), "DE")).collect();
        assert_eq!(of_others.len(), 3, "all of them where none is of the country");
        assert_eq!(rotate(&[], None, |_| 0), None);
    }

    #[test]
    fn five_blocked_calls_are_an_alarm_unless_they_are_few_among_many() {
        let mut watch = BlockWatch::default();
        let alarms: Vec<_> = (0..5).map(|_| watch.note(true)).collect();
        assert_eq!(alarms, [None, None, None, None, Some(Alarm { blocked: 5, calls: 5 })]);
        assert_eq!(watch.note(true), None, "it begins anew");

        // four in two hundred stay two percent, the fifth is more; older ones are forgotten
        let mut watch = BlockWatch::default();
        for n in 0..600 {
            assert_eq!(watch.note(n % 50 == 49), None, "{n}");
        }
        assert_eq!(watch.note(true), Some(Alarm { blocked: 5, calls: 200 }));
    }
}

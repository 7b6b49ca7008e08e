//! The database of reassigned numbers: what it answers, and by which days. 47 CFR 64.1200(m), DA 21-1649.
use jiff::civil::Date;
use jiff::{Span, ToSpan};

use super::number_facts::ReassignedAnswer;

/// For how many days a number rests after it was disconnected.
pub const AGING_DAYS: i32 = 45;

/// What the database answers for a number that was last disconnected on a day, asked with a date of consent:
/// whether it was disconnected on that date or later. `None` for a number that it knows nothing of.
pub fn answer(known: Option<Option<Date>>, consent: Date) -> ReassignedAnswer {
    match known {
        None => ReassignedAnswer::NoData,
        Some(disconnected) if disconnected.is_some_and(|day| consent <= day) => ReassignedAnswer::Yes,
        Some(_) => ReassignedAnswer::No,
    }
}

/// By which day a disconnection is reported: the fifteenth of the next month.
pub fn reported_by(disconnected: Date) -> Date {
    let next = disconnected.first_of_month().saturating_add(1.month());
    next.saturating_add(14.days())
}

/// After which day the number may be given to someone else.
pub fn rests_until(disconnected: Date) -> Date {
    disconnected.saturating_add(Span::new().days(AGING_DAYS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn the_published_example_of_dates_holds() {
        let known = Some(Some(date("2021-10-01")));
        assert_eq!(answer(known, date("2021-10-01")), ReassignedAnswer::Yes);
        assert_eq!(answer(known, date("2021-10-02")), ReassignedAnswer::No);
        assert_eq!(answer(Some(None), date("2021-10-02")), ReassignedAnswer::No);
        assert_eq!(answer(None, date("2021-10-02")), ReassignedAnswer::NoData);
    }

    #[test]
    fn a_disconnection_is_reported_before_its_number_can_be_given_away() {
        assert_eq!(reported_by(date("2021-10-16")), date("2021-11-15"));
        assert_eq!(rests_until(date("2021-10-16")), date("2021-11-30"));
        assert_eq!(reported_by(date("2021-12-31")), date("2022-01-15"));
    }
}

//! How far a revocation reaches, and by when the law wants it honoured. We honour it at once; the rest is measured.
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::channel::Channel;

/// How far a revocation reaches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RevocationReach {
    /// The channel on which it came, or what the person named; on the address it came from.
    #[default]
    AsSaid,
    /// Every call and text, on all addresses that are known of the person.
    CallsAndTexts,
    /// Every channel, on all addresses that are known of the person.
    All,
}

impl RevocationReach {
    /// The channels it ends, having come on one.
    pub fn channels(self, came_on: &[Channel]) -> Vec<Channel> {
        let reached = |channel: &Channel| {
            came_on.contains(channel)
                || match self {
                    Self::AsSaid => false,
                    Self::CallsAndTexts => {
                        matches!(channel, Channel::Voice | Channel::Sms)
                            && came_on.iter().any(|c| matches!(c, Channel::Voice | Channel::Sms))
                    }
                    Self::All => true,
                }
        };
        Channel::ALL.into_iter().filter(reached).collect()
    }

    /// Whether every known address of the person is meant, not only the one it came from.
    pub fn is_of_person(self) -> bool {
        self != Self::AsSaid
    }
}

/// A reach that holds from a day on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReachStep {
    /// The first day, UTC.
    pub from: Date,
    /// How far it reaches from then on.
    pub reach: RevocationReach,
}

/// What the law says of revocations: dated, so that a change of the law is a change of data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationTerms {
    /// The rule, `id@version`.
    pub rule: &'static str,
    /// At the latest after so many business days (Monday to Friday, less the holidays that are known).
    pub business_days: u16,
    /// The reach by day, in order.
    pub reach: Vec<ReachStep>,
    /// One confirmation may be sent within so many minutes.
    pub confirm_minutes: u16,
}

impl RevocationTerms {
    /// The terms for an address in a country; the strictest ones where the country is not known.
    pub fn for_country(country: Option<&str>) -> Self {
        let step = |from, reach| ReachStep { from, reach };
        let all_from = Date::constant(2027, 1, 31);
        match country {
            // 47 CFR 64.1200(a)(10)-(12); that one revocation ends all is waived until 2027-01-31 (DA 26-12)
            Some("US") | None => Self {
                rule: "US-REVOKE",
                business_days: 10,
                reach: vec![step(all_from, RevocationReach::CallsAndTexts)],
                confirm_minutes: 5,
            },
            Some("CA") => Self { rule: "CA-CASL", business_days: 10, reach: Vec::new(), confirm_minutes: 5 },
            Some("AU") => Self { rule: "AU-SPAM", business_days: 5, reach: Vec::new(), confirm_minutes: 5 },
            Some("NZ") => Self { rule: "NZ-UEM", business_days: 5, reach: Vec::new(), confirm_minutes: 5 },
            // an absolute right elsewhere, without a number of days: the shortest that a law names
            Some(_) => Self { rule: "EU-OBJECT", business_days: 5, reach: Vec::new(), confirm_minutes: 5 },
        }
    }

    /// How far a revocation reaches that is received at an instant.
    pub fn reach_at(&self, received: Timestamp) -> RevocationReach {
        let day = received.to_zoned(TimeZone::UTC).date();
        self.reach.iter().rfind(|step| step.from <= day).map_or(RevocationReach::AsSaid, |step| step.reach)
    }

    /// By when it must be honoured at the latest: the end of the last business day, UTC. The day of receipt does
    /// not count.
    pub fn deadline(&self, received: Timestamp, is_holiday: impl Fn(Date) -> bool) -> Timestamp {
        let mut day = received.to_zoned(TimeZone::UTC).date();
        let mut left = self.business_days;
        // holidays can't outnumber the days of a year
        for _ in 0..366 {
            if left == 0 {
                break;
            }
            day = day.saturating_add(1.day());
            let works = !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) && !is_holiday(day);
            left -= u16::from(works);
        }
        let end = day.saturating_add(1.day()).to_zoned(TimeZone::UTC);
        end.map_or(received, |end| end.timestamp())
    }

    /// Until when the one confirmation may be sent, exclusively.
    pub fn confirm_until(&self, received: Timestamp) -> Timestamp {
        received.checked_add(i64::from(self.confirm_minutes).minutes()).unwrap_or(received)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn one_revocation_ends_calls_and_texts_from_the_day_the_waiver_ends() {
        let us = RevocationTerms::for_country(Some("US"));
        assert_eq!(us.reach_at(time("2027-01-30T23:59:59Z")), RevocationReach::AsSaid);
        assert_eq!(us.reach_at(time("2027-01-31T00:00:00Z")), RevocationReach::CallsAndTexts);
        let reach = RevocationReach::CallsAndTexts;
        assert_eq!(reach.channels(&[Channel::Sms]), [Channel::Voice, Channel::Sms]);
        assert_eq!(reach.channels(&[Channel::Email]), [Channel::Email], "an unsubscribe is no robocall's end");
        assert_eq!(RevocationTerms::for_country(None), us, "not known: the strictest");
        assert_eq!(
            RevocationTerms::for_country(Some("GB")).reach_at(time("2028-01-01T00:00:00Z")),
            RevocationReach::AsSaid
        );
    }

    #[test]
    fn ten_business_days_leave_out_weekends_and_holidays() {
        let us = RevocationTerms::for_country(Some("US"));
        // Friday 2026-11-20: 23-27 Nov are five, 30 Nov to 4 Dec the other five
        assert_eq!(us.deadline(time("2026-11-20T15:00:00Z"), |_| false), time("2026-12-05T00:00:00Z"));
        let thanksgiving = Date::constant(2026, 11, 26);
        assert_eq!(us.deadline(time("2026-11-20T15:00:00Z"), |d| d == thanksgiving), time("2026-12-08T00:00:00Z"));
        assert!(us.deadline(time("2026-11-20T15:00:00Z"), |_| true) > time("2026-11-20T15:00:00Z"), "it ends");
    }
}

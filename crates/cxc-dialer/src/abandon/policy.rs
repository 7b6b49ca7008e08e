//! What the law of a place says of abandoned calls.
use cxc_core::Micros;
use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use serde::{Deserialize, Serialize};

const HOUR: Micros = 3_600_000_000;
const DAY: Micros = 24 * HOUR;

/// The time over which the rate is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// The last hours.
    RollingHours(u32),
    /// The local day.
    Day,
    /// The local calendar month.
    CalendarMonth,
    /// Periods of 30 days from the campaign's start on; a younger campaign counts as a whole.
    Successive30Days,
    /// The whole campaign.
    Campaign,
}

impl Window {
    /// Where the window that holds `now` began. An instant that can't be told counts from the campaign's start.
    pub fn start(self, now: Micros, campaign: Micros, zone: &TimeZone) -> Micros {
        let local = || Timestamp::from_microsecond(now).ok().map(|at| at.to_zoned(zone.clone()));
        match self {
            Window::RollingHours(hours) => now - Micros::from(hours) * HOUR,
            Window::Day => local()
                .and_then(|at| at.start_of_day().ok())
                .map_or(campaign, |start| start.timestamp().as_microsecond()),
            Window::CalendarMonth => local()
                .and_then(|at| at.first_of_month().ok()?.start_of_day().ok())
                .map_or(campaign, |start| start.timestamp().as_microsecond()),
            Window::Successive30Days => campaign + (now - campaign).max(0) / (30 * DAY) * 30 * DAY,
            Window::Campaign => campaign,
        }
    }

    /// Where the window that holds `now` ends and another begins; none for one that slides or never ends.
    pub fn end(self, now: Micros, campaign: Micros, zone: &TimeZone) -> Option<Micros> {
        let start = self.start(now, campaign, zone);
        let from = Timestamp::from_microsecond(start).ok()?.to_zoned(zone.clone());
        let later = |span: jiff::Span| Some(from.checked_add(span).ok()?.timestamp().as_microsecond());
        match self {
            Window::RollingHours(_) | Window::Campaign => None,
            Window::Day => later(1.day()),
            Window::CalendarMonth => later(1.month()),
            Window::Successive30Days => Some(start + 30 * DAY),
        }
    }
}

/// From when on a person waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartPoint {
    /// The line was taken up.
    SystemAnswer,
    /// The person began to speak.
    GreetingStart,
    /// The person ended the greeting.
    GreetingEnd,
}

/// Of what the rate is a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Denominator {
    /// Calls that a person answered.
    Live,
    /// The same, where people taken for machines count as abandoned.
    LivePlusEstimatedAmdFalsePositives,
}

/// One rule on abandoned calls. Several may hold; the tightest gates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AbandonPolicy {
    /// Whose rule it is.
    pub name: String,
    /// The most that may be abandoned, as a share of live answers.
    pub rate: f64,
    /// Over which time.
    pub window: Window,
    /// How long a person may wait for an agent, milliseconds.
    pub threshold_ms: u32,
    /// From when on.
    pub start_point: StartPoint,
    /// Of what the rate is a share.
    pub denominator: Denominator,
    /// The shortest time that a call must ring, seconds.
    pub min_ring_s: u32,
    /// For so long a person whose call was abandoned is called by a reserved agent only, hours.
    pub no_redial_after_abandon_h: u32,
}

/// Places whose rules are known. A lawyer has not read them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// United States: 16 CFR 310.4(b)(4) and 47 CFR 64.1200(a)(7).
    US,
    /// United Kingdom: Ofcom gives no safe harbour since March 2017; 3 % a day is an engineering default.
    UK,
    /// Canada: CRTC Unsolicited Telecommunications Rules.
    CA,
    /// Australia: the 2017 standard gives no figure; 3 % is an engineering default.
    AU,
}

impl Place {
    /// The policies that hold there.
    pub fn policies(self) -> Vec<AbandonPolicy> {
        let base = |name: &str| AbandonPolicy {
            name: name.into(),
            rate: 0.03,
            window: Window::Successive30Days,
            threshold_ms: 2_000,
            start_point: StartPoint::GreetingEnd,
            denominator: Denominator::Live,
            min_ring_s: 15,
            no_redial_after_abandon_h: 0,
        };
        match self {
            Place::US => vec![base("US FTC"), base("US FCC")],
            Place::UK => vec![AbandonPolicy {
                window: Window::RollingHours(24),
                start_point: StartPoint::SystemAnswer,
                denominator: Denominator::LivePlusEstimatedAmdFalsePositives,
                no_redial_after_abandon_h: 72,
                ..base("UK Ofcom")
            }],
            Place::CA => vec![AbandonPolicy {
                rate: 0.05,
                window: Window::CalendarMonth,
                start_point: StartPoint::SystemAnswer,
                ..base("CA CRTC")
            }],
            Place::AU => vec![AbandonPolicy {
                window: Window::RollingHours(24),
                start_point: StartPoint::SystemAnswer,
                ..base("AU standard")
            }],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Micros {
        text.parse::<Timestamp>().unwrap().as_microsecond()
    }

    #[test]
    fn windows_begin_and_end_where_they_should() {
        let zone = TimeZone::get("America/New_York").unwrap();
        let (now, campaign) = (at("2026-11-01T12:00:00Z"), at("2026-08-30T15:00:00Z"));
        assert_eq!(Window::Day.start(now, campaign, &zone), at("2026-11-01T04:00:00Z"));
        assert_eq!(Window::Day.end(now, campaign, &zone), Some(at("2026-11-02T05:00:00Z")), "a day of 25 hours");
        assert_eq!(Window::CalendarMonth.end(now, campaign, &zone), Some(at("2026-12-01T05:00:00Z")));
        assert_eq!(Window::Successive30Days.start(now, campaign, &zone), at("2026-10-29T15:00:00Z"));
        assert_eq!(Window::RollingHours(24).start(now, campaign, &zone), at("2026-10-31T12:00:00Z"));
        assert_eq!(Window::Campaign.start(now, campaign, &zone), campaign);
    }

    #[test]
    fn every_place_has_a_limit() {
        for place in [Place::US, Place::UK, Place::CA, Place::AU] {
            let policies = place.policies();
            assert!(!policies.is_empty());
            assert!(policies.iter().all(|p| p.rate > 0.0 && p.rate <= 0.05 && p.threshold_ms == 2_000));
        }
    }
}

//! How far a revocation reaches, and by when the law wants it honoured. We honour it at once; the rest is measured.
use std::sync::Arc;

use jiff::civil::{Date, Weekday};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::channel::Channel;
use crate::compliance::legal::{LegalRule, LegalRules, RevocationBody, RevocationScope, RuleBody, RuleFileError};
use crate::compliance::{Calendars, Zones};

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

/// The law of revocations: the `revocation_sla` rules, with their dates, and the holidays.
#[derive(Debug, Clone, Default)]
pub struct RevocationLaw {
    rules: Vec<Arc<LegalRule>>,
    calendars: Arc<Calendars>,
}

/// What the law says of one revocation. It is honoured at once; this is by when and how far it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RevocationTerms {
    /// The end of the last day on which it may still be unheeded, UTC.
    pub deadline: Timestamp,
    /// How far it reaches.
    pub reach: RevocationReach,
    /// Until when the one confirmation may be sent, exclusively.
    pub confirm_until: Timestamp,
}

impl RevocationLaw {
    /// The law as it is shipped.
    pub fn shipped() -> Result<Self, RuleFileError> {
        let calendars =
            Calendars::shipped().map_err(|e| RuleFileError { file: e.file, line: e.line, detail: e.detail })?;
        let rules = LegalRules::shipped(&Zones::bundled(), &calendars)?;
        Ok(Self::of(&rules, Arc::new(calendars)))
    }

    /// The law by these rules.
    pub fn of(rules: &LegalRules, calendars: Arc<Calendars>) -> Self {
        let of_revocations = |rule: &&Arc<LegalRule>| matches!(rule.kind, RuleBody::RevocationSla(_));
        Self { rules: rules.all().iter().filter(of_revocations).cloned().collect(), calendars }
    }

    /// The terms of a revocation that came on these channels from an address of one of these countries (none: not
    /// known). Where several rules or countries may be meant, the shortest deadline and the longest reach. A country
    /// without a rule has the deadlines of all others and no reach of its own. Without any rule: at once and from all.
    pub fn terms(&self, countries: &[&str], came_on: &[Channel], received: Timestamp) -> RevocationTerms {
        let in_force: Vec<&LegalRule> =
            self.rules.iter().map(AsRef::as_ref).filter(|r| in_force(r, received)).collect();
        let is_meant = |rule: &&&LegalRule| {
            let channels = &rule.applies_to.channels;
            (countries.is_empty() || countries.contains(&rule.jurisdiction.country.as_str()))
                && (channels.is_empty() || came_on.iter().any(|c| channels.contains(c)))
        };
        let meant: Vec<&LegalRule> = in_force.iter().filter(is_meant).copied().collect();
        let reach = meant.iter().map(|rule| reach_of(rule)).max().unwrap_or_default();
        let asked = |rules: &[&LegalRule]| {
            let deadline = rules.iter().filter_map(|r| self.deadline(body(r)?, countries, received)).min();
            let confirm = rules.iter().filter_map(|r| body(r)?.confirm_minutes).min();
            (deadline, confirm)
        };
        let (own, all) = (asked(&meant), asked(&in_force));
        let minutes = i64::from(own.1.or(all.1).unwrap_or(0));
        RevocationTerms {
            deadline: own.0.or(all.0).unwrap_or(received),
            reach: if self.rules.is_empty() { RevocationReach::All } else { reach },
            confirm_until: received.checked_add(minutes.minutes()).unwrap_or(received),
        }
    }

    fn deadline(&self, body: &RevocationBody, countries: &[&str], received: Timestamp) -> Option<Timestamp> {
        let day = received.to_zoned(TimeZone::UTC).date();
        let business = body.business_days.map(|days| self.business_day(day, days, countries));
        let plain = body.days.map(|days| day.saturating_add(i64::from(days).days()));
        let last = [business, plain].into_iter().flatten().min()?;
        last.saturating_add(1.day()).to_zoned(TimeZone::UTC).ok().map(|end| end.timestamp())
    }

    /// The last of so many business days after a day, which does not count itself.
    fn business_day(&self, mut day: Date, days: u16, countries: &[&str]) -> Date {
        let mut left = days;
        // holidays can't outnumber the days of a year
        for _ in 0..366 {
            if left == 0 {
                break;
            }
            day = day.saturating_add(1.day());
            let is_weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
            left -= u16::from(!is_weekend && !self.is_holiday(day, countries));
        }
        day
    }

    /// Whether a day is known to be a holiday in each country that may be meant. What no calendar tells is none: that
    /// makes the deadline earlier.
    fn is_holiday(&self, day: Date, countries: &[&str]) -> bool {
        !countries.is_empty() && countries.iter().all(|c| self.calendars.holiday(c, day).is_some())
    }
}

fn body(rule: &LegalRule) -> Option<&RevocationBody> {
    match &rule.kind {
        RuleBody::RevocationSla(body) => Some(body),
        _ => None,
    }
}

/// Whether a rule is in force somewhere, as in every check: from when its first day begins in the east.
fn in_force(rule: &LegalRule, at: Timestamp) -> bool {
    let date = |hours: i8| Offset::constant(hours).to_datetime(at).date();
    rule.effective_from.is_none_or(|from| from <= date(14))
        && rule.effective_until.is_none_or(|until| date(-12) < until)
}

fn reach_of(rule: &LegalRule) -> RevocationReach {
    match body(rule).map(|body| body.scope) {
        Some(RevocationScope::All) if rule.applies_to.channels.is_empty() => RevocationReach::All,
        Some(RevocationScope::All) => RevocationReach::CallsAndTexts,
        _ => RevocationReach::AsSaid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn terms(countries: &[&str], channel: Channel, received: &str) -> RevocationTerms {
        RevocationLaw::shipped().unwrap().terms(countries, &[channel], time(received))
    }

    #[test]
    fn one_revocation_ends_calls_and_texts_from_the_first_day_of_the_rule() {
        let reach = |countries: &[&str], channel, at| terms(countries, channel, at).reach;
        // the thirty-first begins at ten in the morning of the thirtieth, far in the east
        assert_eq!(reach(&["US", "CA"], Channel::Sms, "2027-01-30T09:59:59Z"), RevocationReach::AsSaid);
        assert_eq!(reach(&["US", "CA"], Channel::Sms, "2027-01-30T10:00:00Z"), RevocationReach::CallsAndTexts);
        assert_eq!(reach(&[], Channel::Sms, "2027-02-01T00:00:00Z"), RevocationReach::CallsAndTexts, "not known");
        assert_eq!(reach(&["GB"], Channel::Sms, "2028-01-01T00:00:00Z"), RevocationReach::AsSaid);
        assert_eq!(reach(&["US"], Channel::Email, "2028-01-01T00:00:00Z"), RevocationReach::AsSaid);
        let reach = RevocationReach::CallsAndTexts;
        assert_eq!(reach.channels(&[Channel::Sms]), [Channel::Voice, Channel::Sms]);
        assert_eq!(reach.channels(&[Channel::Email]), [Channel::Email], "an unsubscribe is no robocall's end");
    }

    #[test]
    fn business_days_leave_out_weekends_and_the_holidays_of_the_country() {
        // Friday 2026-11-20: 23-25, 27 and 30 November, 1-4 and 7 December; the twenty-sixth is Thanksgiving
        let us = terms(&["US"], Channel::Sms, "2026-11-20T15:00:00Z");
        assert_eq!(us.deadline, time("2026-12-08T00:00:00Z"));
        assert_eq!(us.confirm_until, time("2026-11-20T15:05:00Z"));
        // a North American number may be Canadian, and there it is no holiday
        assert_eq!(terms(&["US", "CA"], Channel::Sms, "2026-11-20T15:00:00Z").deadline, time("2026-12-05T00:00:00Z"));
        // five business days, Australia's and New Zealand's, are the shortest
        for countries in [&["AU"][..], &["FR"], &[]] {
            let found = terms(countries, Channel::Sms, "2026-11-20T15:00:00Z");
            assert_eq!(found.deadline, time("2026-11-28T00:00:00Z"), "{countries:?}");
        }
    }

    #[test]
    fn without_any_rule_a_revocation_is_due_at_once_and_reaches_everything() {
        let received = time("2026-11-20T15:00:00Z");
        let none = RevocationLaw::default().terms(&["US"], &[Channel::Sms], received);
        assert_eq!((none.deadline, none.reach), (received, RevocationReach::All));
    }
}

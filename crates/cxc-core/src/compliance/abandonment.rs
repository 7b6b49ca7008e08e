//! Abandoned calls: whether a campaign stays within its share, over the stretches that a rule measures.
use jiff::civil::Date;
use jiff::{Span, ToSpan};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::legal::{AbandonmentBody, AbandonmentPeriod};

/// The calls of one day of a campaign. Calls that a machine answered are in neither number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AbandonmentDay {
    /// The day.
    #[schema(value_type = String, format = Date)]
    pub date: Date,
    /// How many calls a person answered, the abandoned ones included.
    pub live_answered: u64,
    /// How many of those found no agent in time.
    pub abandoned: u64,
}

/// One stretch as it was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AbandonmentMeasure {
    /// Its first day.
    #[schema(value_type = String, format = Date)]
    pub first: Date,
    /// Its last day.
    #[schema(value_type = String, format = Date)]
    pub last: Date,
    /// How many calls a person answered.
    pub live_answered: u64,
    /// How many of those were abandoned.
    pub abandoned: u64,
    /// Whether that is within the share.
    pub passes: bool,
}

/// Measures a ledger of days, in any order, over the stretches of a rule. A campaign begins with its first day; what
/// is left over at its end is a stretch of its own. A stretch without a call is left out.
pub fn judge(rule: &AbandonmentBody, ledger: &[AbandonmentDay]) -> Vec<AbandonmentMeasure> {
    let Some(begin) = ledger.iter().map(|day| day.date).min() else { return Vec::new() };
    let Some(end) = ledger.iter().map(|day| day.date).max() else { return Vec::new() };
    let mut measures = Vec::new();
    let mut first = begin;
    while first <= end {
        let last = last_day(rule.period, first).min(end);
        let inside = || ledger.iter().filter(|day| (first..=last).contains(&day.date));
        let live_answered: u64 = inside().map(|day| day.live_answered).fold(0, u64::saturating_add);
        let abandoned: u64 = inside().map(|day| day.abandoned).fold(0, u64::saturating_add);
        if live_answered > 0 || abandoned > 0 {
            let passes =
                u128::from(abandoned) * 10_000 <= u128::from(live_answered) * u128::from(rule.max_basis_points);
            measures.push(AbandonmentMeasure { first, last, live_answered, abandoned, passes });
        }
        match last.tomorrow() {
            Ok(next) => first = next,
            Err(_) => break,
        }
    }
    measures
}

fn last_day(period: AbandonmentPeriod, first: Date) -> Date {
    match period {
        AbandonmentPeriod::CampaignDays(days) => first.saturating_add((i32::from(days.max(1)) - 1).days()),
        AbandonmentPeriod::CalendarMonth => first.last_of_month(),
        // days are the finest measure of the ledger
        AbandonmentPeriod::Hours(hours) => {
            first.saturating_add(Span::new().days(i32::from(hours.div_ceil(24).max(1)) - 1))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(max_basis_points: u16, period: AbandonmentPeriod) -> AbandonmentBody {
        AbandonmentBody { max_basis_points, period, agent_seconds: 2, message: Vec::new(), keep_days: None }
    }

    fn day(date: &str, live_answered: u64, abandoned: u64) -> AbandonmentDay {
        AbandonmentDay { date: date.parse().unwrap(), live_answered, abandoned }
    }

    #[test]
    fn three_in_a_hundred_pass_and_one_more_does_not() {
        let tsr = rule(300, AbandonmentPeriod::CampaignDays(30));
        assert!(judge(&tsr, &[day("2026-01-01", 10_000, 300)])[0].passes);
        assert!(!judge(&tsr, &[day("2026-01-01", 10_000, 301)])[0].passes);
        // spread over a short campaign it is measured as a whole
        let short = [day("2026-01-09", 5_000, 300), day("2026-01-01", 5_000, 0)];
        assert!(judge(&tsr, &short)[0].passes);
    }

    #[test]
    fn a_campaign_of_45_days_is_measured_as_30_and_15() {
        let tsr = rule(300, AbandonmentPeriod::CampaignDays(30));
        let begin: Date = "2026-01-01".parse().unwrap();
        let bad_end = |n: i32| AbandonmentDay {
            date: begin.saturating_add(n.days()),
            live_answered: 100,
            abandoned: if n < 30 { 0 } else { 4 },
        };
        let measures = judge(&tsr, &(0..45).map(bad_end).collect::<Vec<_>>());
        let stretches: Vec<_> = measures.iter().map(|m| (m.last.to_string(), m.live_answered, m.passes)).collect();
        assert_eq!(stretches, [("2026-01-30".to_owned(), 3_000, true), ("2026-02-14".to_owned(), 1_500, false)]);
    }

    #[test]
    fn canada_measures_each_calendar_month() {
        let crtc = rule(500, AbandonmentPeriod::CalendarMonth);
        let measures = judge(&crtc, &[day("2026-01-31", 100, 5), day("2026-02-01", 100, 6)]);
        assert_eq!(measures.iter().map(|m| m.passes).collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn without_a_safe_share_one_call_is_too_many() {
        let ofcom = rule(0, AbandonmentPeriod::Hours(24));
        let measures = judge(&ofcom, &[day("2026-01-01", 1_000, 0), day("2026-01-02", 1_000, 1)]);
        assert_eq!(measures.iter().map(|m| m.passes).collect::<Vec<_>>(), [true, false]);
        assert!(judge(&ofcom, &[]).is_empty());
    }
}

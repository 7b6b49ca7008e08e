//! A line of a file as entries of a suppression list.
use cxc_store::suppression::{DEVICE, SuppressionEntry, SuppressionList};
use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};

use super::Work;
use crate::file::{Reject, RejectReason};
use crate::import::{WarningKind, Warnings};
use crate::mapping::MappedRow;

const DAY: i64 = 24 * 3600 * 1_000_000;
const CUT: &str = "a text over its limit was cut";
const SHORTENED: &str = "an entry ends before its date: the list keeps entries for a number of days";

impl Work<'_> {
    /// A line's entries: its client id, or each of its devices.
    pub(super) fn entries(
        &self,
        list: &SuppressionList,
        row: &MappedRow<'_>,
        warnings: &mut Warnings,
    ) -> Result<Vec<SuppressionEntry>, Reject> {
        let app = &self.context.app;
        let (now, line) = (app.now(), row.record().line_number());
        let (from_at, until_at, shortened) = self.times(row, now).unwrap_or_else(|reject| {
            // who is on a list is never contacted because a time can't be read
            warnings.note(WarningKind::TimeUnread, line, 1, &reject.text);
            (None, self.kept_until(now), false)
        });
        let entry = |key: String| SuppressionEntry {
            key_hash: app.hash_key.hash(list.tenant, &key),
            key,
            from_at,
            until_at,
            reason: (!row.reason.is_empty()).then(|| row.reason.replace('\0', "")),
            source: "import".into(),
            added_at: now,
        };
        let mut note = |kind, count: u32, text: &str| {
            if count > 0 {
                warnings.note(kind, line, count.into(), text);
            }
        };
        if list.kind != DEVICE {
            note(WarningKind::Cut, row.cut, CUT);
            note(WarningKind::TillShortened, shortened.into(), SHORTENED);
            return Ok(vec![entry(row.client_id.to_owned())]);
        }
        let context = self.context;
        let mut entries: Vec<SuppressionEntry> = Vec::new();
        let mut wrong = Vec::new();
        for device in row.devices() {
            match context.address(device, self.settings.country()) {
                Ok(address) => {
                    let entry = entry(address);
                    if !entries.contains(&entry) {
                        entries.push(entry);
                    }
                }
                Err(reject) => wrong.push(reject),
            }
        }
        if entries.is_empty() && !wrong.is_empty() {
            return Err(wrong.swap_remove(0));
        }
        wrong.iter().for_each(|reject| note(WarningKind::BadDevice, 1, &reject.text));
        note(WarningKind::Cut, row.cut, CUT);
        note(WarningKind::TillShortened, shortened.into(), SHORTENED);
        Ok(entries)
    }

    fn kept_until(&self, now: i64) -> Option<i64> {
        self.retention_days.map(|days| now.saturating_add(days.saturating_mul(DAY)))
    }

    /// From when until when a line's entries hold, and whether that is shorter than the line says.
    fn times(&self, row: &MappedRow<'_>, now: i64) -> Result<(Option<i64>, Option<i64>, bool), Reject> {
        let from = instant(row.from, false, row.from_column())?;
        let till = instant(row.till, true, row.till_column())?;
        let kept = self.kept_until(now);
        let until = [till, kept].into_iter().flatten().min();
        let wrong = |column, text: &str| Err(Reject { reason: RejectReason::BadValue, column, text: text.into() });
        match (from, until) {
            (Some(from), _) if till.is_some_and(|till| till <= from) => {
                wrong(row.till_column(), "the end of an entry is after its beginning")
            }
            (Some(from), Some(until)) if until <= from => {
                wrong(row.from_column(), "the entry would begin after the days for which the list keeps entries")
            }
            _ => Ok((from, until, till.is_some() && until < till)),
        }
    }
}

/// An instant, or a day of UTC: its beginning, or its end. The last days of the year 9999 stand for no end.
fn instant(text: &str, end: bool, column: Option<usize>) -> Result<Option<i64>, Reject> {
    if text.is_empty() {
        return Ok(None);
    }
    if end && text.starts_with("9999-12-") && text.get(..10).is_some_and(|day| day.parse::<Date>().is_ok()) {
        return Ok(None);
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(Some(at.as_microsecond()));
    }
    let day = text.parse::<Date>().and_then(|day| if end { day.tomorrow() } else { Ok(day) });
    let at = day.and_then(|day| day.to_zoned(TimeZone::UTC));
    at.map(|at| Some(at.timestamp().as_microsecond())).map_err(|_| Reject {
        reason: RejectReason::BadValue,
        column,
        text: "an instant is RFC 3339 or a day such as 2026-03-02".into(),
    })
}

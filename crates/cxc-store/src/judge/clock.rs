//! Whether the clock by which people are judged went back while they were: a window that is judged by such a clock lets
//! people be contacted at night.
use std::time::Instant;

use cxc_core::compliance::{DataFault, RuleRef};
use cxc_core::record::Reason;

use crate::{StoreError, Tx};

/// How far back the clock may go, in microseconds.
const MOST: i64 = 1_000_000;

/// What is wrong with a clock at an instant, beside the newest decision that is kept.
pub fn clock_behind(kept: i64, now: i64) -> Option<DataFault> {
    (now < kept.saturating_sub(MOST)).then(|| {
        let back = (kept - now) / 1_000_000;
        fault(format!(
            "the clock is {back} seconds behind the newest decision that is kept: nobody is contacted until it is past it, or \
             an operator accepts it"
        ))
    })
}

/// Watches the instants of judgements against a clock that nobody sets.
#[derive(Debug, Default)]
pub(super) struct ClockWatch {
    latest: Option<(i64, Instant)>,
    /// The newest decision that was kept before the first of this watch.
    kept: Option<Option<i64>>,
}

impl ClockWatch {
    /// What is wrong with an instant: nothing, or that it is earlier than it can be. That lasts until the clock is where it
    /// was; of a clock that was set back before this process started, until it is past the newest decision that is kept, or
    /// an operator has accepted it.
    pub async fn fault(&mut self, tx: &mut Tx, now: i64) -> Result<Option<DataFault>, StoreError> {
        if self.kept.is_none() {
            self.kept = Some(tx.clock_floor().await?);
        }
        let behind = self.behind_kept(now);
        if behind.is_some() {
            // the operator is asked again at each judgement, and nothing is judged meanwhile
            self.kept = None;
            return Ok(behind);
        }
        Ok(self.fault_after(now, Instant::now()))
    }

    fn behind_kept(&self, now: i64) -> Option<DataFault> {
        clock_behind(self.kept.flatten()?, now)
    }

    fn fault_after(&mut self, now: i64, instant: Instant) -> Option<DataFault> {
        if let Some((latest, then)) = self.latest {
            let passed = i64::try_from(instant.saturating_duration_since(then).as_micros()).unwrap_or(i64::MAX);
            let expected = latest.saturating_add(passed);
            if now >= expected.saturating_sub(MOST) && now < expected {
                // many small steps back must not add up
                return None;
            }
            if now < expected {
                let back = (expected - now) / 1_000_000;
                let detail =
                    format!("the clock was set back by {back} seconds: nobody is contacted until it is where it was");
                return Some(fault(detail));
            }
        }
        self.latest = Some((now, instant));
        None
    }
}

fn fault(detail: String) -> DataFault {
    DataFault { data: RuleRef::new("clock", 0), code: Reason::ComplianceUnavailable, detail }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_clock_that_goes_back_is_noticed_also_after_a_rest_and_heals_when_it_is_where_it_was() {
        let (mut watch, start, second) = (ClockWatch::default(), Instant::now(), 1_000_000);
        let mut at = |clock: i64, passed: u64| {
            let instant = start + Duration::from_secs(passed);
            watch.fault_after(clock * second, instant).map(|fault| fault.detail)
        };
        assert_eq!((at(10_000, 0), at(10_010, 10), at(10_009, 10)), (None, None, None), "a second is forgiven");
        let hour = at(6_420, 20).unwrap();
        assert!(hour.starts_with("the clock was set back by 3600 seconds"), "{hour}");
        // three hours of rest hide no hour that was set back
        assert!(at(17_210, 3 * 3_600 + 10 + 10 + 3_600).is_some());
        assert_eq!(at(10_009 + 20_000, 20_010), None);
        // forwards it may go
        assert_eq!(at(99_999_999, 20_020), None);
    }
}

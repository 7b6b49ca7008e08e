//! Session timers (RFC 4028): a call that nobody refreshes in time is over. We ask for none; where the far end wants one,
//! it is kept to.
use std::time::Duration;

use rsipstack::sip::headers::Header;
use tokio::time::Instant;

/// The shortest session that the rules know.
pub(super) const SHORTEST: Duration = Duration::from_secs(90);

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// We refresh the session.
    Refresh,
    /// Nobody did: it is over.
    Over,
}

/// The timer of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Timer {
    pub interval: Duration,
    /// We refresh, else the far end does.
    pub is_ours: bool,
    refreshed: Instant,
    /// A refresh is on its way.
    asked: bool,
}

impl Timer {
    /// What the headers of an answer to us, or of a request of the far end, say. `of_answer` tells who refreshes where
    /// that is not said: who asked. A shorter session than the shortest is as long as that.
    pub fn of(headers: &[Header], of_answer: bool, shortest: Duration) -> Option<Self> {
        let value = headers.iter().find_map(|header| match header {
            Header::SessionExpires(value) => Some(value.value()),
            _ => None,
        })?;
        let (seconds, parameters) = value.split_once(';').unwrap_or((value, ""));
        let seconds: u32 = seconds.trim().parse().ok()?;
        let refresher = parameters.split(';').find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim().eq_ignore_ascii_case("refresher").then(|| value.trim().to_ascii_lowercase())
        });
        // in the words of the one who made the request of this exchange
        let by_caller = refresher.as_deref().is_none_or(|who| who == "uac");
        Some(Self {
            interval: Duration::from_secs(u64::from(seconds)).max(shortest),
            is_ours: by_caller == of_answer,
            refreshed: Instant::now(),
            asked: false,
        })
    }

    /// When something is due: a refresh at half of the time, the end a third or 32 s before the other.
    pub fn next(&self) -> Instant {
        match self.is_ours && !self.asked {
            true => self.refreshed + self.interval / 2,
            false => self.refreshed + self.interval - (self.interval / 3).min(Duration::from_secs(32)),
        }
    }

    /// What that is.
    pub fn due(&mut self) -> Due {
        match self.is_ours && !std::mem::replace(&mut self.asked, true) {
            true => Due::Refresh,
            false => Due::Over,
        }
    }

    /// The headers of our answer to a refresh of the far end.
    pub fn answer(&self) -> Vec<Header> {
        // the far end made the request
        let (seconds, who) = (self.interval.as_secs(), if self.is_ours { "uas" } else { "uac" });
        let timer = Header::Other("Session-Expires".into(), format!("{seconds};refresher={who}"));
        vec![timer, Header::Require("timer".into())]
    }

    /// The headers of our refresh.
    pub fn request(&self) -> Vec<Header> {
        let seconds = self.interval.as_secs();
        vec![
            Header::Other("Session-Expires".into(), format!("{seconds};refresher=uac")),
            Header::Supported("timer".into()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timer(value: &str, of_answer: bool) -> Option<(u64, bool)> {
        let header = Header::SessionExpires(value.to_owned().into());
        let timer = Timer::of(&[header], of_answer, SHORTEST)?;
        Some((timer.interval.as_secs(), timer.is_ours))
    }

    #[test]
    fn who_refreshes_is_said_in_the_words_of_who_asked() {
        assert_eq!(timer("1800;refresher=uac", true), Some((1_800, true)));
        assert_eq!(timer("1800; Refresher = UAS", true), Some((1_800, false)));
        assert_eq!(timer("1800;refresher=uac", false), Some((1_800, false)), "the far end asked");
        assert_eq!(timer("1800", true), Some((1_800, true)));
        assert_eq!(timer("1", true), Some((90, true)), "not as often as anybody likes");
        assert_eq!(timer("soon", true), None);
        assert_eq!(Timer::of(&[], true, SHORTEST), None);
    }

    #[test]
    fn ours_is_refreshed_at_half_the_time_and_over_where_that_fails() {
        let header = Header::SessionExpires("90;refresher=uac".to_owned().into());
        let start = Instant::now();
        let mut timer = Timer::of(&[header], true, SHORTEST).unwrap();
        let after = |timer: &Timer| (timer.next() - start).as_secs();
        assert_eq!((after(&timer), timer.due()), (45, Due::Refresh));
        assert_eq!((after(&timer), timer.due()), (60, Due::Over));
        let header = Header::SessionExpires("1800;refresher=uas".to_owned().into());
        let theirs = Timer::of(&[header], true, SHORTEST).unwrap();
        assert_eq!(after(&theirs), 1_768);
    }
}

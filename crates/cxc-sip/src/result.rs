//! What a failed call counts as.
use cxc_core::Micros;
use cxc_core::enumerations::CallResult;

use crate::ua::Failure;

/// A carrier that refuses without saying for how long is left alone for this long.
pub const DEFAULT_PAUSE: Micros = 5_000_000;
/// The longest pause that a carrier is given, whatever it asks for.
const LONGEST_PAUSE: u32 = 3600;
/// The shortest: one that refuses calls and wants the next one at once is not served by it.
const SHORTEST_PAUSE: u32 = 1;

/// A failure in the dialer's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// The result of the attempt.
    pub result: CallResult,
    /// The final status, or what comes near to what the telephone network says.
    pub status: Option<u16>,
    /// The carrier refused the call for itself and wants to be left alone for so long, microseconds.
    pub pause: Option<Micros>,
    /// The person or their phone declined.
    pub rejected: bool,
    /// Something on the way blocks the caller id: an alarm.
    pub blocked: bool,
    /// The trunk is at fault: it counts against its health, and another trunk may be tried unless it rang.
    pub trunk: bool,
    /// The carrier does not take our credentials: an alarm.
    pub credentials: bool,
    /// Our own trunk could not carry it: certainly no number was reached, as if the call had not been tried.
    pub unreached: bool,
}

impl Outcome {
    fn of(result: CallResult) -> Self {
        let (rejected, blocked, trunk, credentials, unreached) = (false, false, false, false, false);
        Self { result, status: None, pause: None, rejected, blocked, trunk, credentials, unreached }
    }

    fn trunk(result: CallResult) -> Self {
        Self { trunk: true, ..Self::of(result) }
    }
}

/// The map from SIP, and from what the telephone network says, to results. What it does not name counts as a general error.
pub fn outcome(failure: &Failure) -> Outcome {
    let outcome = match (failure.status, failure.cause) {
        _ if failure.broken => Outcome::trunk(CallResult::SwitchError),
        (Some(status), _) => of_status(status, failure),
        (None, Some(cause)) => of_cause(cause, failure),
        (None, None) => silence(failure),
    };
    // a carrier that has no circuit free says 503 where it speaks SIP (RFC 3398, 8.2.6.1)
    let status = failure.status.or(outcome.pause.map(|_| 503));
    Outcome { status, ..outcome }
}

fn of_status(status: u16, failure: &Failure) -> Outcome {
    use CallResult::{AllTrunksBusy, Busy, DialError, GeneralError, NoAnswer, NoProgress, SitInvalidNumber};
    use CallResult::{RemoteRelease, SwitchError};
    let reason = failure.reason.as_deref().unwrap_or_default();
    match status {
        300..=399 => Outcome::of(CallResult::Redirected),
        401 | 407 => Outcome { credentials: true, unreached: !failure.rang, ..Outcome::trunk(SwitchError) },
        403 => Outcome::of(GeneralError),
        404 | 410 | 484 | 604 => Outcome::of(SitInvalidNumber),
        408 if failure.rang => Outcome::of(NoAnswer),
        408 => Outcome::trunk(NoProgress),
        415 | 488 | 606 => Outcome::of(DialError),
        480 => cause(reason).map_or(Outcome::of(NoAnswer), temporarily_unavailable),
        486 | 600 => Outcome::of(Busy),
        487 if failure.cancelled => Outcome::of(NoAnswer),
        487 => Outcome::of(RemoteRelease),
        503 => {
            let pause = Some(pause(failure.retry_after));
            Outcome { pause, unreached: !failure.rang, ..Outcome::trunk(AllTrunksBusy) }
        }
        500..=599 => Outcome::trunk(SwitchError),
        603 | 607 => Outcome { rejected: true, blocked: is_blocking(reason), ..Outcome::of(RemoteRelease) },
        608 => Outcome { rejected: true, blocked: true, ..Outcome::of(RemoteRelease) },
        _ => Outcome::of(GeneralError),
    }
}

/// A call that was not placed by our own SIP (Q.850).
fn of_cause(cause: u8, failure: &Failure) -> Outcome {
    match cause {
        _ if failure.cancelled => Outcome::of(CallResult::NoAnswer),
        16 => Outcome::of(CallResult::RemoteRelease),
        2 | 3 | 26 => Outcome::of(CallResult::SitInvalidNumber),
        18 if !failure.rang => Outcome::trunk(CallResult::NoProgress),
        34 | 42 | 44 => Outcome { pause: Some(DEFAULT_PAUSE), ..Outcome::trunk(CallResult::AllTrunksBusy) },
        58 | 65 | 79 | 88 => Outcome::of(CallResult::DialError),
        102 => Outcome::trunk(CallResult::SwitchError),
        1 | 17..=22 | 27 | 28 | 31 | 38 | 41 | 47 => temporarily_unavailable(cause),
        _ => Outcome::of(CallResult::GeneralError),
    }
}

/// Nobody gave a final answer in time. That is never "no answer" unless it rang.
fn silence(failure: &Failure) -> Outcome {
    match failure.rang {
        true => Outcome::of(CallResult::NoAnswer),
        false if failure.unsent => Outcome { unreached: true, ..Outcome::trunk(CallResult::SwitchError) },
        false => Outcome::trunk(CallResult::NoProgress),
    }
}

fn pause(retry_after: Option<u32>) -> Micros {
    retry_after.map_or(DEFAULT_PAUSE, |seconds| Micros::from(seconds.clamp(SHORTEST_PAUSE, LONGEST_PAUSE)) * 1_000_000)
}

/// What the telephone network says behind a 480 (Q.850).
fn temporarily_unavailable(cause: u8) -> Outcome {
    match cause {
        17 => Outcome::of(CallResult::Busy),
        1 | 22 | 28 => Outcome::of(CallResult::SitInvalidNumber),
        21 => Outcome { rejected: true, ..Outcome::of(CallResult::RemoteRelease) },
        34 | 42 | 44 => Outcome::trunk(CallResult::AllTrunksBusy),
        27 | 38 | 41 | 47 => Outcome::trunk(CallResult::SwitchError),
        _ => Outcome::of(CallResult::NoAnswer),
    }
}

/// The Q.850 cause of a Reason header.
fn cause(reason: &str) -> Option<u8> {
    let of_network = reason.split(',').find(|part| part.trim_start().to_ascii_uppercase().starts_with("Q.850"))?;
    of_network.split(';').find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("cause").then(|| value.trim().trim_matches('"').parse().ok())?
    })
}

/// Analytics that block a call say so in the text of the reason (ATIS 603+).
fn is_blocking(reason: &str) -> bool {
    reason.to_ascii_lowercase().contains("v=analytics")
}

#[cfg(test)]
mod tests {
    use CallResult::*;

    use super::*;

    fn status(status: u16) -> Failure {
        Failure { status: Some(status), ..Failure::default() }
    }

    #[test]
    fn each_status_has_its_result() {
        let expected = [
            (302, Redirected),
            (401, SwitchError),
            (403, GeneralError),
            (404, SitInvalidNumber),
            (407, SwitchError),
            (410, SitInvalidNumber),
            (480, NoAnswer),
            (484, SitInvalidNumber),
            (486, Busy),
            (488, DialError),
            (500, SwitchError),
            (503, AllTrunksBusy),
            (504, SwitchError),
            (600, Busy),
            (603, RemoteRelease),
            (604, SitInvalidNumber),
            (606, DialError),
            (607, RemoteRelease),
            (608, RemoteRelease),
        ];
        for (code, result) in expected {
            assert_eq!(outcome(&status(code)).result, result, "{code}");
        }
        let blocked: Vec<u16> = [603, 607, 608].into_iter().filter(|code| outcome(&status(*code)).blocked).collect();
        assert_eq!(blocked, [608]);
    }

    #[test]
    fn silence_is_no_answer_only_after_ringing() {
        let ringing = Failure { rang: true, ..Failure::default() };
        assert_eq!(outcome(&ringing), Outcome::of(NoAnswer));
        assert_eq!(outcome(&Failure::default()), Outcome::trunk(NoProgress));
        let broken = Failure { broken: true, ..ringing };
        assert_eq!(outcome(&broken), Outcome::trunk(SwitchError), "what became of it is not known");
        assert_eq!(outcome(&Failure { rang: true, ..status(408) }).result, NoAnswer);
        assert_eq!(outcome(&status(408)), Outcome { status: Some(408), ..Outcome::trunk(NoProgress) });
        assert_eq!(outcome(&Failure { cancelled: true, ..status(487) }).result, NoAnswer);
        assert_eq!(outcome(&status(487)).result, RemoteRelease);
    }

    #[test]
    fn only_what_our_own_trunk_could_not_carry_is_known_to_have_reached_nobody() {
        let unreached = |failure: Failure| outcome(&failure).unreached;
        assert!([401, 407, 503].into_iter().all(|code| unreached(status(code))));
        assert!(unreached(Failure { unsent: true, ..Failure::default() }));
        assert!(!unreached(Failure::default()), "a phone might have rung");
        assert!(!unreached(Failure { rang: true, ..status(503) }), "and this one did");
        assert!(
            ![302, 403, 404, 408, 480, 486, 487, 488, 500, 502, 504, 603].into_iter().any(|c| unreached(status(c)))
        );
    }

    #[test]
    fn the_telephone_network_tells_more_than_a_480() {
        let with = |reason: &str| outcome(&Failure { reason: Some(reason.into()), ..status(480) });
        assert_eq!(with("Q.850;cause=17;text=\"User busy\"").result, Busy);
        assert_eq!(with("SIP;cause=480, Q.850 ;cause=1").result, SitInvalidNumber);
        assert_eq!(with("q.850; cause=\"34\""), Outcome { status: Some(480), ..Outcome::trunk(AllTrunksBusy) });
        assert!(with("Q.850;cause=21").rejected);
        assert_eq!(with("SIP;cause=17").result, NoAnswer, "another protocol's numbers");
        assert_eq!(with("Q.850;cause=many").result, NoAnswer);
    }

    #[test]
    fn a_call_by_another_system_has_the_result_of_its_cause() {
        let of = |cause| Failure { cause: Some(cause), ..Failure::default() };
        let expected = [
            (1, SitInvalidNumber),
            (3, SitInvalidNumber),
            (16, RemoteRelease),
            (17, Busy),
            (18, NoProgress),
            (19, NoAnswer),
            (21, RemoteRelease),
            (27, SwitchError),
            (28, SitInvalidNumber),
            (34, AllTrunksBusy),
            (38, SwitchError),
            (58, DialError),
            (127, GeneralError),
        ];
        for (cause, result) in expected {
            assert_eq!(outcome(&of(cause)).result, result, "{cause}");
        }
        assert_eq!(outcome(&Failure { rang: true, ..of(18) }).result, NoAnswer);
        assert_eq!(outcome(&Failure { cancelled: true, ..of(16) }).result, NoAnswer);
        let full = outcome(&of(34));
        assert_eq!((full.pause, full.status, full.trunk), (Some(DEFAULT_PAUSE), Some(503), true));
    }

    #[test]
    fn a_refusal_says_how_long_the_carrier_is_left_alone() {
        let after = |seconds| outcome(&Failure { retry_after: seconds, ..status(503) }).pause;
        assert_eq!(after(Some(7)), Some(7_000_000));
        assert_eq!(after(None), Some(DEFAULT_PAUSE));
        assert_eq!(after(Some(u32::MAX)), Some(3_600_000_000));
        assert_eq!(after(Some(0)), Some(1_000_000), "not the next call at once");
    }

    #[test]
    fn a_decline_by_analytics_raises_the_alarm_for_the_caller_id() {
        let reason = Some("Q.850;cause=21;text=\"v=analytics1;url=https://example.com\"".to_owned());
        let declined = outcome(&Failure { reason, ..status(603) });
        assert!(declined.blocked && declined.rejected);
        assert!(outcome(&status(401)).credentials);
    }
}

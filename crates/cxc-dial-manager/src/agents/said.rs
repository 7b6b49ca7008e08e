//! What agents say of calls, as far as the store must know: codes of the tenant, and persons who want no more calls.
use cxc_core::Micros;
use cxc_server::document::get_all;
use cxc_server::resources::disposition_codes::DispositionCode;
use cxc_server::resources::not_ready_reasons::NotReadyReason;
use cxc_server::{ApiError, App};
use jiff::Timestamp;

use super::protocol::Disposition;
use super::seat::{Refused, Seat};
use crate::opt_out::{DO_NOT_CALL, forbid_calls};

/// A call can be put off for so long.
const LONGEST: Micros = 366 * 24 * 3_600_000_000;
/// The most characters of a note.
const NOTE: usize = 1_000;

/// What a desk offers.
#[derive(Debug, Clone, Default)]
pub struct Choices {
    /// Reasons to be not ready.
    pub reasons: Vec<String>,
    /// Codes of calls.
    pub dispositions: Vec<Disposition>,
}

impl Choices {
    /// Those of a tenant, as they are now.
    pub async fn of(app: &App, tenant: i64) -> Result<Self, ApiError> {
        let mut tx = app.db.read().await?;
        let reasons = get_all::<NotReadyReason>(&mut tx, tenant).await?.into_iter().map(|reason| reason.name);
        let codes = get_all::<DispositionCode>(&mut tx, tenant).await?.into_iter().map(|code| Disposition {
            code: code.body.code,
            name: code.name,
            do_not_call: code.body.do_not_call,
        });
        Ok(Self { reasons: reasons.collect(), dispositions: codes.collect() })
    }

    /// A reason of the tenant's; any short text where it has none.
    pub fn reason(&self, reason: Option<String>) -> Result<Option<String>, Refused> {
        let fits = |reason: &String| match self.reasons.is_empty() {
            true => !reason.is_empty() && reason.chars().count() <= 100 && !reason.contains(char::is_control),
            false => self.reasons.contains(reason),
        };
        match reason {
            Some(reason) if !fits(&reason) => Err(("unknown_reason", "a reason is one of those that hello names")),
            reason => Ok(reason),
        }
    }
}

/// Says what a call came to.
pub async fn dispose(app: &App, seat: &Seat, code: String, note: Option<String>) -> Result<(), Failed> {
    seat.has_call()?;
    if note.as_ref().is_some_and(|note| note.chars().count() > NOTE || note.contains('\0')) {
        return Err(Failed::Refused(("bad_note", "a note has at most 1000 characters")));
    }
    let choices = Choices::of(app, seat.agent.tenant).await?;
    let found = choices.dispositions.iter().find(|known| known.code == code);
    let known = found.ok_or(Failed::Refused(("unknown_code", "a code is one of those that hello names")))?;
    if known.do_not_call {
        forbid(app, seat).await?;
    }
    Ok(seat.dispose(code, note)?)
}

/// Puts the person off to a later time.
pub fn reschedule(seat: &Seat, at: &str, personal: bool, now: Micros) -> Result<(), Refused> {
    let at: Timestamp = at.parse().map_err(|_| ("bad_time", "a time is RFC 3339, such as 2027-03-01T09:30:00Z"))?;
    let at = at.as_microsecond();
    match at {
        at if at < now => Err(("bad_time", "this time is in the past")),
        at if at > now + LONGEST => Err(("bad_time", "a call can be put off for a year at most")),
        at => seat.reschedule(at, personal),
    }
}

/// The person wants no more calls: as an opt-out that came by any other way, and before the call is over.
pub async fn do_not_call(app: &App, seat: &Seat) -> Result<(), Failed> {
    forbid(app, seat).await
}

async fn forbid(app: &App, seat: &Seat) -> Result<(), Failed> {
    let (attempt, number) = seat.dialed()?;
    forbid_calls(app, seat.agent.tenant, &attempt, number).await?;
    // the call may be over by now: what the person said holds all the same
    seat.forbid_calls(&attempt, DO_NOT_CALL)?;
    Ok(())
}

/// Why nothing came of a command.
#[derive(Debug)]
pub enum Failed {
    /// It does not fit.
    Refused(Refused),
    /// It could not be done.
    Error(ApiError),
}

impl From<Refused> for Failed {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<ApiError> for Failed {
    fn from(error: ApiError) -> Self {
        Self::Error(error)
    }
}

impl From<cxc_store::StoreError> for Failed {
    fn from(error: cxc_store::StoreError) -> Self {
        Self::Error(error.into())
    }
}

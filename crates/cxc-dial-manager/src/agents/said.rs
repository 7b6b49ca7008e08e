//! What agents say of calls, as far as the store must know: codes of the tenant, and persons who want no more calls.
use cxc_core::Micros;
use cxc_core::channel::Channel;
use cxc_core::consent::{ConsentScope, RevocationReach};
use cxc_server::document::get_all;
use cxc_server::resources::disposition_codes::DispositionCode;
use cxc_server::resources::not_ready_reasons::NotReadyReason;
use cxc_server::{ApiError, App};
use cxc_store::opt_out::{Revocation, source};
use cxc_store::privacy::PersonKey;
use jiff::Timestamp;

use super::protocol::Disposition;
use super::seat::{Refused, Seat};

/// A call can be put off for so long.
const LONGEST: Micros = 366 * 24 * 3_600_000_000;
/// The most characters of a note.
const NOTE: usize = 1_000;
/// What is kept with the attempt where the agent named no code.
const DO_NOT_CALL: &str = "DO_NOT_CALL";

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
    seat.dialed()?;
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
pub fn reschedule(seat: &Seat, at: &str, now: Micros) -> Result<(), Refused> {
    let at: Timestamp = at.parse().map_err(|_| ("bad_time", "a time is RFC 3339, such as 2027-03-01T09:30:00Z"))?;
    let at = at.as_microsecond();
    match (now..=now + LONGEST).contains(&at) {
        true => seat.reschedule(at),
        false => Err(("bad_time", "a call can be put off for a year at most")),
    }
}

/// The person wants no more calls: as an opt-out that came by any other way, and before the call is over.
pub async fn do_not_call(app: &App, seat: &Seat) -> Result<(), Failed> {
    forbid(app, seat).await
}

async fn forbid(app: &App, seat: &Seat) -> Result<(), Failed> {
    let (attempt, number) = seat.dialed()?;
    let now = app.now();
    let key = PersonKey::Address(number);
    let revocation = Revocation {
        tenant: seat.agent.tenant,
        key: &key,
        hash: None,
        channels: &[Channel::Voice],
        scope: ConsentScope::All,
        reach: RevocationReach::AsSaid,
        said_at: now,
        received_at: now,
        source: source::DISPOSITION,
        words: None,
        evidence: Some(&attempt),
    };
    let ids = app.ids.clone();
    let mut tx = app.db.begin().await?;
    tx.opt_out(&app.hash_key, &revocation, &move || ids.next(), now).await?;
    tx.commit().await?;
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

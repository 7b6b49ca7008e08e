//! What an agent does with a talk: hold, mute, keys, and a third person.
use cxc_core::call_settings::is_number;
use cxc_core::phone::PhoneParser;
use cxc_core::phone_address::BadPhone;
use cxc_server::{ApiError, App};
use cxc_sip::engine::{Level, Phone, TalkOrder, TalkState, Third, ThirdParty};
use cxc_sip::trunk::{Destinations, NeverDialed};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::protocol::Command;
use super::said::Failed;
use super::seat::{Refused, Seat};
use crate::channel::voice::{NoPhone, OF_TRUNK};

/// The most keys at once.
const KEYS: usize = 32;

/// How the talk of an agent stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeskTalkState)]
pub struct TalkShown {
    /// The person waits.
    pub held: bool,
    /// The agent is heard by nobody.
    pub muted: bool,
    /// Whom the agent talks with takes digits.
    pub digits: bool,
    /// Whether what is said is recorded; left out where the talk has no recording.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub recorded: Option<bool>,
    /// Whom the agent called beside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub third: Option<ThirdShown>,
    /// Why a third person did not come, or is gone: the name of a result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// A supervisor who can be heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supervisor: Option<Supervision>,
}

/// A third person in a talk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeskThird)]
pub struct ThirdShown {
    /// The number or address, as it was asked for.
    pub to: String,
    /// Where they are.
    pub state: ThirdPlace,
}

/// Where a third person is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DeskThirdPlace)]
pub enum ThirdPlace {
    /// The phone rings.
    Calling,
    /// Talks with the agent; the person waits.
    Talking,
    /// All three talk.
    Conference,
}

/// How much of a supervisor is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Supervision {
    /// Hears all and is heard by nobody.
    Listen,
    /// Is heard by the agent.
    Whisper,
    /// Is heard by all.
    Barge,
}

impl Supervision {
    /// For the engine.
    pub fn level(self) -> Level {
        match self {
            Self::Listen => Level::Listen,
            Self::Whisper => Level::Whisper,
            Self::Barge => Level::Barge,
        }
    }

    /// The word for the record.
    pub fn name(self) -> &'static str {
        match self {
            Self::Listen => "listen",
            Self::Whisper => "whisper",
            Self::Barge => "barge",
        }
    }
}

/// What a desk shows. Who only listens is not told of.
pub fn shown(state: &TalkState, to: &str) -> TalkShown {
    let place = match state.third {
        Some(Third::Calling) => Some(ThirdPlace::Calling),
        Some(Third::Talking) => Some(ThirdPlace::Talking),
        Some(Third::Conference) => Some(ThirdPlace::Conference),
        Some(Third::Alone) | None => None,
    };
    TalkShown {
        held: state.held,
        muted: state.muted,
        digits: state.digits,
        recorded: state.recorded,
        third: place.map(|state| ThirdShown { to: to.to_owned(), state }),
        failed: state.failed.map(|result| result.name().to_owned()),
        supervisor: match state.supervisor {
            Some(Level::Whisper) => Some(Supervision::Whisper),
            Some(Level::Barge) => Some(Supervision::Barge),
            Some(Level::Listen) | None => None,
        },
    }
}

/// Carries out a command of a desk for its talk.
pub async fn obey(app: &App, seat: &Seat, command: Command) -> Result<(), Failed> {
    let order = match command {
        Command::Hold {} => TalkOrder::Hold(true),
        Command::ResumeCall {} => TalkOrder::Hold(false),
        Command::Mute {} => TalkOrder::Mute(true),
        Command::Unmute {} => TalkOrder::Mute(false),
        Command::PauseRecording {} => TalkOrder::Pause(true),
        Command::ResumeRecording {} => TalkOrder::Pause(false),
        Command::Digits { digits } => TalkOrder::Press(keys(digits)?),
        Command::Conference {} => TalkOrder::Conference,
        Command::Complete {} => TalkOrder::HandOver,
        Command::TakeBack {} => TalkOrder::TakeBack,
        Command::Consult { to } => return call(app, seat, to, false).await,
        Command::Transfer { to } => return call(app, seat, to, true).await,
        _ => return Ok(()),
    };
    Ok(seat.order_talk(order)?)
}

fn keys(digits: String) -> Result<String, Refused> {
    let is_key = |c: char| c.is_ascii_digit() || matches!(c, '*' | '#' | 'A'..='D');
    match (1..=KEYS).contains(&digits.len()) && digits.chars().all(is_key) {
        true => Ok(digits),
        false => Err(("bad_digits", "digits are 1 to 32 of 0 to 9, *, # and A to D")),
    }
}

async fn call(app: &App, seat: &Seat, to: String, is_blind: bool) -> Result<(), Failed> {
    seat.may_call_third()?;
    let third = match is_number(&to) {
        true => {
            may_be_dialed(&to)?;
            ThirdParty::Number(to.clone())
        }
        false => ThirdParty::Phone(phone(app, seat, &to).await?),
    };
    Ok(seat.call_third(to, third, is_blind)?)
}

/// The trunk looks at the number once more: here the agent hears why.
fn may_be_dialed(number: &str) -> Result<(), Failed> {
    let parser = PhoneParser::shared().map_err(ApiError::internal)?;
    match Destinations::new(parser).look(number) {
        Ok(_) => Ok(()),
        Err(NeverDialed::Emergency) => Err(Failed::Refused(("never_dialed", "an emergency number is never dialed"))),
        Err(NeverDialed::Premium) => Err(Failed::Refused(("never_dialed", "a premium number is never dialed"))),
        Err(_) => Err(Failed::Refused(("bad_number", "there is no such telephone number"))),
    }
}

/// A phone within reach of the installation.
pub async fn phone(app: &App, seat: &Seat, uri: &str) -> Result<Phone, Refused> {
    let phones = seat.phones().ok_or(super::seat::NOT_TALKING)?;
    phones.look(&app.channel_reach, uri).await.map_err(|reason| match reason {
        NoPhone::Bad(BadPhone::NotPlain) => {
            ("bad_number", "whom to call is a + and 8 to 15 digits, or a SIP URI such as sip:bob@10.0.0.8")
        }
        reason => no_phone(&reason),
    })
}

/// Why a phone is not called, for whoever named it.
pub fn no_phone(reason: &NoPhone) -> Refused {
    match reason {
        NoPhone::Bad(BadPhone::NotPlain) => ("bad_phone", "a phone is a SIP URI such as sip:ann@10.0.0.7:5060"),
        NoPhone::Bad(BadPhone::Emergency) => (
            "bad_phone",
            "emergency and service numbers are no phones: a phone is a name or an extension of 3 to 6 digits",
        ),
        NoPhone::Bad(BadPhone::Number) => (
            "bad_phone",
            "a telephone number is no phone: a phone is a name or an extension of 3 to 6 digits without a 0 in front",
        ),
        NoPhone::OfTrunk => ("bad_phone", OF_TRUNK),
        NoPhone::OutOfReach(_) => ("out_of_reach", "the host of this address can't be found, or must not be called"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_a_phone() {
        assert_eq!(keys("0159*#AD".into()).as_deref(), Ok("0159*#AD"));
        for bad in ["", "1 2", "a", "E", &"1".repeat(33), "١"] {
            assert!(keys(bad.into()).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_agent_reads_that_a_number_is_never_dialed() {
        let why = |number: &str| match may_be_dialed(number) {
            Err(Failed::Refused((code, _))) => code,
            Ok(()) | Err(Failed::Error(_)) => "",
        };
        assert_eq!((why("+19005550142"), why("+12125550142")), ("never_dialed", ""));
        assert_eq!(why("+99999999999"), "bad_number");
    }

    #[test]
    fn an_agent_sees_whom_they_hear() {
        let state = |third, supervisor| TalkState { third, supervisor, ..TalkState::default() };
        let third = shown(&state(Some(Third::Talking), Some(Level::Listen)), "sip:bob@h");
        let expected = ThirdShown { to: "sip:bob@h".into(), state: ThirdPlace::Talking };
        assert_eq!((third.third, third.supervisor), (Some(expected), None));
        assert_eq!(shown(&state(None, Some(Level::Whisper)), "").supervisor, Some(Supervision::Whisper));
    }
}

//! What a desk and the dialer say to each other: one JSON object a message, told apart by its member `type`.
//! docs/agents.md is its manual; its examples are read by a test.
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::talking::TalkShown;
use crate::channel::ScreenPop;

/// What a desk asks for. A member `id`, a number of its own choice, comes back with the answer.
#[derive(Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
#[schema(as = DeskCommand)]
pub enum Command {
    /// Takes the place of the agent. Whoever had it is told and closed; what goes on there goes on here.
    Login {
        /// The phone, a plain SIP URI; else that of the user.
        #[serde(default)]
        phone: Option<String>,
    },
    /// Comes back to the place that this desk had before its connection was lost.
    Resume {
        /// What `session` said.
        token: Uuid,
    },
    /// Takes calls from now on; in wrap-up, when it is over.
    Ready {},
    /// Takes none; in a call, after its wrap-up.
    NotReady {
        /// One of the tenant's reasons, if it has any.
        #[serde(default)]
        reason: Option<String>,
    },
    /// Leaves; from a call, after its wrap-up.
    Logout {},
    /// Says what the call came to. In wrap-up it ends that.
    Disposition {
        /// One of the tenant's codes.
        code: String,
        /// Up to 1,000 characters about it.
        #[serde(default)]
        note: Option<String>,
    },
    /// The person is to be called again then.
    Reschedule {
        /// RFC 3339, within a year.
        at: String,
        /// By this agent, as long as they are there then; else by whoever of the group is free.
        #[serde(default)]
        personal: bool,
    },
    /// Asks for a record to look at, in a group of mode 3.
    Preview {},
    /// Calls the person that is looked at.
    Accept {
        /// By this number of theirs; else by the one that is marked.
        #[serde(default)]
        #[schema(nullable = false)]
        position: Option<i16>,
    },
    /// Does not: the record rests for a while.
    Reject {},
    /// Gives up a call that is being dialed for the agent and was not answered yet.
    Cancel {},
    /// The person wants no more calls: the number is suppressed at once.
    DoNotCall {},
    /// Ends the talk.
    HangUp {},
    /// Calls the person in hand by another number, or a record of the group by one of its numbers.
    Dial {
        /// In wrap-up: the position of a number that the call named.
        #[serde(default)]
        #[schema(nullable = false)]
        position: Option<i16>,
        /// While no call is there: a number of a record of the group, + and 8 to 15 digits.
        #[serde(default)]
        #[schema(nullable = false)]
        number: Option<String>,
    },
    /// The person waits.
    Hold {},
    /// The person is back.
    ResumeCall {},
    /// The agent is heard by nobody.
    Mute {},
    /// The agent is heard again.
    Unmute {},
    /// What is said is left out of the recording.
    PauseRecording {},
    /// It is recorded again.
    ResumeRecording {},
    /// Presses keys for whom the agent talks with.
    Digits {
        /// 1 to 32 of 0 to 9, *, # and A to D.
        digits: String,
    },
    /// Calls a third person and talks with them while the person waits.
    Consult {
        /// A number, + and 8 to 15 digits, or a plain SIP URI.
        to: String,
    },
    /// Calls a third person who gets the person by answering; the agent is through then.
    Transfer {
        /// As in `consult`.
        to: String,
    },
    /// All three talk.
    Conference {},
    /// The third person gets the person; the agent is through.
    Complete {},
    /// Hangs up the third person; the person is back.
    TakeBack {},
    /// Asks whether the other end is there.
    Ping {},
}

/// What a desk is told.
#[derive(Clone, PartialEq, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = DeskEvent)]
pub enum Event {
    /// The first message of a connection.
    #[serde(rename_all = "camelCase")]
    Hello {
        /// The dialer sends a ping of the WebSocket protocol each so many seconds.
        heartbeat_seconds: u64,
        /// A desk of which nothing came for so long is lost: its call goes on, and its agent becomes not ready.
        lost_after_seconds: u64,
        /// What the agent may give as a reason.
        reasons: Vec<String>,
        /// What the agent may say of a call.
        dispositions: Vec<Disposition>,
    },
    /// The place is this desk's.
    Session {
        /// For `resume`.
        token: Uuid,
        /// The user.
        user: String,
        /// The phone that is called.
        phone: String,
    },
    /// Where the agent is.
    State(Shown),
    /// A call is connected.
    Call(Box<Talk>),
    /// How the talk stands: at its beginning and after each change.
    Talk(TalkShown),
    /// The talk is over; what it came to may be said while the wrap-up lasts.
    CallEnded {
        /// The attempt of the call.
        attempt: String,
        /// The name of its result.
        result: String,
    },
    /// A record to look at before it is called.
    Preview(Box<Preview>),
    /// It is taken away.
    PreviewEnded {
        /// The record.
        record: String,
        /// Why.
        reason: PreviewEnd,
    },
    /// There is none to look at now.
    NoPreview {
        /// Why: `no_records_ready`, or what keeps the group from dialing.
        reason: String,
    },
    /// A call that was asked for is not placed.
    NotDialed {
        /// The record.
        record: String,
        /// Why: a reason for which records wait or are excluded, or `not_ready`, `not_in_time`.
        reason: String,
        /// When the record may be called, RFC 3339, if that is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        until: Option<String>,
    },
    /// The talk ends soon, since it has lasted as long as it may.
    TalkLimit {},
    /// A command was carried out.
    Ok {
        /// The command's own.
        id: Option<Value>,
    },
    /// A command was not.
    Error {
        /// The command's own.
        id: Option<Value>,
        /// For programs.
        code: &'static str,
        /// For people.
        detail: String,
    },
    /// The answer to a ping.
    Pong {
        /// The command's own.
        id: Option<Value>,
    },
    /// The last message of a connection.
    Closed {
        /// Why.
        reason: Closing,
    },
}

/// A code of dispositions, as a desk offers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeskDisposition)]
pub struct Disposition {
    /// What is kept.
    pub code: String,
    /// What people read.
    pub name: String,
    /// Whether the number is suppressed by it.
    pub do_not_call: bool,
}

/// Where an agent is, in words of the desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AgentPlace)]
pub enum Place {
    /// Nobody.
    LoggedOut,
    /// There, and takes no calls.
    NotReady,
    /// Takes the next call.
    Ready,
    /// The phone rings for it.
    Ringing,
    /// A call is being connected.
    Reserved,
    /// Talks.
    Talking,
    /// Works on after a call.
    WrapUp,
    /// Waits for a call that the agent asked for.
    Dialing,
    /// Looks at a record before it is called.
    Preview,
}

/// How an agent's phone is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AgentPhone)]
pub enum PhoneState {
    /// Not called: no campaign group needs it.
    None,
    /// It rings.
    Calling,
    /// It is off the hook, and stays so.
    Connected,
    /// It is called for each call.
    PerCall,
    /// It did not answer, or hung up. `ready` calls it again.
    Lost,
}

impl PhoneState {
    /// Whether calls can come to it.
    pub fn is_within_reach(self) -> bool {
        matches!(self, Self::Connected | Self::PerCall)
    }
}

/// Where an agent is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AgentShown)]
pub struct Shown {
    /// The state.
    pub state: Place,
    /// Why not ready: one of the tenant's reasons, or `no_campaign`, `phone`, `phone_no_answer`, `desk_lost`, `supervisor`, `wrap_up_ended`,
    /// `talk_ended`, `preview_expired`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Since when, RFC 3339; of nobody it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// When it ends by itself, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<String>,
    /// What follows it, if that is not `ready`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Place>,
    /// The agent's phone.
    pub phone: PhoneState,
    /// The campaign group whose calls the agent takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

/// A call that an agent takes.
#[derive(Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeskTalk)]
pub struct Talk {
    /// Its attempt; of a call that came in, the number by which the conversation is kept.
    pub attempt: String,
    /// Who called whom.
    pub direction: Direction,
    /// Of a call that came in, the number of ours that the person called.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub called: Option<String>,
    /// The campaign group.
    pub group: String,
    /// When person and agent were connected, RFC 3339.
    pub connected_at: String,
    /// The person. Of who called in and is not known there is no `recordId` and no name, and no number where it is withheld.
    #[schema(value_type = ScreenPop)]
    pub person: Arc<ScreenPop>,
}

/// Who began a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DeskDirection)]
pub enum Direction {
    /// We called the person.
    Out,
    /// The person called us.
    In,
}

/// A person whom the agent may call now.
#[derive(Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeskPreview)]
pub struct Preview {
    /// The campaign group.
    pub group: String,
    /// Whether the person asked to be called now, by this agent.
    pub callback: bool,
    /// The person. `dialed` is the number that `accept` calls where it names none.
    #[schema(value_type = ScreenPop)]
    pub person: Arc<ScreenPop>,
}

/// Why a record is taken away that an agent looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DeskPreviewEnd)]
pub enum PreviewEnd {
    /// The time to look at it is over.
    Expired,
    /// The group is paused or stops.
    Stopped,
    /// The agent is not ready any more, or has left.
    Left,
}

/// Why a connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DeskClosing)]
pub enum Closing {
    /// The agent left.
    LoggedOut,
    /// The agent signed in at another desk.
    TakenOver,
    /// A supervisor logged the agent out.
    Supervisor,
    /// The session of the user interface ended.
    SignedOut,
    /// Messages that can't be read, are too big or too many.
    Refused,
    /// The desk does not take what it is told.
    TooSlow,
    /// The dialer stops.
    Stopping,
}

/// A command and its own id, or what is wrong with it.
pub fn read(text: &str) -> Result<(Option<Value>, Command), (Option<Value>, String)> {
    let mut value: Value = serde_json::from_str(text).map_err(|_| (None, "a message is a JSON object".to_owned()))?;
    let id = value.as_object_mut().and_then(|members| members.shift_remove("id"));
    let id = id.filter(Value::is_u64);
    match serde_json::from_value(value) {
        Ok(command) => Ok((id, command)),
        // the words of a parser may hold what was sent
        Err(_) => Err((id, "no such command, or a member of it is wrong: see docs/agents.md".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manuals_examples_of_commands_can_be_read() {
        let manual = include_str!("../../../../docs/agents.md");
        let commands = manual.split("```json command").skip(1).filter_map(|rest| rest.split("```").next());
        let lines: Vec<&str> = commands.flat_map(str::lines).filter(|line| line.starts_with('{')).collect();
        assert!(lines.len() >= 10, "{lines:?}");
        for line in lines {
            assert!(read(line).is_ok(), "{line}");
        }
    }

    #[test]
    fn what_is_no_command_is_refused_with_its_id_and_without_its_words() {
        for (text, id) in [
            (r#"{"type":"dance","id":7}"#, Some(Value::from(7))),
            (r#"{"type":"ready","id":8,"more":1}"#, Some(Value::from(8))),
            (r#"{"type":"disposition","id":{}}"#, None),
            ("[1]", None),
            ("hello", None),
        ] {
            let (of, detail) = read(text).map(|_| ()).unwrap_err();
            assert_eq!(of, id, "{text}");
            assert!(!detail.contains("dance") && !detail.contains("hello"));
        }
    }
}

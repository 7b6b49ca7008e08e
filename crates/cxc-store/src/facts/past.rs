//! A stored attempt as the check counts it.
use cxc_core::attempt::AttemptState;
use cxc_core::channel::Channel;
use cxc_core::compliance::{Direction, PastAttempt, Purpose};
use cxc_core::enumerations::CallResult;
use jiff::Timestamp;

use crate::attempt_subject::{ACCOUNT, DEBT, PERSON, WideAttempt};

/// The attempt; nothing for one that no channel or clock knows.
pub(super) fn past_attempt(wide: &WideAttempt) -> Option<PastAttempt> {
    let channel = Channel::from_bit(wide.channel)?;
    let at = Timestamp::from_microsecond(wide.started_at).ok()?;
    let one = |kind| wide.subjects.iter().find(|s| s.kind == kind).map(|s| s.key);
    let all = |kind| wide.subjects.iter().filter(|s| s.kind == kind).map(|s| s.key).collect();
    // one that this program does not know may be any
    let purpose: Option<Purpose> = wide.purpose.as_ref().and_then(|p| serde_json::from_value(p.as_str().into()).ok());
    let result = wide.result.and_then(CallResult::from_code);
    let is_talk = result.is_some_and(CallResult::is_talk);
    let is_answered = channel == Channel::Voice && (is_talk || result == Some(CallResult::Ok));
    Some(PastAttempt {
        id: wide.id,
        group: wide.grp,
        client: wide.client_hash,
        // a state that is not known counts as under way
        state: AttemptState::from_code(wide.state).unwrap_or(AttemptState::InDoubt),
        result,
        disposition: wide.disposition.as_deref().map(Into::into),
        direction: if wide.direction == Some(1) { Direction::In } else { Direction::Out },
        purpose,
        person: one(PERSON),
        accounts: all(ACCOUNT),
        debts: all(DEBT),
        collector: wide.collector,
        connected: wide.connected.unwrap_or(is_answered),
        // who answered and of whom no more is said may have been spoken with
        conversation: wide.conversation.unwrap_or(is_answered && is_talk),
        refused: wide.refused.unwrap_or(false),
        consented: wide.consented.unwrap_or(false),
        regions: wide.regions.as_deref().unwrap_or_default().into(),
        topic: wide.topic.as_deref().map(Into::into),
        ..PastAttempt::new(at, channel, wide.device_hash)
    })
}

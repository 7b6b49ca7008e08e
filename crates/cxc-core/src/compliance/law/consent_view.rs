//! What the ledger of consents comes to for one attempt at one instant.
use jiff::Timestamp;

use super::super::legal::{ConsentState, RevocationScope};
use super::super::subject::Subject;
use crate::channel::Channel;
use crate::consent::{ConsentEvent, ConsentKind, ConsentScope};

/// What the ledger comes to.
#[derive(Debug, Clone, Copy, Default)]
pub(in super::super) struct ConsentView<'a> {
    /// The revocation that holds, if one does.
    pub opted_out: Option<&'a ConsentEvent>,
    /// A bit for each kind of consent that holds.
    kinds: u8,
    /// The consent to be called back that was given last, if it holds.
    pub callback: Option<&'a ConsentEvent>,
    /// When the first of the consents that hold ends by itself.
    pub until: Option<Timestamp>,
}

/// How far revocations reach, by the rules that hold: on each channel of a set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in super::super) struct Reach {
    pub scope: RevocationScope,
    /// Channels that a revocation on one of them ends together, as bits.
    pub channels: i16,
}

impl<'a> ConsentView<'a> {
    /// Reads the ledger. An entry counts by the instant at which it was said; a revocation ends all consents that
    /// were said before it, and only an express consent that was said after it lifts it.
    pub fn of(events: &'a [ConsentEvent], channel: Channel, subject: &Subject, reach: Reach, now: Timestamp) -> Self {
        let mut view = Self::default();
        let revoked = events
            .iter()
            .filter(|e| e.revoked && !matches!(e.kind, ConsentKind::Callback | ConsentKind::Recording) && e.at <= now)
            .filter(|e| revokes(e, channel, subject, reach))
            .max_by_key(|e| e.at);
        let since = revoked.map_or(Timestamp::MIN, |e| e.at);
        for event in events.iter().filter(|e| !e.revoked && (revoked.is_none() || e.at > since)) {
            if !is_live(event, now) || !grants(event, channel, subject) {
                continue;
            }
            if event.kind == ConsentKind::Callback {
                let withdrawn =
                    |e: &ConsentEvent| e.revoked && e.kind == ConsentKind::Callback && e.at >= event.at && e.at <= now;
                if !events.iter().any(withdrawn) && view.callback.is_none_or(|known| known.at < event.at) {
                    view.callback = Some(event);
                }
            }
            view.kinds |= bit(event.kind);
            view.until = [view.until, event.expires].into_iter().flatten().min();
        }
        let lifted = view.has(ConsentKind::Express) || view.has(ConsentKind::ExpressWritten);
        if let Some(revocation) = revoked.filter(|_| !lifted) {
            view = Self { opted_out: Some(revocation), ..Self::default() };
        }
        view
    }

    /// Whether a consent of this kind holds. A written consent is express too.
    pub fn has(&self, kind: ConsentKind) -> bool {
        let written = kind == ConsentKind::Express && self.kinds & bit(ConsentKind::ExpressWritten) != 0;
        self.kinds & bit(kind) != 0 || written
    }

    /// The best consent that holds.
    pub fn state(&self) -> ConsentState {
        if self.opted_out.is_some() {
            ConsentState::Revoked
        } else if self.has(ConsentKind::ExpressWritten) {
            ConsentState::ExpressWritten
        } else if self.has(ConsentKind::Express) {
            ConsentState::Express
        } else if self.has(ConsentKind::Implied) {
            ConsentState::Implied
        } else {
            ConsentState::None
        }
    }
}

fn bit(kind: ConsentKind) -> u8 {
    match kind {
        ConsentKind::Implied | ConsentKind::ImpliedPurchase | ConsentKind::ImpliedInquiry | ConsentKind::SoftOptIn => 1,
        ConsentKind::Express => 2,
        ConsentKind::ExpressWritten => 4,
        ConsentKind::Callback => 8,
        // a relationship is a matter of the subject, a recording one of its own rule
        ConsentKind::EbrPurchase | ConsentKind::EbrInquiry | ConsentKind::Recording => 0,
    }
}

fn is_live(event: &ConsentEvent, now: Timestamp) -> bool {
    let since = event.effective_at.map_or(event.at, |effective| effective.max(event.at));
    since <= now && event.expires.is_none_or(|end| now < end)
}

/// A consent holds only for what it names.
fn grants(event: &ConsentEvent, channel: Channel, subject: &Subject) -> bool {
    (event.channels.is_empty() || event.channels.contains(&channel))
        && match &event.scope {
            ConsentScope::All => true,
            ConsentScope::Brand { name } => subject.brand.as_ref() == Some(name),
            ConsentScope::Topic { name } => subject.topic.as_ref() == Some(name),
        }
}

/// A revocation holds for what it names, for what is not named, and as far as the law carries it.
fn revokes(event: &ConsentEvent, channel: Channel, subject: &Subject, reach: Reach) -> bool {
    let bits = event.channels.iter().fold(0, |bits, c| bits | c.bit());
    let on_channel = event.channels.is_empty() || event.channels.contains(&channel);
    let carried = reach.channels & channel.bit() != 0 && reach.channels & bits != 0;
    if carried && reach.scope == RevocationScope::All {
        return true;
    }
    let widened = reach.channels & channel.bit() != 0 && reach.scope != RevocationScope::AsSaid;
    let in_scope = match &event.scope {
        ConsentScope::All => true,
        ConsentScope::Brand { name } => subject.brand.as_ref().is_none_or(|brand| brand == name),
        // which brand a topic belongs to is not known, so it may be this one
        ConsentScope::Topic { name } => widened || subject.topic.as_ref().is_none_or(|topic| topic == name),
    };
    on_channel && (in_scope || (widened && reach.scope == RevocationScope::All))
}

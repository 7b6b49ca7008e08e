//! What decides, besides the place, which legal rules apply to an attempt.
use super::super::edition::Edition;
use super::super::legal::{AppliesTo, ConsentState, LegalRule};
use super::super::subject::{Relationship, Subject, is_same_name};
use crate::channel::Channel;
use crate::device::LineType;

/// An attempt as legal rules see it.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Profile<'a> {
    /// By which meaning the attempt is judged.
    pub edition: Edition,
    pub channel: Channel,
    pub subject: &'a Subject,
    /// The line, also from number intelligence.
    pub line: LineType,
    pub consent: ConsentState,
    /// A consent to be called back opens hours that are closed otherwise.
    pub callback: bool,
    /// What binds the person, where it is known: a relationship that the subject tells lasts only so long.
    pub relationship: Option<Relationship>,
}

impl<'a> Profile<'a> {
    /// An attempt of which only the subject is known.
    pub fn of(channel: Channel, subject: &'a Subject) -> Self {
        let relationship = Some(subject.relationship).filter(|told| *told != Relationship::Ebr);
        Self {
            edition: Edition::CURRENT,
            channel,
            subject,
            line: subject.line_type,
            consent: ConsentState::None,
            callback: false,
            relationship,
        }
    }

    /// Whether a rule is about attempts of this kind, wherever the person is.
    pub fn is_met(&self, rule: &LegalRule) -> bool {
        let applies = &rule.applies_to;
        self.is_met_by_campaign(applies)
            && is_open_or(&applies.consent_states, |states| states.contains(&self.consent))
            && is_open_or(&applies.line_types, |lines| lines.iter().any(|line| may_be(self.channel, self.line, *line)))
            && is_open_or(&applies.relationships, |all| match self.relationship {
                Some(known) => all.contains(&known),
                // it may have ended
                None => all.contains(&Relationship::Ebr) || all.contains(&Relationship::None),
            })
    }

    /// The same without what differs from person to person: what a campaign may meet.
    pub fn is_met_by_campaign(&self, applies: &AppliesTo) -> bool {
        let subject = self.subject;
        is_open_or(&applies.channels, |all| all.contains(&self.channel))
            && is_open_or(&applies.purposes, |all| all.contains(&subject.purpose))
            && is_open_or(&applies.contact_kinds, |all| all.contains(&subject.contact_kind))
            && is_open_or(&applies.techs, |all| all.contains(&subject.tech))
            && is_open_or(&applies.topics, |all| {
                subject.topic.as_deref().is_some_and(|topic| all.iter().any(|t| is_same_name(t, topic)))
            })
            && applies.collector.is_none_or(|wanted| wanted == subject.collector.is_some())
    }

    /// Everything that the rules look at, as text for the key of a cached place.
    pub fn write_key(&self, key: &mut String) {
        let subject = self.subject;
        let relationship = match self.relationship {
            Some(Relationship::None) => 0,
            Some(Relationship::Ebr) => 1,
            Some(Relationship::Customer) => 2,
            None => 3,
        };
        for number in [
            subject.purpose as u8,
            subject.tech as u8,
            subject.contact_kind as u8,
            relationship,
            u8::try_from(self.line.code()).unwrap_or(0),
            self.consent as u8,
            u8::from(self.callback),
            u8::from(subject.collector.is_some()),
        ] {
            key.push(char::from(b'0' + number));
        }
        key.push_str(subject.topic.as_deref().unwrap_or_default());
        key.push('\n');
    }
}

/// Whether a line may be of a type. What can't be told may be fixed or mobile; what takes texts is mobile.
pub(super) fn may_be(channel: Channel, line: LineType, of_type: LineType) -> bool {
    let untold = matches!(line, LineType::Unknown | LineType::FixedOrMobile);
    match of_type {
        LineType::Mobile => untold || line == LineType::Mobile || channel == Channel::Sms,
        LineType::Fixed => untold || line == LineType::Fixed,
        other => line == other,
    }
}

fn is_open_or<T>(list: &[T], test: impl FnOnce(&[T]) -> bool) -> bool {
    list.is_empty() || test(list)
}

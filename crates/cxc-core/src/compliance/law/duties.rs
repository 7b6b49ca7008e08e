//! What a call must keep to besides its time, where the person may be: how long it rings, who agrees to a recording.
use serde::Serialize;
use utoipa::ToSchema;

use super::super::legal::{Parties, RuleBody};
use super::super::rule_set::RuleSet;
use super::super::zones::Zones;
use super::data::Reading;
use crate::channel::Channel;

/// What a call must keep to: of each kind the strictest of the rules that hold where the person may be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallDuties {
    /// It rings so many seconds before it is given up; nothing where no rule says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ring_min_seconds: Option<u16>,
    /// Who must agree before it is recorded; nothing where no rule says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recording_consent: Option<Parties>,
}

fn bears(kind: &RuleBody) -> bool {
    matches!(kind, RuleBody::RingMin(_) | RuleBody::RecordingConsent(_))
}

impl RuleSet {
    /// The duties of a call; none of other channels.
    pub fn call_duties(&self, reading: &Reading<'_>, zones: &Zones) -> CallDuties {
        let mut duties = CallDuties::default();
        // without such a rule nobody's place needs to be judged
        if reading.channel != Channel::Voice || !self.law.rules.iter().any(|law| bears(&law.legal.kind)) {
            return duties;
        }
        for found in self.read(reading, zones, |kind| bears(kind).then_some(kind)) {
            match found.body {
                RuleBody::RingMin(body) => duties.ring_min_seconds = duties.ring_min_seconds.max(Some(body.seconds)),
                RuleBody::RecordingConsent(body) => {
                    duties.recording_consent = duties.recording_consent.max(Some(body.parties));
                }
                _ => {}
            }
        }
        duties
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::super::documents::RuleDocuments;
    use super::super::super::holidays::Calendars;
    use super::super::super::legal::LegalRules;
    use super::super::super::place::{Part, PartKind};
    use super::super::super::subject::Subject;
    use super::*;

    #[test]
    fn a_call_keeps_to_the_strictest_of_where_the_person_may_be() {
        let (zones, calendars) = (Zones::bundled(), Calendars::shipped().unwrap());
        let packs = LegalRules::shipped(&zones, &calendars).unwrap();
        let documents =
            RuleDocuments { legal_packs: Arc::new(packs), calendars: Arc::new(calendars), ..RuleDocuments::default() };
        let rules = RuleSet::compile(&documents, &[], &zones);
        let at = "2026-12-01T12:00:00Z".parse().unwrap();
        let duties = |channel, places: &[(&str, &str, &str)]| {
            let parts: Vec<_> = places.iter().map(|(c, r, z)| Part::new(PartKind::Phone, c, r, z)).collect();
            let reading = Reading { channel, subject: &Subject::UNSPECIFIED, parts: Some(&parts), at };
            let found = rules.call_duties(&reading, &zones);
            (found.ring_min_seconds, found.recording_consent)
        };
        let new_york = ("US", "US-NY", "America/New_York");
        assert_eq!(duties(Channel::Voice, &[new_york]), (Some(15), Some(Parties::One)));
        let both = [new_york, ("US", "US-PA", "America/New_York")];
        assert_eq!(duties(Channel::Voice, &both), (Some(15), Some(Parties::All)));
        assert_eq!(duties(Channel::Voice, &[("GB", "", "Europe/London")]), (Some(15), None));
        assert_eq!(duties(Channel::Voice, &[("DE", "", "Europe/Berlin")]), (None, None));
        assert_eq!(duties(Channel::Sms, &[new_york]), (None, None));
    }
}

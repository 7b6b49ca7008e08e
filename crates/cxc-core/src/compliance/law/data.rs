//! Legal rules that others read: what a call must keep to besides its time, by where the person may be.
use jiff::Timestamp;

use super::super::documents::RuleRef;
use super::super::edition::Edition;
use super::super::legal::{
    AbandonmentBody, ContentBody, LegalRule, Parties, RecordingBody, RevocationBody, RingMinBody, RuleBody,
};
use super::super::place::{Part, Place};
use super::super::rule_set::RuleSet;
use super::super::subject::Subject;
use super::super::zones::Zones;
use super::{Holding, LawRule, Profile};
use crate::channel::Channel;

/// A rule that someone reads.
#[derive(Debug, Clone, Copy)]
pub struct Read<'a, T> {
    /// Which rule, in which version.
    pub rule: &'a RuleRef,
    /// The whole of it.
    pub legal: &'a LegalRule,
    /// What it says.
    pub body: &'a T,
}

/// Where and for what rules are read.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// How the person is reached.
    pub channel: Channel,
    /// What for.
    pub subject: &'a Subject,
    /// Where the person may be; `None` for rules of every country.
    pub parts: Option<&'a [Part<'a>]>,
    /// When.
    pub at: Timestamp,
}

impl RuleSet {
    /// How many answered calls may find no agent. Each of them holds.
    pub fn abandonment(&self, reading: &Reading<'_>, zones: &Zones) -> Vec<Read<'_, AbandonmentBody>> {
        self.read(reading, zones, |kind| match kind {
            RuleBody::Abandonment(body) => Some(body),
            _ => None,
        })
    }

    /// How long it must ring.
    pub fn ring_min(&self, reading: &Reading<'_>, zones: &Zones) -> Vec<Read<'_, RingMinBody>> {
        self.read(reading, zones, |kind| match kind {
            RuleBody::RingMin(body) => Some(body),
            _ => None,
        })
    }

    /// What a contact must say or carry.
    pub fn content(&self, reading: &Reading<'_>, zones: &Zones) -> Vec<Read<'_, ContentBody>> {
        self.read(reading, zones, |kind| match kind {
            RuleBody::Content(body) => Some(body),
            _ => None,
        })
    }

    /// By when a revocation must work, and how long it is kept.
    pub fn revocation(&self, reading: &Reading<'_>, zones: &Zones) -> Vec<Read<'_, RevocationBody>> {
        self.read(reading, zones, |kind| match kind {
            RuleBody::RevocationSla(body) => Some(body),
            _ => None,
        })
    }

    /// Who must agree to a recording: the strictest rule of the regions in which the person may be.
    pub fn recording_consent(
        &self,
        reading: &Reading<'_>,
        zones: &Zones,
    ) -> Option<(Parties, Read<'_, RecordingBody>)> {
        let rules = self.read(reading, zones, |kind| match kind {
            RuleBody::RecordingConsent(body) => Some(body),
            _ => None,
        });
        rules.into_iter().map(|read| (read.body.parties, read)).max_by_key(|(parties, _)| *parties)
    }

    pub(in super::super) fn read<'a, T>(
        &'a self,
        reading: &Reading<'_>,
        zones: &Zones,
        body: impl Fn(&'a RuleBody) -> Option<&'a T>,
    ) -> Vec<Read<'a, T>> {
        let profile = Profile::of(reading.channel, reading.subject);
        let place = reading.parts.map(|parts| Place::judge(parts, &self.unmapped, zones, Edition::CURRENT));
        let holds = |law: &&'a LawRule| {
            law.holding == Holding::Holds
                && law.in_force(reading.at.as_microsecond())
                && profile.is_met_by_campaign(&law.legal.applies_to)
                && place.as_ref().is_none_or(|place| law.is_law_in(place))
        };
        let rules = self.law.rules.iter().filter(holds);
        rules
            .filter_map(|law| Some(Read { rule: &law.rule, legal: &law.legal, body: body(&law.legal.kind)? }))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::super::documents::RuleDocuments;
    use super::super::super::holidays::Calendars;
    use super::super::super::legal::LegalRules;
    use super::super::super::place::PartKind;
    use super::*;

    fn rules() -> RuleSet {
        let calendars = Calendars::shipped().unwrap();
        let packs = LegalRules::shipped(&Zones::bundled(), &calendars).unwrap();
        let documents =
            RuleDocuments { legal_packs: Arc::new(packs), calendars: Arc::new(calendars), ..RuleDocuments::default() };
        RuleSet::compile(&documents, &[], &Zones::bundled())
    }

    fn reading<'a>(channel: Channel, parts: Option<&'a [Part<'a>]>) -> Reading<'a> {
        Reading { channel, subject: &Subject::UNSPECIFIED, parts, at: "2026-12-01T12:00:00Z".parse().unwrap() }
    }

    #[test]
    fn the_strictest_region_says_who_agrees_to_a_recording() {
        let rules = rules();
        let zones = Zones::bundled();
        let part = |region| Part::new(PartKind::Phone, "US", region, "America/New_York");
        for (regions, parties) in [
            (&["US-NY"][..], Some(Parties::One)),
            (&["US-NY", "US-PA"][..], Some(Parties::All)),
            (&[""][..], Some(Parties::All)),
        ] {
            let parts: Vec<_> = regions.iter().map(|region| part(region)).collect();
            let found = rules.recording_consent(&reading(Channel::Voice, Some(&parts)), &zones);
            assert_eq!(found.map(|(parties, _)| parties), parties, "{regions:?}");
        }
        let british = [Part::new(PartKind::Phone, "GB", "", "Europe/London")];
        assert!(rules.recording_consent(&reading(Channel::Voice, Some(&british)), &zones).is_none());
    }

    #[test]
    fn others_read_what_a_contact_must_keep_to() {
        let (rules, zones) = (rules(), Zones::bundled());
        let voice = reading(Channel::Voice, None);
        let ids =
            |rules: Vec<Read<'_, AbandonmentBody>>| rules.iter().map(|r| r.rule.id.to_string()).collect::<Vec<_>>();
        let all = ["CA-ABANDON", "GB-OFCOM-ENG", "GB-OFCOM-MISUSE", "US-FCC-ABANDON", "US-TSR-ABANDON"];
        assert_eq!(ids(rules.abandonment(&voice, &zones)), all);
        let canada = [Part::new(PartKind::Phone, "CA", "CA-ON", "America/Toronto")];
        assert_eq!(ids(rules.abandonment(&reading(Channel::Voice, Some(&canada)), &zones)), ["CA-ABANDON"]);
        assert!(rules.ring_min(&voice, &zones).iter().all(|r| r.body.seconds == 15));
        let email = rules.content(&reading(Channel::Email, None), &zones);
        assert!(email.iter().any(|r| r.body.require.iter().any(|what| what == "postal_address")));
        assert!(rules.revocation(&voice, &zones).iter().any(|r| r.body.business_days == Some(10)));
    }
}

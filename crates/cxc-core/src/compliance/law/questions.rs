//! What a tenant has to decide, and what it turned off.
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::documents::RuleRef;
use super::super::legal::{ContentBody, LegalRule, RuleBody};
use super::super::rule_set::RuleSet;
use super::super::subject::Subject;
use super::profile::may_be;
use super::{Holding, LawRule, Profile, holds_in, law_besides, region_of_territory, whole_country};
use crate::channel::Channel;
use crate::device::LineType;

/// A legal rule about which something is to be decided or known before a campaign starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenQuestion {
    /// Which rule.
    pub rule: RuleRef,
    /// What kind of rule it is.
    pub kind: &'static str,
    /// The country where it is law, or `EU`.
    pub country: String,
    /// The region.
    pub region: Option<String>,
    /// The law.
    pub citation: String,
    /// What a reader should know besides.
    pub note: String,
    /// The types of line that it is about; none for any.
    #[serde(skip)]
    #[schema(ignore)]
    lines: Vec<LineType>,
}

impl OpenQuestion {
    /// Whether the rule is law in a country, or in one of these regions of it. Where no region is known it may be any.
    pub fn is_law_at<'a>(&self, country: &str, regions: impl Iterator<Item = &'a str>) -> bool {
        let territory = region_of_territory(country);
        let in_country =
            holds_in(&self.country, whole_country(country)) || law_besides(country) == Some(&*self.country);
        let Some(own) = self.region.as_deref().filter(|_| in_country) else { return in_country };
        let mut regions =
            regions.chain(territory).map(|name| name.split_once('-').map_or(name, |(_, region)| region)).peekable();
        regions.peek().is_none() || regions.any(|region| region == own)
    }

    /// Whether the rule may be about a line of this type, as far as the numbering plan tells it.
    pub fn is_about_line(&self, channel: Channel, line: LineType) -> bool {
        self.lines.is_empty() || self.lines.iter().any(|of_type| may_be(channel, line, *of_type))
    }

    fn of(rule: &LawRule) -> Self {
        let LegalRule { jurisdiction, citation, note, kind, applies_to, .. } = &*rule.legal;
        Self {
            rule: rule.rule.clone(),
            kind: kind.name(),
            country: jurisdiction.country.clone(),
            region: jurisdiction.region.clone(),
            citation: citation.clone(),
            note: note.clone(),
            lines: applies_to.line_types.clone(),
        }
    }
}

impl RuleSet {
    /// The rules that the tenant must turn on or waive before a campaign of this channel and subject starts, for
    /// every country. A campaign with one that concerns its audience does not start.
    pub fn open_questions(&self, channel: Channel, subject: &Subject) -> Vec<OpenQuestion> {
        self.questions(channel, subject, |rule| rule.holding == Holding::Unanswered)
    }

    /// The rules that are off or waived and would narrow such a campaign.
    pub fn dormant_rules(&self, channel: Channel, subject: &Subject) -> Vec<OpenQuestion> {
        let narrows = |kind: &RuleBody| {
            matches!(
                kind,
                RuleBody::Window(_)
                    | RuleBody::BlackoutDate(_)
                    | RuleBody::AttemptCap(_)
                    | RuleBody::Cooldown(_)
                    | RuleBody::Suppression(_)
                    | RuleBody::ConsentGate(_)
                    | RuleBody::ReassignedNumber(_)
            )
        };
        self.questions(channel, subject, |rule| rule.holding == Holding::Dormant && narrows(&rule.legal.kind))
    }

    /// The rules in force for such a campaign that need a number list, each with the list's name.
    pub fn lists_needed(&self, channel: Channel, subject: &Subject) -> Vec<(OpenQuestion, String)> {
        let profile = Profile::of(channel, subject);
        let holding = self.law.rules.iter().filter(|r| r.holding == Holding::Holds);
        let list = |rule: &LawRule| match &rule.legal.kind {
            RuleBody::Suppression(body) => Some((OpenQuestion::of(rule), body.list.clone())),
            _ => None,
        };
        holding.filter(|r| profile.is_met_by_campaign(&r.legal.applies_to)).filter_map(list).collect()
    }

    /// The rules in force about the content of such messages.
    pub(in super::super) fn content_rules(
        &self,
        channel: Channel,
        subject: &Subject,
        at: Timestamp,
    ) -> Vec<(OpenQuestion, &ContentBody)> {
        let profile = Profile::of(channel, subject);
        let holding = self.law.rules.iter().filter(|r| r.holding == Holding::Holds && !r.legal.advisory);
        let holding = holding.filter(|r| r.in_force(at.as_microsecond()));
        let about = holding.filter(|r| profile.is_met_by_campaign(&r.legal.applies_to));
        about
            .filter_map(|rule| match &rule.legal.kind {
                RuleBody::Content(body) => Some((OpenQuestion::of(rule), body)),
                _ => None,
            })
            .collect()
    }

    fn questions(&self, channel: Channel, subject: &Subject, wanted: impl Fn(&LawRule) -> bool) -> Vec<OpenQuestion> {
        let profile = Profile::of(channel, subject);
        let rules = self.law.rules.iter().filter(|r| wanted(r));
        rules.filter(|r| profile.is_met_by_campaign(&r.legal.applies_to)).map(OpenQuestion::of).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::super::legal::LegalRules;
    use super::super::super::{Calendars, Purpose, RuleDocuments, Technique, Zones};
    use super::*;

    #[test]
    fn a_rule_about_mobile_lines_is_about_every_line_that_may_be_one() {
        let (zones, calendars) = (Zones::bundled(), Arc::new(Calendars::shipped().unwrap()));
        let legal_packs = Arc::new(LegalRules::shipped(&zones, &calendars).unwrap());
        let documents = RuleDocuments { legal_packs, calendars, ..RuleDocuments::default() };
        let rules = RuleSet::compile(&documents, &[], &zones);
        let subject = Subject { purpose: Purpose::Telemarketing, tech: Technique::Autodialed, ..Subject::UNSPECIFIED };
        let questions = rules.open_questions(Channel::Voice, &subject);
        let wireless = questions.iter().find(|q| &*q.rule.id == "US-CONSENT-PEWC").unwrap();
        for line in [LineType::Mobile, LineType::Unknown, LineType::FixedOrMobile] {
            assert!(wireless.is_about_line(Channel::Voice, line), "{line:?}");
        }
        assert!(!wireless.is_about_line(Channel::Voice, LineType::Fixed));
        assert!(wireless.is_about_line(Channel::Sms, LineType::Fixed), "what takes texts is mobile");
    }
}

//! How a campaign is run, told with a question: the rules that no check of one contact can judge answer to it.
use cxc_core::channel::Channel;
use cxc_core::compliance::abandonment::AbandonmentDay;
use cxc_core::compliance::campaign::{CampaignFacts, CampaignFinding, Kept, MessageSeen, OptOutWords, REQUIREMENTS};
use cxc_core::compliance::legal::Parties;
use cxc_core::compliance::{
    Decision, Explanation, Failure, KeptPart, Part, PartKind, PartOrigin, Reading, RuleKind, RuleSet, Standing, Step,
    Subject, Verdict, Zones,
};
use cxc_core::device::LineType;
use cxc_core::field_error::FieldError;
use cxc_core::location::Country;
use cxc_core::record::Reason;
use cxc_server::ApiError;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::document::EvaluationDocument;
use super::resolve::Resolver;

/// The most days of a ledger of calls.
const DAYS: usize = 2000;
/// The most places.
const PLACES: usize = 100;
/// The longest text of a message, in bytes.
const LONGEST: usize = 1024 * 1024;

/// How a campaign is run. What is left out is not judged, and at least one member must tell something.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CampaignAsked {
    /// The calls that people answered and those of them that found no agent, by day; at most 2000 days.
    pub abandonment: Option<Vec<AbandonmentDay>>,
    /// How many seconds after the greeting an agent or the message speaks at the latest.
    pub agent_seconds: Option<u16>,
    /// How many seconds it rings at the least.
    pub ring_seconds: Option<u16>,
    /// How often it rings at the least.
    pub rings: Option<u16>,
    /// Who agrees before a call is recorded.
    pub recording_consent: Option<Parties>,
    /// What a contact says or carries, such as `opt_out`, `postal_address` or `seller_name`.
    pub says: Option<Vec<String>>,
    /// The message of an SMS or an email, as it is written.
    pub message: Option<MessageAsked>,
    /// Where its people are, if no contact is named: countries, or regions such as `US-TX`; the rules of all of them hold.
    /// Everywhere if nothing is said.
    #[schema(max_items = 100)]
    pub places: Vec<String>,
}

/// A message as it is written.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct MessageAsked {
    /// The text of an SMS, or the plain text of an email.
    pub text: String,
    /// The HTML of an email.
    pub html: String,
    /// The sender: a number, a short code, letters, or an address.
    pub sender: String,
    /// The sender's display name.
    pub sender_name: String,
    /// The sender's postal address.
    pub postal_address: String,
}

impl CampaignAsked {
    /// Whether anything is told of how it is run.
    fn tells(&self) -> bool {
        self.abandonment.as_ref().is_some_and(|days| !days.is_empty())
            || self.agent_seconds.or(self.ring_seconds).or(self.rings).is_some()
            || self.recording_consent.is_some()
            || self.says.is_some()
            || self.message.is_some()
    }

    /// What is wrong with it.
    pub fn errors(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        if !self.tells() {
            let detail = "tell how the campaign is run: abandonment with at least a day, agentSeconds, ringSeconds, rings, \
                recordingConsent, says or message";
            errors.push(FieldError::new("/campaign", "required", detail));
        }
        let days = self.abandonment.as_deref().unwrap_or_default();
        if days.len() > DAYS {
            let detail = format!("at most {DAYS} days");
            errors.push(FieldError::new("/campaign/abandonment", "too_many_items", detail));
        }
        for (at, day) in days.iter().enumerate().take(DAYS) {
            if day.abandoned > day.live_answered {
                let detail = "abandoned calls are among those that a person answered";
                errors.push(FieldError::new(format!("/campaign/abandonment/{at}/abandoned"), "range", detail));
            }
        }
        for (at, item) in self.says.iter().flatten().enumerate().take(100) {
            if !REQUIREMENTS.contains(&item.as_str()) {
                let detail = format!("one of {}", REQUIREMENTS.join(", "));
                errors.push(FieldError::new(format!("/campaign/says/{at}"), "unknown", detail));
            }
        }
        if self.places.len() > PLACES {
            errors.push(FieldError::new("/campaign/places", "too_many_items", format!("at most {PLACES} places")));
        }
        let message = self.message.clone().unwrap_or_default();
        if message.text.len().max(message.html.len()) > LONGEST {
            errors.push(FieldError::new("/campaign/message", "too_long", "a part has up to 1 MiB"));
        }
        errors
    }

    /// What each rule about campaigns says of it.
    fn findings(&self, rules: &RuleSet, reading: &Reading<'_>, zones: &Zones) -> Vec<CampaignFinding> {
        let message = self.message.as_ref().map(|message| MessageSeen {
            text: &message.text,
            html: &message.html,
            marketing: false,
            sender: &message.sender,
            sender_name: &message.sender_name,
            brand: reading.subject.brand.as_deref().unwrap_or_default(),
            postal_address: &message.postal_address,
        });
        let facts = CampaignFacts {
            abandonment: self.abandonment.as_deref(),
            agent_seconds: self.agent_seconds,
            ring_seconds: self.ring_seconds,
            rings: self.rings,
            recording_consent: self.recording_consent,
            says: self.says.as_deref(),
            message,
        };
        rules.campaign_findings(reading, zones, &facts, &OptOutWords::default())
    }
}

/// The decision about a contact together with what the rules about campaigns say where it is, if it is told how one is run.
pub(super) fn judge(
    mut explained: Explanation,
    asked: &EvaluationDocument,
    rules: &RuleSet,
    reading: &Reading<'_>,
    zones: &Zones,
) -> (Explanation, Vec<CampaignFinding>) {
    let Some(told) = &asked.campaign else { return (explained, Vec::new()) };
    let findings = told.findings(rules, reading, zones);
    add(&mut explained, &findings);
    (explained, findings)
}

/// What the rules about campaigns say where no contact is named: those of the places that are told, else of all countries.
pub(super) fn alone(
    rules: &RuleSet,
    resolver: &Resolver<'_>,
    asked: &EvaluationDocument,
    channel: Option<Channel>,
    subject: Option<Subject>,
) -> Result<(Explanation, Vec<CampaignFinding>), ApiError> {
    let places = asked.campaign.as_ref().map(|told| told.places.as_slice()).unwrap_or_default();
    let known = places.iter().enumerate().map(|(at, place)| part(resolver, at, place));
    let known = known.collect::<Result<Vec<KeptPart>, FieldError>>().map_err(|e| ApiError::validation(vec![e]))?;
    let parts: Vec<Part<'_>> = known.iter().map(KeptPart::part).collect();
    let subject = subject.unwrap_or_else(|| resolver.subject(asked, LineType::Unknown));
    let reading = Reading {
        channel: asked.channel.or(channel).unwrap_or(Channel::Voice),
        subject: &subject,
        parts: (!parts.is_empty()).then_some(&parts),
        at: asked.at.unwrap_or(resolver.now),
    };
    let decision = Decision::Allow;
    let sentence = "nobody is named: of the rules, only those about how a campaign is run were asked".to_owned();
    let verdict = Verdict {
        decision,
        reasons: Vec::new(),
        warnings: Vec::new(),
        not_before: None,
        not_after: None,
        window_end: None,
    };
    let explained = Explanation { verdict, steps: vec![Step::Outcome { decision, sentence }] };
    Ok(judge(explained, asked, rules, &reading, &resolver.kit.zones))
}

/// A country, or a region of one.
fn part(resolver: &Resolver<'_>, at: usize, text: &str) -> Result<KeptPart, FieldError> {
    let wrong = |detail: String| FieldError::new(format!("/campaign/places/{at}"), "invalid", detail);
    let (country, region) = text.split_once('-').map_or((text, None), |(country, _)| (country, Some(text)));
    let country = Country::parse(country).map_err(|error| wrong(error.to_string()))?;
    let found = match region {
        None => resolver.tables.of_country(country),
        Some(region) if resolver.tables.region_code(country, region).is_some() => {
            resolver.tables.of_region(country, region)
        }
        Some(_) => return Err(wrong("a country such as US, or a region such as US-TX".to_owned())),
    };
    Ok(KeptPart::of(&found, PartKind::Explicit, PartOrigin::Contact))
}

/// Adds findings to an explanation: a rule that is broken denies, one that advises warns.
fn add(explained: &mut Explanation, findings: &[CampaignFinding]) {
    for finding in findings {
        let standing = match finding.kept {
            Kept::Kept => Standing::Passes,
            Kept::Untold => Standing::NotJudged,
            Kept::Broken if finding.advisory => Standing::Warns,
            Kept::Broken => Standing::Bars,
        };
        let (rule, sentence) = (finding.rule.clone(), finding.sentence.clone());
        let step = Step::Rule { rule, kind: finding.kind.to_owned(), standing, sentence };
        let known = explained.steps.iter().position(|step| step.rule() == Some(&finding.rule));
        match known.and_then(|at| explained.steps.get_mut(at)) {
            Some(place) => *place = step,
            None => explained.steps.insert(explained.steps.len().saturating_sub(1), step),
        }
        match standing {
            Standing::Bars => explained.verdict.reasons.extend(failures(finding)),
            Standing::Warns => explained.verdict.warnings.extend(failures(finding)),
            _ => {}
        }
    }
    decide(explained, findings);
}

/// What is broken denies. Where nothing that is told tells of any rule, nobody knows: that is no yes.
fn decide(explained: &mut Explanation, findings: &[CampaignFinding]) {
    let untold: Vec<&CampaignFinding> = findings.iter().filter(|f| f.kept == Kept::Untold && !f.advisory).collect();
    let is_unknown = untold.len() == findings.iter().filter(|f| !f.advisory).count();
    let names = |findings: &[&CampaignFinding]| findings.iter().map(|f| &*f.rule.id).collect::<Vec<_>>().join(", ");
    let broken: Vec<&CampaignFinding> = findings.iter().filter(|f| is_broken(f)).collect();
    let (decision, sentence) = if !broken.is_empty() {
        (Decision::Deny, format!("no contact is made: as it is run, the campaign breaks {}", names(&broken)))
    } else if !untold.is_empty() && is_unknown && explained.verdict.decision != Decision::Deny {
        explained.verdict.reasons.extend(untold.iter().copied().map(unknown));
        (Decision::Error, format!("no contact is made: nothing is told by which {} could be judged", names(&untold)))
    } else {
        if let Some(Step::Outcome { sentence, .. }) = explained.steps.last_mut().filter(|_| !untold.is_empty()) {
            *sentence = format!("{sentence}; not judged, since nothing is told of them: {}", names(&untold));
        }
        return;
    };
    let verdict = &mut explained.verdict;
    verdict.decision = decision;
    (verdict.not_before, verdict.not_after, verdict.window_end) = (None, None, None);
    explained.steps.pop();
    explained.steps.push(Step::Outcome { decision, sentence });
}

fn is_broken(finding: &CampaignFinding) -> bool {
    finding.kept == Kept::Broken && !finding.advisory
}

/// Everything by which a rule is broken, each with its stretch.
fn failures(finding: &CampaignFinding) -> impl Iterator<Item = Failure> {
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let instant = |day: Date| day.to_zoned(TimeZone::UTC).ok().map(|start| start.timestamp());
    finding.breaches.iter().map(move |breach| Failure {
        observed: breach.measure.map(|measure| number(measure.abandoned)),
        window_start: breach.measure.and_then(|measure| instant(measure.first)),
        window_end: breach.measure.and_then(|measure| instant(measure.last.tomorrow().ok()?)),
        detail: Some(format!("{} {} ({})", finding.rule.id, breach.sentence, finding.citation)),
        ..failure(finding, Reason::LegalBlock)
    })
}

fn unknown(finding: &CampaignFinding) -> Failure {
    failure(finding, Reason::DataMissing)
}

fn failure(finding: &CampaignFinding, code: Reason) -> Failure {
    Failure {
        rule: finding.rule.clone(),
        kind: RuleKind::Campaign,
        code,
        observed: None,
        limit: None,
        window_start: None,
        window_end: None,
        detail: Some(finding.sentence.clone()),
    }
}

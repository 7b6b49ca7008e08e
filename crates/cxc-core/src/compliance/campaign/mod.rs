//! The rules that are about a campaign and not about one contact: abandoned calls, ring time, recording, content. The
//! check before an attempt can't judge them; whoever tells how a campaign is run is answered by them.
mod content;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::abandonment::{AbandonmentDay, AbandonmentMeasure, judge};
use super::documents::RuleRef;
use super::law::{OpenQuestion, Read, Reading};
use super::legal::{AbandonmentBody, ContentBody, LegalRule, Parties, RingMinBody, RuleBody};
use super::rule_set::RuleSet;
use super::subject::Subject;
use super::zones::Zones;
use crate::channel::Channel;

pub use content::{MessageSeen, OptOutWords, REQUIREMENTS, Seen, is_visible};

/// How a campaign is run, as far as it is told.
#[derive(Debug, Clone, Copy, Default)]
pub struct CampaignFacts<'a> {
    /// The answered and abandoned calls, day by day.
    pub abandonment: Option<&'a [AbandonmentDay]>,
    /// How many seconds after the greeting an agent or the message speaks at the latest.
    pub agent_seconds: Option<u16>,
    /// How many seconds it rings at the least.
    pub ring_seconds: Option<u16>,
    /// How often it rings at the least.
    pub rings: Option<u16>,
    /// Who agrees before a call is recorded.
    pub recording_consent: Option<Parties>,
    /// What a contact says or carries, by the names of [`REQUIREMENTS`].
    pub says: Option<&'a [String]>,
    /// The message as it is written.
    pub message: Option<MessageSeen<'a>>,
}

/// Whether a campaign keeps to a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// It does, as it is told.
    Kept,
    /// Nothing is told by which that could be judged.
    Untold,
    /// It does not.
    Broken,
}

/// What one rule says of a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CampaignFinding {
    /// Which rule.
    pub rule: RuleRef,
    /// What kind of rule it is.
    pub kind: &'static str,
    /// Whether the campaign keeps to it.
    pub kept: Kept,
    /// It warns and forbids nothing.
    pub advisory: bool,
    /// The law.
    pub citation: String,
    /// What was found, in words.
    pub sentence: String,
    /// Everything by which it is broken.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub breaches: Vec<CampaignBreach>,
    /// The stretches over which abandoned calls were measured.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub measures: Vec<AbandonmentMeasure>,
}

/// One thing by which a rule is broken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CampaignBreach {
    /// What is wrong, in words.
    pub sentence: String,
    /// The stretch in which it is, if it is about abandoned calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measure: Option<AbandonmentMeasure>,
}

/// Something that a message must say or carry, by which rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentNeed {
    /// The rule.
    pub question: OpenQuestion,
    /// What must be there, by a name of [`REQUIREMENTS`].
    pub requirement: String,
}

impl RuleSet {
    /// What each rule about a campaign says of one that is run so.
    pub fn campaign_findings(
        &self,
        reading: &Reading<'_>,
        zones: &Zones,
        facts: &CampaignFacts<'_>,
        words: &OptOutWords,
    ) -> Vec<CampaignFinding> {
        let channel = reading.channel;
        let about = |kind: &RuleBody| {
            matches!(
                kind,
                RuleBody::Abandonment(_) | RuleBody::RingMin(_) | RuleBody::RecordingConsent(_) | RuleBody::Content(_)
            )
        };
        let rules = self.read(reading, zones, |kind| about(kind).then_some(kind));
        let finding = |read: Read<'_, RuleBody>| {
            let found = match read.body {
                RuleBody::Abandonment(body) => abandoned(body, facts),
                RuleBody::RingMin(body) => rings(body, facts),
                RuleBody::RecordingConsent(body) => recording(body.parties, facts),
                RuleBody::Content(body) => carries(body, channel, facts, words),
                _ => Found::default(),
            };
            CampaignFinding {
                rule: read.rule.clone(),
                kind: read.legal.kind.name(),
                kept: found.kept.unwrap_or(Kept::Untold),
                advisory: read.legal.advisory,
                citation: read.legal.citation.clone(),
                sentence: format!("{} {} ({})", read.rule.id, found.said, read.legal.citation),
                breaches: found.breaches,
                measures: found.measures,
            }
        };
        rules.into_iter().map(finding).collect()
    }

    /// What the messages of a campaign must say or carry, wherever its people are.
    pub fn content_needed(&self, channel: Channel, subject: &Subject, at: Timestamp) -> Vec<ContentNeed> {
        let rules = self.content_rules(channel, subject, at);
        let needs = rules.into_iter().flat_map(|(question, body)| {
            let each = body.require.iter().cloned();
            each.map(move |requirement| ContentNeed { question: question.clone(), requirement })
        });
        needs.collect()
    }
}

/// What was found about one rule.
#[derive(Default)]
struct Found {
    kept: Option<Kept>,
    said: String,
    measures: Vec<AbandonmentMeasure>,
    breaches: Vec<CampaignBreach>,
}

impl Found {
    fn untold(what: &str) -> Self {
        Self { kept: Some(Kept::Untold), said: format!("can't be judged: {what}"), ..Self::default() }
    }

    fn kept(said: String) -> Self {
        Self { kept: Some(Kept::Kept), said, ..Self::default() }
    }

    /// Broken by all of these.
    fn broken(breaches: Vec<CampaignBreach>) -> Self {
        let all: Vec<&str> = breaches.iter().map(|breach| breach.sentence.as_str()).collect();
        Self { kept: Some(Kept::Broken), said: all.join("; "), breaches, ..Self::default() }
    }
}

fn breach(sentence: String) -> CampaignBreach {
    CampaignBreach { sentence, measure: None }
}

fn percent(basis_points: u16) -> String {
    format!("{}.{:02} %", basis_points / 100, basis_points % 100)
}

fn abandoned(body: &AbandonmentBody, facts: &CampaignFacts<'_>) -> Found {
    let mut breaches = Vec::new();
    if let Some(seconds) = facts.agent_seconds.filter(|seconds| *seconds > body.agent_seconds) {
        let most = body.agent_seconds;
        breaches.push(breach(format!(
            "wants an agent or the message within {most} s of the greeting, and it takes {seconds} s"
        )));
    }
    if let Some(says) = facts.says {
        let lacking = body.message.iter().filter(|item| !says.contains(item));
        breaches.extend(lacking.map(|item| breach(format!("wants the message of an abandoned call to tell {item}"))));
    }
    let most = percent(body.max_basis_points);
    let measures = facts.abandonment.map(|ledger| judge(body, ledger)).unwrap_or_default();
    breaches.extend(measures.iter().filter(|measure| !measure.passes).map(|over| CampaignBreach {
        sentence: format!(
            "allows {most} of the answered calls to be abandoned, and from {} to {} it was {} of {}",
            over.first, over.last, over.abandoned, over.live_answered
        ),
        measure: Some(*over),
    }));
    let found = match (breaches.is_empty(), facts.abandonment) {
        (false, _) => Found::broken(breaches),
        (true, None) => Found::untold("no answered and abandoned calls are told"),
        (true, Some(_)) => {
            Found::kept(format!("allows {most} of the answered calls to be abandoned, and no stretch has more"))
        }
    };
    Found { measures, ..found }
}

fn rings(body: &RingMinBody, facts: &CampaignFacts<'_>) -> Found {
    let least = body.seconds;
    let or = body.rings.map(|rings| format!(" or {rings} times")).unwrap_or_default();
    let wanted = format!("wants it to ring {least} s{or}");
    let often = body.rings.zip(facts.rings).map(|(least, rings)| rings >= least);
    let long = facts.ring_seconds.map(|seconds| seconds >= least);
    match (long, often) {
        (None, None) => Found::untold("no ring time is told"),
        (Some(true), _) | (_, Some(true)) => Found::kept(format!("{wanted}, and it does")),
        _ => Found::broken(vec![breach(format!("{wanted}, and it rings less"))]),
    }
}

fn recording(wanted: Parties, facts: &CampaignFacts<'_>) -> Found {
    let Some(told) = facts.recording_consent else {
        return Found::untold("nothing is told of who agrees to a recording");
    };
    let who = if wanted == Parties::All { "everyone who speaks" } else { "one of those who speak" };
    let said = format!("wants {who} to agree to a recording");
    if told >= wanted { Found::kept(said) } else { Found::broken(vec![breach(said)]) }
}

fn carries(body: &ContentBody, channel: Channel, facts: &CampaignFacts<'_>, words: &OptOutWords) -> Found {
    let (mut unsure, mut breaches) = (Vec::new(), Vec::new());
    for item in &body.require {
        if facts.says.is_some_and(|says| says.contains(item)) {
            continue;
        }
        match facts.message.map(|message| message.look(item, channel, words)) {
            Some(Seen::There) => {}
            Some(Seen::Lacking(mend)) => breaches.push(breach(format!("wants {item}: {mend}"))),
            None if facts.says.is_some() => breaches.push(breach(format!("wants {item}, which is not told of"))),
            Some(Seen::Untold) | None => unsure.push(item.as_str()),
        }
    }
    match (breaches.is_empty(), unsure.is_empty()) {
        (false, _) => Found::broken(breaches),
        (true, true) => Found::kept(format!("wants {}, and it is there", body.require.join(", "))),
        (true, false) => Found::untold(&format!("whether {} is there, a person must say", unsure.join(", "))),
    }
}

/// Who sees to it that a rule is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Enforcer {
    /// The check before every attempt.
    Check,
    /// The ledger of consents and opt-outs, with its alarms.
    Ledger,
    /// The start of a campaign group: it is refused where a message lacks what a program can see.
    Start,
    /// Each pre-dial validation of a call tells it, and the dialer of calls keeps to it.
    Validation,
    /// Nothing before or during a call: the dialer of calls keeps to it by itself.
    Dialer,
    /// An evaluation that is told how the campaign is run judges it.
    Evaluation,
    /// A person: no program can tell.
    Person,
}

impl LegalRule {
    /// Who sees to it that the rule is kept.
    pub fn enforced_by(&self) -> Vec<Enforcer> {
        match &self.kind {
            RuleBody::RevocationSla(_) => vec![Enforcer::Check, Enforcer::Ledger],
            RuleBody::RingMin(_) | RuleBody::RecordingConsent(_) => vec![Enforcer::Validation, Enforcer::Evaluation],
            RuleBody::Abandonment(_) => vec![Enforcer::Dialer, Enforcer::Evaluation],
            RuleBody::Content(body) => self.content_enforced_by(body),
            _ => vec![Enforcer::Check],
        }
    }

    fn content_enforced_by(&self, body: &ContentBody) -> Vec<Enforcer> {
        let every = [Channel::Voice, Channel::Sms, Channel::Email];
        let channels =
            every.iter().filter(|c| self.applies_to.channels.is_empty() || self.applies_to.channels.contains(c));
        let mut found = Vec::new();
        for channel in channels {
            let is_seen = |item: &String| is_visible(item, *channel);
            match channel {
                Channel::Voice => found.push(Enforcer::Dialer),
                _ if body.require.iter().any(is_seen) => found.push(Enforcer::Start),
                _ => {}
            }
            if *channel != Channel::Voice && !body.require.iter().all(is_seen) {
                found.push(Enforcer::Person);
            }
        }
        found.dedup();
        found.push(Enforcer::Evaluation);
        found
    }
}

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
    /// The stretches over which abandoned calls were measured.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub measures: Vec<AbandonmentMeasure>,
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
            let (kept, said, measures) = match read.body {
                RuleBody::Abandonment(body) => abandoned(body, facts),
                RuleBody::RingMin(body) => rings(body, facts),
                RuleBody::RecordingConsent(body) => recording(body.parties, facts),
                RuleBody::Content(body) => carries(body, channel, facts, words),
                _ => (Kept::Untold, String::new(), Vec::new()),
            };
            CampaignFinding {
                rule: read.rule.clone(),
                kind: read.legal.kind.name(),
                kept,
                advisory: read.legal.advisory,
                citation: read.legal.citation.clone(),
                sentence: format!("{} {said} ({})", read.rule.id, read.legal.citation),
                measures,
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

type Found = (Kept, String, Vec<AbandonmentMeasure>);

fn kept(is: bool) -> Kept {
    if is { Kept::Kept } else { Kept::Broken }
}

fn untold(what: &str) -> Found {
    (Kept::Untold, format!("can't be judged: {what}"), Vec::new())
}

fn percent(basis_points: u16) -> String {
    format!("{}.{:02} %", basis_points / 100, basis_points % 100)
}

fn abandoned(body: &AbandonmentBody, facts: &CampaignFacts<'_>) -> Found {
    let late = facts.agent_seconds.filter(|seconds| *seconds > body.agent_seconds);
    if let Some(seconds) = late {
        let most = body.agent_seconds;
        let said = format!("wants an agent or the message within {most} s of the greeting, and it takes {seconds} s");
        return (Kept::Broken, said, Vec::new());
    }
    if let Some(lacking) = facts.says.and_then(|says| body.message.iter().find(|item| !says.contains(item))) {
        let said = format!("wants the message of an abandoned call to tell {lacking}");
        return (Kept::Broken, said, Vec::new());
    }
    let Some(ledger) = facts.abandonment else { return untold("no answered and abandoned calls are told") };
    let measures = judge(body, ledger);
    let most = percent(body.max_basis_points);
    let said = match measures.iter().find(|measure| !measure.passes) {
        Some(over) => format!(
            "allows {most} of the answered calls to be abandoned, and from {} to {} it was {} of {}",
            over.first, over.last, over.abandoned, over.live_answered
        ),
        None => format!("allows {most} of the answered calls to be abandoned, and no stretch has more"),
    };
    (kept(measures.iter().all(|measure| measure.passes)), said, measures)
}

fn rings(body: &RingMinBody, facts: &CampaignFacts<'_>) -> Found {
    let least = body.seconds;
    let or = body.rings.map(|rings| format!(" or {rings} times")).unwrap_or_default();
    let wanted = format!("wants it to ring {least} s{or}");
    let often = body.rings.zip(facts.rings).map(|(least, rings)| rings >= least);
    let long = facts.ring_seconds.map(|seconds| seconds >= least);
    match (long, often) {
        (None, None) => untold("no ring time is told"),
        (long, often) if long == Some(true) || often == Some(true) => {
            (Kept::Kept, format!("{wanted}, and it does"), Vec::new())
        }
        _ => (Kept::Broken, format!("{wanted}, and it rings less"), Vec::new()),
    }
}

fn recording(wanted: Parties, facts: &CampaignFacts<'_>) -> Found {
    let Some(told) = facts.recording_consent else { return untold("nothing is told of who agrees to a recording") };
    let who = if wanted == Parties::All { "everyone who speaks" } else { "one of those who speak" };
    (kept(told >= wanted), format!("wants {who} to agree to a recording"), Vec::new())
}

fn carries(body: &ContentBody, channel: Channel, facts: &CampaignFacts<'_>, words: &OptOutWords) -> Found {
    let mut unsure = Vec::new();
    for item in &body.require {
        if facts.says.is_some_and(|says| says.contains(item)) {
            continue;
        }
        match facts.message.map(|message| message.look(item, channel, words)) {
            Some(Seen::There) => {}
            Some(Seen::Lacking(mend)) => return (Kept::Broken, format!("wants {item}: {mend}"), Vec::new()),
            None if facts.says.is_some() => {
                return (Kept::Broken, format!("wants {item}, which is not told of"), Vec::new());
            }
            Some(Seen::Untold) | None => unsure.push(item.as_str()),
        }
    }
    if unsure.is_empty() {
        return (Kept::Kept, format!("wants {}, and it is there", body.require.join(", ")), Vec::new());
    }
    untold(&format!("whether {} is there, a person must say", unsure.join(", ")))
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

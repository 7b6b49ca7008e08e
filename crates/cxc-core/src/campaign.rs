//! The documents by which a campaign is described: profiles, templates, groups.
//! Values are copied downward when a child is made; a later change of the parent does not reach it.
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::call_settings::{CallSettings, OptimizeBy};
use crate::channel::Channel;
use crate::compliance::{ContactKind, Purpose, Relationship, Subject, Technique};
use crate::enumerations::DialingMode;
use crate::field_error::FieldError;
use crate::treatment::Treatment;

/// The most messages a minute that a group can ask for.
pub const MAX_PER_MINUTE: u32 = 6_000_000;

/// What a profile is for; fixed when it is made, and taken over by templates and groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProfileType {
    /// Calls that agents take.
    Agent,
    /// Calls that a script takes, and agents after it if it hands over to them.
    Ivr,
    /// Text messages.
    Sms,
    /// Email messages.
    Email,
}

impl ProfileType {
    /// The channel of its attempts.
    pub fn channel(self) -> Channel {
        match self {
            ProfileType::Agent | ProfileType::Ivr => Channel::Voice,
            ProfileType::Sms => Channel::Sms,
            ProfileType::Email => Channel::Email,
        }
    }
}

/// How fast and in which order a group works.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Dialing {
    /// Messages a minute, 1 to 6,000,000; the channel account's own limit holds beside it.
    #[schema(minimum = 1, maximum = 600_000)]
    pub messages_per_minute: u32,
    /// Newest contacts first.
    pub lifo: bool,
    /// How calls are paced. Calls for agents: predictive (1, 5) or progressive (2, 4); agents are on the line first in all
    /// of them. Calls that agents look at before: they ask for each record (3), or are offered one whenever they are ready
    /// (8). Calls with a script: by ports (9), ahead of agents (10), or by calls a minute (11).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<DialingMode>,
    /// How long an agent may look at a record before it goes back, seconds; 0 is without end. 60 if not given, in mode 3
    /// without end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 3_600)]
    pub preview_timeout_seconds: Option<u32>,
    /// How long a record rests that an agent looked at and rejected, minutes, 1 to 10,080.
    #[schema(minimum = 1, maximum = 10_080)]
    #[serde(skip_serializing_if = "is_usual_rest")]
    pub preview_again_minutes: u32,
    /// Lines for each ready agent in a progressive mode, 0.1 to 10.
    #[schema(minimum = 0.1, maximum = 10)]
    pub lines_per_agent: f64,
    /// What predictive pacing aims at.
    pub optimize_by: OptimizeBy,
    /// How much of it: percent or seconds; its usual value if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 1000)]
    pub optimize_goal: Option<u32>,
    /// Calls a minute in mode 11, 1 to 60,000.
    #[schema(minimum = 1, maximum = 60_000)]
    #[serde(skip_serializing_if = "is_usual_calls")]
    pub calls_per_minute: u32,
    /// Calls at once, 1 to 10,000.
    #[schema(minimum = 1, maximum = 10_000)]
    pub max_ports: u32,
}

/// Calls a minute of whom names none.
const CALLS_PER_MINUTE: u32 = 60;

fn is_usual_calls(calls: &u32) -> bool {
    *calls == CALLS_PER_MINUTE
}

/// How long a rejected record rests where nobody says so, minutes.
const PREVIEW_AGAIN_MINUTES: u32 = 30;
/// How long an agent may look at a record that was offered, where nobody says so, seconds.
const PREVIEW_SECONDS: u32 = 60;

fn is_usual_rest(minutes: &u32) -> bool {
    *minutes == PREVIEW_AGAIN_MINUTES
}

/// The modes of calls that agents look at before.
const PREVIEW_MODES: [DialingMode; 2] = [DialingMode::Preview, DialingMode::PushPreview];
/// The modes of calls for agents. They may change while a group is loaded.
const AGENT_MODES: [DialingMode; 4] =
    [DialingMode::Predict, DialingMode::Progress, DialingMode::ProgressAndSeize, DialingMode::PredictAndSeize];
/// The modes of calls with a script.
const SCRIPT_MODES: [DialingMode; 3] = [DialingMode::ProgressGvp, DialingMode::PredictGvp, DialingMode::PowerGvp];

impl Dialing {
    /// Whether a group that is loaded may go from this pace to another: not where the mode is of another kind.
    pub fn may_become(&self, other: &Self) -> bool {
        let mode = |dialing: &Self| dialing.mode.filter(|mode| !AGENT_MODES.contains(mode));
        mode(self) == mode(other)
    }

    /// How agents come to look at records before these are called, if they do.
    pub fn preview(&self) -> Option<PreviewKind> {
        match self.mode {
            Some(DialingMode::Preview) => Some(PreviewKind::Pull),
            Some(DialingMode::PushPreview) => Some(PreviewKind::Push),
            _ => None,
        }
    }

    /// How long an agent may look at a record that was asked for, or offered unasked; none is without end.
    pub fn preview_seconds(&self, is_asked: bool) -> Option<u32> {
        let usual = if is_asked { 0 } else { PREVIEW_SECONDS };
        Some(self.preview_timeout_seconds.unwrap_or(usual)).filter(|seconds| *seconds > 0)
    }

    fn problems(&self, at: &str) -> Vec<FieldError> {
        let is_known = |mode| [&AGENT_MODES[..], &PREVIEW_MODES, &SCRIPT_MODES].iter().any(|of| of.contains(&mode));
        let look = self.preview_timeout_seconds.is_none_or(|seconds| seconds <= 3_600);
        let goal = self.optimize_goal.is_none_or(|goal| goal <= self.optimize_by.most());
        let checks = [
            (
                (1..=MAX_PER_MINUTE).contains(&self.messages_per_minute),
                "messagesPerMinute",
                "messages a minute are 1 to 6,000,000",
            ),
            (self.mode.is_none_or(is_known), "mode", "calls are paced by mode 1, 2, 3, 4, 5, 8, 9, 10 or 11"),
            (look, "previewTimeoutSeconds", "an agent looks at a record for 3600 seconds at most, or without end (0)"),
            (
                (1..=10_080).contains(&self.preview_again_minutes),
                "previewAgainMinutes",
                "a rejected record rests for 1 to 10,080 minutes",
            ),
            ((1..=60_000).contains(&self.calls_per_minute), "callsPerMinute", "calls a minute are 1 to 60,000"),
            ((0.1..=10.0).contains(&self.lines_per_agent), "linesPerAgent", "lines per agent are 0.1 to 10"),
            (goal, "optimizeGoal", "a goal is 0 to 100 percent, or 0 to 1000 seconds"),
            ((1..=10_000).contains(&self.max_ports), "maxPorts", "ports are 1 to 10,000"),
        ];
        let wrong = checks.into_iter().filter(|(holds, ..)| !holds);
        wrong.map(|(_, member, detail)| FieldError::new(format!("{at}/{member}"), "out_of_range", detail)).collect()
    }
}

impl Default for Dialing {
    fn default() -> Self {
        Self {
            messages_per_minute: 6_000,
            lifo: false,
            mode: None,
            preview_timeout_seconds: None,
            preview_again_minutes: PREVIEW_AGAIN_MINUTES,
            lines_per_agent: 1.0,
            optimize_by: OptimizeBy::default(),
            optimize_goal: None,
            calls_per_minute: CALLS_PER_MINUTE,
            max_ports: 100,
        }
    }
}

/// How agents come to look at records before these are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreviewKind {
    /// They ask for each.
    Pull,
    /// They are offered one whenever they are ready.
    Push,
}

/// How two contacts of a group are recognised as one person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Dedupe {
    /// By the device that would be tried first: it is contacted once, whatever lists it stands in.
    #[default]
    Device,
    /// Not at all.
    None,
}

/// What the attempts of a campaign are for and whom they meet: what decides which legal rules hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CampaignCompliance {
    /// Why people are contacted. Left out, what the class of the content says: marketing is telemarketing,
    /// transactional is informational.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<Purpose>,
    /// How they are contacted.
    #[serde(alias = "technique")]
    pub tech: Technique,
    /// As whom they are met.
    pub contact_kind: ContactKind,
    /// What binds them to the one who calls.
    pub relationship: Relationship,
    /// What it is about. Opt-outs and consents may be for one topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    pub topic: Option<String>,
    /// On behalf of which brand. Opt-outs and consents may be for one brand.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    pub brand: Option<String>,
    /// The debt collector for whom it is made; without one it is the creditor's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    pub collector: Option<String>,
}

impl CampaignCompliance {
    /// The purpose: the one that is given, else what the class of the content says. A class that is not known is sales.
    pub fn purpose_with(&self, content_class: Option<&str>) -> Purpose {
        self.purpose.unwrap_or(match content_class {
            Some("transactional") => Purpose::Informational,
            _ => Purpose::Telemarketing,
        })
    }

    /// The subject of its attempts, but for what differs from device to device. `hash` makes the key of a collector.
    pub fn subject(&self, content_class: Option<&str>, hash: impl FnOnce(&str) -> i64) -> Subject {
        Subject {
            purpose: self.purpose_with(content_class),
            tech: self.tech,
            contact_kind: self.contact_kind,
            relationship: self.relationship,
            collector: self.collector.as_deref().map(|name| hash(name.trim())),
            topic: self.topic.as_deref().map(Into::into),
            brand: self.brand.as_deref().map(Into::into),
            ..Subject::UNSPECIFIED
        }
    }

    fn problems(&self, at: &str) -> Vec<FieldError> {
        let named = [("topic", &self.topic), ("brand", &self.brand), ("collector", &self.collector)];
        let is_wrong =
            |text: &str| text.trim().is_empty() || text.chars().count() > 64 || text.contains(char::is_control);
        let wrong = named.into_iter().filter(|(_, text)| text.as_deref().is_some_and(is_wrong));
        wrong
            .map(|(name, _)| {
                FieldError::new(format!("{at}/{name}"), "text", format!("a {name} has 1 to 64 characters"))
            })
            .collect()
    }
}

/// Settings that a profile, a template and a group share.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CampaignSettings {
    /// Pace and order.
    pub dialing: Dialing,
    /// What follows a result.
    pub treatment: Treatment,
    /// The content to send.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<Uuid>,
    /// Suppression lists that hold beside the required ones.
    pub suppression_lists: Vec<Uuid>,
    /// Compliance rules that hold beside the required ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Uuid>,
    /// How one person in several lists is recognised.
    pub dedupe: Dedupe,
    /// Groups whose reached contacts are left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude_reached_by: Vec<Uuid>,
    /// What the attempts are for and whom they meet.
    pub compliance: CampaignCompliance,
    /// How calls are made, and who takes them.
    #[serde(skip_serializing_if = "CallSettings::is_default")]
    pub calls: CallSettings,
}

impl CampaignSettings {
    /// The subject of its attempts. A script speaks with a recorded voice, whatever else is said.
    pub fn subject(&self, content_class: Option<&str>, hash: impl FnOnce(&str) -> i64) -> Subject {
        let subject = self.compliance.subject(content_class, hash);
        let tech = match subject.tech {
            Technique::Live | Technique::Autodialed if self.calls.script.is_some() => Technique::Prerecorded,
            tech => tech,
        };
        Subject { tech, ..subject }
    }

    /// What does not fit a type of profile, with pointers below `at`.
    pub fn type_problems(&self, kind: ProfileType, at: &str) -> Vec<FieldError> {
        let mut problems = Vec::new();
        let mut must = |holds: bool, member: &str, code: &'static str, detail: &str| {
            if !holds {
                problems.push(FieldError::new(format!("{at}/{member}"), code, detail));
            }
        };
        let mode = self.dialing.mode;
        let is_one_of = |modes: &[DialingMode]| mode.is_none_or(|mode| modes.contains(&mode));
        match (kind, &self.calls.script) {
            (ProfileType::Ivr, None) => {
                must(false, "calls/script", "required", "a campaign of the type ivr has a script");
            }
            (ProfileType::Ivr, Some(script)) => {
                must(
                    is_one_of(&SCRIPT_MODES),
                    "dialing/mode",
                    "not_applicable",
                    "a script is paced by mode 9, 10 or 11",
                );
                let fits = mode != Some(DialingMode::PowerGvp) || !script.has_transfer();
                let detail = "calls a minute (11) know no agents: take mode 9 or 10 for a script that transfers";
                must(fits, "dialing/mode", "not_applicable", detail);
            }
            (_, Some(_)) => must(false, "calls/script", "not_applicable", "only of the type ivr"),
            (ProfileType::Agent, None) => {
                let fits = is_one_of(&AGENT_MODES) || is_one_of(&PREVIEW_MODES);
                let detail = "calls for agents are paced by mode 1, 2, 3, 4, 5 or 8";
                must(fits, "dialing/mode", "not_applicable", detail);
                let looked_at = self.dialing.preview().is_some();
                let fits = !looked_at || self.calls.agents.is_empty();
                must(fits, "calls/agents", "not_applicable", "only people look at records before they are called");
            }
            (ProfileType::Sms | ProfileType::Email, None) => (),
        }
        problems
    }

    /// What is wrong, with pointers below `at`.
    pub fn problems(&self, at: &str) -> Vec<FieldError> {
        let mut problems = self.dialing.problems(&format!("{at}/dialing"));
        problems.extend(self.calls.problems(&format!("{at}/calls")));
        if self.suppression_lists.len() > 100 {
            problems.push(FieldError::new(
                format!("{at}/suppressionLists"),
                "too_many",
                "a group has at most 100 suppression lists",
            ));
        }
        problems.extend(self.compliance.problems(&format!("{at}/compliance")));
        let treatment = format!("{at}/treatment");
        problems.extend(self.treatment.validate().into_iter().map(|e| e.under(&treatment)));
        problems
    }
}

/// A reusable set of campaign settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DialingProfileBody {
    /// What it is for.
    #[serde(rename = "type")]
    pub kind: ProfileType,
    /// Taken where no other profile is named.
    #[serde(default)]
    pub is_default: bool,
    /// The settings that templates copy.
    #[serde(default)]
    pub settings: CampaignSettings,
}

/// References to the infrastructure that carries a campaign.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SessionProfileBody {
    /// Taken where no other profile is named.
    #[serde(default)]
    pub is_default: bool,
    /// The channel account that messages leave by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Uuid>,
}

/// A named copy of a dialing profile, with its session profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CampaignTemplateBody {
    /// The profile that was copied.
    pub dialing_profile: Uuid,
    /// Where the channel account comes from.
    pub session_profile: Uuid,
    /// Left out when the template is made, they are copied from the profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<CampaignSettings>,
    /// The version of the profile that was copied.
    #[serde(default)]
    pub source_version: i64,
}

/// The runnable object: a template at work on weighted lists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CampaignGroupBody {
    /// The template that was copied.
    pub template: Uuid,
    /// Left out when the group is made, they are copied from the template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<CampaignSettings>,
    /// Another channel account than the session profile's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Uuid>,
    /// Stop by itself when nothing is left to do.
    #[serde(default = "yes")]
    pub auto_complete: bool,
    /// The version of the template that was copied.
    #[serde(default)]
    pub source_version: i64,
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_purpose_is_the_one_given_else_that_of_the_content() {
        let silent = CampaignCompliance::default();
        assert_eq!(silent.purpose_with(Some("marketing")), Purpose::Telemarketing);
        assert_eq!(silent.purpose_with(Some("transactional")), Purpose::Informational);
        assert_eq!(silent.purpose_with(None), Purpose::Telemarketing, "nothing known is the strictest");
        let survey = CampaignCompliance { purpose: Some(Purpose::Survey), ..silent };
        assert_eq!(survey.purpose_with(Some("marketing")), Purpose::Survey);
    }

    fn with_script(mode: Option<DialingMode>, step: &str) -> CampaignSettings {
        let script = serde_json::from_str(&format!(r#"{{"start": "a", "steps": {{"a": {{"type": "{step}"}}}}}}"#));
        let calls = CallSettings { script: Some(script.unwrap()), ..CallSettings::default() };
        CampaignSettings { dialing: Dialing { mode, ..Dialing::default() }, calls, ..CampaignSettings::default() }
    }

    #[test]
    fn a_type_has_its_own_modes_and_a_script_is_a_recorded_voice() {
        let pointers = |settings: &CampaignSettings, kind| {
            let found = settings.type_problems(kind, "/s");
            found.into_iter().map(|problem| problem.pointer).collect::<Vec<_>>()
        };
        let power = Some(DialingMode::PowerGvp);
        let none: [&str; 0] = [];
        assert_eq!(pointers(&with_script(power, "hang_up"), ProfileType::Ivr), none);
        assert_eq!(pointers(&with_script(power, "transfer"), ProfileType::Ivr), ["/s/dialing/mode"]);
        assert_eq!(pointers(&with_script(None, "transfer"), ProfileType::Ivr), none);
        assert_eq!(
            pointers(&with_script(Some(DialingMode::Predict), "hang_up"), ProfileType::Ivr),
            ["/s/dialing/mode"]
        );
        assert_eq!(pointers(&with_script(None, "hang_up"), ProfileType::Agent), ["/s/calls/script"]);
        let plain = CampaignSettings::default();
        assert_eq!(pointers(&plain, ProfileType::Ivr), ["/s/calls/script"]);
        assert_eq!((pointers(&plain, ProfileType::Agent).len(), pointers(&plain, ProfileType::Sms).len()), (0, 0));

        assert_eq!(with_script(None, "hang_up").subject(None, |_| 0).tech, Technique::Prerecorded);
        assert_eq!(plain.subject(None, |_| 0).tech, Technique::Autodialed);
    }

    #[test]
    fn predictive_and_progressive_change_live_and_modes_of_scripts_do_not() {
        let by = |mode| Dialing { mode, ..Dialing::default() };
        let may = |from, to| by(Some(from)).may_become(&by(Some(to)));
        assert!(
            may(DialingMode::Predict, DialingMode::Progress)
                && may(DialingMode::ProgressAndSeize, DialingMode::Predict)
        );
        assert!(by(None).may_become(&by(Some(DialingMode::Progress))));
        assert!(!may(DialingMode::ProgressGvp, DialingMode::PowerGvp));
        assert!(!by(None).may_become(&by(Some(DialingMode::PowerGvp))));
        assert!(may(DialingMode::PowerGvp, DialingMode::PowerGvp));
    }

    #[test]
    fn records_are_looked_at_by_people_and_in_modes_of_their_own() {
        let by = |mode| Dialing { mode: Some(mode), ..Dialing::default() };
        let (pull, push) = (by(DialingMode::Preview), by(DialingMode::PushPreview));
        assert_eq!((pull.preview(), push.preview()), (Some(PreviewKind::Pull), Some(PreviewKind::Push)));
        assert!(!pull.may_become(&push) && !by(DialingMode::Predict).may_become(&push));
        assert_eq!((pull.preview_seconds(true), pull.preview_seconds(false)), (None, Some(60)));
        let hurried = Dialing { preview_timeout_seconds: Some(20), ..pull.clone() };
        assert_eq!(hurried.preview_seconds(true), Some(20));
        assert_eq!(Dialing { preview_timeout_seconds: Some(3_601), ..pull.clone() }.problems("").len(), 1);
        let phones = CallSettings { agents: vec!["sip:ann@h".into()], ..CallSettings::default() };
        let settings = CampaignSettings { dialing: pull, calls: phones, ..CampaignSettings::default() };
        assert_eq!(settings.type_problems(ProfileType::Agent, "/s")[0].pointer, "/s/calls/agents");
    }

    #[test]
    fn settings_without_compliance_are_read_as_before() {
        let settings: CampaignSettings = serde_json::from_str(r#"{"dedupe":"none"}"#).unwrap();
        assert_eq!(settings.compliance, CampaignCompliance::default());
        assert_eq!(settings.compliance.tech, Technique::Autodialed);
        let named = CampaignCompliance { topic: Some(" ".into()), ..CampaignCompliance::default() };
        assert_eq!(named.problems("/settings/compliance")[0].pointer, "/settings/compliance/topic");
    }
}

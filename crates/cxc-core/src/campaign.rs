//! The documents by which a campaign is described: profiles, templates, groups.
//! Values are copied downward when a child is made; a later change of the parent does not reach it.
mod dialing;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::call_script::ScriptClass;
use crate::call_settings::CallSettings;
use crate::channel::Channel;
use crate::compliance::{ContactKind, Purpose, Relationship, Subject, Technique};
use crate::enumerations::DialingMode;
use crate::field_error::FieldError;
use crate::treatment::Treatment;
use dialing::{AGENT_MODES, PREVIEW_MODES, SCRIPT_MODES};
pub use dialing::{Dialing, MAX_PER_MINUTE, PreviewKind};

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

/// The class of contents and scripts that sell nothing.
const TRANSACTIONAL: &str = "transactional";

/// What the attempts of a campaign are for and whom they meet: what decides which legal rules hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CampaignCompliance {
    /// Why people are contacted. Left out, what the class of the content (of calls, of the script) says: marketing is
    /// telemarketing, transactional is informational. What is marketing goes with no other purpose than telemarketing.
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
    /// The purpose: the one that is given, else what the class of the content says. What sells is for sale whatever is
    /// given, and a class that is not known sells.
    pub fn purpose_with(&self, content_class: Option<&str>) -> Purpose {
        match content_class {
            None => self.purpose.unwrap_or_default(),
            Some(TRANSACTIONAL) => self.purpose.unwrap_or(Purpose::Informational),
            Some(_) => Purpose::Telemarketing,
        }
    }

    /// Why what has this class can't go out for the purpose that is given; nothing where it can.
    pub fn clash(&self, content_class: Option<&str>) -> Option<String> {
        let given = self.purpose.filter(|purpose| *purpose != Purpose::Telemarketing)?.as_str();
        let sells = content_class.is_some_and(|class| class != TRANSACTIONAL);
        let detail = format!(
            "what is sent has the class marketing, which goes by the rules of telemarketing, and the purpose is {given}: \
             leave the purpose out, or give the class transactional to what sells nothing"
        );
        sells.then_some(detail)
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
    /// The class of what is said: of a script, else of the content.
    fn class<'a>(&self, content_class: Option<&'a str>) -> Option<&'a str> {
        match &self.calls.script {
            Some(script) => script.class.map(ScriptClass::as_str),
            None => content_class,
        }
    }

    /// Why what is sent can't go out for the purpose that is given; nothing where it can.
    pub fn clash(&self, content_class: Option<&str>) -> Option<String> {
        self.compliance.clash(self.class(content_class))
    }

    /// The subject of its attempts. A script speaks with a recorded voice, whatever else is said.
    pub fn subject(&self, content_class: Option<&str>, hash: impl FnOnce(&str) -> i64) -> Subject {
        let subject = self.compliance.subject(self.class(content_class), hash);
        let tech = match subject.tech {
            Technique::Live | Technique::Autodialed if self.calls.script.is_some() => Technique::Prerecorded,
            // a content is sent to a list by a machine
            Technique::Live if self.content.is_some() => Technique::Autodialed,
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
        let fits = kind.channel() == Channel::Voice || self.compliance.tech != Technique::Live;
        let detail = "messages are sent to a list by a machine: autodialed";
        must(fits, "compliance/tech", "not_applicable", detail);
        // its class would tell the purpose of calls that it is never said in
        let fits = kind.channel() != Channel::Voice || self.content.is_none();
        must(fits, "content", "not_applicable", "calls have no content: agents or a script speak");
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
        // a content is looked up where the settings are stored
        problems.extend(self.clash(None).map(|detail| clash_at(at, detail)));
        let treatment = format!("{at}/treatment");
        problems.extend(self.treatment.validate().into_iter().map(|e| e.under(&treatment)));
        problems
    }
}

/// What a clash of purpose and class is told as, of settings at `at`.
pub fn clash_at(at: &str, detail: String) -> FieldError {
    FieldError::new(format!("{at}/compliance/purpose"), "sells", detail)
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
        assert_eq!(survey.purpose_with(Some("transactional")), Purpose::Survey);
        assert_eq!(survey.purpose_with(None), Purpose::Survey);
    }

    #[test]
    fn what_sells_goes_by_the_rules_of_sales_and_with_no_other_purpose() {
        use Purpose::*;
        for purpose in [Informational, Collections, Survey, Emergency] {
            let named = CampaignCompliance { purpose: Some(purpose), ..CampaignCompliance::default() };
            for class in ["marketing", "of a later program"] {
                assert_eq!(named.purpose_with(Some(class)), Telemarketing, "{purpose:?}");
                assert!(named.clash(Some(class)).is_some_and(|why| why.contains(purpose.as_str())), "{purpose:?}");
            }
            assert!(named.clash(Some("transactional")).is_none() && named.clash(None).is_none(), "{purpose:?}");
        }
        for purpose in [None, Some(Telemarketing)] {
            let sales = CampaignCompliance { purpose, ..CampaignCompliance::default() };
            assert!(sales.clash(Some("marketing")).is_none());
        }
    }

    #[test]
    fn the_class_of_a_script_is_that_of_its_calls() {
        let mut calls = with_script(None, "hang_up");
        calls.compliance.purpose = Some(Purpose::Informational);
        assert_eq!((calls.problems("/s").len(), calls.subject(None, |_| 0).purpose), (0, Purpose::Informational));
        calls.calls.script.as_mut().unwrap().class = Some(ScriptClass::Marketing);
        assert_eq!(calls.problems("/s")[0].pointer, "/s/compliance/purpose");
        assert_eq!(calls.subject(Some("transactional"), |_| 0).purpose, Purpose::Telemarketing);
        calls.calls.script.as_mut().unwrap().class = Some(ScriptClass::Transactional);
        calls.compliance.purpose = None;
        assert_eq!(calls.subject(None, |_| 0).purpose, Purpose::Informational);
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
        let written = CampaignSettings { content: Some(Uuid::nil()), ..plain.clone() };
        assert_eq!(pointers(&written, ProfileType::Agent), ["/s/content"]);
        // a message is sent by no person, whatever is said
        let compliance = CampaignCompliance { tech: Technique::Live, ..CampaignCompliance::default() };
        let live = CampaignSettings { compliance, ..written };
        assert_eq!(pointers(&live, ProfileType::Sms), ["/s/compliance/tech"]);
        assert_eq!(live.subject(None, |_| 0).tech, Technique::Autodialed);
        let calls = CampaignSettings { content: None, ..live };
        assert_eq!((pointers(&calls, ProfileType::Agent).len(), calls.subject(None, |_| 0).tech), (0, Technique::Live));

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

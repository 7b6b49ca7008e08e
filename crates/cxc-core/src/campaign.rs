//! The documents by which a campaign is described: profiles, templates, groups.
//! Values are copied downward when a child is made; a later change of the parent does not reach it.
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::channel::Channel;
use crate::field_error::FieldError;
use crate::treatment::Treatment;

/// The most messages a minute that a group can ask for.
pub const MAX_PER_MINUTE: u32 = 600_000;

/// What a profile is for; fixed when it is made, and taken over by templates and groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProfileType {
    /// Text messages.
    Sms,
    /// Email messages.
    Email,
}

impl ProfileType {
    /// The channel of its attempts.
    pub fn channel(self) -> Channel {
        match self {
            ProfileType::Sms => Channel::Sms,
            ProfileType::Email => Channel::Email,
        }
    }
}

/// How fast and in which order a group works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Dialing {
    /// Messages a minute, 1 to 600,000; the channel account's own limit holds beside it.
    #[schema(minimum = 1, maximum = 600_000)]
    pub messages_per_minute: u32,
    /// Newest contacts first.
    pub lifo: bool,
}

impl Default for Dialing {
    fn default() -> Self {
        Self { messages_per_minute: 6_000, lifo: false }
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
}

impl CampaignSettings {
    /// What is wrong, with pointers below `at`.
    pub fn problems(&self, at: &str) -> Vec<FieldError> {
        let mut problems = Vec::new();
        if !(1..=MAX_PER_MINUTE).contains(&self.dialing.messages_per_minute) {
            problems.push(FieldError::new(
                format!("{at}/dialing/messagesPerMinute"),
                "out_of_range",
                "messages a minute are 1 to 600,000",
            ));
        }
        if self.suppression_lists.len() > 100 {
            problems.push(FieldError::new(
                format!("{at}/suppressionLists"),
                "too_many",
                "a group has at most 100 suppression lists",
            ));
        }
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

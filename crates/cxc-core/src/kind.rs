//! The kinds of documents that people edit, as they are stored and named in references and the audit log.

/// Contact lists.
pub const CONTACT_LIST: &str = "contact_list";
/// Suppression lists.
pub const SUPPRESSION_LIST: &str = "suppression_list";
/// Lists of numbers: national registers and the customer's own.
pub const NUMBER_LIST: &str = "number_list";
/// Sources of number intelligence over HTTP.
pub const NUMBER_SOURCE: &str = "number_source";
/// Selection rules.
pub const SELECTION_RULE: &str = "selection_rule";
/// Label schemas.
pub const LABEL_SCHEMA: &str = "label_schema";
/// Dialing profiles.
pub const DIALING_PROFILE: &str = "dialing_profile";
/// Session profiles.
pub const SESSION_PROFILE: &str = "session_profile";
/// Campaign templates.
pub const CAMPAIGN_TEMPLATE: &str = "campaign_template";
/// Campaign groups.
pub const CAMPAIGN_GROUP: &str = "campaign_group";
/// Users.
pub const USER: &str = "user";
/// Agent groups.
pub const AGENT_GROUP: &str = "agent_group";
/// Disposition codes.
pub const DISPOSITION_CODE: &str = "disposition_code";
/// The numbers that calls display.
pub const CALLER_ID: &str = "caller_id";
/// Prompts: what calls say.
pub const PROMPT: &str = "prompt";
/// Reasons of agents who take no calls.
pub const NOT_READY_REASON: &str = "not_ready_reason";
/// Channel accounts.
pub const CHANNEL_ACCOUNT: &str = "channel_account";
/// Contents.
pub const CONTENT: &str = "content";
/// Contact times.
pub const CONTACT_TIMES: &str = "contact_times";
/// Contact dates.
pub const CONTACT_DATES: &str = "contact_dates";
/// Attempt rules.
pub const ATTEMPT_RULE: &str = "attempt_rule";
/// Location rules.
pub const LOCATION_RULE: &str = "location_rule";
/// Custom rules.
pub const CUSTOM_RULE: &str = "custom_rule";
/// External rules.
pub const EXTERNAL_RULE: &str = "external_rule";
/// Custom time zones.
pub const TIME_ZONE: &str = "time_zone";
/// Decisions on legal rules.
pub const LEGAL_RULE_SETTING: &str = "legal_rule_setting";
/// A tenant's own rules in the legal form.
pub const LEGAL_RULE: &str = "legal_rule";
/// What a tenant decided about consents and opt-outs.
pub const CONSENT_POLICY: &str = "consent_policy";
/// A tenant's own words for stop, help and start.
pub const OPT_OUT_WORDS: &str = "opt_out_words";

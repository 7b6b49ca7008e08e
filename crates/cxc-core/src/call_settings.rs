//! How the calls of a campaign group are made, and whose phones take them.
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::agent_phones::AgentPhones;
use crate::call_media::{self, DetectionSettings, RecordingMode, RecordingSettings};
use crate::call_prompts::CallPrompts;
use crate::call_script::CallScript;
use crate::field_error::FieldError;
use crate::phone_address::phone_problem;

/// The most agents of a group.
const MAX_AGENTS: usize = 1_000;
/// The most numbers that a group displays.
const MAX_CALLER_IDS: usize = 100;

/// What predictive pacing aims at. The limit of abandoned calls holds under every aim.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum OptimizeBy {
    /// As much work as the limit of abandoned calls allows, percent of live answers; the law of the place holds besides.
    #[default]
    OverdialRate,
    /// Agents busy for this share of their time, percent.
    BusyFactor,
    /// Agents idle for so long between two calls, seconds in the mean.
    WaitTime,
}

impl OptimizeBy {
    /// The highest goal.
    pub fn most(self) -> u32 {
        match self {
            OptimizeBy::OverdialRate | OptimizeBy::BusyFactor => 100,
            OptimizeBy::WaitTime => 1_000,
        }
    }

    /// The goal of whom names none.
    pub fn usual(self) -> u32 {
        match self {
            OptimizeBy::OverdialRate => 3,
            OptimizeBy::BusyFactor => 80,
            OptimizeBy::WaitTime => 30,
        }
    }
}

/// Whose limit of abandoned calls holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum AbandonPlace {
    /// United States.
    #[default]
    US,
    /// United Kingdom.
    UK,
    /// Canada.
    CA,
    /// Australia.
    AU,
}

/// How calls are made, and whose phones take them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CallSettings {
    /// The agents who take the calls: they sign in and say themselves when they are ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_group: Option<Uuid>,
    /// Phones without people, as SIP URIs: each is called once, and kept while the group is loaded. It takes calls as soon
    /// as it answers.
    #[schema(max_items = 1_000)]
    pub agents: Vec<String>,
    /// Whether the agents' phones are kept, or called for each call.
    #[serde(skip_serializing_if = "is_usual")]
    pub agent_phones: AgentPhones,
    /// The number that people see, a + and 8 to 15 digits; else the trunk's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller_id: Option<String>,
    /// The numbers that people see, each that of a caller id of the tenant, up to 100. The same person sees the same one, of
    /// their own country if there is one. They take the place of `callerId`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 100)]
    pub caller_ids: Vec<String>,
    /// How long a phone may ring, seconds: 15 to 120. While the limit of abandoned calls holds the pace back, calls may end after
    /// 15.
    #[schema(minimum = 15, maximum = 120)]
    pub max_ring_seconds: u32,
    /// How long an agent has after a call, seconds.
    #[schema(maximum = 3_600)]
    pub wrap_up_seconds: u32,
    /// Agents must say what a call came to: until then, or until the wrap-up runs out, they are not ready again.
    #[serde(skip_serializing_if = "is_usual")]
    pub disposition_required: bool,
    /// How long a person who is to be called again by one agent waits for that agent alone, minutes, 0 to 10,080.
    #[serde(skip_serializing_if = "is_usual_grace")]
    #[schema(maximum = 10_080)]
    pub callback_grace_minutes: u32,
    /// Whose limit of abandoned calls holds.
    pub abandon_policy: AbandonPlace,
    /// How calls are recorded.
    #[serde(skip_serializing_if = "is_usual")]
    pub recording: RecordingSettings,
    /// How answering machines are told from people.
    #[serde(skip_serializing_if = "is_usual")]
    pub detection: DetectionSettings,
    /// Prompts that take the place of those of the configuration.
    #[serde(skip_serializing_if = "is_usual")]
    pub prompts: CallPrompts,
    /// What speaks with people first: campaigns of the type `ivr` have one, others have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script: Option<CallScript>,
}

/// How long a callback waits for its agent alone where nobody says so, minutes.
const CALLBACK_GRACE_MINUTES: u32 = 30;

fn is_usual_grace(minutes: &u32) -> bool {
    *minutes == CALLBACK_GRACE_MINUTES
}

/// Whether nothing was said of a part: documents of before stay as they were.
fn is_usual<T: Default + PartialEq>(part: &T) -> bool {
    *part == T::default()
}

impl Default for CallSettings {
    fn default() -> Self {
        Self {
            agent_group: None,
            agents: Vec::new(),
            agent_phones: AgentPhones::default(),
            caller_id: None,
            caller_ids: Vec::new(),
            max_ring_seconds: 25,
            wrap_up_seconds: 10,
            disposition_required: false,
            callback_grace_minutes: CALLBACK_GRACE_MINUTES,
            abandon_policy: AbandonPlace::US,
            recording: RecordingSettings::default(),
            detection: DetectionSettings::default(),
            prompts: CallPrompts::default(),
            script: None,
        }
    }
}

impl CallSettings {
    /// Whether nothing was said of calls: documents of messages stay as they were.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Whether anybody takes the calls.
    pub fn has_agents(&self) -> bool {
        self.agent_group.is_some() || !self.agents.is_empty()
    }

    /// Whether people may come to an agent: at once, or by a script.
    pub fn needs_agents(&self) -> bool {
        self.script.as_ref().is_none_or(CallScript::has_transfer)
    }

    fn script_problems(&self, at: &str) -> Vec<FieldError> {
        let Some(script) = &self.script else { return Vec::new() };
        let mut problems = script.outbound_problems(&format!("{at}/script"));
        if script.has_record() && self.recording.mode == RecordingMode::Off {
            let detail = "a script that records messages needs the recording mode messages or all";
            problems.push(FieldError::new(format!("{at}/recording/mode"), "required", detail));
        }
        problems
    }

    /// What is wrong, with pointers below `at`.
    pub fn problems(&self, at: &str) -> Vec<FieldError> {
        let mut problems = Vec::new();
        let mut must = |holds: bool, member: &str, code: &'static str, detail: &str| {
            if !holds {
                problems.push(FieldError::new(format!("{at}/{member}"), code, detail));
            }
        };
        must(self.agents.len() <= MAX_AGENTS, "agents", "too_many", "a group has at most 1000 agents");
        for (position, agent) in self.agents.iter().enumerate() {
            let is_first = !self.agents.iter().take(position).any(|before| before == agent);
            let problem = phone_problem(agent).map(|problem| problem.to_string());
            let detail = problem.as_deref().unwrap_or("each phone stands here once");
            must(is_first && problem.is_none(), &format!("agents/{position}"), "bad_phone", detail);
        }
        let caller = self.caller_id.as_deref().is_none_or(is_number);
        must(caller, "callerId", "bad_number", "a caller id is a + and 8 to 15 digits");
        must(self.caller_ids.len() <= MAX_CALLER_IDS, "callerIds", "too_many", "a group has at most 100 caller ids");
        for (position, number) in self.caller_ids.iter().enumerate() {
            let is_first = !self.caller_ids.iter().take(position).any(|before| before == number);
            let detail = "a caller id is a + and 8 to 15 digits, each once";
            must(is_first && is_number(number), &format!("callerIds/{position}"), "bad_number", detail);
        }
        let ring = (15..=120).contains(&self.max_ring_seconds);
        must(ring, "maxRingSeconds", "out_of_range", "a phone rings for 15 to 120 seconds");
        must(self.wrap_up_seconds <= 3_600, "wrapUpSeconds", "out_of_range", "wrap-up takes 0 to 3600 seconds");
        let fits = !self.disposition_required || self.agents.is_empty();
        must(fits, "dispositionRequired", "not_applicable", "only people say what a call came to: name no phones");
        let grace = self.callback_grace_minutes <= 10_080;
        must(grace, "callbackGraceMinutes", "out_of_range", "a callback waits for its agent for 0 to 10,080 minutes");
        let waits_from_answer = self.abandon_policy != AbandonPlace::US;
        problems.extend(call_media::problems(&self.recording, &self.detection, waits_from_answer, at));
        problems.extend(self.agent_phones.problems(&format!("{at}/agentPhones")));
        problems.extend(self.prompts.problems(&format!("{at}/prompts")));
        problems.extend(self.script_problems(at));
        problems
    }
}

/// Whether it is a + and 8 to 15 digits.
pub fn is_number(text: &str) -> bool {
    let Some(digits) = text.strip_prefix('+') else { return false };
    (8..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The host and the port of an agent's phone; nothing for what is no plain `sip:user@host[:port]`, perhaps with its
/// transport. More of the grammar, such as headers and routes in a URI, would say where the call goes behind our back.
pub fn phone_host(uri: &str) -> Option<(&str, u16)> {
    let (user, host) = uri.strip_prefix("sip:")?.split_once('@')?;
    let host = match host.split_once(';') {
        Some((host, _)) => phone_transport(uri).map(|_| host)?,
        None => host,
    };
    let usual = if phone_transport(uri) == Some("tls") { 5061 } else { 5060 };
    let is_word = |text: &str, more: &[u8]| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || more.contains(&byte);
        !text.is_empty() && text.len() <= 128 && text.bytes().all(fits)
    };
    let (host, port) = host.split_once(':').map_or((host, Some(usual)), |(host, port)| (host, port.parse().ok()));
    let port = port.filter(|port| *port > 0)?;
    (is_word(user, b"-_.+") && is_word(host, b"-.")).then_some((host, port))
}

/// How a phone says that it is reached: `udp`, `tcp` or `tls`.
pub fn phone_transport(uri: &str) -> Option<&str> {
    let transport = uri.split_once(';')?.1.strip_prefix("transport=")?;
    matches!(transport, "udp" | "tcp" | "tls").then_some(transport)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agents_phone_is_a_plain_uri() {
        assert_eq!(phone_host("sip:ann@10.0.0.7"), Some(("10.0.0.7", 5060)));
        assert_eq!(phone_host("sip:ann.b+1@desk.example.com:5070"), Some(("desk.example.com", 5070)));
        assert_eq!(phone_host("sip:ann@desk.example.com;transport=tls"), Some(("desk.example.com", 5061)));
        assert_eq!(phone_host("sip:ann@10.0.0.7:5070;transport=tcp"), Some(("10.0.0.7", 5070)));
        assert_eq!(phone_transport("sip:ann@10.0.0.7"), None);
        for bad in [
            "sip:ann@h;transport=ws",
            "sip:ann@h;transport=tls;maddr=1.2.3.4",
            "sip:ann@h;lr;transport=tls",
            "ann@10.0.0.7",
            "sips:ann@10.0.0.7",
            "sip:10.0.0.7",
            "sip:@10.0.0.7",
            "sip:ann@",
            "sip:ann@h:0",
            "sip:ann@h:99999",
            "sip:ann@h;maddr=1.2.3.4",
            "sip:ann@h?Route=%3Csip:x%3E",
            "sip:ann@h\r\nX: y",
            "sip:a@b@c",
        ] {
            assert_eq!(phone_host(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_script_that_records_needs_a_mode_that_does_and_one_without_transfer_needs_no_agents() {
        let script = |way: &str| {
            let text = format!(r#"{{"start": "a", "steps": {{"a": {way}, "b": {{"type": "hang_up"}}}}}}"#);
            Some(serde_json::from_str(&text).unwrap())
        };
        let record = r#"{"type": "record", "prompt": "p", "next": "b", "otherwise": "b"}"#;
        let mut calls = CallSettings { script: script(record), ..CallSettings::default() };
        assert_eq!(calls.problems("/calls")[0].pointer, "/calls/recording/mode");
        assert!(!calls.needs_agents() && CallSettings::default().needs_agents());
        calls.recording.mode = RecordingMode::Messages;
        assert!(calls.problems("/calls").is_empty());
        calls.script = script(r#"{"type": "prompt", "prompt": "p", "next": "c"}"#);
        assert_eq!(calls.problems("/calls")[0].pointer, "/calls/script/steps/a/next");
    }

    #[test]
    fn what_is_wrong_is_pointed_at() {
        let good = CallSettings { agents: vec!["sip:ann@h".into()], ..CallSettings::default() };
        assert!(good.problems("/calls").is_empty());
        let bad = CallSettings {
            agents: vec!["sip:ann@h".into(), "sip:ann@h".into(), "sip:911@h".into(), "sip:+19005550142@h".into()],
            caller_id: Some("911".into()),
            caller_ids: vec!["+12125550100".into(), "+12125550100".into(), "212".into()],
            max_ring_seconds: 14,
            wrap_up_seconds: 3_601,
            agent_phones: AgentPhones { ring_seconds: 4, ..AgentPhones::default() },
            ..good
        };
        let pointers: Vec<String> = bad.problems("/calls").into_iter().map(|p| p.pointer).collect();
        assert_eq!(
            pointers,
            [
                "/calls/agents/1",
                "/calls/agents/2",
                "/calls/agents/3",
                "/calls/callerId",
                "/calls/callerIds/1",
                "/calls/callerIds/2",
                "/calls/maxRingSeconds",
                "/calls/wrapUpSeconds",
                "/calls/agentPhones/ringSeconds"
            ]
        );
    }
}

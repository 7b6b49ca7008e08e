//! Prompts by name: an uploaded one of the tenant, else a file of the folder of the configuration.
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::call_script::CallScript;
use crate::call_settings::CallSettings;
use crate::field_error::FieldError;

/// The most characters of a name.
const NAME_MAX: usize = 64;

/// Prompts that take the place of those of the configuration, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CallPrompts {
    /// What abandoned persons hear; else `voice.abandon_message`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9_-]+$")]
    pub abandoned: Option<String>,
    /// What machines get after their beep; else `voice.machine_message`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9_-]+$")]
    pub machine: Option<String>,
    /// What people hear before they are recorded; else `voice.recording_notice`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9_-]+$")]
    pub recording: Option<String>,
    /// What people hear who wait while they talk; else `voice.hold_prompt`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9_-]+$")]
    pub hold: Option<String>,
}

impl CallPrompts {
    fn named(&self) -> [(&'static str, Option<&str>); 4] {
        [
            ("abandoned", self.abandoned.as_deref()),
            ("machine", self.machine.as_deref()),
            ("recording", self.recording.as_deref()),
            ("hold", self.hold.as_deref()),
        ]
    }

    /// What is wrong, with pointers below `at`.
    pub(crate) fn problems(&self, at: &str) -> Vec<FieldError> {
        let wrong = self.named().into_iter().filter(|(_, name)| name.is_some_and(|name| !is_prompt_name(name)));
        let detail = "a prompt is named by 1 to 64 letters, digits, _ or -";
        wrong.map(|(member, _)| FieldError::new(format!("{at}/{member}"), "bad_name", detail)).collect()
    }
}

impl CallSettings {
    /// The prompts that they name, each once: those of the script, too.
    pub fn prompt_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.script.as_ref().map(CallScript::prompts).unwrap_or_default();
        names.extend(self.prompts.named().into_iter().filter_map(|(_, name)| name));
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// Whether it may be the name of a prompt: 1 to 64 letters, digits, `_` or `-`. So it leads nowhere as the name of a file.
pub fn is_prompt_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prompts_of_settings_are_those_that_they_name_and_those_of_their_script() {
        let script = r#"{"start": "a", "steps": {"a": {"type": "hang_up", "prompt": "bye"}}}"#;
        let prompts =
            CallPrompts { abandoned: Some("sorry".into()), hold: Some("bye".into()), ..CallPrompts::default() };
        let script = serde_json::from_str(script).ok();
        let calls = CallSettings { prompts: prompts.clone(), script, ..CallSettings::default() };
        assert_eq!(calls.prompt_names(), ["bye", "sorry"]);
        assert!(calls.problems("/calls").is_empty());
        let prompts = CallPrompts { machine: Some("../etc".into()), recording: Some(String::new()), ..prompts };
        let bad = CallSettings { prompts, ..calls };
        let pointers: Vec<String> = bad.problems("/calls").into_iter().map(|problem| problem.pointer).collect();
        assert_eq!(pointers, ["/calls/prompts/machine", "/calls/prompts/recording"]);
    }
}

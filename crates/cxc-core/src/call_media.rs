//! What becomes of the audio of calls: whether they are recorded, and how answering machines are told from people.
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::compliance::legal::Parties;
use crate::field_error::FieldError;

/// Which calls are recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordingMode {
    /// None.
    #[default]
    Off,
    /// The messages that a script asks for.
    Messages,
    /// These, and each talk with an agent.
    All,
}

/// When people are told that they are recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Announce {
    /// Where everyone who speaks must agree, and where nobody knows the rule.
    #[default]
    WhereNeeded,
    /// Each time.
    Always,
    /// Never: calls that need it are not recorded.
    Never,
}

/// How calls are recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RecordingSettings {
    /// Which calls.
    pub mode: RecordingMode,
    /// When people are told. They hear the file `voice.recording_notice`, or a prompt of `prompts`; without one, no call that needs it is recorded.
    pub announce: Announce,
    /// Recordings are deleted after so many days, 1 to 3650.
    #[schema(minimum = 1, maximum = 3_650)]
    pub keep_days: u32,
}

impl Default for RecordingSettings {
    fn default() -> Self {
        Self { mode: RecordingMode::Off, announce: Announce::WhereNeeded, keep_days: 90 }
    }
}

/// What is to be done about the recording of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordingDuty {
    /// It is not recorded.
    Leave,
    /// It is recorded.
    Record,
    /// The person is told first.
    Announce,
}

impl RecordingSettings {
    /// What is to be done where these must agree; none where no rule is known.
    pub fn duty(&self, parties: Option<Parties>) -> RecordingDuty {
        let is_needed = parties != Some(Parties::One);
        match (self.mode, self.announce) {
            (RecordingMode::Off, _) => RecordingDuty::Leave,
            (_, Announce::Always) => RecordingDuty::Announce,
            (_, Announce::WhereNeeded) if is_needed => RecordingDuty::Announce,
            (_, Announce::Never) if is_needed => RecordingDuty::Leave,
            _ => RecordingDuty::Record,
        }
    }
}

/// When machines are told from people.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DetectionMode {
    /// Never: a machine counts as a person.
    #[default]
    Off,
    /// While an agent talks: a machine is taken away from the agent.
    Beside,
    /// Before an agent is looked for. Not where people may wait from the answer on only.
    Before,
}

/// What becomes of a machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MachineAction {
    /// The call is ended.
    #[default]
    Drop,
    /// It gets the message `voice.machine_message` after its beep.
    Message,
    /// An agent takes it.
    Connect,
}

/// How answering machines are told from people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct DetectionSettings {
    /// When.
    pub mode: DetectionMode,
    /// What becomes of a machine.
    pub machine: MachineAction,
}

/// What is wrong with either, with pointers below `at`. `waits_from_answer` says that people wait from the answer on.
pub(crate) fn problems(
    recording: &RecordingSettings,
    detection: &DetectionSettings,
    waits_from_answer: bool,
    at: &str,
) -> Vec<FieldError> {
    let mut problems = Vec::new();
    if !(1..=3_650).contains(&recording.keep_days) {
        let detail = "recordings are kept for 1 to 3650 days";
        problems.push(FieldError::new(format!("{at}/recording/keepDays"), "out_of_range", detail));
    }
    if detection.mode == DetectionMode::Before && waits_from_answer {
        let detail = "where people may wait from the answer on, machines are detected beside the talk only";
        problems.push(FieldError::new(format!("{at}/detection/mode"), "not_allowed", detail));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_must_agree_is_told_and_where_nobody_knows_too() {
        let settings = |announce| RecordingSettings { mode: RecordingMode::All, announce, ..Default::default() };
        let duties =
            |announce| [Some(Parties::One), Some(Parties::All), None].map(|parties| settings(announce).duty(parties));
        use RecordingDuty::{Announce as Tell, Leave, Record};
        assert_eq!(duties(Announce::WhereNeeded), [Record, Tell, Tell]);
        assert_eq!(duties(Announce::Always), [Tell, Tell, Tell]);
        assert_eq!(duties(Announce::Never), [Record, Leave, Leave]);
        assert_eq!(RecordingSettings::default().duty(Some(Parties::One)), Leave);
    }

    #[test]
    fn what_is_wrong_is_pointed_at() {
        let recording = RecordingSettings { keep_days: 0, ..RecordingSettings::default() };
        let detection = DetectionSettings { mode: DetectionMode::Before, ..DetectionSettings::default() };
        let pointers = |waits| {
            let found = problems(&recording, &detection, waits, "/calls");
            found.into_iter().map(|problem| problem.pointer).collect::<Vec<_>>()
        };
        assert_eq!(pointers(true), ["/calls/recording/keepDays", "/calls/detection/mode"]);
        assert_eq!(pointers(false), ["/calls/recording/keepDays"]);
    }
}

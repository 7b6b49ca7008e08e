//! How fast and in which order a group works: pace, ports, modes of calls.
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::call_settings::OptimizeBy;
use crate::enumerations::DialingMode;
use crate::field_error::FieldError;

/// The most messages a minute that a group can ask for.
pub const MAX_PER_MINUTE: u32 = 6_000_000;

/// How fast and in which order a group works.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Dialing {
    /// Messages a minute, 1 to 6,000,000; the channel account's own limit holds beside it.
    #[schema(minimum = 1, maximum = 6_000_000)]
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
pub(super) const PREVIEW_MODES: [DialingMode; 2] = [DialingMode::Preview, DialingMode::PushPreview];
/// The modes of calls for agents. They may change while a group is loaded.
pub(super) const AGENT_MODES: [DialingMode; 4] =
    [DialingMode::Predict, DialingMode::Progress, DialingMode::ProgressAndSeize, DialingMode::PredictAndSeize];
/// The modes of calls with a script.
pub(super) const SCRIPT_MODES: [DialingMode; 3] =
    [DialingMode::ProgressGvp, DialingMode::PredictGvp, DialingMode::PowerGvp];

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

    pub(super) fn problems(&self, at: &str) -> Vec<FieldError> {
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

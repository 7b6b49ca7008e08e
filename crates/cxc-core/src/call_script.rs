//! What a call says and asks by itself: steps by name, one after the other.
mod check;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::enumerations::CallResult;

/// The most steps of a script.
pub const MAX_STEPS: usize = 50;
/// The most choices of a step.
pub const MAX_CHOICES: usize = 30;
/// The most digits of an entry.
pub const MAX_DIGITS: u8 = 20;

/// What a call says and asks by itself, from the answer on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CallScript {
    /// The step that comes first.
    pub start: String,
    /// The steps, 1 to 50, by name: 1 to 32 letters, digits, `_` or `-`. Each can be reached from the first.
    pub steps: BTreeMap<String, ScriptStep>,
    /// How long a call may be in its script, seconds, 10 to 1800.
    #[serde(default = "usual_seconds")]
    #[schema(minimum = 10, maximum = 1_800)]
    pub max_seconds: u32,
    /// What it says is for: no program hears what a prompt says. One that sells has the purpose telemarketing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub class: Option<ScriptClass>,
}

/// What a script is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScriptClass {
    /// It sells or advertises, if only among other things.
    Marketing,
    /// About a matter that the person is party to.
    Transactional,
}

impl ScriptClass {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Marketing => "marketing",
            Self::Transactional => "transactional",
        }
    }
}

fn usual_seconds() -> u32 {
    300
}

/// A step of a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum ScriptStep {
    /// Plays a prompt.
    Prompt {
        /// Its name.
        prompt: String,
        /// The step after it.
        next: String,
    },
    /// Plays a prompt and takes the digits that the person presses, also while it plays.
    Gather(GatherStep),
    /// Goes on by digits that were taken before.
    Branch {
        /// The gather step that took them.
        of: String,
        /// The step for each entry.
        choices: BTreeMap<String, String>,
        /// The step for all others.
        otherwise: String,
    },
    /// Connects the person with an agent.
    Transfer {},
    /// The person wants no more calls: that is written before the script goes on.
    OptOut {
        /// The step after that.
        next: String,
        /// The step if it can't be written within five seconds. It is tried further, and the record is done.
        otherwise: String,
    },
    /// The person wants to be called back: that is arranged before the script goes on. Only in scripts of calls that come in.
    CallBack {
        /// The step after that.
        next: String,
        /// The step if it can't be arranged: nobody knows why they called, or it can't be written within five seconds.
        otherwise: String,
    },
    /// An agent of the group that calls by this number takes the call; the person waits until then. Only in scripts of calls
    /// that come in.
    Agent {
        /// What the person hears meanwhile, again and again; else what people hear who are on hold.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        prompt: Option<String>,
        /// How long they wait, seconds, 5 to 1800.
        #[serde(default = "usual_wait")]
        #[schema(minimum = 5, maximum = 1_800)]
        max_seconds: u32,
        /// The step if no agent came in that time, or none can come: no such group is loaded.
        otherwise: String,
    },
    /// Plays a prompt and records what the person says then, until a key, or until the time is over.
    Record {
        /// What asks for the message.
        prompt: String,
        /// How long it may be, seconds, 1 to 300.
        #[serde(default = "usual_message")]
        #[schema(minimum = 1, maximum = 300)]
        max_seconds: u32,
        /// The step after it.
        next: String,
        /// The step where the call may not be recorded.
        otherwise: String,
    },
    /// Ends the call.
    HangUp {
        /// What the person hears before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        prompt: Option<String>,
        /// The result of the call: Ok, AnsweringMachine, WrongParty or WrongNumber.
        #[serde(default = "usual_result")]
        result: CallResult,
        /// The disposition that is kept with the attempt; retry rules may be for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9_-]+$")]
        disposition: Option<String>,
    },
}

fn usual_wait() -> u32 {
    60
}

fn usual_message() -> u32 {
    60
}

fn usual_result() -> CallResult {
    CallResult::Ok
}

/// A step that takes digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GatherStep {
    /// What is asked.
    pub prompt: String,
    /// The fewest digits of an entry, 1 to 20.
    #[serde(default = "one")]
    #[schema(minimum = 1, maximum = 20)]
    pub min_digits: u8,
    /// The most, 1 to 20. An entry ends with the last of them, with `#`, or with the time.
    #[serde(default = "one")]
    #[schema(minimum = 1, maximum = 20)]
    pub max_digits: u8,
    /// How long the next digit is waited for, seconds, 1 to 30.
    #[serde(default = "usual_timeout")]
    #[schema(minimum = 1, maximum = 30)]
    pub timeout_seconds: u32,
    /// How often it is asked again after nothing or something else was pressed, 0 to 5.
    #[serde(default = "usual_retries")]
    #[schema(maximum = 5)]
    pub retries: u8,
    /// What the person hears first when it is asked again after an entry that does not fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalid: Option<String>,
    /// The step for each entry. Without choices every entry fits, and `next` says how it goes on.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub choices: BTreeMap<String, String>,
    /// The step after an entry, where there are no choices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The step if nothing fitted.
    pub otherwise: String,
}

fn one() -> u8 {
    1
}

fn usual_timeout() -> u32 {
    5
}

fn usual_retries() -> u8 {
    2
}

impl GatherStep {
    /// The step for an entry; none if it does not fit.
    pub fn step_for(&self, digits: &str) -> Option<&String> {
        if digits.len() < usize::from(self.min_digits) {
            return None;
        }
        self.choices.get(digits).or(self.next.as_ref())
    }
}

impl CallScript {
    /// Whether it may connect people with agents.
    pub fn has_transfer(&self) -> bool {
        self.steps.values().any(|step| matches!(step, ScriptStep::Transfer {}))
    }

    /// Whether it may record messages.
    pub fn has_record(&self) -> bool {
        self.steps.values().any(|step| matches!(step, ScriptStep::Record { .. }))
    }

    /// The prompts that it plays, each once.
    pub fn prompts(&self) -> Vec<&str> {
        let mut prompts: Vec<&str> = self.steps.values().flat_map(ScriptStep::prompts).map(String::as_str).collect();
        prompts.sort_unstable();
        prompts.dedup();
        prompts
    }
}

impl ScriptStep {
    /// The prompts that it plays.
    fn prompts(&self) -> Vec<&String> {
        match self {
            Self::Prompt { prompt, .. } | Self::Record { prompt, .. } => vec![prompt],
            Self::Gather(gather) => std::iter::once(&gather.prompt).chain(&gather.invalid).collect(),
            Self::HangUp { prompt, .. } | Self::Agent { prompt, .. } => prompt.iter().collect(),
            Self::Branch { .. } | Self::Transfer {} | Self::OptOut { .. } | Self::CallBack { .. } => Vec::new(),
        }
    }

    /// The steps that may follow, with the members that name them.
    fn ways(&self) -> Vec<(String, &String)> {
        let named = |member: &str, step| (member.to_owned(), step);
        match self {
            Self::Prompt { next, .. } => vec![named("next", next)],
            Self::Gather(GatherStep { choices, next, otherwise, .. }) => {
                let next = next.iter().map(|next| named("next", next));
                chosen(choices).chain(next).chain([named("otherwise", otherwise)]).collect()
            }
            Self::Branch { choices, otherwise, .. } => chosen(choices).chain([named("otherwise", otherwise)]).collect(),
            Self::OptOut { next, otherwise }
            | Self::CallBack { next, otherwise }
            | Self::Record { next, otherwise, .. } => {
                vec![named("next", next), named("otherwise", otherwise)]
            }
            Self::Agent { otherwise, .. } => vec![named("otherwise", otherwise)],
            Self::Transfer {} | Self::HangUp { .. } => Vec::new(),
        }
    }
}

/// The steps for entries, with their pointers.
fn chosen(choices: &BTreeMap<String, String>) -> impl Iterator<Item = (String, &String)> {
    let pointer = |digits: &String| format!("choices/{}", digits.replace('~', "~0").replace('/', "~1"));
    choices.iter().map(move |(digits, step)| (pointer(digits), step))
}

//! What the calls of a group say, and whether all of it is there.
use cxc_core::call_settings::CallSettings;
use cxc_sip::engine::Sounds;
use cxc_store::prompt::SpokenPrompt;

use super::prompts::NoPrompt;
use crate::sender::GroupPlan;

/// What a loaded group says.
pub struct Speech {
    /// As they were when it was loaded: what they name is what it plays.
    calls: CallSettings,
    /// What was uploaded of it when it was last read.
    read: Option<Vec<SpokenPrompt>>,
    /// A prompt is not there: it calls nobody until that is uploaded, or it is loaded anew.
    pub is_missing: bool,
}

impl Speech {
    /// Nothing was read yet.
    pub fn of(calls: &CallSettings) -> Self {
        Self { calls: calls.clone(), read: None, is_missing: false }
    }

    fn uploaded(&self, plan: &GroupPlan) -> Vec<SpokenPrompt> {
        let names = self.calls.prompt_names();
        plan.prompts.iter().filter(|prompt| names.contains(&prompt.name.as_str())).cloned().collect()
    }

    /// Whose prompts are to be read, if they are others now.
    pub fn changed(&self, plan: &GroupPlan) -> Option<CallSettings> {
        (self.read.as_ref() != Some(&self.uploaded(plan))).then(|| self.calls.clone())
    }

    /// Takes what was read; none where a prompt is missing. An error says why it can't be known: it is asked again.
    pub fn take(&mut self, plan: &GroupPlan, read: Result<Sounds, NoPrompt>) -> Result<Option<Sounds>, String> {
        let sounds = match read {
            Ok(sounds) => Some(sounds),
            Err(NoPrompt::Store(error)) => return Err(error.to_string()),
            Err(missing) => {
                tracing::error!(group = plan.number, reason = %missing, "a group can't speak: it calls nobody");
                None
            }
        };
        self.read = Some(self.uploaded(plan));
        self.is_missing = sounds.is_none();
        Ok(sounds)
    }
}

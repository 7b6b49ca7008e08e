//! Prompts by name: an uploaded one of the tenant, else a WAV file of the folder `voice.prompts`.
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cxc_core::call_script::CallScript;
use cxc_core::call_settings::CallSettings;
use cxc_server::App;
use cxc_sip::engine::Sounds;
use cxc_sip::media::Prompt;
use cxc_store::StoreError;
use cxc_store::prompt::SpokenPrompt;
use uuid::Uuid;

use super::CallKit;

/// Larger files are no prompts.
const LARGEST: u64 = 64 << 20;
/// Uploaded prompts are kept ready up to so many bytes.
const KEPT: usize = 64 << 20;

/// Why a call can't speak.
#[derive(Debug, thiserror::Error)]
pub enum NoPrompt {
    /// Nothing was uploaded by that name, and there is no folder.
    #[error("the prompt {0}: nobody uploaded it, and there is no folder of prompts: voice.prompts")]
    NoFolder(String),
    /// One of them is not there, or is no prompt.
    #[error("the prompt {0}: {1}")]
    Unusable(String, String),
    /// What was uploaded can't be read now.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Uploaded prompts that were read, with the versions of their audio.
#[derive(Debug, Default)]
pub struct PromptShelf(Mutex<HashMap<Uuid, (i64, Prompt)>>);

impl PromptShelf {
    fn get(&self, id: Uuid, version: i64) -> Option<Prompt> {
        self.lock().get(&id).filter(|(known, _)| *known == version).map(|(_, prompt)| prompt.clone())
    }

    fn put(&self, id: Uuid, version: i64, prompt: &Prompt) {
        let mut shelf = self.lock();
        let full: usize = shelf.values().map(|(_, prompt)| prompt.size()).sum();
        // what is needed is read again
        if full + prompt.size() > KEPT {
            shelf.clear();
        }
        shelf.insert(id, (version, prompt.clone()));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, (i64, Prompt)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the calls of these settings play; what they do not name is that of the configuration.
pub async fn read_sounds(app: &App, kit: &CallKit, tenant: i64, calls: &CallSettings) -> Result<Sounds, NoPrompt> {
    let mut prompts = read_prompts(app, kit, tenant, &calls.prompt_names()).await?;
    let named = |name: &Option<String>, usual: &Option<Prompt>| match name.as_ref().and_then(|name| prompts.get(name)) {
        Some(prompt) => Some(prompt.clone()),
        None => usual.clone(),
    };
    let (message, machine) = (&calls.prompts.abandoned, &calls.prompts.machine);
    let sounds = Sounds {
        message: named(message, &kit.message),
        machine_message: named(machine, &kit.machine_message),
        recording_notice: named(&calls.prompts.recording, &kit.recording_notice),
        hold_prompt: named(&calls.prompts.hold, &kit.hold_prompt),
        prompts: HashMap::new(),
    };
    let of_script = calls.script.as_ref().map(CallScript::prompts).unwrap_or_default();
    prompts.retain(|name, _| of_script.contains(&name.as_str()));
    Ok(Sounds { prompts, ..sounds })
}

/// What calls without settings of their own play.
pub fn usual_sounds(kit: &CallKit) -> Sounds {
    Sounds {
        message: kit.message.clone(),
        machine_message: kit.machine_message.clone(),
        recording_notice: kit.recording_notice.clone(),
        hold_prompt: kit.hold_prompt.clone(),
        prompts: HashMap::new(),
    }
}

/// Reads prompts by their names. These were checked with the document that names them: they lead nowhere else.
pub async fn read_prompts(
    app: &App,
    kit: &CallKit,
    tenant: i64,
    names: &[&str],
) -> Result<HashMap<String, Prompt>, NoPrompt> {
    let (mut found, mut files) = (HashMap::new(), Vec::new());
    if names.is_empty() {
        return Ok(found);
    }
    let spoken = app.db.read().await?.prompts_spoken(tenant).await?;
    for name in names {
        match spoken.iter().find(|prompt| prompt.name == *name) {
            Some(uploaded) => {
                let prompt = read_uploaded(app, kit, tenant, uploaded).await?;
                found.insert((*name).to_owned(), prompt);
            }
            None => files.push((*name).to_owned()),
        }
    }
    if let Some(first) = files.first() {
        let folder = kit.prompts.clone().ok_or_else(|| NoPrompt::NoFolder(first.clone()))?;
        let read =
            move || files.into_iter().map(|name| read_file(&folder, &name).map(|prompt| (name, prompt))).collect();
        found.extend(beside::<Vec<_>>(read).await?);
    }
    Ok(found)
}

async fn read_uploaded(app: &App, kit: &CallKit, tenant: i64, uploaded: &SpokenPrompt) -> Result<Prompt, NoPrompt> {
    if let Some(prompt) = kit.shelf.get(uploaded.id, uploaded.version) {
        return Ok(prompt);
    }
    let name = uploaded.name.clone();
    let file = app.db.read().await?.prompt_audio_file(tenant, uploaded.id).await?;
    let (version, file) = file.ok_or_else(|| NoPrompt::Unusable(name.clone(), "it was deleted just now".into()))?;
    let prompt =
        beside(move || Prompt::from_wav(&file).map_err(|error| NoPrompt::Unusable(name, error.to_string()))).await?;
    kit.shelf.put(uploaded.id, version, &prompt);
    Ok(prompt)
}

/// Does slow work beside the tasks of calls.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> Result<T, NoPrompt> + Send + 'static) -> Result<T, NoPrompt> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(NoPrompt::Unusable("all".into(), error.to_string())))
}

fn read_file(folder: &Path, name: &str) -> Result<Prompt, NoPrompt> {
    let unusable = |error: String| NoPrompt::Unusable(name.to_owned(), error);
    let file: PathBuf = folder.join(format!("{name}.wav"));
    let size = std::fs::metadata(&file).map_err(|error| unusable(error.to_string()))?.len();
    if size > LARGEST {
        return Err(unusable("a file of a prompt has at most 64 MB".into()));
    }
    let bytes = std::fs::read(&file).map_err(|error| unusable(error.to_string()))?;
    Prompt::from_wav(&bytes).map_err(|error| unusable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shelf_knows_versions_and_does_not_grow_for_ever() {
        let shelf = PromptShelf::default();
        let id = Uuid::from_u128;
        let long = Prompt::from_samples(&vec![0.0; 8_000 * 600]);
        shelf.put(id(1), 1, &long);
        assert!(shelf.get(id(1), 1).is_some() && shelf.get(id(1), 2).is_none() && shelf.get(id(2), 1).is_none());
        (2..20).for_each(|n| shelf.put(id(n), 1, &long));
        let kept: usize = shelf.lock().values().map(|(_, prompt)| prompt.size()).sum();
        assert!(kept <= KEPT && shelf.get(id(19), 1).is_some());
    }
}

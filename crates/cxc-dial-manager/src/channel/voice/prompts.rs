//! The prompts of scripts: WAV files of the folder `voice.prompts`, by name.
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use cxc_core::call_script::CallScript;
use cxc_sip::media::Prompt;

/// Larger files are no prompts.
const LARGEST: u64 = 64 << 20;

/// Why a script can't speak.
#[derive(Debug, thiserror::Error)]
pub enum NoPrompt {
    /// There is no folder.
    #[error("scripts need a folder of prompts: voice.prompts")]
    NoFolder,
    /// One of them is not there, or is no prompt.
    #[error("the prompt {0}: {1}")]
    Unusable(String, String),
}

/// Reads the prompts that a script plays. Names were checked with the script: they lead nowhere else.
pub async fn read_prompts(folder: Option<&Path>, script: &CallScript) -> Result<HashMap<String, Prompt>, NoPrompt> {
    let names: Vec<String> = script.prompts().into_iter().map(ToOwned::to_owned).collect();
    if names.is_empty() {
        return Ok(HashMap::new());
    }
    let folder = folder.ok_or(NoPrompt::NoFolder)?.to_owned();
    let reading = tokio::task::spawn_blocking(move || {
        names.into_iter().map(|name| read(&folder, &name).map(|prompt| (name, prompt))).collect()
    });
    reading.await.unwrap_or_else(|error| Err(NoPrompt::Unusable("all".into(), error.to_string())))
}

fn read(folder: &Path, name: &str) -> Result<Prompt, NoPrompt> {
    let unusable = |error: String| NoPrompt::Unusable(name.to_owned(), error);
    let file: PathBuf = folder.join(format!("{name}.wav"));
    let size = std::fs::metadata(&file).map_err(|error| unusable(error.to_string()))?.len();
    if size > LARGEST {
        return Err(unusable("a file of a prompt has at most 64 MB".into()));
    }
    let bytes = std::fs::read(&file).map_err(|error| unusable(error.to_string()))?;
    Prompt::from_wav(&bytes).map_err(|error| unusable(error.to_string()))
}

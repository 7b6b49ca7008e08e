//! The file that a command reads: one on the disk, or what comes by a pipe.
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use cxc_list_builder::Folders;
use cxc_list_builder::upload_store::{PIPED, TENANT_BYTES};
use tempfile::NamedTempFile;

use crate::config::Config;
use crate::failure::Failure;

/// What is read: a file, or a copy of what came by a pipe that goes when this does.
pub struct Input {
    pub path: PathBuf,
    /// Its name in messages.
    pub shown: String,
    copy: Option<NamedTempFile>,
}

impl Input {
    /// A file; `-` is standard input. A reader looks at its file more than once, so that what is no plain file (a pipe,
    /// a named pipe, `<(...)` of a shell) is copied to the disk first, as much of it as of an upload.
    pub fn of(config: &Config, file: &Path) -> Result<Self, Failure> {
        let folder = Folders::below(&config.data_dir).uploads;
        if file == Path::new("-") {
            let shown = "standard input".to_owned();
            return Self::piped(std::io::stdin().lock(), &folder, shown, TENANT_BYTES);
        }
        let shown = file.display().to_string();
        let unreadable = || format!("{shown} can't be read");
        let kind = std::fs::metadata(file).with_context(unreadable).map_err(Failure::start)?;
        if kind.is_dir() {
            return Err(Failure::usage(format!("{shown} is a folder: name a file, or - for standard input")));
        }
        if !kind.is_file() {
            let open = File::open(file).with_context(unreadable).map_err(Failure::start)?;
            return Self::piped(open, &folder, shown, TENANT_BYTES);
        }
        let path = std::fs::canonicalize(file).with_context(unreadable).map_err(Failure::start)?;
        Ok(Self { path, shown, copy: None })
    }

    fn piped(from: impl Read, folder: &Path, shown: String, most: u64) -> Result<Self, Failure> {
        let copied = || -> std::io::Result<(NamedTempFile, u64)> {
            std::fs::create_dir_all(folder)?;
            let mut copy = tempfile::Builder::new().prefix(PIPED).tempfile_in(folder)?;
            let bytes = std::io::copy(&mut from.take(most.saturating_add(1)), &mut copy)?;
            Ok((copy, bytes))
        };
        let (copy, bytes) = copied().with_context(|| format!("{shown} can't be read")).map_err(Failure::start)?;
        if bytes > most {
            let text = format!("{shown} has more than {} GiB: split it into several files", most >> 30);
            return Err(Failure::refused(text));
        }
        Ok(Self { path: copy.path().to_owned(), shown, copy: Some(copy) })
    }

    /// The name under which the list of imports has it.
    pub fn file_name(&self) -> String {
        let name = self.path.file_name().filter(|_| self.copy.is_none());
        name.map_or_else(|| self.shown.clone(), |name| name.to_string_lossy().into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_by_a_pipe_is_copied_and_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let input = Input::piped(&b"12345"[..], folder.path(), "x".into(), 5).unwrap();
        assert_eq!(std::fs::read(&input.path).unwrap(), b"12345");
        assert_eq!(input.file_name(), "x");
        let path = input.path.clone();
        drop(input);
        assert!(!path.exists(), "the copy goes with it");
        let refused = Input::piped(&b"123456"[..], folder.path(), "x".into(), 5).err().unwrap();
        assert!(refused.to_string().contains("split it"), "{refused}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

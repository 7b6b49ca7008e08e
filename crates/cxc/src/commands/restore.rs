//! `cxc restore`: a backup in the place of the embedded store.
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use cxc_store::group::state;
use cxc_store::{Db, DbOptions};
use zip::ZipArchive;

use super::backup::{FILES, STORE, embedded};
use crate::cli::Restore;
use crate::config::Config;
use crate::failure::Failure;
use crate::{store, terminal};

const BEFORE: &str = ".before-restore";

/// Restores. Everything is unpacked and checked before the store that stands is touched.
pub async fn run(config: &Config, restore: &Restore) -> Result<(), Failure> {
    let target = embedded(config)?;
    let packed = File::open(&restore.file).with_context(|| format!("{} can't be read", restore.file.display()));
    let mut zip = ZipArchive::new(packed.map_err(Failure::start)?)
        .map_err(|error| not_ours(&restore.file, &format!("it is no whole ZIP file ({error})")))?;
    if zip.index_for_name(STORE).is_none() {
        return Err(not_ours(&restore.file, &format!("it holds no {STORE}")));
    }
    let _alone = store::lock_alone(&target).map_err(Failure::start)?;
    if target.exists() && !restore.force {
        let text = format!("{} is there already: --force replaces it and keeps it beside", target.display());
        return Err(Failure::refused(text));
    }
    let parent = target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = tempfile::Builder::new().prefix(".restore-").tempdir_in(parent)?;
    let zip_out = folder.path().to_owned();
    let unpacked = tokio::task::spawn_blocking(move || unpack(&mut zip, &zip_out)).await?;
    unpacked.map_err(|error| not_ours(&restore.file, &format!("{error:#}")))?;
    let copy = folder.path().join(STORE);
    if !is_database(&copy)? {
        return Err(not_ours(&restore.file, "its store is no database"));
    }
    let paused = pause_running(&copy).await?;
    put_aside(&target)?;
    std::fs::rename(folder.path().join(STORE), &target)?;
    put_files(&folder.path().join(FILES), &config.data_dir)?;
    File::open(parent)?.sync_all()?;
    terminal::say(&format!("{} is restored", target.display()))?;
    if paused > 0 {
        terminal::say(&format!(
            "{paused} campaign groups were running and are paused: what they sent after the backup is not known here. \
             `cxc group resume NAME` lets them go on"
        ))?;
    }
    Ok(())
}

fn not_ours(file: &Path, why: &str) -> Failure {
    let text = "give a file that `cxc backup` wrote; nothing was changed";
    Failure::refused(format!("{} can't be restored: {why}; {text}", file.display()))
}

fn unpack(zip: &mut ZipArchive<File>, folder: &Path) -> anyhow::Result<()> {
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index)?;
        let Some(name) = entry.enclosed_name() else { bail!("it holds a path outside itself") };
        if entry.is_dir() || !(name == Path::new(STORE) || name.starts_with(FILES)) {
            continue;
        }
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            store::make_private(parent)?;
        }
        let mut file = store::create_private(&path)?;
        std::io::copy(&mut entry, &mut file).context("the backup can't be unpacked")?;
        file.sync_all()?;
    }
    Ok(())
}

fn is_database(copy: &Path) -> std::io::Result<bool> {
    let mut head = Vec::new();
    File::open(copy)?.take(16).read_to_end(&mut head)?;
    Ok(head == b"SQLite format 3\0")
}

/// Opens the copy as this program would, and pauses what was running in it: since the backup it has
/// contacted people that the copy does not know of. Answers how many groups that were.
async fn pause_running(copy: &Path) -> Result<usize, Failure> {
    let db = Db::open(&DbOptions::new(format!("sqlite:{}", copy.display()))).await.map_err(Failure::from)?;
    let mut tx = db.begin().await?;
    let mut paused = 0;
    for group in tx.groups_at_work().await?.into_iter().filter(|g| g.state == state::RUNNING) {
        tx.group_set_state(group.number, state::ACTIVE, None, None, group.changed_at).await?;
        let why = "restored from a backup: what was sent after it is not known here";
        tx.group_set_error(group.number, Some(why)).await?;
        paused += 1;
    }
    tx.commit().await?;
    db.close().await;
    Ok(paused)
}

/// The store that stands is kept beside, with its journal.
fn put_aside(target: &Path) -> anyhow::Result<()> {
    for tail in ["", "-wal", "-shm"] {
        let named = |middle: &str| PathBuf::from(format!("{}{middle}{tail}", target.display()));
        let (from, to) = (named(""), named(BEFORE));
        if to.exists() {
            std::fs::remove_file(&to)?;
        }
        if from.exists() {
            std::fs::rename(&from, &to).with_context(|| format!("{} can't be put aside", from.display()))?;
        }
    }
    Ok(())
}

/// Files of the backup take the place of those of the same name.
fn put_files(from: &Path, data_dir: &Path) -> anyhow::Result<()> {
    let mut folders = vec![from.to_owned()];
    while let Some(folder) = folders.pop().filter(|f| f.is_dir()) {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let to = data_dir.join(path.strip_prefix(from)?);
            if let Some(parent) = to.parent() {
                store::make_private(parent)?;
            }
            std::fs::rename(&path, &to)?;
        }
    }
    Ok(())
}

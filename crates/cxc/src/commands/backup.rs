//! `cxc backup`: the embedded store and the files beside it, as one ZIP, while others write or not.
use std::fs::{File, OpenOptions};
use std::io::BufWriter;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use cxc_store::{Db, DbOptions, installation};
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

use crate::config::Config;
use crate::failure::Failure;
use crate::store::lock_file;
use crate::terminal;

/// The name of the store within a backup.
pub const STORE: &str = "cxc.db";
/// The folder of all other files within a backup.
pub const FILES: &str = "files";

/// Writes the backup.
pub async fn run(config: &Config, to: &Path) -> Result<(), Failure> {
    let store = embedded(config)?;
    if !store.is_file() {
        return Err(Failure::usage(format!("there is no embedded store at {}", store.display())));
    }
    // it holds personal data: for its owner only
    let new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to);
    let out = new.with_context(|| format!("{} can't be made", to.display())).map_err(Failure::start)?;
    let done = write(config, &store, to, out).await;
    if done.is_err() {
        let _ = std::fs::remove_file(to);
    }
    let size = done?;
    terminal::say(&format!("{} ({:.1} MB)", to.display(), size as f64 / 1e6))
}

/// The file of the embedded store, or why there is none.
pub fn embedded(config: &Config) -> Result<PathBuf, Failure> {
    let text = "the database is PostgreSQL: use pg_dump and pg_restore, and copy the data folder";
    config.embedded_file().ok_or_else(|| Failure::usage(text))
}

async fn write(config: &Config, store: &Path, to: &Path, out: File) -> Result<u64, Failure> {
    // beside the target: there is room for it, and it is on no other disk
    let beside = to.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = tempfile::tempdir_in(beside)?;
    let copy = folder.path().join(STORE);
    let db = Db::connect(&DbOptions::new(config.database_url())).await?;
    let copied = installation::copy_to(&db, &copy).await;
    db.close().await;
    copied.context("the embedded store can't be copied")?;
    let files = files_of(&config.data_dir, store)?;
    let data_dir = config.data_dir.clone();
    let written = tokio::task::spawn_blocking(move || pack(out, &copy, &data_dir, &files)).await?;
    Ok(written?)
}

/// Everything of the data folder but the store itself and files of the moment.
fn files_of(data_dir: &Path, store: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let own = store.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let of_store = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        path == lock_file(store) || name.starts_with(&own)
    };
    let mut folders = vec![data_dir.to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            // removed since it was seen: rejected lines and uploads come and go
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(anyhow!("{} can't be read: {error}", folder.display())),
        };
        for entry in entries {
            let path = entry?.path();
            if path.is_symlink() || (folder == data_dir && of_store(&path)) {
                continue;
            }
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    Ok(files)
}

fn pack(out: File, copy: &Path, data_dir: &Path, files: &[PathBuf]) -> anyhow::Result<u64> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(1))
        .large_file(true)
        .unix_permissions(0o600);
    let mut zip = ZipWriter::new(BufWriter::new(out));
    add(&mut zip, options, STORE, copy)?;
    for path in files {
        let name = path.strip_prefix(data_dir).unwrap_or(path).to_string_lossy().into_owned();
        add(&mut zip, options, &format!("{FILES}/{name}"), path)?;
    }
    let out = zip.finish()?.into_inner().map_err(|error| anyhow!("the backup can't be written: {error}"))?;
    out.sync_all()?;
    Ok(out.metadata()?.len())
}

fn add(
    zip: &mut ZipWriter<BufWriter<File>>,
    options: SimpleFileOptions,
    name: &str,
    path: &Path,
) -> anyhow::Result<()> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("{} can't be read", path.display())),
    };
    zip.start_file(name, options)?;
    std::io::copy(&mut file, zip).with_context(|| format!("{} can't be copied", path.display()))?;
    Ok(())
}

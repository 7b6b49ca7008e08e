//! The configured database, opened for a command or for the server.
use std::fs::{DirBuilder, File, Permissions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use cxc_core::hash::HashKey;
use cxc_list_builder::Folders;
use cxc_store::{Db, DbOptions, StoreError, installation};

use crate::config::{Config, without_password};
use crate::failure::Failure;

/// The open database and its key of hashes.
pub struct Store {
    /// The database.
    pub db: Db,
    /// The installation's secret of hashes.
    pub hash_key: HashKey,
    // says to `cxc restore` that the embedded store is in use; ends with the process
    _in_use: Option<File>,
}

/// Opens the configured database, made and brought up to date if need be. A failure is one to begin.
pub async fn open(config: &Config) -> Result<Store, Failure> {
    let in_use = match config.embedded_file() {
        Some(file) => {
            let lock = lock_shared(&file).map_err(Failure::start)?;
            make_private_folders(&config.data_dir).map_err(Failure::start)?;
            Some(lock)
        }
        None => None,
    };
    let options = DbOptions {
        url: config.database_url(),
        max_connections: config.database.max_connections,
        acquire_timeout: config.database.acquire_timeout,
    };
    let db = Db::open(&options).await.map_err(|error| Failure::start(explain(config, error)))?;
    let mut random = [0_u8; 16];
    getrandom::fill(&mut random).map_err(|error| Failure::start(anyhow!("no randomness: {error}")))?;
    let hash_key = installation::hash_key(&db, random).await.map_err(|error| Failure::start(explain(config, error)))?;
    Ok(Store { db, hash_key, _in_use: in_use })
}

/// Why the database can't be used, with its address but not its password.
fn explain(config: &Config, error: StoreError) -> anyhow::Error {
    let url = without_password(&config.database_url());
    match error {
        StoreError::NewerSchema { .. } | StoreError::BadUrl => error.into(),
        StoreError::Database(sql) => anyhow!("the database {url} can't be opened: {}", one_line(&sql.to_string())),
        other => anyhow::Error::new(other).context(format!("the database {url} can't be opened")),
    }
}

fn one_line(text: &str) -> String {
    let reached = "pool timed out while waiting for an open connection";
    if text == reached { "it can't be reached".to_owned() } else { text.replace('\n', " ") }
}

/// The file whose lock says that an embedded store is in use.
pub fn lock_file(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

/// Makes the store's folder, for its owner only: it holds personal data.
pub fn make_folder(store: &Path) -> anyhow::Result<()> {
    let Some(folder) = store.parent().filter(|f| !f.as_os_str().is_empty()) else { return Ok(()) };
    if folder.is_dir() {
        return Ok(());
    }
    make_private(folder)
}

/// Makes a folder and those above it for their owner only, unless it is there.
pub fn make_private(folder: &Path) -> anyhow::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.with_context(|| format!("the data folder {} can't be made", folder.display()))
}

/// A new or emptied file, for its owner only.
pub fn create_private(file: &Path) -> std::io::Result<File> {
    File::options().write(true).create(true).truncate(true).mode(0o600).open(file)
}

/// Makes the data folder and those of files in it for their owner only, and warns of those that others may read.
pub fn make_private_folders(data_dir: &Path) -> anyhow::Result<()> {
    let Folders { uploads, rejects, exports } = Folders::below(data_dir);
    let folders = [data_dir.to_owned(), uploads, rejects, exports];
    for folder in &folders {
        make_private(folder)?;
    }
    if is_open(data_dir) {
        let folder = data_dir.display();
        tracing::warn!(
            "other users of this machine may read {folder}, which holds personal data: chmod -R go= {folder}"
        );
    }
    Ok(())
}

/// Makes the folder of recordings for its owner only, and warns of one that others may read.
pub fn make_recordings(config: &Config) -> anyhow::Result<()> {
    let folder = config.recordings();
    if !folder.is_dir() {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        made.with_context(|| format!("{} can't be made a folder", folder.display()))?;
    } else if config.voice.recordings.is_none() && is_open(&folder) {
        // below the data folder it is ours alone
        std::fs::set_permissions(&folder, Permissions::from_mode(0o700))?;
    }
    if is_open(&folder) {
        let folder = folder.display();
        tracing::warn!("other users of this machine may read {folder}, which holds recordings: chmod go= {folder}");
    }
    Ok(())
}

fn is_open(folder: &Path) -> bool {
    folder.metadata().is_ok_and(|about| about.permissions().mode() & 0o077 != 0)
}

fn lock_shared(store: &Path) -> anyhow::Result<File> {
    make_folder(store)?;
    let path = lock_file(store);
    let file = File::options().create(true).truncate(false).read(true).write(true).mode(0o600).open(&path);
    let file = file.with_context(|| format!("{} can't be written", path.display()))?;
    file.try_lock_shared().map_err(|_| anyhow!("the embedded store is being restored: try again when that is done"))?;
    Ok(file)
}

/// Takes an embedded store for oneself; fails while any other process has it open.
pub fn lock_alone(store: &Path) -> anyhow::Result<File> {
    make_folder(store)?;
    let path = lock_file(store);
    let file = File::options().create(true).truncate(false).read(true).write(true).mode(0o600).open(&path);
    let file = file.with_context(|| format!("{} can't be written", path.display()))?;
    file.try_lock().map_err(|_| anyhow!("the embedded store is in use: stop `cxc up` and other commands first"))?;
    Ok(file)
}

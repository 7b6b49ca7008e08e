//! Recordings are deleted when the time is over for which they are kept.
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cxc_core::recording::kept_until;
use cxc_server::app::Clock;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// How often recordings are looked through.
const EVERY: Duration = Duration::from_secs(3_600);

/// Deletes recordings whose time is over, for ever.
pub async fn keep_recordings(clock: Arc<dyn Clock>, folder: PathBuf) {
    loop {
        let (today, folder) = (clock.now().to_zoned(TimeZone::UTC).date(), folder.clone());
        match tokio::task::spawn_blocking(move || sweep(&folder, today)).await {
            Ok(Ok(0)) => (),
            Ok(Ok(deleted)) => tracing::info!(deleted, "recordings were deleted: their time was over"),
            Ok(Err(error)) => tracing::error!(%error, "old recordings can't be deleted"),
            Err(error) => tracing::error!(%error, "old recordings are not looked for any more"),
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// How many were deleted. Files of others stay, and so does the folder.
fn sweep(folder: &Path, today: Date) -> std::io::Result<u64> {
    let mut deleted = 0;
    for below in entries(folder)?.into_iter().filter(|path| path.is_dir()) {
        for share in entries(&below)?.into_iter().filter(|path| path.is_dir()) {
            for file in entries(&share)? {
                let until = file.file_name().and_then(|name| kept_until(name.to_str()?));
                if until.is_some_and(|until| until < today) {
                    std::fs::remove_file(&file)?;
                    deleted += 1;
                }
            }
            // only one that is empty goes; the next recording makes it anew
            let _not_empty = std::fs::remove_dir(&share);
        }
    }
    Ok(deleted)
}

fn entries(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    match std::fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use cxc_core::recording;

    use super::*;

    #[test]
    fn what_is_over_goes_and_what_is_kept_or_of_others_stays() {
        let home = tempfile::tempdir().unwrap();
        let day = Date::constant(2027, 3, 1);
        assert_eq!(sweep(&home.path().join("none"), day).unwrap(), 0);
        let write = |path: &Path| {
            let path = home.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, b"x").unwrap();
            path
        };
        let old = write(&recording::file(1, 5, Date::constant(2027, 2, 28)));
        let part = write(&recording::file(2, 9_000, Date::constant(2020, 1, 1)).with_extension("wav.part"));
        let last_day = write(&recording::file(1, 6, day));
        let other = write(Path::new("1/0/notes.txt"));
        assert_eq!(sweep(home.path(), day).unwrap(), 2);
        assert!(!old.exists() && !part.exists() && last_day.exists() && other.exists());
    }
}

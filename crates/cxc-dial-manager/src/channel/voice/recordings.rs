//! Recordings are deleted when the time is over for which they are kept; until then they are for their owner only.
use std::fs::Permissions;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cxc_core::Micros;
use cxc_core::call_media::{RecordingDuty, RecordingMode, RecordingSettings};
use cxc_core::recording::{self, kept_until};
use cxc_dialer::engine::RecordingSpec;
use cxc_server::app::Clock;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// How the call of an attempt is recorded by a duty, if it is.
pub fn recording_spec(
    settings: &RecordingSettings,
    duty: RecordingDuty,
    (tenant, attempt): (i64, i64),
    now: Micros,
) -> Option<RecordingSpec> {
    let announce = match duty {
        RecordingDuty::Leave => return None,
        RecordingDuty::Record => false,
        RecordingDuty::Announce => true,
    };
    let today = Timestamp::from_microsecond(now).ok()?.to_zoned(TimeZone::UTC).date();
    let until = today.saturating_add(Span::new().days(i64::from(settings.keep_days.min(3_650))));
    let talks = settings.mode == RecordingMode::All;
    Some(RecordingSpec { file: recording::file(tenant, attempt, until), announce, talks })
}

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
    for below in entries(folder)?.into_iter().filter(|path| is_folder(path)) {
        for share in entries(&below)?.into_iter().filter(|path| is_folder(path)) {
            let mut has_recordings = false;
            for file in entries(&share)? {
                let Some(until) = file.file_name().and_then(|name| kept_until(name.to_str()?)) else { continue };
                if until < today {
                    std::fs::remove_file(&file)?;
                    deleted += 1;
                    continue;
                }
                make_private(&file)?;
                has_recordings = true;
            }
            if has_recordings {
                make_private(&share)?;
                make_private(&below)?;
            }
            // only one that is empty goes; the next recording makes it anew
            let _not_empty = std::fs::remove_dir(&share);
        }
    }
    Ok(deleted)
}

/// A folder itself, and no link to one.
fn is_folder(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|about| about.is_dir())
}

/// Takes the rights of others to a file or folder of ours. One that is renamed at this moment is seen the next time; one of
/// another user's, on a shared folder, is that user's matter.
fn make_private(path: &Path) -> std::io::Result<()> {
    let done = path.symlink_metadata().and_then(|about| {
        let mode = about.permissions().mode();
        let is_open = !about.is_symlink() && mode & 0o077 != 0;
        if is_open { std::fs::set_permissions(path, Permissions::from_mode(mode & 0o700)) } else { Ok(()) }
    });
    match done {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) => Ok(()),
        done => done,
    }
}

fn entries(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    match std::fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
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
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        let (share, tenant) = (last_day.parent().unwrap(), last_day.parent().unwrap().parent().unwrap());
        assert_eq!((mode(&last_day), mode(share), mode(tenant)), (0o600, 0o700, 0o700));
        assert_ne!(mode(&other), 0o600, "it is of others");
    }
}

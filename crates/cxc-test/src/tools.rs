//! Where the programs and the folders are.
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The root of the project.
pub fn project_root() -> &'static Path {
    const CRATE: &str = env!("CARGO_MANIFEST_DIR");
    let here = Path::new(CRATE);
    here.ancestors().nth(2).unwrap_or(here)
}

/// The path of a program: on PATH, among PostgreSQL's own (newest first), or in the folders of system programs.
pub fn find_program(name: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    postgres_folders()
        .into_iter()
        .chain(std::env::split_paths(&path))
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
        .with_context(|| format!("the program {name} is missing: scripts/setup installs what the tests need"))
}

/// `/usr/lib/postgresql/*/bin`, the newest version first.
fn postgres_folders() -> Vec<PathBuf> {
    let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") else { return Vec::new() };
    let mut found: Vec<(u32, PathBuf)> = versions
        .flatten()
        .filter_map(|version| Some((version.file_name().to_str()?.parse().ok()?, version.path().join("bin"))))
        .collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, folder)| folder).collect()
}

/// The Python of the project's virtual environment.
pub fn python() -> Result<PathBuf> {
    let python = project_root().join(".venv/bin/python");
    python.is_file().then_some(python).context("the Python tools are missing: scripts/setup installs them")
}

/// A user of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct User {
    /// The number of the user.
    pub uid: u32,
    /// The number of the user's group.
    pub gid: u32,
}

/// Whether this process is root's.
pub fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// The user that runs what refuses to run as root: none if this process is not root's.
pub fn unprivileged() -> Result<Option<User>> {
    if !is_root() {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd").context("/etc/passwd can be read")?;
    let user = ["postgres", "nobody"].iter().find_map(|name| user_in(&users, name));
    user.map(Some).context("this machine has a user postgres or nobody to run servers that refuse root")
}

fn user_in(users: &str, name: &str) -> Option<User> {
    let fields: Vec<&str> = users.lines().find(|line| line.split(':').next() == Some(name))?.split(':').collect();
    Some(User { uid: fields.get(2)?.parse().ok()?, gid: fields.get(3)?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_read_from_the_list_of_users() {
        let users = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65533::/:/bin/false\n";
        assert_eq!(user_in(users, "nobody"), Some(User { uid: 65534, gid: 65533 }));
        assert_eq!(user_in(users, "nob"), None);
    }

    #[test]
    fn a_missing_program_says_who_installs_it() {
        let error = find_program("no-such-program-anywhere").unwrap_err().to_string();
        assert!(error.contains("scripts/setup"), "{error}");
    }

    #[test]
    fn the_project_root_holds_the_lock_file() {
        assert!(project_root().join("Cargo.lock").is_file());
    }
}

//! Tells the program which commit it is built from, for `/versions`: `CXC_BUILD` if it is set, else what git says.
//! Only of release builds: while one develops, every commit would build the program anew.
use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=CXC_BUILD");
    println!("cargo:rerun-if-changed=build.rs");
    let release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    // each commit and each change of branch is noted there; absent in an archive of the sources
    let log = Path::new("../../.git/logs/HEAD");
    if release && log.is_file() {
        println!("cargo:rerun-if-changed={}", log.display());
    }
    let given = env::var("CXC_BUILD").ok().filter(|build| !build.is_empty());
    let build = given.or_else(|| release.then(commit).flatten()).unwrap_or_default();
    println!("cargo:rustc-env=CXC_BUILD={build}");
}

/// The short hash of the commit; `None` where there is no git or no repository.
fn commit() -> Option<String> {
    let done = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output().ok()?;
    let text = String::from_utf8(done.stdout).ok()?;
    let hash = text.trim();
    let fits = done.status.success() && !hash.is_empty() && hash.bytes().all(|b| b.is_ascii_hexdigit());
    fits.then(|| hash.to_owned())
}

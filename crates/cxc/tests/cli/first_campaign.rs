//! The pages that tell a newcomer what to type: what they say works.
use std::process::Command;

use cxc_test::Cxc;

const BINARY: &str = env!("CARGO_BIN_EXE_cxc");
const PAGE: &str = include_str!("../../../../docs/first-campaign.md");

/// What of a page is to be typed into a shell.
fn typed(page: &str) -> String {
    let blocks = page.split("```sh\n").skip(1);
    blocks.filter_map(|block| block.split_once("```").map(|(typed, _)| typed)).collect()
}

#[test]
fn the_first_campaign_of_the_docs() {
    let mut cxc = Cxc::embedded(BINARY).unwrap();
    cxc.up().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let typed = typed(PAGE);
    assert!(typed.contains("http://127.0.0.1:3000/"), "the page names the usual port");
    let typed = typed.replace("http://127.0.0.1:3000", &cxc.url(""));
    // the page's `cxc` is this one, on the data of the server that runs
    let config = cxc.home().join("cxc.toml");
    let ours =
        format!("cxc() {{ '{BINARY}' --config '{}' --data '{}' \"$@\"; }}\n", config.display(), cxc.data().display());
    let script = folder.path().join("typed.sh");
    std::fs::write(&script, ours + &typed).unwrap();
    let mut bash = Command::new("bash");
    let ended = bash.args(["-euo", "pipefail"]).arg(&script).current_dir(folder.path()).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success(), "{out}\n{err}\n{}", cxc.log());
    for wanted in
        ["3 lines = 3 imported", "\"rule\": \"US-RND\"", "\"audience\": 3", "\"explanation\": ", "\"decision\": "]
    {
        assert!(out.contains(wanted), "{wanted}: {out}");
    }
    let results = std::fs::read_to_string(folder.path().join("results.csv")).unwrap();
    assert_eq!(results.lines().filter(|line| line.starts_with("C-")).count(), 3, "{results}");
}

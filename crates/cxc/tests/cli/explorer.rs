//! The API explorer, as a browser runs it.
use std::process::Command;

use cxc_test::Cxc;
use serde_json::{Value, json};

#[test]
fn the_explorer_sends_the_sessions_token_by_itself_and_to_nobody_else() {
    let mut cxc = Cxc::embedded(env!("CARGO_BIN_EXE_cxc")).unwrap();
    cxc.up().unwrap();
    cxc.run_ok(&["tenant", "add", "Acme", "--domain", "acme"]).unwrap();
    let password = "a password of the explorer";
    let add = ["user", "add", "acme\\ann", "--role", "administrator", "--password-stdin"];
    assert!(cxc.run_with_input(&add, password).unwrap().status.success());
    let browser = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/explorer.js");
    let ran = Command::new("node").args([browser, &cxc.url(""), "acme\\ann", password]).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let told: Value = serde_json::from_slice(&ran.stdout).unwrap();
    let expected = json!({ "plain": 403, "intercepted": 201, "leaks": 0, "spec": "/cx-contact/v3/openapi.json" });
    assert_eq!(told, expected);
}

//! `cxc config check` and `cxc migrate`: settings, their order, and errors to begin.
use std::time::{Duration, Instant};

use crate::support::{Desk, ended};

#[test]
fn the_effective_settings_are_shown_with_their_origin_and_no_password() {
    let desk = Desk::new();
    desk.write("cxc.toml", "[http]\nport = 4000\n[log]\nlevel = \"warn\"\n");
    let mut command = desk.command(&["config", "check", "--data", "elsewhere"]);
    command.env("CXC_LOG_LEVEL", "debug").env("CXC_DATABASE_URL", "postgres://cxc:geheim@db/cxc");
    let shown = ended(command.output().unwrap()).ok().out;
    let line = |key: &str| shown.lines().find(|l| l.starts_with(key)).unwrap().to_owned();
    assert!(line("http.port = 4000").ends_with("# cxc.toml"), "{shown}");
    assert!(line("log.level = \"debug\"").ends_with("# CXC_LOG_LEVEL"), "{shown}");
    assert!(line("data_dir = \"elsewhere\"").ends_with("# --data"), "{shown}");
    assert!(line("http.internal_port = 8888").ends_with("# default"), "{shown}");
    assert!(shown.contains("postgres://cxc:***@db/cxc") && !shown.contains("geheim"), "{shown}");
}

#[test]
fn an_unknown_key_is_one_line_and_exit_code_2() {
    let desk = Desk::new();
    let file = desk.write("other.toml", "[http]\nprot = 4000\n");
    let args = ["config", "check", "--config", file.to_str().unwrap()];
    desk.run(&args).failed(2, "there is no setting http.prot, did you mean http.port?");
    assert!(!desk.path().join("cxc-data").exists(), "nothing is made before the settings are read");
}

#[test]
fn a_mistake_at_the_command_line_is_exit_code_2() {
    let desk = Desk::new();
    assert_eq!(desk.run(&["import"]).code, 2);
    assert_eq!(desk.run(&["fly"]).code, 2);
    assert_eq!(desk.run(&["up", "--component", "tea-maker"]).code, 2);
    assert_eq!(desk.run(&["--help"]).ok().err, "");
}

#[test]
fn migrate_makes_the_embedded_store_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new();
    desk.run(&["migrate", "--data", "store"]).ok();
    desk.run(&["migrate", "--data", "store"]).ok();
    let folder = desk.path().join("store");
    assert!(folder.join("cxc.db").is_file());
    assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn an_unreachable_database_is_one_line_without_its_password() {
    let desk = Desk::new();
    let mut command = desk.command(&["migrate"]);
    // port 1 of loopback: nothing listens there
    command.env("CXC_DATABASE_URL", "postgres://u:geheim@127.0.0.1:1/d");
    let started = Instant::now();
    let failed =
        ended(command.output().unwrap()).failed(2, "the database postgres://u:***@127.0.0.1:1/d can't be opened");
    assert!(!failed.err.contains("geheim") && failed.err.contains("refused"), "{failed:?}");
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
}

#[test]
fn a_silent_database_is_told_of_after_five_seconds() {
    let desk = Desk::new();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut command = desk.command(&["migrate"]);
    command.env("CXC_DATABASE_URL", format!("postgres://u@{}/d", silent.local_addr().unwrap()));
    let started = Instant::now();
    ended(command.output().unwrap()).failed(2, "no answer within 5 s");
    assert!(started.elapsed() < Duration::from_secs(9), "{:?}", started.elapsed());
}

#[test]
fn a_store_that_is_no_database_is_refused_in_one_line() {
    let desk = Desk::new();
    std::fs::create_dir(desk.path().join("cxc-data")).unwrap();
    desk.write("cxc-data/cxc.db", "this is a letter, and a long one at that: ".repeat(100));
    desk.run(&["migrate"]).failed(2, "can't be opened");
}

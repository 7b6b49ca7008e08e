//! `cxc up --demo`: made once, at work, goes on where it stood.
use std::time::{Duration, Instant};

use cxc_test::{Cxc, Signal};
use serde_json::Value;

use crate::support::{Desk, usual_ports};

const BINARY: &str = env!("CARGO_BIN_EXE_cxc");
const GROUP: &str = "Spring news by email";
const CALLS: &str = "Renewal calls";

fn status_of(cxc: &Cxc, group: &str) -> Value {
    serde_json::from_str(&cxc.run_ok(&["group", "status", group, "--json"]).unwrap()).unwrap()
}

fn status(cxc: &Cxc) -> Value {
    status_of(cxc, GROUP)
}

/// Made-up people answer real calls, and agents' phones talk with them.
fn wait_for_talks(cxc: &Cxc) {
    let started = Instant::now();
    let talks = || status_of(cxc, CALLS)["accounting"]["done"]["Answer"].as_i64();
    while talks() < Some(1) {
        assert!(started.elapsed() < Duration::from_secs(120), "{}\n{}", status_of(cxc, CALLS), cxc.log());
        std::thread::sleep(Duration::from_millis(500));
    }
}

fn delivered(cxc: &Cxc) -> i64 {
    status(cxc)["accounting"]["done"]["Ok"].as_i64().unwrap_or(0)
}

fn wait_for_delivered(cxc: &Cxc, more_than: i64) -> i64 {
    let started = Instant::now();
    loop {
        let now = delivered(cxc);
        if now > more_than {
            return now;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "{}\n{}", status(cxc), cxc.log());
        std::thread::sleep(Duration::from_millis(500));
    }
}

#[test]
fn the_demonstration_runs_and_goes_on_where_it_stood() {
    let mut cxc = Cxc::embedded(BINARY).unwrap();
    cxc.up_with(&["--demo"]).unwrap();
    let first = wait_for_delivered(&cxc, 5);
    let accounting = &status(&cxc)["accounting"];
    assert_eq!(accounting["audience"], 5_000, "{accounting}");
    assert!(cxc.end(Signal::Int, Duration::from_secs(30)).unwrap().success(), "{}", cxc.log());

    cxc.up_with(&["--demo"]).unwrap();
    wait_for_delivered(&cxc, first);
    wait_for_talks(&cxc);
    assert_eq!(status(&cxc)["accounting"]["audience"], 5_000);
    assert!(cxc.end(Signal::Int, Duration::from_secs(30)).unwrap().success(), "{}", cxc.log());
    let log = cxc.log();
    assert!(log.contains("Finishing what is under way (again to end at once)"), "{log}");
    assert_eq!(log.matches("Password (shown this once): ").count(), 1, "{log}");
    assert!(log.contains("/cx-contact/v3/explore") && log.contains("goes on where it stood"), "{log}");
    assert!(!log.contains('\u{1b}'), "no colours and no moving of the cursor in a pipe: {log}");
}

#[test]
fn the_demonstration_keeps_away_from_data_of_others() {
    let _ports = usual_ports();
    let desk = Desk::new();
    desk.run(&["tenant", "add", "Acme"]).ok();
    desk.run(&["up", "--demo"]).failed(2, "this database has tenants already");
}

#[test]
fn a_start_right_after_a_stop_waits_until_the_group_has_stopped() {
    let mut cxc = Cxc::embedded(BINARY).unwrap();
    cxc.up_with(&["--demo"]).unwrap();
    wait_for_delivered(&cxc, 0);
    for _ in 0..2 {
        cxc.run_ok(&["group", "stop", GROUP]).unwrap();
        let started = cxc.run_ok(&["group", "start", GROUP]).unwrap();
        assert!(started.contains("being loaded") || started.contains("running"), "{started}");
    }
    assert!(cxc.end(Signal::Int, Duration::from_secs(30)).unwrap().success(), "{}", cxc.log());
    // with nobody there to end the stop
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let url = format!("sqlite:{}", cxc.data().join("cxc.db").display());
        let db = cxc_store::Db::connect(&cxc_store::DbOptions::new(url)).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        for group in tx.groups_of_tenant(None).await.unwrap() {
            tx.group_set_state(group.number, "waiting_unload", None, None, 0).await.unwrap();
        }
        tx.commit().await.unwrap();
        db.close().await;
    });
    let refused = cxc.run(&["group", "start", GROUP, "--no-wait"]).unwrap();
    let err = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{err}");
    assert!(err.contains("being unloaded"), "{err}");
}

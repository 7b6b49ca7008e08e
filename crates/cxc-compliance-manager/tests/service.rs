//! The validation service as its callers and operators see it: what it answers besides yes and no, whose data it
//! used, for whom a program may speak, how long things are kept.
#![expect(clippy::unwrap_used, reason = "a test that finds something else than it expects has failed")]
#[path = "service/answers.rs"]
mod answers;
#[path = "service/data.rs"]
mod data;
#[path = "service/lists.rs"]
mod lists;
#[path = "service/operators.rs"]
mod operators;
#[path = "service/retention.rs"]
mod retention;

use std::time::Duration;

use cxc_server::App;
use cxc_server::rule_data::RuleData;
use cxc_test::TestApp;
use serde_json::{Value, json};

const VALIDATE: &str = "/internal/v1/compliance/validations";
const RECORDS: &str = "/internal/v1/validations";
const REPORTS: &str = "/internal/v1/attempts";
/// Noon in New York.
const NOON: &str = "2026-03-03T17:00:00Z";

async fn start() -> TestApp {
    let app = TestApp::start(|app| cxc_compliance_manager::service(app).unwrap()).await.unwrap();
    app.clock.set(NOON);
    app
}

/// With the shipped legal rules.
async fn start_with_law() -> TestApp {
    let rules = RuleData::shipped(&cxc_core::compliance::Zones::bundled()).unwrap();
    let made = TestApp::start(|app| cxc_compliance_manager::service(App { rules, ..app }).unwrap()).await;
    let app = made.unwrap();
    app.clock.set(NOON);
    app
}

fn phone(n: u32) -> String {
    format!("+1212930{n:04}")
}

fn ask(n: u32, client: &str, hold_ms: u32) -> Value {
    json!({ "request_id": "r", "type": "voice", "contact": { "client_id": client }, "device": { "e164": phone(n) },
        "hold_ms": hold_ms })
}

fn report(guid: &str, sequence: u32, more: &Value) -> Value {
    let mut report = json!({ "GSW_CALL_ATTEMPT_GUID": guid, "GSW_HIST_SEQUENCE_NUM": sequence,
        "GSW_TENANT_NAME": "one", "GSW_TENANT_CCID": "undefined" });
    report.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    report
}

/// Waits for what background work does.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..200 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(holds().await, "{what}");
}

//! Pre-dial validation, reservations, reports and evidence by the internal backend.
#![expect(clippy::unwrap_used, reason = "a test that finds something else than it expects has failed")]
#[path = "validation/evidence.rs"]
mod evidence;
#[path = "validation/failures.rs"]
mod failures;
#[path = "validation/purposes.rs"]
mod purposes;
#[path = "validation/questions.rs"]
mod questions;
#[path = "validation/reports.rs"]
mod reports;
#[path = "validation/reservations.rs"]
mod reservations;

use std::time::Duration;

use cxc_server::Scope;
use cxc_test::TestApp;
use serde_json::{Value, json};

const VALIDATE: &str = "/internal/v1/compliance/validations";
const RECORDS: &str = "/internal/v1/validations";
const REPORTS: &str = "/internal/v1/attempts";
/// Noon in New York.
const NOON: &str = "2026-03-03T17:00:00Z";
/// Three in the morning there.
const NIGHT: &str = "2026-03-03T08:00:00Z";

async fn start() -> TestApp {
    let app = TestApp::start(|app| cxc_compliance_manager::service(app).unwrap()).await.unwrap();
    app.clock.set(NOON);
    app
}

/// A cap of attempts for everybody.
async fn cap(app: &TestApp, max: u32, count_by: &str) {
    let body = json!({ "name": format!("cap {count_by}"), "maxAttempts": max, "window": { "seconds": 86_400 },
        "results": [], "countBy": count_by, "required": true });
    app.create("/compliance/attempt-rules", &body).await;
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

async fn attempts(app: &TestApp, n: u32) -> Vec<Value> {
    let found = app.get(&format!("/compliance/attempts?device=%2B{}", &phone(n)[1..])).await.expect(200);
    found["items"].as_array().unwrap().clone()
}

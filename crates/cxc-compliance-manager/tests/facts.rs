//! Validations judge by the same facts as senders: lists of numbers, custom zones, external rules, opt-outs, debts.
#![expect(clippy::unwrap_used, reason = "a test that finds something else than it expects has failed")]
#[path = "facts/clocks.rs"]
mod clocks;
#[path = "facts/debts.rs"]
mod debts;
#[path = "facts/flags.rs"]
mod flags;
#[path = "facts/history.rs"]
mod history;
#[path = "facts/lists.rs"]
mod lists;
#[path = "facts/opt_outs.rs"]
mod opt_outs;
#[path = "facts/otherwise.rs"]
mod otherwise;
#[path = "facts/packs.rs"]
mod packs;
#[path = "facts/places.rs"]
mod places;
#[path = "facts/tools.rs"]
mod tools;

use std::sync::Arc;

use cxc_core::compliance::legal::LegalRules;
use cxc_core::compliance::{Calendars, Zones};
use cxc_server::App;
use cxc_server::rule_data::RuleData;
use cxc_test::TestApp;
use serde_json::{Value, json};

const VALIDATE: &str = "/internal/v1/compliance/validations";
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
    let rules = RuleData::shipped(&Zones::bundled()).unwrap();
    let app = TestApp::start(|app| cxc_compliance_manager::service(App { rules, ..app }).unwrap()).await.unwrap();
    app.clock.set(NOON);
    app
}

/// A program that ships one legal rule about calls.
fn one_rule(kind: &str) -> Arc<LegalRules> {
    let text = format!(
        r#"
[[rule]]
id = "US-TEST"
jurisdiction = {{ country = "US" }}
appliesTo = {{ channels = ["voice"] }}
kind.{kind}
effectiveFrom = "2020-01-01"
citation = "a test"
verifiedOn = "2026-01-01"
confidence = "high"
default = "on"
"#
    );
    Arc::new(LegalRules::parse([("test.toml", text.as_str())], &Zones::bundled(), &Calendars::default()).unwrap())
}

fn phone(n: u32) -> String {
    format!("+1212930{n:04}")
}

fn ask(n: u32, client: &str, hold_ms: u32) -> Value {
    json!({ "type": "voice", "contact": { "client_id": client }, "device": { "e164": phone(n) }, "hold_ms": hold_ms })
}

fn report(guid: &str, sequence: u32, more: &Value) -> Value {
    let mut report = json!({ "GSW_CALL_ATTEMPT_GUID": guid, "GSW_HIST_SEQUENCE_NUM": sequence,
        "GSW_TENANT_NAME": "one", "GSW_TENANT_CCID": "undefined" });
    report.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    report
}

/// Whether an opt-out is among the reasons of an answer.
fn is_out(answer: &Value) -> bool {
    answer["reasons"].as_array().unwrap().iter().any(|reason| reason["reason_code"] == "opted_out")
}

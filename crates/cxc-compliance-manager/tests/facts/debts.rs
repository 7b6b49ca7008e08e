//! Regulation F: caps and cool-downs by debt, whatever account and device.
use serde_json::json;

use super::*;

fn call(n: u32, person: &str, account: &str, debt: &str) -> Value {
    json!({ "type": "voice", "purpose": "collections", "tech": "live", "collector": "agency",
        "contact": { "client_id": person, "person_key": person, "accounts": [account], "debts": [debt], "flags": [] },
        "device": { "e164": phone(n) }, "hold_ms": 60_000 })
}

/// Calls and reports how it went.
async fn made(app: &cxc_test::TestApp, guid: &str, call: &Value, more: &Value) -> u16 {
    let answer = app.post(VALIDATE).json(call).await;
    if answer.json()["decision"] != "allow" {
        assert!(answer.json()["reasons"].to_string().contains("US-REGF-"), "{}", answer.json());
        return 409;
    }
    let mut report = report(guid, 1, more);
    report["cxc_reservation_id"] = answer.json()["reservation_id"].clone();
    report["contact_info"] = call["device"]["e164"].clone();
    app.post(REPORTS).json(&report).await.expect(200);
    // calls on each other's heels are another rule's affair
    app.clock.advance(std::time::Duration::from_secs(2 * 3_600));
    200
}

#[tokio::test]
async fn the_eighth_call_of_a_week_about_a_debt_waits_and_another_debt_has_a_count_of_its_own() {
    let app = start_with_law().await;
    let rang = json!({ "GSW_CALL_RESULT": 7, "connected": true });
    for n in 0..7 {
        if n % 3 == 0 {
            app.clock.set(&format!("2026-03-{:02}T16:00:00Z", 3 + n / 3));
        }
        // two phones
        let call = call(n % 2, "p", "account a", "debt a");
        assert_eq!(made(&app, &format!("a{n}"), &call, &rang).await, 200, "call {n}");
    }
    assert_eq!(made(&app, "a8", &call(0, "p", "account a", "debt a"), &rang).await, 409);
    assert_eq!(made(&app, "b1", &call(0, "p", "account b", "debt b"), &rang).await, 200, "another account's debt");
    assert_eq!(made(&app, "q1", &call(3, "q", "account a", "debt a"), &rang).await, 200, "another person of that debt");
}

#[tokio::test]
async fn after_a_conversation_a_debt_rests_for_a_week() {
    let app = start_with_law().await;
    let spoke = json!({ "GSW_CALL_RESULT": 33, "connected": true, "conversation": true });
    assert_eq!(made(&app, "a1", &call(0, "p", "account a", "debt a"), &spoke).await, 200);
    assert_eq!(made(&app, "a2", &call(1, "p", "account a", "debt a"), &spoke).await, 409);
    assert_eq!(made(&app, "b1", &call(1, "p", "account b", "debt b"), &spoke).await, 200);
    // the day of the conversation is the first
    app.clock.set("2026-03-09T17:00:00Z");
    assert_eq!(made(&app, "a3", &call(0, "p", "account a", "debt a"), &spoke).await, 409);
    app.clock.set("2026-03-10T17:00:00Z");
    assert_eq!(made(&app, "a4", &call(0, "p", "account a", "debt a"), &spoke).await, 200);
}

#[tokio::test]
async fn a_call_about_two_accounts_counts_for_each_of_them() {
    let kind = r#"attempt_cap = { max = 1, window = { local_days = 1 }, scope = "account", channels = ["voice"] }"#;
    let rules = RuleData { packs: one_rule(kind), ..RuleData::default() };
    let app = TestApp::start(|app| cxc_compliance_manager::service(App { rules, ..app }).unwrap()).await.unwrap();
    app.clock.set(NOON);
    let call = |n: u32, accounts: &[&str]| {
        json!({ "type": "voice", "contact": { "client_id": format!("c{n}"), "accounts": accounts },
            "device": { "e164": phone(n) }, "hold_ms": 60_000 })
    };
    app.post(VALIDATE).json(&call(1, &["a", "b"])).await.expect(200);
    for accounts in [["a", "x"], ["y", "b"]] {
        let no = app.post(VALIDATE).json(&call(2, &accounts)).await.expect(409);
        assert_eq!(no["reasons"][0]["rule_id"], "US-TEST", "{no}");
    }
    app.post(VALIDATE).json(&call(3, &["c"])).await.expect(200);
}

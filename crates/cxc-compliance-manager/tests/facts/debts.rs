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

/// One attempt for each account in a window.
async fn start_with_cap_of_accounts(window: &str) -> TestApp {
    let kind =
        format!(r#"attempt_cap = {{ max = 1, window = {{ {window} }}, scope = "account", channels = ["voice"] }}"#);
    let rules = RuleData { packs: one_rule(&kind), ..RuleData::default() };
    let app = TestApp::start(|app| cxc_compliance_manager::service(App { rules, ..app }).unwrap()).await.unwrap();
    app.clock.set(NOON);
    app
}

fn about(n: u32, accounts: &[&str]) -> Value {
    json!({ "type": "voice", "contact": { "client_id": format!("c{n}"), "accounts": accounts },
        "device": { "e164": phone(n) }, "hold_ms": 60_000 })
}

#[tokio::test]
async fn a_call_about_two_accounts_counts_for_each_of_them() {
    let app = start_with_cap_of_accounts("local_days = 1").await;
    app.post(VALIDATE).json(&about(1, &["a", "b"])).await.expect(200);
    for accounts in [["a", "x"], ["y", "b"]] {
        let no = app.post(VALIDATE).json(&about(2, &accounts)).await.expect(409);
        assert_eq!(no["reasons"][0]["rule_id"], "US-TEST", "{no}");
    }
    app.post(VALIDATE).json(&about(3, &["c"])).await.expect(200);
}

#[tokio::test]
async fn a_final_report_adds_the_debts_and_the_person_that_the_beginning_did_not_name() {
    let app = start_with_law().await;
    let begun = report(
        "g1",
        0,
        &json!({ "contact_info": phone(1), "c_client_id": "p", "c_debt_id": "A",
        "c_collector": "agency", "cxc_purpose": "collections" }),
    );
    app.post(REPORTS).json(&begun).await.expect(200);
    let ended = report(
        "g1",
        1,
        &json!({ "GSW_CALL_RESULT": 33, "conversation": true, "c_debt_id": "A,B",
        "cxc_person_key": "p" }),
    );
    assert_eq!(app.post(REPORTS).json(&ended).await.expect(200)["advanced"], 1);
    app.clock.advance(std::time::Duration::from_secs(3 * 3_600));
    for debt in ["A", "B"] {
        // the person by another device
        let no = app.post(VALIDATE).json(&call(2, "p", "x", debt)).await.expect(409);
        assert_eq!(no["code"], "cool_down", "{debt}: {no}");
    }
    app.post(VALIDATE).json(&call(2, "p", "x", "C")).await.expect(200);
}

#[tokio::test]
async fn the_devices_of_a_debtor_share_the_count_of_the_debt_where_nobody_says_who_it_is() {
    let app = start_with_law().await;
    let rang = json!({ "GSW_CALL_RESULT": 7, "connected": true });
    let of_debt = |n: u32| {
        let mut call = call(n, "p", "account a", "debt a");
        let contact = call["contact"].as_object_mut().unwrap();
        contact.remove("client_id");
        contact.remove("person_key");
        call
    };
    for n in 0..7 {
        app.clock.set(&format!("2026-03-{:02}T16:00:00Z", 3 + n / 2));
        app.clock.advance(std::time::Duration::from_secs(u64::from(n % 2) * 7_200));
        assert_eq!(made(&app, &format!("a{n}"), &of_debt(n), &rang).await, 200, "call {n}");
    }
    assert_eq!(made(&app, "a8", &of_debt(8), &rang).await, 409);
}

#[tokio::test]
async fn of_several_accounts_each_that_stands_in_the_way_counts_whatever_their_order() {
    let app = start_with_cap_of_accounts("rolling_hours = 24").await;
    app.post(VALIDATE).json(&about(1, &["a"])).await.expect(200);
    app.clock.advance(std::time::Duration::from_secs(4 * 3_600));
    app.post(VALIDATE).json(&about(2, &["b"])).await.expect(200);
    for accounts in [["a", "b"], ["b", "a"]] {
        let no = app.post(VALIDATE).json(&about(3, &accounts)).await.expect(409);
        assert_eq!(no["not_before"], "2026-03-04T21:00:00Z", "that of the later one: {no}");
    }
}

/// Whether a rule stands in the way.
async fn bars(app: &TestApp, asked: &Value, rule: &str) -> bool {
    let answer = app.post(VALIDATE).json(asked).await.json();
    answer["reasons"].as_array().unwrap().iter().any(|reason| reason["rule_id"] == rule)
}

#[tokio::test]
async fn what_is_reported_without_a_purpose_counts_for_the_caps_of_collections_and_of_sales() {
    let app = start_with_law().await;
    app.put("/compliance/legal-rules/US-NYC-COLLECT/setting").json(&json!({ "state": "on" })).await.expect(200);
    let (miami, york) = ("+13055550100", "+12129300001");
    for (told, collects, sells) in
        [(None, true, true), (Some("telemarketing"), false, true), (Some("survey"), false, false)]
    {
        for (n, phone) in [miami, miami, miami, york, york, york].into_iter().enumerate() {
            let rang = json!({ "contact_info": phone, "c_client_id": told, "cxc_purpose": told, "GSW_CALL_RESULT": 7 });
            app.post(REPORTS).json(&report(&format!("{told:?} {n}"), 1, &rang)).await.expect(200);
        }
        let asked = |phone: &str, purpose: &str| {
            json!({ "type": "voice", "purpose": purpose, "tech": "live", "contact": { "client_id": told },
                "device": { "e164": phone } })
        };
        assert_eq!(bars(&app, &asked(york, "collections"), "US-NYC-COLLECT").await, collects, "{told:?}");
        assert_eq!(bars(&app, &asked(miami, "telemarketing"), "US-FL-CAP").await, sells, "{told:?}");
        // what was told first would count for what is told next
        app.clock.advance(std::time::Duration::from_secs(8 * 86_400));
    }
}

#[tokio::test]
async fn a_number_is_not_called_once_more_by_another_client_id() {
    let app = start_with_law().await;
    let miami = "+13055550100";
    for n in 0..3 {
        let rang =
            json!({ "contact_info": miami, "c_client_id": "a", "cxc_purpose": "telemarketing", "GSW_CALL_RESULT": 7 });
        app.post(REPORTS).json(&report(&format!("a{n}"), 1, &rang)).await.expect(200);
    }
    for (client, phone, barred) in
        [("a", miami, true), ("b", miami, true), ("a", "+13055550101", true), ("b", "+13055550101", false)]
    {
        let asked = json!({ "type": "voice", "purpose": "telemarketing", "tech": "live",
            "contact": { "client_id": client }, "device": { "e164": phone } });
        assert_eq!(bars(&app, &asked, "US-FL-CAP").await, barred, "{client} {phone}");
    }
}

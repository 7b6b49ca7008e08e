//! Questions and what they are answered.
use super::*;

#[tokio::test]
async fn only_programs_with_the_scope_ask() {
    let app = start().await;
    for path in [VALIDATE, RECORDS, REPORTS, "/internal/v1/compliance/validations/batch"] {
        assert_eq!(app.stranger().post(path).json(&json!({})).await.expect_problem(401), "unauthenticated");
        let reader = app.with_scopes(&[Scope::ComplianceRead]).await.unwrap();
        assert_eq!(reader.post(path).json(&json!({})).await.expect_problem(403), "scope_missing");
    }
    let dialer = app.with_scopes(&[Scope::ComplianceValidate]).await.unwrap();
    dialer.post(VALIDATE).json(&ask(1, "a", 0)).await.expect(200);
    let mut theirs = ask(1, "a", 0);
    theirs["ccid"] = json!("ccid-other");
    assert_eq!(dialer.post(VALIDATE).json(&theirs).await.expect_problem(403), "forbidden");
}

#[tokio::test]
async fn what_is_wrong_with_a_question_is_named() {
    let app = start().await;
    let wrong = json!({ "type": "voice", "device": { "e164": "12" }, "hold_ms": 3_600_001,
        "contact": { "accounts": vec!["a"; 21], "tz": "Mars/Olympus", "country": "X9" } });
    let refused = app.post(VALIDATE).json(&wrong).await.expect(422);
    let mut pointers: Vec<&str> =
        refused["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap()).collect();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/contact/accounts", "/contact/country", "/contact/tz", "/device/e164", "/hold_ms"]);
    app.post(VALIDATE).json(&json!({ "type": "fax", "device": {} })).await.expect(422);
    let places = |refused: Value| -> Vec<String> {
        refused["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap().to_owned()).collect()
    };
    let many = json!({ "type": "fax", "purpose": "fun", "device": { "e164": 7 }, "colour": "red" });
    assert_eq!(
        places(app.post(VALIDATE).json(&many).await.expect(422)),
        ["/type", "/colour", "/device/e164", "/purpose"]
    );
    let group = "01890000-0000-7000-8000-000000000000";
    let mut wrong = [ask(1, "a", 0), ask(2, "b", 0), ask(3, "c", 0)];
    wrong[0]["device"]["e164"] = json!("12");
    (wrong[2]["group_id"], wrong[2]["contact"]["tz"]) = (json!(group), json!("Mars/Olympus"));
    let refused =
        app.post("/internal/v1/compliance/validations/batch").json(&json!({ "items": wrong })).await.expect(422);
    assert_eq!(places(refused), ["/items/0/device/e164", "/items/2/contact/tz", "/items/2/group_id"]);
    app.post(VALIDATE).json(&json!({ "type": "email", "device": { "e164": phone(1) } })).await.expect(422);
    app.post(VALIDATE).json_text("{").await.expect(400);
    let many = json!({ "items": vec![ask(1, "a", 0); 501] });
    assert_eq!(
        app.post("/internal/v1/compliance/validations/batch").json(&many).await.expect_problem(413),
        "too_many_items"
    );
    let none = app.post("/internal/v1/compliance/validations/batch").json(&json!({ "items": [] })).await;
    assert_eq!(places(none.expect(422)), ["/items"]);
    let group =
        json!({ "type": "sms", "device": { "e164": phone(1) }, "group_id": "01890000-0000-7000-8000-000000000000" });
    app.post(VALIDATE).json(&group).await.expect(422);
}

#[tokio::test]
async fn a_record_that_names_two_devices_is_refused() {
    let app = start().await;
    let record = |contact: &str, other: &str| json!({ "GSW_RECORD_HANDLE": 1, "contact_info": contact, "GSW_PHONE": other, "email": "a@example.com" });
    let refused = app.post(RECORDS).json(&record(&phone(1), &phone(2))).await.expect(422);
    assert_eq!(refused["errors"][0]["pointer"], "/GSW_PHONE", "{refused}");
    app.post(RECORDS).json(&record(&phone(1), "+1 (212) 930-0001")).await.expect(200);
    let email = json!({ "GSW_RECORD_HANDLE": 1, "contact_info": "a@example.com", "contact_info_type": 10,
        "GSW_PHONE": phone(2), "c_tz_name": "America/New_York" });
    app.post(RECORDS).json(&email).await.expect(200);
}

#[tokio::test]
async fn a_question_is_answered_with_every_reason_and_the_earliest_instant() {
    let app = start().await;
    let answer = app.post(VALIDATE).json(&ask(1, "a", 0)).await.expect(200);
    assert_eq!((&answer["decision"], &answer["request_id"]), (&json!("allow"), &json!("r")));
    assert!(answer["evidence_id"].is_null() && answer["reservation_id"].is_null(), "a question leaves nothing behind");
    app.clock.set(NIGHT);
    let answer = app.post(VALIDATE).json(&ask(1, "a", 60_000)).await.expect(409);
    assert_eq!((&answer["decision"], &answer["code"]), (&json!("defer"), &json!("contact_times")));
    assert_eq!(answer["not_before"], "2026-03-03T13:00:00Z");
    assert_eq!(answer["reasons"][0]["scope"], "contact_times");
    assert!(answer["reservation_id"].is_null() && answer["evidence_id"].is_string());
    assert!(attempts(&app, 1).await.is_empty());
    app.clock.set(NOON);
    app.post(VALIDATE).json(&ask(1, "a", 60_000)).await.expect(200);
}

#[tokio::test]
async fn a_suppressed_device_ends_as_do_not_call() {
    let app = TestApp::start_all(vec![
        Box::new(|app| cxc_compliance_manager::service(app).unwrap()),
        Box::new(|app| {
            use std::sync::Arc;
            let readers = cxc_list_manager::Readers {
                phones: Arc::new(cxc_core::phone::PhoneParser::new().unwrap()),
                tables: cxc_core::location::LiveTables::new(cxc_core::location::LocationTables::embedded().unwrap()),
                locations: Arc::new(cxc_store::location::Locations::new()),
            };
            cxc_list_manager::service(app, readers).unwrap()
        }),
    ])
    .await
    .unwrap();
    app.clock.set(NOON);
    let list = json!({ "name": "do not call", "type": "device", "required": true, "channels": ["voice", "sms"] });
    let list = app.create("/suppression-lists", &list).await;
    let entries = format!("/suppression-lists/{}/entries", list["id"].as_str().unwrap());
    app.post(&entries).json(&json!({ "value": phone(1) })).await.expect(201);
    let record = json!({ "GSW_RECORD_HANDLE": "h", "contact_info": phone(1), "GSW_CALL_ATTEMPT_GUID": "g" });
    let no = app.post(RECORDS).json(&record).await.expect(409);
    assert_eq!((&no["code"], &no["callResult"], &no["ruleId"]), (&json!("suppressed"), &json!(51), &list["id"]));
    let email =
        json!({ "type": "email", "device": { "email": "A@Example.com" }, "contact": { "tz": "America/New_York" } });
    app.post(VALIDATE).json(&email).await.expect(200);
}

#[tokio::test]
async fn each_limit_is_answered_with_its_reason() {
    let app = start().await;
    for _ in 0..10 {
        app.post(VALIDATE).json(&ask(1, "a", 0)).await.expect(200);
    }
    let refused = app.post(VALIDATE).json(&ask(1, "a", 0)).await;
    assert_eq!(refused.expect(429)["reason"], "device");
    assert!(refused.header("retry-after").unwrap().parse::<u32>().unwrap() <= 6);
    for n in 2..12 {
        app.post(VALIDATE).json(&ask(n, "a", 0)).await.expect(200);
    }
    assert_eq!(app.post(VALIDATE).json(&ask(12, "a", 0)).await.expect(429)["reason"], "customerId");
    let batch = json!({ "items": (0..15).map(|_| ask(50, "b", 0)).collect::<Vec<_>>() });
    let answers = app.post("/internal/v1/compliance/validations/batch").json(&batch).await.expect(200);
    let codes: Vec<_> = answers["items"].as_array().unwrap().iter().map(|i| i["code"].clone()).collect();
    assert_eq!(codes.iter().filter(|c| **c == json!("rate_limited")).count(), 5, "a batch counts its items");
}

#[tokio::test]
async fn a_record_that_is_not_to_be_dialed_names_the_rule_and_the_result() {
    let app = start().await;
    let switch = json!({ "stopped": true, "reason": "audit" });
    app.put("/compliance/stop-switch").json(&switch).await.expect(200);
    let record = json!({ "GSW_RECORD_HANDLE": "h", "contact_info": phone(1) });
    let stopped = app.post(RECORDS).json(&record).await.expect(409);
    assert_eq!((&stopped["ruleType"], &stopped["ruleId"]), (&json!("stop_switch"), &json!("stop_switch")));
    assert!(stopped["earliest"].is_string() && stopped["callResult"].is_null());
}

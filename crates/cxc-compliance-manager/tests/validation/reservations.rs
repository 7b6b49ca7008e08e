//! Attempts that are held until they are reported.
use super::*;

#[tokio::test]
async fn a_reservation_is_an_attempt_until_it_is_reported_or_released() {
    let app = start().await;
    cap(&app, 1, "device").await;
    let held = app.post(VALIDATE).json(&ask(1, "a", 60_000)).await.expect(200);
    assert_eq!(held["expires_at"], "2026-03-03T17:01:00Z");
    let second = app.post(VALIDATE).json(&ask(1, "a", 60_000)).await.expect(409);
    assert_eq!(second["code"], "history_pending");
    let elsewhere = app.post(VALIDATE).json(&ask(2, "a", 60_000)).await.expect(409);
    assert_eq!(elsewhere["code"], "history_pending", "the same person on another device");
    assert_eq!(attempts(&app, 1).await[0]["state"], "reserved");
    let id = held["reservation_id"].as_str().unwrap();
    app.post(&format!("/internal/v1/reservations/{id}/actions/release")).await.expect(204);
    app.post(&format!("/internal/v1/reservations/{id}/actions/release")).await.expect(409);
    assert_eq!(attempts(&app, 1).await[0]["state"], "not_sent");
    app.post(VALIDATE).json(&ask(1, "a", 60_000)).await.expect(200);
}

#[tokio::test]
async fn one_call_to_a_person_is_under_way_whatever_the_device_and_client_id() {
    let app = start().await;
    let call = |n: u32, kind: &str, person: &str, hold_ms: u32| {
        let contact = json!({ "client_id": format!("c-{n}"), "person_key": person, "debts": ["D-1"] });
        json!({ "request_id": "r", "type": kind, "contact": contact, "device": { "e164": phone(n) }, "hold_ms": hold_ms })
    };
    let held = app.post(VALIDATE).json(&call(1, "voice", "P", 60_000)).await.expect(200);
    for hold in [0, 60_000] {
        let second = app.post(VALIDATE).json(&call(2, "voice", "P", hold)).await.expect(409);
        assert_eq!(second["code"], "history_pending", "held for {hold}");
    }
    app.post(VALIDATE).json(&call(3, "voice", "Q", 60_000)).await.expect(200);
    let text = json!({ "purpose": "informational" });
    let mut text_message = call(4, "sms", "P", 60_000);
    text_message.as_object_mut().unwrap().extend(text.as_object().unwrap().clone());
    app.post(VALIDATE).json(&text_message).await.expect(200);
    let id = held["reservation_id"].as_str().unwrap();
    app.post(&format!("/internal/v1/reservations/{id}/actions/release")).await.expect(204);
    // of those that ask at once one is answered by yes
    let asks: Vec<Value> = (5..13).map(|n| call(n, "voice", "P", 60_000)).collect();
    let answers = futures_util::future::join_all(asks.iter().map(async |ask| app.post(VALIDATE).json(ask).await)).await;
    let allowed = answers.iter().filter(|answer| answer.status.as_u16() == 200).count();
    assert_eq!(allowed, 1);
}

#[tokio::test]
async fn a_reservation_that_nobody_confirms_hardens_and_counts() {
    let mut app = start().await;
    cap(&app, 1, "device").await;
    let held = app.post(VALIDATE).json(&ask(1, "a", 1_000)).await.expect(200);
    app.clock.advance(Duration::from_secs(2));
    app.run_work();
    let state = async || attempts(&app, 1).await[0]["state"].as_str().unwrap().to_owned();
    for _ in 0..100 {
        if state().await == "in_doubt" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(state().await, "in_doubt");
    let refused = app.post(VALIDATE).json(&ask(1, "a", 1_000)).await.expect(409);
    assert_eq!((&refused["code"], &refused["reasons"][0]["observed"]), (&json!("attempt_rule"), &json!(1)));
    let id = held["reservation_id"].as_str().unwrap();
    app.post(&format!("/internal/v1/reservations/{id}/actions/release")).await.expect(409);
    // the result comes after all
    let late = report("late", 1, &json!({ "cxc_reservation_id": id, "GSW_CALL_RESULT": 6 }));
    assert_eq!(app.post(REPORTS).json(&late).await.expect(200)["advanced"], 1);
    assert_eq!(state().await, "final");
    app.stop_work().await.unwrap();
}

#[tokio::test]
async fn a_record_is_dialed_with_its_handle_as_etag_and_once_at_a_time() {
    let app = start().await;
    let record = |guid: &str| {
        json!({ "GSW_RECORD_HANDLE": 4711, "contact_info": phone(1), "c_client_id": "a",
        "GSW_CALL_ATTEMPT_GUID": guid, "GSW_TENANT_CCID": "ccid-one", "something_else": [1] })
    };
    let yes = app.post(RECORDS).json(&record("g1")).await;
    let id = yes.expect(200)["cxc_reservation_id"].clone();
    assert_eq!(yes.header("etag"), Some("4711"));
    let again = app.post(RECORDS).json(&record("g1")).await.expect(200);
    assert_eq!(again["cxc_reservation_id"], id, "a repeated question has the same answer");
    let no = app.post(RECORDS).json(&record("g2")).await.expect(409);
    assert_eq!(no["code"], "history_pending");
    for (member, other) in [("contact_info", json!(phone(2))), ("c_client_id", json!("b"))] {
        let mut moved = record("g1");
        moved[member] = other;
        let refused = app.post(RECORDS).json(&moved).await.expect(409);
        assert_eq!(refused["code"], "guid_used", "the same id with another {member}");
    }
    for (sequence, more) in [(0, json!({})), (1, json!({ "GSW_CALL_RESULT": 7, "contact_info": phone(1) }))] {
        app.post(REPORTS).json(&report("g1", sequence, &more)).await.expect(200);
    }
    let used = app.post(RECORDS).json(&record("g1")).await.expect(409);
    assert_eq!(used["code"], "guid_used", "an id stands for one attempt");
    app.post(RECORDS).json(&record("g3")).await.expect(200);
    app.post(RECORDS).json(&json!({ "contact_info": phone(1) })).await.expect(422);
}

#[tokio::test]
async fn a_batch_holds_a_cap_also_among_its_own_items() {
    let app = start().await;
    cap(&app, 2, "client_id").await;
    let items: Vec<Value> =
        (0..5).map(|n| ask(n, &format!("client {n}"), 60_000)).chain([ask(9, "client 0", 60_000)]).collect();
    let answers =
        app.post("/internal/v1/compliance/validations/batch").json(&json!({ "items": items })).await.expect(200);
    let decisions: Vec<&str> =
        answers["items"].as_array().unwrap().iter().map(|i| i["decision"].as_str().unwrap()).collect();
    assert_eq!(decisions, ["allow", "allow", "allow", "allow", "allow", "defer"]);
    assert_eq!(answers["items"][5]["code"], "history_pending");
}

/// Sweeps until the attempts on a device stand so.
async fn until_all_are(app: &TestApp, n: u32, state: &str) {
    let started = std::time::Instant::now();
    loop {
        let found = attempts(app, n).await;
        if !found.is_empty() && found.iter().all(|attempt| attempt["state"] == state) {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{found:?} are not {state}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn an_attempt_whose_result_never_comes_counts_in_doubt_and_no_longer_holds_the_person() {
    let mut app = start().await;
    let two_days = json!({ "name": "cap", "maxAttempts": 2, "window": { "seconds": 172_800 }, "results": [],
        "countBy": "device", "required": true });
    app.create("/compliance/attempt-rules", &two_days).await;
    let record =
        |guid: &str| json!({ "GSW_RECORD_HANDLE": 1, "contact_info": phone(1), "GSW_CALL_ATTEMPT_GUID": guid });
    app.post(RECORDS).json(&record("g1")).await.expect(200);
    app.post(REPORTS).json(&report("g1", 0, &json!({ "contact_info": phone(1) }))).await.expect(200);
    assert_eq!(app.post(RECORDS).json(&record("g2")).await.expect(409)["code"], "history_pending");
    app.run_work();
    app.clock.advance(Duration::from_secs(24 * 3_600 - 60));
    assert_eq!(app.post(RECORDS).json(&record("g2")).await.expect(409)["code"], "history_pending");
    app.clock.advance(Duration::from_secs(61));
    until_all_are(&app, 1, "in_doubt").await;
    // its own id stands for it for ever, and says so; another attempt is one more
    assert_eq!(app.post(RECORDS).json(&record("g1")).await.expect(409)["code"], "guid_used");
    app.clock.set("2026-03-04T17:05:00Z");
    app.post(RECORDS).json(&record("g2")).await.expect(200);
    let ended = report("g2", 1, &json!({ "contact_info": phone(1), "GSW_CALL_RESULT": 6 }));
    app.post(REPORTS).json(&ended).await.expect(200);
    let third = app.post(RECORDS).json(&record("g3")).await.expect(409);
    assert_eq!((&third["code"], &third["ruleType"]), (&json!("attempt_rule"), &json!("attempt_rule")), "both count");
    let late = report("g1", 1, &json!({ "contact_info": phone(1), "GSW_CALL_RESULT": 6 }));
    assert_eq!(app.post(REPORTS).json(&late).await.expect(200)["advanced"], 1, "the result may still come");
    app.stop_work().await.unwrap();
}

/// Asks and holds under an id, and asks again with it.
async fn hold(app: &TestApp, guid: &str, n: u32) -> (Value, Value) {
    let mut asked = ask(n, "a", 600_000);
    asked["guid"] = json!(guid);
    let first = app.post(VALIDATE).json(&asked).await.expect(200);
    (asked, first)
}

#[tokio::test]
async fn who_asks_again_is_answered_by_what_holds_by_now() {
    let app = start().await;
    cap(&app, 1, "device").await;
    let (asked, first) = hold(&app, "g1", 1).await;
    let again = app.post(VALIDATE).json(&asked).await.expect(200);
    assert_eq!(again["reservation_id"], first["reservation_id"], "it does not stand in its own way");
    assert_eq!(again["not_after"], first["not_after"]);
    app.post("/compliance/consents/revoke").json(&json!({ "device": phone(1) })).await.expect(200);
    let no = app.post(VALIDATE).json(&asked).await.expect(409);
    assert_eq!((&no["code"], &no["reservation_id"]), (&json!("opted_out"), &Value::Null), "{no}");
    // it is not given back by that: its attempt may have begun
    assert_eq!(attempts(&app, 1).await[0]["state"], "reserved");
    let id = first["reservation_id"].as_str().unwrap();
    app.post(&format!("/internal/v1/reservations/{id}/actions/release")).await.expect(204);
}

#[tokio::test]
async fn who_asks_again_is_stopped_by_the_switch() {
    let app = start().await;
    let (asked, _) = hold(&app, "g1", 1).await;
    let switch = json!({ "stopped": true, "reason": "court order" });
    app.put("/compliance/stop-switch").json(&switch).await.expect(200);
    tokio::time::sleep(Duration::from_millis(2_300)).await;
    app.post(VALIDATE).json(&asked).await.expect(409);
}

#[tokio::test]
async fn who_asks_twice_at_once_has_one_answer() {
    let app = start().await;
    let mut asked = ask(1, "a", 600_000);
    asked["guid"] = json!("g1");
    let one = async || app.post(VALIDATE).json(&asked).await.expect(200)["reservation_id"].clone();
    let (a, b, c, d) = tokio::join!(one(), one(), one(), one());
    assert!([&b, &c, &d].iter().all(|id| **id == a), "{a} {b} {c} {d}");
    assert_eq!(attempts(&app, 1).await.len(), 1);
}

#[tokio::test]
async fn what_was_given_back_and_called_all_the_same_counts() {
    let app = start().await;
    cap(&app, 1, "device").await;
    let (_, held) = hold(&app, "g1", 1).await;
    let id = held["reservation_id"].as_str().unwrap();
    app.post(&format!("/internal/v1/reservations/{id}/actions/release")).await.expect(204);
    let called = report("g1", 1, &json!({ "contact_info": phone(1), "GSW_CALL_RESULT": 33 }));
    assert_eq!(app.post(REPORTS).json(&called).await.expect(200)["advanced"], 1);
    assert_eq!(attempts(&app, 1).await[0]["state"], "final");
    assert_eq!(app.post(VALIDATE).json(&ask(1, "b", 0)).await.expect(409)["code"], "attempt_rule");
}

#[tokio::test]
async fn blanks_round_a_key_make_it_no_other() {
    let app = start().await;
    cap(&app, 1, "client_id").await;
    app.post("/compliance/consents/revoke").json(&json!({ "clientId": "CS1" })).await.expect(200);
    for client in ["CS1", "CS1 ", " CS1"] {
        let no = app.post(VALIDATE).json(&ask(1, client, 0)).await.expect(409);
        assert_eq!(no["code"], "opted_out", "{client:?}");
    }
}

//! What a dialer says otherwise than it asked: what was held stays, and what is said counts besides.
use serde_json::json;

use super::*;

/// One attempt a day by what a rule counts.
async fn cap(app: &TestApp, count_by: &str) {
    let rule = json!({ "name": count_by, "maxAttempts": 1, "window": { "seconds": 86_400 }, "results": [],
        "countBy": count_by, "required": true });
    app.create("/compliance/attempt-rules", &rule).await;
}

async fn is_allowed(app: &TestApp, ask: &Value) -> bool {
    app.post(VALIDATE).json(ask).await.json()["decision"] == "allow"
}

/// A question about a debt.
fn of_debt(n: u32, debts: &[&str]) -> Value {
    json!({ "type": "voice", "purpose": "collections", "tech": "live", "collector": "agency",
        "contact": { "client_id": format!("c{n}"), "person_key": format!("c{n}"), "accounts": ["a"], "debts": debts, "flags": [] },
        "device": { "e164": phone(n) } })
}

#[tokio::test]
async fn an_id_stands_for_the_attempt_that_was_held_and_for_no_other() {
    let app = start().await;
    let mut held = ask(1, "a", 60_000);
    held["contact"]["debts"] = json!(["d1", "d2"]);
    held["guid"] = json!("g1");
    let first = app.post(VALIDATE).json(&held).await.expect(200);
    let other = |change: &dyn Fn(&mut Value)| {
        let mut asked = held.clone();
        change(&mut asked);
        asked
    };
    let fewer = other(&|asked| asked["contact"]["debts"] = json!(["d1"]));
    assert_eq!(app.post(VALIDATE).json(&fewer).await.expect(200)["reservation_id"], first["reservation_id"]);
    for asked in [
        other(&|asked| asked["contact"]["debts"] = json!(["d1", "d3"])),
        other(&|asked| asked["contact"]["accounts"] = json!(["x"])),
        other(&|asked| asked["contact"]["person_key"] = json!("p")),
        other(&|asked| asked["purpose"] = json!("informational")),
        other(&|asked| asked["topic"] = json!("loans")),
        other(&|asked| asked["collector"] = json!("agency")),
    ] {
        let no = app.post(VALIDATE).json(&asked).await.expect(409);
        assert_eq!(no["code"], "guid_used", "{asked}: {no}");
    }
}

#[tokio::test]
async fn an_attempt_that_begins_and_ends_in_one_request_is_one() {
    let app = start_with_law().await;
    let begun = json!({ "contact_info": phone(1), "c_client_id": "c1", "cxc_person_key": "c1", "c_debt_id": "d",
        "c_collector": "agency", "cxc_purpose": "collections" });
    let ended = json!({ "GSW_CALL_RESULT": 33, "conversation": true });
    // whatever their order
    let both = json!([report("g1", 1, &ended), report("g1", 0, &begun)]);
    let taken = app.post(REPORTS).json(&both).await.expect(200);
    assert_eq!(taken, json!({ "new": 1, "advanced": 1, "repeated": 0 }));
    let no = app.post(VALIDATE).json(&of_debt(1, &["d"])).await.expect(409);
    assert!(no["reasons"].to_string().contains("US-REGF-COOLDOWN"), "{no}");
    let begun = json!({ "contact_info": phone(2) });
    let both = json!([report("g2", 0, &begun), report("g2", 1, &json!({ "GSW_CALL_RESULT": 51 }))]);
    app.post(REPORTS).json(&both).await.expect(200);
    assert!(is_out(&app.post(VALIDATE).json(&ask(2, "b", 0)).await.expect(409)));
}

#[tokio::test]
async fn another_device_or_client_than_was_held_counts_besides() {
    let app = start().await;
    cap(&app, "device").await;
    let mut held = ask(1, "a", 60_000);
    held["guid"] = json!("g1");
    app.post(VALIDATE).json(&held).await.expect(200);
    let other = json!({ "contact_info": phone(2), "c_client_id": "b", "GSW_CALL_RESULT": 7 });
    app.post(REPORTS).json(&report("g1", 1, &other)).await.expect(200);
    assert!(!is_allowed(&app, &ask(1, "x", 0)).await && !is_allowed(&app, &ask(2, "x", 0)).await);
    // said again it counts no more
    app.post(REPORTS).json(&report("g1", 1, &other)).await.expect(200);
    assert_eq!(
        app.get(&format!("/compliance/attempts?device=%2B{}", &phone(2)[1..])).await.expect(200)["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    // an attempt of nobody gets its device from its end
    app.post(REPORTS).json(&report("g2", 0, &json!({ "c_client_id": "c" }))).await.expect(200);
    app.post(REPORTS)
        .json(&report("g2", 1, &json!({ "contact_info": phone(3), "GSW_CALL_RESULT": 7 })))
        .await
        .expect(200);
    assert!(!is_allowed(&app, &ask(3, "c", 0)).await);
    let of_client = app.get("/compliance/attempts?clientId=c").await.expect(200);
    assert_eq!(of_client["items"].as_array().unwrap().len(), 1, "{of_client}");
}

#[tokio::test]
async fn a_report_takes_no_attempt_out_of_the_cap_under_which_it_was_allowed() {
    let app = start_with_law().await;
    let spoke = json!({ "GSW_CALL_RESULT": 33, "conversation": true, "c_collector": "another", "c_client_id": "o2",
        "cxc_purpose": "informational" });
    let mut held = of_debt(1, &["d"]);
    (held["guid"], held["hold_ms"]) = (json!("g1"), json!(60_000));
    app.post(VALIDATE).json(&held).await.expect(200);
    app.post(REPORTS).json(&report("g1", 1, &spoke)).await.expect(200);
    app.clock.advance(std::time::Duration::from_secs(7_200));
    let no = app.post(VALIDATE).json(&of_debt(1, &["d"])).await.expect(409);
    assert!(no["reasons"].to_string().contains("US-REGF-COOLDOWN"), "{no}");
}

#[tokio::test]
async fn a_reservation_is_confirmed_by_its_id_whatever_it_was_asked_by() {
    let app = start_with_law().await;
    let mut held = of_debt(1, &["d"]);
    (held["guid"], held["hold_ms"]) = (json!("asked"), json!(60_000));
    let yes = app.post(VALIDATE).json(&held).await.expect(200);
    let spoke = json!({ "cxc_reservation_id": yes["reservation_id"], "GSW_CALL_RESULT": 33, "conversation": true });
    let taken = app.post(REPORTS).json(&report("called", 1, &spoke)).await.expect(200);
    assert_eq!(taken["advanced"], 1, "{taken}");
    app.clock.advance(std::time::Duration::from_secs(7_200));
    let no = app.post(VALIDATE).json(&of_debt(1, &["d"])).await.expect(409);
    assert!(no["reasons"].to_string().contains("US-REGF-COOLDOWN"), "{no}");
    app.post(REPORTS)
        .json(&report("x", 1, &json!({ "cxc_reservation_id": "nope", "contact_info": phone(5) })))
        .await
        .expect(400);
}

#[tokio::test]
async fn what_a_report_says_so_that_it_can_not_be_read_is_refused() {
    let app = start().await;
    for more in [
        json!({ "c_debt_id": ["A", "B"] }),
        json!({ "contact_info": [phone(1)] }),
        json!({ "GSW_CALL_RESULT": [51] }),
        json!({ "cxc_type": "carrier pigeon" }),
        json!({ "GSW_CAMPAIGN_GROUP_GUID": "nope" }),
        json!({ "GSW_CALL_TIME": "0" }),
        json!({ "GSW_FINISH_TIME": -5 }),
        json!({ "c_client_id": "a", "C_CLIENT_ID": "b" }),
    ] {
        app.post(REPORTS).json(&report("g", 1, &more)).await.expect(400);
    }
    // names are read whatever their case
    let shouted = json!({ "CONTACT_INFO": phone(1), "gsw_call_result": 51 });
    app.post(REPORTS).json(&report("g", 1, &shouted)).await.expect(200);
    assert!(is_out(&app.post(VALIDATE).json(&ask(1, "a", 0)).await.expect(409)));
}

//! A dialer reports that somebody does not want to be called again.
use serde_json::json;

use super::*;

#[tokio::test]
async fn who_says_do_not_call_in_a_call_is_not_called_again_at_once() {
    let says = [
        json!({ "GSW_CALL_RESULT": 51 }),
        json!({ "GSW_CALL_RESULT": 33, "GSW_DISPOSITION_CODE": "Do Not Call" }),
        json!({ "GSW_CALL_RESULT": 33, "GSW_DISPOSITION_CODE": "DoNotCall" }),
    ];
    let app = start().await;
    for (n, more) in (1..).zip(&says) {
        let client = format!("client {n}");
        app.post(VALIDATE).json(&ask(n, &client, 0)).await.expect(200);
        let mut report = report(&format!("g{n}"), 1, more);
        report["contact_info"] = json!(phone(n));
        for _ in 0..2 {
            app.post(REPORTS).json(&report).await.expect(200);
        }
        let no = app.post(VALIDATE).json(&ask(n, &client, 60_000)).await.expect(409);
        assert_eq!((&no["decision"], &no["code"]), (&json!("deny"), &json!("opted_out")), "{more}: {no}");
    }
    let mut tx = app.app.db.read().await.unwrap();
    let device = app.app.hash_key.hash(app.tenant(), &phone(1));
    let ledger = tx.consents_of(app.tenant(), &[device], &[]).await.unwrap();
    assert_eq!(ledger.len(), 1, "a repeated report adds nothing");
    assert_eq!(ledger[0].source, "disposition");
    app.post(VALIDATE).json(&ask(9, "somebody else", 60_000)).await.expect(200);
}

#[tokio::test]
async fn a_do_not_call_that_follows_the_result_of_the_call_is_heard() {
    let app = start().await;
    for (n, late) in (1..).zip([json!({ "GSW_CALL_RESULT": 51 }), json!({ "GSW_DISPOSITION_CODE": "DoNotCall" })]) {
        let client = format!("client {n}");
        let say = |more: &serde_json::Value| {
            let mut report = report(&format!("g{n}"), 1, more);
            report["contact_info"] = json!(phone(n));
            report
        };
        app.post(REPORTS).json(&say(&json!({ "GSW_CALL_RESULT": 33 }))).await.expect(200);
        let answer = app.post(REPORTS).json(&say(&late)).await.expect(200);
        assert_eq!(answer["repeated"], 1, "the attempt itself goes no further");
        let no = app.post(VALIDATE).json(&ask(n, &client, 60_000)).await.expect(409);
        let is_heard = no["reasons"].as_array().unwrap().iter().any(|r| r["reason_code"] == "opted_out");
        assert!(no["decision"] == "deny" && is_heard, "{late}: {no}");
    }
}

#[tokio::test]
async fn a_do_not_call_without_an_address_is_that_of_its_attempt() {
    let app = start().await;
    let no_more = json!({ "GSW_CALL_RESULT": 51, "GSW_DISPOSITION_CODE": "DoNotCall" });
    // held before
    let mut held = ask(1, "client 1", 60_000);
    held["guid"] = json!("g1");
    app.post(VALIDATE).json(&held).await.expect(200);
    // begun before
    let begun = report("g2", 0, &json!({ "contact_info": phone(2) }));
    app.post(REPORTS).json(&begun).await.expect(200);
    // a number that can't be read beside a client id that can
    let mut unread = no_more.clone();
    (unread["contact_info"], unread["c_client_id"]) = (json!("12"), json!("client 3"));
    for (guid, more) in [("g1", &no_more), ("g2", &no_more), ("g3", &unread)] {
        app.post(REPORTS).json(&report(guid, 1, more)).await.expect(200);
    }
    for n in 1..=3 {
        let no = app.post(VALIDATE).json(&ask(n, &format!("client {n}"), 60_000)).await.expect(409);
        let is_heard = no["reasons"].as_array().unwrap().iter().any(|r| r["reason_code"] == "opted_out");
        assert!(no["decision"] == "deny" && is_heard, "{n}: {no}");
    }
    // of an email, of which the report says neither address nor channel
    let mut mail = json!({ "type": "email", "contact": { "client_id": "client 5", "tz": "America/New_York" }, "device": { "email": "ann@example.com" },
        "guid": "g5", "hold_ms": 60_000 });
    app.post(VALIDATE).json(&mail).await.expect(200);
    app.post(REPORTS).json(&report("g5", 1, &no_more)).await.expect(200);
    mail["guid"] = json!("g6");
    assert_eq!(app.post(VALIDATE).json(&mail).await.expect(409)["decision"], "deny");
    // of nobody: it is not taken for done
    app.post(REPORTS).json(&report("g4", 1, &no_more)).await.expect(400);
}

#[tokio::test]
async fn a_consent_that_a_caller_tells_ends_no_opt_out() {
    let app = start().await;
    let scope = json!({ "kind": "topic", "name": "loans" });
    app.post("/compliance/consents/revoke").json(&json!({ "device": phone(1), "scope": scope })).await.expect(200);
    let mut asked = ask(1, "a", 0);
    asked["topic"] = json!("loans");
    assert_eq!(app.post(VALIDATE).json(&asked).await.expect(409)["code"], "opted_out");
    asked["contact"]["consents"] = json!([{ "kind": "express", "at": NOON, "source": "crm", "scope": { "kind": "all" },
        "channels": [], "revoked": false }]);
    assert_eq!(app.post(VALIDATE).json(&asked).await.expect(409)["code"], "opted_out");
}

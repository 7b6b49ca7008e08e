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

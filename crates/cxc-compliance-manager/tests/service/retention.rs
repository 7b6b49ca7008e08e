//! How long attempts and evidence are kept.
use cxc_store::on;

use super::*;

/// An attempt so many days ago, with a person and a debt.
async fn attempted(app: &TestApp, guid: &str, n: u32, days: i64) {
    let at = app.app.clock.now() - jiff::SignedDuration::from_hours(24 * days);
    let more = json!({ "contact_info": phone(n), "c_client_id": guid, "cxc_person_key": guid, "c_debt_id": "D",
        "GSW_CALL_TIME": at.to_string(), "GSW_CALL_RESULT": 6 });
    app.post(REPORTS).json(&report(guid, 1, &more)).await.expect(200);
}

async fn keep(app: &TestApp, name: &str, days: u32) {
    let settings = app.get("/settings").await;
    app.patch("/settings").if_match(&settings.etag()).json(&json!({ name: days })).await.expect(200);
}

async fn count(app: &TestApp, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    let mut tx = app.app.db.read().await.unwrap();
    on!(&mut tx, conn => sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(conn).await.unwrap())
}

async fn guids(app: &TestApp) -> Vec<String> {
    let mut tx = app.app.db.read().await.unwrap();
    let sql = "SELECT r.guid FROM attempt a JOIN attempt_report r ON r.tenant = a.tenant AND r.attempt = a.id
        ORDER BY r.guid";
    on!(&mut tx, conn => sqlx::query_scalar(sql).fetch_all(conn).await.unwrap())
}

async fn cap(app: &TestApp, days: u32) {
    let body = json!({ "name": "cap", "maxAttempts": 5, "window": { "seconds": days * 86_400 }, "results": [],
        "countBy": "device" });
    app.create("/compliance/attempt-rules", &body).await;
}

#[tokio::test]
async fn attempts_go_when_they_are_older_than_the_tenant_wants_with_all_that_hangs_on_them() {
    let mut app = start().await;
    keep(&app, "historyRetentionDays", 90).await;
    for (guid, days) in [("a", 800), ("b", 91), ("c", 89), ("d", 0)] {
        attempted(&app, guid, 1, days).await;
    }
    // begun and never ended: it is still open
    let begun = app.app.clock.now() - jiff::SignedDuration::from_hours(24 * 100);
    let begun = json!({ "contact_info": phone(9), "GSW_CALL_TIME": begun.to_string() });
    app.post(REPORTS).json(&report("e", 0, &begun)).await.expect(200);
    assert_eq!((count(&app, "attempt").await, count(&app, "attempt_subject").await), (5, 8));
    app.run_work();
    until("what is too old goes", async || guids(&app).await == ["c", "d", "e"]).await;
    until("and what hangs on it", async || count(&app, "attempt_subject").await == 4).await;
    assert_eq!((count(&app, "attempt").await, count(&app, "attempt_report").await), (3, 3));
    app.stop_work().await.unwrap();
}

#[tokio::test]
async fn what_a_cap_counts_is_kept_whatever_the_tenant_wants() {
    let mut app = start().await;
    keep(&app, "historyRetentionDays", 35).await;
    cap(&app, 100).await;
    for (guid, days) in [("a", 110), ("b", 99), ("c", 2)] {
        attempted(&app, guid, 1, days).await;
    }
    app.run_work();
    until("what no cap counts goes", async || guids(&app).await == ["b", "c"]).await;
    app.stop_work().await.unwrap();
}

#[tokio::test]
async fn whose_rules_cannot_be_read_keeps_everything_and_others_do_not() {
    let mut app = start().await;
    keep(&app, "historyRetentionDays", 35).await;
    cap(&app, 5).await;
    attempted(&app, "a", 1, 50).await;
    let theirs = json!({ "GSW_TENANT_NAME": "other", "contact_info": phone(2), "GSW_CALL_RESULT": 6,
        "GSW_CALL_TIME": "2023-01-01T00:00:00Z" });
    app.other.post(REPORTS).json(&report("theirs", 1, &theirs)).await.expect(200);
    let mut tx = app.app.db.begin().await.unwrap();
    let sql = tx.choose(
        "UPDATE object SET body = '{\"maxAttempts\": \"many\"}'::jsonb WHERE kind = 'attempt_rule'",
        "UPDATE object SET body = '{\"maxAttempts\": \"many\"}' WHERE kind = 'attempt_rule'",
    );
    on!(&mut tx, conn => sqlx::query(sql).execute(conn).await.unwrap().rows_affected());
    tx.commit().await.unwrap();
    app.run_work();
    until("the other tenant's goes", async || guids(&app).await == ["a"]).await;
    app.stop_work().await.unwrap();
}

#[tokio::test]
async fn evidence_is_kept_for_as_long_as_the_tenant_wants() {
    let mut app = start().await;
    keep(&app, "evidenceRetentionDays", 2_000).await;
    app.post(VALIDATE).json(&ask(1, "a", 60_000)).await.expect(200);
    app.other.post(VALIDATE).json(&ask(1, "a", 60_000)).await.expect(200);
    app.clock.advance(Duration::from_secs(86_400 * 1_900));
    let kept = async |caller: &cxc_test::Caller| {
        caller.get("/compliance/evidence?clientId=a").await.expect(200)["items"].as_array().unwrap().len()
    };
    assert_eq!((kept(&app).await, kept(&app.other).await), (1, 1));
    app.run_work();
    until("five years are over for whoever wants no more", async || kept(&app.other).await == 0).await;
    assert_eq!(kept(&app).await, 1);
    app.stop_work().await.unwrap();
    // what was promised is kept, also where the law asks for less, and null would set it back to that
    for less in [json!(1_826), json!(1_999), json!(1_827), Value::Null] {
        let standing = app.get("/settings").await;
        let asked = app.patch("/settings").if_match(&standing.etag()).json(&json!({ "evidenceRetentionDays": less }));
        let refused = asked.await.expect(422);
        assert_eq!(refused["errors"][0]["pointer"], "/evidenceRetentionDays", "{less}: {refused}");
    }
    keep(&app, "evidenceRetentionDays", 2_000).await;
    keep(&app, "evidenceRetentionDays", 2_001).await;
}

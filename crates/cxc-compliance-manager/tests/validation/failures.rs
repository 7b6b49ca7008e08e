//! What happens when something is missing, and what operators see of it.
use super::*;

#[tokio::test]
async fn rules_that_cannot_be_read_allow_nobody() {
    let app = start().await;
    cap(&app, 5, "device").await;
    let mut tx = app.app.db.begin().await.unwrap();
    let sql = tx.choose(
        "UPDATE object SET body = '{\"maxAttempts\": \"many\"}'::jsonb WHERE kind = 'attempt_rule'",
        "UPDATE object SET body = '{\"maxAttempts\": \"many\"}' WHERE kind = 'attempt_rule'",
    );
    cxc_store::on!(&mut tx, conn => sqlx::query(sql).execute(conn).await.unwrap().rows_affected());
    tx.rule_set_moved(app.tenant()).await.unwrap();
    tx.commit().await.unwrap();
    let refused = app.post(VALIDATE).json(&ask(1, "a", 60_000)).await.expect(503);
    assert_eq!((&refused["decision"], &refused["reasons"][0]["scope"]), (&json!("error"), &json!("unreadable_rule")));
    let record = json!({ "GSW_RECORD_HANDLE": "h", "contact_info": phone(1) });
    assert_eq!(app.post(RECORDS).json(&record).await.expect_problem(503), "dependency_unavailable");
}

#[tokio::test]
async fn a_database_that_is_gone_allows_nobody_and_asks_to_keep_reports() {
    let app = start().await;
    app.post(VALIDATE).json(&ask(1, "a", 0)).await.expect(200);
    app.app.db.close().await;
    app.post(VALIDATE).json(&ask(2, "a", 0)).await.expect(503);
    app.post(VALIDATE).json(&ask(3, "a", 60_000)).await.expect(503);
    let answer = app.post(REPORTS).json(&report("g", 0, &json!({ "contact_info": phone(1) }))).await;
    assert_eq!(answer.expect_problem(503), "dependency_unavailable");
}

#[tokio::test]
async fn a_database_that_somebody_holds_does_not_hold_the_dialer() {
    let app = start().await;
    let mut tx = app.app.db.begin().await.unwrap();
    if let cxc_store::Tx::Postgres(tx) = &mut tx {
        sqlx::query("LOCK TABLE in_flight").execute(&mut **tx).await.unwrap();
    }
    let since = std::time::Instant::now();
    let no = app.post(VALIDATE).json(&ask(1, "a", 60_000)).await;
    assert_eq!(no.expect_problem(503), "dependency_unavailable");
    assert!(since.elapsed() < Duration::from_secs(20), "{:?}", since.elapsed());
    tx.rollback().await.unwrap();
    app.post(VALIDATE).json(&ask(2, "b", 60_000)).await.expect(200);
}

#[tokio::test]
async fn every_metric_is_fed_by_what_happens() {
    let app = start().await;
    let service = std::sync::Arc::new(std::sync::Mutex::new(None));
    let kept = std::sync::Arc::clone(&service);
    drop(app);
    let app = TestApp::start(move |app| {
        *kept.lock().unwrap() = Some(std::sync::Arc::clone(&app.metrics));
        cxc_compliance_manager::service(app).unwrap()
    })
    .await
    .unwrap();
    app.clock.set(NOON);
    for _ in 0..11 {
        app.post(VALIDATE).json(&ask(1, "a", 0)).await;
    }
    app.post(REPORTS)
        .json(&report("g", 1, &json!({ "contact_info": phone(1), "GSW_CALL_RESULT": 6 })))
        .await
        .expect(200);
    let text = service.lock().unwrap().as_ref().unwrap().render();
    let voice = "ccid=\"ccid-one\",tenant_name=\"one\",type=\"voice\"";
    for line in [
        format!("compliance_validation_complete_total{{{voice}}} 11"),
        format!("compliance_validation_success_total{{{voice}}} 10"),
        format!("compliance_validation_failed_total{{{voice}}} 1"),
        "compliance_validation_success_by_tenant{tenant_name=\"one\",type=\"voice\"} 10".into(),
        "compliance_validation_failed_by_tenant{tenant_name=\"one\",type=\"voice\"} 1".into(),
        format!("compliance_validation_under_processing_total{{{voice}}} 0"),
        format!("compliance_api_history_requests_total{{{voice}}} 1"),
        "compliance_ocs_calls_placed{GSW_CALL_RESULT=\"6\"} 1".into(),
        "cxc_compliance_validation_rate_limit_reached{ccid=\"ccid-one\",reason=\"device\"} 1".into(),
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is missing in\n{text}");
    }
    assert!(text.contains("cxc_compliance_request_latencies_ms_count"), "{text}");
}

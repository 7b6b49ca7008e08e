//! Programs of the operators' tenant speak for every tenant, in all calls alike; others for their own alone.
use cxc_server::principal::SYSTEM_TENANT;
use cxc_server::provision;
use cxc_server::scope::BuiltInRole;
use cxc_test::Caller;

use super::*;

const PASSWORD: &str = "correct-horse-battery-staple";

async fn operators(app: &TestApp) -> Caller {
    provision::user(&app.app, SYSTEM_TENANT, "root", PASSWORD, &[BuiltInRole::Operator]).await.unwrap();
    app.stranger().as_api_client("system\\root", PASSWORD, "dialer of all", &["compliance:validate"]).await.unwrap()
}

fn of(ccid: &str, mut body: Value, name: &str) -> Value {
    body[name] = json!(ccid);
    body
}

#[tokio::test]
async fn an_operators_program_validates_reports_and_releases_for_a_tenant_that_it_names() {
    let app = start().await;
    let all = operators(&app).await;
    let held = all.post(VALIDATE).json(&of("ccid-one", ask(1, "a", 60_000), "ccid")).await.expect(200);
    let release =
        |id: &Value, ccid: &str| format!("/internal/v1/reservations/{}/actions/release{ccid}", id.as_str().unwrap());
    let id = &held["reservation_id"];
    all.post(&release(id, "")).await.expect(409);
    all.post(&release(id, "?ccid=ccid-other")).await.expect(409);
    app.other.post(&release(id, "")).await.expect(409);
    assert_eq!(app.other.post(&release(id, "?ccid=ccid-one")).await.expect_problem(403), "forbidden");
    assert_eq!(all.post(&release(id, "?ccid=nobody")).await.expect_problem(404), "not_found");
    all.post(&release(id, "?ccid=ccid-one")).await.expect(204);
    app.post(VALIDATE).json(&ask(1, "a", 0)).await.expect(200);

    let held = app.post(VALIDATE).json(&ask(2, "b", 60_000)).await.expect(200);
    let ended = report("g", 1, &json!({ "cxc_reservation_id": held["reservation_id"], "GSW_CALL_RESULT": 6 }));
    let ended = of("ccid-one", ended, "GSW_TENANT_CCID");
    assert_eq!(all.post(REPORTS).json(&ended).await.expect(200)["advanced"], 1);
    app.post(&release(&held["reservation_id"], "?ccid=ccid-one")).await.expect(409);
    let record = json!({ "GSW_RECORD_HANDLE": 1, "contact_info": phone(3), "GSW_TENANT_CCID": "ccid-one" });
    all.post(RECORDS).json(&record).await.expect(200);
    assert_eq!(app.other.post(RECORDS).json(&record).await.expect_problem(403), "forbidden");
}

#[tokio::test]
async fn what_was_attempted_is_told_also_for_a_tenant_that_is_disabled_meanwhile() {
    let app = start().await;
    let all = operators(&app).await;
    let question = of("ccid-other", ask(1, "a", 60_000), "ccid");
    let held = all.post(VALIDATE).json(&question).await.expect(200);
    let second = all.post(VALIDATE).json(&of("ccid-other", ask(2, "b", 60_000), "ccid")).await.expect(200);
    let mut tx = app.app.db.begin().await.unwrap();
    let sql = tx.choose(
        "UPDATE tenant SET enabled = false WHERE ccid = 'ccid-other'",
        "UPDATE tenant SET enabled = 0 WHERE ccid = 'ccid-other'",
    );
    cxc_store::on!(&mut tx, conn => sqlx::query(sql).execute(conn).await.unwrap().rows_affected());
    tx.commit().await.unwrap();
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    assert_eq!(all.post(VALIDATE).json(&question).await.expect_problem(403), "forbidden");
    let ended = report("g", 1, &json!({ "cxc_reservation_id": held["reservation_id"], "GSW_CALL_RESULT": 6 }));
    all.post(REPORTS).json(&of("ccid-other", ended, "GSW_TENANT_CCID")).await.expect(200);
    let id = second["reservation_id"].as_str().unwrap();
    all.post(&format!("/internal/v1/reservations/{id}/actions/release?ccid=ccid-other")).await.expect(204);
}

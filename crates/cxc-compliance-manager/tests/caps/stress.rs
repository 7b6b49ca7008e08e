//! Workers in each other's way, on two services with pools and caches of their own: they ask, call, report and ask
//! again until nobody is allowed any more. What was allowed is what the cap says, not one more.
use std::sync::Arc;

use axum::Router;
use cxc_core::hash::HashKey;
use cxc_server::{App, INTERNAL_BASE, ServerConfig, http};
use cxc_store::{Db, DbOptions, on};
use cxc_test::{Caller, TestApp};
use serde_json::{Value, json};

const NOON: &str = "2026-03-03T17:00:00Z";
const VALIDATE: &str = "/internal/v1/compliance/validations";
/// Workers of each service.
const WORKERS: u32 = 4;

/// A service as another process has it, on the same database.
async fn another(first: &TestApp) -> Caller {
    let db = Db::open(&DbOptions::new(first.database().url())).await.unwrap();
    let (clock, rules) = (Arc::new(first.clock.clone()), first.app.rules.clone());
    let app = App::new(db, clock, HashKey([7; 16]), ServerConfig::default(), rules);
    let parts = cxc_compliance_manager::service(app.clone()).unwrap().into_parts();
    let router = http::finish_without_access(&app, Router::new().nest(INTERNAL_BASE, parts.internal));
    Caller::of_router(router).with_token(first.token().unwrap())
}

async fn start(max: u32, count_by: &str) -> TestApp {
    let app = TestApp::start(|app| cxc_compliance_manager::service(app).unwrap()).await.unwrap();
    app.clock.set(NOON);
    let limits = json!({ "validationsPerDevicePerMinute": 1_000_000, "validationsPerClientIdPerMinute": 1_000_000 });
    let settings = app.get("/settings").await;
    app.patch("/settings").if_match(&settings.etag()).json(&limits).await.expect(200);
    let rule = json!({ "name": "cap", "maxAttempts": max, "window": { "seconds": 86_400 }, "results": [],
        "countBy": count_by, "required": true });
    app.create("/compliance/attempt-rules", &rule).await;
    app
}

fn ask(device: u32, client: &str, debt: Option<&str>) -> Value {
    json!({ "type": "voice", "device": { "e164": format!("+1212930{device:04}") }, "hold_ms": 60_000,
        "contact": { "client_id": client, "debts": debt.into_iter().collect::<Vec<_>>() } })
}

/// Asks and calls until a rule says no; answers how often it was allowed to.
async fn work(caller: Caller, worker: u32, device: u32) -> u32 {
    let mut allowed = 0;
    for round in 0..10_000 {
        let answer = caller.post(VALIDATE).json(&ask(device, "one person", None)).await;
        let body = answer.json();
        match body["code"].as_str() {
            None => {
                allowed += 1;
                let report = json!({ "GSW_CALL_ATTEMPT_GUID": format!("{worker}-{round}"), "GSW_HIST_SEQUENCE_NUM": 1,
                    "GSW_TENANT_NAME": "one", "GSW_TENANT_CCID": "undefined", "GSW_CALL_RESULT": 6,
                    "cxc_reservation_id": body["reservation_id"] });
                caller.post("/internal/v1/attempts").json(&report).await.expect(200);
            }
            Some("history_pending" | "in_flight_elsewhere") => tokio::task::yield_now().await,
            Some("attempt_rule") => return allowed,
            other => panic!("{other:?}: {body}"),
        }
    }
    panic!("worker {worker} was never refused by the rule");
}

async fn counted(app: &TestApp) -> i64 {
    let mut tx = app.app.db.read().await.unwrap();
    const SQL: &str = "SELECT count(*) FROM attempt WHERE state <> 5";
    on!(&mut tx, conn => sqlx::query_scalar(SQL).fetch_one(conn).await.unwrap())
}

/// Workers at two services by turns; how many attempts they were allowed together.
async fn crowd<F>((first, second): (&TestApp, &Caller), work: impl Fn(Caller, u32) -> F) -> u32
where
    F: Future<Output = u32> + Send + 'static,
{
    let mut workers = tokio::task::JoinSet::new();
    for i in 0..2 * WORKERS {
        let token = first.token().unwrap();
        let caller = if i % 2 == 0 { first.with_token(token) } else { second.with_token(token) };
        workers.spawn(work(caller, i));
    }
    workers.join_all().await.into_iter().sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn workers_of_two_services_never_pass_a_cap_of_one_person_over_many_devices() {
    let app = start(7, "client_id").await;
    let second = another(&app).await;
    let allowed = crowd((&app, &second), |caller, i| work(caller, i, i)).await;
    assert_eq!((allowed, counted(&app).await), (7, 7));
    let chains = app.get("/compliance/evidence-chains?day=20260303").await.expect(200);
    let chains = chains.as_array().unwrap();
    assert!(chains.len() > 1 && chains.iter().all(|c| c["holds"] == true), "{chains:?}");
}

/// The same by ids of its own: it asks for another person by the id of a call, and reports another person's call.
async fn work_crookedly(caller: Caller, worker: u32) -> u32 {
    let mut allowed = 0;
    for round in 0..10_000 {
        let mut asked = ask(worker, "one person", None);
        asked["guid"] = json!(format!("{worker}-{round}"));
        match caller.post(VALIDATE).json(&asked).await.json()["code"].as_str() {
            None => allowed += 1,
            Some("history_pending" | "in_flight_elsewhere") => {
                tokio::task::yield_now().await;
                continue;
            }
            Some("attempt_rule") => return allowed,
            other => panic!("{other:?}"),
        }
        asked["contact"]["client_id"] = json!(format!("person {worker}"));
        let again = caller.post(VALIDATE).json(&asked).await.expect(409);
        assert_eq!(again["code"], "guid_used", "{again}");
        let report = json!({ "GSW_CALL_ATTEMPT_GUID": asked["guid"], "GSW_HIST_SEQUENCE_NUM": 1, "GSW_TENANT_NAME": "one",
            "GSW_TENANT_CCID": "undefined", "GSW_CALL_RESULT": 6, "c_client_id": format!("nobody {worker}-{round}") });
        caller.post("/internal/v1/attempts").json(&report).await.expect(200);
    }
    panic!("worker {worker} was never refused by the rule");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn workers_that_ask_again_for_others_and_report_others_pass_no_cap() {
    let app = start(7, "client_id").await;
    let second = another(&app).await;
    let allowed = crowd((&app, &second), work_crookedly).await;
    assert_eq!(allowed, 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn reservations_that_nobody_reports_count_all_the_same() {
    let app = start(3, "device").await;
    let second = another(&app).await;
    let mut workers = tokio::task::JoinSet::new();
    for i in 0..2 * WORKERS {
        let caller =
            if i % 2 == 0 { app.with_token(app.token().unwrap()) } else { second.with_token(app.token().unwrap()) };
        workers.spawn(async move {
            let mut allowed = 0;
            for _ in 0..20 {
                let answer = caller.post(VALIDATE).json(&ask(1, &format!("person {i}"), None)).await.json();
                allowed += u32::from(answer["decision"] == "allow");
            }
            allowed
        });
    }
    let allowed: u32 = workers.join_all().await.into_iter().sum();
    assert_eq!((allowed, counted(&app).await), (1, 1), "the mark of the one device stands");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn people_who_share_a_debt_are_worked_off_one_after_the_other() {
    let app = start(50, "device").await;
    let second = another(&app).await;
    let mut workers = tokio::task::JoinSet::new();
    for i in 0..2 * WORKERS {
        let caller =
            if i % 2 == 0 { app.with_token(app.token().unwrap()) } else { second.with_token(app.token().unwrap()) };
        workers.spawn(async move {
            let answer = caller.post(VALIDATE).json(&ask(i, &format!("person {i}"), Some("one debt"))).await;
            answer.expect(200)["evidence_id"].as_str().unwrap().to_owned()
        });
    }
    // each decision saw every attempt on the debt that was committed before it: 0, 1, 2 and so on, none twice
    let mut seen = Vec::new();
    for id in workers.join_all().await {
        let kept = app.get(&format!("/compliance/evidence/{id}")).await.expect(200);
        seen.push(kept["decision"]["inputs"]["attempts"].as_array().unwrap().len());
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..2 * WORKERS as usize).collect::<Vec<_>>());
}

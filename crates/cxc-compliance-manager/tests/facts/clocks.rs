//! Neither a wrong clock nor old zones contact anybody.
use std::sync::atomic::{AtomicI64, Ordering};

use cxc_compliance_manager::Kit;
use cxc_server::{Clock, SystemClock};
use cxc_store::Engine;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::*;

/// A machine's clock that is wrong by some seconds.
struct Wrong(AtomicI64);

impl Clock for Wrong {
    fn now(&self) -> Timestamp {
        SystemClock.now() + SignedDuration::from_secs(self.0.load(Ordering::Relaxed))
    }

    fn is_of_machine(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn a_clock_that_differs_from_the_databases_or_is_set_back_contacts_nobody() {
    let wrong = Arc::new(Wrong(AtomicI64::new(5)));
    let clock: Arc<dyn Clock> = Arc::clone(&wrong) as _;
    let app = TestApp::start(move |app| cxc_compliance_manager::service(App { clock, ..app }).unwrap()).await.unwrap();
    let ask = json!({ "type": "email", "device": { "email": "a@example.com" }, "hold_ms": 1_000 });
    let why = async || {
        let answer = app.post(VALIDATE).json(&ask).await.json();
        assert!(answer["reservation_id"].is_null() || answer["decision"] == "allow", "{answer}");
        answer["reasons"].to_string()
    };
    match app.app.db.engine() {
        // its database reads the same clock
        Engine::Sqlite => assert!(!why().await.contains("clock")),
        Engine::Postgres => assert!(why().await.contains("differ by more than a second")),
    }
    wrong.0.store(0, Ordering::Relaxed);
    assert!(why().await.contains("set back"), "{}", why().await);
}

/// A decision that was kept in an hour, as if the clock had been set back since.
async fn decided_in_an_hour(app: &TestApp) {
    let at = (SystemClock.now() + SignedDuration::from_hours(1)).as_microsecond();
    let sql = "INSERT INTO evidence (tenant, day, chain, seq, at, grp, decisions, body, previous, hash)
        VALUES ($1, 20300101, 1, 1, $2, 0, 1, $3, $3, $3)";
    let (tenant, nothing) = (app.tenant(), Vec::<u8>::new());
    let mut tx = app.app.db.begin().await.unwrap();
    cxc_store::on!(&mut tx, conn => sqlx::query(sql).bind(tenant).bind(at).bind(&nothing).execute(conn).await.unwrap().rows_affected());
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_clock_behind_the_newest_decision_contacts_nobody_until_an_operator_accepts_it() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let app = TestApp::start(move |app| cxc_compliance_manager::service(App { clock, ..app }).unwrap()).await.unwrap();
    decided_in_an_hour(&app).await;
    let ask =
        json!({ "type": "email", "device": { "email": "a@example.com" }, "contact": { "tz": "America/New_York" } });
    let why = async || app.post(VALIDATE).json(&ask).await.json()["reasons"].to_string();
    let said = why().await;
    assert!(said.contains("behind the newest decision"), "{said}");
    // who asks is told the same, and of another day at least that it is so
    let question = |at: Option<&str>| {
        json!({ "channel": "email", "at": at,
        "contact": { "devices": ["a@example.com"], "timezone": "America/New_York" } })
    };
    let asked = async |at| app.post("/compliance/evaluations").json(&question(at)).await.expect(200);
    let told = asked(None).await;
    assert_eq!(
        (&told["decision"], &told["hold"]["code"]),
        (&json!("error"), &json!("compliance_unavailable")),
        "{told}"
    );
    let hold = told["hold"]["detail"].as_str().unwrap();
    assert!(hold.contains("behind the newest decision") && told["steps"].to_string().contains(hold), "{told}");
    let past = asked(Some("2026-03-03T17:00:00Z")).await;
    assert_eq!(past["hold"]["detail"].as_str().map(|text| &text[..12]), Some("the clock is"), "{past}");
    assert_ne!(past["decision"], "error", "by the rules of that moment: {past}");
    let mut tx = app.app.db.begin().await.unwrap();
    assert!(tx.clock_accept().await.unwrap().is_some());
    tx.commit().await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
    assert!(!why().await.contains("clock"));
    assert_eq!(asked(None).await["hold"], serde_json::Value::Null);
}

#[tokio::test]
async fn zones_older_than_decisions_need_contact_nobody() {
    let kit = Kit { zones: Zones::bundled().requiring(&"2099a".parse().unwrap()), ..Kit::embedded().unwrap() };
    let app = TestApp::start(|app| cxc_compliance_manager::service_with(app, kit).unwrap()).await.unwrap();
    app.clock.set(NOON);
    for hold in [0, 60_000] {
        let no = app.post(VALIDATE).json(&ask(1, "a", hold)).await.json();
        assert_eq!(no["code"], "tzdb_too_old", "{no}");
        assert!(no["decision"] != "allow" && no["reservation_id"].is_null());
    }
    let question = json!({ "channel": "voice", "contact": { "devices": [phone(1)] } });
    let told = app.post("/compliance/evaluations").json(&question).await.expect(200);
    assert_eq!((&told["decision"], &told["code"]), (&json!("error"), &json!("tzdb_too_old")), "{told}");
    assert!(told["steps"].to_string().contains("must be 2099a or later"), "{told}");
}

//! The internal backend of the running binary: on which ports it answers, and whom.
use std::net::TcpStream;
use std::time::Duration;

use cxc_test::{Caller, Cxc, Port, Signal};
use serde_json::{Value, json};

use crate::support::Desk;

const BINARY: &str = env!("CARGO_BIN_EXE_cxc");
const VALIDATE: &str = "/internal/v1/compliance/validations";
const RECORDS: &str = "/internal/v1/validations";
const REPORTS: &str = "/internal/v1/attempts";

/// A question about somebody's email, whose rules are open at any hour once [`always`] was called.
fn question(n: u32) -> Value {
    json!({ "type": "email", "purpose": "informational", "device": { "email": format!("person{n}@example.com") },
        "contact": { "client_id": format!("C-{n}"), "country": "US", "tz": "America/New_York", "flags": [] } })
}

async fn always(api: &Caller) {
    let all_day = json!([{ "from": "00:00", "till": "24:00" }]);
    let times = json!({ "name": "Always", "required": true, "weekdays": vec![all_day; 7],
        "reason": "a test contacts nobody" });
    api.post("/compliance/contact-times").json(&times).await.expect(201);
}

/// Validates, reserves and reports as a dialer does.
async fn dials(dialer: &Caller) {
    assert_eq!(dialer.post(VALIDATE).json(&question(1)).await.expect(200)["decision"], "allow");
    let record = json!({ "GSW_RECORD_HANDLE": 4711, "contact_info": "person2@example.com", "contact_info_type": 10,
        "c_client_id": "C-2", "tz_name": "America/New_York", "cxc_purpose": "informational",
        "GSW_CALL_ATTEMPT_GUID": "g-1" });
    let held = dialer.post(RECORDS).json(&record).await;
    let id = held.expect(200)["cxc_reservation_id"].clone();
    assert_eq!((held.header("etag"), id.is_string()), (Some("4711"), true));
    let report = json!({ "GSW_CALL_ATTEMPT_GUID": "g-1", "GSW_HIST_SEQUENCE_NUM": 1, "GSW_TENANT_NAME": "one",
        "GSW_TENANT_CCID": "undefined", "contact_info": "person2@example.com", "contact_info_type": 10,
        "GSW_CALL_RESULT": 33 });
    assert_eq!(dialer.post(REPORTS).json(&report).await.expect(200)["advanced"], 1);
}

/// Asks for credentials, and for those of a program that may validate.
async fn asks_who_it_is(at: &Caller, reader: &Caller) {
    for path in [VALIDATE, RECORDS, REPORTS] {
        assert_eq!(at.stranger().post(path).json(&json!({})).await.expect_problem(401), "unauthenticated");
        let forged = at.with_token("not a token");
        assert_eq!(forged.post(path).json(&json!({})).await.expect_problem(401), "unauthenticated");
        let reader = at.with_token(reader.token().unwrap());
        assert_eq!(reader.post(path).json(&json!({})).await.expect_problem(403), "scope_missing");
    }
}

async fn reader(cxc: &Cxc) -> Caller {
    let (user, password) = (format!("one\\{}", cxc_test::app::ADMINISTRATOR), cxc_test::app::PASSWORD);
    cxc.stranger().unwrap().as_api_client(&user, password, "reader", &["compliance:read"]).await.unwrap()
}

#[tokio::test]
async fn the_internal_port_answers_programs_and_the_public_one_does_not() {
    let mut cxc = Cxc::embedded(BINARY).unwrap();
    cxc.up().unwrap();
    let api = cxc.tenant("one").await.unwrap();
    always(&api).await;
    let inside = Caller::of_server(cxc.internal_url("")).unwrap().with_token(api.token().unwrap());
    dials(&inside).await;
    asks_who_it_is(&inside, &reader(&cxc).await).await;
    api.post(VALIDATE).json(&question(1)).await.expect(404);
    inside.get("/cx-contact/v3/me").await.expect(404);
    // ten a minute and device
    let mut last = inside.post(VALIDATE).json(&question(3)).await;
    for _ in 0..10 {
        last = inside.post(VALIDATE).json(&question(3)).await;
    }
    assert_eq!(last.expect(429)["reason"], "device");
    assert!(last.header("retry-after").unwrap().parse::<u32>().unwrap() <= 6);
    let metrics = cxc.metrics("compliance-manager").unwrap();
    let counted = "cxc_compliance_validation_rate_limit_reached{ccid=";
    assert!(metrics.lines().any(|l| l.starts_with(counted) && l.ends_with("reason=\"device\"} 1")), "{metrics}");
}

#[tokio::test]
async fn without_an_internal_port_the_public_one_answers() {
    let mut cxc = Cxc::with_settings(BINARY, "http.internal = false\n").unwrap();
    cxc.up().unwrap();
    let api = cxc.tenant("one").await.unwrap();
    always(&api).await;
    let closed = cxc.internal_url("");
    let closed = closed.trim_start_matches("http://").trim_end_matches('/');
    assert!(TcpStream::connect(closed).is_err(), "{closed} is open");
    dials(&api).await;
    asks_who_it_is(&api, &reader(&cxc).await).await;
}

#[tokio::test]
async fn the_compliance_manager_by_itself_answers_on_its_own_port() {
    let database = tempfile::tempdir().unwrap();
    let own = Port::free().unwrap();
    let settings = format!(
        "database.url = \"sqlite:{}\"\ncomponent.compliance-manager.port = {}\ncomponent.compliance-manager.url = \"http://{}\"\n",
        database.path().join("cxc.db").display(),
        own.number(),
        own.address()
    );
    let mut aggregator = Cxc::with_settings(BINARY, &settings).unwrap();
    aggregator.up_with(&["--component", "api-aggregator"]).unwrap();
    let (desk, metrics) = (Desk::new(), Port::free().unwrap());
    let more = format!("component.compliance-manager.metrics_port = {}\n", metrics.number());
    desk.write("cxc.toml", settings + &more);
    let mut process = desk.start(&["up", "--component", "compliance-manager"]);
    process.wait_for_port(own.number()).unwrap();
    let api = aggregator.tenant("one").await.unwrap();
    always(&api).await;
    let at = Caller::of_server(format!("http://{}", own.address())).unwrap().with_token(api.token().unwrap());
    dials(&at).await;
    asks_who_it_is(&at, &reader(&aggregator).await).await;
    assert!(process.end_with(Signal::Term, Duration::from_secs(10)).unwrap().success(), "{}", process.log());
}

//! Number intelligence: files of answers, and a source over HTTP that really listens.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that finds something else than it expects has failed")]
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use cxc_core::compliance::ReassignedAnswer;
use cxc_core::location::{LiveTables, LocationTables};
use cxc_core::phone::{PhoneNumber, PhoneParser};
use cxc_list_builder::Folders;
use cxc_list_builder::import::Checkers;
use cxc_list_builder::intelligence::{HttpOptions, HttpSource, IntelligenceError, NumberIntelligence, Question, look};
use cxc_list_manager::Readers;
use cxc_server::App;
use cxc_server::outbound::Outbound;
use cxc_store::location::Locations;
use cxc_test::{Make, TestApp, TestClock};
use serde_json::{Value, json};
use tempfile::TempDir;

/// What the source does.
#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Answers,
    BusyOnce,
    Fails,
    Sleeps,
    Floods,
    Nonsense,
    Redirects,
}

#[derive(Clone)]
struct Source {
    mood: Arc<Mutex<Mood>>,
    asked: Arc<Mutex<Vec<Value>>>,
    requests: Arc<AtomicUsize>,
    url: String,
}

async fn answer(State(source): State<Source>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    source.requests.fetch_add(1, Ordering::Relaxed);
    let mood = *source.mood.lock().unwrap();
    match mood {
        Mood::Answers => {}
        Mood::BusyOnce => {
            *source.mood.lock().unwrap() = Mood::Answers;
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
        Mood::Fails => return StatusCode::FORBIDDEN.into_response(),
        Mood::Sleeps => tokio::time::sleep(Duration::from_secs(30)).await,
        Mood::Floods => return Body::from(vec![b' '; 8 << 20]).into_response(),
        Mood::Nonsense => return "{\"answers\": [{\"number\": \"+12125550100\"}]}".into_response(),
        Mood::Redirects => return (StatusCode::FOUND, [("location", "/elsewhere")]).into_response(),
    }
    if headers.get("authorization").and_then(|v| v.to_str().ok()) != Some("Bearer s3cret") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let queries = body["queries"].as_array().unwrap().clone();
    source.asked.lock().unwrap().extend(queries.iter().cloned());
    let known = queries
        .iter()
        .filter(|q| q["number"] != "+12125550199")
        .map(|q| json!({ "number": q["number"], "answer": "no", "lineType": "mobile", "portDate": "2025-05-01" }));
    // and one that nobody asked for
    let stranger = json!({ "number": "+12125550177", "answer": "yes" });
    Json(json!({ "answers": known.chain([stranger]).collect::<Vec<_>>() })).into_response()
}

async fn listen() -> Source {
    // as the program does at its start; each test of this file may be the first
    let _installed_already = rustls::crypto::ring::default_provider().install_default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/rnd", listener.local_addr().unwrap());
    let source =
        Source { mood: Arc::new(Mutex::new(Mood::Answers)), asked: Arc::default(), requests: Arc::default(), url };
    let router = Router::new().route("/rnd", post(answer)).with_state(source.clone());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    source
}

struct World {
    app: TestApp,
    _folder: TempDir,
}

async fn start() -> World {
    let folder = tempfile::tempdir().unwrap();
    let folders = Folders::below(folder.path());
    let readers = Readers {
        phones: Arc::new(PhoneParser::new().unwrap()),
        tables: LiveTables::new(LocationTables::embedded().unwrap()),
        locations: Arc::new(Locations::new()),
    };
    let lists = readers.clone();
    let manager: Make = Box::new(move |app: App| cxc_list_manager::service(app, lists).unwrap());
    let builder: Make = Box::new(move |app: App| {
        let checkers = Checkers { phones: readers.phones, tables: readers.tables, hash_key: app.hash_key };
        cxc_list_builder::service(app, checkers, readers.locations, folders).unwrap()
    });
    let mut app = TestApp::start_all(vec![manager, builder]).await.unwrap();
    app.run_work();
    World { app, _folder: folder }
}

impl World {
    async fn run(&self, path: &str, body: Value) -> Value {
        let job = self.app.post(path).json(&body).await.expect(202);
        let id = job["id"].as_str().unwrap();
        for _ in 0..600 {
            let job = self.app.get(&format!("/jobs/{id}")).await.expect(200);
            if !matches!(job["state"].as_str(), Some("queued" | "running")) {
                return job;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the job ends within 30 s");
    }

    async fn load(&self, content: &str) -> Value {
        let new = json!({ "fileName": "rnd.csv", "size": content.len() });
        let id = self.app.post("/uploads").json(&new).await.expect(201)["id"].as_str().unwrap().to_owned();
        self.app.put(&format!("/uploads/{id}")).bytes(content.to_owned()).await.expect(200);
        self.run("/compliance/number-answers/actions/load", json!({ "upload": id, "country": "US" })).await
    }

    async fn known(&self, number: &str) -> Value {
        let found =
            self.app.post("/compliance/number-answers/search").json(&json!({ "numbers": [number] })).await.expect(200);
        found["items"][0].clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_answers_is_kept_with_its_query_dates_and_an_older_one_changes_nothing() {
    let world = start().await;
    let file = "number,query_date,consent_date,answer,line_type,port_date\n\
        2125550100,2026-02-01,2025-06-30,no,wireless,2025-05-01\n\
        2125550101,2026-02-01,,YES,,\n\
        2125550102,2026-02-01,,perhaps,,\n\
        12,2026-02-01,,no,,\n\
        2125550103,2027-01-01,,no,,\n";
    let job = world.load(file).await;
    assert_eq!(job["state"], "succeeded", "{job}");
    let result = &job["result"];
    assert_eq!((&result["lines"], &result["rejected"], &result["stored"]), (&json!(5), &json!(3), &json!(2)));
    assert!(result["problems"][0].as_str().unwrap().starts_with("line 4: an answer is yes, no or no_data"), "{result}");
    let one = world.known("+12125550100").await;
    assert_eq!((&one["answer"], &one["lineType"], &one["source"]), (&json!("no"), &json!("mobile"), &json!("rnd.csv")));
    assert_eq!((&one["consentAt"], &one["portedAt"]), (&json!("2025-06-30T00:00:00Z"), &json!("2025-05-01T00:00:00Z")));
    // without its own date it speaks of consents since the query only
    assert_eq!(world.known("+12125550101").await["consentAt"], "2026-02-01T00:00:00Z");
    world.load("number,query_date,answer\n2125550100,2026-01-01,yes\n").await;
    assert_eq!(world.known("+12125550100").await["answer"], "no");
    world.load("number,query_date,answer\n2125550100,2026-02-20,yes\n").await;
    assert_eq!(world.known("+12125550100").await["answer"], "yes");
    let other = world.app.other.post("/compliance/number-answers/search");
    assert_eq!(other.json(&json!({ "numbers": ["+12125550100"] })).await.expect(200)["items"], json!([]));
    let wrong = world.load("phone,result\n2125550100,no\n").await;
    assert!(wrong["error"]["errors"][0]["detail"].as_str().unwrap().contains("no column query_date"), "{wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_numbers_of_a_list_are_asked_about_once_in_45_days() {
    let (world, source) = (start().await, listen().await);
    let body = json!({ "name": "RND", "url": source.url, "token": "s3cret", "batch": 2 });
    let made = world.app.post("/compliance/number-sources").json(&body).await.expect(201);
    assert!(!made.to_string().contains("s3cret"));
    let path = format!("/compliance/number-sources/{}", made["id"].as_str().unwrap());
    let list = world.app.create("/lists", &json!({ "name": "people", "country": "US" })).await;
    let id = list["id"].as_str().unwrap();
    for number in ["2125550100", "2125550101", "2125550102", "2125550199"] {
        let contact = json!({ "devices": [{ "number": number }] });
        world.app.post(&format!("/lists/{id}/contacts")).json(&contact).await.expect(201);
    }
    let query = json!({ "list": id, "consentDate": "2026-01-15" });
    let action = format!("{path}/actions/query");
    let run = || world.run(&action, query.clone());
    // of one an answer is 51 days old, of the other ten
    let old = "number,query_date,consent_date,answer\n2125550100,2026-01-10,2026-01-01,no\n2125550101,2026-02-20,2026-01-01,no\n";
    world.load(old).await;
    *source.mood.lock().unwrap() = Mood::BusyOnce;
    let first = run().await;
    assert_eq!(first["result"], json!({ "contacts": 4, "asked": 3, "answered": 2 }), "{first}");
    assert_eq!(source.asked.lock().unwrap()[0]["consentDate"], "2026-01-15");
    assert_eq!(world.known("+12125550100").await["queriedAt"], "2026-03-02T09:00:00Z");
    assert_eq!(world.known("+12125550177").await, Value::Null, "nobody asked about it");
    assert_eq!(run().await["result"]["asked"], 1, "only the one without an answer");
    *source.mood.lock().unwrap() = Mood::Fails;
    let failed = run().await;
    assert_eq!(failed["error"]["errors"][0]["detail"], "the source answers with status 403");
    let etag = world.app.get(&path).await.etag();
    let elsewhere = json!({ "name": "RND", "url": "https://example.com/rnd" });
    let problem = world.app.put(&path).json(&elsewhere).if_match(&etag).await.expect(422);
    assert_eq!(problem["errors"][0]["pointer"], "/token");
}

#[tokio::test(flavor = "multi_thread")]
async fn old_answers_on_numbers_of_a_list_are_asked_for_again_once_a_day_and_not_without_a_source() {
    let (world, source) = (start().await, listen().await);
    let list = world.app.create("/lists", &json!({ "name": "people", "country": "US" })).await;
    let contacts = format!("/lists/{}/contacts", list["id"].as_str().unwrap());
    for number in ["2125550100", "2125550101", "2125550199"] {
        let contact = json!({ "devices": [{ "number": number }] });
        world.app.post(&contacts).json(&contact).await.expect(201);
    }
    // the second is young, the fourth is in no list, the last one has no answer at the source
    let file = "number,query_date,consent_date,answer\n2125550100,2026-01-10,2025-06-01,no\n\
        2125550101,2026-02-20,2026-01-01,no\n2125550150,2026-01-10,2026-01-01,no\n2125550199,2026-01-10,,no\n";
    world.load(file).await;
    let jobs = || async {
        let found = world.app.get("/jobs").await.expect(200).clone();
        let all = found["items"].as_array().unwrap().clone();
        all.into_iter().filter(|job| job["kind"] == "number_answers_again").collect::<Vec<Value>>()
    };
    look(&world.app.app).await.unwrap();
    assert!(jobs().await.is_empty(), "no source, no job");
    let body = json!({ "name": "RND", "url": source.url, "token": "s3cret", "askAgainDays": null });
    let made = world.app.post("/compliance/number-sources").json(&body).await;
    let path = format!("/compliance/number-sources/{}", made.expect(201)["id"].as_str().unwrap());
    look(&world.app.app).await.unwrap();
    assert!(jobs().await.is_empty(), "a source that is not to be asked again");
    let body = json!({ "name": "RND", "url": source.url, "token": "s3cret", "askAgainDays": 45 });
    world.app.put(&path).json(&body).if_match(&made.etag()).await.expect(200);
    look(&world.app.app).await.unwrap();
    look(&world.app.app).await.unwrap();
    let mut done = Value::Null;
    for _ in 0..200 {
        done = jobs().await.pop().unwrap_or_default();
        if done["state"] == "succeeded" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(done["result"], json!({ "old": 3, "asked": 2, "answered": 1 }), "{done}");
    assert_eq!(jobs().await.len(), 1);
    let asked = source.asked.lock().unwrap().clone();
    assert!(asked.contains(&json!({ "number": "+12125550100", "consentDate": "2025-06-01" })), "{asked:?}");
    assert_eq!(world.known("+12125550100").await["queriedAt"], "2026-03-02T09:00:00Z");
    assert_eq!(world.known("+12125550150").await["queriedAt"], "2026-01-10T00:00:00Z");
    look(&world.app.app).await.unwrap();
    assert_eq!(jobs().await.len(), 1, "the next one comes a day later");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_misbehaves_gives_no_answer_in_bounded_time_and_memory() {
    let source = listen().await;
    let options = HttpOptions {
        url: source.url.clone(),
        token: Some("s3cret".into()),
        timeout: Duration::from_millis(500),
        batch: 10,
    };
    let http = HttpSource::new("RND", options.clone(), loopback(), Arc::new(TestClock::default()));
    let question =
        Question { number: PhoneNumber::parse("+12125550100").unwrap(), consent_on: "2026-01-15".parse().unwrap() };
    let ask = |mood: Mood| {
        *source.mood.lock().unwrap() = mood;
        http.ask(std::slice::from_ref(&question))
    };
    assert_eq!(ask(Mood::Answers).await.unwrap()[0].answer, ReassignedAnswer::No);
    let started = std::time::Instant::now();
    assert!(matches!(ask(Mood::Sleeps).await, Err(IntelligenceError::Unreachable(_))));
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(matches!(ask(Mood::Floods).await, Err(IntelligenceError::Answer(_))));
    assert!(matches!(ask(Mood::Nonsense).await, Err(IntelligenceError::Answer(_))));
    assert!(matches!(ask(Mood::Redirects).await, Err(IntelligenceError::Status(302))));
    assert!(matches!(ask(Mood::Fails).await, Err(IntelligenceError::Status(403))));
    let nobody_options = options.clone();
    let nobody = HttpOptions { url: "http://127.0.0.1:9/".into(), ..options };
    let nobody = HttpSource::new("RND", nobody, loopback(), Arc::new(TestClock::default()));
    assert!(matches!(nobody.ask(&[question]).await, Err(IntelligenceError::Unreachable(_))));
    // the same source where the operator allows no address inside
    let guarded = HttpOptions { url: source.url.clone(), ..nobody_options };
    let guarded = HttpSource::new("RND", guarded, Outbound::new(&[]), Arc::new(TestClock::default()));
    let refused = guarded.ask(&[question]).await.unwrap_err();
    assert!(refused.to_string().contains("outbound.private_networks"), "{refused}");
}

/// As the operator of a test allows it.
fn loopback() -> Outbound {
    Outbound::new(&["127.0.0.0/8".parse().unwrap()])
}

//! Lists of numbers through the real router, with the jobs really run.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that finds something else than it expects has failed")]
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use cxc_core::location::{LiveTables, LocationTables};
use cxc_core::phone::{PhoneNumber, PhoneParser};
use cxc_list_builder::Folders;
use cxc_list_builder::import::Checkers;
use cxc_list_manager::Readers;
use cxc_server::App;
use cxc_store::location::Locations;
use cxc_test::{Make, TestApp};
use serde_json::{Value, json};
use tempfile::TempDir;

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

fn us_dnc() -> Value {
    json!({ "name": "FTC", "kind": "national_dnc", "jurisdiction": "US", "channels": ["voice", "sms"] })
}

impl World {
    async fn list(&self, body: Value) -> String {
        let made = self.app.post("/compliance/number-lists").json(&body).await.expect(201);
        format!("/compliance/number-lists/{}", made["id"].as_str().unwrap())
    }

    async fn upload(&self, name: &str, content: &[u8]) -> String {
        let new = json!({ "fileName": name, "size": content.len() });
        let id = self.app.post("/uploads").json(&new).await.expect(201)["id"].as_str().unwrap().to_owned();
        self.app.put(&format!("/uploads/{id}")).bytes(content.to_vec()).await.expect(200);
        id
    }

    /// Loads a file and waits for the job's end.
    async fn load(&self, list: &str, content: &[u8], mut body: Value) -> Value {
        body["upload"] = self.upload("numbers.txt", content).await.into();
        if body.get("asOf").is_none() {
            body["asOf"] = json!("2026-01-01T00:00:00Z");
        }
        let job = self.app.post(&format!("{list}/actions/load")).json(&body).await.expect(202);
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

    async fn good(&self, list: &str, content: &[u8], body: Value) -> Value {
        let job = self.load(list, content, body).await;
        assert_eq!(job["state"], "succeeded", "{}", job["error"]);
        job["result"].clone()
    }

    async fn versions(&self, list: &str) -> Vec<(i64, String)> {
        let page = self.app.get(&format!("{list}/versions")).await.expect(200);
        let of = |v: &Value| (v["version"].as_i64().unwrap(), v["state"].as_str().unwrap().to_owned());
        page["items"].as_array().unwrap().iter().map(of).collect()
    }

    /// Whether the lists at hand for the tenant hold a number.
    async fn holds(&self, number: &str) -> bool {
        let (numbers, tenant) = (&self.app.app.numbers, self.app.tenant());
        numbers.prepare(tenant).await;
        let mut tx = self.app.app.db.read().await.unwrap();
        let lists = numbers.at_hand(&mut tx, tenant).await.unwrap();
        lists.lists().iter().any(|list| list.holds(PhoneNumber::parse(number).unwrap()))
    }
}

fn detail(job: &Value) -> String {
    job["error"]["errors"][0]["detail"].as_str().unwrap_or_default().to_owned()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(content).unwrap();
    out.finish().unwrap()
}

fn zipped(content: &[u8]) -> Vec<u8> {
    let mut out = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    out.start_file("us.txt", zip::write::SimpleFileOptions::default()).unwrap();
    out.write_all(content).unwrap();
    out.finish().unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn stray_quotes_keep_no_number_off_a_list() {
    let world = start().await;
    let list = world.list(us_dnc()).await;
    let mut lines: Vec<String> = (0..1_000).map(|n| format!("+1212930{n:04}")).collect();
    lines[10].insert(0, '"');
    lines[900] = "x\"".into();
    let version = world.good(&list, lines.join("\n").as_bytes(), json!({ "header": "no" })).await;
    let counts = ["lines", "taken", "rejected"].map(|c| version[c].as_i64().unwrap());
    assert_eq!(counts, [1_000, 998, 2], "{version}");
    assert!(world.holds("+12129300011").await && world.holds("+12129300899").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_of_a_file_is_accounted_for_and_rejected_ones_can_be_fetched() {
    let world = start().await;
    let list = world.list(us_dnc()).await;
    let new = world.app.get(&list).await.expect(200);
    assert_eq!((&new["state"], &new["activeVersion"]), (&json!("not_loaded"), &Value::Null));
    let file = "2125550100\n(212) 555-0101\n+1 212 555 0102\n2125550100\n\n12\nnobody\n+442079460123\n";
    let version = world.good(&list, file.as_bytes(), json!({ "header": "no" })).await;
    let counts = ["lines", "taken", "duplicate", "rejected", "blank", "numbers"].map(|c| version[c].as_i64().unwrap());
    assert_eq!(counts, [8, 4, 1, 2, 1, 4], "{version}");
    assert_eq!((&version["state"], version["sha256"].as_str().unwrap().len()), (&json!("active"), 64));
    let rejects = world.app.get(&format!("{list}/versions/1/rejects")).await.text();
    assert!(rejects.contains("12,6,") && rejects.contains("nobody,7,"), "{rejects}");
    let now = world.app.get(&list).await.expect(200);
    assert_eq!((&now["state"], &now["numbers"]), (&json!("loaded"), &json!(4)));
    assert!(world.holds("+12125550102").await && !world.holds("+12125550103").await);
    world.app.other.get(&format!("{list}/versions")).await.expect(404);
    world.app.other.get(&format!("{list}/versions/1/rejects")).await.expect(404);
    world.app.other.post(&format!("{list}/actions/activate")).json(&json!({ "version": 1 })).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_split_number_is_found_with_and_without_a_header_packed_or_not() {
    let world = start().await;
    let list = world.list(us_dnc()).await;
    let plain = b"212,5550100\n212,5550101\n646,5550102\n".to_vec();
    let headed = b"Area Code,Phone Number\n212,5550100\n212,5550101\n646,5550102\n".to_vec();
    let mapped = b"x;ac;nr\n1;212;5550100\n2;212;5550101\n3;646;5550102\n".to_vec();
    let named = json!({ "numberColumn": "nr", "areaCodeColumn": "2" });
    for (content, body) in [
        (plain.clone(), json!({})),
        (headed, json!({})),
        (gzip(&plain), json!({})),
        (zipped(&plain), json!({})),
        (mapped, named),
    ] {
        let version = world.good(&list, &content, body).await;
        assert_eq!((&version["numbers"], &version["rejected"]), (&json!(3), &json!(0)), "{version}");
        assert!(world.holds("+16465550102").await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_such_list_is_refused_as_a_whole_and_the_version_before_stays() {
    let world = start().await;
    let list = world.list(us_dnc()).await;
    world.good(&list, b"2125550100\n2125550101\n", json!({})).await;
    let mut cut = gzip(&b"2125550100\n2125550101\n".repeat(5_000));
    cut.truncate(cut.len() / 2);
    let cases: [(&[u8], Value, &str); 6] = [
        (b"name,city\nann,rome\nbob,oslo\n", json!({}), "no column of the file holds phone numbers"),
        (b"phone\n12\n13\n2125550100\n", json!({}), "more lines were rejected than taken: 2 of 3"),
        (b"phone\n2125550100\n", json!({ "numberColumn": "tel" }), "the file has no column \"tel\": it has phone"),
        (b"\0\x01\x02\xff\xfe\0\0\0", json!({}), ""),
        (b"", json!({}), "the file is empty"),
        (&cut, json!({}), "the file is damaged"),
    ];
    for (content, body, text) in cases {
        let job = world.load(&list, content, body).await;
        assert_eq!(job["state"], "failed", "{text}");
        assert!(detail(&job).contains(text), "{}", job["error"]);
    }
    let versions = world.versions(&list).await;
    assert_eq!(versions[0].1, "rejected");
    assert_eq!(versions[1..], [(1, "active".to_owned())]);
    assert!(world.holds("+12125550101").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_far_from_the_one_before_waits_for_somebody_who_forces_it_and_one_can_go_back() {
    let world = start().await;
    let list = world.list(us_dnc()).await;
    let numbers = |n: u64| (0..n).map(|i| format!("{}\n", 2_125_550_000 + i)).collect::<String>().into_bytes();
    world.good(&list, &numbers(100), json!({})).await;
    assert_eq!(world.good(&list, &numbers(110), json!({})).await["state"], "active", "ten per cent more will do");
    let far = world.good(&list, &numbers(80), json!({})).await;
    assert_eq!(far["state"], "rejected");
    assert!(far["detail"].as_str().unwrap().contains("80 numbers, and the version that is active has 110"), "{far}");
    let activate = format!("{list}/actions/activate");
    let doubtful = world.app.post(&activate).json(&json!({ "version": 3 })).await.expect(422);
    assert_eq!(doubtful["errors"][0]["code"], "doubtful");
    let forced = world.app.post(&activate).json(&json!({ "version": 3, "force": true })).await.expect(200);
    assert_eq!(forced["state"], "active");
    assert!(!world.holds("+12125550090").await);
    world.app.post(&activate).json(&json!({ "version": 1, "force": true })).await.expect(200);
    assert!(world.holds("+12125550090").await && !world.holds("+12125550105").await);
    let kept: Vec<(i64, String)> = world.versions(&list).await;
    let states: Vec<(i64, &str)> = kept.iter().map(|(n, state)| (*n, state.as_str())).collect();
    assert_eq!(states, [(3, "retired"), (2, "retired"), (1, "active")]);
    world.app.post(&activate).json(&json!({ "version": 9 })).await.expect(422);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_version_can_still_be_activated_after_the_next_load_and_the_file_can_be_loaded_again() {
    let world = start().await;
    let list = world.list(us_dnc()).await;
    let numbers = |n: u64| (0..n).map(|i| format!("{}\n", 2_125_550_000 + i)).collect::<String>().into_bytes();
    world.good(&list, &numbers(100), json!({})).await;
    for n in [50, 40, 30] {
        assert_eq!(world.good(&list, &numbers(n), json!({})).await["state"], "rejected", "{n}");
    }
    assert_eq!(world.load(&list, b"name\nann\n", json!({})).await["state"], "failed", "nothing of it is stored");
    let kept = world.versions(&list).await;
    let states: Vec<(i64, &str)> = kept.iter().map(|(n, state)| (*n, state.as_str())).collect();
    assert_eq!(states, [(5, "rejected"), (4, "rejected"), (3, "rejected"), (1, "active")], "two that were loaded stay");
    let activate = format!("{list}/actions/activate");
    let code = async |version: u64, force: bool| {
        let asked = json!({ "version": version, "force": force });
        world.app.post(&activate).json(&asked).await.expect(422)["errors"][0]["code"].as_str().unwrap().to_owned()
    };
    assert_eq!(code(3, false).await, "doubtful", "it stays refused until somebody forces it");
    assert_eq!((code(5, true).await, code(2, true).await), ("not_activatable".to_owned(), "not_found".to_owned()));
    let forced = world.app.post(&activate).json(&json!({ "version": 3, "force": true })).await.expect(200);
    assert_eq!((&forced["state"], &forced["numbers"]), (&json!("active"), &json!(40)));
    assert!(world.holds("+12125550039").await && !world.holds("+12125550040").await);
    let again = world.good(&list, &numbers(30), json!({ "force": true })).await;
    assert_eq!((&again["state"], &again["version"]), (&json!("active"), &json!(6)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_list_takes_the_place_of_a_newer_one_only_where_that_is_said() {
    let world = start().await;
    let list = world.list(us_dnc()).await;
    let of = |day: u32, more: Value| {
        let mut body = json!({ "asOf": format!("2026-01-{day:02}T00:00:00Z") });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    world.good(&list, b"2125550100\n", of(20, json!({}))).await;
    for mode in ["replace", "add"] {
        // that the count is right says nothing of the age
        let old = world.good(&list, b"2125550101\n", of(19, json!({ "mode": mode, "force": true }))).await;
        assert_eq!(old["state"], "rejected", "{mode}: {old}");
        let why = old["detail"].as_str().unwrap();
        assert!(why.contains("2026-01-19") && why.contains("2026-01-20") && why.contains("older"), "{why}");
    }
    assert!(world.holds("+12125550100").await && !world.holds("+12125550101").await);
    let activate = format!("{list}/actions/activate");
    let refused = world.app.post(&activate).json(&json!({ "version": 2, "force": true })).await.expect(422);
    assert_eq!(refused["errors"][0]["code"], "doubtful");
    let said = json!({ "version": 2, "allowOlder": true });
    assert_eq!(world.app.post(&activate).json(&said).await.expect(200)["state"], "active");
    assert!(world.holds("+12125550101").await);
    let again = world.good(&list, b"2125550102\n", of(18, json!({ "allowOlder": true }))).await;
    assert_eq!(again["state"], "active", "{again}");
    world.good(&list, b"2125550103\n", of(21, json!({}))).await;
    // going back names a version that was active
    let before = again["version"].clone();
    world.app.post(&activate).json(&json!({ "version": before })).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn canary_numbers_that_are_wrong_are_never_forced() {
    let world = start().await;
    let mut body = us_dnc();
    body["canaries"] = json!({ "listed": ["+12125550100"], "notListed": ["+12125550199"] });
    let list = world.list(body).await;
    for wrong in ["2125550101\n", "2125550100\n2125550199\n"] {
        let version = world.good(&list, wrong.as_bytes(), json!({ "force": true })).await;
        assert_eq!(version["state"], "rejected", "{version}");
        assert!(version["detail"].as_str().unwrap().contains("canary"), "{version}");
    }
    assert_eq!(world.good(&list, b"2125550100\n2125550101\n", json!({})).await["state"], "active");
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_added_to_the_active_version_and_taken_out_of_it() {
    let world = start().await;
    let list = world.list(us_dnc()).await;
    let early = world.load(&list, b"2125550100\n", json!({ "mode": "add" })).await;
    assert_eq!(early["state"], "failed");
    let many: String = (0..50).map(|i| format!("{}\n", 2_125_550_100_u64 + i)).collect();
    world.good(&list, many.as_bytes(), json!({})).await;
    let added = world.good(&list, b"2125550198\n2125550199\n", json!({ "mode": "add" })).await;
    assert_eq!((&added["numbers"], &added["mode"], &added["state"]), (&json!(52), &json!("add"), &json!("active")));
    let removed = world.good(&list, b"2125550100\n", json!({ "mode": "remove" })).await;
    assert_eq!(removed["numbers"], 51);
    assert!(world.holds("+12125550199").await && !world.holds("+12125550100").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_wrongly_is_refused_before_a_job_is_queued() {
    let world = start().await;
    let list = world.list(us_dnc()).await;
    let upload = world.upload("a.txt", b"2125550100\n").await;
    let load = format!("{list}/actions/load");
    for as_of in ["yesterday", "2999-01-01T00:00:00Z"] {
        let problem = world.app.post(&load).json(&json!({ "upload": upload, "asOf": as_of })).await.expect(422);
        assert_eq!(problem["errors"][0]["pointer"], "/asOf");
    }
    let nowhere = json!({ "upload": "0192d3c1-0000-7000-8000-000000000000", "asOf": "2026-01-01T00:00:00Z" });
    assert_eq!(world.app.post(&load).json(&nowhere).await.expect(422)["errors"][0]["pointer"], "/upload");
    for (body, pointer) in [
        (json!({ "name": "a", "kind": "national_dnc", "channels": ["voice"] }), "/jurisdiction"),
        (json!({ "name": "a", "kind": "customer", "channels": ["email"] }), "/channels"),
        (json!({ "name": "a", "kind": "customer", "channels": ["sms"], "register": "US-DNC" }), "/register"),
        (json!({ "name": "a", "kind": "customer", "channels": ["sms"], "maxAgeDays": 0 }), "/maxAgeDays"),
    ] {
        let problem = world.app.post("/compliance/number-lists").json(&body).await.expect(422);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
}

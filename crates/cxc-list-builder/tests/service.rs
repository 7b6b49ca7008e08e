//! Uploads, imports, exports and undo through the real router, with the jobs really run.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that finds something else than it expects has failed")]
use std::sync::Arc;
use std::time::Duration;

use cxc_core::hash::HashKey;
use cxc_core::location::{LiveTables, LocationTables};
use cxc_core::phone::PhoneParser;
use cxc_list_builder::Folders;
use cxc_list_builder::import::Checkers;
use cxc_list_manager::Readers;
use cxc_server::App;
use cxc_store::location::Locations;
use cxc_test::{Caller, Make, TestApp};
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
    let checkers = |hash_key: HashKey, readers: &Readers| Checkers {
        phones: Arc::clone(&readers.phones),
        tables: readers.tables.clone(),
        hash_key,
    };
    let lists = readers.clone();
    let manager: Make = Box::new(move |app: App| cxc_list_manager::service(app, lists).unwrap());
    let builder: Make = Box::new(move |app: App| {
        let checkers = checkers(app.hash_key, &readers);
        cxc_list_builder::service(app, checkers, Arc::clone(&readers.locations), folders).unwrap()
    });
    let mut app = TestApp::start_all(vec![manager, builder]).await.unwrap();
    app.run_work();
    World { app, _folder: folder }
}

impl World {
    async fn list(&self, path: &str, body: Value) -> String {
        self.app.post(path).json(&body).await.expect(201)["id"].as_str().unwrap().to_owned()
    }

    async fn upload(&self, content: &str) -> String {
        let new = json!({ "fileName": "people.csv", "size": content.len() });
        let id = self.app.post("/uploads").json(&new).await.expect(201)["id"].as_str().unwrap().to_owned();
        let sent = self.app.put(&format!("/uploads/{id}")).bytes(content.to_owned()).await.expect(200);
        assert_eq!(sent["offset"], content.len());
        id
    }

    /// Starts a job and waits for its end.
    async fn run(&self, path: &str, body: Value) -> Value {
        let job = self.app.post(path).json(&body).await.expect(202);
        self.end(&self.app, job["id"].as_str().unwrap()).await
    }

    async fn end(&self, caller: &Caller, id: &str) -> Value {
        for _ in 0..600 {
            let job = caller.get(&format!("/jobs/{id}")).await.expect(200);
            if !matches!(job["state"].as_str(), Some("queued" | "running")) {
                return job;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the job ends within 30 s");
    }

    async fn import(&self, list: &str, content: &str, mut body: Value) -> Value {
        body["upload"] = self.upload(content).await.into();
        let job = self.run(&format!("{list}/actions/import"), body).await;
        assert_eq!(job["state"], "succeeded", "{}", job["error"]);
        job["result"].clone()
    }
}

const PEOPLE: &str = "clientid,first,phone,email,other1\n1,Ann,2125550101,ann@example.com,gold\n2,\"Bob, Jr\",2125550102 x5,,\n3,Cid,12,,\n";

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_on_where_it_broke_off() {
    let world = start().await;
    let new = json!({ "fileName": "a.csv", "size": 10, "sha256": "1f825aa2f0020ef7cf91dfa30da4668d791c5d4824fc8e41354b89ec05795ab3" });
    let made = world.app.post("/uploads").json(&new).await.expect(201);
    let path = format!("/uploads/{}", made["id"].as_str().unwrap());
    let put = |range: &str, bytes: &'static str| world.app.put(&path).header("content-range", range).bytes(bytes);
    assert_eq!(put("bytes 0-3/10", "0123").await.expect(200)["offset"], 4);
    put("bytes 2-5/10", "2345").await.expect(422);
    put("something", "4567").await.expect(400);
    put("bytes 4-9/10", "4567").await.expect(400);
    put("bytes 4-5/10", "4567").await.expect(400);
    put("bytes 4-7/99", "4567").await.expect(400);
    assert_eq!(world.app.get(&path).await.expect(200)["offset"], 4);
    put("bytes 4-13/10", "4567890123").await.expect(413);
    let problem = put("bytes 4-9/10", "xxxxxx").await.expect(422);
    assert_eq!(problem["errors"][0]["code"], "checksum");
    assert_eq!(world.app.get(&path).await.expect(200)["offset"], 0, "it begins anew");
    world.app.other.get(&path).await.expect(404);
    world.app.other.put(&path).bytes("x").await.expect(404);
    world.app.delete(&path).await.expect(204);
    world.app.get(&path).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_imported_shown_exported_and_undone() {
    let world = start().await;
    let id = world.list("/lists", json!({ "name": "people", "country": "US" })).await;
    let list = format!("/lists/{id}");
    let result = world.import(&list, PEOPLE, json!({})).await;
    assert_eq!(
        (&result["lines"], &result["imported"], &result["rejected"], &result["devices"]),
        (&json!(3), &json!(2), &json!(1), &json!(3))
    );
    let imports = world.app.get(&format!("{list}/imports")).await.expect(200);
    let import = &imports["items"][0];
    assert_eq!((&import["outcome"], &import["fileName"]), (&json!("published"), &json!("people.csv")));
    let rejects = world.app.get(import["rejectsFile"].as_str().unwrap()).await;
    let text = String::from_utf8(rejects.body.to_vec()).unwrap();
    assert!(text.contains("line_number,column,reason_code,reason_text") && text.contains("bad_device"), "{text}");
    world.app.other.get(import["rejectsFile"].as_str().unwrap()).await.expect(404);
    world.app.other.get(&format!("{list}/imports")).await.expect(404);
    let shown = world.app.get(&list).await.expect(200);
    assert_eq!((&shown["contacts"], &shown["devices"], &shown["rejects"]), (&json!(2), &json!(3), &json!(1)));

    let job = world.run(&format!("{list}/actions/export"), json!({})).await;
    assert_eq!(job["result"]["rows"], 2, "{}", job["error"]);
    assert_eq!(job["progress"], json!({ "done": 2, "total": 2 }));
    let url = job["result"]["resultUrl"].as_str().unwrap();
    let exported = String::from_utf8(world.app.get(url).await.body.to_vec()).unwrap();
    world.app.other.get(url).await.expect(404);
    let copy = world.list("/lists", json!({ "name": "copy" })).await;
    world.import(&format!("/lists/{copy}"), &exported, json!({})).await;
    let (first, second) = (format!("{list}/contacts"), format!("/lists/{copy}/contacts"));
    let (first, second) = (world.app.get(&first).await.expect(200), world.app.get(&second).await.expect(200));
    for n in 0..2 {
        for member in ["clientId", "fields", "devices"] {
            let without_type = |v: &Value| {
                let mut v = v[member].clone();
                v.as_array_mut().into_iter().flatten().for_each(|d| drop(d.as_object_mut().unwrap().remove("type")));
                v
            };
            assert_eq!(
                without_type(&first["items"][n]),
                without_type(&second["items"][n]),
                "an export can be imported again"
            );
        }
    }
    world.app.other.post(&format!("{list}/actions/undo")).json(&json!({})).await.expect(404);
    let job = world.run(&format!("{list}/actions/undo"), json!({})).await;
    assert_eq!(job["result"]["outcome"], "undone", "{}", job["error"]);
    assert_eq!(world.app.get(&list).await.expect(200)["contacts"], 0);
    let blocked = world.app.post(&format!("{list}/actions/undo")).json(&json!({})).await.expect(409);
    assert_eq!(blocked["code"], "undo_blocked");
    let why = blocked["detail"].as_str().unwrap();
    let undone_at = job["finishedAt"].as_str().unwrap();
    for said in ["\"people.csv\"", "took 2 lines", undone_at, "import it again"] {
        assert!(why.contains(said), "{why}");
    }
    let never =
        world.app.post(&format!("/lists/{}/actions/undo", world.list("/lists", json!({ "name": "new" })).await));
    let never = never.json(&json!({})).await.expect(409);
    assert!(never["detail"].as_str().unwrap().contains("nothing was imported"), "{never}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_left_out_of_taken_lines_can_be_fetched() {
    let world = start().await;
    let list = format!("/lists/{}", world.list("/lists", json!({ "name": "people", "country": "US" })).await);
    let result = world.import(&list, "clientid,mobile,phone2\n1,2125550101,12\n", json!({})).await;
    assert!(result["warningsFile"].is_string(), "{result}");
    let imports = world.app.get(&format!("{list}/imports")).await.expect(200);
    let url = imports["items"][0]["warningsFile"].as_str().unwrap();
    let text = String::from_utf8(world.app.get(url).await.body.to_vec()).unwrap();
    assert!(text.starts_with("line_number,column,value,reason_code,reason_text\r\n2,phone2,12,bad_device,"), "{text}");
    world.app.other.get(url).await.expect(404);
    world.import(&list, "clientid,mobile\n2,2125550102\n", json!({})).await;
    let imports = world.app.get(&format!("{list}/imports")).await.expect(200);
    assert!(imports["items"][0]["warningsFile"].is_null());
    let none = format!("{list}/imports/{}/warnings", imports["items"][0]["id"].as_str().unwrap());
    world.app.get(&none).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_uses_the_mapping_and_the_rule_that_it_names() {
    let world = start().await;
    let id = world.list("/lists", json!({ "name": "people", "country": "US" })).await;
    let mapping = json!({ "name": "m", "columns": [{ "column": "a", "field": "device1" }, { "column": "b", "field": "other3" }], "keepUnmapped": false });
    let mapping = world.list("/data-mappings", mapping).await;
    let rule = json!({ "name": "r", "conditionSets": [[{ "field": "c_other3", "type": "string", "operator": "equal", "value": "yes" }]] });
    let rule = world.list("/selection-rules", rule).await;
    let asked = json!({ "mapping": mapping, "selectionRule": rule });
    let result = world.import(&format!("/lists/{id}"), "a,b,c\n2125550101,yes,1\n2125550102,no,2\n", asked).await;
    assert_eq!((&result["imported"], &result["filtered"]), (&json!(1), &json!(1)));
    let contacts = world.app.get(&format!("/lists/{id}/contacts")).await.expect(200);
    assert_eq!(contacts["items"][0]["fields"]["c_other3"], "yes");
    let wrong = json!({ "name": "s", "text": "device1 = (" });
    world.app.post("/specifications").json(&wrong).await.expect(422);
    let specification = json!({ "name": "s", "text": "device1 = ^weird$\nfirstname = ^n$\n" });
    let specification = world.list("/specifications", specification).await;
    let asked = json!({ "specification": specification, "mode": "replace" });
    world.import(&format!("/lists/{id}"), "n,weird\nAnn,2125550109\n", asked).await;
    let contacts = world.app.get(&format!("/lists/{id}/contacts")).await.expect(200);
    assert_eq!((&contacts["items"][0]["fields"]["c_first_name"], &contacts["items"][1]), (&json!("Ann"), &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_or_incomplete_upload_is_refused() {
    let world = start().await;
    let id = world.list("/lists", json!({ "name": "people" })).await;
    let import = format!("/lists/{id}/actions/import");
    let new = json!({ "fileName": "a.csv", "size": 10 });
    let half = world.list("/uploads", new).await;
    let problem = world.app.post(&import).json(&json!({ "upload": half })).await.expect(422);
    assert_eq!(problem["errors"][0]["code"], "incomplete");
    let theirs = world.app.other.post("/uploads").json(&json!({ "fileName": "b.csv" })).await.expect(201);
    world.app.post(&import).json(&json!({ "upload": theirs["id"] })).await.expect(422);
    let bad = world.upload("not, a list\nat, all\n").await;
    let job = world.run(&import, json!({ "upload": bad })).await;
    assert_eq!((&job["state"], &job["error"]["errors"][0]["code"]), (&json!("failed"), &json!("no_device_column")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_file_can_be_read_with_is_refused_when_asked() {
    let world = start().await;
    let import = format!("/lists/{}/actions/import", world.list("/lists", json!({ "name": "people" })).await);
    let upload = world.upload(PEOPLE).await;
    for (member, value) in [
        ("encoding", json!("klingon")),
        ("delimiter", json!("x")),
        ("delimiter", json!("\"")),
        ("delimiter", json!("\n")),
        ("delimiter", json!("::")),
        ("updateOnly", json!(true)),
    ] {
        let mut body = json!({ "upload": upload });
        body[member] = value.clone();
        let problem = world.app.post(&import).json(&body).await.expect(422);
        assert_eq!(problem["errors"][0]["pointer"], format!("/{member}"), "{value}: {problem}");
    }
    let wrong = json!({ "name": "m", "columns": [{ "column": "a", "field": "device1" }], "encoding": "klingon" });
    world.app.post("/data-mappings").json(&wrong).await.expect(422);
    let good = json!({ "upload": upload, "encoding": "auto", "delimiter": ",", "mode": "update", "updateOnly": true });
    world.app.post(&import).json(&good).await.expect(202);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_columns_of_an_export_have_different_names() {
    let world = start().await;
    let id = world.list("/lists", json!({ "name": "people", "country": "US" })).await;
    let columns = json!([
        { "column": 1, "field": "device1" },
        { "column": 2, "field": "custom:Device1" },
        { "column": 3, "field": "custom:client id" },
    ]);
    let mapping = world.list("/data-mappings", json!({ "name": "m", "columns": columns })).await;
    let file = "phone,second,third\n2125550101,abc,def\n";
    world.import(&format!("/lists/{id}"), file, json!({ "mapping": mapping, "header": "yes" })).await;
    let job = world.run(&format!("/lists/{id}/actions/export"), json!({})).await;
    let exported = world.app.get(job["result"]["resultUrl"].as_str().unwrap()).await;
    let text = String::from_utf8(exported.body.to_vec()).unwrap();
    let header: Vec<&str> = text.lines().next().unwrap().split(',').collect();
    assert_eq!(header[8..], ["Device1", "Device1 (custom)", "client id (custom)"]);
    let copy = world.list("/lists", json!({ "name": "copy" })).await;
    let again = world.import(&format!("/lists/{copy}"), &text, json!({})).await;
    assert_eq!((&again["imported"], &again["devices"]), (&json!(1), &json!(1)), "it can be imported again");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_suppression_entry_has_its_reason_and_its_time() {
    let world = start().await;
    let new = json!({ "name": "stop", "type": "device", "channels": ["sms"], "retentionDays": 10 });
    let list = format!("/suppression-lists/{}", world.list("/suppression-lists", new).await);
    let file = "Device,From,Till,Reason\n\
        +12125550101,,2036-01-01,\"asked us, twice\"\n\
        +12125550102,2026-03-05,2026-03-04,x\n\
        +12125550103,2036-01-01,,x\n\
        +12125550104,2026-03-04,2026-03-04,\n\
        +12125550105,,never,\n\
        +12125550106,31/12/2026,,\n\
        +12125550107,,9999-12-31,\n";
    let result = world.import(&list, file, json!({})).await;
    // who is on a list is barred, whatever is wrong with a time; the year 9999 is no end
    assert_eq!((&result["imported"], &result["rejected"]), (&json!(7), &json!(0)), "{result}");
    let warnings = result["warnings"].as_array().unwrap();
    let of_kind = |kind: &'static str| warnings.iter().filter(move |w| w["kind"] == kind);
    let count = |kind| of_kind(kind).filter_map(|w| w["count"].as_u64()).sum::<u64>();
    assert_eq!((count("till_shortened"), count("time_unread")), (1, 4), "{result}");
    let found = json!({ "values": ["+12125550105", "+12125550106", "+12125550107"] });
    let found = world.app.post(&format!("{list}/entries/search")).json(&found).await.expect(200);
    assert_eq!(found["items"].as_array().unwrap().len(), 3, "{found}");
    assert!(found["items"].as_array().unwrap().iter().all(|e| e["till"] == "2026-03-12T09:00:00Z"), "{found}");
    let found = json!({ "values": ["+12125550101"] });
    let found = world.app.post(&format!("{list}/entries/search")).json(&found).await.expect(200);
    assert_eq!(found["items"][0]["reason"], "asked us, twice");
    // what is exported is read again
    let job = world.run(&format!("{list}/actions/export"), json!({})).await;
    let exported = world.app.get(job["result"]["resultUrl"].as_str().unwrap()).await;
    let exported = String::from_utf8(exported.body.to_vec()).unwrap();
    let new = json!({ "name": "copy", "type": "device", "channels": ["sms"] });
    let copy = format!("/suppression-lists/{}", world.list("/suppression-lists", new).await);
    world.import(&copy, &exported, json!({})).await;
    let found = json!({ "values": ["+12125550101"] });
    let found = world.app.post(&format!("{copy}/entries/search")).json(&found).await.expect(200);
    assert_eq!(found["items"][0]["reason"], "asked us, twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn stray_quotes_keep_nobody_off_a_suppression_list() {
    let world = start().await;
    let new = json!({ "name": "stop", "type": "device", "channels": ["sms"] });
    let list = format!("/suppression-lists/{}", world.list("/suppression-lists", new).await);
    let line = |n: usize| match n {
        10 => "+12129300010,\"call\n".to_owned(),
        15 | 60 => format!("+1212930{n:04},end\"\n"),
        _ => format!("+1212930{n:04},ok\n"),
    };
    let file = format!("Device,Reason\n{}", (0..100).map(line).collect::<String>());
    let result = world.import(&list, &file, json!({})).await;
    let counts = ["lines", "imported", "rejected"].map(|name| result[name].as_i64().unwrap());
    assert_eq!(counts, [100, 99, 1], "{result}");
    assert_eq!(world.app.get(&list).await.expect(200)["size"], 99);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suppression_list_is_imported_exported_and_undone() {
    let world = start().await;
    let new = json!({ "name": "stop", "type": "device", "channels": ["sms"], "retentionDays": 10 });
    let id = world.list("/suppression-lists", new).await;
    let list = format!("/suppression-lists/{id}");
    let file = "phone,email,till\n2125550101,Ann@Example.com,\n2125550102,,2026-03-04\n(212) 555-0101,,\n12,,\n,,\n";
    let result = world.import(&list, file, json!({ "defaultCountry": "US" })).await;
    let counts = ["lines", "imported", "duplicate", "rejected", "blank"].map(|name| result[name].as_i64().unwrap());
    assert_eq!(counts, [5, 2, 1, 1, 1]);
    assert_eq!(world.app.get(&list).await.expect(200)["size"], 3);
    let found = json!({ "values": ["+12125550102", "+12125550101"] });
    let found = world.app.post(&format!("{list}/entries/search")).json(&found).await.expect(200);
    let mut tills: Vec<&str> = found["items"].as_array().unwrap().iter().map(|e| e["till"].as_str().unwrap()).collect();
    tills.sort_unstable();
    assert_eq!(tills, ["2026-03-05T00:00:00Z", "2026-03-12T09:00:00Z"], "a retention bounds an entry");
    let job = world.run(&format!("{list}/actions/export"), json!({})).await;
    assert_eq!(job["result"]["rows"], 3, "{}", job["error"]);
    let exported = world.app.get(job["result"]["resultUrl"].as_str().unwrap()).await;
    assert!(String::from_utf8_lossy(&exported.body).contains("ann@example.com"));
    let replaced = world.import(&list, "phone\n+12125550109\n", json!({ "mode": "replace" })).await;
    assert_eq!((&replaced["imported"], &world.app.get(&list).await.expect(200)["size"]), (&json!(1), &json!(1)));
    let job = world.run(&format!("{list}/actions/undo"), json!({})).await;
    assert_eq!(job["state"], "succeeded", "{}", job["error"]);
    assert_eq!(world.app.get(&list).await.expect(200)["size"], 3);
    let clients =
        world.list("/suppression-lists", json!({ "name": "ids", "type": "client_id", "channels": ["email"] })).await;
    let result = world.import(&format!("/suppression-lists/{clients}"), "clientid\n7\n8\n7\n", json!({})).await;
    assert_eq!((&result["imported"], &result["duplicate"]), (&json!(2), &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_undo_of_opt_outs_asks_for_a_reason_which_is_audited() {
    let world = start().await;
    let upload = world.upload("device,opt_out_date\n+12125550124,2026-02-01\n").await;
    let job = world.run("/compliance/consents/actions/import", json!({ "upload": upload })).await;
    assert_eq!(job["state"], "succeeded", "{}", job["error"]);
    let imports = world.app.get("/compliance/consents/imports").await.expect(200);
    let number = match &imports["items"][0]["id"] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let undo = format!("/compliance/consents/imports/{number}/actions/undo");
    let silent = world.app.post(&undo).json(&json!({})).await.expect(422);
    assert_eq!(silent["errors"][0]["pointer"], "/reason");
    world.app.post(&undo).json(&json!({ "reason": " " })).await.expect(422);
    let job = world.run(&undo, json!({ "reason": "the wrong file" })).await;
    assert_eq!(job["state"], "succeeded", "{}", job["error"]);
    let audited = world.app.get("/audit-events?objectKind=consent").await.expect(200);
    let after = json!({ "reason": "the wrong file", "optOuts": 1 });
    assert!(audited["items"].as_array().unwrap().iter().any(|e| e["after"] == after), "{audited}");
    // so does that of a contact list
    let columns = json!([{ "column": "phone", "field": "device1" }, { "column": "what", "field": "consentAction" },
        { "column": "day", "field": "consentDate" }]);
    let mapping = world.list("/data-mappings", json!({ "name": "m", "columns": columns })).await;
    let list = format!("/lists/{}", world.list("/lists", json!({ "name": "people", "country": "US" })).await);
    let file = "phone,what,day\n2125550131,revoke,2026-02-01\n";
    let result = world.import(&list, file, json!({ "mapping": mapping })).await;
    assert_eq!(result["consents"]["optOuts"], 1, "{result}");
    let undo = format!("{list}/actions/undo");
    let silent = world.app.post(&undo).json(&json!({})).await.expect(422);
    assert_eq!(silent["errors"][0]["pointer"], "/reason");
    let job = world.run(&undo, json!({ "reason": "the wrong file" })).await;
    assert_eq!(job["state"], "succeeded", "{}", job["error"]);
    let audited = world.app.get("/audit-events?objectKind=contact_list").await.expect(200);
    assert!(audited["items"].as_array().unwrap().iter().any(|e| e["after"] == after), "{audited}");
    // and that of a list of opt-outs; a time that can't be read drops none
    let body = json!({ "name": "stops", "type": "device", "channels": ["sms"], "required": true, "optOuts": true });
    let stops = format!("/suppression-lists/{}", world.list("/suppression-lists", body).await);
    let result = world.import(&stops, "phone,till\n+12125550141,soon\n", json!({})).await;
    assert_eq!((&result["imported"], &result["rejected"]), (&json!(1), &json!(0)), "{result}");
    let undo = format!("{stops}/actions/undo");
    let silent = world.app.post(&undo).json(&json!({})).await.expect(422);
    assert_eq!(silent["errors"][0]["pointer"], "/reason");
    let job = world.run(&undo, json!({ "reason": "the wrong file" })).await;
    assert_eq!(job["state"], "succeeded", "{}", job["error"]);
    let audited = world.app.get("/audit-events?objectKind=suppression_list").await.expect(200);
    assert!(audited["items"].as_array().unwrap().iter().any(|e| e["after"] == after), "{audited}");
}

/// What the ledger says of devices: the kind of entry, where it stands, and the channels, by address.
async fn ledger(world: &World, numbers: &[&str]) -> Vec<(String, bool)> {
    let app = &world.app;
    let hashes: Vec<i64> = numbers.iter().map(|n| app.app.hash_key.hash(app.tenant(), n)).collect();
    let entries = app.app.db.read().await.unwrap().consents_of(app.tenant(), &hashes, &[]).await.unwrap();
    let mut found: Vec<_> = entries.iter().map(|c| (c.key.clone(), c.event().unwrap().revoked)).collect();
    found.sort();
    found.dedup();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_consents_with_two_numbers_a_line_is_about_both() {
    let world = start().await;
    let both = ["+12125550171", "+12125550172"];
    for (n, header) in ["mobile,work phone", "device,phone", "phone 1,phone 2", "phone,phone"].iter().enumerate() {
        // of its own person in each round
        let (one, two) = (format!("+1212556{:04}", 10 + n), format!("+1212556{:04}", 50 + n));
        let (out, far) = (format!("+1212557{:04}", 10 + n), format!("+1212557{:04}", 50 + n));
        let file = format!(
            "client_id,{header},consent_kind,consent_date,consent_device,opt_out_date\n\
             G-{n},{one},{two},express,2026-01-05,,\n\
             O-{n},{out},{far},,,,2026-02-01\n"
        );
        let upload = world.upload(&file).await;
        let job = world.run("/compliance/consents/actions/import", json!({ "upload": upload })).await;
        assert_eq!((&job["state"], &job["result"]["rejected"]), (&json!("succeeded"), &json!(0)), "{header}: {job}");
        assert_eq!(ledger(&world, &[&one, &two]).await, [(one.clone(), false), (two.clone(), false)], "{header}");
        assert_eq!(ledger(&world, &[&out, &far]).await, [(out.clone(), true), (far.clone(), true)], "{header}");
    }
    // one of the two that is named is meant alone; an opt-out is for both all the same
    let file = format!(
        "client_id,mobile,work phone,consent_kind,consent_date,consent_device\n\
         C-1,{0},{1},express,2026-01-05,2\n",
        both[0], both[1]
    );
    let upload = world.upload(&file).await;
    let job = world.run("/compliance/consents/actions/import", json!({ "upload": upload })).await;
    assert_eq!(job["result"]["imported"], 1, "{job}");
    assert_eq!(ledger(&world, &both).await, [(both[1].to_owned(), false)]);
    let file = format!("mobile,work phone,consent_action,consent_device\n{},{},revoke,1\n", both[0], both[1]);
    let upload = world.upload(&file).await;
    let job = world.run("/compliance/consents/actions/import", json!({ "upload": upload })).await;
    assert_eq!(job["result"]["imported"], 1, "{job}");
    let [one, two] = both.map(str::to_owned);
    assert_eq!(ledger(&world, &both).await, [(one, true), (two.clone(), false), (two, true)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_of_consents_stands_in_the_audit_log() {
    let world = start().await;
    let audited = async |caller: &Caller| {
        caller.get("/audit-events?objectKind=consent").await.expect(200)["items"].as_array().unwrap().len()
    };
    let upload = world.upload("device,consent_kind,consent_date\n+12125550181,express,2026-02-01\n").await;
    let job = world.run("/compliance/consents/actions/import", json!({ "upload": upload })).await;
    assert_eq!(job["state"], "succeeded", "{}", job["error"]);
    let job = world.run("/compliance/consents/actions/export", json!({})).await;
    assert_eq!(job["state"], "succeeded", "{}", job["error"]);
    let events = world.app.get("/audit-events?objectKind=consent").await.expect(200);
    let items = events["items"].as_array().unwrap();
    let of = |action: &str| items.iter().filter(|e| e["action"] == action).collect::<Vec<_>>();
    assert_eq!((of("import").len(), of("export").len()), (1, 1), "{events}");
    assert!(of("import")[0].to_string().contains("people.csv"), "the file is named: {events}");
    assert_eq!(audited(&world.app.other).await, 0, "of another tenant");
    // one that is refused did nothing
    let reader = world.app.with_scopes(&[cxc_server::Scope::ComplianceRead]).await.unwrap();
    let refused = reader.post("/compliance/consents/actions/import").json(&json!({ "upload": upload })).await;
    assert_eq!(refused.expect_problem(403), "scope_missing");
    assert_eq!(audited(&world.app).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opt_out_of_a_line_is_taken_whatever_else_of_it_can_not_be_read() {
    let world = start().await;
    let clients: Vec<String> = (1..=7).map(|n| format!("C-{n}")).collect();
    let file = "client_id,device,consent_action,consent_kind,consent_channels,opt_out_date\n\
        C-1,+12125550151,revoke,whatever,,\nC-2,+12125550152,revoke,,fax,\nC-3,banana,revoke,,,\n\
        C-4,+12125550154,unsubscribed,,,\nC-5,+12125550155,,,,31/12/2025\nC-6,+12125550156,,,,2031-01-01\nC-7,+12125550157,,,,no\n";
    let upload = world.upload(file).await;
    let job = world.run("/compliance/consents/actions/import", json!({ "upload": upload })).await;
    assert_eq!((&job["result"]["imported"], &job["result"]["rejected"]), (&json!(6), &json!(1)), "{job}");
    let app = &world.app;
    let hashes: Vec<i64> = clients.iter().map(|id| app.app.hash_key.hash(app.tenant(), id)).collect();
    let ledger = app.app.db.read().await.unwrap().consents_of(app.tenant(), &[], &hashes).await.unwrap();
    let revoked: Vec<&str> = ledger.iter().filter(|c| c.event().unwrap().revoked).map(|c| c.key.as_str()).collect();
    assert_eq!(revoked, ["C-1", "C-2", "C-3", "C-4", "C-5", "C-6"]);
    // a contact that is rejected for its device has opted out all the same
    let columns = json!([{ "column": "id", "field": "clientId" }, { "column": "phone", "field": "device1" },
        { "column": "out", "field": "optOutDate" }]);
    let mapping = world.list("/data-mappings", json!({ "name": "outs", "columns": columns })).await;
    let list = format!("/lists/{}", world.list("/lists", json!({ "name": "some", "country": "US" })).await);
    let result = world.import(&list, "id,phone,out\nC-8,banana,2026-02-01\n", json!({ "mapping": mapping })).await;
    assert_eq!((&result["rejected"], &result["consents"]["optOuts"]), (&json!(1), &json!(1)), "{result}");
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_without_a_country_are_those_of_the_list_and_else_of_the_tenant_that_said_so() {
    let world = start().await;
    let list = async |body: Value| format!("/lists/{}", world.list("/lists", body).await);
    let (own, bare) = (list(json!({ "name": "own", "country": "GB" })).await, list(json!({ "name": "bare" })).await);
    let file = "clientid,phone\n1,020 7946 0123\n2,+442079460124\n";
    let imported = async |list: &str| world.import(list, file, json!({})).await["imported"].clone();
    assert_eq!(
        (imported(&own).await, imported(&bare).await),
        (json!(2), json!(1)),
        "nobody named a country of the second"
    );
    let settings = world.app.get("/settings").await;
    let british = json!({ "country": "GB" });
    world.app.patch("/settings").if_match(&settings.etag()).json(&british).await.expect(200);
    assert_eq!(imported(&list(json!({ "name": "later" })).await).await, 2);
}

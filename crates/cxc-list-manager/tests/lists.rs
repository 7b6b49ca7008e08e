//! Lists, contacts, suppression, rules and labels through the real router on a real database.
#![expect(clippy::unwrap_used, reason = "a test that finds something else than it expects has failed")]
use std::sync::Arc;

use cxc_core::location::{LiveTables, LocationTables};
use cxc_core::phone::PhoneParser;
use cxc_list_manager::Readers;
use cxc_server::Scope;
use cxc_store::location::Locations;
use cxc_test::{Call, Caller, TestApp};
use serde_json::{Value, json};

trait SendJson {
    fn send_json(&self, path: &str, body: Value) -> Call;
}

impl SendJson for Caller {
    fn send_json(&self, path: &str, body: Value) -> Call {
        self.post(path).json(&body)
    }
}

async fn start() -> TestApp {
    let readers = Readers {
        phones: Arc::new(PhoneParser::new().unwrap()),
        tables: LiveTables::new(LocationTables::embedded().unwrap()),
        locations: Arc::new(Locations::new()),
    };
    TestApp::start(move |app| cxc_list_manager::service(app, readers).unwrap()).await.unwrap()
}

async fn list(app: &TestApp, name: &str) -> String {
    let made = app.send_json("/lists", json!({ "name": name, "country": "US" })).await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}

fn codes(problem: &Value) -> Vec<(String, String)> {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    problem["errors"].as_array().unwrap().iter().map(|e| (text(&e["pointer"]), text(&e["code"]))).collect()
}

#[tokio::test]
async fn a_contact_is_added_changed_found_and_taken_out() {
    let app = start().await;
    let id = list(&app, "people").await;
    let contacts = format!("/lists/{id}/contacts");
    let ann = json!({ "clientId": "c-1", "fields": { "c_first_name": "Ann", "c_state_code": "Texas", "c_other1": "gold" },
        "devices": [{ "number": "(212) 555-0100 x7", "type": 1 }, { "number": "Ann@Example.com" }] });
    let made = app.send_json(&contacts, ann.clone()).await.expect(201);
    assert_eq!(made["devices"][0]["number"], "+12125550100");
    assert_eq!(made["devices"][0]["extension"], "7");
    assert_eq!((&made["fields"]["c_state_code"], &made["fields"]["c_country_code_iso"]), (&json!("TX"), &json!("US")));
    let again = app.send_json(&contacts, ann).await.expect(422);
    assert_eq!(codes(&again), [("/clientId".into(), "duplicate_in_list".into())]);
    app.send_json(&contacts, json!({ "devices": [{ "number": "+44 20 7946 0123" }] })).await.expect(201);
    let page = app.get(&format!("{contacts}?limit=1")).await.expect(200);
    let next = page["next"].as_str().unwrap();
    let rest = app.get(&format!("{contacts}?limit=1&cursor={next}")).await.expect(200);
    assert_eq!(
        (rest["items"][0]["devices"][0]["number"].as_str(), &rest["next"]),
        (Some("+442079460123"), &Value::Null)
    );
    for query in ["clientId=c-1", "device=2125550100", "device=ann@example.com", "clientId=c-1&device=2125550100"] {
        let found = app.get(&format!("{contacts}?{query}")).await.expect(200);
        assert_eq!(found["items"], json!([made]), "{query}");
    }
    let search =
        json!({ "conditionSets": [[{ "field": "c_other1", "type": "string", "operator": "equal", "value": "GOLD" }]] });
    let found = app.send_json(&format!("{contacts}/search"), search).await.expect(200);
    assert_eq!(found["items"], json!([made]));
    let size = app.get(&format!("/lists/{id}")).await.expect(200);
    assert_eq!((&size["contacts"], &size["devices"]), (&json!(2), &json!(3)));
    let one = format!("{contacts}/{}", made["id"].as_str().unwrap());
    let changed = json!({ "clientId": "c-1", "devices": [{ "number": "2125550111", "index": 3 }] });
    app.put(&one).json(&changed).await.expect(428);
    app.put(&one).json(&changed).if_match("\"1\"").await.expect(412);
    let etag = app.get(&one).await.headers["etag"].to_str().unwrap().to_owned();
    let put = app.put(&one).json(&changed).if_match(&etag).await.expect(200);
    assert_eq!((&put["id"], &put["devices"][0]["index"]), (&made["id"], &json!(3)));
    app.delete(&one).if_match(&etag).await.expect(412);
    app.delete(&one).if_match("*").await.expect(204);
    app.get(&one).await.expect(404);
    let size = app.get(&format!("/lists/{id}")).await.expect(200);
    assert_eq!((&size["contacts"], &size["devices"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn what_is_wrong_with_a_contact_is_said_at_its_place() {
    let app = start().await;
    let id = list(&app, "people").await;
    let wrong = json!({ "fields": { "c_country_code_iso": "Atlantis", "c_tz_name": "Mars/Olympus", "c_other1": "x".repeat(257) },
        "devices": [{ "number": "12" }, { "number": "2125550100", "index": 11 }] });
    let problem = app.send_json(&format!("/lists/{id}/contacts"), wrong).await.expect(422);
    let places: Vec<String> = codes(&problem).into_iter().map(|c| c.1).collect();
    for code in ["bad_country", "unknown_timezone", "too_long", "bad_device", "invalid"] {
        assert!(places.iter().any(|p| p == code), "{code} in {places:?}");
    }
}

#[tokio::test]
async fn many_contacts_go_in_one_call_with_a_result_each() {
    let app = start().await;
    let id = list(&app, "people").await;
    let bulk = format!("/lists/{id}/contacts/bulk");
    let upsert = |key: &str, number: &str| json!({ "op": "upsert", "contact": { "clientId": key, "devices": [{ "number": number }] } });
    let items = json!({ "items": [upsert("a", "2125550101"), upsert("b", "12"), upsert("c", "2125550103"), upsert("a", "2125550104")] });
    let done = app.send_json(&bulk, items).await.expect(200);
    let ok: Vec<bool> = done["results"].as_array().unwrap().iter().map(|r| r["ok"].as_bool().unwrap()).collect();
    assert_eq!(ok, [true, false, true, false]);
    let a = done["results"][0]["id"].as_str().unwrap();
    let c = done["results"][2]["id"].as_str().unwrap();
    let items =
        json!({ "items": [upsert("a", "2125550109"), { "op": "delete", "id": c }, { "op": "delete", "id": "77777" }] });
    let done = app.send_json(&bulk, items).await.expect(200);
    assert_eq!(done["results"][0]["id"], a, "a key keeps its id");
    assert_eq!((&done["results"][1]["ok"], &done["results"][2]["ok"]), (&json!(true), &json!(false)));
    let size = app.get(&format!("/lists/{id}")).await.expect(200);
    assert_eq!((&size["contacts"], &size["devices"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn a_suppression_entry_is_normalised_and_expires() {
    let app = start().await;
    let new = json!({ "name": "stop", "type": "device", "channels": ["sms", "email"], "retentionDays": 30 });
    let made = app.send_json("/suppression-lists", new).await.expect(201);
    let entries = format!("/suppression-lists/{}/entries", made["id"].as_str().unwrap());
    let entry = app
        .send_json(&entries, json!({ "value": "212 555 0100", "country": "US", "till": "2026-03-05" }))
        .await
        .expect(201);
    assert_eq!((entry["value"].as_str(), entry["till"].as_str()), (Some("+12125550100"), Some("2026-03-06T00:00:00Z")));
    let entry = app.send_json(&entries, json!({ "value": "Ann@Example.com" })).await.expect(201);
    assert_eq!(
        (entry["value"].as_str(), entry["till"].as_str()),
        (Some("ann@example.com"), Some("2026-04-01T09:00:00Z"))
    );
    app.send_json(&entries, json!({ "value": "nobody" })).await.expect(422);
    let found =
        app.send_json(&format!("{entries}/search"), json!({ "values": ["ANN@example.com", "x"] })).await.expect(200);
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    let bulk = json!({ "upsert": [{ "value": "+12125550101" }, { "value": "?" }], "delete": ["ann@example.com"] });
    let done = app.send_json(&format!("{entries}/bulk"), bulk).await.expect(200);
    let ok: Vec<bool> = done["results"].as_array().unwrap().iter().map(|r| r["ok"].as_bool().unwrap()).collect();
    assert_eq!(ok, [true, false, true]);
    let page = app.get(&entries).await.expect(200);
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    let lists = app.get("/suppression-lists").await.expect(200);
    assert_eq!((&lists["items"][0]["size"], &lists["items"][0]["usedBy"]), (&json!(2), &json!(0)));
    app.delete(&format!("{entries}?value=%2B12125550101")).await.expect(204);
    app.delete(&format!("{entries}?value=%2B12125550101")).await.expect(404);
}

#[tokio::test]
async fn an_entry_of_a_list_of_opt_outs_stands_in_the_ledger_and_is_taken_with_a_reason() {
    let app = start().await;
    let body = |name: &str, kind: &str| json!({ "name": name, "type": kind, "channels": ["sms"], "required": true, "optOuts": true });
    let mut wrong = body("wrong", "device");
    wrong["retentionDays"] = json!(30);
    let problem = app.send_json("/suppression-lists", wrong).await.expect(422);
    assert_eq!(codes(&problem), [("/optOuts".into(), "inconsistent".into())]);
    let made = app.send_json("/suppression-lists", body("asked to stop", "device")).await.expect(201);
    let entries = format!("/suppression-lists/{}/entries", made["id"].as_str().unwrap());
    app.send_json(&entries, json!({ "value": "+12125550100", "reason": "by letter" })).await.expect(201);
    // an entry that ends is no opt-out
    app.send_json(&entries, json!({ "value": "+12125550101", "till": "2026-04-01" })).await.expect(201);
    let clients = app.send_json("/suppression-lists", body("clients", "client_id")).await.expect(201);
    let bulk = json!({ "upsert": [{ "value": "C-1" }, { "value": "C-2" }] });
    let path = format!("/suppression-lists/{}/entries/bulk", clients["id"].as_str().unwrap());
    app.send_json(&path, bulk).await.expect(200);
    let plain = json!({ "name": "just a list", "type": "device", "channels": ["sms"], "required": true });
    let plain = app.send_json("/suppression-lists", plain).await.expect(201);
    let other = format!("/suppression-lists/{}/entries", plain["id"].as_str().unwrap());
    app.send_json(&other, json!({ "value": "+12125550102" })).await.expect(201);
    let of = |keys: &[&str]| keys.iter().map(|key| app.app.hash_key.hash(app.tenant(), key)).collect::<Vec<i64>>();
    let (devices, ids) = (of(&["+12125550100", "+12125550101", "+12125550102"]), of(&["C-1", "C-2"]));
    let ledger = app.app.db.read().await.unwrap().consents_of(app.tenant(), &devices, &ids).await.unwrap();
    let found: Vec<(&str, Option<&str>, bool)> =
        ledger.iter().map(|c| (c.key.as_str(), c.words.as_deref(), c.event().unwrap().revoked)).collect();
    let want = [("+12125550100", Some("by letter"), true), ("C-1", None, true), ("C-2", None, true)];
    assert_eq!(found, want);
    // nor does anybody end one by writing it again
    let again = json!({ "value": "+12125550100", "from": "2027-01-01T00:00:00Z", "till": "2027-02-01T00:00:00Z" });
    app.send_json(&entries, again.clone()).await.expect(201);
    app.send_json(&format!("{entries}/bulk"), json!({ "upsert": [again] })).await.expect(200);
    let found = app.send_json(&format!("{entries}/search"), json!({ "values": ["+12125550100"] })).await.expect(200);
    assert_eq!((&found["items"][0]["from"], &found["items"][0]["till"]), (&Value::Null, &Value::Null), "{found}");
    let problem = app.delete(&format!("{entries}?value=%2B12125550100")).await.expect(422).clone();
    assert_eq!(codes(&problem), [("/reason".into(), "required".into())]);
    app.delete(&format!("{entries}?value=%2B12125550100&reason=a%20slip")).await.expect(204);
    let left = app.app.db.read().await.unwrap().consents_of(app.tenant(), &devices, &ids).await.unwrap();
    assert_eq!(left.len(), 3, "the ledger still has it");
    // whether entries are opt-outs stays as it is once there are some
    let path = format!("/suppression-lists/{}", made["id"].as_str().unwrap());
    let mut changed = body("asked to stop", "device");
    changed["optOuts"] = json!(false);
    let etag = app.get(&path).await.etag();
    let problem = app.put(&path).json(&changed).if_match(&etag).await.expect(422).clone();
    assert_eq!(codes(&problem), [("/optOuts".into(), "not_editable".into())]);
}

#[tokio::test]
async fn a_suppression_list_holds_for_everybody_unless_it_says_otherwise_and_taking_from_it_needs_the_right() {
    let app = start().await;
    let new = json!({ "name": "never", "type": "device", "channels": ["sms"] });
    let made = app.send_json("/suppression-lists", new.clone()).await.expect(201);
    assert_eq!(made["required"], true);
    let row = app.app.db.read().await.unwrap().suppression_lists(app.tenant()).await.unwrap().remove(0);
    assert!(row.required, "the engine holds it for every group");
    let entries = format!("/suppression-lists/{}/entries", made["id"].as_str().unwrap());
    app.send_json(&entries, json!({ "value": "+12125550100", "till": "2027-01-01" })).await.expect(201);
    let lesser = app.with_scopes(&[Scope::SuppressionRead, Scope::SuppressionWrite]).await.unwrap();
    let refused = lesser.post("/suppression-lists").json(&new).await;
    assert_eq!(refused.expect_problem(403), "scope_missing");
    let own = json!({ "name": "own", "type": "device", "channels": ["sms"], "required": false });
    lesser.post("/suppression-lists").json(&own).await.expect(201);
    // longer is anybody's who may write, sooner and away is not
    lesser.post(&entries).json(&json!({ "value": "+12125550100", "till": "2028-01-01" })).await.expect(201);
    let sooner = json!({ "value": "+12125550100", "till": "2026-12-05" });
    assert_eq!(lesser.post(&entries).json(&sooner).await.expect_problem(403), "scope_missing");
    let bulk = json!({ "upsert": [sooner] });
    assert_eq!(lesser.post(&format!("{entries}/bulk")).json(&bulk).await.expect_problem(403), "scope_missing");
    let gone = lesser.delete(&format!("{entries}?value=%2B12125550100")).await;
    assert_eq!(gone.expect_problem(403), "scope_missing");
    app.send_json(&entries, sooner).await.expect(201);
    app.delete(&format!("{entries}?value=%2B12125550100&reason=a%20wrong%20number")).await.expect(204);
}

#[tokio::test]
async fn the_audit_log_tells_what_was_changed_of_whom_before_and_after() {
    let app = start().await;
    let hash = |text: &str| cxc_core::hash::hash_text(app.app.hash_key.hash(app.tenant(), text));
    let events = async |action: &str| -> Value {
        app.get(&format!("/audit-events?action={action}")).await.expect(200)["items"].clone()
    };
    let new = json!({ "name": "never", "type": "device", "channels": ["sms"] });
    let made = app.send_json("/suppression-lists", new).await.expect(201);
    let entries = format!("/suppression-lists/{}/entries", made["id"].as_str().unwrap());
    for till in ["2027-01-01", "2026-12-05"] {
        app.send_json(&entries, json!({ "value": "+12125550100", "till": till })).await.expect(201);
    }
    app.delete(&format!("{entries}?value=%2B12125550100&reason=a%20wrong%20number")).await.expect(204);
    let added = events("add_entries").await;
    assert_eq!(
        (added[1]["before"].is_null(), &added[1]["after"]["of"][0]["hash"]),
        (true, &json!(hash("+12125550100")))
    );
    let ends = |event: &Value, side: &str| event[side]["of"][0]["till"].as_str().unwrap_or_default().to_owned();
    assert_eq!(
        (ends(&added[0], "before"), ends(&added[0], "after")),
        ("2027-01-02T00:00:00Z".into(), "2026-12-06T00:00:00Z".into())
    );
    let removed = &events("remove_entries").await[0];
    assert_eq!(
        (&removed["before"]["of"][0]["hash"], &removed["after"]["reason"]),
        (&json!(hash("+12125550100")), &json!("a wrong number"))
    );
    // contacts alike: numbers and keyed hashes, and the names of what changed
    let id = list(&app, "people").await;
    let contact = |first: &str, number: &str| json!({ "clientId": "C-1", "fields": { "c_first_name": first }, "devices": [{ "number": number }] });
    let one = app.send_json(&format!("/lists/{id}/contacts"), contact("Ann", "+12125550101")).await.expect(201);
    let path = format!("/lists/{id}/contacts/{}", one["id"].as_str().unwrap());
    app.put(&path).if_match("*").json(&contact("Anna", "+12125550102")).await.expect(200);
    app.delete(&path).if_match("*").await.expect(204);
    let updated = &events("update_contact").await[0];
    assert_eq!(updated["before"]["of"][0]["devices"], json!([hash("+12125550101")]));
    assert_eq!(updated["after"]["of"][0]["devices"], json!([hash("+12125550102")]));
    assert_eq!(updated["after"]["changed"], json!(["c_first_name", "devices"]));
    let deleted = &events("delete_contact").await[0];
    assert_eq!(deleted["before"]["of"][0]["clientId"], json!(hash("C-1")));
    let all = app.get("/audit-events").await.expect(200).to_string();
    assert!(!all.contains("+1212555") && !all.contains("Anna"), "nobody is named");
}

#[tokio::test]
async fn a_suppression_entry_ends_after_it_begins() {
    let app = start().await;
    let new = json!({ "name": "stop", "type": "device", "channels": ["sms", "sms"], "retentionDays": 30 });
    let made = app.send_json("/suppression-lists", new).await.expect(201);
    assert_eq!(made["channels"], json!(["sms"]), "a channel that is named twice is one");
    let entries = format!("/suppression-lists/{}/entries", made["id"].as_str().unwrap());
    let entry = |from: &str, till: &str| json!({ "value": "+12125550100", "from": from, "till": till });
    let problem = app.send_json(&entries, entry("2026-03-05", "2026-03-04")).await.expect(422);
    assert_eq!(codes(&problem), [("/till".into(), "range".into())]);
    let problem = app.send_json(&entries, entry("2036-03-05", "2036-03-06")).await.expect(422);
    assert_eq!(codes(&problem), [("/from".into(), "range".into())], "the list keeps entries for 30 days");
    app.send_json(&entries, entry("2026-03-05", "2026-03-05")).await.expect(201);
    let bulk = json!({ "upsert": [entry("2026-03-05", "2026-03-04")] });
    let done = app.send_json(&format!("{entries}/bulk"), bulk).await.expect(200);
    assert_eq!(done["results"][0]["ok"], false);
}

#[tokio::test]
async fn a_rule_is_tried_on_a_list_before_it_is_used() {
    let app = start().await;
    let id = list(&app, "people").await;
    for n in 0..5 {
        let contact =
            json!({ "fields": { "c_other1": n.to_string() }, "devices": [{ "number": format!("212555010{n}") }] });
        app.send_json(&format!("/lists/{id}/contacts"), contact).await.expect(201);
    }
    let rule = json!({ "name": "high", "conditionSets": [[{ "field": "c_other1", "type": "numeric", "operator": "greater_than", "value": 2 }]] });
    let rule = app.send_json("/selection-rules", rule).await.expect(201);
    let path = format!("/selection-rules/{}/actions/preview", rule["id"].as_str().unwrap());
    let preview = app.send_json(&path, json!({ "list": id })).await.expect(200);
    assert_eq!((&preview["count"], &preview["lookedAt"], &preview["complete"]), (&json!(2), &json!(5), &json!(true)));
    assert_eq!(preview["sample"].as_array().unwrap().len(), 2);
    let labels = json!({ "name": "labels", "fields": [{ "column": "c_other1", "label": "Score" }, { "column": "nope", "label": "" }] });
    let problem = app.send_json("/labels", labels).await.expect(422);
    assert_eq!(codes(&problem).len(), 2);
}

#[tokio::test]
async fn another_tenant_sees_and_changes_nothing() {
    let app = start().await;
    let id = list(&app, "people").await;
    let made = app
        .send_json(&format!("/lists/{id}/contacts"), json!({ "devices": [{ "number": "2125550100" }] }))
        .await
        .expect(201);
    let contact = format!("/lists/{id}/contacts/{}", made["id"].as_str().unwrap());
    let input = json!({ "devices": [{ "number": "2125550101" }] });
    let search = json!({ "conditionSets": [[{ "field": "c_company", "type": "string", "operator": "is_empty" }]] });
    app.other.get(&contact).await.expect(404);
    app.other.get(&format!("/lists/{id}/contacts")).await.expect(404);
    app.other.send_json(&format!("/lists/{id}/contacts"), input).await.expect(404);
    app.other.send_json(&format!("/lists/{id}/contacts/search"), search).await.expect(404);
    app.other.send_json(&format!("/lists/{id}/contacts/bulk"), json!({ "items": [] })).await.expect(404);
    app.get(&contact).await.expect(200);
}

#[tokio::test]
async fn a_list_of_the_systems_opt_outs_keeps_its_channel_and_stays_one() {
    let app = start().await;
    let mut tx = app.app.db.begin().await.unwrap();
    let (id, now) = (app.app.ids.next(), app.app.now());
    tx.suppression_opt_out_list(app.tenant(), cxc_core::channel::Channel::Voice, id, now).await.unwrap();
    tx.commit().await.unwrap();
    let path = format!("/suppression-lists/{id}");
    let patch = async |change: Value| {
        let etag = app.get(&path).await.etag();
        app.patch(&path).if_match(&etag).json(&change).await
    };
    // what suppresses more is free
    patch(json!({ "channels": ["voice", "sms"] })).await.expect(200);
    for (change, told) in [
        (json!({ "channels": ["email"] }), "opt-outs of the channel voice"),
        (json!({ "optOuts": false }), "stays a list of opt-outs"),
        (json!({ "required": false, "optOuts": false }), "stays required"),
    ] {
        let refused = patch(change).await;
        assert!(refused.text().contains(told), "{}", refused.text());
        assert_eq!(refused.expect_problem(422), "required_item");
    }
    let kept = app.get(&path).await.expect(200);
    assert_eq!((&kept["channels"], &kept["optOuts"]), (&json!(["voice", "sms"]), &json!(true)));
}

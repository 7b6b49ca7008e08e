//! Decisions are made again from what is kept, whatever changed since, and handed out as signed files.
#![expect(clippy::unwrap_used, reason = "a test that finds something else than it expects has failed")]
use std::sync::Arc;

use cxc_compliance_manager::EvaluationKit;
use cxc_compliance_manager::evidence::replay;
use cxc_compliance_manager::export::{ExportAsked, collect, verify};
use cxc_core::channel::Channel;
use cxc_core::compliance::{Calendars, DataVersion, DataVersions, Zones};
use cxc_server::rule_data::RuleData;
use cxc_server::{App, Principal, Scope};
use cxc_store::evidence::{Appending, Decision, DeviceSeal, EvidenceChain, Indexed};
use cxc_test::TestApp;
use serde_json::{Value, json};

const VALIDATE: &str = "/internal/v1/compliance/validations";
const CUSTOM: &str = "/compliance/custom-rules";
/// Noon in New York.
const NOON: &str = "2026-03-03T17:00:00Z";

async fn start() -> TestApp {
    let rules = RuleData::shipped(&Zones::bundled()).unwrap();
    let app = TestApp::start(|app| cxc_compliance_manager::service(App { rules, ..app }).unwrap()).await.unwrap();
    app.clock.set(NOON);
    let cap = json!({ "name": "one a day", "maxAttempts": 1, "window": { "seconds": 86_400 }, "results": [],
        "countBy": "device", "required": true });
    app.create("/compliance/attempt-rules", &cap).await;
    app
}

fn ask(n: u32, client: &str) -> Value {
    json!({ "type": "voice", "purpose": "informational", "tech": "live", "contact": { "client_id": client },
        "device": { "e164": format!("+1212930{n:04}") }, "hold_ms": 60_000 })
}

/// The id of the evidence of a decision.
async fn decided(app: &TestApp, ask: &Value, decision: &str) -> String {
    let answer = app.post(VALIDATE).json(ask).await.json();
    assert_eq!(answer["decision"], decision, "{answer:#}");
    answer["evidence_id"].as_str().unwrap().to_owned()
}

async fn replayed(app: &TestApp, id: &str) -> Value {
    app.post(&format!("/compliance/evidence/{id}/actions/replay")).json(&json!({})).await.expect(200)
}

#[tokio::test]
async fn a_decision_is_made_again_byte_by_byte_after_its_rules_and_facts_changed() {
    let app = start().await;
    let vip = json!({ "name": "vip", "expression": "c_client_id != \"vip\" && size(c_postal_code) < 6",
        "required": true });
    let rule = app.create(CUSTOM, &vip).await;
    let allowed = decided(&app, &ask(1, "a"), "allow").await;
    app.clock.advance(std::time::Duration::from_secs(180));
    let capped = decided(&app, &ask(1, "b"), "defer").await;
    let barred = decided(&app, &ask(2, "vip"), "deny").await;
    // everything that decided is gone or other now
    let path = format!("{CUSTOM}/{}", rule["id"].as_str().unwrap());
    let tag = app.get(&path).await.etag();
    app.delete(&path).if_match(&tag).await.expect(204);
    app.post("/compliance/consents/revoke").json(&json!({ "device": "+12129300001" })).await.expect(200);
    for (id, decision) in [(&allowed, "allow"), (&capped, "defer"), (&barred, "deny")] {
        let again = replayed(&app, id).await;
        assert_eq!((&again["sameReasons"], &again["sameVerdict"]), (&json!(true), &json!(true)), "{again:#}");
        assert_eq!((&again["decided"], &again["decided"]["decision"]), (&again["replayed"], &json!(decision)));
        let versions = again["versions"].as_object().unwrap();
        for name in ["tzdb", "holidays", "rules", "tenantRules"] {
            assert!(versions[name].as_str().unwrap().len() >= 64, "{name}: {versions:?}");
        }
        assert!(again["steps"].as_array().unwrap().iter().any(|s| s["rule"]["id"] == rule["id"]), "{again:#}");
    }
    let kept = app.get(&format!("/compliance/evidence/{barred}")).await.expect(200);
    let columns = &kept["decision"]["inputs"]["columns"];
    assert_eq!(columns, &json!({ "c_client_id": "vip" }), "only what the rule reads and is known");
    let path = format!("/compliance/evidence/{allowed}/actions/replay");
    app.other.post(&path).json(&json!({})).await.expect(404);
    let reader = app.with_scopes(&[Scope::ListsRead]).await.unwrap();
    reader.post(&path).json(&json!({})).await.expect(403);
}

/// The files of the bundled zones, with New York's clocks those of another place.
fn moved_zones() -> Zones {
    let bundled = Zones::bundled();
    let files = bundled.files();
    let chicago = files.iter().find(|(name, _)| *name == "America/Chicago").unwrap().1;
    let moved = files.iter().map(|(name, bytes)| (*name, if *name == "America/New_York" { chicago } else { bytes }));
    Zones::kept("2030a", moved).unwrap()
}

/// A program of a later time: other time zones, and a holiday on the day of the decisions.
fn later(kit: &EvaluationKit) -> EvaluationKit {
    let (zones, today) = (moved_zones(), "US-AL\t2026-03-03\tA new holiday\n");
    let calendars = Calendars::parse([("later.tsv", today)]).unwrap();
    let tzdb = DataVersion { version: "2030a".into(), sha256: zones.sha256() };
    let holidays = DataVersion { version: "9.9".into(), sha256: "0".repeat(64) };
    let versions = DataVersions { tzdb, holidays, ..DataVersions::clone(&kit.versions) };
    EvaluationKit { zones, calendars: Arc::new(calendars), versions: Arc::new(versions), ..kit.clone() }
}

#[tokio::test]
async fn a_decision_is_made_again_with_the_time_zones_and_holidays_of_its_time() {
    let app = start().await;
    app.app.rules.keep(&app.app.db, app.app.now()).await.unwrap();
    let hours = json!({ "name": "office hours", "weekdays": vec![json!([{ "from": "09:00", "till": "12:30" }]); 7] });
    app.create("/compliance/contact-times", &hours).await;
    let allowed = decided(&app, &ask(1, "a"), "allow").await;
    app.clock.set("2026-03-03T17:45:00Z");
    let closed = decided(&app, &ask(2, "b"), "defer").await;
    let kit = EvaluationKit::embedded().unwrap();
    let later = later(&kit);
    for id in [&allowed, &closed] {
        let first = replay(&app.app, &kit, app.tenant(), id).await.unwrap();
        let again = replay(&app.app, &later, app.tenant(), id).await.unwrap();
        assert!(first.same_verdict && again.same_verdict && again.same_reasons, "{again:#?}");
        assert_eq!(first.steps, again.steps, "the clocks of the steps are those of the time, too");
        assert!(again.versions["tzdb"].ends_with(&kit.versions.tzdb.sha256), "{:?}", again.versions);
    }
    // what is kept is believed only while it is what was kept
    let mut tx = app.app.db.begin().await.unwrap();
    let sql =
        "UPDATE data_snapshot SET body = (SELECT body FROM data_snapshot WHERE kind = 'holidays') WHERE kind = 'tzdb'";
    cxc_store::on!(&mut tx, conn => sqlx::query(sql).execute(conn).await.unwrap().rows_affected());
    tx.commit().await.unwrap();
    assert!(replay(&app.app, &later, app.tenant(), &closed).await.is_err());
    assert!(replay(&app.app, &kit, app.tenant(), &closed).await.unwrap().same_verdict);
}

#[tokio::test]
async fn a_version_that_is_not_kept_any_more_is_named() {
    let app = start().await;
    let id = decided(&app, &ask(1, "a"), "allow").await;
    let kit = EvaluationKit::embedded().unwrap();
    assert!(replay(&app.app, &kit, app.tenant(), &id).await.unwrap().same_verdict);
    let tzdb = DataVersion { version: "2030a".into(), sha256: "0".repeat(64) };
    let versions = DataVersions { tzdb, ..DataVersions::clone(&kit.versions) };
    let newer = EvaluationKit { versions: Arc::new(versions), ..kit };
    let gone = replay(&app.app, &newer, app.tenant(), &id).await.unwrap_err().problem("");
    assert_eq!((gone.status, gone.code.as_str()), (409, "version_gone"));
    assert!(gone.detail.contains("tzdb") && gone.detail.contains("2030a"), "{}", gone.detail);
    let mut tx = app.app.db.begin().await.unwrap();
    let sql = "DELETE FROM rule_snapshot WHERE tenant <> 0";
    cxc_store::on!(&mut tx, conn => sqlx::query(sql).execute(conn).await.unwrap().rows_affected());
    tx.commit().await.unwrap();
    let gone = app.post(&format!("/compliance/evidence/{id}/actions/replay")).json(&json!({})).await;
    assert_eq!(gone.expect_problem(409), "version_gone");
    assert!(gone.text().contains("the tenant's rules"), "{}", gone.text());
    // what was decided can still be read
    app.get(&format!("/compliance/evidence/{id}")).await.expect(200);
}

#[tokio::test]
async fn an_export_of_decisions_verifies_and_one_flipped_byte_does_not() {
    let app = start().await;
    decided(&app, &ask(1, "a"), "allow").await;
    app.clock.advance(std::time::Duration::from_secs(180));
    decided(&app, &ask(1, "a"), "defer").await;
    decided(&app, &ask(2, "b"), "allow").await;
    let key = app.get("/compliance/evidence-key").await.expect(200)["publicKey"].as_str().unwrap().to_owned();
    let file = app.post("/compliance/evidence-exports").json(&json!({ "clientId": "a" })).await;
    assert_eq!(file.status.as_u16(), 200, "{}", file.text());
    let manifest = verify(&file.body, Some(&key)).unwrap();
    assert_eq!((manifest.decisions, manifest.subject.as_str()), (2, "client id a"));
    assert!(!manifest.ccid.is_empty());
    // no report tells the address of the attempt: the decision that allowed it does
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(&file.body[..])).unwrap();
    let attempts = std::io::read_to_string(zip.by_name("attempts.csv").unwrap()).unwrap();
    assert!(attempts.lines().nth(1).unwrap().contains(",voice,+12129300001,"), "{attempts}");
    // the command line has no names of the tenant at hand
    let asked = ExportAsked { client_id: Some("a".into()), ..ExportAsked::default() };
    let by_command = collect(&app.app, &Principal::system(app.tenant()), &asked).await.unwrap();
    assert_eq!(verify(&by_command, Some(&key)).unwrap().ccid, manifest.ccid);
    let mut bytes = file.body.to_vec();
    let middle = bytes.len() / 3;
    bytes[middle] ^= 1;
    assert!(verify(&bytes, Some(&key)).is_err());
    bytes[middle] ^= 1;
    assert!(verify(&bytes, Some(&key)).is_ok());
}

#[tokio::test]
async fn what_somebody_else_held_is_told_as_held_back_and_not_as_allowed() {
    let app = start().await;
    decided(&app, &ask(1, "a"), "allow").await;
    let held = decided(&app, &ask(2, "a"), "defer").await;
    let shown = app.get(&format!("/compliance/evidence/{held}")).await.expect(200);
    assert_eq!(shown["decision"]["verdict"]["decision"], "allow", "the rules stood in nobody's way: {shown:#}");
    let again = replayed(&app, &held).await;
    for told in [&shown, &again] {
        assert_eq!((&told["outcome"], &told["held"]), (&json!("defer"), &json!("history_pending")), "{told:#}");
        assert!(told["heldBack"].as_str().unwrap().contains("was not stored yet"), "{told:#}");
    }
    assert_eq!((&again["sameReasons"], &again["sameVerdict"]), (&json!(true), &json!(true)));
    let last = again["steps"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["step"], &last["decision"]), (&json!("outcome"), &json!("defer")), "{last}");
    assert!(last["sentence"].as_str().unwrap().contains("held back"), "{last}");
}

#[tokio::test]
async fn the_table_of_an_export_names_the_campaign_group() {
    let app = start().await;
    let (tenant, id) = (app.tenant(), app.app.ids.next());
    let group = cxc_store::object::Object {
        id,
        name: "Spring, late".into(),
        description: String::new(),
        body: cxc_store::object::Json(json!({})),
        version: 1,
        created_at: 0,
        created_by: String::new(),
        updated_at: 0,
        updated_by: String::new(),
    };
    let mut tx = app.app.db.begin().await.unwrap();
    tx.object_insert(tenant, "campaign_group", &group).await.unwrap();
    let number = tx.group_insert(tenant, id, 2, 0, app.app.now()).await.unwrap();
    tx.commit().await.unwrap();
    for grp in [0, number] {
        keep_of(&app, grp).await;
    }
    let groups = async || -> Vec<String> {
        let file = app.post("/compliance/evidence-exports").json(&json!({ "clientId": "a" })).await;
        let mut zip = zip::ZipArchive::new(std::io::Cursor::new(file.body.to_vec())).unwrap();
        let mut table = csv::Reader::from_reader(zip.by_name("decisions.csv").unwrap());
        table.records().map(|row| row.unwrap()[2].to_owned()).collect()
    };
    assert_eq!(groups().await, ["", "Spring, late"], "one was for no group of ours");
    tamper(&app, "DELETE FROM campaign_group").await;
    assert_eq!(groups().await, [String::new(), number.to_string()], "of a group that is gone its number is left");
}

#[tokio::test]
async fn a_file_names_a_rule_as_people_do_and_says_why_and_its_ids_are_texts() {
    let app = start().await;
    decided(&app, &ask(1, "a"), "allow").await;
    app.clock.advance(std::time::Duration::from_secs(180));
    let deferred = decided(&app, &ask(1, "a"), "defer").await;
    let file = app.post("/compliance/evidence-exports").json(&json!({ "clientId": "a" })).await;
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(file.body.to_vec())).unwrap();
    let text = std::io::read_to_string(zip.by_name("decisions.csv").unwrap()).unwrap();
    let mut table = csv::Reader::from_reader(text.as_bytes());
    let headers = table.headers().unwrap().clone();
    let place = |name: &str| headers.iter().position(|column| column == name).unwrap();
    let (names, why) = (place("rule_names"), place("why"));
    let rows: Vec<_> = table.records().map(Result::unwrap).collect();
    assert_eq!((&rows[1][names], &rows[0][why]), ("one a day", ""));
    assert!(
        rows[1][why].starts_with("one a day counts 1 attempt since 2026-03-02T17:03:00.000001Z and allows 1"),
        "{rows:?}"
    );
    let lines = std::io::read_to_string(zip.by_name("decisions.jsonl").unwrap()).unwrap();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let decision = &lines[1]["decision"];
    let rule = decision["verdict"]["reasons"][0]["rule"]["id"].as_str().unwrap();
    assert_eq!(lines[1]["names"][rule], "one a day", "{}", lines[1]);
    for id in [&decision["device"], &decision["client"], &decision["inputs"]["attempts"][0]["id"]] {
        assert!(id.is_string(), "{decision}");
    }
    let attempts = std::io::read_to_string(zip.by_name("attempts.jsonl").unwrap()).unwrap();
    let attempt: Value = serde_json::from_str(attempts.lines().next().unwrap()).unwrap();
    assert_eq!(lines[0]["decision"]["attempt"], attempt["id"], "the decision names the attempt that it allowed");
    // the same by the API, and what is kept is still what was decided
    let shown = app.get(&format!("/compliance/evidence/{deferred}")).await.expect(200);
    assert_eq!(&shown["decision"], decision);
    let again = replayed(&app, &deferred).await;
    assert_eq!((&again["sameReasons"], &again["sameVerdict"]), (&json!(true), &json!(true)));
    let count = again["steps"].as_array().unwrap().iter().find(|step| step["step"] == "count").unwrap();
    assert!(count["attempts"][0].is_string(), "{count}");
    assert!(count["sentence"].as_str().unwrap().starts_with("\"one a day\" counts 1 attempt"), "{count}");
}

/// Keeps a decision about client id `a` of a campaign group.
async fn keep_of(app: &TestApp, grp: i64) {
    let (tenant, now) = (app.tenant(), app.app.now());
    let decision: Decision = Decision {
        at: now,
        grp,
        channel: Channel::Voice,
        device: 1,
        client: Some(app.app.hash_key.hash(tenant, "a")),
        attempt: None,
        request_id: None,
        campaign_id: None,
        trace: None,
        held: None,
        rules: Arc::default(),
        data: Arc::default(),
        software: "1".into(),
        inputs: Value::Null,
        verdict: json!({ "decision": "deny", "reasons": [] }),
        columns: None,
    };
    let seal = DeviceSeal::new(&app.app.hash_key).unwrap();
    let mut chain = EvidenceChain::new(1);
    let mut tx = app.app.db.begin().await.unwrap();
    let to = Appending { chain: &mut chain, seal: &seal, tenant, now, indexed: Indexed::Itself };
    tx.evidence_append(to, &[&decision], &std::collections::HashMap::new()).await.unwrap();
    tx.commit().await.unwrap();
}

/// Changes what is kept, as nobody may.
async fn tamper(app: &TestApp, sql: &str) {
    let mut tx = app.app.db.begin().await.unwrap();
    let sql = sqlx::AssertSqlSafe(sql.to_owned());
    let rows = cxc_store::on!(&mut tx, conn => sqlx::query(sql).execute(conn).await.unwrap().rows_affected());
    assert!(rows > 0);
    tx.commit().await.unwrap();
}

async fn exported(app: &TestApp) -> cxc_compliance_manager::export::Manifest {
    let file = app.post("/compliance/evidence-exports").json(&json!({ "clientId": "a" })).await;
    assert_eq!(file.status.as_u16(), 200, "{}", file.text());
    verify(&file.body, None).unwrap()
}

#[tokio::test]
async fn a_replay_and_a_file_tell_whether_the_chain_holds_and_where_it_is_broken() {
    let app = start().await;
    let mut ids = Vec::new();
    for n in 1..=3 {
        ids.push(decided(&app, &ask(n, "a"), if n == 1 { "allow" } else { "defer" }).await);
    }
    let again = replayed(&app, &ids[1]).await;
    assert_eq!((&again["chain"]["holds"], &again["chain"]["blocks"]), (&json!(true), &json!(3)), "{again:#}");
    let manifest = exported(&app).await;
    assert!(manifest.chains.len() == 1 && manifest.broken().count() == 0, "{manifest:?}");
    assert!(manifest.chains[0].sentence().contains("is verified: its 3 blocks hold"));

    // the last block goes: neither its decision nor those before are told as if nothing had happened
    tamper(&app, "DELETE FROM evidence WHERE seq = 3").await;
    let again = replayed(&app, &ids[0]).await;
    assert_eq!((&again["sameReasons"], &again["chain"]["holds"]), (&json!(true), &json!(false)));
    assert_eq!(again["chain"]["brokenAt"], 3, "{again:#}");
    let path = |id: &str| format!("/compliance/evidence/{id}/actions/replay");
    let gone = app.post(&path(&ids[2])).json(&json!({})).await;
    assert_eq!(gone.expect_problem(409), "evidence_broken");
    assert!(gone.text().contains("broken at block 3: it was removed"), "{}", gone.text());
    let manifest = exported(&app).await;
    assert_eq!((manifest.decisions, manifest.broken().count()), (2, 1));
    // a decision that is another than was kept
    tamper(&app, "UPDATE evidence SET grp = grp + 1 WHERE seq = 2").await;
    let again = replayed(&app, &ids[1]).await;
    assert_eq!(again["chain"]["brokenAt"], 2);
    assert!(again["chain"]["why"].as_str().unwrap().contains("its content is not what its hash was made of"));
    let manifest = exported(&app).await;
    assert!(manifest.broken().next().unwrap().sentence().contains("broken at block 2"), "{manifest:?}");
    // one that can't be read at all
    tamper(&app, "UPDATE evidence SET body = hash WHERE seq = 1").await;
    for refused in [
        app.post(&path(&ids[0])).json(&json!({})).await,
        app.get(&format!("/compliance/evidence/{}", ids[0])).await,
        app.post("/compliance/evidence-exports").json(&json!({ "clientId": "a" })).await,
    ] {
        assert_eq!(refused.expect_problem(409), "evidence_broken");
    }
    app.post(&path("20200101-1f-1-0")).json(&json!({})).await.expect(404);
}

#[tokio::test]
async fn who_takes_a_person_out_of_the_index_of_the_evidence_is_told() {
    let app = start().await;
    let mut ids = Vec::new();
    for n in 1..=2 {
        ids.push(decided(&app, &ask(n, "a"), if n == 1 { "allow" } else { "defer" }).await);
    }
    tamper(&app, "DELETE FROM evidence_subject WHERE seq = 2").await;
    let chain = &replayed(&app, &ids[1]).await["chain"];
    assert_eq!(
        (&chain["holds"], &chain["brokenAt"], &chain["blocks"]),
        (&json!(false), &json!(2), &json!(1)),
        "{chain}"
    );
    assert!(chain["why"].as_str().unwrap().contains("the index was changed"), "{chain}");
    let manifest = exported(&app).await;
    assert_eq!((manifest.decisions, manifest.broken().count()), (1, 1), "what is left of them is told as broken");
}

#[tokio::test]
async fn a_file_tells_of_a_chain_that_is_gone_as_a_whole() {
    let app = start().await;
    decided(&app, &ask(1, "a"), "allow").await;
    tamper(&app, "DELETE FROM evidence").await;
    let manifest = exported(&app).await;
    assert_eq!(manifest.decisions, 0);
    assert!(manifest.broken().next().unwrap().sentence().contains("broken at block 1: it was removed"), "{manifest:?}");
}

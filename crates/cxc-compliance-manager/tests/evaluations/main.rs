//! Asking compliance anything by the API: evaluations, explanations, dry runs, signed exports.
#![expect(clippy::unwrap_used, reason = "a test that finds something else than it expects has failed")]
mod alike;
mod campaign;
mod consent;

use cxc_compliance_manager::export::verify;
use cxc_core::compliance::Zones;
use cxc_server::rule_data::RuleData;
use cxc_server::{App, Scope};
use cxc_test::TestApp;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

const PATH: &str = "/compliance/evaluations";

async fn start() -> TestApp {
    let rules = RuleData::shipped(&Zones::bundled()).unwrap();
    TestApp::start(|app| cxc_compliance_manager::service(App { rules, ..app }).unwrap()).await.unwrap()
}

/// A live call to somebody with an eastern number and a western postal code.
fn question(at: &str) -> Value {
    json!({ "at": at, "channel": "voice", "purpose": "informational", "tech": "live", "guardSeconds": 0,
        "contact": { "clientId": "C-1", "postalCode": "90001", "country": "US", "devices": ["+12125550123"] } })
}

fn steps<'a>(answer: &'a Value, kind: &str) -> Vec<&'a Value> {
    answer["steps"].as_array().unwrap().iter().filter(|step| step["step"] == kind).collect()
}

#[tokio::test]
async fn the_strictest_of_all_zones_decides_and_the_earliest_moment_is_legal() {
    let app = start().await;
    let early = app.post(PATH).json(&question("2026-12-01T13:30:00Z")).await;
    let early = early.expect(200);
    assert_eq!((&early["decision"], &early["code"]), (&json!("defer"), &json!("contact_times")), "{early}");
    assert_eq!(early["notBefore"], "2026-12-01T16:00:00Z", "eight o'clock in Los Angeles");
    assert_eq!(steps(&early, "place")[0]["zones"], json!(["America/Los_Angeles", "America/New_York"]));
    let tiers: Vec<&Value> = steps(&early, "part").iter().map(|step| &step["tier"]).collect();
    assert!(tiers.contains(&&json!("postal")) && tiers.contains(&&json!("prefix")), "{tiers:?}");
    assert_eq!(steps(&early, "clock").len(), 2);
    let hours = steps(&early, "hours");
    assert!(hours.iter().any(|step| step["standing"] == "bars"), "{hours:?}");
    let all = early["steps"].as_array().unwrap();
    assert!(all.iter().all(|step| !step["sentence"].as_str().unwrap().is_empty()));
    // also what lets it pass, and what is not about it
    for standing in ["passes", "not_about", "off", "elsewhere"] {
        assert!(all.iter().any(|step| step["standing"] == standing), "{standing}");
    }
    assert!(early["dataVersions"]["tzdb"]["version"].as_str().unwrap() >= "2026e");
    let legal: Timestamp = early["notBefore"].as_str().unwrap().parse().unwrap();
    let then = app.post(PATH).json(&question(&legal.to_string())).await;
    assert_eq!(then.expect(200)["decision"], "allow", "{}", then.text());
    assert_eq!(then.expect(200)["windowEnd"], "2026-12-02T02:00:00Z", "nine o'clock in New York");
    let before = legal - SignedDuration::from_secs(1);
    let before = app.post(PATH).json(&question(&before.to_string())).await;
    assert_eq!(before.expect(200)["decision"], "defer");
}

#[tokio::test]
async fn members_in_snake_case_mean_the_same_and_nothing_is_written() {
    let app = start().await;
    let camel = question("2026-12-01T17:00:00Z");
    let snake = json!({ "at": "2026-12-01T17:00:00Z", "channel": "voice", "purpose": "informational",
        "tech": "live", "guard_seconds": 0,
        "contact": { "client_id": "C-1", "postal_code": "90001", "country": "US", "devices": [{ "e164": "+12125550123" }] } });
    let one = app.post(PATH).json(&camel).await.expect(200)["steps"].clone();
    assert_eq!(one, app.post(PATH).json(&snake).await.expect(200)["steps"]);
    let audited = app.get("/audit-events").await.expect(200)["items"].as_array().unwrap().len();
    app.post(PATH).json(&camel).await.expect(200);
    assert_eq!(app.get("/audit-events").await.expect(200)["items"].as_array().unwrap().len(), audited);
}

#[tokio::test]
async fn an_inline_history_counts() {
    let app = start().await;
    let call = |at: &str| json!({ "at": at, "result": "NoAnswer" });
    let days = [
        "2026-04-01T15:00:00Z",
        "2026-04-03T15:00:00Z",
        "2026-04-03T16:00:00Z",
        "2026-04-03T17:00:00Z",
        "2026-04-07T13:00:00Z",
        "2026-04-07T14:00:00Z",
        "2026-04-07T15:00:00Z",
    ];
    let contact = json!({ "personKey": "P-1", "debts": ["D-1"], "timezone": "America/New_York", "country": "US",
        "region": "NY", "devices": ["+12125550123"] });
    let mut asked = json!({ "at": "2026-04-07T16:00:00Z", "channel": "voice", "purpose": "collections",
        "tech": "live", "collector": "Agency", "guardSeconds": 0, "contact": contact,
        "history": days.map(call) });
    let eighth = app.post(PATH).json(&asked).await;
    let answer = eighth.expect(200);
    let reasons = answer["reasons"].as_array().unwrap();
    assert_eq!((reasons.len(), &reasons[0]["rule"]["id"]), (1, &json!("US-REGF-7IN7")), "{}", eighth.text());
    assert_eq!((&reasons[0]["observed"], &reasons[0]["limit"]), (&json!(7), &json!(7)));
    // on the eighth day the first one has left the window
    asked["at"] = json!("2026-04-08T16:00:00Z");
    assert_eq!(app.post(PATH).json(&asked).await.expect(200)["decision"], "allow");
    // calls to another person are on their number unless another one is named, and a neighbour is asked once where they are
    asked["topic"] = json!("location_information");
    let to_another = |more: &Value| {
        let mut call = json!({ "at": "2026-04-07T15:00:00Z", "result": "NoAnswer", "otherPerson": true });
        call.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!(vec![call; 7])
    };
    asked["history"] = to_another(&json!({}));
    assert_eq!(app.post(PATH).json(&asked).await.expect(200)["decision"], "allow");
    asked["history"] = to_another(&json!({ "device": "+12125550123" }));
    let answer = app.post(PATH).json(&asked).await.expect(200);
    assert_eq!(answer["reasons"][0]["rule"]["id"], "US-FDCPA-LOCATION", "the number has been asked: {answer:#}");
}

#[tokio::test]
async fn a_document_that_is_wrong_is_refused_at_every_place() {
    let app = start().await;
    let pointers = |refused: &Value| -> Vec<String> {
        refused["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap().to_owned()).collect()
    };
    let mut wrong = question("2026-12-01T13:30:00Z");
    wrong["contact"]["devices"] = json!(["nonsense"]);
    wrong["contact"]["country"] = json!("QQ");
    let refused = app.post(PATH).json(&wrong).await;
    assert_eq!(pointers(&refused.expect(422)), ["/contact/country", "/contact/devices/0"]);
    let both = json!({ "listId": "018f0000-0000-7000-8000-000000000000", "contactId": 1, "contact": {} });
    assert_eq!(app.post(PATH).json(&both).await.expect_problem(422), "validation_failed");
    let mut twice = question("2026-12-01T13:30:00Z");
    let list = |holds: bool| json!({ "name": "US-DNC", "asOf": "2026-11-30T00:00:00Z", "holds": holds });
    twice["numberLists"] = json!([list(false), list(true)]);
    assert_eq!(pointers(&app.post(PATH).json(&twice).await.expect(422)), ["/numberLists/1/name"]);
    let mut stale = question("2026-12-01T13:30:00Z");
    stale["ruleSetVersion"] = json!(99);
    assert_eq!(pointers(&app.post(PATH).json(&stale).await.expect(422)), ["/ruleSetVersion"]);
    let reader = app.with_scopes(&[Scope::ListsRead]).await.unwrap();
    reader.post(PATH).json(&question("2026-12-01T13:30:00Z")).await.expect(403);
}

#[tokio::test]
async fn an_export_of_nothing_is_a_signed_file_all_the_same() {
    let app = start().await;
    let key = app.get("/compliance/evidence-key").await.expect(200)["publicKey"].as_str().unwrap().to_owned();
    let file = app.post("/compliance/evidence-exports").json(&json!({ "device": "+12125550123" })).await;
    assert_eq!(file.status.as_u16(), 200, "{}", file.text());
    let manifest = verify(&file.body, Some(&key)).unwrap();
    assert_eq!((manifest.decisions, manifest.subject.as_str()), (0, "device +12125550123"));
    let nobody = "018f0000-0000-7000-8000-000000000000";
    for (wrong, pointer) in [
        (json!({}), ""),
        (json!({ "device": "nonsense" }), "/device"),
        (json!({ "device": "+12125550123", "clientId": "C-1" }), "/device"),
        (json!({ "clientId": " " }), "/clientId"),
        (json!({ "groupId": nobody }), "/groupId"),
        (json!({ "groupId": "no id" }), "/groupId"),
        (json!({ "clientId": "C-1", "from": "2026-03-02T00:00:00Z", "till": "2026-03-01T00:00:00Z" }), "/till"),
        (json!({ "clientId": "C-1", "from": "2026-03-02T00:00:00Z", "till": "2026-03-02T00:00:00Z" }), "/till"),
    ] {
        let refused = app.post("/compliance/evidence-exports").json(&wrong).await;
        assert_eq!(refused.expect(422)["errors"][0]["pointer"], pointer, "{wrong}");
    }
}

#[tokio::test]
async fn a_custom_rule_that_reads_no_column_is_judged_for_somebody_who_is_not_stored() {
    let app = start().await;
    let rule = |name: &str, expression: &str| json!({ "name": name, "expression": expression, "required": true });
    let custom = |answer: &Value| -> Vec<Value> {
        answer["reasons"].as_array().unwrap().iter().filter(|r| r["kind"] == "custom_rule").cloned().collect()
    };
    let asked = question("2026-12-01T18:00:00Z");
    app.create("/compliance/custom-rules", &rule("day", "local_hour >= 9 && attempts_on_device(86400) == 0")).await;
    let answer = app.post(PATH).json(&asked).await.expect(200);
    assert!(custom(&answer).is_empty(), "{answer:#}");
    app.create("/compliance/custom-rules", &rule("evening", "local_hour >= 20")).await;
    let answer = app.post(PATH).json(&asked).await.expect(200);
    let found = custom(&answer);
    assert_eq!((found.len(), &found[0]["code"]), (1, &json!("blocked")), "{answer:#}");
    // one that reads a column still can't be told
    app.create("/compliance/custom-rules", &rule("gold", "c_other1 == \"gold\"")).await;
    let answer = app.post(PATH).json(&asked).await.expect(200);
    let found = custom(&answer);
    assert!(found.len() == 2 && found[1].to_string().contains("columns are not known"), "{answer:#}");
}

#[tokio::test]
async fn an_explanation_names_rules_and_finds_no_foreign_list() {
    let app = start().await;
    let cap = json!({ "name": "At most two", "maxAttempts": 2, "window": { "seconds": 86_400 }, "countBy": "device" });
    let rule = app.create("/compliance/attempt-rules", &cap).await["id"].clone();
    let mut asked = question("2026-12-01T17:00:00Z");
    asked["rules"] = json!([rule]);
    let answer = app.post(PATH).json(&asked).await.expect(200);
    let step = answer["steps"].as_array().unwrap().iter().find(|step| step["rule"]["id"] == rule).unwrap();
    let sentence = step["sentence"].as_str().unwrap();
    assert!(sentence.contains("\"At most two\"") && !sentence.contains(rule.as_str().unwrap()), "{sentence}");
    let path = "/lists/018f0000-0000-7000-8000-000000000000/contacts/1/explanation";
    assert_eq!(app.get(path).await.expect_problem(404), "not_found");
}

fn pointers(refused: &Value) -> Vec<&str> {
    let mut found: Vec<&str> =
        refused["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap()).collect();
    found.sort_unstable();
    found
}

#[tokio::test]
async fn a_decision_that_is_tried_names_a_rule_that_there_is_and_narrows_it() {
    let app = start().await;
    let mut asked = question("2026-12-01T17:00:00Z");
    asked["legalSettings"] = json!([{ "rule": "US-TX-HOURZ", "state": "on" },
        { "rule": "US-FL-CAP", "state": "on", "narrow": { "max": 3 } }, { "rule": "US-TX-HOURS", "state": "on" }]);
    let refused = app.post(PATH).json(&asked).await.expect(422);
    assert_eq!(pointers(&refused), ["/legalSettings/0/rule", "/legalSettings/1/narrow/max"], "{refused}");
    asked["ruleSet"] = json!("shipped");
    app.post(PATH).json(&asked).await.expect(422);
}

#[tokio::test]
async fn a_state_says_whose_laws_hold_and_no_zone_where_a_postal_code_does() {
    let app = start().await;
    // Dallas; the state has two zones
    let mut asked = question("2026-12-01T17:00:00Z");
    asked["contact"] = json!({ "country": "US", "region": "TX", "postalCode": "75201", "devices": ["+12145550123"] });
    let answer = app.post(PATH).json(&asked).await.expect(200);
    let place = steps(&answer, "place")[0];
    assert_eq!((&place["zones"], &place["areas"]), (&json!(["America/Chicago"]), &json!(["US-TX"])), "{place}");
    asked["contact"] = json!({ "country": "US", "region": "TX", "devices": ["+12145550123"] });
    let answer = app.post(PATH).json(&asked).await.expect(200);
    assert_eq!(steps(&answer, "place")[0]["zones"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_danger_is_warned_of_at_night_and_the_answer_says_why() {
    let app = start().await;
    let mut asked = question("2026-12-01T09:00:00Z");
    asked["channel"] = json!("sms");
    assert_eq!(app.post(PATH).json(&asked).await.expect(200)["decision"], "defer");
    asked["purpose"] = json!("emergency");
    let answer = app.post(PATH).json(&asked).await.expect(200);
    assert_eq!(answer["decision"], "allow", "{answer}");
    let rules = steps(&answer, "rule");
    let usual = rules.iter().find(|step| step["rule"]["id"] == "shipped_contact_times").unwrap();
    assert!(usual["sentence"].as_str().unwrap().contains("warned of at any hour"), "{usual}");
}

/// Calls of a day that find no agent: some of 10,000.
fn calls(abandoned: u64) -> Value {
    json!([{ "date": "2026-11-02", "liveAnswered": 10_000, "abandoned": abandoned }])
}

#[tokio::test]
async fn an_attempt_that_nobody_asked_about_stands_in_the_file_with_its_address_as_it_was_given() {
    let app = start().await;
    let given = "(212) 555-0123";
    let report = json!({ "GSW_CALL_ATTEMPT_GUID": "g-1", "GSW_HIST_SEQUENCE_NUM": 1, "GSW_TENANT_NAME": "one",
        "GSW_TENANT_CCID": "undefined", "contact_info": given, "c_client_id": "C-1", "GSW_CALL_RESULT": 7 });
    app.post("/internal/v1/attempts").json(&report).await.expect(200);
    let shown = app.get("/compliance/attempts?clientId=C-1").await.expect(200);
    assert_eq!(shown["items"][0]["address"], given);
    let member = |bytes: &[u8], name: &str| {
        let mut zip = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
        std::io::read_to_string(zip.by_name(name).unwrap()).unwrap()
    };
    for asked in [json!({ "device": "+12125550123" }), json!({ "clientId": "C-1" })] {
        let file = app.post("/compliance/evidence-exports").json(&asked).await;
        let manifest = verify(&file.body, None).unwrap();
        assert_eq!((manifest.decisions, manifest.attempts), (0, 1), "{asked}");
        let table = member(&file.body, "attempts.csv");
        assert!(table.contains(",voice,(212) 555-0123,final,NoAnswer,"), "{table}");
        let line: Value = serde_json::from_str(&member(&file.body, "attempts.jsonl")).unwrap();
        assert_eq!((&line["address"], &line["guid"]), (&json!(given), &json!("g-1")));
    }
    let theirs = app.other.post("/compliance/evidence-exports").json(&json!({ "clientId": "C-1" })).await;
    assert_eq!(verify(&theirs.body, None).unwrap().attempts, 0);
}

/// Compliance beside the lists, and a list.
async fn start_with_list() -> (TestApp, String) {
    let rules = RuleData::shipped(&Zones::bundled()).unwrap();
    let app = TestApp::start_all(vec![
        Box::new(|app| cxc_compliance_manager::service(App { rules, ..app }).unwrap()),
        Box::new(|app| {
            use std::sync::Arc;
            let readers = cxc_list_manager::Readers {
                phones: Arc::new(cxc_core::phone::PhoneParser::new().unwrap()),
                tables: cxc_core::location::LiveTables::new(cxc_core::location::LocationTables::embedded().unwrap()),
                locations: Arc::new(cxc_store::location::Locations::new()),
            };
            cxc_list_manager::service(app, readers).unwrap()
        }),
    ]);
    let app = app.await.unwrap();
    let list = app.create("/lists", &json!({ "name": "people" })).await["id"].as_str().unwrap().to_owned();
    (app, list)
}

#[tokio::test]
async fn an_inline_contact_is_placed_by_the_time_zones_of_the_tenant_as_by_a_sender() {
    let app = start().await;
    let asked = json!({ "at": "2026-12-01T13:30:00Z", "channel": "voice", "purpose": "informational", "tech": "live",
        "guardSeconds": 0, "contact": { "devices": ["+12125550123"] } });
    assert_eq!(app.post(PATH).json(&asked).await.expect(200)["decision"], "allow");
    let zone = json!({ "name": "z", "country": "US", "areaCodes": ["212"], "timezone": "America/Los_Angeles" });
    app.create("/compliance/time-zones", &zone).await;
    let answer = app.post(PATH).json(&asked).await.expect(200);
    assert_eq!((&answer["decision"], &answer["notBefore"]), (&json!("defer"), &json!("2026-12-01T16:00:00Z")));
    assert_eq!(steps(&answer, "place")[0]["zones"], json!(["America/Los_Angeles", "America/New_York"]));
    let shipped = json!({ "ruleSet": "shipped" });
    let mut alone = asked.clone();
    alone.as_object_mut().unwrap().extend(shipped.as_object().unwrap().clone());
    assert_eq!(app.post(PATH).json(&alone).await.expect(200)["decision"], "allow");
}

#[tokio::test]
async fn a_wrong_document_is_refused_with_every_place() {
    let app = start().await;
    let wrong = json!({ "at": "noon", "purpose": "fun", "colour": "red",
        "contact": { "postcode": "1", "devices": ["+12125550123"] }, "history": [{ "at": "yesterday" }, { "result": "Busy" }] });
    assert_eq!(
        pointers(&app.post(PATH).json(&wrong).await.expect(422)),
        ["/at", "/colour", "/contact/postcode", "/history/0/at", "/history/1", "/purpose"]
    );
    let wrong = json!({ "guardSeconds": 9999, "legalSettings": [{ "rule": "US-NOTHING", "state": "on" }],
        "contact": { "timezone": "Mars/Olympus", "country": "QQ", "devices": ["12"] },
        "history": [{ "at": "2026-01-01T00:00:00Z", "result": "Applause" }] });
    let mut found = pointers(&app.post(PATH).json(&wrong).await.expect(422)).join(" ");
    assert_eq!(
        found,
        "/contact/country /contact/devices/0 /contact/timezone /guardSeconds /history/0/result /legalSettings/0/rule"
    );
    found =
        pointers(&app.post(PATH).json(&json!({ "contact": { "devices": ["12"], "zones": ["x"] } })).await.expect(422))
            .join(" ");
    assert_eq!(found, "/contact/devices/0 /contact/zones/0");
}

#[tokio::test]
async fn what_would_be_passed_over_is_refused_where_it_stands() {
    let app = start().await;
    let contact = json!({ "devices": ["+12125550123"] });
    let of = async |more: Value| {
        let mut asked = json!({ "contact": contact });
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let refused = app.post(PATH).json(&asked).await.expect(422);
        pointers(&refused).join(" ")
    };
    let ported = json!({ "portedAt": "2026-11-25T00:00:00Z", "reassigned": { "answer": "no", "consentOn": "2026-01-01",
        "askedAt": "2026-11-01T00:00:00Z", "source": "x" } });
    assert_eq!(of(json!({ "intelligence": ported })).await, "/intelligence/portedAt /intelligence/reassigned/source");
    let theirs = json!({ "name": "r", "maxAttempts": 1, "window": { "seconds": 60 } });
    let theirs = app.other.post("/compliance/attempt-rules").json(&theirs).await.expect(201)["id"].clone();
    let own = json!({ "name": "r", "maxAttempts": 1, "window": { "seconds": 60 } });
    let own = app.create("/compliance/attempt-rules", &own).await["id"].clone();
    assert_eq!(of(json!({ "rules": [own, theirs] })).await, "/rules/1");
    assert_eq!(of(json!({ "rules": [own], "ruleSet": "shipped" })).await, "/rules/0");
    let both = json!([{ "rule": "US-NY-HOURS", "state": "on" }, { "rule": "US-NY-HOURS", "state": "off", "reason": "we say so" }]);
    assert_eq!(of(json!({ "legalSettings": both })).await, "/legalSettings/1/rule");
    assert_eq!(of(json!({ "ruleSet": "shipped", "ruleSetVersion": 99 })).await, "/ruleSetVersion");
    // at the command line, too
    let asked = json!({ "contact": contact, "ruleSetVersion": 99 });
    let asked: cxc_compliance_manager::EvaluationDocument = serde_json::from_value(asked).unwrap();
    let evaluator = cxc_compliance_manager::Evaluator::new(cxc_compliance_manager::EvaluationKit::embedded().unwrap());
    let refused = evaluator.evaluate_shipped(&app.app.hash_key, &asked, app.app.clock.now()).unwrap_err().problem("");
    assert_eq!(refused.errors[0].pointer, "/ruleSetVersion");
}

#[tokio::test]
async fn a_wrong_rule_is_refused_with_every_place() {
    let app = start().await;
    let day = json!([{ "from": "25:00", "till": "26:00" }]);
    let wrong = json!({ "colour": "red", "weekdays": [day, [], [], [], [], [], []], "required": "yes" });
    let refused = app.post("/compliance/contact-times").json(&wrong).await.expect(422);
    assert_eq!(pointers(&refused), ["/colour", "/name", "/required", "/weekdays/0/0/from", "/weekdays/0/0/till"]);
}

#[tokio::test]
async fn what_is_told_of_a_time_after_the_moment_is_refused_and_never_passed_over() {
    let app = start().await;
    let moment = "2026-12-01T17:00:00Z";
    let (before, after) = ("2026-12-01T16:59:59Z", "2026-12-01T17:00:00.000001Z");
    let mut asked = question(moment);
    let consent = |at: &str, revoked: bool| json!({ "kind": "express", "scope": { "kind": "all" }, "at": at, "revoked": revoked });
    asked["contact"]["consents"] = json!([consent(before, false), consent(after, false), consent(after, true)]);
    let call = |at: &str| json!({ "at": at, "result": "NoAnswer" });
    asked["history"] = json!([call(moment), call(before), call(after)]);
    let refused = app.post(PATH).json(&asked).await.expect(422);
    assert_eq!(pointers(&refused), ["/contact/consents/1/at", "/contact/consents/2/at", "/history/2/at"]);
    let detail = refused["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.contains(after) && detail.contains(moment), "{detail}");
    // also beside what else is wrong, and of a moment that is not named
    asked["contact"]["devices"] = json!(["nonsense"]);
    assert_eq!(pointers(&app.post(PATH).json(&asked).await.expect(422)).len(), 4);
    app.clock.set(moment);
    let mut now = question(moment);
    now.as_object_mut().unwrap().remove("at");
    now["contact"]["consents"] = json!([consent(after, true)]);
    assert_eq!(pointers(&app.post(PATH).json(&now).await.expect(422)), ["/contact/consents/0/at"]);
    // an opt-out that was said by then counts
    asked = question(moment);
    asked["contact"]["consents"] = json!([consent(moment, true)]);
    assert_eq!(app.post(PATH).json(&asked).await.expect(200)["code"], "opted_out");
}

#[tokio::test]
async fn a_member_that_is_there_twice_is_refused_in_whatever_spelling() {
    let app = start().await;
    let text = question("2026-12-01T17:00:00Z").to_string();
    for (more, pointer) in [
        (r#""at":"2026-12-01T03:00:00Z""#, "/at"),
        (r#""contact":{}"#, "/contact"),
        (r#""guard_seconds":0"#, "/guardSeconds"),
        (r#""history":[{"at":"2026-12-01T03:00:00Z","result":6,"result":7}]"#, "/history/0/result"),
    ] {
        let refused = app.post(PATH).json_text(format!("{{{more},{}", &text[1..])).await.expect(422);
        let error = &refused["errors"][0];
        assert_eq!((&error["pointer"], &error["code"]), (&json!(pointer), &json!("duplicate")), "{refused}");
    }
}

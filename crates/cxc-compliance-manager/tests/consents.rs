//! The ledger of consents, reviews and words by their API.
#![expect(clippy::unwrap_used, reason = "a test that finds something else than it expects has failed")]
use cxc_core::channel::Channel;
use cxc_core::compliance::Zones;
use cxc_core::hash::HashKey;
use cxc_server::rule_data::RuleData;
use cxc_server::{App, Scope};
use cxc_store::opt_out_review::NewReview;
use cxc_store::suppression::SuppressionEntry;
use cxc_test::TestApp;
use serde_json::{Value, json};

const CONSENTS: &str = "/compliance/consents";
const PHONE: &str = "+12125550100";
/// As it stands in a query.
const QUERY: &str = "/compliance/consents?device=%2B12125550100";

async fn start() -> TestApp {
    TestApp::start(|app| cxc_compliance_manager::service(app).unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_consent_that_is_wrong_is_refused_in_words() {
    let app = start().await;
    let right = json!({ "device": PHONE, "kind": "express", "at": "2020-01-01T00:00:00Z", "source": "web form" });
    for (member, value, says) in [
        ("kind", json!("sure"), "there is no value sure here: it is one of implied, "),
        ("kind", Value::Null, "kind is missing: it must be given"),
        ("at", json!("yesterday"), "as in 2026-03-01T12:00:00Z"),
        ("at", json!(5), "a text was expected, and the number 5 found"),
        ("channels", json!("sms"), r#"a list was expected, and the text "sms" found"#),
        ("chanels", json!([]), "there is no member chanels here: the members are device, clientId, kind, "),
        ("scope", json!({ "kind": "list" }), "there is no value list here: it is one of all, brand, topic"),
    ] {
        let mut wrong = right.clone();
        match value {
            Value::Null => drop(wrong.as_object_mut().unwrap().remove(member)),
            value => wrong[member] = value,
        }
        let refused = app.post(CONSENTS).json(&wrong).await.expect(422);
        let detail = refused["errors"][0]["detail"].as_str().unwrap();
        assert!(detail.contains(says), "{member}: {detail}");
    }
    app.post(CONSENTS).json(&right).await.expect(201);
}

#[tokio::test]
async fn a_consent_is_added_and_a_revocation_ends_it_at_once() {
    let app = start().await;
    let consent = json!({ "device": PHONE, "kind": "prior_express_written", "channels": ["sms"],
        "at": "2020-01-01T00:00:00Z", "source": "web form", "text": "I agree" });
    app.post(CONSENTS).json(&consent).await.expect(201);
    let ledger = app.get(QUERY).await;
    let ledger = ledger.expect(200);
    assert_eq!(ledger["items"][0]["entry"]["kind"], "prior_express_written");
    assert_eq!(ledger["optedOut"], json!([]));
    let revoked = app.post("/compliance/consents/revoke").json(&json!({ "device": PHONE, "channels": ["sms"] })).await;
    assert_eq!(revoked.expect(200)["newEntries"], 1);
    let again = app.post("/compliance/consents/revoke").json(&json!({ "device": PHONE, "channels": ["sms"] })).await;
    assert_eq!(again.expect(200)["newEntries"], 0);
    let ledger = app.get(QUERY).await;
    assert_eq!(ledger.expect(200)["optedOut"], json!(["sms"]));
    // the same consent once more is dated before it
    app.post(CONSENTS).json(&consent).await.expect(201);
    assert_eq!(app.get(QUERY).await.expect(200)["optedOut"], json!(["sms"]));
    assert_eq!(app.other.get(QUERY).await.expect(200)["items"], json!([]), "another tenant sees nothing");
}

#[tokio::test]
async fn a_consent_to_be_called_back_keeps_the_time_that_was_asked_for() {
    let rules = RuleData::shipped(&Zones::bundled()).unwrap();
    let app = TestApp::start(|app| cxc_compliance_manager::service(App { rules, ..app }).unwrap()).await.unwrap();
    app.clock.set("2026-12-24T00:00:00Z");
    let device = "+61291231234";
    let mut consent = json!({ "device": device, "kind": "callback", "channels": ["voice"], "at": "2026-12-23T00:00:00Z",
        "source": "call" });
    for (from, till) in [
        ("2026-12-25T01:00:00Z", "2026-12-25T01:00:00Z"),
        ("2026-12-25T01:00:00Z", "2026-12-26T01:00:01Z"),
        ("2026-12-22T01:00:00Z", "2026-12-22T02:00:00Z"),
    ] {
        consent["askedFor"] = json!({ "from": from, "till": till });
        assert_eq!(app.post(CONSENTS).json(&consent).await.expect(422)["errors"][0]["pointer"], "/askedFor");
    }
    let closed = async |at: &str| {
        let asked = json!({ "type": "voice", "purpose": "telemarketing", "tech": "live", "device": { "e164": device },
            "intended_at": at });
        app.post("/internal/v1/compliance/validations").json(&asked).await.json()["reasons"]
            .to_string()
            .contains("AU-TMS-HOURS")
    };
    consent.as_object_mut().unwrap().remove("askedFor");
    app.post(CONSENTS).json(&consent).await.expect(201);
    assert!(closed("2026-12-25T01:15:00Z").await, "a holiday");
    consent["at"] = json!("2026-12-23T01:00:00Z");
    consent["askedFor"] = json!({ "from": "2026-12-25T01:00:00Z", "till": "2026-12-25T02:00:00Z" });
    app.post(CONSENTS).json(&consent).await.expect(201);
    let ledger = app.get("/compliance/consents?device=%2B61291231234").await.expect(200);
    assert_eq!(ledger["items"][1]["entry"]["askedFor"], consent["askedFor"], "{ledger}");
    assert!(!closed("2026-12-25T01:15:00Z").await, "the time that was asked for");
    assert!(closed("2026-12-25T02:00:00Z").await && closed("2026-12-25T00:59:59Z").await);
}

#[tokio::test]
async fn a_topic_is_revoked_in_the_ledger_only() {
    let app = start().await;
    let body = json!({ "clientId": "C-1", "scope": { "kind": "topic", "name": "news" } });
    let done = app.post("/compliance/consents/revoke").json(&body).await;
    assert_eq!((&done.expect(200)["newEntries"], &done.expect(200)["ledgerEntries"]), (&json!(0), &json!(1)));
    let ledger = app.get("/compliance/consents?clientId=C-1").await;
    assert_eq!(ledger.expect(200)["optedOut"], json!([]), "everything else goes on");
}

#[tokio::test]
async fn what_is_wrong_with_a_consent_is_said_at_its_place() {
    let app = start().await;
    let good = json!({ "device": PHONE, "kind": "express", "at": "2020-01-01T00:00:00Z", "source": "call" });
    for (member, value, pointer) in [
        ("at", json!("yesterday"), "/at"),
        ("at", json!("2999-01-01T00:00:00Z"), "/at"),
        ("device", json!("12125550100"), "/device"),
        ("clientId", json!("C-1"), "/device"),
        ("source", json!("keyword"), "/source"),
        ("expires", json!("2019-01-01T00:00:00Z"), "/expires"),
        ("scope", json!({ "kind": "topic", "name": " " }), "/scope/name"),
        ("askedFor", json!({ "from": "2020-01-02T00:00:00Z", "till": "2020-01-02T01:00:00Z" }), "/askedFor"),
    ] {
        let mut bad = good.clone();
        bad[member] = value;
        let answer = app.post(CONSENTS).json(&bad).await;
        assert_eq!(answer.expect(422)["errors"][0]["pointer"], pointer, "{bad}");
    }
    let bulk = app
        .post("/compliance/consents/bulk")
        .json(&json!({ "items": [good, { "device": "x", "kind": "express",
        "at": "2020-01-01T00:00:00Z", "source": "call" }] }))
        .await;
    assert_eq!(
        (&bulk.expect(200)["results"][0]["ok"], &bulk.expect(200)["results"][1]["ok"]),
        (&json!(true), &json!(false))
    );
}

#[tokio::test]
async fn many_consents_at_once_end_no_opt_out_and_say_so() {
    let app = start().await;
    app.post("/compliance/consents/revoke").json(&json!({ "device": PHONE })).await.expect(200);
    let items = json!([
        { "device": PHONE, "kind": "express", "at": app.app.clock.now().to_string(), "source": "nightly sync" },
        { "device": "+12125550101", "kind": "express", "at": "2020-01-01T00:00:00Z", "source": "nightly sync" }
    ]);
    let done = app.post("/compliance/consents/bulk").json(&json!({ "items": items })).await.expect(200);
    assert_eq!(done["liftedEntries"], 0, "{done}");
    let held = |i: usize| (done["results"][i]["ok"].clone(), done["results"][i]["heldBack"].clone());
    assert_eq!((held(0), held(1)), ((json!(true), json!(true)), (json!(true), json!(false))));
    let ledger = app.get(QUERY).await;
    assert_eq!(ledger.expect(200)["optedOut"], json!(["voice", "sms", "email"]));
}

async fn review(app: &TestApp, text: &str) -> i64 {
    let key: HashKey = app.app.hash_key;
    let hash = key.hash(app.tenant(), PHONE);
    let mut tx = app.app.db.begin().await.unwrap();
    let now = app.app.now();
    let list = tx.suppression_opt_out_list(app.tenant(), Channel::Sms, app.app.ids.next(), now).await.unwrap();
    let entry = SuppressionEntry {
        key_hash: hash,
        key: PHONE.into(),
        from_at: None,
        until_at: None,
        reason: None,
        source: "review".into(),
        added_at: now,
    };
    tx.suppression_add(&list, &[entry], 0).await.unwrap();
    let new = NewReview {
        channel: Channel::Sms.bit(),
        key_hash: hash,
        key: PHONE,
        words: text,
        language: "en",
        rule: 1,
        received_at: now,
    };
    let id = tx.opt_out_review_insert(app.tenant(), &new).await.unwrap();
    tx.commit().await.unwrap();
    id
}

async fn entries(app: &TestApp) -> i64 {
    let list =
        app.app.db.read().await.unwrap().suppression_opt_out_list_if_any(app.tenant(), Channel::Sms).await.unwrap();
    list.unwrap().size
}

#[tokio::test]
async fn a_message_in_review_suppresses_until_it_is_released_with_a_reason() {
    let app = start().await;
    let (first, second) = (review(&app, "not interested").await, review(&app, "this is spam").await);
    let listed = app.get("/compliance/opt-out-reviews").await;
    assert_eq!(listed.expect(200)["items"].as_array().unwrap().len(), 2);
    let release = |id: i64| format!("/compliance/opt-out-reviews/{id}/release");
    let assistant = app.with_scopes(&[Scope::ComplianceRead, Scope::ComplianceWrite]).await.unwrap();
    assistant.post(&release(first)).json(&json!({ "reason": "a question" })).await.expect_problem(403);
    app.post(&release(first)).json(&json!({ "reason": " " })).await.expect_problem(422);
    app.post(&release(first)).json(&json!({ "reason": "a question" })).await.expect(200);
    assert_eq!(entries(&app).await, 1, "the other message still waits");
    app.post(&release(second)).json(&json!({ "reason": "a question" })).await.expect(200);
    assert_eq!(entries(&app).await, 0);
    app.post(&release(second)).json(&json!({ "reason": "again" })).await.expect_problem(409);
    app.other.post(&release(first)).json(&json!({ "reason": "x" })).await.expect_problem(404);
}

#[tokio::test]
async fn a_confirmed_message_is_an_opt_out_since_it_came() {
    let app = start().await;
    let id = review(&app, "not interested").await;
    let done = app.post(&format!("/compliance/opt-out-reviews/{id}/confirm")).await;
    assert_eq!(done.expect(200)["state"], "confirmed");
    let ledger = app.get(QUERY).await;
    assert_eq!(ledger.expect(200)["optedOut"], json!(["sms"]));
    assert_eq!(entries(&app).await, 1);
}

#[tokio::test]
async fn a_tenants_own_words_are_kept_and_may_not_turn_stop_around() {
    let app = start().await;
    let shipped = app.get("/compliance/opt-out-words").await;
    assert!(shipped.expect(200)["optOut"].as_array().unwrap().len() > 100);
    let wrong = json!({ "optIn": ["stop"] });
    assert_eq!(app.put("/compliance/opt-out-words").json(&wrong).await.expect_problem(422), "validation_failed");
    for word in ["NEIN", "NADA"] {
        let words = json!({ "optOut": [word], "optOutAll": [], "reason": "we send in one language" });
        app.put("/compliance/opt-out-words").json(&words).await.expect(200);
        let own = app.get("/compliance/opt-out-words").await;
        assert_eq!(own.expect(200)["optOut"], json!([word]));
    }
    // what carriers name stops all the same, and is shown
    let mut own = app.get("/compliance/opt-out-words").await.expect(200);
    let fixed = own["fixed"].as_array().unwrap().clone();
    assert!(["STOP", "UNSUBSCRIBE", "END"].iter().all(|word| fixed.contains(&json!(word))), "{own}");
    own["fixed"] = json!(["NOTHING"]);
    let set = app.put("/compliance/opt-out-words").json(&own).await.expect(200);
    assert_eq!(set["fixed"], json!(fixed), "nobody changes them");
    let audited = app.get("/audit-events?objectKind=opt_out_words").await.expect(200);
    assert!(!audited["items"][0]["after"].to_string().contains("NOTHING"), "{audited}");
}

#[tokio::test]
async fn fewer_words_or_a_narrower_scope_need_a_reason_that_is_audited_and_the_scope_its_days() {
    let app = start().await;
    let set = async |body: Value| app.put("/compliance/opt-out-words").json(&body).await;
    let pointers = |problem: Value| {
        let errors = problem["errors"].as_array().unwrap().clone();
        errors.iter().map(|e| e["pointer"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for narrow in [json!({ "optOut": ["NEIN"] }), json!({ "optOutAll": [] }), json!({ "optIn": ["START", "GO ON"] })] {
        assert_eq!(pointers(set(narrow.clone()).await.expect(422)), ["/reason"], "{narrow}");
    }
    let topic = json!({ "scope": { "of": "topic" } });
    assert_eq!(pointers(set(topic).await.expect(422)), ["/scope/from", "/reason"]);
    let topic = json!({ "scope": { "of": "topic", "from": "2026-03-01", "until": "2027-01-31" }, "reason": " " });
    assert_eq!(pointers(set(topic.clone()).await.expect(422)), ["/reason"]);
    let mut told = topic.clone();
    told["reason"] = json!("one brand, many topics");
    assert!(set(told).await.expect(200)["reason"].is_null(), "it is of the change");
    let audited = app.get("/audit-events?objectKind=opt_out_words").await.expect(200);
    assert_eq!(audited["items"][0]["after"]["reason"], "one brand, many topics", "{audited}");
    // more words and a wider scope are free, and so is what stands already
    set(topic).await.expect(200);
    let mut more = app.get("/compliance/opt-out-words").await.expect(200);
    more["optOut"].as_array_mut().unwrap().push(json!("BITTE NICHT"));
    more.as_object_mut().unwrap().remove("scope");
    set(more).await.expect(200);
}

//! Lists of numbers.
use cxc_core::number_set::NumberSetBuilder;
use cxc_core::phone::PhoneNumber;
use cxc_store::number_list::{NewVersion, NumberList};
use cxc_store::{StoreError, number_bytes};
use cxc_test::TestApp;
use serde_json::json;
use uuid::Uuid;

use super::*;

/// A customer's own list, for calls and text messages; its bytes are damaged if that is wanted.
async fn own_list(on: &TestApp, numbers: &[String], is_damaged: bool) -> Uuid {
    let id = on.app.ids.next();
    list_of(on, id, ("customer", &id.to_string()), numbers, on.app.now(), is_damaged).await
}

async fn list_of(
    on: &TestApp,
    id: Uuid,
    (kind, register): (&str, &str),
    numbers: &[String],
    as_of: i64,
    is_damaged: bool,
) -> Uuid {
    let (app, tenant, now) = (&on.app, on.tenant(), on.app.now());
    let row = NumberList {
        number: 0,
        tenant,
        id,
        kind: kind.into(),
        register: register.into(),
        jurisdiction: None,
        channels: 3,
        max_age_days: None,
        active: 0,
    };
    let mut tx = app.db.begin().await.unwrap();
    tx.number_list_insert(&row).await.unwrap();
    let row = tx.number_list_get(tenant, id).await.unwrap().unwrap();
    let new = NewVersion { mode: "replace", job: Uuid::nil(), file_name: "a", as_of, created_by: "test", now };
    let mut version = tx.number_list_begin(&row, &new).await.unwrap();
    tx.commit().await.unwrap();
    let mut builder = NumberSetBuilder::new();
    numbers.iter().for_each(|number| builder.push(PhoneNumber::parse(number).unwrap()).unwrap());
    let set = Arc::new(builder.finish().unwrap().0);
    let stored = number_bytes::store::<StoreError>(&app.db, version.blob, set, || Ok(())).await.unwrap();
    (version.sha256, version.bytes, version.state) = (stored.0.to_string(), stored.1, "ready".into());
    if is_damaged {
        version.sha256 = "0".repeat(64);
    }
    let mut tx = app.db.begin().await.unwrap();
    tx.number_list_note(&version).await.unwrap();
    tx.number_list_activate(row.number, version.version, now).await.unwrap();
    tx.commit().await.unwrap();
    id
}

#[tokio::test]
async fn a_number_on_the_customers_own_list_is_not_called_and_the_evidence_names_the_list() {
    let app = start().await;
    let list = own_list(&app, &[phone(1)], false).await;
    for hold in [0, 60_000] {
        let no = app.post(VALIDATE).json(&ask(1, "a", hold)).await.expect(409);
        assert_eq!((&no["decision"], &no["code"]), (&json!("deny"), &json!("suppressed")), "{no}");
        assert_eq!(no["reasons"][0]["rule_id"], list.to_string(), "{no}");
    }
    app.post(VALIDATE).json(&ask(2, "b", 60_000)).await.expect(200);
    let kept = app.get("/compliance/evidence?clientId=a").await.expect(200);
    let inputs = &kept["items"][0]["decision"]["inputs"];
    assert_eq!(inputs["suppression"][0]["list"]["id"], list.to_string(), "{inputs}");
    // email has no number
    let email =
        json!({ "type": "email", "device": { "email": "a@example.com" }, "contact": { "tz": "America/New_York" } });
    app.post(VALIDATE).json(&email).await.expect(200);
}

#[tokio::test]
async fn while_an_own_list_can_not_be_read_nobody_is_called() {
    let app = start().await;
    own_list(&app, &[phone(1)], true).await;
    for hold in [0, 60_000] {
        let no = app.post(VALIDATE).json(&ask(2, "b", hold)).await;
        assert_eq!((&no.json()["code"], &no.json()["decision"]), (&json!("data_missing"), &json!("error")));
        assert!(no.text().contains("can't be read: its active version is damaged"), "{}", no.text());
        assert!(no.json()["reservation_id"].is_null());
    }
    // email has no number: the list holds up what it bears on
    let email =
        json!({ "type": "email", "device": { "email": "a@example.com" }, "contact": { "tz": "America/New_York" } });
    app.post(VALIDATE).json(&email).await.expect(200);
}

#[tokio::test]
async fn a_damaged_register_holds_up_whom_its_rule_concerns_and_nobody_else() {
    let app = start_with_law().await;
    let (now, id) = (app.app.now(), || app.app.ids.next());
    list_of(&app, id(), ("national_dnc", "GB-TPS"), &[phone(9)], now, true).await;
    list_of(&app, id(), ("national_dnc", "US-DNC"), &[phone(1)], now, false).await;
    let sale = |number: &str| {
        json!({ "type": "voice", "purpose": "telemarketing", "tech": "live", "hold_ms": 0,
        "contact": { "client_id": number }, "device": { "e164": number } })
    };
    let reasons = async |number: &str| app.post(VALIDATE).json(&sale(number)).await.json()["reasons"].to_string();
    let listed = reasons(&phone(1)).await;
    assert!(listed.contains("US-DNC") && listed.contains("suppressed"), "{listed}");
    let answer = app.post(VALIDATE).json(&sale(&phone(2))).await.json();
    let dnc = answer["data_versions"]["dnc"].as_str().unwrap();
    assert!(dnc.starts_with("US-DNC ") && !dnc.contains("GB-TPS"), "those that were asked, with their versions: {dnc}");
    let free = reasons(&phone(2)).await;
    assert!(!free.contains("data_missing") && !free.contains("GB-TPS"), "{free}");
    let british = reasons("+442079460000").await;
    assert!(british.contains("GB-TPS can't be read") && british.contains("data_missing"), "{british}");
}

/// What an own list may be old, in days.
async fn limit_age(on: &TestApp, list: Uuid, days: i64) {
    let mut tx = on.app.db.begin().await.unwrap();
    let row = tx.number_list_get(on.tenant(), list).await.unwrap().unwrap();
    tx.number_list_update(&NumberList { max_age_days: Some(days), ..row }).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn an_own_list_past_its_own_age_or_dated_ahead_lets_nobody_through() {
    const DAY: i64 = 86_400_000_000;
    for (age, limit, code) in [
        (40, None, "allow"),
        (-40, None, "allow"),
        (6, Some(7), "allow"),
        (8, Some(7), "data_missing"),
        (-2, Some(7), "data_stale"),
    ] {
        let app = start().await;
        let id = app.app.ids.next();
        let as_of = app.app.now() - age * DAY;
        list_of(&app, id, ("customer", &id.to_string()), &[phone(1)], as_of, false).await;
        if let Some(days) = limit {
            limit_age(&app, id, days).await;
        }
        for hold in [0, 60_000] {
            let answer = app.post(VALIDATE).json(&ask(2, "b", hold)).await.json();
            let told = answer["code"].as_str().or(answer["decision"].as_str()).unwrap();
            assert_eq!(told, code, "{age} {limit:?}: {answer}");
            let (rule, detail) = (&answer["reasons"][0]["rule_id"], answer["reasons"][0].to_string());
            assert!(code == "allow" || *rule == json!(id.to_string()), "{answer}");
            assert_eq!(code == "data_stale", detail.contains("dated ahead"), "{answer}");
        }
        // email has no number, and who is on the list stays suppressed
        let listed = app.post(VALIDATE).json(&ask(1, "a", 0)).await.json();
        assert!(listed["reasons"].to_string().contains("suppressed"), "{listed}");
    }
}

#[tokio::test]
async fn past_its_legal_age_a_register_lets_nobody_through_and_keeps_holding_who_is_on_it() {
    const DAY: i64 = 86_400_000_000;
    let app = start_with_law().await;
    let now = app.app.now();
    list_of(&app, app.app.ids.next(), ("national_dnc", "US-DNC"), &[phone(1)], now - 31 * DAY, false).await;
    let sale = |n: u32, hold: u32| {
        let mut asked = ask(n, &format!("c{n}"), hold);
        asked["purpose"] = json!("telemarketing");
        asked["tech"] = json!("live");
        asked
    };
    for hold in [0, 60_000] {
        app.post(VALIDATE).json(&sale(2, hold)).await.expect(200);
    }
    app.clock.advance(std::time::Duration::from_secs(1));
    for hold in [0, 60_000] {
        let no = app.post(VALIDATE).json(&sale(3, hold)).await;
        assert_eq!(
            (&no.json()["decision"], &no.json()["code"]),
            (&json!("error"), &json!("data_stale")),
            "{}",
            no.json()
        );
        let listed = app.post(VALIDATE).json(&sale(1, hold)).await.expect(409);
        let codes: Vec<&str> =
            listed["reasons"].as_array().unwrap().iter().map(|r| r["reason_code"].as_str().unwrap()).collect();
        assert!(listed["decision"] == "deny" && codes.contains(&"suppressed"), "{listed}");
    }
}

#[tokio::test]
async fn of_two_lists_of_a_register_the_older_decides_whether_it_is_fresh() {
    const DAY: i64 = 86_400_000_000;
    let app = start_with_law().await;
    let now = app.app.now();
    list_of(&app, app.app.ids.next(), ("national_dnc", "US-DNC"), &[phone(1)], now - 61 * DAY, false).await;
    list_of(&app, app.app.ids.next(), ("national_dnc", "US-DNC"), &[phone(4)], now, false).await;
    for hold in [0, 60_000] {
        let mut asked = ask(2, "a", hold);
        (asked["purpose"], asked["tech"]) = (json!("telemarketing"), json!("live"));
        let no = app.post(VALIDATE).json(&asked).await.json();
        assert_eq!((&no["decision"], &no["code"]), (&json!("error"), &json!("data_stale")), "{no}");
    }
}

#[tokio::test]
async fn an_entry_of_a_suppression_list_is_judged_at_the_instant_that_is_asked_about() {
    const HOUR: i64 = 3_600_000_000;
    let app = start().await;
    let (tenant, now) = (app.tenant(), app.app.now());
    let (kind, id) = (cxc_store::suppression::DEVICE, app.app.ids.next());
    let new = cxc_store::suppression::NewSuppressionList {
        id,
        kind,
        channels: 7,
        required: true,
        expires_at: Some(now + 5 * HOUR),
        role: None,
        opt_outs: false,
    };
    let hash = |n: u32| app.app.hash_key.hash(tenant, &phone(n));
    let entry = |n: u32, from_at: Option<i64>, until_at: Option<i64>| cxc_store::suppression::SuppressionEntry {
        key_hash: hash(n),
        key: phone(n),
        from_at,
        until_at,
        reason: None,
        source: "api".into(),
        added_at: now,
    };
    let mut tx = app.app.db.begin().await.unwrap();
    assert!(tx.suppression_list_insert(tenant, &new).await.unwrap());
    let list = tx.suppression_list_get(tenant, id).await.unwrap().unwrap();
    let entries =
        [entry(1, Some(now + HOUR), Some(now + 3 * HOUR)), entry(2, None, Some(now + HOUR)), entry(3, None, None)];
    tx.suppression_add(&list, &entries, 0).await.unwrap();
    tx.commit().await.unwrap();
    let iso = |at: i64| jiff::Timestamp::from_microsecond(at).unwrap().to_string();
    let asked = async |n: u32, hours: i64| {
        let mut asked = ask(n, &format!("c{n}"), 0);
        asked["intended_at"] = json!(iso(now + hours * HOUR));
        app.post(VALIDATE).json(&asked).await.json()
    };
    // one after the other and in one batch
    for (n, hours, decision) in [
        (1, 0, "allow"),
        (1, 1, "deny"),
        (1, 2, "deny"),
        (1, 3, "allow"),
        (2, 0, "deny"),
        (2, 1, "allow"),
        (3, 4, "deny"),
    ] {
        let answer = asked(n, hours).await;
        assert_eq!(answer["decision"], decision, "{n} in {hours} hours: {answer}");
    }
    assert_eq!(asked(1, 0).await["not_after"], iso(now + HOUR), "it is known when it begins");
    assert_eq!(asked(3, 5).await["decision"], "allow", "the list ends");
    let items: Vec<_> = [(1, 0), (1, 2), (2, 2)]
        .map(|(n, hours)| {
            let mut item = ask(n, &format!("c{n}"), 0);
            item["intended_at"] = json!(iso(now + hours * HOUR));
            item
        })
        .to_vec();
    let batch = app.post(&format!("{VALIDATE}/batch")).json(&json!({ "items": items })).await.json();
    let decisions: Vec<_> = batch["items"].as_array().unwrap().iter().map(|item| item["decision"].clone()).collect();
    assert_eq!(decisions, ["allow", "deny", "allow"], "{batch}");
}

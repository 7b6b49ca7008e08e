//! A dialer reports that somebody does not want to be called again.
use serde_json::json;

use super::*;

#[tokio::test]
async fn who_says_do_not_call_in_a_call_is_not_called_again_at_once() {
    let says = [
        json!({ "GSW_CALL_RESULT": 51 }),
        json!({ "GSW_CALL_RESULT": 33, "GSW_DISPOSITION_CODE": "Do Not Call" }),
        json!({ "GSW_CALL_RESULT": 33, "GSW_DISPOSITION_CODE": "DoNotCall" }),
    ];
    let app = start().await;
    for (n, more) in (1..).zip(&says) {
        let client = format!("client {n}");
        app.post(VALIDATE).json(&ask(n, &client, 0)).await.expect(200);
        let mut report = report(&format!("g{n}"), 1, more);
        report["contact_info"] = json!(phone(n));
        for _ in 0..2 {
            app.post(REPORTS).json(&report).await.expect(200);
        }
        let no = app.post(VALIDATE).json(&ask(n, &client, 60_000)).await.expect(409);
        assert_eq!((&no["decision"], &no["code"]), (&json!("deny"), &json!("opted_out")), "{more}: {no}");
    }
    let mut tx = app.app.db.read().await.unwrap();
    let device = app.app.hash_key.hash(app.tenant(), &phone(1));
    let ledger = tx.consents_of(app.tenant(), &[device], &[]).await.unwrap();
    assert_eq!(ledger.len(), 1, "a repeated report adds nothing");
    assert_eq!(ledger[0].source, "disposition");
    app.post(VALIDATE).json(&ask(9, "somebody else", 60_000)).await.expect(200);
}

#[tokio::test]
async fn a_do_not_call_that_follows_the_result_of_the_call_is_heard() {
    let app = start().await;
    for (n, late) in (1..).zip([json!({ "GSW_CALL_RESULT": 51 }), json!({ "GSW_DISPOSITION_CODE": "DoNotCall" })]) {
        let client = format!("client {n}");
        let say = |more: &serde_json::Value| {
            let mut report = report(&format!("g{n}"), 1, more);
            report["contact_info"] = json!(phone(n));
            report
        };
        app.post(REPORTS).json(&say(&json!({ "GSW_CALL_RESULT": 33 }))).await.expect(200);
        let answer = app.post(REPORTS).json(&say(&late)).await.expect(200);
        assert_eq!(answer["repeated"], 1, "the attempt itself goes no further");
        let no = app.post(VALIDATE).json(&ask(n, &client, 60_000)).await.expect(409);
        let is_heard = no["reasons"].as_array().unwrap().iter().any(|r| r["reason_code"] == "opted_out");
        assert!(no["decision"] == "deny" && is_heard, "{late}: {no}");
    }
}

#[tokio::test]
async fn a_do_not_call_without_an_address_is_that_of_its_attempt() {
    let app = start().await;
    let no_more = json!({ "GSW_CALL_RESULT": 51, "GSW_DISPOSITION_CODE": "DoNotCall" });
    // held before
    let mut held = ask(1, "client 1", 60_000);
    held["guid"] = json!("g1");
    app.post(VALIDATE).json(&held).await.expect(200);
    // begun before
    let begun = report("g2", 0, &json!({ "contact_info": phone(2) }));
    app.post(REPORTS).json(&begun).await.expect(200);
    // a number that can't be read beside a client id that can
    let mut unread = no_more.clone();
    (unread["contact_info"], unread["c_client_id"]) = (json!("12"), json!("client 3"));
    for (guid, more) in [("g1", &no_more), ("g2", &no_more), ("g3", &unread)] {
        app.post(REPORTS).json(&report(guid, 1, more)).await.expect(200);
    }
    for n in 1..=3 {
        let no = app.post(VALIDATE).json(&ask(n, &format!("client {n}"), 60_000)).await.expect(409);
        let is_heard = no["reasons"].as_array().unwrap().iter().any(|r| r["reason_code"] == "opted_out");
        assert!(no["decision"] == "deny" && is_heard, "{n}: {no}");
    }
    // of an email, of which the report says neither address nor channel
    let mut mail = json!({ "type": "email", "contact": { "client_id": "client 5", "tz": "America/New_York" }, "device": { "email": "ann@example.com" },
        "guid": "g5", "hold_ms": 60_000 });
    app.post(VALIDATE).json(&mail).await.expect(200);
    app.post(REPORTS).json(&report("g5", 1, &no_more)).await.expect(200);
    mail["guid"] = json!("g6");
    assert_eq!(app.post(VALIDATE).json(&mail).await.expect(409)["decision"], "deny");
    // of nobody: it is not taken for done
    app.post(REPORTS).json(&report("g4", 1, &no_more)).await.expect(400);
}

#[tokio::test]
async fn a_consent_that_a_caller_tells_ends_no_opt_out() {
    let app = start().await;
    let scope = json!({ "kind": "topic", "name": "loans" });
    app.post("/compliance/consents/revoke").json(&json!({ "device": phone(1), "scope": scope })).await.expect(200);
    let mut asked = ask(1, "a", 0);
    asked["topic"] = json!("loans");
    assert_eq!(app.post(VALIDATE).json(&asked).await.expect(409)["code"], "opted_out");
    asked["contact"]["consents"] = json!([{ "kind": "express", "at": NOON, "source": "crm", "scope": { "kind": "all" },
        "channels": [], "revoked": false }]);
    assert_eq!(app.post(VALIDATE).json(&asked).await.expect(409)["code"], "opted_out");
}

#[tokio::test]
async fn a_do_not_call_reaches_the_device_of_its_attempt_whatever_address_it_names() {
    let app = start().await;
    let written = ["sip:+12129300001@gw", "nope", "+442079460001", "12"];
    for (n, written) in (1..).zip(written) {
        let mut held = ask(n, &format!("client {n}"), 60_000);
        held["guid"] = json!(format!("g{n}"));
        app.post(VALIDATE).json(&held).await.expect(200);
        let no_more = json!({ "GSW_CALL_RESULT": 51, "contact_info": written });
        app.post(REPORTS).json(&report(&format!("g{n}"), 1, &no_more)).await.expect(200);
        let no = app.post(VALIDATE).json(&ask(n, "somebody", 0)).await.expect(409);
        assert!(no["reasons"].to_string().contains("opted_out"), "{written}: {no}");
    }
    // one whose only address can't be read is of nobody
    let nobody = json!({ "GSW_CALL_RESULT": 51, "contact_info": "nope" });
    app.post(REPORTS).json(&report("g9", 1, &nobody)).await.expect(400);
}

#[tokio::test]
async fn a_disposition_of_the_tenants_own_opts_out_where_it_says_so() {
    let app = start().await;
    app.create("/disposition-codes", &json!({ "name": "never", "code": "NWX1", "doNotCall": true })).await;
    app.create("/disposition-codes", &json!({ "name": "sold", "code": "SALE" })).await;
    app.post("/disposition-codes").json(&json!({ "name": "other", "code": "nwx1" })).await.expect(422);
    for (n, code) in (1..).zip(["NWX1", "DNC", "opt-out", "SALE", " nwx1"]) {
        let said = json!({ "contact_info": phone(n), "GSW_CALL_RESULT": 33, "conversation": false, "GSW_DISPOSITION_CODE": code });
        app.post(REPORTS).json(&report(&format!("g{n}"), 1, &said)).await.expect(200);
        let answer = app.post(VALIDATE).json(&ask(n, "a", 0)).await.json();
        assert_eq!(answer["reasons"].to_string().contains("opted_out"), code != "SALE", "{code}: {answer}");
    }
}

#[tokio::test]
async fn a_do_not_call_is_heard_whatever_else_was_said_in_that_call() {
    let app = start().await;
    let topic = json!({ "device": phone(1), "scope": { "kind": "topic", "name": "loans" }, "evidence": "CALL-1" });
    app.post("/compliance/consents/revoke").json(&topic).await.expect(200);
    let no_more = json!({ "contact_info": phone(1), "GSW_CALL_RESULT": 51 });
    app.post(REPORTS).json(&report("CALL-1", 1, &no_more)).await.expect(200);
    let mut other = ask(1, "a", 0);
    other["topic"] = json!("cars");
    assert!(is_out(&app.post(VALIDATE).json(&other).await.expect(409)));
}

#[tokio::test]
async fn an_opt_out_of_a_device_is_lifted_by_its_own_consent_and_not_by_that_of_a_client_who_is_named_with_it() {
    let app = start().await;
    let scope = json!({ "kind": "topic", "name": "loans" });
    app.post("/compliance/consents/revoke").json(&json!({ "device": phone(1), "scope": scope })).await.expect(200);
    let mut asked = ask(1, "bob", 0);
    asked["topic"] = json!("loans");
    app.clock.advance(std::time::Duration::from_secs(60));
    let at = "2026-03-03T17:00:30Z";
    let given = |key: &str, value: &str| json!({ key: value, "kind": "express", "at": at, "source": "form" });
    app.post("/compliance/consents").json(&given("clientId", "bob")).await.expect(201);
    assert_eq!(app.post(VALIDATE).json(&asked).await.expect(409)["code"], "opted_out");
    app.post("/compliance/consents").json(&given("device", &phone(1))).await.expect(201);
    app.post(VALIDATE).json(&asked).await.expect(200);
}

#[tokio::test]
async fn an_email_address_is_read_by_every_door_alike() {
    let app = start().await;
    app.post("/compliance/consents/revoke").json(&json!({ "device": "ann@example.com" })).await.expect(200);
    let asked =
        |email: &str| json!({ "type": "email", "contact": { "tz": "America/New_York" }, "device": { "email": email } });
    for same in
        ["ann@example.com", "ANN@Example.com", "mailto:ann@example.com", "'ann@example.com", " ann@example.com "]
    {
        assert!(is_out(&app.post(VALIDATE).json(&asked(same)).await.expect(409)), "{same}");
    }
    for none in [
        "<ann@example.com>",
        "Ann <ann@example.com>",
        "ann@example.com.",
        "\"ann\"@example.com",
        "ann@example.com;bob@example.com",
        "an\u{ad}n@example.com",
    ] {
        app.post(VALIDATE).json(&asked(none)).await.expect(422);
    }
    let no_more = json!({ "contact_info": "mailto:bo@example.com", "contact_info_type": 10, "GSW_CALL_RESULT": 51 });
    app.post(REPORTS).json(&report("g1", 1, &no_more)).await.expect(200);
    assert!(is_out(&app.post(VALIDATE).json(&asked("bo@example.com")).await.expect(409)));
}

/// The number of a person in a country.
fn abroad(country: &str, n: u32) -> String {
    match country {
        "US" => format!("+1212930{n:04}"),
        "GB" => format!("+4477009{n:05}"),
        _ => format!("person{n}@example.com"),
    }
}

/// What a validation of a contact of a client answers.
async fn may(app: &TestApp, kind: &str, (country, n): (&str, u32)) -> (String, String) {
    let device = match kind {
        "email" => json!({ "email": abroad("email", n) }),
        _ => json!({ "e164": abroad(country, n) }),
    };
    let contact = json!({ "client_id": format!("C-{country}-{n}"), "country": country });
    let asked =
        json!({ "type": kind, "purpose": "informational", "tech": "live", "device": device, "contact": contact });
    let answer = app.post(VALIDATE).json(&asked).await.json();
    let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
    (text("decision"), text("code"))
}

#[tokio::test]
async fn one_revocation_ends_calls_and_texts_from_the_day_of_us_revoke_all_on() {
    let app = start_with_law().await;
    let waived = json!({ "state": "waived", "reason": "the numbers are made up" });
    app.put("/compliance/legal-rules/US-RND/setting").json(&waived).await.expect(200);
    let always = json!({ "name": "always", "required": true, "reason": "only opt-outs are looked at",
        "weekdays": vec![json!([{ "from": "00:00", "till": "24:00" }]); 7] });
    app.create("/compliance/contact-times", &always).await;
    let allow = ("allow".to_owned(), String::new());
    let opted_out = ("deny".to_owned(), "opted_out".to_owned());
    let revoke = async |country: &str, n: u32| {
        let body = json!({ "device": abroad(country, n), "channels": ["sms"] });
        app.post("/compliance/consents/revoke").json(&body).await.expect(200)
    };
    // the second before its day begins anywhere on earth: a text is a text
    app.clock.set("2027-01-30T09:59:59Z");
    for country in ["US", "GB"] {
        assert_eq!(may(&app, "sms", (country, 1)).await, allow, "{country}");
        revoke(country, 1).await;
        assert_ne!(may(&app, "sms", (country, 1)).await, allow, "{country}");
        assert_eq!(may(&app, "voice", (country, 1)).await, allow, "{country}");
    }
    // from then on the same revocation ends calls, too; one of before as well, and none of another country
    app.clock.set("2027-01-30T10:00:00Z");
    assert_eq!(may(&app, "voice", ("US", 1)).await, opted_out);
    assert_eq!(may(&app, "voice", ("GB", 1)).await, allow);
    assert_eq!(may(&app, "email", ("US", 1)).await, allow, "it is about calls and texts");
    assert_eq!(may(&app, "voice", ("US", 2)).await, allow);
    revoke("US", 2).await;
    revoke("GB", 2).await;
    assert_ne!(may(&app, "voice", ("US", 2)).await, allow);
    assert_eq!(may(&app, "voice", ("GB", 2)).await, allow);
    let ended = async |n: u32| {
        let path = format!("/compliance/consents?device=%2B{}", &abroad("US", n)[1..]);
        app.get(&path).await.expect(200)["optedOut"].clone()
    };
    assert_eq!(ended(2).await, json!(["voice", "sms"]));
    let shown = app.get("/compliance/legal-rules/US-REVOKE-ALL").await.expect(200);
    assert_eq!((&shown["items"][0]["state"], &shown["items"][0]["inForce"]), (&json!("on"), &json!(false)), "in UTC");
}

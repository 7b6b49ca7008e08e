//! One evaluator: a validation, an inline evaluation and a contact that is stored decide alike on the same facts.
use super::*;

const VALIDATE: &str = "/internal/v1/compliance/validations";

/// What is told of somebody.
#[derive(Debug, Clone, Copy, Default)]
struct Told {
    country: Option<&'static str>,
    zone: Option<&'static str>,
    postal: Option<&'static str>,
    state: Option<&'static str>,
}

/// What a decision comes to: the verdict, the rules that stand in the way, and the next instant.
type Decided = (String, Vec<String>, Option<String>);

fn decided(answer: &Value, id: impl Fn(&Value) -> &Value, code: &str, next: &str) -> Decided {
    let reason = |reason: &Value| format!("{} {}", id(reason).as_str().unwrap(), reason[code].as_str().unwrap());
    let mut reasons: Vec<String> = answer["reasons"].as_array().unwrap().iter().map(reason).collect();
    reasons.sort();
    (answer["decision"].as_str().unwrap().to_owned(), reasons, answer[next].as_str().map(str::to_owned))
}

async fn validated(app: &TestApp, at: &str, device: &str, told: Told) -> Decided {
    let contact = json!({ "tz": told.zone, "postal": told.postal, "state": told.state, "country": told.country });
    let asked = json!({ "type": "voice", "purpose": "telemarketing", "tech": "live", "contact": contact,
        "device": { "e164": device }, "intended_at": at });
    decided(&app.post(VALIDATE).json(&asked).await.json(), |r| &r["rule_id"], "reason_code", "not_before")
}

async fn evaluated(app: &TestApp, at: &str, device: &str, told: Told) -> Decided {
    let contact = json!({ "timezone": told.zone, "postalCode": told.postal, "region": told.state,
        "country": told.country, "devices": [device] });
    let asked = json!({ "at": at, "channel": "voice", "purpose": "telemarketing", "tech": "live", "contact": contact });
    decided(&app.post(PATH).json(&asked).await.expect(200), |r| &r["rule"]["id"], "code", "notBefore")
}

async fn stored(app: &TestApp, list: &str, n: usize, at: &str, device: &str, told: Told) -> Decided {
    let mut fields = json!({ "c_tz_name": told.zone, "c_postal_code": told.postal, "c_state_code": told.state,
        "c_country_code_iso": told.country });
    fields.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    let contact = json!({ "clientId": format!("C-{n}"), "fields": fields, "devices": [{ "number": device }] });
    let contact = app.create(&format!("/lists/{list}/contacts"), &contact).await;
    let asked = json!({ "listId": list, "contactId": contact["id"], "at": at, "channel": "voice",
        "purpose": "telemarketing", "tech": "live" });
    decided(&app.post(PATH).json(&asked).await.expect(200), |r| &r["rule"]["id"], "code", "notBefore")
}

#[tokio::test]
async fn a_validation_an_inline_and_a_stored_contact_are_judged_alike() {
    let (app, list) = start_with_list().await;
    let only = |name: &str, place: Value| json!({ "name": name, "required": true, "effect": "allow_only", "matchOn": "contact", "locations": [place] });
    app.create("/compliance/location-rules", &only("at home", json!({ "country": "GB" }))).await;
    app.create("/compliance/location-rules", &only("New York", json!({ "country": "US", "state": "NY" }))).await;
    let none = Told::default();
    let (us, gb, au) = (Some("US"), Some("GB"), Some("AU"));
    // all but the last two digits of a number
    let table = [
        ("+4420794601", none),
        ("+4420794601", Told { country: gb, zone: Some("Europe/London"), ..none }),
        ("+4420794601", Told { country: us, zone: Some("America/New_York"), ..none }),
        ("+4420794601", Told { state: Some("US-FL"), ..none }),
        ("+4420794601", Told { state: Some("Florida"), zone: Some("America/New_York"), ..none }),
        ("+121255501", Told { country: us, postal: Some("10001"), ..none }),
        ("+121255501", Told { postal: Some("no code"), zone: Some("America/New_York"), ..none }),
        ("+121255501", Told { zone: Some("Europe/London"), ..none }),
        ("+130555501", Told { zone: Some("Europe/London"), ..none }),
        ("+130555501", Told { country: us, state: Some("NY"), ..none }),
        ("+612912312", Told { country: au, zone: Some("Australia/Sydney"), ..none }),
        ("+612912312", Told { country: au, ..none }),
        ("+178720012", Told { country: Some("PR"), ..none }),
        ("+178720012", Told { state: Some("PR"), ..none }),
    ];
    let mut n = 0;
    for sources in ["contact_and_device", "contact", "contact_then_device"] {
        let policy = json!({ "unmapped": { "sources": sources }, "reason": "the table has it so" });
        let read = app.get("/compliance/policy").await;
        app.put("/compliance/policy").if_match(&read.etag()).json(&policy).await.expect(200);
        // a validation learns of new rules in two seconds
        tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
        for (number, told) in table {
            for at in ["2026-12-02T01:30:00Z", "2026-12-02T18:00:00Z"] {
                n += 1;
                let device = &format!("{number}{n:02}");
                let inline = evaluated(&app, at, device, told).await;
                let case = format!("{sources} {at} {device} {told:?}");
                assert_eq!(validated(&app, at, device, told).await, inline, "validation: {case}");
                assert_eq!(stored(&app, &list, n, at, device, told).await, inline, "stored: {case}");
            }
        }
    }
}

#[tokio::test]
async fn names_and_debts_are_one_with_blanks_around_them_and_an_empty_one_is_none() {
    let (app, _) = start_with_list().await;
    app.clock.set("2026-12-01T20:30:00Z");
    let attempts = ["17", "18", "19"].map(|hour| format!("2026-12-01T{hour}:00:00Z"));
    let history = attempts.each_ref().map(|at| json!({ "at": at, "result": "NoAnswer", "topic": " Loans" }));
    for topic in ["", "  ", "loans", " LOANS ", "cars"] {
        let asked = json!({ "at": "2026-12-01T20:00:00Z", "channel": "voice", "purpose": "telemarketing", "tech": "live",
            "topic": topic, "history": history, "contact": { "devices": ["+13055550123"] } });
        let answer = app.post(PATH).json(&asked).await.expect(200);
        let is_capped = answer["reasons"].to_string().contains("US-FL-CAP");
        assert_eq!(is_capped, topic != "cars", "{topic:?}: {}", answer["reasons"]);
    }
    let history: Vec<Value> = (10..17)
        .map(|minute| json!({ "at": format!("2026-12-01T18:{minute}:00Z"), "result": "NoAnswer", "debts": ["D1 "] }))
        .collect();
    let asked = json!({ "at": "2026-12-01T20:00:00Z", "channel": "voice", "purpose": "collections", "tech": "live",
        "collector": " Agency", "history": history,
        "contact": { "personKey": "P", "debts": ["D1"], "devices": ["+12125550123"] } });
    let answer = app.post(PATH).json(&asked).await.expect(200);
    assert!(answer["reasons"].to_string().contains("US-REGF-7IN7"), "{}", answer["reasons"]);
}

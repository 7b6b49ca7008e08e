//! Where somebody may be, by what is said of the contact: validations and evaluations find the same.
use super::*;

#[tokio::test]
async fn a_postal_code_that_is_not_known_restricts_also_beside_a_zone() {
    let app = start().await;
    // ten in New York: before the window of those of whom no place is known
    app.clock.set("2026-03-03T15:00:00Z");
    let unmapped = Some("2026-03-03T19:00:00Z");
    for (zone, postal, state, not_before) in [
        (Some("America/New_York"), None, None, None),
        (Some("America/New_York"), Some("10001"), None, None),
        (Some("America/New_York"), Some("no code"), None, unmapped),
        (Some("America/New_York"), Some("no code"), Some("NY"), unmapped),
        (None, Some("no code"), None, unmapped),
        (None, Some("no code"), Some("NY"), unmapped),
        // the western one opens at eight there, the unmapped window later
        (Some("America/Los_Angeles"), Some("no code"), None, unmapped),
        (Some("America/Los_Angeles"), Some("10001"), None, Some("2026-03-03T16:00:00Z")),
    ] {
        let contact = json!({ "client_id": "a", "tz": zone, "postal": postal, "state": state, "country": "US" });
        let asked = json!({ "type": "voice", "contact": contact, "device": { "e164": phone(1) }, "hold_ms": 0 });
        let validated = app.post(VALIDATE).json(&asked).await.json();
        let contact = json!({ "timezone": zone, "postalCode": postal, "region": state, "country": "US",
            "devices": [phone(1)] });
        let evaluated =
            app.post("/compliance/evaluations").json(&json!({ "channel": "voice", "contact": contact })).await;
        let evaluated = evaluated.expect(200);
        let case = format!("{zone:?} {postal:?} {state:?}: {validated} {evaluated}");
        assert_eq!(validated["not_before"].as_str(), not_before, "{case}");
        assert_eq!(evaluated["notBefore"].as_str(), not_before, "{case}");
    }
}

#[tokio::test]
async fn a_state_that_is_no_state_is_refused_and_nobodys_law_is_lost_by_a_spelling() {
    let app = start().await;
    let mut asked = ask(1, "a", 0);
    for (state, status) in [("FL", 200), ("Florida", 200), ("US-FL", 200), ("Fla.", 422), ("Floride", 422)] {
        asked["contact"]["state"] = json!(state);
        let answer = app.post(VALIDATE).json(&asked).await;
        assert_eq!(answer.status, status, "{state}: {}", answer.json());
    }
    // where regions are told apart by no rule, any text will do
    asked = json!({ "type": "voice", "contact": { "state": "Bayern" }, "device": { "e164": "+4930123456" } });
    app.post(VALIDATE).json(&asked).await.expect(200);
}

#[tokio::test]
async fn a_state_is_of_the_country_that_it_says_and_what_is_no_state_anywhere_is_refused() {
    let app = start_with_law().await;
    // half past eight in the evening in New York
    let voice = |contact: Value| {
        json!({ "type": "voice", "purpose": "telemarketing", "tech": "live", "contact": contact,
            "device": { "e164": "+442079460123" }, "intended_at": "2026-12-02T01:30:00Z" })
    };
    for state in ["US-FL", "FL", "Florida", "florida "] {
        let no = app.post(VALIDATE).json(&voice(json!({ "state": state }))).await.json();
        assert!(no["reasons"].to_string().contains("US-FL-HOURS"), "{state}: {no}");
    }
    for contact in [
        json!({ "state": "Flordia" }),
        json!({ "state": "Flordia", "tz": "America/New_York" }),
        json!({ "state": "Flordia", "country": "US" }),
        json!({ "state": "Florida", "country": "GB" }),
        json!({ "state": "WA" }),
    ] {
        let refused = app.post(VALIDATE).json(&voice(contact.clone())).await.expect(422);
        assert_eq!(refused["errors"][0]["pointer"], "/contact/state", "{contact}: {refused}");
        let inline = json!({ "contact": { "region": contact["state"], "country": contact["country"],
            "timezone": contact["tz"], "devices": ["+442079460123"] } });
        let refused = app.post("/compliance/evaluations").json(&inline).await.expect(422);
        assert_eq!(refused["errors"][0]["pointer"], "/contact/region", "{contact}: {refused}");
    }
}

#[tokio::test]
async fn a_british_county_may_be_in_any_of_the_four_nations() {
    let app = start_with_law().await;
    let place = json!({ "country": "GB", "state": "SCT" });
    let rule = json!({ "name": "not Scotland", "required": true, "matchOn": "contact", "locations": [place] });
    app.create("/compliance/location-rules", &rule).await;
    for (state, barred) in [("Kent", true), ("Greater London", true), ("Scotland", true), ("England", false)] {
        let asked = json!({ "type": "voice", "purpose": "informational", "tech": "live",
            "contact": { "state": state, "country": "GB" }, "device": { "e164": "+442079460123" } });
        let validated = app.post(VALIDATE).json(&asked).await.json();
        let inline = json!({ "purpose": "informational", "tech": "live",
            "contact": { "region": state, "country": "GB", "devices": ["+442079460123"] } });
        let evaluated = app.post("/compliance/evaluations").json(&inline).await.expect(200);
        for told in [&validated, &evaluated] {
            assert_eq!(told["reasons"].to_string().contains("location_rule"), barred, "{state}: {told}");
        }
    }
}

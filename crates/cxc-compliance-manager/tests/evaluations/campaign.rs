//! Questions about how a campaign is run.
use super::*;

#[tokio::test]
async fn the_rules_about_campaigns_answer_to_how_one_is_run() {
    let app = start().await;
    let mut asked = question("2026-12-01T17:00:00Z");
    asked["purpose"] = json!("telemarketing");
    asked["tech"] = json!("autodialed");
    asked["ruleSet"] = json!("shipped");
    asked["legalSettings"] = ["US-CONSENT-PEWC", "US-RND", "US-DNC-NATIONAL"]
        .map(|rule| json!({ "rule": rule, "state": "waived", "reason": "not asked here" }))
        .into();
    let mut at = async |campaign: Value| {
        asked["campaign"] = campaign;
        app.post(PATH).json(&asked).await
    };
    let calls = |abandoned: u64| json!([{ "date": "2026-11-02", "liveAnswered": 10_000, "abandoned": abandoned }]);
    let good = json!({ "abandonment": calls(300), "ring_seconds": 15, "agent_seconds": 2,
        "says": ["seller_name", "seller_number", "opt_out"] });
    let answer = at(good).await.expect(200);
    assert_eq!(answer["decision"], "allow", "{answer:#}");
    let kept = |answer: &Value, rule: &str| {
        let all = answer["campaign"].as_array().unwrap().iter();
        all.clone().find(|f| f["rule"]["id"] == rule).map(|f| f["kept"].clone()).unwrap_or_default()
    };
    assert_eq!(kept(&answer, "US-TSR-ABANDON"), "kept");
    let answer = at(json!({ "abandonment": calls(301), "ringSeconds": 14 })).await.expect(200);
    assert_eq!((&answer["decision"], &answer["code"]), (&json!("deny"), &json!("legal_block")), "{answer:#}");
    assert_eq!(kept(&answer, "US-FCC-ABANDON"), "broken");
    assert_eq!(kept(&answer, "US-TSR-ABANDON-RING"), "broken");
    let reason = answer["reasons"].as_array().unwrap().iter().find(|r| r["rule"]["id"] == "US-TSR-ABANDON").unwrap();
    assert_eq!((&reason["kind"], &reason["observed"]), (&json!("campaign"), &json!(301)));
    let last = answer["steps"].as_array().unwrap().last().unwrap();
    assert!(last["sentence"].as_str().unwrap().contains("the campaign breaks"), "{last}");
    let wrong = at(json!({ "abandonment": calls(10_001), "says": ["hello"] })).await.expect(422);
    assert_eq!(pointers(&wrong), ["/campaign/abandonment/0/abandoned", "/campaign/says/0"]);
}

#[tokio::test]
async fn a_campaign_is_judged_without_a_contact_for_the_places_that_are_named() {
    let app = start().await;
    let mut asked = json!({ "at": "2026-12-01T17:00:00Z", "channel": "voice", "purpose": "telemarketing",
        "tech": "autodialed", "ruleSet": "shipped", "campaign": { "abandonment": calls(400), "places": ["CA"] } });
    let kept = |answer: &Value, rule: &str| {
        let all = answer["campaign"].as_array().unwrap().iter();
        all.clone().find(|f| f["rule"]["id"] == rule).map(|f| f["kept"].clone()).unwrap_or_default()
    };
    let canada = app.post(PATH).json(&asked).await.expect(200);
    assert_eq!((&canada["decision"], &kept(&canada, "CA-ABANDON")), (&json!("allow"), &json!("kept")), "{canada:#}");
    assert_eq!(kept(&canada, "US-TSR-ABANDON"), Value::Null, "no law of the place");
    asked["campaign"]["places"] = json!(["CA", "US-TX"]);
    let both = app.post(PATH).json(&asked).await.expect(200);
    assert_eq!((&both["decision"], &both["code"]), (&json!("deny"), &json!("legal_block")), "{both:#}");
    assert_eq!((kept(&both, "CA-ABANDON"), kept(&both, "US-TSR-ABANDON")), (json!("kept"), json!("broken")));
    asked["campaign"].as_object_mut().unwrap().remove("places");
    let everywhere = app.post(PATH).json(&asked).await.expect(200);
    assert_eq!(kept(&everywhere, "GB-OFCOM-ENG"), "broken", "without a place the rules of every country hold");
    let last = everywhere["steps"].as_array().unwrap().last().unwrap();
    assert!(last["sentence"].as_str().unwrap().starts_with("no contact is made"), "{last}");
    let recorded = json!({ "recordingConsent": "one", "places": ["US-NY", "US-PA"] });
    asked["campaign"] = recorded;
    assert_eq!(
        app.post(PATH).json(&asked).await.expect(200)["decision"],
        "deny",
        "Pennsylvania wants everyone to agree"
    );
    asked["campaign"]["places"] = json!(["US-NY"]);
    assert_eq!(app.post(PATH).json(&asked).await.expect(200)["decision"], "allow");
    asked["campaign"]["places"] = json!(["US-NY", "QQ", "US-QQ"]);
    assert_eq!(app.post(PATH).json(&asked).await.expect(422)["errors"][0]["pointer"], "/campaign/places/1");
    asked.as_object_mut().unwrap().remove("campaign");
    app.post(PATH).json(&asked).await.expect(422);
}

#[tokio::test]
async fn a_stored_contact_tells_where_a_campaign_is_and_an_unknown_postal_code_restricts_it() {
    let (app, list) = start_with_list().await;
    let contacts = format!("/lists/{list}/contacts");
    let ann = app.create(&contacts, &json!({ "clientId": "C-1", "devices": [{ "number": "+12125550123" }] })).await;
    let mut asked = json!({ "listId": list, "contactId": ann["id"], "at": "2026-12-01T15:00:00Z", "channel": "voice",
        "purpose": "telemarketing", "tech": "autodialed", "ruleSet": "shipped", "campaign": { "abandonment": calls(400) } });
    let told = app.post(PATH).json(&asked).await.expect(200);
    let ids: Vec<&str> =
        told["campaign"].as_array().unwrap().iter().map(|f| f["rule"]["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&"US-TSR-ABANDON") && ids.iter().all(|id| id.starts_with("US-")), "{ids:?}");
    assert_eq!(told["decision"], "deny");
    let broken = told["reasons"].as_array().unwrap().iter().find(|r| r["rule"]["id"] == "US-TSR-ABANDON");
    assert_eq!(broken.unwrap()["observed"], 400, "{told:#}");
    let tells_place = json!({ "abandonment": calls(1), "places": ["CA"] });
    asked["campaign"] = tells_place;
    assert_eq!(app.post(PATH).json(&asked).await.expect(422)["errors"][0]["pointer"], "/campaign/places");

    let fields = json!({ "c_tz_name": "America/New_York", "c_postal_code": "no code", "c_country_code_iso": "US" });
    let bob = json!({ "clientId": "C-2", "fields": fields, "devices": [{ "number": "+12125550124" }] });
    let bob = app.create(&contacts, &bob).await;
    let at = "2026-12-01T15:00:00Z";
    let informational = json!({ "listId": list, "contactId": bob["id"], "at": at, "channel": "voice",
        "purpose": "informational", "tech": "live", "guardSeconds": 0 });
    let told = app.post(PATH).json(&informational).await.expect(200);
    // two in the afternoon in New York
    assert_eq!((&told["decision"], &told["notBefore"]), (&json!("defer"), &json!("2026-12-01T19:00:00Z")), "{told:#}");
}

#[tokio::test]
async fn a_campaign_of_which_nothing_is_told_is_not_allowed() {
    let app = start().await;
    let ask = async |campaign: Value| {
        let asked = json!({ "at": "2026-12-01T17:00:00Z", "channel": "voice", "purpose": "telemarketing",
            "tech": "autodialed", "ruleSet": "shipped", "campaign": campaign });
        app.post(PATH).json(&asked).await
    };
    for nothing in [json!({}), json!({ "places": ["US-TX"] }), json!({ "abandonment": [], "places": ["US"] })] {
        let refused = ask(nothing).await.expect(422);
        assert_eq!(refused["errors"][0]["pointer"], "/campaign", "{refused}");
        assert!(refused["errors"][0]["detail"].as_str().unwrap().contains("ringSeconds"), "{refused}");
    }
    // no rule of Canada is about recordings: nothing that is told tells of one that holds there
    let answer = ask(json!({ "recordingConsent": "all", "places": ["CA"] })).await.expect(200);
    assert_eq!((&answer["decision"], &answer["code"]), (&json!("error"), &json!("data_missing")), "{answer:#}");
    assert!(answer["reasons"].as_array().unwrap().iter().any(|r| r["rule"]["id"] == "CA-ABANDON"), "{answer:#}");
    let answer = ask(json!({ "abandonment": calls(400), "places": ["US"] })).await.expect(200);
    let last = answer["steps"].as_array().unwrap().last().unwrap();
    assert_eq!(answer["decision"], "deny", "{last}");
    let answer = ask(json!({ "abandonment": calls(100), "places": ["US"] })).await.expect(200);
    let last = answer["steps"].as_array().unwrap().last().unwrap();
    assert!(last["sentence"].as_str().unwrap().contains("not judged"), "{last}");
}

#[tokio::test]
async fn a_broken_campaign_tells_every_breach_and_when_it_was() {
    let app = start().await;
    let day = |date: &str, abandoned: u64| json!({ "date": date, "liveAnswered": 100, "abandoned": abandoned });
    let asked = json!({ "at": "2026-12-01T17:00:00Z", "channel": "voice", "purpose": "telemarketing", "tech": "autodialed",
        "ruleSet": "shipped", "campaign": { "places": ["CA"], "agentSeconds": 9, "says": [],
            "abandonment": [day("2026-09-01", 6), day("2026-10-01", 5), day("2026-11-30", 7)] } });
    let answer = app.post(PATH).json(&asked).await.expect(200);
    let found = answer["campaign"].as_array().unwrap().iter().find(|f| f["rule"]["id"] == "CA-ABANDON").unwrap();
    let stretches: Vec<_> = found["measures"].as_array().unwrap().iter().map(|m| m["passes"].as_bool()).collect();
    assert_eq!(stretches, [Some(false), Some(true), Some(false)], "{found:#}");
    let breaches = found["breaches"].as_array().unwrap();
    let text = found["sentence"].as_str().unwrap();
    assert!(breaches[0]["sentence"].as_str().unwrap().contains("it takes 9 s"), "{found:#}");
    assert!(breaches.iter().all(|breach| text.contains(breach["sentence"].as_str().unwrap())), "{text}");
    let reasons = answer["reasons"].as_array().unwrap().iter().filter(|r| r["rule"]["id"] == "CA-ABANDON");
    let told: Vec<_> = reasons.filter(|r| !r["observed"].is_null()).collect();
    let days: Vec<_> = told.iter().map(|r| (&r["observed"], &r["windowStart"], &r["windowEnd"])).collect();
    let (first, last) = (json!("2026-09-01T00:00:00Z"), json!("2026-11-01T00:00:00Z"));
    assert_eq!(
        days,
        [(&json!(6), &first, &json!("2026-10-01T00:00:00Z")), (&json!(7), &last, &json!("2026-12-01T00:00:00Z"))]
    );
}

#[tokio::test]
async fn a_stored_state_that_is_no_state_may_be_any_and_its_law_holds() {
    let (app, list) = start_with_list().await;
    let past =
        ["17", "18", "19"].map(|hour| json!({ "at": format!("2026-12-01T{hour}:00:00Z"), "result": "NoAnswer" }));
    for (n, state) in (1..).zip(["Flordia", "Florida", "Washington"]) {
        let fields = json!({ "c_state_code": state, "c_country_code_iso": "US" });
        let device = format!("+1425555120{n}");
        let contact = json!({ "clientId": format!("C-{n}"), "fields": fields, "devices": [{ "number": device }] });
        let contact = app.create(&format!("/lists/{list}/contacts"), &contact).await;
        let asked = json!({ "listId": list, "contactId": contact["id"], "at": "2026-12-01T20:00:00Z", "channel": "sms",
            "purpose": "telemarketing", "ruleSet": "shipped", "history": past });
        let told = app.post(PATH).json(&asked).await.expect(200);
        let is_capped = told["reasons"].as_array().unwrap().iter().any(|r| r["rule"]["id"] == "US-FL-CAP");
        assert_eq!(is_capped, state != "Washington", "{state}: {told:#}");
    }
}

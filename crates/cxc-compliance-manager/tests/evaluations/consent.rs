//! What an express consent after an opt-out changes, for all who ask.
use super::*;

/// What is said of a stored contact by text message: by a check before an attempt, an evaluation and an explanation.
async fn said(app: &TestApp, list: &str, contact: &Value) -> Vec<(String, String)> {
    let mut said = Vec::new();
    let check = json!({ "type": "sms", "purpose": "informational", "tech": "live", "contact": { "client_id": "C-1" },
        "device": { "e164": "+12125550123" } });
    said.push(app.post("/internal/v1/compliance/validations").json(&check).await.json());
    let asked =
        json!({ "listId": list, "contactId": contact, "channel": "sms", "purpose": "informational", "tech": "live" });
    said.push(app.post(PATH).json(&asked).await.expect(200));
    let number = contact.as_str().map_or_else(|| contact.to_string(), str::to_owned);
    let path = format!("/lists/{list}/contacts/{number}/explanation?channel=sms&purpose=informational");
    said.push(app.get(&path).await.expect(200));
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    // a list, or the ledger alone where no list is asked
    let code = |answer: &Value| word(&answer["code"]).replace("opted_out", "suppressed");
    let mut told: Vec<(String, String)> = said.iter().map(|answer| (word(&answer["decision"]), code(answer))).collect();
    // an explanation can't say that a person writes: it asks about a machine, of which the tenant has not decided
    if let Some(last) = told.last_mut().filter(|last| last.1 == "rule_unanswered") {
        *last = ("allow".into(), String::new());
    }
    told
}

#[tokio::test]
async fn an_express_consent_given_after_a_stop_lifts_it_for_check_evaluation_and_explanation() {
    use cxc_core::channel::Channel;
    use cxc_core::consent::{ConsentScope, RevocationReach};
    use cxc_store::opt_out::{Revocation, source};
    use cxc_store::privacy::PersonKey;
    let (app, list) = start_with_list().await;
    app.clock.set("2026-03-03T17:00:00Z");
    let (phone, consents) = ("+12125550123", "/compliance/consents");
    let ann = json!({ "clientId": "C-1", "devices": [{ "number": phone }] });
    let ann = app.create(&format!("/lists/{list}/contacts"), &ann).await["id"].clone();
    let all = |decision: &str, code: &str| vec![(decision.to_owned(), code.to_owned()); 3];
    assert_eq!(said(&app, &list, &ann).await, all("allow", ""));
    // STOP, as a message brings it
    let now = app.app.now();
    let stop = Revocation {
        tenant: app.tenant(),
        key: &PersonKey::Address(phone.into()),
        hash: None,
        channels: &[Channel::Sms],
        scope: ConsentScope::All,
        reach: RevocationReach::AsSaid,
        said_at: now,
        received_at: now,
        source: source::KEYWORD,
        words: Some("STOP"),
        evidence: None,
    };
    let ids = app.app.ids.clone();
    let mut tx = app.app.db.begin().await.unwrap();
    let done = tx.opt_out(&app.app.hash_key, &stop, &move || ids.next(), now).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(done.new_entries, 1);
    assert_eq!(said(&app, &list, &ann).await, all("deny", "suppressed"));
    app.clock.advance(std::time::Duration::from_secs(3_600));
    let consent = |kind: &str, at: &str, channel: &str| {
        json!({ "clientId": "C-1", "kind": kind, "channels": [channel], "at": at, "source": "web form",
            "text": "I agree to text messages" })
    };
    // one that was given before, one for another channel, and one that is not express lift nothing
    for (kind, at, channel) in [
        ("prior_express_written", "2026-03-03T16:00:00Z", "sms"),
        ("express", "2026-03-03T17:30:00Z", "email"),
        ("ebr_purchase", "2026-03-03T17:30:00Z", "sms"),
    ] {
        let added = app.post(consents).json(&consent(kind, at, channel)).await.expect(201);
        assert_eq!(added["liftedEntries"], 0, "{kind} {at} {channel}");
    }
    assert_eq!(said(&app, &list, &ann).await, all("deny", "suppressed"));
    let added = app.post(consents).json(&consent("express", "2026-03-03T17:45:00Z", "sms")).await.expect(201);
    assert_eq!(added["liftedEntries"], 1, "the entry of the opt-out goes with it");
    assert_eq!(said(&app, &list, &ann).await, all("allow", ""));
    let audited = app.get("/audit-events?action=add&objectKind=consent").await.expect(200);
    assert_eq!(audited["items"][0]["after"]["liftedEntries"], 1, "{audited}");
    // and whoever opts out again is out again
    app.clock.advance(std::time::Duration::from_secs(60));
    app.post("/compliance/consents/revoke").json(&json!({ "device": phone, "channels": ["sms"] })).await.expect(200);
    assert_eq!(said(&app, &list, &ann).await, all("deny", "suppressed"));
}

#[tokio::test]
async fn a_consent_lifts_no_entry_that_is_no_opt_out_of_the_ledger() {
    use cxc_core::channel::Channel;
    use cxc_store::suppression::SuppressionEntry;
    let (app, list) = start_with_list().await;
    app.clock.set("2026-03-03T17:00:00Z");
    let phone = "+12125550123";
    let ann = json!({ "clientId": "C-1", "devices": [{ "number": phone }] });
    let ann = app.create(&format!("/lists/{list}/contacts"), &ann).await["id"].clone();
    let now = app.app.now();
    let mut tx = app.app.db.begin().await.unwrap();
    let stops = tx.suppression_opt_out_list(app.tenant(), Channel::Sms, app.app.ids.next(), now).await.unwrap();
    let bounced = SuppressionEntry {
        key_hash: app.app.hash_key.hash(app.tenant(), phone),
        key: phone.into(),
        from_at: None,
        until_at: None,
        reason: Some("no such number".into()),
        source: "bounce".into(),
        added_at: now,
    };
    tx.suppression_add(&stops, &[bounced], 0).await.unwrap();
    tx.commit().await.unwrap();
    app.clock.advance(std::time::Duration::from_secs(3_600));
    let consent = json!({ "device": phone, "kind": "express", "at": "2026-03-03T17:30:00Z", "source": "call" });
    let added = app.post("/compliance/consents").json(&consent).await.expect(201);
    assert_eq!(added["liftedEntries"], 0);
    assert!(said(&app, &list, &ann).await.iter().all(|(decision, _)| decision == "deny"));
}

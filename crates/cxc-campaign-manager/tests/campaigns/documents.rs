//! Profiles, templates and groups as documents.
use serde_json::json;

use crate::support::{Campaigns, people};

#[tokio::test]
async fn values_are_copied_downward_and_a_later_edit_above_does_not_reach_them() {
    let c = Campaigns::start().await;
    let group = c.group("one").await;
    let made = group.get().await;
    assert_eq!(made["settings"]["dialing"]["messagesPerMinute"], 600);
    assert_eq!(
        (&made["sourceVersion"], &made["type"], &made["state"]),
        (&json!(1), &json!("sms"), &json!("not_loaded"))
    );
    assert_eq!(made["nextActions"], json!(["load", "start"]));

    let template = format!("/campaign-templates/{}", c.template);
    let edit = json!({ "settings": { "dialing": { "messagesPerMinute": 120 } } });
    let tag = c.app.get(&template).await.etag();
    c.app.patch(&template).if_match(&tag).json(&edit).await.expect(200);
    let still = group.get().await;
    assert_eq!((&still["settings"]["dialing"]["messagesPerMinute"], &still["sourceVersion"]), (&json!(600), &json!(1)));

    let pulled = c.app.post(&format!("{}/actions/pull-changes", group.path)).await.expect(200);
    assert_eq!(pulled, json!({ "state": "not_loaded", "changed": true }));
    let now = group.get().await;
    assert_eq!((&now["settings"]["dialing"]["messagesPerMinute"], &now["sourceVersion"]), (&json!(120), &json!(2)));
    assert_eq!(now["version"], 2);
    let again = c.app.post(&format!("{}/actions/pull-changes", group.path)).await.expect(200);
    assert_eq!(again["changed"], false);
    group.put_state("running", None).await;
    assert_eq!(c.app.post(&format!("{}/actions/pull-changes", group.path)).await.expect_problem(409), "group_running");
}

#[tokio::test]
async fn the_version_that_was_copied_is_not_the_users_to_say() {
    let c = Campaigns::start().await;
    let body = json!({ "name": "x", "template": c.template, "sourceVersion": 99, "settings": {} });
    let made = c.app.create("/campaign-groups", &body).await;
    assert_eq!(made["sourceVersion"], 1);
}

#[tokio::test]
async fn a_running_group_takes_a_pace_and_an_order_of_devices_and_nothing_else() {
    let c = Campaigns::start().await;
    let next = json!([{ "triggers": [{ "callResult": 53 }], "action": "next_in_chain" }]);
    let group = c.group_with("one", json!({ "treatment": { "retryRules": next } })).await;
    group.put_state("running", None).await;
    let edit = async |body| {
        let tag = c.app.get(&group.path).await.etag();
        c.app.patch(&group.path).if_match(&tag).json(&body).await
    };
    let pace = edit(json!({ "settings": { "dialing": { "messagesPerMinute": 1200 } } })).await.expect(200);
    assert_eq!(pace["settings"]["dialing"]["messagesPerMinute"], 1200);
    let rules = json!([{ "triggers": [{ "callResult": 7 }], "action": "next_in_chain" }]);
    let order = json!({ "enabled": true, "devices": [{ "device": 2, "priority": 1 }, { "device": 1, "priority": 2 }] });
    assert_eq!(edit(json!({ "settings": { "content": null } })).await.expect_problem(409), "group_running");
    assert_eq!(
        edit(json!({ "settings": { "treatment": { "retryRules": rules } } })).await.expect_problem(409),
        "group_running"
    );
    edit(json!({ "settings": { "treatment": { "deviceEscalation": order } } })).await.expect(200);
    edit(json!({ "name": "another name" })).await.expect(200);
    assert_eq!(
        edit(json!({ "settings": { "dialing": { "messagesPerMinute": 0 } } })).await.expect_problem(422),
        "validation_failed"
    );
}

#[tokio::test]
async fn a_treatment_that_can_not_be_carried_out_is_refused_wherever_it_is_written() {
    let c = Campaigns::start().await;
    let rule = json!({ "triggers": [{ "callResult": 7 }], "action": "redial" });
    let bad = [
        (
            json!({ "deviceEscalation": { "enabled": true } }),
            "/deviceEscalation/enabled",
            "escalation_needs_next_in_chain",
        ),
        (json!({ "retryRules": [rule, rule] }), "/retryRules/1/triggers/0", "used_twice"),
        (json!({ "scriptUri": "https://example.com/s" }), "/scriptUri", "script_unavailable"),
        (
            json!({ "retryRules": [{ "triggers": [{ "callResult": 7 }], "action": "update_chain" }] }),
            "/retryRules/0/action",
            "not_available",
        ),
    ];
    let group = c.group("one").await;
    let documents = [
        ("/dialing-profiles", c.profile.clone(), json!({ "name": "new", "type": "sms" })),
        (
            "/campaign-templates",
            c.template.clone(),
            json!({ "name": "new", "dialingProfile": c.profile, "sessionProfile": c.session }),
        ),
        ("/campaign-groups", group.id.clone(), json!({ "name": "new", "template": c.template })),
    ];
    for (path, id, mut body) in documents {
        let tag = c.app.get(&format!("{path}/{id}")).await.etag();
        for (treatment, pointer, code) in &bad {
            let settings = json!({ "treatment": treatment });
            let errors = json!([{ "pointer": format!("/settings/treatment{pointer}"), "code": code }]);
            let said = |problem: serde_json::Value| {
                let errors = problem["errors"].as_array().unwrap().clone();
                json!(errors.iter().map(|e| json!({ "pointer": e["pointer"], "code": e["code"] })).collect::<Vec<_>>())
            };
            body["settings"] = settings.clone();
            assert_eq!(said(c.app.post(path).json(&body).await.expect(422)), errors, "{path}");
            let patch = json!({ "settings": settings });
            let patched = c.app.patch(&format!("{path}/{id}")).if_match(&tag).json(&patch).await;
            assert_eq!(said(patched.expect(422)), errors, "{path}");
        }
        body["settings"] = json!({ "treatment": { "retryRules": [rule] } });
        c.app.post(path).json(&body).await.expect(201);
    }
}

#[tokio::test]
async fn an_account_that_a_session_profile_changes_to_reaches_a_group_at_its_next_load_only() {
    let c = Campaigns::start().await;
    let group = c.group("one").await;
    let list = c.list(people("30", 1)).await;
    group.set_lists(&[&list]).await;
    let account = async || {
        let mut tx = c.app.app.db.read().await.unwrap();
        tx.group_by_number(group.number, false).await.unwrap().unwrap().account
    };
    let before = account().await;
    let other = crate::support::object(&c.app, "channel_account", "other", json!({ "kind": "smpp" })).await;
    let session = format!("/session-profiles/{}", c.session);
    let tag = c.app.get(&session).await.etag();
    c.app.patch(&session).if_match(&tag).json(&json!({ "gateway": other })).await.expect(200);
    group.put_state("running", None).await;
    let tag = c.app.get(&group.path).await.etag();
    c.app
        .patch(&group.path)
        .if_match(&tag)
        .json(&json!({ "settings": { "dialing": { "messagesPerMinute": 7 } } }))
        .await
        .expect(200);
    assert_eq!(account().await, before);
    group.put_state("not_loaded", None).await;
    group.load().await;
    assert_ne!(account().await, before);
}

#[tokio::test]
async fn lists_have_weights_and_stand_in_a_group_once() {
    let c = Campaigns::start().await;
    let group = c.group("one").await;
    let (a, b) = (c.list(people("30", 1)).await, c.list(people("31", 1)).await);
    let path = format!("{}/lists", group.path);
    let put = async |items| c.app.put(&path).json(&json!({ "items": items })).await;
    let answer = put(json!([{ "list": a.id, "weight": 30 }, { "list": b.id }])).await.expect(200);
    let expected = json!([{ "list": a.id, "weight": 30 }, { "list": b.id, "weight": 10 }]);
    assert_eq!(answer["items"], expected);
    assert_eq!(c.app.get(&path).await.expect(200)["items"], expected);
    let wrong = put(json!([{ "list": a.id, "weight": 101 }, { "list": a.id }])).await.expect(422);
    let pointers: Vec<_> = wrong["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, ["/items/0/weight", "/items/1/list"]);
    let unknown = put(json!([{ "list": c.app.app.ids.next() }])).await.expect(422);
    assert_eq!(unknown["errors"][0]["pointer"], "/items/0/list");
    let rule = put(json!([{ "list": a.id, "selectionRule": c.app.app.ids.next() }])).await.expect(422);
    assert_eq!(rule["errors"][0]["pointer"], "/items/0/selectionRule");
    assert_eq!(c.app.get(&path).await.expect(200)["items"], expected, "a refused change changes nothing");
    assert_eq!(c.audited("update_lists").await.len(), 1);
    assert_eq!(c.app.other.get(&path).await.expect_problem(404), "not_found");
    assert_eq!(c.app.other.put(&path).json(&json!({ "items": [] })).await.expect_problem(404), "not_found");
}

#[tokio::test]
async fn lists_are_changed_by_whoever_saw_them_last() {
    let c = Campaigns::start().await;
    let group = c.group("one").await;
    let list = c.list(people("30", 1)).await;
    let path = format!("{}/lists", group.path);
    let tag = c.app.get(&path).await.etag();
    assert!(tag.starts_with('"'), "{tag}");
    let body = json!({ "items": [{ "list": list.id }] });
    let first = c.app.put(&path).if_match(&tag).json(&body).await;
    first.expect(200);
    assert_ne!(first.etag(), tag);
    assert_eq!(
        c.app.put(&path).if_match(&tag).json(&json!({ "items": [] })).await.expect_problem(412),
        "etag_mismatch"
    );
    assert_eq!(c.app.get(&path).header("if-none-match", &first.etag()).await.status, 304);
}

#[tokio::test]
async fn what_is_in_use_stays_and_a_group_goes_only_at_rest() {
    let c = Campaigns::start().await;
    let group = c.group("one").await;
    for path in [
        format!("/dialing-profiles/{}", c.profile),
        format!("/session-profiles/{}", c.session),
        format!("/campaign-templates/{}", c.template),
    ] {
        let tag = c.app.get(&path).await.etag();
        assert_eq!(c.app.delete(&path).if_match(&tag).await.expect_problem(409), "in_use", "{path}");
    }
    let other = c.group_with("two", json!({ "excludeReachedBy": [group.id] })).await;
    let delete = async |path: &str| c.app.delete(path).if_match(&c.app.get(path).await.etag()).await;
    assert_eq!(delete(&group.path).await.expect_problem(409), "in_use");
    other.put_state("active", None).await;
    assert_eq!(delete(&other.path).await.expect_problem(409), "group_running");
    other.put_state("not_loaded", None).await;
    delete(&other.path).await.expect(204);
    c.app.get(&other.path).await.expect(404);
    delete(&group.path).await.expect(204);
    let deleted = c.audited("delete").await;
    assert_eq!((deleted.len(), &deleted[0]["before"]["name"]), (2, &json!("one")));
}

#[tokio::test]
async fn a_type_is_fixed_once_and_for_all() {
    let c = Campaigns::start().await;
    let path = format!("/dialing-profiles/{}", c.profile);
    let tag = c.app.get(&path).await.etag();
    let refused = c.app.patch(&path).if_match(&tag).json(&json!({ "type": "email" })).await.expect(422);
    assert_eq!(refused["errors"][0]["pointer"], "/type");
    let email = c.app.create("/dialing-profiles", &json!({ "name": "mail", "type": "email" })).await;
    let path = format!("/campaign-templates/{}", c.template);
    let tag = c.app.get(&path).await.etag();
    let refused = c.app.patch(&path).if_match(&tag).json(&json!({ "dialingProfile": email["id"] })).await.expect(422);
    assert_eq!(refused["errors"][0]["pointer"], "/dialingProfile");
    let body = json!({ "name": "mail", "dialingProfile": email["id"], "sessionProfile": c.session });
    let template = c.app.create("/campaign-templates", &body).await;
    let group = c.group("one").await;
    let tag = c.app.get(&group.path).await.etag();
    let refused =
        c.app.patch(&group.path).if_match(&tag).json(&json!({ "template": template["id"] })).await.expect(422);
    assert_eq!(refused["errors"][0]["pointer"], "/template");
}

#[tokio::test]
async fn an_edit_needs_the_version_that_it_changes() {
    let c = Campaigns::start().await;
    let group = c.group("one").await;
    let read = c.app.get(&group.path).await;
    let tag = read.etag();
    assert_eq!(c.app.get(&group.path).header("if-none-match", &tag).await.status, 304);
    assert_eq!(c.app.patch(&group.path).json(&json!({ "name": "two" })).await.expect_problem(428), "if_match_required");
    c.app.patch(&group.path).if_match(&tag).json(&json!({ "name": "two" })).await.expect(200);
    assert_eq!(
        c.app.patch(&group.path).if_match(&tag).json(&json!({ "name": "three" })).await.expect_problem(412),
        "etag_mismatch"
    );
    assert_eq!(c.app.create("/campaign-groups", &json!({ "name": "x", "template": c.template })).await["version"], 1);
    let taken = c.app.post("/campaign-groups").json(&json!({ "name": "X", "template": c.template })).await;
    assert_eq!(taken.expect_problem(409), "name_taken");
    // what a GET answered can be sent back
    let body = c.app.get(&group.path).await;
    c.app.put(&group.path).if_match(&body.etag()).json(&body.json()).await.expect(200);
}

#[tokio::test]
async fn a_page_of_groups_tells_where_each_stands() {
    let c = Campaigns::start().await;
    let (one, two) = (c.group("one").await, c.group("two").await);
    two.put_state("running", None).await;
    let page = c.app.get("/campaign-groups?sort=name").await.expect(200);
    let states: Vec<_> = page["items"].as_array().unwrap().iter().map(|g| (&g["name"], &g["state"])).collect();
    assert_eq!(states, [(&json!("one"), &json!("not_loaded")), (&json!("two"), &json!("running"))]);
    assert_eq!(c.app.other.get("/campaign-groups").await.expect(200)["items"], json!([]));
    c.app.other.get(&one.path).await.expect(404);
}

//! The table of states and actions, over HTTP.
use serde_json::json;

use crate::support::{Campaigns, object, people};

const ACTIONS: [&str; 7] = ["load", "start", "pause", "resume", "stop", "force-stop", "refresh"];

/// Functional specification, section 6: the state after each action, `=` for no change, or the refusal.
const TABLE: [(&str, [&str; 7]); 6] = [
    ("not_loaded", ["pre_loading", "pre_loading", "E1", "E1", "=", "=", "E1"]),
    ("pre_loading", ["pre_loading", "=", "pre_loading", "=", "not_loaded", "not_loaded", "E2"]),
    ("active", ["=", "running", "=", "running", "waiting_unload", "unload_in_progress", "active"]),
    ("running", ["=", "=", "active", "=", "waiting_unload", "unload_in_progress", "running"]),
    ("waiting_unload", ["E3", "E3", "E3", "E3", "=", "unload_in_progress", "E3"]),
    ("unload_in_progress", ["E3", "E3", "E3", "E3", "=", "=", "E3"]),
];

#[tokio::test]
async fn every_action_in_every_state_does_what_the_table_says() {
    let c = Campaigns::start().await;
    let group = c.group("one").await;
    let list = c.list(people("30", 2)).await;
    group.set_lists(&[&list]).await;
    for (state, row) in TABLE {
        for (action, expected) in ACTIONS.into_iter().zip(row) {
            group.put_state(state, (state == "pre_loading").then_some("running")).await;
            let answer = group.act(action).await;
            let case = format!("{action} in {state}: {}", answer.text());
            match expected {
                "E1" => assert_eq!(answer.expect_problem(409), "group_not_loaded", "{case}"),
                "E2" => assert_eq!(answer.expect_problem(409), "preload_in_progress", "{case}"),
                "E3" => assert_eq!(answer.expect_problem(409), "unload_in_progress", "{case}"),
                "=" => assert_eq!(answer.expect(200), json!({ "state": state, "changed": false }), "{case}"),
                after => {
                    let works = (state, after) == ("not_loaded", "pre_loading") || action == "refresh";
                    let body = answer.expect(if works { 202 } else { 200 });
                    assert_eq!((&body["state"], &body["changed"]), (&json!(after), &json!(true)), "{case}");
                    if works {
                        let job = body["job"].as_str().unwrap();
                        assert_eq!(answer.header("location"), Some(format!("/cx-contact/v3/jobs/{job}").as_str()));
                        c.app.get(&format!("/jobs/{job}")).await.expect(200);
                    }
                }
            }
            let is = group.state().await;
            assert_eq!(is, if expected.starts_with('E') || expected == "=" { state } else { expected }, "{case}");
        }
    }
    assert_eq!(c.audited("force_stop").await.len(), 4);
    let paused = &c.audited("pause").await[0];
    assert_eq!((&paused["before"]["state"], &paused["after"]["state"]), (&json!("running"), &json!("active")));
}

#[tokio::test]
async fn a_group_that_lacks_something_is_not_loaded() {
    let c = Campaigns::start().await;
    let list = c.list(people("30", 2)).await;
    let group = c.group("one").await;
    assert_eq!(group.act("load").await.expect_problem(422), "group_without_list");
    group.set_lists(&[&list]).await;

    let mute =
        c.app.create("/campaign-groups", &json!({ "name": "mute", "template": c.template, "settings": {} })).await;
    let mute = format!("/campaign-groups/{}", mute["id"].as_str().unwrap());
    let items = json!({ "items": [{ "list": list.id }] });
    c.app.put(&format!("{mute}/lists")).json(&items).await.expect(200);
    assert_eq!(c.app.post(&format!("{mute}/actions/start")).await.expect_problem(422), "content_missing");

    let mail = object(&c.app, "content", "mail", json!({ "channel": "email", "templates": [] })).await;
    let wrong = c.group_with("wrong", json!({ "content": mail })).await;
    wrong.set_lists(&[&list]).await;
    assert_eq!(wrong.act("load").await.expect_problem(422), "content_missing");

    let session = format!("/session-profiles/{}", c.session);
    let smtp = object(&c.app, "channel_account", "mail", json!({ "kind": "smtp" })).await;
    for gateway in [json!(null), json!(smtp)] {
        let tag = c.app.get(&session).await.etag();
        c.app.patch(&session).if_match(&tag).json(&json!({ "gateway": gateway })).await.expect(200);
        assert_eq!(group.act("load").await.expect_problem(422), "session_profile_invalid");
    }
    let tag = c.app.get(&session).await.etag();
    c.app.patch(&session).if_match(&tag).json(&json!({ "gateway": c.account })).await.expect(200);

    let mut tx = c.app.app.db.begin().await.unwrap();
    let lease = tx.lease_acquire(&list.lease_name(), "an import", 60_000_000).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    assert_eq!(group.act("load").await.expect_problem(422), "list_importing");
    let mut tx = c.app.app.db.begin().await.unwrap();
    tx.lease_release(&lease).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(group.state().await, "not_loaded");
    group.act("load").await.expect(202);
}

#[tokio::test]
async fn a_load_becomes_what_was_asked_for_last() {
    let c = Campaigns::start().await;
    let list = c.list(people("30", 2)).await;
    let group = c.group("one").await;
    group.set_lists(&[&list]).await;
    let job = group.act("start").await.expect(202)["job"].as_str().unwrap().parse().unwrap();
    assert_eq!(group.act("pause").await.expect(202)["changed"], true);
    assert_eq!(group.act("start").await.expect(202)["changed"], true);
    assert_eq!(group.act("start").await.expect(200)["changed"], false);
    assert_eq!(group.run_job(job).await.state, "succeeded");
    assert_eq!(group.state().await, "running");
    assert_eq!(group.get().await["job"], json!(null));
}

#[tokio::test]
async fn who_may_only_look_can_not_steer() {
    let c = Campaigns::start().await;
    let group = c.group("one").await;
    let reader = c.app.with_scopes(&[cxc_server::Scope::CampaignsRead]).await.unwrap();
    reader.get(&group.path).await.expect(200);
    for action in ACTIONS {
        let answer = reader.post(&format!("{}/actions/{action}", group.path)).await;
        assert_eq!(answer.expect_problem(403), "scope_missing");
        let answer = c.app.other.post(&format!("{}/actions/{action}", group.path)).await;
        assert_eq!(answer.expect_problem(404), "not_found");
    }
}

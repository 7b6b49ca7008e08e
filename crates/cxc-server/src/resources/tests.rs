//! Jobs, events and serving, over a real connection where a stream is read.
use std::time::Duration;

use axum::http::Method;
use cxc_store::job::NewJob;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::principal::SYSTEM_TENANT;
use crate::provision;
use crate::scope::BuiltInRole;
use crate::service;
use crate::testing::{Client, PASSWORD, TestApp};

async fn queue(test: &TestApp, tenant: i64) -> Uuid {
    queue_of(test, tenant, "list_import", "admin").await
}

async fn queue_of(test: &TestApp, tenant: i64, kind: &'static str, by: &str) -> Uuid {
    let id = test.app.ids.next();
    let job = NewJob {
        id,
        tenant,
        kind,
        subject: None,
        payload: json!({}),
        run_at: test.app.now(),
        created_by: by.into(),
        created_at: test.app.now(),
    };
    let mut tx = test.app.db.begin().await.unwrap();
    tx.job_insert(&job).await.unwrap();
    tx.commit().await.unwrap();
    id
}

#[tokio::test]
async fn a_queued_job_is_seen_listed_and_cancelled_once_by_its_own_tenant() {
    let test = TestApp::start().await;
    let admin = test.sign_in("acme\\admin").await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(queue(&test, test.tenant.no).await.to_string());
        test.clock.advance_seconds(1);
    }
    let foreign = queue(&test, SYSTEM_TENANT).await;
    let page = admin.get("/jobs?limit=2").await.expect(200);
    assert_eq!((&page["items"][0]["id"], &page["items"][1]["id"]), (&json!(ids[2]), &json!(ids[1])));
    let rest = admin.get(&format!("/jobs?limit=2&cursor={}", page["next"].as_str().unwrap())).await.expect(200);
    assert_eq!((&rest["items"][0]["id"], &rest["next"]), (&json!(ids[0]), &Value::Null));
    admin.get(&format!("/jobs/{foreign}")).await.expect_problem(404, "not_found");
    admin.post(&format!("/jobs/{foreign}/actions/cancel"), &Value::Null).await.expect_problem(404, "not_found");
    let path = format!("/jobs/{}/actions/cancel", ids[0]);
    assert_eq!(admin.post(&path, &Value::Null).await.expect(200)["state"], "cancelled");
    admin.post(&path, &Value::Null).await.expect_problem(409, "job_finished");
}

#[tokio::test]
async fn jobs_are_shown_to_who_may_read_what_they_work_on_and_to_who_asked() {
    let test = TestApp::start().await;
    let tenant = test.tenant.no;
    for (name, role) in [("ann", BuiltInRole::Agent), ("vera", BuiltInRole::Auditor)] {
        provision::user(&test.app, tenant, name, PASSWORD, &[role]).await.unwrap();
    }
    let mut all = Vec::new();
    for (kind, by) in [
        ("privacy_find", "admin"),
        ("list_import", "admin"),
        ("campaign_group_load", "admin"),
        ("privacy_erase", "ann"),
        ("number_list_load", "admin"),
        ("consent_import", "admin"),
        ("compliance_dry_run", "admin"),
        ("of_no_family", "admin"),
    ] {
        all.push((kind, queue_of(&test, tenant, kind, by).await));
        test.clock.advance_seconds(1);
    }
    let (admin, agent, auditor) =
        (test.sign_in("acme\\admin").await, test.sign_in("acme\\ann").await, test.sign_in("acme\\vera").await);
    let own: Vec<&str> = all.iter().map(|(kind, _)| *kind).collect();
    for (who, shown) in [
        (&admin, own.as_slice()),
        (&agent, &["campaign_group_load", "privacy_erase"]),
        (&auditor, &["list_import", "campaign_group_load", "number_list_load", "consent_import", "compliance_dry_run"]),
    ] {
        // page by page: what is not shown makes no page shorter
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = who.get(&format!("/jobs?limit=1{cursor}")).await.expect(200);
            let items = page["items"].as_array().unwrap();
            seen.extend(items.iter().map(|job| job["kind"].as_str().unwrap().to_owned()));
            let Some(next) = page["next"].as_str() else { break };
            assert_eq!(items.len(), 1);
            cursor = format!("&cursor={next}");
        }
        seen.reverse();
        assert_eq!(seen, shown);
        for (kind, id) in &all {
            let answer = who.get(&format!("/jobs/{id}")).await;
            let status = if shown.contains(kind) { 200 } else { 404 };
            assert_eq!(answer.status.as_u16(), status, "{kind}");
        }
    }
    let path = |kind: &str| {
        let (_, id) = all.iter().find(|(of, _)| *of == kind).unwrap();
        format!("/jobs/{id}/actions/cancel")
    };
    agent.post(&path("privacy_find"), &Value::Null).await.expect_problem(404, "not_found");
    agent.post(&path("campaign_group_load"), &Value::Null).await.expect_problem(403, "scope_missing");
    agent.post(&path("privacy_erase"), &Value::Null).await.expect(200);
    let events = lines(&test, &agent, "/events?topics=jobs", Some("0"), "campaign_group_load").await;
    assert!(!events.contains("privacy_find") && !events.contains("list_import"), "{events}");
    admin.get("/jobs?limit=0").await.expect_problem(400, "bad_filter");
    admin.get("/audit-events?limit=501").await.expect_problem(400, "bad_filter");
}

#[tokio::test]
async fn an_agent_group_is_of_users_of_its_own_tenant_who_stay_as_long_as_they_are_members() {
    let test = TestApp::start().await;
    TestApp::add_tenant(&test.app, "other").await;
    let (admin, stranger) = (test.sign_in("acme\\admin").await, test.sign_in("other\\admin").await);
    let post = async |path: &str, body: Value| admin.send(Method::POST, path, Some(&body), &[]).await;
    let user = post("/users", json!({"name": "ann", "phone": "sip:ann@10.0.0.7"})).await.expect(201)["id"].clone();
    let bad = post("/users", json!({"name": "bob", "phone": "ann"})).await;
    assert_eq!((bad.status.as_u16(), &bad.body["errors"][0]["pointer"]), (422, &json!("/phone")));
    let members = json!({"name": "Sales", "members": [user]});
    let group = post("/agent-groups", members.clone()).await.expect(201)["id"].clone();
    let path = format!("/agent-groups/{}", group.as_str().unwrap());
    assert_eq!(stranger.get(&path).await.status, 404);
    let theirs = stranger.send(Method::POST, "/agent-groups", Some(&members), &[]).await;
    assert_eq!(theirs.status, 422, "{}", theirs.body);
    let twice = post("/agent-groups", json!({"name": "Twice", "members": [user, user]})).await;
    assert_eq!(twice.body["errors"][0]["pointer"], "/members/1");
    let path = format!("/users/{}", user.as_str().unwrap());
    let etag = admin.get(&path).await.etag();
    let gone = admin.send(Method::DELETE, &path, None, &[("if-match", &etag)]).await;
    assert_eq!(gone.status, 409, "{}", gone.body);
}

#[tokio::test]
async fn a_code_is_used_by_one_disposition_of_a_tenant() {
    let test = TestApp::start().await;
    let admin = test.sign_in("acme\\admin").await;
    let post = async |path: &str, body: Value| admin.send(Method::POST, path, Some(&body), &[]).await;
    post("/disposition-codes", json!({"name": "Sold", "code": "SALE", "doNotCall": false})).await.expect(201);
    for (name, code) in [("Sold again", "SALE"), ("Spaces", "A B"), ("Empty", "")] {
        let refused = post("/disposition-codes", json!({"name": name, "code": code})).await;
        assert_eq!((refused.status.as_u16(), &refused.body["errors"][0]["pointer"]), (422, &json!("/code")), "{name}");
    }
    post("/not-ready-reasons", json!({"name": "Lunch"})).await.expect(201);
    assert_eq!(post("/not-ready-reasons", json!({"name": "lunch"})).await.status, 409);
}

#[tokio::test]
async fn a_number_is_displayed_with_a_proof_only_and_a_blocked_one_is_cleared_by_hand() {
    let test = TestApp::start().await;
    TestApp::add_tenant(&test.app, "other").await;
    let (admin, stranger) = (test.sign_in("acme\\admin").await, test.sign_in("other\\admin").await);
    let id = |name: &str, number: &str, proof: &str| json!({"name": name, "number": number, "proof": proof, "provenOn": "2026-02-02"});
    let post = async |path: &str, body: Value| admin.send(Method::POST, path, Some(&body), &[]).await;
    let made = post("/caller-ids", id("Acme", "+12125550100", "letter of the carrier")).await.expect(201);
    assert_eq!((&made["enabled"], &made["blockedSince"]), (&json!(true), &Value::Null));
    for (number, proof, pointer) in
        [("212", "letter", "/number"), ("+12125550101", " ", "/proof"), ("+12125550100", "letter", "/number")]
    {
        let refused = post("/caller-ids", id("Again", number, proof)).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.body["errors"][0]["pointer"]),
            (422, &json!(pointer)),
            "{number}"
        );
    }
    let mut unproven = id("Again", "+12125550101", "letter");
    unproven.as_object_mut().unwrap().remove("provenOn");
    assert_eq!(post("/caller-ids", unproven).await.status, 422);
    for (day, status) in [("2026-03-04", 422), ("2027-01-01", 422), ("2026-03-02", 201)] {
        let mut proven = id(day, "+12125550109", "letter");
        proven["provenOn"] = json!(day);
        assert_eq!(post("/caller-ids", proven).await.status, status, "proven on {day}, said on 2026-03-02");
    }
    let mut speaks = id("Again", "+12125550101", "letter");
    speaks["inbound"] = json!({"start": "a", "steps": {"a": {"type": "transfer"}}});
    assert_eq!(post("/caller-ids", speaks).await.body["errors"][0]["pointer"], "/inbound/steps/a");
    let path = format!("/caller-ids/{}", made["id"].as_str().unwrap());
    let etag = admin.get(&path).await.etag();
    let moved = json!({"number": "+12125550102"});
    let moved = admin.send(Method::PATCH, &path, Some(&moved), &[("if-match", &etag)]).await;
    assert_eq!(moved.body["errors"][0]["pointer"], "/number");

    let tenants = test.app.db.read().await.unwrap().tenant_all().await.unwrap();
    let tenant = tenants.iter().find(|tenant| tenant.domain == "acme").unwrap().no;
    let block = cxc_store::caller_id::CallerIdBlock {
        number: "+12125550100".into(),
        blocked_at: test.app.now(),
        blocked: 6,
        calls: 40,
    };
    let mut tx = test.app.db.begin().await.unwrap();
    tx.caller_id_block(tenant, &block).await.unwrap();
    tx.commit().await.unwrap();
    let shown = admin.get(&path).await.expect(200);
    assert_eq!((&shown["blockedCalls"], &shown["lastCalls"]), (&json!(6), &json!(40)));
    assert!(shown["blockedUntil"].is_string());
    let unblock = format!("{path}/actions/unblock");
    assert_eq!(stranger.send(Method::POST, &unblock, None, &[]).await.status, 404);
    admin.send(Method::POST, &unblock, None, &[]).await.expect(204);
    assert_eq!(admin.get(&path).await.expect(200)["blockedSince"], Value::Null);
}

/// The stream of an address over a real connection, from a server that is told to stop at the end.
async fn lines(test: &TestApp, client: &Client<'_>, path: &str, last: Option<&str>, until: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let server = tokio::spawn(service::serve_within(listener, test.router.clone(), stop.clone(), Duration::ZERO));
    let mut request =
        reqwest_client().get(format!("http://{address}{}{path}", crate::BASE)).headers(client.headers.clone());
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut text = String::new();
    let mut chunks = response.bytes_stream();
    while !text.contains(until) {
        let chunk = tokio::time::timeout(Duration::from_secs(10), chunks.next()).await.expect(&text);
        let Some(chunk) = chunk else { break };
        text.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
    }
    drop(chunks);
    stop.cancel();
    server.await.unwrap().unwrap();
    text
}

fn reqwest_client() -> reqwest::Client {
    // without a TLS provider reqwest can't be built, though these connections are plain
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

#[tokio::test]
async fn a_job_is_followed_to_its_end() {
    let test = TestApp::start().await;
    let admin = test.sign_in("acme\\admin").await;
    let id = queue(&test, test.tenant.no).await;
    let cancel = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        admin.send(Method::POST, &format!("/jobs/{id}/actions/cancel"), None, &[]).await.expect(200);
    };
    let path = format!("/jobs/{id}/events");
    let (text, ()) = tokio::join!(lines(&test, &admin, &path, None, "\"cancelled\""), cancel);
    assert_eq!(text.matches("event: job\n").count(), 2, "{text}");
    assert!(text.contains("\"state\":\"queued\"") && text.contains("\"state\":\"cancelled\""), "{text}");
}

#[tokio::test]
async fn events_are_told_in_order_resumed_and_reset_when_too_old() {
    let test = TestApp::start().await;
    let admin = test.sign_in("acme\\admin").await;
    let stop = CancellationToken::new();
    let dispatcher = tokio::spawn(super::dispatch_events(test.app.clone(), stop.clone()));
    let emit = async |tenant: i64, subject: &str| {
        let mut tx = test.app.db.begin().await.unwrap();
        tx.event_insert(tenant, "lists", "changed", subject, &json!({"n": 1}), test.app.now()).await.unwrap();
        tx.commit().await.unwrap();
    };
    emit(test.tenant.no, "before").await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    let later = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        emit(SYSTEM_TENANT, "foreign").await;
        emit(test.tenant.no, "one").await;
        emit(test.tenant.no, "two").await;
    };
    let (text, ()) = tokio::join!(lines(&test, &admin, "/events?topics=lists", None, "\"two\""), later);
    assert!(!text.contains("before") && !text.contains("foreign"), "{text}");
    let (one, two) = (text.find("\"one\"").unwrap(), text.find("\"two\"").unwrap());
    assert!(one < two && text.contains("event: lists\n"), "{text}");

    let resumed = lines(&test, &admin, "/events", Some("1"), "\"two\"").await;
    assert!(resumed.contains("\"one\"") && !resumed.contains("before"), "{resumed}");
    let ahead = lines(&test, &admin, "/events", Some("999"), "event: reset").await;
    assert!(ahead.contains("event: reset"), "{ahead}");
    test.clock.advance_seconds(11 * 60);
    let old = lines(&test, &admin, "/events", Some("1"), "event: reset").await;
    assert!(!old.contains("\"one\""), "{old}");
    admin.get("/events?topics=weather").await.expect_problem(400, "bad_filter");
    stop.cancel();
    dispatcher.await.unwrap().unwrap();
}

#[tokio::test]
async fn the_steps_of_a_job_are_events_of_the_topic_jobs() {
    let test = TestApp::start().await;
    let admin = test.sign_in("acme\\admin").await;
    let foreign = queue(&test, SYSTEM_TENANT).await;
    let work = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let id = queue(&test, test.tenant.no).await;
        tokio::time::sleep(Duration::from_millis(700)).await;
        let mut tx = test.app.db.begin().await.unwrap();
        let job = tx.job_claim_one(id, test.app.now(), 20_000_000).await.unwrap().unwrap();
        tx.job_progress(&job, 3, 10, test.app.now(), 20_000_000).await.unwrap();
        tx.commit().await.unwrap();
        tokio::time::sleep(Duration::from_millis(700)).await;
        admin.send(Method::POST, &format!("/jobs/{id}/actions/cancel"), None, &[]).await.expect(200);
        id
    };
    let (text, id) = tokio::join!(lines(&test, &admin, "/events?topics=jobs", None, "\"cancelRequested\":true"), work);
    assert_eq!(text.matches("event: jobs\n").count(), 3, "{text}");
    let step = text.find("\"progress\":{\"done\":3,\"total\":10}").unwrap();
    assert!(text.find("\"kind\":\"queued\"").unwrap() < step && text.contains(&id.to_string()), "{text}");
    assert!(!text.contains(&foreign.to_string()), "{text}");
    let again = lines(&test, &admin, "/events?topics=jobs", Some("0"), "\"done\":3").await;
    assert!(again.contains(&id.to_string()), "{again}");
}

const ANY: &[(&str, &str)] = &[("if-match", "*")];

/// The path of the only thing of a name.
async fn path_of(client: &Client<'_>, collection: &str, name: &str) -> String {
    let found = client.get(&format!("{collection}?name={name}")).await.expect(200);
    format!("{collection}/{}", found["items"][0]["id"].as_str().unwrap())
}

#[tokio::test]
async fn the_last_administrator_stays_one() {
    let test = TestApp::start().await;
    let admin = test.sign_in("acme\\admin").await;
    let own = path_of(&admin, "/users", "admin").await;
    let (none, off) = (json!({"roles": []}), json!({"enabled": false}));
    for change in [&none, &off] {
        admin.send(Method::PATCH, &own, Some(change), ANY).await.expect_problem(409, "last_administrator");
    }
    // another one who may not sign in, or may do something else, changes nothing
    provision::user(&test.app, test.tenant.no, "ben", PASSWORD, &[BuiltInRole::Administrator]).await.unwrap();
    provision::user(&test.app, test.tenant.no, "eve", PASSWORD, &[BuiltInRole::Analyst]).await.unwrap();
    let ben = path_of(&admin, "/users", "ben").await;
    admin.send(Method::PATCH, &ben, Some(&off), ANY).await.expect(200);
    admin.send(Method::PATCH, &own, Some(&none), ANY).await.expect_problem(409, "last_administrator");
    assert_eq!(admin.get("/users").await.expect(200)["items"].as_array().unwrap().len(), 3, "nothing has changed");

    admin.send(Method::PATCH, &ben, Some(&json!({"enabled": true})), ANY).await.expect(200);
    let second = test.sign_in("acme\\ben").await;
    admin.send(Method::PATCH, &own, Some(&none), ANY).await.expect(200);
    let client = json!({"name": "rest", "scopes": ["users:read", "users:write"]});
    second.post("/api-clients", &client).await.expect(201);
    second.send(Method::PATCH, &ben, Some(&off), ANY).await.expect_problem(409, "last_administrator");
}

#[tokio::test]
async fn who_only_manages_users_is_no_administrator() {
    let test = TestApp::start().await;
    let admin = test.sign_in("acme\\admin").await;
    let role = json!({"name": "Helpdesk", "permissions": ["users:read", "users:write"]});
    let role = admin.post("/roles", &role).await.expect(201);
    let user = json!({"name": "helpdesk", "roles": [role["id"]], "password": PASSWORD});
    admin.post("/users", &user).await.expect(201);
    let own = path_of(&admin, "/users", "admin").await;
    for change in [json!({"roles": []}), json!({"roles": [role["id"]]}), json!({"enabled": false})] {
        admin.send(Method::PATCH, &own, Some(&change), ANY).await.expect_problem(409, "last_administrator");
    }
    // two roles may make an administrator together: neither loses a right then
    let all: Vec<&str> = crate::scope::Scopes::of_administrator().iter().map(crate::Scope::as_str).collect();
    let (left, right) = all.split_at(all.len() / 2);
    let mut halves = Vec::new();
    for (name, half) in [("Left", left), ("Right", right)] {
        let half = admin.post("/roles", &json!({"name": name, "permissions": half})).await.expect(201);
        halves.push(half["id"].as_str().unwrap().to_owned());
    }
    let both = json!({"name": "both", "roles": halves, "password": PASSWORD});
    admin.post("/users", &both).await.expect(201);
    let client = test.sign_in("acme\\both").await;
    client.send(Method::PATCH, &own, Some(&json!({"enabled": false})), ANY).await.expect(200);
    let less = json!({"permissions": [right[0]]});
    let half = format!("/roles/{}", halves[1]);
    client.send(Method::PATCH, &half, Some(&less), ANY).await.expect_problem(409, "last_administrator");
}

#[tokio::test]
async fn the_last_administrator_is_not_deleted_nor_is_the_right_taken_from_the_role() {
    let test = TestApp::start().await;
    let admin = test.sign_in("acme\\admin").await;
    let all: Vec<&str> = crate::scope::Scopes::of_administrator().iter().map(crate::Scope::as_str).collect();
    let role = admin.post("/roles", &json!({"name": "Boss", "permissions": all})).await.expect(201);
    let boss = json!({"name": "boss", "roles": [role["id"]], "password": PASSWORD});
    let boss = admin.post("/users", &boss).await.expect(201)["id"].as_str().unwrap().to_owned();
    let client = test.sign_in("acme\\boss").await;
    let own = path_of(&admin, "/users", "admin").await;
    // the role still has a holder who is enabled, so the first may go
    client.send(Method::DELETE, &own, None, ANY).await.expect(204);
    let role = format!("/roles/{}", role["id"].as_str().unwrap());
    let less = json!({"permissions": ["users:read"]});
    client.send(Method::PATCH, &role, Some(&less), ANY).await.expect_problem(409, "last_administrator");
    client.send(Method::DELETE, &role, None, ANY).await.expect_problem(409, "in_use");
    // whoever is not signed in as this user may not delete it either
    let mut tx = test.app.db.begin().await.unwrap();
    let tenant = test.tenant.no;
    let stored =
        crate::document::get::<super::users::User>(&mut tx, tenant, boss.parse().unwrap()).await.unwrap().unwrap();
    let system = crate::Principal::system(tenant);
    let refused = crate::document::delete_in(&test.app, &mut tx, &system, &stored).await.unwrap_err();
    assert_eq!(refused.code(), crate::Code::LastAdministrator);
}

#[tokio::test]
async fn two_administrators_can_not_take_the_right_from_each_other_at_once() {
    let test = TestApp::start().await;
    provision::user(&test.app, test.tenant.no, "ben", PASSWORD, &[BuiltInRole::Administrator]).await.unwrap();
    let (ann, ben) = (test.sign_in("acme\\admin").await, test.sign_in("acme\\ben").await);
    let (of_ann, of_ben) = (path_of(&ann, "/users", "admin").await, path_of(&ann, "/users", "ben").await);
    let none = json!({"roles": []});
    let (one, two) = tokio::join!(
        ann.send(Method::PATCH, &of_ben, Some(&none), ANY),
        ben.send(Method::PATCH, &of_ann, Some(&none), ANY)
    );
    let done = [one.status.as_u16(), two.status.as_u16()];
    assert!(done.iter().filter(|status| **status == 200).count() == 1, "{done:?}");
}

#[tokio::test]
async fn a_single_thing_takes_no_query_parameters() {
    let test = TestApp::start().await;
    let admin = test.sign_in("acme\\admin").await;
    let own = path_of(&admin, "/users", "admin").await;
    let job = queue(&test, test.tenant.no).await;
    for path in [format!("{own}?fields=id"), format!("{own}?colour=red"), format!("/jobs/{job}?fields=id")] {
        let problem = admin.get(&path).await.expect_problem(400, "bad_filter");
        assert!(problem["detail"].as_str().unwrap().contains("takes no query parameters"), "{problem}");
    }
    let patch = json!({"fullName": "Ann"});
    admin.send(Method::PATCH, &format!("{own}?force=1"), Some(&patch), ANY).await.expect_problem(400, "bad_filter");
    admin.send(Method::PATCH, &own, Some(&patch), ANY).await.expect(200);
}

#[tokio::test]
async fn what_is_wrong_with_the_whole_body_is_told_without_a_pointer() {
    let test = TestApp::start().await;
    let admin = test.sign_in("acme\\admin").await;
    let problem = admin.post("/roles", &json!(["a"])).await.expect_problem(422, "validation_failed");
    assert_eq!(problem["detail"], "a role is a JSON object");
    assert_eq!(problem["errors"][0]["pointer"], "");
}

#[tokio::test]
async fn answers_are_not_kept_by_caches() {
    let test = TestApp::start().await;
    let login = json!({"username": "acme\\admin", "password": PASSWORD});
    let signed_in = test.stranger().post("/auth/login", &login).await;
    let admin = test.sign_in("acme\\admin").await;
    for answer in [signed_in, admin.get("/auth/session").await, admin.get("/users").await, admin.get("/no").await] {
        assert_eq!(answer.headers["cache-control"], "no-store", "{}", answer.body);
    }
}

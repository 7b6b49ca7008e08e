//! Sign-in through a real router on a real database.
use axum::http::Method;
use serde_json::{Value, json};

use crate::scope::BuiltInRole;
use crate::testing::{Client, PASSWORD, TestApp};

async fn login(client: &Client<'_>, username: &str, password: &str) -> crate::testing::Answer {
    client.post("/auth/login", &json!({"username": username, "password": password})).await
}

#[tokio::test]
async fn a_session_is_a_cookie_and_a_csrf_token() {
    let test = TestApp::start().await;
    let answer = login(&test.stranger(), "acme\\admin", PASSWORD).await;
    let cookie = answer.headers["set-cookie"].to_str().unwrap().to_owned();
    assert!(
        cookie.starts_with("cxc_session=") && cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"),
        "{cookie}"
    );
    assert!(!cookie.contains("Secure"), "over plain HTTP the browser would not send it back");
    let admin = test.sign_in("ACME\\Admin").await;
    let me = admin.get("/me").await.expect(200);
    assert_eq!((&me["name"], &me["tenant"]["shortName"]), (&json!("admin"), &json!("acme")));

    let mut without = admin.clone();
    without.headers.remove("x-csrf-token");
    let session = without.get("/auth/session").await.expect(200);
    assert_eq!(session["csrfToken"], admin.headers["x-csrf-token"].to_str().unwrap());
    without.post("/auth/logout", &Value::Null).await.expect_problem(403, "csrf_failed");
    admin.post("/auth/logout", &Value::Null).await.expect(204);
    admin.get("/me").await.expect_problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_cookie_is_secure_where_the_outside_is_https() {
    let test = TestApp::with(utoipa_axum::router::OpenApiRouter::new(), |c| {
        c.public_base_url = "https://cxc.example.com".into();
    })
    .await;
    let answer = login(&test.stranger(), "acme\\admin", PASSWORD).await;
    assert!(answer.headers["set-cookie"].to_str().unwrap().contains("Secure"));
}

#[tokio::test]
async fn a_session_ends_when_idle_and_at_the_latest_after_half_a_day() {
    let test = TestApp::start().await;
    let admin = test.sign_in("acme\\admin").await;
    test.clock.advance_seconds(29 * 60);
    admin.get("/me").await.expect(200);
    test.clock.advance_seconds(29 * 60);
    admin.get("/me").await.expect(200);
    test.clock.advance_seconds(30 * 60);
    admin.get("/me").await.expect_problem(401, "token_expired");

    let admin = test.sign_in("acme\\admin").await;
    for _ in 0..26 {
        test.clock.advance_seconds(27 * 60);
        admin.get("/me").await.expect(200);
    }
    test.clock.advance_seconds(20 * 60);
    admin.get("/me").await.expect_problem(401, "token_expired");
}

#[tokio::test]
async fn five_bad_passwords_lock_a_user_for_a_quarter_of_an_hour_whether_there_is_one_or_not() {
    let test = TestApp::start().await;
    let stranger = test.stranger();
    for name in ["acme\\admin", "acme\\nobody", "nowhere\\admin"] {
        for _ in 0..5 {
            login(&stranger, name, "wrong password").await.expect_problem(401, "unauthenticated");
        }
        let locked = login(&stranger, name, PASSWORD).await;
        assert_eq!(locked.headers["retry-after"], "901");
        locked.expect_problem(429, "rate_limited");
    }
    test.clock.advance_seconds(15 * 60);
    login(&stranger, "acme\\admin", PASSWORD).await.expect(200);
    for _ in 0..4 {
        login(&stranger, "acme\\admin", "wrong password").await.expect_problem(401, "unauthenticated");
    }
    login(&stranger, "acme\\admin", PASSWORD).await.expect(200);
    login(&stranger, "acme\\admin", "wrong password").await.expect_problem(401, "unauthenticated");
}

#[tokio::test]
async fn guesses_side_by_side_are_all_counted() {
    let test = TestApp::start().await;
    let stranger = test.stranger();
    let tries = (0..12).map(|_| login(&stranger, "acme\\admin", "wrong password"));
    let answers = futures_util::future::join_all(tries).await;
    assert_eq!(answers.iter().filter(|a| a.status == 401).count(), 5);
    assert_eq!(answers.iter().filter(|a| a.status == 429).count(), 7);
}

#[tokio::test]
async fn many_bad_passwords_lock_an_address() {
    let test = TestApp::with(utoipa_axum::router::OpenApiRouter::new(), |c| {
        c.login_failures_per_address = 3;
        c.trust_forwarded = true;
    })
    .await;
    let stranger = test.stranger();
    let from = async |address: &str, name: &str| {
        let body = json!({"username": name, "password": "wrong password"});
        stranger.send(Method::POST, "/auth/login", Some(&body), &[("x-forwarded-for", address)]).await.status.as_u16()
    };
    for n in 0..3 {
        assert_eq!(from("192.0.2.1", &format!("acme\\u{n}")).await, 401);
    }
    assert_eq!(from("192.0.2.1", "acme\\u9").await, 429);
    assert_eq!(from("192.0.2.2", "acme\\u9").await, 401);
}

#[tokio::test]
async fn a_program_gets_a_token_with_its_secret_that_is_shown_once() {
    let test = TestApp::start().await;
    let admin = test.sign_in("acme\\admin").await;
    let new = json!({"name": "nightly", "scopes": ["lists:read", "lists:write"]});
    let key = [("idempotency-key", "make-nightly")];
    let first = admin.send(Method::POST, "/api-clients", Some(&new), &key).await.expect(201);
    let (id, secret) = (first["id"].as_str().unwrap(), first["clientSecret"].as_str().unwrap());
    let again = admin.send(Method::POST, "/api-clients", Some(&new), &key).await;
    assert_eq!(again.headers["idempotent-replayed"], "true");
    let again = again.expect(201);
    assert_eq!((&again["id"], again.get("clientSecret")), (&first["id"], None), "a replay does not show it again");
    assert_eq!(admin.get(&format!("/api-clients/{id}")).await.expect(200).get("clientSecret"), None);

    let form = [("content-type", "application/x-www-form-urlencoded")];
    let token = async |body: String| test.stranger().raw(Method::POST, "/auth/token", body, &form).await;
    let body = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}&scope=lists:read");
    let granted = token(body.clone()).await.expect(200);
    assert_eq!(
        (&granted["token_type"], &granted["expires_in"], &granted["scope"]),
        (&json!("Bearer"), &json!(3600), &json!("lists:read"))
    );
    token(body.replace("lists:read", "users:write")).await.expect_problem(422, "validation_failed");
    token(body.replace(secret, "guess")).await.expect_problem(401, "unauthenticated");
    token("grant_type=password".into()).await.expect_problem(422, "validation_failed");
    test.stranger().post("/auth/token", &json!({})).await.expect_problem(415, "unsupported_media_type");

    let mut program = test.stranger();
    let bearer = format!("Bearer {}", granted["access_token"].as_str().unwrap());
    program.headers.insert("authorization", bearer.parse().unwrap());
    let me = program.get("/me").await.expect(200);
    assert_eq!((&me["kind"], &me["scopes"]), (&json!("api_client"), &json!(["lists:read"])));
    program.get("/users").await.expect_problem(403, "scope_missing");
    test.clock.advance_seconds(3600);
    program.get("/me").await.expect_problem(401, "token_expired");
}

#[tokio::test]
async fn basic_credentials_work_and_a_new_secret_ends_old_tokens() {
    use base64::Engine as _;
    let test = TestApp::start().await;
    let admin = test.sign_in("acme\\admin").await;
    let made = admin.post("/api-clients", &json!({"name": "p", "scopes": ["audit:read"]})).await.expect(201);
    let id = made["id"].as_str().unwrap();
    let token = async |secret: &str| {
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}"));
        let basic = format!("Basic {basic}");
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("authorization", basic.as_str())];
        test.stranger().raw(Method::POST, "/auth/token", "grant_type=client_credentials", &headers).await
    };
    let old = made["clientSecret"].as_str().unwrap();
    let granted = token(old).await.expect(200);
    let mut program = test.stranger();
    program
        .headers
        .insert("authorization", format!("Bearer {}", granted["access_token"].as_str().unwrap()).parse().unwrap());
    program.get("/audit-events").await.expect(200);
    let rotated = admin.post(&format!("/api-clients/{id}/actions/rotate-secret"), &Value::Null).await.expect(200);
    program.get("/audit-events").await.expect_problem(401, "unauthenticated");
    token(old).await.expect_problem(401, "unauthenticated");
    token(rotated["clientSecret"].as_str().unwrap()).await.expect(200);
}

#[tokio::test]
async fn nobody_gives_away_more_than_they_may_do() {
    let test = TestApp::start().await;
    let admin = test.sign_in("acme\\admin").await;
    let role = json!({"name": "Clerk", "permissions": ["users:read", "users:write"]});
    let clerk_role = admin.post("/roles", &role).await.expect(201)["id"].clone();
    let clerk = json!({"name": "clerk", "roles": [clerk_role], "password": PASSWORD});
    let made = admin.post("/users", &clerk).await.expect(201);
    assert_eq!(made.get("password"), None);
    let clerk = test.sign_in("acme\\clerk").await;
    let roles = clerk.get("/roles?name=administrator").await.expect(200);
    let administrator = &roles["items"][0]["id"];
    clerk.post("/users", &json!({"name": "evil", "roles": [administrator]})).await.expect_problem(403, "forbidden");
    clerk
        .post("/roles", &json!({"name": "Evil", "permissions": ["lists:read"]}))
        .await
        .expect_problem(403, "forbidden");
    clerk
        .post("/api-clients", &json!({"name": "evil", "scopes": ["lists:read"]}))
        .await
        .expect_problem(403, "forbidden");
    let users = clerk.get("/users?name=admin").await.expect(200);
    let boss = format!("/users/{}", users["items"][0]["id"].as_str().unwrap());
    let seize = json!({"password": "now it is mine"});
    clerk.send(Method::PATCH, &boss, Some(&seize), &[("if-match", "*")]).await.expect_problem(403, "forbidden");
    clerk.send(Method::DELETE, &boss, None, &[("if-match", "*")]).await.expect_problem(403, "forbidden");
    let edit = format!("/roles/{}", administrator.as_str().unwrap());
    let patch = json!({"permissions": []});
    admin.send(Method::PATCH, &edit, Some(&patch), &[("if-match", "*")]).await.expect_problem(422, "required_item");
}

#[tokio::test]
async fn tenants_are_for_operators_only() {
    let test = TestApp::start().await;
    let admin = test.sign_in("acme\\admin").await;
    admin.get("/tenants").await.expect_problem(403, "scope_missing");
    admin
        .post("/roles", &json!({"name": "Op", "permissions": ["tenants:admin"]}))
        .await
        .expect_problem(403, "forbidden");
    crate::provision::user(&test.app, 1, "op", PASSWORD, &[BuiltInRole::Operator]).await.unwrap();
    let operator = test.sign_in("system\\op").await;
    let new = json!({"shortName": "globex", "customerName": "Globex", "domain": "Globex", "ccid": "g-1"});
    let made = operator.post("/tenants", &new).await;
    let etag = made.etag();
    let made = made.expect(201);
    operator.post("/tenants", &new).await.expect_problem(409, "name_taken");
    let path = format!("/tenants/{}", made["id"].as_str().unwrap());
    operator.post(&format!("{path}/actions/provision"), &Value::Null).await.expect(200);
    assert_eq!(operator.get("/tenants?limit=2").await.expect(200)["items"].as_array().unwrap().len(), 2);

    let no = test.app.db.read().await.unwrap().tenant_by_domain("globex").await.unwrap().unwrap().no;
    crate::provision::user(&test.app, no, "admin", PASSWORD, &[BuiltInRole::Administrator]).await.unwrap();
    let theirs = test.sign_in("globex\\admin").await;
    operator.send(Method::PATCH, &path, Some(&json!({"enabled": false})), &[("if-match", &etag)]).await.expect(200);
    theirs.get("/me").await.expect_problem(401, "unauthenticated");
    login(&test.stranger(), "globex\\admin", PASSWORD).await.expect_problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions() {
    let test = TestApp::start().await;
    let (here, there) = (test.sign_in("acme\\admin").await, test.sign_in("acme\\admin").await);
    let wrong = json!({"password": "another password", "currentPassword": "not this one"});
    here.send(Method::PATCH, "/me", Some(&wrong), &[]).await.expect_problem(422, "validation_failed");
    let right = json!({"password": "another password", "currentPassword": PASSWORD, "locale": "de"});
    assert_eq!(here.send(Method::PATCH, "/me", Some(&right), &[]).await.expect(200)["locale"], "de");
    here.get("/me").await.expect(200);
    there.get("/me").await.expect_problem(401, "unauthenticated");
    login(&test.stranger(), "acme\\admin", "another password").await.expect(200);
}

#[tokio::test]
async fn sign_ins_and_refusals_are_in_the_audit_log() {
    let test = TestApp::start().await;
    let stranger = test.stranger();
    login(&stranger, "acme\\admin", "wrong password").await.expect_problem(401, "unauthenticated");
    login(&stranger, "acme\\nobody", "wrong password").await.expect_problem(401, "unauthenticated");
    let admin = test.sign_in("acme\\admin").await;
    admin.get("/tenants").await.expect_problem(403, "scope_missing");
    let log = admin.get("/audit-events?limit=4").await.expect(200);
    let told: Vec<String> = log["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| {
            format!(
                "{} {} {}",
                e["actor"].as_str().unwrap(),
                e["action"].as_str().unwrap(),
                e["objectName"].as_str().unwrap()
            )
        })
        .collect();
    let expected = [
        "admin refused GET /cx-contact/v3/tenants",
        "admin sign_in admin",
        "nobody sign_in_refused nobody",
        "admin sign_in_refused admin",
    ];
    assert_eq!(told, expected);
    let next = log["next"].as_str().unwrap();
    let more = admin.get(&format!("/audit-events?limit=1&cursor={next}")).await.expect(200);
    assert_eq!(more["items"][0]["action"], "create");
    admin.get(&format!("/audit-events?action=create&cursor={next}")).await.expect_problem(400, "bad_cursor");
}

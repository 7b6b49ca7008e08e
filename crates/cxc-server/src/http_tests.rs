//! The layers around every route.
use axum::http::Method;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::RateLimit;
use crate::error::ApiError;
use crate::extract::{ApiJson, ApiPath};
use crate::principal::{public, signed_in};
use crate::testing::TestApp;
use crate::{App, openapi, resources};

#[utoipa::path(post, path = "/echo", responses(ApiError))]
async fn echo(ApiJson(body): ApiJson<Value>) -> ApiJson<Value> {
    ApiJson(body)
}

#[utoipa::path(get, path = "/panics", responses(ApiError))]
async fn panics() {
    panic!("a secret")
}

#[utoipa::path(get, path = "/numbers/{n}", responses(ApiError))]
async fn number(ApiPath(n): ApiPath<u8>) -> String {
    n.to_string()
}

#[utoipa::path(post, path = "/slow", responses(ApiError))]
async fn slow() -> ApiJson<Value> {
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    ApiJson(json!({"done": true}))
}

fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(public(routes!(echo)))
        .routes(public(routes!(panics)))
        .routes(public(routes!(number)))
        .routes(signed_in(routes!(slow)))
}

#[tokio::test]
async fn every_failure_is_a_problem_with_the_request_id() {
    let test = TestApp::with(routes(), |c| c.body_limit = 1000).await;
    let somebody = test.stranger();
    somebody.get("/nothing/here").await.expect_problem(404, "not_found");
    somebody.get("/echo").await.expect_problem(405, "method_not_allowed");
    somebody.get("/numbers/300").await.expect_problem(400, "malformed_request");
    somebody.get("/numbers/%00").await.expect_problem(400, "malformed_request");
    let json_type = [("content-type", "application/json")];
    somebody.raw(Method::POST, "/echo", "{", &json_type).await.expect_problem(400, "malformed_request");
    somebody.raw(Method::POST, "/echo", "x".repeat(1001), &json_type).await.expect_problem(413, "body_too_large");
    somebody.raw(Method::POST, "/echo", "{}", &[]).await.expect_problem(415, "unsupported_media_type");
    somebody.raw(Method::POST, "/echo", "[".repeat(999), &json_type).await.expect_problem(400, "malformed_request");
    let problem = somebody.get("/panics").await.expect_problem(500, "internal");
    assert!(!problem.to_string().contains("secret"), "{problem}");
}

#[tokio::test]
async fn a_request_id_is_kept_when_it_is_harmless() {
    let test = TestApp::with(routes(), |_| ()).await;
    let with = async |id: &str| {
        let answer = test.stranger().send(Method::GET, "/nothing", None, &[("x-request-id", id)]).await;
        answer.expect_problem(404, "not_found")["requestId"].as_str().unwrap().to_owned()
    };
    assert_eq!(with("trace-1.2:3").await, "trace-1.2:3");
    assert_ne!(with("a b").await, "a b");
    assert_ne!(with(&"x".repeat(129)).await, "x".repeat(129));
}

#[tokio::test]
async fn a_client_that_asks_too_often_is_slowed_down() {
    let test = TestApp::with(routes(), |c| c.rate_limit = Some(RateLimit { per_second: 1, burst: 3 })).await;
    let admin = test.sign_in("acme\\admin").await;
    for left in ["2", "1", "0"] {
        let answer = admin.get("/me").await;
        assert_eq!(
            (
                answer.headers["ratelimit-limit"].to_str().unwrap(),
                answer.headers["ratelimit-remaining"].to_str().unwrap()
            ),
            ("3", left)
        );
        answer.expect(200);
    }
    let answer = admin.get("/me").await;
    assert_eq!(answer.headers["retry-after"], "1");
    answer.expect_problem(429, "rate_limited");
}

#[tokio::test]
async fn a_good_signed_link_is_never_refused_and_bad_ones_are() {
    use axum::body::Body;
    use axum::extract::ConnectInfo;
    use axum::http::{Request, StatusCode};
    use axum::routing::post;
    use tower::ServiceExt as _;

    let test = TestApp::with(routes(), |c| c.rate_limit = Some(RateLimit { per_second: 1, burst: 3 })).await;
    let link = async |axum::extract::Path(token): axum::extract::Path<String>| match token.as_str() {
        "good" => StatusCode::OK,
        _ => StatusCode::NOT_FOUND,
    };
    let links = axum::Router::new().route("/unsubscribe/{token}", post(link));
    let router = crate::http::finish(&test.app, links);
    let ask = async |token: &str| {
        let mut request = Request::post(format!("/unsubscribe/{token}")).body(Body::empty()).unwrap();
        request.extensions_mut().insert(ConnectInfo(std::net::SocketAddr::from(([192, 0, 2, 1], 4000))));
        router.clone().oneshot(request).await.unwrap().status().as_u16()
    };
    for _ in 0..10 {
        assert_eq!(ask("good").await, 200);
    }
    let mut bad = Vec::new();
    for _ in 0..5 {
        bad.push(ask("bad").await);
    }
    assert_eq!(bad, [404, 404, 404, 429, 429]);
    assert_eq!(ask("good").await, 200, "others from the same address were busy");
}

#[tokio::test]
async fn an_idempotency_key_answers_a_repeat_and_refuses_another_request() {
    let test = TestApp::with(routes(), |_| ()).await;
    let admin = test.sign_in("acme\\admin").await;
    let key = [("idempotency-key", "key-0001")];
    let role = json!({"name": "R"});
    let first = admin.send(Method::POST, "/roles", Some(&role), &key).await;
    let etag = first.etag();
    let first = first.expect(201);
    let again = admin.send(Method::POST, "/roles", Some(&role), &key).await;
    assert_eq!((again.headers["idempotent-replayed"].to_str().unwrap(), again.etag()), ("true", etag));
    assert_eq!(again.expect(201), first);
    let other = json!({"name": "S"});
    admin.send(Method::POST, "/roles", Some(&other), &key).await.expect_problem(422, "idempotency_key_reused");
    admin
        .send(Method::POST, "/roles", Some(&other), &[("idempotency-key", "short")])
        .await
        .expect_problem(400, "malformed_request");
    TestApp::add_tenant(&test.app, "other").await;
    let theirs = test.sign_in("other\\admin").await;
    theirs.send(Method::POST, "/roles", Some(&other), &key).await.expect(201);
    test.clock.advance_seconds(24 * 3600);
    let admin = test.sign_in("acme\\admin").await;
    admin.send(Method::POST, "/roles", Some(&other), &key).await.expect(201);
}

#[tokio::test]
async fn a_repeat_while_the_first_still_runs_is_a_conflict_and_a_refusal_frees_the_key() {
    let test = TestApp::with(routes(), |_| ()).await;
    let admin = test.sign_in("acme\\admin").await;
    let key = [("idempotency-key", "key-0001")];
    let once = || admin.send(Method::POST, "/slow", None, &key);
    let late = async {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        once().await
    };
    let (first, second) = tokio::join!(once(), late);
    first.expect(200);
    second.expect_problem(409, "idempotency_in_progress");
    let key = [("idempotency-key", "key-0002")];
    let bad = json!({"name": ""});
    admin.send(Method::POST, "/roles", Some(&bad), &key).await.expect_problem(422, "validation_failed");
    for _ in 0..20 {
        let answer = admin.send(Method::POST, "/roles", Some(&json!({"name": "good"})), &key).await;
        if answer.status == 201 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the key was not freed");
}

#[tokio::test]
async fn settings_and_lists_of_administration_answer() {
    let test = TestApp::start().await;
    let admin = test.sign_in("acme\\admin").await;
    let settings = admin.get("/settings").await;
    let etag = settings.etag();
    assert_eq!(settings.expect(200)["maxSplitLists"], 100);
    let patch = json!({"timeZone": "Europe/Berlin", "maxSplitLists": null});
    let changed = admin.send(Method::PATCH, "/settings", Some(&patch), &[("if-match", &etag)]).await.expect(200);
    assert_eq!(changed["timeZone"], "Europe/Berlin");
    let wrong = json!({"timeZone": "Middle/Earth"});
    admin
        .send(Method::PATCH, "/settings", Some(&wrong), &[("if-match", "*")])
        .await
        .expect_problem(422, "validation_failed");
    assert_eq!(admin.get("/enumerations").await.expect(200)["call_result"][6], json!({"code": 6, "name": "Busy"}));
    admin.get("/versions").await.expect(200);
    assert_eq!(admin.get("/jobs").await.expect(200), json!({"items": [], "next": null}));
    assert_eq!(admin.get("/roles?count=true").await.expect(200)["total"], 7);
}

#[tokio::test]
async fn requests_are_counted_by_route_and_code() {
    let test = TestApp::with(routes(), |_| ()).await;
    let somebody = test.stranger();
    for n in 0..3 {
        somebody.get(&format!("/numbers/{n}")).await;
    }
    somebody.get("/numbers/x").await;
    somebody.get("/me").await;
    let text = test.app.metrics.render();
    for line in [
        r#"cxc_test_request_count{code="200",method="GET",path="/cx-contact/v3/numbers/{n}"} 3"#,
        r#"cxc_test_request_count{code="400",method="GET",path="/cx-contact/v3/numbers/{n}"} 1"#,
        r#"cxc_test_request_count{code="401",method="GET",path="/cx-contact/v3/me"} 1"#,
        r#"cxc_test_request_latencies_ms_count{code="400",method="GET",path="/cx-contact/v3/numbers/{n}"} 1"#,
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn every_operation_says_who_may_use_it_and_the_description_is_stable() {
    let describe = || {
        let (_, description) = OpenApiRouter::<App>::new().nest(crate::BASE, resources::routes()).split_for_parts();
        openapi::assemble([description])
    };
    assert_eq!(openapi::unguarded(&describe()), Vec::<String>::new());
    let text = openapi::text(&describe()).unwrap();
    assert_eq!(text, openapi::text(&describe()).unwrap());
    let json: Value = serde_json::from_str(&text).unwrap();
    let mut missing = Vec::new();
    references(&json, &json, &mut missing);
    assert!(missing.is_empty(), "{missing:?}");
}

/// Every `$ref` leads somewhere.
fn references(at: &Value, all: &Value, missing: &mut Vec<String>) {
    match at {
        Value::Object(members) => {
            if let Some(Value::String(to)) = members.get("$ref")
                && all.pointer(to.trim_start_matches('#')).is_none()
            {
                missing.push(to.clone());
            }
            members.values().for_each(|v| references(v, all, missing));
        }
        Value::Array(items) => items.iter().for_each(|v| references(v, all, missing)),
        _ => {}
    }
}

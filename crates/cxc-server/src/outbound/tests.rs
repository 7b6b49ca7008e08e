use std::collections::BTreeMap;

use axum::Router;
use axum::http::{HeaderMap as Headers, StatusCode as Status, header};
use axum::response::{IntoResponse, Redirect};
use axum::routing::post;

use super::*;

async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    format!("http://{address}")
}

fn outbound(networks: &[&str]) -> Outbound {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let networks: Vec<Network> = networks.iter().map(|n| n.parse().unwrap()).collect();
    Outbound::new(&networks)
}

async fn ask(outbound: &Outbound, url: &str) -> Result<Answer, OutboundError> {
    let headers = BTreeMap::from([("X-Key".to_owned(), "hush".to_owned())]);
    outbound.post_json(url, &headers, b"{}".to_vec(), Duration::from_secs(1)).await
}

#[tokio::test]
async fn a_request_carries_its_headers_and_brings_status_tag_and_body() {
    let echo = |headers: Headers, body: String| async move {
        let key = headers["x-key"].to_str().unwrap().to_owned();
        (Status::CONFLICT, [(header::ETAG, "\"12-3\"")], format!("{key} {body}"))
    };
    let base = serve(Router::new().route("/", post(echo))).await;
    let answer = ask(&outbound(&["127.0.0.0/8"]), &base).await.unwrap();
    assert_eq!(
        (answer.status, answer.etag.as_deref(), answer.body.as_str()),
        (Status::CONFLICT, Some("12-3"), "hush {}")
    );
}

#[tokio::test]
async fn private_hosts_are_refused_by_address_and_by_name() {
    let base = serve(Router::new().route("/", post(|| async { "here" }))).await;
    let closed = outbound(&[]);
    assert!(matches!(ask(&closed, &base).await, Err(OutboundError::Private)));
    let by_name = base.replace("127.0.0.1", "localhost");
    assert!(matches!(ask(&closed, &by_name).await, Err(OutboundError::Private)));
    assert_eq!(ask(&outbound(&["127.0.0.1", "::1"]), &by_name).await.unwrap().body, "here");
    for url in ["http://[::1]:1/", "http://169.254.169.254/latest", "http://2130706433/", "http://0x7f.1/"] {
        assert!(matches!(ask(&closed, url).await, Err(OutboundError::Private)), "{url}");
    }
    assert!(matches!(ask(&closed, "file:///etc/passwd").await, Err(OutboundError::Address(_))));
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let router = Router::new()
        .route("/", post(|| async { Redirect::temporary("/elsewhere").into_response() }))
        .route("/elsewhere", post(|| async { "followed" }));
    let answer = ask(&outbound(&["127.0.0.1"]), &serve(router).await).await.unwrap();
    assert_eq!(answer.status, Status::TEMPORARY_REDIRECT);
}

#[tokio::test]
async fn silence_an_endless_answer_and_no_server_at_all_are_told_apart() {
    let slow = || async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        "late"
    };
    let large = || async { "x".repeat(MOST_BYTES + 1) };
    let base = serve(Router::new().route("/slow", post(slow)).route("/large", post(large))).await;
    let outbound = outbound(&["127.0.0.1"]);
    assert!(matches!(ask(&outbound, &format!("{base}/slow")).await, Err(OutboundError::Timeout(1))));
    assert!(matches!(ask(&outbound, &format!("{base}/large")).await, Err(OutboundError::TooLarge(_))));
    let nobody = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    assert!(matches!(ask(&outbound, &nobody).await, Err(OutboundError::Connect)));
}

//! Asking an external rule: a record's properties go out, `200` or `409` come back. Whatever else comes, and
//! silence, means that nobody is contacted.
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cxc_core::compliance::ExternalOutcome;
use cxc_core::enumerations::CallResult;
use cxc_store::judge::{AskExternal, Outcomes, Question};
use futures_util::future::BoxFuture;
use futures_util::{StreamExt, stream};
use reqwest::StatusCode;
use serde_json::{Map, Value};

use super::changed::changed;
use super::{Answer, Outbound};

/// Requests of one batch that are under way at once.
const AT_ONCE: usize = 64;
/// A service that failed so often in a row is not asked again in the same batch.
const GIVE_UP: usize = 16;
/// The most characters of what a service says of its refusal.
const MOST_SAID: usize = 200;

/// What a service answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// Yes, no, or nothing that counts as an answer.
    pub outcome: ExternalOutcome,
    /// With a yes the fields of the record that it changes; with a no at most `GSW_CALL_RESULT`, the result that the
    /// record ends with.
    pub fields: Map<String, Value>,
}

impl Reply {
    fn unavailable(why: impl Into<String>) -> Self {
        Self { outcome: ExternalOutcome::Unavailable(why.into()), fields: Map::new() }
    }
}

/// Who sends by himself has no use for changed fields.
impl AskExternal for Outbound {
    fn ask<'a>(&'a self, questions: &'a [Question<'a>]) -> Outcomes<'a> {
        Box::pin(async move { ask_all(self, questions).await.into_iter().map(|reply| reply.outcome).collect() })
    }
}

/// Asks one rule.
pub async fn ask(outbound: &Outbound, question: &Question<'_>) -> Reply {
    let rule = question.rule;
    let mut properties = question.properties.clone();
    properties.insert("GSW_RECORD_HANDLE".to_owned(), Value::from(question.handle.as_str()));
    let body = Value::Object(properties).to_string().into_bytes();
    let timeout = Duration::from_secs(rule.timeout_seconds.into());
    match outbound.post_json(&rule.url, &rule.headers, body, timeout).await {
        Ok(answer) => read(&answer, question),
        Err(error) => Reply::unavailable(error.to_string()),
    }
}

/// Asks many at once, in their order. Where a service fails again and again, the rest of a batch is not kept
/// waiting for it.
pub async fn ask_all(outbound: &Outbound, questions: &[Question<'_>]) -> Vec<Reply> {
    // the questions of one service share a counter
    let failures: HashMap<&str, AtomicUsize> =
        questions.iter().map(|q| (q.rule.url.as_str(), AtomicUsize::new(0))).collect();
    let mut asked: Vec<BoxFuture<'_, Reply>> = Vec::with_capacity(questions.len());
    for question in questions {
        asked.push(Box::pin(ask_unless_failing(outbound, question, failures.get(question.rule.url.as_str()))));
    }
    stream::iter(asked).buffered(AT_ONCE).collect().await
}

async fn ask_unless_failing(outbound: &Outbound, question: &Question<'_>, failed: Option<&AtomicUsize>) -> Reply {
    if failed.is_some_and(|n| n.load(Ordering::Relaxed) >= GIVE_UP) {
        return Reply::unavailable("the service failed for others of the same batch");
    }
    let reply = ask(outbound, question).await;
    match (&reply.outcome, failed) {
        (ExternalOutcome::Unavailable(_), Some(failed)) => drop(failed.fetch_add(1, Ordering::Relaxed)),
        (_, Some(failed)) => failed.store(0, Ordering::Relaxed),
        (_, None) => {}
    }
    reply
}

fn read(answer: &Answer, question: &Question<'_>) -> Reply {
    match answer.status {
        StatusCode::OK if answer.etag.as_deref().is_some_and(|tag| tag != question.handle) => {
            Reply::unavailable("the service answered for another record")
        }
        StatusCode::OK => match changed(&answer.body, question) {
            Ok(fields) => Reply { outcome: ExternalOutcome::Pass, fields },
            Err(why) => Reply::unavailable(why),
        },
        StatusCode::CONFLICT => {
            Reply { outcome: ExternalOutcome::Block(said(&answer.body)), fields: result(&answer.body) }
        }
        other => Reply::unavailable(format!("the service answered {}", other.as_u16())),
    }
}

/// The result that a refusal names, if it is one.
fn result(body: &str) -> Map<String, Value> {
    const NAME: &str = "GSW_CALL_RESULT";
    let json: Value = serde_json::from_str(body).unwrap_or_default();
    let number = json[NAME].as_i64().or_else(|| json[NAME].as_str()?.trim().parse().ok());
    let known = number.and_then(|n| i16::try_from(n).ok()).and_then(CallResult::from_code);
    known.map(|result| (NAME.to_owned(), Value::from(result.code()))).into_iter().collect()
}

/// What a refusal says: its detail, code or rule, where it is JSON; a short text as it is.
fn said(body: &str) -> String {
    let json: Option<Value> = serde_json::from_str(body).ok();
    let member = |name: &str| json.as_ref().and_then(|v| v.get(name)).and_then(Value::as_str);
    let text = match (&json, member("detail").or_else(|| member("code")).or_else(|| member("ruleId"))) {
        (_, Some(text)) => text,
        (None, None) => body,
        (Some(_), None) => "",
    };
    let text: String = text.trim().chars().filter(|c| !c.is_control()).take(MOST_SAID).collect();
    if text.is_empty() { "the service says no".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::Router;
    use axum::http::StatusCode as Status;
    use axum::response::IntoResponse;
    use axum::routing::post;
    use cxc_core::compliance::ExternalRule;
    use serde_json::json;

    use super::*;

    fn rule(url: &str) -> ExternalRule {
        serde_json::from_value(json!({ "url": url, "timeoutSeconds": 1 })).unwrap()
    }

    fn question<'a>(rule: &'a ExternalRule, handle: &str) -> Question<'a> {
        let properties = Map::from_iter([("c_client_id".to_owned(), json!(handle))]);
        Question { rule, handle: handle.to_owned(), properties }
    }

    /// Answers by the client id that it is asked about.
    async fn service(asked: Arc<AtomicUsize>) -> String {
        let answer = move |body: String| async move {
            asked.fetch_add(1, Ordering::Relaxed);
            let body: Value = serde_json::from_str(&body).unwrap();
            let handle = body["GSW_RECORD_HANDLE"].as_str().unwrap().to_owned();
            match body["c_client_id"].as_str().unwrap() {
                "yes" => (Status::OK, [("etag", format!("\"{handle}\""))], "").into_response(),
                "bare" => Status::OK.into_response(),
                "page" => axum::response::Html("<h1>Please sign in</h1>").into_response(),
                "other" => (Status::OK, [("etag", "\"else\"")], "").into_response(),
                "no" => (Status::CONFLICT, axum::Json(json!({ "code": "complained", "detail": "a\u{7} complaint" })))
                    .into_response(),
                "finish" => (Status::CONFLICT, axum::Json(json!({ "GSW_CALL_RESULT": "51" }))).into_response(),
                "change" => axum::Json(json!({ "GSW_RECORD_HANDLE": handle, "c_other1": "VIP" })).into_response(),
                "move" => axum::Json(json!({ "contact_info": "+12125550100" })).into_response(),
                "text" => (Status::CONFLICT, "x".repeat(500)).into_response(),
                "slow" => {
                    tokio::time::sleep(Duration::from_secs(20)).await;
                    Status::OK.into_response()
                }
                status => Status::from_u16(status.parse().unwrap()).unwrap().into_response(),
            }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/", post(answer))).await.unwrap() });
        format!("http://{address}/")
    }

    fn outbound() -> Outbound {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Outbound::new(&["127.0.0.1".parse().unwrap()])
    }

    #[tokio::test]
    async fn only_200_for_the_same_record_lets_pass() {
        let url = service(Arc::default()).await;
        let (outbound, rule) = (outbound(), rule(&url));
        let outcome = async |handle: &str| ask(&outbound, &question(&rule, handle)).await.outcome;
        assert_eq!(outcome("yes").await, ExternalOutcome::Pass);
        assert_eq!(outcome("bare").await, ExternalOutcome::Pass);
        assert_eq!(outcome("no").await, ExternalOutcome::Block("a complaint".into()));
        assert_eq!(outcome("text").await, ExternalOutcome::Block("x".repeat(200)));
        for handle in ["other", "page", "slow", "201", "204", "302", "404", "429", "500", "503"] {
            assert!(matches!(outcome(handle).await, ExternalOutcome::Unavailable(_)), "{handle}");
        }
    }

    #[tokio::test]
    async fn a_yes_may_change_fields_and_a_no_may_name_the_result() {
        let url = service(Arc::default()).await;
        let (outbound, rule) = (outbound(), rule(&url));
        let reply = async |handle: &str| ask(&outbound, &question(&rule, handle)).await;
        let changed = reply("change").await;
        assert_eq!((changed.outcome, json!(changed.fields)), (ExternalOutcome::Pass, json!({ "c_other1": "VIP" })));
        assert!(matches!(reply("move").await.outcome, ExternalOutcome::Unavailable(_)));
        assert_eq!(json!(reply("finish").await.fields), json!({ "GSW_CALL_RESULT": 51 }));
        assert!(reply("no").await.fields.is_empty());
    }

    #[tokio::test]
    async fn a_batch_is_asked_at_once_and_answered_in_order() {
        let asked = Arc::new(AtomicUsize::new(0));
        let url = service(Arc::clone(&asked)).await;
        let (outbound, rule) = (outbound(), rule(&url));
        let names = ["yes", "no", "500", "bare"];
        let questions: Vec<_> = (0..100).map(|i| question(&rule, names[i % 4])).collect();
        let outcomes = AskExternal::ask(&outbound, &questions).await;
        assert_eq!((outcomes.len(), asked.load(Ordering::Relaxed)), (100, 100));
        for (i, outcome) in outcomes.iter().enumerate() {
            let fits = match i % 4 {
                0 | 3 => *outcome == ExternalOutcome::Pass,
                1 => matches!(outcome, ExternalOutcome::Block(_)),
                _ => matches!(outcome, ExternalOutcome::Unavailable(_)),
            };
            assert!(fits, "{i}: {outcome:?}");
        }
    }

    #[tokio::test]
    async fn a_service_that_fails_again_and_again_does_not_hold_up_the_rest() {
        let asked = Arc::new(AtomicUsize::new(0));
        let url = service(Arc::clone(&asked)).await;
        let (outbound, rule) = (outbound(), rule(&url));
        let questions: Vec<_> = (0..500).map(|_| question(&rule, "slow")).collect();
        let since = std::time::Instant::now();
        let outcomes = AskExternal::ask(&outbound, &questions).await;
        assert!(outcomes.iter().all(|o| matches!(o, ExternalOutcome::Unavailable(_))));
        assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
        assert!(asked.load(Ordering::Relaxed) <= AT_ONCE + GIVE_UP);
    }
}

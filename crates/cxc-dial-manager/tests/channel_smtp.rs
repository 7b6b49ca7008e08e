//! SMTP against real servers: aiosmtpd, which records and misbehaves by rule, and Postfix's smtp-sink.
mod channel_peers;

use std::time::{Duration, Instant};

use channel_peers::{carrier, email, until_connected};
use cxc_dial_manager::channel::{Body, CarrierStatus, GENERAL_ERROR, Outcome, WRONG_NUMBER};
use cxc_test::{FastSmtpSink, Rule, SmtpOptions, SmtpSink, Stage};
use futures_util::future::join_all;
use serde_json::{Value, json};

fn account(port: u16) -> Value {
    json!({"kind": "smtp", "host": "127.0.0.1", "port": port, "connections": 5, "heloName": "cxc.example.com"})
}

#[tokio::test]
async fn a_message_arrives_whole_with_our_reference() {
    let sink = SmtpSink::with(SmtpOptions { keep_bodies: true, ..SmtpOptions::default() }).unwrap();
    let (carrier, _events) = carrier(account(sink.port()));
    let mut message = email(7, "jo@example.org");
    let Body::Email(body) = &mut message.body else { panic!("email") };
    body.subject = "Grüße 🎉".into();
    body.text = ".one\n..two\nÄrger mit \"Umlauten\" und einer langen Zeile ".repeat(30);
    body.headers.push(("List-Unsubscribe-Post".into(), "List-Unsubscribe=One-Click".into()));
    let outcome = carrier.send(message).await;
    assert!(matches!(outcome, Outcome::Delivered { .. }), "{outcome:?}");
    let received = sink.wait_for(1, Duration::from_secs(10)).await.unwrap().remove(0);
    assert_eq!(received.message_id.as_deref(), Some("<r7@example.com>"));
    assert_eq!(
        (received.from.as_str(), received.rcpt.as_slice()),
        ("campaign@example.com", &["jo@example.org".into()][..])
    );
    assert_eq!(received.header("subject"), Some("Grüße 🎉"));
    assert_eq!(received.header("from"), Some("Acme <campaign@example.com>"));
    assert_eq!(received.header("list-unsubscribe-post"), Some("List-Unsubscribe=One-Click"));
    assert!(received.header("date").is_some());
    assert!(received.source.unwrap().contains("multipart/alternative"));
}

#[tokio::test]
async fn answers_decide_between_again_and_never() {
    let rules = vec![
        Rule::answer(Stage::Rcpt, "nobody@*", "550 5.1.1 no such user"),
        Rule::answer(Stage::Rcpt, "policy@*", "550 5.7.1 not from you"),
        Rule::answer(Stage::Rcpt, "grey@*", "451 4.7.1 come later").times(1),
        Rule::answer(Stage::Data, "spam@*", "554 5.7.1 spam"),
        Rule::answer(Stage::Data, "busy@*", "452 4.3.1 disk full"),
    ];
    let sink = SmtpSink::with(SmtpOptions { rules, ..SmtpOptions::default() }).unwrap();
    let (carrier, _events) = carrier(account(sink.port()));
    let send = async |to: &str| carrier.send(email(1, to)).await;
    assert!(matches!(send("nobody@example.org").await, Outcome::Rejected { result: WRONG_NUMBER, .. }));
    assert!(matches!(send("policy@example.org").await, Outcome::Rejected { result: GENERAL_ERROR, .. }));
    assert!(matches!(send("grey@example.org").await, Outcome::Retry { throttled: false, .. }));
    assert!(matches!(send("grey@example.org").await, Outcome::Delivered { .. }));
    assert!(matches!(send("spam@example.org").await, Outcome::Rejected { result: GENERAL_ERROR, .. }));
    assert!(matches!(send("busy@example.org").await, Outcome::Retry { .. }));
    // the connection took no harm from the refusals
    assert!(matches!(send("jo@example.org").await, Outcome::Delivered { .. }));
    assert_eq!(sink.count().unwrap(), 2);
}

#[tokio::test]
async fn a_connection_cut_after_the_message_is_in_doubt() {
    let rules = vec![Rule::hang_up(Stage::Recorded, "doubt@*"), Rule::hang_up(Stage::Rcpt, "early@*")];
    let sink = SmtpSink::with(SmtpOptions { rules, ..SmtpOptions::default() }).unwrap();
    let (carrier, _events) = carrier(account(sink.port()));
    assert!(matches!(carrier.send(email(1, "doubt@example.org")).await, Outcome::InDoubt { .. }));
    assert!(matches!(carrier.send(email(2, "early@example.org")).await, Outcome::Retry { .. }));
    assert!(matches!(carrier.send(email(3, "jo@example.org")).await, Outcome::Delivered { .. }));
    assert_eq!(sink.count().unwrap(), 2);
}

#[tokio::test]
async fn starttls_and_sign_in_protect_the_password() {
    let login = Some(("cxc".to_owned(), "geheim".to_owned()));
    let sink = SmtpSink::with(SmtpOptions { starttls: true, login, ..SmtpOptions::default() }).unwrap();
    let certificate = std::fs::read_to_string(sink.certificate()).unwrap();
    let account = |changes: Value| {
        let mut account = json!({
            "kind": "smtp", "host": "localhost", "port": sink.port(), "security": "starttls",
            "caCertificate": certificate, "credential": {"username": "cxc", "password": "geheim"},
        });
        for (name, value) in changes.as_object().unwrap() {
            account[name] = value.clone();
        }
        account
    };
    let (good, _events) = carrier(account(json!({})));
    assert!(matches!(good.send(email(1, "jo@example.org")).await, Outcome::Delivered { .. }));
    let received = sink.wait_for(1, Duration::from_secs(10)).await.unwrap().remove(0);
    assert!(received.tls && received.user.as_deref() == Some("cxc"));

    let (wrong, _events) = carrier(account(json!({"credential": {"username": "cxc", "password": "falsch"}})));
    let outcome = wrong.send(email(2, "jo@example.org")).await;
    assert!(matches!(outcome, Outcome::Retry { .. }), "{outcome:?}");
    assert!(
        matches!(wrong.status(), CarrierStatus::Down { reason } if reason.contains("535") && !reason.contains("falsch"))
    );

    let (stranger, _events) = carrier(account(json!({"caCertificate": null})));
    let outcome = stranger.send(email(3, "jo@example.org")).await;
    assert!(matches!(outcome, Outcome::Retry { .. }), "{outcome:?}");

    let (optional, _events) = carrier(account(json!({"security": "starttls_optional", "caCertificate": null})));
    assert!(matches!(optional.send(email(4, "jo@example.org")).await, Outcome::Delivered { .. }));
    assert_eq!(sink.count().unwrap(), 2);
}

#[tokio::test]
async fn a_server_without_starttls_gets_nothing_when_it_is_required() {
    let sink = SmtpSink::start().unwrap();
    let mut account = account(sink.port());
    account["security"] = json!("starttls");
    let (carrier, _events) = carrier(account);
    let outcome = carrier.send(email(1, "jo@example.org")).await;
    assert!(matches!(&outcome, Outcome::Retry { detail, .. } if detail.contains("STARTTLS")), "{outcome:?}");
    assert_eq!(sink.count().unwrap(), 0);
}

#[tokio::test]
async fn a_server_that_stops_and_starts_again_is_found_again() {
    let mut sink = SmtpSink::start().unwrap();
    let (carrier, _events) = carrier(account(sink.port()));
    assert!(matches!(carrier.send(email(1, "jo@example.org")).await, Outcome::Delivered { .. }));
    sink.stop().unwrap();
    let outcome = carrier.send(email(2, "jo@example.org")).await;
    assert!(matches!(outcome, Outcome::Retry { .. }), "{outcome:?}");
    assert!(matches!(carrier.status(), CarrierStatus::Down { .. }));
    sink.start_again().unwrap();
    until_connected(&*carrier).await;
    assert!(matches!(carrier.send(email(2, "jo@example.org")).await, Outcome::Delivered { .. }));
    assert_eq!(sink.count().unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postfix_takes_thousands_of_messages_over_few_connections() {
    let sink = FastSmtpSink::start().unwrap();
    let mut account = account(sink.port());
    account["connections"] = json!(16);
    let (carrier, _events) = carrier(account);
    until_connected(&*carrier).await;
    let start = Instant::now();
    let senders = (0..100).map(|sender| {
        let carrier = carrier.clone();
        tokio::spawn(async move {
            for n in 0..50 {
                let outcome = carrier.send(email(sender * 50 + n, "jo@example.org")).await;
                assert!(matches!(outcome, Outcome::Delivered { .. }), "{outcome:?}");
            }
        })
    });
    for done in join_all(senders).await {
        done.unwrap();
    }
    let rate = 5_000.0 / start.elapsed().as_secs_f64();
    println!("{rate:.0} emails/s");
    assert!(rate > 200.0, "{rate:.0} emails/s");
    carrier.close().await;
    assert_eq!(carrier.status(), CarrierStatus::Closed);
}

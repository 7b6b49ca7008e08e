//! SMTP against a peer that cuts the connection at an exact point.
#![expect(clippy::unwrap_used, reason = "the peers are part of the tests")]
mod channel_peers;

use std::sync::Arc;
use std::time::Duration;

use channel_peers::{account, email, loopback, now};
use cxc_dial_manager::channel::smtp::{SmtpCarrier, SmtpTimeouts};
use cxc_dial_manager::channel::{Body, Carrier, CarrierStatus, Outcome};
use cxc_server::outbound::Reach;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

type Peer = BufStream<TcpStream>;

/// A mail server that says `features` and then does as `act` says with the first real connection.
async fn server<F, A>(features: &'static str, act: F) -> (Arc<SmtpCarrier>, JoinHandle<()>)
where
    F: FnOnce(Peer) -> A + Send + 'static,
    A: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        drop(listener);
        let mut peer = BufStream::new(stream);
        say(&mut peer, "220 test\r\n").await;
        assert!(hear(&mut peer).await.starts_with("EHLO "));
        say(&mut peer, &format!("250-test\r\n{features}250 HELP\r\n")).await;
        act(peer).await;
    });
    let timeouts = SmtpTimeouts {
        connect: Duration::from_secs(2),
        command: Duration::from_secs(1),
        answer: Duration::from_secs(1),
        queue: Duration::from_secs(5),
    };
    let account = account(json!({"kind": "smtp", "host": "127.0.0.1", "port": port, "connections": 1}));
    let carrier = Arc::new(SmtpCarrier::start(&account, now(), timeouts, &loopback()).unwrap());
    channel_peers::until_connected(&*carrier).await;
    (carrier, task)
}

async fn say(peer: &mut Peer, text: &str) {
    peer.write_all(text.as_bytes()).await.unwrap();
    peer.flush().await.unwrap();
}

async fn hear(peer: &mut Peer) -> String {
    let mut line = String::new();
    peer.read_line(&mut line).await.unwrap();
    line
}

/// Answers MAIL and RCPT and hears DATA.
async fn envelope(peer: &mut Peer) {
    for word in ["MAIL ", "RCPT ", "DATA"] {
        assert!(hear(peer).await.starts_with(word));
        if word != "DATA" {
            say(peer, "250 ok\r\n").await;
        }
    }
}

async fn message(peer: &mut Peer) {
    while hear(peer).await != ".\r\n" {}
}

async fn outcome_of<F, A>(features: &'static str, act: F) -> Outcome
where
    F: FnOnce(Peer) -> A + Send + 'static,
    A: Future<Output = ()> + Send + 'static,
{
    let (carrier, task) = server(features, act).await;
    let outcome = carrier.send(email(1, "jo@example.org")).await;
    task.await.unwrap();
    outcome
}

#[tokio::test]
async fn a_cut_before_data_was_answered_was_not_sent() {
    for features in ["", "250-PIPELINING\r\n"] {
        let outcome = outcome_of(features, |mut peer| async move { envelope(&mut peer).await }).await;
        assert!(matches!(outcome, Outcome::Retry { .. }), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_cut_in_the_middle_of_the_message_was_not_sent() {
    let (carrier, task) = server("", |mut peer| async move {
        envelope(&mut peer).await;
        say(&mut peer, "354 go on\r\n").await;
        let mut some = [0; 4096];
        peer.read_exact(&mut some).await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
    })
    .await;
    // far more than the buffers of both ends hold: the final dot can't have left
    let mut long = email(1, "jo@example.org");
    let Body::Email(body) = &mut long.body else { panic!("email") };
    body.text = "hello world\n".repeat(500_000);
    let outcome = carrier.send(long).await;
    assert!(matches!(outcome, Outcome::Retry { .. }), "{outcome:?}");
    task.await.unwrap();
}

#[tokio::test]
async fn a_cut_or_silence_or_nonsense_after_the_final_dot_is_in_doubt() {
    for what in ["cut", "silence", "nonsense", "half"] {
        let outcome = outcome_of("250-PIPELINING\r\n", move |mut peer| async move {
            envelope(&mut peer).await;
            say(&mut peer, "354 go on\r\n").await;
            message(&mut peer).await;
            match what {
                "silence" => tokio::time::sleep(Duration::from_secs(2)).await,
                "nonsense" => say(&mut peer, "yes, thank you\r\n").await,
                "half" => say(&mut peer, "250-first line only\r\n25").await,
                _ => {}
            }
        })
        .await;
        assert!(matches!(outcome, Outcome::InDoubt { .. }), "{what}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_421_at_any_point_before_acceptance_was_not_sent_and_slows_down() {
    let outcome = outcome_of("250-PIPELINING\r\n", |mut peer| async move {
        hear(&mut peer).await;
        say(&mut peer, "421 4.7.0 too many messages\r\n").await;
    })
    .await;
    assert!(matches!(outcome, Outcome::Retry { throttled: true, .. }), "{outcome:?}");
    let outcome = outcome_of("", |mut peer| async move {
        envelope(&mut peer).await;
        say(&mut peer, "354 go on\r\n").await;
        message(&mut peer).await;
        say(&mut peer, "421 shutting down\r\n").await;
    })
    .await;
    assert!(matches!(outcome, Outcome::Retry { throttled: true, .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_server_that_wants_the_message_of_a_refused_envelope_gets_no_final_dot() {
    let outcome = outcome_of("250-PIPELINING\r\n", |mut peer| async move {
        say(&mut peer, "250 ok\r\n550 5.1.1 no such user\r\n354 go on all the same\r\n").await;
        let mut rest = String::new();
        peer.read_to_string(&mut rest).await.unwrap();
        assert!(!rest.contains("\r\n.\r\n"), "{rest}");
    })
    .await;
    assert!(matches!(outcome, Outcome::Rejected { .. }), "{outcome:?}");
}

#[tokio::test]
async fn an_idle_connection_that_the_server_closed_is_replaced_without_a_word() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let account = account(json!({"kind": "smtp", "host": "127.0.0.1", "port": port, "connections": 1}));
    let carrier = SmtpCarrier::start(&account, now(), SmtpTimeouts::default(), &loopback()).unwrap();
    let server = async {
        // serves one message a connection, then says goodbye late: after MAIL of the next one, or before it
        for goodbye_late in [true, false, false] {
            let (stream, _) = listener.accept().await.unwrap();
            let mut peer = BufStream::new(stream);
            say(&mut peer, "220 test\r\n").await;
            hear(&mut peer).await;
            say(&mut peer, "250 test\r\n").await;
            envelope(&mut peer).await;
            say(&mut peer, "354 go on\r\n").await;
            message(&mut peer).await;
            say(&mut peer, "250 2.0.0 Ok: queued as AB12\r\n").await;
            if goodbye_late {
                hear(&mut peer).await;
            }
        }
    };
    let sends = async {
        for number in 0..3 {
            let outcome = carrier.send(email(number, "jo@example.org")).await;
            assert_eq!(outcome, Outcome::Delivered { provider_id: "AB12".into() });
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::join!(server, sends);
}

#[tokio::test]
async fn a_message_larger_than_the_server_takes_is_refused_unsent() {
    let (carrier, task) = server("250-SIZE 100\r\n", |mut peer| async move {
        let mut rest = String::new();
        // only a goodbye, when the carrier closes
        peer.read_to_string(&mut rest).await.unwrap();
        assert!(!rest.contains("MAIL"), "{rest}");
    })
    .await;
    let outcome = carrier.send(email(1, "jo@example.org")).await;
    assert!(matches!(outcome, Outcome::Rejected { .. }), "{outcome:?}");
    carrier.close().await;
    task.await.unwrap();
}

#[tokio::test]
async fn a_host_out_of_reach_is_never_connected_to() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for host in ["127.0.0.1", "localhost"] {
        let account = account(json!({"kind": "smtp", "host": host, "port": port}));
        let carrier = SmtpCarrier::start(&account, now(), SmtpTimeouts::default(), &Reach::new(&[])).unwrap();
        let told = tokio::time::timeout(Duration::from_secs(5), async {
            loop {
                if let CarrierStatus::Down { reason } = carrier.status() {
                    return reason;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        let reason = told.await.unwrap();
        assert!(reason.contains("outbound.channel_networks"), "{reason}");
    }
    let came = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(came.is_err(), "somebody connected");
}

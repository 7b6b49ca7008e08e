//! SMPP against a peer that misbehaves byte by byte.
#![expect(clippy::unwrap_used, reason = "the peers are part of the tests")]
mod channel_peers;

use std::time::Duration;

use channel_peers::{carrier, sms, until_connected};
use cxc_dial_manager::channel::{CarrierStatus, Outcome};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const SUBMIT: u32 = 4;

async fn centre() -> (TcpListener, Value) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let account = json!({
        "kind": "smpp", "host": "127.0.0.1", "port": listener.local_addr().unwrap().port(), "connections": 1,
        "credential": {"username": "cxc", "password": "p"}, "smpp": {"responseTimeoutSeconds": 2, "enquireLinkSeconds": 5},
    });
    (listener, account)
}

async fn read(stream: &mut TcpStream) -> Option<(u32, u32)> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).await.ok()?;
    let mut rest = vec![0; u32::from_be_bytes(length) as usize - 4];
    stream.read_exact(&mut rest).await.ok()?;
    let word = |at: usize| u32::from_be_bytes(rest[at..at + 4].try_into().unwrap());
    Some((word(0), word(8)))
}

async fn answer(stream: &mut TcpStream, id: u32, status: u32, sequence: u32, body: &[u8]) {
    let length = u32::try_from(16 + body.len()).unwrap();
    let mut pdu = Vec::new();
    for word in [length, id | 0x8000_0000, status, sequence] {
        pdu.extend(word.to_be_bytes());
    }
    pdu.extend_from_slice(body);
    stream.write_all(&pdu).await.unwrap();
}

async fn bound(listener: &TcpListener) -> TcpStream {
    let (mut stream, _) = listener.accept().await.unwrap();
    let (id, sequence) = read(&mut stream).await.unwrap();
    assert_eq!(id, 9);
    answer(&mut stream, id, 0, sequence, b"x\0").await;
    stream
}

#[tokio::test]
async fn a_cut_after_the_submit_was_read_is_in_doubt() {
    let (listener, account) = centre().await;
    let (carrier, _events) = carrier(account);
    let mut peer = bound(&listener).await;
    let sent = carrier.send(sms(1, "Hello"));
    let cut = async {
        assert_eq!(read(&mut peer).await.unwrap().0, SUBMIT);
        drop(peer);
    };
    let (outcome, ()) = tokio::join!(sent, cut);
    assert!(matches!(outcome, Outcome::InDoubt { .. }), "{outcome:?}");
}

#[tokio::test]
async fn what_waits_behind_a_full_window_when_the_connection_breaks_was_not_sent() {
    let (listener, mut account) = centre().await;
    account["window"] = json!(2);
    let (carrier, _events) = carrier(account);
    let mut peer = bound(&listener).await;
    let sent = join_all((1..=6).map(|n| carrier.send(sms(n, "Hello"))));
    let cut = async {
        read(&mut peer).await.unwrap();
        read(&mut peer).await.unwrap();
        drop((peer, listener));
    };
    let (outcomes, ()) = tokio::join!(sent, cut);
    let in_doubt = outcomes.iter().filter(|o| matches!(o, Outcome::InDoubt { .. })).count();
    let retry = outcomes.iter().filter(|o| matches!(o, Outcome::Retry { .. })).count();
    assert_eq!((in_doubt, retry), (2, 4), "{outcomes:?}");
}

#[tokio::test]
async fn what_the_network_did_not_take_was_not_sent() {
    let (listener, mut account) = centre().await;
    account["window"] = json!(1000);
    account["smpp"]["longMessages"] = json!("payload");
    let (carrier, _events) = carrier(account);
    let mut peer = bound(&listener).await;
    // far more than the buffers of both ends hold, and the peer reads two of them
    let text = "x".repeat(30_000);
    let sent = join_all((1..=400).map(|n| carrier.send(sms(n, &text))));
    let cut = async {
        read(&mut peer).await.unwrap();
        read(&mut peer).await.unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
        drop((peer, listener));
    };
    let (outcomes, ()) = tokio::join!(sent, cut);
    let in_doubt = outcomes.iter().filter(|o| matches!(o, Outcome::InDoubt { .. })).count();
    let retry = outcomes.iter().filter(|o| matches!(o, Outcome::Retry { .. })).count();
    assert_eq!(in_doubt + retry, 400);
    assert!(in_doubt >= 2 && retry > 0, "{in_doubt} {retry}");
}

#[tokio::test]
async fn a_connection_refused_was_not_sent_and_is_down() {
    let (listener, account) = centre().await;
    drop(listener);
    let (carrier, _events) = carrier(account);
    assert!(matches!(carrier.send(sms(1, "Hello")).await, Outcome::Retry { .. }));
    assert!(matches!(carrier.status(), CarrierStatus::Down { .. }));
}

#[tokio::test]
async fn nonsense_from_the_centre_ends_the_connection_and_not_the_program() {
    let (listener, account) = centre().await;
    let (carrier, _events) = carrier(account);
    for nonsense in [&b"HTTP/1.1 200 OK\r\n\r\n"[..], &[0, 0, 0, 16, 0, 0][..], &[0xFF; 64][..], &[0, 0, 0, 1][..]] {
        let mut peer = bound(&listener).await;
        until_connected(&*carrier).await;
        peer.write_all(nonsense).await.unwrap();
        drop(peer);
    }
    let mut peer = bound(&listener).await;
    let sent = carrier.send(sms(1, "Hello"));
    let taken = async {
        // an unknown request, an answer to nothing, a broken deliver_sm, then the real answer
        for (id, body) in [(0x0103, &b"?"[..]), (0x8000_0004, b"9\0"), (5, b"\x01\x02")] {
            let length = u32::try_from(16 + body.len()).unwrap();
            let words = [length, id, 0, 0x7777];
            peer.write_all(&words.map(u32::to_be_bytes).concat()).await.unwrap();
            peer.write_all(body).await.unwrap();
        }
        loop {
            let (id, sequence) = read(&mut peer).await.unwrap();
            if id == SUBMIT {
                answer(&mut peer, id, 0, sequence, b"77\0").await;
                return;
            }
        }
    };
    let (outcome, ()) = tokio::join!(sent, taken);
    assert_eq!(outcome, Outcome::Accepted { provider_id: "77".into() });
}

#[tokio::test]
async fn a_part_refused_for_now_is_sent_again_and_a_part_refused_for_good_ends_the_message() {
    let (listener, account) = centre().await;
    let (carrier, _events) = carrier(account);
    let mut peer = bound(&listener).await;
    let long = "x".repeat(200);
    let sent = carrier.send(sms(1, &long));
    let answers = async {
        for status in [0, 0x58, 0] {
            let (id, sequence) = read(&mut peer).await.unwrap();
            answer(&mut peer, id, status, sequence, if status == 0 { b"5\0" } else { b"" }).await;
        }
    };
    let (outcome, ()) = tokio::join!(sent, answers);
    assert_eq!(outcome, Outcome::Accepted { provider_id: "5".into() });
    let sent = carrier.send(sms(2, &long));
    let answers = async {
        for status in [0, 0x45] {
            let (id, sequence) = read(&mut peer).await.unwrap();
            answer(&mut peer, id, status, sequence, if status == 0 { b"6\0" } else { b"" }).await;
        }
    };
    let (outcome, ()) = tokio::join!(sent, answers);
    assert!(matches!(&outcome, Outcome::Rejected { detail, .. } if detail.contains("ESME_RSUBMITFAIL")), "{outcome:?}");
}

#[tokio::test]
async fn a_centre_that_gives_no_sign_of_life_is_left() {
    let (listener, account) = centre().await;
    let (carrier, _events) = carrier(account);
    let mut peer = bound(&listener).await;
    // reads, never answers: enquire_link after 5 s, 2 s of patience
    let gone = async { while read(&mut peer).await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(15), gone).await.unwrap();
    assert!(!matches!(carrier.status(), CarrierStatus::Connected));
}

//! SMPP against node-smpp as the SMS centre.
mod channel_peers;

use std::collections::HashSet;
use std::time::Duration;

use channel_peers::{Smsc, carrier, next, next_done, sms, until_connected};
use cxc_dial_manager::channel::{CarrierStatus, Inbound, InboundEvent, Outcome, ReceiptState, WRONG_NUMBER};
use futures_util::future::join_all;
use serde_json::json;

#[tokio::test]
async fn every_message_is_taken_once_and_its_receipt_comes_back() {
    let smsc = Smsc::start(&["--receipts", "20"]);
    let (carrier, mut events) = carrier(smsc.account());
    let outcomes = join_all((1..=300).map(|n| carrier.send(sms(n, "Hello")))).await;
    let mut awaited: HashSet<String> = outcomes
        .into_iter()
        .map(|o| match o {
            Outcome::Accepted { provider_id } => provider_id,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(awaited.len(), 300);
    for _ in 0..300 {
        let Inbound::Receipt { provider_id, reference, address, state, .. } = next_done(&mut events).await else {
            panic!("a receipt")
        };
        assert!(awaited.remove(&provider_id));
        let number = reference.unwrap();
        assert_eq!(address, format!("+1202555{number:04}"));
        assert_eq!(state, ReceiptState::Delivered);
    }
    assert!(awaited.is_empty());
    carrier.close().await;
    smsc.until_said("closed").await;
    let submits = smsc.submits();
    let numbers: HashSet<_> = submits.iter().map(|s| s.to.clone()).collect();
    assert_eq!((submits.len(), numbers.len()), (300, 300));
    assert!(matches!(carrier.send(sms(1, "x")).await, Outcome::Retry { .. }));
}

#[tokio::test]
async fn without_receipts_an_accepted_message_is_final() {
    let smsc = Smsc::start(&[]);
    let mut account = smsc.account();
    account["receipts"] = json!(false);
    let (carrier, _events) = carrier(account);
    assert!(matches!(carrier.send(sms(1, "Hello")).await, Outcome::Delivered { .. }));
    assert_eq!(smsc.submits()[0].registered, 0);
}

#[tokio::test]
async fn throttling_gives_the_message_back_and_slows_the_account() {
    let smsc = Smsc::start(&["--rate", "20"]);
    let (carrier, _events) = carrier(smsc.account());
    until_connected(&*carrier).await;
    let outcomes = join_all((1..=100).map(|n| carrier.send(sms(n, "Hello")))).await;
    let taken = outcomes.iter().filter(|o| matches!(o, Outcome::Accepted { .. })).count();
    let back = outcomes.iter().filter(|o| matches!(o, Outcome::Retry { throttled: true, .. })).count();
    assert!(taken >= 20 && back > 0 && taken + back == 100, "{taken} {back}");
    assert_eq!(smsc.submits().len(), taken);
    // with patience all of them pass, and none twice
    let mut open: Vec<i64> =
        outcomes.iter().zip(1..).filter(|(o, _)| matches!(o, Outcome::Retry { .. })).map(|(_, n)| n).collect();
    for _ in 0..60 {
        let outcomes = join_all(open.iter().map(|n| carrier.send(sms(*n, "Hello")))).await;
        let still = outcomes.iter().zip(&open).filter(|(o, _)| matches!(o, Outcome::Retry { .. })).map(|(_, n)| *n);
        open = still.collect();
        if open.is_empty() {
            break;
        }
        let pause = outcomes.iter().find_map(|o| match o {
            Outcome::Retry { after, .. } => *after,
            _ => None,
        });
        tokio::time::sleep(pause.unwrap_or(Duration::from_millis(100))).await;
    }
    assert!(open.is_empty(), "{open:?}");
    let submits = smsc.submits();
    let numbers: HashSet<_> = submits.iter().map(|s| s.to.clone()).collect();
    assert_eq!((submits.len(), numbers.len()), (100, 100));
}

#[tokio::test]
async fn a_bad_destination_is_final_and_a_system_error_is_not() {
    let smsc = Smsc::start(&["--error-every", "1"]);
    let (carrier, _events) = carrier(smsc.account());
    let outcome = carrier.send(sms(1, "Hello")).await;
    assert!(matches!(outcome, Outcome::Rejected { result: WRONG_NUMBER, .. }), "{outcome:?}");
    smsc.command(json!({"set": {"errorStatus": 8}}));
    tokio::time::sleep(Duration::from_millis(100)).await;
    let outcome = carrier.send(sms(2, "Hello")).await;
    assert!(matches!(outcome, Outcome::Retry { throttled: false, .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_message_without_an_answer_is_in_doubt_and_the_connection_lives_on() {
    let smsc = Smsc::start(&["--drop-every", "3"]);
    let mut account = smsc.account();
    account["smpp"] = json!({"responseTimeoutSeconds": 1});
    let (carrier, _events) = carrier(account);
    let outcomes = join_all((1..=9).map(|n| carrier.send(sms(n, "Hello")))).await;
    let in_doubt = outcomes.iter().filter(|o| matches!(o, Outcome::InDoubt { .. })).count();
    let taken = outcomes.iter().filter(|o| matches!(o, Outcome::Accepted { .. })).count();
    assert_eq!((in_doubt, taken), (3, 6), "{outcomes:?}");
    assert_eq!(carrier.status(), CarrierStatus::Connected);
}

#[tokio::test]
async fn what_left_before_a_cut_is_in_doubt_and_sending_goes_on_after_it() {
    let smsc = Smsc::start(&["--hangup-every", "50"]);
    let (carrier, _events) = carrier(smsc.account());
    let mut in_doubt = 0;
    let mut open: Vec<i64> = (1..=200).collect();
    for _ in 0..50 {
        let outcomes = join_all(open.iter().map(|n| carrier.send(sms(*n, "Hello")))).await;
        in_doubt += outcomes.iter().filter(|o| matches!(o, Outcome::InDoubt { .. })).count();
        let still = outcomes.iter().zip(&open).filter(|(o, _)| matches!(o, Outcome::Retry { .. })).map(|(_, n)| *n);
        open = still.collect();
        if open.is_empty() {
            break;
        }
    }
    assert!(open.is_empty(), "{open:?}");
    assert!(in_doubt >= 3, "{in_doubt}");
    // nobody was written to twice
    let submits = smsc.submits();
    let numbers: HashSet<_> = submits.iter().map(|s| s.to.clone()).collect();
    assert_eq!(submits.len(), numbers.len());
}

#[tokio::test]
async fn a_long_message_arrives_whole_in_parts_or_as_payload() {
    let smsc = Smsc::start(&["--receipts", "10"]);
    let (carrier, mut events) = carrier(smsc.account());
    let text = "Grüße {from} Köln €. ".repeat(12);
    let outcome = carrier.send(sms(7, &text)).await;
    let submits = smsc.submits();
    assert_eq!(submits.len(), 2);
    let headers: Vec<&str> = submits.iter().flat_map(|s| &s.udh).map(String::as_str).collect();
    assert!(headers.len() == 2 && headers[0].ends_with("0201") && headers[1].ends_with("0202"), "{headers:?}");
    assert_eq!(submits.iter().map(|s| s.text.as_str()).collect::<String>(), text);
    // one receipt, of the last part
    assert_eq!(submits.iter().map(|s| s.registered).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(outcome, Outcome::Accepted { provider_id: submits[1].id.clone() });
    let Inbound::Receipt { provider_id, .. } = next_done(&mut events).await else { panic!("a receipt") };
    assert_eq!(provider_id, submits[1].id);

    let mut account = smsc.account();
    account["smpp"] = json!({"longMessages": "payload"});
    let (payload_carrier, _events) = channel_peers::carrier(account);
    payload_carrier.send(sms(8, &text)).await;
    let last = smsc.submits().pop().unwrap();
    assert!(last.payload && last.udh.is_empty());
}

#[tokio::test]
async fn an_inbound_word_is_answered_only_when_it_is_stored() {
    let smsc = Smsc::start(&[]);
    let (carrier, mut events) = carrier(smsc.account());
    until_connected(&*carrier).await;
    smsc.command(json!({"mo": {"from": "12025550123", "to": "44555", "text": "STOP", "id": 1}}));
    let InboundEvent { event, ack } = next(&mut events).await;
    let expected = |text: &str| Inbound::Message {
        from: "+12025550123".into(),
        to: "44555".into(),
        text: text.into(),
        provider_id: String::new(),
    };
    assert_eq!(event, expected("STOP"));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!smsc.said().contains("answer"));
    ack.retry();
    smsc.until_said(r#"{"answer":100,"mo":1}"#).await;
    // brought again, and this time it can be stored
    assert_eq!(next_done(&mut events).await, expected("STOP"));
    smsc.until_said(r#"{"answer":0,"mo":1}"#).await;

    smsc.command(json!({"mo": {"from": "12025550123", "to": "44555", "hex": "0421042204120438d83ddc4b", "dataCoding": 8, "id": 2}}));
    assert_eq!(next_done(&mut events).await, expected("СТВи👋"));
    let long = "please stop texting me ".repeat(10);
    smsc.command(json!({"mo": {"from": "12025550123", "to": "44555", "text": long, "parts": 3, "id": 3}}));
    assert_eq!(next_done(&mut events).await, expected(&long));
}

#[tokio::test]
async fn an_event_that_nobody_answers_is_brought_again() {
    let smsc = Smsc::start(&[]);
    let (carrier, mut events) = carrier(smsc.account());
    until_connected(&*carrier).await;
    smsc.command(json!({"mo": {"from": "12025550123", "to": "44555", "text": "HELP", "id": 5}}));
    drop(next(&mut events).await);
    smsc.until_said(r#"{"answer":100,"mo":5}"#).await;
    next_done(&mut events).await;
}

#[tokio::test]
async fn a_wrong_password_shows_as_down_and_nothing_is_sent() {
    let smsc = Smsc::start(&["--password", "other"]);
    let (carrier, _events) = carrier(smsc.account());
    let outcome = carrier.send(sms(1, "Hello")).await;
    assert!(matches!(&outcome, Outcome::Retry { detail, .. } if detail.contains("ESME_RINVPASWD")), "{outcome:?}");
    assert!(matches!(carrier.status(), CarrierStatus::Down { reason } if reason.contains("ESME_RINVPASWD")));
    assert!(smsc.submits().is_empty());
}

#[tokio::test]
async fn an_unbound_account_comes_back_by_itself() {
    let smsc = Smsc::start(&[]);
    let (carrier, _events) = carrier(smsc.account());
    until_connected(&*carrier).await;
    smsc.command(json!({"unbind": true}));
    smsc.until_said("closed").await;
    assert!(matches!(carrier.send(sms(1, "Hello")).await, Outcome::Accepted { .. }));
    smsc.command(json!({"cut": true}));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(matches!(carrier.send(sms(2, "Hello")).await, Outcome::Accepted { .. }));
}

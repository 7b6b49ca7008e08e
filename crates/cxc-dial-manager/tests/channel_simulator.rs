//! The built-in simulator.
mod channel_peers;

use std::collections::HashMap;
use std::time::Duration;

use channel_peers::{carrier, email, next, next_done, sms};
use cxc_dial_manager::channel::{CarrierStatus, Inbound, InboundEvent, Outcome, ReceiptState, WRONG_NUMBER};
use futures_util::future::join_all;
use serde_json::{Value, json};

fn account(settings: &[(&str, Value)]) -> Value {
    let mut simulator = json!({
        "delay": {"min": 0, "max": 5}, "receiptDelay": {"min": 1, "max": 20}, "replyDelay": {"min": 1, "max": 20},
        "badAddress": 0, "refused": 0, "temporary": 0, "undelivered": 0, "replies": 0, "optOuts": 0, "helps": 0,
    });
    for (name, value) in settings {
        simulator[name] = value.clone();
    }
    json!({"kind": "simulator", "simulator": simulator})
}

#[tokio::test]
async fn every_message_is_accepted_and_gets_its_receipt() {
    let (carrier, mut events) = carrier(account(&[("undelivered", json!(0.5))]));
    let outcomes = join_all((1..=100).map(|n| carrier.send(sms(n, "Hello")))).await;
    let mut receipts = HashMap::new();
    for _ in 0..100 {
        let Inbound::Receipt { provider_id, state, reference, address, .. } = next_done(&mut events).await else {
            panic!("a receipt")
        };
        assert_eq!(address, format!("+1202555{:04}", reference.unwrap()));
        receipts.insert(provider_id, state);
    }
    for outcome in outcomes {
        let Outcome::Accepted { provider_id } = outcome else { panic!("{outcome:?}") };
        assert!(receipts.contains_key(&provider_id));
    }
    let failed = receipts.values().filter(|s| matches!(s, ReceiptState::Failed { .. })).count();
    assert!((25..75).contains(&failed), "{failed}");
}

#[tokio::test]
async fn the_same_seed_makes_the_same_fates() {
    let fates = async |seed: u64| {
        let settings =
            [("seed", json!(seed)), ("badAddress", json!(0.3)), ("refused", json!(0.2)), ("unanswered", json!(0.1))];
        let (carrier, _events) = carrier(account(&settings));
        join_all((1..=100).map(|n| carrier.send(sms(n, "Hello")))).await
    };
    let (one, same, other) = (fates(1).await, fates(1).await, fates(2).await);
    assert_eq!(one, same);
    assert_ne!(one, other);
    let bad = one.iter().filter(|o| matches!(o, Outcome::Rejected { result: WRONG_NUMBER, .. })).count();
    let lost = one.iter().filter(|o| matches!(o, Outcome::InDoubt { .. })).count();
    assert!((15..45).contains(&bad) && (2..25).contains(&lost), "{bad} {lost}");
}

#[tokio::test]
async fn a_message_refused_for_now_passes_in_the_end() {
    let (carrier, _events) = carrier(account(&[("temporary", json!(0.5)), ("throttled", json!(0.2))]));
    let mut tries = 0;
    while !matches!(carrier.send(sms(1, "Hello")).await, Outcome::Accepted { .. }) {
        tries += 1;
        assert!(tries < 100);
    }
}

#[tokio::test]
async fn people_answer_and_an_answer_that_was_not_stored_comes_again() {
    let (carrier, mut events) = carrier(account(&[("optOuts", json!(1.0)), ("receiptLost", json!(1.0))]));
    carrier.send(sms(5, "Hello")).await;
    let InboundEvent { event: first, ack } = next(&mut events).await;
    ack.retry();
    let again = next_done(&mut events).await;
    assert_eq!(first, again);
    let Inbound::Message { from, to, text, .. } = again else { panic!("a message") };
    assert_eq!((from.as_str(), to.as_str()), ("+12025550005", "44555"));
    assert!(["STOP", "UNSUBSCRIBE", "CANCEL"].iter().any(|w| text.to_uppercase().starts_with(w)), "{text}");
}

#[tokio::test]
async fn closing_brings_the_receipts_that_are_still_to_come() {
    let (carrier, mut events) = carrier(account(&[("receiptDelay", json!({"min": 60_000, "max": 60_000}))]));
    carrier.send(sms(1, "Hello")).await;
    let receive = async { next_done(&mut events).await };
    let (event, ()) = tokio::join!(receive, carrier.close());
    assert!(matches!(event, Inbound::Receipt { state: ReceiptState::Delivered, .. }));
    assert_eq!(carrier.status(), CarrierStatus::Closed);
    assert!(matches!(carrier.send(sms(2, "Hello")).await, Outcome::Retry { .. }));
}

#[tokio::test]
async fn simulated_email_is_final_at_once_and_an_sms_is_refused_there() {
    let (carrier, mut events) = carrier(account(&[("channel", json!("email"))]));
    assert!(matches!(carrier.send(email(1, "jo@example.org")).await, Outcome::Delivered { .. }));
    assert!(matches!(carrier.send(sms(1, "Hello")).await, Outcome::Rejected { .. }));
    let nothing = tokio::time::timeout(Duration::from_millis(200), events.recv()).await;
    assert!(nothing.is_err());
}

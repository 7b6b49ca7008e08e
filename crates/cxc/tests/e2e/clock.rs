//! A clock that was set back while nothing ran.
use std::time::Duration;

use cxc_test::{Signal, Smsc};
use serde_json::json;

use crate::audience::Audience;
use crate::campaign::Kind;
use crate::world::{World, until};

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn nobody_is_contacted_by_a_clock_behind_the_newest_decision_until_an_operator_accepts_it() {
    let smsc = Smsc::start().unwrap();
    let mut world = World::start().await;
    let list = world.import("spring", Audience(3)).await;
    let sms = world.template(Kind::Sms, smsc.port(), &json!({"receipts": false}), 60_000).await;
    let first = world.group("first", &sms, &list).await;
    first.start().await;
    assert_eq!(first.finished(PATIENCE).await["done"], json!({"Ok": 3}));
    world.cxc.end(Signal::Term, PATIENCE).unwrap();

    // as if they had been decided an hour later: the clock went back by as much
    world.execute("UPDATE evidence SET at = at + 3600000000").await;
    let refused = world.cxc.run(&["compliance", "clock"]).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    world.cxc.up().unwrap();
    let second = world.group("second", &sms, &list).await;
    second.start().await;
    let waits = async || second.accounting().await["waiting"].to_string().contains("compliance_unavailable");
    until("everybody waits", PATIENCE, waits).await;
    assert_eq!(smsc.count().unwrap(), 3, "nobody got a second message");

    world.cxc.run_ok(&["compliance", "clock", "--accept", "the clock ran an hour ahead until now"]).unwrap();
    assert!(world.cxc.run_ok(&["compliance", "clock"]).unwrap().contains("not behind"));
    let third = world.group("third", &sms, &list).await;
    third.start().await;
    assert_eq!(third.finished(PATIENCE).await["done"], json!({"Ok": 3}));
}

//! Proving one decision of a long chain: by few blocks, and finding what the whole chain would tell about it.
#![expect(clippy::unwrap_used, reason = "a test that finds something else than it expects has failed")]
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use cxc_core::channel::Channel;
use cxc_core::hash::HashKey;
use cxc_store::evidence::{
    Appending, ChainState, Decision, DeviceSeal, EvidenceChain, EvidenceId, Indexed, RulesUsed, day_of,
};
use cxc_store::{Db, Tx, on};
use cxc_test::TestDb;
use serde_json::json;
use sqlx::AssertSqlSafe;

const TENANT: i64 = 7;
const NOW: i64 = 1_772_366_400_000_000;
const CHAIN: u32 = 5;

/// A decision of a group of its own, so that each is a block.
fn decision(number: i64, result: &str) -> Decision {
    Decision {
        at: NOW,
        grp: number,
        channel: Channel::Sms,
        device: number,
        client: None,
        attempt: None,
        request_id: None,
        campaign_id: None,
        trace: None,
        held: None,
        rules: Arc::new(RulesUsed { version: 3, sha256: "ab".into(), selected: vec![] }),
        data: Arc::new(BTreeMap::new()),
        software: "0.1.0".into(),
        inputs: json!({ "device": number }),
        verdict: json!({ "decision": result }),
        columns: None,
    }
}

/// Appends blocks of one decision each.
async fn append(db: &Db, numbers: std::ops::RangeInclusive<i64>, result: &str) {
    let seal = DeviceSeal::new(&HashKey([7; 16])).unwrap();
    let mut chain = EvidenceChain::new(CHAIN);
    let decisions: Vec<Decision> = numbers.map(|number| decision(number, result)).collect();
    for some in decisions.chunks(500) {
        let mut tx = db.begin().await.unwrap();
        let to = Appending { chain: &mut chain, seal: &seal, tenant: TENANT, now: NOW, indexed: Indexed::Itself };
        let some: Vec<&Decision> = some.iter().collect();
        let appended = tx.evidence_append(to, &some, &HashMap::new()).await.unwrap();
        tx.commit().await.unwrap();
        chain.committed(&appended);
    }
}

fn id(seq: i64) -> EvidenceId {
    EvidenceId { day: day_of(NOW), chain: i64::from(CHAIN), seq, item: 0 }
}

async fn prove(tx: &mut Tx, seq: i64) -> ChainState {
    tx.evidence_prove(TENANT, id(seq)).await.unwrap()
}

async fn whole(tx: &mut Tx) -> ChainState {
    tx.evidence_verify(TENANT, day_of(NOW), i64::from(CHAIN)).await.unwrap()
}

async fn change(tx: &mut Tx, sql: String) {
    let changed = on!(tx, conn => sqlx::query(AssertSqlSafe(sql)).execute(conn).await.unwrap().rows_affected());
    assert!(changed > 0);
}

#[tokio::test]
async fn a_decision_of_a_long_chain_is_proved_by_few_blocks() {
    let db = TestDb::start().await.unwrap();
    append(&db, 1..=3_000, "allow").await;
    let mut tx = db.read().await.unwrap();
    assert_eq!(whole(&mut tx).await, ChainState { blocks: 3_000, decisions: 3_000, broken: None });
    for seq in [1, 2, 3, 63, 64, 65, 1_023, 1_024, 1_500, 2_047, 2_048, 2_049, 2_999, 3_000] {
        let state = prove(&mut tx, seq).await;
        assert_eq!((state.broken, state.decisions), (None, state.blocks), "{seq}");
        assert!((1..=75).contains(&state.blocks), "{seq}: {} blocks", state.blocks);
    }
    assert_eq!(prove(&mut tx, 3_001).await, ChainState::default(), "no such block: nothing is broken");
}

#[tokio::test]
async fn whatever_is_done_to_a_block_its_decision_is_not_proved_any_more() {
    let db = TestDb::start().await.unwrap();
    append(&db, 1..=40, "allow").await;
    for seq in 1..=40 {
        for done in [
            "UPDATE evidence SET grp = grp + 1 WHERE seq = $",
            "UPDATE evidence SET at = at + 1 WHERE seq = $",
            "UPDATE evidence SET body = previous WHERE seq = $",
            "UPDATE evidence SET hash = body WHERE seq = $",
            "UPDATE evidence SET skip = body WHERE seq = $",
            "UPDATE evidence SET previous = body WHERE seq = $",
            "DELETE FROM evidence WHERE seq = $",
            "DELETE FROM evidence WHERE seq >= $",
            "UPDATE evidence SET seq = seq + 100 WHERE seq = $",
            "DELETE FROM evidence_subject WHERE seq = $",
            "DELETE FROM evidence_head WHERE $ > 0",
            "UPDATE evidence_head SET seq = 41 WHERE $ > 0",
            "UPDATE evidence_head SET hash = skip FROM evidence WHERE evidence.seq = 40 AND $ > 0",
        ] {
            let mut tx = db.begin().await.unwrap();
            change(&mut tx, done.replace('$', &seq.to_string())).await;
            let proved = prove(&mut tx, seq).await;
            let found = whole(&mut tx).await;
            tx.rollback().await.unwrap();
            assert!(proved.broken.is_some() && found.broken.is_some(), "{done} {seq}: {proved:?} {found:?}");
        }
    }
    let mut tx = db.begin().await.unwrap();
    change(&mut tx, "UPDATE evidence SET grp = 0 WHERE seq = 20".to_owned()).await;
    assert_eq!(prove(&mut tx, 10).await.broken, None, "another block beside the way is for the whole chain to tell");
    assert_eq!(whole(&mut tx).await.broken.map(|(seq, _)| seq), Some(20));
}

/// The blocks of a chain as rows, to be put in the place of others.
type Raw = (i64, i64, i64, Vec<u8>, Vec<u8>, Option<Vec<u8>>, Vec<u8>);

#[tokio::test]
async fn blocks_that_were_written_anew_with_their_hashes_are_proved_only_with_the_whole_end() {
    const READ: &str = "SELECT seq, grp, decisions, body, previous, skip, hash FROM evidence ORDER BY seq";
    const PUT: &str = "UPDATE evidence SET body = $2, previous = $3, skip = $4, hash = $5 WHERE seq = $1";
    const END: i64 = 40;
    let (db, other) = (TestDb::start().await.unwrap(), TestDb::start().await.unwrap());
    append(&db, 1..=END, "deny").await;
    append(&other, 1..=9, "deny").await;
    // who has the program makes another tenth decision, and all that follow it as they would be then
    append(&other, 10..=10, "allow").await;
    append(&other, 11..=END, "deny").await;
    let mut forged = other.read().await.unwrap();
    let forged: Vec<Raw> = on!(&mut forged, conn => sqlx::query_as(READ).fetch_all(conn).await.unwrap());
    for until in 10..=END {
        let mut tx = db.begin().await.unwrap();
        for (seq, _, _, body, previous, skip, hash) in forged.iter().filter(|raw| (10..=until).contains(&raw.0)) {
            on!(&mut tx, conn => sqlx::query(PUT).bind(seq).bind(&body[..]).bind(&previous[..]).bind(skip.as_deref())
                .bind(&hash[..]).execute(conn).await.unwrap().rows_affected());
        }
        let found = (prove(&mut tx, 10).await, whole(&mut tx).await);
        tx.rollback().await.unwrap();
        assert!(found.0.broken.is_some() && found.1.broken.is_some(), "until {until}: {found:?}");
    }
}

#[tokio::test]
async fn a_block_of_before_that_names_only_the_one_before_it_is_passed_on_the_long_way() {
    let db = TestDb::start().await.unwrap();
    append(&db, 1..=11, "allow").await;
    // a writer that does not find the eighth block can't name it, as those of before never did
    let hide = |from: i64, to: i64| format!("UPDATE evidence SET seq = {to} WHERE seq = {from}");
    let mut tx = db.begin().await.unwrap();
    change(&mut tx, hide(8, -8)).await;
    tx.commit().await.unwrap();
    append(&db, 12..=12, "allow").await;
    let mut tx = db.begin().await.unwrap();
    change(&mut tx, hide(-8, 8)).await;
    tx.commit().await.unwrap();
    append(&db, 13..=14, "allow").await;
    let mut tx = db.read().await.unwrap();
    assert_eq!(whole(&mut tx).await.broken, None);
    let of_three = ChainState { blocks: 13, decisions: 13, broken: None };
    assert_eq!(prove(&mut tx, 3).await, of_three, "each block from the second on");
    assert_eq!(prove(&mut tx, 13).await.blocks, 3);
    for (done, at) in [("UPDATE evidence SET grp = 0 WHERE seq = 9", 9), ("DELETE FROM evidence WHERE seq = 10", 11)] {
        let mut tx = db.begin().await.unwrap();
        change(&mut tx, done.to_owned()).await;
        let found = prove(&mut tx, 3).await.broken.map(|(seq, _)| seq);
        tx.rollback().await.unwrap();
        assert_eq!(found, Some(at), "{done}");
    }
}

//! Evidence: appended in blocks, found by person, group and time, chained, and kept when a person is erased.
#![expect(clippy::unwrap_used, reason = "a test that finds something else than it expects has failed")]
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use cxc_core::channel::Channel;
use cxc_core::hash::HashKey;
use cxc_store::attempt::NewAttempt;
use cxc_store::evidence::{
    Appending, DataSnapshot, Decision, DeviceSeal, EvidenceChain, EvidenceFilter, EvidenceId, Indexed, LEAST_KEPT_DAYS,
    RuleSnapshot, RulesUsed, day_of, kept_days,
};
use cxc_store::{Db, on};
use cxc_test::{TestDb, begun};
use serde_json::json;
use sqlx::AssertSqlSafe;

const TENANT: i64 = 7;
const NOW: i64 = 1_772_366_400_000_000;
const DAY: i64 = 86_400_000_000;

fn decision(device: i64, client: Option<i64>, grp: i64) -> Decision {
    Decision {
        at: NOW,
        grp,
        channel: Channel::Sms,
        device,
        client,
        attempt: Some((202_603, device)),
        request_id: None,
        campaign_id: None,
        trace: None,
        held: None,
        rules: Arc::new(RulesUsed { version: 3, sha256: "ab".into(), selected: vec!["mine".into()] }),
        data: Arc::new(BTreeMap::from([("tzdb".into(), "2026f".into())])),
        software: "0.1.0".into(),
        inputs: json!({ "parts": [{ "kind": "phone", "zones": "America/New_York" }] }),
        verdict: json!({ "decision": "allow", "reasons": [] }),
        columns: (device == 1).then(|| r#"{"c_other1":"VIP"}"#.into()),
    }
}

fn seal() -> DeviceSeal {
    DeviceSeal::new(&HashKey([7; 16])).unwrap()
}

async fn append(db: &Db, chain: &mut EvidenceChain, now: i64, decisions: &[Decision]) -> Vec<EvidenceId> {
    append_as(db, chain, now, decisions, Indexed::Itself).await
}

async fn append_as(
    db: &Db,
    chain: &mut EvidenceChain,
    now: i64,
    decisions: &[Decision],
    indexed: Indexed,
) -> Vec<EvidenceId> {
    let texts: Vec<(i64, String)> = decisions.iter().map(|d| (d.device, format!("+1202555{:04}", d.device))).collect();
    let addresses: HashMap<i64, &str> = texts.iter().map(|(hash, text)| (*hash, text.as_str())).collect();
    let decisions: Vec<&Decision> = decisions.iter().collect();
    let seal = seal();
    let mut tx = db.begin().await.unwrap();
    let to = Appending { chain, seal: &seal, tenant: TENANT, now, indexed };
    let appended = tx.evidence_append(to, &decisions, &addresses).await.unwrap();
    tx.commit().await.unwrap();
    chain.committed(&appended);
    appended.ids
}

#[tokio::test]
async fn a_decision_is_read_as_it_was_appended_and_only_by_its_tenant() {
    let db = TestDb::start().await.unwrap();
    let mut chain = EvidenceChain::new(5);
    let decisions: Vec<Decision> = (0..250).map(|i| decision(i, Some(1_000 + i), i % 2)).collect();
    let ids = append(&db, &mut chain, NOW, &decisions).await;
    let mut tx = db.read().await.unwrap();
    for (id, decision) in ids.iter().zip(&decisions) {
        let mut found = tx.evidence_get(TENANT, *id).await.unwrap().unwrap();
        assert_eq!(found.decision, Decision { columns: None, ..decision.clone() });
        found.open(&seal(), TENANT).unwrap();
        let columns = &found.decision.inputs["columns"];
        assert_eq!(
            columns.is_object().then(|| columns.to_string()),
            decision.columns,
            "only what was opened tells them"
        );
    }
    assert_eq!(tx.evidence_get(TENANT + 1, ids[0]).await.unwrap(), None);
    assert_eq!(tx.evidence_get(TENANT, EvidenceId { item: 100, ..ids[0] }).await.unwrap(), None);
    // two groups of 125: four blocks, none of two groups
    let state = tx.evidence_verify(TENANT, day_of(NOW), 5).await.unwrap();
    assert_eq!((state.blocks, state.decisions, state.broken), (4, 250, None));
}

#[tokio::test]
async fn who_writes_a_days_chains_anew_gets_another_digest() {
    let db = TestDb::start().await.unwrap();
    let mut chain = EvidenceChain::new(5);
    append(&db, &mut chain, NOW, &[decision(1, None, 1), decision(2, None, 1)]).await;
    append(&db, &mut EvidenceChain::new(6), NOW, &[decision(3, None, 1)]).await;
    append(&db, &mut chain, NOW + DAY, &[decision(1, None, 1)]).await;
    let (day, next) = (day_of(NOW), day_of(NOW + DAY));
    let mut tx = db.read().await.unwrap();
    let was = tx.evidence_digest(TENANT, day).await.unwrap().unwrap();
    assert_eq!((was.chains, was.blocks, was.digest.len()), (2, 2, 64));
    assert_eq!(tx.evidence_digest(TENANT, day).await.unwrap(), Some(was.clone()));
    assert_ne!(tx.evidence_digest(TENANT, next).await.unwrap().unwrap().digest, was.digest);
    assert_eq!(tx.evidence_digest(TENANT + 1, day).await.unwrap(), None);
    drop(tx);

    // whoever writes to the database and knows its key removes a day and writes another: the chains hold
    let mut tx = db.begin().await.unwrap();
    for table in ["evidence", "evidence_head"] {
        let sql = format!("DELETE FROM {table} WHERE day = {day}");
        on!(&mut tx, conn => sqlx::query(AssertSqlSafe(sql)).execute(conn).await.unwrap().rows_affected());
    }
    tx.commit().await.unwrap();
    append(&db, &mut EvidenceChain::new(5), NOW, &[decision(1, None, 1)]).await;
    append(&db, &mut EvidenceChain::new(6), NOW, &[decision(3, None, 1)]).await;
    let mut tx = db.read().await.unwrap();
    assert_eq!(tx.evidence_verify(TENANT, day, 5).await.unwrap().broken, None);
    let is = tx.evidence_digest(TENANT, day).await.unwrap().unwrap();
    assert_eq!((is.chains, is.blocks), (2, 2));
    assert_ne!(is.digest, was.digest);
}

#[tokio::test]
async fn decisions_are_found_by_person_group_and_time_page_by_page() {
    let db = TestDb::start().await.unwrap();
    let mut chain = EvidenceChain::new(5);
    for day in 0..3 {
        let decisions: Vec<Decision> = (0..120).map(|i| decision(i, Some(1_000 + i / 2), i % 3)).collect();
        append(&db, &mut chain, NOW + day * DAY, &decisions).await;
    }
    let mut tx = db.read().await.unwrap();
    let all = EvidenceFilter { from: 0, to: i64::MAX, ..EvidenceFilter::default() };
    let person = EvidenceFilter { keys: vec![4, 5, 1_002], ..all.clone() };
    let found = tx.evidence_find(TENANT, &person, 100).await.unwrap();
    assert_eq!(found.len(), 6, "two devices on three days, each once though its client id is asked for too");
    let second_day = EvidenceFilter { from: NOW + DAY, to: NOW + 2 * DAY, ..person.clone() };
    assert_eq!(tx.evidence_find(TENANT, &second_day, 100).await.unwrap().len(), 2);
    for filter in [all.clone(), EvidenceFilter { grp: Some(2), ..all }, person] {
        let whole = tx.evidence_find(TENANT, &filter, 10_000).await.unwrap();
        let mut paged = Vec::new();
        let mut next = filter.clone();
        loop {
            let page = tx.evidence_find(TENANT, &next, 7).await.unwrap();
            let Some(last) = page.last() else { break };
            next.after = Some((last.block_at, last.id));
            paged.extend(page);
        }
        assert_eq!(paged, whole);
        assert!(!whole.is_empty() && filter.grp.is_none_or(|g| whole.iter().all(|f| f.decision.grp == g)));
    }
}

#[tokio::test]
async fn whoever_changes_removes_or_moves_a_block_breaks_the_chain_there() {
    let db = TestDb::start().await.unwrap();
    let mut chain = EvidenceChain::new(5);
    for _ in 0..5 {
        append(&db, &mut chain, NOW, &[decision(1, None, 1)]).await;
    }
    let broken = async |sql: &'static str| {
        let mut tx = db.begin().await.unwrap();
        on!(&mut tx, conn => sqlx::query(sql).execute(conn).await.unwrap().rows_affected());
        let state = tx.evidence_verify(TENANT, day_of(NOW), 5).await.unwrap();
        tx.rollback().await.unwrap();
        state.broken.map(|(seq, _)| seq)
    };
    assert_eq!(
        broken("UPDATE evidence SET body = (SELECT body FROM evidence WHERE seq = 1)").await,
        None,
        "equal content"
    );
    assert_eq!(broken("UPDATE evidence SET grp = 2 WHERE seq = 3").await, Some(3));
    assert_eq!(broken("UPDATE evidence SET body = previous WHERE seq = 2").await, Some(2));
    assert_eq!(broken("UPDATE evidence SET hash = previous WHERE seq = 2").await, Some(2));
    assert_eq!(broken("DELETE FROM evidence WHERE seq = 4").await, Some(5));
    assert_eq!(broken("DELETE FROM evidence WHERE seq = 1").await, Some(2));
    assert_eq!(broken("DELETE FROM evidence WHERE seq = 5").await, Some(5), "the last block");
    assert_eq!(broken("DELETE FROM evidence WHERE seq > 2").await, Some(3));
    assert_eq!(broken("DELETE FROM evidence").await, Some(1), "the whole chain");
    assert_eq!(broken("DELETE FROM evidence_head").await, Some(5));
    assert_eq!(broken("UPDATE evidence_head SET seq = 4").await, Some(5));
    assert_eq!(broken("UPDATE evidence_head SET hash = (SELECT hash FROM evidence WHERE seq = 4)").await, Some(5));
}

#[tokio::test]
async fn a_chain_whose_end_was_removed_is_not_mended_by_going_on() {
    let db = TestDb::start().await.unwrap();
    for _ in 0..3 {
        append(&db, &mut EvidenceChain::new(5), NOW, &[decision(1, None, 1)]).await;
    }
    let mut tx = db.begin().await.unwrap();
    let sql = "DELETE FROM evidence WHERE seq = 3";
    on!(&mut tx, conn => sqlx::query(sql).execute(conn).await.unwrap().rows_affected());
    tx.commit().await.unwrap();
    append(&db, &mut EvidenceChain::new(5), NOW, &[decision(1, None, 1)]).await;
    let mut tx = db.begin().await.unwrap();
    assert_eq!(tx.evidence_verify(TENANT, day_of(NOW), 5).await.unwrap().broken.map(|b| b.0), Some(4));
    let sql = "DELETE FROM evidence";
    on!(&mut tx, conn => sqlx::query(sql).execute(conn).await.unwrap().rows_affected());
    assert_eq!(tx.evidence_chains(TENANT, day_of(NOW)).await.unwrap(), [5], "it is still asked about");
    // once it need not be kept any more, nothing is left of it
    let later = NOW + (LEAST_KEPT_DAYS + 1) * DAY;
    tx.evidence_expire(TENANT, None, later, 100).await.unwrap();
    assert_eq!(tx.evidence_chains(TENANT, day_of(NOW)).await.unwrap(), Vec::<i64>::new());
}

#[tokio::test]
async fn a_chain_goes_on_after_a_rollback_and_in_a_writer_that_forgot_it() {
    let db = TestDb::start().await.unwrap();
    let mut chain = EvidenceChain::new(5);
    append(&db, &mut chain, NOW, &[decision(1, None, 1)]).await;
    let mut tx = db.begin().await.unwrap();
    let (seal, lost) = (seal(), decision(2, None, 1));
    let to = Appending { chain: &mut chain, seal: &seal, tenant: TENANT, now: NOW, indexed: Indexed::Itself };
    tx.evidence_append(to, &[&lost], &HashMap::new()).await.unwrap();
    tx.rollback().await.unwrap();
    append(&db, &mut chain, NOW, &[decision(3, None, 1)]).await;
    append(&db, &mut EvidenceChain::new(5), NOW, &[decision(4, None, 1)]).await;
    append(&db, &mut EvidenceChain::new(6), NOW, &[decision(5, None, 1)]).await;
    let mut tx = db.read().await.unwrap();
    assert_eq!(tx.evidence_chains(TENANT, day_of(NOW)).await.unwrap(), [5, 6]);
    let state = tx.evidence_verify(TENANT, day_of(NOW), 5).await.unwrap();
    assert_eq!((state.blocks, state.broken), (3, None));
}

#[tokio::test]
async fn erasure_takes_the_device_and_leaves_the_chain_whole() {
    let db = TestDb::start().await.unwrap();
    let mut chain = EvidenceChain::new(5);
    let ids = append(&db, &mut chain, NOW, &[decision(1, None, 1), decision(2, None, 1)]).await;
    append(&db, &mut chain, NOW, &[decision(1, None, 1)]).await;
    let mut tx = db.begin().await.unwrap();
    let device = async |tx: &mut cxc_store::Tx, id| {
        tx.evidence_get(TENANT, id).await.unwrap().unwrap().open(&seal(), TENANT).unwrap()
    };
    assert_eq!(device(&mut tx, ids[0]).await.as_deref(), Some("+12025550001"));
    assert_eq!(tx.evidence_forget(TENANT, &[1]).await.unwrap(), 2);
    assert_eq!(device(&mut tx, ids[0]).await, None);
    assert_eq!(device(&mut tx, ids[1]).await.as_deref(), Some("+12025550002"));
    assert!(tx.evidence_get(TENANT, ids[0]).await.unwrap().is_some());
    assert_eq!(tx.evidence_verify(TENANT, day_of(NOW), 5).await.unwrap().broken, None);
}

fn attempt(id: i64, device: i64, client: Option<i64>, now: i64) -> NewAttempt {
    NewAttempt {
        tenant: TENANT,
        month: 202_603,
        id,
        grp: 1,
        record: id,
        list: 1,
        contact: id,
        account: 1,
        epoch: 1,
        channel: Channel::Sms.bit(),
        position: 1,
        device_hash: device,
        client_hash: client,
        location: 0,
        rule_set: 3,
        regions: None,
        started_at: now,
    }
}

#[tokio::test]
async fn decisions_of_senders_are_found_by_their_attempts_and_outlive_them() {
    let db = TestDb::start().await.unwrap();
    let mut chain = EvidenceChain::new(5);
    // 120 people are contacted five times each; the first attempt of each is reported and has no decision
    for day in 0..6 {
        let decisions: Vec<Decision> = (0..120)
            .map(|i| Decision { attempt: Some((202_603, day * 1_000 + i)), ..decision(i, Some(1_000 + i / 2), 1) })
            .collect();
        let at = NOW + day * DAY;
        let attempts: Vec<NewAttempt> =
            (0..120).map(|i| attempt(day * 1_000 + i, i, Some(1_000 + i / 2), at)).collect();
        let mut tx = db.begin().await.unwrap();
        tx.attempt_insert(&begun(&attempts)).await.unwrap();
        tx.commit().await.unwrap();
        if day > 0 {
            append_as(&db, &mut chain, at, &decisions, Indexed::ByAttempt).await;
        }
    }
    let person = EvidenceFilter { keys: vec![4, 1_002], to: i64::MAX, ..EvidenceFilter::default() };
    let mut tx = db.begin().await.unwrap();
    let whole = tx.evidence_find(TENANT, &person, 100).await.unwrap();
    assert_eq!(whole.len(), 10, "the device's own and the other one of the client id");
    assert!(whole.iter().all(|f| [4, 5].contains(&f.decision.device)));
    let mut paged = Vec::new();
    let mut next = person.clone();
    loop {
        let page = tx.evidence_find(TENANT, &next, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        next.after = Some((last.block_at, last.id));
        paged.extend(page);
    }
    assert_eq!(paged, whole);
    assert_eq!(tx.evidence_find(TENANT + 1, &person, 100).await.unwrap(), []);
    // erased: the attempts name nobody any more, the decisions are found by the hash and tell no device
    assert_eq!(tx.evidence_forget(TENANT, &[4, 1_002]).await.unwrap(), 10);
    on!(&mut tx, conn => sqlx::query("UPDATE attempt SET device_hash = 0, client_hash = NULL WHERE client_hash = 1002")
        .execute(conn).await.unwrap().rows_affected());
    let after = tx.evidence_find(TENANT, &person, 100).await.unwrap();
    assert_eq!(after.iter().map(|f| f.id).collect::<Vec<_>>(), whole.iter().map(|f| f.id).collect::<Vec<_>>());
    let names = |f: &cxc_store::evidence::Found| f.personal(&seal(), TENANT).unwrap();
    assert!(after.iter().all(|f| names(f).is_none()), "also the device that only the client id leads to");
}

#[tokio::test]
async fn who_takes_a_decision_out_of_the_index_breaks_its_chain() {
    let db = TestDb::start().await.unwrap();
    let mut chain = EvidenceChain::new(5);
    append(&db, &mut chain, NOW, &[decision(1, Some(9), 1)]).await;
    append(&db, &mut chain, NOW, &(2..150).map(|n| decision(n, Some(9), 1)).collect::<Vec<_>>()).await;
    let at = NOW + 1;
    let mut tx = db.begin().await.unwrap();
    tx.attempt_insert(&begun(&[attempt(500, 500, Some(9), at)])).await.unwrap();
    tx.commit().await.unwrap();
    let allowed = Decision { attempt: Some((202_603, 500)), ..decision(500, Some(9), 1) };
    append_as(&db, &mut chain, at, &[allowed], Indexed::ByAttempt).await;
    let broken = async |sql: &'static str| {
        let mut tx = db.begin().await.unwrap();
        on!(&mut tx, conn => sqlx::query(sql).execute(conn).await.unwrap().rows_affected());
        let state = tx.evidence_verify(TENANT, day_of(NOW), 5).await.unwrap();
        tx.rollback().await.unwrap();
        (state.broken.map(|(seq, _)| seq), state.blocks, state.decisions)
    };
    // 148 decisions are two blocks
    assert_eq!(broken("UPDATE attempt SET state = state").await, (None, 4, 150));
    assert_eq!(broken("DELETE FROM evidence_subject WHERE key_hash = 1").await, (Some(1), 0, 0));
    assert_eq!(broken("DELETE FROM evidence_subject WHERE key_hash = 149").await, (Some(3), 2, 101));
    assert_eq!(
        broken("DELETE FROM evidence_subject WHERE key_hash = 9 AND seq = 2 AND item = 7").await,
        (Some(2), 1, 1)
    );
    assert_eq!(broken("UPDATE evidence_subject SET item = 77 WHERE key_hash = 5").await, (Some(2), 1, 1));
    assert_eq!(broken("UPDATE evidence_subject SET key_hash = 777 WHERE key_hash = 5").await, (Some(2), 1, 1));
    assert_eq!(broken("DELETE FROM attempt").await, (Some(4), 3, 149));
    assert_eq!(broken("UPDATE attempt SET client_hash = NULL").await, (Some(4), 3, 149));
    assert_eq!(broken("UPDATE attempt SET contact = -1").await, (Some(4), 3, 149), "erased by somebody else");
    // erasure puts them into the index first, and whoever is found there is found
    let mut tx = db.begin().await.unwrap();
    tx.evidence_forget(TENANT, &[1, 9, 500]).await.unwrap();
    on!(&mut tx, conn => sqlx::query("UPDATE attempt SET device_hash = 0, client_hash = NULL, contact = -1")
        .execute(conn).await.unwrap().rows_affected());
    assert_eq!(tx.evidence_verify(TENANT, day_of(NOW), 5).await.unwrap().broken, None);
}

#[tokio::test]
async fn entries_that_were_put_into_the_index_hide_nobody_and_show_nobody_else() {
    let db = TestDb::start().await.unwrap();
    let mut chain = EvidenceChain::new(5);
    append(&db, &mut chain, NOW, &[decision(1, None, 1), decision(2, None, 1)]).await;
    append(&db, &mut chain, NOW + DAY, &[decision(1, None, 1)]).await;
    let mut tx = db.begin().await.unwrap();
    for (seq, item) in [(1, 1), (9, 0), (9, 1), (9, 2), (9, 3)] {
        const SQL: &str = "INSERT INTO evidence_subject (tenant, key_hash, at, day, chain, seq, item)
            VALUES ($1, 1, $2, $3, 5, $4, $5)";
        on!(&mut tx, conn => sqlx::query(SQL).bind(TENANT).bind(NOW + 1).bind(day_of(NOW)).bind(seq).bind(item)
            .execute(conn).await.unwrap().rows_affected());
    }
    let person = EvidenceFilter { keys: vec![1], to: i64::MAX, ..EvidenceFilter::default() };
    for limit in [1, 2, 3, 100] {
        let found = tx.evidence_find(TENANT, &person, limit).await.unwrap();
        assert_eq!(found.len(), limit.min(2), "of {limit}");
        assert!(found.iter().all(|f| f.decision.device == 1));
    }
}

#[tokio::test]
async fn evidence_is_kept_for_five_years_whatever_is_asked_for() {
    assert_eq!((kept_days(None), kept_days(Some(1))), (LEAST_KEPT_DAYS, LEAST_KEPT_DAYS));
    assert_eq!(kept_days(Some(3_650)), 3_650);
    let db = TestDb::start().await.unwrap();
    let mut chain = EvidenceChain::new(5);
    let ids = append(&db, &mut chain, NOW, &[decision(1, Some(9), 1)]).await;
    append(&db, &mut chain, NOW + 10 * DAY, &[decision(1, Some(9), 1)]).await;
    let mut tx = db.begin().await.unwrap();
    let later = NOW + LEAST_KEPT_DAYS * DAY;
    assert_eq!(tx.evidence_expire(TENANT, Some(30), later, 100).await.unwrap(), 0);
    assert_eq!(tx.evidence_expire(TENANT, Some(4_000), later + DAY, 100).await.unwrap(), 0);
    assert_eq!(tx.evidence_expire(TENANT, None, later + DAY, 100).await.unwrap(), 1);
    assert_eq!(tx.evidence_get(TENANT, ids[0]).await.unwrap(), None);
    let filter = EvidenceFilter { keys: vec![9], to: i64::MAX, ..EvidenceFilter::default() };
    assert_eq!(tx.evidence_find(TENANT, &filter, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_rules_of_a_version_are_kept_once_and_read_by_their_hash() {
    let db = TestDb::start().await.unwrap();
    let one = RuleSnapshot::of(4, &json!({ "attemptRules": [1, 2, 3] })).unwrap();
    let two = RuleSnapshot::of(4, &json!({ "attemptRules": [] })).unwrap();
    let mut tx = db.begin().await.unwrap();
    for snapshot in [&one, &two, &one] {
        tx.rule_snapshot_put(TENANT, snapshot, NOW).await.unwrap();
    }
    assert_eq!(tx.rule_snapshot_get(TENANT, 4, &one.key()).await.unwrap(), Some(one.clone()));
    assert_eq!(tx.rule_snapshot_get(TENANT, 4, &two.key()).await.unwrap(), Some(two));
    assert_eq!(tx.rule_snapshot_get(TENANT, 5, &one.key()).await.unwrap(), None);
    assert_eq!(tx.rule_snapshot_get(TENANT + 1, 4, &one.key()).await.unwrap(), None);
}

#[tokio::test]
async fn data_and_rules_are_kept_as_long_as_a_decision_may_name_them() {
    let db = TestDb::start().await.unwrap();
    let data = |version: &str| DataSnapshot::new("tzdb", version, [(version, version.as_bytes())]);
    let rules = |version: i64| RuleSnapshot::of(version, &json!({ "version": version })).unwrap();
    let (old, new) = (data("2026f"), data("2031a"));
    let mut tx = db.begin().await.unwrap();
    let tenant = "INSERT INTO tenant (no, id, short_name, customer_name, domain, ccid, version, created_at, created_by, updated_at, updated_by)
        VALUES ($1, $2, 'a', 'a', 'a', 'a', 1, 0, '', 0, '')";
    on!(&mut tx, conn => sqlx::query(tenant).bind(TENANT).bind(uuid::Uuid::from_u128(7)).execute(conn).await.unwrap().rows_affected());
    tx.data_snapshot_put(&old, NOW).await.unwrap();
    for (version, at) in [(3, NOW), (4, NOW + 20 * DAY), (5, NOW + 40 * DAY)] {
        tx.rule_snapshot_put(TENANT, &rules(version), at).await.unwrap();
    }
    tx.commit().await.unwrap();
    let mut chain = EvidenceChain::new(5);
    append(&db, &mut chain, NOW + 10 * DAY, &[decision(1, Some(9), 1)]).await;
    append(&db, &mut chain, NOW + 30 * DAY, &[decision(1, Some(9), 1)]).await;
    let mut tx = db.begin().await.unwrap();
    // a process used them for thirty days, then came an update
    assert!(tx.data_snapshot_use("tzdb", &old.sha256(), NOW + 30 * DAY).await.unwrap());
    assert!(!tx.data_snapshot_use("tzdb", &new.sha256(), NOW + 30 * DAY).await.unwrap());
    tx.data_snapshot_put(&new, NOW + 30 * DAY).await.unwrap();
    let five_years = LEAST_KEPT_DAYS * DAY;
    let later = NOW + 35 * DAY + five_years;
    assert!(tx.data_snapshot_use("tzdb", &new.sha256(), later).await.unwrap());
    // the evidence is not swept yet, or is kept for longer: whatever it may name stays
    assert_eq!(tx.snapshots_expire(later).await.unwrap(), 0);
    assert_eq!(tx.evidence_expire(TENANT, None, NOW + 25 * DAY + five_years, 100).await.unwrap(), 1);
    // the decision of the thirtieth day was made by version 4 and by the old data
    assert_eq!(tx.snapshots_expire(NOW + 31 * DAY + five_years).await.unwrap(), 1, "version 3");
    assert!(tx.data_snapshot_get("tzdb", &old.sha256()).await.unwrap().is_some());
    assert_eq!(tx.evidence_expire(TENANT, None, later, 100).await.unwrap(), 1);
    assert_eq!(tx.snapshots_expire(NOW + 30 * DAY + five_years).await.unwrap(), 0, "five years are not over");
    assert_eq!(
        tx.snapshots_expire(later).await.unwrap(),
        1,
        "the old data; version 4 was in use until the fortieth day"
    );
    assert_eq!(tx.data_snapshot_get("tzdb", &old.sha256()).await.unwrap(), None);
    assert!(tx.data_snapshot_get("tzdb", &new.sha256()).await.unwrap().is_some(), "what is in use stays");
    let kept = async |tx: &mut cxc_store::Tx, version: i64| {
        tx.rule_snapshot_get(TENANT, version, &rules(version).key()).await.unwrap().is_some()
    };
    assert_eq!((kept(&mut tx, 3).await, kept(&mut tx, 4).await, kept(&mut tx, 5).await), (false, true, true));
    assert_eq!(tx.snapshots_expire(NOW + 42 * DAY + five_years).await.unwrap(), 1, "version 4");
    assert!(kept(&mut tx, 5).await, "the newest rules stay");
}

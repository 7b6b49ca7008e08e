//! What happens to groups by themselves.
use std::time::Duration;

use cxc_campaign_manager::preload::LOAD;
use cxc_core::attempt::AttemptState;
use cxc_core::channel::Channel;
use cxc_core::record::{Reason, RecordStatus};
use cxc_store::attempt::{AttemptOutcome, MadeAttempt, NewAttempt, month_of};
use cxc_store::group_live::LiveGroup;
use cxc_store::job::NewJob;
use serde_json::{Value, json};

use crate::support::{Campaigns, Group, people};

async fn running<'a>(c: &'a Campaigns, count: usize) -> Group<'a> {
    let list = c.list(people("30", count)).await;
    let group = c.group("one").await;
    group.set_lists(&[&list]).await;
    group.work("start").await;
    assert_eq!(group.state().await, "running");
    group
}

#[tokio::test]
async fn a_group_with_nothing_left_to_do_completes_unless_it_is_told_not_to() {
    let c = Campaigns::at_work().await;
    let group = running(&c, 3).await;
    let tag = c.app.get(&group.path).await.etag();
    c.app.patch(&group.path).if_match(&tag).json(&json!({ "autoComplete": false })).await.expect(200);
    let records = group.records().await;
    group.move_to(&records[..2], RecordStatus::Done, Reason::None, Some(0)).await;
    group.move_to(&records[2..], RecordStatus::InDoubt, Reason::None, None).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(group.state().await, "running");
    let tag = c.app.get(&group.path).await.etag();
    c.app.patch(&group.path).if_match(&tag).json(&json!({ "autoComplete": true })).await.expect(200);
    group.until("it is at rest", async |g| g.state().await == "not_loaded").await;
}

#[tokio::test]
async fn a_group_whose_people_wait_does_not_complete() {
    let c = Campaigns::at_work().await;
    let group = running(&c, 2).await;
    let records = group.records().await;
    group.move_to(&records[..1], RecordStatus::Done, Reason::None, Some(0)).await;
    let path = format!("{}/records/{}/actions/reschedule", group.path, records[1].id);
    c.app.post(&path).json(&json!({ "at": "2026-03-04T09:00:00Z" })).await.expect(200);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(group.state().await, "running");
}

#[tokio::test]
async fn a_group_does_not_wait_for_days_for_the_last_receipt() {
    let c = Campaigns::at_work().await;
    let group = running(&c, 2).await;
    let records = group.records().await;
    let (app, now) = (&c.app.app, c.app.app.now());
    let row = app.db.read().await.unwrap().group_by_number(group.number, false).await.unwrap().unwrap();
    let accepted = MadeAttempt {
        attempt: NewAttempt {
            tenant: c.app.tenant(),
            month: month_of(now),
            id: 1,
            grp: group.number,
            record: records[0].id,
            list: records[0].list,
            contact: records[0].id,
            account: row.account,
            epoch: 1,
            channel: 2,
            position: 1,
            device_hash: 1,
            client_hash: None,
            location: 0,
            rule_set: 0,
            regions: None,
            started_at: now,
        },
        outcome: AttemptOutcome {
            state: AttemptState::Accepted.code(),
            provider_id: Some("m-1".into()),
            ..AttemptOutcome::default()
        },
    };
    let mut tx = app.db.begin().await.unwrap();
    tx.attempt_insert(&[accepted]).await.unwrap();
    tx.commit().await.unwrap();
    group.move_to(&records, RecordStatus::InProgress, Reason::AwaitingReceipt, None).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let accounting = group.accounting().await;
    assert_eq!((group.state().await.as_str(), &accounting["sendingFinished"]), ("running", &json!(true)));
    c.app.clock.advance(Duration::from_secs(4 * 3_600 + 1));
    group.until("it is at rest", async |g| g.state().await == "not_loaded").await;
    assert_eq!(group.accounting().await["awaitingReceipt"], 2, "they are still accounted for");
}

#[tokio::test]
async fn a_stopped_group_waits_for_what_is_being_sent_but_not_for_receipts() {
    let c = Campaigns::at_work().await;
    let group = running(&c, 3).await;
    let records = group.records().await;
    group.move_to(&records[..1], RecordStatus::InProgress, Reason::None, None).await;
    group.move_to(&records[1..2], RecordStatus::InProgress, Reason::AwaitingReceipt, None).await;
    assert_eq!(group.act("stop").await.expect(200)["state"], "waiting_unload");
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(group.state().await, "waiting_unload");
    let sent = &group.records().await[..1];
    group.move_to(sent, RecordStatus::InProgress, Reason::AwaitingReceipt, None).await;
    group.until("it is at rest", async |g| g.state().await == "not_loaded").await;
    let accounting = group.accounting().await;
    assert_eq!(
        (&accounting["ready"], &accounting["inProgress"], &accounting["awaitingReceipt"]),
        (&json!(1), &json!(2), &json!(2))
    );
}

#[tokio::test]
async fn a_stopped_group_waits_for_ten_minutes_at_most() {
    let c = Campaigns::at_work().await;
    let group = running(&c, 1).await;
    let records = group.records().await;
    group.move_to(&records, RecordStatus::InProgress, Reason::None, None).await;
    group.act("stop").await.expect(200);
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert_eq!(group.state().await, "waiting_unload");
    c.app.clock.advance(Duration::from_secs(601));
    group.until("it is at rest", async |g| g.state().await == "not_loaded").await;
}

#[tokio::test]
async fn a_load_whose_job_is_gone_ends_with_its_reason() {
    let c = Campaigns::at_work().await;
    let group = c.group("one").await;
    let (app, id) = (&c.app.app, c.app.app.ids.next());
    let mut tx = app.db.begin().await.unwrap();
    // of a runner that is not here, and cancelled before it began
    let job = NewJob {
        id,
        tenant: c.app.tenant(),
        kind: LOAD,
        subject: None,
        payload: json!({ "group": group.number }),
        run_at: app.now() + 3_600_000_000,
        created_by: "test".into(),
        created_at: app.now(),
    };
    tx.job_insert(&job).await.unwrap();
    tx.group_set_state(group.number, "pre_loading", Some("running"), Some(id), app.now()).await.unwrap();
    tx.commit().await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(group.state().await, "pre_loading", "its turn comes");
    c.app.post(&format!("/jobs/{id}/actions/cancel")).await.expect(200);
    group.until("it is at rest", async |g| g.state().await == "not_loaded").await;
    assert_eq!(group.get().await["lastError"], "loading ended before it was done: see the job");
}

#[tokio::test]
async fn one_of_two_processes_looks_after_groups_and_hands_over_at_its_end() {
    let mut c = Campaigns::at_work().await;
    let holder =
        async |c: &Campaigns| c.app.app.db.read().await.unwrap().lease_holder("campaign-lifecycle").await.unwrap();
    for _ in 0..100 {
        if holder(&c).await.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(holder(&c).await.is_some());
    c.app.stop_work().await.unwrap();
    assert_eq!(holder(&c).await, None);
}

#[tokio::test]
async fn a_group_of_calls_is_at_rest_when_its_dialer_says_that_the_last_one_is_over() {
    let c = Campaigns::at_work().await;
    let group = c.group("one").await;
    let says = async |calls, stopping| {
        let figures = "{}".into();
        let live = LiveGroup { grp: group.number, account: 1, token: 1, calls, stopping, figures };
        let mut tx = c.app.app.db.begin().await.unwrap();
        tx.group_set_account(group.number, Channel::Voice.bit(), 1).await.unwrap();
        tx.group_live_put(&[live]).await.unwrap();
        tx.commit().await.unwrap();
    };
    // a call was placed just when it was stopped: the dialer has not heard of it yet
    says(0, false).await;
    group.put_state("unload_in_progress", None).await;
    for (calls, stopping) in [(0, false), (1, true)] {
        says(calls, stopping).await;
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        assert_eq!(group.state().await, "unload_in_progress", "{calls} calls");
    }
    says(0, true).await;
    group.until("it is at rest", async |g| g.state().await == "not_loaded").await;
    let left = c.app.app.db.read().await.unwrap().group_live(group.number).await.unwrap();
    assert_eq!(left, None, "nothing is left of what went on");
}

#[tokio::test]
async fn talks_are_ended_with_their_group_only_where_that_is_asked_for() {
    let c = Campaigns::start().await;
    let group = c.group("one").await;
    let stop = async |body: &Value| c.app.post(&format!("{}/actions/force-stop", group.path)).json(body).await;
    let ends = async || {
        let row = c.app.app.db.read().await.unwrap().group_by_number(group.number, false).await.unwrap();
        row.unwrap().ends_talks
    };
    group.put_state("running", None).await;
    assert_eq!(stop(&json!({"talks": "now"})).await.status, 422);
    assert_eq!(group.act("force-stop").await.expect(200)["state"], "unload_in_progress");
    assert_eq!(stop(&json!({})).await.expect(200)["changed"], false);
    assert!(!ends().await);
    for changed in [true, false] {
        let answer = stop(&json!({"talks": "end"})).await.expect(200);
        assert_eq!(answer, json!({"state": "unload_in_progress", "changed": changed}));
        assert!(ends().await);
    }
    let audited = c.audited("force_stop").await;
    let ended = audited.iter().filter(|one| one["after"] == json!({"state": "unload_in_progress", "talks": "end"}));
    assert_eq!((audited.len(), ended.count()), (2, 1), "{audited:?}");
    group.put_state("not_loaded", None).await;
    assert!(!ends().await, "the next run is another one");
    assert_eq!(stop(&json!({"talks": "end"})).await.expect(200)["changed"], false);
    assert!(!ends().await);
}

//! What goes on in voice groups, as other processes see it.
use cxc_store::group_live::LiveGroup;
use cxc_test::TestDb;

fn group(grp: i64, (account, token): (i64, i64), calls: i64) -> LiveGroup {
    LiveGroup { grp, account, token, calls, stopping: calls == 0, figures: format!("{{\"calls\":{calls}}}") }
}

#[tokio::test]
async fn the_holder_of_a_trunk_says_what_goes_on_and_a_former_one_says_nothing_any_more() {
    let db = TestDb::start().await.unwrap();
    let mut tx = db.begin().await.unwrap();
    tx.group_live_put(&[]).await.unwrap();
    assert_eq!(tx.group_live(1).await.unwrap(), None);
    tx.group_live_put(&[group(1, (7, 3), 4), group(2, (7, 3), 0)]).await.unwrap();
    let seen = tx.group_live(1).await.unwrap().unwrap();
    assert_eq!((seen.calls, seen.stopping, seen.figures.as_str()), (4, false, "{\"calls\":4}"));
    assert!((0..60_000_000).contains(&seen.age), "{}", seen.age);
    assert!(tx.group_live(2).await.unwrap().unwrap().stopping);
    // the next holder writes over it, the one before does not
    tx.group_live_put(&[group(1, (7, 4), 9)]).await.unwrap();
    tx.group_live_put(&[group(1, (7, 3), 5)]).await.unwrap();
    tx.group_live_over(1, 7, 3).await.unwrap();
    assert_eq!(tx.group_live(1).await.unwrap().unwrap().calls, 9);
    // tokens of another trunk count by themselves
    tx.group_live_put(&[group(1, (8, 1), 2)]).await.unwrap();
    assert_eq!(tx.group_live(1).await.unwrap().unwrap().calls, 2);
    tx.group_live_over(1, 8, 1).await.unwrap();
    tx.group_live_forget(2).await.unwrap();
    assert_eq!((tx.group_live(1).await.unwrap(), tx.group_live(2).await.unwrap()), (None, None));
}

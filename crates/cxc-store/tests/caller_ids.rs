//! Marks of blocked caller ids, and what trunks cost.
use cxc_store::caller_id::CallerIdBlock;
use cxc_test::TestDb;
use uuid::Uuid;

#[tokio::test]
async fn a_mark_holds_for_its_tenant_until_it_is_old_or_taken_away() {
    let db = TestDb::start().await.unwrap();
    let mut tx = db.begin().await.unwrap();
    let mut block = CallerIdBlock { number: "+12125550100".into(), blocked_at: 10, blocked: 5, calls: 9 };
    tx.caller_id_block(1, &block).await.unwrap();
    (block.blocked_at, block.calls) = (20, 12);
    tx.caller_id_block(1, &block).await.unwrap();
    assert_eq!(tx.caller_id_blocks(1, 19).await.unwrap(), [block]);
    assert!(
        tx.caller_id_blocks(1, 20).await.unwrap().is_empty() && tx.caller_id_blocks(2, 0).await.unwrap().is_empty()
    );
    assert!(!tx.caller_id_unblock(2, "+12125550100").await.unwrap());
    assert!(tx.caller_id_unblock(1, "+12125550100").await.unwrap());
    assert!(!tx.caller_id_unblock(1, "+12125550100").await.unwrap());
}

#[tokio::test]
async fn who_has_lost_a_trunk_writes_nothing_of_what_it_costs() {
    let db = TestDb::start().await.unwrap();
    let mut tx = db.begin().await.unwrap();
    let trunk = (1, Uuid::from_u128(7));
    tx.trunk_spend_set(trunk, (100, 50), 3).await.unwrap();
    tx.trunk_spend_set(trunk, (100, 40), 3).await.unwrap();
    assert_eq!(tx.trunk_spent(trunk.0, trunk.1, 100).await.unwrap(), 40, "what was set aside may come back");
    tx.trunk_spend_set(trunk, (100, 45), 4).await.unwrap();
    tx.trunk_spend_set(trunk, (100, 99), 3).await.unwrap();
    assert_eq!(tx.trunk_spent(trunk.0, trunk.1, 100).await.unwrap(), 45);
    assert_eq!(tx.trunk_spent(trunk.0, trunk.1, 101).await.unwrap(), 0, "another day");
    assert_eq!(tx.trunk_spent(2, trunk.1, 100).await.unwrap(), 0, "an alternate of another trunk");
    tx.trunk_spend_set((2, trunk.1), (100, 5), 1).await.unwrap();
    let both = [trunk.1, Uuid::from_u128(8)];
    assert_eq!(tx.trunks_spent(&both, 100).await.unwrap(), [(trunk.1, 50)].into(), "by all that held it");
    assert!(
        tx.trunks_spent(&both, 101).await.unwrap().is_empty() && tx.trunks_spent(&[], 100).await.unwrap().is_empty()
    );
}

//! What deleted groups and removed lists leave behind is taken from the disk, slice by slice.
use cxc_core::record::{Reason, RecordStatus};
use cxc_server::App;
use cxc_store::counter::Deltas;
use cxc_store::group::GroupList;
use cxc_store::record::{Record, RecordChange};
use cxc_store::{StoreError, Tx};

/// The sweeper's counters.
const SHARD: i64 = -2;
/// Records in a transaction: it holds SQLite's writer for some tens of milliseconds.
const SLICE: i64 = 2_000;
/// Transactions before somebody else gets a look.
const AT_ONCE: usize = 5;

/// What a load decided about a contact that nobody ever tried: it is decided anew if the list comes back.
const DECIDED_BY_LOAD: &[Reason] = &[
    Reason::Suppressed,
    Reason::NoDevice,
    Reason::NotSelected,
    Reason::PhoneFiltered,
    Reason::LocationRule,
    Reason::ForbiddenNumber,
    Reason::DuplicateInGroup,
    Reason::NeverOpen,
    Reason::Removed,
];

/// Takes some of what is left from the disk; whether there may be more.
pub async fn sweep(app: &App) -> Result<bool, StoreError> {
    for _ in 0..AT_ONCE {
        let Some(left) = app.db.read().await?.group_leftovers(1).await?.pop() else { return Ok(false) };
        let mut tx = app.db.begin_relaxed().await?;
        // a list may be put back at any time
        if tx.group_leftover(left.grp, left.list).await?.is_some() {
            match left.list {
                0 => deleted_group(&mut tx, &left).await?,
                _ => removed_list(app, &mut tx, &left).await?,
            }
        }
        tx.commit().await?;
    }
    Ok(true)
}

async fn deleted_group(tx: &mut Tx, left: &GroupList) -> Result<(), StoreError> {
    if tx.record_delete(left.grp, SLICE).await? == 0 {
        tx.record_counters_delete(left.grp).await?;
        tx.group_leftover_swept(left.grp, left.list, None).await?;
    }
    Ok(())
}

/// Who was tried stays: it is the group's history, and nobody is contacted twice if the list is put back.
async fn removed_list(app: &App, tx: &mut Tx, left: &GroupList) -> Result<(), StoreError> {
    let page = tx.record_page_locked(left.grp, left.loaded_to, SLICE).await?;
    let Some(last) = page.last() else { return tx.group_leftover_swept(left.grp, left.list, None).await };
    let own = || page.iter().filter(|record| record.list == left.list);
    let mut deltas = Deltas::default();
    let gone: Vec<&Record> = own().filter(|record| was_never_tried(record)).collect();
    for record in &gone {
        deltas.add(left.grp, record.bucket(), -1);
    }
    tx.record_delete_many(left.grp, &gone.iter().map(|r| r.id).collect::<Vec<_>>()).await?;
    let waiting = own().filter(|r| r.status == RecordStatus::Ready.code() && !was_never_tried(r));
    let changes: Vec<RecordChange> =
        waiting.map(|r| RecordChange::of(r, RecordStatus::Excluded, Reason::Removed, 0)).collect();
    tx.record_apply(&changes, 0, app.now(), &mut deltas).await?;
    tx.group_leftover_swept(left.grp, left.list, Some(last.id)).await?;
    tx.record_counters_add(SHARD, &deltas).await
}

fn was_never_tried(record: &Record) -> bool {
    let by_load = || DECIDED_BY_LOAD.iter().any(|reason| reason.code() == record.reason);
    let untried = record.attempts == 0 && record.last_attempt.is_none();
    match RecordStatus::from_code(record.status) {
        Some(RecordStatus::Ready) => untried,
        Some(RecordStatus::Excluded) => untried && by_load(),
        _ => false,
    }
}

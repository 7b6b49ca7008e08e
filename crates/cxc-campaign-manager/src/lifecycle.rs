//! What happens to groups by themselves: they complete, unload, and take over what changed in their lists.
use std::time::Duration;

use cxc_core::group_state::GroupState;
use cxc_core::kind;
use cxc_core::campaign::CampaignGroupBody;
use cxc_server::App;
use cxc_store::job::NewJob;
use cxc_store::group::GroupRow;
use cxc_store::{StoreError, Tx};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::accounting::Accounting;
use crate::metrics::CampaignMetrics;
use crate::preload::{LoadJob, REFRESH};

const TICK: Duration = Duration::from_millis(500);
const LEASE: i64 = 5_000_000;
/// What is under way is waited for so long before a stopped group is unloaded, in microseconds.
const UNLOAD_AFTER: i64 = 600_000_000;
/// A group is refreshed at most so often, in microseconds.
const REFRESH_EVERY: i64 = 5_000_000;

/// Looks after groups until told to stop; one process at a time does, under a lease.
pub async fn look_after(app: App, metrics: CampaignMetrics, stop: CancellationToken) -> anyhow::Result<()> {
    let holder = app.ids.next().to_string();
    while !stop.is_cancelled() {
        match tick(&app, &metrics, &holder).await {
            Ok(()) => metrics.healthy.with_label_values::<&str>(&[]).set(1.0),
            Err(error) => {
                metrics.healthy.with_label_values::<&str>(&[]).set(0.0);
                tracing::warn!(%error, "campaign groups can't be looked after");
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(TICK) => {}
        }
    }
    Ok(())
}

async fn tick(app: &App, metrics: &CampaignMetrics, holder: &str) -> Result<(), StoreError> {
    let groups = app.db.read().await?.groups_at_work().await?;
    metrics.states(app, &groups).await?;
    if groups.is_empty() {
        return Ok(());
    }
    let mut tx = app.db.begin_relaxed().await?;
    let lease = tx.lease_acquire("campaign-lifecycle", holder, LEASE).await?;
    tx.commit().await?;
    if lease.is_none() {
        return Ok(());
    }
    for group in groups {
        look_at(app, &group).await?;
    }
    Ok(())
}

async fn look_at(app: &App, group: &GroupRow) -> Result<(), StoreError> {
    let Some(state) = GroupState::parse(&group.state) else { return Ok(()) };
    let mut tx = app.db.read().await?;
    let now = app.now();
    match state {
        GroupState::NotLoaded => Ok(()),
        GroupState::PreLoading => lost_job(app, &mut tx, group).await,
        GroupState::UnloadInProgress => set(app, group, GroupState::NotLoaded).await,
        GroupState::WaitingUnload => {
            let accounting = Accounting::of(&tx.record_counters(group.number).await?, now);
            drop(tx);
            let quiet = accounting.in_progress == accounting.awaiting_receipt;
            if quiet || now - group.changed_at > UNLOAD_AFTER { set(app, group, GroupState::UnloadInProgress).await } else { Ok(()) }
        }
        GroupState::Active | GroupState::Running => {
            if list_changed(&mut tx, group).await? {
                drop(tx);
                return refresh(app, group).await;
            }
            let accounting = Accounting::of(&tx.record_counters(group.number).await?, now);
            if state == GroupState::Running && accounting.is_finished() && auto_completes(&mut tx, group).await? {
                drop(tx);
                return set(app, group, GroupState::WaitingUnload).await;
            }
            Ok(())
        }
    }
}

/// A pre-load whose job has ended without telling.
async fn lost_job(app: &App, tx: &mut Tx, group: &GroupRow) -> Result<(), StoreError> {
    let Some(job) = group.job else { return set(app, group, GroupState::NotLoaded).await };
    let ended = tx.job_get(group.tenant, job).await?.is_none_or(|j| !matches!(j.state.as_str(), "queued" | "running"));
    if !ended {
        return Ok(());
    }
    let mut tx = app.db.begin().await?;
    let now = tx.group_by_number(group.number, true).await?;
    if now.is_some_and(|g| g.state == GroupState::PreLoading.as_str() && g.job == Some(job)) {
        tx.group_set_state(group.number, GroupState::NotLoaded.as_str(), None, None, app.now()).await?;
        tx.group_set_error(group.number, Some("loading ended before it was done: see the job")).await?;
    }
    tx.commit().await
}

async fn set(app: &App, group: &GroupRow, to: GroupState) -> Result<(), StoreError> {
    let mut tx = app.db.begin().await?;
    // somebody may have asked for another state meanwhile
    if tx.group_by_number(group.number, true).await?.is_some_and(|now| now.state == group.state) {
        tx.group_set_state(group.number, to.as_str(), None, None, app.now()).await?;
        let body = json!({ "state": to });
        tx.event_insert(group.tenant, "campaign-groups", "state", &group.id.to_string(), &body, app.now()).await?;
    }
    tx.commit().await
}

async fn list_changed(tx: &mut Tx, group: &GroupRow) -> Result<bool, StoreError> {
    for entry in tx.group_lists(group.number).await? {
        if let Some(list) = tx.contact_list_of_number(group.tenant, entry.list).await?
            && list.changes != entry.loaded_changes
        {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn refresh(app: &App, group: &GroupRow) -> Result<(), StoreError> {
    let mut tx = app.db.begin().await?;
    let latest = tx.job_latest(group.tenant, group.id, REFRESH).await?;
    let now = app.now();
    let busy = latest.is_some_and(|j| j.finished_at.is_none_or(|at| now - at < REFRESH_EVERY));
    if !busy {
        let job = NewJob {
            id: app.ids.next(),
            tenant: group.tenant,
            kind: REFRESH,
            subject: Some(group.id),
            payload: serde_json::to_value(LoadJob { group: group.number })?,
            run_at: now,
            created_by: "system".into(),
            created_at: now,
        };
        tx.job_insert(&job).await?;
    }
    tx.commit().await
}

async fn auto_completes(tx: &mut Tx, group: &GroupRow) -> Result<bool, StoreError> {
    let Some(object) = tx.object_get(group.tenant, kind::CAMPAIGN_GROUP, group.id).await? else { return Ok(true) };
    let body: CampaignGroupBody = serde_json::from_value(object.body.0).map_err(|e| StoreError::Corrupt(e.to_string()))?;
    Ok(body.auto_complete)
}

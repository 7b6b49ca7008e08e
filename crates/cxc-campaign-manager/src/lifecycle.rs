//! What happens to groups by themselves: they complete, unload, and take over what changed in their lists.
use std::time::Duration;

use cxc_core::campaign::CampaignGroupBody;
use cxc_core::channel::Channel;
use cxc_core::group_state::GroupState;
use cxc_core::kind;
use cxc_server::App;
use cxc_store::group::GroupRow;
use cxc_store::{StoreError, Tx};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::accounting::Accounting;
use crate::actions::{refresh_job, tell_state};
use crate::metrics::CampaignMetrics;
use crate::preload::{LOAD, REFRESH};
use crate::sweep::sweep;
use crate::turn::Turn;

const TICK: Duration = Duration::from_millis(500);
/// What is under way is waited for so long before a stopped group is unloaded, in microseconds.
const UNLOAD_AFTER: i64 = 600_000_000;
/// A dialer that has a group says each second what goes on. Without a word for so long none has it, microseconds.
const NOBODY_AFTER: i64 = 10_000_000;
/// For so long a group that has nobody left to send to waits for receipts, in microseconds, and so long where a receipt may bring a
/// retry: ten minutes and four hours.
const RECEIPTS_AWAITED: i64 = 600_000_000;
const RECEIPTS_AWAITED_FOR_RETRIES: i64 = 4 * 3_600_000_000;
/// A group is refreshed at most so often, in microseconds; after a failure less often.
const REFRESH_EVERY: i64 = 5_000_000;
const REFRESH_AFTER_FAILURE: i64 = 60_000_000;
/// While nothing is left to sweep, it is looked for so seldom.
const SWEEP_EVERY: Duration = Duration::from_secs(5);
const FOLD_EVERY: Duration = Duration::from_secs(300);

/// Looks after groups until told to stop; one process at a time does, under a lease.
pub async fn look_after(app: App, metrics: CampaignMetrics, stop: CancellationToken) -> anyhow::Result<()> {
    let mut keeper = Keeper::new(app, metrics);
    while !stop.is_cancelled() {
        let is_well = match keeper.tick().await {
            Ok(()) => 1.0,
            Err(error) => {
                tracing::warn!(%error, "campaign groups can't be looked after");
                0.0
            }
        };
        keeper.metrics.healthy.with_label_values::<&str>(&[]).set(is_well);
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(TICK) => {}
        }
    }
    keeper.turn.release().await;
    Ok(())
}

struct Keeper {
    app: App,
    metrics: CampaignMetrics,
    turn: Turn,
    sweep_at: Instant,
    fold_at: Instant,
}

impl Keeper {
    fn new(app: App, metrics: CampaignMetrics) -> Self {
        let now = Instant::now();
        let turn = Turn::new(app.clone(), "campaign-lifecycle");
        Self { app, metrics, turn, sweep_at: now, fold_at: now + FOLD_EVERY }
    }

    async fn tick(&mut self) -> Result<(), StoreError> {
        let groups = self.app.db.read().await?.groups_at_work().await?;
        self.metrics.states(&self.app, &groups).await?;
        let sweeps = Instant::now() >= self.sweep_at;
        if groups.is_empty() && !sweeps {
            return Ok(());
        }
        if !self.turn.is_ours().await? {
            return Ok(());
        }
        for group in &groups {
            // one group's trouble is not the others'
            match look_at(&self.app, group).await {
                Err(error) if error.is_unavailable() => return Err(error),
                Err(error) => tracing::warn!(group = %group.id, %error, "a campaign group can't be looked after"),
                Ok(()) => {}
            }
        }
        if sweeps {
            match sweep(&self.app).await {
                Ok(true) => {}
                // a sender was at the same records: the next look goes on
                Err(error) if error.is_conflict() => tracing::debug!(%error, "sweeping met a sender"),
                Ok(false) => self.sweep_at = Instant::now() + SWEEP_EVERY,
                Err(error) => return Err(error),
            }
        }
        if Instant::now() >= self.fold_at {
            self.fold_at = Instant::now() + FOLD_EVERY;
            self.fold(&groups).await?;
        }
        Ok(())
    }

    async fn fold(&self, groups: &[GroupRow]) -> Result<(), StoreError> {
        for group in groups {
            let mut tx = self.app.db.begin_relaxed().await?;
            tx.record_counters_fold(group.number).await?;
            tx.commit().await?;
        }
        Ok(())
    }
}

async fn look_at(app: &App, group: &GroupRow) -> Result<(), StoreError> {
    let Some(state) = GroupState::parse(&group.state) else { return Ok(()) };
    let mut tx = app.db.read().await?;
    let now = app.now();
    match state {
        GroupState::NotLoaded => Ok(()),
        GroupState::PreLoading => lost_job(app, tx, group).await,
        GroupState::UnloadInProgress if has_calls(&mut tx, group, now).await? => Ok(()),
        GroupState::UnloadInProgress => set(app, tx, group, GroupState::NotLoaded).await,
        GroupState::WaitingUnload => {
            let accounting = Accounting::of(&tx.record_counters(group.number).await?, now);
            let quiet = accounting.in_progress == accounting.awaiting_receipt;
            let waited = now - group.changed_at > UNLOAD_AFTER;
            if quiet || waited { set(app, tx, group, GroupState::UnloadInProgress).await } else { Ok(()) }
        }
        GroupState::Active | GroupState::Running => {
            let rules = tx.rule_set_version(group.tenant).await?;
            let moved = rules_moved(&mut tx, group, rules).await?;
            if moved || list_changed(&mut tx, group).await? {
                return refresh(app, tx, group, moved, rules).await;
            }
            let accounting = Accounting::of(&tx.record_counters(group.number).await?, now);
            let ends = state == GroupState::Running
                && (accounting.is_finished() || accounting.sending_finished)
                && auto_completes(&mut tx, group, &accounting, now).await?;
            if ends { set(app, tx, group, GroupState::WaitingUnload).await } else { Ok(()) }
        }
    }
}

/// A pre-load whose job has ended without telling.
async fn lost_job(app: &App, mut tx: Tx, group: &GroupRow) -> Result<(), StoreError> {
    let job = match group.job {
        Some(job) => tx.job_get(group.tenant, job).await?,
        None => None,
    };
    if job.is_some_and(|job| matches!(job.state.as_str(), "queued" | "running")) {
        return Ok(());
    }
    drop(tx);
    let mut tx = app.db.begin().await?;
    let now = tx.group_by_number(group.number, true).await?;
    if now.is_some_and(|g| g.state == GroupState::PreLoading.as_str() && g.job == group.job) {
        move_to(app, &mut tx, group, GroupState::NotLoaded).await?;
        tx.group_set_error(group.number, Some("loading ended before it was done: see the job")).await?;
    }
    tx.commit().await
}

async fn set(app: &App, reader: Tx, group: &GroupRow, to: GroupState) -> Result<(), StoreError> {
    drop(reader);
    let mut tx = app.db.begin().await?;
    // somebody may have asked for another state meanwhile
    if tx.group_by_number(group.number, true).await?.is_some_and(|now| now.state == group.state) {
        move_to(app, &mut tx, group, to).await?;
    }
    tx.commit().await
}

async fn move_to(app: &App, tx: &mut Tx, group: &GroupRow, to: GroupState) -> Result<(), StoreError> {
    tx.group_set_state(group.number, to.as_str(), None, None, app.now()).await?;
    if to == GroupState::NotLoaded {
        tx.group_live_forget(group.number).await?;
    }
    tell_state(app, tx, group, to, None).await
}

/// Whether calls of a group go on that is being unloaded: nobody cuts a talk, and until its end the group is not at rest. Messages
/// are on their way by themselves.
async fn has_calls(tx: &mut Tx, group: &GroupRow, now: i64) -> Result<bool, StoreError> {
    if group.channel != Channel::Voice.bit() {
        return Ok(false);
    }
    let waited = now - group.changed_at;
    Ok(match tx.group_live(group.number).await? {
        // its dialer has heard that it is stopped: what is left may be wrap-up
        Some(seen) if seen.age < NOBODY_AFTER => seen.calls > 0 || !seen.stopping,
        // a dialer that has just taken it, or none that would ever say so
        _ if waited < NOBODY_AFTER => {
            let accounting = Accounting::of(&tx.record_counters(group.number).await?, now);
            accounting.in_progress > accounting.awaiting_receipt
        }
        _ => false,
    })
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

/// Whether the rules moved since the group was loaded or last refreshed.
async fn rules_moved(tx: &mut Tx, group: &GroupRow, rules: i64) -> Result<bool, StoreError> {
    let loaded = tx.job_latest(group.tenant, group.id, LOAD).await?;
    let refreshed = tx.job_latest(group.tenant, group.id, REFRESH).await?;
    let latest = loaded.into_iter().chain(refreshed).max_by_key(|job| (job.created_at, job.id));
    let taken = latest.filter(|job| job.state == "succeeded").and_then(|job| job.payload.0["rules"].as_i64());
    Ok(taken.unwrap_or(0) != rules)
}

async fn refresh(app: &App, mut reader: Tx, group: &GroupRow, reconsider: bool, rules: i64) -> Result<(), StoreError> {
    let now = app.now();
    let too_soon = |job: &cxc_store::job::Job| {
        let pause = if job.state == "succeeded" { REFRESH_EVERY } else { REFRESH_AFTER_FAILURE };
        job.finished_at.is_none_or(|at| now - at < pause)
    };
    if reader.job_latest(group.tenant, group.id, REFRESH).await?.is_some_and(|job| too_soon(&job)) {
        return Ok(());
    }
    drop(reader);
    let mut tx = app.db.begin().await?;
    if tx.group_by_number(group.number, true).await?.is_some_and(|now| now.state == group.state) {
        refresh_job(app, &mut tx, group, "system", reconsider, rules).await?;
    }
    tx.commit().await
}

/// Whether a group stops by itself that has nobody left to send to. One whose receipts are awaited does not keep everybody waiting
/// for the last of them, which may take days or never come: they are taken as well once it has stopped. It goes on while receipts
/// of what was sent lately come in, and longer where one of them can make somebody ready again.
async fn auto_completes(tx: &mut Tx, group: &GroupRow, accounting: &Accounting, now: i64) -> Result<bool, StoreError> {
    let Some(object) = tx.object_get(group.tenant, kind::CAMPAIGN_GROUP, group.id).await? else { return Ok(true) };
    let body: CampaignGroupBody =
        serde_json::from_value(object.body.0).map_err(|e| StoreError::Corrupt(e.to_string()))?;
    if accounting.is_finished() || !body.auto_complete {
        return Ok(body.auto_complete);
    }
    let retries = body.settings.is_some_and(|settings| !settings.treatment.retry_rules.is_empty());
    let awaited = if retries { RECEIPTS_AWAITED_FOR_RETRIES } else { RECEIPTS_AWAITED };
    Ok(!tx.attempt_awaiting_since(group.account, group.number, now - awaited).await?)
}

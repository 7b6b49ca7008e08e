//! Pre-loading: computes a group's audience, slice by slice, and gives each contact its record. Also the
//! refresh of a loaded group, which does the same for what is new.
mod audience;
mod fence;
pub(crate) mod reconsider;
mod slice;
pub(crate) mod waiting;

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use cxc_core::campaign::Dedupe;
use cxc_core::compliance::{IntervalCache, Zones};
use cxc_core::group_state::GroupState;
use cxc_core::seen_filter::SeenFilter;
use cxc_server::App;
use cxc_server::job_runner::{JobControl, JobError, JobHandler};
use cxc_store::group::GroupList;
use cxc_store::job::{Job, MAX_TRIES};
use cxc_store::judge::Judge;
use cxc_store::location::Locations;
use cxc_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use audience::Audience;
use audience::AudienceList;
use fence::Fence;
pub(crate) use fence::{Guard, is_worked_on};
use slice::Slice;

use crate::actions::tell_state;

/// The kind of the job that loads a group.
pub const LOAD: &str = "campaign_group_load";
/// The kind of the job that takes over what changed in a loaded group's lists.
pub const REFRESH: &str = "campaign_group_refresh";
/// Contacts in a slice: one transaction each.
const SLICE: i64 = 10_000;

/// What a load or refresh job is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadJob {
    /// The group's number.
    pub group: i64,
    /// Whether exclusions of every kind are looked at again; a load always does.
    #[serde(default)]
    pub reconsider: bool,
    /// The version of the tenant's rules by which the group stands once this is done.
    #[serde(default)]
    pub rules: i64,
}

/// What a load came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadResult {
    /// Contacts that were given a record.
    pub contacts: i64,
    /// Those that may be contacted, now or later.
    pub ready: i64,
    /// Those that are left out.
    pub excluded: i64,
    /// Earlier exclusions that no longer hold.
    pub readmitted: i64,
    /// Records that the changed rule of their list no longer takes.
    pub deselected: i64,
    /// Records that waited because of a rule and now wait otherwise, or no longer.
    pub moved: i64,
}

/// Loads and refreshes groups.
pub struct LoadHandler {
    /// Database and clock.
    pub app: App,
    /// The time zone database of the process.
    pub zones: Zones,
    /// Interned locations.
    pub locations: Arc<Locations>,
}

/// One run of a load or refresh.
pub(crate) struct Run<'a> {
    pub(crate) app: &'a App,
    pub(crate) audience: &'a Audience,
    pub(crate) guard: Guard<'a>,
}

impl Run<'_> {
    /// Fails when the run may no longer change its group's records. Call it late in a transaction.
    async fn hold(&self, tx: &mut Tx, now: i64) -> Result<(), JobError> {
        self.guard.hold(tx, self.audience.row.number, now).await
    }
}

#[async_trait]
impl JobHandler for LoadHandler {
    fn kinds(&self) -> &'static [&'static str] {
        &[LOAD, REFRESH]
    }

    async fn run(&self, job: &Job, control: &JobControl) -> Result<Value, JobError> {
        let asked: LoadJob =
            serde_json::from_value(job.payload.0.clone()).map_err(|e| StoreError::Corrupt(e.to_string()))?;
        let fence = Fence::of(asked.group, job, control);
        match self.load(&asked, &fence, control).await {
            Ok(result) => {
                self.finish(&fence).await?;
                Ok(serde_json::to_value(result).map_err(StoreError::Json)?)
            }
            Err(error) => {
                self.failed(job, &fence, &error).await?;
                Err(error)
            }
        }
    }
}

impl LoadHandler {
    async fn load(&self, asked: &LoadJob, fence: &Fence<'_>, control: &JobControl) -> Result<LoadResult, JobError> {
        control.check()?;
        let Some(audience) = Audience::read(&self.app, &self.zones, asked.group, fence).await? else {
            return Ok(LoadResult::default());
        };
        let run = Run { app: &self.app, audience: &audience, guard: Guard::Job(fence) };
        let cache = IntervalCache::new(self.zones.clone(), IntervalCache::CAPACITY);
        self.app.numbers.prepare(control.job().tenant).await;
        let judge = Judge::new(cache, Arc::clone(&self.locations), self.app.hash_key);
        let mut judge = judge.with_numbers(self.app.numbers.clone());
        let mut result = LoadResult::default();
        let total: i64 = audience.lists.iter().map(|l| l.list.contacts).sum();
        control.progress(audience.size.min(total), total);
        reconsider::excluded(&run, asked.reconsider || fence.is_load, &mut judge, &mut result).await?;
        reconsider::deselect(&run, &mut result).await?;
        if asked.reconsider || fence.is_load {
            waiting::waiting(&run, &mut judge, &mut result).await?;
        }
        let mut seen = self.seen(&run, total).await?;
        for part in &audience.lists {
            self.load_list(&run, part, &mut judge, &mut seen, (control, &mut result)).await?;
        }
        control.progress(total, total);
        Ok(result)
    }

    /// Gives the contacts of a list that have no record yet theirs.
    async fn load_list(
        &self,
        run: &Run<'_>,
        part: &AudienceList,
        judge: &mut Judge,
        seen: &mut Option<SeenFilter>,
        (control, result): (&JobControl, &mut LoadResult),
    ) -> Result<(), JobError> {
        let mut place = part.entry.clone();
        let mut next = Slice::read(run, part, place.loaded_to, SLICE).await?;
        while let Some(slice) = next.take() {
            control.check()?;
            let (to, len) = (slice.last(), slice.len());
            let judged = slice.judge(run, part, judge, seen.as_mut()).await?;
            // the next slice is read while this one is written
            let (written, read) = tokio::join!(judged.write(run, part, &place, to), Slice::read(run, part, to, SLICE));
            let Some(written) = written? else { return Ok(()) };
            written.add_to(result);
            place.loaded_to = to;
            next = read?;
            let (done, total) = control.reported();
            control.progress((done + len).min(total), total);
        }
        self.loaded(run, part, &place).await
    }

    /// The filter of devices that already stand in the group, or none if it does not look for doubles.
    async fn seen(&self, run: &Run<'_>, expected: i64) -> Result<Option<SeenFilter>, JobError> {
        if run.audience.settings.dedupe == Dedupe::None {
            return Ok(None);
        }
        let mut filter = SeenFilter::for_about(usize::try_from(expected).unwrap_or(0));
        let mut after = (i64::MIN, 0);
        loop {
            run.guard.check()?;
            let page = self.app.db.read().await?.record_dedupe_page(run.audience.row.number, after, SLICE).await?;
            let Some(last) = page.last() else { return Ok(Some(filter)) };
            after = *last;
            for (hash, _) in &page {
                filter.put(*hash);
            }
        }
    }

    /// The whole list is loaded as it was when the load began: what changed since is the next refresh's.
    async fn loaded(&self, run: &Run<'_>, part: &AudienceList, place: &GroupList) -> Result<(), JobError> {
        let mut tx = self.app.db.begin_relaxed().await?;
        run.hold(&mut tx, self.app.now()).await?;
        tx.group_list_advance(place, place.loaded_to, part.list.generation, part.list.changes).await?;
        Ok(tx.commit().await?)
    }

    /// The group becomes what it was to become, unless somebody changed that meanwhile.
    async fn finish(&self, fence: &Fence<'_>) -> Result<(), JobError> {
        let mut tx = self.app.db.begin().await?;
        let Some(row) = fence.group(&mut tx).await? else { return Ok(()) };
        if fence.is_load {
            let target = row.target.as_deref().and_then(GroupState::parse).unwrap_or(GroupState::Active);
            tx.group_set_state(row.number, target.as_str(), None, None, self.app.now()).await?;
            tx.group_count_load(row.number).await?;
            tell_state(&self.app, &mut tx, &row, target, None).await?;
        }
        if row.last_error.is_some() {
            tx.group_set_error(row.number, None).await?;
        }
        Ok(tx.commit().await?)
    }

    async fn failed(&self, job: &Job, fence: &Fence<'_>, error: &JobError) -> Result<(), JobError> {
        let why = match error {
            JobError::Stopping => return Ok(()),
            JobError::Store(e) if e.is_unavailable() || matches!(e, StoreError::LeaseLost(_)) => return Ok(()),
            JobError::Store(e) if e.is_conflict() && job.tries < MAX_TRIES => return Ok(()),
            JobError::Cancelled => "cancelled".to_owned(),
            JobError::Refused(error) => error.detail().to_owned(),
            JobError::Store(_) | JobError::Internal(_) => "it failed on our side, the log says why".to_owned(),
        };
        let mut tx = self.app.db.begin().await?;
        let Some(row) = fence.group(&mut tx).await? else { return Ok(()) };
        if fence.is_load {
            tx.group_set_state(row.number, GroupState::NotLoaded.as_str(), None, None, self.app.now()).await?;
            tx.group_set_error(row.number, Some(&format!("loading ended: {why}"))).await?;
            tell_state(&self.app, &mut tx, &row, GroupState::NotLoaded, None).await?;
        } else {
            tx.group_set_error(row.number, Some(&format!("taking over what changed ended: {why}"))).await?;
        }
        Ok(tx.commit().await?)
    }
}

/// The ids in `ids` that some set-based question answers with yes.
type Ids = HashSet<i64>;

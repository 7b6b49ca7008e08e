//! Pre-loading: computes a group's audience, slice by slice, and gives each contact its record. Also the
//! refresh of a loaded group, which does the same for what is new.
mod reconsider;
mod slice;

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use cxc_core::campaign::{CampaignGroupBody, CampaignSettings, Dedupe};
use cxc_core::channel::Channel;
use cxc_core::compliance::{IntervalCache, RuleSet, Zones};
use cxc_core::group_state::GroupState;
use cxc_core::kind;
use cxc_core::seen_filter::SeenFilter;
use cxc_server::App;
use cxc_server::job_runner::{JobControl, JobError, JobHandler};
use cxc_core::selection::SelectionRule;
use cxc_store::contact_slice::RULE_FROM;
use cxc_store::selection::CompiledRule;
use cxc_store::{StoreError, Tx};
use cxc_store::group::{GroupList, GroupRow};
use cxc_store::job::Job;
use cxc_store::judge::Judge;
use cxc_store::list::ContactList;
use cxc_store::location::Locations;
use cxc_store::suppression::SuppressionList;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use slice::Slice;

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
}

/// What a load came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadResult {
    /// Contacts that were looked at.
    pub contacts: i64,
    /// Those that may be contacted, now or later.
    pub ready: i64,
    /// Those that are left out.
    pub excluded: i64,
    /// Earlier exclusions that no longer hold.
    pub readmitted: i64,
}

/// Loads and refreshes groups.
pub struct LoadHandler {
    /// Database and clock.
    pub app: App,
    /// The bundled time-zone database.
    pub zones: Zones,
    /// Interned locations.
    pub locations: Arc<Locations>,
}

/// A group as pre-loading sees it.
struct Audience {
    row: GroupRow,
    channel: Channel,
    settings: CampaignSettings,
    rules: RuleSet,
    suppression: Vec<SuppressionList>,
    lists: Vec<AudienceList>,
}

/// One list of a group's audience.
struct AudienceList {
    entry: GroupList,
    list: ContactList,
    rule: Option<CompiledRule>,
}

#[async_trait]
impl JobHandler for LoadHandler {
    fn kinds(&self) -> &'static [&'static str] {
        &[LOAD, REFRESH]
    }

    async fn run(&self, job: &Job, control: &JobControl) -> Result<Value, JobError> {
        let asked: LoadJob = serde_json::from_value(job.payload.0.clone()).map_err(|e| StoreError::Corrupt(e.to_string()))?;
        let result = match self.load(asked.group, control).await {
            Ok(result) => result,
            Err(error) => {
                self.failed(job, asked.group, &error).await?;
                return Err(error);
            }
        };
        self.finish(job, asked.group).await?;
        Ok(serde_json::to_value(result).map_err(StoreError::Json)?)
    }
}

impl LoadHandler {
    async fn load(&self, group: i64, control: &JobControl) -> Result<LoadResult, JobError> {
        let Some(audience) = self.audience(group).await? else { return Ok(LoadResult::default()) };
        let cache = IntervalCache::new(self.zones.clone(), IntervalCache::CAPACITY);
        let mut judge = Judge::new(cache, Arc::clone(&self.locations), self.app.hash_key);
        let mut result = LoadResult::default();
        let total: i64 = audience.lists.iter().map(|l| l.list.contacts).sum();
        control.progress(0, total);
        reconsider::excluded(&self.app, &audience, &mut judge, control, &mut result).await?;
        let mut seen = self.seen(&audience, total, control).await?;
        let mut done = 0;
        for part in &audience.lists {
            let mut after = part.entry.loaded_to;
            let mut next = Slice::read(&self.app, &audience, part, after, SLICE).await?;
            while let Some(slice) = next.take() {
                control.check()?;
                after = slice.last();
                done += slice.len();
                let judged = slice.judge(&self.app, &audience, &mut judge, seen.as_mut()).await?;
                // the next slice is read while this one is written
                let (written, read) = tokio::join!(
                    judged.write(&self.app, &audience, &part.list, after),
                    Slice::read(&self.app, &audience, part, after, SLICE)
                );
                written?.add_to(&mut result);
                next = read?;
                control.progress(done.min(total), total);
            }
            self.loaded(&audience, &part.list, after).await?;
        }
        control.progress(total, total);
        Ok(result)
    }

    async fn audience(&self, group: i64) -> Result<Option<Audience>, StoreError> {
        let mut tx = self.app.db.read().await?;
        let Some(row) = tx.group_by_number(group, false).await? else { return Ok(None) };
        let Some(channel) = Channel::from_bit(row.channel) else { return Ok(None) };
        let Some(object) = tx.object_get(row.tenant, kind::CAMPAIGN_GROUP, row.id).await? else { return Ok(None) };
        let body: CampaignGroupBody = serde_json::from_value(object.body.0).map_err(|e| StoreError::Corrupt(e.to_string()))?;
        let settings = body.settings.unwrap_or_default();
        let documents = tx.rule_documents(row.tenant).await?;
        let selected: Vec<String> = settings.rules.iter().map(Uuid::to_string).collect();
        let selected: Vec<&str> = selected.iter().map(String::as_str).collect();
        let rules = RuleSet::compile(&documents, &selected, &self.zones);
        let suppression = tx.suppression_applicable(row.tenant, &settings.suppression_lists, channel, self.app.now()).await?;
        let mut lists = Vec::new();
        for entry in tx.group_lists(group).await? {
            let Some(list) = tx.contact_list_of_number(row.tenant, entry.list).await? else { continue };
            let rule = match entry.selection_rule {
                Some(id) => Some(self.rule(&mut tx, row.tenant, id).await?),
                None => None,
            };
            lists.push(AudienceList { entry, list, rule });
        }
        Ok(Some(Audience { row, channel, settings, rules, suppression, lists }))
    }

    /// A rule that is gone or can't be read selects nobody by failing the load.
    async fn rule(&self, tx: &mut Tx, tenant: i64, id: Uuid) -> Result<CompiledRule, StoreError> {
        let object = tx.object_get(tenant, kind::SELECTION_RULE, id).await?;
        let object = object.ok_or_else(|| StoreError::Corrupt("a selection rule of the group is gone".into()))?;
        let rule: SelectionRule = serde_json::from_value(object.body.0).map_err(|e| StoreError::Corrupt(e.to_string()))?;
        Ok(CompiledRule::new(&rule, self.app.db.engine(), RULE_FROM, false))
    }

    /// The filter of devices that already stand in the group, or none if it does not look for doubles.
    async fn seen(&self, audience: &Audience, expected: i64, control: &JobControl) -> Result<Option<SeenFilter>, JobError> {
        if audience.settings.dedupe == Dedupe::None {
            return Ok(None);
        }
        let mut filter = SeenFilter::for_about(usize::try_from(expected).unwrap_or(0));
        let mut after = 0;
        loop {
            control.check()?;
            let page = self.app.db.read().await?.record_dedupe_page(audience.row.number, after, SLICE).await?;
            let Some((last, _)) = page.last() else { return Ok(Some(filter)) };
            after = *last;
            for (_, hash) in &page {
                filter.put(*hash);
            }
        }
    }

    async fn loaded(&self, audience: &Audience, list: &ContactList, to: i64) -> Result<(), StoreError> {
        let mut tx = self.app.db.begin_relaxed().await?;
        tx.group_list_loaded(audience.row.number, list.number, to, list.generation, list.changes).await?;
        tx.commit().await
    }

    /// The group becomes what it was to become, unless somebody changed that meanwhile.
    async fn finish(&self, job: &Job, group: i64) -> Result<(), StoreError> {
        let mut tx = self.app.db.begin().await?;
        if let Some(row) = tx.group_by_number(group, true).await?
            && row.state == GroupState::PreLoading.as_str()
            && row.job == Some(job.id)
        {
            let target = row.target.as_deref().and_then(GroupState::parse).unwrap_or(GroupState::Active);
            tx.group_set_state(group, target.as_str(), None, None, self.app.now()).await?;
            tx.group_set_error(group, None).await?;
            tx.group_count_load(group).await?;
        }
        tx.commit().await
    }

    async fn failed(&self, job: &Job, group: i64, error: &JobError) -> Result<(), StoreError> {
        let retried = matches!(error, JobError::Stopping) || matches!(error, JobError::Store(e) if e.is_unavailable());
        if retried {
            return Ok(());
        }
        let mut tx = self.app.db.begin().await?;
        if let Some(row) = tx.group_by_number(group, true).await?
            && row.state == GroupState::PreLoading.as_str()
            && row.job == Some(job.id)
        {
            tx.group_set_state(group, GroupState::NotLoaded.as_str(), None, None, self.app.now()).await?;
            tx.group_set_error(group, Some(&format!("loading failed: {error}"))).await?;
        }
        tx.commit().await
    }
}

/// The ids in `ids` that some set-based question answers with yes.
type Ids = HashSet<i64>;

//! A group as pre-loading sees it: its settings, rules, suppression and lists at one moment.
use cxc_core::campaign::{CampaignGroupBody, CampaignSettings};
use cxc_core::channel::Channel;
use cxc_core::compliance::{RuleSet, Subject, Zones};
use cxc_core::kind;
use cxc_core::selection::SelectionRule;
use cxc_server::job_runner::JobError;
use cxc_server::{ApiError, App, Code};
use cxc_store::attempt_subject::collector_hash;
use cxc_store::contact_slice::RULE_FROM;
use cxc_store::group::{GroupList, GroupRow};
use cxc_store::judge::Scope;
use cxc_store::list::ContactList;
use cxc_store::selection::CompiledRule;
use cxc_store::suppression::SuppressionList;
use cxc_store::{StoreError, Tx};
use uuid::Uuid;

use super::fence::Fence;

/// A group as pre-loading sees it.
pub struct Audience {
    /// Its row at work.
    pub row: GroupRow,
    /// How its people are reached.
    pub channel: Channel,
    /// Its settings.
    pub settings: CampaignSettings,
    /// The rules that hold for it.
    pub rules: RuleSet,
    /// The suppression lists that hold for it.
    pub suppression: Vec<SuppressionList>,
    /// What its attempts are for.
    pub subject: Subject,
    /// Its lists.
    pub lists: Vec<AudienceList>,
    /// How many have a record already.
    pub size: i64,
}

/// One list of a group's audience.
pub struct AudienceList {
    /// How it stands in the group.
    pub entry: GroupList,
    /// The list.
    pub list: ContactList,
    /// Which of its contacts are taken; all without one.
    pub rule: Option<CompiledRule>,
}

impl Audience {
    /// Reads it; `None` when the group is gone or the job may not work on it.
    pub async fn read(app: &App, zones: &Zones, group: i64, fence: &Fence<'_>) -> Result<Option<Self>, JobError> {
        let mut tx = app.db.read().await?;
        let Some(row) = tx.group_by_number(group, false).await?.filter(|row| fence.lets(row)) else { return Ok(None) };
        Self::of(app, zones, &mut tx, row).await
    }

    /// That of a group in any state; `None` when it is half deleted.
    pub async fn of(app: &App, zones: &Zones, tx: &mut Tx, row: GroupRow) -> Result<Option<Self>, JobError> {
        let group = row.number;
        let Some(channel) = Channel::from_bit(row.channel) else { return Ok(None) };
        let Some(object) = tx.object_get(row.tenant, kind::CAMPAIGN_GROUP, row.id).await? else { return Ok(None) };
        let body: CampaignGroupBody =
            serde_json::from_value(object.body.0).map_err(|e| StoreError::Corrupt(e.to_string()))?;
        let settings = body.settings.unwrap_or_default();
        let documents = app.rules.documents(tx, row.tenant).await?;
        let selected: Vec<String> = settings.rules.iter().map(Uuid::to_string).collect();
        let selected: Vec<&str> = selected.iter().map(String::as_str).collect();
        let rules = RuleSet::compile(&documents, &selected, zones);
        let chosen = &settings.suppression_lists;
        let suppression = tx.suppression_applicable(row.tenant, chosen, channel, app.now()).await?;
        let class = tx.content_class(row.tenant, settings.content).await?;
        let subject = settings.subject(class.as_deref(), |name| collector_hash(&app.hash_key, row.tenant, name));
        let mut lists = Vec::new();
        for entry in tx.group_lists(group).await? {
            let Some(list) = tx.contact_list_of_number(row.tenant, entry.list).await? else { continue };
            let rule = match entry.selection_rule {
                Some(id) => Some(selection_rule(app, tx, row.tenant, id).await?),
                None => None,
            };
            lists.push(AudienceList { entry, list, rule });
        }
        let size = tx.record_counters(group).await?.iter().map(|(_, n)| n).sum();
        Ok(Some(Self { row, channel, settings, rules, suppression, subject, lists, size }))
    }

    /// On whose behalf its contacts are judged.
    pub fn scope(&self) -> Scope<'_> {
        Scope {
            tenant: self.row.tenant,
            grp: self.row.number,
            channel: self.channel,
            treatment: &self.settings.treatment,
            rules: &self.rules,
            suppression: &self.suppression,
            subject: &self.subject,
            before_attempt: false,
        }
    }

    /// One of its lists.
    pub fn list(&self, number: i64) -> Option<&AudienceList> {
        self.lists.iter().find(|part| part.list.number == number)
    }
}

/// A rule that is gone or can't be read selects nobody by failing the load.
async fn selection_rule(app: &App, tx: &mut Tx, tenant: i64, id: Uuid) -> Result<CompiledRule, JobError> {
    let refused = |detail: String| JobError::Refused(ApiError::new(Code::ValidationFailed, detail));
    let object = tx.object_get(tenant, kind::SELECTION_RULE, id).await?;
    let object =
        object.ok_or_else(|| refused("a selection rule of the group is gone: give its list another".into()))?;
    let rule: SelectionRule = serde_json::from_value(object.body.0)
        .map_err(|e| refused(format!("the selection rule \"{}\" can't be read: {e}", object.name)))?;
    Ok(CompiledRule::new(&rule, app.db.engine(), RULE_FROM, false))
}

//! What a sender knows of its account and its groups: read anew every half second, compiled when it changed.
use std::collections::HashSet;
use std::sync::Arc;

use cxc_core::Micros;
use cxc_core::caller_id::BLOCKED_FOR;
use cxc_core::campaign::{CampaignGroupBody, CampaignSettings};
use cxc_core::channel::Channel;
use cxc_core::compliance::{RuleDocuments, RuleSet, Subject};
use cxc_core::kind;
use cxc_server::resources::agent_groups::AgentGroup;
use cxc_server::resources::caller_ids::CallerId;
use cxc_store::attempt_subject::collector_hash;
use cxc_store::evidence::{RuleSnapshot, RulesUsed};
use cxc_store::group::{GroupRow, state};
use cxc_store::judge::Scope;
use cxc_store::prompt::SpokenPrompt;
use cxc_store::record::FetchKey;
use cxc_store::suppression::SuppressionList;
use cxc_store::{StoreError, Tx};
use uuid::Uuid;

use super::SenderContext;
use super::evidence::rules_used;
use super::limits::Pace;
use crate::channel::voice::caller_ids::PlanCallerId;
use crate::channel::{AccountKind, Carrier, ChannelAccount};
use crate::content::{CompiledContent, Content};
use crate::metrics::TenantLabels;

/// More records that are due are not counted.
const MOST_DUE: usize = 50;

/// One list of a group, as a sender sees it.
#[derive(Debug, Clone)]
pub struct PlanList {
    /// The list.
    pub number: i64,
    /// Its contents.
    pub generation: i64,
    /// Contacts above this id are not visible.
    pub visible_to: i64,
    /// Its share.
    pub weight: i64,
}

/// A loaded group.
pub struct GroupPlan {
    /// Its number.
    pub number: i64,
    /// Its id.
    pub id: Uuid,
    /// Its state at work.
    pub state: String,
    /// It is being unloaded, and its talks end, too.
    pub ends_talks: bool,
    /// What was last said to hold it back.
    pub limited_by: Option<String>,
    /// Its lists.
    pub lists: Vec<PlanList>,
    /// Pace, treatment, rules.
    pub settings: CampaignSettings,
    /// What is sent, which for calls is nothing; or why it can't be.
    pub content: Result<Option<Arc<CompiledContent>>, String>,
    /// When the group was made, microseconds.
    pub made_at: Micros,
    /// Whose it is.
    pub tenant: i64,
    /// What people call it.
    pub name: String,
    /// The users who take its calls.
    pub members: Vec<Uuid>,
    /// Records that are due, up to 50; counted where agents' phones are called before a record is asked for.
    pub due: u32,
    /// The tenant's prompts that have audio, by name.
    pub prompts: Arc<[SpokenPrompt]>,
    /// The caller ids that it may display; none of a group that names none.
    pub caller_ids: Option<Vec<PlanCallerId>>,
    /// The compiled rules that hold for it.
    pub rules: Arc<RuleSet>,
    /// The same as decisions name them.
    pub rules_used: Arc<RulesUsed>,
    /// The tenant's rules that they were compiled from, as decisions keep them.
    pub snapshot: Arc<RuleSnapshot>,
    /// The suppression lists that hold for it.
    pub suppression: Vec<SuppressionList>,
    /// What its attempts are for.
    pub subject: Subject,
    version: i64,
    content_version: i64,
}

impl GroupPlan {
    /// Whether it may contact people.
    pub fn is_running(&self) -> bool {
        self.state == state::RUNNING && self.content.is_ok()
    }

    /// On whose behalf its contacts are judged.
    pub fn scope(&self, plans: &Plans) -> Scope<'_> {
        Scope {
            tenant: plans.tenant,
            grp: self.number,
            channel: plans.channel,
            treatment: &self.settings.treatment,
            rules: &self.rules,
            suppression: &self.suppression,
            subject: &self.subject,
            before_attempt: true,
        }
    }
}

/// An account with its groups.
pub struct Plans {
    /// The account's number.
    pub number: i64,
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub tenant: i64,
    /// The tenant in metrics.
    pub labels: TenantLabels,
    /// What it carries.
    pub channel: Channel,
    /// The account's document.
    pub account: Arc<ChannelAccount>,
    /// What people call it.
    pub name: String,
    /// Further accounts by which it may send, each with its name.
    pub alternates: Vec<(String, ChannelAccount)>,
    /// The version of these documents: another one asks for another carrier.
    pub account_version: i64,
    /// Its groups that are loaded.
    pub groups: Vec<Arc<GroupPlan>>,
    /// Whether it has work or must listen.
    pub is_wanted: bool,
    snapshot: Arc<RuleSnapshot>,
    documents: Arc<RuleDocuments>,
}

impl Plans {
    /// Reads an account and its groups. `None` when the account is gone.
    pub async fn load(context: &SenderContext, tenant: i64, number: i64, id: Uuid) -> Result<Option<Self>, StoreError> {
        context.app.numbers.prepare(tenant).await;
        Self::read(context, tenant, number, id, None).await
    }

    /// The same account as it is now; what did not change is not compiled again. `None` when it is gone
    /// or its document changed, so that another carrier is needed.
    pub async fn reload(&self, context: &SenderContext) -> Result<Option<Self>, StoreError> {
        let now = Self::read(context, self.tenant, self.number, self.id, Some(self)).await?;
        Ok(now.filter(|plans| plans.account_version == self.account_version))
    }

    async fn read(
        context: &SenderContext,
        tenant: i64,
        number: i64,
        id: Uuid,
        known: Option<&Self>,
    ) -> Result<Option<Self>, StoreError> {
        let mut tx = context.app.db.read().await?;
        let Some(object) = tx.object_get(tenant, kind::CHANNEL_ACCOUNT, id).await? else { return Ok(None) };
        let account: ChannelAccount =
            serde_json::from_value(object.body.0).map_err(|e| StoreError::Corrupt(e.to_string()))?;
        let Some(channel) = account.channel() else { return Ok(None) };
        let (mut alternates, mut account_version) = (Vec::new(), object.version);
        for id in account.alternates() {
            // it can't be deleted while it is named
            if let Some(object) = tx.object_get(tenant, kind::CHANNEL_ACCOUNT, *id).await? {
                let account = serde_json::from_value(object.body.0).map_err(|e| StoreError::Corrupt(e.to_string()))?;
                alternates.push((object.name, account));
                // versions only grow: whatever changes, the sum does
                account_version += object.version;
            }
        }
        let Some(owner) = tx.tenant_get(tenant).await? else { return Ok(None) };
        let version = tx.rule_set_version(tenant).await?;
        let (documents, snapshot) = match known {
            Some(known) if known.documents.version == version => {
                (Arc::clone(&known.documents), Arc::clone(&known.snapshot))
            }
            _ => {
                let kept = tx.rule_documents_kept(tenant).await?;
                let documents = context.app.rules.documents(&mut tx, tenant).await?;
                (Arc::new(documents), Arc::new(RuleSnapshot::of(version, &kept)?))
            }
        };
        let (mut groups, rows) = (Vec::new(), tx.groups_of_account(number).await?);
        let prompts: Arc<[SpokenPrompt]> = match channel {
            Channel::Voice if !rows.is_empty() => tx.prompts_spoken(tenant).await?.into(),
            _ => Arc::default(),
        };
        let shared = Shared { channel, prompts, documents: &documents, snapshot: &snapshot };
        for row in rows {
            let known = known.and_then(|k| k.group(row.number));
            if let Some(plan) = group_plan(&mut tx, context, &row, &shared, known).await? {
                groups.push(Arc::new(plan));
            }
        }
        let listens = account.kind == AccountKind::Smpp;
        let is_wanted = owner.enabled && (listens || !groups.is_empty() || tx.attempt_any_open(number).await?);
        Ok(Some(Self {
            number,
            id,
            tenant,
            labels: TenantLabels { ccid: owner.ccid, name: owner.short_name },
            channel,
            account: Arc::new(account),
            name: object.name,
            alternates,
            account_version,
            groups,
            is_wanted,
            snapshot,
            documents,
        }))
    }

    /// Messages or calls a second at most, by all its accounts together.
    pub fn rate_per_second(&self) -> f64 {
        self.account.rate_per_second + self.alternates.iter().map(|(_, account)| account.rate_per_second).sum::<f64>()
    }

    /// A loaded group by its number.
    pub fn group(&self, number: i64) -> Option<&Arc<GroupPlan>> {
        self.groups.iter().find(|g| g.number == number)
    }

    /// The groups that may contact people.
    pub fn running(&self) -> HashSet<i64> {
        self.groups.iter().filter(|g| g.is_running()).map(|g| g.number).collect()
    }

    /// The pace of each running group: what its carrier asks for, else messages a second.
    pub fn rates(&self, carrier: &dyn Carrier) -> Vec<(i64, Pace)> {
        let rate = |g: &GroupPlan| Pace::Clock(f64::from(g.settings.dialing.messages_per_minute) / 60.0);
        let pace = |g: &Arc<GroupPlan>| (g.number, carrier.demand(g.number).map_or_else(|| rate(g), Pace::Asked));
        self.groups.iter().filter(|g| g.is_running()).map(pace).collect()
    }
}

/// What the groups of an account share.
struct Shared<'a> {
    channel: Channel,
    prompts: Arc<[SpokenPrompt]>,
    documents: &'a RuleDocuments,
    snapshot: &'a Arc<RuleSnapshot>,
}

async fn group_plan(
    tx: &mut Tx,
    context: &SenderContext,
    row: &GroupRow,
    shared: &Shared<'_>,
    known: Option<&Arc<GroupPlan>>,
) -> Result<Option<GroupPlan>, StoreError> {
    let (channel, documents, snapshot) = (shared.channel, shared.documents, shared.snapshot);
    let Some(object) = tx.object_get(row.tenant, kind::CAMPAIGN_GROUP, row.id).await? else { return Ok(None) };
    let body: CampaignGroupBody =
        serde_json::from_value(object.body.0).map_err(|e| StoreError::Corrupt(e.to_string()))?;
    let settings = body.settings.unwrap_or_default();
    let mut lists = Vec::new();
    for entry in tx.group_lists(row.number).await? {
        if let Some(list) = tx.contact_list_of_number(row.tenant, entry.list).await? {
            lists.push(PlanList {
                number: list.number,
                generation: list.generation,
                visible_to: list.visible_to,
                weight: entry.weight,
            });
        }
    }
    let due = due_of(tx, row, &lists, &settings, context.now()).await?;
    let (content, content_version) = content_of(tx, row.tenant, channel, &settings, known).await?;
    let members = members_of(tx, row.tenant, settings.calls.agent_group).await?;
    let caller_ids = caller_ids_of(tx, row.tenant, &settings.calls.caller_ids, context.now()).await?;
    let selected: Vec<String> = settings.rules.iter().map(Uuid::to_string).collect();
    let (rules, rules_used, snapshot) = match known {
        Some(known) if known.rules.version() == documents.version && known.version == object.version => {
            (Arc::clone(&known.rules), Arc::clone(&known.rules_used), Arc::clone(&known.snapshot))
        }
        _ => {
            let names: Vec<&str> = selected.iter().map(String::as_str).collect();
            let rules = RuleSet::compile(documents, &names, &context.zones);
            (Arc::new(rules), rules_used(snapshot, selected), Arc::clone(snapshot))
        }
    };
    let suppression =
        tx.suppression_applicable(row.tenant, &settings.suppression_lists, channel, context.now()).await?;
    // what can't be sent is for nothing; until it is mended the strictest holds
    let class = content.as_ref().ok().and_then(Option::as_ref).map(|content| content.class());
    let subject = settings.subject(class, |name| collector_hash(&context.app.hash_key, row.tenant, name));
    // also where a class changed after the group was started: what sells leaves by no other rules
    let content = settings.clash(class).map_or(content, Err);
    Ok(Some(GroupPlan {
        number: row.number,
        id: row.id,
        state: row.state.clone(),
        ends_talks: row.ends_talks,
        limited_by: row.limited_by.clone(),
        lists,
        settings,
        content,
        made_at: object.created_at,
        tenant: row.tenant,
        name: object.name,
        members,
        due,
        prompts: Arc::clone(&shared.prompts),
        caller_ids,
        rules,
        rules_used,
        snapshot,
        suppression,
        subject,
        version: object.version,
        content_version,
    }))
}

/// How many records of a group are due, as far as that matters.
async fn due_of(
    tx: &mut Tx,
    row: &GroupRow,
    lists: &[PlanList],
    settings: &CampaignSettings,
    now: Micros,
) -> Result<u32, StoreError> {
    let (mut due, calls) = (0, &settings.calls);
    if row.state != state::RUNNING || calls.agent_phones.ring().is_none() {
        return Ok(0);
    }
    let grace = i64::from(calls.callback_grace_minutes) * 60_000_000;
    for list in lists {
        let room = MOST_DUE - due;
        let mut start = FetchKey::default();
        due += tx.record_fetch(row.number, list.number, (now, grace), &mut start, false, room).await?.len();
        if due >= MOST_DUE {
            break;
        }
    }
    Ok(u32::try_from(due).unwrap_or(u32::MAX))
}

/// The members of an agent group.
async fn members_of(tx: &mut Tx, tenant: i64, group: Option<Uuid>) -> Result<Vec<Uuid>, StoreError> {
    let Some(id) = group else { return Ok(Vec::new()) };
    let Some(object) = tx.object_get(tenant, kind::AGENT_GROUP, id).await? else { return Ok(Vec::new()) };
    let group: AgentGroup = serde_json::from_value(object.body.0)?;
    Ok(group.members)
}

/// The enabled caller ids among the numbers that a group names. One that is not there any more is left out.
async fn caller_ids_of(
    tx: &mut Tx,
    tenant: i64,
    numbers: &[String],
    now: Micros,
) -> Result<Option<Vec<PlanCallerId>>, StoreError> {
    if numbers.is_empty() {
        return Ok(None);
    }
    let blocks = tx.caller_id_blocks(tenant, now - BLOCKED_FOR).await?;
    let mut ids = Vec::new();
    for object in tx.object_all(tenant, kind::CALLER_ID).await? {
        let document: CallerId = serde_json::from_value(object.body.0)?;
        if document.enabled && numbers.contains(&document.number) {
            let is_blocked = blocks.iter().any(|block| block.number == document.number);
            ids.push(PlanCallerId { id: object.id, number: document.number, is_blocked });
        }
    }
    Ok(Some(ids))
}

/// The content of a group, and its version; or why it can't be sent.
pub(super) async fn content_of(
    tx: &mut Tx,
    tenant: i64,
    channel: Channel,
    settings: &CampaignSettings,
    known: Option<&Arc<GroupPlan>>,
) -> Result<(Result<Option<Arc<CompiledContent>>, String>, i64), StoreError> {
    if channel == Channel::Voice {
        return Ok((Ok(None), 0));
    }
    let Some(id) = settings.content else { return Ok((Err("the group has no content".into()), 0)) };
    let Some(object) = tx.object_get(tenant, kind::CONTENT, id).await? else {
        return Ok((Err("the group's content is gone".into()), 0));
    };
    if let Some(known) = known.filter(|k| k.content_version == object.version && k.settings.content == Some(id)) {
        return Ok((known.content.clone(), object.version));
    }
    let compiled = match serde_json::from_value::<Content>(object.body.0) {
        Err(error) => Err(error.to_string()),
        Ok(content) if content.channel != channel => Err("the group's content is for another channel".into()),
        Ok(content) => {
            content.compile().map_err(|problems| problems.first().map(|p| p.detail.clone()).unwrap_or_default())
        }
    };
    Ok((compiled.map(|content| Some(Arc::new(content))), object.version))
}

//! A tenant's rules, lists and limits, loaded once and looked at again every two seconds.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cxc_core::campaign::CampaignGroupBody;
use cxc_core::channel::Channel;
use cxc_core::compliance::{RuleDocuments, RuleSet, Subject, Zones};
use cxc_core::kind;
use cxc_server::App;
use cxc_server::document::Document as _;
use cxc_server::resources::settings::Settings;
use cxc_store::evidence::RuleSnapshot;
use cxc_store::reservation::NO_GROUP;
use cxc_store::suppression::SuppressionList;
use cxc_store::{StoreError, Tx};
use uuid::Uuid;

use super::limits::Quotas;
use crate::group_subject::group_subject;

/// How old what is known may be.
const LOOK: Duration = Duration::from_secs(2);
/// From when on one request looks again, while the others go on with what is known: nobody waits every two seconds.
const AHEAD: Duration = Duration::from_secs(1);

/// The rules of a group, or of no group: those that are required.
pub struct GroupRules {
    /// The number of the group, or [`NO_GROUP`].
    pub number: i64,
    /// The rules.
    pub rules: Arc<RuleSet>,
    /// The ids that the group named.
    pub selected: Vec<String>,
    /// The suppression lists.
    pub lists: Vec<SuppressionList>,
    /// What its attempts are for; nothing without a group.
    pub subject: Option<Subject>,
    /// Why nobody may be contacted for it: its purpose does not go with what it sends.
    pub clash: Option<String>,
    /// What the rules were made of.
    documents: Arc<RuleDocuments>,
    version: i64,
}

type Groups = HashMap<(Option<Uuid>, Channel), Option<Arc<GroupRules>>>;

/// What is known of a tenant.
pub struct TenantRules {
    /// The tenant's number.
    pub tenant: i64,
    /// How it is labelled in metrics: ccid and name.
    pub labels: Arc<(String, String)>,
    /// Whether it may contact anybody.
    pub enabled: bool,
    /// All of its rules as they are stored.
    pub documents: Arc<RuleDocuments>,
    /// The same, as evidence keeps them.
    pub snapshot: Arc<RuleSnapshot>,
    /// Its limits.
    pub quotas: Quotas,
    /// The country of numbers without one.
    pub country: String,
    groups: Mutex<Groups>,
    looked: Instant,
}

/// The rules of every tenant that asks.
pub struct RuleBook {
    app: App,
    zones: Zones,
    tenants: Mutex<HashMap<i64, Arc<TenantRules>>>,
    loading: tokio::sync::Mutex<()>,
}

impl RuleBook {
    /// An empty book.
    pub fn new(app: App, zones: Zones) -> Self {
        Self { app, zones, tenants: Mutex::new(HashMap::new()), loading: tokio::sync::Mutex::new(()) }
    }

    fn known(&self, tenant: i64) -> Option<Arc<TenantRules>> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner).get(&tenant).cloned()
    }

    /// What is known of a tenant, at most two seconds old. An error means that nothing may be allowed.
    pub async fn tenant(&self, tenant: i64) -> Result<Arc<TenantRules>, StoreError> {
        let known = |age: Duration| self.known(tenant).filter(|k| k.looked.elapsed() < age);
        if let Some(known) = known(AHEAD) {
            return Ok(known);
        }
        let _one_at_a_time = match (self.loading.try_lock(), known(LOOK)) {
            (Ok(first), _) => first,
            (Err(_), Some(known)) => return Ok(known),
            (Err(_), None) => self.loading.lock().await,
        };
        if let Some(known) = known(AHEAD) {
            return Ok(known);
        }
        let loaded = Arc::new(self.load(tenant, self.known(tenant)).await?);
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner).insert(tenant, Arc::clone(&loaded));
        Ok(loaded)
    }

    async fn load(&self, tenant: i64, known: Option<Arc<TenantRules>>) -> Result<TenantRules, StoreError> {
        let looked = Instant::now();
        if known.is_none() {
            self.app.numbers.prepare(tenant).await;
        }
        let mut tx = self.app.db.read().await?;
        let Some(owner) = tx.tenant_get(tenant).await? else {
            return Err(StoreError::Corrupt(format!("there is no tenant {tenant}")));
        };
        let version = tx.rule_set_version(tenant).await?;
        let settings = tx.object_all(tenant, Settings::KIND).await?.into_iter().next();
        let settings = settings.map(|s| serde_json::from_value::<Settings>(s.body.0)).transpose()?.unwrap_or_default();
        let (documents, snapshot) = match &known {
            Some(k) if k.documents.version == version => (Arc::clone(&k.documents), Arc::clone(&k.snapshot)),
            _ => {
                let kept = tx.rule_documents_kept(tenant).await?;
                let documents = self.app.rules.documents(&mut tx, tenant).await?;
                (Arc::new(documents), Arc::new(RuleSnapshot::of(version, &kept)?))
            }
        };
        let mut groups = HashMap::new();
        if let Some(known) = &known {
            let used: Vec<_> = {
                let groups = known.groups.lock().unwrap_or_else(PoisonError::into_inner);
                groups.iter().map(|(key, rules)| (*key, rules.clone())).collect()
            };
            for (key, before) in used {
                let now = self.group_rules(&mut tx, tenant, &documents, key, before).await?;
                groups.insert(key, now);
            }
        }
        Ok(TenantRules {
            tenant,
            labels: Arc::new((owner.ccid, owner.short_name)),
            enabled: owner.enabled,
            documents,
            snapshot,
            quotas: Quotas {
                device_per_minute: settings.validations_per_device_per_minute,
                client_per_minute: settings.validations_per_client_id_per_minute,
                tenant_per_minute: settings.validations_per_tenant_per_minute,
                overall_per_second: settings.validations_per_second,
            },
            country: settings.country,
            groups: Mutex::new(groups),
            looked,
        })
    }

    /// The rules of a group, or of none; `None` if there is no such group on this channel.
    pub async fn group(
        &self,
        of: &TenantRules,
        group: Option<Uuid>,
        channel: Channel,
    ) -> Result<Option<Arc<GroupRules>>, StoreError> {
        let key = (group, channel);
        let known = of.groups.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let mut tx = self.app.db.read().await?;
        let found = self.group_rules(&mut tx, of.tenant, &of.documents, key, None).await?;
        // a stranger's ids must not fill the memory
        if group.is_none() || found.is_some() {
            of.groups.lock().unwrap_or_else(PoisonError::into_inner).insert(key, found.clone());
        }
        Ok(found)
    }

    async fn group_rules(
        &self,
        tx: &mut Tx,
        tenant: i64,
        documents: &Arc<RuleDocuments>,
        (group, channel): (Option<Uuid>, Channel),
        before: Option<Arc<GroupRules>>,
    ) -> Result<Option<Arc<GroupRules>>, StoreError> {
        let (mut number, mut subject, mut clash) = (NO_GROUP, None, None);
        let (mut selected, mut chosen, mut version) = (Vec::new(), Vec::new(), 0);
        if let Some(id) = group {
            let Some(row) = tx.group_get(tenant, id, false).await? else { return Ok(None) };
            let Some(object) = tx.object_get(tenant, kind::CAMPAIGN_GROUP, id).await? else { return Ok(None) };
            let body: CampaignGroupBody = serde_json::from_value(object.body.0)?;
            let settings = body.settings.unwrap_or_default();
            let found = group_subject(tx, &self.app.hash_key, tenant, &settings).await?;
            (subject, clash) = (Some(found.0), found.1);
            (number, version) = (row.number, object.version);
            selected = settings.rules.iter().map(Uuid::to_string).collect();
            chosen = settings.suppression_lists;
        }
        let now = self.app.now();
        let lists = tx.suppression_applicable(tenant, &chosen, channel, now).await?;
        let names: Vec<&str> = selected.iter().map(String::as_str).collect();
        // lists change by the minute, rules by the month
        let rules = match before.filter(|b| Arc::ptr_eq(&b.documents, documents) && b.version == version) {
            Some(before) => Arc::clone(&before.rules),
            None => Arc::new(RuleSet::compile(documents, &names, &self.zones)),
        };
        let documents = Arc::clone(documents);
        Ok(Some(Arc::new(GroupRules { number, rules, selected, lists, subject, clash, documents, version })))
    }
}

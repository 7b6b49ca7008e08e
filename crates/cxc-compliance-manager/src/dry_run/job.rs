//! The job: the audience of a group, slice by slice, judged as a sender would at the moment.
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use cxc_core::campaign::CampaignGroupBody;
use cxc_core::channel::Channel;
use cxc_core::compliance::legal::LegalRuleSetting;
use cxc_core::compliance::{IntervalCache, RuleDocuments, RuleSet, Subject};
use cxc_core::kind;
use cxc_core::location::Location;
use cxc_core::selection::SelectionRule;
use cxc_server::job_runner::{JobControl, JobError, JobHandler};
use cxc_server::{ApiError, App, Code};
use cxc_store::contact::FullContact;
use cxc_store::contact_slice::RULE_FROM;
use cxc_store::job::Job;
use cxc_store::judge::{Case, Judge, Scope};
use cxc_store::list::ContactList;
use cxc_store::location::Locations;
use cxc_store::selection::CompiledRule;
use cxc_store::suppression::SuppressionList;
use cxc_store::{StoreError, Tx};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::counts::Counts;
use crate::evaluations::{EvaluationDocument, Evaluator, Group, group};

/// The kind of the job.
pub const KIND: &str = "compliance_dry_run";
/// Contacts that are judged together.
const SLICE: i64 = 2_000;

/// Which rules, on whom, when.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct DryRunAsked {
    /// The campaign group whose audience is judged.
    pub group_id: Uuid,
    /// The moment; now if nothing is said.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
    /// Rules that are not required and hold besides those of the group.
    #[schema(max_items = 500)]
    pub rules: Vec<Uuid>,
    /// Decisions on legal rules that are to be tried: they take the place of the tenant's.
    #[schema(max_items = 500)]
    pub legal_settings: Vec<LegalRuleSetting>,
    /// How long before a window's end contacting stops, in seconds, if not the tenant's.
    #[schema(minimum = 0, maximum = 3600)]
    pub guard_seconds: Option<u32>,
}

/// Does dry runs.
pub struct DryRuns {
    app: App,
    evaluator: Evaluator,
}

/// The audience at one moment.
struct Audience {
    number: i64,
    channel: Channel,
    body: CampaignGroupBody,
    subject: Subject,
    rules: RuleSet,
    suppression: Vec<SuppressionList>,
    lists: Vec<(ContactList, Option<CompiledRule>)>,
}

impl DryRuns {
    /// With this application and evaluator.
    pub fn new(app: App, evaluator: Evaluator) -> Self {
        Self { app, evaluator }
    }

    async fn audience(&self, tenant: i64, asked: &DryRunAsked, at: i64) -> Result<Audience, JobError> {
        let mut tx = self.app.db.read().await?;
        let gone = || refused("the channel of the campaign group is not known".to_owned());
        let Group { number, channel, body, subject } = group(&mut tx, &self.app, tenant, asked.group_id).await?;
        let channel = channel.ok_or_else(gone)?;
        let documents: RuleDocuments = self.app.rules.documents(&mut tx, tenant).await?;
        let tried = EvaluationDocument {
            legal_settings: asked.legal_settings.clone(),
            guard_seconds: asked.guard_seconds,
            ..EvaluationDocument::default()
        };
        let documents = self.evaluator.adjusted(documents, &tried).map_err(|error| refused(error.to_string()))?;
        let settings = body.settings.clone().unwrap_or_default();
        let ids: Vec<String> = settings.rules.iter().chain(&asked.rules).map(Uuid::to_string).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let rules = RuleSet::compile(&documents, &ids, &self.evaluator.kit().zones);
        let suppression = tx.suppression_applicable(tenant, &settings.suppression_lists, channel, at).await?;
        let mut lists = Vec::new();
        for entry in tx.group_lists(number).await? {
            let Some(list) = tx.contact_list_of_number(tenant, entry.list).await? else { continue };
            let rule = match entry.selection_rule {
                Some(id) => Some(self.selection(&mut tx, tenant, id).await?),
                None => None,
            };
            lists.push((list, rule));
        }
        Ok(Audience { number, channel, body, subject, rules, suppression, lists })
    }

    async fn selection(&self, tx: &mut Tx, tenant: i64, id: Uuid) -> Result<CompiledRule, JobError> {
        let gone = || refused("a selection rule of the group is gone: give its list another".to_owned());
        let object = tx.object_get(tenant, kind::SELECTION_RULE, id).await?.ok_or_else(gone)?;
        let rule: SelectionRule = serde_json::from_value(object.body.0).map_err(|e| corrupt(&e))?;
        Ok(CompiledRule::new(&rule, self.app.db.engine(), RULE_FROM, false))
    }

    async fn count(&self, tenant: i64, audience: &Audience, at: i64, control: &JobControl) -> Result<Counts, JobError> {
        let settings = audience.body.settings.clone().unwrap_or_default();
        let scope = Scope {
            tenant,
            grp: audience.number,
            channel: audience.channel,
            treatment: &settings.treatment,
            rules: &audience.rules,
            suppression: &audience.suppression,
            subject: &audience.subject,
            before_attempt: false,
        };
        let locations = Arc::new(Locations::new());
        let cache = IntervalCache::new(self.evaluator.kit().zones.clone(), IntervalCache::CAPACITY);
        self.app.numbers.prepare(tenant).await;
        let judge = Judge::new(cache, Arc::clone(&locations), self.app.hash_key);
        let mut judge = judge.with_numbers(self.app.numbers.clone()).at_any_moment().with_reasons();
        let mut counts = Counts::new(at);
        let total = audience.lists.iter().map(|(list, _)| list.contacts).sum();
        for (list, rule) in &audience.lists {
            let mut after = 0;
            loop {
                control.check()?;
                let mut tx = self.app.db.read().await?;
                let Some((contacts, last)) = tx.contact_slice_full(list, after, SLICE, rule.as_ref()).await? else {
                    break;
                };
                let cases: Vec<Case<'_>> =
                    contacts.iter().map(|contact| Case { contact, device: 0, record: None }).collect();
                let found = judge.judge_through(&mut tx, &scope, &cases, at).await?;
                let places = places(&locations, &mut tx, &contacts).await?;
                let reasons = judge.take_reasons();
                for ((finding, contact), reasons) in found.iter().zip(&contacts).zip(&reasons) {
                    counts.add(finding, reasons, zones_of(contact, &places));
                }
                after = last;
                control.progress(counts.len(), total);
            }
        }
        Ok(counts)
    }
}

fn refused(detail: String) -> JobError {
    JobError::Refused(ApiError::new(Code::ValidationFailed, detail))
}

fn corrupt(error: &serde_json::Error) -> JobError {
    StoreError::Corrupt(error.to_string()).into()
}

async fn places(
    locations: &Locations,
    tx: &mut Tx,
    contacts: &[FullContact],
) -> Result<HashMap<i64, Location>, StoreError> {
    let own = |c: &FullContact| {
        std::iter::once(c.contact.location).chain(c.devices.iter().map(|d| d.location)).collect::<Vec<_>>()
    };
    let wanted: BTreeSet<i64> = contacts.iter().flat_map(own).collect();
    locations.resolve(tx, &wanted.into_iter().collect::<Vec<_>>()).await
}

/// The zones of a contact and of its first device.
fn zones_of(full: &FullContact, places: &HashMap<i64, Location>) -> String {
    let first = full.devices.first().map(|device| device.location);
    let known = [Some(full.contact.location), first].into_iter().flatten().filter_map(|at| places.get(&at));
    let zones: BTreeSet<&str> = known.flat_map(Location::zones).map(|zone| &**zone).collect();
    zones.into_iter().collect::<Vec<_>>().join(",")
}

#[async_trait]
impl JobHandler for DryRuns {
    fn kinds(&self) -> &'static [&'static str] {
        &[KIND]
    }

    async fn run(&self, job: &Job, control: &JobControl) -> Result<Value, JobError> {
        let asked: DryRunAsked = serde_json::from_value(job.payload.0.clone()).map_err(|e| corrupt(&e))?;
        let at = asked.at.map_or_else(|| self.app.now(), Timestamp::as_microsecond);
        let audience = self.audience(job.tenant, &asked, at).await?;
        let counts = self.count(job.tenant, &audience, at, control).await?;
        serde_json::to_value(counts.result(audience.rules.version())).map_err(|e| corrupt(&e))
    }
}

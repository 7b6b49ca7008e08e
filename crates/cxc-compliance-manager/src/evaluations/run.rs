//! Making an evaluation: rules, question and facts together, the check, and every step in words.
use std::collections::HashSet;
use std::sync::Arc;

use cxc_core::campaign::CampaignGroupBody;
use cxc_core::channel::Channel;
use cxc_core::compliance::campaign::CampaignFinding;
use cxc_core::compliance::legal::{LegalRule, LegalRuleSetting};
use cxc_core::compliance::{
    CallDuties, DataFault, Explanation, IntervalCache, RuleDocuments, RuleRef, RuleSet, Stored, Subject, explain,
};
use cxc_core::field_error::FieldError;
use cxc_core::kind;
use cxc_core::location::Country;
use cxc_server::document::Document as _;
use cxc_server::resources::settings::Settings;
use cxc_server::{ApiError, App};
use cxc_store::Tx;
use jiff::Timestamp;
use uuid::Uuid;

use super::answer::EvaluationAnswer;
use super::campaign::{self, CampaignAsked};
use super::document::{EvaluationDocument, RulesAsked};
use super::hold::Hold;
use super::kit::Kit;
use super::question::Question;
use super::resolve::Resolver;
use super::{names, stored};
use crate::group_subject::group_subject;

/// The places that one evaluation looks at.
pub(super) const PLACES: usize = 64;

/// Makes evaluations. They write nothing.
#[derive(Debug, Clone)]
pub struct Evaluator {
    kit: Kit,
}

/// The campaign group that is asked for.
pub(crate) struct Group {
    pub number: i64,
    pub channel: Option<Channel>,
    pub body: CampaignGroupBody,
    /// What its attempts are for.
    pub subject: Subject,
}

impl Evaluator {
    /// With this data.
    pub fn new(kit: Kit) -> Self {
        Self { kit }
    }

    /// The data.
    pub fn kit(&self) -> &Kit {
        &self.kit
    }

    /// The answer to a document, for a tenant.
    pub async fn evaluate(
        &self,
        app: &App,
        tenant: i64,
        asked: &EvaluationDocument,
    ) -> Result<EvaluationAnswer, ApiError> {
        if asked.contact.is_none() {
            app.numbers.prepare(tenant).await;
        }
        let mut tx = app.db.read().await?;
        let group = match asked.group_id {
            Some(id) => Some(group(&mut tx, app, tenant, id).await?),
            None => None,
        };
        let documents = self.documents(app, &mut tx, tenant, asked).await?;
        let (key, home, now) = (&app.hash_key, home(&mut tx, tenant).await?, app.clock.now());
        let tables = self.kit.tables.current();
        let reader = Resolver { kit: &self.kit, key, tables, tenant, home, now, rules: None, is_stored: false };
        refuse_wrong(&documents, asked, &reader)?;
        let rules = self.rules(&self.adjusted(documents, asked)?, asked, group.as_ref());
        let resolver = Resolver { rules: Some(&rules), ..reader };
        let hold = Hold::of(app, &mut tx).await?;
        let fault = hold.as_ref().and_then(|hold| hold.fault(now, asked.at.unwrap_or(now)));
        let mut duties = CallDuties::default();
        let (mut explained, campaign) = if asked.contact.is_some() {
            let at_group = group.as_ref().map_or((0, None), |g| (g.number, g.channel));
            let mut question = resolver.question(asked, at_group).map_err(ApiError::validation)?;
            if let Some(group) = group.as_ref().filter(|_| asked.purpose.is_none()) {
                question.subject = Subject { line_type: question.subject.line_type, ..group.subject.clone() };
            }
            duties = self.duties(&rules, &question);
            self.explain(&rules, &question, asked, fault)
        } else if asked.list_id.is_some() {
            stored::explain(app, &mut tx, &resolver, asked, group.as_ref(), (&rules, fault)).await?
        } else {
            let group = group.as_ref();
            let subject = group.filter(|_| asked.purpose.is_none()).map(|group| group.subject.clone());
            campaign::alone(&rules, &resolver, asked, group.and_then(|group| group.channel), subject)?
        };
        names::put(&mut tx, tenant, &mut explained.steps).await?;
        let (at, data) = (asked.at.unwrap_or(now), self.kit.versions.with_tables(&resolver.tables));
        Ok(EvaluationAnswer {
            hold,
            duties,
            campaign,
            ..EvaluationAnswer::of(explained, at, now, rules.version(), &data)
        })
    }

    /// The answer to a document by what is shipped alone: no store is needed.
    pub fn evaluate_shipped(
        &self,
        key: &cxc_core::hash::HashKey,
        asked: &EvaluationDocument,
        now: Timestamp,
    ) -> Result<EvaluationAnswer, ApiError> {
        if asked.list_id.is_some() || asked.group_id.is_some() {
            let text = "by the shipped rules alone an evaluation names no list and no group";
            return Err(ApiError::invalid("", "invalid", text));
        }
        let tables = self.kit.tables.current();
        let resolver =
            Resolver { kit: &self.kit, key, tables, tenant: 0, home: None, now, rules: None, is_stored: false };
        let documents = self.shipped();
        refuse_wrong(&documents, asked, &resolver)?;
        let rules = self.rules(&self.adjusted(documents, asked)?, asked, None);
        let mut duties = CallDuties::default();
        let (explained, campaign) = if asked.contact.is_some() {
            let question = resolver.question(asked, (0, None)).map_err(ApiError::validation)?;
            duties = self.duties(&rules, &question);
            self.explain(&rules, &question, asked, None)
        } else {
            campaign::alone(&rules, &resolver, asked, None, None)?
        };
        let (at, data) = (asked.at.unwrap_or(now), self.kit.versions.with_tables(&resolver.tables));
        Ok(EvaluationAnswer { duties, campaign, ..EvaluationAnswer::of(explained, at, now, rules.version(), &data) })
    }

    async fn documents(
        &self,
        app: &App,
        tx: &mut Tx,
        tenant: i64,
        asked: &EvaluationDocument,
    ) -> Result<RuleDocuments, ApiError> {
        Ok(match asked.rule_set {
            RulesAsked::Shipped => self.shipped(),
            RulesAsked::Tenant => app.rules.documents(tx, tenant).await?,
        })
    }

    /// The shipped law and nothing of a tenant's.
    fn shipped(&self) -> RuleDocuments {
        let (legal_packs, calendars) = (Arc::clone(&self.kit.laws), Arc::clone(&self.kit.calendars));
        RuleDocuments { legal_packs, calendars, ..RuleDocuments::default() }
    }

    /// The documents with what the question tries out. A decision on a rule that there is not is refused, and so is one
    /// that narrows nothing.
    pub fn adjusted(
        &self,
        mut documents: RuleDocuments,
        asked: &EvaluationDocument,
    ) -> Result<RuleDocuments, ApiError> {
        let errors = tried_errors(&documents, &asked.legal_settings);
        if !errors.is_empty() {
            return Err(ApiError::validation(errors));
        }
        if let Some(unmapped) = &asked.unmapped {
            documents.unmapped = unmapped.clone();
        }
        if let Some(sources) = asked.sources {
            documents.unmapped.sources = sources;
        }
        if let Some(guard) = asked.guard_seconds {
            documents.guard_seconds = guard;
        }
        let tried: HashSet<&str> = asked.legal_settings.iter().map(|setting| setting.rule.as_str()).collect();
        documents.legal_settings.retain(|stored| {
            stored.body.as_ref().is_ok_and(|body| !tried.contains(body.rule.as_str())) || stored.body.is_err()
        });
        for (at, setting) in asked.legal_settings.iter().enumerate() {
            documents.legal_settings.push(Stored::new(RuleRef::new(format!("tried {at}"), 0), setting.clone()));
        }
        Ok(documents)
    }

    fn rules(&self, documents: &RuleDocuments, asked: &EvaluationDocument, group: Option<&Group>) -> RuleSet {
        let named = group.and_then(|g| g.body.settings.as_ref()).map(|s| s.rules.as_slice()).unwrap_or_default();
        let ids: Vec<String> = named.iter().chain(&asked.rules).map(ToString::to_string).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        RuleSet::compile(documents, &ids, &self.kit.zones)
    }

    /// The decision about a contact, which also goes by what the rules about campaigns say, where it is told how one is run.
    fn explain(
        &self,
        rules: &RuleSet,
        question: &Question,
        asked: &EvaluationDocument,
        fault: Option<DataFault>,
    ) -> (Explanation, Vec<CampaignFinding>) {
        let mut cache = IntervalCache::new(self.kit.zones.clone(), PLACES);
        let mut faults = DataFault::of_zones(&self.kit.zones);
        faults.extend(fault);
        let explained = question.with(asked.intelligence.as_ref(), &faults, |request, facts| {
            explain(rules, &mut cache, request, facts, question.at)
        });
        question.reading(|reading| campaign::judge(explained, asked, rules, reading, &self.kit.zones))
    }

    /// What the attempt must keep to, if it is a call.
    fn duties(&self, rules: &RuleSet, question: &Question) -> CallDuties {
        question.reading(|reading| rules.call_duties(reading, &self.kit.zones))
    }
}

/// What is wrong with rules that are to hold besides: one that there is not would be passed over.
pub(crate) fn rule_errors(documents: &RuleDocuments, rules: &[Uuid]) -> Vec<FieldError> {
    let unknown = rules.iter().enumerate().filter(|(_, id)| !documents.has_rule(&id.to_string()));
    let wrong = |(at, id): (usize, &Uuid)| {
        let detail = format!("there is no rule {id} among those that are asked: they are the tenant's, by their ids");
        FieldError::new(format!("/rules/{at}"), "not_found", detail)
    };
    unknown.map(wrong).collect()
}

/// What is wrong with decisions that are to be tried, compared with the rules that there are.
pub(crate) fn tried_errors(documents: &RuleDocuments, tried: &[LegalRuleSetting]) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for (at, setting) in tried.iter().enumerate() {
        let own = setting.validate().into_iter();
        errors.extend(own.map(|e| FieldError { pointer: format!("/legalSettings/{at}{}", e.pointer), ..e }));
        if let Some(first) = tried[..at].iter().position(|earlier| earlier.rule == setting.rule) {
            let detail = format!("{} is decided about at /legalSettings/{first}: one decision a rule", setting.rule);
            errors.push(FieldError::new(format!("/legalSettings/{at}/rule"), "duplicate", detail));
        } else if !documents.has_law(&setting.rule) {
            let detail = format!("there is no legal rule {}: rules are named as in US-TX-HOURS", setting.rule);
            errors.push(FieldError::new(format!("/legalSettings/{at}/rule"), "not_found", detail));
        } else if let Some(narrow) = &setting.narrow {
            let shipped = documents.legal_packs.get(&setting.rule).map(AsRef::as_ref);
            let own = documents.legal_rules.iter().filter_map(|stored| stored.body.as_ref().ok());
            let versions: Vec<&LegalRule> = shipped.chain(own.filter(|rule| rule.id == setting.rule)).collect();
            let idle = narrow.idle(&versions).into_iter();
            errors.extend(idle.map(|e| FieldError { pointer: format!("/legalSettings/{at}{}", e.pointer), ..e }));
        }
    }
    errors
}

/// Refuses a document with everything that is wrong with it.
fn refuse_wrong(documents: &RuleDocuments, asked: &EvaluationDocument, reader: &Resolver<'_>) -> Result<(), ApiError> {
    let mut errors = shape(asked);
    errors.extend(rule_errors(documents, &asked.rules));
    errors.extend(tried_errors(documents, &asked.legal_settings));
    if let Some(wanted) = asked.rule_set_version.filter(|wanted| *wanted != documents.version) {
        let text = format!("the rules have version {}, not {wanted}", documents.version);
        errors.push(FieldError::new("/ruleSetVersion", "stale", text));
    }
    if errors.is_empty() {
        return Ok(());
    }
    if asked.contact.is_some() {
        errors.extend(reader.question(asked, (0, None)).err().unwrap_or_default());
    }
    Err(ApiError::validation(errors))
}

/// What can't go together.
fn shape(asked: &EvaluationDocument) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let mut wrong = |pointer: &'static str, text: &str| errors.push(FieldError::new(pointer, "invalid", text));
    let names_stored = asked.list_id.is_some() || asked.contact_id.is_some();
    let names_none = asked.contact.is_none() && !names_stored;
    if (asked.contact.is_some() && names_stored) || (names_none && asked.campaign.is_none()) {
        wrong("", "either contact, or listId and contactId of a contact that is stored, or only campaign");
    }
    if names_stored && (asked.list_id.is_none() || asked.contact_id.is_none()) {
        wrong("", "a stored contact is named by its listId and its contactId or recordId");
    }
    if !names_none && asked.campaign.as_ref().is_some_and(|campaign| !campaign.places.is_empty()) {
        wrong("/campaign/places", "a contact tells where it is: places are for a question without one");
    }
    if asked.guard_seconds.is_some_and(|guard| guard > 3600) {
        wrong("/guardSeconds", "0 to 3600 seconds");
    }
    errors.extend(asked.campaign.iter().flat_map(CampaignAsked::errors));
    errors
}

/// A campaign group, with what its attempts are for.
pub(crate) async fn group(tx: &mut Tx, app: &App, tenant: i64, id: Uuid) -> Result<Group, ApiError> {
    let missing = || ApiError::invalid("/groupId", "not_found", "there is no such campaign group");
    let row = tx.group_get(tenant, id, false).await?.ok_or_else(missing)?;
    let object = tx.object_get(tenant, kind::CAMPAIGN_GROUP, id).await?.ok_or_else(missing)?;
    let body: CampaignGroupBody = serde_json::from_value(object.body.0).map_err(ApiError::internal)?;
    let (subject, _) = group_subject(tx, &app.hash_key, tenant, &body.settings.clone().unwrap_or_default()).await?;
    Ok(Group { number: row.number, channel: Channel::from_bit(row.channel), body, subject })
}

/// The country of the tenant's numbers without one.
pub(super) async fn home(tx: &mut Tx, tenant: i64) -> Result<Option<Country>, ApiError> {
    let stored = tx.object_all(tenant, Settings::KIND).await?.into_iter().next();
    let settings: Settings = match stored {
        Some(object) => serde_json::from_value(object.body.0).map_err(ApiError::internal)?,
        None => Settings::default(),
    };
    Ok(settings.country.parse().ok())
}

//! A tenant's own rules in the legal form.
use cxc_core::compliance::legal::{Holding, LegalRule};
use cxc_core::compliance::{RuleRef, Stored};
use cxc_core::field_error::FieldError;
use cxc_core::kind;
use cxc_core::written_reason::WrittenReason;
use cxc_server::document::{NoExtra, Removal, Write};
use cxc_server::{ApiError, Document, Scope};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A rule of the tenant's own in the legal form.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OwnLegalRule {
    /// The rule. It holds unless its `default` is `off`.
    pub rule: LegalRule,
    /// Why. A rule that makes other rules count less, such as a `count_exclusion`, needs one while it holds.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schema(max_length = 2000)]
    pub reason: String,
}

impl Document for OwnLegalRule {
    const KIND: &'static str = kind::LEGAL_RULE;
    const NOUN: &'static str = "legal rule of one's own";
    const PATH: &'static str = "/compliance/own-legal-rules";
    const TAG: &'static str = "Compliance";
    const READ: Scope = Scope::ComplianceRead;
    const WRITE: Scope = Scope::ComplianceWrite;
    type Extra = NoExtra;

    fn validate(&self) -> Vec<FieldError> {
        let mut errors: Vec<FieldError> = self.rule.validate().into_iter().map(|e| e.under("/rule")).collect();
        if !self.reason.is_empty()
            && let Err(error) = WrittenReason::of_law(&self.reason)
        {
            errors.push(FieldError::new("/reason", "invalid", error.to_string()));
        }
        errors
    }

    async fn before_write(write: &mut Write<'_, Self>) -> Result<(), ApiError> {
        let rule = &write.after.body.rule;
        if write.app.rules.packs.get(&rule.id).next().is_some() {
            let detail = format!("{} is a shipped rule: decide about it instead, or take another id", rule.id);
            return Err(ApiError::invalid("/rule/id", "taken", detail));
        }
        let standing = Holding::of(rule.default, None);
        if holds(rule) || write.before.is_some_and(|b| holds(&b.body.rule)) {
            write.principal.need(Scope::ComplianceRequired)?;
        }
        // whatever held before may have been another rule: each writing answers for all that it lets pass
        if rule.kind.lets_pass(Holding::Dormant, standing) && write.after.body.reason.is_empty() {
            let detail = "this rule makes others count less: say why, the audit log keeps it";
            return Err(ApiError::invalid("/reason", "required", detail));
        }
        let idle = idle(rule, write.before.map(|before| &before.body.rule), super::yesterday(write.app));
        if !idle.is_empty() {
            return Err(ApiError::validation(idle.into_iter().map(|e| e.under("/rule")).collect()));
        }
        compiles(write).await
    }

    async fn after_write(write: &mut Write<'_, Self>) -> Result<(), ApiError> {
        Ok(write.tx.rule_set_moved(write.principal.tenant).await?)
    }

    async fn before_delete(removal: &mut Removal<'_, Self>) -> Result<(), ApiError> {
        if holds(&removal.document.body.rule) {
            removal.principal.need(Scope::ComplianceRequired)?;
        }
        Ok(removal.tx.rule_set_moved(removal.principal.tenant).await?)
    }
}

/// Whether a rule of one's own bears on anybody.
fn holds(rule: &LegalRule) -> bool {
    Holding::of(rule.default, None) != Holding::Dormant
}

/// What a rule says in vain. What is stored may be renamed and ended whatever it says, but not emptied.
fn idle(rule: &LegalRule, before: Option<&LegalRule>, from: Date) -> Vec<FieldError> {
    let mut errors = rule.idle(from);
    if let Some(before) = before {
        let known: Vec<String> = before.idle(from).into_iter().map(|error| error.pointer).collect();
        errors.retain(|error| error.pointer != "/effectiveUntil" && !known.contains(&error.pointer));
    }
    errors
}

/// Refuses a rule that compilation would not take: it would stop everybody.
async fn compiles(write: &mut Write<'_, OwnLegalRule>) -> Result<(), ApiError> {
    let (rule, data) = (&write.after.body.rule, &write.app.rules);
    let own = RuleRef::new(write.after.id.to_string(), write.after.version);
    let mut documents = data.documents(write.tx, write.principal.tenant).await?;
    // last, since of two rules that contradict one another the later is not read
    documents.legal_rules.retain(|stored| stored.rule.id != own.id);
    documents.legal_rules.push(Stored { rule: own.clone(), body: Ok(rule.clone()) });
    let law = RuleRef::new(rule.id.as_str(), i64::from(rule.version));
    // one that is off is refused as well: it would stop everybody on the day on which it is turned on
    match documents.problems(&data.zones).into_iter().find(|problem| problem.rule == own || problem.rule == law) {
        Some(found) => Err(ApiError::invalid("/rule", "invalid", found.detail)),
        None => Ok(()),
    }
}

//! Legal rules: what the tenant decided about those that are shipped, the tenant's own, and how all of them stand.
mod history;
pub(crate) mod list;
mod own;
pub(crate) mod problems;
mod version;
pub(crate) mod withdraw;

use axum::extract::State;
use axum::http::HeaderMap;
use cxc_core::compliance::legal::{LegalRule, LegalRuleSetting, Narrowing, SettingState, widens};
use cxc_core::field_error::FieldError;
use cxc_core::kind;
use cxc_server::document::{self, Draft, NoExtra, Write};
use cxc_server::{ApiError, ApiJson, ApiPath, App, Document, Principal, Scope};
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use own::OwnLegalRule;
pub(crate) use version::EtagHeader;

/// The scope that reading needs.
pub(crate) const READ: Scope = Scope::ComplianceRead;
/// The scope that deciding needs; widening needs more.
pub(crate) const WRITE: Scope = Scope::ComplianceWrite;

/// A tenant's decision on a shipped rule, as it is stored under the rule's id.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct Setting(pub LegalRuleSetting);

impl Document for Setting {
    const KIND: &'static str = kind::LEGAL_RULE_SETTING;
    const NOUN: &'static str = "decision on a legal rule";
    const PATH: &'static str = "/compliance/legal-rule-settings";
    const TAG: &'static str = "Compliance";
    const READ: Scope = Scope::ComplianceRead;
    const WRITE: Scope = Scope::ComplianceWrite;
    type Extra = NoExtra;

    fn validate(&self) -> Vec<FieldError> {
        self.0.validate()
    }

    async fn before_write(write: &mut Write<'_, Self>) -> Result<(), ApiError> {
        let versions: Vec<&LegalRule> =
            write.app.rules.packs.get(&write.after.body.0.rule).map(AsRef::as_ref).collect();
        if versions.is_empty() {
            return Err(ApiError::not_found("legal rule"));
        }
        let mut idle = write.after.body.0.idle(&versions);
        idle.extend(write.after.body.0.narrow.as_ref().and_then(|narrow| narrow.over(yesterday(write.app))));
        if !idle.is_empty() {
            return Err(ApiError::validation(idle));
        }
        write.after.body.0.decided_by = Some(write.principal.name.clone());
        write.after.body.0.decided_at = Some(write.app.clock.now());
        let before = write.before.map(|b| &b.body.0);
        if widens(&versions, before, Some(&write.after.body.0), yesterday(write.app)) {
            write.principal.need(Scope::ComplianceRequired)?;
            if write.after.body.0.reason.is_empty() {
                let detail = "this widens a legal rule: say why, the audit log keeps it";
                return Err(ApiError::invalid("/reason", "required", detail));
            }
        }
        if before.is_some_and(|before| before.state != SettingState::On) && write.after.body.0.state != SettingState::On
        {
            // who lets people pass answers for it: nobody else puts their name or words in that one's place
            write.principal.need(Scope::ComplianceRequired)?;
        }
        Ok(())
    }

    async fn after_write(write: &mut Write<'_, Self>) -> Result<(), ApiError> {
        history::decided(write).await?;
        Ok(write.tx.rule_set_moved(write.principal.tenant).await?)
    }
}

/// The first day that is not over everywhere: a zone far in the east has tomorrow's date, one in the west still yesterday's.
pub(crate) fn yesterday(app: &App) -> Date {
    app.clock.now().to_zoned(TimeZone::UTC).date().saturating_sub(1.day())
}

/// What a tenant decides about a shipped rule.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LegalRuleDecision {
    /// What is decided.
    pub state: SettingState,
    /// Why. Whatever lets contacts pass that were held back needs one.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub reason: String,
    /// How the rule is narrowed. Its `dates` declare an emergency.
    #[serde(default)]
    pub narrow: Option<Narrowing>,
}

/// Decide about a shipped legal rule: on, off or waived, and narrowed
#[utoipa::path(put, path = "/compliance/legal-rules/{rule}/setting", tag = "Compliance", operation_id = "decideLegalRule",
    params(("rule" = String, Path, description = "The id of the rule, such as US-TX-HOURS."),
        ("If-Match" = Option<String>, Header, description = "The ETag of the rule as it was read; may be left out until the first decision.")),
    request_body = LegalRuleDecision,
    responses((status = OK, body = LegalRuleSetting, headers(("ETag" = String))), ApiError))]
pub(crate) async fn decide(
    State(app): State<App>,
    principal: Principal,
    ApiPath(rule): ApiPath<String>,
    headers: HeaderMap,
    ApiJson(wanted): ApiJson<LegalRuleDecision>,
) -> Result<(EtagHeader, axum::Json<LegalRuleSetting>), ApiError> {
    let LegalRuleDecision { state, reason, narrow } = wanted;
    let reason = reason.trim().to_owned();
    let setting = LegalRuleSetting { rule: rule.clone(), state, reason, narrow, decided_by: None, decided_at: None };
    let mut tx = app.db.begin().await?;
    let draft = Draft::new(rule.as_str(), Setting(setting));
    let before = document::find::<Setting>(&mut tx, principal.tenant, &rule).await?;
    version::unchanged(&mut tx, (principal.tenant, &rule), before.is_some(), &headers).await?;
    let (stored, _) = match before {
        // whoever was faster has the name
        None => document::create_in(&app, &mut tx, &principal, draft).await.map_err(version::raced)?,
        Some(before) => document::update_in(&app, &mut tx, &principal, &before, draft).await?,
    };
    let tag = version::tag(&mut tx, principal.tenant, &rule).await?;
    tx.commit().await?;
    Ok((tag, axum::Json(stored.body.0)))
}

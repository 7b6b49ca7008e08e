//! Legal rules: those that are shipped with what the tenant decided about them, and the tenant's own.
use axum::extract::State;
use cxc_core::channel::Channel;
use cxc_core::compliance::legal::{Confidence, DefaultState, LegalRule, LegalRuleSetting, Narrowing, SettingState};
use cxc_core::compliance::{RuleRef, RuleSet, Stored};
use cxc_core::field_error::FieldError;
use cxc_core::kind;
use cxc_server::document::{self, Draft, NoExtra, Page, Removal, Write};
use cxc_server::{ApiError, ApiJson, ApiPath, ApiQuery, App, Document, Principal, Scope};
use cxc_store::Tx;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The scope that reading needs.
pub(crate) const READ: Scope = Scope::ComplianceRead;
/// The scope that deciding needs; widening needs more.
pub(crate) const WRITE: Scope = Scope::ComplianceWrite;

/// The longest reason, in bytes.
const MAX_REASON: usize = 2000;

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
        let defaults = write.app.rules.packs.get(&write.after.body.0.rule).next().map(|rule| rule.default);
        let default = defaults.ok_or_else(|| ApiError::not_found("legal rule"))?;
        let before = write.before.map(|b| &b.body.0);
        if widens(default, before, &write.after.body.0) {
            write.principal.need(Scope::ComplianceRequired)?;
            if write.after.body.0.reason.trim().is_empty() {
                let detail = "this widens a legal rule: say why, the audit log keeps it";
                return Err(ApiError::invalid("/reason", "required", detail));
            }
        }
        Ok(())
    }

    async fn after_write(write: &mut Write<'_, Self>) -> Result<(), ApiError> {
        Ok(write.tx.rule_set_moved(write.principal.tenant).await?)
    }
}

/// Whether a decision lets contacts pass that were held back before it.
fn widens(default: DefaultState, before: Option<&LegalRuleSetting>, after: &LegalRuleSetting) -> bool {
    // an unanswered rule holds back whom it concerns, so that waiving it widens
    let held = match before.map(|b| b.state) {
        None => default != DefaultState::Off,
        Some(SettingState::On) => true,
        Some(SettingState::Off) => default == DefaultState::Ask,
        Some(SettingState::Waived) => false,
    };
    let narrowed = before.and_then(|b| b.narrow.as_ref());
    let keeps_narrowing = narrowed.is_none() || narrowed == after.narrow.as_ref();
    // turning an unanswered rule on asks for less than holding everybody back, and is what it asks for
    held && (after.state != SettingState::On || !keeps_narrowing)
}

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
        if self.reason.len() > MAX_REASON {
            errors.push(FieldError::new("/reason", "too_long", format!("at most {MAX_REASON} bytes")));
        }
        errors
    }

    async fn before_write(write: &mut Write<'_, Self>) -> Result<(), ApiError> {
        let rule = &write.after.body.rule;
        if write.app.rules.packs.get(&rule.id).next().is_some() {
            let detail = format!("{} is a shipped rule: decide about it instead, or take another id", rule.id);
            return Err(ApiError::invalid("/rule/id", "taken", detail));
        }
        let holds = |rule: &LegalRule| rule.default != DefaultState::Off;
        if holds(rule) || write.before.is_some_and(|b| holds(&b.body.rule)) {
            write.principal.need(Scope::ComplianceRequired)?;
        }
        if holds(rule) && rule.kind.widens() && write.after.body.reason.trim().is_empty() {
            let detail = "this rule makes others count less: say why, the audit log keeps it";
            return Err(ApiError::invalid("/reason", "required", detail));
        }
        compiles(write).await
    }

    async fn after_write(write: &mut Write<'_, Self>) -> Result<(), ApiError> {
        Ok(write.tx.rule_set_moved(write.principal.tenant).await?)
    }

    async fn before_delete(removal: &mut Removal<'_, Self>) -> Result<(), ApiError> {
        if removal.document.body.rule.default != DefaultState::Off {
            removal.principal.need(Scope::ComplianceRequired)?;
        }
        Ok(removal.tx.rule_set_moved(removal.principal.tenant).await?)
    }
}

/// Refuses a rule that compilation would not take: it would stop everybody.
async fn compiles(write: &mut Write<'_, OwnLegalRule>) -> Result<(), ApiError> {
    let (rule, data) = (&write.after.body.rule, &write.app.rules);
    let own = RuleRef::new(write.after.id.to_string(), write.after.version);
    let mut documents = data.documents(write.tx, write.principal.tenant).await?;
    // last, since of two rules that contradict one another the later is not read
    documents.legal_rules.retain(|stored| stored.rule.id != own.id);
    documents.legal_rules.push(Stored { rule: own.clone(), body: Ok(rule.clone()) });
    let compiled = RuleSet::compile(&documents, &[], &data.zones);
    let law = RuleRef::new(rule.id.as_str(), i64::from(rule.version));
    match compiled.unreadable().iter().find(|(unreadable, _)| *unreadable == own || *unreadable == law) {
        Some((_, why)) => Err(ApiError::invalid("/rule", "invalid", format!("{why}: nobody could be contacted"))),
        None => Ok(()),
    }
}

/// Whether a rule holds for the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EffectiveState {
    /// It holds.
    On,
    /// It does not.
    Off,
    /// It does not, and the tenant answers for that.
    Waived,
    /// Nobody decided: whom it concerns is not contacted, and a campaign that it concerns does not start.
    Unanswered,
}

/// A legal rule and how it stands.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LegalRuleView {
    /// Its id.
    pub id: String,
    /// What kind of rule it is.
    pub kind: &'static str,
    /// Whether it is the tenant's own.
    pub own: bool,
    /// What holds without a decision.
    pub default: DefaultState,
    /// Whether it holds for the tenant.
    pub state: EffectiveState,
    /// Whether its days have come and not gone.
    pub in_force: bool,
    /// What the tenant decided.
    #[schema(required)]
    pub setting: Option<LegalRuleSetting>,
    /// The law.
    pub citation: String,
    /// How sure it is that the rule says what the law says.
    pub confidence: Confidence,
    /// Everything that it says.
    pub rule: LegalRule,
}

/// Which legal rules are wanted.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Those of a country, two letters, or `EU`.
    country: Option<String>,
    /// Those of a region, `TX`.
    region: Option<String>,
    /// Those of a kind, such as `window`.
    kind: Option<String>,
    /// Those that apply to a channel.
    channel: Option<Channel>,
    /// Those that stand so.
    state: Option<EffectiveState>,
    /// Those that are in force today, or those that are not.
    in_force: Option<bool>,
    /// The tenant's own, or the shipped ones.
    own: Option<bool>,
}

impl Wanted {
    fn takes(&self, view: &LegalRuleView) -> bool {
        fn same<T: PartialEq>(wanted: Option<&T>, own: &T) -> bool {
            wanted.is_none_or(|wanted| wanted == own)
        }
        let jurisdiction = &view.rule.jurisdiction;
        let channels = &view.rule.applies_to.channels;
        same(self.country.as_ref(), &jurisdiction.country)
            && self.region.as_ref().is_none_or(|region| jurisdiction.region.as_ref() == Some(region))
            && self.kind.as_deref().is_none_or(|kind| kind == view.kind)
            && self.channel.is_none_or(|channel| channels.is_empty() || channels.contains(&channel))
            && same(self.state.as_ref(), &view.state)
            && same(self.in_force.as_ref(), &view.in_force)
            && same(self.own.as_ref(), &view.own)
    }
}

impl LegalRuleView {
    fn of(rule: &LegalRule, own: bool, setting: Option<LegalRuleSetting>, today: Date) -> Self {
        let state = match (setting.as_ref().map(|s| s.state), rule.default) {
            (Some(SettingState::On), _) | (None, DefaultState::On) => EffectiveState::On,
            (Some(SettingState::Waived), _) => EffectiveState::Waived,
            (None | Some(SettingState::Off), DefaultState::Ask) => EffectiveState::Unanswered,
            (Some(SettingState::Off), _) | (None, DefaultState::Off) => EffectiveState::Off,
        };
        Self {
            id: rule.id.clone(),
            kind: rule.kind.name(),
            own,
            default: rule.default,
            state,
            in_force: rule.effective_from.is_none_or(|d| d <= today) && rule.effective_until.is_none_or(|d| today < d),
            setting,
            citation: rule.citation.clone(),
            confidence: rule.confidence,
            rule: rule.clone(),
        }
    }
}

async fn views(app: &App, tx: &mut Tx, tenant: i64) -> Result<Vec<LegalRuleView>, ApiError> {
    let settings = document::get_all::<Setting>(tx, tenant).await?;
    let own = document::get_all::<OwnLegalRule>(tx, tenant).await?;
    let today = app.clock.now().to_zoned(TimeZone::UTC).date();
    let setting = |id: &str| settings.iter().find(|s| s.body.0.rule == id).map(|s| s.body.0.clone());
    let shipped = app.rules.packs.all().iter().map(|r| LegalRuleView::of(r, false, setting(&r.id), today));
    let own = own.iter().map(|o| LegalRuleView::of(&o.body.rule, true, None, today));
    Ok(shipped.chain(own).collect())
}

/// Every legal rule, shipped and own, in every version
#[utoipa::path(get, path = "/compliance/legal-rules", tag = "Compliance", operation_id = "listLegalRules", params(Wanted),
    responses((status = OK, body = Page<LegalRuleView>), ApiError))]
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
    ApiQuery(wanted): ApiQuery<Wanted>,
) -> Result<axum::Json<Page<LegalRuleView>>, ApiError> {
    let mut items = views(&app, &mut app.db.read().await?, principal.tenant).await?;
    items.retain(|view| wanted.takes(view));
    // there are a few hundred in all: one page
    Ok(axum::Json(Page::new(items, None)))
}

/// The versions of one legal rule
#[utoipa::path(get, path = "/compliance/legal-rules/{rule}", tag = "Compliance", operation_id = "getLegalRule",
    params(("rule" = String, Path, description = "The id of the rule, such as US-TX-HOURS.")),
    responses((status = OK, body = Page<LegalRuleView>), ApiError))]
pub(crate) async fn get(
    State(app): State<App>,
    principal: Principal,
    ApiPath(rule): ApiPath<String>,
) -> Result<axum::Json<Page<LegalRuleView>>, ApiError> {
    let mut items = views(&app, &mut app.db.read().await?, principal.tenant).await?;
    items.retain(|view| view.id == rule);
    if items.is_empty() {
        return Err(ApiError::not_found("legal rule"));
    }
    Ok(axum::Json(Page::new(items, None)))
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
    /// How the rule is narrowed. Its `dates` declare an emergency; without them it is over.
    #[serde(default)]
    pub narrow: Option<Narrowing>,
}

/// Decide about a shipped legal rule: on, off or waived, and narrowed
#[utoipa::path(put, path = "/compliance/legal-rules/{rule}/setting", tag = "Compliance", operation_id = "decideLegalRule",
    params(("rule" = String, Path, description = "The id of the rule, such as US-TX-HOURS.")), request_body = LegalRuleDecision,
    responses((status = OK, body = LegalRuleSetting), ApiError))]
pub(crate) async fn decide(
    State(app): State<App>,
    principal: Principal,
    ApiPath(rule): ApiPath<String>,
    ApiJson(wanted): ApiJson<LegalRuleDecision>,
) -> Result<axum::Json<LegalRuleSetting>, ApiError> {
    let LegalRuleDecision { state, reason, narrow } = wanted;
    let setting = LegalRuleSetting { rule: rule.clone(), state, reason: reason.trim().to_owned(), narrow };
    let mut tx = app.db.begin().await?;
    let draft = Draft::new(rule.as_str(), Setting(setting.clone()));
    match document::find::<Setting>(&mut tx, principal.tenant, &rule).await? {
        None => drop(document::create_in(&app, &mut tx, &principal, draft).await?),
        Some(before) => drop(document::update_in(&app, &mut tx, &principal, &before, draft).await?),
    }
    tx.commit().await?;
    Ok(axum::Json(setting))
}

//! How each legal rule stands: those that are shipped and the tenant's own.
use axum::extract::State;
use cxc_core::channel::Channel;
use cxc_core::compliance::RuleProblem;
use cxc_core::compliance::campaign::Enforcer;
use cxc_core::compliance::legal::{Confidence, DefaultState, LegalRule, LegalRuleSetting, SettingState};
use cxc_server::document::{self, Page};
use cxc_server::{ApiError, ApiPath, ApiQuery, App, Principal};
use cxc_store::Tx;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::history::{self, DecisionMade};
use super::version::{self, EtagHeader};
use super::{OwnLegalRule, Setting};

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
    /// Who sees to it that the rule is kept.
    pub enforced_by: Vec<Enforcer>,
    /// Why it can't be used, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub problem: Option<String>,
    /// What the tenant decided.
    #[schema(required)]
    pub setting: Option<LegalRuleSetting>,
    /// Every decision of the tenant on it, the newest first; only of a single rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub history: Option<Vec<DecisionMade>>,
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
            enforced_by: rule.enforced_by(),
            problem: None,
            setting,
            history: None,
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
    let problems = app.rules.documents(tx, tenant).await?.problems(&app.rules.zones);
    let own = own.iter().map(|own| {
        let of_object = own.id.to_string();
        let rule = &own.body.rule;
        let is_about = |p: &&RuleProblem| {
            *p.rule.id == *of_object || (*p.rule.id == *rule.id && p.rule.version == i64::from(rule.version))
        };
        let problem = problems.iter().find(is_about).map(|p| p.detail.clone());
        LegalRuleView { problem, ..LegalRuleView::of(rule, true, None, today) }
    });
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

/// The versions of one legal rule, with every decision of the tenant on it
#[utoipa::path(get, path = "/compliance/legal-rules/{rule}", tag = "Compliance", operation_id = "getLegalRule",
    params(("rule" = String, Path, description = "The id of the rule, such as US-TX-HOURS.")),
    responses((status = OK, body = Page<LegalRuleView>, headers(("ETag" = String))), ApiError))]
pub(crate) async fn get(
    State(app): State<App>,
    principal: Principal,
    ApiPath(rule): ApiPath<String>,
) -> Result<(EtagHeader, axum::Json<Page<LegalRuleView>>), ApiError> {
    let mut tx = app.db.read().await?;
    let mut items = views(&app, &mut tx, principal.tenant).await?;
    items.retain(|view| view.id == rule);
    if items.is_empty() {
        return Err(ApiError::not_found("legal rule"));
    }
    let history = history::of(&mut tx, principal.tenant, &rule).await?;
    items.iter_mut().for_each(|view| view.history = Some(history.clone()));
    let tag = version::tag(&mut tx, principal.tenant, &rule).await?;
    Ok((tag, axum::Json(Page::new(items, None))))
}

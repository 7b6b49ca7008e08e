//! Dialing profiles, session profiles and campaign templates. Values are copied downward when a child is made.
use cxc_core::campaign::{
    CampaignSettings, CampaignTemplateBody, DialingProfileBody, ProfileType, SessionProfileBody, clash_at,
};
use cxc_core::field_error::FieldError;
use cxc_core::kind;
use cxc_server::document::{self, NoExtra, Reference, Write};
use cxc_server::resources::caller_ids::check_numbers;
use cxc_server::{ApiError, Document, Scope};
use cxc_store::Tx;
use cxc_store::object_query::ObjectField;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A reusable set of campaign settings.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct DialingProfile(pub DialingProfileBody);

/// References to the infrastructure that carries a campaign.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct SessionProfile(pub SessionProfileBody);

/// A named copy of a dialing profile, with its session profile.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct CampaignTemplate(pub CampaignTemplateBody);

/// Refuses settings that are not for a type of profile.
pub(crate) fn fit_type(settings: Option<&CampaignSettings>, kind: ProfileType) -> Result<(), ApiError> {
    match settings.map(|settings| settings.type_problems(kind, "/settings")).unwrap_or_default() {
        problems if problems.is_empty() => Ok(()),
        problems => Err(ApiError::validation(problems)),
    }
}

/// Refuses settings whose purpose does not go with the content that they name.
pub(crate) async fn fit_content(tx: &mut Tx, tenant: i64, settings: Option<&CampaignSettings>) -> Result<(), ApiError> {
    let Some(settings) = settings else { return Ok(()) };
    let class = tx.content_class(tenant, settings.content).await?;
    match settings.clash(class.as_deref()) {
        None => Ok(()),
        Some(detail) => Err(ApiError::validation(vec![clash_at("/settings", detail)])),
    }
}

/// What may hold for the campaigns that name it.
const OPTIONAL_RULES: [&str; 5] =
    [kind::ATTEMPT_RULE, kind::CONTACT_TIMES, kind::LOCATION_RULE, kind::CUSTOM_RULE, kind::EXTERNAL_RULE];

/// Refuses new numbers to display that are not the tenant's.
pub(crate) async fn check_caller_ids(
    tx: &mut Tx,
    tenant: i64,
    (before, after): (Option<&CampaignSettings>, Option<&CampaignSettings>),
) -> Result<(), ApiError> {
    let numbers =
        |settings: Option<&CampaignSettings>| settings.map(|s| s.calls.caller_ids.clone()).unwrap_or_default();
    check_numbers(tx, tenant, (&numbers(before), &numbers(after))).await
}

/// What campaign settings refer to, with pointers below `at`.
pub fn settings_references(at: &str, settings: &CampaignSettings) -> Vec<Reference> {
    let many = |member: &str, kind, ids: &[uuid::Uuid]| -> Vec<Reference> {
        ids.iter().enumerate().map(|(i, id)| Reference::new(format!("{at}/{member}/{i}"), kind, *id)).collect()
    };
    let mut references = many("suppressionLists", kind::SUPPRESSION_LIST, &settings.suppression_lists);
    let rules = settings.rules.iter().enumerate();
    references.extend(rules.map(|(i, id)| Reference::any(format!("{at}/rules/{i}"), &OPTIONAL_RULES, *id)));
    references.extend(many("excludeReachedBy", kind::CAMPAIGN_GROUP, &settings.exclude_reached_by));
    let agents = settings.calls.agent_group;
    references.extend(agents.map(|id| Reference::new(format!("{at}/calls/agentGroup"), kind::AGENT_GROUP, id)));
    references.extend(settings.content.map(|id| Reference::new(format!("{at}/content"), kind::CONTENT, id)));
    references
}

impl Document for DialingProfile {
    const KIND: &'static str = kind::DIALING_PROFILE;
    const NOUN: &'static str = "dialing profile";
    const PATH: &'static str = "/dialing-profiles";
    const TAG: &'static str = "Campaigns";
    const READ: Scope = Scope::ProfilesRead;
    const WRITE: Scope = Scope::ProfilesWrite;
    const FILTERS: &'static [ObjectField] = &[ObjectField::Text("type")];
    type Extra = NoExtra;

    fn validate(&self) -> Vec<FieldError> {
        let mut problems = self.0.settings.problems("/settings");
        problems.extend(self.0.settings.type_problems(self.0.kind, "/settings"));
        problems
    }

    fn references(&self) -> Vec<Reference> {
        settings_references("/settings", &self.0.settings)
    }

    async fn before_write(write: &mut Write<'_, Self>) -> Result<(), ApiError> {
        let numbers = |profile: &Self| profile.0.settings.calls.caller_ids.clone();
        let before = write.before.map(|before| numbers(&before.body)).unwrap_or_default();
        check_numbers(write.tx, write.principal.tenant, (&before, &numbers(&write.after.body))).await?;
        fit_content(write.tx, write.principal.tenant, Some(&write.after.body.0.settings)).await?;
        match write.before {
            Some(before) if before.body.0.kind != write.after.body.0.kind => {
                Err(ApiError::invalid("/type", "not_editable", "the type of a profile is fixed when it is made"))
            }
            _ => Ok(()),
        }
    }
}

impl Document for SessionProfile {
    const KIND: &'static str = kind::SESSION_PROFILE;
    const NOUN: &'static str = "session profile";
    const PATH: &'static str = "/session-profiles";
    const TAG: &'static str = "Campaigns";
    const READ: Scope = Scope::ProfilesRead;
    const WRITE: Scope = Scope::ProfilesWrite;
    type Extra = NoExtra;

    fn references(&self) -> Vec<Reference> {
        self.0.gateway.map(|id| Reference::new("/gateway", kind::CHANNEL_ACCOUNT, id)).into_iter().collect()
    }
}

impl Document for CampaignTemplate {
    const KIND: &'static str = kind::CAMPAIGN_TEMPLATE;
    const NOUN: &'static str = "campaign template";
    const PATH: &'static str = "/campaign-templates";
    const TAG: &'static str = "Campaigns";
    const READ: Scope = Scope::CampaignsRead;
    const WRITE: Scope = Scope::CampaignsWrite;
    type Extra = NoExtra;

    fn validate(&self) -> Vec<FieldError> {
        self.0.settings.iter().flat_map(|s| s.problems("/settings")).collect()
    }

    fn references(&self) -> Vec<Reference> {
        let mut references = vec![
            Reference::new("/dialingProfile", kind::DIALING_PROFILE, self.0.dialing_profile),
            Reference::new("/sessionProfile", kind::SESSION_PROFILE, self.0.session_profile),
        ];
        references.extend(self.0.settings.iter().flat_map(|s| settings_references("/settings", s)));
        references
    }

    /// Copies the profile's settings into a template that names none of its own.
    async fn before_write(write: &mut Write<'_, Self>) -> Result<(), ApiError> {
        let tenant = write.principal.tenant;
        let body = &mut write.after.body.0;
        let profile = document::get::<DialingProfile>(write.tx, tenant, body.dialing_profile).await?;
        // a profile that is not there is refused with the other references
        let Some(profile) = profile else { return Ok(()) };
        // which version was copied is known here only
        body.source_version = write.before.map_or(profile.version, |before| before.body.0.source_version);
        if body.settings.is_none() {
            body.source_version = profile.version;
            body.settings = Some(profile.body.0.settings);
        } else {
            let before = write.before.and_then(|before| before.body.0.settings.as_ref());
            check_caller_ids(write.tx, tenant, (before, body.settings.as_ref())).await?;
        }
        fit_type(body.settings.as_ref(), profile.body.0.kind)?;
        fit_content(write.tx, tenant, body.settings.as_ref()).await?;
        if let Some(before) = write.before.filter(|before| before.body.0.dialing_profile != body.dialing_profile) {
            let was = document::get::<DialingProfile>(write.tx, tenant, before.body.0.dialing_profile).await?;
            if was.is_some_and(|was| was.body.0.kind != profile.body.0.kind) {
                let detail = "the type of a template is fixed when it is made: take a profile of the same type";
                return Err(ApiError::invalid("/dialingProfile", "not_editable", detail));
            }
        }
        Ok(())
    }
}

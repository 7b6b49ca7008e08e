//! Campaign groups: the runnable object. Its document says what it is; its row at work says where it stands.
use std::collections::HashMap;

use cxc_core::campaign::{CampaignGroupBody, CampaignSettings, ProfileType};
use cxc_core::compliance::Purpose;
use cxc_core::field_error::FieldError;
use cxc_core::group_state::{GroupAction, GroupState};
use cxc_core::kind;
use cxc_server::document::{self, Extras, Reference, Removal, Stored, Write};
use cxc_server::error::Code;
use cxc_server::{ApiError, Document, Scope};
use cxc_store::Tx;
use cxc_store::group::GroupRow;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::metrics;
use crate::profiles::{
    CampaignTemplate, DialingProfile, SessionProfile, check_caller_ids, fit_content, fit_type, settings_references,
};

/// A template at work on weighted lists.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct CampaignGroup(pub CampaignGroupBody);

/// Where a campaign group stands.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupStanding {
    /// Its state.
    #[schema(value_type = Option<GroupState>, required)]
    pub state: Option<GroupState>,
    /// How its people are reached.
    #[schema(value_type = Option<ProfileType>, required)]
    #[serde(rename = "type")]
    pub kind: Option<ProfileType>,
    /// What went wrong last.
    #[schema(required)]
    pub last_error: Option<String>,
    /// Why it moves no faster, or not at all, while it runs.
    #[schema(required)]
    pub limited_by: Option<String>,
    /// The job that loads it.
    #[schema(required)]
    pub job: Option<Uuid>,
    /// The actions that do something now.
    pub next_actions: Vec<GroupAction>,
}

impl GroupStanding {
    /// As its row says.
    pub fn of(row: &GroupRow) -> Self {
        let state = GroupState::parse(&row.state);
        Self {
            state,
            kind: match row.channel {
                1 => Some(ProfileType::Agent),
                2 => Some(ProfileType::Sms),
                4 => Some(ProfileType::Email),
                _ => None,
            },
            last_error: row.last_error.clone(),
            limited_by: row.limited_by.clone().filter(|_| state == Some(GroupState::Running)),
            job: row.job,
            next_actions: state.map(GroupState::next_actions).unwrap_or_default(),
        }
    }
}

fn is_emergency(body: &CampaignGroupBody) -> bool {
    body.settings.as_ref().is_some_and(|settings| settings.compliance.purpose == Some(Purpose::Emergency))
}

impl Document for CampaignGroup {
    const KIND: &'static str = kind::CAMPAIGN_GROUP;
    const NOUN: &'static str = "campaign group";
    const PATH: &'static str = "/campaign-groups";
    const TAG: &'static str = "Campaigns";
    const READ: Scope = Scope::CampaignsRead;
    const WRITE: Scope = Scope::CampaignsWrite;
    type Extra = GroupStanding;

    fn validate(&self) -> Vec<FieldError> {
        self.0.settings.iter().flat_map(|s| s.problems("/settings")).collect()
    }

    fn references(&self) -> Vec<Reference> {
        let mut references = vec![Reference::new("/template", kind::CAMPAIGN_TEMPLATE, self.0.template)];
        references.extend(self.0.gateway.map(|id| Reference::new("/gateway", kind::CHANNEL_ACCOUNT, id)));
        references.extend(self.0.settings.iter().flat_map(|s| settings_references("/settings", s)));
        references
    }

    async fn before_write(write: &mut Write<'_, Self>) -> Result<(), ApiError> {
        let tenant = write.principal.tenant;
        if let Some(before) = write.before {
            let row = write.tx.group_get(tenant, before.id, true).await?;
            if !is_at_rest(row.as_ref()) && !only_live_edits(&before.body.0, &write.after.body.0) {
                let detail = "while it is loaded only pace, agents, caller ids and the order of devices can be changed: stop the group first";
                return Err(ApiError::new(Code::GroupRunning, detail));
            }
        }
        let body = &mut write.after.body.0;
        let template = document::get::<CampaignTemplate>(write.tx, tenant, body.template).await?;
        // a template that is not there is refused with the other references
        let Some(template) = template else { return Ok(()) };
        // which version was copied is known here only
        body.source_version = write.before.map_or(template.version, |before| before.body.0.source_version);
        if body.settings.is_none() {
            body.source_version = template.version;
            body.settings = Some(template.body.0.settings.unwrap_or_default());
        } else {
            let before = write.before.and_then(|before| before.body.0.settings.as_ref());
            check_caller_ids(write.tx, tenant, (before, body.settings.as_ref())).await?;
        }
        let kind = resolve(write.tx, tenant, body).await?.0;
        fit_type(body.settings.as_ref(), kind)?;
        if is_emergency(body) && !write.before.is_some_and(|before| is_emergency(&before.body.0)) {
            // an emergency is told at any hour and to those who opted out
            write.principal.need(Scope::ComplianceRequired)?;
        }
        fit_content(write.tx, tenant, body.settings.as_ref()).await?;
        if let Some(before) = write.before.filter(|before| before.body.0.template != body.template) {
            let was = resolve(write.tx, tenant, &before.body.0).await?.0;
            if was != kind {
                let detail = "the type of a group is fixed when it is made: take a template of the same type";
                return Err(ApiError::invalid("/template", "not_editable", detail));
            }
        }
        Ok(())
    }

    async fn after_write(write: &mut Write<'_, Self>) -> Result<(), ApiError> {
        let (tenant, id) = (write.principal.tenant, write.after.id);
        let body = &write.after.body.0;
        let row = write.tx.group_get(tenant, id, true).await?;
        if !is_at_rest(row.as_ref()) {
            // what is under way stays with the account that it was loaded for
            return Ok(());
        }
        let (kind, gateway) = resolve(write.tx, tenant, body).await?;
        let channel = kind.channel().bit();
        let account = match gateway {
            Some(id) => write.tx.channel_account_number(tenant, id).await?,
            None => 0,
        };
        match row {
            None => {
                write.tx.group_insert(tenant, id, channel, account, write.app.now()).await?;
                metrics::group_created(write.app, write.principal);
            }
            Some(row) => write.tx.group_set_account(row.number, channel, account).await?,
        }
        Ok(())
    }

    async fn before_delete(removal: &mut Removal<'_, Self>) -> Result<(), ApiError> {
        let Some(row) = removal.tx.group_get(removal.principal.tenant, removal.document.id, true).await? else {
            return Ok(());
        };
        if row.state != GroupState::NotLoaded.as_str() {
            return Err(ApiError::new(Code::GroupRunning, "stop the group before it is deleted"));
        }
        // its records are swept from the disk in the background
        removal.tx.group_delete(row.number).await?;
        metrics::group_removed(removal.app, removal.principal);
        Ok(())
    }

    async fn extra(extras: &mut Extras<'_, Self>) -> Result<Vec<GroupStanding>, ApiError> {
        let ids: Vec<Uuid> = extras.documents.iter().map(|d| d.id).collect();
        let rows = extras.tx.group_get_many(extras.tenant, &ids).await?;
        let rows: HashMap<Uuid, GroupStanding> = rows.iter().map(|row| (row.id, GroupStanding::of(row))).collect();
        let standing = |document: &Stored<Self>| {
            let mut standing = rows.get(&document.id).cloned().unwrap_or_default();
            // only calls of the type ivr have a script, and all of them do
            if document.body.0.settings.as_ref().is_some_and(|settings| settings.calls.script.is_some()) {
                standing.kind = standing.kind.map(|_| ProfileType::Ivr);
            }
            standing
        };
        Ok(extras.documents.iter().map(standing).collect())
    }
}

fn is_at_rest(row: Option<&GroupRow>) -> bool {
    row.is_none_or(|row| row.state == GroupState::NotLoaded.as_str())
}

/// What a group sends and by which account, from its template and session profile.
pub(crate) async fn resolve(
    tx: &mut Tx,
    tenant: i64,
    body: &CampaignGroupBody,
) -> Result<(ProfileType, Option<Uuid>), ApiError> {
    let template = document::get::<CampaignTemplate>(tx, tenant, body.template).await?;
    let template = template
        .ok_or_else(|| ApiError::invalid("/template", "not_found", "there is no such campaign template"))?
        .body
        .0;
    let profile = document::get::<DialingProfile>(tx, tenant, template.dialing_profile).await?;
    let kind = profile
        .ok_or_else(|| ApiError::invalid("/template", "not_found", "the template's dialing profile is gone"))?
        .body
        .0
        .kind;
    let session = document::get::<SessionProfile>(tx, tenant, template.session_profile).await?;
    Ok((kind, body.gateway.or_else(|| session.and_then(|s| s.body.0.gateway))))
}

/// Whether a change of a loaded group touches only what may change at work: pace, device escalation, agents.
fn only_live_edits(before: &CampaignGroupBody, after: &CampaignGroupBody) -> bool {
    let fixed = |body: &CampaignGroupBody| {
        let mut body = body.clone();
        if let Some(settings) = &mut body.settings {
            settings.dialing = CampaignSettings::default().dialing;
            settings.calls.agents.clear();
            settings.calls.agent_group = None;
            settings.calls.caller_ids.clear();
            settings.treatment.device_escalation = CampaignSettings::default().treatment.device_escalation;
        }
        body.auto_complete = true;
        // not the user's to change, and set anew with each write
        body.source_version = 0;
        body
    };
    let pace = |body: &CampaignGroupBody| body.settings.as_ref().map(|settings| settings.dialing.clone());
    let keeps_kind = pace(before).zip(pace(after)).is_some_and(|(before, after)| before.may_become(&after));
    keeps_kind && fixed(before) == fixed(after)
}

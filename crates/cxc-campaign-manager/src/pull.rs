//! Pull changes: a group takes over its template's settings as they are now.
use axum::extract::State;
use cxc_core::group_state::GroupState;
use cxc_server::document::{self, Draft};
use cxc_server::{ApiError, ApiPath, App, Code, Principal};
use uuid::Uuid;

use crate::actions::Acted;
use crate::groups::CampaignGroup;
use crate::profiles::CampaignTemplate;

/// Copy the settings of its template into a campaign group again
#[utoipa::path(post, path = "/campaign-groups/{id}/actions/pull-changes", tag = "Campaigns", operation_id = "pullChanges",
    params(("id" = Uuid, Path, description = "The campaign group.")),
    responses((status = OK, body = Acted, description = "Done, or there was nothing to take over."), ApiError))]
pub(crate) async fn pull_changes(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<axum::Json<Acted>, ApiError> {
    let tenant = principal.tenant;
    let mut tx = app.db.begin().await?;
    let row = tx.group_get(tenant, id, true).await?.ok_or_else(|| ApiError::not_found("campaign group"))?;
    if row.state != GroupState::NotLoaded.as_str() {
        return Err(ApiError::new(Code::GroupRunning, "stop the group before it takes over its template's settings"));
    }
    let group = document::get::<CampaignGroup>(&mut tx, tenant, id).await?;
    let group = group.ok_or_else(|| ApiError::not_found("campaign group"))?;
    let template = document::get::<CampaignTemplate>(&mut tx, tenant, group.body.0.template).await?;
    let template = template.ok_or_else(|| ApiError::not_found("campaign template"))?;
    let settings = template.body.0.settings.unwrap_or_default();
    let changed = group.body.0.settings.as_ref() != Some(&settings) || group.body.0.source_version != template.version;
    if changed {
        let mut draft = Draft::new(group.name.clone(), group.body.clone());
        draft.description.clone_from(&group.description);
        // without settings of its own a group copies its template's
        draft.body.0.settings = None;
        document::update_in(&app, &mut tx, &principal, &group, draft).await?;
        tx.commit().await?;
    }
    Ok(axum::Json(Acted::new(GroupState::NotLoaded, changed, None)))
}

//! The fate of a contact: where it stands in each campaign group that has it, and what was tried.
use axum::extract::State;
use cxc_core::kind;
use cxc_server::{ApiError, ApiPath, App, Principal};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::records::{RecordDetail, detail};

/// Where a contact stands in all campaign groups.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContactFate {
    /// One for each group that has the contact; none if no group was loaded with it.
    pub items: Vec<FateInGroup>,
}

/// Where a contact stands in one campaign group.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FateInGroup {
    /// The campaign group.
    pub campaign_group: Uuid,
    /// Its name.
    pub campaign_group_name: String,
    /// The contact's record there, with its explanation and history.
    pub record: RecordDetail,
}

/// What became of a contact in every campaign group
#[utoipa::path(get, path = "/lists/{id}/contacts/{contactId}/fate", tag = "Lists", operation_id = "getContactFate",
    params(("id" = Uuid, Path, description = "The contact list."), ("contactId" = i64, Path, description = "The contact's number.")),
    responses((status = OK, body = ContactFate), ApiError))]
pub(crate) async fn fate(
    State(app): State<App>,
    principal: Principal,
    ApiPath((id, contact)): ApiPath<(Uuid, i64)>,
) -> Result<axum::Json<ContactFate>, ApiError> {
    let tenant = principal.tenant;
    let mut tx = app.db.read().await?;
    let list = tx.contact_list_get(tenant, id).await?.ok_or_else(|| ApiError::not_found("contact list"))?;
    let records = tx.records_of_contact(tenant, contact).await?;
    let is_known = records.iter().any(|(_, record)| record.list == list.number);
    if !is_known && tx.contact_get(&list, contact).await?.is_none() {
        return Err(ApiError::not_found("contact"));
    }
    let mut items = Vec::new();
    for (group, record) in records.iter().filter(|(_, record)| record.list == list.number) {
        let name = tx.object_get(tenant, kind::CAMPAIGN_GROUP, *group).await?.map(|o| o.name).unwrap_or_default();
        let record = detail(&mut tx, tenant, record, app.now()).await?;
        items.push(FateInGroup { campaign_group: *group, campaign_group_name: name, record });
    }
    Ok(axum::Json(ContactFate { items }))
}

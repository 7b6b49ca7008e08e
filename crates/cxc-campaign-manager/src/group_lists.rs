//! The lists of a campaign group: each with its weight and, if wanted, a selection rule.
use axum::extract::State;
use cxc_core::field_error::FieldError;
use cxc_core::kind;
use cxc_server::audit::Entry;
use cxc_server::{ApiError, ApiJson, ApiPath, App, Principal};
use cxc_store::Tx;
use serde::{Deserialize, Serialize};
use serde_json::to_value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::actions::group_name;

const MOST: usize = 100;

/// One list of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WeightedList {
    /// The contact list.
    pub list: Uuid,
    /// Its share of the group's attempts is this over the sum of weights; 0 suspends it.
    #[serde(default = "ten")]
    #[schema(minimum = 0, maximum = 100, default = 10)]
    pub weight: i64,
    /// Takes only the contacts that this rule selects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub selection_rule: Option<Uuid>,
}

fn ten() -> i64 {
    10
}

/// The lists of a group, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WeightedLists {
    /// The lists.
    #[schema(max_items = 100)]
    pub items: Vec<WeightedList>,
}

impl WeightedLists {
    fn validate(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        if self.items.len() > MOST {
            errors.push(FieldError::new("/items", "too_many", "a campaign group has at most 100 lists"));
        }
        for (i, item) in self.items.iter().enumerate().take(MOST) {
            if !(0..=100).contains(&item.weight) {
                errors.push(FieldError::new(format!("/items/{i}/weight"), "out_of_range", "a weight is 0 to 100"));
            }
            if self.items[..i].iter().any(|other| other.list == item.list) {
                errors.push(FieldError::new(format!("/items/{i}/list"), "duplicate", "a list stands in a group once"));
            }
        }
        errors
    }
}

/// Puts these lists in place of a group's lists; also while it runs.
pub async fn put(app: &App, principal: &Principal, id: Uuid, lists: &WeightedLists) -> Result<WeightedLists, ApiError> {
    let errors = lists.validate();
    if !errors.is_empty() {
        return Err(ApiError::validation(errors));
    }
    let tenant = principal.tenant;
    let mut tx = app.db.begin().await?;
    let row = tx.group_get(tenant, id, true).await?.ok_or_else(|| ApiError::not_found("campaign group"))?;
    let before = read(&mut tx, tenant, row.number).await?;
    let mut numbers = Vec::with_capacity(lists.items.len());
    for (i, (item, position)) in lists.items.iter().zip(0_i64..).enumerate() {
        let found = tx.contact_list_get(tenant, item.list).await?;
        let list = found.ok_or_else(|| {
            ApiError::invalid(&format!("/items/{i}/list"), "not_found", "there is no such contact list")
        })?;
        if let Some(rule) = item.selection_rule
            && tx.object_get(tenant, kind::SELECTION_RULE, rule).await?.is_none()
        {
            let pointer = format!("/items/{i}/selectionRule");
            return Err(ApiError::invalid(&pointer, "not_found", "there is no such selection rule"));
        }
        tx.group_list_put(row.number, list.number, item.weight, position, item.selection_rule).await?;
        numbers.push(list.number);
    }
    for gone in tx.group_lists(row.number).await?.iter().filter(|l| !numbers.contains(&l.list)) {
        tx.group_list_delete(row.number, gone.list).await?;
    }
    let after = read(&mut tx, tenant, row.number).await?;
    let entry = Entry::new("update_lists", kind::CAMPAIGN_GROUP).of(id, &group_name(&mut tx, tenant, id).await?);
    let (was, is) = (to_value(&before).map_err(ApiError::internal)?, to_value(&after).map_err(ApiError::internal)?);
    entry.changed(Some(was), Some(is)).write(app, &mut tx, principal).await?;
    tx.commit().await?;
    Ok(after)
}

async fn read(tx: &mut Tx, tenant: i64, group: i64) -> Result<WeightedLists, ApiError> {
    let mut items = Vec::new();
    for entry in tx.group_lists(group).await? {
        if let Some(list) = tx.contact_list_of_number(tenant, entry.list).await? {
            items.push(WeightedList { list: list.id, weight: entry.weight, selection_rule: entry.selection_rule });
        }
    }
    Ok(WeightedLists { items })
}

/// The lists of a campaign group
#[utoipa::path(get, path = "/campaign-groups/{id}/lists", tag = "Campaigns", operation_id = "getCampaignGroupLists",
    params(("id" = Uuid, Path, description = "The campaign group.")), responses((status = OK, body = WeightedLists), ApiError))]
pub(crate) async fn get_lists(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<axum::Json<WeightedLists>, ApiError> {
    let mut tx = app.db.read().await?;
    let row = tx.group_get(principal.tenant, id, false).await?.ok_or_else(|| ApiError::not_found("campaign group"))?;
    Ok(axum::Json(read(&mut tx, principal.tenant, row.number).await?))
}

/// Replace the lists of a campaign group, also while it runs
#[utoipa::path(put, path = "/campaign-groups/{id}/lists", tag = "Campaigns", operation_id = "replaceCampaignGroupLists",
    params(("id" = Uuid, Path, description = "The campaign group.")), request_body = WeightedLists,
    responses((status = OK, body = WeightedLists), ApiError))]
pub(crate) async fn put_lists(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    ApiJson(lists): ApiJson<WeightedLists>,
) -> Result<axum::Json<WeightedLists>, ApiError> {
    Ok(axum::Json(put(&app, &principal, id, &lists).await?))
}

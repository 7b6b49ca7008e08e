//! The lists of a campaign group: each with its weight and, if wanted, a selection rule.
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cxc_core::field_error::FieldError;
use cxc_core::kind;
use cxc_server::audit::Entry;
use cxc_server::{ApiError, ApiJson, ApiPath, App, Code, Principal};
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

impl WeightedLists {
    /// The strong tag of these lists as they stand.
    fn etag(&self, app: &App, tenant: i64) -> Result<String, ApiError> {
        let text = serde_json::to_string(self).map_err(ApiError::internal)?;
        Ok(format!("\"{:016x}\"", app.hash_key.hash(tenant, &text)))
    }

    fn answer(self, app: &App, tenant: i64) -> Result<Response, ApiError> {
        let tag = HeaderValue::from_str(&self.etag(app, tenant)?).map_err(ApiError::internal)?;
        Ok(([(header::ETAG, tag)], axum::Json(self)).into_response())
    }
}

/// Whether a header of tags names this one.
fn names(headers: &HeaderMap, header: HeaderName, tag: &str) -> Option<bool> {
    let mut tags = headers.get_all(header).iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(',')).peekable();
    tags.peek()?;
    Some(tags.any(|given| given.trim() == "*" || given.trim() == tag))
}

/// Puts these lists in place of a group's lists; also while it runs.
pub async fn put(app: &App, principal: &Principal, id: Uuid, lists: &WeightedLists) -> Result<WeightedLists, ApiError> {
    put_if(app, principal, id, lists, |_| Ok(())).await
}

async fn put_if(
    app: &App,
    principal: &Principal,
    id: Uuid,
    lists: &WeightedLists,
    may: impl Fn(&WeightedLists) -> Result<(), ApiError> + Send,
) -> Result<WeightedLists, ApiError> {
    let errors = lists.validate();
    if !errors.is_empty() {
        return Err(ApiError::validation(errors));
    }
    let tenant = principal.tenant;
    let mut tx = app.db.begin().await?;
    let row = tx.group_get(tenant, id, true).await?.ok_or_else(|| ApiError::not_found("campaign group"))?;
    let before = read(&mut tx, tenant, row.number).await?;
    may(&before)?;
    let mut numbers = Vec::with_capacity(lists.items.len());
    for (i, (item, position)) in lists.items.iter().zip(0_i64..).enumerate() {
        let found = tx.contact_list_get(tenant, item.list).await?;
        let missing = || ApiError::invalid(&format!("/items/{i}/list"), "not_found", "there is no such contact list");
        let list = found.ok_or_else(missing)?;
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
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let mut tx = app.db.read().await?;
    let row = tx.group_get(principal.tenant, id, false).await?.ok_or_else(|| ApiError::not_found("campaign group"))?;
    let lists = read(&mut tx, principal.tenant, row.number).await?;
    let tag = lists.etag(&app, principal.tenant)?;
    if names(&headers, header::IF_NONE_MATCH, &tag) == Some(true) {
        let tag = HeaderValue::from_str(&tag).map_err(ApiError::internal)?;
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    }
    lists.answer(&app, principal.tenant)
}

/// Replace the lists of a campaign group, also while it runs. With `If-Match` only if they are as you saw them
#[utoipa::path(put, path = "/campaign-groups/{id}/lists", tag = "Campaigns", operation_id = "replaceCampaignGroupLists",
    params(("id" = Uuid, Path, description = "The campaign group.")), request_body = WeightedLists,
    responses((status = OK, body = WeightedLists), ApiError))]
pub(crate) async fn put_lists(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    headers: HeaderMap,
    ApiJson(lists): ApiJson<WeightedLists>,
) -> Result<Response, ApiError> {
    let tenant = principal.tenant;
    let may = |before: &WeightedLists| {
        let stale = names(&headers, header::IF_MATCH, &before.etag(&app, tenant)?) == Some(false);
        let detail = "the lists have changed since you read them: read them again and repeat your change";
        if stale { Err(ApiError::new(Code::EtagMismatch, detail)) } else { Ok(()) }
    };
    put_if(&app, &principal, id, &lists, may).await?.answer(&app, tenant)
}

//! `/lists/{id}/contacts/bulk`: many contacts of a list in one call.
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use cxc_server::{ApiError, ApiJson, ApiPath, App, Code, Principal};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Readers;
use crate::audited;
use crate::contact_edit::{self, ReadContact};
use crate::contact_views::ContactInput;
use crate::contacts::{country, edited, ids, noted};

/// The most items of a call.
const MOST: usize = 1_000;

/// One item of a bulk call.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum ContactBulkItem {
    /// Adds a contact, or replaces the one that has its key.
    Upsert {
        /// The contact.
        contact: ContactInput,
    },
    /// Takes a contact out.
    Delete {
        /// Its id.
        id: String,
    },
}

/// What is done to many contacts.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ContactBulk {
    /// At most 1,000.
    #[schema(max_items = 1000)]
    items: Vec<ContactBulkItem>,
}

/// What became of one item.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ContactBulkResult {
    /// Whether it was done.
    ok: bool,
    /// The contact.
    #[schema(required)]
    id: Option<String>,
    /// Why it was not done.
    #[schema(required)]
    error: Option<String>,
}

/// The results of a bulk call, in the order of its items.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ContactBulkResults {
    results: Vec<ContactBulkResult>,
}

/// Add, replace and take out many contacts.
#[utoipa::path(post, path = "/lists/{id}/contacts/bulk", tag = "Lists", operation_id = "bulkContacts",
    params(("id" = Uuid, Path)), request_body = ContactBulk, responses((status = OK, body = ContactBulkResults), ApiError))]
pub(crate) async fn bulk(
    State(app): State<App>,
    Extension(readers): Extension<Readers>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    ApiJson(bulk): ApiJson<ContactBulk>,
) -> Result<Response, ApiError> {
    if bulk.items.len() > MOST {
        return Err(ApiError::new(Code::TooManyItems, "a call takes at most 1,000 items; import a file for more"));
    }
    let tenant = principal.tenant;
    let default = country(&app, tenant, id).await?;
    let failed = |error: String| ContactBulkResult { ok: false, id: None, error: Some(error) };
    let mut results = vec![failed(String::new()); bulk.items.len()];
    let (mut reads, mut places, mut deletes) = (Vec::new(), Vec::new(), Vec::new());
    for (i, item) in bulk.items.iter().enumerate() {
        match item {
            ContactBulkItem::Upsert { contact } => match ReadContact::read(&app, &readers, tenant, default, contact) {
                Ok(read) => {
                    reads.push(read);
                    places.push(i);
                }
                Err(error) => results[i] = failed(error.detail().to_owned()),
            },
            ContactBulkItem::Delete { id } => match id.parse::<i64>() {
                Ok(number) => deletes.push((i, number)),
                Err(_) => results[i] = failed("there is no such contact".into()),
            },
        }
    }
    contact_edit::place(&app, &readers, &mut reads).await?;
    let mut tx = app.db.begin().await?;
    let (list, name) = edited(&mut tx, tenant, id).await?;
    let holders = contact_edit::holders(&mut tx, &list, &reads).await?;
    let mut writes = Vec::new();
    let mut written_at = Vec::new();
    let mut keys = std::collections::HashSet::new();
    for (read, i) in reads.into_iter().zip(places) {
        let key = read.key();
        if !keys.insert(key.clone()) {
            results[i] = failed("an earlier item has the same key".into());
            continue;
        }
        writes.push((holders.get(&key).copied(), read));
        written_at.push(i);
    }
    let gone: Vec<i64> = deletes.iter().map(|(_, number)| *number).filter(|n| *n <= list.visible_to).collect();
    let there = tx.contact_ids(list.generation, &gone).await?;
    let replaced: Vec<i64> = writes.iter().filter_map(|(id, _)| *id).collect();
    let mut take = Vec::new();
    for (i, number) in deletes {
        results[i] = if replaced.contains(&number) {
            failed("another item replaces this contact".into())
        } else if there.contains(&number) {
            take.push(number);
            ContactBulkResult { ok: true, id: Some(number.to_string()), error: None }
        } else {
            failed("there is no such contact".into())
        };
    }
    let old: Vec<i64> = replaced.iter().chain(&take).copied().collect();
    let before = tx.contacts_of(list.generation, &old).await?;
    contact_edit::remove(&mut tx, &list, &take).await?;
    let written = contact_edit::write(&mut tx, &list, writes, app.now()).await?;
    for (i, full) in written_at.into_iter().zip(&written) {
        results[i] = ContactBulkResult { ok: true, id: Some(full.contact.id.to_string()), error: None };
    }
    let ids: Vec<String> = ids(&written).into_iter().chain(take.iter().map(i64::to_string)).collect();
    let was = json!({ "of": audited::contacts(&app, tenant, &before) });
    let after = json!({ "contacts": ids, "of": audited::contacts(&app, tenant, &written) });
    noted(&app, &mut tx, &principal, "bulk_contacts", (id, &name), (Some(was), after)).await?;
    tx.commit().await?;
    Ok(ApiJson(ContactBulkResults { results }).into_response())
}

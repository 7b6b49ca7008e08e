//! `/lists/{id}/contacts/search`: contacts of a list by conditions.
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use cxc_core::selection::{Condition, SelectionKind, SelectionRule};
use cxc_server::document::Page;
use cxc_server::{ApiError, ApiJson, ApiPath, App, Principal};
use cxc_store::contact::FullContact;
use cxc_store::contact_slice::RULE_FROM;
use cxc_store::selection::CompiledRule;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::contact_views::{ContactView, views};
use crate::contacts::{limit, opened, row, sealed};

/// Contacts that a search looks at in one request, and at a time.
const LOOKED_AT: i64 = 100_000;
const AT_A_TIME: i64 = 2_000;

/// Which contacts are looked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ContactSearch {
    /// The sets of conditions of a selection rule.
    #[schema(min_items = 1, max_items = 50)]
    condition_sets: Vec<Vec<Condition>>,
    /// How many at most; 50 by default.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 500)]
    limit: Option<i64>,
    /// Where to go on: `next` of the page before.
    #[serde(default)]
    cursor: Option<String>,
}

/// Find contacts by conditions. A page of a long list may be short, or empty, and yet have a `next`.
#[utoipa::path(post, path = "/lists/{id}/contacts/search", tag = "Lists", operation_id = "searchContacts",
    params(("id" = Uuid, Path)), request_body = ContactSearch, responses((status = OK, body = Page<ContactView>), ApiError))]
pub(crate) async fn search(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    ApiJson(search): ApiJson<ContactSearch>,
) -> Result<Response, ApiError> {
    let limit = limit(search.limit)?;
    let wanted = usize::try_from(limit).unwrap_or(0);
    let rule = SelectionRule { kind: SelectionKind::Contacts, condition_sets: search.condition_sets };
    let errors = rule.validate();
    if !errors.is_empty() {
        return Err(ApiError::validation(errors));
    }
    let query =
        format!("{} search {id} {}", principal.tenant, serde_json::to_string(&rule).map_err(ApiError::internal)?);
    let mut after = opened(&app, search.cursor.as_deref(), &query)?;
    let compiled = CompiledRule::new(&rule, app.db.engine(), RULE_FROM, false);
    let mut tx = app.db.read().await?;
    let list = row(&mut tx, principal.tenant, id).await?;
    let mut found = Vec::new();
    let mut more = false;
    for _ in 0..LOOKED_AT / AT_A_TIME {
        let slice = tx.contact_slice_full(&list, after, AT_A_TIME, Some(&compiled)).await?;
        let Some((contacts, last)) = slice else {
            more = false;
            break;
        };
        more = true;
        after = last;
        found.extend(contacts);
        if found.len() > wanted {
            found.truncate(wanted);
            after = found.last().map_or(after, |last: &FullContact| last.contact.id);
        }
        if found.len() >= wanted {
            break;
        }
    }
    let next = more.then(|| sealed(&app, after, &query));
    Ok(ApiJson(Page::new(views(found), next)).into_response())
}

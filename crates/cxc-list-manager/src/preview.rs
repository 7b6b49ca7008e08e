//! `/selection-rules/{id}/actions/preview`: how many contacts of a list a rule takes, and some of them.
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use cxc_server::document;
use cxc_server::{ApiError, ApiJson, ApiPath, App, Document, Principal};
use cxc_store::contact_slice::{RULE_FROM, SLICE};
use cxc_store::selection::CompiledRule;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::contact_views::{ContactView, views};
use crate::selection_rules::SelectionRule;

/// Contacts that a preview looks at: a request does not walk a list of millions.
const LOOKED_AT: i64 = 200_000;
const SAMPLE: usize = 20;

/// What a rule is tried on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PreviewAsked {
    /// The contact list.
    list: Uuid,
}

/// What a rule takes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Preview {
    /// Contacts that it takes, of those that were looked at.
    count: i64,
    /// Contacts that were looked at.
    looked_at: i64,
    /// Whether those are all of the list.
    complete: bool,
    /// The first of those that it takes.
    sample: Vec<ContactView>,
}

/// Try a selection rule on a list.
#[utoipa::path(post, path = "/selection-rules/{id}/actions/preview", tag = "Lists", operation_id = "previewSelectionRule",
    params(("id" = Uuid, Path)), request_body = PreviewAsked, responses((status = OK, body = Preview), ApiError))]
pub(crate) async fn preview(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    ApiJson(asked): ApiJson<PreviewAsked>,
) -> Result<Response, ApiError> {
    let mut tx = app.db.read().await?;
    let rule = document::get::<SelectionRule>(&mut tx, principal.tenant, id).await?;
    let rule = rule.ok_or_else(|| ApiError::not_found(SelectionRule::NOUN))?.body.0;
    let list = tx.contact_list_get(principal.tenant, asked.list).await?;
    let list = list.ok_or_else(|| ApiError::invalid("/list", "not_found", "there is no such contact list"))?;
    let compiled = CompiledRule::new(&rule, app.db.engine(), RULE_FROM, false);
    let mut preview = Preview { count: 0, looked_at: 0, complete: false, sample: Vec::new() };
    let mut after = 0;
    while preview.looked_at < LOOKED_AT {
        let Some(slice) = tx.contact_slice(&list, after, SLICE, Some(&compiled)).await? else {
            preview.complete = true;
            break;
        };
        let missing = SAMPLE.saturating_sub(preview.sample.len());
        let ids: Vec<i64> = slice.contacts.iter().take(missing).map(|c| c.id).collect();
        preview.sample.extend(views(tx.contacts_of(list.generation, &ids).await?));
        preview.count += i64::try_from(slice.contacts.len()).unwrap_or(0);
        preview.looked_at += slice.looked_at;
        after = slice.last;
    }
    preview.complete |= preview.looked_at >= list.contacts;
    Ok(ApiJson(preview).into_response())
}

//! `/suppression-lists/{id}/entries`: who must not be contacted.
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use cxc_core::kind;
use cxc_core::written_reason::{NoReason, WrittenReason};
use cxc_server::app::time_text;
use cxc_server::audit::Entry as AuditEntry;
use cxc_server::document::{self, Cursor, CursorKey, Page};
use cxc_server::{ApiError, ApiJson, ApiPath, ApiQuery, App, Code, Principal, Scope};
use cxc_store::Tx;
use cxc_store::suppression::{SuppressionEntry, SuppressionList as Row};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::Readers;
use crate::audited;
use crate::entry_values::{NewEntry, normalise, read};
use crate::suppression_lists::SuppressionList;

/// The most entries of a bulk call.
const MOST: usize = 1_000;

/// An entry.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntryView {
    /// What is suppressed; empty once the person was erased.
    pub value: String,
    /// Not before.
    #[schema(format = DateTime, required)]
    pub from: Option<String>,
    /// No longer from then on.
    #[schema(format = DateTime, required)]
    pub till: Option<String>,
    /// Why.
    #[schema(required)]
    pub reason: Option<String>,
    /// `api`, `import` or `opt_out`.
    pub source: String,
    /// When it was added.
    #[schema(format = DateTime)]
    pub added_at: String,
}

impl From<SuppressionEntry> for EntryView {
    fn from(e: SuppressionEntry) -> Self {
        Self {
            value: e.key,
            from: e.from_at.map(time_text),
            till: e.until_at.map(time_text),
            reason: e.reason,
            source: e.source,
            added_at: time_text(e.added_at),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageAsked {
    /// How many at most; 50 by default.
    #[param(minimum = 1, maximum = 500, nullable = false)]
    pub limit: Option<i64>,
    /// Where to go on: `next` of the page before.
    #[param(nullable = false)]
    pub cursor: Option<String>,
}

impl PageAsked {
    pub fn limit(&self) -> Result<i64, ApiError> {
        let limit = self.limit.unwrap_or(50);
        if (1..=500).contains(&limit) { Ok(limit) } else { Err(ApiError::new(Code::BadFilter, "a limit is 1 to 500")) }
    }
}

async fn list_of(tx: &mut Tx, tenant: i64, id: Uuid, lock: bool) -> Result<(SuppressionList, String, Row), ApiError> {
    let missing = || ApiError::not_found("suppression list");
    let stored = document::get::<SuppressionList>(tx, tenant, id).await?.ok_or_else(missing)?;
    let row =
        if lock { tx.suppression_list_lock(tenant, id).await? } else { tx.suppression_list_get(tenant, id).await? };
    Ok((stored.body, stored.name, row.ok_or_else(missing)?))
}

/// List the entries of a suppression list.
#[utoipa::path(get, path = "/suppression-lists/{id}/entries", tag = "Suppression", operation_id = "listSuppressionEntries",
    params(("id" = Uuid, Path), PageAsked), responses((status = OK, body = Page<EntryView>), ApiError))]
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    ApiQuery(asked): ApiQuery<PageAsked>,
) -> Result<Response, ApiError> {
    let limit = asked.limit()?;
    let query = format!("{} entries {id}", principal.tenant);
    let mut tx = app.db.read().await?;
    let (_, _, row) = list_of(&mut tx, principal.tenant, id, false).await?;
    let after = asked.cursor.as_deref().map(|text| Cursor::open(text, app.hash_key, &query, app.now())).transpose()?;
    let after = after.as_ref().and_then(|cursor| match cursor.keys.as_slice() {
        [CursorKey::Number(hash), CursorKey::Text(key)] => Some((*hash, key.as_str())),
        _ => None,
    });
    let mut entries = tx.suppression_page(&row, after, limit + 1).await?;
    let more = entries.len() > usize::try_from(limit).unwrap_or(0);
    entries.truncate(usize::try_from(limit).unwrap_or(0));
    let next = entries.last().filter(|_| more).map(|last| {
        let keys = vec![CursorKey::Number(last.key_hash), CursorKey::Text(last.key.clone())];
        Cursor { keys, id: Uuid::nil(), made_at: app.now() }.seal(app.hash_key, &query)
    });
    let items: Vec<EntryView> = entries.into_iter().map(EntryView::from).collect();
    Ok(ApiJson(Page::new(items, next)).into_response())
}

/// Add an entry, or give one that is there new times and a new reason.
///
/// Where the list collects opt-outs, an entry that does not end by itself is an opt-out: it joins the ledger, too.
#[utoipa::path(post, path = "/suppression-lists/{id}/entries", tag = "Suppression", operation_id = "addSuppressionEntry",
    params(("id" = Uuid, Path)), request_body = NewEntry, responses((status = CREATED, body = EntryView), ApiError))]
pub(crate) async fn add(
    State(app): State<App>,
    Extension(readers): Extension<Readers>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    ApiJson(new): ApiJson<NewEntry>,
) -> Result<Response, ApiError> {
    let mut tx = app.db.begin().await?;
    let (body, name, row) = list_of(&mut tx, principal.tenant, id, true).await?;
    let entry = read(&app, &readers, principal.tenant, &body, &new)?;
    let added = std::slice::from_ref(&entry);
    let before = tx.suppression_present(row.generation, added).await?;
    may_shorten(&principal, &row, &before, added)?;
    tx.suppression_enter(&row, added).await?;
    let change = Change { before, added, removed: 0, reason: None };
    change.audit(&app, &mut tx, &principal, "add_entries", (id, &name)).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, ApiJson(EntryView::from(entry))).into_response())
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// The entry.
    value: String,
    /// The country of a number without one.
    #[param(nullable = false)]
    country: Option<String>,
    /// Why; needed where the list collects opt-outs.
    #[param(nullable = false)]
    reason: Option<String>,
}

/// Taking from a list that is required, as one that collects opt-outs is, needs the right to change what is required; from one
/// that collects opt-outs also a reason. Answers the reason, where there is one.
fn may_take(principal: &Principal, row: &Row, reason: Option<&str>) -> Result<Option<String>, ApiError> {
    if row.required || row.opt_outs {
        principal.need(Scope::ComplianceRequired)?;
    }
    if !row.opt_outs && reason.is_none_or(|reason| reason.trim().is_empty()) {
        return Ok(None);
    }
    let missing = |error: NoReason| {
        let detail =
            format!("the audit log keeps why an entry is taken, and of opt-outs there must be a reason: {error}");
        ApiError::invalid("/reason", "required", detail)
    };
    let written = WrittenReason::parse(reason.unwrap_or_default()).map_err(missing)?;
    Ok(Some(written.into_string()))
}

/// To let an entry of a required list end sooner is to take it away then.
fn may_shorten(
    principal: &Principal,
    row: &Row,
    before: &[SuppressionEntry],
    after: &[SuppressionEntry],
) -> Result<(), ApiError> {
    let later = |now: &SuppressionEntry, was: &SuppressionEntry| now.from_at.unwrap_or(0) > was.from_at.unwrap_or(0);
    let sooner = |now: &SuppressionEntry, was: &SuppressionEntry| {
        now.until_at.is_some_and(|now| was.until_at.is_none_or(|was| now < was))
    };
    let same = |now: &SuppressionEntry, was: &SuppressionEntry| now.key_hash == was.key_hash && now.key == was.key;
    let lets_go =
        |now: &SuppressionEntry| before.iter().any(|was| same(now, was) && (sooner(now, was) || later(now, was)));
    // opt-outs hold for ever whatever is written
    if row.required && !row.opt_outs && after.iter().any(lets_go) {
        principal.need(Scope::ComplianceRequired)?;
    }
    Ok(())
}

/// Remove an entry.
///
/// From a list that is required it needs `compliance:required`.
/// From a list that collects opt-outs it needs `compliance:required` and a reason, and the ledger still has the
/// opt-out: only a later consent of the person lifts it.
#[utoipa::path(delete, path = "/suppression-lists/{id}/entries", tag = "Suppression", operation_id = "removeSuppressionEntry",
    params(("id" = Uuid, Path), Which), responses((status = NO_CONTENT), ApiError))]
pub(crate) async fn remove(
    State(app): State<App>,
    Extension(readers): Extension<Readers>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    ApiQuery(which): ApiQuery<Which>,
) -> Result<Response, ApiError> {
    let mut tx = app.db.begin().await?;
    let (body, name, row) = list_of(&mut tx, principal.tenant, id, true).await?;
    let reason = may_take(&principal, &row, which.reason.as_deref())?;
    let key = normalise(&readers, body.kind, &which.value, which.country.as_deref())?;
    let hash = app.hash_key.hash(principal.tenant, &key);
    let before = tx.suppression_present(row.generation, &[wanted(hash, key.clone())]).await?;
    if tx.suppression_remove(&row, &[(hash, key)]).await? == 0 {
        return Err(ApiError::not_found("entry"));
    }
    let change = Change { before, added: &[], removed: 1, reason };
    change.audit(&app, &mut tx, &principal, "remove_entries", (id, &name)).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The values that are looked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct EntrySearch {
    /// Phone numbers, email addresses or client ids.
    #[schema(min_items = 1, max_items = 1000)]
    values: Vec<String>,
    /// The country of numbers without one.
    #[serde(default)]
    #[schema(max_length = 2)]
    country: Option<String>,
}

/// Find the entries of some values.
#[utoipa::path(post, path = "/suppression-lists/{id}/entries/search", tag = "Suppression",
    operation_id = "searchSuppressionEntries", params(("id" = Uuid, Path)), request_body = EntrySearch,
    responses((status = OK, body = Page<EntryView>), ApiError))]
pub(crate) async fn search(
    State(app): State<App>,
    Extension(readers): Extension<Readers>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    ApiJson(search): ApiJson<EntrySearch>,
) -> Result<Response, ApiError> {
    bounded(search.values.len())?;
    let mut tx = app.db.read().await?;
    let (body, _, row) = list_of(&mut tx, principal.tenant, id, false).await?;
    // what is no value of the list's type can't be in it
    let keys = search.values.iter().filter_map(|v| normalise(&readers, body.kind, v, search.country.as_deref()).ok());
    let wanted: Vec<SuppressionEntry> =
        keys.map(|key| wanted(app.hash_key.hash(principal.tenant, &key), key)).collect();
    let found = tx.suppression_present(row.generation, &wanted).await?;
    let items: Vec<EntryView> = found.into_iter().map(EntryView::from).collect();
    Ok(ApiJson(Page::new(items, None)).into_response())
}

/// An entry to be looked for by its key.
fn wanted(key_hash: i64, key: String) -> SuppressionEntry {
    SuppressionEntry { key_hash, key, from_at: None, until_at: None, reason: None, source: String::new(), added_at: 0 }
}

/// What is done to many entries.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct EntryBulk {
    /// Entries to add.
    #[serde(default)]
    #[schema(max_items = 1000)]
    upsert: Vec<NewEntry>,
    /// Values whose entries are removed.
    #[serde(default)]
    #[schema(max_items = 1000)]
    delete: Vec<String>,
    /// Why entries are removed; needed where the list collects opt-outs.
    #[serde(default)]
    #[schema(max_length = 500)]
    reason: Option<String>,
}

/// What became of one item of a bulk call.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EntryBulkResult {
    /// Whether it was done.
    ok: bool,
    /// Why not.
    #[schema(required)]
    error: Option<String>,
}

/// The results of a bulk call: those of `upsert`, then those of `delete`, each in order.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EntryBulkResults {
    results: Vec<EntryBulkResult>,
}

/// Add and remove many entries.
#[utoipa::path(post, path = "/suppression-lists/{id}/entries/bulk", tag = "Suppression",
    operation_id = "bulkSuppressionEntries", params(("id" = Uuid, Path)), request_body = EntryBulk,
    responses((status = OK, body = EntryBulkResults), ApiError))]
pub(crate) async fn bulk(
    State(app): State<App>,
    Extension(readers): Extension<Readers>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    ApiJson(bulk): ApiJson<EntryBulk>,
) -> Result<Response, ApiError> {
    bounded(bulk.upsert.len() + bulk.delete.len())?;
    let tenant = principal.tenant;
    let mut tx = app.db.begin().await?;
    let (body, name, row) = list_of(&mut tx, tenant, id, true).await?;
    let reason = if bulk.delete.is_empty() { None } else { may_take(&principal, &row, bulk.reason.as_deref())? };
    let mut results = Vec::new();
    let (mut add, mut take) = (Vec::new(), Vec::new());
    let outcome =
        |error: Option<ApiError>| EntryBulkResult { ok: error.is_none(), error: error.map(|e| e.detail().to_owned()) };
    for new in &bulk.upsert {
        let read = read(&app, &readers, tenant, &body, new).map(|entry| add.push(entry));
        results.push(outcome(read.err()));
    }
    for value in &bulk.delete {
        let key = normalise(&readers, body.kind, value, None);
        let key = key.map(|key| take.push((app.hash_key.hash(tenant, &key), key)));
        results.push(outcome(key.err()));
    }
    let looked_for: Vec<SuppressionEntry> = take.iter().map(|(hash, key)| wanted(*hash, key.clone())).collect();
    let mut before = tx.suppression_present(row.generation, &add).await?;
    may_shorten(&principal, &row, &before, &add)?;
    before.extend(tx.suppression_present(row.generation, &looked_for).await?);
    tx.suppression_enter(&row, &add).await?;
    tx.suppression_remove(&row, &take).await?;
    let change = Change { before, added: &add, removed: take.len(), reason };
    change.audit(&app, &mut tx, &principal, "bulk_entries", (id, &name)).await?;
    tx.commit().await?;
    Ok(ApiJson(EntryBulkResults { results }).into_response())
}

fn bounded(items: usize) -> Result<(), ApiError> {
    if items <= MOST {
        Ok(())
    } else {
        Err(ApiError::new(Code::TooManyItems, "a call takes at most 1,000 items; import a file for more"))
    }
}

/// A change of entries. Values are personal: the audit log has what [`audited`] makes of them, before and after.
struct Change<'a> {
    before: Vec<SuppressionEntry>,
    added: &'a [SuppressionEntry],
    removed: usize,
    reason: Option<String>,
}

impl Change<'_> {
    async fn audit(
        self,
        app: &App,
        tx: &mut Tx,
        principal: &Principal,
        action: &'static str,
        (id, name): (Uuid, &str),
    ) -> Result<(), ApiError> {
        let before = (!self.before.is_empty()).then(|| json!({ "of": audited::entries(&self.before) }));
        let mut after = json!({ "entries": self.added.len() + self.removed, "of": audited::entries(self.added) });
        if let (Some(reason), Some(members)) = (self.reason, after.as_object_mut()) {
            members.insert("reason".into(), reason.into());
        }
        let entry = AuditEntry::new(action, kind::SUPPRESSION_LIST).of(id, name);
        entry.changed(before, Some(after)).write(app, tx, principal).await
    }
}

/// Takes expired entries out, some at a time.
pub(crate) async fn sweep(app: App, stop: CancellationToken) -> anyhow::Result<()> {
    while !stop.is_cancelled() {
        let step = async {
            let mut tx = app.db.begin_relaxed().await?;
            let gone = tx.suppression_expire(app.now(), 1_000).await?;
            tx.commit().await.map(|()| gone)
        };
        let pause = match step.await {
            Ok(1_000) => Duration::from_millis(200),
            Ok(_) => Duration::from_secs(60),
            Err(error) => {
                tracing::warn!(%error, "expired suppression entries could not be removed");
                Duration::from_secs(60)
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
    Ok(())
}

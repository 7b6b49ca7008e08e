//! `/lists/{id}/contacts`: the contacts of a list, one by one and some at a time.
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cxc_core::contact::{CheckedDevice, address_text};
use cxc_core::kind;
use cxc_core::location::Country;
use cxc_core::selection::{Condition, SelectionKind, SelectionRule};
use cxc_server::audit::Entry;
use cxc_server::document::{self, Cursor, CursorKey, Page};
use cxc_server::resources::settings::chosen_country;
use cxc_server::{ApiError, ApiJson, ApiPath, ApiQuery, App, Code, Principal};
use cxc_store::Tx;
use cxc_store::contact::FullContact;
use cxc_store::contact_slice::RULE_FROM;
use cxc_store::list::{ContactList as Row, ListAccess};
use cxc_store::selection::CompiledRule;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::Readers;
use crate::contact_edit::{self, ReadContact};
use crate::contact_lists::{ContactList, importing};
use crate::contact_views::{ContactInput, ContactView, views};

const MOST: usize = 1_000;
/// Contacts that a search looks at in one request, and at a time.
const LOOKED_AT: i64 = 100_000;
const AT_A_TIME: i64 = 2_000;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// How many at most; 50 by default.
    #[param(minimum = 1, maximum = 500, nullable = false)]
    limit: Option<i64>,
    /// Where to go on: `next` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
    /// Only the contact with this client id.
    #[param(nullable = false)]
    client_id: Option<String>,
    /// Only contacts with this phone number or email address.
    #[param(nullable = false)]
    device: Option<String>,
}

async fn row(tx: &mut Tx, tenant: i64, id: Uuid) -> Result<Row, ApiError> {
    tx.contact_list_get(tenant, id).await?.ok_or_else(|| ApiError::not_found("contact list"))
}

/// The list's row, locked, its name and its country.
async fn edited(tx: &mut Tx, tenant: i64, id: Uuid) -> Result<(Row, String), ApiError> {
    let missing = || ApiError::not_found("contact list");
    let name = document::get::<ContactList>(tx, tenant, id).await?.ok_or_else(missing)?.name;
    match tx.contact_list_edit(tenant, id).await?.ok_or_else(missing)? {
        ListAccess::Free(list) => Ok((list, name)),
        ListAccess::Busy(_) => Err(importing()),
    }
}

async fn country(app: &App, tenant: i64, id: Uuid) -> Result<Option<Country>, ApiError> {
    let mut tx = app.db.read().await?;
    let list = document::get::<ContactList>(&mut tx, tenant, id).await?;
    let list = list.ok_or_else(|| ApiError::not_found("contact list"))?;
    let country = match list.body.country {
        Some(country) => Some(country),
        None => chosen_country(&mut tx, tenant).await?,
    };
    Ok(country.as_deref().and_then(Country::from_code))
}

fn limit(asked: Option<i64>) -> Result<i64, ApiError> {
    let limit = asked.unwrap_or(50);
    if (1..=500).contains(&limit) { Ok(limit) } else { Err(ApiError::new(Code::BadFilter, "a limit is 1 to 500")) }
}

/// The last contact of the page before.
fn opened(app: &App, cursor: Option<&str>, query: &str) -> Result<i64, ApiError> {
    let Some(text) = cursor else { return Ok(0) };
    let cursor = Cursor::open(text, app.hash_key, query, app.now())?;
    Ok(cursor.keys.first().map_or(0, |key| if let CursorKey::Number(id) = key { *id } else { 0 }))
}

fn sealed(app: &App, last: i64, query: &str) -> String {
    let cursor = Cursor { keys: vec![CursorKey::Number(last)], id: Uuid::nil(), made_at: app.now() };
    cursor.seal(app.hash_key, query)
}

/// List the contacts of a list, or find one by client id or device.
#[utoipa::path(get, path = "/lists/{id}/contacts", tag = "Lists", operation_id = "listContacts",
    params(("id" = Uuid, Path), Asked), responses((status = OK, body = Page<ContactView>), ApiError))]
pub(crate) async fn list(
    State(app): State<App>,
    Extension(readers): Extension<Readers>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    ApiQuery(asked): ApiQuery<Asked>,
) -> Result<Response, ApiError> {
    let limit = limit(asked.limit)?;
    let tenant = principal.tenant;
    if asked.client_id.is_some() || asked.device.is_some() {
        return find(&app, &readers, tenant, id, &asked).await;
    }
    let query = format!("{tenant} contacts {id}");
    let after = opened(&app, asked.cursor.as_deref(), &query)?;
    let mut tx = app.db.read().await?;
    let list = row(&mut tx, tenant, id).await?;
    let mut contacts = tx.contact_page(&list, after, limit + 1).await?;
    let more = contacts.len() > usize::try_from(limit).unwrap_or(0);
    contacts.truncate(usize::try_from(limit).unwrap_or(0));
    let next = contacts.last().filter(|_| more).map(|last| sealed(&app, last.contact.id, &query));
    Ok(ApiJson(Page::new(views(contacts), next)).into_response())
}

async fn find(app: &App, readers: &Readers, tenant: i64, id: Uuid, asked: &Asked) -> Result<Response, ApiError> {
    let default = country(app, tenant, id).await?;
    let mut tx = app.db.read().await?;
    let list = row(&mut tx, tenant, id).await?;
    let mut ids: Option<Vec<i64>> = None;
    let mut keep = |found: Vec<i64>| {
        let both = ids.take().map(|ids| ids.into_iter().filter(|id| found.contains(id)).collect());
        ids = Some(both.unwrap_or(found));
    };
    if let Some(client_id) = asked.client_id.as_deref().map(str::trim) {
        let found = contact_edit::holders_of(&mut tx, &list, &[app.hash_key.hash(tenant, client_id)]).await?;
        keep(found.get(client_id).copied().into_iter().collect());
    }
    if let Some(text) = &asked.device {
        let device = CheckedDevice::read(&readers.phones, &readers.tables.current(), text.trim(), None, default);
        let device = device.map_err(|detail| ApiError::new(Code::BadFilter, format!("device: {detail}")))?;
        let address = address_text(&device.address);
        let found = tx.contact_addresses(list.generation, &[app.hash_key.hash(tenant, &address)]).await?;
        let same = found.into_iter().filter(|holder| address_text(&holder.address) == address);
        keep(same.map(|holder| holder.contact).filter(|contact| *contact <= list.visible_to).take(500).collect());
    }
    let found = tx.contacts_of(list.generation, &ids.unwrap_or_default()).await?;
    Ok(ApiJson(Page::new(views(found), None)).into_response())
}

/// Add a contact to a list.
#[utoipa::path(post, path = "/lists/{id}/contacts", tag = "Lists", operation_id = "createContact",
    params(("id" = Uuid, Path)), request_body = ContactInput, responses((status = CREATED, body = ContactView), ApiError))]
pub(crate) async fn create(
    State(app): State<App>,
    Extension(readers): Extension<Readers>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    ApiJson(input): ApiJson<ContactInput>,
) -> Result<Response, ApiError> {
    let tenant = principal.tenant;
    let default = country(&app, tenant, id).await?;
    let mut read = vec![ReadContact::read(&app, &readers, tenant, default, &input)?];
    contact_edit::place(&app, &readers, &mut read).await?;
    let mut tx = app.db.begin().await?;
    let (list, name) = edited(&mut tx, tenant, id).await?;
    if !contact_edit::holders(&mut tx, &list, &read).await?.is_empty() {
        let pointer = if input.client_id.is_some() { "/clientId" } else { "/devices/0/number" };
        return Err(ApiError::invalid(pointer, "duplicate_in_list", "a contact of the list has the same key"));
    }
    let written = contact_edit::write(&mut tx, &list, read.into_iter().map(|read| (None, read)).collect()).await?;
    changed(&app, &mut tx, &principal, "create_contact", id, &name, &written).await?;
    tx.commit().await?;
    let written = written.into_iter().next().ok_or_else(|| ApiError::not_found("contact"))?;
    let location = format!("{}/lists/{id}/contacts/{}", cxc_server::BASE, written.contact.id);
    let mut response = answer(&app, tenant, StatusCode::CREATED, written)?;
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_str(&location).map_err(ApiError::internal)?);
    Ok(response)
}

/// Contacts are personal: the audit log has their ids.
async fn changed(
    app: &App,
    tx: &mut Tx,
    principal: &Principal,
    action: &'static str,
    id: Uuid,
    name: &str,
    contacts: &[FullContact],
) -> Result<(), ApiError> {
    let ids: Vec<String> = contacts.iter().map(|c| c.contact.id.to_string()).collect();
    noted(app, tx, principal, action, id, name, &ids).await
}

async fn noted(
    app: &App,
    tx: &mut Tx,
    principal: &Principal,
    action: &'static str,
    id: Uuid,
    name: &str,
    ids: &[String],
) -> Result<(), ApiError> {
    let entry = Entry::new(action, kind::CONTACT_LIST).of(id, name).changed(None, Some(json!({ "contacts": ids })));
    entry.write(app, tx, principal).await?;
    let body = json!({ "listId": id });
    Ok(tx.event_insert(principal.tenant, "lists", "contacts_changed", &id.to_string(), &body, app.now()).await?)
}

/// A contact has no version of its own: a hash of what it holds stands for it.
fn version(app: &App, tenant: i64, view: &ContactView) -> Result<i64, ApiError> {
    let text = serde_json::to_string(view).map_err(ApiError::internal)?;
    Ok(app.hash_key.hash(tenant, &text) & i64::MAX)
}

fn answer(app: &App, tenant: i64, status: StatusCode, contact: FullContact) -> Result<Response, ApiError> {
    let view = ContactView::from(contact);
    let tag = format!("\"{}\"", version(app, tenant, &view)?);
    let mut response = (status, ApiJson(view)).into_response();
    response.headers_mut().insert(header::ETAG, HeaderValue::from_str(&tag).map_err(ApiError::internal)?);
    Ok(response)
}

async fn existing(tx: &mut Tx, list: &Row, id: &str) -> Result<FullContact, ApiError> {
    let missing = || ApiError::not_found("contact");
    let id: i64 = id.parse().map_err(|_| missing())?;
    tx.contact_get(list, id).await?.ok_or_else(missing)
}

/// Get a contact.
#[utoipa::path(get, path = "/lists/{id}/contacts/{contactId}", tag = "Lists", operation_id = "getContact",
    params(("id" = Uuid, Path), ("contactId" = String, Path)), responses((status = OK, body = ContactView), ApiError))]
pub(crate) async fn get(
    State(app): State<App>,
    principal: Principal,
    ApiPath((id, contact)): ApiPath<(Uuid, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let mut tx = app.db.read().await?;
    let list = row(&mut tx, principal.tenant, id).await?;
    let found = existing(&mut tx, &list, &contact).await?;
    let response = answer(&app, principal.tenant, StatusCode::OK, found)?;
    if let Some(tag) =
        response.headers().get(header::ETAG).filter(|tag| headers.get(header::IF_NONE_MATCH) == Some(tag))
    {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag.clone())]).into_response());
    }
    Ok(response)
}

/// Replace a contact.
#[utoipa::path(put, path = "/lists/{id}/contacts/{contactId}", tag = "Lists", operation_id = "replaceContact",
    params(("id" = Uuid, Path), ("contactId" = String, Path), ("If-Match" = String, Header)), request_body = ContactInput,
    responses((status = OK, body = ContactView), ApiError))]
pub(crate) async fn put(
    State(app): State<App>,
    Extension(readers): Extension<Readers>,
    principal: Principal,
    ApiPath((id, contact)): ApiPath<(Uuid, String)>,
    headers: HeaderMap,
    ApiJson(input): ApiJson<ContactInput>,
) -> Result<Response, ApiError> {
    let tenant = principal.tenant;
    let default = country(&app, tenant, id).await?;
    let mut read = vec![ReadContact::read(&app, &readers, tenant, default, &input)?];
    contact_edit::place(&app, &readers, &mut read).await?;
    let mut tx = app.db.begin().await?;
    let (list, name) = edited(&mut tx, tenant, id).await?;
    let before = existing(&mut tx, &list, &contact).await?;
    let number = before.contact.id;
    document::if_match(&headers, version(&app, tenant, &before.into())?)?;
    if contact_edit::holders(&mut tx, &list, &read).await?.values().any(|holder| *holder != number) {
        return Err(ApiError::invalid(
            "/clientId",
            "duplicate_in_list",
            "another contact of the list has the same key",
        ));
    }
    let written = contact_edit::write(&mut tx, &list, read.into_iter().map(|r| (Some(number), r)).collect()).await?;
    changed(&app, &mut tx, &principal, "update_contact", id, &name, &written).await?;
    tx.commit().await?;
    let written = written.into_iter().next().ok_or_else(|| ApiError::not_found("contact"))?;
    answer(&app, tenant, StatusCode::OK, written)
}

/// Take a contact out of a list.
#[utoipa::path(delete, path = "/lists/{id}/contacts/{contactId}", tag = "Lists", operation_id = "deleteContact",
    params(("id" = Uuid, Path), ("contactId" = String, Path), ("If-Match" = String, Header)),
    responses((status = NO_CONTENT), ApiError))]
pub(crate) async fn delete(
    State(app): State<App>,
    principal: Principal,
    ApiPath((id, contact)): ApiPath<(Uuid, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let mut tx = app.db.begin().await?;
    let (list, name) = edited(&mut tx, principal.tenant, id).await?;
    let found = existing(&mut tx, &list, &contact).await?;
    let number = found.contact.id;
    document::if_match(&headers, version(&app, principal.tenant, &found.into())?)?;
    contact_edit::remove(&mut tx, &list, &[number]).await?;
    noted(&app, &mut tx, &principal, "delete_contact", id, &name, &[number.to_string()]).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

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
    contact_edit::remove(&mut tx, &list, &take).await?;
    let written = contact_edit::write(&mut tx, &list, writes).await?;
    for (i, full) in written_at.into_iter().zip(&written) {
        results[i] = ContactBulkResult { ok: true, id: Some(full.contact.id.to_string()), error: None };
    }
    let ids: Vec<String> =
        written.iter().map(|c| c.contact.id.to_string()).chain(take.iter().map(i64::to_string)).collect();
    noted(&app, &mut tx, &principal, "bulk_contacts", id, &name, &ids).await?;
    tx.commit().await?;
    Ok(ApiJson(ContactBulkResults { results }).into_response())
}

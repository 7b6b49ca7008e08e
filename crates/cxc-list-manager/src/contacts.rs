//! `/lists/{id}/contacts`: the contacts of a list, one by one and by pages.
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cxc_core::contact::{CheckedDevice, address_text};
use cxc_core::kind;
use cxc_core::location::Country;
use cxc_server::audit::Entry;
use cxc_server::document::{self, Cursor, CursorKey, Page};
use cxc_server::resources::settings::chosen_country;
use cxc_server::{ApiError, ApiJson, ApiPath, ApiQuery, App, Code, Principal};
use cxc_store::Tx;
use cxc_store::contact::FullContact;
use cxc_store::list::{ContactList as Row, ListAccess};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;
use uuid::Uuid;

use crate::Readers;
use crate::audited;
use crate::contact_edit::{self, ReadContact};
use crate::contact_lists::{ContactList, importing};
use crate::contact_views::{ContactInput, ContactView, views};

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

pub(crate) async fn row(tx: &mut Tx, tenant: i64, id: Uuid) -> Result<Row, ApiError> {
    tx.contact_list_get(tenant, id).await?.ok_or_else(|| ApiError::not_found("contact list"))
}

/// The list's row, locked, its name and its country.
pub(crate) async fn edited(tx: &mut Tx, tenant: i64, id: Uuid) -> Result<(Row, String), ApiError> {
    let missing = || ApiError::not_found("contact list");
    let name = document::get::<ContactList>(tx, tenant, id).await?.ok_or_else(missing)?.name;
    match tx.contact_list_edit(tenant, id).await?.ok_or_else(missing)? {
        ListAccess::Free(list) => Ok((list, name)),
        ListAccess::Busy(_) => Err(importing()),
    }
}

pub(crate) async fn country(app: &App, tenant: i64, id: Uuid) -> Result<Option<Country>, ApiError> {
    let mut tx = app.db.read().await?;
    let list = document::get::<ContactList>(&mut tx, tenant, id).await?;
    let list = list.ok_or_else(|| ApiError::not_found("contact list"))?;
    let country = match list.body.country {
        Some(country) => Some(country),
        None => chosen_country(&mut tx, tenant).await?,
    };
    Ok(country.as_deref().and_then(Country::from_code))
}

pub(crate) fn limit(asked: Option<i64>) -> Result<i64, ApiError> {
    let limit = asked.unwrap_or(50);
    if (1..=500).contains(&limit) { Ok(limit) } else { Err(ApiError::new(Code::BadFilter, "a limit is 1 to 500")) }
}

/// The last contact of the page before.
pub(crate) fn opened(app: &App, cursor: Option<&str>, query: &str) -> Result<i64, ApiError> {
    let Some(text) = cursor else { return Ok(0) };
    let cursor = Cursor::open(text, app.hash_key, query, app.now())?;
    Ok(cursor.keys.first().map_or(0, |key| if let CursorKey::Number(id) = key { *id } else { 0 }))
}

pub(crate) fn sealed(app: &App, last: i64, query: &str) -> String {
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
    let written =
        contact_edit::write(&mut tx, &list, read.into_iter().map(|read| (None, read)).collect(), app.now()).await?;
    let after = json!({ "contacts": ids(&written), "of": audited::contacts(&app, tenant, &written) });
    noted(&app, &mut tx, &principal, "create_contact", (id, &name), (None, after)).await?;
    tx.commit().await?;
    let written = written.into_iter().next().ok_or_else(|| ApiError::not_found("contact"))?;
    let location = format!("{}/lists/{id}/contacts/{}", cxc_server::BASE, written.contact.id);
    let mut response = answer(&app, tenant, StatusCode::CREATED, written)?;
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_str(&location).map_err(ApiError::internal)?);
    Ok(response)
}

/// The numbers of contacts, as the API names them.
pub(crate) fn ids(contacts: &[FullContact]) -> Vec<String> {
    contacts.iter().map(|c| c.contact.id.to_string()).collect()
}

/// Contacts are personal: the audit log has what [`audited`] makes of them, before and after.
pub(crate) async fn noted(
    app: &App,
    tx: &mut Tx,
    principal: &Principal,
    action: &'static str,
    (id, name): (Uuid, &str),
    (before, after): (Option<Value>, Value),
) -> Result<(), ApiError> {
    let entry = Entry::new(action, kind::CONTACT_LIST).of(id, name).changed(before, Some(after));
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
    document::if_match(&headers, version(&app, tenant, &before.clone().into())?)?;
    if contact_edit::holders(&mut tx, &list, &read).await?.values().any(|holder| *holder != number) {
        return Err(ApiError::invalid(
            "/clientId",
            "duplicate_in_list",
            "another contact of the list has the same key",
        ));
    }
    let written =
        contact_edit::write(&mut tx, &list, read.into_iter().map(|r| (Some(number), r)).collect(), app.now()).await?;
    let differs: Vec<&str> = written.iter().flat_map(|after| audited::changed(&before, after)).collect();
    let was = json!({ "of": audited::contacts(&app, tenant, std::slice::from_ref(&before)) });
    let of = audited::contacts(&app, tenant, &written);
    let after = json!({ "contacts": ids(&written), "of": of, "changed": differs });
    noted(&app, &mut tx, &principal, "update_contact", (id, &name), (Some(was), after)).await?;
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
    document::if_match(&headers, version(&app, principal.tenant, &found.clone().into())?)?;
    contact_edit::remove(&mut tx, &list, &[number]).await?;
    let was = json!({ "of": audited::contacts(&app, principal.tenant, &[found]) });
    let after = json!({ "contacts": [number.to_string()] });
    noted(&app, &mut tx, &principal, "delete_contact", (id, &name), (Some(was), after)).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

//! The operations of a kind of document.
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, patch, post, put};
use serde_json::{Map, Value};
use utoipa::openapi::HttpMethod;
use utoipa::openapi::path::{Operation, Paths};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use uuid::Uuid;

use super::answer::if_match;
use super::change::{self, Draft};
use super::describe::Description;
use super::{Common, Document, Stored, list, patch as merging, view};
use crate::App;
use crate::error::ApiError;
use crate::extract::{ApiJson, ApiPath, MergePatch, NoQuery, Once};
use crate::principal::{Principal, require};

/// The collection and the items of a kind: list, create, get, replace, update (merge patch) and delete.
pub fn crud<D: Document>() -> OpenApiRouter<App> {
    let mut about = Description::of::<D>();
    let schemas = std::mem::take(&mut about.schemas);
    let (collection, item) = (D::PATH.to_owned(), format!("{}/{{id}}", D::PATH));
    let route = |path: &str, method, operation, handler| route(path, method, operation, handler);
    let mut list_route = route(&collection, HttpMethod::Get, about.list(), get(list_all::<D>));
    list_route.0 = schemas;
    OpenApiRouter::new()
        .routes(require(D::READ, list_route))
        .routes(require(D::WRITE, route(&collection, HttpMethod::Post, about.create(), post(create::<D>))))
        .routes(require(D::READ, route(&item, HttpMethod::Get, about.get(), get(get_one::<D>))))
        .routes(require(D::WRITE, route(&item, HttpMethod::Put, about.replace(), put(replace::<D>))))
        .routes(require(D::WRITE, route(&item, HttpMethod::Patch, about.update(), patch(update::<D>))))
        .routes(require(D::WRITE, route(&item, HttpMethod::Delete, about.delete(), delete(remove::<D>))))
}

fn route(path: &str, method: HttpMethod, operation: Operation, handler: MethodRouter<App>) -> UtoipaMethodRouter<App> {
    let mut paths = Paths::new();
    paths.add_path_operation(path, vec![method], operation);
    (Vec::new(), paths, handler)
}

async fn list_all<D: Document>(
    State(app): State<App>,
    principal: Principal,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    list::list::<D>(&app, &principal, query.as_deref().unwrap_or_default()).await
}

async fn create<D: Document>(
    State(app): State<App>,
    principal: Principal,
    _: NoQuery,
    ApiJson(Once(request)): ApiJson<Once>,
) -> Result<Response, ApiError> {
    let mut draft = Draft::<D>::read(request)?;
    draft.body.prepare(&app, &principal).await?;
    let mut tx = app.db.begin().await?;
    let (stored, shown) = change::create_in(&app, &mut tx, &principal, draft).await?;
    let id = stored.id;
    let mut response = answer(&app, &mut tx, &principal, stored, StatusCode::CREATED, shown).await?;
    tx.commit().await?;
    let location = format!("{}{}/{id}", crate::BASE, D::PATH);
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_str(&location).map_err(ApiError::internal)?);
    Ok(response)
}

async fn get_one<D: Document>(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    _: NoQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let mut tx = app.db.read().await?;
    let stored = [existing::<D>(&mut tx, &principal, id).await?];
    let views = view(&app, &mut tx, principal.tenant, &stored).await?;
    views.into_iter().next().ok_or_else(|| ApiError::not_found(D::NOUN))?.answer_if_changed(&headers)
}

async fn replace<D: Document>(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    _: NoQuery,
    headers: HeaderMap,
    ApiJson(Once(request)): ApiJson<Once>,
) -> Result<Response, ApiError> {
    edit::<D>(&app, &principal, id, &headers, |before| {
        let mut request = request;
        strip_answer_only::<D>(&mut request);
        merging::keep(&mut request, &before, D::SECRETS);
        request
    })
    .await
}

async fn update<D: Document>(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    _: NoQuery,
    headers: HeaderMap,
    MergePatch(patch): MergePatch,
) -> Result<Response, ApiError> {
    edit::<D>(&app, &principal, id, &headers, |before| {
        let mut request = before;
        merging::merge(&mut request, patch);
        request
    })
    .await
}

/// Reads the document, makes the new one from it and stores that, unless another was faster.
async fn edit<D: Document>(
    app: &App,
    principal: &Principal,
    id: Uuid,
    headers: &HeaderMap,
    change: impl FnOnce(Value) -> Value,
) -> Result<Response, ApiError> {
    let mut tx = app.db.read().await?;
    let before = existing::<D>(&mut tx, principal, id).await?;
    drop(tx);
    if_match(headers, before.version)?;
    let mut draft = Draft::<D>::read(change(as_request(&before)?))?;
    draft.body.prepare(app, principal).await?;
    // slow work is done: only now take the write lock, and look again
    let mut tx = app.db.begin().await?;
    let now = existing::<D>(&mut tx, principal, id).await?;
    if now.version != before.version {
        return Err(change::stale());
    }
    let (stored, shown) = change::update_in(app, &mut tx, principal, &now, draft).await?;
    let response = answer(app, &mut tx, principal, stored, StatusCode::OK, shown).await?;
    tx.commit().await?;
    Ok(response)
}

async fn remove<D: Document>(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    _: NoQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let mut tx = app.db.begin().await?;
    let document = existing::<D>(&mut tx, &principal, id).await?;
    if_match(&headers, document.version)?;
    change::delete_in(&app, &mut tx, &principal, &document).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn existing<D: Document>(tx: &mut cxc_store::Tx, principal: &Principal, id: Uuid) -> Result<Stored<D>, ApiError> {
    change::get::<D>(tx, principal.tenant, id).await?.ok_or_else(|| ApiError::not_found(D::NOUN))
}

async fn answer<D: Document>(
    app: &App,
    tx: &mut cxc_store::Tx,
    principal: &Principal,
    stored: Stored<D>,
    status: StatusCode,
    shown: Map<String, Value>,
) -> Result<Response, ApiError> {
    let views = view(app, tx, principal.tenant, &[stored]).await?;
    let mut one = views.into_iter().next().ok_or_else(|| ApiError::not_found(D::NOUN))?;
    if shown.is_empty() {
        return one.answer(status);
    }
    // a repeat under the same idempotency key must not show it again
    let replay = serde_json::to_vec(&one.members).map_err(ApiError::internal)?;
    one.members.extend(shown);
    let mut response = one.answer(status)?;
    response.extensions_mut().insert(ReplayBody(Bytes::from(replay)));
    Ok(response)
}

/// What a repeat of a request is answered instead of the first answer's body, which showed a secret once.
#[derive(Clone)]
pub(crate) struct ReplayBody(pub Bytes);

/// A stored document as the request that would make it.
fn as_request<D: Document>(stored: &Stored<D>) -> Result<Value, ApiError> {
    let mut request = serde_json::to_value(&stored.body).map_err(ApiError::internal)?;
    if let Value::Object(members) = &mut request {
        members.insert("name".into(), stored.name.clone().into());
        members.insert("description".into(), stored.description.clone().into());
    }
    Ok(request)
}

/// A PUT may send back what a GET answered: members that only answers have are ignored there.
fn strip_answer_only<D: Document>(request: &mut Value) {
    let Value::Object(members) = request else { return };
    let computed = [<Common as utoipa::PartialSchema>::schema(), <D::Extra as utoipa::PartialSchema>::schema()];
    for schema in computed {
        if let utoipa::openapi::RefOr::T(utoipa::openapi::Schema::Object(object)) = schema {
            members.retain(|name, _| name == "name" || name == "description" || !object.properties.contains_key(name));
        }
    }
}

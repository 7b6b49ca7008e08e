//! A page of documents.
use axum::Json;
use axum::response::{IntoResponse, Response};
use cxc_store::object_query::{ObjectField, ObjectQuery, Param};
use serde_json::{Map, Value};

use super::query::{bad, comparison, field, field_name};
use super::{Cursor, CursorKey, Document, Page, PageQuery, Stored, change, view};
use crate::App;
use crate::error::ApiError;
use crate::principal::Principal;

const COUNTED: i64 = 10_000;
const MOST_SORT_KEYS: usize = 3;

pub(super) async fn list<D: Document>(app: &App, principal: &Principal, query: &str) -> Result<Response, ApiError> {
    let asked = PageQuery::parse(query)?;
    let scope = format!("{} {} {}", principal.tenant, D::KIND, asked.fingerprint());
    let mut query = plan::<D>(&asked)?;
    if let Some(cursor) = &asked.cursor {
        let cursor = Cursor::open(cursor, app.hash_key, &scope, app.now())?;
        query.after = Some((cursor.keys.into_iter().map(Param::from).collect(), cursor.id));
    }
    let mut tx = app.db.read().await?;
    let total = match asked.count {
        true => Some(tx.object_count(principal.tenant, D::KIND, &query, COUNTED + 1).await?),
        false => None,
    };
    let mut objects = tx.object_page(principal.tenant, D::KIND, &query).await?;
    let more = objects.len() as i64 > asked.limit;
    objects.truncate(usize::try_from(asked.limit).unwrap_or(0));
    let next = objects.last().filter(|_| more).map(|last| {
        let keys = query.sort.iter().map(|(f, _)| key(*f, last)).collect();
        Cursor { keys, id: last.id, made_at: app.now() }.seal(app.hash_key, &scope)
    });
    let documents: Vec<Stored<D>> = objects.into_iter().map(change::decode).collect::<Result<_, _>>()?;
    let views = view(app, &mut tx, principal.tenant, &documents).await?;
    let mut items: Vec<Map<String, Value>> = views.into_iter().map(|v| v.members).collect();
    if !asked.fields.is_empty() {
        pick(&mut items, &asked.fields)?;
    }
    let total_is_estimate = total.map(|t| t > COUNTED);
    Ok(Json(Page { items, next, total: total.map(|t| t.min(COUNTED)), total_is_estimate }).into_response())
}

fn plan<D: Document>(asked: &PageQuery) -> Result<ObjectQuery, ApiError> {
    let filters = asked.filters.iter().map(|(name, operator, value)| {
        let field = field(name, D::FILTERS).ok_or_else(|| unknown::<D>(name, "filter"))?;
        Ok((field, comparison(field, operator, value)?))
    });
    let sort = asked
        .sort
        .iter()
        .map(|(name, falls)| Ok((field(name, D::FILTERS).ok_or_else(|| unknown::<D>("sort", "sort key"))?, *falls)));
    let (filters, mut sort): (Vec<_>, Vec<_>) =
        (filters.collect::<Result<_, ApiError>>()?, sort.collect::<Result<_, ApiError>>()?);
    if sort.len() > MOST_SORT_KEYS {
        return Err(bad("sort", format!("at most {MOST_SORT_KEYS} sort keys")));
    }
    if sort.is_empty() {
        sort.push((ObjectField::CreatedAt, false));
    }
    // one more than asked tells whether there is a next page
    Ok(ObjectQuery { filters, sort, after: None, limit: asked.limit + 1 })
}

fn unknown<D: Document>(parameter: &str, what: &str) -> ApiError {
    let own = D::FILTERS.iter().map(|f| field_name(*f));
    let known: Vec<&str> = ["name", "createdAt", "updatedAt"].into_iter().chain(own).collect();
    bad(parameter, format!("a {what} is one of {}", known.join(", ")))
}

/// The sort key of an object, as the store compares it.
fn key(field: ObjectField, object: &cxc_store::object::Object) -> CursorKey {
    let member = |name: &str| object.body.0.get(name);
    match field {
        ObjectField::Name => CursorKey::Text(cxc_store::object::name_key(&object.name)),
        ObjectField::CreatedAt => CursorKey::Number(object.created_at),
        ObjectField::UpdatedAt => CursorKey::Number(object.updated_at),
        ObjectField::Text(name) => CursorKey::Text(member(name).and_then(Value::as_str).unwrap_or_default().to_owned()),
        ObjectField::Integer(name) => CursorKey::Number(member(name).and_then(Value::as_i64).unwrap_or(0)),
        ObjectField::Bool(name) => CursorKey::Number(i64::from(member(name).and_then(Value::as_bool).unwrap_or(false))),
    }
}

impl From<CursorKey> for Param {
    fn from(key: CursorKey) -> Self {
        match key {
            CursorKey::Number(number) => Param::Number(number),
            CursorKey::Text(text) => Param::Text(text),
        }
    }
}

/// Keeps only these members.
pub(super) fn pick(items: &mut [Map<String, Value>], fields: &[String]) -> Result<(), ApiError> {
    if let Some(unknown) = items.first().and_then(|item| fields.iter().find(|f| !item.contains_key(f.as_str()))) {
        return Err(bad("fields", format!("there is no member {unknown}")));
    }
    for item in items {
        item.retain(|name, _| fields.iter().any(|f| f == name));
    }
    Ok(())
}

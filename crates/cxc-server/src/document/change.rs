//! Reading, storing and deleting documents, with checks, hooks, references and audit, in the caller's transaction.
use cxc_core::TenantNo;
use cxc_core::field_error::FieldError;
use cxc_store::object::{Json, Object};
use cxc_store::{StoreError, Tx};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Document, Reference, Removal, Stored, Write, patch};
use crate::App;
use crate::audit::Entry;
use crate::error::{ApiError, Code};
use crate::extract;
use crate::principal::Principal;

/// A document that is to be stored.
#[derive(Debug, Clone)]
pub struct Draft<D> {
    /// Unique within tenant and kind, whatever the case.
    pub name: String,
    /// Free text, may be empty.
    pub description: String,
    /// What its kind holds.
    pub body: D,
}

impl<D: Document> Draft<D> {
    /// A draft without a description.
    pub fn new(name: impl Into<String>, body: D) -> Self {
        Self { name: name.into(), description: String::new(), body }
    }

    /// Reads a request: the common members, and the rest as the body.
    pub(super) fn read(request: Value) -> Result<Self, ApiError> {
        let Value::Object(mut members) = request else {
            return Err(ApiError::invalid("", "invalid", format!("a {} is a JSON object", D::NOUN)));
        };
        let mut errors = Vec::new();
        let mut refuse = |pointer: &str, code: &'static str, text: &str| {
            errors.push(FieldError::new(pointer, code, text));
            String::new()
        };
        let name = match members.remove("name") {
            Some(Value::String(name)) => name,
            Some(_) => refuse("/name", "invalid", "a name is a text"),
            None => refuse("/name", "required", "a name is required"),
        };
        let description = match members.remove("description") {
            Some(Value::String(text)) => text,
            Some(Value::Null) | None => String::new(),
            Some(_) => refuse("/description", "invalid", "a description is a text"),
        };
        match extract::from_value::<D>(Value::Object(members)) {
            Ok(body) if errors.is_empty() => Self { name: name.trim().to_owned(), description, body }.check(),
            Ok(body) => {
                errors.extend(body.validate());
                Err(ApiError::validation(errors))
            }
            Err(wrong) => {
                errors.extend(wrong.problem("").errors.into_iter().map(with_common));
                Err(ApiError::validation(errors))
            }
        }
    }

    fn check(self) -> Result<Self, ApiError> {
        let mut errors = self.body.validate();
        let length = self.name.chars().count();
        if length == 0 || length > D::NAME_MAX || self.name.chars().any(char::is_control) {
            let detail = format!("a name has 1 to {} printable characters", D::NAME_MAX);
            errors.push(FieldError::new("/name", "invalid", detail));
        }
        if self.description.chars().count() > 4000 {
            errors.push(FieldError::new("/description", "too_long", "a description has at most 4000 characters"));
        }
        if self.body.references().len() > 1000 {
            errors.push(FieldError::new("", "too_many", "at most 1,000 references"));
        }
        if errors.is_empty() { Ok(self) } else { Err(ApiError::validation(errors)) }
    }
}

/// The members that every document has are read before its own: whoever misspells one is told of them, too.
fn with_common(error: FieldError) -> FieldError {
    let is_outermost = error.pointer.matches('/').count() < 2;
    match error.detail.split_once(": the members are ") {
        Some((none, own)) if is_outermost => {
            FieldError::new(error.pointer, error.code, format!("{none}: the members are name, description, {own}"))
        }
        _ => error,
    }
}

/// One document of a tenant.
pub async fn get<D: Document>(tx: &mut Tx, tenant: TenantNo, id: Uuid) -> Result<Option<Stored<D>>, ApiError> {
    tx.object_get(tenant, D::KIND, id).await?.map(decode).transpose()
}

/// One document of a tenant by its name, whatever the case.
pub async fn find<D: Document>(tx: &mut Tx, tenant: TenantNo, name: &str) -> Result<Option<Stored<D>>, ApiError> {
    tx.object_find(tenant, D::KIND, name).await?.map(decode).transpose()
}

/// Every document of a kind, oldest first: for kinds of which a tenant has few.
pub async fn get_all<D: Document>(tx: &mut Tx, tenant: TenantNo) -> Result<Vec<Stored<D>>, ApiError> {
    tx.object_all(tenant, D::KIND).await?.into_iter().map(decode).collect()
}

/// Stores a new document in a transaction of its own.
pub async fn create<D: Document>(app: &App, principal: &Principal, draft: Draft<D>) -> Result<Stored<D>, ApiError> {
    let mut draft = draft.check()?;
    draft.body.prepare(app, principal).await?;
    let mut tx = app.db.begin().await?;
    let (stored, _) = create_in(app, &mut tx, principal, draft).await?;
    tx.commit().await?;
    Ok(stored)
}

/// Stores a new document, whose slow preparation is done. Also gives the members that this answer alone shows.
pub async fn create_in<D: Document>(
    app: &App,
    tx: &mut Tx,
    principal: &Principal,
    draft: Draft<D>,
) -> Result<(Stored<D>, Map<String, Value>), ApiError> {
    let draft = draft.check()?;
    let now = app.now();
    let stored = Stored {
        id: app.ids.next(),
        name: draft.name,
        description: draft.description,
        version: 1,
        created_at: now,
        created_by: principal.name.clone(),
        updated_at: now,
        updated_by: principal.name.clone(),
        body: draft.body,
    };
    write(app, tx, principal, None, stored).await
}

/// Replaces a document in a transaction of its own, whatever its version.
pub async fn replace<D: Document>(
    app: &App,
    principal: &Principal,
    id: Uuid,
    draft: Draft<D>,
) -> Result<Stored<D>, ApiError> {
    let mut draft = draft.check()?;
    draft.body.prepare(app, principal).await?;
    let mut tx = app.db.begin().await?;
    let before = get::<D>(&mut tx, principal.tenant, id).await?.ok_or_else(|| ApiError::not_found(D::NOUN))?;
    let (stored, _) = update_in(app, &mut tx, principal, &before, draft).await?;
    tx.commit().await?;
    Ok(stored)
}

/// Replaces a document that was read in the same transaction; 412 when it has changed since.
pub async fn update_in<D: Document>(
    app: &App,
    tx: &mut Tx,
    principal: &Principal,
    before: &Stored<D>,
    draft: Draft<D>,
) -> Result<(Stored<D>, Map<String, Value>), ApiError> {
    let draft = draft.check()?;
    let stored = Stored {
        name: draft.name,
        description: draft.description,
        body: draft.body,
        version: before.version + 1,
        updated_at: app.now(),
        updated_by: principal.name.clone(),
        id: before.id,
        created_at: before.created_at,
        created_by: before.created_by.clone(),
    };
    write(app, tx, principal, Some(before), stored).await
}

async fn write<D: Document>(
    app: &App,
    tx: &mut Tx,
    principal: &Principal,
    before: Option<&Stored<D>>,
    after: Stored<D>,
) -> Result<(Stored<D>, Map<String, Value>), ApiError> {
    let tenant = principal.tenant;
    let mut write = Write { app, tx, principal, before, after, shown: Map::new() };
    D::before_write(&mut write).await?;
    let references = write.after.body.references();
    check_references(write.tx, tenant, &references).await?;
    let object = encode(&write.after)?;
    let stored = match before {
        None => write.tx.object_insert(tenant, D::KIND, &object).await.map(|()| true),
        Some(_) => write.tx.object_update(tenant, D::KIND, &object).await,
    };
    match stored {
        Ok(true) => {}
        Ok(false) => return Err(stale()),
        Err(StoreError::AlreadyExists(_)) => return Err(ApiError::name_taken(D::NOUN)),
        Err(error) => return Err(error.into()),
    }
    let references: Vec<(String, Uuid)> = references.into_iter().map(|r| (r.pointer, r.id)).collect();
    if before.is_some() || !references.is_empty() {
        write.tx.object_refer(tenant, write.after.id, &references).await?;
    }
    D::after_write(&mut write).await?;
    let Write { after, shown, .. } = write;
    let action = if before.is_some() { "update" } else { "create" };
    let entry = Entry::new(action, D::KIND).of(after.id, &after.name);
    entry.changed(before.map(audited).transpose()?, Some(audited(&after)?)).write(app, tx, principal).await?;
    Ok((after, shown))
}

/// Deletes a document that was read in the same transaction; 409 `in_use` while others refer to it, 412 when it has changed since.
pub async fn delete_in<D: Document>(
    app: &App,
    tx: &mut Tx,
    principal: &Principal,
    document: &Stored<D>,
) -> Result<(), ApiError> {
    let tenant = principal.tenant;
    let users = tx.object_users(tenant, document.id).await?;
    if !users.is_empty() {
        let named: Vec<String> = users.iter().map(|u| format!("{} \"{}\"", u.kind.replace('_', " "), u.name)).collect();
        return Err(ApiError::new(Code::InUse, format!("it is used by {}", named.join(", "))));
    }
    D::before_delete(&mut Removal { app, tx, principal, document }).await?;
    if !tx.object_delete(tenant, D::KIND, document.id, document.version).await? {
        return Err(stale());
    }
    let entry = Entry::new("delete", D::KIND).of(document.id, &document.name);
    entry.changed(Some(audited(document)?), None).write(app, tx, principal).await
}

pub(super) fn stale() -> ApiError {
    ApiError::new(Code::EtagMismatch, "it has changed since you read it: read it again and repeat your change")
}

async fn check_references(tx: &mut Tx, tenant: TenantNo, references: &[Reference]) -> Result<(), ApiError> {
    let ids: Vec<Uuid> = references.iter().map(|r| r.id).collect();
    let known = tx.object_kinds(tenant, &ids).await?;
    let is_known = |r: &&Reference| known.iter().any(|(id, kind)| *id == r.id && r.kinds.contains(&kind.as_str()));
    let words = |r: &Reference| r.kinds.join(" or ").replace('_', " ");
    let missing = references.iter().filter(|r| !is_known(r));
    let errors: Vec<FieldError> =
        missing.map(|r| FieldError::new(&*r.pointer, "not_found", format!("there is no such {}", words(r)))).collect();
    if errors.is_empty() { Ok(()) } else { Err(ApiError::validation(errors)) }
}

pub(super) fn decode<D: Document>(object: Object) -> Result<Stored<D>, ApiError> {
    let body = serde_path_to_error::deserialize(object.body.0)
        .map_err(|e| ApiError::internal(StoreError::Corrupt(format!("{} {}: {e}", D::KIND, object.id))))?;
    Ok(Stored {
        id: object.id,
        name: object.name,
        description: object.description,
        version: object.version,
        created_at: object.created_at,
        created_by: object.created_by,
        updated_at: object.updated_at,
        updated_by: object.updated_by,
        body,
    })
}

fn encode<D: Document>(stored: &Stored<D>) -> Result<Object, ApiError> {
    Ok(Object {
        id: stored.id,
        name: stored.name.clone(),
        description: stored.description.clone(),
        body: Json(serde_json::to_value(&stored.body).map_err(ApiError::internal)?),
        version: stored.version,
        created_at: stored.created_at,
        created_by: stored.created_by.clone(),
        updated_at: stored.updated_at,
        updated_by: stored.updated_by.clone(),
    })
}

/// What the audit log keeps of a document: all but its secrets.
fn audited<D: Document>(stored: &Stored<D>) -> Result<Value, ApiError> {
    let mut body = serde_json::to_value(&stored.body).map_err(ApiError::internal)?;
    patch::redact(&mut body, D::SECRETS);
    let mut members = Map::new();
    members.insert("name".into(), stored.name.clone().into());
    members.insert("description".into(), stored.description.clone().into());
    if let Value::Object(body) = body {
        members.extend(body);
    }
    Ok(Value::Object(members))
}

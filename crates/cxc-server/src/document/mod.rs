//! Documents: the things that people edit. A type says what it holds and how it is checked; [`crud`]
//! gives it a collection with paging, filters, ETags, audit and an API description.
mod answer;
mod change;
mod cursor;
mod describe;
mod hooks;
mod list;
mod paging;
mod patch;
mod query;
mod routes;
#[cfg(test)]
mod tests;

use std::future::Future;

use cxc_core::field_error::FieldError;
use cxc_store::object_query::ObjectField;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::App;
use crate::error::ApiError;
use crate::principal::Principal;
use crate::scope::Scope;

pub use answer::{View, if_match, view};
pub use change::{Draft, create, create_in, delete_in, find, get, get_all, replace, update_in};
pub(crate) use cursor::keyed;
pub use cursor::{Cursor, CursorKey};
pub(crate) use describe::schemas_of;
pub use hooks::{Extras, Removal, Write};
pub use paging::{Paging, limit};
pub use query::PageQuery;
pub(crate) use query::{bad, instant};
pub(crate) use routes::ReplayBody;
pub use routes::crud;

/// A kind of thing that people edit. Implement it on the body; the common members (id, name, description,
/// version, createdAt, createdBy, updatedAt, updatedBy) are added around it. Give the type
/// `#[serde(rename_all = "camelCase", deny_unknown_fields)]`.
pub trait Document: Serialize + DeserializeOwned + ToSchema + Clone + Send + Sync + 'static {
    /// The kind in the store, such as `attempt_rule`.
    const KIND: &'static str;
    /// What people call one, such as `attempt rule`.
    const NOUN: &'static str;
    /// The collection below the base path, such as `/compliance/attempt-rules`.
    const PATH: &'static str;
    /// The group in the API description, such as `Compliance`.
    const TAG: &'static str;
    /// What is needed to see it.
    const READ: Scope;
    /// What is needed to change it.
    const WRITE: Scope;
    /// Members at the top level of the body that lists can be filtered and sorted by.
    const FILTERS: &'static [ObjectField] = &[];
    /// JSON pointers of members that are written and never shown, such as `/password`. A PUT that leaves
    /// one out keeps it; `null` removes it.
    const SECRETS: &'static [&'static str] = &[];
    /// The most characters of a name.
    const NAME_MAX: usize = 255;

    /// Read-only members that are computed for answers, such as sizes or a state.
    type Extra: Serialize + ToSchema + Default + Send;

    /// What is wrong with it by itself.
    fn validate(&self) -> Vec<FieldError> {
        Vec::new()
    }

    /// The objects it refers to: they must exist in its tenant, and can't be deleted while it does.
    fn references(&self) -> Vec<Reference> {
        Vec::new()
    }

    /// Before the transaction: slow work such as hashing, reading or altering the body.
    fn prepare(&mut self, app: &App, principal: &Principal) -> impl Future<Output = Result<(), ApiError>> + Send {
        let _ = (app, principal);
        async { Ok(()) }
    }

    /// Before a new or changed document is stored; may alter `write.after` or refuse.
    fn before_write(write: &mut Write<'_, Self>) -> impl Future<Output = Result<(), ApiError>> + Send {
        let _ = write;
        async { Ok(()) }
    }

    /// After it was stored: rows of its own, jobs, versions.
    fn after_write(write: &mut Write<'_, Self>) -> impl Future<Output = Result<(), ApiError>> + Send {
        let _ = write;
        async { Ok(()) }
    }

    /// Before it is deleted; may refuse, or remove rows of its own.
    fn before_delete(removal: &mut Removal<'_, Self>) -> impl Future<Output = Result<(), ApiError>> + Send {
        let _ = removal;
        async { Ok(()) }
    }

    /// The computed members of these documents, one each and in order. One query for all of them.
    fn extra(extras: &mut Extras<'_, Self>) -> impl Future<Output = Result<Vec<Self::Extra>, ApiError>> + Send {
        let none = extras.documents.iter().map(|_| Self::Extra::default()).collect();
        async { Ok(none) }
    }
}

/// A reference from a document to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Where it stands, as a JSON pointer.
    pub pointer: String,
    /// The kinds of which it must have one.
    pub kinds: Vec<&'static str>,
    /// The object.
    pub id: Uuid,
}

impl Reference {
    /// A reference at a pointer.
    pub fn new(pointer: impl Into<String>, kind: &'static str, id: Uuid) -> Self {
        Self::any(pointer, &[kind], id)
    }

    /// One to an object of any of these kinds.
    pub fn any(pointer: impl Into<String>, kinds: &[&'static str], id: Uuid) -> Self {
        Self { pointer: pointer.into(), kinds: kinds.to_vec(), id }
    }
}

/// A document as stored. Times are microseconds.
#[derive(Debug, Clone)]
pub struct Stored<D> {
    /// Its id.
    pub id: Uuid,
    /// Unique within tenant and kind, whatever the case.
    pub name: String,
    /// Free text, may be empty.
    pub description: String,
    /// 1 and one more with each change.
    pub version: i64,
    /// When it was made.
    pub created_at: i64,
    /// Who made it.
    pub created_by: String,
    /// When it was last changed.
    pub updated_at: i64,
    /// Who changed it last.
    pub updated_by: String,
    /// What its kind holds, with secrets.
    pub body: D,
}

/// The members that every object has, as answered.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Common {
    /// The id.
    pub id: Uuid,
    /// Unique among its kind, whatever the case.
    pub name: String,
    /// Free text.
    pub description: String,
    /// 1 and one more with each change.
    #[schema(minimum = 1)]
    pub version: i64,
    /// When it was made, RFC 3339 in UTC.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// Who made it.
    pub created_by: String,
    /// When it was last changed, RFC 3339 in UTC.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// Who changed it last.
    pub updated_by: String,
}

/// For documents without computed members.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct NoExtra {}

/// One page of a collection.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The objects of this page.
    pub items: Vec<T>,
    /// The cursor of the next page; `null` on the last one.
    #[schema(required)]
    pub next: Option<String>,
    /// How many there are, when `count=true` was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub total: Option<i64>,
    /// Whether `total` stopped counting: there are at least so many.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub total_is_estimate: Option<bool>,
}

impl<T> Page<T> {
    /// A page without a count.
    pub fn new(items: Vec<T>, next: Option<String>) -> Self {
        Self { items, next, total: None, total_is_estimate: None }
    }
}

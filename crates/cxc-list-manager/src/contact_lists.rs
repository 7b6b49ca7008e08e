//! `/lists`: contact lists. Their contents are rows of their own.
use cxc_core::field_error::FieldError;
use cxc_core::kind;
use cxc_core::location::Country;
use cxc_server::document::{Extras, Reference, Removal, Write};
use cxc_server::{ApiError, Code, Document, Scope};
use cxc_store::list::ListAccess;
use cxc_store::object_query::ObjectField;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::metrics;

/// A list of people to be contacted.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ContactList {
    /// The number that calls to it show.
    #[schema(max_length = 64)]
    pub caller_id: String,
    /// How its custom fields are called.
    pub label_schema: Option<Uuid>,
    /// The country of numbers without one: ISO 3166-1, two letters.
    #[schema(max_length = 2, example = "US")]
    pub country: Option<String>,
    /// Whether its contacts are kept from people without the permission.
    pub secured: bool,
}

/// How much is in a list.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListSize {
    /// Contacts.
    pub size: i64,
    /// Contacts.
    pub contacts: i64,
    /// Their devices.
    pub devices: i64,
    /// Lines that the latest import did not take.
    pub rejects: i64,
}

impl Document for ContactList {
    const KIND: &'static str = kind::CONTACT_LIST;
    const NOUN: &'static str = "contact list";
    const PATH: &'static str = "/lists";
    const TAG: &'static str = "Lists";
    const READ: Scope = Scope::ListsRead;
    const WRITE: Scope = Scope::ListsWrite;
    const FILTERS: &'static [ObjectField] = &[ObjectField::Text("country"), ObjectField::Bool("secured")];
    type Extra = ListSize;

    fn validate(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        if self.caller_id.chars().count() > 64 {
            errors.push(FieldError::new("/callerId", "too_long", "a caller id has at most 64 characters"));
        }
        if self.country.as_deref().is_some_and(|code| Country::from_code(code).is_none()) {
            errors.push(FieldError::new(
                "/country",
                "bad_country",
                "a country is two letters of ISO 3166-1, such as US",
            ));
        }
        errors
    }

    fn references(&self) -> Vec<Reference> {
        self.label_schema.map(|id| Reference::new("/labelSchema", kind::LABEL_SCHEMA, id)).into_iter().collect()
    }

    async fn after_write(write: &mut Write<'_, Self>) -> Result<(), ApiError> {
        if write.before.is_none() {
            write.tx.contact_list_insert(write.principal.tenant, write.after.id).await?;
            metrics::list_created(write.app, write.principal);
        }
        Ok(())
    }

    async fn before_delete(removal: &mut Removal<'_, Self>) -> Result<(), ApiError> {
        let (tenant, id) = (removal.principal.tenant, removal.document.id);
        match removal.tx.contact_list_edit(tenant, id).await? {
            None => return Ok(()),
            Some(ListAccess::Busy(_)) => return Err(importing()),
            Some(ListAccess::Free(list)) => {
                if !removal.tx.groups_using_list(list.number).await?.is_empty() {
                    return Err(ApiError::new(Code::InUse, "a campaign group uses this list: take it out there first"));
                }
            }
        }
        removal.tx.contact_list_delete(tenant, id, removal.app.now()).await?;
        let body = json!({ "listId": id });
        removal.tx.event_insert(tenant, "lists", "list_deleted", &id.to_string(), &body, removal.app.now()).await?;
        Ok(())
    }

    async fn extra(extras: &mut Extras<'_, Self>) -> Result<Vec<ListSize>, ApiError> {
        let ids: Vec<Uuid> = extras.documents.iter().map(|d| d.id).collect();
        let rows = extras.tx.contact_lists_of(extras.tenant, &ids).await?;
        let size = |id: &Uuid| {
            let row = rows.iter().find(|row| row.id == *id);
            row.map_or_else(ListSize::default, |row| ListSize {
                size: row.contacts,
                contacts: row.contacts,
                devices: row.devices,
                rejects: row.rejects,
            })
        };
        Ok(ids.iter().map(size).collect())
    }
}

/// 422: an import or another long change of the list is under way.
pub(crate) fn importing() -> ApiError {
    ApiError::new(Code::ListImporting, "an import or undo of this list is under way; try again when it has ended")
}

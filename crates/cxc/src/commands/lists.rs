//! Contact lists by name.
use cxc_core::kind;
use cxc_list_manager::contact_lists::ContactList as Document;
use cxc_server::document::{self, Draft};
use cxc_server::{App, Principal};
use cxc_store::list::ContactList;
use uuid::Uuid;

use super::tenant::refused;
use crate::failure::Failure;

/// A contact list of a tenant by its name.
pub async fn find(app: &App, tenant: i64, name: &str) -> Result<Option<ContactList>, Failure> {
    let mut tx = app.db.read().await?;
    let Some(object) = tx.object_find(tenant, kind::CONTACT_LIST, name).await? else { return Ok(None) };
    Ok(tx.contact_list_get(tenant, object.id).await?)
}

/// The id of a contact list, made if it is missing.
pub async fn find_or_make(app: &App, tenant: i64, name: &str) -> Result<Uuid, Failure> {
    if let Some(list) = find(app, tenant, name).await? {
        return Ok(list.id);
    }
    let made = document::create(app, &Principal::system(tenant), Draft::new(name, Document::default())).await;
    Ok(made.map_err(refused)?.id)
}

//! The class of a content, which tells what its messages are for, and the groups that send it.
use cxc_core::kind;
use uuid::Uuid;

use crate::object::Object;
use crate::{StoreError, Tx, on};

/// A content that does not say otherwise sells.
const USUAL: &str = "marketing";

impl Tx {
    /// The class of a group's content; nothing where it has none.
    pub async fn content_class(&mut self, tenant: i64, content: Option<Uuid>) -> Result<Option<String>, StoreError> {
        let Some(id) = content else { return Ok(None) };
        let content = self.object_get(tenant, kind::CONTENT, id).await?;
        Ok(content.map(|object| object.body.0["class"].as_str().unwrap_or(USUAL).to_owned()))
    }

    /// The campaign groups that send a content.
    pub async fn content_groups(&mut self, tenant: i64, content: Uuid) -> Result<Vec<Object>, StoreError> {
        const SQL: &str = "SELECT o.id, o.name, o.description, o.body, o.version, o.created_at, o.created_by, o.updated_at, o.updated_by
            FROM object_reference r JOIN object o ON o.tenant = r.tenant AND o.id = r.from_id
            WHERE r.tenant = $1 AND r.to_id = $2 AND o.kind = $3 ORDER BY o.name_key";
        Ok(
            on!(self, conn => sqlx::query_as(SQL).bind(tenant).bind(content).bind(kind::CAMPAIGN_GROUP).fetch_all(conn).await?),
        )
    }
}

//! Writing the audit log: who did what, in the transaction of the change.
use cxc_store::Tx;
use cxc_store::audit::AuditEvent;
use serde_json::Value;
use uuid::Uuid;

use crate::App;
use crate::error::ApiError;
use crate::principal::{ActorKind, Principal};

/// What was done. Finish with [`Entry::write`].
#[derive(Debug)]
pub struct Entry {
    action: &'static str,
    kind: &'static str,
    id: Option<Uuid>,
    name: String,
    before: Option<Value>,
    after: Option<Value>,
}

impl Entry {
    /// An action such as `create`, `update`, `delete`, `export`, `sign_in` on a kind of object.
    pub fn new(action: &'static str, kind: &'static str) -> Self {
        Self { action, kind, id: None, name: String::new(), before: None, after: None }
    }

    /// On this object.
    #[must_use]
    pub fn of(self, id: Uuid, name: &str) -> Self {
        Self { id: Some(id), name: name.to_owned(), ..self }
    }

    /// On something that has no id.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }

    /// With the object before and after. Secrets are never among it.
    #[must_use]
    pub fn changed(self, before: Option<Value>, after: Option<Value>) -> Self {
        Self { before, after, ..self }
    }

    /// Writes it, in the transaction of the change.
    pub async fn write(self, app: &App, tx: &mut Tx, principal: &Principal) -> Result<(), ApiError> {
        let event = AuditEvent {
            id: app.ids.next(),
            at: app.now(),
            actor_kind: principal.kind.as_str().into(),
            actor_id: (principal.kind != ActorKind::System && !principal.id.is_nil()).then_some(principal.id),
            actor: principal.name.clone(),
            address: principal.address.clone(),
            request_id: principal.request_id.clone(),
            action: self.action.into(),
            object_kind: self.kind.into(),
            object_id: self.id,
            object_name: self.name,
            before: self.before,
            after: self.after,
        };
        Ok(tx.audit_insert(principal.tenant, &event).await?)
    }
}

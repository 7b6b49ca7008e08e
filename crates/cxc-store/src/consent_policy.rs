//! What a tenant decided about consents and opt-outs, as a document that there is one of. Owning service: compliance
//! manager; imports and whoever hears of an opt-out read.
use cxc_core::consent::ConsentPolicy;
use cxc_core::kind;
use sqlx::types::Json;
use uuid::Uuid;

use crate::object::Object;
use crate::{StoreError, Tx};

impl Tx {
    /// What a tenant decided; the strict default if nothing.
    pub async fn consent_policy(&mut self, tenant: i64) -> Result<ConsentPolicy, StoreError> {
        Ok(self.consent_policy_versioned(tenant).await?.0)
    }

    /// The same with its version; 0 while nothing was decided.
    pub async fn consent_policy_versioned(&mut self, tenant: i64) -> Result<(ConsentPolicy, i64), StoreError> {
        let Some(object) = self.object_all(tenant, kind::CONSENT_POLICY).await?.pop() else {
            return Ok((ConsentPolicy::default(), 0));
        };
        Ok((serde_json::from_value(object.body.0)?, object.version))
    }

    /// Sets it. `id` names the document if there is none yet.
    pub async fn consent_policy_set(
        &mut self,
        tenant: i64,
        id: Uuid,
        policy: &ConsentPolicy,
        by: &str,
        now: i64,
    ) -> Result<(), StoreError> {
        let body = Json(serde_json::to_value(policy)?);
        let Some(mut own) = self.object_all(tenant, kind::CONSENT_POLICY).await?.pop() else {
            let object = Object {
                id,
                name: "Consent policy".into(),
                description: String::new(),
                body,
                version: 1,
                created_at: now,
                created_by: by.into(),
                updated_at: now,
                updated_by: by.into(),
            };
            return self.object_insert(tenant, kind::CONSENT_POLICY, &object).await;
        };
        own.body = body;
        own.version += 1;
        own.updated_at = now;
        own.updated_by = by.into();
        if self.object_update(tenant, kind::CONSENT_POLICY, &own).await? {
            Ok(())
        } else {
            Err(StoreError::AlreadyExists(kind::CONSENT_POLICY))
        }
    }
}

//! A tenant's rules as stored, for the snapshot of their version.
use cxc_core::kind;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::types::Json;

use crate::{StoreError, Tx, on};

/// Every kind of rule that a check may look at. Custom zones and decisions on legal rules are rules, too.
pub const RULE_KINDS: &[&str] = &[
    kind::CONTACT_TIMES,
    kind::CONTACT_DATES,
    kind::ATTEMPT_RULE,
    kind::LOCATION_RULE,
    kind::CUSTOM_RULE,
    kind::EXTERNAL_RULE,
    kind::TIME_ZONE,
    kind::LEGAL_RULE_SETTING,
    kind::LEGAL_RULE,
];

/// What a rule keeps for itself: secrets that a check does not look at.
const SECRETS: &[&str] = &["headers"];

/// One rule as stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptRule {
    /// Its kind.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: i64,
    /// What it says.
    pub body: Value,
}

/// All the rules of a tenant, as [`Tx::rule_documents`] reads them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptRules {
    /// The version of the whole set.
    pub version: i64,
    /// Why everything is stopped, if it is.
    pub stopped: Option<String>,
    /// The settings of the whole set.
    pub policy: Option<Value>,
    /// The rules, by kind and id.
    pub rules: Vec<KeptRule>,
}

impl Tx {
    /// Every rule of a tenant, as stored, without secrets.
    pub async fn rule_documents_kept(&mut self, tenant: i64) -> Result<KeptRules, StoreError> {
        const SQL: &str = "SELECT version, stopped, policy FROM rule_set WHERE tenant = $1";
        let row: Option<(i64, Option<String>, Option<Json<Value>>)> =
            on!(self, conn => sqlx::query_as(SQL).bind(tenant).fetch_optional(conn).await?);
        let (version, stopped, policy) = row.unwrap_or_default();
        let mut rules = Vec::new();
        for kind in RULE_KINDS {
            for object in self.object_all(tenant, kind).await? {
                let mut body = object.body.0;
                if let Value::Object(members) = &mut body {
                    SECRETS.iter().for_each(|name| drop(members.remove(*name)));
                }
                rules.push(KeptRule {
                    kind: (*kind).to_owned(),
                    id: object.id.to_string(),
                    version: object.version,
                    body,
                });
            }
        }
        rules.sort_by(|a, b| (&a.kind, &a.id).cmp(&(&b.kind, &b.id)));
        Ok(KeptRules { version, stopped, policy: policy.map(|p| p.0), rules })
    }
}

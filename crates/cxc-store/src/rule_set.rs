//! A tenant's compliance rules: their version, the stop switch, and the documents themselves.
//! Owning service: compliance manager; senders read and reload by version.
use cxc_core::compliance::{RuleDocument, RuleDocuments, RuleRef, Stored, UnmappedPolicy};
use cxc_core::kind;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::types::Json;

use crate::evidence::{KeptRule, KeptRules, RULE_KINDS};
use crate::{StoreError, Tx, on};

/// Settings of a tenant's whole rule set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RulePolicy {
    /// The guard before a window's end, in seconds, if it is not the usual one.
    pub guard_seconds: Option<u32>,
    /// What holds for people whose zone is not known, if it is not the usual.
    pub unmapped: Option<UnmappedPolicy>,
    /// How often it was changed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub version: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

impl Tx {
    /// The version of a tenant's rules: it moves with every edit of one of them.
    pub async fn rule_set_version(&mut self, tenant: i64) -> Result<i64, StoreError> {
        const SQL: &str = "SELECT version FROM rule_set WHERE tenant = $1";
        let version: Option<i64> = on!(self, conn => sqlx::query_scalar(SQL).bind(tenant).fetch_optional(conn).await?);
        Ok(version.unwrap_or(0))
    }

    /// Moves the version: called in the transaction of an edit.
    pub async fn rule_set_moved(&mut self, tenant: i64) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO rule_set (tenant, version) VALUES ($1, 1)
            ON CONFLICT (tenant) DO UPDATE SET version = rule_set.version + 1";
        on!(self, conn => sqlx::query(SQL).bind(tenant).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Why a tenant stopped everything, if it did.
    pub async fn stop_switch_get(&mut self, tenant: i64) -> Result<Option<String>, StoreError> {
        const SQL: &str = "SELECT stopped FROM rule_set WHERE tenant = $1 AND stopped IS NOT NULL";
        Ok(on!(self, conn => sqlx::query_scalar(SQL).bind(tenant).fetch_optional(conn).await?))
    }

    /// Stops a tenant's contacts with a reason, or lets them go on.
    pub async fn stop_switch_set(&mut self, tenant: i64, stopped: Option<&str>) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE rule_set SET stopped = $2 WHERE tenant = $1";
        self.rule_set_moved(tenant).await?;
        on!(self, conn => sqlx::query(SQL).bind(tenant).bind(stopped).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Every rule of a tenant, as stored. One that can't be read is kept as such: nobody is contacted past it.
    pub async fn rule_documents(&mut self, tenant: i64) -> Result<RuleDocuments, StoreError> {
        const SQL: &str = "SELECT version, stopped, policy FROM rule_set WHERE tenant = $1";
        let row: Option<(i64, Option<String>, Option<Json<RulePolicy>>)> =
            on!(self, conn => sqlx::query_as(SQL).bind(tenant).fetch_optional(conn).await?);
        let (version, stop_switch, policy) = row.unwrap_or_default();
        let mut rules = Vec::new();
        for kind in RULE_KINDS {
            for object in self.object_all(tenant, kind).await? {
                let (id, version, body) = (object.id.to_string(), object.version, object.body.0);
                rules.push(KeptRule { kind: (*kind).to_owned(), id, version, body });
            }
        }
        Ok(documents(version, stop_switch, policy.map(|p| p.0).unwrap_or_default(), &rules))
    }

    /// The policy of a tenant's rule set, as far as it is not the usual one.
    pub async fn rule_policy_get(&mut self, tenant: i64) -> Result<RulePolicy, StoreError> {
        const SQL: &str = "SELECT policy FROM rule_set WHERE tenant = $1 AND policy IS NOT NULL";
        let policy: Option<Json<RulePolicy>> =
            on!(self, conn => sqlx::query_scalar(SQL).bind(tenant).fetch_optional(conn).await?);
        Ok(policy.map(|p| p.0).unwrap_or_default())
    }

    /// Moves the version, and the policy as it is: nobody else changes it before the end of the transaction.
    pub async fn rule_policy_take(&mut self, tenant: i64) -> Result<RulePolicy, StoreError> {
        self.rule_set_moved(tenant).await?;
        self.rule_policy_get(tenant).await
    }

    /// Changes the policy that was taken.
    pub async fn rule_policy_set(&mut self, tenant: i64, policy: &RulePolicy) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE rule_set SET policy = $2 WHERE tenant = $1";
        on!(self, conn => sqlx::query(SQL).bind(tenant).bind(Json(policy)).execute(conn).await?.rows_affected());
        Ok(())
    }
}

impl KeptRules {
    /// The documents of the version that was kept: what [`Tx::rule_documents`] read then, but for the secrets of
    /// services, at which no check looks.
    pub fn documents(&self) -> Result<RuleDocuments, StoreError> {
        let policy = self.policy.clone().map(serde_json::from_value).transpose()?.unwrap_or_default();
        Ok(documents(self.version, self.stopped.clone(), policy, &self.rules))
    }
}

/// Rules as they are stored, read by their kinds in the order of their ids: whoever reads them again lists what
/// stands in the way in the same order.
fn documents(version: i64, stop_switch: Option<String>, policy: RulePolicy, rules: &[KeptRule]) -> RuleDocuments {
    let mut rules: Vec<&KeptRule> = rules.iter().collect();
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    let usual = RuleDocuments::default();
    let whole = |body: &Value| body.to_string();
    // a legal rule's id and version are the law's, so the object holds them one level down
    let of_law = |body: &Value| body["rule"].to_string();
    RuleDocuments {
        version,
        stop_switch,
        guard_seconds: policy.guard_seconds.unwrap_or(usual.guard_seconds),
        unmapped: policy.unmapped.unwrap_or(usual.unmapped),
        contact_times: of(&rules, kind::CONTACT_TIMES, whole),
        contact_dates: of(&rules, kind::CONTACT_DATES, whole),
        attempt_rules: of(&rules, kind::ATTEMPT_RULE, whole),
        location_rules: of(&rules, kind::LOCATION_RULE, whole),
        custom_rules: of(&rules, kind::CUSTOM_RULE, whole),
        external_rules: of(&rules, kind::EXTERNAL_RULE, whole),
        time_zones: of(&rules, kind::TIME_ZONE, whole),
        legal_settings: of(&rules, kind::LEGAL_RULE_SETTING, whole),
        legal_rules: of(&rules, kind::LEGAL_RULE, of_law),
        ..usual
    }
}

/// The rules of a kind. One that can't be read is kept as such.
fn of<T: RuleDocument>(rules: &[&KeptRule], kind: &str, text: impl Fn(&Value) -> String) -> Vec<Stored<T>> {
    let own = rules.iter().filter(|rule| rule.kind == kind);
    own.map(|rule| Stored::parse(RuleRef::new(rule.id.as_str(), rule.version), &text(&rule.body))).collect()
}

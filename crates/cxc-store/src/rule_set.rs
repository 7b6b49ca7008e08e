//! A tenant's compliance rules: their version, the stop switch, and the documents themselves.
//! Owning service: compliance manager; senders read and reload by version.
use cxc_core::compliance::legal::LegalRule;
use cxc_core::compliance::{RuleDocument, RuleDocuments, RuleRef, Stored, UnmappedPolicy};
use cxc_core::kind;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;

use crate::{StoreError, Tx, on};

/// Settings of a tenant's whole rule set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RulePolicy {
    /// The guard before a window's end, in seconds, if it is not the usual one.
    pub guard_seconds: Option<u32>,
    /// What holds for people whose zone is not known, if it is not the usual.
    pub unmapped: Option<UnmappedPolicy>,
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
        let policy = policy.map(|p| p.0).unwrap_or_default();
        let usual = RuleDocuments::default();
        Ok(RuleDocuments {
            version,
            stop_switch,
            guard_seconds: policy.guard_seconds.unwrap_or(usual.guard_seconds),
            unmapped: policy.unmapped.unwrap_or(usual.unmapped),
            contact_times: self.rules_of(tenant, kind::CONTACT_TIMES).await?,
            contact_dates: self.rules_of(tenant, kind::CONTACT_DATES).await?,
            attempt_rules: self.rules_of(tenant, kind::ATTEMPT_RULE).await?,
            location_rules: self.rules_of(tenant, kind::LOCATION_RULE).await?,
            custom_rules: self.rules_of(tenant, kind::CUSTOM_RULE).await?,
            external_rules: self.rules_of(tenant, kind::EXTERNAL_RULE).await?,
            time_zones: self.rules_of(tenant, kind::TIME_ZONE).await?,
            legal_settings: self.rules_of(tenant, kind::LEGAL_RULE_SETTING).await?,
            legal_rules: self.own_legal_rules(tenant).await?,
            ..usual
        })
    }

    /// The policy of a tenant's rule set, as far as it is not the usual one.
    pub async fn rule_policy_get(&mut self, tenant: i64) -> Result<RulePolicy, StoreError> {
        const SQL: &str = "SELECT policy FROM rule_set WHERE tenant = $1 AND policy IS NOT NULL";
        let policy: Option<Json<RulePolicy>> =
            on!(self, conn => sqlx::query_scalar(SQL).bind(tenant).fetch_optional(conn).await?);
        Ok(policy.map(|p| p.0).unwrap_or_default())
    }

    /// Changes the policy, and moves the version.
    pub async fn rule_policy_set(&mut self, tenant: i64, policy: &RulePolicy) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE rule_set SET policy = $2 WHERE tenant = $1";
        self.rule_set_moved(tenant).await?;
        on!(self, conn => sqlx::query(SQL).bind(tenant).bind(Json(policy)).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// A tenant's own legal rules: their id and version are the law's, so the object holds them one level down.
    async fn own_legal_rules(&mut self, tenant: i64) -> Result<Vec<Stored<LegalRule>>, StoreError> {
        let objects = self.object_all(tenant, kind::LEGAL_RULE).await?;
        let rule = |object: crate::object::Object| {
            let reference = RuleRef::new(object.id.to_string(), object.version);
            Stored::parse(reference, &object.body.0["rule"].to_string())
        };
        Ok(objects.into_iter().map(rule).collect())
    }

    async fn rules_of<T: RuleDocument>(&mut self, tenant: i64, kind: &str) -> Result<Vec<Stored<T>>, StoreError> {
        let objects = self.object_all(tenant, kind).await?;
        Ok(objects
            .into_iter()
            .map(|object| {
                Stored::parse(RuleRef::new(object.id.to_string(), object.version), &object.body.0.to_string())
            })
            .collect())
    }
}

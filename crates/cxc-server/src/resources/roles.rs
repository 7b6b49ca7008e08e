//! `/roles`: sets of permissions. Those that come with the program can't be edited.
use cxc_core::TenantNo;
use cxc_core::field_error::FieldError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::administrators::one_stays_after;
use crate::Scope;
use crate::document::{Document, NoExtra, Removal, Write};
use crate::error::{ApiError, Code};
use crate::principal::{ActorKind, Principal, SYSTEM_TENANT};
use crate::scope::{BuiltInRole, Scopes};

/// A set of permissions that users are given.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Role {
    /// What the role allows.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub permissions: Vec<Scope>,
    /// Set for the roles that come with the program; their permissions can't be edited.
    #[serde(default)]
    #[schema(read_only)]
    pub built_in: Option<BuiltInRole>,
}

impl Role {
    /// What the role allows in this tenant: managing tenants is for the system tenant only.
    pub fn granted(&self, tenant: TenantNo) -> Scopes {
        let all = self.built_in.map_or_else(|| self.permissions.iter().copied().collect(), BuiltInRole::scopes);
        bounded(all, tenant)
    }
}

/// Without the permission to manage tenants, unless it is the system tenant.
pub(crate) fn bounded(scopes: Scopes, tenant: TenantNo) -> Scopes {
    if tenant == SYSTEM_TENANT { scopes } else { scopes.within(Scopes::of_administrator()) }
}

/// 403 unless the principal has all of these permissions: nobody gives away what they do not have.
pub(crate) fn within(principal: &Principal, scopes: Scopes) -> Result<(), ApiError> {
    match scopes.iter().find(|s| !principal.scopes.has(*s)) {
        None => Ok(()),
        Some(scope) => {
            let detail = format!("this needs the permission {}, which you do not have yourself", scope.as_str());
            Err(ApiError::new(Code::Forbidden, detail))
        }
    }
}

impl Document for Role {
    const KIND: &'static str = "role";
    const NOUN: &'static str = "role";
    const PATH: &'static str = "/roles";
    const TAG: &'static str = "Administration";
    const READ: Scope = Scope::UsersRead;
    const WRITE: Scope = Scope::UsersWrite;
    type Extra = NoExtra;

    fn validate(&self) -> Vec<FieldError> {
        if self.permissions.len() > 100 {
            return vec![FieldError::new("/permissions", "too_many", "a role has at most 100 permissions")];
        }
        Vec::new()
    }

    async fn before_write(write: &mut Write<'_, Self>) -> Result<(), ApiError> {
        if write.principal.kind == ActorKind::System {
            return Ok(());
        }
        if write.before.is_some_and(|b| b.body.built_in.is_some()) {
            return Err(comes_with_the_program());
        }
        if write.after.body.built_in.is_some() {
            return Err(ApiError::invalid("/builtIn", "read_only", "only the program makes built-in roles"));
        }
        let before = write.before.map_or_else(Scopes::default, |b| b.body.granted(write.principal.tenant));
        within(write.principal, before.and(write.after.body.permissions.iter().copied().collect()))
    }

    async fn after_write(write: &mut Write<'_, Self>) -> Result<(), ApiError> {
        match write.before {
            Some(before) => one_stays_after(write.tx, write.principal.tenant, before).await,
            None => Ok(()),
        }
    }

    // a role that somebody has can't be deleted at all
    async fn before_delete(removal: &mut Removal<'_, Self>) -> Result<(), ApiError> {
        if removal.document.body.built_in.is_some() { Err(comes_with_the_program()) } else { Ok(()) }
    }
}

fn comes_with_the_program() -> ApiError {
    ApiError::new(Code::RequiredItem, "this role comes with the program: make one of your own instead")
}

//! Making tenants and users: for commands, the demo and the operators' API. Repeating it does no harm.
use cxc_core::TenantNo;
use cxc_core::field_error::FieldError;
use cxc_store::id_block::Numbered;
use cxc_store::tenant::Tenant;
use cxc_store::{StoreError, Tx};
use uuid::Uuid;

use crate::App;
use crate::audit::Entry;
use crate::document::{self, Draft, Stored};
use crate::error::ApiError;
use crate::principal::{Principal, SYSTEM_TENANT};
use crate::resources::roles::Role;
use crate::resources::settings::Settings;
use crate::resources::users::User;
use crate::scope::BuiltInRole;

/// A tenant that is to be made.
#[derive(Debug, Clone)]
pub struct NewTenant {
    /// Unique; 1 to 64 of a-z, A-Z, 0-9, `-` and `_`.
    pub short_name: String,
    /// For people.
    pub customer_name: String,
    /// What stands before the backslash at sign-in; unique, 1 to 253 of a-z, 0-9, `-` and `.`.
    pub domain: String,
    /// The contact centre id; unique.
    pub ccid: String,
}

impl NewTenant {
    /// What is wrong with it by itself.
    pub fn validate(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let fits = |text: &str, most: usize, more: &str| {
            (1..=most).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
        };
        if !fits(&self.short_name, 64, "-_") {
            errors.push(FieldError::new("/shortName", "invalid", "a short name is 1 to 64 of a-z, A-Z, 0-9, - and _"));
        }
        if !fits(&self.domain, 253, "-.") {
            errors.push(FieldError::new("/domain", "invalid", "a domain is 1 to 253 of a-z, 0-9, - and ."));
        }
        if !fits(&self.ccid, 64, "-_.:") {
            errors.push(FieldError::new("/ccid", "invalid", "a ccid is 1 to 64 of a-z, A-Z, 0-9, -, _, . and :"));
        }
        if self.customer_name.chars().count() > 200 || self.customer_name.contains('\0') {
            errors.push(FieldError::new("/customerName", "too_long", "a customer name has at most 200 characters"));
        }
        errors
    }
}

/// Makes the system tenant of the operators, unless it is there. Call it at every start.
pub async fn installation(app: &App) -> Result<(), ApiError> {
    let mut tx = app.db.read().await?;
    let there = tx.tenant_get(SYSTEM_TENANT).await?.is_some();
    drop(tx);
    if there {
        return Ok(());
    }
    let new = NewTenant {
        short_name: "system".into(),
        customer_name: "Operators of this installation".into(),
        domain: "system".into(),
        ccid: "system".into(),
    };
    let mut tx = app.db.begin().await?;
    match tenant_in(app, &mut tx, &Principal::system(SYSTEM_TENANT), &new).await {
        Ok(tenant) if tenant.no == SYSTEM_TENANT => Ok(tx.commit().await?),
        Ok(tenant) => Err(ApiError::internal(anyhow::anyhow!("the first tenant has number {}", tenant.no))),
        Err(error) => Err(error),
    }
}

/// Makes a tenant with its roles and settings. `by` is recorded as its maker.
pub async fn tenant(app: &App, by: &Principal, new: &NewTenant) -> Result<Tenant, ApiError> {
    let mut tx = app.db.begin().await?;
    let tenant = tenant_in(app, &mut tx, by, new).await?;
    tx.commit().await?;
    Ok(tenant)
}

pub(crate) async fn tenant_in(app: &App, tx: &mut Tx, by: &Principal, new: &NewTenant) -> Result<Tenant, ApiError> {
    let errors = new.validate();
    if !errors.is_empty() {
        return Err(ApiError::validation(errors));
    }
    let now = app.now();
    let tenant = Tenant {
        no: tx.id_block_take(Numbered::Tenant, 1).await?,
        id: app.ids.next(),
        short_name: new.short_name.clone(),
        customer_name: new.customer_name.clone(),
        domain: new.domain.to_lowercase(),
        ccid: new.ccid.clone(),
        enabled: true,
        version: 1,
        created_at: now,
        created_by: by.name.clone(),
        updated_at: now,
        updated_by: by.name.clone(),
    };
    match tx.tenant_insert(&tenant).await {
        Err(StoreError::AlreadyExists(_)) => {
            let detail = "another tenant has this short name, domain or ccid";
            return Err(ApiError::new(crate::Code::NameTaken, detail));
        }
        other => other?,
    }
    furnish(app, tx, tenant.no).await?;
    let after = serde_json::json!({"shortName": tenant.short_name, "domain": tenant.domain, "ccid": tenant.ccid});
    let entry = Entry::new("create", "tenant").of(tenant.id, &tenant.short_name).changed(None, Some(after));
    entry.write(app, tx, by).await?;
    Ok(tenant)
}

/// Gives a tenant what every tenant has and it lacks: the built-in roles and the settings.
pub async fn furnish(app: &App, tx: &mut Tx, tenant: TenantNo) -> Result<(), ApiError> {
    let us = Principal::system(tenant);
    let operator = if tenant == SYSTEM_TENANT { &[BuiltInRole::Operator][..] } else { &[] };
    for role in BuiltInRole::OF_TENANT.iter().chain(operator) {
        if role_of(tx, tenant, *role).await?.is_none() {
            let body = Role { permissions: role.scopes().iter().collect(), built_in: Some(*role) };
            document::create_in(app, tx, &us, Draft::new(role.title(), body)).await?;
        }
    }
    if document::find::<Settings>(tx, tenant, "settings").await?.is_none() {
        document::create_in(app, tx, &us, Draft::new("settings", Settings::default())).await?;
    }
    Ok(())
}

/// A tenant's role of this built-in kind.
pub async fn role_of(tx: &mut Tx, tenant: TenantNo, role: BuiltInRole) -> Result<Option<Stored<Role>>, ApiError> {
    document::find(tx, tenant, role.title()).await
}

/// Makes a user with built-in roles, or gives the one of this name a new password and these roles too.
pub async fn user(
    app: &App,
    tenant: TenantNo,
    name: &str,
    password: &str,
    roles: &[BuiltInRole],
) -> Result<Stored<User>, ApiError> {
    let mut tx = app.db.read().await?;
    let ids = role_ids(&mut tx, tenant, roles).await?;
    let known = document::find::<User>(&mut tx, tenant, name).await?;
    drop(tx);
    let us = Principal::system(tenant);
    let mut body = known.as_ref().map_or_else(User::nobody, |k| User { enabled: true, ..k.body.clone() });
    give(&mut body, ids);
    body.password = Some(password.to_owned());
    match known {
        None => document::create(app, &us, Draft::new(name, body)).await,
        Some(known) => {
            let draft = Draft { name: known.name, description: known.description, body };
            document::replace(app, &us, known.id, draft).await
        }
    }
}

/// Gives a user who is there these built-in roles too; 404 if there is none of the name.
pub async fn grant(app: &App, tenant: TenantNo, name: &str, roles: &[BuiltInRole]) -> Result<Stored<User>, ApiError> {
    let mut tx = app.db.begin().await?;
    let ids = role_ids(&mut tx, tenant, roles).await?;
    let known = document::find::<User>(&mut tx, tenant, name).await?.ok_or_else(|| ApiError::not_found("user"))?;
    let mut body = known.body.clone();
    give(&mut body, ids);
    let draft = Draft { name: known.name.clone(), description: known.description.clone(), body };
    let (stored, _) = document::update_in(app, &mut tx, &Principal::system(tenant), &known, draft).await?;
    tx.commit().await?;
    Ok(stored)
}

fn give(user: &mut User, roles: Vec<Uuid>) {
    let more: Vec<_> = roles.into_iter().filter(|id| !user.roles.contains(id)).collect();
    user.roles.extend(more);
}

async fn role_ids(tx: &mut Tx, tenant: TenantNo, roles: &[BuiltInRole]) -> Result<Vec<Uuid>, ApiError> {
    let mut ids = Vec::new();
    for role in roles {
        ids.push(role_of(tx, tenant, *role).await?.ok_or_else(|| ApiError::not_found("role"))?.id);
    }
    Ok(ids)
}

//! `/users`: people who sign in. A user's name is the document's name.
use cxc_core::field_error::FieldError;
use cxc_core::kind;
use cxc_core::phone_address::phone_problem;
use cxc_store::object_query::ObjectField;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::administrators::one_stays;
use super::roles::{Role, within};
use crate::access::password;
use crate::document::{Document, NoExtra, Reference, Removal, Stored, Write};
use crate::error::{ApiError, Code};
use crate::principal::{ActorKind, Principal};
use crate::scope::Scopes;
use crate::{App, Scope};

/// A person who signs in as `domain\name`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct User {
    /// The person's name.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub full_name: String,
    /// Where the person gets mail; may be empty.
    #[serde(default)]
    #[schema(max_length = 320)]
    pub email: String,
    /// The roles; together they say what the user may do.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub roles: Vec<Uuid>,
    /// Whether the user may sign in.
    #[serde(default = "super::on")]
    #[schema(default = true)]
    pub enabled: bool,
    /// The language of the user interface; empty for the tenant's.
    #[serde(default)]
    #[schema(max_length = 20)]
    pub locale: String,
    /// The phone of an agent, a plain SIP URI such as `sip:ann@10.0.0.7:5060`; an agent may name another one at the
    /// desk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 300)]
    pub phone: Option<String>,
    /// Sets the password, 10 to 256 characters. Never shown. Changing it ends the user's sessions.
    #[serde(default, skip_serializing_if = "never_shown")]
    #[schema(write_only, nullable = false, min_length = 10, max_length = 256)]
    pub password: Option<String>,
    /// What the password became before the transaction.
    #[serde(skip)]
    pub password_hash: Option<String>,
}

/// Who serialises a secret leaves it out. (A field that is not serialised at all is left out of the API's description.)
fn never_shown<T>(_: &T) -> bool {
    true
}

impl User {
    /// An enabled user without roles, name or password.
    pub fn nobody() -> Self {
        Self {
            full_name: String::new(),
            email: String::new(),
            roles: Vec::new(),
            enabled: true,
            locale: String::new(),
            phone: None,
            password: None,
            password_hash: None,
        }
    }
}

impl Document for User {
    const KIND: &'static str = kind::USER;
    const NOUN: &'static str = "user";
    const PATH: &'static str = "/users";
    const TAG: &'static str = "Administration";
    const READ: Scope = Scope::UsersRead;
    const WRITE: Scope = Scope::UsersWrite;
    const FILTERS: &'static [ObjectField] =
        &[ObjectField::Text("fullName"), ObjectField::Text("email"), ObjectField::Bool("enabled")];
    const SECRETS: &'static [&'static str] = &["/password"];
    const NAME_MAX: usize = 100;
    type Extra = NoExtra;

    fn validate(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        for (pointer, text, most) in
            [("/fullName", &self.full_name, 200), ("/email", &self.email, 320), ("/locale", &self.locale, 20)]
        {
            if text.chars().count() > most {
                errors.push(FieldError::new(pointer, "too_long", format!("at most {most} characters")));
            }
        }
        if let Some(problem) = self.phone.as_deref().and_then(phone_problem) {
            errors.push(FieldError::new("/phone", "bad_phone", problem.to_string()));
        }
        if self.roles.len() > 50 {
            errors.push(FieldError::new("/roles", "too_many", "a user has at most 50 roles"));
        }
        if let Some(weakness) = self.password.as_deref().and_then(password::weakness) {
            errors.push(FieldError::new("/password", "weak", weakness));
        }
        errors
    }

    fn references(&self) -> Vec<Reference> {
        self.roles.iter().enumerate().map(|(n, id)| Reference::new(format!("/roles/{n}"), Role::KIND, *id)).collect()
    }

    async fn prepare(&mut self, app: &App, _: &Principal) -> Result<(), ApiError> {
        if let Some(password) = self.password.take() {
            self.password_hash = Some(app.passwords.hash(&password).await?);
        }
        Ok(())
    }

    async fn before_write(write: &mut Write<'_, Self>) -> Result<(), ApiError> {
        if write.after.name.contains('\\') {
            return Err(ApiError::invalid(
                "/name",
                "invalid",
                "a user name has no backslash; the domain is the tenant's",
            ));
        }
        // nobody makes, changes or becomes a user who may do more than they may themselves
        let mut scopes = scopes(write.tx, write.principal, &write.after).await?;
        if let Some(before) = write.before {
            scopes = scopes.and(self::scopes(write.tx, write.principal, before).await?);
        }
        within(write.principal, scopes)
    }

    async fn after_write(write: &mut Write<'_, Self>) -> Result<(), ApiError> {
        let (tenant, id, now) = (write.principal.tenant, write.after.id, write.app.now());
        let changed = write.after.body.password_hash.take();
        if let Some(hash) = &changed {
            write.tx.user_password_set(tenant, id, hash, now).await?;
        }
        if changed.is_some() || !write.after.body.enabled {
            let own = write.principal.session.filter(|_| write.principal.id == id).unwrap_or_default();
            write.tx.session_delete_of_user(tenant, id, &own).await?;
        }
        let (before, after) = (write.before, &write.after);
        if let Some(before) = before
            && is_administrator(write.tx, write.principal, before).await?
            && !is_administrator(write.tx, write.principal, after).await?
        {
            one_stays(write.tx, tenant, None).await?;
        }
        Ok(())
    }

    async fn before_delete(removal: &mut Removal<'_, Self>) -> Result<(), ApiError> {
        if removal.principal.kind == ActorKind::User && removal.principal.id == removal.document.id {
            return Err(ApiError::new(Code::InUse, "you are signed in as this user"));
        }
        let scopes = scopes(removal.tx, removal.principal, removal.document).await?;
        within(removal.principal, scopes)?;
        if is_administrator(removal.tx, removal.principal, removal.document).await? {
            one_stays(removal.tx, removal.principal.tenant, Some(removal.document.id)).await?;
        }
        Ok(())
    }
}

async fn is_administrator(
    tx: &mut cxc_store::Tx,
    principal: &Principal,
    user: &Stored<User>,
) -> Result<bool, ApiError> {
    Ok(user.body.enabled && scopes(tx, principal, user).await?.is_administrator())
}

async fn scopes(tx: &mut cxc_store::Tx, principal: &Principal, user: &Stored<User>) -> Result<Scopes, ApiError> {
    let mut all = Scopes::default();
    for id in &user.body.roles {
        if let Some(role) = crate::document::get::<Role>(tx, principal.tenant, *id).await? {
            all = all.and(role.body.granted(principal.tenant));
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_is_none_that_a_gateway_would_dial() {
        let wrong = |phone: &str| {
            let user = User { phone: Some(phone.into()), ..User::nobody() };
            user.validate().into_iter().map(|error| error.code).collect::<Vec<_>>()
        };
        for phone in ["sip:ann@10.0.0.7:5060", "sip:2001@pbx.example.com;transport=tls"] {
            assert!(wrong(phone).is_empty(), "{phone}");
        }
        for phone in ["sip:911@carrier.example.com", "sip:+19005550142@carrier.example.com", "ann"] {
            assert_eq!(wrong(phone), ["bad_phone"], "{phone}");
        }
    }
}

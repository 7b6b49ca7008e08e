//! A tenant always has somebody with every right of an administrator: nobody gives a right that they do not have, so without
//! such a user some right could be given to nobody any more.
use cxc_core::TenantNo;
use cxc_store::Tx;
use uuid::Uuid;

use super::roles::Role;
use super::users::User;
use crate::document::{Stored, get_all};
use crate::error::{ApiError, Code};
use crate::scope::Scopes;

/// 409 unless an enabled user other than `without` who can sign in has all permissions of an administrator. Call it after the
/// change, in its transaction, and only where the change takes one of them from somebody who has them all.
pub(super) async fn one_stays(tx: &mut Tx, tenant: TenantNo, without: Option<Uuid>) -> Result<(), ApiError> {
    // two administrators could take it from each other at once
    tx.user_rights_lock(tenant).await?;
    let roles = get_all::<Role>(tx, tenant).await?;
    if is_one(tx, tenant, &roles, without).await? {
        return Ok(());
    }
    let detail = "nobody would have all rights in this tenant any more, and so nobody could give them: give another user who \
                  can sign in the role Administrator first";
    Err(ApiError::new(Code::LastAdministrator, detail))
}

/// The same after a change of a role, which was this before: also where only several roles together make an administrator.
pub(super) async fn one_stays_after(tx: &mut Tx, tenant: TenantNo, before: &Stored<Role>) -> Result<(), ApiError> {
    let mut roles = get_all::<Role>(tx, tenant).await?;
    for role in roles.iter_mut().filter(|role| role.id == before.id) {
        role.body = before.body.clone();
    }
    if is_one(tx, tenant, &roles, None).await? { one_stays(tx, tenant, None).await } else { Ok(()) }
}

/// Whether somebody is an administrator with these roles.
async fn is_one(
    tx: &mut Tx,
    tenant: TenantNo,
    roles: &[Stored<Role>],
    without: Option<Uuid>,
) -> Result<bool, ApiError> {
    let scopes = |user: &User| {
        let own = roles.iter().filter(|role| user.roles.contains(&role.id));
        own.fold(Scopes::default(), |all, role| all.and(role.body.granted(tenant)))
    };
    let users = get_all::<User>(tx, tenant).await?;
    let holders = tx.user_password_holders(tenant).await?;
    let can_enter = |id: Uuid, user: &User| user.enabled && holders.contains(&id);
    let stays = |id: Uuid, user: &User| can_enter(id, user) && Some(id) != without && scopes(user).is_administrator();
    Ok(users.iter().any(|user| stays(user.id, &user.body)))
}

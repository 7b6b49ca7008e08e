//! A tenant always has somebody who manages its users: without, nobody could give anybody a right again.
use cxc_core::TenantNo;
use cxc_store::Tx;
use uuid::Uuid;

use super::roles::Role;
use super::users::User;
use crate::Scope;
use crate::document::get_all;
use crate::error::{ApiError, Code};

/// 409 unless an enabled user other than `without` who can sign in holds users:write. Call it after the change, in its transaction,
/// and only where the change takes that right from somebody.
pub(super) async fn one_stays(tx: &mut Tx, tenant: TenantNo, without: Option<Uuid>) -> Result<(), ApiError> {
    // two administrators could take it from each other at once
    tx.user_rights_lock(tenant).await?;
    let roles = get_all::<Role>(tx, tenant).await?;
    let manages =
        |id: &Uuid| roles.iter().any(|role| role.id == *id && role.body.granted(tenant).has(Scope::UsersWrite));
    let users = get_all::<User>(tx, tenant).await?;
    let holders = tx.user_password_holders(tenant).await?;
    let can_enter = |id: Uuid, user: &User| user.enabled && holders.contains(&id);
    let stays = |id: Uuid, user: &User| can_enter(id, user) && Some(id) != without && user.roles.iter().any(manages);
    if users.iter().any(|user| stays(user.id, &user.body)) {
        return Ok(());
    }
    let detail =
        "nobody could manage the users of this tenant any more: give another user the role Administrator first";
    Err(ApiError::new(Code::LastAdministrator, detail))
}

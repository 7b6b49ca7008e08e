//! Sign-in: sessions of people, tokens of programs, and finding out who asks.
mod login;
mod oauth;
pub mod password;
mod service;
mod session;
mod sweep;
#[cfg(test)]
mod tests;
pub(crate) mod throttle;
pub(crate) mod token;

use utoipa_axum::router::OpenApiRouter;

use crate::App;

pub use service::services_only;
pub(crate) use session::identify;
pub use session::scopes_of_user;
pub use sweep::sweep;
pub use token::random_password;

/// `/auth/login`, `/auth/logout`, `/auth/session` and `/auth/token`.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().merge(login::routes()).merge(oauth::routes())
}

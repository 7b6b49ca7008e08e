//! Attempt history: reports of dialers and gateways come in, attempts are shown.
mod fields;
mod intake;
pub(crate) mod recording;
mod report;
mod retention;
mod shown;
mod sweep;

use cxc_server::{App, Scope, require};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use intake::Intake;
pub(crate) use shown::AttemptView;
pub(crate) use sweep::sweep;

/// The routes below the internal base path.
pub(crate) fn internal_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(require(Scope::ComplianceValidate, routes!(intake::report)))
        .routes(require(Scope::ComplianceValidate, routes!(intake::release)))
}

/// The routes below the public base path.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(require(Scope::ComplianceRead, routes!(shown::list)))
        .routes(require(Scope::PrivacyAdmin, routes!(recording::get)))
}

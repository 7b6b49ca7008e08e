//! `/compliance/consents`: what people allowed and forbade; `/compliance/opt-out-reviews`: messages that may have been
//! an opt-out; `/compliance/opt-out-words`: the words of a tenant.
pub(crate) mod ledger;
pub(crate) mod person;
pub(crate) mod policy;
pub(crate) mod reviews;
pub(crate) mod revoke;
pub(crate) mod words;

use cxc_server::{App, Scope, require};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes, below the base path.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(require(Scope::ComplianceRead, routes!(ledger::list)))
        .routes(require(Scope::ComplianceWrite, routes!(ledger::add)))
        .routes(require(Scope::ComplianceWrite, routes!(ledger::bulk)))
        .routes(require(Scope::ComplianceRead, routes!(ledger::late)))
        .routes(require(Scope::ComplianceWrite, routes!(revoke::revoke)))
        .routes(require(Scope::ComplianceRead, routes!(reviews::list)))
        .routes(require(Scope::ComplianceWrite, routes!(reviews::confirm)))
        .routes(require(Scope::ComplianceRequired, routes!(reviews::release)))
        .routes(require(Scope::ComplianceRead, routes!(words::get)))
        .routes(require(Scope::ComplianceRequired, routes!(words::set)))
        .routes(require(Scope::ComplianceRead, routes!(policy::get)))
        .routes(require(Scope::ComplianceRequired, routes!(policy::set)))
}

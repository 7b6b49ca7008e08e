//! The resources of administration: who may do what, settings, tenants, audit, jobs, events.
mod administrators;
pub mod agent_groups;
pub mod api_clients;
mod audit_events;
pub mod caller_ids;
pub mod disposition_codes;
mod enumerations;
mod events;
mod job_access;
mod job_changes;
mod jobs;
mod me;
pub mod not_ready_reasons;
pub mod roles;
pub mod settings;
mod tenants;
#[cfg(test)]
mod tests;
pub mod users;
mod versions;

use utoipa_axum::router::OpenApiRouter;

use crate::{App, access, crud};

pub use events::dispatch as dispatch_events;
pub use jobs::{JobView, Progress};

/// Every route of administration, sign-in included; served by the API aggregator.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(access::routes())
        .merge(me::routes())
        .merge(crud::<users::User>())
        .merge(crud::<roles::Role>())
        .merge(crud::<agent_groups::AgentGroup>())
        .merge(crud::<caller_ids::CallerId>())
        .merge(caller_ids::routes())
        .merge(crud::<disposition_codes::DispositionCode>())
        .merge(crud::<not_ready_reasons::NotReadyReason>())
        .merge(crud::<api_clients::ApiClient>())
        .merge(api_clients::routes())
        .merge(audit_events::routes())
        .merge(tenants::routes())
        .merge(settings::routes())
        .merge(enumerations::routes())
        .merge(versions::routes())
        .merge(jobs::routes())
        .merge(events::routes())
}

/// For serde: a switch that is on unless it is turned off.
pub(crate) fn on() -> bool {
    true
}

//! Each component's service: the only place that knows them all.
use std::collections::BTreeMap;

use cxc_server::service::{Parts, Service};
use cxc_server::{App, HttpMetrics, access, openapi, resources};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::component::Component;
use crate::config::Config;

/// A component with its own metrics, not started.
pub fn build(component: Component, app: &App, _config: &Config) -> anyhow::Result<Service> {
    let app = app.for_component();
    Ok(match component {
        Component::ApiAggregator => api_aggregator(app)?,
        Component::ListBuilder
        | Component::ListManager
        | Component::CampaignManager
        | Component::ComplianceManager
        | Component::DialManager => Service::new(component.name(), app, OpenApiRouter::new()),
    })
}

/// Administration: who may do what, settings, tenants, audit, jobs, events.
fn api_aggregator(app: App) -> anyhow::Result<Service> {
    let http = HttpMetrics::register(&app.metrics, "cxc_api_aggregator")?;
    let (events, sweeper) = (app.clone(), app.clone());
    Ok(Service::new(Component::ApiAggregator.name(), app, resources::routes())
        .measured(http)
        .work(move |stop| resources::dispatch_events(events, stop))
        .work(move |stop| async move {
            access::sweep(sweeper, stop).await;
            Ok(())
        }))
}

/// The description of the whole API, in the order of the components.
pub fn describe(all: &BTreeMap<Component, Parts>) -> OpenApi {
    openapi::assemble(all.values().map(|parts| parts.openapi.clone()))
}

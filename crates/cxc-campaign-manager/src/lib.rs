//! The campaign manager: profiles, templates, campaign groups, pre-loading, accounting.

pub mod accounting;
pub mod actions;
mod content_gate;
mod fate;
pub mod group_lists;
pub mod groups;
pub mod legal_gate;
mod lifecycle;
mod metrics;
pub mod preload;
pub mod profiles;
mod pull;
pub mod records;
mod settle;
mod statistics;
pub mod suppressed;
mod sweep;
mod turn;

use std::sync::Arc;

use cxc_core::compliance::Zones;
use cxc_server::job_runner::run_jobs;
use cxc_server::{App, Scope, Service, crud, require};
use cxc_store::location::Locations;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use preload::LoadHandler;

/// Groups that are loaded at the same time in one process.
const LOADS_AT_ONCE: usize = 2;

/// The component: its routes, its metrics, its background work.
pub fn service(app: App, zones: Zones, locations: Arc<Locations>) -> anyhow::Result<Service> {
    let metrics = metrics::CampaignMetrics::register(&app.metrics)?;
    let handler = Arc::new(LoadHandler { app: app.clone(), zones, locations });
    let (jobs_app, lifecycle_app, lifecycle_metrics) = (app.clone(), app.clone(), metrics.clone());
    let (follower, zones, locations) = (app.clone(), handler.zones.clone(), Arc::clone(&handler.locations));
    let numbers = app.numbers.clone();
    Ok(Service::new("campaign-manager", app, routes())
        .measured(metrics.http)
        .work(move |stop| async move {
            run_jobs(jobs_app, handler, LOADS_AT_ONCE, stop).await;
            Ok(())
        })
        .work(move |stop| async move {
            stop.run_until_cancelled(numbers.watch()).await;
            Ok(())
        })
        .work(move |stop| suppressed::follow(follower, zones, locations, stop))
        .work(move |stop| lifecycle::look_after(lifecycle_app, lifecycle_metrics, stop)))
}

/// The routes, below the base path.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(crud::<profiles::DialingProfile>())
        .merge(crud::<profiles::SessionProfile>())
        .merge(crud::<profiles::CampaignTemplate>())
        .merge(crud::<groups::CampaignGroup>())
        .routes(require(Scope::CampaignsRead, routes!(group_lists::get_lists)))
        .routes(require(Scope::CampaignsWrite, routes!(group_lists::put_lists)))
        .routes(require(Scope::CampaignsRead, routes!(accounting::accounting)))
        .routes(require(Scope::CampaignsRead, routes!(legal_gate::get)))
        .routes(require(Scope::CampaignsRead, routes!(statistics::statistics)))
        .routes(require(Scope::CampaignsRead, routes!(fate::fate)))
        .routes(require(Scope::CampaignsRead, routes!(records::list_records)))
        .routes(require(Scope::CampaignsRead, routes!(records::get_record)))
        .routes(require(Scope::CampaignsControl, routes!(actions::load)))
        .routes(require(Scope::CampaignsControl, routes!(actions::start)))
        .routes(require(Scope::CampaignsControl, routes!(actions::pause)))
        .routes(require(Scope::CampaignsControl, routes!(actions::resume)))
        .routes(require(Scope::CampaignsControl, routes!(actions::stop)))
        .routes(require(Scope::CampaignsControl, routes!(actions::force_stop)))
        .routes(require(Scope::CampaignsControl, routes!(actions::refresh)))
        .routes(require(Scope::CampaignsWrite, routes!(pull::pull_changes)))
        .routes(require(Scope::CampaignsControl, routes!(settle::settle_in_doubt)))
        .routes(require(Scope::CampaignsControl, routes!(settle::retry_failed)))
        .routes(require(Scope::CampaignsControl, routes!(settle::cancel)))
        .routes(require(Scope::CampaignsControl, routes!(settle::reschedule)))
}

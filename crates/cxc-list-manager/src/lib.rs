//! The list manager: contact lists and their contacts, suppression lists and their entries, selection rules, labels.

mod audited;
mod compliance_data;
mod contact_bulk;
pub mod contact_edit;
pub mod contact_lists;
mod contact_search;
mod contact_views;
pub mod contacts;
mod entries;
mod entry_values;
pub mod labels;
mod metrics;
pub mod number_lists;
mod preview;
pub mod selection_rules;
pub mod suppression_lists;

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use cxc_core::location::LiveTables;
use cxc_core::phone::PhoneParser;
use cxc_server::{App, Scope, Service, crud, require};
use cxc_store::location::Locations;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use compliance_data::ComplianceData;

const LOOK: Duration = Duration::from_secs(5);

/// What contacts are read with. Cheap to clone.
#[derive(Clone)]
pub struct Readers {
    /// Reads phone numbers.
    pub phones: Arc<PhoneParser>,
    /// The tables in use, which find places.
    pub tables: LiveTables,
    /// Numbers of locations.
    pub locations: Arc<Locations>,
}

/// The component with embedded compliance data.
pub fn service(app: App, readers: Readers) -> anyhow::Result<Service> {
    let data = ComplianceData::embedded(app.rules.zones.clone())?;
    service_with(app, readers, data)
}

/// The component: its routes, its metrics, its background work.
pub fn service_with(app: App, readers: Readers, data: ComplianceData) -> anyhow::Result<Service> {
    let metrics = metrics::ListMetrics::register(&app.metrics)?;
    let (db, healthy) = (app.db.clone(), metrics.healthy);
    let (sweeper, renewer) = (app.clone(), app.clone());
    let series = compliance_data::Series { downloaded: metrics.downloaded, age: metrics.data_age };
    let renewing = data.clone();
    Ok(Service::new("list-manager", app, routes(readers, data))
        .measured(metrics.http)
        .work(move |stop| async move {
            while !stop.is_cancelled() {
                let is_up = db.ping().await.is_ok();
                healthy.with_label_values::<&str>(&[]).set(f64::from(u8::from(is_up)));
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
            Ok(())
        })
        .work(move |stop| renewing.renew(renewer, series, stop))
        .work(move |stop| entries::sweep(sweeper, stop)))
}

/// The routes, below the base path.
pub fn routes(readers: Readers, data: ComplianceData) -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(crud::<contact_lists::ContactList>())
        .merge(crud::<suppression_lists::SuppressionList>())
        .merge(crud::<number_lists::NumberList>())
        .merge(crud::<selection_rules::SelectionRule>())
        .merge(crud::<labels::LabelSchema>())
        .routes(require(Scope::ListsRead, routes!(preview::preview)))
        .routes(require(Scope::ListsRead, routes!(contacts::list)))
        .routes(require(Scope::ListsWrite, routes!(contacts::create)))
        .routes(require(Scope::ListsRead, routes!(contact_search::search)))
        .routes(require(Scope::ListsWrite, routes!(contact_bulk::bulk)))
        .routes(require(Scope::ListsRead, routes!(contacts::get)))
        .routes(require(Scope::ListsWrite, routes!(contacts::put)))
        .routes(require(Scope::ListsWrite, routes!(contacts::delete)))
        .routes(require(Scope::SuppressionRead, routes!(entries::list)))
        .routes(require(Scope::SuppressionWrite, routes!(entries::add)))
        .routes(require(Scope::SuppressionWrite, routes!(entries::remove)))
        .routes(require(Scope::SuppressionRead, routes!(entries::search)))
        .routes(require(Scope::SuppressionWrite, routes!(entries::bulk)))
        .routes(require(Scope::ComplianceRead, routes!(compliance_data::get)))
        .routes(require(Scope::ComplianceRequired, routes!(compliance_data::refresh)))
        .layer(Extension(data))
        .layer(Extension(readers))
}

//! The compliance manager: editing and versioning rules, the stop switch.

mod consents;
mod custom_rules;
mod external_rules;
pub mod legal_rules;
mod metrics;
mod policy;
pub mod rules;
mod stop_switch;

use std::time::Duration;

use cxc_server::{App, Service, crud, require};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

const LOOK: Duration = Duration::from_secs(5);

/// The component: its routes and metrics.
pub fn service(app: App) -> anyhow::Result<Service> {
    let metrics = metrics::ComplianceMetrics::register(&app.metrics)?;
    let (db, healthy) = (app.db.clone(), metrics.healthy);
    Ok(Service::new("compliance-manager", app, routes()).measured(metrics.http).work(move |stop| async move {
        while !stop.is_cancelled() {
            let is_up = db.ping().await.is_ok();
            healthy.with_label_values::<&str>(&[]).set(f64::from(u8::from(is_up)));
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
        Ok(())
    }))
}

/// The routes, below the base path.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(crud::<rules::ContactTimesRule>())
        .merge(crud::<rules::ContactDatesRule>())
        .merge(crud::<rules::AttemptRule>())
        .merge(crud::<rules::LocationRule>())
        .merge(crud::<rules::CustomRule>())
        .merge(crud::<rules::ExternalRule>())
        .merge(crud::<rules::TimeZone>())
        .routes(require(custom_rules::TEST, routes!(custom_rules::test_expression)))
        .routes(require(custom_rules::TEST, routes!(custom_rules::test_rule)))
        .routes(require(external_rules::TEST, routes!(external_rules::test_rule)))
        .merge(consents::routes())
        .merge(crud::<legal_rules::OwnLegalRule>())
        .routes(require(legal_rules::READ, routes!(legal_rules::list)))
        .routes(require(legal_rules::READ, routes!(legal_rules::get)))
        .routes(require(legal_rules::WRITE, routes!(legal_rules::decide)))
        .routes(require(policy::READ, routes!(policy::get)))
        .routes(require(policy::WRITE, routes!(policy::set)))
        .routes(require(stop_switch::READ, routes!(stop_switch::get)))
        .routes(require(stop_switch::WRITE, routes!(stop_switch::set)))
}

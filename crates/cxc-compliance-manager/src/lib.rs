//! The compliance manager: editing and versioning rules, the stop switch; pre-dial validation, attempt history, evidence.

mod calls_placed;
mod consents;
mod custom_rules;
mod declared_times;
pub mod dry_run;
mod evaluations;
pub mod evidence;
mod explain;
pub mod export;
mod external_rules;
mod group_subject;
mod history;
mod keys;
pub mod legal_rules;
mod metrics;
mod person_flags;
mod policy;
pub mod privacy;
pub mod rules;
mod stop_switch;
pub mod validation;

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use cxc_server::access::services_only;
use cxc_server::job_runner::run_jobs;
use cxc_server::{App, Service, crud, require};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use dry_run::DryRuns;
use privacy::PrivacyJobs;

pub use evaluations::{EvaluationAnswer, EvaluationDocument, EvaluationKit, Evaluator};
pub use validation::{Kit, Validator};

const LOOK: Duration = Duration::from_secs(5);
/// Dry runs of a process at the same time; the others wait.
const DRY_RUNS_AT_ONCE: usize = 2;
/// Requests about a person's data at the same time: each is one transaction.
const PRIVACY_AT_ONCE: usize = 1;

/// The component: its routes and metrics, with the application's zones and the tables embedded in the program.
pub fn service(app: App) -> anyhow::Result<Service> {
    let kit = Kit { zones: app.rules.zones.clone(), ..Kit::embedded()? };
    service_with(app, kit)
}

/// The component, with data that other components of the process share.
pub fn service_with(app: App, kit: Kit) -> anyhow::Result<Service> {
    let metrics = metrics::ComplianceMetrics::register(&app.metrics)?;
    let (db, healthy) = (app.db.clone(), metrics.healthy.clone());
    let evaluator = Evaluator::new(EvaluationKit::new(kit.zones.clone(), Arc::clone(&kit.phones), kit.tables.clone())?);
    let zones = kit.zones.clone();
    let internal = internal_routes(&app, &metrics, Validator::new(&app, kit)?);
    let (jobs_app, dry_runs) = (app.clone(), Arc::new(DryRuns::new(app.clone(), evaluator.clone())));
    let (privacy_app, privacy) = (app.clone(), Arc::new(PrivacyJobs::new(app.clone())));
    let (sweeper, starting) = (app.clone(), app.clone());
    let (calls, counted) = (app.clone(), metrics.clone());
    let numbers = app.numbers.clone();
    Ok(Service::new("compliance-manager", app, routes().layer(Extension(evaluator)))
        .measured(metrics.http)
        .internal(internal)
        .work(move |stop| history::sweep(sweeper, zones, stop))
        .work(move |stop| async move {
            calls_placed::count(calls, counted, stop).await;
            Ok(())
        })
        .work(move |_| async move {
            if let Err(error) = legal_rules::problems::tell(&starting).await {
                tracing::error!("the stored rules could not be looked through: {error:#}");
            }
            Ok(())
        })
        .work(move |stop| async move {
            run_jobs(jobs_app, dry_runs, DRY_RUNS_AT_ONCE, stop).await;
            Ok(())
        })
        .work(move |stop| async move {
            run_jobs(privacy_app, privacy, PRIVACY_AT_ONCE, stop).await;
            Ok(())
        })
        .work(move |stop| async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = numbers.watch() => {}
            }
            Ok(())
        })
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
        .merge(person_flags::routes())
        .merge(declared_times::routes())
        .merge(crud::<legal_rules::OwnLegalRule>())
        .routes(require(legal_rules::READ, routes!(legal_rules::list::list)))
        .routes(require(legal_rules::READ, routes!(legal_rules::list::get)))
        .routes(require(legal_rules::READ, routes!(legal_rules::problems::problems)))
        .routes(require(legal_rules::WRITE, routes!(legal_rules::decide, legal_rules::withdraw::withdraw)))
        .routes(require(policy::READ, routes!(policy::get)))
        .routes(require(policy::WRITE, routes!(policy::set)))
        .merge(evaluations::routes())
        .merge(explain::routes())
        .merge(dry_run::routes())
        .merge(export::routes())
        .merge(privacy::routes())
        .routes(require(stop_switch::READ, routes!(stop_switch::get)))
        .routes(require(stop_switch::WRITE, routes!(stop_switch::set)))
        .merge(history::routes())
        .merge(evidence::routes())
}

/// The routes of the internal backend, below its base path: for programs with a bearer token.
fn internal_routes(app: &App, metrics: &metrics::ComplianceMetrics, validator: Validator) -> OpenApiRouter<App> {
    // one layer of shared parts: a router clones each of its layers for each request
    let (validator, metrics) = (Extension(Arc::new(validator)), Extension(Arc::new(metrics.clone())));
    let routes = OpenApiRouter::new().merge(validation::routes()).merge(history::internal_routes()).layer((
        validator,
        metrics,
        Extension(Arc::new(history::Intake::new())),
    ));
    services_only(app, routes)
}

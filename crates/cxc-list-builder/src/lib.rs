//! The list builder: reads files of contacts and suppression entries, imports and exports them.

mod actions;
mod asked;
pub mod consents;
pub mod documents;
pub mod export;
pub mod file;
mod housekeeping;
pub mod import;
mod imports;
pub mod intelligence;
pub mod jobs;
pub mod mapping;
pub mod metrics;
pub mod numbers;
mod queue;
pub mod relocate;
pub mod upload_store;
mod uploads;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use cxc_server::job_runner::run_jobs;
use cxc_server::{App, Scope, Service, crud, require};
use cxc_store::location::Locations;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use import::{Checkers, ImportContext};
use jobs::ListJobs;
use metrics::BuilderMetrics;
use upload_store::UploadStore;

/// Imports and exports that run at the same time in one process. More would only share the same disk.
const JOBS_AT_ONCE: usize = 4;
const LOOK: Duration = Duration::from_secs(5);

/// Where the list builder keeps files.
#[derive(Debug, Clone)]
pub struct Folders {
    /// Uploads.
    pub uploads: PathBuf,
    /// Rejects files.
    pub rejects: PathBuf,
    /// Exports.
    pub exports: PathBuf,
}

impl Folders {
    /// The folders below a data folder.
    pub fn below(data: &Path) -> Self {
        Self { uploads: data.join("uploads"), rejects: data.join("rejects"), exports: data.join("exports") }
    }
}

/// The component: its routes, its metrics, its background work.
pub fn service(app: App, checkers: Checkers, locations: Arc<Locations>, folders: Folders) -> anyhow::Result<Service> {
    let metrics = BuilderMetrics::register(&app.metrics)?;
    let context = ImportContext { app: app.clone(), checkers, locations, rejects: folders.rejects.clone() };
    let jobs = ListJobs {
        exports: folders.exports.clone(),
        metrics: Some(metrics.clone()),
        ..ListJobs::new(context, folders.uploads.clone())
    };
    let (again_app, left_app, used_app) = (app.clone(), app.clone(), app.clone());
    let used = UploadStore::new(folders.uploads.clone());
    let (jobs_app, garbage_app, files_app, db) = (app.clone(), app.clone(), app.clone(), app.db.clone());
    let (healthy, sweeping, count_app) = (metrics.healthy.clone(), folders.clone(), app.clone());
    Ok(Service::new("list-builder", app, routes(folders))
        .measured(metrics.http)
        .work(move |stop| async move {
            run_jobs(jobs_app, Arc::new(jobs), JOBS_AT_ONCE, stop).await;
            Ok(())
        })
        .work(move |stop| housekeeping::collect_garbage(garbage_app, stop))
        .work(move |stop| intelligence::again::schedule(again_app, stop))
        .work(move |stop| housekeeping::sweep_files(files_app, sweeping, stop))
        .work(move |stop| housekeeping::sweep_used(used_app, used, stop))
        .work(move |stop| housekeeping::forget_left(left_app, stop))
        .work(move |stop| housekeeping::count_places(count_app, stop))
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
pub fn routes(folders: Folders) -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(crud::<documents::DataMapping>())
        .merge(crud::<documents::Specification>())
        .routes(require(Scope::ListsWrite, routes!(uploads::create)))
        .routes(require(Scope::ListsWrite, routes!(uploads::get)))
        .routes(require(Scope::ListsWrite, routes!(uploads::put)))
        .routes(require(Scope::ListsWrite, routes!(uploads::delete)))
        .routes(require(Scope::ListsWrite, routes!(actions::import_list)))
        .routes(require(Scope::ListsExport, routes!(actions::export_list)))
        .routes(require(Scope::ListsWrite, routes!(actions::undo_list)))
        .routes(require(Scope::ListsWrite, routes!(actions::relocate_list)))
        .routes(require(Scope::ListsRead, routes!(imports::imports)))
        .routes(require(Scope::ListsRead, routes!(imports::rejects)))
        .routes(require(Scope::ListsRead, routes!(imports::warnings)))
        .routes(require(Scope::SuppressionWrite, routes!(actions::import_suppression)))
        .routes(require(Scope::SuppressionExport, routes!(actions::export_suppression)))
        .routes(require(Scope::SuppressionWrite, routes!(actions::undo_suppression)))
        .routes(require(Scope::ComplianceWrite, routes!(consents::api::import)))
        .routes(require(Scope::SuppressionExport, routes!(consents::api::export)))
        .routes(require(Scope::ComplianceRead, routes!(consents::api::imports)))
        .routes(require(Scope::ComplianceWrite, routes!(consents::api::rejects)))
        .routes(require(Scope::ComplianceWrite, routes!(consents::api::undo)))
        .merge(crud::<intelligence::NumberSource>())
        .routes(require(Scope::ComplianceRequired, routes!(intelligence::api::load)))
        .routes(require(Scope::ComplianceRequired, routes!(intelligence::api::query)))
        .routes(require(Scope::ComplianceRead, routes!(intelligence::api::search)))
        .routes(require(Scope::ComplianceRequired, routes!(numbers::api::load)))
        .routes(require(Scope::ComplianceRequired, routes!(numbers::api::activate)))
        .routes(require(Scope::ComplianceRead, routes!(numbers::api::versions)))
        .routes(require(Scope::ComplianceRequired, routes!(numbers::api::rejects)))
        .routes(cxc_server::signed_in(routes!(imports::export_file)))
        .layer(Extension(UploadStore::new(folders.uploads.clone())))
        .layer(Extension(folders))
}

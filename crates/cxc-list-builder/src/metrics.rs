//! The list builder's metrics, with the names, types and labels of the specification.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cxc_server::App;
use cxc_server::metrics::{HttpMetrics, Metrics, OutMetrics};
use cxc_store::StoreError;
use cxc_store::import::ImportCounts;
use prometheus::{Error, GaugeVec, HistogramVec, IntCounterVec};

const TENANT: &[&str] = &["ccid", "tenant_name"];
const SECONDS: &[f64] = &[0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0];

/// The list builder's series. Cheap to clone.
#[derive(Clone)]
pub struct BuilderMetrics {
    /// 1 while the component works.
    pub healthy: GaugeVec,
    /// Requests answered.
    pub http: HttpMetrics,
    running: IntCounterVec,
    contacts: IntCounterVec,
    devices: IntCounterVec,
    rejected: IntCounterVec,
    jobs: IntCounterVec,
    durations: HistogramVec,
    again: IntCounterVec,
    tenants: Arc<Mutex<HashMap<i64, [String; 2]>>>,
}

impl BuilderMetrics {
    /// Registers every series of the list builder.
    pub fn register(metrics: &Metrics) -> Result<Self, Error> {
        OutMetrics::register(metrics, "cxc_lb", ["method", "destination", "code"])?;
        let typed = &["type", "ccid", "tenant_name"];
        let counter = |name: &str, help: &str, labels: &[&str]| metrics.counter(name, help, labels);
        Ok(Self {
            healthy: metrics.gauge("cxc_lb_healthy_instance", "Healthy instance.", &[])?,
            http: HttpMetrics::register(metrics, "cxc_lb")?,
            running: counter("cxc_lb_jobs_running_total", "Number of currently active jobs.", typed)?,
            contacts: counter("cxc_lb_contacts_imported_total", "Total contacts imported.", TENANT)?,
            devices: counter("cxc_lb_devices_imported_total", "Total device imported.", TENANT)?,
            rejected: counter(
                "cxc_lb_rejected_contact_lines_total",
                "Total of rejected lines in input contact list files.",
                TENANT,
            )?,
            jobs: counter("cxc_lb_job_count", "Total jobs.", &["type", "result", "ccid", "tenant_name"])?,
            durations: metrics.histogram(
                "cxc_lb_job_duration_seconds",
                "Jobs duration histogram in seconds",
                typed,
                SECONDS,
            )?,
            again: counter(
                "cxc_lb_number_answers_asked_again_total",
                "Old answers on numbers that a source was asked for again, by whether it answered.",
                &["result", "ccid", "tenant_name"],
            )?,
            tenants: Arc::default(),
        })
    }

    /// Learns the labels of a tenant, before its job is counted.
    pub async fn learn(&self, app: &App, tenant: i64) -> Result<(), StoreError> {
        if self.labels(tenant).is_none()
            && let Some(found) = app.db.read().await?.tenant_get(tenant).await?
        {
            let labels = [found.ccid, found.short_name];
            self.tenants.lock().unwrap_or_else(PoisonError::into_inner).insert(tenant, labels);
        }
        Ok(())
    }

    fn labels(&self, tenant: i64) -> Option<[String; 2]> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner).get(&tenant).cloned()
    }

    /// Counts a job that starts. The specification has a counter here: it counts starts.
    pub fn job_started(&self, kind: &str, tenant: i64) {
        if let Some([ccid, name]) = self.labels(tenant) {
            self.running.with_label_values(&[kind, &ccid, &name]).inc();
        }
    }

    /// Counts a job that has ended.
    pub fn job_ended(&self, kind: &str, tenant: i64, result: &str, elapsed: Duration) {
        if let Some([ccid, name]) = self.labels(tenant) {
            self.jobs.with_label_values(&[kind, result, &ccid, &name]).inc();
            self.durations.with_label_values(&[kind, &ccid, &name]).observe(elapsed.as_secs_f64());
        }
    }

    /// Counts old answers that a source was asked for again.
    pub fn asked_again(&self, tenant: i64, asked: usize, answered: usize) {
        let Some([ccid, name]) = self.labels(tenant) else { return };
        let count = |result: &str, n: usize| self.again.with_label_values(&[result, &ccid, &name]).inc_by(n as u64);
        count("answered", answered);
        count("unanswered", asked.saturating_sub(answered));
    }

    /// Counts what an import took and what it did not.
    pub fn imported(&self, tenant: i64, counts: &ImportCounts) {
        let Some([ccid, name]) = self.labels(tenant) else { return };
        let labels = [ccid.as_str(), name.as_str()];
        let count = |n: i64| u64::try_from(n).unwrap_or(0);
        self.contacts.with_label_values(&labels).inc_by(count(counts.taken()));
        self.devices.with_label_values(&labels).inc_by(count(counts.devices));
        self.rejected.with_label_values(&labels).inc_by(count(counts.rejected + counts.duplicate));
    }
}

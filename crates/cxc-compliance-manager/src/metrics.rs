//! The compliance manager's metrics, with the names, types and labels of the specification.
use std::sync::Arc;

use cxc_server::metrics::{HttpMetrics, Metrics, OutMetrics};
use prometheus::{Error, GaugeVec, IntCounterVec};

const TYPED: &[&str] = &["type", "ccid", "tenant_name"];
const BY_TENANT: &[&str] = &["type", "tenant_name"];

/// The compliance manager's series that are fed here.
#[derive(Clone)]
pub struct ComplianceMetrics {
    /// 1 while the component works.
    pub healthy: GaugeVec,
    /// Requests answered.
    pub http: HttpMetrics,
    history: IntCounterVec,
    complete: IntCounterVec,
    success: IntCounterVec,
    failed: IntCounterVec,
    success_by_tenant: IntCounterVec,
    failed_by_tenant: IntCounterVec,
    placed: IntCounterVec,
    limited: IntCounterVec,
    running: GaugeVec,
}

impl ComplianceMetrics {
    /// Registers every series of the compliance manager. Those of Redis and Elasticsearch have no source and are
    /// served with their types.
    pub fn register(metrics: &Metrics) -> Result<Self, Error> {
        let counter = |name: &str, help: &str, labels: &[&str]| metrics.counter(name, help, labels);
        for (name, help) in [
            ("compliance_redis_connections_made", "Total number of Redis connections made."),
            (
                "compliance_redis_connections_closed",
                "Total number of Redis connections closed. Current can be calculated with the help of compliance_redis_connections_made.",
            ),
            ("compliance_redis_access_errors", "Total number of reported REDIS errors."),
        ] {
            counter(name, help, &[])?;
        }
        metrics.histogram_ms(
            "cxc_dm_elasticsearch_service_latencies_ms",
            "Elasticsearch Request latencies histogram by verb, destination, and code, in milliseconds.",
            &[],
        )?;
        OutMetrics::register(metrics, "cxc_compliance", ["method", "path", "code"])?;
        Ok(Self {
            healthy: metrics.gauge("cxc_compliance_healthy_instance", "Healthy instance.", &[])?,
            http: HttpMetrics::register(metrics, "cxc_compliance")?,
            history: counter("compliance_api_history_requests_total", "Total number of history API calls.", TYPED)?,
            complete: counter(
                "compliance_validation_complete_total",
                "Total number of completed validation calls.",
                TYPED,
            )?,
            success: counter(
                "compliance_validation_success_total",
                "Number of validated requests with Success status.",
                TYPED,
            )?,
            failed: counter(
                "compliance_validation_failed_total",
                "Number of validation requests with Failed status.",
                TYPED,
            )?,
            success_by_tenant: counter(
                "compliance_validation_success_by_tenant",
                "Number of validation requests by Tenant with Success result.",
                BY_TENANT,
            )?,
            failed_by_tenant: counter(
                "compliance_validation_failed_by_tenant",
                "Number of validation requests by Tenant with Fail result.",
                BY_TENANT,
            )?,
            placed: counter(
                "compliance_ocs_calls_placed",
                "Total number of calls placed by OCS broken by GSW_CALL_RESULT.",
                &["GSW_CALL_RESULT"],
            )?,
            limited: counter(
                "cxc_compliance_validation_rate_limit_reached",
                "Total number of validation requests rejected due to rate limit exceeded, broken by customer (tenant) and a limit reason {device, customerId, overall}.",
                &["ccid", "reason"],
            )?,
            running: metrics.gauge(
                "compliance_validation_under_processing_total",
                "Total number validation requests are under processing.",
                TYPED,
            )?,
        })
    }

    /// Notes a validation that begins; tell it how it ended.
    pub(crate) fn validation(self: &Arc<Self>, kind: &'static str, labels: &Arc<(String, String)>) -> Running {
        let running = Running { metrics: Arc::clone(self), kind, labels: Arc::clone(labels) };
        self.running.with_label_values(&running.labels()).inc();
        running
    }

    /// Notes a report.
    pub(crate) fn history(&self, kind: &str, (ccid, name): &(String, String)) {
        self.history.with_label_values(&[kind, ccid, name]).inc();
    }

    /// Notes a validation that was refused by a limit.
    pub(crate) fn limited(&self, (ccid, _): &(String, String), reason: &str) {
        self.limited.with_label_values(&[ccid.as_str(), reason]).inc();
    }

    /// Notes the final results of calls.
    pub(crate) fn placed(&self, results: impl Iterator<Item = i16>) {
        results.for_each(|result| self.placed_by_result(result, 1));
    }

    /// Notes so many calls with a final result.
    pub(crate) fn placed_by_result(&self, result: i16, count: u64) {
        self.placed.with_label_values(&[result.to_string().as_str()]).inc_by(count);
    }
}

/// A validation under way.
pub(crate) struct Running {
    metrics: Arc<ComplianceMetrics>,
    kind: &'static str,
    /// The tenant's ccid and name.
    labels: Arc<(String, String)>,
}

impl Running {
    fn labels(&self) -> [&str; 3] {
        [self.kind, &self.labels.0, &self.labels.1]
    }

    /// It was answered.
    pub fn ended(self, is_allowed: bool) {
        let (labels, tenant) = (self.labels(), [self.kind, self.labels.1.as_str()]);
        let metrics = &self.metrics;
        metrics.complete.with_label_values(&labels).inc();
        let (all, by_tenant) = if is_allowed {
            (&metrics.success, &metrics.success_by_tenant)
        } else {
            (&metrics.failed, &metrics.failed_by_tenant)
        };
        all.with_label_values(&labels).inc();
        by_tenant.with_label_values(&tenant).inc();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.metrics.running.with_label_values(&self.labels()).dec();
    }
}

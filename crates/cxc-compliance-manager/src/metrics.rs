//! The compliance manager's metrics, with the names, types and labels of the specification.
use cxc_server::metrics::{HttpMetrics, Metrics, OutMetrics};
use prometheus::{Error, GaugeVec};

const TYPED: &[&str] = &["type", "ccid", "tenant_name"];
const BY_TENANT: &[&str] = &["type", "tenant_name"];

/// The compliance manager's series that are fed here.
#[derive(Clone)]
pub struct ComplianceMetrics {
    /// 1 while the component works.
    pub healthy: GaugeVec,
    /// Requests answered.
    pub http: HttpMetrics,
}

impl ComplianceMetrics {
    /// Registers every series of the compliance manager. Those of the validation service and of Redis have
    /// no source yet and are served with their types.
    pub fn register(metrics: &Metrics) -> Result<Self, Error> {
        let counters = [
            ("compliance_api_history_requests_total", "Total number of history API calls.", TYPED),
            ("compliance_validation_complete_total", "Total number of completed validation calls.", TYPED),
            ("compliance_validation_success_total", "Number of validated requests with Success status.", TYPED),
            ("compliance_validation_failed_total", "Number of validation requests with Failed status.", TYPED),
            (
                "compliance_validation_success_by_tenant",
                "Number of validation requests by Tenant with Success result.",
                BY_TENANT,
            ),
            (
                "compliance_validation_failed_by_tenant",
                "Number of validation requests by Tenant with Fail result.",
                BY_TENANT,
            ),
            ("compliance_redis_connections_made", "Total number of Redis connections made.", &[]),
            (
                "compliance_redis_connections_closed",
                "Total number of Redis connections closed. Current can be calculated with the help of compliance_redis_connections_made.",
                &[],
            ),
            ("compliance_redis_access_errors", "Total number of reported REDIS errors.", &[]),
            (
                "compliance_ocs_calls_placed",
                "Total number of calls placed by OCS broken by GSW_CALL_RESULT.",
                &["GSW_CALL_RESULT"],
            ),
            (
                "cxc_compliance_validation_rate_limit_reached",
                "Total number of validation requests rejected due to rate limit exceeded, broken by customer (tenant) and a limit reason {device, customerId, overall}.",
                &["ccid", "reason"],
            ),
        ];
        for (name, help, labels) in counters {
            metrics.counter(name, help, labels)?;
        }
        metrics.gauge(
            "compliance_validation_under_processing_total",
            "Total number validation requests are under processing.",
            TYPED,
        )?;
        metrics.histogram_ms(
            "cxc_dm_elasticsearch_service_latencies_ms",
            "Elasticsearch Request latencies histogram by verb, destination, and code, in milliseconds.",
            &[],
        )?;
        OutMetrics::register(metrics, "cxc_compliance", ["method", "path", "code"])?;
        Ok(Self {
            healthy: metrics.gauge("cxc_compliance_healthy_instance", "Healthy instance.", &[])?,
            http: HttpMetrics::register(metrics, "cxc_compliance")?,
        })
    }
}

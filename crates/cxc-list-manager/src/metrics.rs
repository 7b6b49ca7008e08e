//! The list manager's metrics, with the names, types and labels of the specification.
use cxc_server::metrics::{HttpMetrics, Metrics};
use cxc_server::{App, Principal};
use prometheus::{Error, GaugeVec};

const TENANT: &[&str] = &["ccid", "tenant_name"];
const CREATED: (&str, &str) = ("cxc_list_manager_contacts_lists_created_count", "Count of created Contacts Lists.");

/// Counts a contact list that was made.
pub fn list_created(app: &App, principal: &Principal) {
    // registered at start: a failure here would only lose a count
    if let Ok(counter) = app.metrics.counter(CREATED.0, CREATED.1, TENANT) {
        counter.with_label_values(&[&principal.ccid, &principal.tenant_name]).inc();
    }
}

/// The list manager's series.
pub struct ListMetrics {
    /// 1 while the component works.
    pub healthy: GaugeVec,
    /// Requests answered.
    pub http: HttpMetrics,
}

impl ListMetrics {
    /// Registers every series of the list manager. It runs no jobs of its own: those of the list builder are
    /// counted there.
    pub fn register(metrics: &Metrics) -> Result<Self, Error> {
        for (name, help, labels) in [
            CREATED_ALL,
            ("cxc_list_manager_executed_jobs_count", "Total executed jobs count.", &[][..]),
            ("cxc_list_manager_rejected_jobs_count", "Rejected jobs count.", &[]),
            ("cxc_list_manager_downloaded_compliance_files_count", "Count of downloaded compliance files.", &[]),
            ("cxc_list_manager_import_contacts_requests_processed_count", "Count of created Contacts Lists.", TENANT),
            ("cxc_list_manager_import_contacts_requests_failed_count", "Count of created Contacts Lists.", TENANT),
        ] {
            metrics.counter(name, help, labels)?;
        }
        metrics.gauge("cxc_list_manager_running_jobs_count", "Running jobs count.", &[])?;
        metrics.histogram_ms("cxc_list_manager_jobs_duration", "Job duration, in milliseconds.", &[])?;
        let labels = &["method", "path", "status"];
        let responses =
            metrics.summary("cxc_list_manager_responses_summary", "Response time, in milliseconds.", labels)?;
        Ok(Self {
            healthy: metrics.gauge("cxc_list_manager_healthy_instance", "Healthy instance.", &[])?,
            http: HttpMetrics { responses: Some(responses), ..HttpMetrics::default() },
        })
    }
}

const CREATED_ALL: (&str, &str, &[&str]) = (CREATED.0, CREATED.1, TENANT);

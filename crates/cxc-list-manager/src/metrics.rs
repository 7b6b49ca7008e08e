//! The list manager's metrics, with the names, types and labels of the specification.
use cxc_server::metrics::{HttpMetrics, Metrics};
use cxc_server::{App, Principal};
use prometheus::{Error, GaugeVec, IntCounterVec};

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
    /// Files of compliance data that were downloaded.
    pub downloaded: IntCounterVec,
    /// The age of the compliance data in use.
    pub data_age: GaugeVec,
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
            ("cxc_list_manager_import_contacts_requests_processed_count", "Count of created Contacts Lists.", TENANT),
            ("cxc_list_manager_import_contacts_requests_failed_count", "Count of created Contacts Lists.", TENANT),
        ] {
            metrics.counter(name, help, labels)?;
        }
        metrics.gauge("cxc_list_manager_running_jobs_count", "Running jobs count.", &[])?;
        metrics.histogram_ms("cxc_list_manager_jobs_duration", "Job duration, in milliseconds.", &[])?;
        let downloaded = metrics.counter(
            "cxc_list_manager_downloaded_compliance_files_count",
            "Count of downloaded compliance files.",
            &[],
        )?;
        // not of the specification: alarms need to know how old the data is
        let data_age = metrics.gauge(
            "cxc_list_manager_compliance_data_age_seconds",
            "Seconds since the compliance data in use was activated; absent for embedded data.",
            &[],
        )?;
        let labels = &["method", "path", "status"];
        let responses =
            metrics.summary("cxc_list_manager_responses_summary", "Response time, in milliseconds.", labels)?;
        Ok(Self {
            downloaded,
            data_age,
            healthy: metrics.gauge("cxc_list_manager_healthy_instance", "Healthy instance.", &[])?,
            http: HttpMetrics { responses: Some(responses), ..HttpMetrics::default() },
        })
    }
}

const CREATED_ALL: (&str, &str, &[&str]) = (CREATED.0, CREATED.1, TENANT);

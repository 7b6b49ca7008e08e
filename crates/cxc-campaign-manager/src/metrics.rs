//! The campaign manager's metrics, with the names, types and labels of the specification.
use std::collections::BTreeMap;

use cxc_core::group_state::GroupState;
use cxc_server::metrics::{HttpMetrics, Metrics, OutMetrics};
use cxc_server::{App, Principal};
use cxc_store::StoreError;
use cxc_store::group::GroupRow;
use prometheus::{Error, GaugeVec};

const TENANT: &[&str] = &["ccid", "tenant_name"];

const CREATED: (&str, &str) = ("cxc_cm_campaign_group_created_total", "Total campaign groups created.");
const REMOVED: (&str, &str) = ("cxc_cm_campaign_group_removed_total", "Total campaign groups removed.");

/// Counts a group that was made.
pub fn group_created(app: &App, principal: &Principal) {
    count(app, CREATED, principal);
}

/// Counts a group that was deleted.
pub fn group_removed(app: &App, principal: &Principal) {
    count(app, REMOVED, principal);
}

fn count(app: &App, (name, help): (&str, &str), principal: &Principal) {
    // registered at start: a failure here would only lose a count
    if let Ok(counter) = app.metrics.counter(name, help, TENANT) {
        counter.with_label_values(&[&principal.ccid, &principal.tenant_name]).inc();
    }
}

/// The campaign manager's series.
#[derive(Clone)]
pub struct CampaignMetrics {
    /// Groups that run.
    pub running: GaugeVec,
    /// Groups that are loaded and do not run.
    pub active: GaugeVec,
    /// 1 while the component works.
    pub healthy: GaugeVec,
    /// Requests answered.
    pub http: HttpMetrics,
}

impl CampaignMetrics {
    /// Registers every series of the campaign manager.
    pub fn register(metrics: &Metrics) -> Result<Self, Error> {
        metrics.counter(CREATED.0, CREATED.1, TENANT)?;
        metrics.counter(REMOVED.0, REMOVED.1, TENANT)?;
        OutMetrics::register(metrics, "cxc_cm", ["method", "destination", "code"])?;
        metrics.histogram_ms(
            "cxc_cm_elasticsearch_service_latencies_ms",
            "Elasticsearch Request latencies histogram by verb destination and code, in milliseconds.",
            &["method", "destination", "code"],
        )?;
        metrics.gauge("cxc_cm_schedule_item_running_total", "Campaign group with schedule running total.", &[])?;
        metrics.gauge("cxc_cm_schedule_item_active_total", "Campaign group with schedule active total.", &[])?;
        Ok(Self {
            running: metrics.gauge(
                "cxc_cm_campaign_group_running_total",
                "Total campaign groups are running.",
                TENANT,
            )?,
            active: metrics.gauge("cxc_cm_campaign_group_active_total", "Campaign group active total.", TENANT)?,
            healthy: metrics.gauge("cxc_cm_healthy_instance", "Healthy instance.", &[])?,
            http: HttpMetrics::register(metrics, "cxc_cm")?,
        })
    }

    /// Sets the gauges of groups at work.
    pub async fn states(&self, app: &App, groups: &[GroupRow]) -> Result<(), StoreError> {
        let mut by_tenant: BTreeMap<i64, (f64, f64)> = BTreeMap::new();
        for group in groups {
            let counts = by_tenant.entry(group.tenant).or_default();
            match GroupState::parse(&group.state) {
                Some(GroupState::Running) => counts.0 += 1.0,
                Some(GroupState::Active) => counts.1 += 1.0,
                _ => {}
            }
        }
        self.running.reset();
        self.active.reset();
        for (tenant, (running, active)) in by_tenant {
            let Some(tenant) = app.db.read().await?.tenant_get(tenant).await? else { continue };
            let labels = [tenant.ccid.as_str(), tenant.short_name.as_str()];
            self.running.with_label_values(&labels).set(running);
            self.active.with_label_values(&labels).set(active);
        }
        Ok(())
    }
}

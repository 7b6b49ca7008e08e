//! The dial manager's metrics, with the names, types and labels of the specification.
use cxc_core::channel::Channel;
use cxc_server::metrics::Metrics;
use prometheus::{Error, GaugeVec, HistogramVec, IntCounterVec};

use crate::channel::Outcome;

const MEDIA: &[&str] = &["media", "ccid", "tenant_name"];
const BATCH_BUCKETS: &[f64] = &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0];
const DURATION_BUCKETS: &[f64] = &[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// The dial manager's series.
pub struct DialMetrics {
    /// Batches written.
    pub batches: IntCounterVec,
    /// Messages with an answer of the carrier.
    pub messages: IntCounterVec,
    /// Opt-outs by message or link.
    pub opt_outs: IntCounterVec,
    /// Messages that the carrier refused for good or whose fate is not known.
    pub failed: IntCounterVec,
    /// Messages in a batch.
    pub batch_size: HistogramVec,
    /// From the durable attempt to the carrier's answer, in seconds.
    pub duration: HistogramVec,
    /// Messages prepared and waiting for their turn.
    pub buffer: GaugeVec,
    /// Test messages sent.
    pub tests: IntCounterVec,
    /// Test messages that failed.
    pub failed_tests: IntCounterVec,
    /// Whether the tenant's carriers are connected: 1 all, 0 not.
    pub nexus_status: GaugeVec,
    /// Answers of carriers by code.
    pub carrier_requests: IntCounterVec,
    /// Latencies of carriers, in milliseconds.
    pub carrier_latencies: HistogramVec,
    /// 1 while the component works.
    pub healthy: GaugeVec,
}

/// Whose messages a series counts.
#[derive(Debug, Clone, Default)]
pub struct TenantLabels {
    /// The tenant's contact-centre id.
    pub ccid: String,
    /// Its short name.
    pub name: String,
}

impl DialMetrics {
    /// Registers every series of the dial manager.
    pub fn register(metrics: &Metrics) -> Result<Self, Error> {
        let outgoing = ["method", "destination", "code"];
        metrics.counter("cxc_dm_request_out_count", "Total out requests by verb, destination, and code.", &outgoing)?;
        metrics.histogram_ms(
            "cxc_dm_request_out_latencies_ms",
            "Out Request latencies histogram by verb, destination, and code, in milliseconds.",
            &[],
        )?;
        metrics.histogram_ms(
            "cxc_dm_elasticsearch_service_latencies_ms",
            "Elasticsearch Request latencies histogram by verb, destination, and code, in milliseconds.",
            &outgoing,
        )?;
        Ok(Self {
            batches: metrics.counter("cxc_dm_processed_batches_total", "Total processed batches.", MEDIA)?,
            messages: metrics.counter("cxc_dm_processed_messages_total", "Total processed messages.", MEDIA)?,
            opt_outs: metrics.counter("cxc_dm_opt_out_messages_total", "Total opt out messages.", MEDIA)?,
            failed: metrics.counter("cxc_dm_failed_processed_messages_total", "Total failed messages.", MEDIA)?,
            batch_size: metrics.histogram("cxc_dm_batch_size", "Batch size histogram.", MEDIA, BATCH_BUCKETS)?,
            duration: metrics.histogram(
                "cxc_dm_process_message_duration_seconds",
                "Processing message duration histogram.",
                MEDIA,
                DURATION_BUCKETS,
            )?,
            buffer: metrics.gauge("cxc_dm_delivery_buffer_size", "Delivery buffer size.", &["media"])?,
            tests: metrics.counter("cxc_dm_test_messages_total", "Total test messages.", MEDIA)?,
            failed_tests: metrics.counter("cxc_dm_failed_test_messages_total", "Total failed test messages.", MEDIA)?,
            nexus_status: metrics.gauge(
                "cxc_dm_nexus_service_status",
                "The current status of the connection to the Nexus service.",
                &["ccid", "tenant_name"],
            )?,
            carrier_requests: metrics.counter(
                "cxc_dm_request_count",
                "Total requests made to Nexus via websocket.",
                &["media", "ccid", "tenant_name", "code"],
            )?,
            carrier_latencies: metrics.histogram_ms(
                "cxc_dm_request_latencies_ms",
                "Request latencies histogram by tenant, in milliseconds.",
                &[],
            )?,
            healthy: metrics.gauge("cxc_dm_healthy_instance", "Healthy instance.", &[])?,
        })
    }

    /// Notes a carrier's answer after `seconds`.
    pub fn answered(&self, channel: Channel, tenant: &TenantLabels, outcome: &Outcome, seconds: f64) {
        let labels = [channel.as_str(), &tenant.ccid, &tenant.name];
        let code = match outcome {
            Outcome::Delivered { .. } | Outcome::Accepted { .. } => "accepted",
            Outcome::Called { .. } => "called",
            Outcome::Rejected { .. } => "rejected",
            Outcome::Retry { throttled: true, .. } => "throttled",
            Outcome::Retry { .. } => "not_sent",
            Outcome::InDoubt { .. } => "in_doubt",
        };
        self.messages.with_label_values(&labels).inc();
        if matches!(outcome, Outcome::Rejected { .. } | Outcome::InDoubt { .. }) {
            self.failed.with_label_values(&labels).inc();
        }
        self.duration.with_label_values(&labels).observe(seconds);
        self.carrier_requests.with_label_values(&[labels[0], labels[1], labels[2], code]).inc();
        self.carrier_latencies.with_label_values::<&str>(&[]).observe(seconds * 1000.0);
    }

    /// Notes a batch of `count` messages that were let go.
    pub fn wrote(&self, channel: Channel, tenant: &TenantLabels, count: usize) {
        if count > 0 {
            let labels = [channel.as_str(), &tenant.ccid, &tenant.name];
            self.batches.with_label_values(&labels).inc();
            self.batch_size.with_label_values(&labels).observe(count as f64);
        }
    }
}

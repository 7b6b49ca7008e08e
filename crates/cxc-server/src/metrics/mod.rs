//! The metrics kit: one registry per component, exact names, every family always printed.
mod api;
mod http;
mod summary;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use prometheus::core::Collector;
use prometheus::{GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TEXT_FORMAT, TextEncoder};

pub use api::ApiMetrics;
pub(crate) use http::measure;
pub use http::{HttpMetrics, OutMetrics};
pub use summary::SummaryVec;

/// The upper bounds of latency histograms, in milliseconds.
pub const MS_BUCKETS: &[f64] =
    &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0, 10_000.0, 30_000.0];

/// The metrics of one component. Handles are cheap to clone; hold the child of a label set where it is hot.
#[derive(Default)]
pub struct Metrics {
    registry: Registry,
    families: RwLock<BTreeMap<String, Family>>,
}

/// What is printed even when a family has no sample yet, and how its handle is found again.
struct Family {
    help: String,
    handle: Handle,
}

enum Handle {
    Counter(IntCounterVec),
    Gauge(GaugeVec),
    Histogram(HistogramVec),
    Summary(SummaryVec),
}

impl Metrics {
    /// An empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    /// A counter. Without labels it starts at 0; with labels it has no sample until it is used. A name
    /// that is registered already gives the same counter again, so that parts of a component can share it.
    pub fn counter(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, prometheus::Error> {
        if let Some(Handle::Counter(known)) = self.known(name, |h| matches!(h, Handle::Counter(_))) {
            return Ok(known);
        }
        let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
        if labels.is_empty() {
            counter.with_label_values::<&str>(&[]);
        }
        self.register(name, help, Box::new(counter.clone()), Handle::Counter(counter.clone()))?;
        Ok(counter)
    }

    /// A gauge. Without labels it starts at 0.
    pub fn gauge(&self, name: &str, help: &str, labels: &[&str]) -> Result<GaugeVec, prometheus::Error> {
        if let Some(Handle::Gauge(known)) = self.known(name, |h| matches!(h, Handle::Gauge(_))) {
            return Ok(known);
        }
        let gauge = GaugeVec::new(Opts::new(name, help), labels)?;
        if labels.is_empty() {
            gauge.with_label_values::<&str>(&[]);
        }
        self.register(name, help, Box::new(gauge.clone()), Handle::Gauge(gauge.clone()))?;
        Ok(gauge)
    }

    /// A histogram of milliseconds, with the bounds of [`MS_BUCKETS`].
    pub fn histogram_ms(&self, name: &str, help: &str, labels: &[&str]) -> Result<HistogramVec, prometheus::Error> {
        self.histogram(name, help, labels, MS_BUCKETS)
    }

    /// A histogram with bounds of its own.
    pub fn histogram(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        bounds: &[f64],
    ) -> Result<HistogramVec, prometheus::Error> {
        if let Some(Handle::Histogram(known)) = self.known(name, |h| matches!(h, Handle::Histogram(_))) {
            return Ok(known);
        }
        let histogram = HistogramVec::new(HistogramOpts::new(name, help).buckets(bounds.to_vec()), labels)?;
        self.register(name, help, Box::new(histogram.clone()), Handle::Histogram(histogram.clone()))?;
        Ok(histogram)
    }

    /// A summary with the quantiles 0.5, 0.9 and 0.99 of the last 1,024 values of each label set.
    pub fn summary(&self, name: &str, help: &str, labels: &[&str]) -> Result<SummaryVec, prometheus::Error> {
        if let Some(Handle::Summary(known)) = self.known(name, |h| matches!(h, Handle::Summary(_))) {
            return Ok(known);
        }
        let summary = SummaryVec::new(name, help, labels)?;
        self.register(name, help, Box::new(summary.clone()), Handle::Summary(summary.clone()))?;
        Ok(summary)
    }

    fn known(&self, name: &str, fits: impl Fn(&Handle) -> bool) -> Option<Handle> {
        let families = self.families.read().unwrap_or_else(PoisonError::into_inner);
        families.get(name).map(|f| &f.handle).filter(|h| fits(h)).map(Handle::again)
    }

    fn register(
        &self,
        name: &str,
        help: &str,
        collector: Box<dyn Collector>,
        handle: Handle,
    ) -> Result<(), prometheus::Error> {
        self.registry.register(collector)?;
        let mut families = self.families.write().unwrap_or_else(PoisonError::into_inner);
        families.insert(name.to_owned(), Family { help: help.to_owned(), handle });
        Ok(())
    }

    /// Name and type of every registered family, for tests against a specification.
    pub fn names(&self) -> Vec<(String, &'static str)> {
        let families = self.families.read().unwrap_or_else(PoisonError::into_inner);
        families.iter().map(|(name, family)| (name.clone(), family.handle.kind())).collect()
    }

    /// Everything in the text format. The crate leaves out families without samples; here they
    /// keep their HELP and TYPE, so that dashboards and alerts find them.
    pub fn render(&self) -> String {
        let gathered = self.registry.gather();
        let mut text = TextEncoder::new().encode_to_string(&gathered).unwrap_or_else(|error| {
            tracing::error!("metrics can't be encoded: {error}");
            String::new()
        });
        let families = self.families.read().unwrap_or_else(PoisonError::into_inner);
        for (name, family) in families.iter() {
            if !gathered.iter().any(|g| g.name() == name) {
                let help = family.help.replace('\\', "\\\\").replace('\n', "\\n");
                let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {}", family.handle.kind());
            }
        }
        text
    }
}

impl Handle {
    fn kind(&self) -> &'static str {
        match self {
            Handle::Counter(_) => "counter",
            Handle::Gauge(_) => "gauge",
            Handle::Histogram(_) => "histogram",
            Handle::Summary(_) => "summary",
        }
    }

    fn again(&self) -> Handle {
        match self {
            Handle::Counter(c) => Handle::Counter(c.clone()),
            Handle::Gauge(g) => Handle::Gauge(g.clone()),
            Handle::Histogram(h) => Handle::Histogram(h.clone()),
            Handle::Summary(s) => Handle::Summary(s.clone()),
        }
    }
}

/// `/metrics` of one component, for its metrics port.
pub fn router(metrics: Arc<Metrics>) -> Router {
    let render = move || {
        let metrics = metrics.clone();
        async move { ([(header::CONTENT_TYPE, TEXT_FORMAT)], metrics.render()).into_response() }
    };
    Router::new().route("/metrics", get(render))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_without_a_sample_still_prints_its_type() {
        let metrics = Metrics::new();
        metrics.counter("cxc_a", "A.", &["code"]).unwrap();
        metrics.histogram_ms("cxc_h", "H.", &["code"]).unwrap();
        metrics.summary("cxc_s", "S.", &["code"]).unwrap();
        let text = metrics.render();
        assert!(text.contains("# HELP cxc_a A.\n# TYPE cxc_a counter\n"), "{text}");
        assert!(text.contains("# TYPE cxc_h histogram\n") && text.contains("# TYPE cxc_s summary\n"), "{text}");
    }

    #[test]
    fn a_family_is_printed_once() {
        let metrics = Metrics::new();
        metrics.counter("cxc_a", "A.", &["code"]).unwrap().with_label_values(&["200"]).inc();
        metrics.gauge("cxc_g", "G.", &[]).unwrap();
        let text = metrics.render();
        assert_eq!(text.matches("# TYPE cxc_a counter").count(), 1, "{text}");
        assert!(text.contains("cxc_a{code=\"200\"} 1\n") && text.contains("cxc_g 0\n"), "{text}");
    }

    #[test]
    fn a_name_that_is_registered_again_is_the_same_counter() {
        let metrics = Metrics::new();
        metrics.counter("cxc_a", "A.", &[]).unwrap().with_label_values::<&str>(&[]).inc();
        assert_eq!(metrics.counter("cxc_a", "A.", &[]).unwrap().with_label_values::<&str>(&[]).get(), 1);
        assert!(metrics.gauge("cxc_a", "A.", &[]).is_err());
    }
}

//! Requests as metrics: those that a component answers, and those that it makes.
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use prometheus::{HistogramVec, IntCounterVec};

use super::{Metrics, SummaryVec};

/// Counts and times the requests that a component answers. The label `path` is the route, never the
/// address that was asked for, so that the number of series stays bounded.
#[derive(Clone, Default)]
pub struct HttpMetrics {
    /// Labels method, path, code.
    pub count: Option<IntCounterVec>,
    /// Labels method, path, code; milliseconds.
    pub latencies: Option<HistogramVec>,
    /// Labels method, path, status; milliseconds.
    pub responses: Option<SummaryVec>,
}

impl HttpMetrics {
    /// `{prefix}_request_count` and `{prefix}_request_latencies_ms`, the pair that most components have.
    pub fn register(metrics: &Metrics, prefix: &str) -> Result<Self, prometheus::Error> {
        let labels = &["method", "path", "code"];
        let count = metrics.counter(&format!("{prefix}_request_count"), "Total requests by verb and code.", labels)?;
        let help = "Request latencies histogram by verb, in milliseconds.";
        let latencies = metrics.histogram_ms(&format!("{prefix}_request_latencies_ms"), help, labels)?;
        Ok(Self { count: Some(count), latencies: Some(latencies), responses: None })
    }

    /// Notes one answered request.
    pub fn observe(&self, method: &Method, path: &str, code: u16, millis: f64) {
        // an extension method of a stranger must not make a new series
        let method = if method.as_str().len() <= 7 && is_known(method) { method.as_str() } else { "OTHER" };
        let code = code.to_string();
        if let Some(count) = &self.count {
            count.with_label_values(&[method, path, &code]).inc();
        }
        if let Some(latencies) = &self.latencies {
            latencies.with_label_values(&[method, path, &code]).observe(millis);
        }
        if let Some(responses) = &self.responses {
            responses.observe(&[method, path, &code], millis);
        }
    }
}

fn is_known(method: &Method) -> bool {
    [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::HEAD, Method::OPTIONS]
        .contains(method)
}

/// Counts and times the requests that a component makes.
#[derive(Clone)]
pub struct OutMetrics {
    count: IntCounterVec,
    latencies: HistogramVec,
}

impl OutMetrics {
    /// `{prefix}_request_out_count` and `{prefix}_request_out_latencies_ms` with these three labels:
    /// method, destination (some components call it `path`) and code.
    pub fn register(metrics: &Metrics, prefix: &str, labels: [&str; 3]) -> Result<Self, prometheus::Error> {
        let help = "Total out requests by verb, destination and code.";
        let count = metrics.counter(&format!("{prefix}_request_out_count"), help, &labels)?;
        let help = "Out Request latencies histogram by verb, destination and code, in milliseconds.";
        let latencies = metrics.histogram_ms(&format!("{prefix}_request_out_latencies_ms"), help, &labels)?;
        Ok(Self { count, latencies })
    }

    /// Notes one request. `destination` is a configured name or host, never an address with a person's data.
    pub fn observe(&self, method: &str, destination: &str, code: &str, millis: f64) {
        self.count.with_label_values(&[method, destination, code]).inc();
        self.latencies.with_label_values(&[method, destination, code]).observe(millis);
    }
}

/// The middleware behind [`HttpMetrics`]; see `Service::finish`.
pub(crate) async fn measure(metrics: &HttpMetrics, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let path = path.as_ref().map_or("unmatched", MatchedPath::as_str);
    metrics.observe(&method, path, response.status().as_u16(), started.elapsed().as_secs_f64() * 1000.0);
    response
}

//! The API aggregator's metrics: every request that comes in by the public port, whoever answers it.
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use prometheus::{Error, GaugeVec, IntCounterVec};

use super::{HttpMetrics, Metrics, OutMetrics};
use crate::principal::Identity;
use crate::{App, BASE};

const TENANT: &[&str] = &["ccid", "tenant_name"];

/// The API aggregator's series.
pub struct ApiMetrics {
    requests: IntCounterVec,
    processed: IntCounterVec,
    top: IntCounterVec,
    healthy: GaugeVec,
    logged_in: GaugeVec,
    logged_out: GaugeVec,
    templates_created: IntCounterVec,
    templates_removed: IntCounterVec,
    http: HttpMetrics,
}

impl ApiMetrics {
    /// Registers every series of the API aggregator. Those of schedules, Redis and Elasticsearch have no
    /// source yet and are served with their types.
    pub fn register(metrics: &Metrics) -> Result<Self, Error> {
        let out = &["method", "destination", "code"];
        metrics.counter("cxc_api_aggregator_schedules_created_total", "Total schedules created.", &[])?;
        metrics.counter("cxc_api_aggregator_schedules_removed_total", "Total schedules removed.", &[])?;
        metrics.gauge("cxc_api_aggregator_redis_connection_failed", "Failed Redis connection.", TENANT)?;
        metrics.histogram_ms(
            "cxc_api_aggregator_elasticsearch_service_latencies_ms",
            "Elasticsearch Request latencies histogram by verb, destination and code, in milliseconds.",
            out,
        )?;
        OutMetrics::register(metrics, "cxc_api_aggregator", ["method", "destination", "code"])?;
        let counter = |name: &str, help: &str, labels: &[&str]| {
            metrics.counter(&format!("cxc_api_aggregator_{name}"), help, labels)
        };
        let gauge = |name: &str, help: &str| metrics.gauge(&format!("cxc_api_aggregator_{name}"), help, &[]);
        let top = &["path", "method", "id", "name", "ccid", "tenant_name", "code"];
        Ok(Self {
            requests: counter("api_requests_total", "Total count of requests.", TENANT)?,
            processed: counter("api_requests_processed_success", "Total count of success requests.", TENANT)?,
            top: counter("top_api_requests", "Top api requests.", top)?,
            healthy: metrics.gauge("cxc_api_healthy_instance", "Healthy instance.", TENANT)?,
            logged_in: gauge("users_logged_in_total", "Total number of users who are logged in.")?,
            logged_out: gauge("users_logged_out_total", "Total number of users who are logged out.")?,
            templates_created: counter("campaign_template_created_total", "Total campaign templates created.", &[])?,
            templates_removed: counter("campaign_template_removed_total", "Total campaign templates removed.", &[])?,
            http: HttpMetrics::register(metrics, "cxc_api_aggregator")?,
        })
    }

    /// Routes whose requests are noted here. Add it before [`crate::http::finish`], which finds out who asks.
    pub fn measure(self: Arc<Self>, routes: Router<App>) -> Router<App> {
        routes.layer(from_fn_with_state(self, note))
    }

    fn noted(&self, method: &Method, path: &str, identity: Option<&Identity>, code: u16) {
        let code_text = code.to_string();
        let done = (200..400).contains(&code);
        if let Some(Identity::Known(who)) = identity {
            let tenant = [who.ccid.as_str(), who.tenant_name.as_str()];
            self.requests.with_label_values(&tenant).inc();
            self.healthy.with_label_values(&tenant).set(1.0);
            if done {
                self.processed.with_label_values(&tenant).inc();
            }
            let id = who.id.to_string();
            let labels = [path, method.as_str(), &id, &who.name, tenant[0], tenant[1], &code_text];
            self.top.with_label_values(&labels).inc();
        }
        let none: &[&str] = &[];
        match (method.as_str(), path.strip_prefix(BASE).unwrap_or(path)) {
            ("POST", "/auth/login") if done => self.logged_in.with_label_values(none).inc(),
            ("POST", "/auth/logout") if done => self.logged_out.with_label_values(none).inc(),
            ("POST", "/campaign-templates") if done => self.templates_created.with_label_values(none).inc(),
            ("DELETE", "/campaign-templates/{id}") if done => self.templates_removed.with_label_values(none).inc(),
            _ => {}
        }
    }
}

async fn note(State(metrics): State<Arc<ApiMetrics>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().map_or("unmatched".into(), |p| p.as_str().to_owned());
    let identity = request.extensions().get::<Identity>().cloned();
    let response = next.run(request).await;
    let code = response.status().as_u16();
    metrics.noted(&method, &path, identity.as_ref(), code);
    metrics.http.observe(&method, &path, code, started.elapsed().as_secs_f64() * 1000.0);
    response
}

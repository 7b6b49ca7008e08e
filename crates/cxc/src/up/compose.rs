//! The routers of this process: one public API out of its components, and the internal backend.
use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use cxc_server::metrics::ApiMetrics;
use cxc_server::service::Parts;
use cxc_server::{App, BASE, INTERNAL_BASE, health, http};

use super::paths::Paths;
use super::proxy::{self, Elsewhere, Proxy};
use crate::component::Component;
use crate::config::Config;

/// The public router: components of this process, and those elsewhere by proxy.
pub fn public(
    config: &Config,
    app: &App,
    all: &BTreeMap<Component, Parts>,
    here: &[Component],
) -> anyhow::Result<Router> {
    let own = components(app, all, here, !config.http.internal)?;
    if here.len() == all.len() {
        return Ok(own);
    }
    let mut paths = Paths::default();
    for (component, parts) in all {
        parts.openapi.paths.paths.keys().for_each(|path| paths.add(*component, &format!("{BASE}{path}")));
        component.root_paths().iter().for_each(|path| paths.add(*component, path));
    }
    let elsewhere = all.keys().filter(|c| !here.contains(c)).map(|component| {
        let url = config.place(*component).url;
        (*component, url.map_or(Elsewhere::Unknown, Elsewhere::At))
    });
    let proxy = Proxy {
        paths,
        elsewhere: elsewhere.collect(),
        client: proxy::client()?,
        trust_forwarded: config.http.trust_forwarded,
        app: app.clone(),
    };
    Ok(http::with_request_ids(app, own.layer(from_fn_with_state(Arc::new(proxy), proxy::pass_on))))
}

/// The routes of some components, finished: what one HTTP port serves. A component's own port serves its part of the
/// internal backend, too; the public port only where the internal one is switched off.
pub fn components(
    app: &App,
    all: &BTreeMap<Component, Parts>,
    here: &[Component],
    serves_internal: bool,
) -> anyhow::Result<Router> {
    let (mut api, mut root) = (Router::new(), Router::new());
    for parts in here.iter().filter_map(|component| all.get(component)) {
        api = api.merge(parts.api.clone());
        root = root.merge(parts.root.clone());
    }
    let mut routes = Router::new().nest(BASE, api).merge(root);
    if let Some(aggregator) = all.get(&Component::ApiAggregator).filter(|_| here.contains(&Component::ApiAggregator)) {
        routes = Arc::new(ApiMetrics::register(&aggregator.app.metrics)?).measure(routes);
    }
    let finished = http::finish(app, routes).merge(health::router(app));
    if serves_internal { Ok(beside(finished, backend(app, all, here))) } else { Ok(finished) }
}

/// A router with the internal backend beside it: that one has its own way of telling who asks.
fn beside(router: Router, backend: Router) -> Router {
    let route = format!("{INTERNAL_BASE}/{{*path}}");
    Router::new().route(&route, axum::routing::any_service(backend)).fallback_service(router)
}

fn backend(app: &App, all: &BTreeMap<Component, Parts>, here: &[Component]) -> Router {
    let parts = here.iter().filter_map(|component| all.get(component));
    let routes = parts.fold(Router::new(), |routes, parts| routes.merge(parts.internal.clone()));
    http::finish_without_access(app, Router::new().nest(INTERNAL_BASE, routes))
}

/// The internal backend of the components of this process.
pub fn internal(app: &App, all: &BTreeMap<Component, Parts>, here: &[Component]) -> Router {
    backend(app, all, here).merge(health::router(app))
}

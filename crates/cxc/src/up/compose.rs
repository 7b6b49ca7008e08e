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
    let own = components(app, all, here)?;
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
    };
    Ok(own.layer(from_fn_with_state(Arc::new(proxy), proxy::pass_on)))
}

/// The routes of some components, finished: what one HTTP port serves.
pub fn components(app: &App, all: &BTreeMap<Component, Parts>, here: &[Component]) -> anyhow::Result<Router> {
    let (mut api, mut root) = (Router::new(), Router::new());
    for parts in here.iter().filter_map(|component| all.get(component)) {
        api = api.merge(parts.api.clone());
        root = root.merge(parts.root.clone());
    }
    let mut routes = Router::new().nest(BASE, api).merge(root);
    if let Some(aggregator) = all.get(&Component::ApiAggregator).filter(|_| here.contains(&Component::ApiAggregator)) {
        routes = Arc::new(ApiMetrics::register(&aggregator.app.metrics)?).measure(routes);
    }
    Ok(http::finish(app, routes).merge(health::router(app)))
}

/// The internal backend of the components of this process.
pub fn internal(app: &App, all: &BTreeMap<Component, Parts>, here: &[Component]) -> Router {
    let parts = here.iter().filter_map(|component| all.get(component));
    let routes = parts.fold(Router::new(), |routes, parts| routes.merge(parts.internal.clone()));
    http::finish_without_access(app, Router::new().nest(INTERNAL_BASE, routes)).merge(health::router(app))
}

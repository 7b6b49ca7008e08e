//! A running component: its routes, its metrics, its background work; and serving them until told to stop.
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;

use crate::App;
use crate::metrics::{HttpMetrics, measure};

/// What runs beside the routes until told to stop. An error ends the process.
pub type Work = Box<dyn FnOnce(CancellationToken) -> WorkFuture + Send>;
type WorkFuture = Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send>>;

/// One component.
pub struct Service {
    /// Its service name, such as `list-manager`.
    pub name: &'static str,
    /// The application as this component has it: with its own metrics.
    pub app: App,
    /// Its public routes, below the base path.
    pub api: OpenApiRouter<App>,
    /// Its routes of the internal backend API, below that base path.
    pub internal: OpenApiRouter<App>,
    /// Routes at the root of the public port, such as an unsubscribe page. Mind that nobody is signed in there.
    pub root: Router<App>,
    /// Its background work.
    pub work: Vec<Work>,
    http: HttpMetrics,
}

impl Service {
    /// A component with these public routes.
    pub fn new(name: &'static str, app: App, api: OpenApiRouter<App>) -> Self {
        Self {
            name,
            app,
            api,
            internal: OpenApiRouter::new(),
            root: Router::new(),
            work: Vec::new(),
            http: HttpMetrics::default(),
        }
    }

    /// Counts and times the requests it answers.
    #[must_use]
    pub fn measured(self, http: HttpMetrics) -> Self {
        Self { http, ..self }
    }

    /// Adds routes of the internal backend API.
    #[must_use]
    pub fn internal(self, internal: OpenApiRouter<App>) -> Self {
        Self { internal, ..self }
    }

    /// Adds routes at the root of the public port.
    #[must_use]
    pub fn root(self, root: Router<App>) -> Self {
        Self { root, ..self }
    }

    /// Adds background work.
    #[must_use]
    pub fn work<F>(mut self, work: impl FnOnce(CancellationToken) -> F + Send + 'static) -> Self
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        self.work.push(Box::new(move |stop| Box::pin(work(stop))));
        self
    }

    /// Takes the component apart. The routes have this component's state and measure themselves, so those of
    /// several components can be merged; finish the merged router with [`crate::http::finish`].
    pub fn into_parts(self) -> Parts {
        let http = Arc::new(self.http);
        let measure = move |request: Request, next: Next| {
            let http = Arc::clone(&http);
            async move { measure(&http, request, next).await }
        };
        let (api, openapi) = self.api.split_for_parts();
        let (internal, internal_openapi) = self.internal.split_for_parts();
        Parts {
            name: self.name,
            api: api.layer(from_fn(measure.clone())).with_state(self.app.clone()),
            internal: internal.layer(from_fn(measure.clone())).with_state(self.app.clone()),
            root: self.root.layer(from_fn(measure)).with_state(self.app.clone()),
            app: self.app,
            openapi,
            internal_openapi,
            work: self.work,
        }
    }
}

/// A component taken apart.
pub struct Parts {
    /// Its service name.
    pub name: &'static str,
    /// Its application, whose metrics its port shows.
    pub app: App,
    /// Its public routes, relative to the base path. Ready to be merged.
    pub api: Router<App>,
    /// Its internal routes, relative to that base path.
    pub internal: Router<App>,
    /// Its routes at the root.
    pub root: Router<App>,
    /// The description of its public routes.
    pub openapi: utoipa::openapi::OpenApi,
    /// The description of its internal routes.
    pub internal_openapi: utoipa::openapi::OpenApi,
    /// Its background work.
    pub work: Vec<Work>,
}

/// Serves a router until told to stop, then lets open requests finish.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) -> anyhow::Result<()> {
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    // an answer is not held back until the one before was acknowledged
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!("a connection waits before it sends: {error}");
        }
    });
    axum::serve(listener, service).with_graceful_shutdown(stop.cancelled_owned()).await?;
    Ok(())
}

/// Serves like [`serve`], but closes what is still open `grace` after it was told to stop (event streams never end by themselves).
pub async fn serve_within(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
    grace: Duration,
) -> anyhow::Result<()> {
    let late = stop.clone();
    tokio::select! {
        ended = serve(listener, router, stop) => ended,
        () = async { late.cancelled().await; tokio::time::sleep(grace).await } => Ok(()),
    }
}

/// Waits for Ctrl-C, or for SIGTERM as Kubernetes sends it.
pub async fn shutdown_signal() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupt = tokio::signal::ctrl_c() => interrupt?,
        _ = terminate.recv() => (),
    }
    Ok(())
}

//! A running app: the real router on a real database, with a clock that the test owns and two tenants.
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use axum::Router;
use cxc_core::TenantNo;
use cxc_core::hash::HashKey;
use cxc_server::app::PasswordCost;
use cxc_server::principal::SYSTEM_TENANT;
use cxc_server::provision::{self, NewTenant};
use cxc_server::rule_data::RuleData;
use cxc_server::scope::BuiltInRole;
use cxc_server::service::Work;
use cxc_server::{App, INTERNAL_BASE, Principal, Scope, ServerConfig, Service, http, resources};
use cxc_store::tenant::Tenant;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::caller::{BASE, Caller};
use crate::clock::TestClock;
use crate::db::TestDb;

/// The administrator of each tenant.
pub const ADMINISTRATOR: &str = "admin";
/// The administrators' password.
pub const PASSWORD: &str = "correct-horse-battery-staple";

/// Makes a component, as its crate's `service` function does.
pub type Make = Box<dyn FnOnce(App) -> Service>;

/// A tenant with an API client that may do all that an administrator may.
pub struct TestTenant {
    /// As stored.
    pub tenant: Tenant,
    caller: Caller,
}

impl TestTenant {
    /// The number of the tenant.
    pub fn no(&self) -> TenantNo {
        self.tenant.no
    }
}

impl Deref for TestTenant {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

/// The app. Requests to it are those of the first tenant: `app.get("/me").await.expect(200)`.
pub struct TestApp {
    /// The application as the API aggregator has it.
    pub app: App,
    /// The only source of its time.
    pub clock: TestClock,
    /// The other tenant, which must see nothing of the first.
    pub other: TestTenant,
    one: TestTenant,
    clients: AtomicU64,
    work: Vec<Work>,
    running: JoinSet<Result<()>>,
    stop: CancellationToken,
    database: TestDb,
}

impl TestApp {
    /// One component beside administration and sign-in. Its background work stands still until [`TestApp::run_work`].
    pub async fn start(service: impl FnOnce(App) -> Service + 'static) -> Result<Self> {
        Self::start_all(vec![Box::new(service)]).await
    }

    /// Several components, or none, beside administration and sign-in.
    pub async fn start_all(services: Vec<Make>) -> Result<Self> {
        let database = TestDb::start().await?;
        let clock = TestClock::default();
        let app =
            App::new(database.db().clone(), Arc::new(clock.clone()), HashKey([7; 16]), config(), RuleData::default());
        provision::installation(&app).await.context("the installation is provisioned")?;
        let aggregator = Service::new("api-aggregator", app.clone(), resources::routes());
        let services = services.into_iter().map(|make| make(app.for_component()));
        let (router, work) = assemble(&app, [aggregator].into_iter().chain(services));
        let one = tenant(&app, &router, "one").await?;
        let other = tenant(&app, &router, "other").await?;
        let (running, stop) = (JoinSet::new(), CancellationToken::new());
        Ok(Self { app, clock, other, one, clients: AtomicU64::new(0), work, running, stop, database })
    }

    /// The first tenant.
    pub fn one(&self) -> &TestTenant {
        &self.one
    }

    /// The number of the first tenant.
    pub fn tenant(&self) -> TenantNo {
        self.one.no()
    }

    /// Its database.
    pub fn database(&self) -> &TestDb {
        &self.database
    }

    /// A program of the first tenant that has only these scopes.
    pub async fn with_scopes(&self, scopes: &[Scope]) -> Result<Caller> {
        let name = format!("client {}", self.clients.fetch_add(1, Ordering::Relaxed));
        let names: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
        self.one.as_api_client(&administrator("one"), PASSWORD, &name, &names).await
    }

    /// A new object of the first tenant: what POST answered with 201.
    pub async fn create(&self, path: &str, body: &Value) -> Value {
        self.post(path).json(body).await.expect(201)
    }

    /// Starts the background work of the components.
    pub fn run_work(&mut self) {
        for work in self.work.drain(..) {
            self.running.spawn(work(self.stop.clone()));
        }
    }

    /// Tells the background work to end, waits for it and returns its first error.
    pub async fn stop_work(&mut self) -> Result<()> {
        self.stop.cancel();
        while let Some(ended) = self.running.join_next().await {
            ended??;
        }
        Ok(())
    }
}

impl Deref for TestApp {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.one
    }
}

/// Nothing expires while a test moves its clock by days, and passwords are hashed quickly.
fn config() -> ServerConfig {
    let years = std::time::Duration::from_secs(20 * 366 * 86_400);
    ServerConfig {
        token_life: years,
        session_idle: years,
        session_absolute: years,
        password_cost: PasswordCost { memory_kib: 8, passes: 1 },
        rate_limit: None,
        // the services of tests listen on this machine
        outbound_networks: ["127.0.0.0/8", "::1"].iter().filter_map(|n| n.parse().ok()).collect(),
        ..ServerConfig::default()
    }
}

/// One router of all components, as the binary assembles it.
fn assemble(app: &App, services: impl Iterator<Item = Service>) -> (Router, Vec<Work>) {
    let (mut api, mut internal, mut root) = (Router::new(), Router::new(), Router::new());
    let mut work = Vec::new();
    for service in services {
        let parts = service.into_parts();
        api = api.merge(parts.api);
        internal = internal.merge(parts.internal);
        root = root.merge(parts.root);
        work.extend(parts.work);
    }
    let inside = http::finish_without_access(app, Router::new().nest(INTERNAL_BASE, internal));
    let router = http::finish(app, Router::new().nest(BASE, api).merge(root));
    let internal = Router::new().route(&format!("{INTERNAL_BASE}/{{*path}}"), axum::routing::any_service(inside));
    (internal.fallback_service(router), work)
}

async fn tenant(app: &App, router: &Router, name: &str) -> Result<TestTenant> {
    let new = NewTenant {
        short_name: name.to_owned(),
        customer_name: format!("Tenant {name}"),
        domain: name.to_owned(),
        ccid: format!("ccid-{name}"),
    };
    let tenant = provision::tenant(app, &Principal::system(SYSTEM_TENANT), &new).await.context("a tenant is made")?;
    provision::user(app, tenant.no, ADMINISTRATOR, PASSWORD, &[BuiltInRole::Administrator])
        .await
        .context("an administrator is made")?;
    let stranger = Caller::of_router(router.clone());
    let caller = stranger.as_api_client(&administrator(name), PASSWORD, "everything", &[]).await?;
    Ok(TestTenant { tenant, caller })
}

/// The user name of a tenant's administrator.
fn administrator(domain: &str) -> String {
    format!("{domain}\\{ADMINISTRATOR}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn both_tenants_are_signed_in_and_apart() {
        let app = TestApp::start_all(Vec::new()).await.unwrap();
        assert_eq!(app.get("/me").await.expect(200)["tenant"]["shortName"], "one");
        assert_eq!(app.other.get("/me").await.expect(200)["tenant"]["shortName"], "other");
        assert_ne!(app.tenant(), app.other.no());
        assert_eq!(app.stranger().get("/me").await.expect_problem(401), "unauthenticated");
    }

    #[tokio::test]
    async fn a_client_has_the_scopes_that_it_was_given() {
        let app = TestApp::start_all(Vec::new()).await.unwrap();
        let reader = app.with_scopes(&[Scope::UsersRead]).await.unwrap();
        reader.get("/users").await.expect(200);
        assert_eq!(reader.get("/audit-events").await.expect_problem(403), "scope_missing");
        app.with_scopes(&[Scope::UsersRead]).await.unwrap();
    }

    #[tokio::test]
    async fn a_token_outlives_years_of_the_clock() {
        let app = TestApp::start_all(Vec::new()).await.unwrap();
        app.clock.set("2030-01-01T00:00:00Z");
        app.get("/me").await.expect(200);
    }

    #[tokio::test]
    async fn an_object_is_made_and_read_with_its_etag() {
        let app = TestApp::start_all(Vec::new()).await.unwrap();
        let made = app.create("/api-clients", &json!({"name": "loader", "scopes": ["lists:write"]})).await;
        let path = format!("/api-clients/{}", made["id"].as_str().unwrap());
        let read = app.get(&path).await;
        assert_eq!(read.expect(200)["name"], "loader");
        app.delete(&path).if_match(&read.etag()).await.expect(204);
        app.get(&path).await.expect(404);
        app.other.get(&path).await.expect(404);
    }
}

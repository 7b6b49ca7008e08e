//! A small harness for this crate's own tests: a real router on a real database, with a clock the test owns.
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use cxc_core::hash::HashKey;
use cxc_store::tenant::Tenant;
use cxc_store::{Db, DbOptions};
use cxc_test::Database;
use jiff::Timestamp;
use serde_json::{Value, json};
use tower::ServiceExt;
use utoipa_axum::router::OpenApiRouter;

use crate::app::{App, Clock, PasswordCost, ServerConfig};
use crate::metrics::HttpMetrics;
use crate::principal::Principal;
use crate::provision::{self, NewTenant};
use crate::rule_data::RuleData;
use crate::scope::BuiltInRole;
use crate::service::Service;
use crate::{http, resources};

pub(crate) const PASSWORD: &str = "a good password";

/// The test's clock: stands still until it is moved.
#[derive(Clone)]
pub(crate) struct TestClock(Arc<AtomicI64>);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.0.load(Ordering::Relaxed)).unwrap()
    }
}

impl TestClock {
    pub fn advance_seconds(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000_000, Ordering::Relaxed);
    }
}

/// A running application with one tenant, `acme`, and its administrator `acme\admin`.
pub(crate) struct TestApp {
    pub app: App,
    pub clock: TestClock,
    pub tenant: Tenant,
    pub router: Router,
    // goes with the test
    _database: Database,
}

impl TestApp {
    pub async fn start() -> Self {
        Self::with(OpenApiRouter::new(), |_| ()).await
    }

    pub async fn with(more: OpenApiRouter<App>, configure: impl FnOnce(&mut ServerConfig)) -> Self {
        let monday: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
        let clock = TestClock(Arc::new(AtomicI64::new(monday.as_microsecond())));
        let database = Database::empty().unwrap();
        let db = Db::open(&DbOptions::new(database.url())).await.unwrap();
        let mut config = ServerConfig {
            password_cost: PasswordCost { memory_kib: 64, passes: 1 },
            rate_limit: None,
            ..ServerConfig::default()
        };
        configure(&mut config);
        let app = App::new(db, Arc::new(clock.clone()), HashKey([3; 16]), config, RuleData::default());
        provision::installation(&app).await.unwrap();
        let tenant = Self::add_tenant(&app, "acme").await;
        let service = Service::new("test", app.clone(), resources::routes().merge(more));
        let http = HttpMetrics::register(&app.metrics, "cxc_test").unwrap();
        let parts = service.measured(http).into_parts();
        let router = http::finish(&app, Router::new().nest(crate::BASE, parts.api));
        Self { app, clock, tenant, router, _database: database }
    }

    /// A tenant with an administrator whose password is [`PASSWORD`].
    pub async fn add_tenant(app: &App, name: &str) -> Tenant {
        let new = NewTenant {
            short_name: name.into(),
            customer_name: name.into(),
            domain: name.into(),
            ccid: format!("ccid-{name}"),
        };
        let tenant = provision::tenant(app, &Principal::system(1), &new).await.unwrap();
        provision::user(app, tenant.no, "admin", PASSWORD, &[BuiltInRole::Administrator]).await.unwrap();
        tenant
    }

    /// Signs in; the client sends cookie and CSRF token from then on.
    pub async fn sign_in(&self, username: &str) -> Client<'_> {
        let mut client = Client { test: self, headers: HeaderMap::new() };
        let login = json!({"username": username, "password": PASSWORD});
        let answer = client.send(Method::POST, "/auth/login", Some(&login), &[]).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let cookie = answer.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        client.headers.insert("cookie", cookie.parse().unwrap());
        client.headers.insert("x-csrf-token", answer.body["csrfToken"].as_str().unwrap().parse().unwrap());
        client
    }

    /// A client that is nobody.
    pub fn stranger(&self) -> Client<'_> {
        Client { test: self, headers: HeaderMap::new() }
    }
}

/// Somebody who sends requests.
#[derive(Clone)]
pub(crate) struct Client<'a> {
    test: &'a TestApp,
    pub headers: HeaderMap,
}

pub(crate) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self.body
    }

    #[track_caller]
    pub fn expect_problem(self, status: u16, code: &str) -> Value {
        assert_eq!((self.status.as_u16(), self.body["code"].as_str()), (status, Some(code)), "{}", self.body);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(self.body["requestId"], self.headers["x-request-id"].to_str().unwrap());
        self.body
    }

    pub fn etag(&self) -> String {
        self.headers["etag"].to_str().unwrap().to_owned()
    }
}

impl Client<'_> {
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, &[]).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, Some(body), &[]).await
    }

    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>, headers: &[(&str, &str)]) -> Answer {
        let text = body.map(Value::to_string).unwrap_or_default();
        let kind: &[(&str, &str)] = if body.is_some() { &[("content-type", "application/json")] } else { &[] };
        self.raw(method, path, text, &[kind, headers].concat()).await
    }

    pub async fn raw(&self, method: Method, path: &str, body: impl Into<Body>, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", crate::BASE));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(body.into()).unwrap();
        request.headers_mut().extend(self.headers.clone());
        let response = self.test.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        }
    }
}

//! Who asks. The middleware finds out once; handlers take a [`Principal`], routes declare the scope they need.
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use cxc_core::TenantNo;
use utoipa::openapi::SecurityRequirement;
use utoipa::openapi::path::{Operation, Paths};
use utoipa_axum::router::{UtoipaMethodRouter, UtoipaMethodRouterExt};
use uuid::Uuid;

use crate::App;
use crate::error::{ApiError, Code};
use crate::scope::{Scope, Scopes};

/// The number of the system tenant, whose operators manage the others.
pub const SYSTEM_TENANT: TenantNo = 1;

/// Who asks, in which tenant, and what they may do. As a handler's argument it refuses strangers with 401.
#[derive(Debug, Clone)]
pub struct Principal {
    /// The tenant: every store method takes it.
    pub tenant: TenantNo,
    /// Its id at the API.
    pub tenant_id: Uuid,
    /// Its short name, a label of metrics.
    pub tenant_name: String,
    /// Its contact centre id, a label of metrics.
    pub ccid: String,
    /// What kind of actor.
    pub kind: ActorKind,
    /// The user or the API client; nil for the program itself.
    pub id: Uuid,
    /// Its name: a user name, an API client's name, or `system`.
    pub name: String,
    /// What it may do.
    pub scopes: Scopes,
    /// The network address that it asks from.
    pub address: String,
    /// The request.
    pub request_id: String,
    /// The hash of the session's token, for users.
    pub session: Option<[u8; 32]>,
}

/// The kinds of actors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActorKind {
    /// A person who signed in.
    User,
    /// A program with a bearer token.
    ApiClient,
    /// This program itself: commands, jobs, schedules.
    System,
}

impl ActorKind {
    /// As the audit log writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::ApiClient => "api_client",
            Self::System => "system",
        }
    }
}

impl Principal {
    /// This program itself, acting in a tenant: for commands, jobs and schedules.
    pub fn system(tenant: TenantNo) -> Self {
        Self {
            tenant,
            tenant_id: Uuid::nil(),
            tenant_name: String::new(),
            ccid: String::new(),
            kind: ActorKind::System,
            id: Uuid::nil(),
            name: "system".into(),
            scopes: Scope::ALL.iter().copied().collect(),
            address: String::new(),
            request_id: String::new(),
            session: None,
        }
    }

    /// Whether it may see people's data in what is kept of decisions and attempts: addresses, client's columns, reports.
    pub fn sees_people(&self) -> bool {
        self.scopes.has(Scope::PrivacyAdmin)
    }

    /// 403 unless the scope is there.
    pub fn need(&self, scope: Scope) -> Result<(), ApiError> {
        if self.scopes.has(scope) {
            return Ok(());
        }
        Err(ApiError::new(Code::ScopeMissing, format!("this needs the permission {}", scope.as_str())))
    }
}

/// What the middleware found out about a request.
#[derive(Clone)]
pub(crate) enum Identity {
    /// No credentials.
    Nobody,
    /// Credentials that do not hold.
    Refused(Code, &'static str),
    /// Somebody.
    Known(Arc<Principal>),
}

fn known(identity: Option<&Identity>) -> Result<&Arc<Principal>, ApiError> {
    match identity {
        Some(Identity::Known(principal)) => Ok(principal),
        Some(Identity::Refused(code, detail)) => Err(ApiError::new(*code, *detail)),
        Some(Identity::Nobody) | None => Err(ApiError::new(Code::Unauthenticated, "sign in, or send a bearer token")),
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Principal {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        known(parts.extensions.get()).map(|p| Principal::clone(p))
    }
}

/// Declares that these operations need a scope: enforced before the body is read, and shown in the API description.
pub fn require(scope: Scope, routes: UtoipaMethodRouter<App>) -> UtoipaMethodRouter<App> {
    let check = from_fn(move |request: Request, next: Next| async move { checked(scope, request, next).await });
    let (schemas, paths, methods) = routes.map(|methods| methods.route_layer(check));
    (schemas, secured(paths, &[scope]), methods)
}

async fn checked(scope: Scope, request: Request, next: Next) -> Response {
    match known(request.extensions().get()).and_then(|p| p.need(scope)) {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.into_response(),
    }
}

/// Declares that these operations need somebody signed in, whatever their scopes.
pub fn signed_in(routes: UtoipaMethodRouter<App>) -> UtoipaMethodRouter<App> {
    let check = from_fn(|request: Request, next: Next| async move {
        match known(request.extensions().get()) {
            Ok(_) => next.run(request).await,
            Err(refused) => refused.into_response(),
        }
    });
    let (schemas, paths, methods) = routes.map(|methods| methods.route_layer(check));
    (schemas, secured(paths, &[]), methods)
}

/// Declares that these operations are for everybody.
pub fn public((schemas, mut paths, methods): UtoipaMethodRouter<App>) -> UtoipaMethodRouter<App> {
    each_operation(&mut paths, |operation| operation.security = Some(Vec::new()));
    (schemas, paths, methods)
}

fn secured(mut paths: Paths, scopes: &[Scope]) -> Paths {
    each_operation(&mut paths, |operation| {
        let names = || scopes.iter().map(|s| s.as_str());
        operation.security =
            Some(vec![SecurityRequirement::new("session", names()), SecurityRequirement::new("oauth2", names())]);
    });
    paths
}

/// Visits every operation of a set of paths.
pub(crate) fn each_operation(paths: &mut Paths, mut visit: impl FnMut(&mut Operation)) {
    for item in paths.paths.values_mut() {
        let all = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch, &mut item.head];
        all.into_iter().flatten().for_each(&mut visit);
    }
}

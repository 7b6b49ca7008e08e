//! `/health/live` and `/health/ready`, and what `/versions` shows of each component.
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::App;

const PATIENCE: Duration = Duration::from_secs(2);

/// How well a component is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the colours of the Versions page")]
pub enum Health {
    Green,
    /// Something it can do without is down.
    Yellow,
    Red,
    /// It is optional and not set up.
    NotConfigured,
}

/// One component as the Versions page shows it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Component {
    /// Its service name, such as `list-manager`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The commit it was built from; empty when unknown.
    pub build: String,
    /// How well it is.
    pub health: Health,
    /// What is wrong, for people; empty when nothing is.
    pub detail: String,
}

/// The components that this process knows of. Cheap to clone.
#[derive(Clone, Default)]
pub struct Components(Arc<RwLock<BTreeMap<String, Component>>>);

impl Components {
    /// Notes how a component is.
    pub fn report(&self, component: Component) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(component.name.clone(), component);
    }

    /// All of them, by name.
    pub fn all(&self) -> Vec<Component> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

/// `/health/live` and `/health/ready`, at the root of a port. Neither needs sign-in nor shows hosts.
pub fn router(app: &App) -> Router {
    Router::new().route("/health/live", get(live)).route("/health/ready", get(ready)).with_state(app.clone())
}

async fn live() -> &'static str {
    "ok"
}

async fn ready(State(app): State<App>) -> Response {
    let database = tokio::time::timeout(PATIENCE, app.db.ping()).await;
    match database {
        Ok(Ok(())) => Json(json!({"ready": true, "failing": []})).into_response(),
        _ => (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"ready": false, "failing": ["database"]}))).into_response(),
    }
}

//! `/versions`: the components with version and health.
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::error::ApiError;
use crate::extract::ApiJson;
use crate::health::Component;
use crate::principal::signed_in;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(signed_in(routes!(get)))
}

/// The components.
#[derive(Serialize, ToSchema)]
struct Versions {
    /// This program's version.
    version: String,
    /// The commit it was built from; empty when unknown.
    build: String,
    /// Its components, by name.
    components: Vec<Component>,
}

/// Every component with its version and health.
#[utoipa::path(get, path = "/versions", tag = "Administration", operation_id = "getVersions",
    responses((status = OK, body = Versions), ApiError))]
async fn get(State(app): State<App>) -> Response {
    let (version, build) = (app.config.version.clone(), app.config.build.clone());
    ApiJson(Versions { version, build, components: app.components.all() }).into_response()
}

//! The API description: assembled from the services' routes, always in the same order, so that it can be checked in.
use axum::Router;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, ClientCredentials, Flow, OAuth2, Scopes, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, Content, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Ref, ResponseBuilder, Server,
};
use utoipa::{PartialSchema, ToSchema};

use crate::error::{ERROR_ANSWERS, Problem};
use crate::principal::each_operation;
use crate::scope::Scope;

/// One description out of those of the services.
pub fn assemble(parts: impl IntoIterator<Item = OpenApi>) -> OpenApi {
    let mut all = OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("cxc")
                .version("3")
                .description(Some("Outbound campaigns: lists, compliance, campaigns, messages."))
                .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build())),
        )
        .servers(Some([Server::new(crate::BASE)]))
        .components(Some(shared()))
        .build();
    for part in parts {
        all.merge(part);
    }
    all
}

/// What every description shares: the problem document, the error answers, the ways to sign in.
fn shared() -> utoipa::openapi::Components {
    let mut schemas = Vec::new();
    Problem::schemas(&mut schemas);
    let mut components = ComponentsBuilder::new()
        .schema(Problem::name(), Problem::schema())
        .schemas_from_iter(schemas)
        .security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("cxc_session"))))
        .security_scheme("oauth2", oauth2());
    for (_, name, description) in ERROR_ANSWERS {
        let content = Content::new(Some(Ref::from_schema_name(Problem::name())));
        let answer =
            ResponseBuilder::new().description(*description).content("application/problem+json", content).build();
        components = components.response(*name, answer);
    }
    components.build()
}

fn oauth2() -> SecurityScheme {
    let scopes = Scope::ALL.iter().map(|s| (s.as_str(), s.meaning()));
    let flow = ClientCredentials::new(format!("{}/auth/token", crate::BASE), Scopes::from_iter(scopes));
    SecurityScheme::OAuth2(OAuth2::new([Flow::ClientCredentials(flow)]))
}

/// The description as JSON text, as it is served and checked in.
pub fn text(description: &OpenApi) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(description).map(|text| text + "\n")
}

/// `METHOD /path` of operations that neither need somebody nor say that they are for everybody. Must be empty.
pub fn unguarded(description: &OpenApi) -> Vec<String> {
    let mut found = Vec::new();
    let mut paths = description.paths.clone();
    each_operation(&mut paths, |operation| {
        if operation.security.is_none() {
            found.push(operation.operation_id.clone().unwrap_or_else(|| "without an id".into()));
        }
    });
    found
}

/// `/cx-contact/v3/openapi.json` and the explorer at `/cx-contact/v3/explore`, at the root of the public port.
pub fn router(description: &OpenApi) -> Result<Router, serde_json::Error> {
    let path = format!("{}/openapi.json", crate::BASE);
    let place = format!("{}/explore", crate::BASE);
    let starter = format!("{place}/swagger-initializer.js");
    let explorer = utoipa_swagger_ui::SwaggerUi::new(place).config(utoipa_swagger_ui::Config::from(path.clone()));
    let text = text(description)?;
    let serve = move || {
        let text = text.clone();
        async move { ([(header::CONTENT_TYPE, "application/json")], text) }
    };
    // in place of the one that comes with it, which can't be told to send the session's token
    let pages = Router::from(explorer).route(&starter, get(start_explorer)).route("/", get(root));
    Ok(pages.route(&path, get(serve)).layer(map_response(guarded)))
}

/// The script that starts the explorer.
async fn start_explorer() -> impl IntoResponse {
    let script = include_str!("explorer.js").replace("{base}", crate::BASE);
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")], script)
}

/// Whoever opens the bare address finds the explorer, and a program the hint.
async fn root() -> impl IntoResponse {
    let explorer = format!("{}/explore", crate::BASE);
    let hint = format!(
        "cxc: the API is below {base}, its explorer at {explorer}, its description at {base}/openapi.json\n",
        base = crate::BASE
    );
    (StatusCode::FOUND, [(header::LOCATION, explorer)], hint)
}

/// The explorer runs scripts with the session of whoever looks at it: only its own, and in nobody's frame.
async fn guarded(mut response: Response) -> Response {
    const HEADERS: [(HeaderName, &str); 4] = [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
        ),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

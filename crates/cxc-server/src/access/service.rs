//! Finding out which program asks at the internal backend: by bearer token only, remembered for a moment because a
//! dialer asks thousands of times a second.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;

use super::session::{bearer, by_bearer};
use super::token;
use crate::App;
use crate::http::RequestInfo;
use crate::principal::{Identity, Principal};

/// A token that is revoked holds no longer than this.
const HOLDS: Duration = Duration::from_secs(2);
/// The most tokens that are remembered.
const MOST: usize = 1_000;

/// By the hash of the token: when it was looked up, and whose it is.
type Known = HashMap<[u8; 32], (Instant, Arc<Principal>)>;

/// Who asked lately.
struct Services {
    app: App,
    known: Mutex<Known>,
}

/// Routes that only programs with a bearer token reach; each still declares the scope that it needs.
pub fn services_only(app: &App, routes: OpenApiRouter<App>) -> OpenApiRouter<App> {
    let services = Arc::new(Services { app: app.clone(), known: Mutex::default() });
    routes.layer(from_fn_with_state(services, identify))
}

async fn identify(State(services): State<Arc<Services>>, mut request: Request, next: Next) -> Response {
    let text = bearer(request.headers());
    let info = request.extensions().get::<RequestInfo>().cloned().unwrap_or_default();
    match services.find(text, &info).await {
        Ok(identity) => {
            request.extensions_mut().insert(identity);
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

impl Services {
    async fn find(&self, text: Option<String>, info: &RequestInfo) -> Result<Identity, crate::ApiError> {
        let Some(text) = text else { return Ok(Identity::Nobody) };
        let hash = token::hash(&text);
        let lately = {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.get(&hash).filter(|(at, _)| at.elapsed() < HOLDS).map(|(_, principal)| Arc::clone(principal))
        };
        if let Some(principal) = lately {
            return Ok(Identity::Known(principal));
        }
        let identity = by_bearer(&self.app, &text, info).await?;
        if let Identity::Known(principal) = &identity {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= MOST {
                known.clear();
            }
            known.insert(hash, (Instant::now(), Arc::clone(principal)));
        }
        Ok(identity)
    }
}

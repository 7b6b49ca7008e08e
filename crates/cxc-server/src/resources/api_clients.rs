//! `/api-clients`: programs that use the API. Their secret is shown once.
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use cxc_core::TenantNo;
use cxc_core::field_error::FieldError;
use cxc_store::object_query::ObjectField;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::roles::{bounded, within};
use crate::access::token;
use crate::audit::Entry;
use crate::document::{self, Document, NoExtra, Write};
use crate::error::ApiError;
use crate::extract::{ApiJson, ApiPath};
use crate::principal::{Principal, require};
use crate::scope::Scopes;
use crate::{App, Scope};

/// A program that uses the API with client credentials. The id is the client id.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApiClient {
    /// What it may do.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub scopes: Vec<Scope>,
    /// Whether it may get and use tokens.
    #[serde(default = "super::on")]
    #[schema(default = true)]
    pub enabled: bool,
}

impl ApiClient {
    /// What it may do in this tenant.
    pub fn granted(&self, tenant: TenantNo) -> Scopes {
        bounded(self.scopes.iter().copied().collect(), tenant)
    }
}

impl Document for ApiClient {
    const KIND: &'static str = "api_client";
    const NOUN: &'static str = "API client";
    const PATH: &'static str = "/api-clients";
    const TAG: &'static str = "Administration";
    const READ: Scope = Scope::UsersRead;
    const WRITE: Scope = Scope::UsersWrite;
    const FILTERS: &'static [ObjectField] = &[ObjectField::Bool("enabled")];
    type Extra = NoExtra;

    fn validate(&self) -> Vec<FieldError> {
        if self.scopes.len() > 100 {
            return vec![FieldError::new("/scopes", "too_many", "an API client has at most 100 scopes")];
        }
        Vec::new()
    }

    async fn before_write(write: &mut Write<'_, Self>) -> Result<(), ApiError> {
        let before = write.before.map_or_else(Scopes::default, |b| b.body.granted(write.principal.tenant));
        within(write.principal, before.and(write.after.body.scopes.iter().copied().collect()))
    }

    async fn after_write(write: &mut Write<'_, Self>) -> Result<(), ApiError> {
        if write.before.is_some() {
            return Ok(());
        }
        let (secret, hash) = token::new_token()?;
        write.tx.api_client_secret_set(write.principal.tenant, write.after.id, &hash, write.app.now()).await?;
        write.shown.insert("clientSecret".into(), secret.into());
        Ok(())
    }
}

/// The actions of API clients.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(require(Scope::UsersWrite, routes!(rotate)))
}

/// A secret, shown this once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct NewSecret {
    /// The client.
    client_id: Uuid,
    /// Its new secret; the old one and all tokens end now.
    client_secret: String,
}

/// Give an API client a new secret. The old one and all its tokens end.
#[utoipa::path(post, path = "/api-clients/{id}/actions/rotate-secret", tag = "Administration",
    operation_id = "rotateApiClientSecret", params(("id" = Uuid, Path)), responses((status = OK, body = NewSecret), ApiError))]
async fn rotate(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Response, ApiError> {
    let (secret, hash) = token::new_token()?;
    let mut tx = app.db.begin().await?;
    let client = document::get::<ApiClient>(&mut tx, principal.tenant, id).await?;
    let client = client.ok_or_else(|| ApiError::not_found(ApiClient::NOUN))?;
    within(&principal, client.body.granted(principal.tenant))?;
    tx.api_client_secret_set(principal.tenant, id, &hash, app.now()).await?;
    Entry::new("rotate_secret", ApiClient::KIND).of(id, &client.name).write(&app, &mut tx, &principal).await?;
    tx.commit().await?;
    let answer = NewSecret { client_id: id, client_secret: secret };
    Ok(([(header::CACHE_CONTROL, "no-store")], ApiJson(answer)).into_response())
}

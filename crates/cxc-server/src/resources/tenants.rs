//! `/tenants`: for operators, who are users of the system tenant.
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cxc_store::StoreError;
use cxc_store::tenant::Tenant;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::time_text;
use crate::audit::Entry;
use crate::document::{Cursor, CursorKey, Page, bad, if_match};
use crate::error::{ApiError, Code};
use crate::extract::{ApiJson, ApiPath, ApiQuery};
use crate::principal::{Principal, SYSTEM_TENANT, require};
use crate::provision::{self, NewTenant};
use crate::{App, Scope};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(require(Scope::TenantsAdmin, routes!(list)))
        .routes(require(Scope::TenantsAdmin, routes!(create)))
        .routes(require(Scope::TenantsAdmin, routes!(get)))
        .routes(require(Scope::TenantsAdmin, routes!(update)))
        .routes(require(Scope::TenantsAdmin, routes!(provision)))
}

/// A tenant.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Tenant)]
struct TenantView {
    /// The id.
    id: Uuid,
    /// Unique.
    short_name: String,
    /// For people.
    customer_name: String,
    /// What stands before the backslash at sign-in; unique.
    domain: String,
    /// The contact centre id; unique.
    ccid: String,
    /// Whether its users may sign in and its campaigns run.
    enabled: bool,
    /// 1 and one more with each change.
    version: i64,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// Who made it.
    created_by: String,
    /// When it was last changed.
    #[schema(format = DateTime)]
    updated_at: String,
    /// Who changed it last.
    updated_by: String,
}

impl From<Tenant> for TenantView {
    fn from(t: Tenant) -> Self {
        Self {
            id: t.id,
            short_name: t.short_name,
            customer_name: t.customer_name,
            domain: t.domain,
            ccid: t.ccid,
            enabled: t.enabled,
            version: t.version,
            created_at: time_text(t.created_at),
            created_by: t.created_by,
            updated_at: time_text(t.updated_at),
            updated_by: t.updated_by,
        }
    }
}

fn answer(status: StatusCode, tenant: Tenant) -> Result<Response, ApiError> {
    let etag = HeaderValue::from_str(&format!("\"{}\"", tenant.version)).map_err(ApiError::internal)?;
    Ok((status, [(header::ETAG, etag)], ApiJson(TenantView::from(tenant))).into_response())
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TenantInput {
    /// 1 to 64 of a-z, A-Z, 0-9, - and _.
    #[schema(pattern = "^[A-Za-z0-9_-]{1,64}$")]
    short_name: String,
    /// For people.
    #[serde(default)]
    #[schema(max_length = 200)]
    customer_name: String,
    /// 1 to 253 of a-z, 0-9, - and dot.
    #[schema(pattern = "^[A-Za-z0-9.-]{1,253}$")]
    domain: String,
    /// The contact centre id.
    #[schema(pattern = "^[A-Za-z0-9_.:-]{1,64}$")]
    ccid: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TenantPatch {
    /// For people.
    #[schema(nullable = false, max_length = 200)]
    customer_name: Option<String>,
    /// What stands before the backslash at sign-in.
    #[schema(nullable = false, pattern = "^[A-Za-z0-9.-]{1,253}$")]
    domain: Option<String>,
    /// Whether its users may sign in and its campaigns run.
    #[schema(nullable = false)]
    enabled: Option<bool>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// How many at most; 50 by default.
    #[param(minimum = 1, maximum = 500, nullable = false)]
    limit: Option<i64>,
    /// Where to go on: `next` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// List tenants, oldest first.
#[utoipa::path(get, path = "/tenants", tag = "Administration", operation_id = "listTenants", params(Asked),
    responses((status = OK, body = Page<TenantView>), ApiError))]
async fn list(State(app): State<App>, ApiQuery(asked): ApiQuery<Asked>) -> Result<Response, ApiError> {
    let limit = asked.limit.unwrap_or(50);
    if !(1..=500).contains(&limit) {
        return Err(bad("limit", "a limit is 1 to 500"));
    }
    let after = match &asked.cursor {
        None => 0,
        Some(cursor) => match Cursor::open(cursor, app.hash_key, "tenants", app.now())?.keys.first() {
            Some(CursorKey::Number(no)) => *no,
            _ => 0,
        },
    };
    let mut tx = app.db.read().await?;
    let mut tenants = tx.tenant_page(after, limit + 1).await?;
    let more = tenants.len() as i64 > limit;
    tenants.truncate(usize::try_from(limit).unwrap_or(0));
    let next = tenants.last().filter(|_| more).map(|last| {
        let keys = vec![CursorKey::Number(last.no)];
        Cursor { keys, id: last.id, made_at: app.now() }.seal(app.hash_key, "tenants")
    });
    let items: Vec<TenantView> = tenants.into_iter().map(Into::into).collect();
    Ok(ApiJson(Page::new(items, next)).into_response())
}

/// Make a tenant with its roles and settings.
#[utoipa::path(post, path = "/tenants", tag = "Administration", operation_id = "createTenant", request_body = TenantInput,
    responses((status = CREATED, body = TenantView, headers(("ETag" = String), ("Location" = String))), ApiError))]
async fn create(
    State(app): State<App>,
    principal: Principal,
    ApiJson(new): ApiJson<TenantInput>,
) -> Result<Response, ApiError> {
    let TenantInput { short_name, customer_name, domain, ccid } = new;
    let tenant = provision::tenant(&app, &principal, &NewTenant { short_name, customer_name, domain, ccid }).await?;
    let location = format!("{}/tenants/{}", crate::BASE, tenant.id);
    let mut response = answer(StatusCode::CREATED, tenant)?;
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_str(&location).map_err(ApiError::internal)?);
    Ok(response)
}

/// Get a tenant.
#[utoipa::path(get, path = "/tenants/{id}", tag = "Administration", operation_id = "getTenant", params(("id" = Uuid, Path)),
    responses((status = OK, body = TenantView, headers(("ETag" = String))), ApiError))]
async fn get(State(app): State<App>, ApiPath(id): ApiPath<Uuid>) -> Result<Response, ApiError> {
    let mut tx = app.db.read().await?;
    answer(StatusCode::OK, tx.tenant_by_id(id).await?.ok_or_else(|| ApiError::not_found("tenant"))?)
}

/// Change a tenant. A disabled one keeps its data; its users can't sign in and its campaigns stop.
#[utoipa::path(patch, path = "/tenants/{id}", tag = "Administration", operation_id = "updateTenant", request_body = TenantPatch,
    params(("id" = Uuid, Path), ("If-Match" = String, Header, description = "The ETag of the version that is changed.")),
    responses((status = OK, body = TenantView, headers(("ETag" = String))), ApiError))]
async fn update(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    headers: HeaderMap,
    ApiJson(patch): ApiJson<TenantPatch>,
) -> Result<Response, ApiError> {
    let mut tx = app.db.begin().await?;
    let before = tx.tenant_by_id(id).await?.ok_or_else(|| ApiError::not_found("tenant"))?;
    if_match(&headers, before.version)?;
    let mut after = before.clone();
    after.customer_name = patch.customer_name.unwrap_or(after.customer_name);
    after.domain = patch.domain.map_or(after.domain, |d| d.to_lowercase());
    after.enabled = patch.enabled.unwrap_or(after.enabled);
    after.version += 1;
    after.updated_at = app.now();
    after.updated_by.clone_from(&principal.name);
    if after.no == SYSTEM_TENANT && (!after.enabled || after.domain != before.domain) {
        return Err(ApiError::new(Code::RequiredItem, "the operators' own tenant stays as it is"));
    }
    let (short_name, customer_name, domain) =
        (after.short_name.clone(), after.customer_name.clone(), after.domain.clone());
    let errors = NewTenant { short_name, customer_name, domain, ccid: after.ccid.clone() }.validate();
    if !errors.is_empty() {
        return Err(ApiError::validation(errors));
    }
    match tx.tenant_update(&after).await {
        Ok(true) => {}
        Ok(false) => return Err(ApiError::new(Code::EtagMismatch, "the tenant has changed since you read it")),
        Err(StoreError::AlreadyExists(_)) => {
            return Err(ApiError::new(Code::NameTaken, "another tenant has this domain"));
        }
        Err(error) => return Err(error.into()),
    }
    let image = |t: &Tenant| json!({"customerName": t.customer_name, "domain": t.domain, "enabled": t.enabled});
    let entry =
        Entry::new("update", "tenant").of(id, &after.short_name).changed(Some(image(&before)), Some(image(&after)));
    entry.write(&app, &mut tx, &principal).await?;
    tx.commit().await?;
    answer(StatusCode::OK, after)
}

/// Give a tenant what every tenant has and it lacks. Repeating it does no harm.
#[utoipa::path(post, path = "/tenants/{id}/actions/provision", tag = "Administration", operation_id = "provisionTenant",
    params(("id" = Uuid, Path)), responses((status = OK, body = TenantView, headers(("ETag" = String))), ApiError))]
async fn provision(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Response, ApiError> {
    let mut tx = app.db.begin().await?;
    let tenant = tx.tenant_by_id(id).await?.ok_or_else(|| ApiError::not_found("tenant"))?;
    provision::furnish(&app, &mut tx, tenant.no).await?;
    Entry::new("provision", "tenant").of(id, &tenant.short_name).write(&app, &mut tx, &principal).await?;
    tx.commit().await?;
    answer(StatusCode::OK, tenant)
}

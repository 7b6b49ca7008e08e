//! The unsubscribe page: GET shows it, POST acts; nobody signs in. Mail programs POST by themselves (RFC 8058).
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use cxc_core::channel::Channel;
use cxc_core::consent::{ConsentScope, RevocationReach};
use cxc_server::App;
use cxc_store::opt_out::{Revocation, source};
use cxc_store::privacy::PersonKey;
use cxc_store::{StoreError, Tx};

use crate::content::{UnsubscribeClaim, UnsubscribeKey};

/// Its routes, at the root of the public port.
pub fn routes() -> Router<App> {
    Router::new().route("/unsubscribe/{token}", get(show).post(act))
}

/// The secret of links, made from the installation's: it lives as long as the database.
pub fn key(app: &App) -> UnsubscribeKey {
    let mut secret = [0; 32];
    let (left, right) = secret.split_at_mut(16);
    left.copy_from_slice(&app.hash_key.0);
    right.copy_from_slice(&app.hash_key.0);
    UnsubscribeKey::new(secret)
}

async fn show(State(app): State<App>, Path(token): Path<String>) -> Response {
    match key(&app).open(&token) {
        Some(_) => page(StatusCode::OK, "Unsubscribe", "Do you want to get no more email from this sender?", true),
        None => unknown(),
    }
}

async fn act(State(app): State<App>, Path(token): Path<String>) -> Response {
    let Some(link) = key(&app).open(&token) else { return unknown() };
    match opt_out(&app, &link).await {
        Ok(()) => page(StatusCode::OK, "Unsubscribed", "You will get no more email from this sender.", false),
        Err(error) => {
            tracing::error!(%error, "an unsubscribe could not be stored");
            page(StatusCode::SERVICE_UNAVAILABLE, "Please try again", "We could not store your wish just now.", true)
        }
    }
}

async fn opt_out(app: &App, claim: &UnsubscribeClaim) -> Result<(), StoreError> {
    let (tenant_no, hash, now) = (claim.tenant, claim.address_hash, app.now());
    let mut tx = app.db.begin().await?;
    // a contact that has left its list is still suppressed, by the hash alone
    let address = address_of(&mut tx, tenant_no, hash).await?;
    let is_known = address.is_some();
    let channels: Vec<Channel> = Channel::ALL.into_iter().filter(|c| claim.channels & c.bit() != 0).collect();
    let revocation = Revocation {
        tenant: tenant_no,
        key: &PersonKey::Address(address.unwrap_or_default()),
        hash: (!is_known).then_some(hash),
        channels: &channels,
        scope: ConsentScope::All,
        reach: RevocationReach::AsSaid,
        said_at: now,
        received_at: now,
        source: source::LINK,
        words: None,
        evidence: None,
    };
    let ids = app.ids.clone();
    let first = tx.opt_out(&app.hash_key, &revocation, &move || ids.next(), now).await?.new_entries > 0;
    let tenant = tx.tenant_get(tenant_no).await?;
    tx.commit().await?;
    if let (true, Some(tenant)) = (first, tenant) {
        let labels = &["media", "ccid", "tenant_name"];
        if let Ok(counter) = app.metrics.counter("cxc_dm_opt_out_messages_total", "Total opt out messages.", labels) {
            counter.with_label_values(&["email", &tenant.ccid, &tenant.short_name]).inc();
        }
    }
    Ok(())
}

/// The address behind a hash, from the contacts that were written to under it.
async fn address_of(tx: &mut Tx, tenant: i64, hash: i64) -> Result<Option<String>, StoreError> {
    let attempts = tx.attempt_of_device(tenant, hash, 20).await?;
    let keys: Vec<(i64, i64)> = attempts.iter().map(|a| (a.list, a.contact)).collect();
    let contacts = tx.contacts_of_lists(tenant, &keys).await?;
    let device = contacts.iter().flat_map(|(_, c)| &c.devices).find(|d| d.address_hash == hash);
    Ok(device.map(|d| d.address.to_lowercase()))
}

fn unknown() -> Response {
    page(
        StatusCode::NOT_FOUND,
        "Unknown link",
        "This link is not complete, or it was not made here. Please use the link in the email.",
        false,
    )
}

fn page(status: StatusCode, title: &str, text: &str, button: bool) -> Response {
    let form = if button { "<form method=\"post\"><button type=\"submit\">Unsubscribe</button></form>" } else { "" };
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"robots\" content=\"noindex\"><title>{title}</title></head><body><main><h1>{title}</h1><p>{text}</p>{form}</main></body></html>"
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; form-action 'self'; frame-ancestors 'none'"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (status, headers, html).into_response()
}

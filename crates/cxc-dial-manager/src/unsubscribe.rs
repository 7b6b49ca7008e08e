//! The unsubscribe page: GET shows it, POST acts; nobody signs in. Mail programs POST by themselves (RFC 8058).
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use cxc_core::channel::Channel;
use cxc_server::App;
use cxc_store::StoreError;

use crate::content::Unsubscribe;
use crate::opt_out::{self, Source};

/// Its routes, at the root of the public port.
pub fn routes() -> Router<App> {
    Router::new().route("/unsubscribe/{token}", get(show).post(act))
}

async fn show(State(app): State<App>, Path(token): Path<String>) -> Response {
    match Unsubscribe::verify(&token, &app.hash_key) {
        Some(_) => page(StatusCode::OK, "Unsubscribe", "Do you want to get no more email from this sender?", true),
        None => unknown(),
    }
}

async fn act(State(app): State<App>, Path(token): Path<String>) -> Response {
    let Some(link) = Unsubscribe::verify(&token, &app.hash_key) else { return unknown() };
    match opt_out(&app, &link).await {
        Ok(()) => page(StatusCode::OK, "Unsubscribed", "You will get no more email from this sender.", false),
        Err(error) => {
            tracing::error!(%error, "an unsubscribe could not be stored");
            page(StatusCode::SERVICE_UNAVAILABLE, "Please try again", "We could not store your wish just now.", true)
        }
    }
}

async fn opt_out(app: &App, link: &Unsubscribe) -> Result<(), StoreError> {
    let now = app.now();
    let mut tx = app.db.begin().await?;
    let found = tx.contacts_of_lists(link.tenant, &[(link.list, link.contact)]).await?;
    let device = found.iter().flat_map(|(_, c)| &c.devices).find(|d| d.address_hash == link.device);
    // a contact that has left its list is still suppressed, by the hash alone
    let address = device.map_or(String::new(), |d| d.address.to_lowercase());
    let first = opt_out::add(&mut tx, app.ids.next(), link.tenant, Channel::Email, &address, link.device, Source::Link, now).await?;
    let tenant = tx.tenant_get(link.tenant).await?;
    tx.commit().await?;
    if let (true, Some(tenant)) = (first, tenant) {
        let labels = &["media", "ccid", "tenant_name"];
        if let Ok(counter) = app.metrics.counter("cxc_dm_opt_out_messages_total", "Total opt out messages.", labels) {
            counter.with_label_values(&["email", &tenant.ccid, &tenant.short_name]).inc();
        }
    }
    Ok(())
}

fn unknown() -> Response {
    page(StatusCode::NOT_FOUND, "Unknown link", "This link is not complete, or it was not made here. Please use the link in the email.", false)
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

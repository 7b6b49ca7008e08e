//! Revoking by the API: at once, in suppression and ledger, as far as the person said and the law reaches.
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use cxc_core::channel::Channel;
use cxc_core::consent::{ConsentScope, RevocationReach};
use cxc_server::app::time_text;
use cxc_server::audit::Entry;
use cxc_server::{ApiError, ApiJson, App, Principal};
use cxc_store::opt_out::{Revocation, source};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::ledger::{bounded, instant};
use super::person;

/// Who opted out of what.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RevocationInput {
    /// A phone number with its country, or an email address; or else `clientId`.
    #[serde(default)]
    #[schema(max_length = 256)]
    device: Option<String>,
    /// A client id: every address that is known of the person.
    #[serde(default)]
    #[schema(max_length = 64)]
    client_id: Option<String>,
    /// The channels on which it came, or that the person named; none for all.
    #[serde(default)]
    #[schema(max_items = 3)]
    channels: Vec<Channel>,
    /// For what; everything when absent. A topic or brand is kept in the ledger only.
    #[serde(default)]
    scope: Option<ConsentScope>,
    /// How far it reaches at least; the law may reach further.
    #[serde(default)]
    reach: RevocationReach,
    /// When it reached you, if that was earlier than now.
    #[serde(default)]
    #[schema(format = DateTime)]
    received_at: Option<String>,
    /// A complaint instead of a wish.
    #[serde(default)]
    #[schema(default = false)]
    complaint: bool,
    /// The person's words.
    #[serde(default)]
    #[schema(max_length = 4000)]
    text: Option<String>,
    /// A reference to its proof.
    #[serde(default)]
    #[schema(max_length = 1000)]
    evidence: Option<String>,
}

/// What a revocation did.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RevocationDone {
    /// The channels that it ended.
    channels: Vec<Channel>,
    /// Suppression entries that were not there before.
    new_entries: i64,
    /// Entries of the ledger.
    ledger_entries: usize,
    /// By when the law wanted it to hold; it holds now.
    #[schema(format = DateTime)]
    deadline: String,
}

/// Revoke consent, on every address that it reaches
#[utoipa::path(post, path = "/compliance/consents/revoke", tag = "Compliance", operation_id = "revokeConsent",
    request_body = RevocationInput, responses((status = OK, body = RevocationDone), ApiError))]
pub(crate) async fn revoke(
    State(app): State<App>,
    principal: Principal,
    ApiJson(input): ApiJson<RevocationInput>,
) -> Result<Response, ApiError> {
    let wrong = |member: &str, text: &'static str| ApiError::invalid(&format!("/{member}"), "bad_value", text);
    let key = person::read("", input.device.as_deref(), input.client_id.as_deref())?;
    let now = app.now();
    let received_at = match input.received_at.as_deref() {
        None => now,
        Some(text) => instant(text).filter(|at| *at <= now).ok_or_else(|| {
            wrong("receivedAt", "an instant is RFC 3339, and a revocation that reached you is of the past")
        })?,
    };
    let words = input
        .text
        .as_deref()
        .map(|t| bounded(t, 0, 4_000).ok_or_else(|| wrong("text", "a text has at most 4,000 characters")));
    let words = words.transpose()?;
    let evidence = input.evidence.as_deref();
    let evidence = evidence
        .map(|t| bounded(t, 0, 1_000).ok_or_else(|| wrong("evidence", "a reference has at most 1,000 characters")));
    let evidence = evidence.transpose()?;
    let channels = if input.channels.is_empty() { Channel::ALL.to_vec() } else { input.channels };
    let scope = input.scope.unwrap_or(ConsentScope::All);
    if let ConsentScope::Brand { name } | ConsentScope::Topic { name } = &scope
        && bounded(name, 1, 100).is_none()
    {
        return Err(wrong("scope/name", "the name of a topic or brand has 1 to 100 characters"));
    }
    let revocation = Revocation {
        tenant: principal.tenant,
        key: &key,
        hash: None,
        channels: &channels,
        scope,
        reach: input.reach,
        said_at: received_at,
        received_at,
        source: if input.complaint { source::COMPLAINT } else { source::API },
        words: words.as_deref(),
        evidence: evidence.as_deref(),
    };
    let ids = app.ids.clone();
    let mut tx = app.db.begin().await?;
    let done = tx.opt_out(&app.hash_key, &revocation, &move || ids.next(), now).await?;
    let after = json!({ "channels": done.channels, "entries": done.new_entries, "ledger": done.ledger });
    Entry::new("revoke", "consent").changed(None, Some(after)).write(&app, &mut tx, &principal).await?;
    tx.commit().await?;
    let view = RevocationDone {
        channels: done.channels,
        new_entries: done.new_entries,
        ledger_entries: done.ledger,
        deadline: time_text(done.deadline),
    };
    Ok(ApiJson(view).into_response())
}

//! Reading the ledger of a person, and adding consents.
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use cxc_core::channel::Channel;
use cxc_core::consent::{AskedFor, ConsentEvent, ConsentKind, ConsentScope, SOURCE_KEYWORD, opted_out_of_all};
use cxc_server::app::time_text;
use cxc_server::audit::Entry;
use cxc_server::{ApiError, ApiJson, ApiQuery, App, Code, Principal};
use cxc_store::consent::{NewConsent, StoredConsent};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::person;

/// The most consents of a bulk call.
const MOST: usize = 1_000;
/// The most late revocations that are shown.
const MOST_LATE: i64 = 500;

/// An entry of the ledger.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConsentView {
    /// Its number.
    id: String,
    /// `device` or `client_id`.
    by: &'static str,
    /// The address or client id; empty once the person was erased, and among late ones for who may not see people's data
    /// (`privacy:admin`).
    value: String,
    /// The entry as rules judge it.
    #[schema(required)]
    entry: Option<ConsentEvent>,
    /// When we learned of it.
    #[schema(format = DateTime)]
    received_at: String,
    /// Since when it holds here.
    #[schema(format = DateTime)]
    effective_at: String,
    /// By when the law wants a revocation to hold.
    #[schema(format = DateTime, required)]
    deadline: Option<String>,
    /// By how many seconds it exceeded that.
    #[schema(required)]
    late_seconds: Option<i64>,
    /// The words.
    #[schema(required)]
    text: Option<String>,
    /// A reference to its proof.
    #[schema(required)]
    evidence: Option<String>,
}

impl From<StoredConsent> for ConsentView {
    fn from(c: StoredConsent) -> Self {
        Self {
            id: c.id.to_string(),
            by: match c.key_kind() {
                cxc_store::consent::KeyKind::Device => "device",
                cxc_store::consent::KeyKind::Client => "client_id",
            },
            entry: c.event(),
            received_at: time_text(c.received_at),
            effective_at: time_text(c.effective_at),
            deadline: c.deadline.map(time_text),
            late_seconds: c.late_by().map(|micros| micros / 1_000_000),
            value: c.key,
            text: c.words,
            evidence: c.evidence,
        }
    }
}

impl ConsentView {
    /// The entry without whom it is about and the words.
    fn without_person(self) -> Self {
        Self { value: String::new(), text: None, evidence: None, ..self }
    }
}

/// A person's ledger.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Ledger {
    /// The entries that count, oldest first.
    items: Vec<ConsentView>,
    /// The channels on which the person has opted out of everything, now.
    opted_out: Vec<Channel>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Who {
    /// A phone number with its country, or an email address.
    #[param(nullable = false)]
    device: Option<String>,
    /// A client id.
    #[param(nullable = false)]
    client_id: Option<String>,
}

/// List the consents and opt-outs of a device or a client id
#[utoipa::path(get, path = "/compliance/consents", tag = "Compliance", operation_id = "listConsents", params(Who),
    responses((status = OK, body = Ledger), ApiError))]
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
    ApiQuery(who): ApiQuery<Who>,
) -> Result<Response, ApiError> {
    let key = person::read("", who.device.as_deref(), who.client_id.as_deref())?;
    let (kind, text, hash) = person::hashed(&app.hash_key, principal.tenant, &key);
    let mut tx = app.db.read().await?;
    let (devices, clients) = match kind {
        cxc_store::consent::KeyKind::Device => (vec![hash], vec![]),
        cxc_store::consent::KeyKind::Client => (vec![], vec![hash]),
    };
    let mut found = tx.consents_of(principal.tenant, &devices, &clients).await?;
    found.retain(|c| c.key.is_empty() || c.key == text);
    let events: Vec<ConsentEvent> = found.iter().filter_map(StoredConsent::event).collect();
    let at = Timestamp::from_microsecond(app.now()).unwrap_or(Timestamp::MAX);
    let is_out = |channel: &Channel| opted_out_of_all(&events, *channel, at).is_some();
    let opted_out = Channel::ALL.into_iter().filter(is_out).collect();
    Ok(ApiJson(Ledger { items: found.into_iter().map(ConsentView::from).collect(), opted_out }).into_response())
}

/// A consent that is added.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ConsentInput {
    /// A phone number with its country, or an email address; or else `clientId`.
    #[serde(default)]
    #[schema(max_length = 256)]
    device: Option<String>,
    /// A client id.
    #[serde(default)]
    #[schema(max_length = 64)]
    client_id: Option<String>,
    /// The kind.
    kind: ConsentKind,
    /// The channels; none for all.
    #[serde(default)]
    #[schema(max_items = 3)]
    channels: Vec<Channel>,
    /// For what it holds; everything when absent.
    #[serde(default)]
    scope: Option<ConsentScope>,
    /// When the person said so.
    #[schema(format = DateTime)]
    at: String,
    /// Until when, exclusively.
    #[serde(default)]
    #[schema(format = DateTime)]
    expires: Option<String>,
    /// When the person asked to be called back, of a consent of the kind `callback`: it opens closed hours then, and no others.
    #[serde(default)]
    asked_for: Option<AskedFor>,
    /// Where it comes from: a form, a call, a contract.
    #[schema(min_length = 1, max_length = 100)]
    source: String,
    /// The text that the person agreed to.
    #[serde(default)]
    #[schema(max_length = 4000)]
    text: Option<String>,
    /// A reference to its proof.
    #[serde(default)]
    #[schema(max_length = 1000)]
    evidence: Option<String>,
}

/// Add a consent
///
/// It lifts an opt-out only if the person gave it expressly and later. Then the entries go that the opt-out put on lists
/// of opt-outs.
#[utoipa::path(post, path = "/compliance/consents", tag = "Compliance", operation_id = "addConsent", request_body = ConsentInput,
    responses((status = CREATED, body = Added), ApiError))]
pub(crate) async fn add(
    State(app): State<App>,
    principal: Principal,
    ApiJson(input): ApiJson<ConsentInput>,
) -> Result<Response, ApiError> {
    let new = read(&app, principal.tenant, &input, "")?;
    let mut tx = app.db.begin().await?;
    let id = tx.consent_insert(principal.tenant, std::slice::from_ref(&new)).await?;
    let lifted_entries = lift(&app, &mut tx, &principal, std::slice::from_ref(&new)).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, ApiJson(Added { id: id.to_string(), lifted_entries })).into_response())
}

/// A consent that was added.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Added {
    /// Its number.
    id: String,
    /// Entries of opt-out lists that went with the opt-outs that it lifts.
    lifted_entries: i64,
}

/// Consents to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ConsentBulk {
    /// The consents.
    #[schema(max_items = 1000)]
    items: Vec<ConsentInput>,
}

/// What became of one consent of a bulk call.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConsentBulkResult {
    /// Whether it was added.
    ok: bool,
    /// Why not.
    #[schema(required)]
    error: Option<String>,
    /// Whether the person has opted out and stays so: many consents at once end no opt-out, as a file does not, unless
    /// the consent policy says that they do.
    held_back: bool,
}

/// The results of a bulk call, in order.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConsentBulkResults {
    results: Vec<ConsentBulkResult>,
    /// Entries of opt-out lists that went with the opt-outs that they lift.
    lifted_entries: i64,
}

/// Add many consents
///
/// They end no opt-out, unless the consent policy says that files do: `heldBack` tells of whom.
#[utoipa::path(post, path = "/compliance/consents/bulk", tag = "Compliance", operation_id = "bulkConsents",
    request_body = ConsentBulk, responses((status = OK, body = ConsentBulkResults), ApiError))]
pub(crate) async fn bulk(
    State(app): State<App>,
    principal: Principal,
    ApiJson(bulk): ApiJson<ConsentBulk>,
) -> Result<Response, ApiError> {
    if bulk.items.len() > MOST {
        return Err(ApiError::new(Code::TooManyItems, "a call takes at most 1,000 items; import a file for more"));
    }
    let mut tx = app.db.begin().await?;
    let lifts = tx.consent_policy(principal.tenant).await?.files_lift_opt_outs;
    let (mut new, mut results) = (Vec::new(), Vec::new());
    for (i, input) in bulk.items.iter().enumerate() {
        let read = read(&app, principal.tenant, input, &format!("/items/{i}"));
        let error = read.as_ref().err().map(|e| e.detail().to_owned());
        results.push(ConsentBulkResult { ok: error.is_none(), error, held_back: false });
        new.extend(read.map(|one| NewConsent { lifts, ..one }));
    }
    let mut lifted_entries = 0;
    if !new.is_empty() {
        tx.consent_insert(principal.tenant, &new).await?;
        lifted_entries = lift(&app, &mut tx, &principal, &new).await?;
        let held_back = tx.consents_held_back(principal.tenant, &new, app.now()).await?;
        let taken = results.iter_mut().filter(|result| result.ok);
        taken.zip(held_back).for_each(|(result, held_back)| result.held_back = held_back);
    }
    tx.commit().await?;
    Ok(ApiJson(ConsentBulkResults { results, lifted_entries }).into_response())
}

/// Revocations that held later than the law wants.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Late {
    items: Vec<ConsentView>,
}

/// List the revocations that held later than the law wants, newest first
#[utoipa::path(get, path = "/compliance/consents/late", tag = "Compliance", operation_id = "listLateRevocations",
    responses((status = OK, body = Late), ApiError))]
pub(crate) async fn late(State(app): State<App>, principal: Principal) -> Result<Response, ApiError> {
    let found = app.db.read().await?.consent_late(principal.tenant, MOST_LATE).await?;
    let sees = principal.sees_people();
    let view = |one| if sees { ConsentView::from(one) } else { ConsentView::from(one).without_person() };
    Ok(ApiJson(Late { items: found.into_iter().map(view).collect() }).into_response())
}

/// Lifts the opt-outs that new consents end, and audits both; answers how many entries of lists went. Values are personal:
/// the audit log has their number only.
async fn lift(app: &App, tx: &mut cxc_store::Tx, principal: &Principal, new: &[NewConsent]) -> Result<i64, ApiError> {
    let lifted = tx.opt_outs_lifted_by(&app.hash_key, principal.tenant, new, app.now()).await?;
    let after = json!({ "entries": new.len(), "liftedEntries": lifted });
    Entry::new("add", "consent").changed(None, Some(after)).write(app, tx, principal).await?;
    Ok(lifted)
}

fn read(app: &App, tenant: i64, input: &ConsentInput, pointer: &str) -> Result<NewConsent, ApiError> {
    let wrong = |member: &str, text: &'static str| ApiError::invalid(&format!("{pointer}/{member}"), "bad_value", text);
    let key = person::read(pointer, input.device.as_deref(), input.client_id.as_deref())?;
    let (key_kind, key, key_hash) = person::hashed(&app.hash_key, tenant, &key);
    let at = instant(&input.at).ok_or_else(|| wrong("at", "an instant is RFC 3339"))?;
    let now = app.now();
    if at > now {
        return Err(wrong("at", "a consent is of the past: the person said so before now"));
    }
    let expires_at =
        input.expires.as_deref().map(|t| instant(t).ok_or_else(|| wrong("expires", "an instant is RFC 3339")));
    let expires_at = expires_at.transpose()?;
    if expires_at.is_some_and(|end| end <= at) {
        return Err(wrong("expires", "the end of a consent is after its beginning"));
    }
    let source = bounded(&input.source, 1, 100).ok_or_else(|| wrong("source", "a source has 1 to 100 characters"))?;
    if source == SOURCE_KEYWORD {
        return Err(wrong("source", "keyword is the source of people's own words: name another"));
    }
    let words = input
        .text
        .as_deref()
        .map(|t| bounded(t, 0, 4_000).ok_or_else(|| wrong("text", "a text has at most 4,000 characters")));
    let evidence = input.evidence.as_deref();
    let evidence = evidence
        .map(|t| bounded(t, 0, 1_000).ok_or_else(|| wrong("evidence", "a reference has at most 1,000 characters")));
    let scope = input.scope.clone().unwrap_or(ConsentScope::All);
    if let ConsentScope::Brand { name } | ConsentScope::Topic { name } = &scope
        && bounded(name, 1, 100).is_none()
    {
        return Err(wrong("scope/name", "the name of a topic or brand has 1 to 100 characters"));
    }
    if let Some(problem) = input.asked_for.and_then(|asked| asked.problem(input.kind, at)) {
        return Err(wrong("askedFor", problem));
    }
    Ok(NewConsent {
        key_kind,
        key_hash,
        key,
        kind: input.kind,
        revoked: false,
        channels: input.channels.clone(),
        scope,
        said_at: at,
        received_at: now,
        effective_at: at,
        deadline: None,
        expires_at,
        source,
        words: words.transpose()?,
        evidence: evidence.transpose()?,
        import: 0,
        asked_for: input.asked_for.map(|asked| (asked.from.as_microsecond(), asked.till.as_microsecond())),
        lifts: true,
    })
}

pub(crate) fn instant(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_microsecond)
}

/// A text without outer spaces, if its length fits.
pub(crate) fn bounded(text: &str, least: usize, most: usize) -> Option<String> {
    let text = text.trim();
    let fits = (least..=most).contains(&text.chars().count()) && !text.contains('\0');
    fits.then(|| text.to_owned())
}

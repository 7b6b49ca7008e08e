//! Messages that may have been an opt-out: they are suppressed, and a person confirms or releases them.
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use cxc_core::channel::Channel;
use cxc_core::consent::{ConsentScope, RevocationReach};
use cxc_server::app::time_text;
use cxc_server::audit::Entry;
use cxc_server::document::{Cursor, CursorKey, Page};
use cxc_server::{ApiError, ApiJson, ApiPath, ApiQuery, App, Code, Principal, document};
use cxc_store::Tx;
use cxc_store::opt_out::{Revocation, source};
use cxc_store::opt_out_review::Review;
use cxc_store::privacy::PersonKey;
use cxc_store::suppression::SuppressionEntry;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::person;

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReviewState {
    /// Nothing yet: the address is suppressed.
    #[default]
    Open,
    /// It was an opt-out.
    Confirmed,
    /// It was none: the address is suppressed no more by it.
    Released,
}

impl ReviewState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Confirmed => "confirmed",
            Self::Released => "released",
        }
    }
}

/// A message that may have been an opt-out.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReviewView {
    /// Its number.
    id: String,
    /// `open`, `confirmed` or `released`.
    state: String,
    /// How it came.
    #[schema(required)]
    channel: Option<Channel>,
    /// The person's address; empty once the person was erased, and for who may not see people's data (`privacy:admin`).
    device: String,
    /// What it says.
    text: String,
    /// The language of the rule that found it.
    language: String,
    /// The line of the rule in the wording rules.
    rule: i64,
    /// When it came.
    #[schema(format = DateTime)]
    received_at: String,
    /// When it was decided.
    #[schema(format = DateTime, required)]
    decided_at: Option<String>,
    /// Who decided.
    #[schema(required)]
    decided_by: Option<String>,
    /// Why it was released.
    #[schema(required)]
    reason: Option<String>,
}

impl ReviewView {
    /// As it is shown to somebody. What a message says is needed to decide about it.
    fn of(r: Review, principal: &Principal) -> Self {
        Self {
            id: r.id.to_string(),
            state: r.state,
            channel: Channel::from_bit(r.channel),
            device: if principal.sees_people() { r.key } else { String::new() },
            text: r.words,
            language: r.language,
            rule: r.rule,
            received_at: time_text(r.received_at),
            decided_at: r.decided_at.map(time_text),
            decided_by: r.decided_by,
            reason: r.reason,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// Which ones; the open ones by default.
    #[param(nullable = false)]
    state: Option<ReviewState>,
    /// How many at most; 50 by default.
    #[param(minimum = 1, maximum = 500, nullable = false)]
    limit: Option<i64>,
    /// Where to go on: `next` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// List messages that may have been an opt-out, oldest first
#[utoipa::path(get, path = "/compliance/opt-out-reviews", tag = "Compliance", operation_id = "listOptOutReviews",
    params(Asked), responses((status = OK, body = Page<ReviewView>), ApiError))]
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
    ApiQuery(asked): ApiQuery<Asked>,
) -> Result<Response, ApiError> {
    let limit = document::limit(asked.limit)?;
    let state = asked.state.unwrap_or_default().as_str();
    let query = format!("{} reviews {state}", principal.tenant);
    let after = asked.cursor.as_deref().map(|text| Cursor::open(text, app.hash_key, &query, app.now())).transpose()?;
    let after = after.as_ref().and_then(|cursor| match cursor.keys.as_slice() {
        [CursorKey::Number(id)] => Some(*id),
        _ => None,
    });
    let mut tx = app.db.read().await?;
    let mut found = tx.opt_out_review_page(principal.tenant, state, after.unwrap_or(0), limit + 1).await?;
    let shown = usize::try_from(limit).unwrap_or(0);
    let has_more = found.len() > shown;
    found.truncate(shown);
    let next = found.last().filter(|_| has_more).map(|last| {
        let keys = vec![CursorKey::Number(last.id)];
        Cursor { keys, id: Uuid::nil(), made_at: app.now() }.seal(app.hash_key, &query)
    });
    let items: Vec<ReviewView> = found.into_iter().map(|review| ReviewView::of(review, &principal)).collect();
    Ok(ApiJson(Page::new(items, next)).into_response())
}

/// Confirm that a message was an opt-out: it holds since the message came
#[utoipa::path(post, path = "/compliance/opt-out-reviews/{id}/confirm", tag = "Compliance",
    operation_id = "confirmOptOutReview", params(("id" = i64, Path)), responses((status = OK, body = ReviewView), ApiError))]
pub(crate) async fn confirm(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<i64>,
) -> Result<Response, ApiError> {
    let now = app.now();
    let mut tx = app.db.begin().await?;
    let review = decide(&app, &mut tx, &principal, id, ReviewState::Confirmed, None).await?;
    let channel = Channel::from_bit(review.channel).ok_or_else(|| ApiError::not_found("message"))?;
    let revocation = Revocation {
        tenant: principal.tenant,
        key: &PersonKey::Address(review.key.clone()),
        hash: review.key.is_empty().then_some(review.key_hash),
        channels: &[channel],
        scope: ConsentScope::All,
        reach: RevocationReach::AsSaid,
        said_at: review.received_at,
        received_at: review.received_at,
        source: source::WORDING,
        words: (!review.words.is_empty()).then_some(review.words.as_str()),
        evidence: None,
    };
    let ids = app.ids.clone();
    // it has been suppressed since it came, so the ledger says so too
    tx.opt_out(&app.hash_key, &revocation, &move || ids.next(), review.received_at.min(now)).await?;
    tx.commit().await?;
    Ok(ApiJson(ReviewView::of(review, &principal)).into_response())
}

/// Why a message is released.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Release {
    /// Why it was no opt-out.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// Release a message that was no opt-out: it suppresses nobody any more
#[utoipa::path(post, path = "/compliance/opt-out-reviews/{id}/release", tag = "Compliance",
    operation_id = "releaseOptOutReview", params(("id" = i64, Path)), request_body = Release,
    responses((status = OK, body = ReviewView), ApiError))]
pub(crate) async fn release(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<i64>,
    ApiJson(body): ApiJson<Release>,
) -> Result<Response, ApiError> {
    let reason = person::reason(&body.reason)?;
    let mut tx = app.db.begin().await?;
    let review = decide(&app, &mut tx, &principal, id, ReviewState::Released, Some(&reason)).await?;
    let open = tx.opt_out_review_open(principal.tenant, review.channel, review.key_hash, id).await?;
    if open == 0 {
        lift(&mut tx, principal.tenant, &review).await?;
    }
    tx.commit().await?;
    Ok(ApiJson(ReviewView::of(review, &principal)).into_response())
}

/// Takes away the entry that waited for this decision; one that has another cause stays.
async fn lift(tx: &mut Tx, tenant: i64, review: &Review) -> Result<(), ApiError> {
    let Some(channel) = Channel::from_bit(review.channel) else { return Ok(()) };
    let Some(list) = tx.suppression_opt_out_list_if_any(tenant, channel).await? else { return Ok(()) };
    let wanted = SuppressionEntry {
        key_hash: review.key_hash,
        key: review.key.clone(),
        from_at: None,
        until_at: None,
        reason: None,
        source: String::new(),
        added_at: 0,
    };
    let present = tx.suppression_present(list.generation, &[wanted]).await?;
    let waiting = present.into_iter().filter(|e| e.source == source::REVIEW);
    let keys: Vec<(i64, String)> = waiting.map(|e| (e.key_hash, e.key)).collect();
    if !keys.is_empty() {
        tx.suppression_remove(&list, &keys).await?;
    }
    Ok(())
}

async fn decide(
    app: &App,
    tx: &mut Tx,
    principal: &Principal,
    id: i64,
    state: ReviewState,
    reason: Option<&str>,
) -> Result<Review, ApiError> {
    let missing = || ApiError::not_found("message in review");
    let before = tx.opt_out_review_get(principal.tenant, id).await?.ok_or_else(missing)?;
    let name = state.as_str();
    if !tx.opt_out_review_decide(principal.tenant, id, name, &principal.name, reason, app.now()).await? {
        return Err(ApiError::new(Code::InUse, format!("the message was decided before: it is {}", before.state)));
    }
    let after = json!({ "state": name, "reason": reason });
    let entry = Entry::new("decide", "opt_out_review").named(&id.to_string());
    entry.changed(Some(json!({ "state": before.state })), Some(after)).write(app, tx, principal).await?;
    tx.opt_out_review_get(principal.tenant, id).await?.ok_or_else(missing)
}

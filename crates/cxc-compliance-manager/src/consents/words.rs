//! The words of a tenant for stop, help and start: the shipped ones until it has its own.
use axum::extract::State;
use cxc_core::field_error::FieldError;
use cxc_core::opt_out::KeywordSet;
use cxc_core::written_reason::WrittenReason;
use cxc_server::audit::Entry;
use cxc_server::{ApiError, ApiJson, App, Principal};
use cxc_store::StoreError;
use jiff::tz::TimeZone;
use serde_json::Value;

fn read(body: Value) -> Result<KeywordSet, StoreError> {
    Ok(serde_json::from_value(body)?)
}

/// A set as it is shown: with the words that stop whatever it says.
fn shown(set: KeywordSet) -> axum::Json<KeywordSet> {
    axum::Json(KeywordSet { fixed: KeywordSet::carriers(), ..set })
}

/// Show the words that mean stop, help and start
#[utoipa::path(get, path = "/compliance/opt-out-words", tag = "Compliance", operation_id = "getOptOutWords",
    responses((status = OK, body = KeywordSet), ApiError))]
pub(crate) async fn get(State(app): State<App>, principal: Principal) -> Result<axum::Json<KeywordSet>, ApiError> {
    let own = app.db.read().await?.opt_out_words(principal.tenant).await?;
    Ok(shown(own.map(read).transpose()?.unwrap_or_default()))
}

/// Set the words that mean stop, help and start
///
/// The words that carriers name stop in any case: an answer shows them as `fixed`, and what a request says of them is passed
/// over. A kind that is left out has the shipped words. Whatever lets fewer messages stop
/// than before, lets less end by them, or lets more words lift an opt-out, needs a reason, and a narrow scope its days.
#[utoipa::path(put, path = "/compliance/opt-out-words", tag = "Compliance", operation_id = "setOptOutWords",
    request_body = KeywordSet, responses((status = OK, body = KeywordSet), ApiError))]
pub(crate) async fn set(
    State(app): State<App>,
    principal: Principal,
    ApiJson(mut wanted): ApiJson<KeywordSet>,
) -> Result<axum::Json<KeywordSet>, ApiError> {
    let mut errors = wanted.validate();
    let mut tx = app.db.begin().await?;
    let before = tx.opt_out_words(principal.tenant).await?;
    let standing = before.clone().map(read).transpose()?.unwrap_or_default();
    let today = app.clock.now().to_zoned(TimeZone::UTC).date();
    let widened = wanted.widens(&standing, today);
    if widened.contains(&"/scope") {
        errors.extend(wanted.scope.undated());
    }
    if !widened.is_empty() && WrittenReason::of_law(&wanted.reason).is_err() {
        let detail = format!(
            "this lets people be contacted who would have stopped it ({}): say why, the audit log keeps it",
            widened.join(", ")
        );
        errors.push(FieldError::new("/reason", "required", detail));
    }
    if !errors.is_empty() {
        return Err(ApiError::validation(errors));
    }
    // no tenant decides about them
    wanted.fixed.clear();
    let audited = serde_json::to_value(&wanted).map_err(StoreError::from)?;
    // the reason is of this change: the next one has its own
    wanted.reason.clear();
    let after = serde_json::to_value(&wanted).map_err(StoreError::from)?;
    tx.opt_out_words_set(principal.tenant, app.ids.next(), after, &principal.name, app.now()).await?;
    let entry = Entry::new("update", cxc_core::kind::OPT_OUT_WORDS).changed(before, Some(audited));
    entry.write(&app, &mut tx, &principal).await?;
    tx.commit().await?;
    Ok(shown(wanted))
}

//! Entries of suppression lists as people write them: values, days and countries.
use cxc_core::contact::{CheckedDevice, address_text};
use cxc_core::location::Country;
use cxc_server::{ApiError, App};
use cxc_store::suppression::SuppressionEntry;
use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::Readers;
use crate::suppression_lists::{SuppressionList, SuppressionType};

/// An entry as it is written.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewEntry {
    /// A phone number, an email address or a client id, as the list is by.
    #[schema(min_length = 1, max_length = 256)]
    pub value: String,
    /// Not before this instant or day (UTC).
    #[serde(default)]
    pub from: Option<String>,
    /// No longer from this instant on; of a day: until its end (UTC).
    #[serde(default)]
    pub till: Option<String>,
    /// Why, for people.
    #[serde(default)]
    #[schema(max_length = 256)]
    pub reason: Option<String>,
    /// The country of a number without one: ISO 3166-1, two letters.
    #[serde(default)]
    #[schema(max_length = 2)]
    pub country: Option<String>,
}

/// Reads an entry as it is written, for a list of a tenant.
pub(crate) fn read(
    app: &App,
    readers: &Readers,
    tenant: i64,
    list: &SuppressionList,
    new: &NewEntry,
) -> Result<SuppressionEntry, ApiError> {
    let key = normalise(readers, list.kind, &new.value, new.country.as_deref())?;
    if new.reason.as_ref().is_some_and(|reason| reason.chars().count() > 256) {
        return Err(ApiError::invalid("/reason", "too_long", "a reason has at most 256 characters"));
    }
    let now = app.now();
    let from = new.from.as_deref().map(|text| instant(text, false, "/from")).transpose()?;
    let till = new.till.as_deref().map(|text| instant(text, true, "/till")).transpose()?;
    let until = list.until(till, now);
    if let Some(from) = from {
        if till.is_some_and(|till| till <= from) {
            return Err(ApiError::invalid("/till", "range", "the end of an entry is after its beginning"));
        }
        if until.is_some_and(|until| until <= from) {
            let text = "the entry would begin after the days for which the list keeps entries";
            return Err(ApiError::invalid("/from", "range", text));
        }
    }
    Ok(SuppressionEntry {
        key_hash: app.hash_key.hash(tenant, &key),
        key,
        from_at: from,
        until_at: until,
        reason: new.reason.clone(),
        source: "api".into(),
        added_at: now,
    })
}

/// A value as entries are compared: E.164, an email address in lower case, a client id without outer spaces.
pub(crate) fn normalise(
    readers: &Readers,
    kind: SuppressionType,
    value: &str,
    country: Option<&str>,
) -> Result<String, ApiError> {
    let wrong = |detail: String| ApiError::invalid("/value", "bad_value", detail);
    let value = value.trim();
    if kind == SuppressionType::ClientId {
        let fits = !value.is_empty() && value.chars().count() <= 64;
        return if fits { Ok(value.to_owned()) } else { Err(wrong("a client id has 1 to 64 characters".into())) };
    }
    let country = country.and_then(Country::from_code);
    let device =
        CheckedDevice::read(&readers.phones, &readers.tables.current(), value, None, country).map_err(wrong)?;
    Ok(address_text(&device.address).into_owned())
}

/// An instant, or a day of UTC: its beginning, or its end.
fn instant(text: &str, end: bool, pointer: &str) -> Result<i64, ApiError> {
    let wrong = || ApiError::invalid(pointer, "invalid", "an instant is RFC 3339 or a day such as 2026-03-02");
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at.as_microsecond());
    }
    let day: Date = text.parse().map_err(|_| wrong())?;
    let day = if end { day.tomorrow().map_err(|_| wrong())? } else { day };
    day.to_zoned(TimeZone::UTC).map(|at| at.timestamp().as_microsecond()).map_err(|_| wrong())
}

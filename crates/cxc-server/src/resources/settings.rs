//! `/settings`: one document per tenant.
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use cxc_core::TenantNo;
use cxc_core::field_error::FieldError;
use cxc_core::location::Country;
use cxc_store::Tx;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::document::{self, Document, Draft, NoExtra, Stored, Write};
use crate::error::{ApiError, Code};
use crate::extract::MergePatch;
use crate::principal::{Principal, require};
use crate::{App, Scope};

/// The settings of a tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// The name of the account in the user interface.
    #[schema(max_length = 200)]
    pub account_name: String,
    /// The number that is shown to those who are called, E.164; empty for none.
    #[schema(max_length = 40)]
    pub caller_id: String,
    /// The sender's postal address, put under marketing email.
    #[schema(max_length = 500)]
    pub postal_address: String,
    /// The database of an outside dialer.
    #[schema(max_length = 200)]
    pub dialer_database_name: String,
    /// The record format of an outside dialer.
    #[schema(max_length = 200)]
    pub record_format: String,
    /// The set of disposition codes.
    #[schema(max_length = 200)]
    pub disposition_code_set: String,
    /// Where contacts are when nothing else tells: ISO 3166-1, two letters.
    #[schema(pattern = "^[A-Z]{2}$")]
    pub country: String,
    /// Whose formats are used: ISO 3166-1, two letters.
    #[schema(pattern = "^[A-Z]{2}$")]
    pub region: String,
    /// The language of the user interface: BCP 47.
    #[schema(max_length = 20)]
    pub locale: String,
    /// The tenant's own time zone: an IANA name.
    #[schema(max_length = 64)]
    pub time_zone: String,
    /// The time zone of reports: an IANA name.
    #[schema(max_length = 64)]
    pub reports_time_zone: String,
    /// Into how many lists an upload may be split.
    #[schema(minimum = 1, maximum = 1000)]
    pub max_split_lists: u32,
    /// How many of the answered calls may be abandoned.
    #[schema(minimum = 0, maximum = 100)]
    pub target_abandon_rate_percent: f64,
    /// After how long without an agent an answered call counts as abandoned.
    #[schema(minimum = 0, maximum = 60)]
    pub abandon_after_seconds: u32,
    /// Pre-dial validations per device and minute.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub validations_per_device_per_minute: u32,
    /// Pre-dial validations per client id and minute.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub validations_per_client_id_per_minute: u32,
    /// Pre-dial validations of the whole tenant per minute; no limit without it.
    #[schema(minimum = 1, maximum = 100_000_000, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validations_per_tenant_per_minute: Option<u32>,
    /// Pre-dial validations per second and instance.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub validations_per_second: u32,
    /// Test messages of the whole tenant a day (UTC), on every channel; 0 for none.
    #[schema(minimum = 0, maximum = 100_000)]
    pub test_messages_per_day: u32,
    /// How long attempts are kept.
    #[schema(minimum = 1, maximum = 3650)]
    pub history_retention_days: u32,
    /// How long evidence of decisions is kept: five years at least. It can be made longer and never shorter again.
    #[schema(minimum = 1827, maximum = 36_500)]
    pub evidence_retention_days: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            account_name: String::new(),
            caller_id: String::new(),
            postal_address: String::new(),
            dialer_database_name: String::new(),
            record_format: String::new(),
            disposition_code_set: String::new(),
            country: "US".into(),
            region: "US".into(),
            locale: "en-US".into(),
            time_zone: "UTC".into(),
            reports_time_zone: "UTC".into(),
            max_split_lists: 100,
            target_abandon_rate_percent: 3.0,
            abandon_after_seconds: 2,
            validations_per_device_per_minute: 10,
            validations_per_client_id_per_minute: 20,
            validations_per_tenant_per_minute: None,
            validations_per_second: 10_000,
            test_messages_per_day: 200,
            history_retention_days: 730,
            evidence_retention_days: 1827,
        }
    }
}

impl Document for Settings {
    const KIND: &'static str = "settings";
    const NOUN: &'static str = "settings document";
    const PATH: &'static str = "/settings";
    const TAG: &'static str = "Administration";
    const READ: Scope = Scope::SettingsRead;
    const WRITE: Scope = Scope::SettingsWrite;
    type Extra = NoExtra;

    fn validate(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        for (pointer, text, most) in [
            ("/accountName", &self.account_name, 200),
            ("/callerId", &self.caller_id, 40),
            ("/postalAddress", &self.postal_address, 500),
            ("/dialerDatabaseName", &self.dialer_database_name, 200),
            ("/recordFormat", &self.record_format, 200),
            ("/dispositionCodeSet", &self.disposition_code_set, 200),
            ("/locale", &self.locale, 20),
        ] {
            if text.chars().count() > most {
                errors.push(FieldError::new(pointer, "too_long", format!("at most {most} characters")));
            }
        }
        for (pointer, country) in [("/country", &self.country), ("/region", &self.region)] {
            if Country::from_code(country).is_none_or(|known| known.as_str() != country) {
                errors.push(FieldError::new(
                    pointer,
                    "invalid",
                    "a country is two capital letters of ISO 3166-1, such as DE",
                ));
            }
        }
        for (pointer, zone) in [("/timeZone", &self.time_zone), ("/reportsTimeZone", &self.reports_time_zone)] {
            if jiff::tz::TimeZone::get(zone).is_err() {
                errors.push(FieldError::new(pointer, "invalid", "a time zone is an IANA name, such as Europe/Berlin"));
            }
        }
        let bounds = [
            ("/maxSplitLists", f64::from(self.max_split_lists), 1.0, 1000.0),
            ("/targetAbandonRatePercent", self.target_abandon_rate_percent, 0.0, 100.0),
            ("/abandonAfterSeconds", f64::from(self.abandon_after_seconds), 0.0, 60.0),
            ("/validationsPerDevicePerMinute", f64::from(self.validations_per_device_per_minute), 1.0, 1e6),
            ("/validationsPerClientIdPerMinute", f64::from(self.validations_per_client_id_per_minute), 1.0, 1e6),
            (
                "/validationsPerTenantPerMinute",
                f64::from(self.validations_per_tenant_per_minute.unwrap_or(1)),
                1.0,
                1e8,
            ),
            ("/validationsPerSecond", f64::from(self.validations_per_second), 1.0, 1e6),
            ("/testMessagesPerDay", f64::from(self.test_messages_per_day), 0.0, 1e5),
            ("/historyRetentionDays", f64::from(self.history_retention_days), 35.0, 3650.0),
            ("/evidenceRetentionDays", f64::from(self.evidence_retention_days), 1827.0, 36_500.0),
        ];
        for (pointer, value, least, most) in bounds {
            if !(least..=most).contains(&value) {
                errors.push(FieldError::new(pointer, "out_of_range", format!("between {least} and {most}")));
            }
        }
        errors
    }

    async fn before_write(write: &mut Write<'_, Self>) -> Result<(), ApiError> {
        let kept = write.before.map_or(0, |before| before.body.evidence_retention_days);
        let wanted = write.after.body.evidence_retention_days;
        if wanted >= kept {
            return Ok(());
        }
        let text = format!(
            "evidence is kept for {kept} days, and that can only be made longer: {wanted} would destroy what may still be \
             asked for; name {kept} to 36500, or leave it out"
        );
        Err(ApiError::invalid("/evidenceRetentionDays", "shortened", text))
    }
}

/// The settings of a tenant; the defaults while they were never edited.
pub async fn settings(tx: &mut Tx, tenant: TenantNo) -> Result<Settings, ApiError> {
    Ok(stored(tx, tenant).await?.map(|s| s.body).unwrap_or_default())
}

/// The country of numbers without one, where the tenant has ever saved its settings: nobody's numbers are taken for
/// American because nothing was said.
pub async fn chosen_country(tx: &mut Tx, tenant: TenantNo) -> Result<Option<String>, ApiError> {
    Ok(stored(tx, tenant).await?.filter(|stored| stored.version > 1).map(|stored| stored.body.country))
}

async fn stored(tx: &mut Tx, tenant: TenantNo) -> Result<Option<Stored<Settings>>, ApiError> {
    document::find(tx, tenant, "settings").await
}

pub(super) fn routes() -> OpenApiRouter<App> {
    // what is answered has the common members besides those that are edited
    let (mut get, mut update) = (routes!(get), routes!(update));
    get.0 = document::schemas_of::<Settings>();
    update.0.clear();
    OpenApiRouter::new().routes(require(Scope::SettingsRead, get)).routes(require(Scope::SettingsWrite, update))
}

fn absent() -> ApiError {
    ApiError::internal(anyhow::anyhow!("the tenant has no settings: it was not provisioned"))
}

/// The settings of the tenant.
#[utoipa::path(get, path = "/settings", tag = "Administration", operation_id = "getSettings",
    params(("If-None-Match" = Option<String>, Header, description = "Answers 304 when they still have this ETag.")),
    responses((status = OK, body = Settings, headers(("ETag" = String))), (status = NOT_MODIFIED, description = "They have not changed."), ApiError))]
async fn get(State(app): State<App>, principal: Principal, headers: HeaderMap) -> Result<Response, ApiError> {
    let mut tx = app.db.read().await?;
    let document = [stored(&mut tx, principal.tenant).await?.ok_or_else(absent)?];
    let views = document::view(&app, &mut tx, principal.tenant, &document).await?;
    views.into_iter().next().ok_or_else(absent)?.answer_if_changed(&headers)
}

/// Change settings (JSON merge patch); null sets a default back.
#[utoipa::path(patch, path = "/settings", tag = "Administration", operation_id = "updateSettings", request_body = Object,
    params(("If-Match" = String, Header, description = "The ETag of the version that is changed.")),
    responses((status = OK, body = Settings, headers(("ETag" = String))), ApiError))]
async fn update(
    State(app): State<App>,
    principal: Principal,
    headers: HeaderMap,
    MergePatch(patch): MergePatch,
) -> Result<Response, ApiError> {
    let mut tx = app.db.begin().await?;
    let before = stored(&mut tx, principal.tenant).await?.ok_or_else(absent)?;
    document::if_match(&headers, before.version)?;
    let mut body = serde_json::to_value(&before.body).map_err(ApiError::internal)?;
    if let (Value::Object(body), Value::Object(patch)) = (&mut body, patch) {
        if patch.contains_key("name") {
            return Err(ApiError::new(Code::ValidationFailed, "settings have no name to change"));
        }
        for (member, value) in patch {
            if value.is_null() {
                body.remove(&member)
            } else {
                body.insert(member, value)
            };
        }
    }
    let body = crate::extract::from_value(body)?;
    let draft = Draft { name: before.name.clone(), description: String::new(), body };
    let (after, _) = document::update_in(&app, &mut tx, &principal, &before, draft).await?;
    let views = document::view(&app, &mut tx, principal.tenant, &[after]).await?;
    let answer = views.into_iter().next().ok_or_else(absent)?.answer(axum::http::StatusCode::OK)?;
    tx.commit().await?;
    Ok(answer)
}

//! Attempts as a compliance officer sees them.
use axum::extract::State;
use cxc_core::attempt::AttemptState;
use cxc_core::channel::Channel;
use cxc_core::enumerations::CallResult;
use cxc_server::app::time_text;
use cxc_server::{ApiError, ApiQuery, App, Code, Principal, document};
use cxc_store::reservation::{AttemptFilter, ShownAttempt};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::fields::{ADDRESS, text};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// On this device: a phone number in E.164 or an email address.
    #[param(nullable = false)]
    device: Option<String>,
    /// To this client id.
    #[param(nullable = false)]
    client_id: Option<String>,
    /// The dialer's id of the attempt.
    #[param(nullable = false)]
    guid: Option<String>,
    /// Of this campaign group.
    #[param(nullable = false)]
    group_id: Option<Uuid>,
    /// Not before this instant.
    #[param(value_type = Option<String>, nullable = false, format = DateTime)]
    from: Option<Timestamp>,
    /// Before this instant.
    #[param(value_type = Option<String>, nullable = false, format = DateTime)]
    till: Option<Timestamp>,
    /// How many at most; 50 by default.
    #[param(minimum = 1, maximum = 500, nullable = false)]
    limit: Option<i64>,
}

/// An attempt.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = HistoryAttempt)]
pub(crate) struct AttemptView {
    /// Its id.
    id: String,
    /// The dialer's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    guid: Option<String>,
    /// How far its reports are: -1 reserved, 0 begun, 1 final.
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<i16>,
    /// How the person was reached.
    channel: Channel,
    /// The address as its last report gave it, unless the person was erased; for who may see people's data
    /// (`privacy:admin`). Others are told by their decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// What became of it.
    state: Option<AttemptState>,
    /// The record.
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<String>,
    /// Its result.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<CallResult>,
    /// The disposition code.
    #[serde(skip_serializing_if = "Option::is_none")]
    disposition: Option<String>,
    /// When it was made.
    started_at: String,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<String>,
    /// The version of the rules that allowed it.
    rule_set: i64,
    /// The last report, with every field that was sent; for who may see people's data.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    report: Option<serde_json::Value>,
}

/// Attempts, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AttemptPage {
    items: Vec<AttemptView>,
}

impl AttemptView {
    /// As it is shown: with its address and report to who may see people's data.
    pub fn of(row: ShownAttempt, sees_people: bool) -> Option<Self> {
        let report = row.report.filter(|_| sees_people);
        let fields = report.as_ref().and_then(|report| report.0.as_object());
        Some(Self {
            id: format!("{}-{:x}", row.month, row.id),
            guid: row.guid,
            sequence: row.sequence,
            channel: Channel::from_bit(row.channel)?,
            address: fields.and_then(|fields| text(fields, ADDRESS)),
            state: AttemptState::from_code(row.state),
            record: (row.record != 0).then(|| row.record.to_string()),
            result: row.result.and_then(CallResult::from_code),
            disposition: row.disposition,
            started_at: time_text(row.started_at),
            finished_at: row.finished_at.map(time_text),
            rule_set: row.rule_set,
            report: report.map(|r| r.0),
        })
    }

    /// With this address where no report gave one.
    pub fn or_address(self, address: Option<&String>) -> Self {
        Self { address: self.address.or_else(|| address.cloned()), ..self }
    }
}

/// List attempts on a device, to a client id, by the dialer's id or of a group, newest first
#[utoipa::path(get, path = "/compliance/attempts", tag = "Compliance", operation_id = "listAttempts", params(Asked),
    responses((status = OK, body = AttemptPage), ApiError))]
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
    ApiQuery(asked): ApiQuery<Asked>,
) -> Result<axum::Json<AttemptPage>, ApiError> {
    let limit = document::limit(asked.limit)?;
    if asked.device.is_none() && asked.client_id.is_none() && asked.guid.is_none() && asked.group_id.is_none() {
        return Err(ApiError::new(Code::BadFilter, "name a device, a clientId, a guid or a groupId"));
    }
    let tenant = principal.tenant;
    let mut tx = app.db.read().await?;
    let grp = match asked.group_id {
        None => None,
        Some(id) => {
            let found = tx.group_get(tenant, id, false).await?;
            Some(found.ok_or_else(|| ApiError::not_found("campaign group"))?.number)
        }
    };
    let hash = |text: &str| app.hash_key.hash(tenant, text);
    let filter = AttemptFilter {
        device: asked.device.as_deref().map(|d| hash(&cxc_core::contact::address_text(d.trim()))),
        client: asked.client_id.as_deref().map(hash),
        guid: asked.guid,
        grp,
        from: asked.from.map_or(0, Timestamp::as_microsecond),
        till: asked.till.map_or(i64::MAX, Timestamp::as_microsecond),
    };
    let (rows, sees) = (tx.attempt_shown(tenant, &filter, limit).await?, principal.sees_people());
    Ok(axum::Json(AttemptPage { items: rows.into_iter().filter_map(|row| AttemptView::of(row, sees)).collect() }))
}

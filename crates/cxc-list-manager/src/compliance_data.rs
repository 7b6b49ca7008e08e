//! `/compliance/data`: where the data that decisions rest on is from, and the work of renewing it.
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use cxc_compliance_data::client::{Client, LastCheck, Outcome};
use cxc_compliance_data::{LiveData, Source};
use cxc_core::compliance::{DataVersions, Zones};
use cxc_core::compliance_data::DataKind;
use cxc_core::location::Country;
use cxc_server::app::time_text;
use cxc_server::audit::Entry;
use cxc_server::{ApiError, ApiJson, App, Principal};
use cxc_store::compliance_data::FileState;
use prometheus::{GaugeVec, IntCounterVec};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

/// The first look waits for the process to be up.
const FIRST: Duration = Duration::from_secs(2);
const DAY: i64 = 24 * 3600 * 1_000_000;

/// The data in use and what renews it. Cheap to clone.
#[derive(Clone)]
pub struct ComplianceData {
    /// The data in use in this process.
    pub live: Arc<LiveData>,
    /// Asks the provider; nothing where data is embedded only.
    pub client: Option<Arc<Client>>,
    /// How often the provider is asked.
    pub every: Duration,
    /// Wakes the work up before its time: whether a jump of row counts is right.
    asked: Arc<(Notify, std::sync::atomic::AtomicBool)>,
}

impl ComplianceData {
    /// Data that a client renews, or embedded data.
    pub fn new(live: Arc<LiveData>, client: Option<Arc<Client>>, every: Duration) -> Self {
        Self { live, client, every, asked: Arc::default() }
    }

    /// Embedded data only, with the process's zones.
    pub fn embedded(zones: Zones) -> anyhow::Result<Self> {
        Ok(Self::new(Arc::new(LiveData::embedded(zones)?), None, Duration::from_secs(3600)))
    }

    /// Asks the provider now and then, and when somebody wants it, until told to stop.
    pub(crate) async fn renew(self, app: App, series: Series, stop: CancellationToken) -> anyhow::Result<()> {
        let mut pause = FIRST;
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(pause) => {}
                () = self.asked.0.notified() => {}
            }
            let unusual = self.asked.1.swap(false, std::sync::atomic::Ordering::SeqCst);
            pause = self.every;
            if let Some(client) = &self.client {
                let done = tokio::select! {
                    () = stop.cancelled() => break,
                    done = client.cycle(&app.db, &self.live, unusual) => done,
                };
                series.downloaded.with_label_values::<&str>(&[]).inc_by(client.take_downloaded());
                match done {
                    Ok(Outcome::Busy) => tracing::debug!("another process asks the compliance data provider"),
                    Ok(_) => {}
                    Err(error) => tracing::warn!("compliance data stays as it is: {error}"),
                }
            }
            if let Some(age) = self.age(app.now()) {
                series.age.with_label_values::<&str>(&[]).set(age.as_secs_f64());
            }
        }
        Ok(())
    }

    /// How long the generation in use has been in use; nothing for embedded data.
    fn age(&self, now: i64) -> Option<Duration> {
        let since = self.live.in_use().activated_at?;
        Some(Duration::from_micros(now.saturating_sub(since).max(0).unsigned_abs()))
    }
}

/// What is counted of the renewal.
pub(crate) struct Series {
    /// Files that were downloaded.
    pub downloaded: IntCounterVec,
    /// The age of the data in use, in seconds.
    pub age: GaugeVec,
}

/// Where one file stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DataFileView {
    /// areacode, geo, postal or dnc.
    #[serde(rename = "type")]
    kind: DataKind,
    /// Its country.
    country: Country,
    /// `embedded`, `downloaded`, `active`, `stale` or `rejected`; a list of numbers is `not_loaded` before its first.
    state: String,
    /// The version that was used last.
    #[schema(required)]
    version: Option<String>,
    /// Rows that are in use.
    #[schema(required)]
    rows: Option<usize>,
    /// From when on it is stale.
    #[schema(format = DateTime, required)]
    expires: Option<String>,
    /// Why it was rejected.
    #[schema(required)]
    reason: Option<String>,
    /// Since when.
    #[schema(format = DateTime, required)]
    since: Option<String>,
}

/// The releases of the data that decisions rest on.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DataReleases {
    /// Leading digits of phones.
    phone: String,
    /// Postal codes.
    postal: String,
}

/// Where the data that decisions rest on is from.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ComplianceDataView {
    /// `embedded`, or `cdp` for a provider's.
    source: &'static str,
    /// Whether a provider is configured.
    configured: bool,
    /// The generation in use; nothing for what is compiled in.
    #[schema(required)]
    generation: Option<String>,
    /// Since when it is in use.
    #[schema(format = DateTime, required)]
    activated_at: Option<String>,
    /// For how many whole days.
    #[schema(required)]
    age_days: Option<i64>,
    /// `embedded`, `active`, `stale` or `rejected`: the worst of the files.
    state: String,
    /// Its releases.
    versions: DataReleases,
    /// When the provider was last asked, by whichever process did.
    #[schema(format = DateTime, required)]
    checked_at: Option<String>,
    /// When it last answered with nothing to complain about.
    #[schema(format = DateTime, required)]
    good_at: Option<String>,
    /// What is wrong.
    #[schema(required)]
    last_error: Option<String>,
    /// The latest time zone database that the provider knows.
    #[schema(required)]
    latest_tzdb: Option<String>,
    /// Every file that is wanted.
    files: Vec<DataFileView>,
}

/// What is known of a wanted file.
fn file_view(data: &ComplianceData, kind: DataKind, country: Country, states: &[FileState], now: i64) -> DataFileView {
    let in_use = data.live.in_use();
    let of = |state: &&FileState| state.kind == kind.as_str() && state.country == country.as_str();
    let known = states.iter().find(of).filter(|_| data.client.is_some());
    let is_old = known.and_then(|known| known.expires).is_some_and(|expires| expires <= now);
    let state = match known {
        Some(known) if known.state == "active" && is_old => "stale".to_owned(),
        Some(known) if known.state == "active" && kind != DataKind::Dnc && in_use.source != Source::Cdp => {
            "downloaded".to_owned()
        }
        Some(known) => known.state.clone(),
        None if kind == DataKind::Dnc => "not_loaded".to_owned(),
        None => "embedded".to_owned(),
    };
    DataFileView {
        kind,
        country,
        state,
        version: known.map(|known| known.version.clone()).filter(|version| !version.is_empty()),
        rows: in_use.counts.get(&(kind, country)).copied(),
        expires: known.and_then(|known| known.expires).map(time_text),
        reason: known.and_then(|known| known.detail.clone()),
        since: known.map(|known| time_text(known.changed_at)),
    }
}

async fn view(app: &App, data: &ComplianceData) -> Result<ComplianceDataView, ApiError> {
    let states = app.db.read().await?.compliance_file_states().await?;
    let check = LastCheck::read(&app.db).await?;
    let (in_use, now) = (data.live.in_use(), app.now());
    let files: Vec<DataFileView> =
        data.live.wanted().all().map(|(kind, country)| file_view(data, kind, country, &states, now)).collect();
    let worst = ["rejected", "stale"].into_iter().find(|state| files.iter().any(|file| file.state == *state));
    let usual = if in_use.source == Source::Embedded { "embedded" } else { "active" };
    let embedded = DataVersions::of(&app.rules.zones, &[], &[]);
    Ok(ComplianceDataView {
        source: in_use.source.as_str(),
        configured: data.client.is_some(),
        activated_at: in_use.activated_at.map(time_text),
        age_days: in_use.activated_at.map(|at| (now - at).max(0) / DAY),
        state: worst.unwrap_or(usual).to_owned(),
        versions: DataReleases {
            phone: in_use.phone.map_or(embedded.phone.version, |phone| phone.version),
            postal: in_use.postal.map_or(embedded.postal.version, |postal| postal.version),
        },
        generation: in_use.generation,
        checked_at: Some(check.at).filter(|at| *at > 0).map(time_text),
        good_at: check.good_at.map(time_text),
        last_error: in_use.problem.or(check.error),
        latest_tzdb: check.latest_tzdb,
        files,
    })
}

/// See where compliance data is from.
#[utoipa::path(get, path = "/compliance/data", tag = "Compliance", operation_id = "getComplianceData",
    responses((status = OK, body = ComplianceDataView), ApiError))]
pub(crate) async fn get(
    State(app): State<App>,
    Extension(data): Extension<ComplianceData>,
    _principal: Principal,
) -> Result<Json<ComplianceDataView>, ApiError> {
    Ok(Json(view(&app, &data).await?))
}

/// How the provider is to be asked.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct RefreshAsked {
    /// The number of rows may be more than a tenth more or fewer than before: a person looked at it. The canary numbers
    /// must hold all the same.
    accept_row_counts: bool,
}

/// Ask the provider of compliance data now.
#[utoipa::path(post, path = "/compliance/data/actions/refresh", tag = "Compliance", operation_id = "refreshComplianceData",
    request_body = RefreshAsked, responses((status = ACCEPTED, body = ComplianceDataView), ApiError))]
pub(crate) async fn refresh(
    State(app): State<App>,
    Extension(data): Extension<ComplianceData>,
    principal: Principal,
    ApiJson(asked): ApiJson<RefreshAsked>,
) -> Result<Response, ApiError> {
    if data.client.is_none() {
        let text = "no provider is configured: compliance_data.cdp_ng.url says where it is";
        return Err(ApiError::invalid("", "not_configured", text));
    }
    let mut tx = app.db.begin().await?;
    let after = json!({ "acceptRowCounts": asked.accept_row_counts });
    Entry::new("refresh", "compliance_data").changed(None, Some(after)).write(&app, &mut tx, &principal).await?;
    tx.commit().await?;
    data.asked.1.fetch_or(asked.accept_row_counts, std::sync::atomic::Ordering::SeqCst);
    data.asked.0.notify_one();
    Ok((StatusCode::ACCEPTED, Json(view(&app, &data).await?)).into_response())
}

//! Taking reports in. 200 means that they are safe: the sender keeps a report until then.
use std::collections::HashSet;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use cxc_core::channel::Channel;
use cxc_core::consent::{ConsentScope, RevocationReach};
use cxc_core::field_error::FieldError;
use cxc_server::document::get_all;
use cxc_server::extract::ApiPath;
use cxc_server::resources::disposition_codes::DispositionCode;
use cxc_server::{ApiError, ApiJson, ApiQuery, App, Code, Principal};
use cxc_store::consent::KeyKind;
use cxc_store::id_block::{IdBlocks, Numbered};
use cxc_store::opt_out::{Revocation, source};
use cxc_store::privacy::PersonKey;
use cxc_store::reservation::{Report, Taken, parse_reservation_id};
use cxc_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use utoipa::{IntoParams, ToSchema};

use super::fields::{ccid, channel, group, missing, plain};
use super::report::{NOBODY, OptOut, Reader};
use crate::consents::person;
use crate::metrics::ComplianceMetrics;
use crate::validation::{Properties, Validator};

/// The most reports of one request.
const MOST: usize = 1_000;
/// How often a batch is tried that collided with another.
const TRIES: usize = 4;

/// The ids of attempts that are reported without having been asked for.
#[derive(Clone)]
pub(crate) struct Intake(Arc<Mutex<IdBlocks>>);

impl Intake {
    /// An intake with no ids in hand yet.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(IdBlocks::new(Numbered::Attempt, 10_000))))
    }
}

/// One report or several.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Reports {
    /// One.
    One(Properties),
    /// Several.
    Many(Vec<Properties>),
}

/// What became of the reports.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Received {
    /// Reports of attempts that were not known.
    new: usize,
    /// Reports that took an attempt or a reservation further.
    advanced: usize,
    /// Repeats and late ones: nothing changed.
    repeated: usize,
}

/// Take in reports of attempts: one, or up to 1,000
///
/// An attempt is for its `cxc_purpose`, else for what its campaign group is for. One of which neither is told may have been
/// for anything: it counts for every cap.
#[utoipa::path(post, path = "/attempts", tag = "Internal", operation_id = "reportAttempts", request_body = Object,
    responses((status = OK, body = Received), ApiError))]
pub(crate) async fn report(
    State(app): State<App>,
    Extension(validator): Extension<Arc<Validator>>,
    Extension(metrics): Extension<Arc<ComplianceMetrics>>,
    Extension(intake): Extension<Arc<Intake>>,
    principal: Principal,
    ApiJson(reports): ApiJson<Reports>,
) -> Result<axum::Json<Received>, ApiError> {
    let reports = match reports {
        Reports::One(one) => vec![one],
        Reports::Many(many) => many,
    };
    if reports.is_empty() {
        return Err(ApiError::new(Code::MalformedRequest, format!("1 to {MOST} reports at once, these are none")));
    }
    if reports.len() > MOST {
        let text = format!("1 to {MOST} reports at once, these are {}", reports.len());
        return Err(ApiError::new(Code::TooManyItems, text));
    }
    let mut whole = Vec::with_capacity(reports.len());
    for (i, fields) in reports.into_iter().enumerate() {
        let fields = plain(fields).map_err(|e| refused(i, &e))?;
        refuse_incomplete(i, &fields)?;
        whole.push(fields);
    }
    let reports = whole;
    // one tenant a request: a batch is safe as a whole or not at all
    let named = ccid(&reports[0]);
    if reports.iter().any(|r| ccid(r) != named) {
        return Err(ApiError::new(Code::MalformedRequest, "the reports of one request are of one GSW_TENANT_CCID"));
    }
    let tenant = validator.tenant_named(&principal, named.as_deref()).await?;
    for (i, fields) in reports.iter().enumerate() {
        let channel = channel(fields).map_err(|e| refused(i, &e))?;
        metrics.history(channel.as_str(), &tenant.labels);
    }
    let first = intake.0.lock().await.take(&app.db, i64::try_from(reports.len()).unwrap_or(1)).await;
    let first = first.map_err(|e| keep_it(anyhow::Error::new(e)))?;
    let do_not_call = do_not_call(&app, tenant.tenant).await?;
    let reader = Reader {
        do_not_call: &do_not_call,
        key: &app.hash_key,
        phones: validator.phones(),
        tenant: tenant.tenant,
        country: &tenant.country,
        now: app.now(),
    };
    let (mut read, mut opt_outs) = (Vec::with_capacity(reports.len()), Vec::new());
    for ((i, fields), id) in reports.into_iter().enumerate().zip(first..) {
        opt_outs.extend(reader.opt_out(&fields).map_err(|e| refused(i, &e))?);
        let named = group(&fields).and_then(|group| Ok((group, channel(&fields)?)));
        let (group, channel) = named.map_err(|e| refused(i, &e))?;
        let group = validator.group_reported(&tenant, group, channel).await?;
        read.push(reader.read(fields, id, group).map_err(|e| refused(i, &e))?);
    }
    let taken = take(&app, tenant.tenant, &read, &opt_outs).await.map_err(|e| keep_it(anyhow::Error::new(e)))?;
    let taken = taken.map_err(|guid| {
        let text =
            format!("the report of {guid} is an opt-out of nobody: name the person by contact_info or c_client_id");
        ApiError::new(Code::MalformedRequest, text)
    })?;
    metrics.placed(read.iter().filter(|r| r.sequence == 1).filter_map(|r| r.result));
    Ok(axum::Json(Received { new: taken.new, advanced: taken.advanced, repeated: taken.repeated }))
}

/// The tenant's dispositions by which nobody is called any more, in small letters.
async fn do_not_call(app: &App, tenant: i64) -> Result<HashSet<String>, ApiError> {
    let mut tx = app.db.read().await.map_err(|e| keep_it(anyhow::Error::new(e)))?;
    let codes = get_all::<DispositionCode>(&mut tx, tenant).await?;
    Ok(codes.into_iter().filter(|code| code.body.do_not_call).map(|code| code.body.code.to_ascii_lowercase()).collect())
}

fn refuse_incomplete(i: usize, fields: &Map<String, Value>) -> Result<(), ApiError> {
    let lacking = missing(fields);
    if lacking.is_empty() {
        return Ok(());
    }
    let errors = lacking.iter().map(|name| FieldError::new(format!("/{name}"), "required", "a report has it"));
    let text = format!("report {i} lacks {}", lacking.join(", "));
    Err(ApiError::new(Code::MalformedRequest, text).with_errors(errors.collect()))
}

fn refused(i: usize, error: &FieldError) -> ApiError {
    let text = format!("report {i}: {} {}", error.pointer, error.detail);
    ApiError::new(Code::MalformedRequest, text).with_errors(vec![error.clone()])
}

fn keep_it(cause: anyhow::Error) -> ApiError {
    ApiError::unavailable("the reports could not be stored: keep them and send them again", cause)
}

/// Takes reports in, all or none of them; or the id of an attempt by which nobody opts out.
async fn take(
    app: &App,
    tenant: i64,
    reports: &[Report],
    opt_outs: &[OptOut],
) -> Result<Result<Taken, String>, StoreError> {
    let mut tried = 1;
    loop {
        let taken = async {
            let mut tx = app.db.begin().await?;
            let taken = tx.attempt_report_take(tenant, reports, app.now()).await?;
            // also of a report that comes late: an agent's disposition follows the result of the call
            for opt_out in opt_outs {
                if !revoke(app, &mut tx, tenant, opt_out).await? {
                    tx.rollback().await?;
                    return Ok(Err(opt_out.guid.clone()));
                }
            }
            tx.commit().await?;
            Ok::<_, StoreError>(Ok(taken))
        };
        match taken.await {
            Err(e) if tried < TRIES && e.is_conflict() => tried += 1,
            other => return other,
        }
    }
}

/// Who opts out by a report: whom it names, and the device of its attempt. False if that is nobody.
async fn revoke(app: &App, tx: &mut Tx, tenant: i64, opt_out: &OptOut) -> Result<bool, StoreError> {
    let mut named = Vec::with_capacity(opt_out.keys.len());
    for key in &opt_out.keys {
        let (kind, _, hash) = person::hashed(&app.hash_key, tenant, key);
        named.push(hash);
        revoke_one(app, tx, (tenant, opt_out), opt_out.channel, (key, kind, hash, None)).await?;
    }
    let is_somebody = |device: i64| device != NOBODY && Some(device) != opt_out.unread;
    let standing = tx.reservation_standing(tenant, &[&opt_out.guid]).await?;
    let Some(attempt) = standing.first().filter(|a| is_somebody(a.device_hash) && !named.contains(&a.device_hash))
    else {
        return Ok(!named.is_empty());
    };
    // a report that names no address need not say how it was reached either
    let channel = Channel::from_bit(attempt.channel).unwrap_or(opt_out.channel);
    let (unknown, device) = (PersonKey::Address(String::new()), attempt.device_hash);
    revoke_one(app, tx, (tenant, opt_out), channel, (&unknown, KeyKind::Device, device, Some(device))).await?;
    Ok(true)
}

/// An opt-out holds from the commit of its report on. A repeat of it says nothing new: the person may have come back since.
async fn revoke_one(
    app: &App,
    tx: &mut Tx,
    (tenant, opt_out): (i64, &OptOut),
    channel: Channel,
    (key, kind, key_hash, hash): (&PersonKey, KeyKind, i64, Option<i64>),
) -> Result<(), StoreError> {
    if tx.opt_out_known(tenant, (kind, key_hash), channel, &opt_out.guid).await? {
        return Ok(());
    }
    let now = app.now();
    let revocation = Revocation {
        tenant,
        key,
        hash,
        channels: &[channel],
        scope: ConsentScope::All,
        reach: RevocationReach::AsSaid,
        said_at: opt_out.said_at,
        received_at: now,
        source: source::DISPOSITION,
        words: None,
        evidence: Some(&opt_out.guid),
    };
    let ids = app.ids.clone();
    tx.opt_out(&app.hash_key, &revocation, &move || ids.next(), now).await?;
    Ok(())
}

/// Which reservation.
#[derive(Deserialize)]
pub(crate) struct ById {
    id: String,
}

/// Whose reservation.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct OfTenant {
    /// The tenant's ccid; only needed with a token of the operators.
    #[param(nullable = false)]
    ccid: Option<String>,
}

/// Give back a reservation whose attempt was never placed
#[utoipa::path(post, path = "/reservations/{id}/actions/release", tag = "Internal", operation_id = "releaseReservation",
    params(("id" = String, Path, description = "The id of the reservation"), OfTenant),
    responses((status = NO_CONTENT), ApiError))]
pub(crate) async fn release(
    State(app): State<App>,
    Extension(validator): Extension<Arc<Validator>>,
    principal: Principal,
    ApiPath(ById { id }): ApiPath<ById>,
    ApiQuery(OfTenant { ccid }): ApiQuery<OfTenant>,
) -> Result<axum::http::StatusCode, ApiError> {
    let (month, attempt) = parse_reservation_id(&id).ok_or_else(|| ApiError::not_found("reservation"))?;
    let tenant = validator.tenant_named(&principal, ccid.as_deref()).await?;
    let mut tx = app.db.begin().await?;
    if !tx.reservation_release(tenant.tenant, month, attempt, app.now()).await? {
        let text = "a reservation that was reported as begun, has expired or is not known stays counted";
        return Err(ApiError::new(Code::InUse, text));
    }
    tx.commit().await?;
    Ok(axum::http::StatusCode::NO_CONTENT)
}

//! Jobs of the list builder, queued by requests and noted in the audit log.
use axum::response::Response;
use cxc_core::kind;
use cxc_server::audit::Entry;
use cxc_server::resources::JobView;
use cxc_server::{ApiError, App, Code, Principal};
use cxc_store::job::NewJob;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::jobs::KINDS;

/// Jobs of one tenant that run or wait at most.
const MOST_JOBS: i64 = 10;

/// A list of either kind: what is audited, and what its documents say.
pub(crate) struct Target {
    pub kind: &'static str,
    pub id: Uuid,
    pub name: String,
    pub body: Value,
}

pub(crate) async fn target(app: &App, tenant: i64, kind: &'static str, id: Uuid) -> Result<Target, ApiError> {
    let object = app.db.read().await?.object_get(tenant, kind, id).await?;
    let noun = match kind {
        kind::CONTACT_LIST => "contact list",
        kind::NUMBER_LIST => "number list",
        kind::NUMBER_SOURCE => "number source",
        _ => "suppression list",
    };
    let object = object.ok_or_else(|| ApiError::not_found(noun))?;
    Ok(Target { kind, id, name: object.name, body: object.body.0 })
}

pub(crate) async fn queue(
    app: &App,
    principal: &Principal,
    target: &Target,
    job: &'static str,
    action: &'static str,
    payload: Value,
) -> Result<Response, ApiError> {
    queue_noted(app, principal, target, job, action, payload, None).await
}

/// The same, with what the audit log keeps of it.
pub(crate) async fn queue_noted(
    app: &App,
    principal: &Principal,
    target: &Target,
    job: &'static str,
    action: &'static str,
    payload: Value,
    note: Option<Value>,
) -> Result<Response, ApiError> {
    let mut tx = app.db.begin().await?;
    let mut open = 0;
    for kind in KINDS {
        open += tx.job_open_count(principal.tenant, kind).await?;
    }
    if open >= MOST_JOBS {
        return Err(ApiError::new(Code::RateLimited, "ten imports and exports run or wait already").retry_after(10));
    }
    let new = NewJob {
        id: app.ids.next(),
        tenant: principal.tenant,
        kind: job,
        subject: Some(target.id),
        payload,
        run_at: app.now(),
        created_by: principal.name.clone(),
        created_at: app.now(),
    };
    tx.job_insert(&new).await?;
    Entry::new(action, target.kind)
        .of(target.id, &target.name)
        .changed(None, note)
        .write(app, &mut tx, principal)
        .await?;
    let job = tx.job_get(principal.tenant, new.id).await?;
    tx.commit().await?;
    let job = job.ok_or_else(|| ApiError::internal(anyhow::anyhow!("a queued job is gone")))?;
    Ok(JobView::from(job).accepted())
}

pub(crate) fn json(value: impl Serialize) -> Result<Value, ApiError> {
    serde_json::to_value(value).map_err(ApiError::internal)
}

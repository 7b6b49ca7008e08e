//! The decisions about a person or of a campaign group, and the attempts, read into a file.
use std::collections::BTreeMap;

use cxc_core::contact::address_text;
use cxc_server::app::time_text;
use cxc_server::audit;
use cxc_server::{ApiError, App, Code, Principal};
use cxc_store::Tx;
use cxc_store::evidence::{DeviceSeal, EvidenceFilter, Found};
use cxc_store::reservation::AttemptFilter;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::bundle::{Bundle, Line, Manifest};
use super::sign::Signer;
use crate::history::AttemptView;

/// The most decisions of a file.
const MOST: usize = 100_000;
/// Those that are read at once.
const PAGE: usize = 500;

/// Whose decisions, and from when until when.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schema(as = EvidenceExportAsked)]
pub struct ExportAsked {
    /// About this device: a phone number in E.164 or an email address.
    pub device: Option<String>,
    /// About this client id.
    pub client_id: Option<String>,
    /// Of this campaign group.
    pub group_id: Option<Uuid>,
    /// Not before this moment.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub from: Option<Timestamp>,
    /// Before this moment.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub till: Option<Timestamp>,
}

/// The signed file. That it was made is audited.
pub async fn collect(app: &App, principal: &Principal, asked: &ExportAsked) -> Result<Vec<u8>, ApiError> {
    let tenant = principal.tenant;
    let mut tx = app.db.read().await?;
    let mut filter = filter(&mut tx, app, tenant, asked).await?;
    // the command line acts for a tenant without the tenant's names
    let ccid = tx.tenant_get(tenant).await?.ok_or_else(|| ApiError::not_found("tenant"))?.ccid;
    let seal = DeviceSeal::new(&app.hash_key)?;
    let mut bundle = Bundle::new().map_err(ApiError::internal)?;
    loop {
        let mut page = tx.evidence_find(tenant, &filter, PAGE).await?;
        if bundle.len() + page.len() > MOST {
            let text = format!("more than {MOST} decisions: name a shorter time by from and till");
            return Err(ApiError::new(Code::TooManyItems, text));
        }
        for found in &mut page {
            let device = found.open(&seal, tenant)?;
            add(&mut bundle, found, device.as_deref()).map_err(ApiError::internal)?;
        }
        match page.last().filter(|_| page.len() == PAGE) {
            Some(last) => filter.after = Some((last.block_at, last.id)),
            None => break,
        }
    }
    attempts(&mut tx, tenant, &filter, asked, &mut bundle).await?;
    drop(tx);
    let signer = Signer::new(&app.hash_key).map_err(ApiError::internal)?;
    let count = bundle.len();
    let file = bundle.finish(manifest(app, ccid, asked), &signer).map_err(ApiError::internal)?;
    let mut tx = app.db.begin().await?;
    let entry = audit::Entry::new("export", "evidence").changed(None, Some(serde_json::json!({ "decisions": count })));
    entry.write(app, &mut tx, principal).await?;
    tx.commit().await?;
    Ok(file)
}

async fn filter(tx: &mut Tx, app: &App, tenant: i64, asked: &ExportAsked) -> Result<EvidenceFilter, ApiError> {
    if asked.device.is_none() && asked.client_id.is_none() && asked.group_id.is_none() {
        return Err(ApiError::invalid("", "required", "a device, a clientId or a groupId"));
    }
    let grp = match asked.group_id {
        None => None,
        Some(id) => {
            let missing = || ApiError::invalid("/groupId", "not_found", "there is no such campaign group");
            Some(tx.group_get(tenant, id, true).await?.ok_or_else(missing)?.number)
        }
    };
    let hash = |text: &str| app.hash_key.hash(tenant, text);
    let device = asked.device.as_deref().map(|device| hash(&address_text(device.trim())));
    let client = asked.client_id.as_deref().map(|client| hash(client.trim()));
    Ok(EvidenceFilter {
        keys: device.into_iter().chain(client).collect(),
        grp,
        from: asked.from.map_or(0, Timestamp::as_microsecond),
        to: asked.till.map_or(i64::MAX, Timestamp::as_microsecond),
        after: None,
    })
}

/// The attempts with the address as their reports gave it: those that nobody asked about before stand in no decision.
async fn attempts(
    tx: &mut Tx,
    tenant: i64,
    filter: &EvidenceFilter,
    asked: &ExportAsked,
    bundle: &mut Bundle,
) -> Result<(), ApiError> {
    let of_time = AttemptFilter { grp: filter.grp, from: filter.from, till: filter.to, ..AttemptFilter::default() };
    // a device or a client id, as decisions are looked for
    let mut keys = filter.keys.iter();
    let of_device = asked
        .device
        .as_ref()
        .and_then(|_| keys.next())
        .map(|key| AttemptFilter { device: Some(*key), ..of_time.clone() });
    let of_client = keys.next().map(|key| AttemptFilter { client: Some(*key), ..of_time.clone() });
    let mut filters: Vec<AttemptFilter> = of_device.into_iter().chain(of_client).collect();
    if filters.is_empty() {
        filters.push(of_time);
    }
    let mut found = BTreeMap::new();
    for filter in filters {
        let most = i64::try_from(MOST).unwrap_or(i64::MAX);
        let rows = tx.attempt_shown(tenant, &filter, most.saturating_add(1)).await?;
        found.extend(rows.into_iter().map(|row| ((row.started_at, row.month, row.id), row)));
    }
    if found.len() > MOST {
        let text = format!("more than {MOST} attempts: name a shorter time by from and till");
        return Err(ApiError::new(Code::TooManyItems, text));
    }
    for attempt in found.into_values().filter_map(AttemptView::of) {
        bundle.add_attempt(&attempt).map_err(ApiError::internal)?;
    }
    Ok(())
}

fn add(bundle: &mut Bundle, found: &Found, device: Option<&str>) -> anyhow::Result<()> {
    let id = found.id.to_string();
    let line = Line { id: &id, device, decision: serde_json::to_value(&found.decision)? };
    bundle.add(&line, &time_text(found.decision.at), &found.decision.grp.to_string())
}

fn manifest(app: &App, ccid: String, asked: &ExportAsked) -> Manifest {
    let words = [
        asked.device.as_ref().map(|device| format!("device {device}")),
        asked.client_id.as_ref().map(|client| format!("client id {client}")),
        asked.group_id.map(|group| format!("campaign group {group}")),
    ];
    Manifest {
        format: String::new(),
        ccid,
        subject: words.into_iter().flatten().collect::<Vec<_>>().join(", "),
        from: asked.from.map(|at| at.to_string()),
        till: asked.till.map(|at| at.to_string()),
        exported_at: time_text(app.now()),
        decisions: 0,
        attempts: 0,
        software: env!("CARGO_PKG_VERSION").to_owned(),
        public_key: String::new(),
        files: Vec::new(),
    }
}

//! The decisions about a person or of a campaign group, and the attempts, read into a file.
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use cxc_server::app::time_text;
use cxc_server::audit;
use cxc_server::{ApiError, App, Code, Principal};
use cxc_store::Tx;
use cxc_store::evidence::{DeviceSeal, EvidenceFilter, Found, day_of};
use cxc_store::reservation::AttemptFilter;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::bundle::{Bundle, Line, Manifest};
use super::sign::Signer;
use super::why::Names;
use crate::consents::person::EntryKey;
use crate::evidence::{ChainView, checked, shown, unreadable};
use crate::history::AttemptView;

/// The most decisions of a file.
const MOST: usize = 100_000;
/// Those that are read at once.
const PAGE: usize = 500;

/// Whose decisions, and from when until when: one device or one client id, a campaign group, or both.
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
    let filter = filter(&mut tx, app, tenant, asked).await?;
    // the command line acts for a tenant without the tenant's names
    let ccid = tx.tenant_get(tenant).await?.ok_or_else(|| ApiError::not_found("tenant"))?.ccid;
    let seal = DeviceSeal::new(&app.hash_key)?;
    let mut bundle = Bundle::new().map_err(ApiError::internal)?;
    let (mut next, mut chains, mut devices) = (filter.clone(), BTreeSet::new(), BTreeMap::new());
    let (mut groups, mut named) = (BTreeMap::new(), BTreeMap::new());
    loop {
        let mut page = tx.evidence_find(tenant, &next, PAGE).await.map_err(unreadable)?;
        if bundle.len() + page.len() > MOST {
            let text = format!("more than {MOST} decisions: name a shorter time by from and till");
            return Err(ApiError::new(Code::TooManyItems, text));
        }
        for found in &mut page {
            let device = found.open(&seal, tenant).map_err(unreadable)?;
            let group = group_name(&mut tx, tenant, &mut groups, found.decision.grp).await?;
            let names = names(&mut tx, tenant, &mut named, found).await?;
            add(&mut bundle, found, device.as_deref(), (group, names)).map_err(ApiError::internal)?;
            chains.insert((found.id.day, found.id.chain));
            devices.extend(found.decision.attempt.zip(device));
        }
        match page.last().filter(|_| page.len() == PAGE) {
            Some(last) => next.after = Some((last.block_at, last.id)),
            None => break,
        }
    }
    let chains = rested_on(&mut tx, tenant, &filter, chains).await?;
    attempts(&mut tx, tenant, &filter, asked, (&mut bundle, &devices)).await?;
    drop(tx);
    let signer = Signer::new(&app.hash_key).map_err(ApiError::internal)?;
    let count = bundle.len();
    let file = bundle.finish(Manifest { chains, ..manifest(app, ccid, asked) }, &signer).map_err(ApiError::internal)?;
    let mut tx = app.db.begin().await?;
    let entry = audit::Entry::new("export", "evidence").changed(None, Some(serde_json::json!({ "decisions": count })));
    entry.write(app, &mut tx, principal).await?;
    tx.commit().await?;
    Ok(file)
}

/// The chains of the decisions, recomputed, and those that lack a decision or their end: it may have been one of these.
async fn rested_on(
    tx: &mut Tx,
    tenant: i64,
    filter: &EvidenceFilter,
    mut chains: BTreeSet<(i64, i64)>,
) -> Result<Vec<ChainView>, ApiError> {
    if !filter.keys.is_empty() {
        chains.extend(tx.evidence_lost(tenant, filter).await?);
    }
    let until = if filter.to == i64::MAX { i64::MAX } else { day_of(filter.to) };
    chains.extend(tx.evidence_cut(tenant, day_of(filter.from), until).await?);
    let mut shown = Vec::new();
    for (day, chain) in chains {
        shown.push(checked(tx, tenant, day, chain).await?);
    }
    Ok(shown)
}

async fn filter(tx: &mut Tx, app: &App, tenant: i64, asked: &ExportAsked) -> Result<EvidenceFilter, ApiError> {
    let key = match (&asked.device, &asked.client_id, asked.group_id) {
        (None, None, None) => return Err(ApiError::invalid("", "required", "name a device, a clientId or a groupId")),
        (None, None, Some(_)) => None,
        (device, client_id, _) => Some(EntryKey::read(app, tenant, device.as_deref(), client_id.as_deref())?.hash),
    };
    if asked.from.zip(asked.till).is_some_and(|(from, till)| from >= till) {
        return Err(ApiError::invalid("/till", "range", "till is after from: nothing lies between them"));
    }
    let grp = match asked.group_id {
        None => None,
        Some(id) => {
            let missing = || ApiError::invalid("/groupId", "not_found", "there is no such campaign group");
            Some(tx.group_get(tenant, id, false).await?.ok_or_else(missing)?.number)
        }
    };
    Ok(EvidenceFilter {
        keys: key.into_iter().collect(),
        grp,
        from: asked.from.map_or(0, Timestamp::as_microsecond),
        to: asked.till.map_or(i64::MAX, Timestamp::as_microsecond),
        after: None,
    })
}

/// The attempts, oldest first, with the address as their reports gave it: those that nobody asked about before stand in no
/// decision. Those of senders have no reports: theirs is the one of the decision that allowed them.
async fn attempts(
    tx: &mut Tx,
    tenant: i64,
    filter: &EvidenceFilter,
    asked: &ExportAsked,
    (bundle, devices): (&mut Bundle, &BTreeMap<(i64, i64), String>),
) -> Result<(), ApiError> {
    let key = filter.keys.first().copied();
    let filter = AttemptFilter {
        device: key.filter(|_| asked.device.is_some()),
        client: key.filter(|_| asked.client_id.is_some()),
        grp: filter.grp,
        from: filter.from,
        till: filter.to,
        ..AttemptFilter::default()
    };
    let most = i64::try_from(MOST).unwrap_or(i64::MAX);
    let mut found = tx.attempt_shown(tenant, &filter, most.saturating_add(1)).await?;
    if found.len() > MOST {
        let text = format!("more than {MOST} attempts: name a shorter time by from and till");
        return Err(ApiError::new(Code::TooManyItems, text));
    }
    found.sort_by_key(|row| (row.started_at, row.month, row.id));
    for row in found {
        let decided = devices.get(&(row.month, row.id));
        let Some(attempt) = AttemptView::of(row, true) else { continue };
        bundle.add_attempt(&attempt.or_address(decided)).map_err(ApiError::internal)?;
    }
    Ok(())
}

/// What a campaign group is called; its number where it is gone, and nothing where a decision was for none.
async fn group_name<'a>(
    tx: &mut Tx,
    tenant: i64,
    known: &'a mut BTreeMap<i64, String>,
    number: i64,
) -> Result<&'a str, ApiError> {
    if let Entry::Vacant(unknown) = known.entry(number) {
        let row = tx.group_by_number(number, false).await?.filter(|row| row.tenant == tenant);
        let name = match row {
            Some(row) => tx.object_name(tenant, row.id).await?,
            None => None,
        };
        let number_text = || if number == 0 { String::new() } else { number.to_string() };
        unknown.insert(name.unwrap_or_else(number_text));
    }
    Ok(known.get(&number).map_or("", String::as_str))
}

/// What the tenant's own rules and lists are called that stood in the way, by their ids; those that are gone are not named.
async fn names(
    tx: &mut Tx,
    tenant: i64,
    known: &mut BTreeMap<Uuid, Option<String>>,
    found: &Found,
) -> Result<Names, ApiError> {
    let mut names = Names::new();
    for reason in found.decision.verdict["reasons"].as_array().into_iter().flatten() {
        // laws have codes of their own
        let Some(id) = reason["rule"]["id"].as_str().and_then(|id| id.parse::<Uuid>().ok()) else { continue };
        if let Entry::Vacant(unknown) = known.entry(id) {
            unknown.insert(tx.object_name(tenant, id).await?);
        }
        if let Some(Some(name)) = known.get(&id) {
            names.insert(id.to_string(), name.clone());
        }
    }
    Ok(names)
}

fn add(bundle: &mut Bundle, found: &Found, device: Option<&str>, (group, names): (&str, Names)) -> anyhow::Result<()> {
    let id = found.id.to_string();
    let line = Line { id: &id, device, decision: shown(serde_json::to_value(&found.decision)?), names };
    bundle.add(&line, &time_text(found.decision.at), group)
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
        chains: Vec::new(),
        software: env!("CARGO_PKG_VERSION").to_owned(),
        public_key: String::new(),
        files: Vec::new(),
    }
}

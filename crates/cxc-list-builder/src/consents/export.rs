//! The ledger as CSV, written slice by slice, under headers that an import of consents knows.
use std::path::Path;

use cxc_core::channel::Channel;
use cxc_core::consent::ConsentScope;
use cxc_server::app::time_text;
use cxc_server::job_runner::{JobControl, JobError};
use cxc_store::Db;
use cxc_store::consent::StoredConsent;

use crate::export::Out;

/// Entries of a slice.
const SLICE: i64 = 5_000;

const HEADER: [&str; 20] = [
    "Device",
    "Client ID",
    "Consent Kind",
    "Consent Action",
    "Consent Date",
    "Consent Channels",
    "Consent Source",
    "Consent Text",
    "Consent Evidence",
    "Scope",
    "Received At",
    "Effective At",
    "Deadline",
    "Expires At",
    "Asked From",
    "Asked Till",
    "Lifts Opt-Outs",
    "Import",
    "Voided At",
    "Entry",
];

/// Writes the whole ledger of the job's tenant; answers how many entries. Whoever was erased has neither device nor
/// client id.
pub async fn export_consents(db: &Db, folder: &Path, control: &JobControl) -> Result<i64, JobError> {
    let tenant = control.job().tenant;
    let total = db.read().await?.consent_count(tenant).await?;
    let mut out = Out::create(folder, control.job().id)?;
    out.write(HEADER.map(String::from))?;
    let (mut after, mut rows) = (None, 0);
    loop {
        control.check()?;
        let page = db.read().await?.consent_page(tenant, after, SLICE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.place());
        for entry in &page {
            out.write(row(entry))?;
            rows += 1;
        }
        control.progress(rows.min(total), total);
    }
    out.finish()?;
    control.progress(rows, rows);
    Ok(rows)
}

fn row(entry: &StoredConsent) -> [String; 20] {
    let event = entry.event();
    let channels =
        event.as_ref().map(|e| e.channels.iter().map(|c: &Channel| c.as_str()).collect::<Vec<_>>().join(" "));
    let scope = match event.as_ref().map(|e| &e.scope) {
        Some(ConsentScope::Brand { name }) => format!("brand {name}"),
        Some(ConsentScope::Topic { name }) => format!("topic {name}"),
        _ => "all".into(),
    };
    let time = |at: Option<i64>| at.map(time_text).unwrap_or_default();
    let (device, client) = if entry.is_of_client() { ("", entry.key.as_str()) } else { (entry.key.as_str(), "") };
    let lifts = event.as_ref().is_some_and(|e| !e.revoked && !e.lifts_nothing);
    [
        device.into(),
        client.into(),
        entry.kind_name().into(),
        if event.is_some_and(|e| e.revoked) { "revoke" } else { "give" }.into(),
        time_text(entry.said_at),
        channels.unwrap_or_default(),
        entry.source.clone(),
        entry.words.clone().unwrap_or_default(),
        entry.evidence.clone().unwrap_or_default(),
        scope,
        time_text(entry.received_at),
        time_text(entry.effective_at),
        time(entry.deadline),
        time(entry.expires_at),
        time(entry.asked_from),
        time(entry.asked_till),
        if lifts { "yes" } else { "no" }.into(),
        if entry.import == 0 { String::new() } else { entry.import.to_string() },
        time(entry.voided_at),
        entry.id.to_string(),
    ]
}

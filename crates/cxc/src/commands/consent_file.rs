//! `cxc consent import`: consents from a CSV file, every line accounted for. It never lifts a later opt-out.
use std::collections::HashMap;

use cxc_core::channel::Channel;
use cxc_server::Principal;
use cxc_server::audit::Entry;
use cxc_store::consent::NewConsent;
use cxc_store::privacy::PersonKey;
use serde_json::json;

use super::consent::{Given, read};
use super::desk::Desk;
use super::person::key_of;
use super::tenant::refused;
use crate::cli::ConsentImport;
use crate::config::Config;
use crate::failure::Failure;
use crate::terminal;

/// Lines of one transaction.
const LINES: usize = 1_000;
/// Wrong lines that are shown one by one.
const SHOWN: u64 = 20;

#[derive(Default)]
struct Counts {
    lines: u64,
    imported: u64,
    rejected: u64,
}

/// Imports a file.
pub async fn import(config: &Config, asked: &ConsentImport) -> Result<(), Failure> {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .trim(csv::Trim::All)
        .from_path(&asked.file)
        .map_err(|e| Failure::usage(format!("{}: {e}", asked.file.display())))?;
    let header = reader.headers().map_err(|e| Failure::usage(e.to_string()))?.clone();
    let columns: HashMap<String, usize> =
        header.iter().enumerate().map(|(i, name)| (name.trim_start_matches('\u{feff}').to_lowercase(), i)).collect();
    let has = |name: &str| columns.contains_key(name);
    if !(has("device") || has("client_id")) || !has("consent_kind") || !has("consent_date") || !has("consent_source") {
        return Err(Failure::usage(
            "the first line names the columns: device or client_id, consent_kind, consent_date, consent_source, and if you like consent_text and channels",
        ));
    }
    let desk = Desk::open(config).await?;
    let tenant = desk.tenant(asked.tenant.as_deref()).await?;
    let mut counts = Counts::default();
    let mut batch = Vec::new();
    for record in reader.records() {
        counts.lines += 1;
        let new = match &record {
            Ok(record) => one(&desk, tenant.no, &columns, record),
            Err(error) => Err(error.to_string()),
        };
        match new {
            Ok(new) => batch.push(new),
            Err(text) => {
                counts.rejected += 1;
                if counts.rejected <= SHOWN {
                    terminal::note(&format!("line {}: {text}", counts.lines + 1));
                }
            }
        }
        if batch.len() == LINES {
            write(&desk, tenant.no, &mut batch, &mut counts).await?;
        }
    }
    write(&desk, tenant.no, &mut batch, &mut counts).await?;
    desk.close().await;
    let Counts { lines, imported, rejected } = counts;
    terminal::say(&format!("{lines} lines: {imported} imported, {rejected} rejected"))?;
    if imported == 0 { Err(Failure::refused("no line was taken")) } else { Ok(()) }
}

fn one(
    desk: &Desk,
    tenant: i64,
    columns: &HashMap<String, usize>,
    record: &csv::StringRecord,
) -> Result<NewConsent, String> {
    let cell = |name: &str| columns.get(name).and_then(|i| record.get(*i)).unwrap_or_default();
    let key = match (cell("device"), cell("client_id")) {
        ("", "") => return Err("a line names a device or a client_id".into()),
        ("", id) => PersonKey::ClientId(id.to_owned()),
        (device, _) => match key_of(device) {
            Ok(PersonKey::Address(address)) => PersonKey::Address(address),
            _ => return Err("a device is a phone number with its country, or an email address".into()),
        },
    };
    let named = cell("channels").split([',', ';', ' ', '|']).filter(|name| !name.is_empty());
    let channels = named.map(|name| {
        let found = Channel::ALL.into_iter().find(|c| c.as_str().eq_ignore_ascii_case(name));
        found.ok_or_else(|| format!("a channel is voice, sms or email, found {name:?}"))
    });
    let text = cell("consent_text");
    let given = Given {
        key,
        kind: cell("consent_kind"),
        date: cell("consent_date"),
        source: cell("consent_source"),
        text: (!text.is_empty()).then_some(text),
        channels: channels.collect::<Result<_, _>>()?,
    };
    read(desk, tenant, &given, 0)
}

async fn write(desk: &Desk, tenant: i64, batch: &mut Vec<NewConsent>, counts: &mut Counts) -> Result<(), Failure> {
    if batch.is_empty() {
        return Ok(());
    }
    let mut tx = desk.app.db.begin().await?;
    tx.consent_insert(tenant, batch).await?;
    let entry = Entry::new("import", "consent").changed(None, Some(json!({ "entries": batch.len() })));
    entry.write(&desk.app, &mut tx, &Principal::system(tenant)).await.map_err(refused)?;
    tx.commit().await?;
    counts.imported += batch.len() as u64;
    batch.clear();
    Ok(())
}

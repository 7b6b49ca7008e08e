//! `cxc export`: a list, the results of a campaign group, or everything known of one person.
use std::collections::{BTreeSet, HashMap};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;
use csv::Writer;
use cxc_campaign_manager::accounting::{reason_name, result_name};
use cxc_campaign_manager::groups::CampaignGroup;
use cxc_core::kind;
use cxc_core::record::{Reason, RecordStatus};
use cxc_server::app::time_text;
use cxc_server::audit::Entry;
use cxc_server::{Principal, document};
use cxc_store::contact::{Contact, FullContact};
use cxc_store::list::ContactList;
use cxc_store::record::Record;
use cxc_store::tenant::Tenant;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::desk::Desk;
use super::tenant::refused;
use super::{lists, person};
use crate::cli::Export;
use crate::config::Config;
use crate::failure::Failure;

const PAGE: i64 = 1_000;
const OF_CONTACT: [&str; 8] = ["ClientId", "FirstName", "LastName", "Company", "Country", "State", "PostalCode", "TimeZone"];

/// Writes what is asked for.
pub async fn run(config: &Config, asked: &Export) -> Result<(), Failure> {
    let desk = Desk::open(config).await?;
    let tenant = desk.tenant(asked.tenant.as_deref()).await?;
    let to = asked.output.as_deref();
    if let Some(text) = &asked.person {
        person::export(&desk, &tenant, text, to).await?;
    } else if let Some(name) = &asked.list {
        let found = lists::find(&desk.app, tenant.no, name).await?;
        let list = found.ok_or_else(|| Failure::refused(format!("there is no list {name} in {}", tenant.short_name)))?;
        note(&desk, &tenant, kind::CONTACT_LIST, list.id, name).await?;
        export_list(&desk, &list, Writer::from_writer(open(to)?)).await?;
    } else if let Some(name) = &asked.group {
        export_group(&desk, &tenant, name, Writer::from_writer(open(to)?)).await?;
    }
    desk.close().await;
    Ok(())
}

/// The file, for its owner only, or standard output.
fn open(to: Option<&Path>) -> Result<Box<dyn Write + Send>, Failure> {
    let Some(path) = to else { return Ok(Box::new(std::io::stdout())) };
    let file: std::io::Result<File> = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    Ok(Box::new(file.with_context(|| format!("{} can't be written", path.display())).map_err(Failure::start)?))
}

/// Every export stands in the audit log.
async fn note(desk: &Desk, tenant: &Tenant, kind: &'static str, id: Uuid, name: &str) -> Result<(), Failure> {
    let mut tx = desk.app.db.begin().await?;
    let entry = Entry::new("export", kind).of(id, name);
    entry.write(&desk.app, &mut tx, &Principal::system(tenant.no)).await.map_err(refused)?;
    Ok(tx.commit().await?)
}

/// The contacts of a list under headers that `cxc import` knows. Two walks: the first finds the columns.
async fn export_list(desk: &Desk, list: &ContactList, mut out: Writer<impl Write>) -> Result<(), Failure> {
    let (mut devices, mut custom) = (0, BTreeSet::new());
    let mut after = 0;
    while let Some(page) = page(desk, list, &mut after).await? {
        for full in &page {
            devices = devices.max(full.devices.iter().map(|d| d.position).max().unwrap_or(0));
            custom.extend(fields(&full.contact).into_iter().map(|(name, _)| name));
        }
    }
    let header = OF_CONTACT.map(ToOwned::to_owned).into_iter().chain((1..=devices).map(|n| format!("Device{n}")));
    out.write_record(header.chain(custom.iter().cloned()))?;
    after = 0;
    while let Some(page) = page(desk, list, &mut after).await? {
        for full in &page {
            out.write_record(contact_row(full, devices, &custom))?;
        }
    }
    Ok(out.flush()?)
}

async fn page(desk: &Desk, list: &ContactList, after: &mut i64) -> Result<Option<Vec<FullContact>>, Failure> {
    let page = desk.app.db.read().await?.contact_page(list, *after, PAGE).await?;
    let Some(last) = page.last() else { return Ok(None) };
    *after = last.contact.id;
    Ok(Some(page))
}

fn contact_row(full: &FullContact, devices: i16, custom: &BTreeSet<String>) -> Vec<String> {
    let c = &full.contact;
    let texts = [&c.client_id, &c.first_name, &c.last_name, &c.company, &c.country, &c.region, &c.postal, &c.zone];
    let mut row: Vec<String> = texts.into_iter().map(|text| text.clone().unwrap_or_default()).collect();
    let address = |n| full.devices.iter().find(|d| d.position == n).map(|d| d.address.clone()).unwrap_or_default();
    row.extend((1..=devices).map(address));
    let mut fields = fields(c);
    row.extend(custom.iter().map(|name| match fields.remove(name) {
        Some(Value::String(text)) => text,
        Some(other) => other.to_string(),
        None => String::new(),
    }));
    row
}

fn fields(contact: &Contact) -> Map<String, Value> {
    contact.custom.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// Every record of a group: whose it is, where it stands and why.
async fn export_group(desk: &Desk, tenant: &Tenant, name: &str, mut out: Writer<impl Write>) -> Result<(), Failure> {
    let mut tx = desk.app.db.read().await?;
    let found = document::find::<CampaignGroup>(&mut tx, tenant.no, name).await.map_err(refused)?;
    let missing = || Failure::refused(format!("there is no campaign group {name} in {}", tenant.short_name));
    let group = found.ok_or_else(missing)?;
    let row = tx.group_get(tenant.no, group.id, false).await?.ok_or_else(missing)?;
    drop(tx);
    note(desk, tenant, kind::CAMPAIGN_GROUP, group.id, name).await?;
    out.write_record([
        "ClientId", "Device", "Status", "Reason", "Due", "Attempts", "Result", "Cause", "RecordId", "ChangedAt",
    ])?;
    let mut after = 0;
    loop {
        let mut tx = desk.app.db.read().await?;
        let records = tx.record_page(row.number, None, None, after, PAGE).await?;
        let Some(last) = records.last() else { break };
        after = last.id;
        let keys: Vec<(i64, i64)> = records.iter().map(|r| (r.list, r.contact)).collect();
        let contacts = tx.contacts_of_lists(tenant.no, &keys).await?;
        let contacts: HashMap<(i64, i64), FullContact> =
            contacts.into_iter().map(|(list, contact)| ((list, contact.contact.id), contact)).collect();
        drop(tx);
        for record in &records {
            out.write_record(record_row(record, contacts.get(&(record.list, record.contact))))?;
        }
    }
    Ok(out.flush()?)
}

fn record_row(record: &Record, contact: Option<&FullContact>) -> [String; 10] {
    let status = RecordStatus::from_code(record.status).and_then(|s| serde_json::to_value(s).ok());
    let reason = Reason::from_code(record.reason).filter(|r| *r != Reason::None).map(reason_name);
    let device = contact.and_then(|c| c.devices.iter().find(|d| d.position == record.device));
    let waits = record.status == RecordStatus::Ready.code() && record.due > 0;
    [
        contact.and_then(|c| c.contact.client_id.clone()).unwrap_or_default(),
        device.map(|d| d.address.clone()).unwrap_or_default(),
        status.and_then(|s| s.as_str().map(ToOwned::to_owned)).unwrap_or_default(),
        reason.unwrap_or_default(),
        if waits { time_text(record.due) } else { String::new() },
        record.attempts.to_string(),
        record.last_result.map(result_name).unwrap_or_default(),
        record.cause.clone().unwrap_or_default(),
        record.id.to_string(),
        time_text(record.changed_at),
    ]
}

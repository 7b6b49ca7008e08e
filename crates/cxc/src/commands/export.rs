//! `cxc export`: a list, the results of a campaign group, or everything known of one person.
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;
use csv::Writer;
use cxc_campaign_manager::accounting::{reason_name, result_name};
use cxc_campaign_manager::groups::CampaignGroup;
use cxc_campaign_manager::suppressed;
use cxc_core::csv_cell::guard;
use cxc_core::record::{Reason, RecordStatus};
use cxc_core::{Micros, kind};
use cxc_list_builder::export::{ExportSettings, export_name};
use cxc_list_builder::jobs::LIST_EXPORT;
use cxc_server::app::time_text;
use cxc_server::audit::Entry;
use cxc_server::{Principal, document};
use cxc_store::Tx;
use cxc_store::contact::FullContact;
use cxc_store::list::ContactList;
use cxc_store::record::Record;
use cxc_store::tenant::Tenant;
use uuid::Uuid;

use super::desk::Desk;
use super::tenant::refused;
use super::{jobs, lists, person};
use crate::cli::Export;
use crate::config::Config;
use crate::failure::Failure;

const PAGE: i64 = 1_000;

/// Writes what is asked for.
pub async fn run(config: &Config, asked: &Export) -> Result<(), Failure> {
    let desk = Desk::open(config).await?;
    let tenant = desk.tenant(asked.tenant.as_deref()).await?;
    let to = asked.output.as_deref();
    if let Some(text) = &asked.person {
        person::export(&desk, &tenant, text, to).await?;
    } else if let Some(name) = &asked.list {
        let found = lists::find(&desk.app, tenant.no, name).await?;
        let list =
            found.ok_or_else(|| Failure::refused(format!("there is no list {name} in {}", tenant.short_name)))?;
        note(&desk, &tenant, kind::CONTACT_LIST, list.id, name).await?;
        export_list(config, &desk, &list, open(to)?).await?;
    } else if let Some(name) = &asked.group {
        export_group(&desk, &tenant, name, Writer::from_writer(open(to)?)).await?;
    }
    desk.close().await;
    Ok(())
}

/// The file, for its owner only, or standard output.
pub(super) fn open(to: Option<&Path>) -> Result<Box<dyn Write + Send>, Failure> {
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

/// The contacts of a list as the API exports them: by the list builder's job, under headers that `cxc import` knows.
async fn export_list(config: &Config, desk: &Desk, list: &ContactList, mut out: impl Write) -> Result<(), Failure> {
    let work = jobs::list_jobs(config, &desk.app).await?;
    let job = jobs::run(&desk.app, &work, list.tenant, LIST_EXPORT, list.id, ExportSettings::default()).await?;
    if let Some(why) = jobs::refusal(&job) {
        return Err(Failure::refused(format!("the list can't be exported: {why}")));
    }
    let path = work.exports.join(export_name(job.id));
    let copied = std::io::copy(&mut File::open(&path)?, &mut out);
    // the copy is the result; a reader that has gone has seen enough
    std::fs::remove_file(&path)?;
    match copied.and_then(|_| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
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
    // without a server nobody else shows what was suppressed meanwhile
    suppressed::catch_up(&desk.app, desk.zones.clone()).await?;
    out.write_record([
        "ClientId",
        "Device",
        "Status",
        "Reason",
        "Due",
        "Attempts",
        "Result",
        "Cause",
        "RecordId",
        "ChangedAt",
    ])?;
    let (mut after, now) = (0, desk.app.now());
    loop {
        let mut tx = desk.app.db.read().await?;
        let records = tx.record_page(row.number, None, None, after, PAGE).await?;
        let Some(last) = records.last() else { break };
        after = last.id;
        let keys: Vec<(i64, i64)> = records.iter().map(|r| (r.list, r.id)).collect();
        let contacts = tx.contacts_of_lists(tenant.no, &keys).await?;
        let mut contacts: Contacts =
            contacts.into_iter().map(|(list, contact)| ((list, contact.contact.id), contact)).collect();
        add_earlier(&mut tx, tenant.no, &records, &mut contacts).await?;
        drop(tx);
        for record in &records {
            let row = record_row(record, contacts.get(&(record.list, record.id)), now);
            match out.write_record(row.iter().map(|field| guard(field).into_owned())) {
                // a reader that has gone has seen enough
                Err(error) if is_gone(&error) => return Ok(()),
                done => done?,
            }
        }
    }
    match out.flush() {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Contacts by list and number.
type Contacts = HashMap<(i64, i64), FullContact>;

/// Adds contacts that were attempted and have left their list since: as they were kept for that, or from the contents that
/// the list had before.
async fn add_earlier(tx: &mut Tx, tenant: i64, records: &[Record], contacts: &mut Contacts) -> Result<(), Failure> {
    let mut missing: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for record in records.iter().filter(|r| r.attempts > 0 && !contacts.contains_key(&(r.list, r.id))) {
        missing.entry(record.list).or_default().push(record.id);
    }
    for (list, mut ids) in missing {
        let imports = tx.import_page(tenant, "contacts", list, i64::MAX, PAGE).await?;
        for contact in tx.contacts_left(tenant, list, &ids).await? {
            ids.retain(|id| *id != contact.contact.id);
            contacts.insert((list, contact.contact.id), contact);
        }
        let contents: BTreeSet<i64> = imports.iter().flat_map(|i| [i.generation, i.generation_before]).collect();
        for generation in contents.into_iter().rev() {
            for contact in tx.contacts_of(generation, &ids).await? {
                ids.retain(|id| *id != contact.contact.id);
                contacts.insert((list, contact.contact.id), contact);
            }
        }
    }
    Ok(())
}

fn is_gone(error: &csv::Error) -> bool {
    matches!(error.kind(), csv::ErrorKind::Io(error) if error.kind() == ErrorKind::BrokenPipe)
}

fn record_row(record: &Record, contact: Option<&FullContact>, now: Micros) -> [String; 10] {
    let status = RecordStatus::from_code(record.status).and_then(|s| serde_json::to_value(s).ok());
    let status = status.and_then(|s| s.as_str().map(ToOwned::to_owned)).unwrap_or_default();
    let reason = Some(record.standing_reason(now)).filter(|r| *r != Reason::None).map(reason_name);
    let reason_stands = reason.is_some() || record.status != RecordStatus::Ready.code();
    let device = contact.and_then(|c| c.devices.iter().find(|d| d.position == record.device));
    // as the accounting counts it
    let waits = record.status == RecordStatus::Ready.code() && record.due > now;
    [
        contact.and_then(|c| c.contact.client_id.clone()).unwrap_or_default(),
        device.map(|d| d.address.clone()).unwrap_or_default(),
        if waits { "waiting".to_owned() } else { status },
        reason.unwrap_or_default(),
        if waits { time_text(record.due) } else { String::new() },
        record.attempts.to_string(),
        record.last_result.map(result_name).unwrap_or_default(),
        record.cause.clone().filter(|_| reason_stands).unwrap_or_default(),
        record.id.to_string(),
        time_text(record.changed_at),
    ]
}

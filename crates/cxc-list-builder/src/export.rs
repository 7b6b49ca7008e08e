//! Exports of contact lists and suppression lists as CSV, written slice by slice.
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};

use cxc_core::csv_cell::guard;
use cxc_core::device::MAX_DEVICES;
use cxc_core::field::normalise_header;
use cxc_server::app::time_text;
use cxc_server::job_runner::{JobControl, JobError};
use cxc_server::{ApiError, Code};
use cxc_store::contact::FullContact;
use cxc_store::contact_slice::RULE_FROM;
use cxc_store::selection::CompiledRule;
use cxc_store::{Db, StoreError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Contacts of a slice.
const SLICE: i64 = 5_000;

/// What an export is told: the payload of its job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExportSettings {
    /// Only contacts that this rule takes.
    pub rule: Option<cxc_core::selection::SelectionRule>,
}

/// What an export wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Exported {
    /// Lines after the header.
    pub rows: i64,
    /// Where it can be fetched.
    pub result_url: String,
}

/// The name of a job's export.
pub fn export_name(job: Uuid) -> String {
    format!("export-{job}.csv")
}

type Field = fn(&FullContact) -> Option<&str>;

/// The fields before the devices: header and value.
const FIELDS: [(&str, Field); 8] = [
    ("Client ID", |c| c.contact.client_id.as_deref()),
    ("First Name", |c| c.contact.first_name.as_deref()),
    ("Last Name", |c| c.contact.last_name.as_deref()),
    ("Company", |c| c.contact.company.as_deref()),
    ("Country", |c| c.contact.country.as_deref()),
    ("State", |c| c.contact.region.as_deref()),
    ("Postal Code", |c| c.contact.postal.as_deref()),
    ("Time Zone", |c| c.contact.zone.as_deref()),
];

type Custom = BTreeMap<String, String>;

fn custom(contact: &FullContact) -> Custom {
    contact.contact.custom.as_deref().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
}

/// Writes a contact list; the file can be imported again. Two passes: the first finds out which columns there are.
pub async fn export_contacts(
    db: &Db,
    list: Uuid,
    settings: &ExportSettings,
    folder: &Path,
    control: &JobControl,
) -> Result<i64, JobError> {
    let tenant = control.job().tenant;
    let list = db.read().await?.contact_list_get(tenant, list).await?;
    let list = list.ok_or_else(|| ApiError::not_found("contact list"))?;
    if db.read().await?.contact_list_half_changed(list.number).await? {
        let detail = "an import of this list that updates contacts is under way, or was interrupted and is being taken back: \
                      half of it would be in the file; try again when it has ended";
        return Err(ApiError::new(Code::ListImporting, detail).into());
    }
    let rule = settings.rule.as_ref().map(|rule| CompiledRule::new(rule, db.engine(), RULE_FROM, false));
    let (mut names, mut positions) = (BTreeSet::new(), 1);
    let mut out = Out::create(folder, control.job().id)?;
    let (mut found, mut rows) = (0, 0);
    for writes in [false, true] {
        if writes {
            let devices = (1..=positions).map(|n| format!("Device{n}"));
            let fixed = FIELDS.iter().map(|(name, _)| (*name).to_owned()).chain(devices);
            out.write(fixed.chain(headings(&names)))?;
        }
        let mut after = 0;
        // short transactions: an export must not keep old rows alive on PostgreSQL
        while let Some((contacts, last)) =
            db.read().await?.contact_slice_full(&list, after, SLICE, rule.as_ref()).await?
        {
            control.check()?;
            // both passes count, the second of what the first found
            control.progress((found + rows) / 2, if writes { found } else { list.contacts });
            for contact in &contacts {
                let mut custom = custom(contact);
                if writes {
                    let device = |n: i16| {
                        let found = contact.devices.iter().find(|d| d.position == n);
                        found.map_or_else(String::new, with_extension)
                    };
                    let fields = FIELDS.iter().map(|(_, value)| value(contact).unwrap_or_default().to_owned());
                    let custom = names.iter().map(|name| custom.remove(name).unwrap_or_default());
                    out.write(fields.chain((1..=positions).map(device)).chain(custom))?;
                    rows += 1;
                } else {
                    found += 1;
                    positions = contact.devices.iter().map(|d| d.position).fold(positions, i16::max);
                    names.extend(custom.into_keys().take(1_000));
                }
            }
            after = last;
        }
    }
    out.finish()?;
    control.progress(rows, rows);
    Ok(rows)
}

/// The headers of custom fields: each once, and none that an import would take for a field of its own.
fn headings(names: &BTreeSet<String>) -> Vec<String> {
    let fixed: BTreeSet<String> = FIELDS
        .iter()
        .map(|(name, _)| normalise_header(name))
        .chain((1..=MAX_DEVICES).map(|n| normalise_header(&format!("Device{n}"))))
        .collect();
    let mut used = BTreeSet::new();
    let heading = |name: &String| {
        let plain = name.strip_prefix("c_").unwrap_or(name);
        let mut heading = plain.to_owned();
        let mut n = 1;
        while fixed.contains(&normalise_header(&heading)) || !used.insert(heading.clone()) {
            heading = if n == 1 { format!("{plain} (custom)") } else { format!("{plain} (custom {n})") };
            n += 1;
        }
        heading
    };
    names.iter().map(heading).collect()
}

fn with_extension(device: &cxc_store::contact::Device) -> String {
    match &device.extension {
        Some(extension) => format!("{} x{extension}", device.address),
        None => device.address.clone(),
    }
}

/// Writes a suppression list.
pub async fn export_suppression(db: &Db, list: Uuid, folder: &Path, control: &JobControl) -> Result<i64, JobError> {
    let tenant = control.job().tenant;
    let list = db.read().await?.suppression_list_get(tenant, list).await?;
    let list = list.ok_or_else(|| ApiError::not_found("suppression list"))?;
    let mut out = Out::create(folder, control.job().id)?;
    out.write(
        [if list.kind == "device" { "Device" } else { "Client ID" }, "From", "Till", "Reason"].map(String::from),
    )?;
    let (mut after, mut rows): (Option<(i64, String)>, i64) = (None, 0);
    loop {
        control.check()?;
        let from = after.as_ref().map(|(hash, key)| (*hash, key.as_str()));
        let page = db.read().await?.suppression_page(&list, from, SLICE).await?;
        let Some(last) = page.last() else { break };
        after = Some((last.key_hash, last.key.clone()));
        for entry in page.iter().filter(|entry| !entry.key.is_empty()) {
            let time = |at: Option<i64>| at.map(time_text).unwrap_or_default();
            let reason = entry.reason.clone().unwrap_or_default();
            out.write([entry.key.clone(), time(entry.from_at), time(entry.until_at), reason])?;
            rows += 1;
        }
        control.progress(rows, list.size.max(rows));
    }
    out.finish()?;
    control.progress(rows, rows);
    Ok(rows)
}

/// A CSV file that appears under its name once it is complete.
pub(crate) struct Out {
    writer: csv::Writer<std::io::BufWriter<std::fs::File>>,
    part: PathBuf,
    whole: PathBuf,
}

impl Out {
    pub(crate) fn create(folder: &Path, job: Uuid) -> Result<Self, JobError> {
        std::fs::create_dir_all(folder).map_err(failed)?;
        let whole = folder.join(export_name(job));
        let part = whole.with_extension("part");
        let file = std::io::BufWriter::new(std::fs::File::create(&part).map_err(failed)?);
        let writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(file);
        Ok(Self { writer, part, whole })
    }

    pub(crate) fn write(&mut self, fields: impl IntoIterator<Item = String>) -> Result<(), JobError> {
        for field in fields {
            self.writer.write_field(guard(&field).as_ref()).map_err(failed)?;
        }
        self.writer.write_record(None::<&[u8]>).map_err(failed)
    }

    pub(crate) fn finish(self) -> Result<(), JobError> {
        let mut file = self.writer.into_inner().map_err(|e| failed(std::io::Error::other(e.to_string())))?;
        file.flush().map_err(failed)?;
        std::fs::rename(self.part, self.whole).map_err(failed)
    }
}

fn failed(error: impl Into<anyhow::Error>) -> JobError {
    JobError::Internal(error.into())
}

impl Exported {
    /// The answer of a job.
    pub fn of(job: Uuid, rows: i64) -> Result<serde_json::Value, JobError> {
        let exported = Self { rows, result_url: format!("{}/exports/{job}", cxc_server::BASE) };
        serde_json::to_value(exported).map_err(|e| JobError::Store(StoreError::from(e)))
    }
}

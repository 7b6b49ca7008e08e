//! Numbers that must not be called: rows become lists of numbers of the installation, which hold for every tenant.
//! Such a list has versions of its own, and rules deny while it is missing or too old.
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;

use cxc_core::channel::Channel;
use cxc_core::compliance_data::{DataFile, DataKind, DncRow, Hasher, Refusal};
use cxc_core::kind;
use cxc_core::location::Country;
use cxc_core::number_set::{NumberListKind, NumberSet, NumberSetBuilder};
use cxc_server::Ids;
use cxc_store::number_activation::{Canaries, Overrides, doubts};
use cxc_store::number_list::{INSTALLATION, NewVersion, NumberList};
use cxc_store::object::Object;
use cxc_store::{Db, StoreError, number_bytes};
use flate2::read::MultiGzDecoder;
use serde_json::json;
use uuid::Uuid;

/// The most bytes of a line.
const LINE: u64 = 256;
/// The most lists of a file.
const MOST_LISTS: usize = 8;
/// Who writes lists and versions.
const WRITER: &str = "compliance data provider";

/// A list of a file.
pub(super) struct List {
    /// The name by which rules know it.
    register: String,
    /// The country of the file.
    pub country: Country,
    /// The version of the file.
    version: String,
    /// When the numbers are of, in microseconds.
    as_of: i64,
    numbers: NumberSet,
    lines: i64,
}

/// Reads the rows of a file while they are unpacked. Nothing of it is used before its digest is right.
pub(super) fn read(file: &DataFile, packed: File) -> Result<Vec<List>, Refusal> {
    let refused = |reason: String| Refusal { kind: DataKind::Dnc, country: file.country, reason };
    let mut rows = BufReader::with_capacity(1 << 16, MultiGzDecoder::new(packed).take(file.bytes.saturating_add(1)));
    let mut lists: BTreeMap<String, (NumberSetBuilder, i64)> = BTreeMap::new();
    let (mut hasher, mut line, mut at) = (Hasher::new(), Vec::new(), 0_u64);
    loop {
        line.clear();
        at += 1;
        let told = |e: std::io::Error| refused(format!("line {at}: {e}"));
        if rows.by_ref().take(LINE).read_until(b'\n', &mut line).map_err(told)? == 0 {
            break;
        }
        hasher.update(&line);
        let wrong = |detail: &str| refused(format!("line {at}: {detail}"));
        let Some(text) = line.strip_suffix(b"\n") else { return Err(wrong("a line has an end and at most 256 bytes")) };
        let text = std::str::from_utf8(text).map_err(|_| wrong("it is not UTF-8"))?;
        if text.starts_with('#') {
            continue;
        }
        let row = DncRow::read(text).map_err(wrong)?;
        if !lists.contains_key(row.list) && lists.len() == MOST_LISTS {
            return Err(wrong("a file has at most 8 lists"));
        }
        let (numbers, lines) = lists.entry(row.list.to_owned()).or_default();
        numbers.push(row.number).map_err(|e| wrong(&e.to_string()))?;
        *lines += 1;
    }
    hasher.check(file)?;
    let list = |(register, (numbers, lines)): (String, (NumberSetBuilder, i64))| {
        let (numbers, _) = numbers.finish().map_err(|e| refused(e.to_string()))?;
        let (version, as_of) = (file.version.clone(), file.dated().as_microsecond());
        Ok(List { register, country: file.country, version, as_of, numbers, lines })
    };
    lists.into_iter().map(list).collect()
}

/// Loads a list as a new version and activates it. Why it was not activated, if it was not.
pub(super) async fn load(db: &Db, ids: &Ids, list: List, forced: bool, now: i64) -> Result<Option<String>, StoreError> {
    let name = format!("dnc of {} {}", list.country, list.version);
    let mut tx = db.begin().await?;
    let known = tx.number_lists_active(&[INSTALLATION]).await?;
    let id = match known.into_iter().find(|known| known.list.register == list.register) {
        Some(known) => known.list.id,
        None => new_list(&mut tx, ids, &list, now).await?,
    };
    let row = tx.number_list_lock(INSTALLATION, id).await?;
    let row = row.ok_or_else(|| StoreError::Corrupt("a list of numbers is gone".into()))?;
    let new =
        NewVersion { mode: "replace", job: ids.next(), file_name: &name, as_of: list.as_of, created_by: WRITER, now };
    let mut version = tx.number_list_begin(&row, &new).await?;
    tx.commit().await?;
    let numbers = Arc::new(list.numbers);
    version.numbers = i64::try_from(numbers.len()).unwrap_or(i64::MAX);
    (version.lines, version.taken) = (list.lines, version.numbers);
    version.duplicate = list.lines - version.numbers;
    let (digest, bytes) =
        number_bytes::store(db, version.blob, Arc::clone(&numbers), || Ok::<_, StoreError>(())).await?;
    (version.sha256, version.bytes) = (digest.to_string(), bytes);
    let mut tx = db.begin().await?;
    let Some(row) = tx.number_list_lock(INSTALLATION, id).await? else {
        return Ok(Some("the list was deleted".into()));
    };
    let document = tx.object_get(INSTALLATION, kind::NUMBER_LIST, id).await?;
    let canaries = document.and_then(|document| document.body.0.get("canaries").cloned()).filter(|c| !c.is_null());
    let canaries: Canaries =
        canaries.map(serde_json::from_value).transpose().map_err(StoreError::Json)?.unwrap_or_default();
    let active = tx.number_list_version(row.number, row.active).await?;
    let overrides = Overrides { count: forced, older: forced };
    let doubt = doubts(&numbers, &version, active.as_ref(), &canaries, overrides);
    version.state = if doubt.is_some() { "rejected" } else { "ready" }.into();
    version.detail.clone_from(&doubt);
    tx.number_list_note(&version).await?;
    if doubt.is_none() {
        tx.number_list_activate(row.number, version.version, now).await?;
    }
    tx.commit().await?;
    Ok(doubt)
}

/// A list of the installation's own that people see and can add canary numbers to.
async fn new_list(tx: &mut cxc_store::Tx, ids: &Ids, list: &List, now: i64) -> Result<Uuid, StoreError> {
    let id = ids.next();
    let channels = [Channel::Voice, Channel::Sms];
    let body = json!({ "kind": NumberListKind::NationalDnc, "jurisdiction": list.country, "register": list.register,
        "channels": channels });
    let object = Object {
        id,
        name: format!("{} (compliance data provider)", list.register),
        description: "Filled by the compliance data provider.".into(),
        body: sqlx::types::Json(body),
        version: 1,
        created_at: now,
        created_by: WRITER.into(),
        updated_at: now,
        updated_by: WRITER.into(),
    };
    tx.object_insert(INSTALLATION, kind::NUMBER_LIST, &object).await?;
    let row = NumberList {
        number: 0,
        tenant: INSTALLATION,
        id,
        kind: NumberListKind::NationalDnc.as_str().into(),
        register: list.register.clone(),
        jurisdiction: Some(list.country.to_string()),
        channels: channels.iter().fold(0, |bits, channel| bits | channel.bit()),
        max_age_days: None,
        active: 0,
    };
    tx.number_list_insert(&row).await?;
    Ok(id)
}

//! The job that loads a file as a version of a list of numbers. Nothing is asked of the version before it is whole,
//! checked and activated. Safe to run twice: a version that is under way is begun anew.
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cxc_core::kind;
use cxc_core::location::Country;
use cxc_core::number_set::{NumberSet, NumberSetBuilder};
use cxc_core::phone::PhoneParser;
use cxc_server::audit::Entry;
use cxc_server::job_runner::{JobControl, JobError};
use cxc_server::{ApiError, App, Principal};
use cxc_store::number_activation::{Canaries, Overrides, doubts};
use cxc_store::number_list::{NewVersion, NumberList, NumberListVersion};
use cxc_store::{StoreError, number_bytes};
use serde_json::{Value, json};
use uuid::Uuid;

use super::columns::Columns;
use super::settings::{LoadMode, LoadSettings, NumberVersion};
use crate::file::{self, FileError, RecordStatus, Reject, RejectsWriter};
use crate::import::{ImportContext, Progress};

/// Records that are read together.
const RECORDS: usize = 20_000;
/// Rejected lines that are kept; further ones are counted.
const MOST_REJECTS: i64 = 1_000_000;

/// Loads a file as a new version of a list and, where that is asked for, activates it.
pub async fn run_load(
    context: &ImportContext,
    list: Uuid,
    settings: &LoadSettings,
    path: &Path,
    control: &JobControl,
    watch: &Arc<dyn Fn(Progress) + Send + Sync>,
) -> Result<NumberVersion, JobError> {
    let (app, job) = (&context.app, control.job());
    let done = app.db.read().await?.number_list_version_of_job(job.id).await?;
    if let Some(done) = done.filter(|done| done.state != "loading") {
        return Ok(done.into());
    }
    let (row, mut version) = begin(context, list, settings, control).await?;
    match load(context, &row, &mut version, settings, path, control, watch).await {
        Ok(done) => Ok(done.into()),
        Err(error) => {
            if !is_to_be_tried_again(&error) {
                reject(context, version, &error).await;
            }
            Err(error)
        }
    }
}

fn is_to_be_tried_again(error: &JobError) -> bool {
    match error {
        JobError::Stopping | JobError::Store(StoreError::LeaseLost(_)) => true,
        JobError::Store(error) => error.is_unavailable() || error.is_conflict(),
        _ => false,
    }
}

async fn begin(
    context: &ImportContext,
    list: Uuid,
    settings: &LoadSettings,
    control: &JobControl,
) -> Result<(NumberList, NumberListVersion), JobError> {
    let (app, job) = (&context.app, control.job());
    let mut tx = app.db.begin().await?;
    let row = tx.number_list_lock(job.tenant, list).await?;
    let row = row.ok_or_else(|| ApiError::not_found("number list"))?;
    let new = NewVersion {
        mode: settings.mode.as_str(),
        job: job.id,
        file_name: &settings.file_name,
        as_of: settings.as_of,
        created_by: &job.created_by,
        now: app.now(),
    };
    let version = tx.number_list_begin(&row, &new).await?;
    tx.commit().await?;
    Ok((row, version))
}

/// Notes why nothing came of a version.
async fn reject(context: &ImportContext, mut version: NumberListVersion, error: &JobError) {
    version.state = "rejected".into();
    version.detail = Some(match error {
        JobError::Internal(_) | JobError::Store(_) => "internal error".to_owned(),
        JobError::Refused(refused) => {
            let problem = refused.to_problem();
            problem["errors"][0]["detail"].as_str().unwrap_or(refused.detail()).to_owned()
        }
        other => other.to_string(),
    });
    version.rejects_file = Some(rejects_name(&version)).filter(|_| version.rejected > 0);
    let noted = async {
        let mut tx = context.app.db.begin().await?;
        tx.number_list_note(&version).await?;
        tx.commit().await
    };
    if let Err(error) = noted.await {
        tracing::warn!(%error, "that a load was rejected can't be noted");
    }
}

async fn load(
    context: &ImportContext,
    row: &NumberList,
    version: &mut NumberListVersion,
    settings: &LoadSettings,
    path: &Path,
    control: &JobControl,
    watch: &Arc<dyn Fn(Progress) + Send + Sync>,
) -> Result<NumberListVersion, JobError> {
    let db = &context.app.db;
    let reading = Reading {
        phones: Arc::clone(&context.checkers.phones),
        country: row.jurisdiction.as_deref().and_then(Country::from_code),
        settings: settings.clone(),
        path: path.to_owned(),
        rejects: context.rejects.join(rejects_name(version)),
        control: control.clone(),
        watch: Arc::clone(watch),
    };
    let read = tokio::task::spawn_blocking(move || reading.run()).await.map_err(|e| JobError::Internal(e.into()))?;
    let Read { set, counts } = read?;
    counts.note(version);
    version.rejects_file = Some(rejects_name(version)).filter(|_| counts.rejected > 0);
    if let Some((code, text)) = counts.refusal() {
        return Err(ApiError::invalid("/file", code, text).into());
    }
    let active = db.read().await?.number_list_version(row.number, row.active).await?;
    let set = combined(context, settings.mode, set, active.as_ref()).await?;
    version.numbers = i64::try_from(set.len()).unwrap_or(i64::MAX);
    let set = Arc::new(set);
    let (digest, bytes) = number_bytes::store(db, version.blob, Arc::clone(&set), || control.check()).await?;
    drop(set);
    (version.sha256, version.bytes) = (digest.to_string(), bytes);
    finish(context, row, version, settings, control).await
}

/// The whole new version: the file itself, or the active version with the file's changes.
async fn combined(
    context: &ImportContext,
    mode: LoadMode,
    set: NumberSet,
    active: Option<&NumberListVersion>,
) -> Result<NumberSet, JobError> {
    if mode == LoadMode::Replace {
        return Ok(set);
    }
    let active = active.ok_or_else(|| {
        let text = "changes need an active version that they change: load the whole list with the mode replace first";
        ApiError::invalid("/mode", "no_version", text)
    })?;
    let (db, cache) = (&context.app.db, context.app.numbers.cache());
    let mut whole = number_bytes::load(db, active.blob, &active.sha256, cache).await?;
    let changed = tokio::task::spawn_blocking(move || {
        match mode {
            LoadMode::Remove => drop(whole.remove(&set)),
            _ => drop(whole.add(&set)?),
        }
        Ok(whole)
    });
    let changed: Result<NumberSet, cxc_core::number_set::NumberSetError> =
        changed.await.map_err(|e| JobError::Internal(e.into()))?;
    changed.map_err(|error| ApiError::invalid("/file", "too_many", error.to_string()).into())
}

/// Reads back what was stored, checks it, and makes it the version that is asked.
async fn finish(
    context: &ImportContext,
    row: &NumberList,
    version: &mut NumberListVersion,
    settings: &LoadSettings,
    control: &JobControl,
) -> Result<NumberListVersion, JobError> {
    let app = &context.app;
    let stored = number_bytes::fetch(&app.db, version.blob, &version.sha256, app.numbers.cache()).await?;
    let canaries = canaries(context, row).await?;
    let now = app.now();
    let mut tx = app.db.begin().await?;
    let row = tx.number_list_lock(row.tenant, row.id).await?.ok_or_else(|| ApiError::not_found("number list"))?;
    let own = tx.number_list_version(row.number, version.version).await?;
    if own.is_none_or(|own| own.blob != version.blob) {
        let text = "another load of this list has begun since: its version takes the place of this one";
        return Err(ApiError::invalid("/file", "superseded", text).into());
    }
    let active = tx.number_list_version(row.number, row.active).await?;
    let overrides = Overrides { count: settings.force, older: settings.allow_older };
    let doubt = doubts(&stored, version, active.as_ref(), &canaries, overrides);
    version.state = if doubt.is_some() { "rejected" } else { "ready" }.into();
    version.detail = doubt;
    tx.number_list_note(version).await?;
    if version.state == "ready" && settings.activate {
        tx.number_list_activate(row.number, version.version, now).await?;
        let said = |v: &NumberListVersion| json!({ "version": v.version, "numbers": v.numbers });
        let mut after = said(version);
        (after["forced"], after["allowedOlder"]) = (settings.force.into(), settings.allow_older.into());
        let entry = Entry::new("activate", kind::NUMBER_LIST).of(row.id, &row.register);
        entry
            .changed(active.as_ref().map(said), Some(after))
            .write(app, &mut tx, &Principal::system(row.tenant))
            .await?;
    }
    control.hold(&mut tx, now).await?;
    let done = tx.number_list_version(row.number, version.version).await?;
    tx.commit().await?;
    done.ok_or_else(|| StoreError::Corrupt("a loaded version is gone".into()).into())
}

async fn canaries(context: &ImportContext, row: &NumberList) -> Result<Canaries, JobError> {
    let document = context.app.db.read().await?.object_get(row.tenant, kind::NUMBER_LIST, row.id).await?;
    let document = document.ok_or_else(|| ApiError::not_found("number list"))?;
    Ok(canaries_of(&document.body.0)?)
}

fn canaries_of(body: &Value) -> Result<Canaries, StoreError> {
    let canaries = body.get("canaries").filter(|value| !value.is_null()).cloned();
    Ok(canaries.map(serde_json::from_value).transpose().map_err(StoreError::Json)?.unwrap_or_default())
}

/// Makes a version the one that is asked, after its bytes, its count and the canary numbers were looked at: a newly
/// loaded one, one that was rejected for its count, or one of before, which takes the list back.
pub async fn activate(
    app: &App,
    principal: &Principal,
    id: Uuid,
    version: i64,
    overrides: Overrides,
) -> Result<NumberVersion, ApiError> {
    let missing = || ApiError::not_found("number list");
    let tenant = principal.tenant;
    let mut tx = app.db.read().await?;
    let row = tx.number_list_get(tenant, id).await?.ok_or_else(missing)?;
    let document = tx.object_get(tenant, kind::NUMBER_LIST, id).await?.ok_or_else(missing)?;
    let found = tx.number_list_version(row.number, version).await?;
    drop(tx);
    let wrong = |text: &str| ApiError::invalid("/version", "not_activatable", text);
    let found = found.ok_or_else(|| ApiError::invalid("/version", "not_found", "the list has no such version"))?;
    if found.state == "loading" || found.sha256.is_empty() {
        return Err(wrong("the version is not loaded: nothing of its file was stored"));
    }
    let set = number_bytes::fetch(&app.db, found.blob, &found.sha256, app.numbers.cache()).await;
    let set = set.map_err(|error| match error {
        StoreError::Corrupt(text) => wrong(&text),
        other => other.into(),
    })?;
    let canaries = canaries_of(&document.body.0).map_err(ApiError::internal)?;
    let mut tx = app.db.begin().await?;
    let row = tx.number_list_lock(tenant, id).await?.ok_or_else(missing)?;
    let active = tx.number_list_version(row.number, row.active).await?;
    if let Some(doubt) = doubts(&set, &found, active.as_ref(), &canaries, overrides) {
        return Err(ApiError::invalid("/version", "doubtful", doubt));
    }
    tx.number_list_activate(row.number, version, app.now()).await?;
    let now = tx.number_list_version(row.number, version).await?;
    let now = now.ok_or_else(|| ApiError::invalid("/version", "not_found", "the version was removed meanwhile"))?;
    let Overrides { count, older } = overrides;
    let said = |version: i64| Some(json!({ "version": version, "forced": count, "allowedOlder": older }));
    let entry = Entry::new("activate", kind::NUMBER_LIST).of(id, &document.name);
    entry.changed(active.and_then(|v| said(v.version)), said(version)).write(app, &mut tx, principal).await?;
    tx.commit().await?;
    Ok(now.into())
}

/// The name of the file of a version's rejected lines.
fn rejects_name(version: &NumberListVersion) -> String {
    format!("numbers-{}.csv", version.blob)
}

#[derive(Debug, Default)]
struct Counts {
    lines: i64,
    duplicate: i64,
    rejected: i64,
    blank: i64,
}

impl Counts {
    fn taken(&self) -> i64 {
        self.lines - self.duplicate - self.rejected - self.blank
    }

    fn note(&self, version: &mut NumberListVersion) {
        (version.lines, version.taken) = (self.lines, self.taken());
        (version.duplicate, version.rejected, version.blank) = (self.duplicate, self.rejected, self.blank);
    }

    /// Why the file as a whole is not the list that it is given for.
    fn refusal(&self) -> Option<(&'static str, String)> {
        let Self { lines, rejected, .. } = self;
        if self.lines == self.blank {
            return Some(("nothing_taken", "the file has no line with a number".into()));
        }
        (*rejected > lines - self.blank - rejected).then(|| {
            let text = format!(
                "more lines were rejected than taken: {rejected} of {lines}; the rejected lines say why for each"
            );
            ("mostly_rejected", text)
        })
    }
}

struct Read {
    set: NumberSet,
    counts: Counts,
}

/// The reading of a file, on a thread of its own.
struct Reading {
    phones: Arc<PhoneParser>,
    country: Option<Country>,
    settings: LoadSettings,
    path: PathBuf,
    rejects: PathBuf,
    control: JobControl,
    watch: Arc<dyn Fn(Progress) + Send + Sync>,
}

impl Reading {
    fn run(self) -> Result<Read, JobError> {
        let mut file = file::open(&self.path, &self.settings.read_options()).map_err(refused)?;
        let (number, area) = (self.settings.number_column.as_deref(), self.settings.area_code_column.as_deref());
        let columns = Columns::find(&file, &self.phones, self.country, number, area)
            .map_err(|text| ApiError::invalid("/numberColumn", "no_column", text))?;
        let mut rejects = self.rejects_file(&file.header, file.columns).map_err(refused)?;
        let (mut counts, mut builder) = (Counts::default(), NumberSetBuilder::new());
        while let Some(batch) = file.next_batch(RECORDS).map_err(refused)? {
            self.control.check()?;
            for record in batch.records() {
                counts.lines += 1;
                let read = match record.status() {
                    RecordStatus::Blank => {
                        counts.blank += 1;
                        continue;
                    }
                    RecordStatus::Rejected(problem) => Err(Reject::from(problem)),
                    RecordStatus::Data => columns.read(record, &self.phones, self.country),
                };
                match read {
                    Ok(number) => builder.push(number).map_err(too_many)?,
                    Err(reject) => {
                        counts.rejected += 1;
                        if counts.rejected <= MOST_REJECTS {
                            rejects.write(record, &reject).map_err(refused)?;
                        }
                    }
                }
            }
            let (done, total) = (batch.bytes_read, file.total_bytes);
            let as_progress = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
            self.control.progress(as_progress(done.min(total)), as_progress(total));
            (self.watch)(Progress { bytes: done, total_bytes: total, lines: counts.lines });
        }
        rejects.finish().map_err(refused)?;
        let (set, duplicates) = builder.finish().map_err(too_many)?;
        counts.duplicate = i64::try_from(duplicates).unwrap_or(i64::MAX);
        if counts.rejected == 0 {
            std::fs::remove_file(&self.rejects).map_err(|e| refused(FileError::Io(e)))?;
        }
        Ok(Read { set, counts })
    }

    fn rejects_file(&self, header: &[String], columns: usize) -> Result<RejectsWriter<BufWriter<File>>, FileError> {
        if let Some(folder) = self.rejects.parent() {
            std::fs::create_dir_all(folder).map_err(FileError::Io)?;
        }
        let out = File::create(&self.rejects).map_err(FileError::Io)?;
        RejectsWriter::new(BufWriter::new(out), header, columns)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it maps errors")]
fn refused(error: FileError) -> JobError {
    ApiError::invalid("/file", error.code(), error.to_string()).into()
}

#[expect(clippy::needless_pass_by_value, reason = "it maps errors")]
fn too_many(error: cxc_core::number_set::NumberSetError) -> JobError {
    ApiError::invalid("/file", "too_many", error.to_string()).into()
}

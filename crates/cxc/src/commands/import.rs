//! `cxc import`: the list builder's job, run here.
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use cxc_core::location::Country;
use cxc_list_builder::Folders;
use cxc_list_builder::import::{ImportMode, ImportOutcome, ImportSettings, Progress, Warning};
use cxc_list_builder::jobs::{ImportPayload, LIST_IMPORT, ListJobs, Source, Watch};
use cxc_list_builder::mapping::DataMapping;
use cxc_list_manager::contact_lists::ContactList;
use cxc_server::resources::settings::chosen_country;
use cxc_server::{Principal, document};
use cxc_store::job::Job;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use uuid::Uuid;

use super::desk::Desk;
use super::input::Input;
use super::tenant::refused;
use super::{jobs, lists};
use crate::cli::{Import, Mode};
use crate::config::Config;
use crate::failure::Failure;
use crate::terminal;

/// Imports a file.
pub async fn run(config: &Config, asked: &Import) -> Result<(), Failure> {
    let mut settings = settings(asked)?;
    let input = Input::of(config, &asked.file)?;
    settings.file_name = input.file_name();
    let desk = Desk::open(config).await?;
    let tenant = desk.tenant(asked.tenant.as_deref()).await?;
    let known = lists::find(&desk.app, tenant.no, &asked.list).await?.is_some();
    let list = lists::find_or_make(&desk.app, tenant.no, &asked.list).await?;
    if settings.default_country.is_none() {
        settings.default_country = country_of(&desk, tenant.no, list).await?;
    }
    let bar = progress_bar(&input.path);
    let jobs = ListJobs { watch: shown_by(bar.clone()), ..jobs::list_jobs(config, &desk.app).await? };
    let payload = ImportPayload { source: Source::Path(input.path.clone()), settings };
    let job = jobs::run(&desk.app, &jobs, tenant.no, LIST_IMPORT, list, payload).await?;
    bar.finish_and_clear();
    let outcome = desk.app.db.read().await?.import_of_job(tenant.no, job.id).await?.map(|i| ImportOutcome::of(&i));
    if !known && matches!(job.state.as_str(), "failed" | "cancelled") {
        unmake(&desk, tenant.no, list).await?;
    }
    desk.close().await;
    report(config, asked, &input.shown, &job, outcome.as_ref())
}

/// The country of numbers without one: the list's, else the tenant's.
async fn country_of(desk: &Desk, tenant: i64, list: Uuid) -> Result<Option<String>, Failure> {
    let mut tx = desk.app.db.read().await?;
    let document = document::get::<ContactList>(&mut tx, tenant, list).await.map_err(refused)?;
    match document.and_then(|list| list.body.country.clone()) {
        Some(country) => Ok(Some(country)),
        None => chosen_country(&mut tx, tenant).await.map_err(refused),
    }
}

/// Takes a list away that was made for a file of which nothing was taken; unless somebody has found a use for it.
async fn unmake(desk: &Desk, tenant: i64, list: Uuid) -> Result<(), Failure> {
    let mut tx = desk.app.db.begin().await?;
    let empty = tx.contact_list_get(tenant, list).await?.is_some_and(|list| list.contacts == 0);
    let document = document::get::<ContactList>(&mut tx, tenant, list).await.map_err(refused)?;
    if let Some(document) = document.filter(|_| empty)
        && document::delete_in(&desk.app, &mut tx, &Principal::system(tenant), &document).await.is_ok()
    {
        tx.commit().await?;
    }
    Ok(())
}

/// A bar on a terminal, nothing in a pipe.
pub(super) fn progress_bar(file: &Path) -> ProgressBar {
    let size = file.metadata().map_or(0, |m| m.len());
    let style = ProgressStyle::with_template("{bar:40} {percent:>3} %  {msg}  {bytes_per_sec}  {eta} left");
    ProgressBar::new(size).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

pub(super) fn shown_by(bar: ProgressBar) -> Watch {
    Arc::new(move |progress: Progress| {
        bar.set_length(progress.total_bytes);
        bar.set_position(progress.bytes);
        bar.set_message(format!("{} lines", progress.lines));
    })
}

fn settings(asked: &Import) -> Result<ImportSettings, Failure> {
    if let Some(country) = &asked.default_country {
        Country::parse(country).map_err(|e| Failure::usage(format!("--default-country {country}: {e}")))?;
    }
    let mapping = asked.mapping.as_deref().map(mapping).transpose()?;
    let settings = ImportSettings {
        mode: match asked.mode {
            Mode::Append => ImportMode::Append,
            Mode::Update => ImportMode::Update,
            Mode::Replace => ImportMode::Replace,
        },
        default_country: asked.default_country.clone(),
        mapping,
        encoding: asked.encoding.clone(),
        delimiter: asked.delimiter.clone(),
        ..ImportSettings::default()
    };
    let options = settings.read_options().map_err(|error| Failure::usage(error.to_string()))?;
    options.check().map_err(|error| Failure::usage(error.to_string()))?;
    Ok(settings)
}

pub(super) fn mapping(path: &Path) -> Result<DataMapping, Failure> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} can't be read", path.display()));
    let parsed = serde_json::from_str(&text.map_err(Failure::start)?);
    parsed.map_err(|error| Failure::usage(format!("{} is no mapping document: {error}", path.display())))
}

fn report(
    config: &Config,
    asked: &Import,
    file: &str,
    job: &Job,
    outcome: Option<&ImportOutcome>,
) -> Result<(), Failure> {
    let folder = Folders::below(&config.data_dir).rejects;
    let kept = |name: Option<&String>| name.map(|name| folder.join(name));
    let rejects = kept(outcome.and_then(|o| o.rejects_file.as_ref()));
    let warnings = kept(outcome.and_then(|o| o.warnings_file.as_ref()));
    let why = jobs::refusal(job);
    if asked.json {
        let files = [rejects.as_deref(), warnings.as_deref()];
        terminal::say(&json_of(outcome, files, why.as_deref()).to_string())?;
    } else if let Some(outcome) = outcome.filter(|outcome| why.is_none() || outcome.lines > 0) {
        // also where nothing was taken: the counts say why
        terminal::say(&told(&asked.list, outcome))?;
    }
    // also beside JSON, for whoever looks at the terminal
    for warning in outcome.iter().flat_map(|outcome| &outcome.warnings) {
        terminal::note(&warned(warning));
    }
    if !asked.json {
        for (label, path) in
            [("rejected and duplicate lines", rejects), ("left out or changed in lines that were taken", warnings)]
        {
            if let Some(path) = path {
                terminal::say(&format!("{label}: {}", path.display()))?;
            }
        }
    }
    match why {
        None => Ok(()),
        Some(why) => Err(Failure::refused(format!("{file}: {why}"))),
    }
}

/// A warning in words, with where it was first.
pub(super) fn warned(warning: &Warning) -> String {
    if warning.kind.is_of_file() {
        return warning.text.clone();
    }
    let (text, line) = (&warning.text, warning.first_line);
    match warning.count {
        1 => format!("{text} (in line {line})"),
        count => format!("{count} times: {text} (first in line {line})"),
    }
}

fn json_of(outcome: Option<&ImportOutcome>, [rejects, warnings]: [Option<&Path>; 2], why: Option<&str>) -> Value {
    let counts = outcome.map(ImportOutcome::counts).unwrap_or_default();
    let mut object = json!({
        "lines": counts.lines,
        "imported": counts.imported,
        "updated": counts.updated,
        "duplicate": counts.duplicate,
        "rejected": counts.rejected,
        "filtered": counts.filtered,
        "blank": counts.blank,
        "devices": counts.devices,
        "rejects_file": rejects,
    });
    // what was left out of lines that were taken is in no count
    if let Some(outcome) = outcome.filter(|outcome| !outcome.warnings.is_empty()) {
        object["warnings"] = outcome.warnings_json();
    }
    if let Some(path) = warnings {
        object["warnings_file"] = json!(path);
    }
    if let Some(why) = why {
        object["error"] = why.into();
    }
    object
}

fn told(list: &str, outcome: &ImportOutcome) -> String {
    let c = outcome.counts();
    format!(
        "{list}: {} lines = {} imported + {} updated + {} duplicate + {} rejected + {} filtered + {} blank; {} devices in {:.1} s",
        c.lines,
        c.imported,
        c.updated,
        c.duplicate,
        c.rejected,
        c.filtered,
        c.blank,
        c.devices,
        outcome.duration_ms as f64 / 1e3
    )
}

//! `cxc consent import`, `undo` and `export`: the list builder's jobs, run here.
use std::fs::File;
use std::io::Write;

use cxc_core::location::Country;
use cxc_core::written_reason::WrittenReason;
use cxc_list_builder::Folders;
use cxc_list_builder::consents::{CONSENT_EXPORT, CONSENT_IMPORT, CONSENT_UNDO, UndoPayload};
use cxc_list_builder::export::export_name;
use cxc_list_builder::import::{ImportOutcome, ImportSettings};
use cxc_list_builder::jobs::{ImportPayload, ListJobs, Source};
use cxc_server::Principal;
use cxc_server::audit::Entry;
use cxc_server::resources::settings::chosen_country;
use cxc_store::job::Job;
use serde_json::json;

use super::desk::Desk;
use super::import::{mapping, progress_bar, shown_by, warned};
use super::input::Input;
use super::tenant::refused;
use super::{export, jobs};
use crate::cli::{ConsentExport, ConsentImport, ConsentUndo};
use crate::config::Config;
use crate::failure::Failure;
use crate::terminal;

/// Imports a file.
pub async fn import(config: &Config, asked: &ConsentImport) -> Result<(), Failure> {
    if let Some(country) = &asked.default_country {
        Country::parse(country).map_err(|e| Failure::usage(format!("--default-country {country}: {e}")))?;
    }
    let mapping = asked.mapping.as_deref().map(mapping).transpose()?;
    let input = Input::of(config, &asked.file)?;
    let file_name = input.file_name();
    let desk = Desk::open(config).await?;
    let tenant = desk.tenant(asked.tenant.as_deref()).await?;
    let default_country = match asked.default_country.clone() {
        Some(country) => Some(country),
        None => chosen_country(&mut desk.app.db.read().await?, tenant.no).await.map_err(refused)?,
    };
    let settings = ImportSettings { file_name, default_country, mapping, ..ImportSettings::default() };
    let bar = progress_bar(&input.path);
    let work = ListJobs { watch: shown_by(bar.clone()), ..jobs::list_jobs(config, &desk.app).await? };
    let payload = ImportPayload { source: Source::Path(input.path.clone()), settings };
    let job = jobs::run(&desk.app, &work, tenant.no, CONSENT_IMPORT, desk.app.ids.next(), payload).await?;
    bar.finish_and_clear();
    let outcome = desk.app.db.read().await?.import_of_job(tenant.no, job.id).await?.map(|i| ImportOutcome::of(&i));
    note(&desk, tenant.no, Entry::new("import", "consent")).await?;
    desk.close().await;
    report(config, asked, &input.shown, &job, outcome.as_ref())
}

/// Who changed the ledger stands in the audit log; values are personal.
async fn note(desk: &Desk, tenant: i64, entry: Entry) -> Result<(), Failure> {
    let mut tx = desk.app.db.begin().await?;
    entry.write(&desk.app, &mut tx, &Principal::system(tenant)).await.map_err(refused)?;
    Ok(tx.commit().await?)
}

fn report(
    config: &Config,
    asked: &ConsentImport,
    file: &str,
    job: &Job,
    outcome: Option<&ImportOutcome>,
) -> Result<(), Failure> {
    let rejects =
        outcome.and_then(|o| o.rejects_file.as_ref()).map(|name| Folders::below(&config.data_dir).rejects.join(name));
    let why = jobs::refusal(job);
    if let Some(outcome) = outcome {
        let path = rejects.as_deref().map(|path| path.display().to_string());
        if asked.json {
            let mut object = outcome.cli_json(path.as_deref());
            object["import"] = json!(outcome.id);
            object["error"] = json!(why);
            terminal::say(&object.to_string())?;
        } else {
            if why.is_none() {
                terminal::say(&told(outcome))?;
            }
            for warning in &outcome.warnings {
                terminal::note(&warned(warning));
            }
            if let Some(path) = path {
                terminal::say(&format!("rejected and duplicate lines: {path}"))?;
            }
        }
    }
    why.map_or(Ok(()), |why| Err(Failure::refused(format!("{file}: {why}"))))
}

fn told(outcome: &ImportOutcome) -> String {
    let (c, l) = (outcome.counts(), outcome.consents);
    format!(
        "import {}: {} lines = {} imported + {} duplicate + {} rejected + {} blank; {} consents, {} opt-outs, {} held back by an opt-out",
        outcome.id, c.lines, c.imported, c.duplicate, c.rejected, c.blank, l.consents, l.opt_outs, l.held_back
    )
}

/// Takes an import back.
pub async fn undo(config: &Config, asked: &ConsentUndo) -> Result<(), Failure> {
    let desk = Desk::open(config).await?;
    let tenant = desk.tenant(asked.tenant.as_deref()).await?;
    let found = desk.app.db.read().await?.import_get(tenant.no, asked.import).await?;
    let opt_outs = found.map_or(0, |import| ImportOutcome::of(&import).consents.opt_outs);
    let given = asked.reason.as_deref().filter(|reason| opt_outs > 0 || !reason.is_empty());
    let reason = match WrittenReason::parse(given.unwrap_or_default()).map(WrittenReason::into_string) {
        Ok(reason) => reason,
        Err(_) if opt_outs == 0 && given.is_none() => String::new(),
        Err(error) => {
            desk.close().await;
            let text = format!("--reason: import {} brought {opt_outs} opt-outs: {error}", asked.import);
            return Err(Failure::usage(text));
        }
    };
    let work = jobs::list_jobs(config, &desk.app).await?;
    let payload = UndoPayload { import: asked.import };
    let job = jobs::run(&desk.app, &work, tenant.no, CONSENT_UNDO, desk.app.ids.next(), payload).await?;
    if jobs::refusal(&job).is_none() {
        let after = json!({ "reason": reason, "optOuts": opt_outs });
        note(&desk, tenant.no, Entry::new("undo_import", "consent").changed(None, Some(after))).await?;
    }
    desk.close().await;
    match jobs::refusal(&job) {
        Some(why) => Err(Failure::refused(format!("import {}: {why}", asked.import))),
        None => terminal::say(&format!("import {} is undone: what it brought counts no more", asked.import)),
    }
}

/// Writes the ledger out.
pub async fn export(config: &Config, asked: &ConsentExport) -> Result<(), Failure> {
    let desk = Desk::open(config).await?;
    let tenant = desk.tenant(asked.tenant.as_deref()).await?;
    note(&desk, tenant.no, Entry::new("export", "consent")).await?;
    let mut out = export::open(asked.output.as_deref())?;
    let work = jobs::list_jobs(config, &desk.app).await?;
    let job =
        jobs::run(&desk.app, &work, tenant.no, CONSENT_EXPORT, desk.app.ids.next(), serde_json::Value::Null).await?;
    desk.close().await;
    if let Some(why) = jobs::refusal(&job) {
        return Err(Failure::refused(format!("the ledger can't be exported: {why}")));
    }
    let path = work.exports.join(export_name(job.id));
    let copied = std::io::copy(&mut File::open(&path)?, &mut out);
    std::fs::remove_file(&path)?;
    match copied.and_then(|_| out.flush()) {
        // a reader that has gone has seen enough
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

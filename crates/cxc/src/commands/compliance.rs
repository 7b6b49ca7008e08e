//! `cxc compliance`: ask the rules anything, and hand out what was decided.
use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use cxc_compliance_manager::evidence::{self, ChainView};
use cxc_compliance_manager::export::{ExportAsked, Signer, collect, verify};
use cxc_compliance_manager::{EvaluationAnswer, EvaluationDocument, EvaluationKit, Evaluator};
use cxc_core::hash::HashKey;
use cxc_core::location::{LiveTables, LocationTables};
use cxc_core::phone::PhoneParser;
use cxc_core::written_reason::WrittenReason;
use cxc_server::app::time_text;
use cxc_server::audit::Entry;
use cxc_server::principal::SYSTEM_TENANT;
use cxc_server::{ApiError, Principal};
use jiff::Timestamp;
use serde_json::Value;

use super::desk::Desk;
use super::person::key_of;
use super::tenant::refused;
use crate::cli::{ComplianceCommand, Evaluate, EvidenceExport, Replay};
use crate::config::Config;
use crate::failure::Failure;
use crate::terminal;
use crate::tzdb;

/// The largest document.
const MOST_BYTES: u64 = 5 * 1024 * 1024;

/// Does what was asked.
pub async fn run(config: &Config, command: &ComplianceCommand) -> Result<(), Failure> {
    match command {
        ComplianceCommand::Evaluate(asked) => evaluate(config, asked).await,
        ComplianceCommand::Explain(asked) => {
            let document = EvaluationDocument {
                list_id: Some(asked.list),
                contact_id: Some(asked.contact.into()),
                group_id: asked.group,
                at: asked.at.as_deref().map(moment).transpose()?,
                ..EvaluationDocument::default()
            };
            let evaluator = evaluator(config)?;
            let desk = Desk::open(config).await?;
            let tenant = desk.tenant(asked.tenant.as_deref()).await?;
            let answer = evaluator.explain_stored(&desk.app, tenant.no, document).await;
            desk.close().await;
            say(&answer.map_err(|e| unfit(&e))?, !asked.json)
        }
        ComplianceCommand::Replay(asked) => replay(config, asked).await,
        ComplianceCommand::Export(asked) => export(config, asked).await,
        ComplianceCommand::Digest(asked) => super::evidence_digest::run(config, asked).await,
        ComplianceCommand::Key => {
            let desk = Desk::open(config).await?;
            let key = Signer::new(&desk.app.hash_key)?.public_key();
            desk.close().await;
            terminal::say(&key)
        }
        ComplianceCommand::Clock { accept } => clock(config, accept.as_deref()).await,
        ComplianceCommand::Verify { file, key } => check(file, key.as_deref()),
    }
}

/// Tells whether this clock is behind the newest decision, or accepts that it is.
async fn clock(config: &Config, accept: Option<&str>) -> Result<(), Failure> {
    let desk = Desk::open(config).await?;
    let mut tx = desk.app.db.begin().await?;
    let (now, floor) = (desk.app.now(), tx.clock_floor().await?);
    let Some(floor) = floor.filter(|floor| now < *floor) else {
        drop(tx);
        desk.close().await;
        return terminal::say("the clock is not behind any decision that counts");
    };
    let said = format!("the clock is at {}, the newest decision was made at {}", time_text(now), time_text(floor));
    let Some(reason) = accept else {
        let text = format!("{said}: nobody is contacted. If the clock is right now, accept it with --accept REASON");
        return Err(Failure::refused(text));
    };
    let reason = WrittenReason::parse(reason).map_err(|error| Failure::usage(format!("--accept: {error}")))?;
    tx.clock_accept().await?;
    let after = serde_json::json!({ "clock": time_text(now), "newestDecision": time_text(floor),
        "reason": reason.as_str() });
    let entry = Entry::new("accept", "clock").changed(None, Some(after));
    entry.write(&desk.app, &mut tx, &Principal::system(SYSTEM_TENANT)).await.map_err(refused)?;
    tx.commit().await?;
    desk.close().await;
    terminal::say(&format!("{said}: accepted"))
}

async fn evaluate(config: &Config, asked: &Evaluate) -> Result<(), Failure> {
    let document = document(&asked.file)?;
    let is_shipped = asked.shipped || (document.is_of_the_law_alone() && !has_database(config));
    let answer = if is_shipped {
        let evaluator = evaluator(config)?;
        // nothing is looked up, so that any key will do
        evaluator
            .evaluate_shipped(&HashKey([0; 16]), &document, cxc_server::Clock::now(&cxc_server::SystemClock))
            .map_err(|e| unfit(&e))?
    } else {
        by_tenant(config, asked.tenant.as_deref(), &document).await?
    };
    say(&answer, asked.explain)
}

/// Whether there is a database to look things up in.
fn has_database(config: &Config) -> bool {
    config.embedded_file().is_none_or(|file| file.exists())
}

/// A document from a file, or from standard input.
fn document(file: &Path) -> Result<EvaluationDocument, Failure> {
    let mut text = Vec::new();
    let wrong = |e: std::io::Error| Failure::usage(format!("{}: {e}", file.display()));
    let length = if file == Path::new("-") {
        std::io::stdin().take(MOST_BYTES + 1).read_to_end(&mut text)
    } else {
        fs::File::open(file).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut text))
    };
    if length.map_err(wrong)? as u64 > MOST_BYTES {
        return Err(Failure::usage(format!("{}: a document has at most 5 MiB", file.display())));
    }
    let value = cxc_server::extract::parse(&text).map_err(|e| unfit(&e))?;
    EvaluationDocument::read(value).map_err(|e| unfit(&e))
}

fn evaluator(config: &Config) -> Result<Evaluator, Failure> {
    let data = &config.compliance_data;
    let zones = tzdb::zones(data.tzdb_directory.as_deref()).map_err(Failure::start)?;
    let tables = LocationTables::embedded()?.with_zones(&zones).map_err(Failure::start)?;
    let tables = LiveTables::new(tables.with_outlying_zones(data.outlying_zones));
    Ok(Evaluator::new(EvaluationKit::new(zones, Arc::new(PhoneParser::new()?), tables)?))
}

async fn by_tenant(
    config: &Config,
    tenant: Option<&str>,
    document: &EvaluationDocument,
) -> Result<EvaluationAnswer, Failure> {
    let evaluator = evaluator(config)?;
    let desk = Desk::open_existing(config).await?;
    let tenant = desk.tenant(tenant).await?;
    let answer = evaluator.evaluate(&desk.app, tenant.no, document).await;
    desk.close().await;
    answer.map_err(|e| unfit(&e))
}

/// A document that is refused: every place that is wrong.
fn unfit(error: &ApiError) -> Failure {
    let problem = error.problem("");
    // what is wrong with the whole document has no pointer
    let place = |pointer: &str| if pointer.is_empty() { String::new() } else { format!("{pointer}: ") };
    let places = problem.errors.iter().map(|e| format!("{}{}", place(&e.pointer), e.detail));
    let places: Vec<String> = places.collect();
    let text = if places.is_empty() { problem.detail.to_string() } else { places.join("; ") };
    Failure::usage(text)
}

/// Prints an answer; anything but a yes ends with the exit code 3.
fn say(answer: &EvaluationAnswer, in_words: bool) -> Result<(), Failure> {
    if in_words {
        terminal::write(&answer.sentences())?;
    } else {
        terminal::write(&(serde_json::to_string_pretty(answer)? + "\n"))?;
    }
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let said = serde_json::to_value(answer)?;
    match word(&said["decision"]).as_str() {
        "allow" => Ok(()),
        decision => Err(Failure::decided(format!("{decision}: {}", word(&said["code"]).replace('_', " ")))),
    }
}

async fn replay(config: &Config, asked: &Replay) -> Result<(), Failure> {
    let evaluator = evaluator(config)?;
    let desk = Desk::open_existing(config).await?;
    let tenant = desk.tenant(asked.tenant.as_deref()).await?;
    let replayed = evidence::replay(&desk.app, evaluator.kit(), tenant.no, &asked.id).await;
    desk.close().await;
    let replayed = replayed.map_err(refused)?;
    if asked.json {
        terminal::write(&(serde_json::to_string_pretty(&replayed)? + "\n"))?;
    } else {
        let steps: String = replayed.steps.iter().map(|step| format!("{}\n", step.sentence())).collect();
        let versions: String = replayed.versions.iter().map(|(name, used)| format!("{name}: {used}\n")).collect();
        terminal::write(&format!("{steps}{versions}"))?;
        if let Some(why) = &replayed.held_back {
            terminal::say(why)?;
        }
        terminal::say(&replayed.chain.sentence())?;
    }
    if !replayed.chain.holds {
        return Err(Failure::refused(format!("what is kept was changed: {}", replayed.chain.sentence())));
    }
    if replayed.same_reasons {
        terminal::say("the decision is the same, and its reasons are equal, byte for byte")
    } else {
        Err(Failure::refused(format!(
            "decided were the reasons {}, and now they are {}",
            replayed.decided["reasons"],
            replayed.replayed.reasons_text()
        )))
    }
}

async fn export(config: &Config, asked: &EvidenceExport) -> Result<(), Failure> {
    let desk = Desk::open(config).await?;
    let tenant = desk.tenant(asked.tenant.as_deref()).await?;
    let (device, client_id) = match asked.person.as_deref().map(key_of).transpose()? {
        Some(cxc_store::privacy::PersonKey::Address(address)) => (Some(address), None),
        Some(cxc_store::privacy::PersonKey::ClientId(id)) => (None, Some(id)),
        None => (None, None),
    };
    let wanted = ExportAsked {
        device,
        client_id,
        group_id: asked.group,
        from: asked.from.as_deref().map(moment).transpose()?,
        till: asked.till.as_deref().map(moment).transpose()?,
    };
    let file = collect(&desk.app, &Principal::system(tenant.no), &wanted).await;
    desk.close().await;
    let bytes = file.map_err(refused)?;
    match &asked.output {
        Some(path) => fs::write(path, bytes)?,
        None => terminal::write_bytes(&bytes)?,
    }
    Ok(())
}

fn check(file: &Path, key: Option<&str>) -> Result<(), Failure> {
    let bytes = fs::read(file).map_err(|e| Failure::usage(format!("{}: {e}", file.display())))?;
    let manifest = verify(&bytes, key).map_err(|e| Failure::refused(format!("{}: {e:#}", file.display())))?;
    let by = if key.is_some() { "the key that was given" } else { "the key that it names itself" };
    terminal::say(&format!(
        "{} is whole and signed by {by}: {} on {}, written {}, public key {}",
        file.display(),
        counted(manifest.decisions, "decision"),
        manifest.subject,
        manifest.exported_at,
        manifest.public_key
    ))?;
    let broken: Vec<String> = manifest.broken().map(ChainView::sentence).collect();
    if broken.is_empty() {
        let chains = counted(manifest.chains.len(), "evidence chain");
        let were = if manifest.chains.len() == 1 { "was" } else { "were" };
        return terminal::say(&format!("{chains} {were} verified when it was written"));
    }
    Err(Failure::refused(format!("when it was written, evidence had been changed: {}", broken.join("; "))))
}

/// `1 decision`, `2 decisions`.
fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn moment(text: &str) -> Result<Timestamp, Failure> {
    text.parse().map_err(|_| Failure::usage(format!("{text}: a moment such as 2027-01-31T12:00:00Z")))
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn one_is_one_and_the_rest_are_several() {
        let said = [0, 1, 2].map(|count| counted(count, "evidence chain"));
        assert_eq!(said, ["0 evidence chains", "1 evidence chain", "2 evidence chains"]);
    }
}

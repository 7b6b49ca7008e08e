//! `cxc numbers answers`: number intelligence, by the list builder's jobs, run here.
use cxc_core::location::Country;
use cxc_list_builder::intelligence::{
    ANSWERS_LOAD, ANSWERS_QUERY, AnswerView, AnswersPayload, NumberSource, QueryPayload, answers_on, consent_day,
};
use cxc_list_builder::jobs::Source;
use cxc_server::Principal;
use cxc_server::document::{self, Draft};
use cxc_store::job::Job;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::desk::Desk;
use super::input::Input;
use super::tenant::refused;
use super::{jobs, lists};
use crate::cli::{AnswersAsk, AnswersCommand, AnswersLoad, AnswersShow};
use crate::config::Config;
use crate::failure::Failure;
use crate::terminal;

/// Does what was asked.
pub async fn run(config: &Config, command: &AnswersCommand) -> Result<(), Failure> {
    match command {
        AnswersCommand::Load(asked) => load(config, asked).await,
        AnswersCommand::Ask(asked) => ask(config, asked).await,
        AnswersCommand::Show(asked) => show(config, asked).await,
    }
}

async fn load(config: &Config, asked: &AnswersLoad) -> Result<(), Failure> {
    if let Some(country) = &asked.country {
        Country::parse(country).map_err(|e| Failure::usage(format!("--country {country}: {e}")))?;
    }
    let input = Input::of(config, &asked.file)?;
    let desk = Desk::open(config).await?;
    let tenant = desk.tenant(asked.tenant.as_deref()).await?.no;
    let payload = AnswersPayload {
        source: Source::Path(input.path.clone()),
        file_name: input.file_name(),
        country: asked.country.clone(),
    };
    let job = work(config, &desk, (tenant, ANSWERS_LOAD, desk.app.ids.next()), payload).await?;
    desk.close().await;
    let result = finished(&job, &input.shown)?;
    if asked.json {
        return terminal::say(&result.to_string());
    }
    let count = |name: &str| result[name].as_i64().unwrap_or(0);
    for problem in result["problems"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        terminal::note(problem);
    }
    terminal::say(&format!(
        "{}: {} lines, {} rejected; answers on {} numbers, of which {} are new or newer",
        input.shown,
        count("lines"),
        count("rejected"),
        count("numbers"),
        count("stored")
    ))
}

async fn ask(config: &Config, asked: &AnswersAsk) -> Result<(), Failure> {
    let desk = Desk::open(config).await?;
    let tenant = desk.tenant(asked.tenant.as_deref()).await?.no;
    let day = consent_day(&asked.consent_date, desk.app.clock.now());
    let wrong = || {
        let text = format!("--consent-date {}: a day that was, such as 2026-01-31", asked.consent_date);
        Failure::usage(text)
    };
    let consent_on = day.ok_or_else(wrong)?;
    let list = lists::find(&desk.app, tenant, &asked.list).await?;
    let list = list.ok_or_else(|| Failure::usage(format!("there is no contact list {}", asked.list)))?;
    let source = source(&desk, tenant, asked).await?;
    let payload = QueryPayload { list: list.id, consent_on };
    let job = work(config, &desk, (tenant, ANSWERS_QUERY, source), payload).await?;
    desk.close().await;
    let result = finished(&job, &asked.source)?;
    if asked.json {
        return terminal::say(&result.to_string());
    }
    terminal::say(&format!(
        "{}: {} contacts looked at, {} numbers asked about, {} answers",
        asked.source, result["contacts"], result["asked"], result["answered"]
    ))
}

/// The source of the name; made if it is missing and its address was given.
async fn source(desk: &Desk, tenant: i64, asked: &AnswersAsk) -> Result<Uuid, Failure> {
    let mut tx = desk.app.db.read().await?;
    let known = document::find::<NumberSource>(&mut tx, tenant, &asked.source).await.map_err(refused)?;
    drop(tx);
    match (known, &asked.url) {
        (Some(known), None) => Ok(known.id),
        (Some(known), Some(url)) if known.body.url == *url && asked.token_file.is_none() => Ok(known.id),
        (Some(_), Some(_)) => Err(Failure::usage(format!(
            "the source {} is there already: leave --url and --token-file out, or change it by PATCH \
             /compliance/number-sources",
            asked.source
        ))),
        (None, None) => Err(Failure::usage(format!("there is no source {}: give --url to make it", asked.source))),
        (None, Some(url)) => {
            let read = |file| std::fs::read_to_string(file).map(|text| text.trim().to_owned());
            let token = asked.token_file.as_ref().map(read).transpose();
            let token = token.map_err(|e| Failure::usage(format!("--token-file: {e}")))?;
            let body = NumberSource::new(url.clone(), token);
            let draft = Draft::new(asked.source.as_str(), body);
            Ok(document::create(&desk.app, &Principal::system(tenant), draft).await.map_err(refused)?.id)
        }
    }
}

async fn work(
    config: &Config,
    desk: &Desk,
    (tenant, kind, subject): (i64, &'static str, Uuid),
    payload: impl Serialize,
) -> Result<Job, Failure> {
    let handler = jobs::list_jobs(config, &desk.app).await?;
    jobs::run(&desk.app, &handler, tenant, kind, subject, payload).await
}

/// What came of a job that succeeded.
fn finished(job: &Job, what: &str) -> Result<Value, Failure> {
    match jobs::refusal(job) {
        Some(why) => Err(Failure::refused(format!("{what}: {why}"))),
        None => Ok(job.result.as_ref().map_or(Value::Null, |result| result.0.clone())),
    }
}

async fn show(config: &Config, asked: &AnswersShow) -> Result<(), Failure> {
    let desk = Desk::open(config).await?;
    let tenant = desk.tenant(asked.tenant.as_deref()).await?.no;
    let found = answers_on(&desk.app, tenant, &asked.numbers).await?;
    desk.close().await;
    if asked.json {
        return terminal::say(&serde_json::to_value(&found)?.to_string());
    }
    for number in &asked.numbers {
        match found.iter().find(|answer| answer.number == number.as_str()) {
            Some(answer) => terminal::say(&told(answer))?,
            None => terminal::say(&format!("{number}: nothing is known"))?,
        }
    }
    Ok(())
}

fn told(answer: &AnswerView) -> String {
    let about = answer.consent_at.as_ref().map(|at| format!(" since {}", day(at))).unwrap_or_default();
    let reassigned = match answer.answer.as_str() {
        "yes" => "reassigned",
        "no" => "not reassigned",
        _ => "no data whether it was reassigned",
    };
    let line = answer.line_type.as_ref().map(|kind| format!(", {kind}")).unwrap_or_default();
    let ported = answer.ported_at.as_ref().map(|at| format!(", ported on {}", day(at))).unwrap_or_default();
    let (asked, source) = (day(&answer.queried_at), &answer.source);
    format!("{}: {reassigned}{about}{line}{ported} (asked on {asked}, {source})", answer.number)
}

fn day(moment: &str) -> &str {
    moment.get(..10).unwrap_or(moment)
}

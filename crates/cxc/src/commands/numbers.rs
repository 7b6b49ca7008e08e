//! `cxc numbers`: national and customer lists of numbers.
use anyhow::Context;
use cxc_core::channel::Channel;
use cxc_core::kind;
use cxc_core::location::Country;
use cxc_core::number_set::NumberListKind;
use cxc_core::phone::PhoneNumber;
use cxc_list_builder::Folders;
use cxc_list_builder::jobs::{ListJobs, Source};
use cxc_list_builder::numbers::{LoadMode, LoadPayload, LoadSettings, NumberVersion, activate};
use cxc_list_manager::number_lists::NumberList;
use cxc_server::document::{self, Draft};
use cxc_server::{ApiError, Principal};
use cxc_store::number_activation::Overrides;
use cxc_store::number_list::{ActiveList, INSTALLATION, LOAD_JOB};
use cxc_store::number_lists::ListState;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::Value;
use uuid::Uuid;

use super::desk::Desk;
use super::import::{progress_bar, shown_by};
use super::input::Input;
use super::numbers_shown::{Standing, age, line, shown, told, version_line};
use super::tenant::refused;
use super::{jobs, number_answers};
use crate::cli::{
    NumbersActivate, NumbersCheck, NumbersCommand, NumbersKind, NumbersLoad, NumbersMode, NumbersOwner, NumbersStatus,
};
use crate::config::Config;
use crate::failure::Failure;
use crate::terminal;

/// Does what was asked.
pub async fn run(config: &Config, command: &NumbersCommand) -> Result<(), Failure> {
    match command {
        NumbersCommand::Load(asked) => load(config, asked).await,
        NumbersCommand::Status(asked) => status(config, asked).await,
        NumbersCommand::Check(asked) => check(config, asked).await,
        NumbersCommand::Activate(asked) => back(config, asked).await,
        NumbersCommand::Answers(asked) => number_answers::run(config, asked).await,
    }
}

async fn owner(desk: &Desk, asked: &NumbersOwner) -> Result<i64, Failure> {
    if asked.installation {
        return Ok(INSTALLATION);
    }
    Ok(desk.tenant(asked.tenant.as_deref()).await?.no)
}

async fn load(config: &Config, asked: &NumbersLoad) -> Result<(), Failure> {
    let as_of = instant(&asked.as_of)?.as_microsecond();
    let country = asked.country.as_deref().map(Country::parse).transpose();
    let country = country.map_err(|e| Failure::usage(format!("--country: {e}")))?;
    let input = Input::of(config, &asked.file)?;
    let desk = Desk::open(config).await?;
    if as_of > desk.app.now() {
        return Err(Failure::usage("--as-of is not in the future: the numbers of a file are of a day that was"));
    }
    let tenant = owner(&desk, &asked.owner).await?;
    let list = find_or_make(&desk, tenant, asked, country).await?;
    let settings = LoadSettings {
        file_name: input.file_name(),
        mode: match asked.mode {
            NumbersMode::Replace => LoadMode::Replace,
            NumbersMode::Add => LoadMode::Add,
            NumbersMode::Remove => LoadMode::Remove,
        },
        as_of,
        number_column: asked.number_column.clone(),
        area_code_column: asked.area_code_column.clone(),
        activate: !asked.no_activate,
        force: asked.force,
        allow_older: asked.allow_older,
        ..LoadSettings::default()
    };
    let bar = progress_bar(&input.path);
    let jobs = ListJobs { watch: shown_by(bar.clone()), ..jobs::list_jobs(config, &desk.app).await? };
    let payload = LoadPayload { source: Source::Path(input.path.clone()), settings };
    let job = jobs::run(&desk.app, &jobs, tenant, LOAD_JOB, list, payload).await?;
    bar.finish_and_clear();
    let version = desk.app.db.read().await?.number_list_version_of_job(job.id).await?;
    let active = active_version(&desk, tenant, list).await?;
    desk.close().await;
    let rejects = version.as_ref().and_then(|v| v.rejects_file.as_ref());
    let rejects = rejects.map(|name| Folders::below(&config.data_dir).rejects.join(name));
    let version = version.map(NumberVersion::from);
    let doubt = version.as_ref().filter(|v| v.state == "rejected").and_then(|v| v.detail.clone());
    let why = jobs::refusal(&job).or(doubt);
    if asked.json {
        let mut shown = serde_json::to_value(&version).context("a version is JSON")?;
        shown["rejectsFile"] = rejects.as_ref().map(|path| path.display().to_string()).into();
        if let Some(why) = &why {
            shown["error"] = why.as_str().into();
        }
        terminal::say(&shown.to_string())?;
    } else if let Some(version) = &version {
        terminal::say(&told(&asked.list, version, active))?;
        if let Some(path) = rejects {
            terminal::say(&format!("rejected lines: {}", path.display()))?;
        }
    }
    why.map_or(Ok(()), |why| Err(Failure::refused(format!("{}: {why}", input.shown))))
}

/// The version of a list that is asked; 0 for none.
async fn active_version(desk: &Desk, tenant: i64, list: Uuid) -> Result<i64, Failure> {
    let row = desk.app.db.read().await?.number_list_get(tenant, list).await?;
    Ok(row.map_or(0, |row| row.active))
}

/// The id of a list of numbers, made if it is missing and was described.
async fn find_or_make(
    desk: &Desk,
    tenant: i64,
    asked: &NumbersLoad,
    country: Option<Country>,
) -> Result<Uuid, Failure> {
    if let Some(object) = desk.app.db.read().await?.object_find(tenant, kind::NUMBER_LIST, &asked.list).await? {
        return Ok(object.id);
    }
    let Some(wanted) = asked.kind else {
        return Err(Failure::usage(format!("there is no list of numbers {}: give --kind to make it", asked.list)));
    };
    let body = NumberList {
        kind: match wanted {
            NumbersKind::NationalDnc => NumberListKind::NationalDnc,
            NumbersKind::Reassigned => NumberListKind::Reassigned,
            NumbersKind::WirelessPorted => NumberListKind::WirelessPorted,
            NumbersKind::Customer => NumberListKind::Customer,
        },
        jurisdiction: country,
        register: None,
        channels: vec![Channel::Voice, Channel::Sms],
        max_age_days: None,
        canaries: None,
    };
    let made = document::create(&desk.app, &Principal::system(tenant), Draft::new(asked.list.as_str(), body)).await;
    Ok(made.map_err(refused)?.id)
}

async fn status(config: &Config, asked: &NumbersStatus) -> Result<(), Failure> {
    let desk = Desk::open(config).await?;
    let tenant = owner(&desk, &asked.owner).await?;
    let (lists, now) = (lists(&desk, tenant).await?, desk.app.now());
    let mut all = Vec::new();
    for (name, row) in &lists {
        let standing = Standing::of(&desk.app.rules.packs, row, lists.iter().map(|(_, row)| row), now);
        let versions = if asked.versions { versions(&desk, row).await? } else { Vec::new() };
        if asked.json {
            let mut object = shown(name, row, standing);
            if asked.versions {
                object["versions"] = serde_json::to_value(&versions).context("versions are JSON")?;
            }
            all.push(object);
            continue;
        }
        terminal::say(&line(name, row, standing))?;
        versions.iter().try_for_each(|version| terminal::say(&version_line(version)))?;
    }
    desk.close().await;
    match (asked.json, lists.is_empty()) {
        (true, _) => terminal::say(&Value::from(all).to_string()),
        (false, true) => terminal::say("there is no list of numbers: `cxc numbers load` makes one"),
        (false, false) => Ok(()),
    }
}

/// The versions of a list that are kept, newest first.
async fn versions(desk: &Desk, row: &ActiveList) -> Result<Vec<NumberVersion>, Failure> {
    let found = desk.app.db.read().await?.number_list_versions(row.list.number).await?;
    Ok(found.into_iter().map(NumberVersion::from).collect())
}

/// The lists that bear on a tenant, with their names.
async fn lists(desk: &Desk, tenant: i64) -> Result<Vec<(String, ActiveList)>, Failure> {
    let mut tx = desk.app.db.read().await?;
    let mut named = Vec::new();
    for row in tx.number_lists_active(&[tenant, INSTALLATION]).await? {
        let object = tx.object_get(row.list.tenant, kind::NUMBER_LIST, row.list.id).await?;
        let name = object.map_or_else(|| row.list.id.to_string(), |object| object.name);
        named.push((name, row));
    }
    Ok(named)
}

async fn check(config: &Config, asked: &NumbersCheck) -> Result<(), Failure> {
    let number = PhoneNumber::parse(&asked.number).map_err(|e| Failure::usage(format!("{}: {e}", asked.number)))?;
    let desk = Desk::open(config).await?;
    let tenant = owner(&desk, &asked.owner).await?;
    let names = lists(&desk, tenant).await?;
    desk.app.numbers.prepare(tenant).await;
    let at_hand = desk.app.numbers.at_hand(&mut desk.app.db.read().await?, tenant).await?;
    for list in at_hand.lists() {
        let Some((name, row)) = names.iter().find(|(_, row)| row.list.id == list.list.id) else { continue };
        let rows = names.iter().map(|(_, row)| row);
        let age = age(row, Standing::of(&desk.app.rules.packs, row, rows, desk.app.now())).unwrap_or_default();
        let says = match list.state {
            ListState::Loaded { version, .. } if list.holds(number) => format!("listed: version {version}, {age}"),
            ListState::Loaded { version, .. } => format!("not listed: version {version}, {age}"),
            ListState::Loading => "can't be read".to_owned(),
            ListState::NotLoaded => "not loaded".to_owned(),
        };
        terminal::say(&format!("{name}: {says}"))?;
    }
    if at_hand.lists().is_empty() {
        terminal::say("there is no list of numbers")?;
    }
    desk.close().await;
    Ok(())
}

async fn back(config: &Config, asked: &NumbersActivate) -> Result<(), Failure> {
    let desk = Desk::open(config).await?;
    let tenant = owner(&desk, &asked.owner).await?;
    let object = desk.app.db.read().await?.object_find(tenant, kind::NUMBER_LIST, &asked.list).await?;
    let object = object.ok_or_else(|| Failure::usage(format!("there is no list of numbers {}", asked.list)))?;
    let overrides = Overrides { count: asked.force, older: asked.allow_older };
    let done = activate(&desk.app, &Principal::system(tenant), object.id, asked.version, overrides).await;
    desk.close().await;
    let done = done.map_err(|error: ApiError| refused(error))?;
    terminal::say(&told(&asked.list, &done, done.version))
}

/// A moment, or the beginning of a day, UTC.
pub fn instant(text: &str) -> Result<Timestamp, Failure> {
    let moment = text.parse::<Timestamp>().ok();
    let day = || text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp());
    let wrong = || {
        Failure::usage(format!("--as-of {text}: a day such as 2026-11-20, or a moment such as 2026-11-20T12:00:00Z"))
    };
    moment.or_else(day).ok_or_else(wrong)
}

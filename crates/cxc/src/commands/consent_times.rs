//! `cxc consent times`: when a person wants no contact.
use std::collections::BTreeMap;

use cxc_core::compliance::legal::WeekHours;
use cxc_core::compliance::{SaidTimes, WallTime};
use cxc_core::written_reason::WrittenReason;
use cxc_server::Principal;
use cxc_server::app::time_text;
use cxc_server::audit::Entry;
use cxc_store::consent::KeyKind;
use cxc_store::declared_time::{MOST_DECLARED, NewDeclared, StoredDeclared};
use cxc_store::privacy::PersonKey;
use cxc_store::tenant::Tenant;
use serde_json::json;

use super::desk::Desk;
use super::person::key_of;
use super::tenant::refused;
use crate::cli::{ConsentShow, TimesAdd, TimesCommand, TimesEnd};
use crate::config::Config;
use crate::failure::Failure;
use crate::terminal;

/// Runs one of its commands.
pub async fn run(config: &Config, command: &TimesCommand) -> Result<(), Failure> {
    match command {
        TimesCommand::Add(asked) => add(config, asked).await,
        TimesCommand::Show(asked) => show(config, asked).await,
        TimesCommand::End(asked) => end(config, asked).await,
    }
}

/// What was said, as hours of the week.
fn hours(asked: &TimesAdd) -> Result<WeekHours, Failure> {
    let time = |name: &str, text: &Option<String>| {
        let wrong = |text: &String| Failure::usage(format!("{name} {text}: a time of day is written 09:00"));
        text.as_ref().map(|text| WallTime::parse(text).ok_or_else(|| wrong(text))).transpose()
    };
    let said = SaidTimes {
        hours: week(&asked.hours)?,
        not_before: time("--not-before", &asked.not_before)?,
        not_after: time("--not-after", &asked.not_after)?,
        not_on: asked.not_on.clone(),
    };
    said.hours().map_err(Failure::usage)
}

fn week(days: &[String]) -> Result<Option<WeekHours>, Failure> {
    if days.is_empty() {
        return Ok(None);
    }
    let wrong = |text: &str| Failure::usage(format!("--hours {text}: hours are written mon-fri=09:00-12:00"));
    let mut by_day = BTreeMap::new();
    for text in days {
        let (day, hours) = text.split_once('=').ok_or_else(|| wrong(text))?;
        if by_day.insert(day.trim(), hours.trim()).is_some() {
            return Err(Failure::usage(format!("--hours {text}: {day} is named twice")));
        }
    }
    serde_json::from_value(json!(by_day)).map(Some).map_err(|error| Failure::usage(format!("--hours: {error}")))
}

/// The person's key with its kind and hash.
fn keyed(desk: &Desk, tenant: &Tenant, text: &str) -> Result<(KeyKind, String, i64), Failure> {
    let (kind, key) = match key_of(text)? {
        PersonKey::Address(text) => (KeyKind::Device, text),
        PersonKey::ClientId(text) => (KeyKind::Client, text),
    };
    let hash = desk.app.hash_key.hash(tenant.no, &key);
    Ok((kind, key, hash))
}

async fn standing(desk: &Desk, tenant: &Tenant, key: &(KeyKind, String, i64)) -> Result<Vec<StoredDeclared>, Failure> {
    let hash = [key.2];
    let (devices, clients): (&[i64], &[i64]) = if key.0 == KeyKind::Device { (&hash, &[]) } else { (&[], &hash) };
    let mut found = desk.app.db.read().await?.declared_of(tenant.no, devices, clients).await?;
    found.retain(|said| said.key.is_empty() || said.key == key.1);
    Ok(found)
}

async fn add(config: &Config, asked: &TimesAdd) -> Result<(), Failure> {
    let hours = hours(asked)?;
    let desk = Desk::open(config).await?;
    let tenant = desk.tenant(asked.tenant.as_deref()).await?;
    let key = keyed(&desk, &tenant, &asked.person)?;
    if standing(&desk, &tenant, &key).await?.len() >= MOST_DECLARED {
        return Err(Failure::refused(format!(
            "{MOST_DECLARED} statements of this person stand already: end some first"
        )));
    }
    let now = desk.app.now();
    let note: Option<String> = asked.note.as_ref().map(|t| t.chars().filter(|c| *c != '\0').take(1_000).collect());
    let principal = Principal::system(tenant.no);
    let new = NewDeclared {
        key_kind: key.0,
        key_hash: key.2,
        key: &key.1,
        hours: &hours,
        note: note.as_deref(),
        said_at: now,
        added_at: now,
        added_by: &principal.name,
    };
    let mut tx = desk.app.db.begin().await?;
    let id = tx.declared_add(tenant.no, &new).await?;
    let entry =
        Entry::new("add", "declared_time").named(&id.to_string()).changed(None, Some(json!({ "hours": hours })));
    entry.write(&desk.app, &mut tx, &principal).await.map_err(refused)?;
    tx.commit().await?;
    desk.close().await;
    terminal::say(&format!("{}: statement {id}, {}", asked.person, told(&hours)))
}

/// Hours in words: `mon 10:00-24:00; tue 10:00-24:00`.
fn told(hours: &WeekHours) -> String {
    let days = serde_json::to_value(hours).unwrap_or_default();
    let open = days.as_object().into_iter().flatten().filter(|(_, hours)| *hours != "closed");
    let open: Vec<String> = open.map(|(day, hours)| format!("{day} {}", hours.as_str().unwrap_or_default())).collect();
    open.join("; ")
}

async fn show(config: &Config, asked: &ConsentShow) -> Result<(), Failure> {
    let desk = Desk::open(config).await?;
    let tenant = desk.tenant(asked.tenant.as_deref()).await?;
    let key = keyed(&desk, &tenant, &asked.person)?;
    let found = standing(&desk, &tenant, &key).await?;
    desk.close().await;
    if found.is_empty() {
        return Err(Failure::refused(format!("{} said nothing about convenient times", asked.person)));
    }
    for said in &found {
        let note = said.note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
        let (at, by) = (time_text(said.said_at), &said.added_by);
        terminal::say(&format!("{}  {at} by {by}: {}{note}", said.id, told(said.hours())))?;
    }
    Ok(())
}

async fn end(config: &Config, asked: &TimesEnd) -> Result<(), Failure> {
    let reason = WrittenReason::parse(&asked.reason).map_err(|error| Failure::usage(format!("--reason: {error}")))?;
    let desk = Desk::open(config).await?;
    let tenant = desk.tenant(asked.tenant.as_deref()).await?;
    let (kind, _, hash) = keyed(&desk, &tenant, &asked.person)?;
    let principal = Principal::system(tenant.no);
    let mut tx = desk.app.db.begin().await?;
    let by = (principal.name.as_str(), reason.as_str());
    if !tx.declared_end(tenant.no, (kind, hash), asked.id, by, desk.app.now()).await? {
        return Err(Failure::refused(format!("{} has no statement {} that stands", asked.person, asked.id)));
    }
    let entry = Entry::new("end", "declared_time").named(&asked.id.to_string());
    let entry = entry.changed(None, Some(json!({ "reason": reason.as_str() })));
    entry.write(&desk.app, &mut tx, &principal).await.map_err(refused)?;
    tx.commit().await?;
    desk.close().await;
    terminal::say(&format!("statement {} of {} holds no more", asked.id, asked.person))
}

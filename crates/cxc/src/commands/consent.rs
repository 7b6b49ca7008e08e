//! `cxc consent`: what people allowed and forbade, in the ledger of a tenant.
use cxc_core::channel::Channel;
use cxc_core::consent::{
    AskedFor, ConsentEvent, ConsentKind, ConsentScope, RevocationReach, SOURCE_KEYWORD, opted_out_of_all,
};
use cxc_server::Principal;
use cxc_server::app::time_text;
use cxc_server::audit::Entry;
use cxc_store::consent::{KeyKind, NewConsent, StoredConsent};
use cxc_store::opt_out::{Revocation, source};
use cxc_store::privacy::PersonKey;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::json;

use super::desk::Desk;
use super::person::key_of;
use super::suppress::channel;
use super::tenant::refused;
use crate::cli::{ConsentAdd, ConsentCommand, ConsentRevoke, ConsentShow};
use crate::config::Config;
use crate::failure::Failure;
use crate::terminal;

/// Runs one of its commands.
pub async fn run(config: &Config, command: &ConsentCommand) -> Result<(), Failure> {
    match command {
        ConsentCommand::Add(asked) => add(config, asked).await,
        ConsentCommand::Revoke(asked) => revoke(config, asked).await,
        ConsentCommand::Show(asked) => show(config, asked).await,
        ConsentCommand::Import(asked) => super::consent_file::import(config, asked).await,
        ConsentCommand::Undo(asked) => super::consent_file::undo(config, asked).await,
        ConsentCommand::Export(asked) => super::consent_file::export(config, asked).await,
        ConsentCommand::Times(command) => super::consent_times::run(config, command).await,
    }
}

/// A moment, or a day: its beginning, UTC.
pub(super) fn instant(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at.as_microsecond());
    }
    let day: Date = text.parse().ok()?;
    Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp().as_microsecond())
}

/// Reads a consent; says what is wrong with it.
fn read(desk: &Desk, tenant: i64, asked: &ConsentAdd) -> Result<NewConsent, Failure> {
    let kind = ConsentKind::from_name(&asked.kind).ok_or_else(|| {
        let names: Vec<&str> = ConsentKind::ALL.into_iter().map(ConsentKind::as_str).collect();
        Failure::usage(format!("a kind of consent is one of {}, found {:?}", names.join(", "), asked.kind))
    })?;
    let wrong = || Failure::usage("a consent's date is a day such as 2026-03-02 or a moment in RFC 3339");
    let at = instant(&asked.date).ok_or_else(wrong)?;
    let now = desk.app.now();
    if at > now {
        return Err(Failure::usage("a consent is of the past: the person said so before now"));
    }
    let source = asked.source.trim();
    if source.is_empty() || source.chars().count() > 100 || source == SOURCE_KEYWORD {
        return Err(Failure::usage("a source has 1 to 100 characters and is not the word keyword"));
    }
    let (key_kind, key) = match key_of(&asked.person)? {
        PersonKey::Address(text) => (KeyKind::Device, text),
        PersonKey::ClientId(text) => (KeyKind::Client, text),
    };
    let asked_for = asked.asked_from.zip(asked.asked_till).map(|(from, till)| AskedFor { from, till });
    if let Some(problem) = asked_for.and_then(|time| time.problem(kind, at)) {
        return Err(Failure::usage(problem));
    }
    Ok(NewConsent {
        key_kind,
        key_hash: desk.app.hash_key.hash(tenant, &key),
        key,
        kind,
        revoked: false,
        channels: asked.channel.iter().map(|name| channel(*name)).collect(),
        scope: ConsentScope::All,
        said_at: at,
        received_at: now,
        effective_at: at,
        deadline: None,
        expires_at: None,
        source: source.to_owned(),
        words: asked.text.as_ref().map(|t| t.chars().filter(|c| *c != '\0').take(4_000).collect()),
        evidence: None,
        import: 0,
        asked_for: asked_for.map(|time| (time.from.as_microsecond(), time.till.as_microsecond())),
        lifts: true,
    })
}

async fn add(config: &Config, asked: &ConsentAdd) -> Result<(), Failure> {
    let desk = Desk::open(config).await?;
    let tenant = desk.tenant(asked.tenant.as_deref()).await?;
    let new = read(&desk, tenant.no, asked)?;
    let mut tx = desk.app.db.begin().await?;
    tx.consent_insert(tenant.no, std::slice::from_ref(&new)).await?;
    let granted = std::slice::from_ref(&new);
    let lifted = tx.opt_outs_lifted_by(&desk.app.hash_key, tenant.no, granted, desk.app.now()).await?;
    let after = json!({ "entries": 1, "liftedEntries": lifted });
    let entry = Entry::new("add", "consent").changed(None, Some(after));
    entry.write(&desk.app, &mut tx, &Principal::system(tenant.no)).await.map_err(refused)?;
    let events =
        events(tx.consents_of(tenant.no, &of(&new, KeyKind::Device), &of(&new, KeyKind::Client)).await?, &new.key);
    tx.commit().await?;
    terminal::say(&format!("{}: {} since {}", asked.person, new.kind.as_str(), time_text(new.said_at)))?;
    if lifted > 0 {
        terminal::note(&format!("it lifts what {} opted out of: {lifted} entries of opt-out lists went", asked.person));
    }
    let out = out_of(&events, desk.app.now());
    if !out.is_empty() {
        terminal::note(&format!("{} has opted out of {} all the same", asked.person, out.join(", ")));
    }
    desk.close().await;
    Ok(())
}

fn of(new: &NewConsent, kind: KeyKind) -> Vec<i64> {
    (new.key_kind == kind).then_some(new.key_hash).into_iter().collect()
}

fn events(found: Vec<StoredConsent>, key: &str) -> Vec<ConsentEvent> {
    let own = found.into_iter().filter(|c| c.key.is_empty() || c.key == key);
    own.filter_map(|c| c.event()).collect()
}

/// The channels of which a person has opted out.
fn out_of(events: &[ConsentEvent], now: i64) -> Vec<&'static str> {
    let at = Timestamp::from_microsecond(now).unwrap_or(Timestamp::MAX);
    let is_out = |c: &Channel| opted_out_of_all(events, *c, at).is_some();
    Channel::ALL.into_iter().filter(is_out).map(Channel::as_str).collect()
}

async fn revoke(config: &Config, asked: &ConsentRevoke) -> Result<(), Failure> {
    let desk = Desk::open(config).await?;
    let tenant = desk.tenant(asked.tenant.as_deref()).await?;
    let key = key_of(&asked.person)?;
    let now = desk.app.now();
    let received_at = match asked.received.as_deref() {
        None => now,
        Some(text) => instant(text).filter(|at| *at <= now).ok_or_else(|| {
            Failure::usage(format!("--received {text}: a day such as 2026-03-02 or a moment, and of the past"))
        })?,
    };
    let named: Vec<Channel> = asked.channel.iter().map(|name| channel(*name)).collect();
    let revocation = Revocation {
        tenant: tenant.no,
        key: &key,
        hash: None,
        channels: if named.is_empty() { &Channel::ALL } else { &named },
        scope: ConsentScope::All,
        reach: if asked.everywhere { RevocationReach::All } else { RevocationReach::AsSaid },
        said_at: received_at,
        received_at,
        source: source::API,
        words: asked.text.as_deref(),
        evidence: None,
    };
    let ids = desk.app.ids.clone();
    let mut tx = desk.app.db.begin().await?;
    let done = tx.opt_out(&desk.app.hash_key, &revocation, &move || ids.next(), now).await?;
    let after = json!({ "channels": done.channels, "entries": done.new_entries, "ledger": done.ledger });
    let entry = Entry::new("revoke", "consent").changed(None, Some(after));
    entry.write(&desk.app, &mut tx, &Principal::system(tenant.no)).await.map_err(refused)?;
    tx.commit().await?;
    desk.close().await;
    let names: Vec<&str> = done.channels.iter().map(|c| c.as_str()).collect();
    terminal::say(&format!("{} has opted out of {}: it holds now", asked.person, names.join(", ")))?;
    if now > done.deadline {
        terminal::note(&format!("the law wanted it to hold by {}", time_text(done.deadline)));
    }
    Ok(())
}

async fn show(config: &Config, asked: &ConsentShow) -> Result<(), Failure> {
    let desk = Desk::open(config).await?;
    let tenant = desk.tenant(asked.tenant.as_deref()).await?;
    let (kind, key) = match key_of(&asked.person)? {
        PersonKey::Address(text) => (KeyKind::Device, text),
        PersonKey::ClientId(text) => (KeyKind::Client, text),
    };
    let hash = [desk.app.hash_key.hash(tenant.no, &key)];
    let (devices, clients): (&[i64], &[i64]) = if kind == KeyKind::Device { (&hash, &[]) } else { (&[], &hash) };
    let found = desk.app.db.read().await?.consents_of(tenant.no, devices, clients).await?;
    let now = desk.app.now();
    desk.close().await;
    let events = events(found, &key);
    if events.is_empty() {
        return Err(Failure::refused(format!("the ledger has nothing of {} in {}", asked.person, tenant.short_name)));
    }
    for event in &events {
        terminal::say(&line(event))?;
    }
    let out = out_of(&events, now);
    terminal::say(&if out.is_empty() { "no opt-out stands".into() } else { format!("opted out of {}", out.join(", ")) })
}

fn line(event: &ConsentEvent) -> String {
    let what = if event.revoked { "opt-out" } else { event.kind.as_str() };
    let on: Vec<&str> = event.channels.iter().map(|c| c.as_str()).collect();
    let on = if on.is_empty() { "every channel".to_owned() } else { on.join(", ") };
    let about = match &event.scope {
        ConsentScope::All => String::new(),
        ConsentScope::Brand { name } => format!(", brand {name}"),
        ConsentScope::Topic { name } => format!(", topic {name}"),
    };
    let until = event.expires.map(|end| format!(", until {end}")).unwrap_or_default();
    let asked =
        event.asked_for.map(|asked| format!(", asked for {} to {}", asked.from, asked.till)).unwrap_or_default();
    format!("{}  {what} on {on}{about}{until}{asked} ({})", event.at, event.source)
}

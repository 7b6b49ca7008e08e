//! `cxc suppress`: an address or a client id that must not be contacted.
use cxc_core::channel::Channel;
use cxc_core::kind;
use cxc_list_manager::suppression_lists::{SuppressionList as Document, SuppressionType};
use cxc_server::Principal;
use cxc_server::audit::Entry;
use cxc_server::document::{self, Draft, Stored};
use cxc_store::privacy::PersonKey;
use cxc_store::suppression::SuppressionEntry;
use cxc_store::tenant::Tenant;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::json;

use super::desk::Desk;
use super::person::key_of;
use super::tenant::refused;
use crate::cli::{ChannelName, Suppress};
use crate::config::Config;
use crate::failure::Failure;
use crate::terminal;

/// The list when none is named: the default of `--list`.
const DEFAULT: &str = "Do not contact";

/// Adds an entry to a suppression list.
pub async fn run(config: &Config, asked: &Suppress) -> Result<(), Failure> {
    let until = asked.until.as_deref().map(instant).transpose()?;
    let (kind, key) = what(asked)?;
    let desk = Desk::open(config).await?;
    let tenant = desk.tenant(asked.tenant.as_deref()).await?;
    if until.is_some_and(|until| until <= desk.app.now()) {
        return Err(Failure::usage("--until is a day or moment to come"));
    }
    let (list, is_new) = list(&desk, &tenant, asked, kind).await?;
    let now = desk.app.now();
    let added = add(&desk, &tenant, &list, key, until, asked.reason.clone()).await?;
    desk.close().await;
    let how = if added { "is suppressed" } else { "was suppressed already" };
    let new = if is_new { "a new list: " } else { "" };
    terminal::say(&format!("{} {how} by {} ({new}{})", asked.address, list.name, names(&list.body.channels)))?;
    if list.body.opt_outs && until.is_none() {
        terminal::say(
            "it is an opt-out: it stands in the ledger too, and only a later consent of the person lifts it",
        )?;
    }
    if let Some(days) = kept_for(&list.body, until, now) {
        terminal::note(&format!("{} keeps entries for {days} days: this one holds no longer", list.name));
    }
    let wanted = wanted(asked);
    if !wanted.is_empty() && wanted.len() < list.body.channels.len() {
        terminal::note(&format!(
            "{} was there already and suppresses {}, not only {}: name another list by --list for that",
            list.name,
            names(&list.body.channels),
            names(&wanted)
        ));
    }
    Ok(())
}

/// The days for which a list keeps entries, where that ends one earlier than asked for.
fn kept_for(list: &Document, until: Option<i64>, now: i64) -> Option<i64> {
    list.retention_days.filter(|_| list.until(until, now) != until)
}

fn names(channels: &[Channel]) -> String {
    channels.iter().map(|channel| channel.as_str()).collect::<Vec<_>>().join(", ")
}

/// The channels that are asked for, each once; none asks for all.
fn wanted(asked: &Suppress) -> Vec<Channel> {
    let named: Vec<Channel> = asked.channel.iter().map(|name| channel(*name)).collect();
    Channel::ALL.into_iter().filter(|channel| named.contains(channel)).collect()
}

/// What kind of list the entry belongs to, and its normalised key.
fn what(asked: &Suppress) -> Result<(SuppressionType, String), Failure> {
    if asked.client_id {
        let key = asked.address.trim().to_owned();
        return if key.is_empty() {
            Err(Failure::usage("a client id is not empty"))
        } else {
            Ok((SuppressionType::ClientId, key))
        };
    }
    match key_of(&asked.address)? {
        PersonKey::Address(address) => Ok((SuppressionType::Device, address)),
        PersonKey::ClientId(_) => Err(Failure::usage(
            "an address is a phone number with its country (+12125550123) or an email address; --client-id for a client id",
        )),
    }
}

/// The list of the name; one that is missing is made, required for every campaign group. Answers whether it was.
async fn list(
    desk: &Desk,
    tenant: &Tenant,
    asked: &Suppress,
    kind: SuppressionType,
) -> Result<(Stored<Document>, bool), Failure> {
    let mut name = asked.list.as_str();
    let mut found = find(desk, tenant, name).await?;
    // a list holds either addresses or client ids: whoever names none gets the one of the kind
    let fits = match &found {
        Some(list) => list.body.kind == kind,
        None => kind == SuppressionType::Device,
    };
    if name == DEFAULT && !fits {
        name = default_of(kind);
        found = find(desk, tenant, name).await?;
    }
    let wanted = wanted(asked);
    if let Some(list) = found {
        if list.body.kind != kind {
            let holds = if list.body.kind == SuppressionType::Device { "addresses" } else { "client ids" };
            return Err(Failure::refused(format!("{} is a list of {holds}: name another one by --list", list.name)));
        }
        if let Some(missing) = wanted.iter().find(|c| !list.body.channels.contains(c)) {
            let text = format!("{} does not suppress {}: name another list by --list", list.name, missing.as_str());
            return Err(Failure::refused(text));
        }
        return Ok((list, false));
    }
    let channels = if wanted.is_empty() { Channel::ALL.to_vec() } else { wanted };
    // who must not be contacted, and nobody says why, asked for it; a list with a name of its own may have other reasons
    let opt_outs = name == DEFAULT || name == default_of(kind);
    let body = Document { kind, channels, required: true, retention_days: None, expires_at: None, opt_outs };
    let made = document::create(&desk.app, &Principal::system(tenant.no), Draft::new(name, body)).await;
    Ok((made.map_err(refused)?, true))
}

async fn find(desk: &Desk, tenant: &Tenant, name: &str) -> Result<Option<Stored<Document>>, Failure> {
    let mut tx = desk.app.db.read().await?;
    document::find::<Document>(&mut tx, tenant.no, name).await.map_err(refused)
}

/// The list of a kind where the plain name is taken by the other one, and that of client ids in any case.
fn default_of(kind: SuppressionType) -> &'static str {
    match kind {
        SuppressionType::Device => "Do not contact (addresses)",
        SuppressionType::ClientId => "Do not contact (client ids)",
    }
}

async fn add(
    desk: &Desk,
    tenant: &Tenant,
    list: &Stored<Document>,
    key: String,
    until: Option<i64>,
    reason: Option<String>,
) -> Result<bool, Failure> {
    let now = desk.app.now();
    let entry = SuppressionEntry {
        key_hash: desk.app.hash_key.hash(tenant.no, &key),
        key,
        from_at: None,
        until_at: list.body.until(until, now),
        reason,
        source: "api".into(),
        added_at: now,
    };
    let mut tx = desk.app.db.begin().await?;
    let row = tx.suppression_list_lock(tenant.no, list.id).await?;
    let row = row.ok_or_else(|| Failure::refused("the suppression list was deleted"))?;
    let added = tx.suppression_enter(&row, &[entry]).await?;
    let noted = Entry::new("add_entries", kind::SUPPRESSION_LIST).of(list.id, &list.name);
    let noted = noted.changed(None, Some(json!({ "entries": 1 })));
    noted.write(&desk.app, &mut tx, &Principal::system(tenant.no)).await.map_err(refused)?;
    tx.commit().await?;
    Ok(added > 0)
}

pub(super) fn channel(name: ChannelName) -> Channel {
    match name {
        ChannelName::Voice => Channel::Voice,
        ChannelName::Sms => Channel::Sms,
        ChannelName::Email => Channel::Email,
    }
}

/// A moment, or a day: until its end, UTC.
fn instant(text: &str) -> Result<i64, Failure> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at.as_microsecond());
    }
    let end =
        text.parse::<Date>().ok().and_then(|day| day.tomorrow().ok()).and_then(|day| day.to_zoned(TimeZone::UTC).ok());
    let wrong = || {
        Failure::usage(format!("--until {text}: a day such as 2027-01-31, or a moment such as 2027-01-31T12:00:00Z"))
    };
    Ok(end.ok_or_else(wrong)?.timestamp().as_microsecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_that_its_list_keeps_for_less_long_is_told_so() {
        let list = |retention_days| Document {
            kind: SuppressionType::Device,
            channels: Channel::ALL.to_vec(),
            required: true,
            retention_days,
            expires_at: None,
            opt_outs: false,
        };
        let now = instant("2027-01-01").unwrap();
        let (soon, late) = (instant("2027-01-05").ok(), instant("2027-03-01").ok());
        assert_eq!((kept_for(&list(Some(30)), late, now), kept_for(&list(Some(30)), None, now)), (Some(30), Some(30)));
        assert_eq!((kept_for(&list(Some(30)), soon, now), kept_for(&list(None), late, now)), (None, None));
    }

    #[test]
    fn a_day_holds_until_its_end() {
        let midnight: Timestamp = "2027-02-01T00:00:00Z".parse().unwrap();
        assert_eq!(instant("2027-01-31").unwrap(), midnight.as_microsecond());
        assert_eq!(instant("2027-02-01T00:00:00Z").unwrap(), midnight.as_microsecond());
        assert!(instant("tomorrow").is_err());
    }
}

//! `cxc erase` and `cxc export --person`: everything known of one person.
use std::path::Path;

use cxc_compliance_manager::privacy;
use cxc_core::email::EmailAddress;
use cxc_core::phone::PhoneParser;
use cxc_server::Principal;
use cxc_store::Tx;
use cxc_store::privacy::{Erased, Person, PersonKey};
use cxc_store::tenant::Tenant;

use super::desk::Desk;
use super::tenant::refused;
use crate::cli::Erase;
use crate::config::Config;
use crate::failure::Failure;
use crate::terminal;

/// Erases a person.
pub async fn erase(config: &Config, asked: &Erase) -> Result<(), Failure> {
    let desk = Desk::open(config).await?;
    let tenant = desk.tenant(asked.tenant.as_deref()).await?;
    let key = key_of(&asked.person)?;
    let mut tx = desk.app.db.read().await?;
    let person = find(&desk, &mut tx, &tenant, &key, &asked.person).await?;
    drop(tx);
    if !asked.yes {
        let lists = person.contacts.len();
        let question = format!(
            "Erase {} ({lists} contacts in lists of {})? This can't be undone.",
            asked.person, tenant.short_name
        );
        if !terminal::confirm(&question)? {
            return Err(Failure::refused("nothing was erased"));
        }
    }
    let files = privacy::forget(&desk.app, &person).await.map_err(refused)?;
    let erased = erase_now(&desk, &tenant, &key, &asked.person).await?;
    desk.close().await;
    if erased == Erased::default() && files.file_lines == 0 {
        return Err(Failure::refused(format!("nothing is known of {} in {}", asked.person, tenant.short_name)));
    }
    terminal::say(&format!(
        "erased: {} contacts, {} devices; excluded: {} records; {} attempts, {} decisions and {} suppression entries keep no \
         name or address",
        erased.contacts, erased.devices, erased.records, erased.attempts, erased.decisions, erased.suppression
    ))?;
    if files.file_lines > 0 {
        let text = "files of rejected lines, of warnings and of exports without the person now";
        terminal::say(&format!("{text}: {}; lines taken out of them: {}", files.files, files.file_lines))?;
    }
    if files.uploads > 0 {
        let text =
            "uploads that are still there and may hold the person; each goes when its import has ended, or after a day";
        terminal::say(&format!("{text}: {}", files.uploads))?;
    }
    if erased.open_attempts > 0 {
        let text =
            format!("{} messages are under way: run the command again when they have ended", erased.open_attempts);
        terminal::say(&text)?;
    }
    Ok(())
}

async fn erase_now(desk: &Desk, tenant: &Tenant, key: &PersonKey, text: &str) -> Result<Erased, Failure> {
    let mut tx = desk.app.db.begin().await?;
    let person = find(desk, &mut tx, tenant, key, text).await?;
    let erased = privacy::erase(&desk.app, &mut tx, &Principal::system(tenant.no), &person, None).await?;
    tx.commit().await?;
    if !desk.app.db.empty_journal().await? {
        tracing::warn!("the journal of the store is in use and keeps what was erased until it is written anew");
    }
    Ok(erased)
}

/// Writes everything known of a person as JSON.
pub async fn export(desk: &Desk, tenant: &Tenant, text: &str, to: Option<&Path>) -> Result<(), Failure> {
    let key = key_of(text)?;
    let mut tx = desk.app.db.begin().await?;
    let person = find(desk, &mut tx, tenant, &key, text).await?;
    let data = privacy::export(&desk.app, &mut tx, &Principal::system(tenant.no), &person, None).await?;
    if data.is_empty() {
        return Err(Failure::refused(format!("nothing is known of {text} in {}", tenant.short_name)));
    }
    tx.commit().await?;
    let json = serde_json::to_string_pretty(&data)? + "\n";
    match to {
        Some(path) => Ok(std::fs::write(path, json)?),
        None => terminal::write(&json),
    }
}

/// The person of a key; what looks like an address may be a client id all the same.
async fn find(desk: &Desk, tx: &mut Tx, tenant: &Tenant, key: &PersonKey, text: &str) -> Result<Person, Failure> {
    let person = tx.person_find(tenant.no, key, &desk.app.hash_key).await?;
    if !person.is_in_no_list() || matches!(key, PersonKey::ClientId(_)) {
        return Ok(person);
    }
    let by_client = tx.person_find(tenant.no, &PersonKey::ClientId(text.trim().to_owned()), &desk.app.hash_key).await?;
    let is_known = !by_client.is_in_no_list() || !by_client.addresses.is_empty();
    Ok(if is_known { by_client } else { person })
}

/// What a person is named by: an address where the text is one, else a client id.
pub fn key_of(text: &str) -> Result<PersonKey, Failure> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Failure::usage(
            "a person is named by a phone number with its country, an email address or a client id",
        ));
    }
    if let Ok(address) = EmailAddress::parse(text) {
        return Ok(PersonKey::Address(address.as_str().to_lowercase()));
    }
    if text.starts_with('+') {
        let parser = PhoneParser::new()?;
        if let Ok(phone) = parser.parse(text, None) {
            return Ok(PersonKey::Address(phone.number.as_str().to_owned()));
        }
    }
    Ok(PersonKey::ClientId(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_named_by_an_address_or_by_anything_else_as_client_id() {
        assert_eq!(key_of("+1 (212) 555-0123").unwrap(), PersonKey::Address("+12125550123".into()));
        assert_eq!(key_of("Ann@Example.com").unwrap(), PersonKey::Address("ann@example.com".into()));
        assert_eq!(key_of(" C-1001 ").unwrap(), PersonKey::ClientId("C-1001".into()));
        assert_eq!(key_of("+").unwrap(), PersonKey::ClientId("+".into()));
        assert!(key_of(" ").is_err());
    }
}

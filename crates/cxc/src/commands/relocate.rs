//! `cxc relocate`: the places of stored contacts, found anew.
use cxc_core::kind;
use cxc_list_builder::jobs::LIST_RELOCATE;
use cxc_list_builder::relocate::{RelocateSettings, Relocated};
use serde_json::{Value, json};

use super::desk::Desk;
use super::{jobs, lists};
use crate::cli::Relocate;
use crate::config::Config;
use crate::failure::Failure;
use crate::terminal;

/// Lists that are read together.
const PAGE: i64 = 500;

/// Looks through one list, or all of a tenant, one after the other.
pub async fn run(config: &Config, asked: &Relocate) -> Result<(), Failure> {
    let desk = Desk::open(config).await?;
    let tenant = desk.tenant(asked.tenant.as_deref()).await?.no;
    let chosen = match &asked.list {
        Some(name) => {
            let missing = || Failure::usage(format!("there is no contact list {name}"));
            vec![lists::find(&desk.app, tenant, name).await?.ok_or_else(missing)?]
        }
        None => all(&desk, tenant).await?,
    };
    if chosen.is_empty() {
        terminal::note("there is no contact list");
    }
    let handler = jobs::list_jobs(config, &desk.app).await?;
    let settings = RelocateSettings { dry_run: asked.dry_run };
    for list in chosen {
        let object = desk.app.db.read().await?.object_get(tenant, kind::CONTACT_LIST, list.id).await?;
        let name = object.map_or_else(|| list.id.to_string(), |object| object.name);
        let job = jobs::run(&desk.app, &handler, tenant, LIST_RELOCATE, list.id, &settings).await?;
        if job.state == "cancelled" {
            return Err(Failure::refused(format!("{name}: cancelled; what was found anew so far stays")));
        }
        if let Some(why) = jobs::refusal(&job) {
            return Err(Failure::refused(format!("{name}: {why}")));
        }
        let result = job.result.as_ref().map_or(Value::Null, |result| result.0.clone());
        let done: Relocated = serde_json::from_value(result)?;
        let text = if asked.json {
            json!({ "list": name, "dryRun": asked.dry_run, "result": done }).to_string()
        } else {
            told(&name, &done, asked.dry_run)
        };
        terminal::say(&text)?;
    }
    desk.close().await;
    Ok(())
}

async fn all(desk: &Desk, tenant: i64) -> Result<Vec<cxc_store::list::ContactList>, Failure> {
    let (mut found, mut after) = (Vec::new(), i64::MIN);
    loop {
        let page = desk.app.db.read().await?.contact_list_page(tenant, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(found) };
        after = last.number;
        found.extend(page);
    }
}

fn told(name: &str, done: &Relocated, dry_run: bool) -> String {
    let moved = if dry_run { "would be" } else { "are" };
    format!(
        "{name}: {} contacts looked at; {} contacts and {} devices {moved} elsewhere: {} in other time zones, {} in other regions",
        done.contacts, done.moved_contacts, done.moved_devices, done.other_zones, done.other_regions
    )
}

//! `cxc compliance digest`: whether a day's evidence is what it was when somebody kept its digest.
use cxc_compliance_manager::evidence::digest;

use super::desk::Desk;
use super::tenant::refused;
use crate::cli::Digest;
use crate::config::Config;
use crate::failure::Failure;
use crate::terminal;

/// Recomputes the day, tells what it comes to, and compares.
pub async fn run(config: &Config, asked: &Digest) -> Result<(), Failure> {
    let desk = Desk::open_existing(config).await?;
    let tenant = desk.tenant(asked.tenant.as_deref()).await?;
    let found = digest(&desk.app, tenant.no, asked.day).await;
    desk.close().await;
    let found = found.map_err(refused)?;
    let day = asked.day;
    if asked.json {
        terminal::write(&(serde_json::to_string_pretty(&found)? + "\n"))?;
    } else {
        terminal::say(&match &found.digest {
            None => format!("no evidence is kept of {day}"),
            Some(digest) => format!("{day}: chains {}, blocks {}, digest {digest}", found.chains, found.blocks),
        })?;
    }
    if !found.holds {
        return Err(Failure::refused(format!("what is kept was changed: {}", found.broken.join("; "))));
    }
    match asked.expect.as_deref().map(str::trim) {
        Some(expected) if !found.digest.as_deref().is_some_and(|digest| digest.eq_ignore_ascii_case(expected)) => {
            let is = found.digest.as_deref().unwrap_or("none");
            let open = if found.is_over { "" } else { "; the day is not over, so that it still grows" };
            Err(Failure::refused(format!(
                "the evidence of {day} is not what it was: {expected} was expected, it is {is}{open}"
            )))
        }
        _ => Ok(()),
    }
}

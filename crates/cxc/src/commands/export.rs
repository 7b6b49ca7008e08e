//! `cxc export`.
use super::desk::Desk;
use super::person;
use crate::cli::Export;
use crate::config::Config;
use crate::failure::Failure;

/// Writes a list, a group's results or everything known of one person.
pub async fn run(config: &Config, asked: &Export) -> Result<(), Failure> {
    let desk = Desk::open(config).await?;
    let tenant = desk.tenant(asked.tenant.as_deref()).await?;
    if let Some(text) = &asked.person {
        person::export(&desk, &tenant, text, asked.output.as_deref()).await?;
    } else {
        return Err(Failure::usage("this export is not there yet"));
    }
    desk.close().await;
    Ok(())
}

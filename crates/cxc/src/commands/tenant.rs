//! `cxc tenant`.
use cxc_server::principal::{Principal, SYSTEM_TENANT};
use cxc_server::provision::{self, NewTenant};
use cxc_store::tenant::Tenant;

use super::desk::Desk;
use crate::cli::{TenantAdd, TenantCommand};
use crate::config::Config;
use crate::failure::Failure;
use crate::terminal;

/// Runs a command about tenants.
pub async fn run(config: &Config, command: &TenantCommand) -> Result<(), Failure> {
    let desk = Desk::open(config).await?;
    match command {
        TenantCommand::Add(asked) => add(&desk, asked).await?,
        TenantCommand::List => list(&desk).await?,
    }
    desk.close().await;
    Ok(())
}

async fn add(desk: &Desk, asked: &TenantAdd) -> Result<(), Failure> {
    let new = wanted(asked);
    let known = desk.app.db.read().await?.tenant_by_domain(&new.domain).await?;
    if let Some(tenant) = known {
        if tenant.short_name == new.short_name && tenant.customer_name == new.customer_name {
            return terminal::say(&format!("{} is there already", told(&tenant)));
        }
        return Err(Failure::refused(format!(
            "the domain {} is that of another tenant: {}",
            new.domain,
            told(&tenant)
        )));
    }
    let tenant = provision::tenant(&desk.app, &Principal::system(SYSTEM_TENANT), &new).await.map_err(refused)?;
    terminal::say(&format!("{} is made", told(&tenant)))
}

async fn list(desk: &Desk) -> Result<(), Failure> {
    let tenants = desk.app.db.read().await?.tenant_all().await?;
    tenants.iter().filter(|t| t.no != SYSTEM_TENANT).try_for_each(|tenant| terminal::say(&told(tenant)))
}

fn told(tenant: &Tenant) -> String {
    let Tenant { short_name, customer_name, domain, ccid, .. } = tenant;
    format!("tenant {short_name} ({customer_name}; domain {domain}, ccid {ccid})")
}

/// An error of the server kit in words, with what is wrong in detail.
pub fn refused(error: cxc_server::ApiError) -> Failure {
    let details: Vec<String> = error.problem("").errors.iter().map(|e| e.detail.to_string()).collect();
    if details.is_empty() { Failure::from(error) } else { Failure::refused(details.join("; ")) }
}

fn wanted(asked: &TenantAdd) -> NewTenant {
    let domain = asked.domain.clone().unwrap_or_else(|| plain(&asked.name)).to_lowercase();
    let short_name = asked.short_name.clone().unwrap_or_else(|| domain.replace('.', "-"));
    let ccid = asked.ccid.clone().unwrap_or_else(|| short_name.clone());
    NewTenant { short_name, customer_name: asked.name.clone(), domain, ccid }
}

/// A name made of letters, digits and hyphens: `Acme Collections Ltd` becomes `acme-collections-ltd`.
fn plain(name: &str) -> String {
    let parts = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_made_of_the_name() {
        let asked = |domain: Option<&str>| TenantAdd {
            name: "Acme & Söhne, Ltd.".into(),
            domain: domain.map(Into::into),
            short_name: None,
            ccid: None,
        };
        let new = wanted(&asked(None));
        assert_eq!((new.domain.as_str(), new.short_name.as_str()), ("acme-s-hne-ltd", "acme-s-hne-ltd"));
        let new = wanted(&asked(Some("Acme.Example")));
        assert_eq!(
            (new.domain.as_str(), new.short_name.as_str(), new.ccid.as_str()),
            ("acme.example", "acme-example", "acme-example")
        );
    }
}

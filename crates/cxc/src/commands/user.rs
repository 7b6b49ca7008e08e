//! `cxc user`.
use std::io::Read as _;

use cxc_server::access::random_password;
use cxc_server::document;
use cxc_server::provision;
use cxc_server::resources::users::User;
use cxc_server::scope::BuiltInRole;
use cxc_store::tenant::Tenant;

use super::desk::Desk;
use super::tenant::refused;
use crate::cli::{UserAdd, UserCommand, UserGrant, UserReset};
use crate::config::Config;
use crate::failure::Failure;
use crate::terminal;

/// Runs a command about users.
pub async fn run(config: &Config, command: &UserCommand) -> Result<(), Failure> {
    let desk = Desk::open(config).await?;
    match command {
        UserCommand::Add(asked) => add(&desk, asked).await?,
        UserCommand::Grant(asked) => grant(&desk, asked).await?,
        UserCommand::ResetPassword(asked) => reset(&desk, asked).await?,
    }
    desk.close().await;
    Ok(())
}

async fn add(desk: &Desk, asked: &UserAdd) -> Result<(), Failure> {
    let roles = asked.role.iter().map(|name| role(name)).collect::<Result<Vec<_>, _>>()?;
    let (tenant, name) = named(desk, &asked.user).await?;
    if exists(desk, &tenant, &name).await? {
        let text = format!(
            "{} is there already: `cxc user grant` gives more roles, `cxc user reset-password` another password",
            asked.user
        );
        return Err(Failure::refused(text));
    }
    let password = password(asked.password_stdin)?;
    provision::user(&desk.app, tenant.no, &name, &password.text, &roles).await.map_err(refused)?;
    told(&tenant, &name, "is made", &password)
}

async fn grant(desk: &Desk, asked: &UserGrant) -> Result<(), Failure> {
    let roles = asked.role.iter().map(|name| role(name)).collect::<Result<Vec<_>, _>>()?;
    let (tenant, name) = named(desk, &asked.user).await?;
    if !exists(desk, &tenant, &name).await? {
        return Err(Failure::refused(format!("there is no user {}: `cxc user add` makes one", asked.user)));
    }
    let user = provision::grant(&desk.app, tenant.no, &name, &roles).await.map_err(refused)?;
    let titles: Vec<&str> = roles.iter().map(|role| role.title()).collect();
    terminal::say(&format!("user {}\\{} has the role {}", tenant.domain, user.name, titles.join(" and ")))?;
    if !user.body.enabled {
        terminal::say("the user is disabled: `cxc user reset-password` enables the user again")?;
    }
    Ok(())
}

async fn reset(desk: &Desk, asked: &UserReset) -> Result<(), Failure> {
    let (tenant, name) = named(desk, &asked.user).await?;
    if !exists(desk, &tenant, &name).await? {
        return Err(Failure::refused(format!("there is no user {}", asked.user)));
    }
    let password = password(asked.password_stdin)?;
    provision::user(&desk.app, tenant.no, &name, &password.text, &[]).await.map_err(refused)?;
    told(&tenant, &name, "has another password", &password)
}

fn told(tenant: &Tenant, name: &str, what: &str, password: &Password) -> Result<(), Failure> {
    terminal::say(&format!("user {}\\{name} {what}", tenant.domain))?;
    if password.made {
        terminal::say(&format!("password (shown this once): {}", password.text))?;
    }
    Ok(())
}

async fn exists(desk: &Desk, tenant: &Tenant, name: &str) -> Result<bool, Failure> {
    let mut tx = desk.app.db.read().await?;
    let found = document::find::<User>(&mut tx, tenant.no, name).await.map_err(refused)?;
    Ok(found.is_some())
}

/// The tenant and the name in it of `domain\user`.
async fn named(desk: &Desk, user: &str) -> Result<(Tenant, String), Failure> {
    let parts = user.split_once('\\').filter(|(domain, name)| !domain.is_empty() && !name.is_empty());
    let Some((domain, name)) = parts else {
        return Err(Failure::usage("a user is DOMAIN\\USER as at sign-in, in quotes for the shell: 'acme\\ann'"));
    };
    let tenant = desk.app.db.read().await?.tenant_by_domain(domain).await?;
    let tenant = tenant.ok_or_else(|| {
        Failure::refused(format!("there is no tenant with the domain {domain}: see `cxc tenant list`"))
    })?;
    Ok((tenant, name.to_owned()))
}

fn role(name: &str) -> Result<BuiltInRole, Failure> {
    let plain = |text: &str| text.to_lowercase().replace(['-', '_'], " ");
    let found = BuiltInRole::OF_TENANT.iter().copied().find(|role| plain(role.title()) == plain(name));
    let names =
        || BuiltInRole::OF_TENANT.iter().map(|r| r.title().to_lowercase().replace(' ', "-")).collect::<Vec<_>>();
    found.ok_or_else(|| Failure::usage(format!("{name} is no role: expected one of {}", names().join(", "))))
}

struct Password {
    text: String,
    made: bool,
}

/// From standard input, or made here and shown once.
fn password(from_stdin: bool) -> Result<Password, Failure> {
    if !from_stdin {
        return Ok(Password { text: random_password().map_err(refused)?, made: true });
    }
    // one line: what a password manager or `printf` hands over, with or without its end
    let mut text = String::new();
    std::io::stdin().take(4096).read_to_string(&mut text)?;
    Ok(Password { text: text.trim_end_matches(['\r', '\n']).to_owned(), made: false })
}

//! Tenants and users.
use clap::{Args, Subcommand};

/// `cxc tenant`.
#[derive(Debug, Subcommand)]
pub enum TenantCommand {
    /// Add a tenant; adding it again changes nothing
    #[command(after_help = "Examples:
  cxc tenant add Acme
  cxc tenant add 'Acme Collections Ltd' --domain acme --short-name acme")]
    Add(TenantAdd),
    /// List the tenants
    List,
}

/// `cxc tenant add`.
#[derive(Debug, Args)]
pub struct TenantAdd {
    /// The customer's name
    pub name: String,
    /// What stands before the backslash at sign-in [default: made of the name]
    #[arg(long)]
    pub domain: Option<String>,
    /// A short name for commands and metrics [default: the domain]
    #[arg(long)]
    pub short_name: Option<String>,
    /// The contact centre id of metrics and the dialer [default: the short name]
    #[arg(long)]
    pub ccid: Option<String>,
}

/// `cxc user`.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Add a user; without --password-stdin a password is made and printed once
    #[command(after_help = "Examples:
  cxc user add 'acme\\ann' --role administrator
  printf %s \"$PASSWORD\" | cxc user add 'acme\\ann' --role analyst --password-stdin")]
    Add(UserAdd),
    /// Give a user who is there more roles
    #[command(after_help = "Example:
  cxc user grant 'acme\\ann' --role administrator")]
    Grant(UserGrant),
    /// Give a user another password and end every session of the user
    #[command(after_help = "Example:
  cxc user reset-password 'acme\\ann'")]
    ResetPassword(UserReset),
}

/// `cxc user add`.
#[derive(Debug, Args)]
pub struct UserAdd {
    /// As at sign-in: DOMAIN\USER
    pub user: String,
    /// administrator, campaign-manager, list-manager, compliance-officer, analyst, auditor or agent; may be repeated
    #[arg(long, default_value = "administrator")]
    pub role: Vec<String>,
    /// Read the password from standard input
    #[arg(long)]
    pub password_stdin: bool,
}

/// `cxc user grant`.
#[derive(Debug, Args)]
pub struct UserGrant {
    /// As at sign-in: DOMAIN\USER
    pub user: String,
    /// administrator, campaign-manager, list-manager, compliance-officer, analyst, auditor or agent; may be repeated
    #[arg(long, required = true)]
    pub role: Vec<String>,
}

/// `cxc user reset-password`.
#[derive(Debug, Args)]
pub struct UserReset {
    /// As at sign-in: DOMAIN\USER
    pub user: String,
    /// Read the password from standard input
    #[arg(long)]
    pub password_stdin: bool,
}

//! What can be typed: commands, flags, help.
mod access;
mod agent;
mod compliance;
mod compliance_data;
mod consent;
mod dialer;
mod group;
mod lists;
mod number_answers;
mod numbers;
mod people;
mod platform;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::config::Flags;

pub use access::{TenantAdd, TenantCommand, UserAdd, UserCommand, UserGrant, UserReset};
pub use agent::Agent;
pub use compliance::{ComplianceCommand, Digest, Evaluate, EvidenceExport, Replay};
pub use compliance_data::{ComplianceDataBuild, ComplianceDataCommand, ComplianceDataServe};
pub use consent::{
    ConsentAdd, ConsentCommand, ConsentExport, ConsentImport, ConsentRevoke, ConsentShow, ConsentUndo, TimesAdd,
    TimesCommand, TimesEnd,
};
pub use dialer::{DialerCommand, Simulate};
pub use group::{Group, GroupCommand};
pub use lists::{Export, Import, Mode, Relocate};
pub use number_answers::{AnswersAsk, AnswersCommand, AnswersLoad, AnswersShow};
pub use numbers::{
    NumbersActivate, NumbersCheck, NumbersCommand, NumbersKind, NumbersLoad, NumbersMode, NumbersOwner, NumbersStatus,
};
pub use people::{ChannelName, Erase, Suppress};
pub use platform::{Backup, ConfigCommand, Restore, Up};

const AFTER: &str = "Examples:
  cxc up --demo                                      a demonstration: everything runs, nothing leaves the machine
  cxc tenant add Acme                                a first tenant
  cxc user add 'acme\\ann' --role administrator       a user; the password is printed once
  cxc import --list spring contacts.csv              a file into a list, made if it is missing
  cxc group start 'Spring renewals'                  a campaign group begins to contact people

Settings come from cxc.toml, then CXC_* variables, then flags: see `cxc config check`.
Exit codes: 0 done, 1 refused or failed, 2 could not begin (usage, configuration, port, database).";

/// An outbound campaign system: import contact lists, reach people by voice, SMS and email under
/// compliance rules, and account for every contact.
#[derive(Debug, Parser)]
#[command(name = "cxc", version, after_help = AFTER, max_term_width = 110)]
pub struct Cli {
    /// Folder of the embedded store [default: ./cxc-data]
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Configuration file [default: ./cxc.toml if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// The flags that bear on the configuration.
    pub fn flags(&self) -> Flags {
        Flags { config: self.config.clone(), data: self.data.clone() }
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the platform: every component, or those named
    #[command(after_help = "Examples:
  cxc up
  cxc up --component list-builder --component list-manager
Ctrl-C finishes the work under way and ends; a second one ends at once.")]
    Up(Up),
    /// Bring the database's schema up to date
    Migrate,
    /// Look at the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Manage tenants
    #[command(subcommand)]
    Tenant(TenantCommand),
    /// Manage users
    #[command(subcommand)]
    User(UserCommand),
    /// Import a file into a contact list
    #[command(after_help = "Examples:
  cxc import --list spring contacts.csv
  cxc import --list spring --mode replace --default-country GB contacts.xlsx
  cxc import --list spring --json contacts.zip | jq .rejected
The list is made if it is missing. Rejected and duplicate lines are kept in the file that `rejects_file` names.
Exit codes: 0 if any line was taken, 1 if the file was refused or no line was taken, 2 for a mistake in the command.")]
    Import(Import),
    /// Steer a campaign group
    #[command(subcommand)]
    Group(GroupCommand),
    /// Export a list, a group's results, or everything known of one person
    #[command(after_help = "Examples:
  cxc export --list spring > spring.csv
  cxc export --group 'Spring renewals' --output results.csv
  cxc export --person ann@example.com > ann.json")]
    Export(Export),
    /// Find the places of stored contacts anew, with the compliance data in use
    #[command(after_help = "Examples:
  cxc relocate --dry-run                 how many contacts of all lists would move
  cxc relocate --list spring
Places are found when contacts are imported; this renews them after a provider published new tables.")]
    Relocate(Relocate),
    /// Never contact an address again, or not until a date
    #[command(after_help = "Examples:
  cxc suppress +12125550123
  cxc suppress ann@example.com --channel email --until 2027-01-31
  cxc suppress --client-id C-1001 --list 'Court orders'")]
    Suppress(Suppress),
    /// What people allowed and forbade: add, revoke, show, files in and out, convenient times
    #[command(subcommand)]
    Consent(ConsentCommand),
    /// National and customer lists of numbers: load, see, ask
    #[command(subcommand)]
    Numbers(NumbersCommand),
    /// Erase what is known of one person, everywhere
    #[command(
        after_help = "Attempts stay as statistics without the person; suppression entries keep a keyed hash, so they still hold.
Examples:
  cxc erase ann@example.com
  cxc erase C-1001 --yes"
    )]
    Erase(Erase),
    /// Ask the compliance rules anything, and hand out what was decided
    #[command(subcommand)]
    Compliance(ComplianceCommand),
    /// Write a copy of the embedded store, while it is in use or not
    Backup(Backup),
    /// Put a copy back in the place of the embedded store
    Restore(Restore),
    /// Publish compliance data for other installations
    #[command(subcommand)]
    ComplianceData(ComplianceDataCommand),
    /// Take calls as an agent, in a terminal and with any SIP phone
    #[command(after_help = "Examples:
  cxc agent --server https://cxc.example.com --user 'acme\\ann' --phone sip:ann@10.0.0.7
  CXC_AGENT_PASSWORD=... cxc agent --user 'acme\\ann' < commands
The password is CXC_AGENT_PASSWORD, else the first line of standard input. Type ? for what can be typed.")]
    Agent(Agent),
    /// The pace of the voice dialer
    #[command(subcommand)]
    Dialer(DialerCommand),
    /// Print the OpenAPI description of the API
    Openapi,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn the_global_flags_stand_before_or_behind_the_command() {
        for line in [["cxc", "--data", "d", "migrate"], ["cxc", "migrate", "--data", "d"]] {
            assert_eq!(Cli::try_parse_from(line).unwrap().flags().data, Some("d".into()));
        }
    }

    #[test]
    fn an_export_is_of_one_thing() {
        assert!(Cli::try_parse_from(["cxc", "export"]).is_err());
        assert!(Cli::try_parse_from(["cxc", "export", "--list", "a", "--person", "b"]).is_err());
        assert!(Cli::try_parse_from(["cxc", "export", "--list", "a", "--tenant", "t", "--output", "f"]).is_ok());
    }
}

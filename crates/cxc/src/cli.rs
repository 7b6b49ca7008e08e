//! What can be typed: commands, flags, help.
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::component::Component;
use crate::config::Flags;

const AFTER: &str = "Examples:
  cxc up --demo                                      a demonstration: everything runs, nothing leaves the machine
  cxc tenant add Acme                                a first tenant
  cxc user add 'acme\\ann' --role administrator       a user; the password is printed once
  cxc import --list spring contacts.csv              a file into a list, made if it is missing
  cxc group start 'Spring renewals'                  a campaign group begins to contact people

Settings come from cxc.toml, then CXC_* variables, then flags: see `cxc config check`.
Exit codes: 0 done, 1 refused or failed, 2 could not begin (usage, configuration, port, database).";

/// An outbound campaign system: import contact lists, reach people by SMS and email under compliance
/// rules, and account for every contact.
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
    /// Never contact an address again, or not until a date
    #[command(after_help = "Examples:
  cxc suppress +12125550123
  cxc suppress ann@example.com --channel email --until 2027-01-31
  cxc suppress --client-id C-1001 --list 'Court orders'")]
    Suppress(Suppress),
    /// What people allowed and forbade: add, revoke, show, import a file
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
    /// Print the OpenAPI description of the API
    Openapi,
}

/// `cxc up`.
#[derive(Debug, Args)]
pub struct Up {
    /// Only this component; may be repeated
    #[arg(long, value_enum, value_name = "NAME")]
    pub component: Vec<Component>,
    /// With made-up contacts and simulated carriers; starting again continues where it stood
    #[arg(long, conflicts_with = "component")]
    pub demo: bool,
}

/// `cxc config`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print the effective settings without passwords, and where each comes from
    Check,
}

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

/// How an import deals with what the list holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Add contacts; those already in the list count as duplicates
    Append,
    /// Add contacts and change those already in the list
    Update,
    /// The file becomes the list
    Replace,
}

/// `cxc import`.
#[derive(Debug, Args)]
pub struct Import {
    /// The file: delimited text, XLSX, or one of those in a ZIP; `-` reads standard input
    pub file: PathBuf,
    /// Name of the list
    #[arg(long, value_name = "NAME")]
    pub list: String,
    /// Tenant by short name, domain or ccid; may be left out when there is only one
    #[arg(long)]
    pub tenant: Option<String>,
    /// What to do with what the list holds
    #[arg(long, value_enum, default_value = "append")]
    pub mode: Mode,
    /// The country of numbers without one, as two letters
    #[arg(long, value_name = "COUNTRY")]
    pub default_country: Option<String>,
    /// A mapping document (JSON) that says what each column is
    #[arg(long, value_name = "FILE")]
    pub mapping: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `cxc group`.
#[derive(Debug, Subcommand)]
pub enum GroupCommand {
    /// Load the group if need be and begin to contact people
    Start(Group),
    /// Make no new attempts until resumed
    Pause(Group),
    /// Go on after a pause
    Resume(Group),
    /// Finish what is under way and release the group's records
    Stop(Group),
    /// Where every contact of the group stands
    Status(Group),
}

/// Which campaign group.
#[derive(Debug, Args)]
pub struct Group {
    /// Name of the campaign group
    pub name: String,
    /// Tenant by short name, domain or ccid; may be left out when there is only one
    #[arg(long)]
    pub tenant: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `cxc export`.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["list", "group", "person"])))]
pub struct Export {
    /// A contact list, as CSV
    #[arg(long, value_name = "NAME")]
    pub list: Option<String>,
    /// The results of a campaign group, as CSV
    #[arg(long, value_name = "NAME")]
    pub group: Option<String>,
    /// Everything known of one person, as JSON
    #[arg(long, value_name = "ADDRESS|CLIENTID")]
    pub person: Option<String>,
    /// Tenant by short name, domain or ccid; may be left out when there is only one
    #[arg(long)]
    pub tenant: Option<String>,
    /// Write to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// A channel at the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ChannelName {
    /// Telephone calls
    Voice,
    /// Text messages
    Sms,
    /// Email
    Email,
}

/// `cxc compliance`.
#[derive(Debug, Subcommand)]
pub enum ComplianceCommand {
    /// May this person be contacted at this moment? The document is that of POST /compliance/evaluations
    #[command(after_help = "Examples:
  cxc compliance evaluate question.json
  echo '{\"at\":\"2026-12-01T13:30:00Z\",\"channel\":\"sms\",\"contact\":{\"devices\":[\"+12125550123\"]}}' | cxc compliance evaluate --explain -
Exit codes: 0 allowed, 3 not now or not at all, 2 the document is refused.")]
    Evaluate(Evaluate),
    /// Why may a stored contact be contacted at a moment, or not?
    Explain(Explain),
    /// The decisions about a person or of a campaign group, as a signed file
    #[command(after_help = "Examples:
  cxc compliance export --person +12025550123 --output evidence.zip
  cxc compliance verify evidence.zip --key \"$(cxc compliance key)\"")]
    Export(EvidenceExport),
    /// Print the public key that exports are signed with
    Key,
    /// Whether an exported file is whole and signed; no database is needed
    Verify {
        /// The file
        file: PathBuf,
        /// The public key that it must be signed with; the one that it names itself if not given
        #[arg(long, value_name = "BASE64")]
        key: Option<String>,
    },
}

/// `cxc compliance evaluate`.
#[derive(Debug, Args)]
pub struct Evaluate {
    /// The document, JSON; `-` reads standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Print every step as a sentence instead of JSON
    #[arg(long)]
    pub explain: bool,
    /// Only by the rules that are shipped: no database is needed
    #[arg(long, conflicts_with = "tenant")]
    pub shipped: bool,
    /// Tenant by short name, domain or ccid; may be left out when there is only one
    #[arg(long)]
    pub tenant: Option<String>,
}

/// `cxc compliance explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// The id of the contact list
    #[arg(long, value_name = "ID")]
    pub list: uuid::Uuid,
    /// The contact's number
    #[arg(long, value_name = "NUMBER")]
    pub contact: i64,
    /// The id of the campaign group whose rules hold
    #[arg(long, value_name = "ID")]
    pub group: Option<uuid::Uuid>,
    /// The moment, such as 2027-01-31T12:00:00Z; now if not given
    #[arg(long, value_name = "MOMENT")]
    pub at: Option<String>,
    /// Print JSON instead of sentences
    #[arg(long)]
    pub json: bool,
    /// Tenant by short name, domain or ccid; may be left out when there is only one
    #[arg(long)]
    pub tenant: Option<String>,
}

/// `cxc compliance export`.
#[derive(Debug, Args)]
pub struct EvidenceExport {
    /// About this person
    #[arg(long, value_name = "ADDRESS|CLIENTID", required_unless_present = "group")]
    pub person: Option<String>,
    /// Of this campaign group, by its id
    #[arg(long, value_name = "ID")]
    pub group: Option<uuid::Uuid>,
    /// Not before this moment
    #[arg(long, value_name = "MOMENT")]
    pub from: Option<String>,
    /// Before this moment
    #[arg(long, value_name = "MOMENT")]
    pub till: Option<String>,
    /// Write to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Tenant by short name, domain or ccid; may be left out when there is only one
    #[arg(long)]
    pub tenant: Option<String>,
}

/// `cxc suppress`.
#[derive(Debug, Args)]
pub struct Suppress {
    /// A phone number with its country (+12125550123), an email address, or a client id with --client-id
    pub address: String,
    /// The suppression list, made if it is missing; client ids go to `Do not contact (client ids)` unless another is named
    #[arg(long, value_name = "NAME", default_value = "Do not contact")]
    pub list: String,
    /// The address is a client id
    #[arg(long)]
    pub client_id: bool,
    /// Only this channel; may be repeated. Bears on a list that is made now
    #[arg(long, value_enum)]
    pub channel: Vec<ChannelName>,
    /// Until this day or moment (2027-01-31 or 2027-01-31T12:00:00Z)
    #[arg(long)]
    pub until: Option<String>,
    /// Why
    #[arg(long)]
    pub reason: Option<String>,
    /// Tenant by short name, domain or ccid; may be left out when there is only one
    #[arg(long)]
    pub tenant: Option<String>,
}

/// `cxc consent`.
#[derive(Debug, Subcommand)]
pub enum ConsentCommand {
    /// Add a consent; it lifts an opt-out only if it was given expressly and later
    #[command(after_help = "Examples:
  cxc consent add +12125550123 --kind prior_express_written --date 2026-03-02 --source 'web form'
  cxc consent add C-1001 --kind ebr_purchase --date 2026-03-02 --source 'order 17' --channel voice")]
    Add(ConsentAdd),
    /// Note an opt-out, on every channel or some; it holds at once
    #[command(after_help = "Examples:
  cxc consent revoke +12125550123
  cxc consent revoke C-1001 --everywhere --received 2026-03-02")]
    Revoke(ConsentRevoke),
    /// Show what the ledger has of a person
    Show(ConsentShow),
    /// Add the consents of a CSV file, every line accounted for
    #[command(
        after_help = "The first line names the columns: device or client_id, consent_kind, consent_date, consent_source,
and if you like consent_text and channels."
    )]
    Import(ConsentImport),
}

/// `cxc consent add`.
#[derive(Debug, Args)]
pub struct ConsentAdd {
    /// A phone number with its country, an email address or a client id
    #[arg(value_name = "ADDRESS|CLIENTID")]
    pub person: String,
    /// prior_express_written, express, implied_purchase, implied_inquiry, soft_opt_in, ebr_purchase, ebr_inquiry, callback, recording
    #[arg(long)]
    pub kind: String,
    /// When the person said so: a day or a moment
    #[arg(long)]
    pub date: String,
    /// Where it comes from
    #[arg(long)]
    pub source: String,
    /// The text that the person agreed to
    #[arg(long)]
    pub text: Option<String>,
    /// Only this channel; may be repeated
    #[arg(long, value_enum)]
    pub channel: Vec<ChannelName>,
    /// Tenant by short name, domain or ccid; may be left out when there is only one
    #[arg(long)]
    pub tenant: Option<String>,
}

/// `cxc consent revoke`.
#[derive(Debug, Args)]
pub struct ConsentRevoke {
    /// A phone number with its country, an email address or a client id
    #[arg(value_name = "ADDRESS|CLIENTID")]
    pub person: String,
    /// Only this channel; may be repeated. The law may reach further
    #[arg(long, value_enum)]
    pub channel: Vec<ChannelName>,
    /// Every channel on every address that is known of the person
    #[arg(long)]
    pub everywhere: bool,
    /// When it reached you, if earlier than now: a day or a moment
    #[arg(long)]
    pub received: Option<String>,
    /// The person's words
    #[arg(long)]
    pub text: Option<String>,
    /// Tenant by short name, domain or ccid; may be left out when there is only one
    #[arg(long)]
    pub tenant: Option<String>,
}

/// `cxc consent show`.
#[derive(Debug, Args)]
pub struct ConsentShow {
    /// A phone number with its country, an email address or a client id
    #[arg(value_name = "ADDRESS|CLIENTID")]
    pub person: String,
    /// Tenant by short name, domain or ccid; may be left out when there is only one
    #[arg(long)]
    pub tenant: Option<String>,
}

/// `cxc consent import`.
#[derive(Debug, Args)]
pub struct ConsentImport {
    /// A CSV file in UTF-8
    pub file: PathBuf,
    /// Tenant by short name, domain or ccid; may be left out when there is only one
    #[arg(long)]
    pub tenant: Option<String>,
}

/// `cxc numbers`.
#[derive(Debug, Subcommand)]
pub enum NumbersCommand {
    /// Load a file as a new version of a list of numbers, made if it is missing
    #[command(after_help = "Examples:
  cxc numbers load --list FTC --kind national-dnc --country US --as-of 2026-11-20 us-dnc.zip
  cxc numbers load --list FTC --as-of 2026-11-21 --mode add added.txt
  cxc numbers load --list 'Never again' --kind customer --as-of 2026-11-21 numbers.csv
Every version is checked: its SHA-256, the canary numbers of the list, and its count, which may differ by ten per cent.
Exit codes: 0 if the version is active, 1 if it was refused, 2 for a mistake in the command.")]
    Load(NumbersLoad),
    /// Where each list of numbers stands
    Status(NumbersStatus),
    /// Which lists hold a number
    #[command(after_help = "Example:
  cxc numbers check +12125550123")]
    Check(NumbersCheck),
    /// Make a loaded version the one that is asked, or go back to one of before
    #[command(after_help = "Example:
  cxc numbers activate --list FTC 3")]
    Activate(NumbersActivate),
}

/// What a list of numbers is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NumbersKind {
    /// A national do-not-call register
    NationalDnc,
    /// Numbers that have another owner since consent was given
    Reassigned,
    /// Numbers that were ported to a wireless carrier
    WirelessPorted,
    /// The customer's own list
    Customer,
}

/// What a file is to the active version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NumbersMode {
    /// The whole list
    Replace,
    /// Its numbers are added
    Add,
    /// Its numbers are taken out
    Remove,
}

/// Whose lists of numbers.
#[derive(Debug, Args)]
pub struct NumbersOwner {
    /// Tenant by short name, domain or ccid; may be left out when there is only one
    #[arg(long, conflicts_with = "installation")]
    pub tenant: Option<String>,
    /// The lists of the installation, which hold for every tenant
    #[arg(long)]
    pub installation: bool,
}

/// `cxc numbers load`.
#[derive(Debug, Args)]
pub struct NumbersLoad {
    /// The file: a number a line, or delimited text, also in a ZIP or gzip file; `-` reads standard input
    pub file: PathBuf,
    /// Name of the list
    #[arg(long, value_name = "NAME")]
    pub list: String,
    /// What a new list is for
    #[arg(long, value_enum)]
    pub kind: Option<NumbersKind>,
    /// The country of a new list, as two letters; numbers without a country are of it
    #[arg(long, value_name = "COUNTRY")]
    pub country: Option<String>,
    /// The day or moment that the numbers are of (2026-11-20): scrub age counts from it
    #[arg(long, value_name = "WHEN")]
    pub as_of: String,
    /// What the file is to the active version
    #[arg(long, value_enum, default_value = "replace")]
    pub mode: NumbersMode,
    /// The column of the number: its name, or its place from 1
    #[arg(long, value_name = "COLUMN")]
    pub number_column: Option<String>,
    /// The column of the area code, where numbers are split
    #[arg(long, value_name = "COLUMN")]
    pub area_code_column: Option<String>,
    /// Only load it, to be activated later
    #[arg(long)]
    pub no_activate: bool,
    /// Activate it however many numbers it holds
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub owner: NumbersOwner,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `cxc numbers status`.
#[derive(Debug, Args)]
pub struct NumbersStatus {
    #[command(flatten)]
    pub owner: NumbersOwner,
    /// Print one JSON array
    #[arg(long)]
    pub json: bool,
}

/// `cxc numbers check`.
#[derive(Debug, Args)]
pub struct NumbersCheck {
    /// A phone number with its country (+12125550123)
    pub number: String,
    #[command(flatten)]
    pub owner: NumbersOwner,
}

/// `cxc numbers activate`.
#[derive(Debug, Args)]
pub struct NumbersActivate {
    /// The version
    pub version: i64,
    /// Name of the list
    #[arg(long, value_name = "NAME")]
    pub list: String,
    /// However many numbers it holds
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub owner: NumbersOwner,
}

/// `cxc erase`.
#[derive(Debug, Args)]
pub struct Erase {
    /// A phone number with its country, an email address or a client id
    #[arg(value_name = "ADDRESS|CLIENTID")]
    pub person: String,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Tenant by short name, domain or ccid; may be left out when there is only one
    #[arg(long)]
    pub tenant: Option<String>,
}

/// `cxc compliance-data`.
#[derive(Debug, Subcommand)]
pub enum ComplianceDataCommand {
    /// Make a key that signs data; the key that checks it is printed
    #[command(after_help = "Example:
  cxc compliance-data keygen provider.key")]
    Keygen {
        /// The file to write; must not exist
        file: PathBuf,
    },
    /// Write the embedded tables, and lists of numbers, to a signed folder; again for the next generation
    #[command(after_help = "Example:
  cxc compliance-data build --dir published --key provider.key --dnc US=us-dnc.tsv
Rows of lists are a number with its country, a list such as US-DNC and a date, separated by tabs.")]
    Build(ComplianceDataBuild),
    /// Serve a signed folder to installations that sign in as OAuth clients
    #[command(after_help = "Example:
  CXC_COMPLIANCE_DATA_CLIENTS=branch:a-long-secret-of-theirs \\
    cxc compliance-data serve --dir published --key 'ed25519:...' --listen 0.0.0.0:8443
Put a proxy with TLS before it. Tokens: POST /oauth/token; data: GET /compliancedata.")]
    Serve(ComplianceDataServe),
}

/// `cxc compliance-data build`.
#[derive(Debug, Args)]
pub struct ComplianceDataBuild {
    /// The folder
    #[arg(long)]
    pub dir: PathBuf,
    /// A file that keygen wrote
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// A list of numbers of a country; may be repeated
    #[arg(long, value_name = "COUNTRY=FILE")]
    pub dnc: Vec<String>,
    /// For how many days the data is good
    #[arg(long, default_value_t = 31, value_parser = clap::value_parser!(i64).range(1..=366))]
    pub days: i64,
    /// The oldest time zone database that may be used with it, such as 2026e [default: that of this program]
    #[arg(long, value_name = "RELEASE")]
    pub min_tzdb: Option<String>,
}

/// `cxc compliance-data serve`.
#[derive(Debug, Args)]
pub struct ComplianceDataServe {
    /// The folder
    #[arg(long)]
    pub dir: PathBuf,
    /// The key that checks the folder's signature, as keygen prints it
    #[arg(long, value_name = "KEY")]
    pub key: String,
    /// Where to listen
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8443")]
    pub listen: std::net::SocketAddr,
    /// A file with a line ID:SECRET for each client [default: the variable CXC_COMPLIANCE_DATA_CLIENTS]
    #[arg(long, value_name = "FILE")]
    pub clients: Option<PathBuf>,
    /// How long a token lives, in seconds
    #[arg(long, default_value_t = 3600, value_parser = clap::value_parser!(i64).range(1..=86_400))]
    pub token_seconds: i64,
}

/// `cxc backup`.
#[derive(Debug, Args)]
pub struct Backup {
    /// The file to write; must not exist
    pub file: PathBuf,
}

/// `cxc restore`.
#[derive(Debug, Args)]
pub struct Restore {
    /// A file that `cxc backup` wrote
    pub file: PathBuf,
    /// Replace a store that is not empty; it is kept beside as cxc.db.before-restore
    #[arg(long)]
    pub force: bool,
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

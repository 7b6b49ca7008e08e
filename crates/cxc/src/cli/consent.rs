//! Consents and opt-outs.
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::people::ChannelName;

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
    /// Add the consents and opt-outs of a file, every line accounted for
    #[command(after_help = "Examples:
  cxc consent import consents.csv
  cxc consent import --json opt-outs.xlsx | jq .rejected
The first line names the columns: device or client_id, consent_kind, consent_date, and if you like consent_source,
consent_text, consent_evidence, consent_channels, consent_action (give or revoke), opt_out_date.
Opt-outs bind at once. A consent of a file lifts no opt-out unless the consent policy says that files may.
Exit codes: 0 if any line was taken, 1 if the file was refused or no line was taken, 2 for a mistake in the command.")]
    Import(ConsentImport),
    /// Take back what an import brought, by its number
    #[command(after_help = "Example:
  cxc consent undo 17
  cxc consent undo 18 --reason 'the file of another brand'")]
    Undo(ConsentUndo),
    /// The whole ledger as CSV, under headers that an import knows
    #[command(after_help = "Example:
  cxc consent export --output ledger.csv")]
    Export(ConsentExport),
    /// When a person wants no contact: record, show, end
    #[command(subcommand)]
    Times(TimesCommand),
}

/// `cxc consent undo`.
#[derive(Debug, Args)]
pub struct ConsentUndo {
    /// The number of the import, as `cxc consent import` prints it
    pub import: i64,
    /// Why; the undo of an import that brought opt-outs needs it, the audit log keeps it
    #[arg(long)]
    pub reason: Option<String>,
    /// Tenant by short name, domain or ccid; may be left out when there is only one
    #[arg(long)]
    pub tenant: Option<String>,
}

/// `cxc consent export`.
#[derive(Debug, Args)]
pub struct ConsentExport {
    /// Write to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Tenant by short name, domain or ccid; may be left out when there is only one
    #[arg(long)]
    pub tenant: Option<String>,
}

/// `cxc consent times`.
#[derive(Debug, Subcommand)]
pub enum TimesCommand {
    /// Record when contacts are convenient; it narrows every window from now on
    #[command(after_help = "Examples:
  cxc consent times add +12125550123 --not-before 10:00 --not-on fri
  cxc consent times add C-1001 --hours mon-fri=09:00-12:00 --hours sat=10:00-11:00")]
    Add(TimesAdd),
    /// Show what a person said
    Show(ConsentShow),
    /// End a statement, with the reason
    End(TimesEnd),
}

/// `cxc consent times add`.
#[derive(Debug, Args)]
pub struct TimesAdd {
    /// A phone number with its country, an email address or a client id
    #[arg(value_name = "ADDRESS|CLIENTID")]
    pub person: String,
    /// Not before this time of day, on the clocks of every zone in which the person may be
    #[arg(long, value_name = "HH:MM")]
    pub not_before: Option<String>,
    /// Not from this time of day on
    #[arg(long, value_name = "HH:MM")]
    pub not_after: Option<String>,
    /// Not on this weekday (mon to sun); may be repeated
    #[arg(long, value_name = "DAY")]
    pub not_on: Vec<String>,
    /// Only in these hours of these days, as in mon-fri=09:00-12:00; may be repeated, other days are closed
    #[arg(long, value_name = "DAYS=HOURS")]
    pub hours: Vec<String>,
    /// What you want to remember of it
    #[arg(long)]
    pub note: Option<String>,
    /// Tenant by short name, domain or ccid; may be left out when there is only one
    #[arg(long)]
    pub tenant: Option<String>,
}

/// `cxc consent times end`.
#[derive(Debug, Args)]
pub struct TimesEnd {
    /// A phone number with its country, an email address or a client id
    #[arg(value_name = "ADDRESS|CLIENTID")]
    pub person: String,
    /// The number of the statement, as `show` prints it
    pub id: i64,
    /// Why it holds no more
    #[arg(long)]
    pub reason: String,
    /// Tenant by short name, domain or ccid; may be left out when there is only one
    #[arg(long)]
    pub tenant: Option<String>,
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
    /// From when the person asked to be called back, for --kind callback: a moment, RFC 3339
    #[arg(long, requires = "asked_till")]
    pub asked_from: Option<jiff::Timestamp>,
    /// Until when, exclusively; a day later at most
    #[arg(long, requires = "asked_from")]
    pub asked_till: Option<jiff::Timestamp>,
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
    /// The file: delimited text, XLSX, or one of those in a ZIP; `-` reads standard input
    pub file: PathBuf,
    /// The country of numbers without one, as two letters; that of the tenant's settings when absent
    #[arg(long, value_name = "COUNTRY")]
    pub default_country: Option<String>,
    /// A mapping document (JSON) that says what each column is
    #[arg(long, value_name = "FILE")]
    pub mapping: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// Tenant by short name, domain or ccid; may be left out when there is only one
    #[arg(long)]
    pub tenant: Option<String>,
}

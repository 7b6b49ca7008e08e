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

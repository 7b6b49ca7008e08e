//! Single people: suppress and erase.
use clap::{Args, ValueEnum};

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

//! Compliance: questions and evidence.
use std::path::PathBuf;

use clap::{Args, Subcommand};

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
    /// Make a decision again from the versions that were kept, and compare
    #[command(
        after_help = "Exit codes: 0 the reasons are equal, byte for byte, 1 they are not, or a version is not kept any more."
    )]
    Replay(Replay),
    /// The decisions about a person or of a campaign group, as a signed file
    #[command(after_help = "Examples:
  cxc compliance export --person +12025550123 --output evidence.zip
  cxc compliance verify evidence.zip --key \"$(cxc compliance key)\"")]
    Export(EvidenceExport),
    /// What the evidence of a day comes to: recomputes its chains, and compares their digest with one that was kept elsewhere
    #[command(after_help = "A server's log tells the digest of each day an hour after its end.
Exit codes: 0 the chains hold and the digest is the expected one, 1 they don't, or it is not.")]
    Digest(Digest),
    /// Print the public key that exports are signed with
    Key,
    /// Whether the clock is behind the newest decision that is kept: then nobody is contacted
    #[command(after_help = "Exit codes: 0 it is not, or was accepted, 1 it is.")]
    Clock {
        /// Accept it: those decisions were made by a wrong clock, and this one is right. The reason is audited
        #[arg(long, value_name = "REASON")]
        accept: Option<String>,
    },
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

/// `cxc compliance replay`.
#[derive(Debug, Args)]
pub struct Replay {
    /// The id of the decision, such as 20260301-1f-12-0
    #[arg(value_name = "ID")]
    pub id: String,
    /// Print JSON instead of sentences
    #[arg(long)]
    pub json: bool,
    /// Tenant by short name, domain or ccid; may be left out when there is only one
    #[arg(long)]
    pub tenant: Option<String>,
}

/// `cxc compliance digest`.
#[derive(Debug, Args)]
pub struct Digest {
    /// The day in UTC, such as 2026-03-01 or 20260301
    #[arg(value_name = "DAY", value_parser = day)]
    pub day: i64,
    /// The digest that it must have
    #[arg(long, value_name = "DIGEST")]
    pub expect: Option<String>,
    /// Print JSON instead of sentences
    #[arg(long)]
    pub json: bool,
    /// Tenant by short name, domain or ccid; may be left out when there is only one
    #[arg(long)]
    pub tenant: Option<String>,
}

/// A day as evidence is kept by.
fn day(text: &str) -> Result<i64, String> {
    let day = text.replace('-', "").parse().ok().filter(|day| cxc_store::evidence::is_day(*day));
    day.ok_or_else(|| "a day is year, month and day, such as 2026-03-01".to_owned())
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

//! Compliance data for other installations.
use std::path::PathBuf;

use clap::{Args, Subcommand};

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
  cxc compliance-data build --dir published --key provider.key --dnc US=us-dnc.tsv --as-of US=2026-11-20
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
    /// The day on which a list of numbers was taken from its register, or an instant; for one country or for all.
    /// Scrub age is counted from it
    #[arg(long, value_name = "[COUNTRY=]DATE")]
    pub as_of: Vec<String>,
    /// For how many days the data is good
    #[arg(long, default_value_t = 31, value_parser = clap::value_parser!(i64).range(1..=366))]
    pub days: i64,
    /// The oldest time zone database that may be used with it, such as 2026e; this program must have it
    /// [default: the oldest one that this program takes]
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

//! Number intelligence: answers on numbers, by file and from a source over HTTP.
use std::path::PathBuf;

use clap::{Args, Subcommand};
use cxc_core::phone::PhoneNumber;

/// `cxc numbers answers`.
#[derive(Debug, Subcommand)]
pub enum AnswersCommand {
    /// Load a file of answers: number, query_date, answer (yes, no, no_data), and consent_date, line_type, port_date
    #[command(after_help = "Example:
  cxc numbers answers load --country US rnd-results.csv
An older answer never takes the place of a newer one.")]
    Load(AnswersLoad),
    /// Ask a source over HTTP about the numbers of a contact list of which no answer is younger than 45 days
    #[command(after_help = "Examples:
  cxc numbers answers ask --source RND --url https://rnd.example.com/query --token-file rnd.token \\
    --list spring --consent-date 2026-01-31
  cxc numbers answers ask --source RND --list spring --consent-date 2026-01-31
The source is made by the first command and known by its name afterwards. It is asked at a public address, or at one that
outbound.private_networks allows.")]
    Ask(AnswersAsk),
    /// What is known of some numbers
    #[command(after_help = "Example:
  cxc numbers answers show +12125550123 +12125550124")]
    Show(AnswersShow),
}

/// `cxc numbers answers load`.
#[derive(Debug, Args)]
pub struct AnswersLoad {
    /// The file: delimited text with a header, also in a ZIP or gzip file; `-` reads standard input
    pub file: PathBuf,
    /// The country of numbers without one, as two letters
    #[arg(long, value_name = "COUNTRY")]
    pub country: Option<String>,
    /// Tenant by short name, domain or ccid; may be left out when there is only one
    #[arg(long)]
    pub tenant: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `cxc numbers answers ask`.
#[derive(Debug, Args)]
pub struct AnswersAsk {
    /// Name of the source
    #[arg(long, value_name = "NAME")]
    pub source: String,
    /// The address of a new source, to which questions are posted
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// A file with the bearer token of a new source
    #[arg(long, value_name = "FILE", requires = "url")]
    pub token_file: Option<PathBuf>,
    /// Name of the contact list
    #[arg(long, value_name = "NAME")]
    pub list: String,
    /// The day of consent that is asked about (2026-01-31)
    #[arg(long, value_name = "DAY")]
    pub consent_date: String,
    /// Tenant by short name, domain or ccid; may be left out when there is only one
    #[arg(long)]
    pub tenant: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `cxc numbers answers show`.
#[derive(Debug, Args)]
pub struct AnswersShow {
    /// Phone numbers with their country (+12125550123)
    #[arg(required = true, value_parser = number)]
    pub numbers: Vec<PhoneNumber>,
    /// Tenant by short name, domain or ccid; may be left out when there is only one
    #[arg(long)]
    pub tenant: Option<String>,
    /// Print one JSON array
    #[arg(long)]
    pub json: bool,
}

fn number(text: &str) -> Result<PhoneNumber, String> {
    PhoneNumber::parse(text).map_err(|error| error.to_string())
}

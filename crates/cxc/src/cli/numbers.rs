//! Lists of numbers.
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::AnswersCommand;

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
    /// Number intelligence: whether numbers were reassigned, their line type, when they were ported
    #[command(subcommand)]
    Answers(AnswersCommand),
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
    /// Activate it though the active version is of a later moment
    #[arg(long)]
    pub allow_older: bool,
    #[command(flatten)]
    pub owner: NumbersOwner,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `cxc numbers status`.
#[derive(Debug, Args)]
pub struct NumbersStatus {
    /// Also the versions that are kept, and why one was rejected
    #[arg(long)]
    pub versions: bool,
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
    /// Though the active version is of a later moment; one that was active before needs it not
    #[arg(long)]
    pub allow_older: bool,
    #[command(flatten)]
    pub owner: NumbersOwner,
}

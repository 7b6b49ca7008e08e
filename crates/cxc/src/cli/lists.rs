//! Contact lists: import and export of files.
use std::path::PathBuf;

use clap::{Args, ValueEnum};

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
    /// The encoding, such as utf-8 or windows-1252 [default: found out]
    #[arg(long, value_name = "NAME")]
    pub encoding: Option<String>,
    /// The sign between columns, or tab [default: found out]
    #[arg(long, value_name = "SIGN")]
    pub delimiter: Option<String>,
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

/// `cxc relocate`.
#[derive(Debug, Args)]
pub struct Relocate {
    /// Only this list [default: every list of the tenant]
    #[arg(long, value_name = "NAME")]
    pub list: Option<String>,
    /// Only count what would change
    #[arg(long)]
    pub dry_run: bool,
    /// The tenant's name, where there are several
    #[arg(long, value_name = "NAME")]
    pub tenant: Option<String>,
    /// Print one JSON object a list
    #[arg(long)]
    pub json: bool,
}

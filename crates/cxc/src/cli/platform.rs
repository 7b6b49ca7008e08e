//! Running the platform: start, configuration, backup.
use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::component::Component;

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

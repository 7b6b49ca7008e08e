//! Campaign groups.
use clap::{Args, Subcommand};

/// `cxc group`.
#[derive(Debug, Subcommand)]
pub enum GroupCommand {
    /// Load the group if need be and begin to contact people; a group that is stopping is waited for
    Start(Start),
    /// Make no new attempts until resumed
    Pause(Group),
    /// Go on after a pause
    Resume(Group),
    /// Finish what is under way and release the group's records
    Stop(Group),
    /// Where every contact of the group stands
    Status(Group),
}

/// `cxc group start`.
#[derive(Debug, Args)]
pub struct Start {
    /// The group
    #[command(flatten)]
    pub group: Group,
    /// Refuse at once where the group is still stopping, instead of waiting for up to a minute
    #[arg(long)]
    pub no_wait: bool,
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

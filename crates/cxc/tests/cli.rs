//! The real binary at its command line: exit codes, one-line errors, what stands in the database after.
#[path = "cli/backup.rs"]
mod backup;
#[path = "cli/config.rs"]
mod config;
#[path = "cli/support.rs"]
mod support;
#[path = "cli/up.rs"]
mod up;

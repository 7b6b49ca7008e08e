//! The real binary at its command line: exit codes, one-line errors, what stands in the database after.
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]
#[path = "cli/access.rs"]
mod access;
#[path = "cli/backup.rs"]
mod backup;
#[path = "cli/compliance.rs"]
mod compliance;
#[path = "cli/config.rs"]
mod config;
#[path = "cli/consent.rs"]
mod consent;
#[path = "cli/demo.rs"]
mod demo;
#[path = "cli/dialer.rs"]
mod dialer;
#[path = "cli/explorer.rs"]
mod explorer;
#[path = "cli/first_campaign.rs"]
mod first_campaign;
#[path = "cli/import.rs"]
mod import;
#[path = "cli/internal.rs"]
mod internal;
#[path = "cli/lists.rs"]
mod lists;
#[path = "cli/numbers.rs"]
mod numbers;
#[path = "cli/support.rs"]
mod support;
#[path = "cli/up.rs"]
mod up;

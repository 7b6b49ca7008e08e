//! Reads ugly files: every line of them is accounted for, and nothing crashes.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests fail like tests, and figures are printed"
)]

mod archives;
mod corpus;
mod hostile;
mod mapping;
mod properties;
mod rejects;
mod speed;
mod spreadsheets;
mod support;

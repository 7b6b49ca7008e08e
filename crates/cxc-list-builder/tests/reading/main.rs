//! Reads ugly files: every line of them is accounted for, and nothing crashes.

mod archives;
mod corpus;
mod hostile;
mod mapping;
mod properties;
mod rejects;
mod speed;
mod spreadsheets;
mod support;

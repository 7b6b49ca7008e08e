//! One command a file. Each works on the configured database, whether or not a server runs.
pub mod backup;
pub mod compliance;
pub mod compliance_data;
pub mod consent;
mod consent_file;
mod consent_times;
mod desk;
pub mod dialer;
pub mod export;
pub mod group;
pub mod import;
pub mod jobs;
pub mod lists;
pub mod migrate;
pub mod number_answers;
pub mod numbers;
mod numbers_shown;
pub mod openapi;
pub mod person;
pub mod relocate;
pub mod restore;
pub mod suppress;
pub mod tenant;
pub mod up;
pub mod user;

pub use desk::Desk;
pub use tenant::refused;

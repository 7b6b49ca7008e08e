//! Requests of people for their data or its erasure: found, exported, erased, by jobs and by commands.
mod files;
mod job;
mod person;
mod routes;

pub use files::{ErasedFiles, forget};
pub use job::PrivacyJobs;
pub use person::{erase, export};
pub(crate) use routes::routes;

//! The list builder: reads files of contacts and suppression entries, imports and exports them.

pub mod file;
pub mod import;
pub mod jobs;
pub mod mapping;

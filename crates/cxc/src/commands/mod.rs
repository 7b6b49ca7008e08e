//! One command a file. Each works on the configured database, whether or not a server runs.
pub mod backup;
mod desk;
pub mod export;
pub mod migrate;
pub mod openapi;
pub mod person;
pub mod restore;
pub mod tenant;
pub mod up;
pub mod user;

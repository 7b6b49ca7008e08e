//! One command a file. Each works on the configured database, whether or not a server runs.
pub mod backup;
pub mod migrate;
pub mod restore;

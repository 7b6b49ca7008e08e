//! The server: a folder with a signed manifest, made by [`build`] and published by [`Provider`].
mod build;
mod info;
mod range;
mod serve;
mod tokens;

pub use build::{Build, Built, DncSource, build};
pub use serve::{MANIFEST_PATH, Provider, TOKEN_PATH};
pub use tokens::{BadClients, Clients};

//! Evidence of a person or a campaign as a signed file: a ZIP that anybody can verify with the public key.
mod bundle;
mod collect;
mod container;
mod routes;
mod sign;
mod why;

pub use bundle::{Manifest, Member, verify};
pub use collect::{ExportAsked, collect};
pub(crate) use routes::routes;
pub use sign::{Signer, is_signed};

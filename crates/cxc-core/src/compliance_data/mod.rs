//! Data that a provider publishes in place of the embedded tables: manifests, files, and what is asked of them before
//! they are believed. A generation that passes becomes [`LocationTables`](crate::location::LocationTables), so look-ups
//! have one implementation.
mod canaries;
mod delta;
mod generation;
mod kind;
mod manifest;
mod rows;
mod signature;

pub use canaries::{Canaries, CanaryError};
pub use delta::{BadDelta, apply, difference};
pub use generation::{Counts, Generation, Needed, Refusal, Wanted, needs};
pub use kind::{DataKind, WantedCountries};
pub use manifest::{BadManifest, DataFile, Delta, Manifest, SCHEMA, TzdbDemand};
pub use rows::{BadRow, DncRow, Hasher, digest, place_rows, region_rows, text_of_places, text_of_regions};
pub use signature::{BadKey, PublicKey, SigningKey, WrongSignature};

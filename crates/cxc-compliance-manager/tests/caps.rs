//! No order of events passes a cap: every interleaving of a model of the protocol, and workers in each other's way on
//! a real database.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that finds something else than it expects has failed")]
#[path = "caps/model.rs"]
mod model;
#[path = "caps/stress.rs"]
mod stress;

//! Campaigns by their API, on a real store: documents, states, pre-loading, accounting, what happens by itself.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that finds something else than it expects has failed")]
mod agreement;
mod by_itself;
mod counting;
mod documents;
mod legal;
mod loading;
mod numbers;
mod records;
mod reloading;
mod states;
mod support;
mod suppression;
mod validations;

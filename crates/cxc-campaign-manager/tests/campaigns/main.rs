//! Campaigns by their API, on a real store: documents, states, pre-loading, accounting, what happens by itself.
mod by_itself;
mod counting;
mod documents;
mod loading;
mod records;
mod reloading;
mod states;
mod support;

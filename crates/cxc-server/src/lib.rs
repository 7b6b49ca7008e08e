//! What every service needs to be a server: state, errors, extractors, sign-in, documents, metrics, shutdown.

pub mod access;
pub mod app;
pub mod audit;
mod code;
pub mod data_in_use;
pub mod document;
pub mod error;
pub mod extract;
pub mod health;
pub mod http;
#[cfg(test)]
mod http_tests;
mod idempotency;
pub mod job_runner;
pub mod logging;
pub mod metrics;
pub mod openapi;
pub mod outbound;
pub mod principal;
pub mod provision;
mod rate_limit;
pub mod resources;
pub mod rule_data;
pub mod scope;
pub mod service;
pub mod sse;
#[cfg(test)]
mod testing;

pub use app::{App, Clock, Ids, ServerConfig, SystemClock};
pub use document::{Document, crud};
pub use error::{ApiError, Code};
pub use extract::{ApiJson, ApiPath, ApiQuery};
pub use metrics::{HttpMetrics, Metrics, OutMetrics};
pub use principal::{Principal, public, require, signed_in};
pub use scope::Scope;
pub use service::Service;

/// Where the API begins.
pub const BASE: &str = "/cx-contact/v3";
/// Where the internal backend API begins.
pub const INTERNAL_BASE: &str = "/internal/v1";

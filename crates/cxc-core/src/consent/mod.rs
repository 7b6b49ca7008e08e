//! The ledger of consents and opt-outs: what a person allowed or forbade, for what, and when.
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::channel::Channel;

/// What kind of consent it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConsentKind {
    /// Implied by what the person did; also the soft opt-in of a customer.
    Implied,
    /// Given expressly, in whatever form.
    Express,
    /// Given expressly, in writing and signed, for this very use.
    ExpressWritten,
    /// A consent to be called back: it is short-lived, and calls under it are not counted.
    Callback,
}

/// For what a consent or a revocation holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ConsentScope {
    /// For everything that comes from this tenant.
    All,
    /// For one brand.
    Brand {
        /// Its name.
        #[schema(value_type = String)]
        name: Arc<str>,
    },
    /// For one topic.
    Topic {
        /// Its name.
        #[schema(value_type = String)]
        name: Arc<str>,
    },
}

/// One entry of the ledger. Entries are added and never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConsentEvent {
    /// What was given or revoked. A revocation ends consents of every kind.
    pub kind: ConsentKind,
    /// The channels; empty for all.
    #[serde(default)]
    pub channels: Vec<Channel>,
    /// For what it holds.
    pub scope: ConsentScope,
    /// When the person said so.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Since when it holds; without it, since it was said. A revocation holds at once whatever stands here.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub effective_at: Option<Timestamp>,
    /// Until when, exclusively; without it, until it is revoked.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires: Option<Timestamp>,
    /// It takes back instead of giving.
    #[serde(default)]
    pub revoked: bool,
    /// Where it comes from: a form, a call, a reply.
    #[serde(default)]
    #[schema(value_type = String)]
    pub source: Arc<str>,
}

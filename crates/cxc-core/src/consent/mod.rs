//! The ledger of consents and opt-outs: what a person allowed or forbade, for what, and when.
//!
//! Entries are added and never changed. [`Standing::of`] folds them, at an instant, into what a rule asks.
mod asked_for;
mod policy;
mod revocation;
mod standing;

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::channel::Channel;
use crate::compliance::is_same_name;

pub use asked_for::AskedFor;
pub use policy::ConsentPolicy;
pub use revocation::{RevocationLaw, RevocationReach, RevocationTerms};
pub use standing::{ConsentQuestion, LegalReach, Standing, opted_out_of_all, opted_out_of_any};

/// The source of entries that a word in a message made: START lifts only these.
pub const SOURCE_KEYWORD: &str = "keyword";

/// What kind of consent it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConsentKind {
    /// Implied by what the person did; also the soft opt-in of a customer.
    Implied,
    /// Implied by a purchase.
    ImpliedPurchase,
    /// Implied by an inquiry.
    ImpliedInquiry,
    /// A customer who did not object when the address was taken.
    SoftOptIn,
    /// An established business relationship by a purchase.
    EbrPurchase,
    /// An established business relationship by an inquiry.
    EbrInquiry,
    /// Given expressly, in whatever form.
    Express,
    /// Given expressly, in writing and signed, for this very use.
    #[serde(rename = "prior_express_written", alias = "express_written")]
    ExpressWritten,
    /// A consent to be called back: it is short-lived, and calls under it are not counted.
    Callback,
    /// A consent to be recorded. It allows no contact, and its end forbids none.
    Recording,
}

impl ConsentKind {
    /// Every kind.
    pub const ALL: [ConsentKind; 10] = [
        Self::Implied,
        Self::ImpliedPurchase,
        Self::ImpliedInquiry,
        Self::SoftOptIn,
        Self::EbrPurchase,
        Self::EbrInquiry,
        Self::Express,
        Self::ExpressWritten,
        Self::Callback,
        Self::Recording,
    ];

    /// The name on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Implied => "implied",
            Self::ImpliedPurchase => "implied_purchase",
            Self::ImpliedInquiry => "implied_inquiry",
            Self::SoftOptIn => "soft_opt_in",
            Self::EbrPurchase => "ebr_purchase",
            Self::EbrInquiry => "ebr_inquiry",
            Self::Express => "express",
            Self::ExpressWritten => "prior_express_written",
            Self::Callback => "callback",
            Self::Recording => "recording",
        }
    }

    /// The kind of a name; `None` if there is none.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.trim().to_ascii_lowercase().replace([' ', '-'], "_");
        match name.as_str() {
            "express_written" | "pewc" | "written" => Some(Self::ExpressWritten),
            name => Self::ALL.into_iter().find(|kind| kind.as_str() == name),
        }
    }

    /// Whether the person said so, instead of it being inferred.
    pub fn is_express(self) -> bool {
        matches!(self, Self::Express | Self::ExpressWritten | Self::Callback | Self::Recording)
    }

    /// Whether a consent of this kind will do where `asked` is asked for: a written one is express, a purchase implies.
    pub fn is_a(self, asked: Self) -> bool {
        self == asked
            || match asked {
                Self::Express => self == Self::ExpressWritten,
                Self::Implied => matches!(self, Self::ImpliedPurchase | Self::ImpliedInquiry | Self::SoftOptIn),
                _ => false,
            }
    }
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

impl ConsentScope {
    /// Whether it holds for something of this topic and brand. Names are compared without case.
    pub fn covers(&self, topic: Option<&str>, brand: Option<&str>) -> bool {
        let is = |own: &str, other: Option<&str>| other.is_some_and(|o| is_same_name(own, o));
        match self {
            Self::All => true,
            Self::Brand { name } => is(name, brand),
            Self::Topic { name } => is(name, topic),
        }
    }
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
    /// It gives, and lifts no opt-out however late it was given: one from a file, unless the tenant lets files lift.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lifts_nothing: bool,
    /// When a consent to be called back asks to be called. Without it the call comes within the usual hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_for: Option<AskedFor>,
    /// By what it names the person, where that whose client id and whose device it is may be two people.
    #[serde(default, skip_serializing_if = "ConsentKey::is_person")]
    pub key: ConsentKey,
}

/// By what an entry of the ledger names its person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConsentKey {
    /// By everything that is asked about: it is known to be one person's.
    #[default]
    Person,
    /// By the device.
    Device,
    /// By the client id.
    ClientId,
}

impl ConsentKey {
    fn is_person(&self) -> bool {
        *self == Self::Person
    }

    /// Whether what is said under one is surely said by whom the other names.
    fn is_same_person(self, other: Self) -> bool {
        self == other || self.is_person() || other.is_person()
    }
}

impl ConsentEvent {
    /// Whether it holds for a channel.
    pub fn on(&self, channel: Channel) -> bool {
        self.channels.is_empty() || self.channels.contains(&channel)
    }
}

//! What kinds of trunks have in common, and what only an Asterisk knows.
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::settings::is_nothing;
use super::{AccountKind, ChannelAccount, SipSettings};

/// How audio is coded between an Asterisk and us.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AsteriskCodec {
    /// G.711, as in North America and Japan.
    #[default]
    Ulaw,
    /// G.711, as elsewhere.
    Alaw,
}

/// What only an Asterisk knows that places calls for us.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct AriSettings {
    /// What is dialed, as Asterisk writes it: `PJSIP/{number}@carrier`. `{number}` is the number with its +, `{digits}` is
    /// without.
    pub endpoint: String,
    /// Begins the name of our Stasis application, and the ids of our channels: up to 40 letters, digits and underscores. Two
    /// installations at one Asterisk have two.
    pub application: String,
    /// The path of the REST interface.
    pub path: String,
    /// How audio is coded between it and us.
    pub codec: AsteriskCodec,
    /// The password goes without TLS to another machine, because the way is protected otherwise.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub without_tls: bool,
    /// Calls at once, 1 to 10,000.
    #[schema(minimum = 1, maximum = 10_000)]
    pub channels: u32,
    /// The countries that may be called, as ISO 3166 writes them: `US`. No other number is dialed, and no emergency or
    /// premium number anywhere.
    pub countries: Vec<String>,
    /// Other accounts of the kinds sip and ari by which a call leaves where this one does not take it, in their order, up to 5.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 5)]
    pub alternates: Vec<Uuid>,
    /// What its calls may cost a day, from midnight to midnight UTC, in the unit of the costs; no more calls are placed then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    pub spend_per_day: Option<f64>,
    /// What a minute of a call costs, in any unit; each minute that has begun counts.
    #[serde(skip_serializing_if = "is_nothing")]
    #[schema(minimum = 0, maximum = 1_000_000)]
    pub cost_per_minute: f64,
    /// What an answered call costs besides.
    #[serde(skip_serializing_if = "is_nothing")]
    #[schema(minimum = 0, maximum = 1_000_000)]
    pub cost_per_call: f64,
}

impl Default for AriSettings {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            application: "cxc".into(),
            path: "/ari".into(),
            codec: AsteriskCodec::Ulaw,
            without_tls: false,
            channels: 30,
            countries: Vec::new(),
            alternates: Vec::new(),
            spend_per_day: None,
            cost_per_minute: 0.0,
            cost_per_call: 0.0,
        }
    }
}

/// The limits of a trunk, whichever way its calls go.
#[derive(Debug, Clone, Copy)]
pub struct TrunkTerms<'a> {
    /// Calls at once.
    pub channels: u32,
    /// The countries that may be called.
    pub countries: &'a [String],
    /// Accounts by which a call leaves where this one does not take it.
    pub alternates: &'a [Uuid],
    /// What its calls may cost a day.
    pub spend_per_day: Option<f64>,
    /// What a minute costs.
    pub cost_per_minute: f64,
    /// What an answered call costs besides.
    pub cost_per_call: f64,
}

impl SipSettings {
    /// Its limits.
    pub(super) fn terms(&self) -> TrunkTerms<'_> {
        TrunkTerms {
            channels: self.channels,
            countries: &self.countries,
            alternates: &self.alternates,
            spend_per_day: self.spend_per_day,
            cost_per_minute: self.cost_per_minute,
            cost_per_call: self.cost_per_call,
        }
    }
}

impl AriSettings {
    /// Its limits.
    pub(super) fn terms(&self) -> TrunkTerms<'_> {
        TrunkTerms {
            channels: self.channels,
            countries: &self.countries,
            alternates: &self.alternates,
            spend_per_day: self.spend_per_day,
            cost_per_minute: self.cost_per_minute,
            cost_per_call: self.cost_per_call,
        }
    }
}

impl ChannelAccount {
    /// The limits of a trunk, and the name of its settings; none for another kind, or without any.
    pub fn trunk_terms(&self) -> Option<(&'static str, TrunkTerms<'_>)> {
        match self.kind {
            AccountKind::Sip => self.sip.as_ref().map(|sip| ("sip", sip.terms())),
            AccountKind::Ari => self.ari.as_ref().map(|ari| ("ari", ari.terms())),
            _ => None,
        }
    }

    /// Accounts by which its calls leave, too.
    pub fn alternates(&self) -> &[Uuid] {
        self.trunk_terms().map(|(_, terms)| terms.alternates).unwrap_or_default()
    }
}

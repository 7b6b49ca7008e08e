//! What an attempt is for and whom it meets: what decides which legal rules hold.
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::device::LineType;

/// Why somebody is contacted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To sell or to advertise. Where nothing is said, this: its rules are the strictest.
    #[default]
    Telemarketing,
    /// To tell what the person expects to be told: an order, an appointment.
    Informational,
    /// To collect a debt.
    Collections,
    /// To ask questions.
    Survey,
    /// To warn of a danger to health or safety.
    Emergency,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Purpose; 5] =
        [Self::Telemarketing, Self::Informational, Self::Collections, Self::Survey, Self::Emergency];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Telemarketing => "telemarketing",
            Self::Informational => "informational",
            Self::Collections => "collections",
            Self::Survey => "survey",
            Self::Emergency => "emergency",
        }
    }
}

/// How a contact is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Technique {
    /// By a person.
    Live,
    /// With a recorded voice.
    Prerecorded,
    /// With a voice that a machine makes.
    AiVoice,
    /// By a machine that dials or sends to a list.
    #[default]
    Autodialed,
}

/// Whether a person is met at home or at work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContactKind {
    /// As a private person.
    #[default]
    Consumer,
    /// As a business.
    Business,
}

/// What binds the person to the one who calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Relationship {
    /// Nothing that is known.
    #[default]
    None,
    /// An established business relationship. Its age is judged by the dates of the subject where it has any.
    Ebr,
    /// A customer.
    Customer,
}

/// What is known of a person besides, that forbids a contact for some purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PersonFlag {
    /// A bankruptcy stay or discharge.
    Bankruptcy,
    /// A debt disputed in writing and not verified yet.
    Dispute,
    /// A written request to cease.
    Cease,
    /// An attorney speaks for the person.
    Represented,
    /// The device is at a workplace that prohibits such calls.
    Workplace,
    /// The device is at a place that the person called inconvenient.
    InconvenientPlace,
    /// The person refused this medium.
    MediumRefused,
}

impl PersonFlag {
    /// Every flag.
    pub const ALL: [PersonFlag; 7] = [
        Self::Bankruptcy,
        Self::Dispute,
        Self::Cease,
        Self::Represented,
        Self::Workplace,
        Self::InconvenientPlace,
        Self::MediumRefused,
    ];

    /// The name on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bankruptcy => "bankruptcy",
            Self::Dispute => "dispute",
            Self::Cease => "cease",
            Self::Represented => "represented",
            Self::Workplace => "workplace",
            Self::InconvenientPlace => "inconvenient_place",
            Self::MediumRefused => "medium_refused",
        }
    }

    /// The flag of a name; `None` if there is none.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|flag| flag.as_str() == name)
    }

    /// What is known, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Bankruptcy => "a bankruptcy",
            Self::Dispute => "a debt disputed in writing",
            Self::Cease => "a request to cease",
            Self::Represented => "an attorney speaks for the person",
            Self::Workplace => "a workplace that prohibits such calls",
            Self::InconvenientPlace => "a place that the person called inconvenient",
            Self::MediumRefused => "the person refused this medium",
        }
    }
}

/// Whether two names of a topic or a brand are one: in whatever case, without outer blanks.
pub fn is_same_name(one: &str, other: &str) -> bool {
    plain(one).eq(plain(other))
}

fn plain(name: &str) -> impl Iterator<Item = char> {
    name.trim().chars().flat_map(char::to_lowercase)
}

/// What an attempt is for and whom it meets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Subject {
    /// Why somebody is contacted.
    pub purpose: Purpose,
    /// How.
    #[serde(alias = "technique")]
    pub tech: Technique,
    /// As whom.
    pub contact_kind: ContactKind,
    /// The line of the device. What can't be told counts as wireless.
    pub line_type: LineType,
    /// What binds the person to the one who calls.
    pub relationship: Relationship,
    /// When the person last bought something, where that is known.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub purchased_at: Option<Timestamp>,
    /// When the person last inquired, where that is known.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub inquired_at: Option<Timestamp>,
    /// The keyed hash of the debt collector for whom it is made; without it, the creditor's own.
    pub collector: Option<i64>,
    /// What it is about.
    #[schema(value_type = Option<String>)]
    pub topic: Option<Arc<str>>,
    /// On behalf of which brand.
    #[schema(value_type = Option<String>)]
    pub brand: Option<Arc<str>>,
}

impl Subject {
    /// A subject of which nothing is said: an autodialed sales contact with a consumer.
    pub const UNSPECIFIED: Subject = Subject {
        purpose: Purpose::Telemarketing,
        tech: Technique::Autodialed,
        contact_kind: ContactKind::Consumer,
        line_type: LineType::Unknown,
        relationship: Relationship::None,
        purchased_at: None,
        inquired_at: None,
        collector: None,
        topic: None,
        brand: None,
    };
}

/// [`Subject::UNSPECIFIED`] where a reference is wanted.
pub(super) static UNSPECIFIED: Subject = Subject::UNSPECIFIED;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_in_whatever_case_and_with_blanks_around_it() {
        for other in ["Loans", "loans", " LOANS ", "lOaNs"] {
            assert!(is_same_name("Loans", other), "{other}");
        }
        assert!(is_same_name("ÉTÉ", "été") && !is_same_name("loans", "loan") && !is_same_name("car loans", "carloans"));
    }
}

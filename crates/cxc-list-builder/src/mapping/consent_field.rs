//! The parts of a consent that a column can feed.
use cxc_core::field::normalise_header;

/// Part of a consent or an opt-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConsentField {
    /// Its kind: `express` and its like.
    Kind,
    /// The day or moment at which it was given.
    Date,
    /// Where it comes from.
    Source,
    /// The text that was agreed to, or the person's words.
    Text,
    /// A reference to its proof.
    Evidence,
    /// Its channels; none for all.
    Channels,
    /// Which device of the contact it is for: its number, its address, or `contact` for the client id.
    Device,
    /// Whether it gives or revokes.
    Action,
    /// The day or moment of an opt-out.
    OptOutDate,
}

impl ConsentField {
    /// Every part.
    pub const ALL: [Self; 9] = [
        Self::Kind,
        Self::Date,
        Self::Source,
        Self::Text,
        Self::Evidence,
        Self::Channels,
        Self::Device,
        Self::Action,
        Self::OptOutDate,
    ];

    /// The name in mapping documents.
    pub fn key(self) -> &'static str {
        match self {
            Self::Kind => "consentKind",
            Self::Date => "consentDate",
            Self::Source => "consentSource",
            Self::Text => "consentText",
            Self::Evidence => "consentEvidence",
            Self::Channels => "consentChannels",
            Self::Device => "consentDevice",
            Self::Action => "consentAction",
            Self::OptOutDate => "optOutDate",
        }
    }

    /// The part of a name, without case and signs.
    pub fn from_key(name: &str) -> Option<Self> {
        let name = normalise_header(name);
        Self::ALL.into_iter().find(|field| field.key().to_ascii_lowercase() == name)
    }

    /// The part that a header of a file of consents means, if any.
    pub fn of_header(header: &str) -> Option<Self> {
        let name = normalise_header(header);
        Self::from_key(&name).or(match name.as_str() {
            "kind" | "type" | "consenttype" => Some(Self::Kind),
            "date" | "givenat" | "givenon" | "consentgivenat" | "consentat" | "consentedat" | "at" => Some(Self::Date),
            "source" => Some(Self::Source),
            "text" | "words" | "wording" => Some(Self::Text),
            "evidence" | "proof" => Some(Self::Evidence),
            "channels" | "channel" | "consentchannel" => Some(Self::Channels),
            "action" => Some(Self::Action),
            "optedoutat" | "optedouton" | "optout" | "optoutat" | "revokedat" | "revokedon" | "revocationdate"
            | "unsubscribedat" | "unsubscribed" | "withdrawnat" => Some(Self::OptOutDate),
            _ => None,
        })
    }
}

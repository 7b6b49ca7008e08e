//! What the law wants a contact to say or carry, and how much of it a program can see in a message as it is written.
use crate::channel::Channel;
use crate::opt_out::{Keyword, KeywordSet, Keywords};

/// Everything that rules about content and abandoned calls may name.
pub const REQUIREMENTS: [&str; 17] = [
    "opt_out",
    "opt_out_route",
    "sender_identification",
    "postal_address",
    "ad_identification",
    "truthful_header",
    "truthful_subject",
    "identify_at_start",
    "valid_cli",
    "return_number_30_days",
    "end_on_request",
    "consent_or_legitimate_interest",
    "state_registration",
    "seller_name",
    "seller_number",
    "caller_name",
    "caller_number",
];

/// The placeholder of the one-click link, which works without signing in.
const LINK: &str = "unsubscribe_url";
/// The placeholder of the sender's postal address.
const ADDRESS: &str = "postal_address";
/// What separates words.
const MARKS: &str = "\"'“”„«»()[],.:;!?/";

/// Whether a program sees in a message of a channel if it is there; otherwise only a person can tell.
pub fn is_visible(requirement: &str, channel: Channel) -> bool {
    matches!(
        (requirement, channel),
        ("opt_out" | "opt_out_route" | "sender_identification", Channel::Sms)
            | ("opt_out" | "sender_identification" | "postal_address", Channel::Email)
    )
}

/// A message as it is written, and what it is sent with. Empty texts are absent.
#[derive(Debug, Clone, Copy, Default)]
pub struct MessageSeen<'a> {
    /// The text of an SMS, or the plain text of an email.
    pub text: &'a str,
    /// The HTML of an email.
    pub html: &'a str,
    /// Whether the program adds what marketing email must carry: link headers and the postal address.
    pub marketing: bool,
    /// The sender: a number, a short code, letters, or an address.
    pub sender: &'a str,
    /// The sender's display name.
    pub sender_name: &'a str,
    /// The brand of the campaign.
    pub brand: &'a str,
    /// The sender's postal address.
    pub postal_address: &'a str,
}

/// What a program sees of one requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// It is there.
    There,
    /// It is not, and how to mend that.
    Lacking(&'static str),
    /// Only a person can tell.
    Untold,
}

/// The words by which people opt out, as they are told in a message.
#[derive(Debug, Clone)]
pub struct OptOutWords {
    words: Keywords,
    /// Those of scripts that have no capitals.
    plain: Vec<String>,
}

impl OptOutWords {
    /// The words of a tenant.
    pub fn new(set: &KeywordSet) -> Self {
        let is_cased = |word: &&String| word.chars().any(|c| c.is_lowercase() || c.is_uppercase());
        let plain = set.opt_out.iter().filter(|word| !is_cased(word) && word.chars().count() > 1);
        Self { words: Keywords::new(set), plain: plain.cloned().collect() }
    }

    /// Whether a text names one: in capitals, since "end" or "cancel" stand in many texts.
    fn stand_in(&self, text: &str) -> bool {
        let tokens = text.split(|c: char| c.is_whitespace() || MARKS.contains(c));
        let mut capitals = tokens.filter(|token| token.chars().any(char::is_uppercase));
        capitals.any(|t| !t.chars().any(char::is_lowercase) && self.words.classify(t) == Some(Keyword::OptOut))
            || self.plain.iter().any(|word| text.contains(word))
    }
}

impl Default for OptOutWords {
    /// The shipped ones.
    fn default() -> Self {
        Self::new(&KeywordSet::default())
    }
}

impl MessageSeen<'_> {
    /// Looks for a requirement.
    pub fn look(&self, requirement: &str, channel: Channel, words: &OptOutWords) -> Seen {
        let (there, mend) = match (requirement, channel) {
            ("opt_out", Channel::Email) => {
                (self.every_part(LINK), "each part of the email holds {{ unsubscribe_url }}")
            }
            ("opt_out" | "opt_out_route", Channel::Sms) if !self.takes_answers() => {
                let mend = "nobody can answer a sender of letters: the text holds {{ unsubscribe_url }}";
                (self.text.contains(LINK), mend)
            }
            ("opt_out_route", Channel::Sms) => (true, ""),
            ("opt_out", Channel::Sms) => {
                let mend = "the text says how to opt out, by an opt-out word in capitals as in \"Reply STOP to opt out\" \
                            or by {{ unsubscribe_url }}";
                (self.text.contains(LINK) || words.stand_in(self.text), mend)
            }
            ("sender_identification", Channel::Email) => {
                let mend = "the content's fromName or the channel account's senderName says who sends";
                (!self.sender_name.trim().is_empty(), mend)
            }
            ("sender_identification", Channel::Sms) => {
                let mend = "the text names the sender: the campaign's brand or the channel account's senderName";
                (self.names_sender(), mend)
            }
            ("postal_address", Channel::Email) if self.postal_address.trim().is_empty() => {
                (false, "the channel account has a postalAddress")
            }
            // marketing email gets the address at its foot
            ("postal_address", Channel::Email) => {
                (self.marketing || self.every_part(ADDRESS), "each part of the email holds {{ postal_address }}")
            }
            _ => return Seen::Untold,
        };
        if there { Seen::There } else { Seen::Lacking(mend) }
    }

    fn every_part(&self, placeholder: &str) -> bool {
        let parts = [self.text, self.html];
        let mut present = parts.iter().filter(|part| !part.trim().is_empty()).peekable();
        present.peek().is_some() && present.all(|part| part.contains(placeholder))
    }

    /// A sender of letters gets no answers.
    fn takes_answers(&self) -> bool {
        !self.sender.chars().any(char::is_alphabetic)
    }

    fn names_sender(&self) -> bool {
        let text = self.text.to_lowercase();
        let named = |name: &str| !name.trim().is_empty() && text.contains(&name.trim().to_lowercase());
        !self.takes_answers() || named(self.brand) || named(self.sender_name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sms(text: &str, sender: &str, requirement: &str) -> bool {
        let message = MessageSeen { text, sender, brand: "Acme", ..MessageSeen::default() };
        message.look(requirement, Channel::Sms, &OptOutWords::default()) == Seen::There
    }

    #[test]
    fn a_text_tells_how_to_opt_out() {
        for text in ["Reply STOP to opt out", "Envía BAJA.", "Stop: {{ unsubscribe_url }}", "回复退订", "(STOP)"] {
            assert!(sms(text, "+12125550100", "opt_out") || text == "{text}");
        }
        for text in ["", "The sale will end today", "Cancel your plan", "NONSTOP fun", "don't stop"] {
            assert!(!sms(text, "+12125550100", "opt_out"), "{text}");
        }
        // nobody can answer letters
        assert!(!sms("Reply STOP", "ACME", "opt_out") && sms("{{ unsubscribe_url }}", "ACME", "opt_out"));
        assert!(sms("Hello", "55512", "opt_out_route") && !sms("Hello", "ACME", "opt_out_route"));
    }

    #[test]
    fn a_text_tells_who_sends_it() {
        assert!(sms("acme: hello", "55512", "sender_identification") && sms("hello", "SHOP", "sender_identification"));
        assert!(!sms("hello", "55512", "sender_identification"));
    }

    #[test]
    fn every_part_of_an_email_carries_what_it_must() {
        let words = OptOutWords::default();
        let look = |message: MessageSeen<'_>, what: &str| message.look(what, Channel::Email, &words);
        let both = MessageSeen { text: "x {{ unsubscribe_url }}", html: "<p>y</p>", ..MessageSeen::default() };
        assert!(matches!(look(both, "opt_out"), Seen::Lacking(_)));
        let html = "<a href=\"{{unsubscribe_url}}\">out</a>";
        let both = MessageSeen { html, ..both };
        assert_eq!(look(both, "opt_out"), Seen::There);
        assert!(matches!(look(both, "postal_address"), Seen::Lacking("the channel account has a postalAddress")));
        let addressed = MessageSeen { postal_address: "1 High St", ..both };
        assert!(matches!(look(addressed, "postal_address"), Seen::Lacking(_)));
        assert_eq!(look(MessageSeen { marketing: true, ..addressed }, "postal_address"), Seen::There);
        assert!(matches!(look(both, "sender_identification"), Seen::Lacking(_)));
        assert_eq!(look(MessageSeen { sender_name: "Acme", ..both }, "sender_identification"), Seen::There);
        for requirement in REQUIREMENTS {
            let told = look(both, requirement) != Seen::Untold;
            assert_eq!(told, is_visible(requirement, Channel::Email), "{requirement}");
        }
    }
}

//! A channel account: how to reach one carrier.
mod password;
mod settings;
mod trunk;
mod validate;

use cxc_core::channel::Channel;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::FieldError;
pub use password::Password;
pub use settings::{
    LongMessages, Millis, SimulatedChannel, SimulatorSettings, SipSettings, SipTransport, SmppSettings, Srtp,
};
pub use trunk::{AriSettings, AsteriskCodec, TrunkTerms};

/// What kind of carrier an account leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    /// A mail server.
    Smtp,
    /// An SMS centre, SMPP 3.4.
    Smpp,
    /// A SIP trunk: calls.
    Sip,
    /// An Asterisk that places calls for us, driven by its REST interface.
    Ari,
    /// A web gateway: not yet available.
    Http,
    /// Built in, for demonstrations and rehearsals: nothing leaves the machine.
    Simulator,
}

/// How a connection is protected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    /// Not at all.
    #[default]
    None,
    /// TLS when the server offers it, and without checking its certificate's name; for mail only.
    StarttlsOptional,
    /// TLS after a plain greeting; without it nothing is sent. For mail only.
    Starttls,
    /// TLS from the first byte.
    Tls,
}

/// Who we are to the carrier.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Credential {
    /// User name, or SMPP's system id.
    pub username: String,
    /// Write-only: never shown. Left out of a change, the stored one stays, unless the server changes.
    #[serde(default, serialize_with = "hidden", skip_serializing_if = "never_shown")]
    #[schema(value_type = Option<String>, write_only)]
    pub password: Option<Password>,
}

/// Who serialises a secret leaves it out. (A field that is not serialised at all is left out of the API's description.)
fn never_shown<T>(_: &T) -> bool {
    true
}

fn hidden<S: serde::Serializer>(_: &Option<Password>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_none()
}

/// How to reach one carrier. Serialising leaves the password out: see [`ChannelAccount::to_stored`].
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChannelAccount {
    /// The kind of carrier.
    pub kind: AccountKind,
    /// Name or address of the carrier's server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Its port; by kind and security 25, 465, 587, 2775, 3550, 5060, 5061, 8088 or 8089 if not given.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "settings::port")]
    pub port: Option<u16>,
    /// How the connection is protected.
    #[serde(default)]
    pub security: Security,
    /// PEM of an authority of one's own, trusted beside the public ones, or of the server's own certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_certificate: Option<String>,
    /// Who we are to the carrier, if it asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<Credential>,
    /// Number, short code, up to 11 letters, or email address that messages come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// Display name of the sender in email.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_name: Option<String>,
    /// Where answers to email go, if not to the sender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// The sender's postal address: required in marketing email.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_address: Option<String>,
    /// Messages or new calls a second at most, over all processes. SMS counts messages, not segments.
    #[serde(default = "settings::rate")]
    pub rate_per_second: f64,
    /// Messages awaiting the carrier's answer on one SMPP connection, 1 to 1000.
    #[serde(default = "settings::window")]
    pub window: u32,
    /// Connections at once, 1 to 50.
    #[serde(default = "settings::connections")]
    pub connections: u32,
    /// The name given in EHLO; the machine's name if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub helo_name: Option<String>,
    /// Whether delivery receipts are asked for (SMPP).
    #[serde(default = "settings::yes")]
    pub receipts: bool,
    /// After how many seconds without a receipt an accepted message counts as finished.
    #[serde(default = "settings::receipt_timeout")]
    pub receipt_timeout_seconds: u32,
    /// What only SMPP knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smpp: Option<SmppSettings>,
    /// What only a SIP trunk knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sip: Option<SipSettings>,
    /// What only an Asterisk knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ari: Option<AriSettings>,
    /// How the simulator behaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simulator: Option<SimulatorSettings>,
}

impl ChannelAccount {
    /// The channel that the account serves; `None` for a kind that serves none yet.
    pub fn channel(&self) -> Option<Channel> {
        match self.kind {
            AccountKind::Smtp => Some(Channel::Email),
            AccountKind::Smpp => Some(Channel::Sms),
            AccountKind::Sip | AccountKind::Ari => Some(Channel::Voice),
            AccountKind::Http => None,
            AccountKind::Simulator => match self.simulator.as_ref().map(|s| s.channel).unwrap_or_default() {
                SimulatedChannel::Sms => Some(Channel::Sms),
                SimulatedChannel::Email => Some(Channel::Email),
            },
        }
    }

    /// The port, given or usual.
    pub fn effective_port(&self) -> u16 {
        self.port.unwrap_or(match (self.kind, self.security) {
            (AccountKind::Smpp, Security::Tls) => 3550,
            (AccountKind::Smpp, _) => 2775,
            (AccountKind::Sip, _) => self.sip_port(),
            (AccountKind::Ari, Security::Tls) => 8089,
            (AccountKind::Ari, _) => 8088,
            (_, Security::Tls) => 465,
            (_, Security::Starttls) => 587,
            _ => 25,
        })
    }

    fn sip_port(&self) -> u16 {
        match self.sip.as_ref().map(|sip| sip.transport).unwrap_or_default() {
            SipTransport::Tls => 5061,
            SipTransport::Udp | SipTransport::Tcp => 5060,
        }
    }

    /// Everything that is wrong with the document; empty if it can be used.
    pub fn validate(&self) -> Vec<FieldError> {
        validate::problems(self)
    }

    /// The document with its password, for the store only.
    pub fn to_stored(&self) -> Result<serde_json::Value, serde_json::Error> {
        let mut value = serde_json::to_value(self)?;
        let password = self.credential.as_ref().and_then(|c| c.password.as_ref());
        if let (Some(password), Some(credential)) = (password, value.get_mut("credential")) {
            credential["password"] = password.to_stored();
        }
        Ok(value)
    }

    /// Whether a change would send the password that is stored to another server than the one it was given for.
    pub fn takes_password_elsewhere(&self, before: &ChannelAccount) -> bool {
        let server = |a: &ChannelAccount| (a.kind, a.host.as_deref().map(str::to_lowercase), a.effective_port());
        let kept = self.credential.as_ref().and_then(|c| c.password.as_ref()).is_some_and(Password::is_stored);
        kept && server(self) != server(before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(text: &str) -> ChannelAccount {
        serde_json::from_str(text).unwrap()
    }

    const MAIL: &str = r#"{"kind":"smtp","host":"mail.example.com","security":"starttls","sender":"a@example.com",
        "credential":{"username":"u","password":"geheim"}}"#;

    #[test]
    fn a_password_is_neither_shown_nor_printed_but_stored() {
        let account = account(MAIL);
        assert!(!format!("{account:?}").contains("geheim"));
        assert!(!serde_json::to_string(&account).unwrap().contains("geheim"));
        let stored: ChannelAccount = serde_json::from_value(account.to_stored().unwrap()).unwrap();
        assert_eq!(stored.credential.unwrap().password.unwrap().expose_secret(), "geheim");
    }

    #[test]
    fn a_password_stays_where_the_server_does_and_is_asked_for_again_where_it_does_not() {
        let before = account(MAIL);
        let changed = |member: &str, to: serde_json::Value| {
            // as the document kit merges a change into what is stored
            let mut value = before.to_stored().unwrap();
            value[member] = to;
            serde_json::from_value::<ChannelAccount>(value).unwrap()
        };
        let kept = changed("senderName", "Acme".into());
        assert_eq!(kept.credential.as_ref().unwrap().password.as_ref().unwrap().expose_secret(), "geheim");
        for (member, to, elsewhere) in [
            ("senderName", "Acme".into(), false),
            ("host", "MAIL.example.com".into(), false),
            ("port", 587.into(), false),
            ("host", "evil.example.com".into(), true),
            ("port", 2525.into(), true),
        ] {
            assert_eq!(changed(member, to).takes_password_elsewhere(&before), elsewhere, "{member}");
        }
        // given again it may go there, though it is the same
        let moved = account(&MAIL.replace("mail.", "post."));
        assert!(!moved.takes_password_elsewhere(&before));
    }

    #[test]
    fn a_port_that_is_none_is_refused_in_words() {
        for port in ["99999", "-1", "\"smtp\"", "2.5"] {
            let error =
                serde_json::from_str::<ChannelAccount>(&format!(r#"{{"kind":"smtp","port":{port}}}"#)).unwrap_err();
            assert!(error.to_string().starts_with("a port is 1 to 65535"), "{error}");
        }
    }

    #[test]
    fn an_unknown_member_is_refused() {
        assert!(serde_json::from_str::<ChannelAccount>(r#"{"kind":"smtp","hots":"x"}"#).is_err());
    }

    #[test]
    fn the_usual_ports_follow_kind_and_security() {
        assert_eq!(account(MAIL).effective_port(), 587);
        assert_eq!(account(r#"{"kind":"smpp"}"#).effective_port(), 2775);
        assert_eq!(account(r#"{"kind":"sip"}"#).effective_port(), 5060);
        assert_eq!(account(r#"{"kind":"ari","security":"tls"}"#).effective_port(), 8089);
        assert_eq!(account(r#"{"kind":"sip","sip":{"transport":"tls"}}"#).effective_port(), 5061);
        assert_eq!(account(r#"{"kind":"smtp","port":2525}"#).effective_port(), 2525);
    }
}

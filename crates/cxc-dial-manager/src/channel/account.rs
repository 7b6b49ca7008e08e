//! A channel account: how to reach one carrier.
mod settings;
mod validate;

use cxc_core::channel::Channel;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::FieldError;
pub use settings::{LongMessages, Millis, SimulatedChannel, SimulatorSettings, SmppSettings};

/// What kind of carrier an account leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    /// A mail server.
    Smtp,
    /// An SMS centre, SMPP 3.4.
    Smpp,
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
    /// Write-only: never shown. Left out of a change, the stored one stays.
    #[serde(default, skip_serializing)]
    #[schema(value_type = Option<String>, write_only)]
    pub password: Option<SecretString>,
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
    /// Its port; by kind and security 25, 465, 587 or 2775 if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
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
    /// Messages a second at most, over all processes. SMS counts messages, not segments.
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
            (_, Security::Tls) => 465,
            (_, Security::Starttls) => 587,
            _ => 25,
        })
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
            credential["password"] = password.expose_secret().into();
        }
        Ok(value)
    }

    /// Keeps the stored password where a change left it out and did not name another user or server.
    pub fn keep_password_of(&mut self, stored: &ChannelAccount) {
        let same_place = self.kind == stored.kind && self.host == stored.host && self.port == stored.port;
        if let (Some(new), Some(old)) = (self.credential.as_mut(), stored.credential.as_ref())
            && new.password.is_none()
            && new.username == old.username
            && same_place
        {
            new.password.clone_from(&old.password);
        }
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
    fn a_password_left_out_of_a_change_stays_unless_the_server_changes() {
        let stored = account(MAIL);
        let mut change = account(&MAIL.replace(r#","password":"geheim""#, ""));
        change.keep_password_of(&stored);
        assert!(change.credential.as_ref().unwrap().password.is_some());
        let mut elsewhere = account(&MAIL.replace(r#","password":"geheim""#, "").replace("mail.", "evil."));
        elsewhere.keep_password_of(&stored);
        assert!(elsewhere.credential.unwrap().password.is_none());
    }

    #[test]
    fn an_unknown_member_is_refused() {
        assert!(serde_json::from_str::<ChannelAccount>(r#"{"kind":"smtp","hots":"x"}"#).is_err());
    }

    #[test]
    fn the_usual_ports_follow_kind_and_security() {
        assert_eq!(account(MAIL).effective_port(), 587);
        assert_eq!(account(r#"{"kind":"smpp"}"#).effective_port(), 2775);
        assert_eq!(account(r#"{"kind":"smtp","port":2525}"#).effective_port(), 2525);
    }
}

//! The password of a channel account. What the store holds is told apart from what a request gives, so that a
//! password does not go to another server unless somebody says it again.
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

/// A password, and where it comes from. It is never printed.
#[derive(Clone)]
pub struct Password {
    secret: SecretString,
    is_stored: bool,
}

impl Password {
    /// Its characters.
    pub fn expose_secret(&self) -> &str {
        self.secret.expose_secret()
    }

    /// The secret alone.
    pub fn into_secret(self) -> SecretString {
        self.secret
    }

    /// Whether it comes from the store: a change has left it out.
    pub fn is_stored(&self) -> bool {
        self.is_stored
    }

    /// As the store keeps it.
    pub fn to_stored(&self) -> Value {
        json!({ "stored": self.expose_secret() })
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(..)")
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a password is a text")]
enum Written {
    Given(SecretString),
    Stored { stored: SecretString },
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Written::deserialize(deserializer)? {
            Written::Given(secret) => Self { secret, is_stored: false },
            Written::Stored { stored } => Self { secret: stored, is_stored: true },
        })
    }
}

//! Tokens of the client credentials grant (RFC 6749, 4.4): kept, and renewed at four fifths of their life.
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::Client;
use super::fetch::{FetchError, limited};

/// The most bytes of an answer with a token.
const MOST: u64 = 64 << 10;
/// The life of a token whose answer does not tell, in seconds.
const USUAL_LIFE: i64 = 300;

/// A token, and when it is to be renewed, in microseconds.
pub(super) struct Token {
    secret: SecretString,
    renew_at: i64,
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    #[serde(default)]
    expires_in: Option<i64>,
}

impl Client {
    /// The token to ask with. `renew` leaves the one that is kept.
    pub(super) async fn token(&self, renew: bool) -> Result<SecretString, FetchError> {
        let mut kept = self.token.lock().await;
        let now = self.clock.now().as_microsecond();
        if let Some(token) = kept.as_ref().filter(|token| !renew && now < token.renew_at) {
            return Ok(token.secret.clone());
        }
        *kept = None;
        let answer = self.ask_token().await?;
        let life = answer.expires_in.unwrap_or(USUAL_LIFE).clamp(1, 86_400);
        let token = Token { secret: answer.access_token.into(), renew_at: now + life * 800_000 };
        Ok(kept.insert(token).secret.clone())
    }

    async fn ask_token(&self) -> Result<Answer, FetchError> {
        let settings = &self.settings;
        let request = self
            .http
            .post(&settings.auth)
            .basic_auth(&settings.id, Some(settings.secret.expose_secret()))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json")
            .body("grant_type=client_credentials");
        let response = request.send().await.map_err(FetchError::from)?;
        let status = response.status();
        if !status.is_success() {
            return Err(FetchError::Token(status.as_u16()));
        }
        let body = limited(response, MOST).await?;
        let answer: Answer = serde_json::from_slice(&body).map_err(|_| FetchError::Answer("a token"))?;
        // it travels in a header
        let fits = !answer.access_token.is_empty() && answer.access_token.bytes().all(|b| b.is_ascii_graphic());
        if fits { Ok(answer) } else { Err(FetchError::Answer("a token")) }
    }
}

//! Which challenges are answered: one of each realm, and once more where the nonce was stale.
use rsipstack::dialog::authenticate::is_stale_challenge;
use rsipstack::sip::headers::Header;
use rsipstack::sip::prelude::ToTypedHeader;
use rsipstack::sip::{Response, StatusCode};

#[derive(Debug, Default)]
pub(super) struct Challenges {
    realms: Vec<String>,
    stale: bool,
}

impl Challenges {
    /// Whether the digest is sent (again).
    pub fn answers(&mut self, response: &Response) -> bool {
        let Some(realm) = realm(response) else { return false };
        if !self.realms.contains(&realm) {
            self.realms.push(realm);
            return true;
        }
        is_stale_challenge(response) && !std::mem::replace(&mut self.stale, true)
    }
}

fn realm(response: &Response) -> Option<String> {
    let proxy = response.status_code == StatusCode::ProxyAuthenticationRequired;
    response.headers.iter().find_map(|header| match header {
        Header::ProxyAuthenticate(challenge) if proxy => Some(challenge.typed().ok()?.realm),
        Header::WwwAuthenticate(challenge) if !proxy => Some(challenge.typed().ok()?.realm),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(realm: &str, stale: bool) -> Response {
        let header = format!("Digest realm=\"{realm}\", nonce=\"n\", algorithm=MD5, stale={stale}");
        Response {
            status_code: StatusCode::Unauthorized,
            headers: Header::WwwAuthenticate(header.into()).into(),
            ..Response::default()
        }
    }

    #[test]
    fn a_realm_is_answered_once_and_a_stale_nonce_once_more() {
        let mut challenges = Challenges::default();
        assert!(challenges.answers(&challenge("one", false)));
        assert!(!challenges.answers(&challenge("one", false)), "the password is wrong");
        assert!(challenges.answers(&challenge("two", false)));
        assert!(challenges.answers(&challenge("one", true)));
        assert!(!challenges.answers(&challenge("one", true)), "it challenges for ever");
    }

    #[test]
    fn a_refusal_without_a_challenge_is_final() {
        let bare = Response { status_code: StatusCode::Unauthorized, ..Response::default() };
        assert!(!Challenges::default().answers(&bare));
    }
}

//! What may be the address of a phone: an agent's, a supervisor's, that of whom an agent asks. Such an address is called as it
//! stands, without the checks that a number gets, so nothing that a gateway would dial as a number is one.
use crate::call_settings::phone_host;
use crate::phone::is_emergency;

/// So many digits are a telephone number.
const NUMBER: usize = 7;
/// The fewest digits of an extension: shorter ones are services (15, 17 and 18 are emergency numbers of France).
const EXTENSION: usize = 3;
/// Emergency numbers that people reach from behind an exchange by a 9 before them.
const BY_NINE: [&str; 4] = ["9911", "9112", "9999", "9000"];

/// Why an address is none of a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPhone {
    /// It is no plain URI.
    #[error("a phone is a SIP URI such as sip:ann@10.0.0.7:5060")]
    NotPlain,
    /// It reads as an emergency or service number of some country.
    #[error(
        "emergency and service numbers are no phones: a phone is a name or an extension of 3 to 6 digits that is no such \
         number anywhere, such as sip:ann@10.0.0.7 or sip:2001@10.0.0.8"
    )]
    Emergency,
    /// It reads as a telephone number.
    #[error(
        "a telephone number is no phone, as nobody would look at it before it is dialed: a phone is a name or an extension of \
         3 to 6 digits without a 0 in front, such as sip:ann@10.0.0.7 or sip:2001@10.0.0.8"
    )]
    Number,
}

/// What is wrong with the address of a phone.
pub fn phone_problem(uri: &str) -> Option<BadPhone> {
    if phone_host(uri).is_none() {
        return Some(BadPhone::NotPlain);
    }
    number_in(user(uri))
}

/// Whether a phone is called by digits alone: an extension, which a carrier might take for a short number.
pub fn is_extension(uri: &str) -> bool {
    let (digits, rest) = read(user(uri));
    !digits.is_empty() && !rest
}

/// What the user of an address reads as, if that is a number.
pub fn number_in(user: &str) -> Option<BadPhone> {
    let (digits, has_more) = read(user);
    let digits = digits.as_str();
    let is_service = || {
        let short = digits.len() < EXTENSION || is_emergency(digits.as_bytes());
        let n11 = digits.len() == 3 && digits.ends_with("11");
        // directory enquiries and harmonised services of Europe
        let europe = (5..NUMBER).contains(&digits.len()) && (digits.starts_with("116") || digits.starts_with("118"));
        let bare = digits.trim_start_matches('0');
        short || n11 || europe || is_emergency(bare.as_bytes()) || BY_NINE.contains(&digits)
    };
    let is_number = || digits.len() >= NUMBER || digits.starts_with('0') || user.starts_with('+');
    match (digits.is_empty(), has_more) {
        (true, _) => None,
        (false, false) if is_service() => Some(BadPhone::Emergency),
        (false, false) => is_number().then_some(BadPhone::Number),
        // what stands behind a number does not keep a gateway from dialing it
        (false, true) => (digits.len() >= NUMBER || user.starts_with('+')).then_some(BadPhone::Number),
    }
}

fn user(uri: &str) -> &str {
    uri.strip_prefix("sip:").and_then(|rest| rest.split('@').next()).unwrap_or_default()
}

/// The digits at the beginning, whatever separates them, and whether something else follows.
fn read(user: &str) -> (String, bool) {
    let is_separator = |c: char| matches!(c, '+' | '-' | '.' | '_');
    let mut rest = user.chars().filter(|c| !is_separator(*c)).peekable();
    let digits: String = std::iter::from_fn(|| rest.next_if(char::is_ascii_digit)).collect();
    (digits, rest.peek().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(user: &str) -> Option<BadPhone> {
        phone_problem(&format!("sip:{user}@pbx.example.com:5060;transport=tls"))
    }

    #[test]
    fn names_and_extensions_are_phones() {
        for user in
            ["ann", "ann.b+1", "agent0", "4x4", "room-12", "2nd-floor", "201", "2001", "2-001", "40123", "501234"]
        {
            assert_eq!(problem(user), None, "{user}");
        }
        assert!(is_extension("sip:20-01@h") && !is_extension("sip:ann@h") && !is_extension("sip:4x4@h"));
        assert_eq!(phone_problem("sip:ann@h;maddr=1.2.3.4"), Some(BadPhone::NotPlain));
    }

    #[test]
    fn emergency_and_service_numbers_of_any_country_are_none() {
        for user in [
            "911", "112", "999", "000", "110", "+911", "9-1-1", "9.1.1", "_911", "15", "17", "0", "411", "311", "0112",
            "00112", "9911", "9112", "118118", "11880", "116117",
        ] {
            assert_eq!(problem(user), Some(BadPhone::Emergency), "{user}");
        }
    }

    #[test]
    fn telephone_numbers_are_none_however_they_are_written() {
        for user in [
            "+19005550142",
            "19005550142",
            "1-900-555-0142",
            "1.900.555.0142",
            "1_900_555_0142",
            "00449098790000",
            "0190123",
            "5550142",
            "+2001",
            "19005550142x",
            "+1900FLOWERS",
        ] {
            assert_eq!(problem(user), Some(BadPhone::Number), "{user}");
        }
    }
}

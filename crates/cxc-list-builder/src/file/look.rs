//! What a value looks like, for finding headers, delimiters and columns. This is a guess about a
//! column, never a check of a device: that is the core's.
use super::trim::trim;

/// Whether a value looks like an email address.
pub fn is_email(text: &str) -> bool {
    let text = trim(text);
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let plain = |s: &str| !s.is_empty() && !s.contains(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | ':'));
    plain(local)
        && !local.contains('@')
        && plain(domain)
        && domain.contains('.')
        && !domain.starts_with('.')
        && !domain.ends_with('.')
        && text.len() <= 254
}

/// Whether a value looks like a phone number: 7 to 15 digits with the signs that people put between them.
pub fn is_phone(text: &str) -> bool {
    let text = trim(text);
    let mut digits = 0;
    for (i, c) in text.chars().enumerate() {
        match c {
            '0'..='9' => digits += 1,
            '+' if i == 0 => {}
            '(' | ')' | '-' | '.' | '/' | ' ' | '\u{A0}' | '\u{2010}' | '\u{2011}' | '\u{2013}' if i < 30 => {}
            _ => return false,
        }
    }
    (7..=17).contains(&digits) && !is_date(text) && !is_amount(text)
}

/// Whether a phone-like value can hardly be anything else: a plus, or signs between its digits, or ten digits.
pub fn is_surely_phone(text: &str) -> bool {
    let text = trim(text);
    let plain = text.bytes().all(|b| b.is_ascii_digit());
    is_phone(text) && (!plain || (10..=15).contains(&text.len()))
}

/// Whether a value looks like a number or an amount.
pub fn is_number(text: &str) -> bool {
    let text = trim(text);
    !text.is_empty()
        && text.bytes().any(|b| b.is_ascii_digit())
        && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b',' | b'-' | b'+' | b'%'))
}

/// Whether a value looks like a date, with or without a time.
pub fn is_date(text: &str) -> bool {
    let day = trim(text).split(['T', ' ']).next().unwrap_or_default();
    let Some(sign) = day.chars().find(|c| matches!(c, '-' | '/' | '.')) else { return false };
    let parts: Vec<&str> = day.split(sign).collect();
    let digits = |p: &&str| (1..=4).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit());
    let year = |p: &str| p.len() == 4 && (p.starts_with("19") || p.starts_with("20"));
    let short = |p: &str| p.len() <= 2;
    match parts.as_slice() {
        [a, b, c] if parts.iter().all(digits) => {
            short(b) && ((year(a) && short(c)) || (short(a) && (year(c) || c.len() == 2)))
        }
        _ => false,
    }
}

fn is_amount(text: &str) -> bool {
    let Some((whole, cents)) = text.rsplit_once('.') else { return false };
    cents.len() <= 2 && whole.bytes().all(|b| b.is_ascii_digit() || b == b'-')
}

/// Whether a value is data and no column's name.
pub fn is_data(text: &str) -> bool {
    is_email(text) || is_phone(text) || is_number(text) || is_date(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phones_are_told_from_dates_and_amounts() {
        for phone in
            ["+12025550123", "(202) 555-0123", "202.555.0123", "2025550123", "030 / 1234567", "\u{A0}+49 30 12345"]
        {
            assert!(is_phone(phone), "{phone}");
        }
        for other in
            ["2024-05-01", "01.05.2024", "5/1/2024", "2024-05-01 10:00", "1234567.50", "12345", "Ann", "", "+1 abc"]
        {
            assert!(!is_phone(other), "{other}");
        }
        assert!(is_surely_phone("2025550123") && !is_surely_phone("1234567"));
    }

    #[test]
    fn emails_are_told_by_their_shape() {
        assert!(is_email("ann@example.com") && is_email(" a.b+c@mail.example.org "));
        for other in ["ann", "@example.com", "ann@", "a b@example.com", "ann@example", "a@b@example.com"] {
            assert!(!is_email(other), "{other}");
        }
    }
}

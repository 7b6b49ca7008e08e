//! What the one confirmation of an opt-out may say: that it is done, where to get help, how to opt in again. No
//! advertising, and no link but to the installation itself.
/// The most characters: two text messages.
pub const MOST: usize = 306;

/// Words of advertising, in the languages that the opt-out words are used with most.
const ADVERTISING: &[&str] = &[
    "sale",
    "sales",
    "discount",
    "discounts",
    "offer",
    "offers",
    "deal",
    "deals",
    "coupon",
    "coupons",
    "promo",
    "promos",
    "promotion",
    "promotions",
    "voucher",
    "vouchers",
    "bonus",
    "prize",
    "prizes",
    "gift",
    "gifts",
    "win",
    "cashback",
    "buy",
    "shop",
    "save",
    "clearance",
    "bargain",
    "bargains",
    "exclusive",
    "limited time",
    "order now",
    "last chance",
    "oferta",
    "ofertas",
    "descuento",
    "descuentos",
    "rebajas",
    "compra",
    "compre",
    "regalo",
    "gratis",
    "offre",
    "offres",
    "remise",
    "remises",
    "soldes",
    "cadeau",
    "gratuit",
    "achetez",
    "angebot",
    "angebote",
    "rabatt",
    "rabatte",
    "gutschein",
    "kaufen",
    "kostenlos",
    "gewinnen",
    "sparen",
    "offerta",
    "offerte",
    "sconto",
    "sconti",
    "promocao",
    "desconto",
    "aanbieding",
    "korting",
];

/// Endings by which a bare name is a link, also without a path.
const ENDINGS: &[&str] = &[
    "com", "net", "org", "info", "io", "co", "ly", "me", "app", "shop", "store", "link", "biz", "us", "uk", "de", "fr",
    "es", "it", "ca", "au", "nz", "eu",
];

/// What is wrong with the text of a confirmation; nothing if it may be sent. `own` is the address under which people
/// reach the installation.
pub fn problem(text: &str, own: &str) -> Option<String> {
    let length = text.chars().count();
    if text.trim().is_empty() || length > MOST {
        return Some(format!("a confirmation of an opt-out has 1 to {MOST} characters, not {length}"));
    }
    if let Some(link) = foreign_link(text, own) {
        return Some(format!("a confirmation of an opt-out holds no link but to {}, found {link:?}", host(own)));
    }
    let words = words(text);
    let is_there = |wanted: &&&str| {
        let wanted: Vec<&str> = wanted.split(' ').collect();
        words.windows(wanted.len()).any(|at| at.iter().zip(&wanted).all(|(a, b)| a == b))
    };
    let found = ADVERTISING.iter().find(is_there)?;
    Some(format!(
        "a confirmation of an opt-out says that it is done, where to get help and how to opt in again, and does not \
         advertise: take out {found:?}"
    ))
}

fn words(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// A link that leads elsewhere. An email address is none.
fn foreign_link(text: &str, own: &str) -> Option<String> {
    let own = host(own);
    let around =
        |c: char| matches!(c, '(' | ')' | '<' | '>' | '[' | ']' | '"' | '\'' | ',' | ';' | '!' | '?' | '.' | ':');
    let words = text.split_whitespace().map(|word| word.trim_matches(around));
    words.into_iter().find(|word| is_link(word) && host(word) != own).map(str::to_owned)
}

/// Whether a word is a link: with a scheme, with www, or a bare name with a path or a common ending.
fn is_link(word: &str) -> bool {
    let word = word.to_lowercase();
    if word.contains("://") || word.starts_with("www.") {
        return true;
    }
    if word.contains('@') {
        return false;
    }
    let host = host(&word);
    let labels: Vec<&str> = host.split('.').collect();
    let is_label = |label: &&str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-');
    let (Some(last), true) = (labels.last(), labels.len() > 1 && labels.iter().all(is_label)) else { return false };
    let is_name = last.len() >= 2 && last.chars().all(char::is_alphabetic);
    is_name && (word[host.len()..].starts_with('/') || ENDINGS.contains(last))
}

/// The host of an address, without scheme, port and path.
fn host(address: &str) -> String {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let end = rest.find(['/', ':', '?', '#']).unwrap_or(rest.len());
    rest[..end].trim_end_matches('.').to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "https://cxc.example.com";

    #[test]
    fn what_a_confirmation_says_is_let_through() {
        for text in [
            "Acme: you are unsubscribed and will get no more messages. Reply HELP for help, START to join again.",
            "Acme: abgemeldet. Hilfe: hilfe@acme.example oder +49 30 1234567.",
            "You opted out of Acme Inc. Help: 1-800-555-0100. More: https://cxc.example.com/help",
            "Demo Ltd: you will get no more messages.",
        ] {
            assert_eq!(problem(text, OWN), None, "{text}");
        }
    }

    #[test]
    fn advertising_foreign_links_and_long_texts_are_refused_with_what_is_wrong() {
        let long = "a ".repeat(200);
        for (text, says) in [
            ("Sorry to see you go! 20% discount if you stay.", "\"discount\""),
            ("Unsubscribed. LIMITED TIME: reply START.", "\"limited time\""),
            ("Abgemeldet. Unser Angebot bleibt!", "\"angebot\""),
            ("Unsubscribed. See https://acme.example/return", "https://acme.example/return"),
            ("Unsubscribed. See www.acme.example", "www.acme.example"),
            ("Unsubscribed. See bit.ly/abc", "bit.ly/abc"),
            ("Unsubscribed. https://cxc.example.com.evil.example/x", "no link but to cxc.example.com"),
            ("  ", "1 to 306 characters"),
            (long.as_str(), "1 to 306 characters"),
        ] {
            let found = problem(text, OWN).unwrap_or_default();
            assert!(found.contains(says), "{text}: {found:?}");
        }
    }
}

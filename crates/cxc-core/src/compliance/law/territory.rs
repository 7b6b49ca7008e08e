//! Where the law of a country, or of the European Union, holds besides under its own code.

/// The member states of the European Union.
const EU: [&str; 27] = [
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV",
    "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
];

/// Parts of a country that have a country code of their own: overseas departments and Saint-Martin, where the French
/// codes hold (article 73 of the constitution; L.O. 6213-1 of the code of local authorities), and the Åland Islands.
/// The law of the Union holds there, too (TFEU 349 and 355).
const PARTS: [(&str, &[&str]); 2] = [("FR", &["GF", "GP", "MF", "MQ", "RE", "YT"]), ("FI", &["AX"])];

/// Whether the law of `jurisdiction`, a country or `EU`, holds in a country.
pub(in crate::compliance) fn holds_in(jurisdiction: &str, country: &str) -> bool {
    let whole = PARTS.iter().find(|(_, parts)| parts.iter().any(|part| part.eq_ignore_ascii_case(country)));
    let is_one = |own: &str| own.eq_ignore_ascii_case(country) || whole.is_some_and(|(whole, _)| *whole == own);
    is_one(jurisdiction) || (jurisdiction == "EU" && EU.into_iter().any(is_one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn law_holds_in_the_parts_of_a_country_and_of_the_union() {
        for country in ["FR", "RE", "gp", "YT"] {
            assert!(holds_in("FR", country) && holds_in("EU", country), "{country}");
        }
        assert!(holds_in("EU", "AX") && holds_in("FI", "AX") && !holds_in("FR", "AX"));
        for country in ["GB", "CH", "NC", "PF", "US"] {
            assert!(!holds_in("FR", country) && !holds_in("EU", country), "{country}");
        }
        assert!(!holds_in("RE", "FR"));
    }
}

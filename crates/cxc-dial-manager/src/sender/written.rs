//! Who wrote: what numbers an SMS centre may mean by the address of a message. Centres write them as they like; an opt-out
//! has to find its person all the same.
use cxc_core::channel::Channel;
use cxc_core::location::Country;
use cxc_core::phone::PhoneParser;
use cxc_server::document::Document as _;
use cxc_server::resources::settings::Settings;
use cxc_store::{StoreError, Tx};

use super::SenderContext;
use super::plan::Plans;

/// The addresses that a message may have come from: as it stands where it is no number; else the numbers that it can be
/// read as, of several those that were contacted.
pub async fn writers(
    tx: &mut Tx,
    context: &SenderContext,
    plans: &Plans,
    from: &str,
) -> Result<Vec<String>, StoreError> {
    if plans.channel != Channel::Sms {
        return Ok(vec![from.to_owned()]);
    }
    let phones = PhoneParser::shared().map_err(|error| StoreError::Corrupt(error.to_string()))?;
    let settings = tx.object_all(plans.tenant, Settings::KIND).await?.into_iter().next();
    let settings = settings.map(|s| serde_json::from_value::<Settings>(s.body.0)).transpose()?.unwrap_or_default();
    let read = readings(&phones, settings.country.parse().ok(), from);
    if read.is_empty() {
        tracing::warn!(account = plans.number, "a message came from an address that is no phone number");
        return Ok(vec![from.to_owned()]);
    }
    let mut contacted = Vec::new();
    for number in &read {
        let device = context.app.hash_key.hash(plans.tenant, number);
        if read.len() > 1 && !tx.attempt_of_device(plans.tenant, device, 1).await?.is_empty() {
            contacted.push(number.clone());
        }
    }
    Ok(if contacted.is_empty() { read } else { contacted })
}

/// The numbers that a text can be read as: with its country code, with a prefix for abroad, as one of the country at home.
fn readings(phones: &PhoneParser, home: Option<Country>, text: &str) -> Vec<String> {
    let abroad = |rest: &str| phones.parse(&format!("+{rest}"), None).ok();
    let is_whole = text.starts_with('+');
    let read = [
        is_whole.then(|| phones.parse(text, None).ok()).flatten(),
        Some(text).filter(|text| !is_whole && !text.starts_with('0')).and_then(abroad),
        text.strip_prefix("00").and_then(abroad),
        text.strip_prefix("011").and_then(abroad),
        (!is_whole).then(|| phones.parse(text, home).ok()).flatten(),
    ];
    let mut numbers: Vec<String> = Vec::new();
    for number in read.into_iter().flatten().map(|phone| phone.number.to_string()) {
        if !numbers.contains(&number) {
            numbers.push(number);
        }
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_however_a_centre_writes_it() {
        let phones = PhoneParser::shared().unwrap();
        let of = |home: Country, text: &str| readings(&phones, Some(home), text);
        for text in ["+12134930011", "12134930011", "0012134930011", "01112134930011", "2134930011"] {
            assert!(of(Country::US, text).contains(&"+12134930011".to_owned()), "{text}: {:?}", of(Country::US, text));
        }
        assert_eq!(of(Country::GB, "07700900123"), ["+447700900123"]);
        for text in ["+5215512345678", "5215512345678", "005215512345678"] {
            assert_eq!(of(Country::US, text), ["+525512345678"], "{text}");
        }
        for text in ["", "+", "Acme", "44555", "0", "00", "+00000000000"] {
            assert!(of(Country::US, text).is_empty(), "{text}: {:?}", of(Country::US, text));
        }
    }
}

//! A plan by the names of the columns.
use cxc_core::field::{ContactField, DeviceHint, HeaderMeaning, header_meaning, normalise_header};

use super::consent_field::ConsentField;
use super::draft::Draft;
use super::plan::{Purpose, Why};
use super::target::Target;
use crate::file::look;

/// Feeds every field that a header names. Plain words such as `id` come after what says more.
pub(super) fn fill(draft: &mut Draft<'_>) {
    let names: Vec<String> = draft.file.header.clone();
    for weak in [false, true] {
        for (column, name) in names.iter().enumerate() {
            if is_weak(&normalise_header(name)) != weak || draft.is_taken(column) {
                continue;
            }
            if let Some(target) = of_purpose(name, draft.purpose) {
                draft.feed(column, target, DeviceHint::default(), Why::Name);
            } else if let Some(HeaderMeaning::Field(field)) = header_meaning(name) {
                draft.feed(column, Target::Field(field), DeviceHint::default(), Why::Name);
            }
        }
    }
    feed_devices(draft, &names);
    feed_family_name(draft, &names);
}

/// Device columns take the positions that are left, in the order of the file; so does a second column that
/// names a position which the first one has.
fn feed_devices(draft: &mut Draft<'_>, names: &[String]) {
    for (column, name) in names.iter().enumerate() {
        match header_meaning(name) {
            Some(HeaderMeaning::AnyDevice(hint)) => {
                let looks = |v: &str| look::is_phone(v) || look::is_email(v);
                let doubtful = is_weak(&normalise_header(name)) && draft.share(column, looks).is_some_and(|s| s < 0.5);
                if !doubtful {
                    draft.feed_device(column, hint, Why::Name);
                }
            }
            Some(HeaderMeaning::Field(ContactField::Device(_))) => {
                draft.feed_device(column, DeviceHint::default(), Why::Name);
            }
            _ => {}
        }
    }
}

/// Beside a given name, `name` is the family name; alone it may be anything.
fn feed_family_name(draft: &mut Draft<'_>, names: &[String]) {
    if !draft.is_fed(&Target::Field(ContactField::FirstName)) {
        return;
    }
    let family = |name: &String| matches!(normalise_header(name).as_str(), "name" | "naam" | "namn" | "navn");
    if let Some(column) = names.iter().position(family) {
        draft.feed(column, Target::Field(ContactField::LastName), DeviceHint::default(), Why::Name);
    }
}

/// Words that may mean something else.
fn is_weak(name: &str) -> bool {
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit());
    matches!(name, "id" | "uid" | "ref" | "reference" | "account" | "iso" | "land" | "cap" | "cp" | "business")
        || matches!(
            name,
            "number" | "home" | "work" | "office" | "portable" | "fixe" | "destination" | "first" | "last"
        )
}

/// What a header means in files that are no contacts.
fn of_purpose(name: &str, purpose: Purpose) -> Option<Target> {
    match purpose {
        Purpose::Contacts | Purpose::Updates => None,
        Purpose::Consents => ConsentField::of_header(name).map(Target::Consent),
        Purpose::SuppressDevices | Purpose::SuppressClients => of_suppression(name),
    }
}

fn of_suppression(name: &str) -> Option<Target> {
    match normalise_header(name).as_str() {
        "value" | "entry" | "key" => Some(Target::Value),
        "from" | "fromdate" | "validfrom" | "start" | "startdate" | "effective" | "von" => Some(Target::From),
        "till" | "until" | "to" | "todate" | "validuntil" | "validtill" | "validto" | "end" | "enddate" | "expires"
        | "expiry" | "expirydate" | "expirationdate" | "bis" => Some(Target::Till),
        "reason" | "grund" | "motif" | "motivo" => Some(Target::Reason),
        _ => None,
    }
}

//! A plan by what the first records hold: for files without a header, and for devices that no header names.
use std::collections::HashSet;

use cxc_core::device::DeviceKind;
use cxc_core::enumerations::ContactType;
use cxc_core::field::{ContactField, DeviceHint};

use super::draft::Draft;
use super::plan::{Purpose, Why};
use super::target::Target;
use crate::file::look;

/// The share of values that makes a column one of phones or addresses.
const MOST: f64 = 0.8;

/// Feeds devices, and without a header the client id, too.
pub(super) fn fill(draft: &mut Draft<'_>) {
    let wants_devices = draft.purpose != Purpose::SuppressClients;
    if wants_devices && !draft.has_device() {
        feed_devices(draft);
    }
    if draft.file.header.is_empty() {
        feed_client_id(draft);
    }
    if !draft.purpose.is_contacts() && draft.file.columns == 1 {
        draft.feed(0, Target::Value, DeviceHint::default(), Why::Content);
    }
}

fn feed_devices(draft: &mut Draft<'_>) {
    let free: Vec<usize> = (0..draft.file.columns).filter(|&c| !draft.is_taken(c)).collect();
    let mostly =
        |draft: &Draft<'_>, c: usize, holds: fn(&str) -> bool| draft.share(c, holds).is_some_and(|s| s >= MOST);
    let written = |v: &str| look::is_surely_phone(v) && !v.bytes().all(|b| b.is_ascii_digit());
    // Bare digits may be account numbers where other columns are written as phone numbers.
    let has_written = free.iter().any(|&c| draft.share(c, written).is_some_and(|s| s >= MOST / 2.0));
    for &column in &free {
        let bare = mostly(draft, column, |v| v.bytes().all(|b| b.is_ascii_digit()));
        if mostly(draft, column, look::is_email) {
            let hint = DeviceHint { kind: Some(DeviceKind::Email), contact_type: ContactType::EMail };
            draft.feed_device(column, hint, Why::Content);
        } else if mostly(draft, column, look::is_surely_phone) && !(bare && has_written) {
            let hint = DeviceHint { kind: Some(DeviceKind::Phone), contact_type: ContactType::None };
            draft.feed_device(column, hint, Why::Content);
        }
    }
    // Short national numbers look like any number: only when nothing else is a device.
    if !draft.has_device()
        && let Some(&column) = free.iter().find(|&&c| mostly(draft, c, look::is_phone))
    {
        let hint = DeviceHint { kind: Some(DeviceKind::Phone), contact_type: ContactType::None };
        draft.feed_device(column, hint, Why::Content);
    }
}

/// Without a header, a first column of different keys with digits is the client id.
fn feed_client_id(draft: &mut Draft<'_>) {
    let values: Vec<&str> = draft.file.sample().records().map(|r| super::value::clean_key(r.field(0))).collect();
    let different: HashSet<&str> = values.iter().copied().collect();
    let key = |v: &&str| v.bytes().any(|b| b.is_ascii_digit()) && !v.contains(char::is_whitespace) && !look::is_date(v);
    if values.len() >= 2 && different.len() == values.len() && values.iter().all(key) && !draft.is_taken(0) {
        draft.feed(0, Target::Field(ContactField::ClientId), DeviceHint::default(), Why::Content);
    }
}

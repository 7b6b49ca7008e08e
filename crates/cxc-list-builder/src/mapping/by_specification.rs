//! A plan by an `.spc` specification.
use cxc_core::field::{ContactField, DeviceHint, HeaderMeaning, header_meaning};

use super::draft::Draft;
use super::plan::Why;
use super::specification::Specification;
use super::target::Target;

/// Each keyword takes the first free column whose header its expression matches.
pub(super) fn fill(draft: &mut Draft<'_>, specification: &Specification) {
    for rule in &specification.rules {
        let header = &draft.file.header;
        let mut matching = (0..header.len()).filter(|&c| rule.pattern.is_match(&header[c]) && !draft.is_taken(c));
        let Some(column) = matching.next() else { continue };
        let hint = match (&rule.target, header_meaning(&header[column])) {
            (Target::Field(ContactField::Device(_)) | Target::Value, Some(HeaderMeaning::AnyDevice(hint))) => hint,
            _ => DeviceHint::default(),
        };
        draft.feed(column, rule.target.clone(), hint, Why::Specification);
    }
}

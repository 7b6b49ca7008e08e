//! A plan by a data-mapping document.
use cxc_core::field::normalise_header;

use super::document::{ColumnRef, DataMapping, MappingKind};
use super::draft::{Draft, Slot, hint_of, short};
use super::error::MappingError;
use super::plan::Why;
use super::target::Target;

/// Feeds what the document says; a column that the file does not have is an error.
pub(super) fn fill(draft: &mut Draft<'_>, document: &DataMapping) -> Result<(), MappingError> {
    document.check()?;
    let mut placed = 0;
    for column in &document.columns {
        let found = match (document.kind, &column.column) {
            (MappingKind::Fixed, _) if column.start.is_some() => {
                placed += 1;
                Some(placed - 1)
            }
            (MappingKind::Fixed, _) | (_, None) => None,
            (MappingKind::Delimited, Some(reference)) => Some(find(draft, reference)?),
        };
        let target = draft
            .resolved(column.field.clone())
            .ok_or_else(|| MappingError::Wrong(format!("{} is for files of another kind", column.field.key())))?;
        if target != Target::Ignore && draft.is_fed(&target) {
            return Err(MappingError::Wrong(format!("{} is fed twice", target.key())));
        }
        draft.slots.push(Slot {
            target,
            column: found,
            hint: hint_of(column.device_type),
            why: Why::Mapping,
            default: column.default.clone().unwrap_or_default(),
            country: column.country.as_deref().unwrap_or_default().to_ascii_uppercase(),
        });
    }
    Ok(())
}

fn find(draft: &Draft<'_>, reference: &ColumnRef) -> Result<usize, MappingError> {
    let missing = |column: String| MappingError::NoColumn { column, found: draft.found() };
    match reference {
        ColumnRef::Index(n) => {
            let index = (*n as usize).wrapping_sub(1);
            if index < draft.file.columns { Ok(index) } else { Err(missing(n.to_string())) }
        }
        ColumnRef::Name(name) => {
            let header = &draft.file.header;
            let exact = header.iter().position(|h| h == name.trim());
            let key = normalise_header(name);
            let alike = || header.iter().position(|h| !key.is_empty() && normalise_header(h) == key);
            exact.or_else(alike).ok_or_else(|| missing(short(name)))
        }
    }
}

//! The plan: for each field where its values come from, ready to be applied to a million records.
use cxc_core::enumerations::ContactType;
use cxc_core::field::{ContactField, DeviceHint, normalise_header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::consent_field::ConsentField;
use super::document::{ColumnMapping, ColumnRef, DataMapping, MappingKind};
use super::draft::{Draft, Slot};
use super::error::MappingError;
use super::specification::Specification;
use super::target::Target;
use super::{by_content, by_document, by_header, by_specification, value};
use crate::file::{FileReader, HeaderOption, RecordRef};

/// What the records are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A contact list.
    Contacts,
    /// The contacts that a list has: a client id alone tells whom a line is about.
    Updates,
    /// A suppression list of devices.
    SuppressDevices,
    /// A suppression list of client ids.
    SuppressClients,
    /// The ledger of consents.
    Consents,
}

impl Purpose {
    /// Whether records become contacts.
    pub fn is_contacts(self) -> bool {
        matches!(self, Self::Contacts | Self::Updates)
    }
}

/// What says which column is which.
#[derive(Debug, Clone, Copy)]
pub enum Mapping<'a> {
    /// The file itself: names and contents of its columns.
    Auto,
    /// A data-mapping document.
    Document(&'a DataMapping),
    /// An `.spc` specification.
    Specification(&'a Specification),
}

/// Why a column feeds what it feeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Why {
    /// The mapping document says so.
    Mapping,
    /// The specification says so.
    Specification,
    /// Its header says so.
    Name,
    /// Its values look like it.
    Content,
    /// Nothing names it: it is kept as a custom field.
    Rest,
    /// It is a reason of an earlier rejects file.
    Reasons,
}

/// A column and what it feeds, for showing and correcting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedColumn {
    /// Its place, from 1.
    pub column: u32,
    /// Its header, or `column 3`.
    pub name: String,
    /// What it feeds; `ignore` where nothing.
    #[schema(value_type = String)]
    pub field: Target,
    /// What a device is for.
    pub device_type: Option<ContactType>,
    /// Why.
    pub why: Option<Why>,
    /// Up to three of its values.
    pub samples: Vec<String>,
}

/// Where a field's values come from.
#[derive(Debug, Clone)]
pub(super) struct Feed {
    pub column: Option<usize>,
    pub default: String,
}

#[derive(Debug, Clone)]
pub(super) struct DeviceFeed {
    pub position: u8,
    pub feed: Feed,
    pub hint: DeviceHint,
    pub country: String,
}

/// Which column of a file feeds which field.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(super) purpose: Purpose,
    pub(super) fields: Vec<(ContactField, Feed)>,
    /// By position.
    pub(super) devices: Vec<DeviceFeed>,
    pub(super) custom: Vec<(String, Feed)>,
    pub(super) from: Option<Feed>,
    pub(super) till: Option<Feed>,
    pub(super) reason: Option<Feed>,
    pub(super) consents: Vec<(ConsentField, Feed)>,
    columns: Vec<PlannedColumn>,
    defaults: Vec<ColumnMapping>,
}

impl Plan {
    /// Decides which column of an open file feeds which field.
    pub fn new(file: &FileReader, mapping: Mapping<'_>, purpose: Purpose) -> Result<Self, MappingError> {
        let mut draft = Draft::new(file, purpose);
        let keep = match mapping {
            Mapping::Document(document) => {
                by_document::fill(&mut draft, document)?;
                document.keep_unmapped
            }
            Mapping::Specification(specification) => {
                draft.ignore_reasons();
                by_specification::fill(&mut draft, specification);
                true
            }
            Mapping::Auto => {
                draft.ignore_reasons();
                by_header::fill(&mut draft);
                by_content::fill(&mut draft);
                true
            }
        };
        draft.require()?;
        if keep && purpose.is_contacts() {
            draft.ignore_reasons();
            draft.keep_rest();
        }
        Ok(Self::of(&draft))
    }

    fn of(draft: &Draft<'_>) -> Self {
        let mut plan = Self {
            purpose: draft.purpose,
            fields: Vec::new(),
            devices: Vec::new(),
            custom: Vec::new(),
            from: None,
            till: None,
            reason: None,
            consents: Vec::new(),
            columns: (0..draft.file.columns).map(|c| planned(draft, c)).collect(),
            defaults: draft.slots.iter().filter(|s| s.column.is_none()).map(constant).collect(),
        };
        for slot in &draft.slots {
            let feed = Feed { column: slot.column, default: slot.default.clone() };
            match &slot.target {
                Target::Field(ContactField::Device(position)) => plan.devices.push(DeviceFeed {
                    position: *position,
                    feed,
                    hint: slot.hint,
                    country: slot.country.clone(),
                }),
                Target::Field(field @ ContactField::Other(_)) => plan.custom.push((field.key().into_owned(), feed)),
                Target::Field(field) => plan.fields.push((*field, feed)),
                Target::Custom(name) => plan.custom.push((name.clone(), feed)),
                Target::From => plan.from = Some(feed),
                Target::Till => plan.till = Some(feed),
                Target::Reason => plan.reason = Some(feed),
                Target::Consent(field) => plan.consents.push((*field, feed)),
                Target::Value | Target::Ignore => {}
            }
        }
        plan.devices.sort_by_key(|d| d.position);
        plan
    }

    /// The columns and what they feed.
    pub fn columns(&self) -> &[PlannedColumn] {
        &self.columns
    }

    /// The names of the custom fields that records may have.
    pub fn custom_names(&self) -> impl Iterator<Item = &str> {
        self.custom.iter().map(|(name, _)| name.as_str())
    }

    /// What was decided, one sentence a column, for the user.
    pub fn notes(&self) -> Vec<String> {
        self.columns.iter().map(note).collect()
    }

    /// The plan as a mapping document, to be corrected or kept for the next file with these headers. A plan
    /// that was made by a document has that document already.
    pub fn to_document(&self, header: bool) -> DataMapping {
        let by_name = |c: &PlannedColumn| {
            let only =
                self.columns.iter().filter(|o| normalise_header(&o.name) == normalise_header(&c.name)).count() == 1;
            if header && only { ColumnRef::Name(c.name.clone()) } else { ColumnRef::Index(c.column) }
        };
        let columns = self.columns.iter().map(|c| ColumnMapping {
            column: Some(by_name(c)),
            start: None,
            length: None,
            field: c.field.clone(),
            device_type: c.device_type,
            default: None,
            country: None,
        });
        DataMapping {
            kind: MappingKind::Delimited,
            columns: columns.chain(self.defaults.iter().cloned()).collect(),
            keep_unmapped: true,
            header: if header { HeaderOption::Yes } else { HeaderOption::No },
            delimiter: None,
            encoding: None,
        }
    }
}

/// A key under which a mapping is remembered for files with the same headers, whatever their case and signs.
pub fn header_key(header: &[String]) -> String {
    header.iter().map(|h| normalise_header(h)).collect::<Vec<_>>().join("\u{1F}")
}

impl Feed {
    /// The value in a record: cleaned, else the default.
    pub fn value<'a>(&'a self, record: RecordRef<'a>, clean: fn(&str) -> &str) -> &'a str {
        let text = self.column.map_or("", |c| clean(record.field(c)));
        if text.is_empty() { &self.default } else { text }
    }
}

fn constant(slot: &Slot) -> ColumnMapping {
    ColumnMapping {
        column: None,
        start: None,
        length: None,
        field: slot.target.clone(),
        device_type: None,
        default: Some(slot.default.clone()),
        country: None,
    }
}

fn planned(draft: &Draft<'_>, column: usize) -> PlannedColumn {
    let slot = draft.slots.iter().find(|s| s.column == Some(column));
    let values = draft.file.sample().records().map(|r| value::clean(r.field(column))).filter(|v| !v.is_empty());
    PlannedColumn {
        column: column as u32 + 1,
        name: draft.file.column_name(column),
        field: slot.map_or(Target::Ignore, |s| s.target.clone()),
        device_type: slot.map(|s| s.hint.contact_type).filter(|&t| t != ContactType::None),
        why: slot.map(|s| s.why),
        samples: values.take(3).map(|v| v.chars().take(80).collect()).collect(),
    }
}

fn note(column: &PlannedColumn) -> String {
    let name = &column.name;
    let why = match column.why {
        Some(Why::Mapping) => ", by the mapping",
        Some(Why::Specification) => ", by the specification",
        Some(Why::Name) => ", by its name",
        Some(Why::Content) => ", by what its values look like",
        Some(Why::Rest) | None => "",
        Some(Why::Reasons) => ": it is a reason of an earlier rejects file",
    };
    match (&column.field, column.device_type) {
        (Target::Ignore, _) => format!("{name:?} is not read{why}"),
        (Target::Custom(custom), _) => format!("{name:?} is kept as the custom field {custom:?}{why}"),
        (target, Some(device)) => format!("{name:?} is {} ({}){why}", target.key(), device.name()),
        (target, None) => format!("{name:?} is {}{why}", target.key()),
    }
}

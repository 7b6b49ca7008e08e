//! The data-mapping document: what a user says about the columns of a file.
use cxc_core::enumerations::ContactType;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::MappingError;
use super::target::Target;
use crate::file::{FixedColumn, HeaderOption, ReadOptions};

/// The most columns of a document.
const MAX_COLUMNS: usize = 1_000;

/// What a file's lines are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum MappingKind {
    /// Columns between delimiters; spreadsheets, too.
    #[default]
    Delimited,
    /// Columns at fixed positions.
    Fixed,
}

/// A column by its header or by its place, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum ColumnRef {
    /// The place, from 1.
    Index(u32),
    /// The header.
    Name(String),
}

/// One column of a mapping document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ColumnMapping {
    /// The column; of a fixed-position file only a name for it. None gives every record the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<ColumnRef>,
    /// Fixed positions: the first character, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<u32>,
    /// Fixed positions: the number of characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u32>,
    /// What it feeds: `clientId`, `firstName`, `lastName`, `company`, `country`, `state`, `postalCode`,
    /// `timeZone`, `device1` to `device10`, `other1` to `other100`, `custom:NAME`, `ignore`; of a
    /// suppression file also `value`, `from`, `till`, `reason`; of contacts and consents also `consentKind`,
    /// `consentDate`, `consentSource`, `consentText`, `consentEvidence`, `consentChannels`, `consentDevice`,
    /// `consentAction`, `optOutDate`.
    #[schema(value_type = String, example = "device1")]
    pub field: Target,
    /// What a device is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_type: Option<ContactType>,
    /// The value where the column is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// The country of numbers without one: ISO 3166-1, two letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

/// Which columns of a file feed which fields, and how the file is to be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DataMapping {
    /// Delimited or fixed positions.
    #[serde(default)]
    pub kind: MappingKind,
    /// The columns.
    pub columns: Vec<ColumnMapping>,
    /// Whether columns that are not named here become custom fields under their headers.
    #[serde(default = "yes")]
    pub keep_unmapped: bool,
    /// Whether the first line names the columns.
    #[serde(default)]
    pub header: HeaderOption,
    /// One sign, or `tab`; detected where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<String>,
    /// The encoding; detected where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
}

fn yes() -> bool {
    true
}

impl DataMapping {
    /// Whether a column brings consents or opt-outs.
    pub fn brings_consents(&self) -> bool {
        self.columns.iter().any(|column| matches!(column.field, Target::Consent(_)))
    }

    /// Reads and checks a JSON document.
    pub fn parse(json: &str) -> Result<Self, MappingError> {
        let mapping: Self = serde_json::from_str(json).map_err(|e| MappingError::Document(e.to_string()))?;
        mapping.check()?;
        Ok(mapping)
    }

    /// Says what is wrong with it, apart from any file.
    pub fn check(&self) -> Result<(), MappingError> {
        let wrong = |why: String| Err(MappingError::Wrong(why));
        if self.columns.is_empty() || self.columns.len() > MAX_COLUMNS {
            return wrong(format!("it names 1 to {MAX_COLUMNS} columns"));
        }
        let mut seen = Vec::new();
        for column in &self.columns {
            let key = column.field.key();
            let positions = (column.start, column.length);
            match (self.kind, positions, &column.column, &column.default) {
                (MappingKind::Fixed, (Some(1..), Some(1..)), ..) | (_, (None, None), None, Some(_)) => {}
                (MappingKind::Delimited, (None, None), Some(_), _) => {}
                (MappingKind::Fixed, ..) => return wrong(format!("{key} needs start and length, both from 1")),
                (_, (None, None), ..) => return wrong(format!("{key} needs a column or a default")),
                _ => return wrong(format!("{key} has start or length, which are for the kind fixed")),
            }
            if column.column == Some(ColumnRef::Index(0)) {
                return wrong(format!("{key} has the column 0; columns are counted from 1"));
            }
            if let Some(country) = &column.country
                && !(country.len() == 2 && country.bytes().all(|b| b.is_ascii_alphabetic()))
            {
                return wrong(format!("the country of {key} is not two letters such as US"));
            }
            if column.field != Target::Ignore && seen.contains(&key) {
                return wrong(format!("{key} is fed twice"));
            }
            seen.push(key);
        }
        let options = ReadOptions {
            encoding: self.encoding.clone(),
            delimiter: self.delimiter_char()?,
            ..ReadOptions::default()
        };
        options.check().map_err(|e| MappingError::Wrong(e.to_string()))
    }

    /// How to read the file: what the document says, and `base` for the rest.
    pub fn read_options(&self, base: ReadOptions) -> Result<ReadOptions, MappingError> {
        let fixed = (self.kind == MappingKind::Fixed).then(|| self.fixed_columns());
        Ok(ReadOptions {
            encoding: base.encoding.or_else(|| self.encoding.clone()),
            delimiter: match base.delimiter {
                Some(given) => Some(given),
                None => self.delimiter_char()?,
            },
            header: if base.header == HeaderOption::Auto { self.header } else { base.header },
            fixed: fixed.or(base.fixed),
            ..base
        })
    }

    fn delimiter_char(&self) -> Result<Option<char>, MappingError> {
        let Some(text) = self.delimiter.as_deref() else { return Ok(None) };
        match text {
            "" | "auto" => Ok(None),
            "tab" | "\\t" => Ok(Some('\t')),
            _ => {
                let mut chars = text.chars();
                match (chars.next(), chars.next()) {
                    (Some(c), None) if c.is_ascii() => Ok(Some(c)),
                    _ => Err(MappingError::Wrong("a delimiter is one ASCII sign or tab".into())),
                }
            }
        }
    }

    fn fixed_columns(&self) -> Vec<FixedColumn> {
        let placed = self.columns.iter().filter_map(|c| {
            let name = match &c.column {
                Some(ColumnRef::Name(name)) => name.clone(),
                _ => c.field.key().into_owned(),
            };
            Some(FixedColumn { name, start: c.start?, length: c.length? })
        });
        placed.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_and_written_alike() {
        let json = r#"{"columns":[{"column":"Mobile","field":"device1","deviceType":4,"country":"DE"},
            {"column":3,"field":"custom:Shoe size"},{"field":"country","default":"DE"}],
            "keepUnmapped":false,"header":"yes","delimiter":"tab","encoding":"latin1"}"#;
        let mapping = DataMapping::parse(json).unwrap();
        assert_eq!(mapping.columns[0].device_type, Some(ContactType::Mobile));
        assert_eq!(mapping.columns[1].field, Target::Custom("Shoe size".into()));
        let again = DataMapping::parse(&serde_json::to_string(&mapping).unwrap()).unwrap();
        assert_eq!(again, mapping);
        let options = mapping.read_options(ReadOptions::default()).unwrap();
        assert_eq!((options.delimiter, options.header), (Some('\t'), HeaderOption::Yes));
    }

    #[test]
    fn a_wrong_document_is_refused_with_what_is_right() {
        for (json, says) in [
            (r#"{"columns":[]}"#, "1 to 1000 columns"),
            (r#"{"columns":[{"column":"a","field":"device11"}]}"#, "device1 to device10"),
            (r#"{"columns":[{"column":0,"field":"device1"}]}"#, "counted from 1"),
            (r#"{"columns":[{"field":"device1"}]}"#, "needs a column or a default"),
            (r#"{"kind":"fixed","columns":[{"start":1,"field":"device1"}]}"#, "needs start and length"),
            (r#"{"columns":[{"column":"a","start":1,"field":"device1"}]}"#, "for the kind fixed"),
            (r#"{"columns":[{"column":1,"field":"device1"},{"column":2,"field":"device1"}]}"#, "fed twice"),
            (r#"{"columns":[{"column":1,"field":"device1","country":"USA"}]}"#, "two letters"),
            (r#"{"columns":[{"column":1,"field":"device1"}],"delimiter":"::"}"#, "one ASCII sign"),
            (r#"{"columns":[{"column":1,"field":"device1"}],"delimiter":"x"}"#, "one ASCII sign"),
            (r#"{"columns":[{"column":1,"field":"device1"}],"delimiter":"\""}"#, "the quote character"),
            (r#"{"columns":[{"column":1,"field":"device1"}],"encoding":"klingon"}"#, "unknown encoding"),
            (r#"{"columns":[{"column":1,"field":"device1"}],"colour":1}"#, "unknown field"),
        ] {
            let error = DataMapping::parse(json).unwrap_err().to_string();
            assert!(error.contains(says), "{json}: {error}");
        }
    }
}

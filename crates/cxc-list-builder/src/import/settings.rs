//! What an import is told: the payload of its job.
use cxc_core::location::Country;
use cxc_core::selection::SelectionRule;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::file::{HeaderOption, ReadOptions};
use crate::mapping::{DataMapping, MappingError, Specification};

/// What happens to the contacts that a list has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImportMode {
    /// They stay; a line with a key that is there is a duplicate.
    #[default]
    Append,
    /// Those whose keys recur are changed, the others stay.
    Update,
    /// They make room for those of the file; those whose keys recur keep their ids.
    Replace,
}

impl ImportMode {
    /// The mode as it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Append => "append",
            Self::Update => "update",
            Self::Replace => "replace",
        }
    }
}

/// By what lines are duplicates of each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ImportDedupe)]
pub enum Dedupe {
    /// By client id, else by first device.
    #[default]
    Key,
    /// Also by any of their devices.
    AnyDevice,
    /// By nothing: every line is a contact of its own.
    None,
}

/// What an import is told besides its file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ImportSettings {
    /// The name of the file, for people.
    pub file_name: String,
    /// What happens to the contacts that are there.
    pub mode: ImportMode,
    /// In update mode: lines with a new key are rejected.
    pub update_only: bool,
    /// By what lines are duplicates.
    pub dedupe: Dedupe,
    /// The country of numbers without one: ISO 3166-1, two letters.
    pub default_country: Option<String>,
    /// Which columns feed which fields; found out where it is absent.
    pub mapping: Option<DataMapping>,
    /// The text of an `.spc` specification, instead of a mapping.
    pub specification: Option<String>,
    /// Lines that this rule does not take are filtered.
    pub rule: Option<SelectionRule>,
    /// The encoding; detected where it is absent.
    pub encoding: Option<String>,
    /// The sign between columns, or `tab`; detected where it is absent.
    pub delimiter: Option<String>,
    /// Whether the first line names the columns.
    pub header: HeaderOption,
    /// Whether each contact keeps its line.
    pub keep_original: bool,
}

impl ImportSettings {
    /// How the file is to be read.
    pub fn read_options(&self) -> Result<ReadOptions, MappingError> {
        let delimiter = match self.delimiter.as_deref() {
            None | Some("" | "auto") => None,
            Some("tab" | "\\t") => Some('\t'),
            Some(text) => match text.chars().collect::<Vec<_>>()[..] {
                [c] if c.is_ascii() => Some(c),
                _ => return Err(MappingError::Wrong("a delimiter is one ASCII sign or tab".into())),
            },
        };
        let base =
            ReadOptions { encoding: self.encoding.clone(), delimiter, header: self.header, ..ReadOptions::default() };
        match &self.mapping {
            Some(mapping) => mapping.read_options(base),
            None => Ok(base),
        }
    }

    /// Whether a column brings consents or opt-outs into the ledger.
    pub fn brings_consents(&self) -> Result<bool, MappingError> {
        let by_mapping = self.mapping.as_ref().is_some_and(DataMapping::brings_consents);
        let specification = self.specification.as_deref().map(Specification::parse).transpose()?;
        Ok(by_mapping || specification.is_some_and(|s| s.brings_consents()))
    }

    /// The default country, if it is one.
    pub fn country(&self) -> Option<Country> {
        self.default_country.as_deref().and_then(|code| Country::parse(code).ok())
    }
}

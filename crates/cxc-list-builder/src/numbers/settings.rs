//! How a file is loaded into a list of numbers, and what came of it.
use cxc_server::app::time_text;
use cxc_store::number_list::NumberListVersion;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::file::{HeaderOption, Limits, ReadOptions};
use crate::jobs::Source;

/// What a file is to the numbers that the list has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LoadMode {
    /// It is the whole list.
    #[default]
    Replace,
    /// Its numbers are added to the active version.
    Add,
    /// Its numbers are taken out of the active version.
    Remove,
}

impl LoadMode {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Add => "add",
            Self::Remove => "remove",
        }
    }
}

/// How to load a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LoadSettings {
    /// The file's name, for people.
    pub file_name: String,
    /// What it is to the numbers of before.
    pub mode: LoadMode,
    /// When its numbers are of, in microseconds.
    pub as_of: i64,
    /// The column of the number: its name, or its place from 1; found out where absent.
    pub number_column: Option<String>,
    /// The column of the area code, where numbers are split.
    pub area_code_column: Option<String>,
    /// Whether the first line names the columns.
    pub header: HeaderOption,
    /// Whether the version is activated when it is right.
    pub activate: bool,
    /// Whether it is activated however many numbers it holds.
    pub force: bool,
    /// Whether it is activated though it is older than the active version.
    pub allow_older: bool,
}

impl LoadSettings {
    /// How the file is read.
    pub fn read_options(&self) -> ReadOptions {
        ReadOptions { header: self.header, limits: Limits::line_by_line(), ..ReadOptions::default() }
    }
}

/// The payload of the job; its subject is the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadPayload {
    /// The file.
    pub source: Source,
    /// How to load it.
    pub settings: LoadSettings,
}

/// A version of a list of numbers. Lines = taken + duplicate + rejected + blank.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NumberVersion {
    /// Counted from 1 within the list.
    pub version: i64,
    /// `loading`, `ready`, `active`, `rejected` or `retired`.
    pub state: String,
    /// `replace`, `add` or `remove`.
    pub mode: String,
    /// The name of the file.
    pub file_name: String,
    /// When its numbers are of.
    #[schema(format = DateTime)]
    pub as_of: String,
    /// Numbers that it holds.
    pub numbers: i64,
    /// The size of its set.
    pub bytes: i64,
    /// What its bytes hash to.
    pub sha256: String,
    /// Lines of the file.
    pub lines: i64,
    /// Lines whose number was taken.
    pub taken: i64,
    /// Lines whose number had come before.
    pub duplicate: i64,
    /// Lines that hold no number.
    pub rejected: i64,
    /// Lines with nothing in them.
    pub blank: i64,
    /// Why it was rejected.
    #[schema(required)]
    pub detail: Option<String>,
    /// Whether rejected lines can be fetched.
    pub has_rejects: bool,
    /// Who loaded it.
    pub created_by: String,
    /// When.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it was activated last.
    #[schema(format = DateTime, required)]
    pub activated_at: Option<String>,
}

impl From<NumberListVersion> for NumberVersion {
    fn from(v: NumberListVersion) -> Self {
        Self {
            version: v.version,
            state: v.state,
            mode: v.mode,
            file_name: v.file_name,
            as_of: time_text(v.as_of),
            numbers: v.numbers,
            bytes: v.bytes,
            sha256: v.sha256,
            lines: v.lines,
            taken: v.taken,
            duplicate: v.duplicate,
            rejected: v.rejected,
            blank: v.blank,
            detail: v.detail,
            has_rejects: v.rejects_file.is_some(),
            created_by: v.created_by,
            created_at: time_text(v.created_at),
            activated_at: v.activated_at.map(time_text),
        }
    }
}

//! What was taken but not quite as it stood in the file: counted by kind, and listed line by line.
use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;

use cxc_core::csv_cell::guard;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::file::{FileError, column_name};

/// The columns of a file of warnings.
pub const WARNING_COLUMNS: [&str; 5] = ["line_number", "column", "value", "reason_code", "reason_text"];

/// A kind of change to values that were taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WarningKind {
    /// The file has no line of names: what its columns are was guessed.
    NoHeader,
    /// Sheets of a workbook were not read.
    OtherSheets,
    /// A part of the file is in another encoding than the rest.
    MixedEncoding,
    /// Lines were rejected because nobody said of which country their numbers are.
    NoCountry,
    /// A text over its limit was cut.
    Cut,
    /// A device that is none was left out; others of the line were taken. Counted for each reason.
    BadDevice,
    /// A device that the contact has already was left out.
    RepeatedDevice,
    /// A state that is not known in the country was kept as it stood.
    UnknownState,
    /// A consent met an opt-out that stands all the same.
    HeldBack,
    /// A suppression entry ends before its `till`: the list keeps entries for a number of days.
    TillShortened,
    /// A time of an opt-out could not be read: it holds from now on, without an end.
    TimeUnread,
}

impl WarningKind {
    /// The code in the file of warnings.
    pub fn code(self) -> &'static str {
        match self {
            Self::NoHeader => "no_header",
            Self::OtherSheets => "other_sheets",
            Self::MixedEncoding => "mixed_encoding",
            Self::NoCountry => "no_country",
            Self::Cut => "cut",
            Self::BadDevice => "bad_device",
            Self::RepeatedDevice => "repeated_device",
            Self::UnknownState => "unknown_state",
            Self::HeldBack => "held_back",
            Self::TillShortened => "till_shortened",
            Self::TimeUnread => "time_unread",
        }
    }

    /// Whether it is about the file, and not about so many values of it.
    pub fn is_of_file(self) -> bool {
        matches!(self, Self::NoHeader | Self::OtherSheets | Self::MixedEncoding)
    }
}

/// How often something was changed, and where first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Warning {
    /// What.
    pub kind: WarningKind,
    /// How many values.
    pub count: u64,
    /// The first line with one.
    pub first_line: u64,
    /// In words.
    pub text: String,
}

/// Something of one line that was changed or left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineWarning {
    /// What.
    pub kind: WarningKind,
    /// The index of the column, where it is one.
    pub column: Option<usize>,
    /// What stood there, where it was left out.
    pub value: String,
    /// How many values.
    pub count: u64,
    /// In words.
    pub text: String,
}

/// Counted warnings: those of a kind by their words, of which there are few.
#[derive(Debug, Default)]
pub struct Warnings(Vec<Warning>);

impl Warnings {
    /// Notes values of a line.
    pub fn note(&mut self, kind: WarningKind, line: u64, count: u64, text: &str) {
        match self.0.iter_mut().find(|known| known.kind == kind && known.text == text) {
            Some(known) => known.count += count,
            None => self.0.push(Warning { kind, count, first_line: line, text: text.to_owned() }),
        }
    }

    /// The warnings, by kind.
    pub fn into_list(mut self) -> Vec<Warning> {
        self.0.sort_by_key(|warning| (warning.kind, warning.first_line));
        self.0
    }
}

/// Writes a file of warnings, which is made with the first of them: RFC 4180, UTF-8, one header, guarded like the
/// rejects file.
pub struct WarningsWriter {
    path: PathBuf,
    header: Vec<String>,
    out: Option<csv::Writer<BufWriter<File>>>,
    written: u64,
}

impl WarningsWriter {
    /// A writer for a file with these column names.
    pub fn new(path: PathBuf, header: &[String]) -> Self {
        Self { path, header: header.to_vec(), out: None, written: 0 }
    }

    /// Writes what is to be said of a line that was taken.
    pub fn write(&mut self, line: u64, warning: &LineWarning) -> Result<(), FileError> {
        let out = match &mut self.out {
            Some(out) => out,
            None => {
                let file = BufWriter::new(File::create(&self.path).map_err(FileError::Io)?);
                let mut out = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(file);
                out.write_record(WARNING_COLUMNS).map_err(|e| FileError::Io(e.into()))?;
                self.out.insert(out)
            }
        };
        let (line, column) = (line.to_string(), warning.column.map(|c| column_name(&self.header, c)));
        let column = column.unwrap_or_default();
        let fields = [line.as_str(), &column, &warning.value, warning.kind.code(), &warning.text];
        out.write_record(fields.map(|field| guard(field).into_owned())).map_err(|e| FileError::Io(e.into()))?;
        self.written += 1;
        Ok(())
    }

    /// Writes out what is buffered; answers how many warnings there are.
    pub fn finish(self) -> Result<u64, FileError> {
        if let Some(mut out) = self.out {
            out.flush().map_err(FileError::Io)?;
        }
        Ok(self.written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_the_serialised_form() {
        use WarningKind::*;
        for kind in
            [NoHeader, NoCountry, Cut, BadDevice, RepeatedDevice, UnknownState, HeldBack, TillShortened, TimeUnread]
        {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.code());
        }
    }
}

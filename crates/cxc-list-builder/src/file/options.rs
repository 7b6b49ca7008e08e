//! How a file is to be read, and the limits that hold whatever it holds.
use std::path::PathBuf;

use super::{FileError, encoding};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whether the first record names the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum HeaderOption {
    /// Decided by what the first record looks like.
    #[default]
    Auto,
    /// It does.
    Yes,
    /// It is data.
    No,
}

/// One column of a fixed-position file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixedColumn {
    /// The column's name.
    pub name: String,
    /// The first character of the column in its line, counted from 1.
    pub start: u32,
    /// Its width in characters.
    pub length: u32,
}

/// What bounds the reading of a hostile file.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The longest record in bytes of UTF-8; a longer one is rejected and reading goes on at the next line.
    pub record_bytes: usize,
    /// The most lines of a record of delimited text: more is no address with line breaks but a stray quote. A file of
    /// one number a line has 1.
    pub record_lines: usize,
    /// The most columns of a header.
    pub columns: usize,
    /// The most bytes that an archive may unpack to.
    pub unpacked: u64,
    /// The most bytes out for one byte in, looked at after `ratio_after` bytes.
    pub ratio: u64,
    /// Unpacked bytes before the ratio counts.
    pub ratio_after: u64,
    /// The most bytes of a spreadsheet, all its parts unpacked.
    pub spreadsheet: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            record_bytes: 1 << 20,
            record_lines: 20,
            columns: 1_000,
            unpacked: 20_000_000_000,
            ratio: 100,
            ratio_after: 10_000_000,
            spreadsheet: 200_000_000,
        }
    }
}

/// How to read a file. The default detects everything.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// Name of the encoding; none or `auto` detects it. A byte-order mark wins.
    pub encoding: Option<String>,
    /// The character between columns, one of ASCII; none detects it among `, ; tab | :`.
    pub delimiter: Option<char>,
    /// The quote character, one of ASCII; none reads quotes as text.
    pub quote: Option<char>,
    /// Whether the first record is a header.
    pub header: HeaderOption,
    /// The columns of a fixed-position file; none reads delimited text.
    pub fixed: Option<Vec<FixedColumn>>,
    /// The limits.
    pub limits: Limits,
    /// Where a spreadsheet is unpacked to; none takes the system's folder.
    pub temp_dir: Option<PathBuf>,
}

impl Limits {
    /// The limits of a file whose every line speaks for itself: numbers, devices to suppress, consents. A quote never
    /// takes in the next line there, since what it took in would be contacted.
    #[must_use]
    pub fn line_by_line() -> Self {
        Self { record_lines: 1, ..Self::default() }
    }
}

impl ReadOptions {
    /// Says what no file can be read with: an encoding that nobody knows, signs that can't part columns.
    pub fn check(&self) -> Result<(), FileError> {
        if let Some(label) = &self.encoding {
            encoding::known(label)?;
        }
        let quote = self.quote_byte()?;
        match self.delimiter_byte()? {
            Some(delimiter) if Some(delimiter) == quote => Err(same()),
            _ => Ok(()),
        }
    }

    /// The character between columns, where one is given.
    pub(super) fn delimiter_byte(&self) -> Result<Option<u8>, FileError> {
        self.delimiter.map(|c| ascii(c, "delimiter")).transpose()
    }

    /// The quote character.
    pub(super) fn quote_byte(&self) -> Result<Option<u8>, FileError> {
        self.quote.map(|c| ascii(c, "quote character")).transpose()
    }
}

/// The error of a delimiter that is the quote character.
pub(super) fn same() -> FileError {
    FileError::Options("a delimiter is another sign than the quote character".into())
}

fn ascii(c: char, what: &str) -> Result<u8, FileError> {
    match u8::try_from(c) {
        Ok(b) if b.is_ascii() && !b.is_ascii_alphanumeric() && !matches!(b, b'\n' | b'\r' | 0) => Ok(b),
        _ => Err(FileError::Options(format!("a {what} is one ASCII sign, no letter, digit or line end, not {c:?}"))),
    }
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            encoding: None,
            delimiter: None,
            quote: Some('"'),
            header: HeaderOption::Auto,
            fixed: None,
            limits: Limits::default(),
            temp_dir: None,
        }
    }
}

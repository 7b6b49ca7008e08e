//! Records of a file, many at a time in one allocation of text.
use std::fmt;

use cxc_core::csv_cell::unguard;

use super::reason::RejectReason;

/// A range of bytes in a batch's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Span {
    pub start: u32,
    pub end: u32,
}

/// Why the reader itself rejects a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordProblem {
    /// Bytes that are no text in the file's encoding.
    BadEncoding,
    /// Too few or too many columns.
    ColumnCount {
        /// Columns of the header.
        expected: u32,
        /// Columns of the record.
        found: u32,
    },
    /// Longer than the limit.
    TooLong {
        /// Bytes.
        limit: u32,
    },
    /// A NUL character in it.
    Nul,
    /// A quote that opens in this line and does not close.
    UnclosedQuote,
    /// A quote that opens in this line and closes so far behind, or so that it looks like two stray ones.
    StrayQuote,
}

impl RecordProblem {
    /// The reason for the rejects file.
    pub fn reason(self) -> RejectReason {
        match self {
            Self::BadEncoding => RejectReason::BadEncoding,
            Self::ColumnCount { .. } => RejectReason::ColumnCount,
            Self::TooLong { .. } => RejectReason::TooLong,
            Self::Nul | Self::UnclosedQuote | Self::StrayQuote => RejectReason::BadValue,
        }
    }
}

impl fmt::Display for RecordProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadEncoding => f.write_str("the line has bytes that are no text in the encoding of the file"),
            Self::ColumnCount { expected, found } => {
                write!(f, "the line has {found} columns where the file has {expected}")
            }
            Self::TooLong { limit } => write!(f, "a line may have {limit} bytes at most"),
            Self::Nul => f.write_str("the line has a NUL character"),
            Self::UnclosedQuote => f.write_str("a quote opens in this line and is not closed"),
            Self::StrayQuote => f.write_str(
                "a quote opens in this line and would take in the lines behind it: close it in the line, or write it \
                 twice within quotes",
            ),
        }
    }
}

/// What a record is to the count of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordStatus {
    /// Columns to be mapped.
    Data,
    /// Nothing but delimiters and spaces.
    Blank,
    /// Rejected by the reader.
    Rejected(RecordProblem),
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Record {
    pub line: u64,
    pub raw: Span,
    pub first: u32,
    pub count: u32,
    pub status: RecordStatus,
}

/// Records in file order with the text that they point into.
#[derive(Debug, Default)]
pub struct Batch {
    pub(super) text: String,
    pub(super) spans: Vec<Span>,
    pub(super) records: Vec<Record>,
    /// Bytes of the file (packed, where it is packed) that were read when this batch was complete.
    pub bytes_read: u64,
}

impl Batch {
    /// The number of records, of every status.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The record at a place in the batch.
    pub fn get(&self, index: usize) -> Option<RecordRef<'_>> {
        self.records.get(index).map(|&record| RecordRef { batch: self, record })
    }

    /// All records.
    pub fn records(&self) -> impl ExactSizeIterator<Item = RecordRef<'_>> {
        self.records.iter().map(|&record| RecordRef { batch: self, record })
    }

    fn slice(&self, span: Span) -> &str {
        self.text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }
}

/// One record of a batch.
#[derive(Debug, Clone, Copy)]
pub struct RecordRef<'a> {
    batch: &'a Batch,
    record: Record,
}

impl<'a> RecordRef<'a> {
    /// The physical line where the record starts, from 1; the row of a spreadsheet.
    pub fn line_number(&self) -> u64 {
        self.record.line
    }

    /// What it is to the count of lines.
    pub fn status(&self) -> RecordStatus {
        self.record.status
    }

    /// The record as it stands in the file, decoded, without its line end; the first 4 kB of one that
    /// is too long.
    pub fn raw(&self) -> &'a str {
        self.batch.slice(self.record.raw)
    }

    /// The number of columns.
    pub fn len(&self) -> usize {
        self.record.count as usize
    }

    /// Whether it has no columns.
    pub fn is_empty(&self) -> bool {
        self.record.count == 0
    }

    /// A column's text without its quotes and without our guard against formulas, not trimmed; empty where the record
    /// has no such column.
    pub fn field(&self, index: usize) -> &'a str {
        if index >= self.len() {
            return "";
        }
        self.batch.spans.get(self.record.first as usize + index).map_or("", |&span| unguard(self.batch.slice(span)))
    }

    /// All columns.
    pub fn fields(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let this = *self;
        (0..this.len()).map(move |i| this.field(i))
    }
}

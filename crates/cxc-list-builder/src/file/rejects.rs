//! The rejects file: the original columns and why the line was not taken.
use std::io::Write;

use cxc_core::csv_cell::guard;

use super::batch::{RecordProblem, RecordRef, RecordStatus};
use super::error::FileError;
use super::reader::column_name;
use super::reason::RejectReason;

/// The columns behind the original ones.
pub const REJECT_COLUMNS: [&str; 4] = ["line_number", "column", "reason_code", "reason_text"];

/// Why a record was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// The code.
    pub reason: RejectReason,
    /// The index of the column at fault, where one is.
    pub column: Option<usize>,
    /// In words.
    pub text: String,
}

impl From<RecordProblem> for Reject {
    fn from(problem: RecordProblem) -> Self {
        Self { reason: problem.reason(), column: None, text: problem.to_string() }
    }
}

/// Writes a rejects file: RFC 4180, UTF-8, one header. What begins like a formula is guarded; the reader takes the
/// guard away when the file is corrected and imported again.
pub struct RejectsWriter<W: Write> {
    out: csv::Writer<W>,
    header: Vec<String>,
    /// Original columns; a rejects file that is imported again gets new reasons, not further ones.
    originals: usize,
    written: u64,
}

impl<W: Write> RejectsWriter<W> {
    /// Writes the header of a file with these column names, or with this many columns without names.
    pub fn new(out: W, header: &[String], columns: usize) -> Result<Self, FileError> {
        let originals = originals(header, columns);
        let mut out = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).flexible(true).from_writer(out);
        let names = (0..originals).map(|i| match header.get(i) {
            Some(name) => guard(name).into_owned(),
            None => column_name(header, i),
        });
        out.write_record(names.chain(REJECT_COLUMNS.map(str::to_owned))).map_err(failed)?;
        Ok(Self { out, header: header.to_vec(), originals, written: 0 })
    }

    /// Writes one record. Columns beyond the header are joined to the last one, so that the reasons
    /// keep their place; of a record that could not be split, the first column has the line.
    pub fn write(&mut self, record: RecordRef<'_>, reject: &Reject) -> Result<(), FileError> {
        let unsplit = record.is_empty() && matches!(record.status(), RecordStatus::Rejected(_));
        for i in 0..self.originals {
            let last = i + 1 == self.originals;
            if unsplit && i == 0 {
                self.out.write_field(guard(record.raw()).as_ref())
            } else if last && record.len() > self.header.len().max(self.originals) {
                let rest: Vec<&str> = record.fields().skip(i).collect();
                self.out.write_field(guard(&rest.join(",")).as_ref())
            } else {
                self.out.write_field(guard(record.field(i)).as_ref())
            }
            .map_err(failed)?;
        }
        let column = reject.column.map(|c| column_name(&self.header, c)).unwrap_or_default();
        let line = record.line_number().to_string();
        for field in [line.as_str(), &column, reject.reason.code(), &reject.text] {
            self.out.write_field(guard(field).as_ref()).map_err(failed)?;
        }
        self.out.write_record(None::<&[u8]>).map_err(failed)?;
        self.written += 1;
        Ok(())
    }

    /// Records written.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Writes out what is buffered and gives the output back.
    pub fn finish(self) -> Result<W, FileError> {
        self.out.into_inner().map_err(|e| FileError::Io(std::io::Error::new(e.error().kind(), e.to_string())))
    }
}

/// The columns that are the user's own: not the reasons of an earlier rejects file.
pub fn originals(header: &[String], columns: usize) -> usize {
    let own = header.len().saturating_sub(REJECT_COLUMNS.len());
    let is_rejects_file = own > 0 && header[own..].iter().zip(REJECT_COLUMNS).all(|(name, reject)| name == reject);
    if is_rejects_file { own } else { columns.max(header.len()).max(1) }
}

fn failed(error: csv::Error) -> FileError {
    FileError::Io(error.into())
}

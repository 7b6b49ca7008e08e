//! XLSX and XLS: the first sheet is written out as comma-separated text, cell by cell, and read like
//! any other list. So only a workbook's texts are held in memory, and one set of rules splits all files.
use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use calamine::{Data, DataRef, ExcelDateTime, Reader, SheetType, SheetVisible, Xls, Xlsx};
use tempfile::NamedTempFile;

use super::error::FileError;
use super::options::ReadOptions;
use super::source::temp_file;
use super::trim::trim;

/// The largest XLS in bytes: its library holds it in memory several times over.
const MAX_XLS: u64 = 64_000_000;
/// Written text for each byte of the workbook's limit: shared texts may stand in many cells.
const GROWTH: u64 = 4;

/// What was read of a workbook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sheet {
    /// The sheet's name.
    pub name: String,
    /// Sheets of the workbook that were not read.
    pub others: usize,
    /// Cells that hold an error such as `#N/A`; they are read as empty.
    pub error_cells: u64,
}

type Unpacked = (NamedTempFile, Sheet);

/// Writes out the first visible sheet of an XLSX workbook that the archive check has passed.
pub(super) fn xlsx_to_text(file: File, options: &ReadOptions) -> Result<Unpacked, FileError> {
    guarded(move || {
        let mut book = Xlsx::new(BufReader::new(file)).map_err(damaged)?;
        let (name, others) = first_sheet(book.sheets_metadata())?;
        let mut out = Writer::new(options)?;
        let mut cells = book.worksheet_cells_reader(&name).map_err(damaged)?;
        while let Some(cell) = cells.next_cell().map_err(damaged)? {
            out.cell(cell.get_position(), &cell.get_value().clone())?;
        }
        out.finish(name, others)
    })
}

/// Writes out the first visible sheet of an XLS workbook.
pub(super) fn xls_to_text(file: File, options: &ReadOptions) -> Result<Unpacked, FileError> {
    if file.metadata()?.len() > MAX_XLS {
        return Err(FileError::TooLarge { what: "spreadsheet", limit: MAX_XLS });
    }
    guarded(move || {
        let mut book = Xls::new(BufReader::new(file)).map_err(damaged)?;
        let (name, others) = first_sheet(book.sheets_metadata())?;
        let range = book.worksheet_range(&name).map_err(damaged)?;
        let mut out = Writer::new(options)?;
        let (top, left) = range.start().unwrap_or_default();
        for (row, column, value) in range.used_cells() {
            let at = (top + u32::try_from(row).unwrap_or(u32::MAX), left + u32::try_from(column).unwrap_or(u32::MAX));
            out.cell(at, &borrowed(value))?;
        }
        out.finish(name, others)
    })
}

/// The library meets hostile bytes; should it panic, the file is damaged and nothing else is.
fn guarded(work: impl FnOnce() -> Result<Unpacked, FileError>) -> Result<Unpacked, FileError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(FileError::Damaged("the workbook cannot be understood".into())))
}

/// The library's words are for its makers; what helps is another copy of the workbook.
fn damaged(error: impl std::fmt::Display) -> FileError {
    tracing::debug!(%error, "a workbook cannot be read");
    FileError::Damaged("the workbook cannot be read; save it again, as XLSX or as CSV".into())
}

fn first_sheet(sheets: &[calamine::Sheet]) -> Result<(String, usize), FileError> {
    let worksheet = |s: &&calamine::Sheet| s.typ == SheetType::WorkSheet;
    let visible = sheets.iter().filter(worksheet).find(|s| s.visible == SheetVisible::Visible);
    let first = visible.or_else(|| sheets.iter().find(worksheet));
    first.map(|s| (s.name.clone(), sheets.len() - 1)).ok_or(FileError::Empty)
}

fn borrowed(value: &Data) -> DataRef<'_> {
    match value {
        Data::Int(v) => DataRef::Int(*v),
        Data::Float(v) => DataRef::Float(*v),
        Data::String(v) => DataRef::SharedString(v),
        Data::Bool(v) => DataRef::Bool(*v),
        Data::DateTime(v) => DataRef::DateTime(*v),
        Data::DateTimeIso(v) | Data::DurationIso(v) => DataRef::SharedString(v),
        Data::Error(e) => DataRef::Error(e.clone()),
        _ => DataRef::Empty,
    }
}

/// Writes cells as records: one a row, rows without cells as blank lines. Rows behind the last value are no
/// lines: a sheet may be formatted down to its last row.
struct Writer {
    out: BufWriter<NamedTempFile>,
    row: u32,
    column: u32,
    left: u64,
    limit: u64,
    errors: u64,
    number: String,
}

impl Writer {
    fn new(options: &ReadOptions) -> Result<Self, FileError> {
        let limit = options.limits.spreadsheet;
        let out = BufWriter::with_capacity(256 << 10, temp_file(options)?);
        Ok(Self { out, row: 0, column: 0, left: limit.saturating_mul(GROWTH), limit, errors: 0, number: String::new() })
    }

    fn cell(&mut self, (row, column): (u32, u32), value: &DataRef<'_>) -> Result<(), FileError> {
        if let DataRef::Error(_) = value {
            self.errors += 1;
        }
        if row > self.row && is_blank(value) || matches!(value, DataRef::Empty) {
            return Ok(());
        }
        self.move_to(row, column)?;
        let mut number = std::mem::take(&mut self.number);
        number.clear();
        let result = match value {
            DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => self.text(text),
            DataRef::SharedString(text) => self.text(text),
            DataRef::Int(v) => self.plain(&v.to_string()),
            DataRef::Float(v) => {
                write_float(&mut number, *v);
                self.plain(&number)
            }
            DataRef::Bool(v) => self.plain(if *v { "TRUE" } else { "FALSE" }),
            DataRef::DateTime(v) => self.plain(&date_text(v)),
            DataRef::Error(_) | DataRef::Empty => Ok(()),
        };
        self.number = number;
        result
    }

    fn move_to(&mut self, row: u32, column: u32) -> Result<(), FileError> {
        if row < self.row || (row == self.row && column < self.column) {
            return Err(FileError::Damaged("the cells of the sheet are out of order".into()));
        }
        while self.row < row {
            self.plain("\n")?;
            self.row += 1;
            self.column = 0;
        }
        while self.column < column {
            self.plain(",")?;
            self.column += 1;
        }
        Ok(())
    }

    fn plain(&mut self, text: &str) -> Result<(), FileError> {
        let too_large = FileError::TooLarge { what: "spreadsheet", limit: self.limit };
        self.left = self.left.checked_sub(text.len() as u64).ok_or(too_large)?;
        Ok(self.out.write_all(text.as_bytes())?)
    }

    fn text(&mut self, text: &str) -> Result<(), FileError> {
        if !text.contains(['"', ',', '\n', '\r']) {
            return self.plain(text);
        }
        self.plain("\"")?;
        for (i, part) in text.split('"').enumerate() {
            if i > 0 {
                self.plain("\"\"")?;
            }
            self.plain(part)?;
        }
        self.plain("\"")
    }

    fn finish(mut self, name: String, others: usize) -> Result<Unpacked, FileError> {
        if self.row > 0 || self.column > 0 || self.left < self.limit.saturating_mul(GROWTH) {
            self.plain("\n")?;
        }
        self.out.flush()?;
        let file = self.out.into_inner().map_err(|e| FileError::from(e.into_error()))?;
        Ok((file, Sheet { name, others, error_cells: self.errors }))
    }
}

/// A phone number kept as a number must not become `1.2025550123e10`.
fn write_float(out: &mut String, value: f64) {
    use std::fmt::Write as _;
    let written =
        if value.fract() == 0.0 && value.abs() < 1e15 { write!(out, "{value:.0}") } else { write!(out, "{value}") };
    debug_assert!(written.is_ok(), "a string takes any text");
}

/// Whether a cell has nothing that a reader of lists would see.
fn is_blank(value: &DataRef<'_>) -> bool {
    match value {
        DataRef::Empty | DataRef::Error(_) => true,
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => trim(text).is_empty(),
        DataRef::SharedString(text) => trim(text).is_empty(),
        _ => false,
    }
}

fn date_text(value: &ExcelDateTime) -> String {
    let days = value.as_f64();
    // less than a day is a time of day, of no day
    if value.is_duration() || (0.0..1.0).contains(&days) {
        let sign = if days < 0.0 { "-" } else { "" };
        let seconds = (days.abs() * 86_400.0).round() as u64;
        return format!("{sign}{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
    }
    let (year, month, day, hour, minute, second, _) = value.to_ymd_hms_milli();
    if (hour, minute, second) == (0, 0, 0) {
        format!("{year:04}-{month:02}-{day:02}")
    } else {
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
    }
}

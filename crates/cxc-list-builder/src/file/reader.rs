//! Opens a list: finds its kind, encoding, delimiter and header, and hands out its records.
use std::fmt;
use std::io::{self, Read};
use std::path::Path;

use super::batch::{Batch, RecordStatus};
use super::decode::TextSource;
use super::dialect::{self, SAMPLE_RECORDS, Sample};
use super::encoding::{self, Found, How};
use super::error::FileError;
use super::fixed::Positions;
use super::kind;
use super::options::{self, FixedColumn, HeaderOption, ReadOptions};
use super::records::{Layout, Records, Width};
use super::source::{Packing, Source};
use super::split::Splitter;
use super::trim::trim;
use super::window::Window;

/// The beginning that encoding and delimiter are told from.
const SAMPLE_BYTES: u64 = 1 << 20;
/// How far a file of pure ASCII is searched for the first letter that tells its encoding.
const ASCII_SEARCH: u64 = 64 << 20;

/// What a file is split by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// Text with this character between columns.
    Delimited(char),
    /// Text with columns at fixed positions.
    Fixed,
    /// A workbook's sheet.
    Spreadsheet,
}

/// An open list.
pub struct FileReader {
    /// What it is.
    pub kind: FileKind,
    /// How it was packed.
    pub packing: Packing,
    /// The encoding's name.
    pub encoding: &'static str,
    /// The columns' names, without space around them; empty where the file has none.
    pub header: Vec<String>,
    /// The number of columns.
    pub columns: usize,
    /// The size that `Batch::bytes_read` runs up to.
    pub total_bytes: u64,
    /// In words, what was found out, for the user.
    pub notes: Vec<String>,
    /// What somebody should know who takes the file as it is.
    pub doubts: Vec<Doubt>,
    sample: Batch,
    records: Records,
    // Keeps a spreadsheet's temporary file.
    _source: Source,
}

/// A reason to look at a file again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// So many sheets of the workbook are not read.
    OtherSheets(usize),
    /// So many letters look like UTF-8 in a file that is read as Windows-1252.
    MixedEncoding(usize),
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherSheets(others) => {
                let sheets = if *others == 1 { "one more sheet is" } else { &format!("{others} more sheets are") };
                write!(f, "{sheets} not read: save each as a file of its own")
            }
            Self::MixedEncoding(letters) => write!(
                f,
                "the file is read as Windows-1252, yet {letters} of its letters look like UTF-8 and become wrong ones (ë is \
                 Ã«): save all of it in one encoding, or say which one it is in, and import it again"
            ),
        }
    }
}

/// Opens a list. Spreadsheets are unpacked here, everything else is read as it is asked for.
pub fn open(path: &Path, options: &ReadOptions) -> Result<FileReader, FileError> {
    let source = Source::find(path, options)?;
    let (raw, whole) = beginning(&source)?;
    let found = find_encoding(&source, &raw, whole, options)?;
    let sample = decoded(&raw, whole, found)?;
    let (layout, kind, skip_line) = layout(&source, &sample, options)?;
    let rows = source.sheet.is_some();
    let limit = options.limits.record_bytes;

    let mut first = sample.records(layout.clone(), limit, rows, SAMPLE_RECORDS + 2)?;
    if skip_line && !first.is_empty() {
        first.records.remove(0);
    }
    let has_header = match options.header {
        HeaderOption::Yes => true,
        HeaderOption::No => false,
        HeaderOption::Auto if options.fixed.is_some() => false,
        HeaderOption::Auto => dialect::has_header(&first),
    };
    let mut records = start(&source, found, layout, limit, rows)?;
    if skip_line {
        records.skip_line()?;
    }
    let named: Option<Vec<String>> = options.fixed.as_ref().map(|f| f.iter().map(|c| c.name.clone()).collect());
    let header = match (has_header, named) {
        (true, None) => read_header(&mut records)?,
        (true, Some(names)) => {
            records.skip_line()?;
            names
        }
        (false, names) => names.unwrap_or_default(),
    };
    let width = width(&header, &first, rows);
    if width.most > options.limits.columns {
        return Err(FileError::Header(format!("it has more than {} columns", options.limits.columns)));
    }
    records.width = Some(width);
    keep_data(&mut first, has_header, width);
    let encoding = if rows { "UTF-8" } else { found.name(&raw) };
    let notes = notes(&source, kind, encoding, found.how, has_header);
    Ok(FileReader {
        kind,
        packing: source.packing,
        encoding,
        header,
        columns: width.most,
        total_bytes: source.total,
        notes,
        doubts: doubts(&source, found),
        sample: first,
        records,
        _source: source,
    })
}

impl FileReader {
    /// The next records in file order, at most `max` and about 2 MB; none at the end.
    pub fn next_batch(&mut self, max: usize) -> Result<Option<Batch>, FileError> {
        self.records.batch(max)
    }

    /// The first records of data, from which a mapping is guessed and a preview is shown. Reading
    /// starts before them.
    pub fn sample(&self) -> &Batch {
        &self.sample
    }

    /// The name of a column: its header, or `column 3`.
    pub fn column_name(&self, index: usize) -> String {
        column_name(&self.header, index)
    }
}

/// The name of a column: its header, or `column 3` where it has none.
pub fn column_name(header: &[String], index: usize) -> String {
    match header.get(index).filter(|name| !name.is_empty()) {
        Some(name) => name.clone(),
        None => format!("column {}", index + 1),
    }
}

fn beginning(source: &Source) -> Result<(Vec<u8>, bool), FileError> {
    let mut raw = Vec::new();
    source.open()?.reader.take(SAMPLE_BYTES + 1).read_to_end(&mut raw)?;
    let whole = raw.len() as u64 <= SAMPLE_BYTES;
    raw.truncate(SAMPLE_BYTES as usize);
    Ok((raw, whole))
}

fn find_encoding(source: &Source, raw: &[u8], whole: bool, options: &ReadOptions) -> Result<Found, FileError> {
    if source.sheet.is_some() {
        return Ok(Found::new(encoding_rs::UTF_8, 0, How::Given));
    }
    let found = encoding::find(raw, whole, options.encoding.as_deref(), || later_letters(source));
    let wide = |f: &Found| f.encoding == encoding_rs::UTF_16LE || f.encoding == encoding_rs::UTF_16BE;
    if !found.as_ref().is_ok_and(wide) && kind::is_binary(raw) && !matches!(found, Err(FileError::WrongEncoding { .. }))
    {
        return Err(FileError::Binary);
    }
    found
}

/// A stretch of the file from the first byte outside ASCII behind the sample.
fn later_letters(source: &Source) -> Result<Vec<u8>, FileError> {
    let mut reader = source.open()?.reader.take(ASCII_SEARCH);
    let mut chunk = vec![0_u8; 1 << 20];
    loop {
        let n = reader.read(&mut chunk)?;
        if n == 0 {
            return Ok(Vec::new());
        }
        // A check of the whole is many times faster than a search.
        if !chunk[..n].is_ascii()
            && let Some(at) = chunk[..n].iter().position(|b| !b.is_ascii())
        {
            let mut stretch = chunk[at..n].to_vec();
            reader.take(64 << 10).read_to_end(&mut stretch)?;
            return Ok(stretch);
        }
    }
}

fn decoded(raw: &[u8], whole: bool, found: Found) -> Result<Sample, FileError> {
    let body = raw.get(found.mark..).unwrap_or_default();
    let mut text = Vec::with_capacity(body.len());
    let mut source = TextSource::new(Box::new(io::Cursor::new(body.to_vec())), found.encoding);
    while source.fill(&mut text, 1 << 20)? {}
    if whole && super::trim::is_blank(&text) {
        return Err(FileError::Empty);
    }
    Ok(Sample { text: text.into(), whole })
}

fn start(source: &Source, found: Found, layout: Layout, limit: usize, rows: bool) -> Result<Records, FileError> {
    let mut stream = source.open()?;
    io::copy(&mut stream.reader.by_ref().take(found.mark as u64), &mut io::sink())?;
    let window = Window::new(TextSource::new(stream.reader, found.encoding));
    Ok(Records::new(window, layout, limit, rows, stream.read))
}

fn layout(source: &Source, sample: &Sample, options: &ReadOptions) -> Result<(Layout, FileKind, bool), FileError> {
    let (quote, lines) = (options.quote_byte()?, options.limits.record_lines.max(1));
    if source.sheet.is_some() {
        let splitter = Splitter { delimiter: b',', quote: Some(b'"'), lines: usize::MAX };
        return Ok((Layout::Delimited(splitter), FileKind::Spreadsheet, false));
    }
    if let Some(columns) = &options.fixed {
        check_fixed(columns, options.limits.columns)?;
        return Ok((Layout::Fixed(Positions::new(columns)), FileKind::Fixed, false));
    }
    let declared = dialect::declared_delimiter(&sample.text);
    let delimiter = match (options.delimiter_byte()?, declared) {
        (Some(given), _) => given,
        (None, Some(declared)) => declared,
        (None, None) => dialect::delimiter(sample, quote, lines, options.limits.record_bytes)?,
    };
    if Some(delimiter) == quote {
        return Err(options::same());
    }
    let splitter = Splitter { delimiter, quote, lines };
    Ok((Layout::Delimited(splitter), FileKind::Delimited(char::from(delimiter)), declared.is_some()))
}

fn check_fixed(columns: &[FixedColumn], most: usize) -> Result<(), FileError> {
    let wrong = |c: &&FixedColumn| c.start == 0 || c.length == 0 || c.start.saturating_add(c.length) > 1_000_000;
    if columns.is_empty() || columns.len() > most {
        return Err(FileError::Options(format!("a fixed-position file has 1 to {most} columns")));
    }
    match columns.iter().find(wrong) {
        Some(c) => {
            Err(FileError::Options(format!("column {:?} needs a start from 1 and a length from 1 characters", c.name)))
        }
        None => Ok(()),
    }
}

/// The first record that is not blank. Reading goes on behind it.
fn read_header(records: &mut Records) -> Result<Vec<String>, FileError> {
    while let Some(batch) = records.batch(1)? {
        for record in batch.records() {
            match record.status() {
                RecordStatus::Blank => {}
                RecordStatus::Rejected(problem) => return Err(FileError::Header(problem.to_string())),
                RecordStatus::Data => return Ok(record.fields().map(|f| trim(f).to_owned()).collect()),
            }
        }
    }
    Err(FileError::Empty)
}

/// Columns without a name at the end of the header may be missing in records; rows of a sheet end
/// at their last cell.
fn width(header: &[String], sample: &Batch, rows: bool) -> Width {
    let named = header.iter().rposition(|name| !name.is_empty()).map_or(0, |at| at + 1);
    if header.is_empty() {
        let widest = sample.records().map(|r| r.len()).max().unwrap_or(1);
        let usual = dialect::usual_width(sample);
        return if rows { Width { least: 0, most: widest } } else { Width { least: usual, most: usual } };
    }
    Width { least: if rows { 0 } else { named }, most: header.len() }
}

/// Leaves the data records of the right width in the sample.
fn keep_data(sample: &mut Batch, has_header: bool, width: Width) {
    let mut header_to_come = has_header;
    sample.records.retain(|r| {
        let data = r.status == RecordStatus::Data;
        let is_header = data && std::mem::take(&mut header_to_come);
        data && !is_header && (width.least..=width.most.saturating_add(1)).contains(&(r.count as usize))
    });
    sample.records.truncate(SAMPLE_RECORDS);
}

fn doubts(source: &Source, found: Found) -> Vec<Doubt> {
    let sheets = source.sheet.as_ref().map(|sheet| sheet.others).filter(|others| *others > 0);
    let letters = Some(found.odd).filter(|odd| *odd > 0);
    sheets.map(Doubt::OtherSheets).into_iter().chain(letters.map(Doubt::MixedEncoding)).collect()
}

fn notes(source: &Source, kind: FileKind, encoding: &str, how: How, has_header: bool) -> Vec<String> {
    let mut notes = Vec::new();
    match (source.packing, &source.member) {
        (Packing::Zip, Some(member)) => notes.push(format!("the file is a ZIP with the member {member:?}")),
        (Packing::Gzip, _) => notes.push("the file is packed by gzip".into()),
        _ => {}
    }
    if let Some(sheet) = &source.sheet {
        notes.push(format!("the sheet {:?} is read", sheet.name));
        if sheet.others > 0 {
            notes.push(Doubt::OtherSheets(sheet.others).to_string());
        }
        if sheet.error_cells > 0 {
            notes.push(format!("{} cells hold an error such as #N/A and are read as empty", sheet.error_cells));
        }
    } else {
        let why = match how {
            How::Mark => "by its byte-order mark",
            How::Given => "as given",
            How::Ascii => "as it has only ASCII characters",
            How::Bytes => "by its bytes",
            How::Guess => "by the frequency of its letters; give the encoding if names look wrong",
        };
        notes.push(format!("the encoding is {encoding}, {why}"));
    }
    match kind {
        FileKind::Delimited('\t') => notes.push("columns are separated by tabs".into()),
        FileKind::Delimited(c) => notes.push(format!("columns are separated by {c:?}")),
        FileKind::Fixed => notes.push("columns stand at fixed positions".into()),
        FileKind::Spreadsheet => {}
    }
    notes.push(if has_header { "the first line names the columns" } else { "the first line is data" }.into());
    notes
}

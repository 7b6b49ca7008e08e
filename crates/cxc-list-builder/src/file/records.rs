//! Splits decoded text into batches of records. Memory is bounded by a batch and one longest record,
//! and so is the work: a quote that never closes costs its line, not the rest of the file.
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::batch::{Batch, Record, RecordProblem, RecordStatus, Span};
use super::error::FileError;
use super::finish;
use super::fixed::Positions;
use super::look;
use super::split::{Columns, Split, Splitter, count_line_ends, line_end, span};
use super::trim::is_blank;
use super::window::Window;

/// Text of a batch after which it is complete.
const BATCH_BYTES: usize = 2 << 20;
/// Text that is kept of a record over the limit.
const KEPT: usize = 4 << 10;
/// Looking for closing quotes that are not there may cost this many longest records, and then this
/// many times the bytes read.
const QUOTE_ALLOWANCE: u64 = 8;
const QUOTE_REFILL: u64 = 4;

/// How lines become columns.
#[derive(Debug, Clone)]
pub(super) enum Layout {
    Delimited(Splitter),
    Fixed(Positions),
}

/// How many columns a record may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Width {
    pub least: usize,
    pub most: usize,
}

/// The records of a text.
pub(super) struct Records {
    window: Window,
    layout: Layout,
    limit: usize,
    /// Records are rows of a sheet: each counts one line, whatever line breaks its cells hold.
    rows: bool,
    read: Arc<AtomicU64>,
    line: u64,
    quote_budget: u64,
    /// None accepts any.
    pub width: Option<Width>,
}

enum Next {
    Record,
    Oversize,
    End,
}

impl Records {
    pub fn new(window: Window, layout: Layout, limit: usize, rows: bool, read: Arc<AtomicU64>) -> Self {
        let limit = limit.clamp(1, 64 << 20);
        let quote_budget = QUOTE_ALLOWANCE * limit as u64;
        Self { window, layout, limit, rows, read, line: 1, quote_budget, width: None }
    }

    /// Takes one line as it stands.
    pub fn skip_line(&mut self) -> Result<(), FileError> {
        self.discard_line()?;
        self.line += 1;
        Ok(())
    }

    /// The next records, at most `max` and about 2 MB of text; none at the end.
    pub fn batch(&mut self, max: usize) -> Result<Option<Batch>, FileError> {
        let mut columns = Columns::default();
        let mut records = Vec::new();
        let mut at = 0;
        while records.len() < max.max(1) && at < BATCH_BYTES {
            match self.next(&mut at, &mut columns, &mut records)? {
                Next::Record => {}
                Next::End => break,
                Next::Oversize if records.is_empty() => return self.oversize().map(Some),
                Next::Oversize => break,
            }
        }
        if records.is_empty() {
            return Ok(None);
        }
        let batch = finish::batch(&self.window.unread()[..at], columns, records, self.bytes_read());
        self.window.take(at);
        Ok(Some(batch))
    }

    fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    fn next(&mut self, at: &mut usize, columns: &mut Columns, records: &mut Vec<Record>) -> Result<Next, FileError> {
        loop {
            let data = self.window.unread();
            let start = *at;
            if start >= data.len() {
                if self.window.is_last() {
                    return Ok(Next::End);
                }
                self.window.fill(0)?;
                continue;
            }
            // The longest record and its line end.
            let bound = data.len().min(start + self.limit + 2);
            let cut = bound < data.len();
            let (mut view, mut last) = (&data[..bound], self.window.is_last() && !cut);
            let mut one_line = false;
            if self.quote_budget < self.limit as u64
                && let Some((_, next)) = line_end(view, start, last)
            {
                (view, last, one_line) = (&data[..next], true, true);
            }
            let first = columns.spans.len();
            let split = match &self.layout {
                Layout::Delimited(splitter) => splitter.record(view, start, last, columns),
                Layout::Fixed(positions) => positions.record(view, start, last, columns),
            };
            let ended = cut || one_line || self.window.is_last();
            match split {
                Split::Record { end, .. } if end - start > self.limit => {
                    columns.spans.truncate(first);
                    self.looked_in_vain(end - start);
                    return Ok(Next::Oversize);
                }
                Split::Record { end, quoted: true, .. } if self.holds_others(&data[start..end]) => {
                    columns.spans.truncate(first);
                    let Some((end, next)) = line_end(view, start, last) else { return Ok(Next::Oversize) };
                    records.push(self.rejected(span(start, end), first, RecordProblem::StrayQuote));
                    self.pass(at, next, 1);
                    return Ok(Next::Record);
                }
                Split::Record { end, next, columns: count, quoted } => {
                    let status = status(data, columns, first, count, self.width);
                    let raw = span(start, end);
                    let count = (columns.spans.len() - first) as u32;
                    let inner = if quoted && !self.rows { count_line_ends(&data[start..end]) } else { 0 };
                    records.push(Record { line: self.line, raw, first: first as u32, count, status });
                    self.pass(at, next, 1 + inner);
                    return Ok(Next::Record);
                }
                Split::Stray | Split::MoreQuoted if ended || split == Split::Stray => {
                    let looked = view.len() - start;
                    let Some((end, next)) = line_end(view, start, last) else { return Ok(Next::Oversize) };
                    let stray = split == Split::Stray;
                    let problem = if stray { RecordProblem::StrayQuote } else { RecordProblem::UnclosedQuote };
                    records.push(self.rejected(span(start, end), first, problem));
                    if !stray {
                        self.looked_in_vain(looked);
                    }
                    self.pass(at, next, 1);
                    return Ok(Next::Record);
                }
                Split::More if ended => {
                    self.looked_in_vain(bound - start);
                    return Ok(Next::Oversize);
                }
                Split::More | Split::MoreQuoted | Split::Stray => {
                    let pending = data.len() - start;
                    self.window.fill(pending)?;
                }
            }
        }
    }

    fn rejected(&self, raw: Span, first: usize, problem: RecordProblem) -> Record {
        Record { line: self.line, raw, first: first as u32, count: 0, status: RecordStatus::Rejected(problem) }
    }

    /// Whether the first line of a record and one behind it are records of their own by their columns and devices: then
    /// two stray quotes have swallowed what is between them. An address with line breaks has no such lines.
    fn holds_others(&self, record: &[u8]) -> bool {
        let Layout::Delimited(splitter) = &self.layout else { return false };
        if self.rows {
            return false;
        }
        let mut lines = record.split(|b| matches!(b, b'\n' | b'\r')).filter(|line| !line.is_empty());
        let Some(first) = lines.next().and_then(|line| self.width_of(splitter, line)) else { return false };
        lines.any(|line| self.width_of(splitter, line).is_some_and(|found| self.width.is_some() || found == first))
    }

    /// The number of columns of a line that could be a record.
    fn width_of(&self, splitter: &Splitter, line: &[u8]) -> Option<usize> {
        let mut found = Columns::default();
        let count = splitter.line(line, &mut found);
        let fits = self.width.is_none_or(|w| (w.least..=w.most).contains(&count));
        let text = |&s: &Span| str::from_utf8(found.bytes(line, s)).unwrap_or_default().to_owned();
        let is_device = |text: &str| look::is_email(text) || look::is_phone(text);
        (fits && found.spans.iter().map(text).any(|t| is_device(t.trim_matches('"')))).then_some(count)
    }

    fn pass(&mut self, at: &mut usize, next: usize, lines: u64) {
        self.line += lines;
        self.took(next - *at);
        *at = next;
    }

    fn looked_in_vain(&mut self, bytes: usize) {
        self.quote_budget = self.quote_budget.saturating_sub(bytes as u64);
    }

    fn took(&mut self, bytes: usize) {
        let most = QUOTE_ALLOWANCE * self.limit as u64;
        self.quote_budget = most.min(self.quote_budget + QUOTE_REFILL * bytes as u64);
    }

    /// A batch of the one record that is too long: its beginning is kept, the rest of its line dropped.
    fn oversize(&mut self) -> Result<Batch, FileError> {
        let data = self.window.unread();
        let kept = data[..data.len().min(KEPT)].to_vec();
        let end = memchr::memchr2(b'\n', b'\r', &kept).unwrap_or(kept.len());
        let status = RecordStatus::Rejected(RecordProblem::TooLong { limit: self.limit as u32 });
        let record = Record { line: self.line, raw: span(0, end), first: 0, count: 0, status };
        self.skip_line()?;
        Ok(finish::batch(&kept, Columns::default(), vec![record], self.bytes_read()))
    }

    fn discard_line(&mut self) -> Result<(), FileError> {
        loop {
            let data = self.window.unread();
            let last = self.window.is_last();
            if let Some((_, next)) = line_end(data, 0, last) {
                self.window.take(next);
                self.took(next);
                return Ok(());
            }
            // A CR at the end may have its LF still to come.
            let keep = usize::from(data.last() == Some(&b'\r'));
            let n = data.len() - keep;
            self.window.take(n);
            self.took(n);
            self.window.fill(0)?;
        }
    }
}

/// Columns of nothing but space behind the last column are dropped: Excel and others leave delimiters there.
fn status(data: &[u8], columns: &mut Columns, first: usize, count: usize, width: Option<Width>) -> RecordStatus {
    let text = |columns: &Columns, s: Span| is_blank(columns.bytes(data, s));
    if columns.spans[first..].iter().all(|&s| text(columns, s)) && columns.spans.len() - first == count {
        columns.spans.truncate(first);
        return RecordStatus::Blank;
    }
    let Some(width) = width else { return RecordStatus::Data };
    let mut found = count;
    while found > width.most
        && columns.spans.len() - first == found
        && columns.spans.last().is_some_and(|&s| text(columns, s))
    {
        columns.spans.pop();
        found -= 1;
    }
    if found < width.least || found > width.most {
        let (expected, found) = (width.most as u32, count as u32);
        return RecordStatus::Rejected(RecordProblem::ColumnCount { expected, found });
    }
    RecordStatus::Data
}

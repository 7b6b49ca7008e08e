//! Finds the delimiter and the header of delimited text from its beginning.
use std::io::Cursor;
use std::sync::Arc;

use cxc_core::field::{ContactField, header_meaning};

use super::batch::{Batch, RecordStatus};
use super::decode::TextSource;
use super::error::FileError;
use super::look;
use super::records::{Layout, Records};
use super::split::{Splitter, line_end};
use super::window::Window;

/// Records that detection looks at, and that a mapping is guessed from.
pub(super) const SAMPLE_RECORDS: usize = 100;

/// The decoded beginning of a file.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub text: Arc<[u8]>,
    /// Whether it is all of the file.
    pub whole: bool,
}

impl Sample {
    /// The first records, whole ones only.
    pub fn records(&self, layout: Layout, limit: usize, rows: bool, max: usize) -> Result<Batch, FileError> {
        let source = TextSource::new(Box::new(Cursor::new(Arc::clone(&self.text))), encoding_rs::UTF_8);
        let mut records = Records::new(Window::new(source), layout, limit, rows, Arc::default());
        let mut batch = records.batch(max)?.unwrap_or_default();
        if !self.whole && batch.len() > 1 && batch.len() < max {
            batch.records.pop();
        }
        Ok(batch)
    }
}

/// The delimiter that Excel writes in a first line of its own, `sep=;`, and that line's length.
pub(super) fn declared_delimiter(text: &[u8]) -> Option<u8> {
    let (end, _) = line_end(text, 0, true)?;
    let line = text[..end].trim_ascii();
    let line = line.strip_prefix(b"\"").and_then(|l| l.strip_suffix(b"\"")).unwrap_or(line);
    // The delimiter may be a tab, which trimming took away.
    let untrimmed = text[..end].trim_ascii_start();
    match line.get(..4)?.to_ascii_lowercase().as_slice() {
        b"sep=" if line.len() == 5 => line.last().copied(),
        b"sep=" if line.len() == 4 && untrimmed.get(4) == Some(&b'\t') => Some(b'\t'),
        _ => None,
    }
}

/// The delimiter of a sample; a comma where there is only one column.
pub(super) fn delimiter(sample: &Sample, quote: Option<u8>, lines: usize, limit: usize) -> Result<u8, FileError> {
    let mut best = (0.0, b',');
    for delimiter in [b'\t', b';', b'|', b',', b':'] {
        if memchr::memchr(delimiter, &sample.text).is_none() {
            continue;
        }
        let layout = Layout::Delimited(Splitter { delimiter, quote, lines });
        let batch = sample.records(layout, limit, false, SAMPLE_RECORDS)?;
        // Times and addresses of pages have colons, too.
        let weight = if delimiter == b':' { 0.5 } else { 1.0 };
        let score = weight * score(&batch);
        if score > best.0 {
            best = (score, delimiter);
        }
    }
    Ok(best.1)
}

/// How well a delimiter explains the records: they have the same number of columns, many of them, the
/// first one too, and what is between them are whole names, numbers and addresses.
fn score(batch: &Batch) -> f64 {
    let filled: Vec<_> = batch.records().filter(|r| r.status() != RecordStatus::Blank).collect();
    let good: Vec<_> = filled.iter().filter(|r| r.status() == RecordStatus::Data).collect();
    let Some(first) = good.first() else { return 0.0 };
    let usual = usual_width(batch);
    if usual < 2 {
        return 0.0;
    }
    let same = good.iter().filter(|r| r.len() == usual).count();
    let share = same as f64 / filled.len() as f64;
    let first_fits = if first.len().abs_diff(usual) <= 1 { 1.0 } else { 0.6 };
    let named = first.fields().filter(|f| header_meaning(f).is_some()).count();
    let typed =
        good.iter().take(20).flat_map(|r| r.fields()).filter(|f| look::is_email(f) || look::is_phone(f)).count();
    let known = named.min(4) as f64 + (typed as f64 / good.len().min(20) as f64).min(4.0);
    share * share * (usual as f64).sqrt() * first_fits * (1.0 + 0.5 * known)
}

/// The number of columns that most records have.
pub(super) fn usual_width(batch: &Batch) -> usize {
    let mut widths: Vec<usize> =
        batch.records().filter(|r| r.status() == RecordStatus::Data).map(|r| r.len()).collect();
    widths.sort_unstable();
    let runs = widths.chunk_by(|a, b| a == b);
    runs.max_by_key(|run| run.len()).and_then(|run| run.first().copied()).unwrap_or(1)
}

/// Whether the first record with anything in it names the columns.
pub(super) fn has_header(batch: &Batch) -> bool {
    let mut filled = batch.records().filter(|r| r.status() != RecordStatus::Blank);
    let Some(first) = filled.next() else { return false };
    let names: Vec<&str> = first.fields().collect();
    if names.iter().any(|n| look::is_email(n) || look::is_surely_phone(n)) {
        return false;
    }
    // A single column of names is rarely a list; `name` alone over numbers is.
    if names.iter().any(|n| means_a_field(n)) {
        return true;
    }
    !names.iter().any(|n| look::is_data(n)) && names.iter().any(|n| !n.is_empty())
}

/// Words such as `Mobile` may be values; that is why a phone or an address in the line goes first.
fn means_a_field(name: &str) -> bool {
    header_meaning(name).is_some() || ContactField::from_key(name).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(text: &str) -> Sample {
        Sample { text: text.as_bytes().into(), whole: true }
    }

    fn found(text: &str) -> char {
        char::from(delimiter(&sample(text), Some(b'"'), 20, 1 << 20).unwrap())
    }

    fn header(text: &str) -> bool {
        let delimiter = found(text) as u8;
        let layout = Layout::Delimited(Splitter { delimiter, quote: Some(b'"'), lines: 20 });
        has_header(&sample(text).records(layout, 1 << 20, false, 100).unwrap())
    }

    #[test]
    fn the_delimiter_is_what_explains_the_lines() {
        assert_eq!(found("name,phone\nAnn,+12025550123\n"), ',');
        assert_eq!(found("Name;Betrag;Telefon\nAnn;1,50;+4930123456\nBob;2,50;+4930123457\n"), ';');
        assert_eq!(found("name\tphone\nSmith, Ann\t+12025550123\nDoe, Bob\t+12025550124\n"), '\t');
        assert_eq!(found("name|phone\nAnn|+12025550123\n"), '|');
        assert_eq!(found("name:phone\nAnn:+12025550123\n"), ':');
        assert_eq!(found("name,at,phone\nAnn,10:30:00,+12025550123\nBob,11:30:00,+12025550124\n"), ',');
        assert_eq!(found("\"a;b;c\",\"+12025550123\"\n\"d;e;f\",\"+12025550124\"\n"), ',');
        assert_eq!(found("+12025550123\n+12025550124\n"), ',');
        assert_eq!(found("1,5;+4930123456;x\n2,5;+4930123457;y\n"), ';');
    }

    #[test]
    fn a_line_for_excel_declares_the_delimiter() {
        assert_eq!(declared_delimiter(b"sep=;\r\na;b\n"), Some(b';'));
        assert_eq!(declared_delimiter(b"\"SEP=|\"\na|b\n"), Some(b'|'));
        assert_eq!(declared_delimiter(b"sep=\t\na\tb\n"), Some(b'\t'));
        assert_eq!(declared_delimiter(b"separator,phone\n"), None);
    }

    #[test]
    fn a_header_is_told_from_data() {
        assert!(header("name,phone\nAnn,+12025550123\n"));
        assert!(header("foo,bar\nAnn,x\n"));
        assert!(header("Phone\n2025550123\n"));
        assert!(!header("Ann,Mobile,+12025550123\nBob,Home,+12025550124\n"));
        assert!(!header("1001,Ann,2025550123\n"));
        assert!(!header("ann@example.com\nbob@example.com\n"));
        assert!(!header("Ann,17\nBob,18\n"));
    }
}

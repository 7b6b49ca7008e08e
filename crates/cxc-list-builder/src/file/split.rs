//! Finds the end and the columns of one record of delimited text.
//!
//! The csv library copies every column and cannot go back to the first line of a quote that never
//! closes. Here a column is a range of the bytes as read; only one with doubled quotes is copied.
use memchr::{memchr, memchr2, memchr3};

use super::batch::Span;

/// Columns of one record that are kept; the rest is only counted, since no header is so wide.
const MAX_SPANS: usize = 4_096;
/// Marks a range that points into the copies.
pub(super) const COPIED: u32 = 1 << 31;

/// What splits columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Splitter {
    pub delimiter: u8,
    pub quote: Option<u8>,
    /// The most lines of a record, its quoted columns with line breaks among them; 1 where none may have any, 0 where
    /// a quote that does not close is text.
    pub lines: usize,
}

/// A record as found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Split {
    /// It ends before `end`; the next one starts at `next`.
    Record { end: usize, next: usize, columns: usize, quoted: bool },
    /// The data ends within it.
    More,
    /// The data ends within a quoted column.
    MoreQuoted,
    /// A quote in the line would take in more lines than a record may have, or has text behind its end.
    Stray,
}

/// Where columns go.
#[derive(Debug, Default)]
pub(super) struct Columns {
    pub spans: Vec<Span>,
    pub copies: Vec<u8>,
}

impl Columns {
    fn push(&mut self, first: usize, start: usize, end: usize) {
        if self.spans.len() - first < MAX_SPANS {
            self.spans.push(span(start, end));
        }
    }

    /// The text of a column of `data`.
    pub fn bytes<'a>(&'a self, data: &'a [u8], s: Span) -> &'a [u8] {
        let (source, mask) = if s.start & COPIED == 0 { (data, u32::MAX) } else { (self.copies.as_slice(), !COPIED) };
        source.get((s.start & mask) as usize..(s.end & mask) as usize).unwrap_or_default()
    }

    /// A column with doubled quotes, and text behind its closing quote.
    fn push_copy(&mut self, first: usize, quoted: &[u8], quote: u8, rest: &[u8]) {
        if self.spans.len() - first >= MAX_SPANS {
            return;
        }
        let start = self.copies.len();
        let mut left = quoted;
        while let Some(at) = memchr(quote, left) {
            self.copies.extend_from_slice(&left[..=at]);
            left = left.get(at + 2..).unwrap_or_default();
        }
        self.copies.extend_from_slice(left);
        self.copies.extend_from_slice(rest);
        let range = span(start, self.copies.len());
        self.spans.push(Span { start: range.start | COPIED, end: range.end | COPIED });
    }
}

/// A range; batches are far smaller than 2 GB.
pub(super) fn span(start: usize, end: usize) -> Span {
    Span { start: start as u32, end: end as u32 }
}

/// The end of the line that starts at `at` and the start of the next one. None where the data ends
/// first: a CR as the last byte may have its LF still to come.
pub(super) fn line_end(data: &[u8], at: usize, last: bool) -> Option<(usize, usize)> {
    match memchr2(b'\n', b'\r', &data[at..]) {
        Some(offset) => after_line_end(data, at + offset, last).map(|next| (at + offset, next)),
        None => last.then_some((data.len(), data.len())),
    }
}

fn after_line_end(data: &[u8], end: usize, last: bool) -> Option<usize> {
    match (data[end], data.get(end + 1)) {
        (b'\r', Some(b'\n')) => Some(end + 2),
        (b'\r', None) if !last => None,
        _ => Some(end + 1),
    }
}

impl Splitter {
    /// Splits the record at `at`. `last` says that nothing follows the data. On anything but a
    /// record, `columns` is left as it was.
    pub fn record(&self, data: &[u8], at: usize, last: bool, columns: &mut Columns) -> Split {
        let Some((end, next)) = line_end(data, at, last) else { return Split::More };
        let Some(quote) = self.quote.filter(|&q| memchr(q, &data[at..end]).is_some()) else {
            return Split::Record { end, next, columns: self.plain(data, at, end, columns), quoted: false };
        };
        // Most quotes close within their line; only those that do not are worth a look at the next ones.
        let line = self.tried(&data[..next], at, true, quote, columns);
        if line != Split::MoreQuoted {
            return line;
        }
        let (seen, all) = self.lines_from(data, next, last);
        match self.tried(&data[..seen], at, all || last, quote, columns) {
            Split::More | Split::MoreQuoted if all => Split::Stray,
            split => split,
        }
    }

    /// Where the lines of a record that starts in the line before `next` end at the latest, and whether the data has
    /// as many lines.
    fn lines_from(&self, data: &[u8], next: usize, last: bool) -> (usize, bool) {
        if self.lines == usize::MAX {
            return (data.len(), false);
        }
        let mut seen = next;
        for _ in 1..self.lines {
            match line_end(data, seen, last) {
                Some((_, next)) if next < data.len() || !last => seen = next,
                _ => return (data.len(), false),
            }
        }
        (seen, true)
    }

    fn tried(&self, data: &[u8], at: usize, last: bool, quote: u8, columns: &mut Columns) -> Split {
        let (spans, copies) = (columns.spans.len(), columns.copies.len());
        let split = self.quoted(data, at, last, quote, columns);
        if !matches!(split, Split::Record { .. }) {
            columns.spans.truncate(spans);
            columns.copies.truncate(copies);
        }
        split
    }

    /// Splits a line that stands for itself, whatever its quotes say, and counts its columns.
    pub fn line(&self, line: &[u8], columns: &mut Columns) -> usize {
        let literal = Self { lines: 0, ..*self };
        let quote = self.quote.filter(|&q| memchr(q, line).is_some());
        match quote.map(|quote| literal.tried(line, 0, true, quote, columns)) {
            Some(Split::Record { columns, .. }) => columns,
            _ => self.plain(line, 0, line.len(), columns),
        }
    }

    fn plain(&self, data: &[u8], at: usize, end: usize, columns: &mut Columns) -> usize {
        let first = columns.spans.len();
        let mut start = at;
        let mut count = 1;
        for offset in memchr::memchr_iter(self.delimiter, &data[at..end]) {
            columns.push(first, start, at + offset);
            start = at + offset + 1;
            count += 1;
        }
        columns.push(first, start, end);
        count
    }

    fn quoted(&self, data: &[u8], at: usize, last: bool, quote: u8, columns: &mut Columns) -> Split {
        let first = columns.spans.len();
        let mut start = at;
        let mut count = 0;
        loop {
            count += 1;
            // Spaces before a quote: `a, "b, c"` is two columns.
            let open = start + data[start..].iter().take_while(|&&b| b == b' ').count();
            let close = (data.get(open) == Some(&quote)).then(|| closing(data, open + 1, last, quote));
            if matches!(close, Some(Closing::Missing)) && self.lines > 0 {
                return Split::MoreQuoted;
            }
            let end = if let Some(Closing::At(close)) = close {
                let Some(end) = self.column_end(data, close.at + 1, last) else { return Split::More };
                let (text, rest) = (&data[open + 1..close.at], &data[close.at + 1..end]);
                let rest = if rest.iter().all(|&b| b == b' ') { &rest[..0] } else { rest };
                // With text behind it, the quote that seems to close is another stray one.
                if !rest.is_empty() && memchr2(b'\n', b'\r', text).is_some() {
                    return Split::Stray;
                }
                if close.doubled || !rest.is_empty() {
                    columns.push_copy(first, text, quote, rest);
                } else {
                    columns.push(first, open + 1, close.at);
                }
                end
            } else {
                let Some(end) = self.column_end(data, start, last) else { return Split::More };
                columns.push(first, start, end);
                end
            };
            if data.get(end) == Some(&self.delimiter) {
                start = end + 1;
            } else if end == data.len() {
                return Split::Record { end, next: end, columns: count, quoted: true };
            } else {
                return match after_line_end(data, end, last) {
                    Some(next) => Split::Record { end, next, columns: count, quoted: true },
                    None => Split::More,
                };
            }
        }
    }

    fn column_end(&self, data: &[u8], from: usize, last: bool) -> Option<usize> {
        let found = memchr3(self.delimiter, b'\n', b'\r', data.get(from..).unwrap_or_default());
        found.map(|offset| from + offset).or(last.then_some(data.len()))
    }
}

struct Close {
    at: usize,
    doubled: bool,
}

enum Closing {
    At(Close),
    Missing,
}

/// The quote that closes a column; two in a row stand for one in the text.
fn closing(data: &[u8], from: usize, last: bool, quote: u8) -> Closing {
    let mut at = from;
    let mut doubled = false;
    while let Some(offset) = memchr(quote, data.get(at..).unwrap_or_default()) {
        let found = at + offset;
        match data.get(found + 1) {
            Some(&next) if next == quote => {
                doubled = true;
                at = found + 2;
            }
            None if !last => return Closing::Missing,
            _ => return Closing::At(Close { at: found, doubled }),
        }
    }
    Closing::Missing
}

/// Line ends within a record, each of CR LF, LF and CR counting once.
pub(super) fn count_line_ends(data: &[u8]) -> u64 {
    let second_half = |at: usize| data[at] == b'\n' && at > 0 && data[at - 1] == b'\r';
    memchr::memchr2_iter(b'\n', b'\r', data).filter(|&at| !second_half(at)).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMA: Splitter = Splitter { delimiter: b',', quote: Some(b'"'), lines: 3 };

    fn columns(text: &str) -> Vec<String> {
        let mut columns = Columns::default();
        let split = COMMA.record(text.as_bytes(), 0, true, &mut columns);
        assert!(matches!(split, Split::Record { .. }), "{split:?}");
        let text_of = |&s: &Span| String::from_utf8(columns.bytes(text.as_bytes(), s).to_vec()).unwrap();
        columns.spans.iter().map(text_of).collect()
    }

    #[test]
    fn columns_are_split_as_people_expect() {
        assert_eq!(columns("a,b,c\nd"), ["a", "b", "c"]);
        assert_eq!(columns("a,,\n"), ["a", "", ""]);
        assert_eq!(columns("\"a,b\",c\n"), ["a,b", "c"]);
        assert_eq!(columns("\"a \"\"b\"\"\",c\n"), ["a \"b\"", "c"]);
        assert_eq!(columns("a, \"b, c\" ,d\n"), ["a", "b, c", "d"]);
        assert_eq!(columns("5\" pipe,x\n"), ["5\" pipe", "x"]);
        assert_eq!(columns("\"Bob\" Smith,x\n"), ["Bob Smith", "x"]);
        assert_eq!(columns("\"\",\"\""), ["", ""]);
    }

    #[test]
    fn a_quoted_line_break_does_not_end_a_record() {
        assert_eq!(columns("\"a\r\nb\",c\nd"), ["a\r\nb", "c"]);
        assert_eq!(count_line_ends(b"a\r\nb\rc\nd\n\n"), 5);
    }

    #[test]
    fn a_record_cut_off_asks_for_more() {
        let mut out = Columns::default();
        for cut in ["a,b", "a,b\r", "\"a\"", "\"a\",b"] {
            assert_eq!(COMMA.record(cut.as_bytes(), 0, false, &mut out), Split::More, "{cut:?}");
            assert!(out.spans.is_empty() && out.copies.is_empty());
        }
        assert_eq!(COMMA.record(b"\"a", 0, true, &mut out), Split::MoreQuoted);
    }

    #[test]
    fn a_quote_that_takes_in_too_many_lines_or_has_text_behind_its_end_is_stray() {
        let split = |text: &str, last: bool| {
            let mut columns = Columns::default();
            let split = COMMA.record(text.as_bytes(), 0, last, &mut columns);
            assert!(columns.spans.is_empty() || matches!(split, Split::Record { .. }));
            split
        };
        assert!(matches!(split("\"a\nb\nc\",x\nd\n", true), Split::Record { columns: 2, .. }));
        assert_eq!(split("\"a\nb\nc\nd\",x\n", true), Split::Stray);
        assert_eq!(split("\"a\nb\nc\nd", false), Split::Stray);
        assert_eq!(split("\"a\nb\"c,d\n", true), Split::Stray);
        assert_eq!(split("\"a\nb", false), Split::MoreQuoted);
        assert_eq!(split("a,\"b\nc\"", false), Split::MoreQuoted);
    }
}

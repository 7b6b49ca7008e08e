//! Columns at fixed positions, counted in characters.
use super::options::FixedColumn;
use super::split::{Columns, Split, line_end, span};

/// A line of fixed positions: where each column starts and how wide it is.
#[derive(Debug, Clone)]
pub(super) struct Positions(Vec<(usize, usize)>);

impl Positions {
    /// Positions of checked columns; they may overlap and stand in any order.
    pub fn new(columns: &[FixedColumn]) -> Self {
        Self(columns.iter().map(|c| ((c.start.max(1) - 1) as usize, c.length as usize)).collect())
    }

    /// Splits the line at `at`. A column behind the end of a short line is empty, since programs
    /// drop spaces at the end of lines.
    pub fn record(&self, data: &[u8], at: usize, last: bool, columns: &mut Columns) -> Split {
        let Some((end, next)) = line_end(data, at, last) else { return Split::More };
        let line = &data[at..end];
        for &(start, length) in &self.0 {
            let (from, to) = if line.is_ascii() {
                (start.min(line.len()), (start + length).min(line.len()))
            } else {
                (offset_of(line, start), offset_of(line, start + length))
            };
            columns.spans.push(span(at + from, at + to));
        }
        Split::Record { end, next, columns: self.0.len(), quoted: false }
    }
}

/// Where a character starts: bytes that continue one are not counted.
fn offset_of(line: &[u8], character: usize) -> usize {
    let starts = line.iter().enumerate().filter(|&(_, &b)| b & 0xC0 != 0x80);
    starts.map(|(at, _)| at).nth(character).unwrap_or(line.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_and_short_lines_are_padded() {
        let column = |start, length| FixedColumn { name: "c".into(), start, length };
        let positions = Positions::new(&[column(1, 6), column(7, 4), column(20, 5)]);
        let data = "Jürgen+123\n".as_bytes();
        let mut out = Columns::default();
        positions.record(data, 0, true, &mut out);
        let text: Vec<&[u8]> = out.spans.iter().map(|s| &data[s.start as usize..s.end as usize]).collect();
        assert_eq!(text, ["Jürgen".as_bytes(), b"+123", b""]);
    }
}

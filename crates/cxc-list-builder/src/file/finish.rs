//! Turns split bytes into a batch of text, and finds the records that are no text.
use super::batch::{Batch, Record, RecordProblem, RecordStatus, Span};
use super::split::{COPIED, Columns, span};

/// A batch of the records found in `data`. Records with bytes that are no text or with NUL are rejected.
pub(super) fn batch(data: &[u8], columns: Columns, mut records: Vec<Record>, bytes_read: u64) -> Batch {
    if memchr::memchr(0, data).is_some() {
        for record in &mut records {
            if memchr::memchr(0, range(data, record.raw)).is_some() && may_be_overruled(record.status) {
                record.status = RecordStatus::Rejected(RecordProblem::Nul);
            }
        }
    }
    let mut bytes = Vec::with_capacity(data.len() + columns.copies.len());
    bytes.extend_from_slice(data);
    bytes.extend_from_slice(&columns.copies);
    match String::from_utf8(bytes) {
        Ok(text) => {
            let mut spans = columns.spans;
            if !columns.copies.is_empty() {
                let shift = data.len() as u32;
                for s in spans.iter_mut().filter(|s| s.start & COPIED != 0) {
                    *s = Span { start: (s.start & !COPIED) + shift, end: (s.end & !COPIED) + shift };
                }
            }
            Batch { text, spans, records, bytes_read }
        }
        Err(_) => repaired(data, &columns, records, bytes_read),
    }
}

fn range(data: &[u8], s: Span) -> &[u8] {
    data.get(s.start as usize..s.end as usize).unwrap_or_default()
}

/// What the length or the quotes of a record say stands; broken text overrules the rest.
fn may_be_overruled(status: RecordStatus) -> bool {
    use RecordProblem::{BadEncoding, ColumnCount, Nul};
    match status {
        RecordStatus::Data | RecordStatus::Blank => true,
        RecordStatus::Rejected(problem) => matches!(problem, ColumnCount { .. } | Nul | BadEncoding),
    }
}

/// The slow way, for a batch with a broken record: every text is copied, what is broken becomes U+FFFD.
fn repaired(data: &[u8], columns: &Columns, mut records: Vec<Record>, bytes_read: u64) -> Batch {
    let mut text = String::with_capacity(data.len() * 2);
    let mut spans = Vec::with_capacity(columns.spans.len());
    let mut add = |bytes: &[u8]| {
        let start = text.len();
        text.push_str(&String::from_utf8_lossy(bytes));
        span(start, text.len())
    };
    for record in &mut records {
        let raw = range(data, record.raw);
        if std::str::from_utf8(raw).is_err() && may_be_overruled(record.status) {
            record.status = RecordStatus::Rejected(RecordProblem::BadEncoding);
        }
        record.raw = add(raw);
        let first = record.first as usize;
        record.first = spans.len() as u32;
        for &s in columns.spans.iter().skip(first).take(record.count as usize) {
            spans.push(add(columns.bytes(data, s)));
        }
    }
    Batch { text, spans, records, bytes_read }
}

//! Reading a file to its end, and what is looked at afterwards.
use std::io::Write;
use std::path::{Path, PathBuf};

use cxc_list_builder::file::{Batch, FileError, FileReader, ReadOptions, RecordStatus, open, trim};
use tempfile::NamedTempFile;

/// What became of every record.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub data: Vec<Vec<String>>,
    pub lines: Vec<u64>,
    pub blank: usize,
    /// Line number and reason code.
    pub rejected: Vec<(u64, &'static str)>,
}

impl Outcome {
    pub fn total(&self) -> usize {
        self.data.len() + self.blank + self.rejected.len()
    }
}

/// A file of the corpus.
pub fn corpus(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files").join(name)
}

/// A temporary file of these bytes.
pub fn file(bytes: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

pub fn open_default(path: &Path) -> Result<FileReader, FileError> {
    open(path, &ReadOptions::default())
}

pub fn add(outcome: &mut Outcome, batch: &Batch) {
    for record in batch.records() {
        match record.status() {
            RecordStatus::Data => {
                outcome.data.push(record.fields().map(|f| trim(f).to_owned()).collect());
                outcome.lines.push(record.line_number());
            }
            RecordStatus::Blank => outcome.blank += 1,
            RecordStatus::Rejected(problem) => {
                outcome.rejected.push((record.line_number(), problem.reason().code()));
            }
        }
    }
}

/// Reads to the end; small files a few records at a time.
pub fn read(reader: &mut FileReader) -> Result<Outcome, FileError> {
    let mut outcome = Outcome::default();
    let max = if reader.total_bytes < 10_000 { 3 } else { 5_000 };
    while let Some(batch) = reader.next_batch(max)? {
        assert!(!batch.is_empty() && batch.len() <= max);
        add(&mut outcome, &batch);
    }
    assert!(reader.next_batch(3)?.is_none(), "the end stays the end");
    Ok(outcome)
}

/// Reads a file of the corpus.
pub fn read_corpus(name: &str) -> (FileReader, Outcome) {
    let mut reader = open_default(&corpus(name)).unwrap();
    let outcome = read(&mut reader).unwrap();
    (reader, outcome)
}

/// Reads bytes as a file.
pub fn read_bytes(bytes: &[u8]) -> Result<Outcome, FileError> {
    read(&mut open_default(file(bytes).path())?)
}

//! The stretch of decoded text that is being split.
use super::decode::TextSource;
use super::error::FileError;

const CHUNK: usize = 256 << 10;

/// Decoded bytes that were read and not yet taken.
pub(super) struct Window {
    source: TextSource,
    bytes: Vec<u8>,
    start: usize,
    more: bool,
}

impl Window {
    pub fn new(source: TextSource) -> Self {
        Self { source, bytes: Vec::new(), start: 0, more: true }
    }

    /// What was read and not taken.
    pub fn unread(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// Whether the unread bytes are the last ones of the file.
    pub fn is_last(&self) -> bool {
        !self.more
    }

    pub fn take(&mut self, n: usize) {
        self.start += n;
    }

    /// Reads on, at least as much as `pending` bytes, so that a long record is looked at few times.
    pub fn fill(&mut self, pending: usize) -> Result<(), FileError> {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.more = self.source.fill(&mut self.bytes, pending.max(CHUNK))?;
        Ok(())
    }
}

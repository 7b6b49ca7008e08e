//! Readers that count and distrust: what goes in, what comes out, and when to stop.
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::Crc;

use super::error::FileError;
use super::options::Limits;

/// Counts the bytes that are taken from the file itself.
pub(super) struct Counted<R> {
    inner: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Counted<R> {
    pub fn new(inner: R, read: Arc<AtomicU64>) -> Self {
        Self { inner, read }
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.read.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

/// An unpacking reader that ends with an error when it unpacks to too much.
pub(super) struct Guarded<R> {
    inner: R,
    packed: Arc<AtomicU64>,
    unpacked: u64,
    limits: Limits,
}

impl<R: Read> Guarded<R> {
    pub fn new(inner: R, packed: Arc<AtomicU64>, limits: Limits) -> Self {
        Self { inner, packed, unpacked: 0, limits }
    }
}

impl<R: Read> Read for Guarded<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.unpacked += n as u64;
        let packed = self.packed.load(Ordering::Relaxed).max(1);
        if self.unpacked > self.limits.unpacked {
            return Err(FileError::TooLarge { what: "archive", limit: self.limits.unpacked }.into());
        }
        if self.unpacked > self.limits.ratio_after && self.unpacked / packed > self.limits.ratio {
            return Err(FileError::Bomb { ratio: self.limits.ratio }.into());
        }
        Ok(n)
    }
}

/// Compares size and checksum with what the archive declares, at the end.
pub(super) struct Checked<R> {
    inner: R,
    crc: Crc,
    size: u64,
    expected: (u32, u64),
}

impl<R: Read> Checked<R> {
    pub fn new(inner: R, crc: u32, size: u64) -> Self {
        Self { inner, crc: Crc::new(), size: 0, expected: (crc, size) }
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.crc.update(&buf[..n]);
        self.size += n as u64;
        if n == 0 && !buf.is_empty() && (self.crc.sum(), self.size) != self.expected {
            return Err(FileError::Damaged("the checksum of the archive's member does not match".into()).into());
        }
        Ok(n)
    }
}

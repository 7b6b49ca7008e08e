//! The bytes of a set: a head, the prefixes, the numbers in the portable Roaring format, and the SHA-256 of all that.
//!
//! `cxcnums` and a zero byte, format (u16), count (u64), how many prefixes (u16), of each its code (u16), digits (u8)
//! and count (u64); then the numbers; then 32 bytes of digest. Integers are little-endian. The same set always gives
//! the same bytes, so the digest names it.
use std::fmt;
use std::io::{self, Read, Write};

use roaring::RoaringTreemap;
use sha2::{Digest as _, Sha256};

use super::prefixes::PrefixCount;
use super::{BEYOND, MOST_NUMBERS, NumberSet, NumberSetError};

const MAGIC: [u8; 8] = *b"cxcnums\0";
const FORMAT: u16 = 1;
/// There are fewer than 300 calling codes, each with at most eight lengths.
const MOST_PREFIXES: u16 = 2_400;
/// The numbers of 15 digits fit in so many blocks of 32 bits.
const MOST_BLOCKS: u64 = BEYOND / (1 << 32) + 1;

/// The SHA-256 that ends the bytes of a set and names it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl NumberSet {
    /// Writes the set; answers its digest. Give a buffered writer.
    pub fn write_to(&self, out: impl Write) -> Result<Digest, NumberSetError> {
        let mut out = Hashing { inner: out, hash: Sha256::new() };
        let prefixes = self.prefixes();
        out.write_all(&MAGIC)?;
        out.write_all(&FORMAT.to_le_bytes())?;
        out.write_all(&self.len().to_le_bytes())?;
        let count = u16::try_from(prefixes.len()).map_err(|_| NumberSetError::Damaged("it has too many prefixes"))?;
        out.write_all(&count.to_le_bytes())?;
        for prefix in &prefixes {
            out.write_all(&prefix.code.to_le_bytes())?;
            out.write_all(&[prefix.digits])?;
            out.write_all(&prefix.count.to_le_bytes())?;
        }
        self.numbers.serialize_into(&mut out)?;
        let digest = Digest(out.hash.finalize().into());
        out.inner.write_all(&digest.0)?;
        out.inner.flush()?;
        Ok(digest)
    }

    /// Reads a set and checks all that can be checked. Whatever the bytes are, memory stays within what they fill.
    /// Give a buffered reader.
    pub fn read_from(input: impl Read) -> Result<(Self, Digest), NumberSetError> {
        let mut input = Hashing { inner: input, hash: Sha256::new() };
        let (count, prefixes) = head(&mut input)?;
        let numbers = numbers(&mut input, count)?;
        let digest = Digest(input.hash.finalize_reset().into());
        if Digest(array(&mut input)?) != digest {
            return Err(NumberSetError::Checksum);
        }
        if input.inner.read(&mut [0])? != 0 {
            return Err(NumberSetError::Damaged("bytes follow behind its end"));
        }
        let set = Self { numbers };
        if set.len() != count || set.prefixes() != prefixes {
            return Err(NumberSetError::Damaged("it holds other numbers than its head says"));
        }
        Ok((set, digest))
    }
}

fn head(input: &mut impl Read) -> Result<(u64, Vec<PrefixCount>), NumberSetError> {
    let magic: [u8; 8] = array(input).map_err(|_| NumberSetError::Magic)?;
    if magic != MAGIC {
        return Err(NumberSetError::Magic);
    }
    let found = u16::from_le_bytes(array(input)?);
    if found != FORMAT {
        return Err(NumberSetError::Format { found, known: FORMAT });
    }
    let count = u64::from_le_bytes(array(input)?);
    if count > MOST_NUMBERS {
        return Err(NumberSetError::TooMany);
    }
    let many = u16::from_le_bytes(array(input)?);
    if many > MOST_PREFIXES {
        return Err(NumberSetError::Damaged("it has too many prefixes"));
    }
    let mut prefixes = Vec::new();
    for _ in 0..many {
        let code = u16::from_le_bytes(array(input)?);
        let [digits] = array(input)?;
        prefixes.push(PrefixCount { code, digits, count: u64::from_le_bytes(array(input)?) });
    }
    Ok((count, prefixes))
}

/// The numbers block by block, so that a wrong one ends the reading before the next fills memory.
fn numbers(input: &mut impl Read, count: u64) -> Result<RoaringTreemap, NumberSetError> {
    let blocks = u64::from_le_bytes(array(input)?);
    if blocks > MOST_BLOCKS {
        return Err(NumberSetError::Damaged("it has too many blocks of numbers"));
    }
    let (mut bitmaps, mut held, mut last) = (Vec::new(), 0, None);
    for _ in 0..blocks {
        let key = u32::from_le_bytes(array(input)?);
        let bitmap = roaring::RoaringBitmap::deserialize_from(&mut *input).map_err(|error| match error.kind() {
            io::ErrorKind::Other => NumberSetError::Damaged("a block of numbers can't be read"),
            _ => error.into(),
        })?;
        held += bitmap.len();
        let in_order = last.is_none_or(|last| last < key) && !bitmap.is_empty();
        let highest = (u64::from(key) << 32) + u64::from(bitmap.max().unwrap_or(0));
        if !in_order || highest >= BEYOND {
            return Err(NumberSetError::Damaged("its numbers are not in order"));
        }
        if held > count {
            return Err(NumberSetError::Damaged("it holds more numbers than its head says"));
        }
        last = Some(key);
        bitmaps.push((key, bitmap));
    }
    Ok(RoaringTreemap::from_bitmaps(bitmaps))
}

fn array<const N: usize>(input: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Hashes what goes through.
struct Hashing<T> {
    inner: T,
    hash: Sha256,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(out)?;
        self.hash.update(&out[..n]);
        Ok(n)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(bytes)?;
        self.hash.update(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

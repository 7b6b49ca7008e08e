//! Compression with a bound: a small file may claim to be an endless one.
use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

/// The text of a compressed file that may have at most so many bytes.
pub fn unpack(packed: impl Read, most: u64) -> io::Result<String> {
    let mut text = String::new();
    MultiGzDecoder::new(packed).take(most.saturating_add(1)).read_to_string(&mut text)?;
    if text.len() as u64 > most {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("it unpacks to more than {most} bytes")));
    }
    Ok(text)
}

/// A text, compressed.
pub fn pack(text: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_unpacks_to_more_than_was_promised_is_refused() {
        let packed = pack(&vec![b'a'; 1 << 20]).unwrap();
        assert!(packed.len() < 4096);
        assert_eq!(unpack(&packed[..], 1 << 20).unwrap().len(), 1 << 20);
        assert!(unpack(&packed[..], 1000).unwrap_err().to_string().contains("more than 1000 bytes"));
        assert!(unpack(&packed[..packed.len() / 2], 1 << 20).is_err());
        assert!(unpack(&b"no gzip"[..], 100).is_err());
    }
}

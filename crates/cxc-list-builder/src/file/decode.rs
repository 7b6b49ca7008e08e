//! Bytes of any encoding to UTF-8. What is no text becomes the byte 0xFF, which no UTF-8 has, so that
//! the record that holds it is found and rejected where records are checked, and nothing is guessed.
use std::io::Read;

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, WINDOWS_1252};

use super::error::FileError;

/// The mark of bytes that are no text.
pub(super) const BROKEN: u8 = 0xFF;
const CHUNK: usize = 256 << 10;

/// Reads text as UTF-8 bytes.
pub(super) struct TextSource {
    inner: Box<dyn Read + Send>,
    mode: Mode,
}

enum Mode {
    /// Taken as it is; checked record by record.
    Utf8,
    Other(Box<Decoding>),
    Done,
}

impl TextSource {
    /// Text in an encoding, its byte-order mark removed already.
    pub fn new(inner: Box<dyn Read + Send>, encoding: &'static Encoding) -> Self {
        let mode = if encoding == UTF_8 { Mode::Utf8 } else { Mode::Other(Box::new(Decoding::new(encoding))) };
        Self { inner, mode }
    }

    /// Appends at least `want` bytes, fewer only at the end. Returns whether more may come.
    pub fn fill(&mut self, out: &mut Vec<u8>, want: usize) -> Result<bool, FileError> {
        let target = out.len() + want;
        while out.len() < target {
            let ended = match &mut self.mode {
                Mode::Done => return Ok(false),
                Mode::Utf8 => self.inner.by_ref().take(CHUNK as u64).read_to_end(out)? < CHUNK,
                Mode::Other(decoding) => decoding.step(&mut self.inner, out)?,
            };
            if ended {
                self.mode = Mode::Done;
            }
        }
        Ok(true)
    }
}

struct Decoding {
    decoder: Decoder,
    western: bool,
    raw: Vec<u8>,
    text: Vec<u8>,
}

impl Decoding {
    fn new(encoding: &'static Encoding) -> Self {
        let decoder = encoding.new_decoder_without_bom_handling();
        Self { decoder, western: encoding == WINDOWS_1252, raw: Vec::new(), text: vec![0; 16 << 10] }
    }

    /// Decodes a chunk; says whether it was the last.
    fn step(&mut self, inner: &mut Box<dyn Read + Send>, out: &mut Vec<u8>) -> Result<bool, FileError> {
        let mut raw = std::mem::take(&mut self.raw);
        raw.clear();
        let last = inner.by_ref().take(CHUNK as u64).read_to_end(&mut raw)? < CHUNK;
        if self.western {
            self.decode_western(&raw, last, out);
        } else {
            self.decode(&raw, last, out);
        }
        self.raw = raw;
        Ok(last)
    }

    /// The web reads the five bytes that Windows-1252 leaves undefined as control characters; here they
    /// are a sign that the encoding is another.
    fn decode_western(&mut self, raw: &[u8], last: bool, out: &mut Vec<u8>) {
        let undefined = |b: &u8| matches!(b, 0x81 | 0x8D | 0x8F | 0x90 | 0x9D);
        let mut parts = raw.split(undefined).peekable();
        while let Some(part) = parts.next() {
            let more = parts.peek().is_some();
            self.decode(part, last && !more, out);
            if more {
                out.push(BROKEN);
            }
        }
    }

    fn decode(&mut self, mut raw: &[u8], last: bool, out: &mut Vec<u8>) {
        loop {
            let (result, read, written) = self.decoder.decode_to_utf8_without_replacement(raw, &mut self.text, last);
            out.extend_from_slice(&self.text[..written]);
            raw = &raw[read..];
            match result {
                DecoderResult::InputEmpty => return,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => out.push(BROKEN),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use encoding_rs::UTF_16LE;

    use super::*;

    fn text(encoding: &'static Encoding, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut source = TextSource::new(Box::new(std::io::Cursor::new(bytes.to_vec())), encoding);
        while source.fill(&mut out, 1).unwrap() {}
        out
    }

    #[test]
    fn undefined_and_broken_bytes_are_marked() {
        assert_eq!(text(WINDOWS_1252, b"M\xFCller \x80\n"), "Müller €\n".as_bytes());
        assert_eq!(text(WINDOWS_1252, b"a\x81b"), b"a\xFFb");
        assert_eq!(text(UTF_16LE, b"a\0\x00\xD8b\0"), b"a\xFFb", "half of a pair");
        assert_eq!(text(UTF_16LE, b"a\0b"), b"a\xFF", "half of a unit at the end");
    }
}

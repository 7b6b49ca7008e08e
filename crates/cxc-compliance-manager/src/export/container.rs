//! The ZIP container of a file. It is written here and not by a library, always in the same way for the same members: who
//! checks one puts it together again from what it reads, and any byte that differs shows.
use std::io::{Read as _, Write as _};

use anyhow::{Context, ensure};
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

/// No honest member is larger when unpacked.
const LARGEST: u64 = 1 << 30;
const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
/// The version of the format that is needed: 2.0.
const VERSION: u16 = 20;
/// The first day that the format can tell: when a file was written is in its manifest.
const DAY: u16 = 0x21;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// The bytes of a local header before its name.
const HEADER: usize = 30;

/// A member as it lies in the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Packed {
    /// Its name.
    pub name: String,
    method: u16,
    crc: u32,
    length: u32,
    /// Its bytes as they are packed.
    pub bytes: Vec<u8>,
}

impl Packed {
    /// A member that is not compressed.
    pub fn stored(name: &str, bytes: &[u8]) -> anyhow::Result<Self> {
        Self::new(name, STORED, bytes, bytes.to_vec())
    }

    /// A member that is compressed.
    pub fn deflated(name: &str, bytes: &[u8]) -> anyhow::Result<Self> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes)?;
        Self::new(name, DEFLATED, bytes, encoder.finish()?)
    }

    fn new(name: &str, method: u16, content: &[u8], bytes: Vec<u8>) -> anyhow::Result<Self> {
        ensure!(content.len() as u64 <= LARGEST, "{name} has more than 1 GiB: name a shorter time");
        let (crc, length) = (crc(content), u32::try_from(content.len())?);
        Ok(Self { name: name.to_owned(), method, crc, length, bytes })
    }

    /// What it holds.
    pub fn unpack(&self) -> anyhow::Result<Vec<u8>> {
        let mut content = Vec::new();
        match self.method {
            STORED => content.clone_from(&self.bytes),
            _ => {
                let most = u64::from(self.length).min(LARGEST) + 1;
                let read = DeflateDecoder::new(&*self.bytes).take(most).read_to_end(&mut content);
                read.with_context(|| format!("its member {} can't be unpacked", self.name))?;
            }
        }
        let is_whole = content.len() == self.length as usize && crc(&content) == self.crc;
        ensure!(is_whole, "its member {} is damaged", self.name);
        Ok(content)
    }

    /// What both of its headers tell.
    fn told(&self, out: &mut Vec<u8>) -> anyhow::Result<()> {
        for number in [VERSION, 0, self.method, 0, DAY] {
            out.extend(number.to_le_bytes());
        }
        for number in [self.crc, u32::try_from(self.bytes.len())?, self.length] {
            out.extend(number.to_le_bytes());
        }
        // no extra field
        for number in [u16::try_from(self.name.len())?, 0] {
            out.extend(number.to_le_bytes());
        }
        Ok(())
    }
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// The container of some members, in their order.
pub(super) fn write(members: &[Packed]) -> anyhow::Result<Vec<u8>> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for member in members {
        let at = u32::try_from(out.len()).context("the file has more than 4 GiB: name a shorter time")?;
        out.extend(LOCAL.to_le_bytes());
        member.told(&mut out)?;
        out.extend(member.name.as_bytes());
        out.extend(&member.bytes);
        directory.extend(CENTRAL.to_le_bytes());
        directory.extend(VERSION.to_le_bytes());
        member.told(&mut directory)?;
        // no comment, the first disk, no attributes
        directory.extend([0; 10]);
        directory.extend(at.to_le_bytes());
        directory.extend(member.name.as_bytes());
    }
    let (at, length) = (u32::try_from(out.len())?, u32::try_from(directory.len())?);
    let count = u16::try_from(members.len())?.to_le_bytes();
    out.extend(directory);
    out.extend(END.to_le_bytes());
    // the first disk
    out.extend([0; 4]);
    out.extend([count, count].concat());
    out.extend([length.to_le_bytes(), at.to_le_bytes()].concat());
    // no comment
    out.extend([0; 2]);
    Ok(out)
}

/// The members of a container. One that is not, byte by byte, as it was written is refused.
pub(super) fn read(bytes: &[u8]) -> anyhow::Result<Vec<Packed>> {
    let mut members = Vec::new();
    let mut rest = bytes;
    while let Some((member, behind)) = first(rest) {
        members.push(member);
        rest = behind;
    }
    ensure!(!members.is_empty(), "it is no file of evidence: it does not begin with a member of a ZIP file");
    let again = write(&members)?;
    let same = again.iter().zip(bytes).take_while(|(ours, theirs)| ours == theirs).count();
    ensure!(
        same == bytes.len() && same == again.len(),
        "its container was changed at byte {same}: something was put in, taken out or put elsewhere"
    );
    Ok(members)
}

/// The first member of some bytes, and what comes behind it.
fn first(bytes: &[u8]) -> Option<(Packed, &[u8])> {
    let (header, rest) = bytes.split_at_checked(HEADER)?;
    let short = |at: usize| Some(u16::from_le_bytes(*header.get(at..)?.first_chunk()?));
    let long = |at: usize| Some(u32::from_le_bytes(*header.get(at..)?.first_chunk()?));
    if long(0)? != LOCAL {
        return None;
    }
    let (method, crc, packed, length) = (short(8)?, long(14)?, long(18)?, long(22)?);
    let (name, rest) = rest.split_at_checked(short(26)?.into())?;
    let (content, rest) = rest.split_at_checked(usize::try_from(packed).ok()?)?;
    let name = std::str::from_utf8(name).ok()?.to_owned();
    let is_known = [STORED, DEFLATED].contains(&method);
    is_known.then(|| (Packed { name, method, crc, length, bytes: content.to_vec() }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_read_by_others_and_unpacks_to_what_was_packed() {
        let text = "a line\n".repeat(1000);
        let members = [Packed::stored("a.txt", b"as it is").unwrap(), Packed::deflated("b", text.as_bytes()).unwrap()];
        let bytes = write(&members).unwrap();
        assert_eq!(read(&bytes).unwrap(), members);
        assert_eq!(members[1].unpack().unwrap(), text.as_bytes());
        assert!(members[1].bytes.len() < text.len() / 10);
        let mut zip = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
        let mut theirs = String::new();
        zip.by_name("b").unwrap().read_to_string(&mut theirs).unwrap();
        assert_eq!((theirs, zip.len()), (text, 2));
    }

    #[test]
    fn what_lies_before_behind_or_between_is_refused() {
        let members = [Packed::stored("a", b"1").unwrap(), Packed::stored("b", b"2").unwrap()];
        let bytes = write(&members).unwrap();
        let before = [b"x".as_slice(), &bytes].concat();
        assert!(read(&before).unwrap_err().to_string().contains("no file of evidence"));
        let behind = [&bytes, b"x".as_slice()].concat();
        assert!(read(&behind).unwrap_err().to_string().contains(&format!("changed at byte {}", bytes.len())));
        // a comment of the whole file
        let mut comment = behind.clone();
        let at = bytes.len() - 2;
        comment[at] = 1;
        assert!(read(&comment).is_err());
        let between = [&bytes[..HEADER + 2], b"x", &bytes[HEADER + 2..]].concat();
        assert!(read(&between).is_err());
        assert!(read(b"").is_err());
    }
}

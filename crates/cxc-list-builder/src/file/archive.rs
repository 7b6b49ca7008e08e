//! ZIP files: a spreadsheet, or a wrapping of exactly one list.
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use zip::{CompressionMethod, ZipArchive};

use super::error::FileError;
use super::options::Limits;

/// The most members of a ZIP that is looked at.
const MAX_MEMBERS: usize = 10_000;
/// The largest directory of members in bytes.
const MAX_DIRECTORY: u64 = 16_000_000;

/// Where the bytes of a ZIP's only member lie.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub name: String,
    pub start: u64,
    pub packed: u64,
    pub unpacked: u64,
    pub crc: u32,
    pub deflated: bool,
}

/// What a ZIP is.
#[derive(Debug)]
pub(super) enum Zip {
    /// An XLSX workbook, its parts within the limit.
    Workbook,
    Member(Member),
}

/// Looks into a ZIP without unpacking its member.
pub(super) fn inspect(file: &mut File, limits: &Limits) -> Result<Zip, FileError> {
    check_directory(file)?;
    let mut archive = ZipArchive::new(&mut *file).map_err(damaged)?;
    if archive.len() > MAX_MEMBERS {
        return Err(refused(format!("it has more than {MAX_MEMBERS} members; it must have one")));
    }
    if archive.file_names_raw().any(|name| name == b"xl/workbook.xml") {
        check_workbook(&mut archive, limits)?;
        return Ok(Zip::Workbook);
    }
    only_member(&mut archive, limits).map(Zip::Member)
}

fn refused(why: impl Into<String>) -> FileError {
    FileError::Archive(why.into())
}

fn damaged(error: zip::result::ZipError) -> FileError {
    match error {
        zip::result::ZipError::Io(error) => error.into(),
        other => refused(other.to_string()),
    }
}

/// Refuses a directory of members that would not fit in memory, before the library loads it.
fn check_directory(file: &mut File) -> Result<(), FileError> {
    let len = file.seek(SeekFrom::End(0))?;
    let tail_len = len.min(22 + 65_535 + 20);
    file.seek(SeekFrom::Start(len - tail_len))?;
    let mut tail = Vec::new();
    Read::take(&mut *file, tail_len).read_to_end(&mut tail)?;
    file.rewind()?;
    let Some(at) = memchr::memmem::rfind(&tail, b"PK\x05\x06") else {
        return Err(refused("it has no directory of members; it may be cut off"));
    };
    let size = tail.get(at + 12..at + 16).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
    // Large archives say 0xFFFFFFFF here and the size in another place; a list's archive has one member.
    match size {
        Some(u32::MAX) => check_large_directory(file, &tail[..at]),
        Some(size) if u64::from(size) <= MAX_DIRECTORY => Ok(()),
        Some(_) => Err(refused("its directory of members is too large; it must have one member")),
        None => Err(refused("its directory of members is cut off")),
    }
}

fn check_large_directory(file: &mut File, before: &[u8]) -> Result<(), FileError> {
    let broken = || refused("its directory of members is damaged");
    let locator = before.len().checked_sub(20).and_then(|at| before.get(at..)).ok_or_else(broken)?;
    if !locator.starts_with(b"PK\x06\x07") {
        return Err(broken());
    }
    let at = locator.get(8..16).and_then(|b| b.try_into().ok()).map(u64::from_le_bytes).ok_or_else(broken)?;
    let mut record = [0_u8; 56];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut record)?;
    file.rewind()?;
    let size = record.get(40..48).and_then(|b| b.try_into().ok()).map(u64::from_le_bytes).ok_or_else(broken)?;
    if !record.starts_with(b"PK\x06\x06") || size > MAX_DIRECTORY {
        return Err(broken());
    }
    Ok(())
}

/// Members that programs add on their own and that are never the list.
fn is_noise(name: &str) -> bool {
    name.starts_with("__MACOSX/") || name == ".DS_Store" || name == "Thumbs.db"
}

fn only_member(archive: &mut ZipArchive<&mut File>, limits: &Limits) -> Result<Member, FileError> {
    if archive.file_names_raw().any(|name| name == b"mimetype") {
        return Err(FileError::Unsupported("an OpenDocument or e-book file: save it as XLSX or CSV"));
    }
    let mut found: Option<usize> = None;
    for index in 0..archive.len() {
        let name = archive.name_for_index(index).transpose().map_err(damaged)?.unwrap_or_default();
        if is_noise(&name) {
            continue;
        }
        check_name(&name)?;
        if found.replace(index).is_some() {
            return Err(refused("it has more than one member; it must have exactly one list"));
        }
    }
    let index = found.ok_or_else(|| refused("it has no member; it must have exactly one list"))?;
    let member = archive.by_index_raw(index).map_err(damaged)?;
    let method = member.compression();
    if member.encrypted() {
        return Err(refused("its member is encrypted; pack it without a password"));
    }
    if !matches!(method, CompressionMethod::Stored | CompressionMethod::Deflated) {
        return Err(refused(format!("its member is packed by the method {method}; use the usual one, deflate")));
    }
    if member.size() > limits.unpacked {
        return Err(FileError::TooLarge { what: "archive", limit: limits.unpacked });
    }
    Ok(Member {
        name: member.name().map_err(damaged)?.into_owned(),
        start: member.data_start().ok_or_else(|| refused("its member has no data"))?,
        packed: member.compressed_size(),
        unpacked: member.size(),
        crc: member.crc32(),
        deflated: method == CompressionMethod::Deflated,
    })
}

/// A member's name is never used as a path; one that tries to be is a reason to distrust the whole.
fn check_name(name: &str) -> Result<(), FileError> {
    let drive = name.as_bytes().get(1) == Some(&b':');
    if name.contains(['/', '\\', '\0']) || drive {
        let shown: String = name.chars().take(80).collect();
        return Err(refused(format!(
            "its member {shown:?} has a path for a name; pack the list itself, not its folder"
        )));
    }
    Ok(())
}

/// Unpacks every part of a workbook once, counting: declared sizes may lie, and the library that
/// reads the parts has no limit.
fn check_workbook(archive: &mut ZipArchive<&mut File>, limits: &Limits) -> Result<(), FileError> {
    let too_large = || FileError::TooLarge { what: "spreadsheet", limit: limits.spreadsheet };
    let mut left = limits.spreadsheet;
    let mut declared: u64 = 0;
    for index in 0..archive.len() {
        declared = declared.saturating_add(archive.by_index_raw(index).map_err(damaged)?.size());
    }
    if declared > limits.spreadsheet {
        return Err(too_large());
    }
    let mut chunk = vec![0_u8; 64 << 10];
    for index in 0..archive.len() {
        let mut part = archive.by_index(index).map_err(damaged)?;
        let shared_strings = part.name_raw().ends_with(b"sharedStrings.xml");
        let mut counts = StringCounts::default();
        let mut size: u64 = 0;
        loop {
            let n = part.read(&mut chunk)?;
            if n == 0 {
                break;
            }
            size += n as u64;
            left = left.checked_sub(n as u64).ok_or_else(too_large)?;
            if shared_strings {
                counts.look(&chunk[..n]);
            }
        }
        if shared_strings && counts.largest > size {
            return Err(FileError::Damaged("the workbook declares more texts than it has".into()));
        }
    }
    Ok(())
}

/// The `uniqueCount` of a workbook's texts, for which memory is set aside before they are read.
#[derive(Default)]
struct StringCounts {
    tail: Vec<u8>,
    largest: u64,
}

impl StringCounts {
    fn look(&mut self, chunk: &[u8]) {
        const KEY: &[u8] = b"uniqueCount";
        // A match may lie across two chunks: keep enough of the last one.
        self.tail.extend_from_slice(chunk);
        for at in memchr::memmem::find_iter(&self.tail, KEY) {
            let digits: String = self.tail[at + KEY.len()..]
                .iter()
                .take(64)
                .skip_while(|b| !b.is_ascii_digit() && **b != b'<' && **b != b'>')
                .take_while(|b| b.is_ascii_digit())
                .map(|&b| char::from(b))
                .collect();
            if !digits.is_empty() {
                self.largest = self.largest.max(digits.parse().unwrap_or(u64::MAX));
            }
        }
        let keep = self.tail.len().saturating_sub(128);
        self.tail.drain(..keep);
    }
}

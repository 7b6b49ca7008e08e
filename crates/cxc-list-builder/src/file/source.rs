//! Where a list's bytes come from: the file itself, or what is packed in it. A source can be read
//! more than once, since detection reads its beginning.
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use flate2::read::{DeflateDecoder, MultiGzDecoder};
use tempfile::NamedTempFile;

use super::archive::{self, Member, Zip};
use super::error::FileError;
use super::inflate::{Checked, Counted, Guarded};
use super::kind::{self, Content};
use super::options::{Limits, ReadOptions};
use super::spreadsheet;

/// Packed or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Neither.
    None,
    /// A ZIP with one member.
    Zip,
    /// gzip.
    Gzip,
}

/// A list's bytes, to be opened any number of times.
#[derive(Debug)]
pub(super) struct Source {
    place: Place,
    limits: Limits,
    /// How the file was packed.
    pub packing: Packing,
    /// The name of a ZIP's member.
    pub member: Option<String>,
    /// Whether it was a spreadsheet: then the bytes are its first sheet as comma-separated UTF-8 text.
    pub sheet: Option<spreadsheet::Sheet>,
    /// Size of what progress is counted in.
    pub total: u64,
}

#[derive(Debug)]
enum Place {
    Plain(PathBuf),
    Gzip(PathBuf),
    Zipped(PathBuf, Member),
    Sheet(NamedTempFile),
}

/// An open stream and the count of bytes taken from the file for it.
pub(super) struct Stream {
    pub reader: Box<dyn Read + Send>,
    pub read: Arc<AtomicU64>,
}

impl Source {
    /// Finds out what a file is; unpacks spreadsheets.
    pub fn find(path: &Path, options: &ReadOptions) -> Result<Self, FileError> {
        let mut file = File::open(path)?;
        let total = file.metadata()?.len();
        if !file.metadata()?.is_file() {
            return Err(FileError::Options("a list is read from a file".into()));
        }
        let head = head_of(&mut file)?;
        if head.is_empty() {
            return Err(FileError::Empty);
        }
        file.rewind()?;
        let limits = options.limits.clone();
        let plain = |place, packing| Self { place, limits: limits.clone(), packing, member: None, sheet: None, total };
        match kind::of_head(&head)? {
            Content::Text => Ok(plain(Place::Plain(path.into()), Packing::None)),
            Content::Ole => Self::of_sheet(spreadsheet::xls_to_text(file, options)?),
            Content::Gzip => plain(Place::Gzip(path.into()), Packing::Gzip).unwrapped(options),
            Content::Zip => match archive::inspect(&mut file, &limits)? {
                Zip::Workbook => Self::of_sheet(spreadsheet::xlsx_to_text(file, options)?),
                Zip::Member(member) => {
                    let name = member.name.clone();
                    let mut source = plain(Place::Zipped(path.into(), member), Packing::Zip);
                    source.member = Some(name);
                    source.unwrapped(options)
                }
            },
        }
    }

    fn of_sheet((text, sheet): (NamedTempFile, spreadsheet::Sheet)) -> Result<Self, FileError> {
        let total = text.as_file().metadata()?.len();
        let limits = Limits::default();
        Ok(Self { place: Place::Sheet(text), limits, packing: Packing::None, member: None, sheet: Some(sheet), total })
    }

    /// What is packed may be text or one spreadsheet, not a further archive.
    fn unwrapped(self, options: &ReadOptions) -> Result<Self, FileError> {
        let mut stream = self.open()?;
        let head = head_of(&mut stream.reader)?;
        let content = kind::of_head(&head)?;
        if content == Content::Text {
            return Ok(self);
        }
        let nested = || FileError::Archive("it holds a further archive; pack the list itself".into());
        if content == Content::Gzip {
            return Err(nested());
        }
        drop(stream);
        let mut file = self.spool(options)?;
        let unpacked = match content {
            Content::Ole => spreadsheet::xls_to_text(file, options)?,
            _ => match archive::inspect(&mut file, &options.limits) {
                Ok(Zip::Workbook) => spreadsheet::xlsx_to_text(file, options)?,
                Ok(Zip::Member(_)) | Err(FileError::Archive(_)) => return Err(nested()),
                Err(other) => return Err(other),
            },
        };
        Ok(Self { packing: self.packing, member: self.member, ..Self::of_sheet(unpacked)? })
    }

    /// The unpacked bytes in a temporary file, for readers that seek.
    fn spool(&self, options: &ReadOptions) -> Result<File, FileError> {
        let limit = options.limits.spreadsheet;
        let mut file = temp_file(options)?.into_file();
        let copied = io::copy(&mut self.open()?.reader.take(limit + 1), &mut file)?;
        if copied > limit {
            return Err(FileError::TooLarge { what: "spreadsheet", limit });
        }
        file.flush()?;
        file.rewind()?;
        Ok(file)
    }

    /// Opens the bytes from their beginning.
    pub fn open(&self) -> Result<Stream, FileError> {
        let read = Arc::new(AtomicU64::new(0));
        let counted = |file| Counted::new(file, Arc::clone(&read));
        let guard = |inner: Box<dyn Read + Send>| Guarded::new(inner, Arc::clone(&read), self.limits.clone());
        let reader: Box<dyn Read + Send> = match &self.place {
            Place::Plain(path) => Box::new(counted(File::open(path)?)),
            Place::Sheet(text) => Box::new(counted(text.reopen()?)),
            Place::Gzip(path) => Box::new(guard(Box::new(MultiGzDecoder::new(buffered(counted(File::open(path)?)))))),
            Place::Zipped(path, member) => {
                let mut file = File::open(path)?;
                file.seek(SeekFrom::Start(member.start))?;
                let packed = buffered(counted(file)).take(member.packed);
                let inner: Box<dyn Read + Send> =
                    if member.deflated { Box::new(DeflateDecoder::new(packed)) } else { Box::new(packed) };
                Box::new(Checked::new(guard(inner), member.crc, member.unpacked))
            }
        };
        Ok(Stream { reader, read })
    }
}

fn buffered<R: Read>(inner: R) -> io::BufReader<R> {
    io::BufReader::with_capacity(64 << 10, inner)
}

fn head_of(reader: &mut impl Read) -> Result<Vec<u8>, FileError> {
    let mut head = Vec::with_capacity(kind::HEAD);
    reader.take(kind::HEAD as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// A temporary file that goes away by itself.
pub(super) fn temp_file(options: &ReadOptions) -> Result<NamedTempFile, FileError> {
    let made = match &options.temp_dir {
        Some(dir) => NamedTempFile::new_in(dir),
        None => NamedTempFile::new(),
    };
    Ok(made?)
}

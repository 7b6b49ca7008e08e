//! Why a file as a whole is refused. What is wrong with one line is a `RecordProblem`.
use std::io;

/// Why a file cannot be read, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Nothing in it, or only blank lines.
    #[error("the file is empty; it needs at least one line of data")]
    Empty,
    /// A known kind that is not a list.
    #[error("the file is {0}; a list is delimited text, XLSX, XLS, or one of these in a ZIP or gzip file")]
    Unsupported(&'static str),
    /// Not text.
    #[error("the file holds binary data; a list is delimited text, XLSX, XLS, or one of these in a ZIP or gzip file")]
    Binary,
    /// A ZIP or gzip file that is not unpacked.
    #[error("the archive is refused: {0}")]
    Archive(String),
    /// It unpacks to far more than its size.
    #[error("the archive is refused: it unpacks to more than {ratio} times its size")]
    Bomb {
        /// The ratio allowed.
        ratio: u64,
    },
    /// It unpacks to more than allowed.
    #[error(
        "the {what} is too large: unpacked it may have {limit} bytes at most; use delimited text for a longer list"
    )]
    TooLarge {
        /// Archive or spreadsheet.
        what: &'static str,
        /// Bytes.
        limit: u64,
    },
    /// The encoding that was asked for is not the file's.
    #[error("the file is not {given}: {found}; leave the encoding out to have it detected")]
    WrongEncoding {
        /// What was asked for.
        given: String,
        /// What was seen.
        found: String,
    },
    /// No such encoding.
    #[error(
        "unknown encoding {0:?}; known are UTF-8, UTF-16LE, UTF-16BE, ISO-8859-1, Windows-1252 and the other web encodings"
    )]
    UnknownEncoding(String),
    /// Options that cannot be followed.
    #[error("{0}")]
    Options(String),
    /// A header that cannot be read.
    #[error("the header line cannot be read: {0}")]
    Header(String),
    /// Broken in the middle.
    #[error("the file is damaged: {0}")]
    Damaged(String),
    /// The disk failed.
    #[error("the file cannot be read: {0}")]
    Io(#[source] io::Error),
}

impl FileError {
    /// A stable name for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "file_empty",
            Self::Unsupported(_) => "file_unsupported",
            Self::Binary => "file_binary",
            Self::Archive(_) => "archive_refused",
            Self::Bomb { .. } => "archive_bomb",
            Self::TooLarge { .. } => "file_too_large",
            Self::WrongEncoding { .. } => "wrong_encoding",
            Self::UnknownEncoding(_) => "unknown_encoding",
            Self::Options(_) => "bad_options",
            Self::Header(_) => "bad_header",
            Self::Damaged(_) => "file_damaged",
            Self::Io(_) => "file_unreadable",
        }
    }
}

/// Readers that unpack report through `io::Error`; their own errors come back out here.
impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        match error.downcast::<FileError>() {
            Ok(inner) => inner,
            Err(error) => match error.kind() {
                io::ErrorKind::UnexpectedEof => Self::Damaged("it ends in the middle".into()),
                io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => Self::Damaged(error.to_string()),
                _ => Self::Io(error),
            },
        }
    }
}

impl From<FileError> for io::Error {
    fn from(error: FileError) -> Self {
        io::Error::other(error)
    }
}

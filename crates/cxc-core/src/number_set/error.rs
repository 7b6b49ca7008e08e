//! Why the bytes of a set are refused.
use std::io;

/// Why a set can't be built or read.
#[derive(Debug, thiserror::Error)]
pub enum NumberSetError {
    /// It is no file of numbers.
    #[error("this is no file of numbers: it does not begin with cxcnums")]
    Magic,
    /// It was written by another version of the program.
    #[error("the file of numbers has format {found}, this program reads format {known}")]
    Format {
        /// The format of the file.
        found: u16,
        /// The format that this program reads.
        known: u16,
    },
    /// Its parts contradict each other.
    #[error("the file of numbers is damaged: {0}")]
    Damaged(&'static str),
    /// Its bytes are not those that were written.
    #[error("the file of numbers is damaged: its bytes have another SHA-256 than it says")]
    Checksum,
    /// It is cut off, or can't be read.
    #[error("the file of numbers can't be read: {0}")]
    Read(io::Error),
    /// What is to be a number is none.
    #[error("{0} is no number: one has 8 to 15 digits, country code first")]
    NotANumber(u64),
    /// It would be larger than any list of numbers is.
    #[error("a set of numbers holds {} at most", super::MOST_NUMBERS)]
    TooMany,
}

impl From<io::Error> for NumberSetError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Damaged("it ends in the middle"),
            io::ErrorKind::InvalidData => Self::Damaged("its numbers are not in order"),
            _ => Self::Read(error),
        }
    }
}

//! Reads lists from files: delimited and fixed-position text in any usual encoding, XLSX, XLS, and one
//! of these in a ZIP or gzip file, as a stream of batches in constant memory.
//!
//! `open` finds out what a file is; `FileReader::next_batch` or a `BatchStream` hands out its records;
//! `RejectsWriter` writes those that were not taken. Lines are told apart here, fields in `mapping`.

mod archive;
mod batch;
mod decode;
mod dialect;
mod encoding;
mod error;
mod finish;
mod fixed;
mod inflate;
mod kind;
pub mod look;
mod options;
mod reader;
mod reason;
mod records;
mod rejects;
mod source;
mod split;
mod spreadsheet;
mod stream;
mod trim;
mod window;

pub use batch::{Batch, RecordProblem, RecordRef, RecordStatus};
pub use error::FileError;
pub use options::{FixedColumn, HeaderOption, Limits, ReadOptions};
pub use reader::{Doubt, FileKind, FileReader, column_name, open};
pub use reason::RejectReason;
pub use rejects::{REJECT_COLUMNS, Reject, RejectsWriter, originals};
pub use source::Packing;
pub use stream::BatchStream;
pub use trim::{is_space, trim};

//! Why an import stopped, inside.
use cxc_server::ApiError;
use cxc_server::job_runner::JobError;
use cxc_store::StoreError;
use cxc_store::import::ImportCounts;

use super::intake::Taken;
use crate::file::FileError;
use crate::mapping::MappingError;

/// Why an import stopped, inside.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Mapping(#[from] MappingError),
    #[error(transparent)]
    Job(#[from] JobError),
    #[error("{}", why(.0))]
    NothingTaken(Box<Taken>),
}

fn why(left: &Taken) -> &'static str {
    nothing_taken(left.counts)
}

/// Why no line of a file was taken.
pub(crate) fn nothing_taken(counts: ImportCounts) -> &'static str {
    match counts {
        ImportCounts { lines, blank, .. } if lines == blank => "the file has a header and no line of data",
        ImportCounts { rejected: 0, duplicate: 0, .. } => "the selection rule takes no line of the file",
        _ => "no line of the file could be taken; the rejects file says why for each",
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Stop::Job(error.into())
    }
}

impl From<Stop> for JobError {
    fn from(stop: Stop) -> Self {
        let code = match &stop {
            Stop::File(error) => error.code(),
            Stop::Mapping(error) => error.code(),
            Stop::NothingTaken(_) => "nothing_taken",
            Stop::Job(_) => "internal",
        };
        match stop {
            Stop::Job(error) => error,
            refused => ApiError::invalid("/file", code, refused.to_string()).into(),
        }
    }
}

/// Something of ours failed.
pub(crate) fn internal(error: impl Into<anyhow::Error>) -> Stop {
    Stop::Job(JobError::Internal(error.into()))
}

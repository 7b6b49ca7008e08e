//! The jobs of the list builder: what their payloads are, and their handler.
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use cxc_server::ApiError;
use cxc_server::job_runner::{JobControl, JobError, JobHandler};
use cxc_store::job::Job;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::import::{ImportContext, ImportSettings, Progress, run_import, run_undo};

/// Imports a file into a contact list.
pub const LIST_IMPORT: &str = "list_import";
/// Undoes a contact list's latest import.
pub const LIST_UNDO: &str = "list_undo";

/// Where the file of an import is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// An upload.
    Upload(Uuid),
    /// A file on this machine: for the command line only.
    Path(PathBuf),
}

/// The payload of [`LIST_IMPORT`]; the job's subject is the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportPayload {
    /// The file.
    pub source: Source,
    /// How to import it.
    pub settings: ImportSettings,
}

/// Who is told of the progress of imports in this process.
pub type Watch = Arc<dyn Fn(Progress) + Send + Sync>;

/// Does the jobs of the list builder.
pub struct ListJobs {
    /// What imports work with.
    pub context: ImportContext,
    /// The folder of uploads.
    pub uploads: PathBuf,
    /// Told of progress.
    pub watch: Watch,
}

impl ListJobs {
    /// The jobs, with nobody told of progress.
    pub fn new(context: ImportContext, uploads: PathBuf) -> Self {
        Self { context, uploads, watch: Arc::new(|_| ()) }
    }

    async fn import(&self, job: &Job, control: &JobControl) -> Result<Value, JobError> {
        let payload: ImportPayload =
            serde_json::from_value(job.payload.0.clone()).map_err(|e| JobError::Internal(e.into()))?;
        let path = match &payload.source {
            Source::Upload(id) => self.uploads.join(id.to_string()),
            Source::Path(path) => path.clone(),
        };
        let done = run_import(&self.context, subject(job)?, &payload.settings, &path, control, &*self.watch).await?;
        answer(&done)
    }
}

fn subject(job: &Job) -> Result<Uuid, JobError> {
    job.subject.ok_or_else(|| JobError::Refused(ApiError::not_found("list")))
}

fn answer(done: &impl Serialize) -> Result<Value, JobError> {
    serde_json::to_value(done).map_err(|e| JobError::Internal(e.into()))
}

#[async_trait]
impl JobHandler for ListJobs {
    fn kinds(&self) -> &'static [&'static str] {
        &[LIST_IMPORT, LIST_UNDO]
    }

    async fn run(&self, job: &Job, control: &JobControl) -> Result<Value, JobError> {
        match job.kind.as_str() {
            LIST_IMPORT => self.import(job, control).await,
            LIST_UNDO => answer(&run_undo(&self.context, subject(job)?, control).await?),
            other => Err(JobError::Internal(anyhow::anyhow!("no handler of {other}"))),
        }
    }
}

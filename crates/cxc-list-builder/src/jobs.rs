//! The jobs of the list builder: what their payloads are, and their handler.
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cxc_core::kind;
use cxc_server::ApiError;
use cxc_server::job_runner::{JobControl, JobError, JobHandler};
use cxc_store::job::Job;
use cxc_store::number_list::LOAD_JOB;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::consents::{
    CONSENT_EXPORT, CONSENT_IMPORT, CONSENT_UNDO, UndoPayload, export_consents, run_consent_import, run_consent_undo,
};
use crate::export::{ExportSettings, Exported, export_contacts, export_suppression};
use crate::import::{
    ImportContext, ImportSettings, Progress, run_import, run_suppression_import, run_suppression_undo, run_undo,
};
use crate::intelligence::{
    ANSWERS_AGAIN, ANSWERS_LOAD, ANSWERS_QUERY, AnswersPayload, ask_again, load_answers, query_answers,
};
use crate::metrics::BuilderMetrics;
use crate::numbers::{LoadPayload, run_load};
use crate::relocate::run_relocate;

/// Imports a file into a contact list.
pub const LIST_IMPORT: &str = "list_import";
/// Undoes a contact list's latest import.
pub const LIST_UNDO: &str = "list_undo";
/// Writes a contact list to a file.
pub const LIST_EXPORT: &str = "list_export";
/// Finds the places of a contact list's people anew.
pub const LIST_RELOCATE: &str = "list_relocate";
/// Imports a file into a suppression list.
pub const SUPPRESSION_IMPORT: &str = "suppression_import";
/// Undoes a suppression list's latest import.
pub const SUPPRESSION_UNDO: &str = "suppression_undo";
/// Writes a suppression list to a file.
pub const SUPPRESSION_EXPORT: &str = "suppression_export";
/// Every kind.
pub const KINDS: &[&str] = &[
    LIST_IMPORT,
    LIST_UNDO,
    LIST_EXPORT,
    LIST_RELOCATE,
    SUPPRESSION_IMPORT,
    SUPPRESSION_UNDO,
    SUPPRESSION_EXPORT,
    LOAD_JOB,
    ANSWERS_LOAD,
    ANSWERS_QUERY,
    ANSWERS_AGAIN,
    CONSENT_IMPORT,
    CONSENT_UNDO,
    CONSENT_EXPORT,
];

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
    /// The folder of exports.
    pub exports: PathBuf,
    /// Told of progress.
    pub watch: Watch,
    /// Counts jobs, where a component runs them.
    pub metrics: Option<BuilderMetrics>,
}

impl ListJobs {
    /// The jobs, with nobody told of progress and nothing counted. Exports go beside the uploads.
    pub fn new(context: ImportContext, uploads: PathBuf) -> Self {
        let exports = uploads.with_file_name("exports");
        Self { context, uploads, exports, watch: Arc::new(|_| ()), metrics: None }
    }

    async fn import(&self, job: &Job, control: &JobControl) -> Result<Value, JobError> {
        let payload: ImportPayload = payload(job)?;
        let path = self.path_of(&payload.source);
        let (list, settings, watch) = (subject(job)?, &payload.settings, &*self.watch);
        let done = if job.kind == CONSENT_IMPORT {
            run_consent_import(&self.context, settings, &path, control, watch).await
        } else if job.kind == SUPPRESSION_IMPORT {
            let document =
                self.context.app.db.read().await?.object_get(job.tenant, kind::SUPPRESSION_LIST, list).await?;
            let retention = document.and_then(|document| document.body.0["retentionDays"].as_i64());
            run_suppression_import(&self.context, list, retention, settings, &path, control, watch).await
        } else {
            run_import(&self.context, list, settings, &path, control, watch).await
        };
        let imported = self.context.app.db.read().await?.import_of_job(job.tenant, job.id).await?;
        if let (Some(metrics), Some(import)) = (&self.metrics, imported) {
            metrics.imported(job.tenant, &import.counts);
        }
        answer(&done?)
    }

    async fn load_numbers(&self, job: &Job, control: &JobControl) -> Result<Value, JobError> {
        let payload: LoadPayload = payload(job)?;
        let path = self.path_of(&payload.source);
        answer(&run_load(&self.context, subject(job)?, &payload.settings, &path, control, &self.watch).await?)
    }

    fn path_of(&self, source: &Source) -> PathBuf {
        match source {
            Source::Upload(id) => self.uploads.join(id.to_string()),
            Source::Path(path) => path.clone(),
        }
    }

    async fn export(&self, job: &Job, control: &JobControl) -> Result<Value, JobError> {
        let (db, list) = (&self.context.app.db, subject(job)?);
        let rows = if job.kind == CONSENT_EXPORT {
            export_consents(db, &self.exports, control).await?
        } else if job.kind == SUPPRESSION_EXPORT {
            export_suppression(db, list, &self.exports, control).await?
        } else {
            export_contacts(db, list, &payload::<ExportSettings>(job)?, &self.exports, control).await?
        };
        Exported::of(job.id, rows)
    }
}

fn payload<T: serde::de::DeserializeOwned>(job: &Job) -> Result<T, JobError> {
    serde_json::from_value(job.payload.0.clone()).map_err(|e| JobError::Internal(e.into()))
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
        KINDS
    }

    async fn run(&self, job: &Job, control: &JobControl) -> Result<Value, JobError> {
        if let Some(metrics) = &self.metrics {
            metrics.learn(&self.context.app, job.tenant).await?;
            metrics.job_started(&job.kind, job.tenant);
        }
        match job.kind.as_str() {
            LIST_IMPORT | SUPPRESSION_IMPORT | CONSENT_IMPORT => self.import(job, control).await,
            LIST_UNDO => answer(&run_undo(&self.context, subject(job)?, control).await?),
            SUPPRESSION_UNDO => answer(&run_suppression_undo(&self.context, subject(job)?, control).await?),
            LIST_RELOCATE => answer(&run_relocate(&self.context, subject(job)?, &payload(job)?, control).await?),
            ANSWERS_AGAIN => {
                let done = ask_again(&self.context, subject(job)?, control).await?;
                if let Some(metrics) = &self.metrics {
                    metrics.asked_again(job.tenant, done.asked, done.answered);
                }
                Ok(done.told())
            }
            CONSENT_UNDO => {
                let UndoPayload { import } = payload(job)?;
                answer(&run_consent_undo(&self.context, import, control).await?)
            }
            LIST_EXPORT | SUPPRESSION_EXPORT | CONSENT_EXPORT => self.export(job, control).await,
            LOAD_JOB => self.load_numbers(job, control).await,
            ANSWERS_LOAD => {
                let payload: AnswersPayload = payload(job)?;
                load_answers(&self.context, &payload, &self.path_of(&payload.source), control).await
            }
            ANSWERS_QUERY => query_answers(&self.context, subject(job)?, &payload(job)?, control).await,
            other => Err(JobError::Internal(anyhow::anyhow!("no handler of {other}"))),
        }
    }

    fn ended(&self, job: &Job, state: &'static str, elapsed: Duration) {
        if let Some(metrics) = &self.metrics {
            metrics.job_ended(&job.kind, job.tenant, state, elapsed);
        }
    }
}

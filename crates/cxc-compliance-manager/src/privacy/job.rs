//! The jobs: one person is found, exported or erased, in one transaction that also keeps the export.
use async_trait::async_trait;
use cxc_core::hash::HashKey;
use cxc_server::job_runner::{JobControl, JobError, JobHandler};
use cxc_server::{ApiError, App, Code, Principal};
use cxc_store::StoreError;
use cxc_store::job::Job;
use cxc_store::privacy::{Erased, PersonData, PersonKey};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::files::{self, ErasedFiles};
use super::person;

const FIND: &str = "privacy_find";
const EXPORT: &str = "privacy_export";
const ERASE: &str = "privacy_erase";
/// Steps of a job: found, done, kept.
const STEPS: i64 = 3;
/// The member of the payload that tells what a job came to before it ran again.
const CAME_TO: &str = "cameTo";

/// What is wanted of a person's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PrivacyKind {
    /// How much is known.
    Find,
    /// All that is known, as a file.
    Export,
    /// Erased everywhere.
    Erase,
}

impl PrivacyKind {
    /// The kind of its job.
    pub fn job(self) -> &'static str {
        match self {
            Self::Find => FIND,
            Self::Export => EXPORT,
            Self::Erase => ERASE,
        }
    }

    /// That of a job.
    pub fn of(job: &str) -> Self {
        match job {
            FIND => Self::Find,
            EXPORT => Self::Export,
            _ => Self::Erase,
        }
    }
}

/// Does the jobs.
pub struct PrivacyJobs {
    app: App,
}

impl PrivacyJobs {
    /// With this application.
    pub fn new(app: App) -> Self {
        Self { app }
    }

    async fn done(&self, job: &Job, key: &PersonKey, control: &JobControl) -> Result<Value, JobError> {
        let (app, tenant) = (&self.app, job.tenant);
        let hash: &HashKey = &app.hash_key;
        let principal = Principal { name: job.created_by.clone(), ..Principal::system(tenant) };
        let files = match PrivacyKind::of(&job.kind) {
            PrivacyKind::Erase => {
                let found = app.db.read().await?.person_find(tenant, key, hash).await?;
                files::forget(app, &found).await?
            }
            PrivacyKind::Find | PrivacyKind::Export => ErasedFiles::default(),
        };
        let mut tx = app.db.begin().await?;
        let found = tx.person_find(tenant, key, hash).await?;
        control.progress(1, STEPS);
        control.check()?;
        let kind = PrivacyKind::of(&job.kind);
        let came_to = match kind {
            PrivacyKind::Find => counts(&tx.person_export(&found).await?)?,
            PrivacyKind::Export => {
                let data = person::export(app, &mut tx, &principal, &found, Some(job.id)).await?;
                let json = serde_json::to_vec_pretty(&data).map_err(StoreError::from)?;
                if !tx.privacy_file_put(tenant, job.id, &json).await? {
                    return Err(erased_meanwhile());
                }
                counts(&data)?
            }
            PrivacyKind::Erase => {
                let erased = person::erase(app, &mut tx, &principal, &found, Some(job.id)).await?;
                let mut came_to = serde_json::to_value(&erased).map_err(StoreError::from)?;
                came_to["known"] = json!(erased != Erased::default() || files.file_lines > 0);
                if let (Value::Object(of_files), Some(all)) = (json!(files), came_to.as_object_mut()) {
                    all.extend(of_files);
                }
                came_to
            }
        };
        control.progress(2, STEPS);
        let payload = json!({ CAME_TO: came_to });
        tx.job_checkpoint(job, &payload).await?;
        control.hold(&mut tx, app.now()).await?;
        tx.commit().await?;
        if kind == PrivacyKind::Erase && !app.db.empty_journal().await? {
            tracing::warn!("the journal of the store is in use and keeps what was erased until it is written anew");
        }
        control.progress(STEPS, STEPS);
        Ok(came_to)
    }
}

/// How many entries of each sort there are, and whether there is anything at all.
fn counts(data: &PersonData) -> Result<Value, StoreError> {
    let mut counts = Map::new();
    counts.insert("known".into(), json!(!data.is_empty()));
    if let Value::Object(members) = serde_json::to_value(data)? {
        let count = |(name, value): (String, Value)| Some((name, json!(value.as_array()?.len())));
        counts.extend(members.into_iter().filter_map(count));
    }
    Ok(Value::Object(counts))
}

fn erased_meanwhile() -> JobError {
    ApiError::new(Code::NotFound, "the person was erased after this request was made").into()
}

#[async_trait]
impl JobHandler for PrivacyJobs {
    fn kinds(&self) -> &'static [&'static str] {
        &[FIND, EXPORT, ERASE]
    }

    async fn run(&self, job: &Job, control: &JobControl) -> Result<Value, JobError> {
        control.progress(0, STEPS);
        // its runner vanished after the work was committed
        if let Some(came_to) = job.payload.0.get(CAME_TO) {
            return Ok(came_to.clone());
        }
        let key = self.app.db.read().await?.privacy_request_key(job.tenant, job.id).await?;
        let key = key.ok_or_else(erased_meanwhile)?;
        self.done(job, &key, control).await
    }
}

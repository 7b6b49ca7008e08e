//! A database with a list, and files to import into it.
use std::path::PathBuf;
use std::sync::Arc;

use cxc_core::hash::HashKey;
use cxc_core::location::{LiveTables, LocationTables};
use cxc_core::phone::PhoneParser;
use cxc_list_builder::import::{Checkers, Dedupe, ImportContext, ImportMode, ImportOutcome, ImportSettings, Progress};
use cxc_list_builder::jobs::{ImportPayload, LIST_IMPORT, LIST_UNDO, ListJobs, Source};
use cxc_server::job_runner::run_by_id;
use cxc_server::rule_data::RuleData;
use cxc_server::{App, ServerConfig};
use cxc_store::contact::FullContact;
use cxc_store::job::{Job, NewJob};
use cxc_store::list::ContactList;
use cxc_store::location::Locations;
use cxc_store::{Db, DbOptions};
use cxc_test::{TestClock, TestDb};
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub struct World {
    pub db: TestDb,
    pub app: App,
    pub clock: TestClock,
    pub folder: TempDir,
    pub list: Uuid,
    pub jobs: ListJobs,
    pub stop: CancellationToken,
}

fn process(db: Db, clock: &TestClock, folder: &TempDir) -> (App, ListJobs) {
    let app = App::new(db, Arc::new(clock.clone()), HashKey([3; 16]), ServerConfig::default(), RuleData::default());
    let context = ImportContext {
        app: app.clone(),
        checkers: Checkers {
            phones: Arc::new(PhoneParser::new().unwrap()),
            tables: LiveTables::new(LocationTables::embedded().unwrap()),
            hash_key: app.hash_key,
        },
        locations: Arc::new(Locations::new()),
        rejects: folder.path().join("rejects"),
    };
    let jobs = ListJobs::new(context, folder.path().to_owned());
    (app, jobs)
}

impl World {
    pub async fn start() -> Self {
        let db = TestDb::start().await.unwrap();
        let clock = TestClock::default();
        let folder = tempfile::tempdir().unwrap();
        let (app, jobs) = process(db.db().clone(), &clock, &folder);
        let list = app.ids.next();
        let mut tx = app.db.begin().await.unwrap();
        tx.contact_list_insert(1, list).await.unwrap();
        tx.commit().await.unwrap();
        Self { db, app, clock, folder, list, jobs, stop: CancellationToken::new() }
    }

    /// What a new process would have: connections of its own.
    pub async fn start_again(&mut self) {
        let db = Db::connect(&DbOptions::new(self.db.url())).await.unwrap();
        (self.app, self.jobs) = process(db, &self.clock, &self.folder);
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    pub async fn queue(&self, kind: &'static str, payload: Value) -> Uuid {
        let now = self.app.now();
        let id = self.app.ids.next();
        let job = NewJob {
            id,
            tenant: 1,
            kind,
            subject: Some(self.list),
            payload,
            run_at: now,
            created_by: "test".into(),
            created_at: now,
        };
        let mut tx = self.app.db.begin().await.unwrap();
        tx.job_insert(&job).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    /// Runs an import job to its end.
    pub async fn job(&self, content: impl AsRef<[u8]>, settings: ImportSettings) -> Job {
        let path = self.write("list.csv", content);
        let payload = ImportPayload { source: Source::Path(path), settings };
        let id = self.queue(LIST_IMPORT, serde_json::to_value(payload).unwrap()).await;
        run_by_id(&self.app, &self.jobs, id, self.stop.clone()).await.unwrap().unwrap()
    }

    /// Runs an import that succeeds.
    pub async fn import(&self, content: impl AsRef<[u8]>, settings: ImportSettings) -> ImportOutcome {
        let job = self.job(content, settings).await;
        assert_eq!(job.state, "succeeded", "{:?}", job.error);
        let outcome: ImportOutcome = serde_json::from_value(job.result.unwrap().0).unwrap();
        assert!(outcome.counts().add_up(), "{outcome:?}");
        outcome
    }

    /// Runs an import that is refused; answers its code and text.
    pub async fn refused(&self, content: impl AsRef<[u8]>, settings: ImportSettings) -> (String, String) {
        let job = self.job(content, settings).await;
        assert_eq!(job.state, "failed", "{:?}", job.result);
        let error = job.error.unwrap().0;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&error["errors"][0]["code"]), text(&error["detail"]))
    }

    pub async fn undo(&self) -> Job {
        let id = self.queue(LIST_UNDO, Value::Null).await;
        run_by_id(&self.app, &self.jobs, id, self.stop.clone()).await.unwrap().unwrap()
    }

    pub async fn row(&self) -> ContactList {
        self.app.db.read().await.unwrap().contact_list_get(1, self.list).await.unwrap().unwrap()
    }

    pub async fn contacts(&self) -> Vec<FullContact> {
        let list = self.row().await;
        let page = self.app.db.read().await.unwrap().contact_page(&list, 0, 10_000).await.unwrap();
        let devices: usize = page.iter().map(|c| c.devices.len()).sum();
        assert_eq!((list.contacts, list.devices), (page.len() as i64, devices as i64), "the counters are right");
        page
    }

    /// Each contact's client id (or first device) and first name.
    pub async fn names(&self) -> Vec<(String, String)> {
        let name = |c: FullContact| {
            let key = c.contact.client_id.clone().unwrap_or_else(|| c.devices[0].address.clone());
            (key, c.contact.first_name.unwrap_or_default())
        };
        let mut names: Vec<_> = self.contacts().await.into_iter().map(name).collect();
        names.sort();
        names
    }

    pub fn rejects(&self, outcome: &ImportOutcome) -> Vec<Vec<String>> {
        let path = self.folder.path().join("rejects").join(outcome.rejects_file.as_ref().unwrap());
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_path(path).unwrap();
        reader.records().map(|r| r.unwrap().iter().map(str::to_owned).collect()).collect()
    }

    pub fn watch(&mut self, watch: impl Fn(Progress) + Send + Sync + 'static) {
        self.jobs.watch = Arc::new(watch);
    }
}

pub fn settings(mode: ImportMode) -> ImportSettings {
    ImportSettings {
        mode,
        default_country: Some("US".into()),
        file_name: "list.csv".into(),
        ..ImportSettings::default()
    }
}

pub fn deduped(mode: ImportMode, dedupe: Dedupe) -> ImportSettings {
    ImportSettings { dedupe, ..settings(mode) }
}

pub fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

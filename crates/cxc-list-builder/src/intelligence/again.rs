//! Asking again: answers grow old, and a rule that needs a fresh one denies without it. A job a source and day asks for
//! those of numbers that a contact list has. Without a source nothing runs.
use std::collections::HashSet;
use std::time::Duration;

use cxc_core::kind;
use cxc_core::phone::PhoneNumber;
use cxc_server::document::{self, Stored};
use cxc_server::job_runner::{JobControl, JobError};
use cxc_server::{ApiError, App};
use cxc_store::job::NewJob;
use cxc_store::number_answer::StoredAnswer;
use cxc_store::{StoreError, Tx};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::job::{http_source, put};
use super::{NumberIntelligence, NumberSource, Question};
use crate::import::ImportContext;

/// Asks a source again for what has grown old; its subject is the source.
pub const ANSWERS_AGAIN: &str = "number_answers_again";

/// How often a source is looked after, and after how long its next job comes.
const LOOK: Duration = Duration::from_secs(600);
const BETWEEN: i64 = 24 * 3600 * 1_000_000;
const DAY: i64 = 24 * 3600 * 1_000_000;
/// Answers of a page; they are asked for in requests of the source's own size.
const PAGE: i64 = 1_000;
/// The most questions of a job: the next one goes on.
const MOST: usize = 100_000;
/// A tenant's sources at most.
const TENANTS: i64 = 100;
const LEASE: i64 = 60_000_000;

/// Queues a job for each source that may have something to ask again, until told to stop.
pub(crate) async fn schedule(app: App, stop: CancellationToken) -> anyhow::Result<()> {
    while !stop.is_cancelled() {
        if let Err(error) = look(&app).await {
            tracing::warn!(%error, "what is to be asked again of number sources could not be looked for");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    Ok(())
}

/// Looks once over every tenant.
pub async fn look(app: &App) -> Result<(), StoreError> {
    let mut after = 0;
    loop {
        let tenants = app.db.read().await?.tenant_page(after, TENANTS).await?;
        let Some(last) = tenants.last() else { return Ok(()) };
        after = last.no;
        for tenant in &tenants {
            let sources = app.db.read().await?.object_all(tenant.no, kind::NUMBER_SOURCE).await?;
            for source in sources {
                queue(app, tenant.no, source.id).await?;
            }
        }
    }
}

/// Queues the next job of a source, unless one is open or the last one was less than a day ago.
async fn queue(app: &App, tenant: i64, source: Uuid) -> Result<(), StoreError> {
    let now = app.now();
    let mut tx = app.db.begin().await?;
    let found = document::get::<NumberSource>(&mut tx, tenant, source).await;
    let days = found.ok().flatten().and_then(|stored| stored.body.ask_again_days);
    let Some(before) = days.map(|days| now - days * DAY) else { return Ok(()) };
    // of several processes at the same moment one goes on
    let (name, holder) = (format!("answers again {source}"), app.ids.next().to_string());
    let Some(lease) = tx.lease_acquire(&name, &holder, LEASE).await? else { return Ok(()) };
    let last = tx.job_latest(tenant, source, ANSWERS_AGAIN).await?;
    let is_due = last.is_none_or(|job| job.finished_at.is_some() && job.created_at + BETWEEN <= now);
    if is_due && !tx.number_answers_stale(tenant, before, (i64::MIN, ""), 1).await?.is_empty() {
        let job = NewJob {
            id: app.ids.next(),
            tenant,
            kind: ANSWERS_AGAIN,
            subject: Some(source),
            payload: Value::Null,
            run_at: now,
            created_by: "system".into(),
            created_at: now,
        };
        tx.job_insert(&job).await?;
    }
    tx.lease_release(&lease).await?;
    tx.commit().await
}

/// What a job asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Again {
    /// Old answers that it looked at.
    pub old: i64,
    /// Those of numbers that are in a list, and that it asked for.
    pub asked: usize,
    /// Those that the source answered.
    pub answered: usize,
}

/// Asks a source again for its old answers, and the first source of a tenant for those of files and of sources that are
/// gone.
pub async fn ask_again(context: &ImportContext, source: Uuid, control: &JobControl) -> Result<Again, JobError> {
    let (app, tenant) = (&context.app, control.job().tenant);
    let mut tx = app.db.read().await?;
    let stored = document::get::<NumberSource>(&mut tx, tenant, source).await?;
    let stored = stored.ok_or_else(|| ApiError::not_found("number source"))?;
    let Some(days) = stored.body.ask_again_days else { return Ok(Again::default()) };
    let before = app.now() - days * DAY;
    let own = Own::of(&mut tx, tenant, &stored).await?;
    let total = tx.number_answers_stale_count(tenant, before).await?;
    drop(tx);
    let http = http_source(app, &stored);
    let (mut done, mut after) = (Again::default(), (i64::MIN, String::new()));
    while done.asked < MOST {
        control.check()?;
        let page = app.db.read().await?.number_answers_stale(tenant, before, (after.0, &after.1), PAGE).await?;
        let Some(last) = page.last() else { break };
        after = (last.device_hash, last.number.clone());
        done.old += i64::try_from(page.len()).unwrap_or(0);
        let hashes: Vec<i64> = page.iter().map(|answer| answer.device_hash).collect();
        let listed: HashSet<i64> = app.db.read().await?.devices_in_lists(tenant, &hashes).await?.into_iter().collect();
        let is_wanted = |answer: &&StoredAnswer| own.is_ours(&answer.source) && listed.contains(&answer.device_hash);
        let questions: Vec<Question> = page.iter().filter(is_wanted).filter_map(question).collect();
        let refused =
            |error: super::IntelligenceError| ApiError::invalid("/source", "source_failed", error.to_string());
        let answers = http.ask(&questions).await.map_err(refused)?;
        done.asked += questions.len();
        done.answered += answers.len();
        put(context, tenant, &answers, http.name()).await?;
        control.progress(done.old.min(total), total);
    }
    Ok(done)
}

impl Again {
    /// As the job's result tells it.
    pub fn told(&self) -> Value {
        json!({ "old": self.old, "asked": self.asked, "answered": self.answered })
    }
}

/// About the day that was asked about before; of an answer that names none, about its own.
fn question(answer: &StoredAnswer) -> Option<Question> {
    let at = Timestamp::from_microsecond(answer.consent_at.unwrap_or(answer.queried_at)).ok()?;
    let number = PhoneNumber::parse(&answer.number).ok()?;
    Some(Question { number, consent_on: at.to_zoned(TimeZone::UTC).date() })
}

/// Which answers a source looks after.
struct Own {
    name: String,
    others: HashSet<String>,
    is_first: bool,
}

impl Own {
    async fn of(tx: &mut Tx, tenant: i64, stored: &Stored<NumberSource>) -> Result<Self, StoreError> {
        let all = tx.object_all(tenant, kind::NUMBER_SOURCE).await?;
        let is_first = all.iter().map(|source| source.id).min() == Some(stored.id);
        let others = all.into_iter().map(|source| source.name).filter(|name| *name != stored.name).collect();
        Ok(Self { name: stored.name.clone(), others, is_first })
    }

    fn is_ours(&self, source: &str) -> bool {
        source == self.name || (self.is_first && !self.others.contains(source))
    }
}

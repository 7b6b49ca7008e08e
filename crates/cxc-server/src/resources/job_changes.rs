//! The jobs that moved since the last look: what listeners to the topic `jobs` are told. Jobs are looked at in their
//! table, since a row in the outbox for each step of each job would be written for nobody most of the time.
use std::collections::HashMap;

use cxc_core::{Micros, TenantNo};
use cxc_store::Tx;
use cxc_store::job::JobsSeen;
use uuid::Uuid;

use super::jobs::JobView;
use crate::error::ApiError;

/// A change is looked for so long: it may be committed after a later one.
const OVERLAP: Micros = 5_000_000;
const MOST: i64 = 1_000;

/// What a listener has been told of jobs.
pub(super) struct JobChanges {
    since: Micros,
    seen: JobsSeen,
    told: HashMap<Uuid, (JobView, Micros)>,
}

impl JobChanges {
    /// Changes after an instant, of the jobs that the listener may see.
    pub fn since(since: Micros, seen: JobsSeen) -> Self {
        Self { since, seen, told: HashMap::new() }
    }

    /// The jobs of a tenant as they are now, if they moved since the last look; oldest change first.
    pub async fn look(&mut self, tx: &mut Tx, tenant: TenantNo) -> Result<Vec<JobView>, ApiError> {
        let jobs = tx.job_changed(tenant, &self.seen, self.since.saturating_sub(OVERLAP), MOST).await?;
        let mut news = Vec::new();
        for job in jobs {
            let at = job.updated_at;
            self.since = self.since.max(at);
            let view = JobView::from(job);
            if self.told.get(&view.id).is_none_or(|(told, _)| *told != view) {
                self.told.insert(view.id, (view.clone(), at));
                news.push(view);
            }
        }
        let forgotten = self.since - OVERLAP;
        self.told.retain(|_, (_, at)| *at >= forgotten);
        Ok(news)
    }
}

//! Whether a load still is its group's: two loads, or a load and a refresh, must not write side by side.
use cxc_core::group_state::GroupState;
use cxc_server::job_runner::{JobControl, JobError};
use cxc_store::group::GroupRow;
use cxc_store::job::Job;
use cxc_store::{StoreError, Tx};
use uuid::Uuid;

use super::LOAD;

/// Which job works on which group, and how to tell whether it may go on.
pub struct Fence<'a> {
    group: i64,
    job: Uuid,
    control: &'a JobControl,
    /// Whether the job loads the group; otherwise it refreshes a loaded one.
    pub is_load: bool,
}

impl<'a> Fence<'a> {
    /// The fence of a job.
    pub fn of(group: i64, job: &Job, control: &'a JobControl) -> Self {
        Self { group, job: job.id, control, is_load: job.kind == LOAD }
    }

    /// Whether a group waits for this load, or is loaded so that it can be refreshed.
    pub fn lets(&self, row: &GroupRow) -> bool {
        match GroupState::parse(&row.state) {
            Some(GroupState::PreLoading) => self.is_load && row.job == Some(self.job),
            Some(GroupState::Active | GroupState::Running) => !self.is_load,
            _ => false,
        }
    }

    /// The group, locked, if the job may still change it.
    pub async fn group(&self, tx: &mut Tx) -> Result<Option<GroupRow>, StoreError> {
        Ok(tx.group_by_number(self.group, true).await?.filter(|row| self.lets(row)))
    }

    /// Fails when somebody stopped the group, or the job is another runner's. Call it late in a transaction:
    /// the group's row stays locked, and its senders write there too.
    pub async fn hold(&self, tx: &mut Tx, now: i64) -> Result<(), JobError> {
        match self.group(tx).await? {
            Some(_) => self.control.hold(tx, now).await,
            None => Err(JobError::Cancelled),
        }
    }
}

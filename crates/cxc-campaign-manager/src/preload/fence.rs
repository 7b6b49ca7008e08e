//! Whether a load still is its group's: two loads, or a load and a refresh, must not write side by side.
use cxc_core::group_state::GroupState;
use cxc_server::job_runner::{JobControl, JobError};
use cxc_store::group::GroupRow;
use cxc_store::job::Job;
use cxc_store::{StoreError, Tx};
use uuid::Uuid;

use super::{LOAD, REFRESH};

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

    /// Fails when the job was cancelled or its process stops.
    fn check(&self) -> Result<(), JobError> {
        self.control.check()
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

/// What must still be so for a run to change its group's records.
pub enum Guard<'a> {
    /// The group is its job's.
    Job(&'a Fence<'a>),
    /// No job works on the group: the run is not one.
    NoJob,
}

impl Guard<'_> {
    /// Fails when the run is to end.
    pub fn check(&self) -> Result<(), JobError> {
        match self {
            Self::Job(fence) => fence.check(),
            Self::NoJob => Ok(()),
        }
    }

    /// Fails when the run may no longer change the group. Call it late in a transaction, see [`Fence::hold`].
    pub async fn hold(&self, tx: &mut Tx, group: i64, now: i64) -> Result<(), JobError> {
        match self {
            Self::Job(fence) => fence.hold(tx, now).await,
            Self::NoJob => match tx.group_by_number(group, true).await? {
                Some(row) if !is_worked_on(tx, &row).await? => Ok(()),
                _ => Err(JobError::Cancelled),
            },
        }
    }
}

/// Whether a job loads or refreshes a group. With the group's row locked none begins meanwhile.
pub async fn is_worked_on(tx: &mut Tx, row: &GroupRow) -> Result<bool, StoreError> {
    let refresh = tx.job_latest(row.tenant, row.id, REFRESH).await?;
    Ok(row.state == GroupState::PreLoading.as_str() || refresh.is_some_and(|job| job.finished_at.is_none()))
}

//! What a set of rules would do to the audience of a campaign group, as a job: how many people it lets through now, who
//! waits until when, whom it leaves out, by rule, by hour and by zone. Nothing is written besides the job.
mod counts;
mod job;
mod routes;

pub use job::{DryRunAsked, DryRuns, KIND};
pub(crate) use routes::routes;

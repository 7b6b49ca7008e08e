//! Who may see and stop which jobs: whoever may read, or do, such work, and whoever asked for it.
use cxc_store::job::{Job, JobsSeen};

use crate::Scope;
use crate::error::ApiError;
use crate::principal::Principal;

/// The families of jobs by the first word of their kind: what is needed to see one, and to stop it. A kind of no family is
/// shown to nobody but whoever asked for it.
const FAMILIES: &[(&str, Scope, Scope)] = &[
    ("campaign", Scope::CampaignsRead, Scope::CampaignsControl),
    ("list", Scope::ListsRead, Scope::ListsWrite),
    ("suppression", Scope::SuppressionRead, Scope::SuppressionWrite),
    ("number", Scope::ComplianceRead, Scope::ComplianceRequired),
    ("consent", Scope::ComplianceRead, Scope::ComplianceWrite),
    ("compliance", Scope::ComplianceRead, Scope::ComplianceWrite),
    // also its counts tell of a person
    ("privacy", Scope::PrivacyAdmin, Scope::PrivacyAdmin),
];

/// What somebody may see of the jobs of the tenant.
pub(super) fn seen_by(principal: &Principal) -> JobsSeen {
    let families = FAMILIES.iter().filter(|(_, see, _)| principal.scopes.has(*see)).map(|(name, ..)| *name).collect();
    JobsSeen { asked_by: principal.name.clone(), families }
}

/// Whether a job of the tenant is shown to somebody.
pub(super) fn may_see(principal: &Principal, job: &Job) -> bool {
    is_asker(principal, job) || family(job).is_some_and(|(_, see, _)| principal.scopes.has(*see))
}

/// 403 unless somebody who sees a job may stop it.
pub(super) fn may_cancel(principal: &Principal, job: &Job) -> Result<(), ApiError> {
    match family(job) {
        Some((.., stop)) if !is_asker(principal, job) => principal.need(*stop),
        _ => Ok(()),
    }
}

fn is_asker(principal: &Principal, job: &Job) -> bool {
    job.created_by == principal.name
}

fn family(job: &Job) -> Option<&'static (&'static str, Scope, Scope)> {
    let word = job.kind.split('_').next().unwrap_or_default();
    FAMILIES.iter().find(|(name, ..)| *name == word)
}

//! `/not-ready-reasons`: why an agent takes no calls for a while.
use cxc_core::kind;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Scope;
use crate::document::{Document, NoExtra};

/// A reason; its name is all there is to it.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NotReadyReason {}

impl Document for NotReadyReason {
    const KIND: &'static str = kind::NOT_READY_REASON;
    const NOUN: &'static str = "not-ready reason";
    const PATH: &'static str = "/not-ready-reasons";
    const TAG: &'static str = "Agents";
    const READ: Scope = Scope::CampaignsRead;
    const WRITE: Scope = Scope::CampaignsWrite;
    const NAME_MAX: usize = 100;
    type Extra = NoExtra;
}

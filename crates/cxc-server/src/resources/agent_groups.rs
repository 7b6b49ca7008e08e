//! `/agent-groups`: the people who take the calls of campaign groups.
use cxc_core::field_error::FieldError;
use cxc_core::kind;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Scope;
use crate::document::{Document, NoExtra, Reference};

/// The most members: a document has at most so many references.
const MAX_MEMBERS: usize = 1_000;

/// Agents who take calls together.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AgentGroup {
    /// The users who are its agents; each needs the role Agent, or another one with the permission `agents:work`.
    #[serde(default)]
    #[schema(max_items = 1_000)]
    pub members: Vec<Uuid>,
}

impl Document for AgentGroup {
    const KIND: &'static str = kind::AGENT_GROUP;
    const NOUN: &'static str = "agent group";
    const PATH: &'static str = "/agent-groups";
    const TAG: &'static str = "Agents";
    const READ: Scope = Scope::CampaignsRead;
    const WRITE: Scope = Scope::CampaignsWrite;
    type Extra = NoExtra;

    fn validate(&self) -> Vec<FieldError> {
        if self.members.len() > MAX_MEMBERS {
            return vec![FieldError::new("/members", "too_many", "an agent group has at most 1000 members")];
        }
        let twice = (0..self.members.len()).filter(|at| self.members[..*at].contains(&self.members[*at]));
        twice.map(|at| FieldError::new(format!("/members/{at}"), "used_twice", "a user is a member once")).collect()
    }

    fn references(&self) -> Vec<Reference> {
        let reference = |(at, id): (usize, &Uuid)| Reference::new(format!("/members/{at}"), kind::USER, *id);
        self.members.iter().enumerate().map(reference).collect()
    }
}

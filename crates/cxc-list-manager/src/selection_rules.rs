//! `/selection-rules`: which contacts are taken.
use cxc_core::field_error::FieldError;
use cxc_core::kind;
use cxc_core::selection::SelectionRule as Rule;
use cxc_server::document::NoExtra;
use cxc_server::{Document, Scope};
use cxc_store::object_query::ObjectField;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which contacts of a list are taken.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct SelectionRule(pub Rule);

impl Document for SelectionRule {
    const KIND: &'static str = kind::SELECTION_RULE;
    const NOUN: &'static str = "selection rule";
    const PATH: &'static str = "/selection-rules";
    const TAG: &'static str = "Lists";
    const READ: Scope = Scope::ListsRead;
    const WRITE: Scope = Scope::ListsWrite;
    const FILTERS: &'static [ObjectField] = &[ObjectField::Text("kind")];
    type Extra = NoExtra;

    fn validate(&self) -> Vec<FieldError> {
        self.0.validate()
    }
}

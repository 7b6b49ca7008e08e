//! `/data-mappings` and `/specifications`: which columns of files feed which fields, kept for the next file.
use cxc_core::field_error::FieldError;
use cxc_server::document::NoExtra;
use cxc_server::{Document, Scope};
use cxc_store::object_query::ObjectField;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::mapping::{DataMapping as Mapping, Specification as Rules};

/// The kind of data mappings.
pub const DATA_MAPPING: &str = "data_mapping";
/// The kind of specifications.
pub const SPECIFICATION: &str = "specification";
const MAX_TEXT: usize = 100_000;

/// Which columns of a file feed which fields.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct DataMapping(pub Mapping);

impl Document for DataMapping {
    const KIND: &'static str = DATA_MAPPING;
    const NOUN: &'static str = "data mapping";
    const PATH: &'static str = "/data-mappings";
    const TAG: &'static str = "Lists";
    const READ: Scope = Scope::ListsRead;
    const WRITE: Scope = Scope::ListsWrite;
    const FILTERS: &'static [ObjectField] = &[ObjectField::Text("kind")];
    type Extra = NoExtra;

    fn validate(&self) -> Vec<FieldError> {
        self.0.check().err().map(|e| FieldError::new("/columns", e.code(), e.to_string())).into_iter().collect()
    }
}

/// Lines of `keyword = regular expression`, tried on the headers of a file.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Specification {
    /// The lines.
    #[schema(max_length = 100_000, example = "device1 = (?i)phone")]
    pub text: String,
}

impl Document for Specification {
    const KIND: &'static str = SPECIFICATION;
    const NOUN: &'static str = "specification";
    const PATH: &'static str = "/specifications";
    const TAG: &'static str = "Lists";
    const READ: Scope = Scope::ListsRead;
    const WRITE: Scope = Scope::ListsWrite;
    type Extra = NoExtra;

    fn validate(&self) -> Vec<FieldError> {
        if self.text.len() > MAX_TEXT {
            return vec![FieldError::new("/text", "too_long", "a specification has at most 100,000 bytes")];
        }
        Rules::parse(&self.text).err().map(|e| FieldError::new("/text", e.code(), e.to_string())).into_iter().collect()
    }
}

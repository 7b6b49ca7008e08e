//! `/labels`: what the custom fields of lists are called.
use cxc_core::field_error::FieldError;
use cxc_core::kind;
use cxc_core::selection::known_field;
use cxc_server::document::NoExtra;
use cxc_server::{Document, Scope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

const MOST: usize = 200;

/// Names for the fields of contacts.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LabelSchema {
    /// The fields that have a name, each once.
    #[schema(max_items = 200)]
    pub fields: Vec<Label>,
}

/// The name of a field.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Label {
    /// The column, such as `c_other1`.
    #[schema(example = "c_other1", max_length = 100)]
    pub column: String,
    /// Its name.
    #[schema(min_length = 1, max_length = 100)]
    pub label: String,
    /// Whether it is shown.
    #[serde(default = "shown")]
    #[schema(default = true)]
    pub display: bool,
}

fn shown() -> bool {
    true
}

impl Document for LabelSchema {
    const KIND: &'static str = kind::LABEL_SCHEMA;
    const NOUN: &'static str = "label schema";
    const PATH: &'static str = "/labels";
    const TAG: &'static str = "Lists";
    const READ: Scope = Scope::ListsRead;
    const WRITE: Scope = Scope::ListsWrite;
    type Extra = NoExtra;

    fn validate(&self) -> Vec<FieldError> {
        if self.fields.len() > MOST {
            return vec![FieldError::new("/fields", "too_many", "a label schema names at most 200 fields")];
        }
        let mut errors = Vec::new();
        for (i, field) in self.fields.iter().enumerate() {
            let mut error = |member: &str, code, detail: &str| {
                errors.push(FieldError::new(format!("/fields/{i}/{member}"), code, detail));
            };
            if known_field(&field.column).is_none() {
                error("column", "unknown_field", "a column is a known field, such as c_last_name or c_other1");
            } else if self.fields[..i].iter().any(|f| f.column == field.column) {
                error("column", "repeated", "each column has one label");
            }
            if field.label.trim().is_empty() || field.label.chars().count() > 100 {
                error("label", "length", "a label has 1 to 100 characters");
            }
        }
        errors
    }
}

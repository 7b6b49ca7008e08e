//! The times at which a person said that contacts are convenient.
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::legal::WeekHours;

/// What a person said about convenient times. It narrows every window and widens none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeclaredTimes {
    /// The convenient hours, on the clocks of every zone in which the person may be.
    pub hours: WeekHours,
    /// When it was said.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
}

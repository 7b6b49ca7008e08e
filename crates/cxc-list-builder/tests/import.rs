//! Imports of real files into a real database: `CXC_TEST_ENGINE` chooses which.
#![expect(clippy::unwrap_used, reason = "a test that finds something else than it expects has failed")]
#[path = "import/support.rs"]
mod support;

#[path = "import/consents.rs"]
mod consents;
#[path = "import/duplicates.rs"]
mod duplicates;
#[path = "import/failures.rs"]
mod failures;
#[path = "import/modes.rs"]
mod modes;
#[path = "import/relocate.rs"]
mod relocate;
#[path = "import/values.rs"]
mod values;

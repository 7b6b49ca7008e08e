//! Imports of real files into a real database: `CXC_TEST_ENGINE` chooses which.
#[path = "import/support.rs"]
mod support;

#[path = "import/duplicates.rs"]
mod duplicates;
#[path = "import/failures.rs"]
mod failures;
#[path = "import/modes.rs"]
mod modes;
#[path = "import/values.rs"]
mod values;

//! A set of integers bound as one text, so that a batch of look-ups is one statement on both engines.
use std::fmt::Write;

use crate::{Engine, Tx};

/// The integers, parted by commas.
pub(crate) struct IntSet(String);

impl IntSet {
    /// The set of these integers.
    pub fn of(values: impl IntoIterator<Item = i64>) -> Self {
        let mut text = String::new();
        for value in values {
            if !text.is_empty() {
                text.push(',');
            }
            let _infallible = write!(text, "{value}");
        }
        Self(text)
    }

    /// The text to bind.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The test that follows a column: `column{IntSet::test(tx, "$2")}`.
    pub fn test(tx: &Tx, parameter: &str) -> String {
        Self::test_on(tx.engine(), parameter)
    }

    /// The same, of an engine.
    pub fn test_on(engine: Engine, parameter: &str) -> String {
        match engine {
            Engine::Postgres => format!(" = ANY(string_to_array({parameter}, ',')::bigint[])"),
            Engine::Sqlite => format!(" IN (SELECT value FROM json_each('[' || {parameter} || ']'))"),
        }
    }
}

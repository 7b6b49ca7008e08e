//! Many small rows as one bound value, so that a batch is one statement on both engines.
use serde::Serialize;

use crate::{Engine, StoreError, Tx};

/// A batch of rows bound as one JSON text. `source` names it in a FROM clause.
///
/// ```sql
/// UPDATE record SET status = v.status FROM {source} WHERE record.id = v.id
/// ```
pub struct Rows(pub(crate) String);

impl Rows {
    /// The rows; each must serialise as an object whose members are the columns named to [`Rows::source`].
    pub fn of<T: Serialize>(rows: &[T]) -> Result<Self, StoreError> {
        Ok(Self(serde_json::to_string(rows)?))
    }

    /// The text to bind.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The row source for a FROM clause: `parameter` is where the text is bound (`$1`), `columns` are
    /// `(name, PostgreSQL type)`. The alias is `v`.
    pub fn source(tx: &Tx, parameter: &str, columns: &[(&str, &str)]) -> String {
        Self::source_on(tx.engine(), parameter, columns)
    }

    /// The same, of an engine.
    pub(crate) fn source_on(engine: Engine, parameter: &str, columns: &[(&str, &str)]) -> String {
        match engine {
            Engine::Postgres => {
                let typed: Vec<String> = columns.iter().map(|(name, kind)| format!("{name} {kind}")).collect();
                format!("json_to_recordset({parameter}::json) AS v({})", typed.join(", "))
            }
            Engine::Sqlite => {
                let picked: Vec<String> =
                    columns.iter().map(|(name, _)| format!("value ->> '{name}' AS {name}")).collect();
                format!("(SELECT {} FROM json_each({parameter})) AS v", picked.join(", "))
            }
        }
    }
}

/// A query of PostgreSQL's that is given its values.
pub(crate) type PgRowQuery<'q, O> =
    sqlx::query::QueryAs<'q, sqlx::Postgres, O, <sqlx::Postgres as sqlx::Database>::Arguments>;

/// One column of rows.
pub(crate) fn column<'a, R, V>(rows: &'a [R], value: impl Fn(&'a R) -> V) -> Vec<V> {
    rows.iter().map(value).collect()
}

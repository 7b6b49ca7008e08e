//! Bulk load: COPY on PostgreSQL, multi-row VALUES on SQLite. Rows are gathered in a buffer without
//! touching the database and written by one call.
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe};

use crate::{Db, Engine, StoreError, Tx};

/// The table and columns that a buffer feeds. A table has one such constant, beside its module.
#[derive(Debug)]
pub struct BulkTable {
    /// The table.
    pub name: &'static str,
    /// Its columns, in the order in which cells are pushed.
    pub columns: &'static [&'static str],
}

/// SQLite binds at most 32,766 values a statement; beyond 500 rows it gains nothing.
const SQLITE_ROWS: usize = 500;
const SQLITE_VALUES: usize = 32_000;
const COPY_CHUNK: usize = 64 * 1024;

/// Gathered rows, already in the form that their engine takes.
pub struct BulkBuffer {
    table: &'static BulkTable,
    rows: usize,
    cells: usize,
    form: Form,
}

enum Form {
    Copy(Vec<u8>),
    Values { full: Vec<SqliteArguments>, open: SqliteArguments, open_rows: usize, per_statement: usize },
}

impl BulkBuffer {
    /// An empty buffer for a table.
    pub fn new(engine: Engine, table: &'static BulkTable) -> Self {
        let form = match engine {
            Engine::Postgres => Form::Copy(Vec::with_capacity(COPY_CHUNK)),
            Engine::Sqlite => Form::Values {
                full: Vec::new(),
                open: SqliteArguments::default(),
                open_rows: 0,
                per_statement: (SQLITE_VALUES / table.columns.len()).min(SQLITE_ROWS),
            },
        };
        Self { table, rows: 0, cells: 0, form }
    }

    /// How many rows it holds.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether it holds no row.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Adds an integer cell.
    pub fn int(&mut self, value: i64) -> &mut Self {
        self.separate();
        match &mut self.form {
            Form::Copy(out) => {
                use std::io::Write;
                let _infallible = write!(out, "{value}");
            }
            Form::Values { open, .. } => {
                let _infallible = open.add(value);
            }
        }
        self
    }

    /// Adds a text cell. NUL can't be stored by PostgreSQL and is left out.
    pub fn text(&mut self, value: &str) -> &mut Self {
        self.separate();
        match &mut self.form {
            Form::Copy(out) => escape(out, value),
            Form::Values { open, .. } => {
                let _infallible = open.add(value);
            }
        }
        self
    }

    /// Adds an absent cell.
    pub fn null(&mut self) -> &mut Self {
        self.separate();
        match &mut self.form {
            Form::Copy(out) => out.extend_from_slice(b"\\N"),
            Form::Values { open, .. } => {
                let _infallible = open.add(None::<i64>);
            }
        }
        self
    }

    /// Adds a text cell, absent when there is none.
    pub fn opt_text(&mut self, value: Option<&str>) -> &mut Self {
        match value {
            Some(text) => self.text(text),
            None => self.null(),
        }
    }

    /// Adds an integer cell, absent when there is none.
    pub fn opt_int(&mut self, value: Option<i64>) -> &mut Self {
        match value {
            Some(number) => self.int(number),
            None => self.null(),
        }
    }

    /// Ends a row.
    pub fn end_row(&mut self) {
        debug_assert_eq!(self.cells, self.table.columns.len(), "a row of {} has its cells", self.table.name);
        self.cells = 0;
        self.rows += 1;
        match &mut self.form {
            Form::Copy(out) => out.push(b'\n'),
            Form::Values { full, open, open_rows, per_statement } => {
                *open_rows += 1;
                if open_rows == per_statement {
                    full.push(std::mem::take(open));
                    *open_rows = 0;
                }
            }
        }
    }

    fn separate(&mut self) {
        if self.cells > 0
            && let Form::Copy(out) = &mut self.form
        {
            out.push(b'\t');
        }
        self.cells += 1;
    }
}

/// Text as COPY wants it. Most text has nothing to escape and goes in as it is.
fn escape(out: &mut Vec<u8>, text: &str) {
    let special = |b: &u8| matches!(b, b'\\' | b'\t' | b'\n' | b'\r' | 0);
    if !text.as_bytes().iter().any(special) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    for byte in text.bytes() {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            0 => {}
            other => out.push(other),
        }
    }
}

impl Tx {
    /// Writes a buffer's rows.
    pub async fn bulk_write(&mut self, buffer: BulkBuffer) -> Result<(), StoreError> {
        if buffer.is_empty() {
            return Ok(());
        }
        let columns = buffer.table.columns.join(", ");
        match (self, buffer.form) {
            (Tx::Postgres(tx), Form::Copy(bytes)) => {
                let mut copy = tx.copy_in_raw(&format!("COPY {} ({columns}) FROM STDIN", buffer.table.name)).await?;
                for chunk in bytes.chunks(COPY_CHUNK) {
                    copy.send(chunk).await?;
                }
                copy.finish().await?;
            }
            (Tx::Sqlite(tx), Form::Values { full, open, open_rows, per_statement }) => {
                let last = (open_rows > 0).then_some((open, open_rows));
                let row = format!("({})", vec!["?"; buffer.table.columns.len()].join(","));
                let statement = |rows: usize| {
                    format!(
                        "INSERT INTO {} ({columns}) VALUES {}",
                        buffer.table.name,
                        vec![row.as_str(); rows].join(",")
                    )
                };
                let long = statement(per_statement);
                for arguments in full {
                    sqlx::query_with(AssertSqlSafe(long.as_str()), arguments).execute(&mut **tx).await?;
                }
                if let Some((arguments, rows)) = last {
                    // a statement of this length may never come again: keep it out of the cache
                    sqlx::query_with(AssertSqlSafe(statement(rows)), arguments)
                        .persistent(false)
                        .execute(&mut **tx)
                        .await?;
                }
            }
            _ => return Err(StoreError::Corrupt("a bulk buffer was made for the other engine".into())),
        }
        Ok(())
    }
}

impl Db {
    /// An empty buffer for a table of this database.
    pub fn bulk(&self, table: &'static BulkTable) -> BulkBuffer {
        BulkBuffer::new(self.engine(), table)
    }
}

//! Filters, order and place of a page of objects, as SQL. Field names come from the program, values are bound.
use uuid::Uuid;

use crate::Engine;

/// A value to bind.
#[derive(Debug, Clone, PartialEq)]
pub enum Param {
    /// A text.
    Text(String),
    /// A number, a time in microseconds, or a truth value as 0 or 1.
    Number(i64),
    /// The id of an object.
    Id(Uuid),
}

/// A field that objects can be filtered and sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectField {
    /// The name, whatever the case.
    Name,
    /// When it was made.
    CreatedAt,
    /// When it was last changed.
    UpdatedAt,
    /// A text at the top level of the body.
    Text(&'static str),
    /// A whole number at the top level of the body.
    Integer(&'static str),
    /// A truth value at the top level of the body.
    Bool(&'static str),
}

/// How a field is compared.
#[derive(Debug, Clone, PartialEq)]
pub enum Comparison {
    /// With one value: `=`, `<>`, `<`, `<=`, `>` or `>=`.
    Is(&'static str, Param),
    /// Any of these.
    In(Vec<Param>),
    /// Holds this text, whatever the case.
    Contains(String),
    /// Has no value, or has one.
    Empty(bool),
}

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct ObjectQuery {
    /// All of these hold.
    pub filters: Vec<(ObjectField, Comparison)>,
    /// Field and whether it falls; the id is always the last key.
    pub sort: Vec<(ObjectField, bool)>,
    /// The keys of the last object of the page before, in the order of `sort`, and its id.
    pub after: Option<(Vec<Param>, Uuid)>,
    /// At most so many.
    pub limit: i64,
}

struct Sql {
    text: String,
    params: Vec<Param>,
}

impl Sql {
    /// `$1` and `$2` are tenant and kind.
    fn place(&mut self, param: Param) -> String {
        self.params.push(param);
        format!("${}", self.params.len() + 2)
    }
}

impl ObjectField {
    /// The field as a value that is never NULL, so that order and comparison agree on both engines.
    fn sql(self, engine: Engine) -> String {
        match (self, engine) {
            (Self::Name, _) => "name_key".into(),
            (Self::CreatedAt, _) => "created_at".into(),
            (Self::UpdatedAt, _) => "updated_at".into(),
            (Self::Text(field), _) => format!("COALESCE(body ->> '{field}', '')"),
            (Self::Integer(field), _) => format!("COALESCE(CAST(body ->> '{field}' AS BIGINT), 0)"),
            (Self::Bool(field), Engine::Postgres) => {
                format!("CASE WHEN body ->> '{field}' = 'true' THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END")
            }
            (Self::Bool(field), Engine::Sqlite) => format!("COALESCE(body ->> '{field}', 0)"),
        }
    }

    /// The same for sorting: texts by their bytes on both engines.
    fn order_sql(self, engine: Engine) -> String {
        let sql = self.sql(engine);
        match (self, engine) {
            (Self::Name | Self::Text(_), Engine::Postgres) => format!("{sql} COLLATE \"C\""),
            _ => sql,
        }
    }
}

impl ObjectQuery {
    pub(crate) fn filter_sql(&self, engine: Engine) -> (String, Vec<Param>) {
        let sql = self.filters(engine);
        (sql.text, sql.params)
    }

    pub(crate) fn page_sql(&self, engine: Engine) -> (String, Vec<Param>) {
        let mut sql = self.filters(engine);
        if let Some((keys, id)) = &self.after {
            let place = self.after_sql(&mut sql, engine, keys, *id);
            sql.text.push_str(&format!(" AND ({place})"));
        }
        let mut order: Vec<String> = self
            .sort
            .iter()
            .map(|(f, falls)| format!("{}{}", f.order_sql(engine), if *falls { " DESC" } else { "" }))
            .collect();
        order.push("id".into());
        sql.text.push_str(&format!(" ORDER BY {} LIMIT {}", order.join(", "), self.limit));
        (sql.text, sql.params)
    }

    fn filters(&self, engine: Engine) -> Sql {
        let mut sql = Sql { text: String::new(), params: Vec::new() };
        for (field, comparison) in &self.filters {
            let one = filter(&mut sql, &field.sql(engine), comparison);
            sql.text.push_str(&format!(" AND {one}"));
        }
        sql
    }

    /// `a > $x OR (a = $x AND (b < $y OR (b = $y AND id > $z)))`
    fn after_sql(&self, sql: &mut Sql, engine: Engine, keys: &[Param], id: Uuid) -> String {
        let mut open = String::new();
        for ((field, falls), key) in self.sort.iter().zip(keys) {
            let (field, key) = (field.order_sql(engine), sql.place(key.clone()));
            let than = if *falls { '<' } else { '>' };
            open.push_str(&format!("{field} {than} {key} OR ({field} = {key} AND ("));
        }
        let id = sql.place(Param::Id(id));
        open.push_str(&format!("id > {id}"));
        open.push_str(&"))".repeat(self.sort.len().min(keys.len())));
        open
    }
}

fn filter(sql: &mut Sql, field: &str, comparison: &Comparison) -> String {
    match comparison {
        Comparison::Is(operator, value) => format!("{field} {operator} {}", sql.place(value.clone())),
        Comparison::In(values) => {
            let places: Vec<String> = values.iter().map(|v| sql.place(v.clone())).collect();
            if places.is_empty() { "1 = 0".into() } else { format!("{field} IN ({})", places.join(", ")) }
        }
        Comparison::Contains(text) => {
            let escaped = text.to_lowercase().replace('!', "!!").replace('%', "!%").replace('_', "!_");
            format!("lower({field}) LIKE {} ESCAPE '!'", sql.place(Param::Text(format!("%{escaped}%"))))
        }
        Comparison::Empty(true) => format!("{field} = ''"),
        Comparison::Empty(false) => format!("{field} <> ''"),
    }
}

//! Pages of rows that are no documents: how many, and those in order of an instant and an id, newest first.
use cxc_core::Micros;
use uuid::Uuid;

use super::query::bad;
use super::{Cursor, CursorKey, Page};
use crate::App;
use crate::error::ApiError;

/// How many rows a page has: 50 if nothing is asked, 1 to 500.
pub fn limit(asked: Option<i64>) -> Result<i64, ApiError> {
    let limit = asked.unwrap_or(50);
    if (1..=500).contains(&limit) { Ok(limit) } else { Err(bad("limit", "a limit is 1 to 500")) }
}

/// A page of rows in order of an instant and an id.
pub struct Paging<'a> {
    app: &'a App,
    query: String,
    limit: i64,
    /// Where the page before ended.
    pub after: Option<(Micros, Uuid)>,
}

impl<'a> Paging<'a> {
    /// What is asked for. `query` is all that the page depends on: tenant, collection and filter.
    pub fn open(app: &'a App, query: String, asked: Option<i64>, cursor: Option<&str>) -> Result<Self, ApiError> {
        let limit = limit(asked)?;
        let place = |cursor: Cursor| match cursor.keys.first() {
            Some(CursorKey::Number(at)) => (*at, cursor.id),
            _ => (0, cursor.id),
        };
        let opened = cursor.map(|cursor| Cursor::open(cursor, app.hash_key, &query, app.now())).transpose()?;
        Ok(Self { app, query, limit, after: opened.map(place) })
    }

    /// How many rows to read: one more than asked tells whether there is a next page.
    pub fn rows(&self) -> i64 {
        self.limit + 1
    }

    /// The rows that were read as they are shown; `place` tells where one stands.
    pub fn page<T, V: From<T>>(self, mut rows: Vec<T>, place: impl Fn(&T) -> (Micros, Uuid)) -> Page<V> {
        let shown = usize::try_from(self.limit).unwrap_or(0);
        let has_more = rows.len() > shown;
        rows.truncate(shown);
        let next = rows.last().filter(|_| has_more).map(|last| {
            let (at, id) = place(last);
            let cursor = Cursor { keys: vec![CursorKey::Number(at)], id, made_at: self.app.now() };
            cursor.seal(self.app.hash_key, &self.query)
        });
        Page::new(rows.into_iter().map(V::from).collect(), next)
    }
}

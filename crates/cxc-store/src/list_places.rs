//! Where the people of a list are, counted over the whole list and kept until the list changes. Owning service: list
//! builder.
use serde::{Deserialize, Serialize};

use crate::list::{COLUMNS, ContactList};
use crate::{Db, StoreError, Tx, on};
use sqlx::AssertSqlSafe;

/// A list of so many contacts is counted in the background; a smaller one when somebody asks.
pub const WORTH_KEEPING: i64 = 100_000;

/// How many devices of a list, or contacts themselves, are at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct PlaceCount {
    /// The kind of the devices; 0 for the contacts themselves.
    pub kind: i16,
    /// The line type of the devices; 0 for contacts.
    pub line_type: i16,
    /// The number of the interned location; 0 where none is known.
    pub location: i64,
    /// How many.
    pub count: i64,
}

impl Tx {
    /// Where the visible contacts of a list and their devices are: as it was kept, else by one pass over the list.
    pub async fn list_places(&mut self, list: &ContactList) -> Result<Vec<PlaceCount>, StoreError> {
        match self.list_places_kept(list).await? {
            Some(kept) => Ok(kept),
            None => self.list_places_count(list).await,
        }
    }

    /// What was kept of the list as it is now.
    async fn list_places_kept(&mut self, list: &ContactList) -> Result<Option<Vec<PlaceCount>>, StoreError> {
        const SQL: &str = "SELECT places FROM list_places WHERE list = $1 AND changes = $2";
        let kept: Option<String> = on!(self, conn => sqlx::query_scalar(SQL).bind(list.number).bind(list.changes)
            .fetch_optional(conn).await?);
        // what another release of the program kept is counted again
        Ok(kept.and_then(|text| serde_json::from_str(&text).ok()))
    }

    async fn list_places_count(&mut self, list: &ContactList) -> Result<Vec<PlaceCount>, StoreError> {
        const DEVICES: &str = "SELECT kind, line_type, location, count(*) AS count FROM device
            WHERE generation = $1 AND contact <= $2 GROUP BY kind, line_type, location";
        const CONTACTS: &str =
            "SELECT location, count(*) FROM contact WHERE generation = $1 AND id <= $2 GROUP BY location";
        let mut found: Vec<PlaceCount> = on!(self, conn => sqlx::query_as(DEVICES).bind(list.generation)
            .bind(list.visible_to).fetch_all(conn).await?);
        let contacts: Vec<(i64, i64)> = on!(self, conn => sqlx::query_as(CONTACTS).bind(list.generation)
            .bind(list.visible_to).fetch_all(conn).await?);
        let own = |(location, count)| PlaceCount { kind: 0, line_type: 0, location, count };
        found.extend(contacts.into_iter().map(own));
        found.sort_unstable_by_key(|p| (p.kind, p.line_type, p.location));
        Ok(found)
    }

    /// A large list of which nothing is kept as it is now.
    pub async fn list_places_due(&mut self) -> Result<Option<ContactList>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM contact_list WHERE contacts >= $1 AND NOT EXISTS (SELECT 1 FROM list_places p
             WHERE p.list = contact_list.number AND p.changes = contact_list.changes) ORDER BY number LIMIT 1"
        );
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(WORTH_KEEPING).fetch_optional(conn).await?))
    }

    async fn list_places_put(&mut self, list: &ContactList, places: &[PlaceCount]) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO list_places (list, changes, places) SELECT number, $2, $3 FROM contact_list
            WHERE number = $1 ON CONFLICT (list) DO UPDATE SET changes = excluded.changes, places = excluded.places
            WHERE list_places.changes < excluded.changes";
        let text = serde_json::to_string(places)?;
        on!(self, conn => sqlx::query(SQL).bind(list.number).bind(list.changes).bind(&text).execute(conn).await?.rows_affected());
        Ok(())
    }
}

/// Counts a large list and keeps the result, unless that was done. The pass only reads: nobody's writes wait for it.
pub async fn keep_list_places(db: &Db, list: &ContactList) -> Result<(), StoreError> {
    if list.contacts < WORTH_KEEPING {
        return Ok(());
    }
    let mut tx = db.read().await?;
    if tx.list_places_kept(list).await?.is_some() {
        return Ok(());
    }
    let places = tx.list_places_count(list).await?;
    drop(tx);
    let mut tx = db.begin_relaxed().await?;
    tx.list_places_put(list, &places).await?;
    tx.commit().await
}

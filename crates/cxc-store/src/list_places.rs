//! Where the people of a list are, counted: a look at so many of them as is cheap. Owning service: list builder.
use crate::list::ContactList;
use crate::{StoreError, Tx, on};

/// How many people of a list are at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct PlaceCount {
    /// The number of the interned location.
    pub location: i64,
    /// How many.
    pub count: i64,
}

impl Tx {
    /// The places of the devices of a kind (0 for the contacts themselves), of at most `most` rows of a list.
    pub async fn list_places(
        &mut self,
        list: &ContactList,
        kind: i16,
        most: i64,
    ) -> Result<Vec<PlaceCount>, StoreError> {
        const DEVICES: &str = "SELECT location, count(*) AS count FROM (SELECT location FROM device
            WHERE generation = $1 AND contact <= $2 AND kind = $3 LIMIT $4) AS sample GROUP BY location";
        const CONTACTS: &str = "SELECT location, count(*) AS count FROM (SELECT location FROM contact
            WHERE generation = $1 AND id <= $2 AND $3 = 0 LIMIT $4) AS sample GROUP BY location";
        let sql = if kind == 0 { CONTACTS } else { DEVICES };
        Ok(on!(self, conn => sqlx::query_as(sql).bind(list.generation).bind(list.visible_to).bind(kind).bind(most)
            .fetch_all(conn).await?))
    }
}

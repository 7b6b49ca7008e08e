//! New places of stored contacts, after the tables that find places were renewed. Owning service: list builder.
use serde::Serialize;
use sqlx::AssertSqlSafe;

use crate::{Rows, StoreError, Tx, on};

/// Where a contact or a device of it is from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct NewPlace {
    /// The contact.
    pub contact: i64,
    /// The position of the device; 0 for the contact itself.
    pub position: i16,
    /// The number of the interned location; 0 where none is known.
    pub location: i64,
}

impl Tx {
    /// Writes new places of contacts and devices of some contents: two statements, however many there are.
    pub async fn contact_places_set(&mut self, generation: i64, places: &[NewPlace]) -> Result<(), StoreError> {
        let columns = [("contact", "BIGINT"), ("position", "SMALLINT"), ("location", "BIGINT")];
        let source = Rows::source(self, "$1", &columns);
        let contacts = format!(
            "UPDATE contact SET location = v.location FROM {source}
             WHERE contact.generation = $2 AND contact.id = v.contact AND v.position = 0"
        );
        let devices = format!(
            "UPDATE device SET location = v.location FROM {source}
             WHERE device.generation = $2 AND device.contact = v.contact AND device.position = v.position"
        );
        let rows = Rows::of(places)?;
        for sql in [contacts, devices] {
            on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(rows.text()).bind(generation).execute(conn).await?.rows_affected());
        }
        Ok(())
    }
}

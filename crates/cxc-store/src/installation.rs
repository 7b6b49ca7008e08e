//! Facts about this database that are made once: the key of hashes. Owner: the binary.
use std::path::Path;

use cxc_core::hash::HashKey;

use crate::{Db, StoreError, Tx, on};

const HASH_KEY: &str = "hash_key";
/// The newest decision of which an operator said that a wrong clock made it.
pub(crate) const CLOCK_ACCEPTED: &str = "clock_accepted";

/// The installation's key of hashes, made from `random` if this database has none yet. Of several processes
/// that start at once on a new database, all get the same key.
pub async fn hash_key(db: &Db, random: [u8; 16]) -> Result<HashKey, StoreError> {
    // a database that has its key is not written to: a second process may hold SQLite's only writer
    if let Some(text) = db.read().await?.installation_get(HASH_KEY).await? {
        return key_of(&text);
    }
    let mut tx = db.begin().await?;
    let text = tx.installation_put_once(HASH_KEY, &hex(&random)).await?;
    tx.commit().await?;
    key_of(&text)
}

/// Writes a consistent copy of the embedded store to a file that does not exist yet, while others write.
/// False on PostgreSQL, which has tools of its own.
pub async fn copy_to(db: &Db, file: &Path) -> Result<bool, StoreError> {
    let Db::Sqlite { writer, .. } = db else { return Ok(false) };
    // a read transaction of this connection only: other processes go on writing
    sqlx::query("VACUUM INTO $1").bind(file.to_string_lossy()).execute(writer).await?;
    Ok(true)
}

impl Tx {
    /// A fact of this database.
    pub async fn installation_get(&mut self, name: &str) -> Result<Option<String>, StoreError> {
        const SQL: &str = "SELECT value FROM installation WHERE name = $1";
        Ok(on!(self, conn => sqlx::query_scalar(SQL).bind(name).fetch_optional(conn).await?))
    }

    /// Keeps a fact unless it is known already; answers the one that holds.
    pub async fn installation_put_once(&mut self, name: &str, value: &str) -> Result<String, StoreError> {
        // an update to itself returns the row that stands, also one of a transaction that came first
        const SQL: &str = "INSERT INTO installation (name, value) VALUES ($1, $2)
            ON CONFLICT (name) DO UPDATE SET value = installation.value RETURNING value";
        Ok(on!(self, conn => sqlx::query_scalar(SQL).bind(name).bind(value).fetch_one(conn).await?))
    }

    /// Keeps a fact, in the place of the one before.
    pub async fn installation_set(&mut self, name: &str, value: &str) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO installation (name, value) VALUES ($1, $2)
            ON CONFLICT (name) DO UPDATE SET value = $2";
        on!(self, conn => sqlx::query(SQL).bind(name).bind(value).execute(conn).await?.rows_affected());
        Ok(())
    }
}

fn hex(bytes: &[u8; 16]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn key_of(text: &str) -> Result<HashKey, StoreError> {
    let corrupt = || StoreError::Corrupt("the hash key is 32 hexadecimal digits".into());
    if text.len() != 32 || !text.is_ascii() {
        return Err(corrupt());
    }
    let mut key = [0_u8; 16];
    for (byte, digits) in key.iter_mut().zip(text.as_bytes().chunks(2)) {
        let digits = std::str::from_utf8(digits).map_err(|_| corrupt())?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| corrupt())?;
    }
    Ok(HashKey(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_as_it_was_written() {
        let key = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0xa, 0xb, 0xfe, 0xff, 0x10, 0x7f];
        assert_eq!(key_of(&hex(&key)).unwrap().0, key);
    }

    #[test]
    fn a_damaged_key_is_refused() {
        for text in ["", "00", "zz0102030405060708090a0b0c0d0e0f", "é0102030405060708090a0b0c0d0e0"] {
            assert!(key_of(text).is_err(), "{text}");
        }
    }
}

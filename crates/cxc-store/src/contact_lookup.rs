//! Contacts by their keys and by the addresses of their devices. Owning service: list builder.
use futures_util::TryStreamExt;
use sqlx::AssertSqlSafe;

use crate::int_set::IntSet;
use crate::{StoreError, Tx, on};

/// An existing contact that has one of the keys that were asked for.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct KeyHolder {
    /// The hash that was asked for.
    pub key_hash: i64,
    /// The contact.
    pub id: i64,
    /// Its client id.
    pub client_id: Option<String>,
    /// Its first device.
    pub address: Option<String>,
}

/// An existing device that has one of the addresses that were asked for.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct AddressHolder {
    /// The hash that was asked for.
    pub address_hash: i64,
    /// The contact.
    pub contact: i64,
    /// The address as stored.
    pub address: String,
}

impl Tx {
    /// The contacts of some contents that have these key hashes. Confirm on client id or address.
    pub async fn contact_keys(&mut self, generation: i64, hashes: &[i64]) -> Result<Vec<KeyHolder>, StoreError> {
        let sql = format!(
            "SELECT k.key_hash, c.id, c.client_id, (SELECT d.address FROM device d
                WHERE d.generation = c.generation AND d.contact = c.id ORDER BY d.position LIMIT 1) AS address
             FROM contact_key k JOIN contact c ON c.generation = k.generation AND c.id = k.id AND c.key_hash = k.key_hash
             WHERE k.generation = $1 AND k.key_hash{}",
            IntSet::test(self, "$2")
        );
        let set = IntSet::of(hashes.iter().copied());
        Ok(
            on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(generation).bind(set.text()).fetch_all(conn).await?),
        )
    }

    /// The devices of some contents that have these address hashes. Confirm on the address.
    pub async fn contact_addresses(
        &mut self,
        generation: i64,
        hashes: &[i64],
    ) -> Result<Vec<AddressHolder>, StoreError> {
        let sql = format!(
            "SELECT d.address_hash, d.contact, d.address
             FROM device_address a JOIN device d ON d.generation = a.generation AND d.contact = a.contact
                AND d.position = a.position AND d.address_hash = a.address_hash
             WHERE a.generation = $1 AND a.address_hash{}",
            IntSet::test(self, "$2")
        );
        let set = IntSet::of(hashes.iter().copied());
        Ok(
            on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(generation).bind(set.text()).fetch_all(conn).await?),
        )
    }

    /// The contacts of some contents that have a client id and one of these addresses for their first device. Confirm on
    /// the address.
    pub async fn contact_firsts(&mut self, generation: i64, hashes: &[i64]) -> Result<Vec<AddressHolder>, StoreError> {
        let sql = format!(
            "SELECT d.address_hash, d.contact, d.address
             FROM device_address a JOIN device d ON d.generation = a.generation AND d.contact = a.contact
                AND d.position = a.position AND d.address_hash = a.address_hash
             JOIN contact c ON c.generation = a.generation AND c.id = a.contact AND c.client_id IS NOT NULL
             WHERE a.generation = $1 AND a.address_hash{} AND NOT EXISTS (SELECT 1 FROM device e
                WHERE e.generation = d.generation AND e.contact = d.contact AND e.position < d.position)",
            IntSet::test(self, "$2")
        );
        let set = IntSet::of(hashes.iter().copied());
        Ok(
            on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(generation).bind(set.text()).fetch_all(conn).await?),
        )
    }

    /// Tells the key hashes of some contents, and with `addresses` those of their devices, in no order.
    pub async fn contact_hashes(
        &mut self,
        generation: i64,
        addresses: bool,
        mut tell: impl FnMut(i64) + Send,
    ) -> Result<(), StoreError> {
        const KEYS: &str = "SELECT key_hash FROM contact_key WHERE generation = $1";
        const ADDRESSES: &str = "SELECT address_hash FROM device_address WHERE generation = $1";
        for sql in [Some(KEYS), addresses.then_some(ADDRESSES)].into_iter().flatten() {
            on!(self, conn => {
                let mut hashes = sqlx::query_scalar::<_, i64>(sql).bind(generation).fetch(conn);
                while let Some(hash) = hashes.try_next().await? {
                    tell(hash);
                }
            });
        }
        Ok(())
    }

    /// Which of these ids some contents have.
    pub async fn contact_ids(&mut self, generation: i64, ids: &[i64]) -> Result<Vec<i64>, StoreError> {
        let sql = format!("SELECT id FROM contact WHERE generation = $1 AND id{}", IntSet::test(self, "$2"));
        let set = IntSet::of(ids.iter().copied());
        Ok(
            on!(self, conn => sqlx::query_scalar(AssertSqlSafe(sql)).bind(generation).bind(set.text()).fetch_all(conn).await?),
        )
    }
}

//! Leases with fencing tokens: who may do a piece of work, measured by the database's clock.
use crate::{StoreError, Tx, on};

/// A lease that this process holds. The token grows with every new holder, so a write that carries
/// a lower one is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// What is leased.
    pub name: String,
    /// Who holds it.
    pub holder: String,
    /// The fencing token; also the epoch of records leased under it.
    pub token: i64,
    /// When it ends unless renewed, in microseconds of the database's clock.
    pub expires_at: i64,
}

impl Tx {
    /// Takes or renews a lease for `micros`; `None` while another holds it. Renew at a third of its life.
    pub async fn lease_acquire(&mut self, name: &str, holder: &str, micros: i64) -> Result<Option<Lease>, StoreError> {
        const SQL: &str = "INSERT INTO lease (name, holder, token, expires_at) VALUES ($1, $2, 1, $3 + $4)
            ON CONFLICT (name) DO UPDATE SET
                token = CASE WHEN lease.holder = $2 AND lease.expires_at > $3 THEN lease.token ELSE lease.token + 1 END,
                holder = $2, expires_at = $3 + $4
            WHERE lease.expires_at <= $3 OR lease.holder = $2
            RETURNING token";
        let now = self.now().await?;
        let token: Option<i64> = on!(self, conn => sqlx::query_scalar(SQL)
            .bind(name).bind(holder).bind(now).bind(micros).fetch_optional(conn).await?);
        Ok(token.map(|token| Lease { name: name.into(), holder: holder.into(), token, expires_at: now + micros }))
    }

    /// Fails with [`StoreError::LeaseLost`] unless the lease is still held with this token. Inside a
    /// writing transaction the row stays locked until its end, so the check holds for all of it.
    pub async fn lease_check(&mut self, lease: &Lease) -> Result<(), StoreError> {
        let sql = self.choose(
            "SELECT expires_at FROM lease WHERE name = $1 AND token = $2 AND holder = $3 FOR SHARE",
            "SELECT expires_at FROM lease WHERE name = $1 AND token = $2 AND holder = $3",
        );
        let expires: Option<i64> = on!(self, conn => sqlx::query_scalar(sql)
            .bind(&lease.name).bind(lease.token).bind(&lease.holder).fetch_optional(conn).await?);
        match expires {
            // expiry alone is no loss: nobody has taken it over while the row bears our token
            Some(_) => Ok(()),
            None => Err(StoreError::LeaseLost(lease.name.clone())),
        }
    }

    /// Waits until what is being written under the lease is committed or given up: what is read after it is final. A
    /// statement whose connection was lost goes on in the server, and holds the row until its end.
    pub async fn lease_await_writers(&mut self, lease: &Lease) -> Result<(), StoreError> {
        // SQLite has one writer, and it is this transaction
        let Self::Postgres(tx) = self else { return Ok(()) };
        const SQL: &str = "SELECT token FROM lease WHERE name = $1 FOR UPDATE";
        sqlx::query(SQL).bind(&lease.name).fetch_optional(&mut **tx).await?;
        Ok(())
    }

    /// Gives a lease back, if it is still held with this token.
    pub async fn lease_release(&mut self, lease: &Lease) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE lease SET expires_at = 0, holder = '' WHERE name = $1 AND token = $2 AND holder = $3";
        on!(self, conn => sqlx::query(SQL).bind(&lease.name).bind(lease.token).bind(&lease.holder).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Who holds a lease now, if anybody does.
    pub async fn lease_holder(&mut self, name: &str) -> Result<Option<String>, StoreError> {
        Ok(self.lease_held(name).await?.map(|(holder, _)| holder))
    }

    /// Who holds a lease now, if anybody does, and for how many microseconds more unless it is renewed.
    pub async fn lease_held(&mut self, name: &str) -> Result<Option<(String, i64)>, StoreError> {
        let now = self.now().await?;
        const SQL: &str = "SELECT holder, expires_at - $2 FROM lease WHERE name = $1 AND expires_at > $2";
        Ok(on!(self, conn => sqlx::query_as(SQL).bind(name).bind(now).fetch_optional(conn).await?))
    }
}

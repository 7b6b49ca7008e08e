//! Blocks of 64-bit ids. A worker takes a block in one statement and numbers its rows itself.
use crate::{StoreError, Tx, on};

/// What is numbered. Each has its own sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbered {
    /// Tenants.
    Tenant,
    /// Contact lists, and the generations of their contents.
    List,
    /// Contacts.
    Contact,
    /// Imports.
    Import,
    /// Suppression lists.
    SuppressionList,
    /// Campaign groups.
    Group,
    /// Attempts.
    Attempt,
    /// Channel accounts.
    ChannelAccount,
    /// Outbox events.
    Event,
    /// Interned locations.
    Location,
    /// Entries of the consent ledger, messages in review, and declared times.
    Consent,
    /// Lists of numbers, and the bytes of their versions.
    NumberList,
}

impl Numbered {
    fn name(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::List => "list",
            Self::Contact => "contact",
            Self::Import => "import",
            Self::SuppressionList => "suppression_list",
            Self::Group => "group",
            Self::Attempt => "attempt",
            Self::ChannelAccount => "channel_account",
            Self::Event => "event",
            Self::Location => "location",
            Self::Consent => "consent",
            Self::NumberList => "number_list",
        }
    }
}

impl Tx {
    /// Takes `count` ids and returns the first. Ids lost in a crash are never given out again.
    pub async fn id_block_take(&mut self, what: Numbered, count: i64) -> Result<i64, StoreError> {
        const SQL: &str = "INSERT INTO id_block (name, next) VALUES ($1, 1 + $2)
            ON CONFLICT (name) DO UPDATE SET next = id_block.next + $2 RETURNING next";
        let next: i64 = on!(self, conn => sqlx::query_scalar(SQL).bind(what.name()).bind(count).fetch_one(conn).await?);
        Ok(next - count)
    }
}

/// Ids of one kind, taken block by block.
pub struct IdBlocks {
    what: Numbered,
    size: i64,
    next: i64,
    end: i64,
}

impl IdBlocks {
    /// Ids taken `size` at a time.
    pub fn new(what: Numbered, size: i64) -> Self {
        Self { what, size, next: 0, end: 0 }
    }

    /// `count` ids in a row, from the block in hand or from a new one. The block is taken in a
    /// transaction of its own: a rolled-back caller only loses numbers.
    pub async fn take(&mut self, db: &crate::Db, count: i64) -> Result<i64, StoreError> {
        if self.end - self.next < count {
            let size = self.size.max(count);
            let mut tx = db.begin_relaxed().await?;
            self.next = tx.id_block_take(self.what, size).await?;
            tx.commit().await?;
            self.end = self.next + size;
        }
        let first = self.next;
        self.next += count;
        Ok(first)
    }
}

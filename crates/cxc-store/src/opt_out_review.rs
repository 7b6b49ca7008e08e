//! Messages that may have been an opt-out: suppressed at once, decided by a person. Owning service: dial manager
//! adds, compliance manager decides.
use sqlx::AssertSqlSafe;

use crate::id_block::Numbered;
use crate::int_set::IntSet;
use crate::{StoreError, Tx, on};

/// A message that may have been an opt-out, as it is added.
#[derive(Debug, Clone)]
pub struct NewReview<'a> {
    /// Bit of its channel.
    pub channel: i16,
    /// Keyed hash of the address.
    pub key_hash: i64,
    /// The address.
    pub key: &'a str,
    /// The message.
    pub words: &'a str,
    /// The language of the rule that found it.
    pub language: &'a str,
    /// The line of the rule.
    pub rule: i64,
    /// When it came, microseconds.
    pub received_at: i64,
}

/// A message in review.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Review {
    /// Its number.
    pub id: i64,
    /// `open`, `confirmed`, `released`.
    pub state: String,
    /// Bit of its channel.
    pub channel: i16,
    /// Keyed hash of the address.
    pub key_hash: i64,
    /// The address; empty once the person was erased.
    pub key: String,
    /// The message; empty once the person was erased.
    pub words: String,
    /// The language of the rule that found it.
    pub language: String,
    /// The line of the rule.
    pub rule: i64,
    /// When it came, microseconds.
    pub received_at: i64,
    /// When it was decided.
    pub decided_at: Option<i64>,
    /// Who decided.
    pub decided_by: Option<String>,
    /// Why, if it was released.
    pub reason: Option<String>,
}

const COLUMNS: &str =
    "id, state, channel, key_hash, key, words, language, rule, received_at, decided_at, decided_by, reason";

/// The longest message that is kept for review, in characters.
const MAX_WORDS: usize = 2_000;

impl Tx {
    /// Adds a message to be looked at; answers its number.
    pub async fn opt_out_review_insert(&mut self, tenant: i64, new: &NewReview<'_>) -> Result<i64, StoreError> {
        const SQL: &str = "INSERT INTO opt_out_review
            (tenant, id, state, channel, key_hash, key, words, language, rule, received_at)
            VALUES ($1, $2, 'open', $3, $4, $5, $6, $7, $8, $9)";
        let id = self.id_block_take(Numbered::Consent, 1).await?;
        let words: String = new.words.chars().filter(|c| *c != '\0').take(MAX_WORDS).collect();
        on!(self, conn => sqlx::query(SQL).bind(tenant).bind(id).bind(new.channel).bind(new.key_hash).bind(new.key)
            .bind(words).bind(new.language).bind(new.rule).bind(new.received_at).execute(conn).await?.rows_affected());
        Ok(id)
    }

    /// The messages in review of some addresses, in the order in which they came.
    pub async fn opt_out_reviews_of(&mut self, tenant: i64, devices: &[i64]) -> Result<Vec<Review>, StoreError> {
        let test = IntSet::test(self, "$2");
        let sql = format!("SELECT {COLUMNS} FROM opt_out_review WHERE tenant = $1 AND key_hash{test} ORDER BY id");
        let devices = IntSet::of(devices.iter().copied());
        Ok(
            on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(devices.text()).fetch_all(conn).await?),
        )
    }

    /// One message in review.
    pub async fn opt_out_review_get(&mut self, tenant: i64, id: i64) -> Result<Option<Review>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM opt_out_review WHERE tenant = $1 AND id = $2");
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(id).fetch_optional(conn).await?))
    }

    /// A page of the messages of a state, in the order in which they came.
    pub async fn opt_out_review_page(
        &mut self,
        tenant: i64,
        state: &str,
        after: i64,
        limit: i64,
    ) -> Result<Vec<Review>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM opt_out_review WHERE tenant = $1 AND state = $2 AND id > $3 ORDER BY id LIMIT $4"
        );
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(state).bind(after).bind(limit)
            .fetch_all(conn).await?))
    }

    /// Decides an open message; false if it is not open any more.
    pub async fn opt_out_review_decide(
        &mut self,
        tenant: i64,
        id: i64,
        state: &str,
        by: &str,
        reason: Option<&str>,
        now: i64,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "UPDATE opt_out_review SET state = $3, decided_at = $4, decided_by = $5, reason = $6
            WHERE tenant = $1 AND id = $2 AND state = 'open'";
        Ok(on!(self, conn => sqlx::query(SQL).bind(tenant).bind(id).bind(state).bind(now).bind(by).bind(reason)
            .execute(conn).await?.rows_affected())
            == 1)
    }

    /// How many other messages of an address still wait on a channel.
    pub async fn opt_out_review_open(
        &mut self,
        tenant: i64,
        channel: i16,
        key_hash: i64,
        but: i64,
    ) -> Result<i64, StoreError> {
        const SQL: &str = "SELECT count(*) FROM opt_out_review
            WHERE tenant = $1 AND key_hash = $2 AND channel = $3 AND state = 'open' AND id <> $4";
        Ok(
            on!(self, conn => sqlx::query_scalar(SQL).bind(tenant).bind(key_hash).bind(channel).bind(but).fetch_one(conn).await?),
        )
    }
}

//! Slices of a list's visible contacts for whoever walks all of them: pre-loading, previews, exports.
//! Owning service: list builder.
use sqlx::AssertSqlSafe;

use crate::contact::{Contact, Device, FullContact, join};
use crate::list::ContactList;
use crate::selection::CompiledRule;
use crate::{StoreError, Tx, bind_rule, on};

/// The most contacts of a slice.
pub const SLICE: i64 = 20_000;
/// The first parameter of a rule in the statements here.
pub const RULE_FROM: usize = 5;

/// What pre-loading needs of a contact.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "as in `Contact`")]
pub struct LeanContact {
    pub id: i64,
    pub client_id: Option<String>,
    pub country: Option<String>,
    pub region: Option<String>,
    pub postal: Option<String>,
    pub location: i64,
}

/// What pre-loading needs of a device.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "as in `Device`")]
pub struct LeanDevice {
    pub contact: i64,
    pub position: i16,
    pub kind: i16,
    pub address: String,
    pub address_hash: i64,
    pub line_type: i16,
    pub country: Option<String>,
    pub area_code: Option<String>,
    pub location: i64,
}

/// The contacts that a rule takes in a range of ids, and their devices by (contact, position).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeanSlice {
    /// By id.
    pub contacts: Vec<LeanContact>,
    /// By contact and position; also those of contacts that the rule does not take.
    pub devices: Vec<LeanDevice>,
    /// How many contacts the range holds.
    pub looked_at: i64,
    /// The last id of the range: where to go on.
    pub last: i64,
}

impl Tx {
    /// The next contacts of a list after an id, at most `limit` (and [`SLICE`]) of them looked at; `None` at the end.
    /// The rule, if any, was compiled for parameters from [`RULE_FROM`] on and without records.
    pub async fn contact_slice(
        &mut self,
        list: &ContactList,
        after: i64,
        limit: i64,
        rule: Option<&CompiledRule>,
    ) -> Result<Option<LeanSlice>, StoreError> {
        let Some((last, looked_at)) = self.contact_slice_end(list, after, limit).await? else { return Ok(None) };
        let taken = rule.map(|rule| format!(" AND {}", rule.sql)).unwrap_or_default();
        // $4 is bound for the rule's sake: its parameters go on behind it
        let sql = format!(
            "SELECT c.id, c.client_id, c.country, c.region, c.postal, c.location FROM contact c
             WHERE c.generation = $1 AND c.id > $2 AND c.id <= $3 AND $4 = 0{taken} ORDER BY c.id"
        );
        let contacts = on!(self, conn => {
            let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(list.generation).bind(after).bind(last).bind(0_i64);
            if let Some(rule) = rule {
                query = bind_rule!(query, rule);
            }
            query.fetch_all(conn).await?
        });
        const DEVICES: &str =
            "SELECT contact, position, kind, address, address_hash, line_type, country, area_code, location
            FROM device WHERE generation = $1 AND contact > $2 AND contact <= $3 ORDER BY contact, position";
        let devices = on!(self, conn => sqlx::query_as(DEVICES).bind(list.generation).bind(after).bind(last).fetch_all(conn).await?);
        Ok(Some(LeanSlice { contacts, devices, looked_at, last }))
    }

    /// The same with every column, for exports.
    pub async fn contact_slice_full(
        &mut self,
        list: &ContactList,
        after: i64,
        limit: i64,
        rule: Option<&CompiledRule>,
    ) -> Result<Option<(Vec<FullContact>, i64)>, StoreError> {
        let Some((last, _)) = self.contact_slice_end(list, after, limit).await? else { return Ok(None) };
        let taken = rule.map(|rule| format!(" AND {}", rule.sql)).unwrap_or_default();
        let sql = format!(
            "SELECT c.id, c.key_hash, c.client_id, c.first_name, c.last_name, c.company, c.country, c.region, c.postal, c.zone,
                c.location, c.custom, c.original FROM contact c
             WHERE c.generation = $1 AND c.id > $2 AND c.id <= $3 AND $4 = 0{taken} ORDER BY c.id"
        );
        let contacts: Vec<Contact> = on!(self, conn => {
            let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(list.generation).bind(after).bind(last).bind(0_i64);
            if let Some(rule) = rule {
                query = bind_rule!(query, rule);
            }
            query.fetch_all(conn).await?
        });
        const DEVICES: &str = "SELECT contact, position, kind, address, address_hash, type, line_type, extension, country,
            area_code, location FROM device WHERE generation = $1 AND contact > $2 AND contact <= $3 ORDER BY contact, position";
        let devices: Vec<Device> = on!(self, conn => sqlx::query_as(DEVICES).bind(list.generation).bind(after).bind(last).fetch_all(conn).await?);
        Ok(Some((join(contacts, devices), last)))
    }

    /// Where a slice ends, and how many contacts it has.
    async fn contact_slice_end(
        &mut self,
        list: &ContactList,
        after: i64,
        limit: i64,
    ) -> Result<Option<(i64, i64)>, StoreError> {
        const SQL: &str = "SELECT max(id), count(*) FROM (
            SELECT id FROM contact WHERE generation = $1 AND id > $2 AND id <= $3 ORDER BY id LIMIT $4) AS slice";
        let (last, count): (Option<i64>, i64) = on!(self, conn => sqlx::query_as(SQL).bind(list.generation).bind(after)
            .bind(list.visible_to).bind(limit.min(SLICE)).fetch_one(conn).await?);
        Ok(last.map(|last| (last, count)))
    }

    /// How many of a list's visible contacts a rule takes, looked at in order until `most` are found or `limit`
    /// are looked at: for previews. Answers (taken, looked at, last id).
    pub async fn contact_count(
        &mut self,
        list: &ContactList,
        after: i64,
        limit: i64,
        rule: &CompiledRule,
    ) -> Result<Option<(i64, i64, i64)>, StoreError> {
        let Some((last, looked_at)) = self.contact_slice_end(list, after, limit).await? else { return Ok(None) };
        let sql = format!(
            "SELECT count(*) FROM contact c WHERE c.generation = $1 AND c.id > $2 AND c.id <= $3 AND $4 = 0 AND {}",
            rule.sql
        );
        let taken: i64 = on!(self, conn => {
            let query = sqlx::query_scalar(AssertSqlSafe(sql)).bind(list.generation).bind(after).bind(last).bind(0_i64);
            bind_rule!(query, rule).fetch_one(conn).await?
        });
        Ok(Some((taken, looked_at, last)))
    }
}

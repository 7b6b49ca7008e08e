//! Campaign groups at work: their state, their lists and channel accounts as the engine sees them.
//! Owning service: campaign manager; the dial manager writes `limited_by`.
use cxc_core::record::{Reason, RecordStatus};
use serde::Serialize;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::{StoreError, Tx, id_block::Numbered, on};

/// The state of a campaign group, as stored.
pub mod state {
    /// At rest.
    pub const NOT_LOADED: &str = "not_loaded";
    /// Its audience is being computed.
    pub const PRE_LOADING: &str = "pre_loading";
    /// Loaded, not contacting anybody.
    pub const ACTIVE: &str = "active";
    /// Contacting people.
    pub const RUNNING: &str = "running";
    /// No new attempts; those under way finish.
    pub const WAITING_UNLOAD: &str = "waiting_unload";
    /// Its records are being released.
    pub const UNLOAD_IN_PROGRESS: &str = "unload_in_progress";
}

/// A campaign group's row at work.
#[derive(Debug, Clone, sqlx::FromRow)]
#[expect(missing_docs, reason = "the columns are explained in the migration")]
pub struct GroupRow {
    pub number: i64,
    pub tenant: i64,
    pub id: Uuid,
    pub channel: i16,
    pub account: i64,
    pub state: String,
    pub target: Option<String>,
    pub last_error: Option<String>,
    pub limited_by: Option<String>,
    pub job: Option<Uuid>,
    pub loads: i64,
    pub changed_at: i64,
    pub ends_talks: bool,
}

/// One list of a group.
#[derive(Debug, Clone, sqlx::FromRow, Serialize)]
#[expect(missing_docs, reason = "the columns are explained in the migration")]
pub struct GroupList {
    pub grp: i64,
    pub list: i64,
    pub weight: i64,
    pub position: i64,
    pub selection_rule: Option<Uuid>,
    pub loaded_to: i64,
    pub loaded_generation: i64,
    pub loaded_changes: i64,
}

const COLUMNS: &str =
    "number, tenant, id, channel, account, state, target, last_error, limited_by, job, loads, changed_at, ends_talks";
const LIST_COLUMNS: &str = "grp, list, weight, position, selection_rule, loaded_to, loaded_generation, loaded_changes";

impl Tx {
    /// Gives a new campaign group its number; it is not loaded.
    pub async fn group_insert(
        &mut self,
        tenant: i64,
        id: Uuid,
        channel: i16,
        account: i64,
        now: i64,
    ) -> Result<i64, StoreError> {
        const SQL: &str = "INSERT INTO campaign_group (number, tenant, id, channel, account, state, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let number = self.id_block_take(Numbered::Group, 1).await?;
        on!(self, conn => sqlx::query(SQL).bind(number).bind(tenant).bind(id).bind(channel).bind(account)
            .bind(state::NOT_LOADED).bind(now).execute(conn).await?.rows_affected());
        Ok(number)
    }

    /// A group of a tenant; locked against other writers when `lock` is set.
    pub async fn group_get(&mut self, tenant: i64, id: Uuid, lock: bool) -> Result<Option<GroupRow>, StoreError> {
        let lock = if lock { self.choose(" FOR UPDATE", "") } else { "" };
        let sql = format!("SELECT {COLUMNS} FROM campaign_group WHERE tenant = $1 AND id = $2{lock}");
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(id).fetch_optional(conn).await?))
    }

    /// A group by its number; locked against other writers when `lock` is set.
    pub async fn group_by_number(&mut self, number: i64, lock: bool) -> Result<Option<GroupRow>, StoreError> {
        let lock = if lock { self.choose(" FOR UPDATE", "") } else { "" };
        let sql = format!("SELECT {COLUMNS} FROM campaign_group WHERE number = $1{lock}");
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(number).fetch_optional(conn).await?))
    }

    /// The groups of a channel account that are loaded or on their way.
    pub async fn groups_of_account(&mut self, account: i64) -> Result<Vec<GroupRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM campaign_group WHERE account = $1 AND state <> 'not_loaded' ORDER BY number"
        );
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(account).fetch_all(conn).await?))
    }

    /// Every group that is loaded or on its way.
    pub async fn groups_at_work(&mut self) -> Result<Vec<GroupRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM campaign_group WHERE state <> 'not_loaded' ORDER BY number");
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).fetch_all(conn).await?))
    }

    /// Every group of a tenant, or of all tenants.
    pub async fn groups_of_tenant(&mut self, tenant: Option<i64>) -> Result<Vec<GroupRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM campaign_group WHERE tenant = $1 OR $2 ORDER BY number");
        Ok(
            on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant.unwrap_or(0)).bind(tenant.is_none()).fetch_all(conn).await?),
        )
    }

    /// The groups of a tenant, or of all tenants, of which anybody may still be contacted or is suppressed: those that a
    /// change of suppression concerns.
    pub async fn groups_open_to_suppression(&mut self, tenant: Option<i64>) -> Result<Vec<GroupRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM campaign_group g WHERE (tenant = $1 OR $2) AND EXISTS (SELECT 1 FROM record_counter c
                WHERE c.grp = g.number AND (c.status = {} OR (c.status = {} AND c.code = {}))
                GROUP BY c.grp HAVING sum(c.n) > 0) ORDER BY number",
            RecordStatus::Ready.code(),
            RecordStatus::Excluded.code(),
            Reason::Suppressed.code()
        );
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant.unwrap_or(0)).bind(tenant.is_none())
            .fetch_all(conn).await?))
    }

    /// Moves a group to a state, with the job that works on it and what it is to become.
    pub async fn group_set_state(
        &mut self,
        number: i64,
        state: &str,
        target: Option<&str>,
        job: Option<Uuid>,
        now: i64,
    ) -> Result<(), StoreError> {
        const SQL: &str =
            "UPDATE campaign_group SET state = $2, target = $3, job = $4, changed_at = $5, limited_by = NULL,
            ends_talks = $6 WHERE number = $1";
        on!(self, conn => sqlx::query(SQL).bind(number).bind(state).bind(target).bind(job).bind(now).bind(false)
            .execute(conn).await?.rows_affected());
        Ok(())
    }

    /// A group that is being unloaded ends its talks, until it comes to another state.
    pub async fn group_end_talks(&mut self, number: i64) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE campaign_group SET ends_talks = $2 WHERE number = $1";
        on!(self, conn => sqlx::query(SQL).bind(number).bind(true).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// What went wrong with a group last; `None` clears it.
    pub async fn group_set_error(&mut self, number: i64, error: Option<&str>) -> Result<(), StoreError> {
        on!(self, conn => sqlx::query("UPDATE campaign_group SET last_error = $2 WHERE number = $1").bind(number).bind(error).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Why a running group moves no faster, or not at all.
    pub async fn group_set_limited_by(&mut self, number: i64, why: Option<&str>) -> Result<(), StoreError> {
        const SQL: &str =
            "UPDATE campaign_group SET limited_by = $2 WHERE number = $1 AND limited_by IS DISTINCT FROM $2";
        on!(self, conn => sqlx::query(SQL).bind(number).bind(why).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// The channel and account of a group that is at rest.
    pub async fn group_set_account(&mut self, number: i64, channel: i16, account: i64) -> Result<(), StoreError> {
        on!(self, conn => sqlx::query("UPDATE campaign_group SET channel = $2, account = $3 WHERE number = $1")
            .bind(number).bind(channel).bind(account).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Counts a load.
    pub async fn group_count_load(&mut self, number: i64) -> Result<(), StoreError> {
        on!(self, conn => sqlx::query("UPDATE campaign_group SET loads = loads + 1 WHERE number = $1").bind(number).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// What a dialer has learned of the people that a group calls, as [`Tx::group_learn`] was given it.
    pub async fn group_learned(&mut self, number: i64) -> Result<Option<String>, StoreError> {
        const SQL: &str = "SELECT learned FROM campaign_group WHERE number = $1";
        let found: Option<(Option<String>,)> =
            on!(self, conn => sqlx::query_as(SQL).bind(number).fetch_optional(conn).await?);
        Ok(found.and_then(|(learned,)| learned))
    }

    /// Keeps it; nothing if the group is gone.
    pub async fn group_learn(&mut self, number: i64, learned: &str) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE campaign_group SET learned = $2 WHERE number = $1";
        on!(self, conn => sqlx::query(SQL).bind(number).bind(learned).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Deletes a group's row. Its records leave the disk in the background: see [`Tx::group_leftovers`].
    pub async fn group_delete(&mut self, number: i64) -> Result<(), StoreError> {
        const MARK: &str = "INSERT INTO campaign_group_list (grp, list, weight, position) VALUES ($1, 0, -1, 0)";
        on!(self, conn => sqlx::query("DELETE FROM campaign_group_list WHERE grp = $1").bind(number).execute(conn).await?.rows_affected());
        on!(self, conn => sqlx::query(MARK).bind(number).execute(conn).await?.rows_affected());
        self.group_live_forget(number).await?;
        on!(self, conn => sqlx::query("DELETE FROM campaign_group WHERE number = $1").bind(number).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Groups of a tenant by their ids, in no order; at most 1,000 ids.
    pub async fn group_get_many(&mut self, tenant: i64, ids: &[Uuid]) -> Result<Vec<GroupRow>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let places: Vec<String> = (0..ids.len()).map(|n| format!("${}", n + 2)).collect();
        let sql = format!("SELECT {COLUMNS} FROM campaign_group WHERE tenant = $1 AND id IN ({})", places.join(", "));
        Ok(on!(self, conn => {
            let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(tenant);
            for id in ids {
                query = query.bind(*id);
            }
            query.fetch_all(conn).await?
        }))
    }

    /// The lists of a group, in their order.
    pub async fn group_lists(&mut self, grp: i64) -> Result<Vec<GroupList>, StoreError> {
        let sql = format!(
            "SELECT {LIST_COLUMNS} FROM campaign_group_list WHERE grp = $1 AND weight >= 0 ORDER BY position, list"
        );
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(grp).fetch_all(conn).await?))
    }

    /// The numbers of the groups that use a list.
    pub async fn groups_using_list(&mut self, list: i64) -> Result<Vec<i64>, StoreError> {
        const SQL: &str = "SELECT grp FROM campaign_group_list WHERE list = $1 AND weight >= 0 ORDER BY grp";
        Ok(on!(self, conn => sqlx::query_scalar(SQL).bind(list).fetch_all(conn).await?))
    }

    /// Adds a list to a group, or changes its weight, order and rule. One that was taken away before is
    /// looked through from its beginning, and one with another rule again.
    pub async fn group_list_put(
        &mut self,
        grp: i64,
        list: i64,
        weight: i64,
        position: i64,
        rule: Option<Uuid>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO campaign_group_list (grp, list, weight, position, selection_rule) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (grp, list) DO UPDATE SET weight = $3, position = $4, selection_rule = $5,
                loaded_to = CASE WHEN campaign_group_list.weight < 0 THEN 0 ELSE campaign_group_list.loaded_to END,
                loaded_changes = CASE WHEN campaign_group_list.weight < 0 OR campaign_group_list.selection_rule IS DISTINCT FROM $5
                    THEN -1 ELSE campaign_group_list.loaded_changes END";
        on!(self, conn => sqlx::query(SQL).bind(grp).bind(list).bind(weight).bind(position).bind(rule).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Takes a list from a group. The row stays, with a negative weight and `loaded_to` as a place to go on
    /// from, until what the list left in the group has left the disk.
    pub async fn group_list_delete(&mut self, grp: i64, list: i64) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE campaign_group_list SET weight = -1, selection_rule = NULL, loaded_to = 0 WHERE grp = $1 AND list = $2 AND weight >= 0";
        on!(self, conn => sqlx::query(SQL).bind(grp).bind(list).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Deleted groups (list 0) and lists that were taken from their groups, of which records may be left.
    pub async fn group_leftovers(&mut self, limit: i64) -> Result<Vec<GroupList>, StoreError> {
        let sql =
            format!("SELECT {LIST_COLUMNS} FROM campaign_group_list WHERE weight < 0 ORDER BY grp, list LIMIT $1");
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(limit).fetch_all(conn).await?))
    }

    /// A list that was taken from a group, unless it is back; locked until the end of the transaction.
    pub async fn group_leftover(&mut self, grp: i64, list: i64) -> Result<Option<GroupList>, StoreError> {
        let lock = self.choose(" FOR UPDATE", "");
        let sql =
            format!("SELECT {LIST_COLUMNS} FROM campaign_group_list WHERE grp = $1 AND list = $2 AND weight < 0{lock}");
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(grp).bind(list).fetch_optional(conn).await?))
    }

    /// Forgets what was left of a list or a deleted group; or remembers how far it is swept.
    pub async fn group_leftover_swept(&mut self, grp: i64, list: i64, upto: Option<i64>) -> Result<(), StoreError> {
        const GONE: &str = "DELETE FROM campaign_group_list WHERE grp = $1 AND list = $2 AND weight < 0 AND $3 = 0";
        const UPTO: &str = "UPDATE campaign_group_list SET loaded_to = $3 WHERE grp = $1 AND list = $2 AND weight < 0";
        let sql = if upto.is_some() { UPTO } else { GONE };
        on!(self, conn => sqlx::query(sql).bind(grp).bind(list).bind(upto.unwrap_or(0)).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Notes how far a list is loaded into a group: from `seen` on, contacts up to `to` of its present contents.
    /// False when the list was taken away, put back or given another rule meanwhile: then nothing is noted.
    pub async fn group_list_advance(
        &mut self,
        seen: &GroupList,
        to: i64,
        generation: i64,
        changes: i64,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "UPDATE campaign_group_list SET loaded_to = $3, loaded_generation = $4, loaded_changes = $5
            WHERE grp = $1 AND list = $2 AND weight >= 0 AND loaded_to = $6 AND selection_rule IS NOT DISTINCT FROM $7";
        Ok(on!(self, conn => sqlx::query(SQL).bind(seen.grp).bind(seen.list).bind(to).bind(generation).bind(changes)
            .bind(seen.loaded_to).bind(seen.selection_rule).execute(conn).await?.rows_affected())
            == 1)
    }

    /// The groups whose lists are narrowed by a selection rule.
    pub async fn groups_using_rule(&mut self, rule: Uuid) -> Result<Vec<i64>, StoreError> {
        const SQL: &str = "SELECT DISTINCT grp FROM campaign_group_list WHERE selection_rule = $1 ORDER BY grp";
        Ok(on!(self, conn => sqlx::query_scalar(SQL).bind(rule).fetch_all(conn).await?))
    }

    /// The number of a channel account, if it has one.
    pub async fn channel_account_find(&mut self, tenant: i64, id: Uuid) -> Result<Option<i64>, StoreError> {
        const SQL: &str = "SELECT number FROM channel_account WHERE tenant = $1 AND id = $2";
        Ok(on!(self, conn => sqlx::query_scalar(SQL).bind(tenant).bind(id).fetch_optional(conn).await?))
    }

    /// The number of a channel account, given when it is first asked for.
    pub async fn channel_account_number(&mut self, tenant: i64, id: Uuid) -> Result<i64, StoreError> {
        const ADD: &str = "INSERT INTO channel_account (number, tenant, id) VALUES ($1, $2, $3)";
        if let Some(number) = self.channel_account_find(tenant, id).await? {
            return Ok(number);
        }
        let number = self.id_block_take(Numbered::ChannelAccount, 1).await?;
        on!(self, conn => sqlx::query(ADD).bind(number).bind(tenant).bind(id).execute(conn).await?.rows_affected());
        Ok(number)
    }

    /// Every channel account: number, tenant, id.
    pub async fn channel_accounts(&mut self) -> Result<Vec<(i64, i64, Uuid)>, StoreError> {
        Ok(
            on!(self, conn => sqlx::query_as("SELECT number, tenant, id FROM channel_account ORDER BY number").fetch_all(conn).await?),
        )
    }

    /// Forgets a deleted channel account.
    pub async fn channel_account_delete(&mut self, tenant: i64, id: Uuid) -> Result<(), StoreError> {
        on!(self, conn => sqlx::query("DELETE FROM channel_account WHERE tenant = $1 AND id = $2").bind(tenant).bind(id).execute(conn).await?.rows_affected());
        Ok(())
    }
}

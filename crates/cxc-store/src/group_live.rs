//! What goes on in voice groups, told by the dialer that places their calls to all other processes.
//! Owning service: the dialer; the campaign manager forgets what a lost one left behind.
use serde::Serialize;
use sqlx::AssertSqlSafe;

use crate::{Rows, StoreError, Tx, on};

/// A group as its dialer sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LiveGroup {
    /// The group.
    pub grp: i64,
    /// The account whose lease is held.
    pub account: i64,
    /// The token of that lease.
    pub token: i64,
    /// Calls that are up.
    pub calls: i64,
    /// It places no more.
    pub stopping: bool,
    /// All figures, as JSON.
    pub figures: String,
}

/// A group as it was last seen.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct SeenGroup {
    /// How long ago, microseconds.
    pub age: i64,
    /// Calls that were up.
    pub calls: i64,
    /// It placed no more.
    pub stopping: bool,
    /// All figures, as JSON.
    pub figures: String,
}

const COLUMNS: [(&str, &str); 6] = [
    ("grp", "BIGINT"),
    ("account", "BIGINT"),
    ("token", "BIGINT"),
    ("calls", "BIGINT"),
    ("stopping", "BOOLEAN"),
    ("figures", "TEXT"),
];

impl Tx {
    /// Notes how groups are now. Who has lost the lease since its token was given writes nothing.
    pub async fn group_live_put(&mut self, groups: &[LiveGroup]) -> Result<(), StoreError> {
        if groups.is_empty() {
            return Ok(());
        }
        let now = self.now().await?;
        let sql = format!(
            "INSERT INTO group_live (grp, account, token, seen_at, calls, stopping, figures)
             SELECT v.grp, v.account, v.token, $2, v.calls, v.stopping, v.figures FROM {} WHERE true
             ON CONFLICT (grp) DO UPDATE SET account = excluded.account, token = excluded.token,
                seen_at = excluded.seen_at, calls = excluded.calls, stopping = excluded.stopping, figures = excluded.figures
             WHERE group_live.account <> excluded.account OR group_live.token <= excluded.token",
            Rows::source(self, "$1", &COLUMNS)
        );
        let rows = Rows::of(groups)?;
        on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(rows.text()).bind(now).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// A group as it was last seen; none that no dialer has.
    pub async fn group_live(&mut self, grp: i64) -> Result<Option<SeenGroup>, StoreError> {
        const SQL: &str = "SELECT $2 - seen_at AS age, calls, stopping, figures FROM group_live WHERE grp = $1";
        let now = self.now().await?;
        Ok(on!(self, conn => sqlx::query_as(SQL).bind(grp).bind(now).fetch_optional(conn).await?))
    }

    /// A dialer has a group no more; nothing where another one has it by now.
    pub async fn group_live_over(&mut self, grp: i64, account: i64, token: i64) -> Result<(), StoreError> {
        const SQL: &str = "DELETE FROM group_live WHERE grp = $1 AND account = $2 AND token <= $3";
        on!(self, conn => sqlx::query(SQL).bind(grp).bind(account).bind(token).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Forgets what was seen of a group that is at rest.
    pub async fn group_live_forget(&mut self, grp: i64) -> Result<(), StoreError> {
        on!(self, conn => sqlx::query("DELETE FROM group_live WHERE grp = $1").bind(grp).execute(conn).await?.rows_affected());
        Ok(())
    }
}

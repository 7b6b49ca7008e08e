//! Which records are next.
use cxc_core::record::Reason;
use serde::Serialize;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::{COLUMNS, Record};
use crate::{Rows, StoreError, Tx, on};

/// The priorities of records, first to last: callbacks, those rescheduled after an attempt, those put off before any, general
/// ones.
const PRIORITIES: [i16; 4] = [0, RESCHEDULED, PUT_OFF, GENERAL];
/// The priority of a record that was attempted and is ready again.
pub(crate) const RESCHEDULED: i16 = 1;
/// The priority of a record that was never attempted and may be at once.
pub const GENERAL: i16 = 2;
/// The priority of a record that was put off before any attempt: its turn comes when it is due, not behind everybody who was
/// never looked at.
pub const PUT_OFF: i16 = 3;

/// Where the fetches of a list left off: the next one starts behind, so that it does not walk again over what is done.
/// Each priority has its own place: a retry that falls due comes before the general records, however far those are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FetchKey {
    /// Due time and id of the last record seen of each priority; `None` begins at the start.
    places: [Option<(i64, i64)>; PRIORITIES.len()],
}

impl FetchKey {
    /// Moves on behind a page that was fetched with a limit. What is at its end begins again: records that come back
    /// lie before it.
    fn follow(&mut self, page: &[Record], limit: usize) {
        let mut seen = 0;
        for (place, priority) in self.places.iter_mut().zip(PRIORITIES) {
            let of_it = page.iter().filter(|r| r.priority == priority);
            let (count, last) = of_it.fold((0, None), |(n, _), r| (n + 1, Some((r.due, r.id))));
            seen += count;
            if seen < limit {
                *place = None;
                continue;
            }
            *place = last.or(*place);
            break;
        }
    }
}

impl Tx {
    /// Ready records of one list of a group that are due, in order of priority, due time and age, behind `key`, which
    /// moves on; newest first if `lifo`. Those that wait for one agent are everybody's after a grace only. One walk over
    /// the partial index; nothing is written.
    pub async fn record_fetch(
        &mut self,
        grp: i64,
        list: i64,
        (now, grace): (i64, i64),
        key: &mut FetchKey,
        lifo: bool,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        let (start, behind, order) = if lifo { (i64::MAX, "<", "due DESC, id DESC") } else { (-1, ">", "due, id") };
        let ready = self.choose("open_status = 1", "status = 1");
        let personal = Reason::PersonalCallback.code();
        let part = |(i, priority): (usize, i16)| {
            let (due, id) = (5 + 2 * i, 6 + 2 * i);
            format!(
                "SELECT * FROM (SELECT {COLUMNS} FROM record WHERE grp = $1 AND list = $2 AND {ready}
                    AND priority = {priority} AND due <= $3 AND (due, id) {behind} (${due}, ${id})
                    AND (reason <> {personal} OR due <= $13)
                 ORDER BY {order} LIMIT $4) AS p{priority}"
            )
        };
        let parts: Vec<String> = PRIORITIES.into_iter().enumerate().map(part).collect();
        // the parts are read one after the other, and only as far as the limit goes
        let sql = format!("{} LIMIT $4", parts.join(" UNION ALL "));
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        let places = key.places.map(|place| place.unwrap_or((start, start)));
        let mut page: Vec<Record> = on!(self, conn => {
            let query = sqlx::query_as(AssertSqlSafe(sql)).bind(grp).bind(list).bind(now).bind(most);
            let query = places.into_iter().fold(query, |q, (due, id)| q.bind(due).bind(id));
            query.bind(now.saturating_sub(grace)).fetch_all(conn).await?
        });
        // a union promises no order
        page.sort_by_key(|r| PRIORITIES.iter().position(|p| *p == r.priority));
        key.follow(&page, limit);
        Ok(page)
    }

    /// Ready records of a group that are due and wait for one of these users, the longest due first.
    pub async fn record_personal(
        &mut self,
        grp: i64,
        users: &[Uuid],
        now: i64,
        limit: i64,
    ) -> Result<Vec<Record>, StoreError> {
        #[derive(Serialize)]
        struct User {
            agent: Uuid,
        }
        if users.is_empty() {
            return Ok(Vec::new());
        }
        let rows = Rows::of(&users.iter().map(|user| User { agent: *user }).collect::<Vec<_>>())?;
        let source = Rows::source(self, "$4", &[("agent", "TEXT")]);
        let due = self.choose("personal_due <= $2", "status = 1 AND reason = 17 AND due <= $2");
        let sql = format!(
            "SELECT {COLUMNS} FROM record WHERE grp = $1 AND {due} AND cause IN (SELECT v.agent FROM {source})
             ORDER BY due LIMIT $3"
        );
        Ok(on!(self, conn => {
            let query = sqlx::query_as(AssertSqlSafe(sql)).bind(grp).bind(now).bind(limit);
            query.bind(rows.text()).fetch_all(conn).await?
        }))
    }
}

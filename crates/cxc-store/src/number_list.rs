//! Lists of numbers and their versions: national registers and the customer's own, as compressed sets whose bytes are
//! kept here in chunks. Owning services: list manager; the list builder loads versions.
use cxc_core::number_set::NumberListKind;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::int_set::IntSet;
use crate::suppression_change::Changed;
use crate::{StoreError, Tx, id_block::Numbered, on};

/// The tenant whose lists hold for every tenant: that of the operators.
pub const INSTALLATION: i64 = 1;
/// The kind of the job that loads a version; its subject is the list.
pub const LOAD_JOB: &str = "number_list_load";
/// The bytes of a chunk.
pub const CHUNK: usize = 1 << 20;
/// The most lists of one tenant: an installation and a tenant together have no more than the facts can carry.
pub const MOST_LISTS: i64 = 32;
/// Versions before the active one that are kept, to go back to; and loaded ones that were not activated, for a person who
/// looks at them.
pub const KEPT: i64 = 2;

/// A list's row at work.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct NumberList {
    /// Names the list.
    pub number: i64,
    /// Whose it is; of [`INSTALLATION`] it holds for every tenant.
    pub tenant: i64,
    /// Its id at the API.
    pub id: Uuid,
    /// [`NumberListKind`] by its name.
    pub kind: String,
    /// The name by which legal rules know it, such as `US-DNC`; of a customer's list its id.
    pub register: String,
    /// The country that it speaks of.
    pub jurisdiction: Option<String>,
    /// Bits of the channels that it bears on.
    pub channels: i16,
    /// Its own largest age.
    pub max_age_days: Option<i64>,
    /// The version that is asked; 0 before the first.
    pub active: i64,
}

impl NumberList {
    /// What it is for. A name that this program does not know is a national list: the strictest.
    pub fn kind(&self) -> NumberListKind {
        NumberListKind::from_name(&self.kind).unwrap_or(NumberListKind::NationalDnc)
    }
}

/// A version of a list. Times are microseconds.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the columns are explained in the migration")]
pub struct NumberListVersion {
    pub list: i64,
    pub version: i64,
    pub tenant: i64,
    pub blob: i64,
    pub state: String,
    pub mode: String,
    pub job: Uuid,
    pub file_name: String,
    pub as_of: i64,
    pub numbers: i64,
    pub bytes: i64,
    pub sha256: String,
    pub lines: i64,
    pub taken: i64,
    pub duplicate: i64,
    pub rejected: i64,
    pub blank: i64,
    pub detail: Option<String>,
    pub rejects_file: Option<String>,
    pub created_by: String,
    pub created_at: i64,
    pub activated_at: Option<i64>,
}

/// A list with the version that is asked, for those who hold its numbers.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ActiveList {
    /// The list.
    #[sqlx(flatten)]
    pub list: NumberList,
    /// When the numbers are of; nothing without an active version.
    pub as_of: Option<i64>,
    /// Names the bytes.
    pub blob: Option<i64>,
    /// What the bytes must hash to.
    pub sha256: Option<String>,
    /// How many numbers they are.
    pub numbers: Option<i64>,
}

/// A version that begins to be loaded.
#[derive(Debug, Clone)]
pub struct NewVersion<'a> {
    /// `replace`, `add` or `remove`.
    pub mode: &'a str,
    /// The job that loads it.
    pub job: Uuid,
    /// The file's name, for people.
    pub file_name: &'a str,
    /// When its numbers are of.
    pub as_of: i64,
    /// Who asked.
    pub created_by: &'a str,
    /// When.
    pub now: i64,
}

const LIST: &str = "number, tenant, id, kind, register, jurisdiction, channels, max_age_days, active";
const VERSION: &str =
    "list, version, tenant, blob, state, mode, job, file_name, as_of, numbers, bytes, sha256, lines, taken,
    duplicate, rejected, blank, detail, rejects_file, created_by, created_at, activated_at";

impl Tx {
    /// Adds the row of a new list without numbers. Goes with its document.
    pub async fn number_list_insert(&mut self, list: &NumberList) -> Result<(), StoreError> {
        const SQL: &str =
            "INSERT INTO number_list (number, tenant, id, kind, register, jurisdiction, channels, max_age_days)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let number = self.id_block_take(Numbered::NumberList, 1).await?;
        on!(self, conn => sqlx::query(SQL).bind(number).bind(list.tenant).bind(list.id).bind(&list.kind)
            .bind(&list.register).bind(&list.jurisdiction).bind(list.channels).bind(list.max_age_days).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Changes what a list bears on.
    pub async fn number_list_update(&mut self, list: &NumberList) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE number_list SET register = $3, jurisdiction = $4, channels = $5, max_age_days = $6
            WHERE tenant = $1 AND id = $2";
        on!(self, conn => sqlx::query(SQL).bind(list.tenant).bind(list.id).bind(&list.register).bind(&list.jurisdiction)
            .bind(list.channels).bind(list.max_age_days).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Removes a list with its versions; their bytes leave the disk in the background.
    pub async fn number_list_delete(&mut self, tenant: i64, id: Uuid) -> Result<(), StoreError> {
        const GARBAGE: &str =
            "INSERT INTO number_list_garbage (blob) SELECT blob FROM number_list_version WHERE list = $1";
        const VERSIONS: &str = "DELETE FROM number_list_version WHERE list = $1";
        const SQL: &str = "DELETE FROM number_list WHERE number = $1";
        let Some(list) = self.number_list_lock(tenant, id).await? else { return Ok(()) };
        for sql in [GARBAGE, VERSIONS, SQL] {
            on!(self, conn => sqlx::query(sql).bind(list.number).execute(conn).await?.rows_affected());
        }
        self.suppression_changed(tenant, [(Changed::Numbers(list.number), 0)]).await
    }

    /// One list of a tenant.
    pub async fn number_list_get(&mut self, tenant: i64, id: Uuid) -> Result<Option<NumberList>, StoreError> {
        let sql = format!("SELECT {LIST} FROM number_list WHERE tenant = $1 AND id = $2");
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(id).fetch_optional(conn).await?))
    }

    /// Reads a list's row and keeps it locked until the end of the transaction.
    pub async fn number_list_lock(&mut self, tenant: i64, id: Uuid) -> Result<Option<NumberList>, StoreError> {
        let lock = self.choose(" FOR UPDATE", "");
        let sql = format!("SELECT {LIST} FROM number_list WHERE tenant = $1 AND id = $2{lock}");
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(id).fetch_optional(conn).await?))
    }

    /// The lists of some tenants, each with the version that is asked.
    pub async fn number_lists_active(&mut self, tenants: &[i64]) -> Result<Vec<ActiveList>, StoreError> {
        let sql = format!(
            "SELECT l.number, l.tenant, l.id, l.kind, l.register, l.jurisdiction, l.channels, l.max_age_days, l.active,
                v.as_of, v.blob, v.sha256, v.numbers
             FROM number_list l LEFT JOIN number_list_version v ON v.list = l.number AND v.version = l.active
             WHERE l.tenant{} ORDER BY l.number",
            IntSet::test(self, "$1")
        );
        let set = IntSet::of(tenants.iter().copied());
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(set.text()).fetch_all(conn).await?))
    }

    /// How many lists a tenant has.
    pub async fn number_list_count(&mut self, tenant: i64) -> Result<i64, StoreError> {
        const SQL: &str = "SELECT count(*) FROM number_list WHERE tenant = $1";
        Ok(on!(self, conn => sqlx::query_scalar(SQL).bind(tenant).fetch_one(conn).await?))
    }

    /// Begins a version, and takes away what earlier loads left that can't be activated, or was not for long: the last two
    /// that were loaded stay. The caller holds the list's row.
    pub async fn number_list_begin(
        &mut self,
        list: &NumberList,
        new: &NewVersion<'_>,
    ) -> Result<NumberListVersion, StoreError> {
        const NEXT: &str = "SELECT coalesce(max(version), 0) + 1 FROM number_list_version WHERE list = $1";
        let sql = format!(
            "INSERT INTO number_list_version (list, version, tenant, blob, state, mode, job, file_name, as_of, created_by, created_at)
             VALUES ($1, $2, $3, $4, 'loading', $5, $6, $7, $8, $9, $10) RETURNING {VERSION}"
        );
        let version: i64 = on!(self, conn => sqlx::query_scalar(NEXT).bind(list.number).fetch_one(conn).await?);
        let waiting = "state IN ('ready', 'rejected') AND sha256 <> ''";
        let left = format!(
            "(state = 'loading' OR (state IN ('ready', 'rejected') AND version NOT IN (SELECT version
                FROM number_list_version WHERE list = $1 AND {waiting} ORDER BY version DESC LIMIT {KEPT})))"
        );
        self.number_list_forget(list.number, &left).await?;
        let blob = self.id_block_take(Numbered::NumberList, 1).await?;
        Ok(
            on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(list.number).bind(version).bind(list.tenant).bind(blob)
            .bind(new.mode).bind(new.job).bind(new.file_name).bind(new.as_of).bind(new.created_by).bind(new.now)
            .fetch_one(conn).await?),
        )
    }

    /// Takes versions away; their bytes leave the disk in the background. `which` is a text of this program.
    async fn number_list_forget(&mut self, list: i64, which: &str) -> Result<(), StoreError> {
        let garbage = format!(
            "INSERT INTO number_list_garbage (blob) SELECT blob FROM number_list_version WHERE list = $1 AND {which}"
        );
        let delete = format!("DELETE FROM number_list_version WHERE list = $1 AND {which}");
        on!(self, conn => sqlx::query(AssertSqlSafe(garbage)).bind(list).execute(conn).await?.rows_affected());
        on!(self, conn => sqlx::query(AssertSqlSafe(delete)).bind(list).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Writes a chunk of a version's bytes.
    pub async fn number_list_chunk_insert(&mut self, blob: i64, seq: i64, body: &[u8]) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO number_list_chunk (blob, seq, body) VALUES ($1, $2, $3)";
        on!(self, conn => sqlx::query(SQL).bind(blob).bind(seq).bind(body).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Some chunks of a version's bytes, from a place on.
    pub async fn number_list_chunks(&mut self, blob: i64, from: i64, many: i64) -> Result<Vec<Vec<u8>>, StoreError> {
        const SQL: &str =
            "SELECT body FROM number_list_chunk WHERE blob = $1 AND seq >= $2 AND seq < $2 + $3 ORDER BY seq";
        Ok(on!(self, conn => sqlx::query_scalar(SQL).bind(blob).bind(from).bind(many).fetch_all(conn).await?))
    }

    /// Notes what a version turned out to be: its state, counts, bytes and digest.
    pub async fn number_list_note(&mut self, version: &NumberListVersion) -> Result<(), StoreError> {
        const SQL: &str =
            "UPDATE number_list_version SET state = $3, numbers = $4, bytes = $5, sha256 = $6, lines = $7,
            taken = $8, duplicate = $9, rejected = $10, blank = $11, detail = $12, rejects_file = $13
            WHERE list = $1 AND version = $2";
        let v = version;
        on!(self, conn => sqlx::query(SQL).bind(v.list).bind(v.version).bind(&v.state).bind(v.numbers).bind(v.bytes)
            .bind(&v.sha256).bind(v.lines).bind(v.taken).bind(v.duplicate).bind(v.rejected).bind(v.blank).bind(&v.detail)
            .bind(&v.rejects_file).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Makes a version the one that is asked: by this statement everywhere. The one before is kept to go back to, and
    /// versions before the last two leave. The caller holds the list's row.
    pub async fn number_list_activate(&mut self, list: i64, version: i64, now: i64) -> Result<(), StoreError> {
        const RETIRE: &str = "UPDATE number_list_version SET state = 'retired' WHERE list = $1 AND state = 'active'";
        const ACTIVATE: &str = "UPDATE number_list_version SET state = 'active', activated_at = $3, detail = NULL
            WHERE list = $1 AND version = $2";
        const POINT: &str = "UPDATE number_list SET active = $2 WHERE number = $1 RETURNING tenant";
        on!(self, conn => sqlx::query(RETIRE).bind(list).execute(conn).await?.rows_affected());
        on!(self, conn => sqlx::query(ACTIVATE).bind(list).bind(version).bind(now).execute(conn).await?.rows_affected());
        let tenant: Option<i64> =
            on!(self, conn => sqlx::query_scalar(POINT).bind(list).bind(version).fetch_optional(conn).await?);
        if let Some(tenant) = tenant {
            self.suppression_changed(tenant, [(Changed::Numbers(list), 0)]).await?;
        }
        let old = format!(
            "state = 'retired' AND version NOT IN (SELECT version FROM number_list_version
                WHERE list = $1 AND state = 'retired' ORDER BY activated_at DESC, version DESC LIMIT {KEPT})"
        );
        self.number_list_forget(list, &old).await
    }

    /// The versions of a list, newest first.
    pub async fn number_list_versions(&mut self, list: i64) -> Result<Vec<NumberListVersion>, StoreError> {
        let sql = format!("SELECT {VERSION} FROM number_list_version WHERE list = $1 ORDER BY version DESC LIMIT 100");
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(list).fetch_all(conn).await?))
    }

    /// One version of a list.
    pub async fn number_list_version(
        &mut self,
        list: i64,
        version: i64,
    ) -> Result<Option<NumberListVersion>, StoreError> {
        let sql = format!("SELECT {VERSION} FROM number_list_version WHERE list = $1 AND version = $2");
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(list).bind(version).fetch_optional(conn).await?))
    }

    /// The version that a job loads or loaded.
    pub async fn number_list_version_of_job(&mut self, job: Uuid) -> Result<Option<NumberListVersion>, StoreError> {
        let sql = format!("SELECT {VERSION} FROM number_list_version WHERE job = $1 ORDER BY version DESC LIMIT 1");
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(job).fetch_optional(conn).await?))
    }

    /// The digests of all versions whose bytes may be asked for, for caches.
    pub async fn number_list_digests(&mut self) -> Result<Vec<String>, StoreError> {
        const SQL: &str = "SELECT DISTINCT sha256 FROM number_list_version WHERE sha256 <> ''";
        Ok(on!(self, conn => sqlx::query_scalar(SQL).fetch_all(conn).await?))
    }

    /// Takes some bytes that nobody needs from the disk; false when there are none.
    pub async fn number_list_garbage_step(&mut self, limit: i64) -> Result<bool, StoreError> {
        const NEXT: &str = "SELECT blob FROM number_list_garbage ORDER BY blob LIMIT 1";
        const DELETE: &str = "DELETE FROM number_list_chunk WHERE blob = $1 AND seq IN (
            SELECT seq FROM number_list_chunk WHERE blob = $1 ORDER BY seq LIMIT $2)";
        const DONE: &str = "DELETE FROM number_list_garbage WHERE blob = $1";
        let next: Option<i64> = on!(self, conn => sqlx::query_scalar(NEXT).fetch_optional(conn).await?);
        let Some(blob) = next else { return Ok(false) };
        if on!(self, conn => sqlx::query(DELETE).bind(blob).bind(limit).execute(conn).await?.rows_affected()) == 0 {
            on!(self, conn => sqlx::query(DONE).bind(blob).execute(conn).await?.rows_affected());
        }
        Ok(true)
    }
}

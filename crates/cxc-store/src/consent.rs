//! The ledger of consents and opt-outs. Entries are added; an erasure takes their words, an undo voids them.
//! Owning service: compliance manager; senders and imports add entries.
mod files;
mod pages;

use cxc_core::channel::Channel;
use cxc_core::consent::{AskedFor, ConsentEvent, ConsentKey, ConsentKind, ConsentScope};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;

use crate::id_block::Numbered;
use crate::int_set::IntSet;
use crate::{Engine, Rows, StoreError, Tx, on};

pub(crate) use files::person_key;
pub use files::{CONSENTS, ConsentLine, Fate};
pub use pages::LedgerPlace;

/// What the key of an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// A phone number or an email address.
    Device,
    /// A client id.
    Client,
}

impl KeyKind {
    /// As it is stored.
    pub fn code(self) -> i16 {
        match self {
            Self::Device => 1,
            Self::Client => 2,
        }
    }
}

/// An entry that is added. Times are microseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewConsent {
    /// What the key is.
    pub key_kind: KeyKind,
    /// Keyed hash of the key.
    pub key_hash: i64,
    /// The normalised address or client id.
    pub key: String,
    /// The kind; a revocation ends every kind.
    pub kind: ConsentKind,
    /// It takes back instead of giving.
    pub revoked: bool,
    /// The channels; none for all.
    pub channels: Vec<Channel>,
    /// For what it holds.
    pub scope: ConsentScope,
    /// When the person said so.
    pub said_at: i64,
    /// When we learned of it.
    pub received_at: i64,
    /// Since when it holds here.
    pub effective_at: i64,
    /// By when the law wants a revocation to hold.
    pub deadline: Option<i64>,
    /// Until when, exclusively.
    pub expires_at: Option<i64>,
    /// From when until when, exclusively, the person asked to be called back.
    pub asked_for: Option<(i64, i64)>,
    /// Where it comes from: `keyword`, `link`, `api`, `form`.
    pub source: String,
    /// The words: of the person, or of the text the person agreed to.
    pub words: Option<String>,
    /// A reference to its proof.
    pub evidence: Option<String>,
    /// The import that brought it; 0 for none.
    pub import: i64,
    /// Whether it may lift an opt-out that it is later than.
    pub lifts: bool,
}

#[derive(Serialize)]
struct Row<'a> {
    key_kind: i16,
    key_hash: i64,
    id: i64,
    key: &'a str,
    kind: &'static str,
    revoked: i16,
    channels: i16,
    scope_kind: i16,
    scope: &'a str,
    said_at: i64,
    received_at: i64,
    effective_at: i64,
    deadline: Option<i64>,
    expires_at: Option<i64>,
    asked_from: Option<i64>,
    asked_till: Option<i64>,
    source: &'a str,
    words: Option<&'a str>,
    evidence: Option<&'a str>,
    import: i64,
    lifts: i16,
}

const COLUMNS: &[(&str, &str)] = &[
    ("key_kind", "SMALLINT"),
    ("key_hash", "BIGINT"),
    ("id", "BIGINT"),
    ("key", "TEXT"),
    ("kind", "TEXT"),
    ("revoked", "SMALLINT"),
    ("channels", "SMALLINT"),
    ("scope_kind", "SMALLINT"),
    ("scope", "TEXT"),
    ("said_at", "BIGINT"),
    ("received_at", "BIGINT"),
    ("effective_at", "BIGINT"),
    ("deadline", "BIGINT"),
    ("expires_at", "BIGINT"),
    ("asked_from", "BIGINT"),
    ("asked_till", "BIGINT"),
    ("source", "TEXT"),
    ("words", "TEXT"),
    ("evidence", "TEXT"),
    ("import", "BIGINT"),
    ("lifts", "SMALLINT"),
];

/// An entry as stored.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Deserialize)]
pub struct StoredConsent {
    /// Its number; later entries have greater ones.
    pub id: i64,
    key_kind: i16,
    /// Keyed hash of the key.
    pub key_hash: i64,
    /// The key; empty once the person was erased: then the hash alone decides.
    pub key: String,
    kind: String,
    revoked: i16,
    channels: i16,
    scope_kind: i16,
    scope: String,
    /// When the person said so.
    pub said_at: i64,
    /// When we learned of it.
    pub received_at: i64,
    /// Since when it holds here.
    pub effective_at: i64,
    /// By when the law wants a revocation to hold.
    pub deadline: Option<i64>,
    /// Until when, exclusively.
    pub expires_at: Option<i64>,
    /// From when the person asked to be called back.
    pub asked_from: Option<i64>,
    /// Until when, exclusively.
    pub asked_till: Option<i64>,
    /// Where it comes from.
    pub source: String,
    /// The words.
    pub words: Option<String>,
    /// A reference to its proof.
    pub evidence: Option<String>,
    /// The import that brought it; 0 for none.
    pub import: i64,
    /// Since when it does not count: its import was undone.
    pub voided_at: Option<i64>,
    lifts: i16,
}

impl StoredConsent {
    /// What the key is.
    pub fn key_kind(&self) -> KeyKind {
        if self.key_kind == KeyKind::Client.code() { KeyKind::Client } else { KeyKind::Device }
    }

    /// Whether it takes back.
    pub fn is_revoked(&self) -> bool {
        self.revoked != 0
    }

    /// What the core judges by. A grant of a kind that is not known gives nothing; a revocation always revokes.
    pub fn event(&self) -> Option<ConsentEvent> {
        let revoked = self.revoked != 0;
        let kind = ConsentKind::from_name(&self.kind).or(revoked.then_some(ConsentKind::Express))?;
        let time = |micros| Timestamp::from_microsecond(micros).ok();
        Some(ConsentEvent {
            kind,
            channels: Channel::ALL.into_iter().filter(|c| self.channels & c.bit() != 0).collect(),
            scope: match self.scope_kind {
                1 => ConsentScope::Brand { name: self.scope.as_str().into() },
                2 => ConsentScope::Topic { name: self.scope.as_str().into() },
                _ => ConsentScope::All,
            },
            at: time(self.said_at)?,
            effective_at: time(self.effective_at).filter(|_| !revoked),
            expires: self.expires_at.and_then(time),
            revoked,
            source: self.source.as_str().into(),
            lifts_nothing: self.lifts == 0 && !revoked,
            asked_for: self.asked_from.and_then(time).zip(self.asked_till.and_then(time)).map(asked_for),
            key: ConsentKey::Person,
        })
    }

    /// The same, where its key may be another person's than the other keys that are asked about.
    pub fn event_of_key(&self) -> Option<ConsentEvent> {
        let key = match self.key_kind() {
            KeyKind::Device => ConsentKey::Device,
            KeyKind::Client => ConsentKey::ClientId,
        };
        Some(ConsentEvent { key, ..self.event()? })
    }

    /// By how much the legal deadline was exceeded, in microseconds.
    pub fn late_by(&self) -> Option<i64> {
        self.deadline.map(|deadline| self.effective_at - deadline).filter(|late| *late > 0)
    }
}

const SELECT: &str = "c.id, c.key_kind, c.key_hash, c.key, c.kind, c.revoked, c.channels, c.scope_kind, c.scope, c.said_at, \
    c.received_at, c.effective_at, c.deadline, c.expires_at, c.asked_from, c.asked_till, c.source, c.words, c.evidence, c.import, c.voided_at, c.lifts";

const COUNTS: &str = " AND c.voided_at IS NULL AND (c.import = 0 OR c.revoked = 1 OR NOT EXISTS (SELECT 1
    FROM list_import i WHERE i.number = c.import AND i.state IN ('running', 'undoing')))";

/// The [`StoredConsent`]s that count, in no order: of a tenant's devices and client ids by their hashes.
pub(crate) fn counting_text(engine: Engine, parameters: [&str; 3]) -> String {
    text(engine, parameters, COUNTS)
}

fn text(engine: Engine, [tenant, devices, clients]: [&str; 3], which: &str) -> String {
    let part = |kind: KeyKind, hashes: &str| {
        let (kind, test) = (kind.code(), IntSet::test_on(engine, hashes));
        format!(
            "SELECT {SELECT} FROM consent c WHERE c.tenant = {tenant} AND c.key_kind = {kind} AND c.key_hash{test}{which}"
        )
    };
    format!("{} UNION ALL {}", part(KeyKind::Device, devices), part(KeyKind::Client, clients))
}

impl Tx {
    /// Adds entries to the ledger; answers the number of the first.
    pub async fn consent_insert(&mut self, tenant: i64, new: &[NewConsent]) -> Result<i64, StoreError> {
        if new.is_empty() {
            return Ok(0);
        }
        let first = self.id_block_take(Numbered::Consent, i64::try_from(new.len()).unwrap_or(i64::MAX)).await?;
        let rows: Vec<Row<'_>> = (first..).zip(new).map(|(id, new)| row(id, new)).collect();
        let names: Vec<&str> = COLUMNS.iter().map(|c| c.0).collect();
        let (into, values) = (names.join(", "), names.iter().map(|n| format!("v.{n}")).collect::<Vec<_>>().join(", "));
        let source = Rows::source(self, "$2", COLUMNS);
        let sql = format!("INSERT INTO consent (tenant, {into}) SELECT $1, {values} FROM {source} WHERE TRUE");
        let rows = Rows::of(&rows)?;
        on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(tenant).bind(rows.text()).execute(conn).await?.rows_affected());
        Ok(first)
    }

    /// The entries that count of these devices and clients, oldest first: one statement a batch. Confirm an entry on
    /// its key, unless that is empty. What an import gives counts once it is published; what it revokes, at once.
    pub async fn consents_of(
        &mut self,
        tenant: i64,
        devices: &[i64],
        clients: &[i64],
    ) -> Result<Vec<StoredConsent>, StoreError> {
        self.consents_where(tenant, devices, clients, COUNTS).await
    }

    /// Every entry of these devices and clients, also those that do not count, oldest first.
    pub async fn consents_kept(
        &mut self,
        tenant: i64,
        devices: &[i64],
        clients: &[i64],
    ) -> Result<Vec<StoredConsent>, StoreError> {
        self.consents_where(tenant, devices, clients, "").await
    }

    async fn consents_where(
        &mut self,
        tenant: i64,
        devices: &[i64],
        clients: &[i64],
        which: &str,
    ) -> Result<Vec<StoredConsent>, StoreError> {
        let sql = format!("{} ORDER BY id", text(self.engine(), ["$1", "$2", "$3"], which));
        let (devices, clients) = (IntSet::of(devices.iter().copied()), IntSet::of(clients.iter().copied()));
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(devices.text()).bind(clients.text())
            .fetch_all(conn).await?))
    }

    /// Whether a tenant's ledger has any entry: most batches are spared the question.
    pub async fn consent_any(&mut self, tenant: i64) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT 1 FROM consent WHERE tenant = $1 LIMIT 1";
        let found: Option<i32> = on!(self, conn => sqlx::query_scalar(SQL).bind(tenant).fetch_optional(conn).await?);
        Ok(found.is_some())
    }

    /// The revocations that held later than the law wants, newest first.
    pub async fn consent_late(&mut self, tenant: i64, limit: i64) -> Result<Vec<StoredConsent>, StoreError> {
        let sql = format!(
            "SELECT {SELECT} FROM consent c WHERE c.tenant = $1 AND c.effective_at > c.deadline ORDER BY c.received_at DESC LIMIT $2"
        );
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(limit).fetch_all(conn).await?))
    }

    /// Takes keys and words of these hashes; the entries still hold by their keyed hash.
    pub async fn consent_erase(
        &mut self,
        tenant: i64,
        kind: KeyKind,
        keys: &[(String, i64)],
    ) -> Result<u64, StoreError> {
        const SQL: &str = "UPDATE consent SET key = '', words = NULL, evidence = NULL
            WHERE tenant = $1 AND key_kind = $2 AND key_hash = $3 AND key = $4";
        const REVIEW: &str =
            "UPDATE opt_out_review SET key = '', words = '' WHERE tenant = $1 AND key_hash = $2 AND key = $3";
        let mut erased = 0;
        for (text, hash) in keys {
            erased += on!(self, conn => sqlx::query(SQL).bind(tenant).bind(kind.code()).bind(hash).bind(text)
                .execute(conn).await?.rows_affected());
            if kind == KeyKind::Device {
                on!(self, conn => sqlx::query(REVIEW).bind(tenant).bind(hash).bind(text).execute(conn).await?.rows_affected());
            }
        }
        Ok(erased)
    }
}

fn asked_for((from, till): (Timestamp, Timestamp)) -> AskedFor {
    AskedFor { from, till }
}

fn row(id: i64, new: &NewConsent) -> Row<'_> {
    let (scope_kind, scope) = match &new.scope {
        ConsentScope::All => (0, ""),
        ConsentScope::Brand { name } => (1, &**name),
        ConsentScope::Topic { name } => (2, &**name),
    };
    Row {
        key_kind: new.key_kind.code(),
        key_hash: new.key_hash,
        id,
        key: &new.key,
        kind: new.kind.as_str(),
        revoked: i16::from(new.revoked),
        channels: new.channels.iter().fold(0, |bits, c| bits | c.bit()),
        scope_kind,
        scope,
        said_at: new.said_at,
        received_at: new.received_at,
        effective_at: new.effective_at,
        deadline: new.deadline,
        expires_at: new.expires_at,
        asked_from: new.asked_for.map(|asked| asked.0),
        asked_till: new.asked_for.map(|asked| asked.1),
        source: &new.source,
        words: new.words.as_deref(),
        evidence: new.evidence.as_deref(),
        import: new.import,
        lifts: i16::from(new.lifts),
    }
}

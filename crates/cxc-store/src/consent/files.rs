//! What files bring into the ledger: consents that lift nothing unless the tenant lets files lift, opt-outs that bind at
//! once, and the way back.
use std::collections::{HashMap, HashSet};

use cxc_core::channel::Channel;
use cxc_core::consent::{ConsentEvent, ConsentKey, ConsentKind, ConsentScope, opted_out_of_all};
use jiff::Timestamp;
use serde_json::Value;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::{KeyKind, NewConsent, StoredConsent, row};
use crate::import::{ImportCounts, ListBefore, ListImport, NewImport};
use crate::opt_out::{carries, source, terms_of};
use crate::opt_out_lift::PersonKeys;
use crate::privacy::PersonKey;
use crate::suppression::SuppressionEntry;
use crate::{StoreError, Tx, on};

/// The kind of an import that brings only consents; its list is the tenant.
pub const CONSENTS: &str = "consents";

/// What one line of a file says of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentLine {
    /// Its number, for people.
    pub line: u64,
    /// What it gives and revokes. Deadlines, the import and whether it lifts are filled in when it is written.
    pub entries: Vec<NewConsent>,
    /// Everything by which the line names the person: an opt-out under any of them stands.
    pub keys: Vec<(KeyKind, i64, String)>,
}

/// What became of a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fate {
    /// Consents that were written.
    pub consents: usize,
    /// Opt-outs that were written.
    pub opt_outs: usize,
    /// The ledger had all of it.
    pub known: bool,
    /// An earlier line of the same import brought it.
    pub in_file: bool,
    /// Its consent met an opt-out that stands all the same.
    pub held_back: bool,
}

/// What makes two entries the same.
type Same = (i16, i64, String, &'static str, bool, i16, i16, String, i64);

fn same(new: &NewConsent) -> Same {
    let row = row(0, new);
    let (scope_kind, scope) = (row.scope_kind, row.scope.to_owned());
    (row.key_kind, row.key_hash, new.key.clone(), row.kind, new.revoked, row.channels, scope_kind, scope, new.said_at)
}

fn same_stored(stored: &StoredConsent) -> Option<Same> {
    let (kind, revoked) = (ConsentKind::from_name(&stored.kind)?.as_str(), stored.revoked != 0);
    let scope = stored.scope.clone();
    let key = stored.key.clone();
    let (channels, scope_kind) = (stored.channels, stored.scope_kind);
    Some((stored.key_kind, stored.key_hash, key, kind, revoked, channels, scope_kind, scope, stored.said_at))
}

impl Tx {
    /// Notes the start of an import of consents. The caller holds its lease, and nothing is unsettled.
    pub async fn consent_import_begin(&mut self, tenant: i64, new: &NewImport<'_>) -> Result<ListImport, StoreError> {
        let before =
            ListBefore { kind: CONSENTS, tenant, list: tenant, generation: 0, visible_to: 0, contacts: 0, devices: 0 };
        self.import_insert(&before, 0, new).await
    }

    /// Writes what some lines of a file say; answers what became of each, in their order. What the ledger has already
    /// is not written again. An opt-out of an address goes into the opt-out lists, too; `new_id` names those that are
    /// made by it.
    pub async fn consent_file_write(
        &mut self,
        import: &ListImport,
        lines: &[ConsentLine],
        new_id: &(dyn Fn() -> Uuid + Sync),
        now: i64,
    ) -> Result<Vec<Fate>, StoreError> {
        if lines.is_empty() {
            return Ok(Vec::new());
        }
        let policy = self.consent_policy(import.tenant).await?;
        let of =
            |kind| lines.iter().flat_map(|l| &l.keys).filter(move |k| k.0 == kind).map(|k| k.1).collect::<Vec<_>>();
        let found = self.consents_open(import.tenant, &of(KeyKind::Device), &of(KeyKind::Client)).await?;
        let mut known: HashMap<Same, bool> =
            found.iter().filter_map(|c| Some((same_stored(c)?, c.import == import.number))).collect();
        let mut by_hash: HashMap<(i16, i64), Vec<&StoredConsent>> = HashMap::new();
        for stored in &found {
            by_hash.entry((stored.key_kind, stored.key_hash)).or_default().push(stored);
        }
        let at = Timestamp::from_microsecond(now).unwrap_or(Timestamp::MAX);
        let (mut write, mut fates) = (Vec::new(), Vec::with_capacity(lines.len()));
        for line in lines {
            let mut fate = Fate { known: true, in_file: true, ..Fate::default() };
            let mut said = Vec::new();
            for entry in &line.entries {
                let mut new = entry.clone();
                (new.import, new.lifts) = (import.number, policy.files_lift_opt_outs);
                new.received_at = now;
                if new.revoked {
                    new.effective_at = now;
                    let law = terms_of(&person_key(&new), &new.channels, at);
                    new.deadline = Some(policy.shorten(law, at).deadline.as_microsecond());
                }
                said.extend(event_of(&new));
                match known.insert(same(&new), true) {
                    Some(by_us) => fate.in_file &= by_us,
                    None => {
                        fate.known = false;
                        *(if new.revoked { &mut fate.opt_outs } else { &mut fate.consents }) += 1;
                        write.push(new);
                    }
                }
            }
            fate.in_file &= fate.known;
            fate.held_back = meets_opt_out(&line.keys, said, &by_hash, at);
            fates.push(fate);
        }
        self.consent_insert(import.tenant, &write).await?;
        self.consent_file_suppress(import, &write, new_id, now).await?;
        if policy.files_lift_opt_outs {
            // until the import is published the ledger still bars whom it lifts
            let people: Vec<PersonKeys> = lines.iter().map(|line| line.keys.clone()).collect();
            self.opt_outs_lift(import.tenant, &people, now).await?;
        }
        Ok(fates)
    }

    /// Which of these consents meet an opt-out of everything that stands all the same: in their order.
    pub async fn consents_held_back(
        &mut self,
        tenant: i64,
        given: &[NewConsent],
        now: i64,
    ) -> Result<Vec<bool>, StoreError> {
        let of = |kind| given.iter().filter(move |c| c.key_kind == kind).map(|c| c.key_hash).collect::<Vec<_>>();
        let found = self.consents_open(tenant, &of(KeyKind::Device), &of(KeyKind::Client)).await?;
        let mut by_hash: HashMap<(i16, i64), Vec<&StoredConsent>> = HashMap::new();
        for stored in &found {
            by_hash.entry((stored.key_kind, stored.key_hash)).or_default().push(stored);
        }
        let at = Timestamp::from_microsecond(now).unwrap_or(Timestamp::MAX);
        let meets = |c: &NewConsent| {
            let keys = [(c.key_kind, c.key_hash, c.key.clone())];
            meets_opt_out(&keys, event_of(c).into_iter().collect(), &by_hash, at)
        };
        Ok(given.iter().map(meets).collect())
    }

    /// The entries of these keys that were not voided, whatever became of their imports.
    pub(crate) async fn consents_open(
        &mut self,
        tenant: i64,
        devices: &[i64],
        clients: &[i64],
    ) -> Result<Vec<StoredConsent>, StoreError> {
        self.consents_where(tenant, devices, clients, " AND c.voided_at IS NULL").await
    }

    async fn consent_file_suppress(
        &mut self,
        import: &ListImport,
        written: &[NewConsent],
        new_id: &(dyn Fn() -> Uuid + Sync),
        now: i64,
    ) -> Result<(), StoreError> {
        for channel in Channel::ALL {
            let is_meant = |c: &&NewConsent| {
                let ends_contact = !matches!(c.kind, ConsentKind::Callback | ConsentKind::Recording);
                let is_whole = c.key_kind == KeyKind::Device && c.scope == ConsentScope::All && c.expires_at.is_none();
                c.revoked && ends_contact && is_whole && (c.channels.is_empty() || c.channels.contains(&channel))
            };
            let of_channel = written.iter().filter(is_meant).filter(|c| carries(channel, &c.key));
            let entries: Vec<SuppressionEntry> = of_channel.map(|c| entry(c, now)).collect();
            if !entries.is_empty() {
                let list = self.suppression_opt_out_list(import.tenant, channel, new_id(), now).await?;
                self.suppression_add(&list, &entries, import.number).await?;
            }
        }
        Ok(())
    }

    /// Takes back some of what an import brought into the ledger, about `limit` entries; false when nothing is left.
    /// Entries of opt-out lists that it alone made go, too; what somebody asked for otherwise stays.
    pub(crate) async fn consent_take_back(
        &mut self,
        import: &ListImport,
        limit: i64,
        now: i64,
    ) -> Result<bool, StoreError> {
        const SOME: &str = "SELECT tenant, key_kind, key_hash, id FROM consent
            WHERE import = $1 AND import <> 0 AND voided_at IS NULL LIMIT $2";
        let sql = format!(
            "UPDATE consent SET voided_at = $3 WHERE (tenant, key_kind, key_hash, id) IN ({SOME})
             RETURNING key_kind, key_hash, key, revoked"
        );
        let gone: Vec<(i16, i64, String, i16)> = on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(import.number)
            .bind(limit).bind(now).fetch_all(conn).await?);
        let revoked = gone.iter().filter(|g| g.0 == KeyKind::Device.code() && g.3 != 0);
        let keys: HashSet<(i64, String)> = revoked.map(|g| (g.1, g.2.clone())).collect();
        if !keys.is_empty() {
            let keys: Vec<(i64, String)> = keys.into_iter().collect();
            for channel in Channel::ALL {
                let Some(list) = self.suppression_opt_out_list_if_any(import.tenant, channel).await? else { continue };
                self.suppression_remove_of(&list, &keys, import.number).await?;
            }
        }
        Ok(!gone.is_empty())
    }

    /// Ends an import of consents: what it gives counts from now on.
    pub async fn consent_import_publish(
        &mut self,
        import: &ListImport,
        counts: &ImportCounts,
        detail: &Value,
        now: i64,
    ) -> Result<(), StoreError> {
        self.import_finish(import, "published", 0, counts, detail, now).await
    }

    /// Begins the undo of an import of consents; settle it afterwards. False when it does not stand.
    pub async fn consent_import_undo(&mut self, tenant: i64, import: i64) -> Result<bool, StoreError> {
        const SQL: &str = "UPDATE list_import SET state = 'undoing'
            WHERE tenant = $1 AND number = $2 AND kind = 'consents' AND state = 'published'";
        Ok(on!(self, conn => sqlx::query(SQL).bind(tenant).bind(import).execute(conn).await?.rows_affected()) == 1)
    }

    /// Takes back some of what an unsettled import of consents did; true when nothing is left, and the import has its
    /// last state: `ended` for one that ran, else `undone`.
    pub async fn consent_settle_step(
        &mut self,
        import: &ListImport,
        ended: &str,
        limit: i64,
        now: i64,
    ) -> Result<bool, StoreError> {
        const DONE: &str = "UPDATE list_import SET state = $2, finished_at = coalesce(finished_at, $3)
            WHERE number = $1 AND state IN ('running', 'undoing')";
        if self.consent_take_back(import, limit, now).await? {
            return Ok(false);
        }
        let state = if import.state == "running" { ended } else { "undone" };
        on!(self, conn => sqlx::query(DONE).bind(import.number).bind(state).bind(now).execute(conn).await?.rows_affected());
        Ok(true)
    }
}

/// By what an entry names the person.
pub(crate) fn person_key(new: &NewConsent) -> PersonKey {
    match new.key_kind {
        KeyKind::Device => PersonKey::Address(new.key.clone()),
        KeyKind::Client => PersonKey::ClientId(new.key.clone()),
    }
}

fn event_of(new: &NewConsent) -> Option<ConsentEvent> {
    Some(ConsentEvent {
        kind: new.kind,
        channels: new.channels.clone(),
        scope: new.scope.clone(),
        at: Timestamp::from_microsecond(new.said_at).ok()?,
        effective_at: None,
        expires: new.expires_at.and_then(|at| Timestamp::from_microsecond(at).ok()),
        revoked: new.revoked,
        source: new.source.as_str().into(),
        lifts_nothing: !new.lifts && !new.revoked,
        // what a consent opens is no matter of what it lifts
        asked_for: None,
        key: ConsentKey::Person,
    })
}

/// Whether an opt-out of everything stands, with what is said of these keys, on a channel for which it gives something.
fn meets_opt_out(
    keys: &[(KeyKind, i64, String)],
    said: Vec<ConsentEvent>,
    by_hash: &HashMap<(i16, i64), Vec<&StoredConsent>>,
    at: Timestamp,
) -> bool {
    let is_given =
        |channel: &Channel| said.iter().any(|e| !e.revoked && e.kind != ConsentKind::Recording && e.on(*channel));
    let given: Vec<Channel> = Channel::ALL.into_iter().filter(is_given).collect();
    if given.is_empty() {
        return false;
    }
    let mut events = said;
    for (kind, hash, key) in keys {
        let of_key = by_hash.get(&(kind.code(), *hash)).into_iter().flatten();
        events.extend(of_key.filter(|c| c.key.is_empty() || c.key == *key).filter_map(|c| c.event()));
    }
    given.into_iter().any(|channel| opted_out_of_all(&events, channel, at).is_some())
}

fn entry(revoked: &NewConsent, now: i64) -> SuppressionEntry {
    SuppressionEntry {
        key_hash: revoked.key_hash,
        key: revoked.key.clone(),
        from_at: None,
        until_at: None,
        reason: Some("opted out".into()),
        source: source::IMPORT.into(),
        added_at: now,
    }
}

//! Imports of suppression lists, and the lists that opt-outs make. Entries bind as soon as their batch is
//! committed: suppressing early is safe. Owning service: list builder.
use cxc_core::channel::Channel;
use cxc_core::consent::{ConsentKind, ConsentPolicy, ConsentScope};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use sqlx::types::Json;
use uuid::Uuid;

use crate::consent::{KeyKind, NewConsent};
use crate::import::{ImportCounts, ListBefore, ListImport, NewImport, UNDO_TIME};
use crate::object::Object;
use crate::opt_out::{source, terms_of};
use crate::privacy::PersonKey;
use crate::suppression::{SuppressionEntry, SuppressionList};
use crate::suppression_change::Changed;
use crate::{Rows, StoreError, Tx, id_block::Numbered, on};

#[derive(Serialize)]
struct Image {
    contact: i64,
    image: String,
}

impl Tx {
    /// Notes the start of an import. The caller holds the list's lease, and nothing is unsettled.
    pub async fn suppression_import_begin(
        &mut self,
        list: &SuppressionList,
        new: &NewImport<'_>,
    ) -> Result<ListImport, StoreError> {
        let generation = match new.mode {
            "replace" => self.id_block_take(Numbered::SuppressionList, 1).await?,
            _ => list.generation,
        };
        let before = ListBefore {
            kind: "suppression",
            tenant: list.tenant,
            list: list.number,
            generation: list.generation,
            visible_to: 0,
            contacts: list.size,
            devices: 0,
        };
        self.import_insert(&before, generation, new).await
    }

    /// Writes a batch of an import, keeping how changed entries were; answers how many are new.
    pub async fn suppression_import_write(
        &mut self,
        import: &ListImport,
        entries: &[SuppressionEntry],
    ) -> Result<i64, StoreError> {
        if import.mode == "update" {
            let present = self.suppression_present(import.generation, entries).await?;
            let images = present
                .iter()
                .map(|entry| Ok(Image { contact: entry.key_hash, image: serde_json::to_string(entry)? }))
                .collect::<Result<Vec<_>, StoreError>>()?;
            let sql = format!(
                "INSERT INTO contact_before (import, contact, image) SELECT $1, v.contact, v.image FROM {} WHERE TRUE
                 ON CONFLICT (import, contact) DO NOTHING",
                Rows::source(self, "$2", &[("contact", "BIGINT"), ("image", "TEXT")])
            );
            let rows = Rows::of(&images)?;
            on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(import.number).bind(rows.text()).execute(conn).await?.rows_affected());
        }
        let added = self.suppression_write(import.generation, entries, import.number).await?;
        self.suppression_import_revoke(import, entries).await?;
        if import.mode != "replace" {
            self.suppression_count(import.list, added).await?;
        }
        Ok(added)
    }

    /// Which of these keys a generation has, and by which import (0: by hand).
    pub async fn suppression_holders(
        &mut self,
        generation: i64,
        hashes: &[i64],
    ) -> Result<Vec<(i64, String, i64)>, StoreError> {
        let sql = format!(
            "SELECT key_hash, key, import FROM suppression_entry WHERE generation = $1 AND key_hash{}",
            crate::int_set::IntSet::test(self, "$2")
        );
        let set = crate::int_set::IntSet::of(hashes.iter().copied());
        Ok(
            on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(generation).bind(set.text()).fetch_all(conn).await?),
        )
    }

    /// What a file puts on an opt-out list is a revocation too: it joins the ledger.
    async fn suppression_import_revoke(
        &mut self,
        import: &ListImport,
        entries: &[SuppressionEntry],
    ) -> Result<(), StoreError> {
        const LIST: &str = "SELECT kind, channels FROM suppression_list WHERE number = $1 AND opt_outs";
        let list: Option<(String, i16)> =
            on!(self, conn => sqlx::query_as(LIST).bind(import.list).fetch_optional(conn).await?);
        let Some((kind, channels)) = list else { return Ok(()) };
        let made = Made { kind: &kind, channels, import: import.number };
        self.suppression_revoke(import.tenant, &made, entries).await
    }

    /// Adds entries by hand, as [`Tx::suppression_add`] does; where the list collects opt-outs each is a revocation that
    /// joins the ledger in the same transaction, unless it ends by itself. Answers how many entries are new.
    pub async fn suppression_enter(
        &mut self,
        list: &SuppressionList,
        entries: &[SuppressionEntry],
    ) -> Result<i64, StoreError> {
        let added = self.suppression_add(list, entries, 0).await?;
        if list.opt_outs {
            let made = Made { kind: &list.kind, channels: list.channels, import: 0 };
            self.suppression_revoke(list.tenant, &made, entries).await?;
        }
        Ok(added)
    }

    async fn suppression_revoke(
        &mut self,
        tenant: i64,
        made: &Made<'_>,
        entries: &[SuppressionEntry],
    ) -> Result<(), StoreError> {
        // an entry that ends is no revocation of a consent
        let lasting: Vec<&SuppressionEntry> = entries.iter().filter(|e| e.until_at.is_none()).collect();
        if lasting.is_empty() {
            return Ok(());
        }
        let policy = self.consent_policy(tenant).await?;
        let ledger: Vec<NewConsent> = lasting.into_iter().map(|e| revocation(e, made, &policy)).collect();
        self.consent_insert(tenant, &ledger).await.map(|_| ())
    }

    /// Brings the entries of an opt-out list that no file made from one contents into another; answers how many.
    /// The caller holds the list's row.
    async fn suppression_carry_over(&mut self, list: i64, from: i64, to: i64) -> Result<i64, StoreError> {
        const COPY: &str = "INSERT INTO suppression_entry
            (generation, key_hash, key, from_at, until_at, reason, source, import, added_at)
            SELECT $3, e.key_hash, e.key, e.from_at, e.until_at, e.reason, e.source, 0, e.added_at
            FROM suppression_entry e WHERE e.generation = $2 AND e.source <> 'import'
              AND EXISTS (SELECT 1 FROM suppression_list l WHERE l.number = $1 AND l.opt_outs)
            ON CONFLICT (generation, key_hash, key) DO UPDATE SET from_at = excluded.from_at,
              until_at = excluded.until_at, source = excluded.source, import = 0";
        let kept =
            on!(self, conn => sqlx::query(COPY).bind(list).bind(from).bind(to).execute(conn).await?.rows_affected());
        Ok(i64::try_from(kept).unwrap_or(0))
    }

    async fn suppression_sized(&mut self, number: i64) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE suppression_list SET size =
            (SELECT count(*) FROM suppression_entry e WHERE e.generation = suppression_list.generation) WHERE number = $1";
        on!(self, conn => sqlx::query(SQL).bind(number).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// How many of these an opt-out list has by another way than a file: an import leaves them as they are.
    pub async fn suppression_import_kept(
        &mut self,
        import: &ListImport,
        entries: &[SuppressionEntry],
    ) -> Result<i64, StoreError> {
        const LIST: &str = "SELECT 1 FROM suppression_list WHERE number = $1 AND opt_outs";
        let is_opt_out: Option<i32> =
            on!(self, conn => sqlx::query_scalar(LIST).bind(import.list).fetch_optional(conn).await?);
        if is_opt_out.is_none() || import.mode == "replace" {
            return Ok(0);
        }
        let present = self.suppression_present(import.generation, entries).await?;
        Ok(i64::try_from(present.iter().filter(|e| e.source != source::IMPORT).count()).unwrap_or(0))
    }

    /// Ends an import; in replace mode its entries take the place of the old ones by this statement. An opt-out list
    /// keeps what no file made; answers how many entries that were.
    pub async fn suppression_import_publish(
        &mut self,
        import: &ListImport,
        size: i64,
        counts: &ImportCounts,
        detail: &Value,
        now: i64,
    ) -> Result<i64, StoreError> {
        const HOLD: &str = "UPDATE suppression_list SET changes = changes + 1 WHERE number = $1";
        const SWAP: &str =
            "UPDATE suppression_list SET generation = $2, size = $3, changes = changes + 1 WHERE number = $1";
        self.suppression_garbage_release(import.list, now).await?;
        let mut kept = 0;
        if import.mode == "replace" {
            // whoever adds an opt-out now waits, and adds it to the new contents
            on!(self, conn => sqlx::query(HOLD).bind(import.list).execute(conn).await?.rows_affected());
            kept = self.suppression_carry_over(import.list, import.generation_before, import.generation).await?;
            on!(self, conn => sqlx::query(SWAP).bind(import.list).bind(import.generation).bind(size).execute(conn).await?.rows_affected());
            if kept > 0 {
                self.suppression_sized(import.list).await?;
            }
            self.suppression_garbage_insert(import.generation_before, import.list, now + UNDO_TIME).await?;
        }
        self.import_finish(import, "published", 0, counts, detail, now).await?;
        self.suppression_changed(import.tenant, [(Changed::List(import.list), 0)]).await?;
        Ok(kept)
    }

    /// Begins the undo of an import; settle it afterwards. False when the entries of before are gone.
    pub async fn suppression_import_undo(&mut self, import: &ListImport, now: i64) -> Result<bool, StoreError> {
        const STATE: &str = "UPDATE list_import SET state = 'undoing' WHERE number = $1 AND state = 'published'";
        const HOLD: &str = "UPDATE suppression_list SET changes = changes + 1 WHERE number = $1";
        const RECLAIM: &str = "DELETE FROM suppression_garbage WHERE generation = $1 AND list = $2 AND not_before > $3";
        const SWAP: &str =
            "UPDATE suppression_list SET generation = $2, size = $3, changes = changes + 1 WHERE number = $1";
        if import.mode == "replace" {
            let kept = on!(self, conn => sqlx::query(RECLAIM).bind(import.generation_before).bind(import.list).bind(now)
                .execute(conn).await?.rows_affected());
            if kept != 1 {
                return Ok(false);
            }
            on!(self, conn => sqlx::query(HOLD).bind(import.list).execute(conn).await?.rows_affected());
            let kept = self.suppression_carry_over(import.list, import.generation, import.generation_before).await?;
            on!(self, conn => sqlx::query(SWAP).bind(import.list).bind(import.generation_before).bind(import.contacts_before)
                .execute(conn).await?.rows_affected());
            if kept > 0 {
                self.suppression_sized(import.list).await?;
            }
        }
        Ok(on!(self, conn => sqlx::query(STATE).bind(import.number).execute(conn).await?.rows_affected()) == 1)
    }

    /// Takes back some of what an unsettled import did, looking at about `limit` entries from `after` on;
    /// answers where to go on, or nothing when it is done and the import has its last state.
    pub async fn suppression_settle_step(
        &mut self,
        import: &ListImport,
        ended: &str,
        after: i64,
        limit: i64,
        now: i64,
    ) -> Result<Option<i64>, StoreError> {
        const DONE: &str = "UPDATE list_import SET state = $2, finished_at = coalesce(finished_at, $3)
            WHERE number = $1 AND state IN ('running', 'undoing')";
        if import.mode == "replace" {
            self.suppression_garbage_insert(import.generation, 0, now).await?;
        } else {
            if let Some(next) = self.suppression_take_back(import, after, limit).await? {
                return Ok(Some(next));
            }
            if self.suppression_restore(import, limit).await? {
                return Ok(Some(i64::MAX));
            }
        }
        if self.consent_take_back(import, limit, now).await? {
            return Ok(Some(i64::MAX));
        }
        let state = if import.state == "running" { ended } else { "undone" };
        on!(self, conn => sqlx::query(DONE).bind(import.number).bind(state).bind(now).execute(conn).await?.rows_affected());
        self.suppression_changed(import.tenant, [(Changed::List(import.list), 0)]).await?;
        Ok(None)
    }

    async fn suppression_take_back(
        &mut self,
        import: &ListImport,
        after: i64,
        limit: i64,
    ) -> Result<Option<i64>, StoreError> {
        const BOUND: &str = "SELECT max(key_hash) FROM (SELECT key_hash FROM suppression_entry
            WHERE generation = $1 AND key_hash > $2 ORDER BY key_hash LIMIT $3) AS slice";
        const DELETE: &str =
            "DELETE FROM suppression_entry WHERE generation = $1 AND key_hash > $2 AND key_hash <= $3 AND import = $4";
        let bound: Option<i64> = on!(self, conn => sqlx::query_scalar(BOUND).bind(import.generation).bind(after)
            .bind(limit).fetch_one(conn).await?);
        let Some(bound) = bound else { return Ok(None) };
        let gone = on!(self, conn => sqlx::query(DELETE).bind(import.generation).bind(after).bind(bound).bind(import.number)
            .execute(conn).await?.rows_affected());
        self.suppression_count(import.list, -i64::try_from(gone).unwrap_or(0)).await?;
        Ok(Some(bound))
    }

    async fn suppression_restore(&mut self, import: &ListImport, limit: i64) -> Result<bool, StoreError> {
        const NEXT: &str = "SELECT contact, image FROM contact_before WHERE import = $1 ORDER BY contact LIMIT $2";
        const DONE: &str = "DELETE FROM contact_before WHERE import = $1 AND contact <= $2";
        let rows: Vec<(i64, String)> =
            on!(self, conn => sqlx::query_as(NEXT).bind(import.number).bind(limit).fetch_all(conn).await?);
        let Some(&(last, _)) = rows.last() else { return Ok(false) };
        let images: Vec<SuppressionEntry> =
            rows.iter().map(|(_, image)| serde_json::from_str(image)).collect::<Result<_, _>>()?;
        // one that was removed by hand since then comes back: that errs on the side of not contacting
        let added = self.suppression_write(import.generation, &images, 0).await?;
        self.suppression_count(import.list, added).await?;
        on!(self, conn => sqlx::query(DONE).bind(import.number).bind(last).execute(conn).await?.rows_affected());
        Ok(true)
    }

    pub(crate) async fn suppression_garbage_insert(
        &mut self,
        generation: i64,
        list: i64,
        not_before: i64,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO suppression_garbage (generation, list, not_before) VALUES ($1, $2, $3)
            ON CONFLICT (generation) DO UPDATE SET list = $2, not_before = $3";
        on!(self, conn => sqlx::query(SQL).bind(generation).bind(list).bind(not_before).execute(conn).await?.rows_affected());
        Ok(())
    }

    pub(crate) async fn suppression_garbage_release(&mut self, list: i64, now: i64) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE suppression_garbage SET list = 0, not_before = $2 WHERE list = $1";
        on!(self, conn => sqlx::query(SQL).bind(list).bind(now).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Takes some due entries from the disk; false when there are none.
    pub async fn suppression_garbage_step(&mut self, now: i64, limit: i64) -> Result<bool, StoreError> {
        const NEXT: &str =
            "SELECT generation FROM suppression_garbage WHERE not_before <= $1 ORDER BY generation LIMIT 1";
        const DELETE: &str = "DELETE FROM suppression_entry WHERE (generation, key_hash, key) IN (
            SELECT generation, key_hash, key FROM suppression_entry WHERE generation = $1 LIMIT $2)";
        const DONE: &str = "DELETE FROM suppression_garbage WHERE generation = $1";
        let next: Option<i64> = on!(self, conn => sqlx::query_scalar(NEXT).bind(now).fetch_optional(conn).await?);
        let Some(generation) = next else { return Ok(false) };
        if on!(self, conn => sqlx::query(DELETE).bind(generation).bind(limit).execute(conn).await?.rows_affected()) == 0
        {
            on!(self, conn => sqlx::query(DONE).bind(generation).execute(conn).await?.rows_affected());
        }
        Ok(true)
    }

    /// The document of an opt-out list, so that people see and export it like any other.
    pub(crate) async fn opt_out_document(
        &mut self,
        tenant: i64,
        channel: Channel,
        id: Uuid,
        now: i64,
    ) -> Result<(), StoreError> {
        let label = match channel {
            Channel::Voice => "Voice",
            Channel::Sms => "SMS",
            Channel::Email => "Email",
        };
        let mut object = Object {
            id,
            name: format!("{label} opt-outs"),
            description: "Kept by the system: who asked not to be contacted.".into(),
            body: Json(json!({
                "type": "device", "channels": [channel.as_str()], "required": true, "retentionDays": null,
                "expiresAt": null, "optOuts": true,
            })),
            version: 1,
            created_at: now,
            created_by: "system".into(),
            updated_at: now,
            updated_by: "system".into(),
        };
        let done = self.object_insert(tenant, "suppression_list", &object).await;
        if let Err(StoreError::AlreadyExists(_)) = done {
            // somebody has a list of that name
            object.name = format!("{label} opt-outs {id}");
            return self.object_insert(tenant, "suppression_list", &object).await;
        }
        done
    }
}

/// Where entries come from that are opt-outs.
struct Made<'a> {
    /// [`crate::suppression::DEVICE`] or [`crate::suppression::CLIENT_ID`].
    kind: &'a str,
    /// Bits of the channels that the list suppresses.
    channels: i16,
    /// The import; 0 for none.
    import: i64,
}

/// An entry of an opt-out list as the ledger has it.
fn revocation(entry: &SuppressionEntry, made: &Made<'_>, policy: &ConsentPolicy) -> NewConsent {
    let channels: Vec<Channel> = Channel::ALL.into_iter().filter(|c| made.channels & c.bit() != 0).collect();
    let (key_kind, key) = match made.kind {
        crate::suppression::CLIENT_ID => (KeyKind::Client, PersonKey::ClientId(entry.key.clone())),
        _ => (KeyKind::Device, PersonKey::Address(entry.key.clone())),
    };
    let received = Timestamp::from_microsecond(entry.added_at).unwrap_or(Timestamp::UNIX_EPOCH);
    let terms = policy.shorten(terms_of(&key, &channels, received), received);
    NewConsent {
        key_kind,
        key_hash: entry.key_hash,
        key: entry.key.clone(),
        kind: ConsentKind::Express,
        revoked: true,
        channels,
        scope: ConsentScope::All,
        // an entry does not say when: what was consented to before it ends
        said_at: entry.added_at,
        received_at: entry.added_at,
        effective_at: entry.added_at,
        deadline: Some(terms.deadline.as_microsecond()),
        expires_at: None,
        source: entry.source.clone(),
        words: entry.reason.clone(),
        evidence: None,
        import: made.import,
        asked_for: None,
        lifts: true,
    }
}

//! Revoking, whatever way it comes: suppression and ledger in one transaction, at once, as far as the law reaches.
//! Owning service: whoever hears of it; the tables are written by their own modules.
use std::sync::LazyLock;

use cxc_core::channel::Channel;
use cxc_core::consent::{ConsentKind, ConsentScope, RevocationLaw, RevocationReach, RevocationTerms, SOURCE_KEYWORD};
use cxc_core::hash::HashKey;
use cxc_core::kind;
use jiff::Timestamp;
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use crate::consent::{KeyKind, NewConsent, StoredConsent};
use crate::object::Object;
use crate::privacy::PersonKey;
use crate::suppression::SuppressionEntry;
use crate::{StoreError, Tx, on};

/// Sources of opt-outs, as suppression entries and the ledger name them.
pub mod source {
    pub use cxc_core::consent::SOURCE_KEYWORD as KEYWORD;
    /// Free wording that is certain.
    pub const WORDING: &str = "wording";
    /// A message that may be an opt-out, until somebody has looked.
    pub const REVIEW: &str = "review";
    /// The link of an email, or the mail program's one click.
    pub const LINK: &str = "link";
    /// A complaint that a provider passed on.
    pub const COMPLAINT: &str = "complaint";
    /// The API or the command line.
    pub const API: &str = "api";
    /// The disposition of an agent or another system.
    pub const DISPOSITION: &str = "disposition";
    /// A file.
    pub const IMPORT: &str = "import";
}

/// A revocation. Times are microseconds.
#[derive(Debug, Clone)]
pub struct Revocation<'a> {
    /// Whose person.
    pub tenant: i64,
    /// By what the person is named.
    pub key: &'a PersonKey,
    /// The keyed hash of an address whose text is not known any more; then `key` is empty.
    pub hash: Option<i64>,
    /// The channels on which it came, or that the person named.
    pub channels: &'a [Channel],
    /// What the person named.
    pub scope: ConsentScope,
    /// It reaches at least so far, whatever the law says.
    pub reach: RevocationReach,
    /// When the person said so.
    pub said_at: i64,
    /// When we learned of it.
    pub received_at: i64,
    /// One of [`source`].
    pub source: &'a str,
    /// The person's words.
    pub words: Option<&'a str>,
    /// A reference to its proof.
    pub evidence: Option<&'a str>,
}

/// What a revocation came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Revoked {
    /// Suppression entries that were not there before: 0 if the person had opted out already.
    pub new_entries: i64,
    /// Entries of the ledger.
    pub ledger: usize,
    /// The channels that it ended.
    pub channels: Vec<Channel>,
    /// By when the law wants it to hold.
    pub deadline: i64,
    /// Until when the one confirmation may be sent.
    pub confirm_until: i64,
}

/// The law of revocations as it is shipped. A file that is wrong has stopped the start already; without any the
/// terms are the strictest.
static LAW: LazyLock<RevocationLaw> = LazyLock::new(|| RevocationLaw::shipped().unwrap_or_default());

/// What the law says of a revocation: by the countries that the address may be of. What is not known has the strictest
/// terms.
pub fn terms_of(key: &PersonKey, came_on: &[Channel], received: Timestamp) -> RevocationTerms {
    let countries: &[&str] = match key {
        PersonKey::Address(address) if address.starts_with('+') => match address.as_bytes() {
            [b'+', b'1', ..] => &["US", "CA"],
            [b'+', b'6', b'1', ..] => &["AU"],
            [b'+', b'6', b'4', ..] => &["NZ"],
            // no rule names them: the shortest deadline of all
            _ => &["other"],
        },
        _ => &[],
    };
    LAW.terms(countries, came_on, received)
}

impl Tx {
    /// Revokes: writes the suppression entries and the ledger. `new_id` names opt-out lists that are made by it.
    pub async fn opt_out(
        &mut self,
        hash: &HashKey,
        revocation: &Revocation<'_>,
        new_id: &(dyn Fn() -> Uuid + Sync),
        now: i64,
    ) -> Result<Revoked, StoreError> {
        let received = Timestamp::from_microsecond(revocation.received_at).unwrap_or(Timestamp::UNIX_EPOCH);
        let law = terms_of(revocation.key, revocation.channels, received);
        let terms = self.consent_policy(revocation.tenant).await?.shorten(law, received);
        // a topic or a brand that was named stays what was named; the law's reach is one of calls and texts
        let is_narrow = revocation.scope != ConsentScope::All;
        let is_email_only = revocation.channels.iter().all(|c| *c == Channel::Email);
        let by_law = if is_narrow || is_email_only { RevocationReach::AsSaid } else { terms.reach };
        let reach = by_law.max(revocation.reach);
        let channels = reach.channels(revocation.channels);
        let deadline = terms.deadline.as_microsecond();
        let (devices, clients) = self.opt_out_keys(hash, revocation, reach).await?;
        let mut new_entries = 0;
        if !is_narrow {
            for channel in &channels {
                let entries: Vec<SuppressionEntry> = devices
                    .iter()
                    .filter(|(key, _)| carries(*channel, key))
                    .map(|d| entry(d, revocation, now))
                    .collect();
                if !entries.is_empty() {
                    let list = self.suppression_opt_out_list(revocation.tenant, *channel, new_id(), now).await?;
                    new_entries += self.suppression_add(&list, &entries, 0).await?;
                }
            }
        }
        let of = |kind, keys: &[(String, i64)]| {
            let new = |(key, key_hash): &(String, i64)| NewConsent {
                key_kind: kind,
                key_hash: *key_hash,
                key: key.clone(),
                kind: ConsentKind::Express,
                revoked: true,
                channels: channels.clone(),
                scope: revocation.scope.clone(),
                said_at: revocation.said_at,
                received_at: revocation.received_at,
                effective_at: now,
                deadline: Some(deadline),
                expires_at: None,
                source: revocation.source.to_owned(),
                words: revocation.words.map(str::to_owned),
                evidence: revocation.evidence.map(str::to_owned),
                import: 0,
                asked_for: None,
                lifts: true,
            };
            keys.iter().map(new).collect::<Vec<_>>()
        };
        let mut ledger = of(KeyKind::Device, &devices);
        ledger.extend(of(KeyKind::Client, &clients));
        self.consent_insert(revocation.tenant, &ledger).await?;
        let confirm_until = terms.confirm_until.as_microsecond();
        Ok(Revoked { new_entries, ledger: ledger.len(), channels, deadline, confirm_until })
    }

    /// The addresses and client ids that a revocation is about.
    /// Whether this key was revoked with this evidence before: who is told twice what was said once hears nothing new.
    pub async fn opt_out_known(
        &mut self,
        tenant: i64,
        (kind, key_hash): (KeyKind, i64),
        channel: Channel,
        evidence: &str,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT EXISTS (SELECT 1 FROM consent WHERE tenant = $1 AND key_kind = $2 AND key_hash = $3
            AND revoked = 1 AND evidence = $4 AND source = $5 AND scope_kind = 0 AND (channels = 0 OR channels & $6 <> 0))";
        Ok(on!(self, conn => sqlx::query_scalar(SQL).bind(tenant).bind(kind.code()).bind(key_hash).bind(evidence)
            .bind(source::DISPOSITION).bind(channel.bit()).fetch_one(conn).await?))
    }

    async fn opt_out_keys(
        &mut self,
        hash: &HashKey,
        revocation: &Revocation<'_>,
        reach: RevocationReach,
    ) -> Result<(Vec<(String, i64)>, Vec<(String, i64)>), StoreError> {
        if let Some(known) = revocation.hash {
            return Ok((vec![(String::new(), known)], Vec::new()));
        }
        match revocation.key {
            PersonKey::Address(address) if !reach.is_of_person() => {
                Ok((vec![(address.clone(), hash.hash(revocation.tenant, address))], Vec::new()))
            }
            key => {
                let person = self.person_find(revocation.tenant, key, hash).await?;
                Ok((person.addresses, person.client_ids))
            }
        }
    }

    /// START: takes away what a word made, in the list of the channel and in the ledger; answers whether it was
    /// anything. What a person, a link, a complaint or a file put there stays.
    pub async fn opt_in_by_word(
        &mut self,
        tenant: i64,
        channel: Channel,
        address: &str,
        device: i64,
        words: &str,
        now: i64,
    ) -> Result<bool, StoreError> {
        let by_brand_or_topic = self.opted_out_by_word(tenant, channel, device).await?;
        let removed = self.opt_out_entry_remove(tenant, channel, address, device, now).await?;
        if !removed && !by_brand_or_topic {
            return Ok(false);
        }
        let grant = NewConsent {
            key_kind: KeyKind::Device,
            key_hash: device,
            key: address.to_owned(),
            kind: ConsentKind::Express,
            revoked: false,
            channels: vec![channel],
            scope: ConsentScope::All,
            said_at: now,
            received_at: now,
            effective_at: now,
            deadline: None,
            expires_at: None,
            source: SOURCE_KEYWORD.into(),
            words: Some(words.to_owned()),
            evidence: None,
            import: 0,
            asked_for: None,
            lifts: true,
        };
        self.consent_insert(tenant, &[grant]).await?;
        Ok(true)
    }

    /// Takes away the entry of the channel's list that a word made; answers whether there was one.
    async fn opt_out_entry_remove(
        &mut self,
        tenant: i64,
        channel: Channel,
        address: &str,
        device: i64,
        now: i64,
    ) -> Result<bool, StoreError> {
        let Some(list) = self.suppression_opt_out_list_if_any(tenant, channel).await? else { return Ok(false) };
        let wanted = SuppressionEntry {
            key_hash: device,
            key: address.to_owned(),
            from_at: None,
            until_at: None,
            reason: None,
            source: String::new(),
            added_at: now,
        };
        let present = self.suppression_present(list.generation, &[wanted]).await?;
        let by_word = |e: &SuppressionEntry| e.source == SOURCE_KEYWORD;
        let keys: Vec<(i64, String)> = present.into_iter().filter(by_word).map(|e| (e.key_hash, e.key)).collect();
        if keys.is_empty() {
            return Ok(false);
        }
        self.suppression_remove(&list, &keys).await?;
        Ok(true)
    }

    /// Whether a word ended a brand or a topic after the last word that brought messages back: no list has that.
    async fn opted_out_by_word(&mut self, tenant: i64, channel: Channel, device: i64) -> Result<bool, StoreError> {
        let entries = self.consents_of(tenant, &[device], &[]).await?;
        let by_word = entries.iter().filter_map(StoredConsent::event);
        let by_word = by_word.filter(|event| &*event.source == SOURCE_KEYWORD && event.on(channel));
        let last = by_word.max_by_key(|event| event.at);
        Ok(last.is_some_and(|event| event.revoked && event.scope != ConsentScope::All))
    }
}

impl Tx {
    /// A tenant's own words for stop, help and start; nothing if it has none of its own.
    pub async fn opt_out_words(&mut self, tenant: i64) -> Result<Option<Value>, StoreError> {
        Ok(self.object_all(tenant, kind::OPT_OUT_WORDS).await?.pop().map(|object| object.body.0))
    }

    /// Sets them.
    pub async fn opt_out_words_set(
        &mut self,
        tenant: i64,
        id: Uuid,
        words: Value,
        by: &str,
        now: i64,
    ) -> Result<(), StoreError> {
        let Some(mut own) = self.object_all(tenant, kind::OPT_OUT_WORDS).await?.pop() else {
            let object = Object {
                id,
                name: "Opt-out words".into(),
                description: String::new(),
                body: Json(words),
                version: 1,
                created_at: now,
                created_by: by.into(),
                updated_at: now,
                updated_by: by.into(),
            };
            return self.object_insert(tenant, kind::OPT_OUT_WORDS, &object).await;
        };
        own.body = Json(words);
        own.version += 1;
        own.updated_at = now;
        own.updated_by = by.into();
        if self.object_update(tenant, kind::OPT_OUT_WORDS, &own).await? {
            Ok(())
        } else {
            Err(StoreError::AlreadyExists(kind::OPT_OUT_WORDS))
        }
    }
}

/// Whether an address is reached by a channel. An erased one, whose kind is not known, counts for each.
pub(crate) fn carries(channel: Channel, address: &str) -> bool {
    address.is_empty() || (address.contains('@') == (channel == Channel::Email))
}

fn entry((key, key_hash): &(String, i64), revocation: &Revocation<'_>, now: i64) -> SuppressionEntry {
    SuppressionEntry {
        key_hash: *key_hash,
        key: key.clone(),
        from_at: None,
        until_at: None,
        reason: Some("opted out".into()),
        source: revocation.source.to_owned(),
        added_at: now,
    }
}

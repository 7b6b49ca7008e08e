//! Opt-outs and opt-ins, whatever way they come: they change the tenant's own suppression list of the channel.
use cxc_core::channel::Channel;
use cxc_store::suppression::SuppressionEntry;
use cxc_store::{StoreError, Tx};
use uuid::Uuid;

/// How somebody opted out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// By a word in a message.
    Keyword,
    /// By the link in an email.
    Link,
}

impl Source {
    fn as_str(self) -> &'static str {
        match self {
            Source::Keyword => "keyword",
            Source::Link => "link",
        }
    }
}

/// Puts a device on the tenant's opt-out list of a channel; true if it was not there yet. `list_id` names
/// the list if this is the first opt-out.
#[expect(clippy::too_many_arguments, reason = "they are the entry")]
pub async fn add(
    tx: &mut Tx,
    list_id: Uuid,
    tenant: i64,
    channel: Channel,
    address: &str,
    device: i64,
    source: Source,
    now: i64,
) -> Result<bool, StoreError> {
    let list = tx.suppression_opt_out_list(tenant, channel, list_id, now).await?;
    let entry = SuppressionEntry {
        key_hash: device,
        key: address.to_owned(),
        from_at: None,
        until_at: None,
        reason: Some("opted out".into()),
        source: source.as_str().into(),
        added_at: now,
    };
    Ok(tx.suppression_add(&list, &[entry], 0).await? == 1)
}

/// Takes a device from the tenant's opt-out list of a channel, if a word had put it there: what a person or
/// a link or an import put there stays.
pub async fn remove(
    tx: &mut Tx,
    list_id: Uuid,
    tenant: i64,
    channel: Channel,
    address: &str,
    device: i64,
    now: i64,
) -> Result<(), StoreError> {
    let list = tx.suppression_opt_out_list(tenant, channel, list_id, now).await?;
    let wanted = SuppressionEntry {
        key_hash: device,
        key: address.to_owned(),
        from_at: None,
        until_at: None,
        reason: None,
        source: String::new(),
        added_at: now,
    };
    let present = tx.suppression_present(list.generation, &[wanted]).await?;
    let by_word = |e: &SuppressionEntry| e.source == Source::Keyword.as_str();
    let keys: Vec<(i64, String)> = present.into_iter().filter(by_word).map(|e| (e.key_hash, e.key)).collect();
    if !keys.is_empty() {
        tx.suppression_remove(&list, &keys).await?;
    }
    Ok(())
}

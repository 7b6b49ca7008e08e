//! Opt-outs in people's own messages: what a message means, and what follows from it in the store.
use std::time::Duration;

use cxc_core::campaign::CampaignGroupBody;
use cxc_core::channel::Channel;
use cxc_core::consent::{ConsentScope, RevocationReach};
use cxc_core::kind;
use cxc_core::opt_out::wording::{Certainty, Wording, WordingHit};
use cxc_core::opt_out::{Keyword, KeywordSet, Keywords, WordScope};
use cxc_server::App;
use cxc_store::opt_out::{Revocation, source};
use cxc_store::opt_out_review::NewReview;
use cxc_store::privacy::PersonKey;
use cxc_store::suppression::SuppressionEntry;
use cxc_store::{StoreError, Tx};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::sender::SenderContext;

/// What is kept with the attempt of who wants no more calls, where nobody names another disposition.
pub const DO_NOT_CALL: &str = "DO_NOT_CALL";

/// Ends calls to a number, as the person asked for in a call: suppression and the ledger of consents, as far as the law
/// reaches.
pub async fn forbid_calls(app: &App, tenant: i64, attempt: &str, number: String) -> Result<(), StoreError> {
    let now = app.now();
    let key = PersonKey::Address(number);
    let revocation = Revocation {
        tenant,
        key: &key,
        hash: None,
        channels: &[Channel::Voice],
        scope: ConsentScope::All,
        reach: RevocationReach::AsSaid,
        said_at: now,
        received_at: now,
        source: source::DISPOSITION,
        words: None,
        evidence: Some(attempt),
    };
    let ids = app.ids.clone();
    let mut tx = app.db.begin().await?;
    tx.opt_out(&app.hash_key, &revocation, &move || ids.next(), now).await?;
    tx.commit().await
}

/// The wish of who wants no more calls, in logs.
pub const DO_NOT_CALL_SAID: &str = "a do-not-call";
/// What can't be written is tried again so often ...
const TRIES: u32 = 300;
/// ... and after this time.
const AGAIN: Duration = Duration::from_secs(2);

/// Writes what somebody said on the phone, again and again for ten minutes if it must be: it holds even if the call is
/// over. False if it was lost; `call` names the call for who has to mend that.
pub async fn write_said<F>(what: &str, call: &str, write: impl Fn() -> F) -> bool
where
    F: Future<Output = Result<(), StoreError>>,
{
    for _ in 0..TRIES {
        match write().await {
            Ok(()) => return true,
            Err(error) => tracing::warn!(call, what, %error, "what was said in a call can't be written yet"),
        }
        tokio::time::sleep(AGAIN).await;
    }
    tracing::error!(call, what, "what was said in a call was lost: somebody has to enter it");
    false
}

/// Attempts on a device that are looked through for the message that a word answers.
const NEWEST: i64 = 50;

/// What a message means.
#[derive(Debug, Clone, Copy)]
pub enum Meaning<'a> {
    /// It is one of the words.
    Word {
        /// What the word asks for.
        keyword: Keyword,
        /// Whether it ends everything on every channel.
        ends_all: bool,
        /// How far it reaches otherwise.
        scope: WordScope,
    },
    /// Its wording asks for an end, or may do so.
    Wording(WordingHit<'a>),
    /// Anything else.
    Other,
}

/// A message of a person.
#[derive(Clone, Copy)]
pub struct Heard<'a> {
    /// Whose person.
    pub tenant: i64,
    /// How it came.
    pub channel: Channel,
    /// The person's address.
    pub from: &'a str,
    /// Its keyed hash.
    pub device: i64,
    /// What it says.
    pub text: &'a str,
    /// When it came.
    pub now: i64,
}

/// What a message means by the tenant's own words, else the shipped ones, else its wording.
pub async fn meaning<'a>(
    tx: &mut Tx,
    context: &'a SenderContext,
    tenant: i64,
    text: &str,
) -> Result<Meaning<'a>, StoreError> {
    let own = own_words(tx, tenant).await?;
    let words = own.as_ref().unwrap_or(&context.keywords);
    if let Some(keyword) = words.classify(text) {
        return Ok(Meaning::Word { keyword, ends_all: words.ends_all(text), scope: words.scope() });
    }
    let wording = Wording::shipped().map_err(|error| StoreError::Corrupt(error.to_string()))?;
    Ok(wording.classify(text).map_or(Meaning::Other, Meaning::Wording))
}

/// The tenant's own words. Some that can't be read are as none: the words that carriers name always stop.
async fn own_words(tx: &mut Tx, tenant: i64) -> Result<Option<Keywords>, StoreError> {
    let Some(body) = tx.opt_out_words(tenant).await? else { return Ok(None) };
    match serde_json::from_value::<KeywordSet>(body) {
        Ok(set) => Ok(Some(Keywords::new(&set))),
        Err(error) => {
            tracing::warn!(%error, tenant, "the opt-out words of a tenant can't be read: the shipped ones hold");
            Ok(None)
        }
    }
}

/// Does what an opt-out asks for; answers whether it is to be confirmed: the first certain one.
pub async fn hear(tx: &mut Tx, app: &App, heard: &Heard<'_>, meaning: &Meaning<'_>) -> Result<bool, StoreError> {
    let (source, ends_all, scope) = match meaning {
        Meaning::Word { ends_all: true, .. } => (source::KEYWORD, true, ConsentScope::All),
        Meaning::Word { scope, .. } => (source::KEYWORD, false, answered(tx, heard, scope).await?),
        Meaning::Wording(hit) if hit.certainty == Certainty::Certain => (source::WORDING, false, ConsentScope::All),
        Meaning::Wording(hit) => return review(tx, app, heard, hit).await.map(|()| false),
        Meaning::Other => return Ok(false),
    };
    let revocation = Revocation {
        tenant: heard.tenant,
        key: &PersonKey::Address(heard.from.to_owned()),
        hash: None,
        channels: &[heard.channel],
        scope,
        reach: if ends_all { RevocationReach::All } else { RevocationReach::AsSaid },
        said_at: heard.now,
        received_at: heard.now,
        source,
        words: Some(heard.text),
        evidence: None,
    };
    let ids = app.ids.clone();
    let revoked = tx.opt_out(&app.hash_key, &revocation, &move || ids.next(), heard.now).await?;
    Ok(revoked.new_entries > 0 && app.now() < revoked.confirm_until)
}

/// What a word ends by the scope of words: the brand or topic of the newest message of a campaign to the person, which it
/// answers. Where that is not known, everything on the channel.
async fn answered(tx: &mut Tx, heard: &Heard<'_>, scope: &WordScope) -> Result<ConsentScope, StoreError> {
    let today = Timestamp::from_microsecond(heard.now).unwrap_or_default().to_zoned(TimeZone::UTC).date();
    if !scope.is_narrow(today) {
        return Ok(ConsentScope::All);
    }
    let Some(body) = answered_group(tx, heard.tenant, heard.channel, heard.device).await? else {
        return Ok(ConsentScope::All);
    };
    let about = body.settings.unwrap_or_default().compliance;
    Ok(scope.answers(about.topic.as_deref(), about.brand.as_deref(), today))
}

/// The campaign group whose message to a device was the newest on a channel: a message of the person answers it.
pub async fn answered_group(
    tx: &mut Tx,
    tenant: i64,
    channel: Channel,
    device: i64,
) -> Result<Option<CampaignGroupBody>, StoreError> {
    let attempts = tx.attempt_of_device(tenant, device, NEWEST).await?;
    let last = attempts.iter().find(|attempt| attempt.grp > 0 && attempt.channel == channel.bit());
    let Some(last) = last else { return Ok(None) };
    let Some(group) = tx.group_by_number(last.grp, false).await? else { return Ok(None) };
    let Some(object) = tx.object_get(tenant, kind::CAMPAIGN_GROUP, group.id).await? else { return Ok(None) };
    Ok(Some(serde_json::from_value(object.body.0)?))
}

/// Suppresses the address and asks somebody to look. The ledger gets its entry with the decision.
async fn review(tx: &mut Tx, app: &App, heard: &Heard<'_>, hit: &WordingHit<'_>) -> Result<(), StoreError> {
    let list = tx.suppression_opt_out_list(heard.tenant, heard.channel, app.ids.next(), heard.now).await?;
    let entry = SuppressionEntry {
        key_hash: heard.device,
        key: heard.from.to_owned(),
        from_at: None,
        until_at: None,
        reason: Some("may have opted out".into()),
        source: source::REVIEW.into(),
        added_at: heard.now,
    };
    tx.suppression_add(&list, &[entry], 0).await?;
    let new = NewReview {
        channel: heard.channel.bit(),
        key_hash: heard.device,
        key: heard.from,
        words: heard.text,
        language: hit.language,
        rule: i64::try_from(hit.line).unwrap_or(0),
        received_at: heard.now,
    };
    tx.opt_out_review_insert(heard.tenant, &new).await?;
    Ok(())
}

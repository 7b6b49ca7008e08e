//! A person's own message: words that opt out, ask for help or opt in, and free wording. An opt-out binds at once;
//! what may be one binds too, and waits for somebody to look.
use std::sync::Arc;

use cxc_core::channel::Channel;
use cxc_core::hash::HashKey;
use cxc_core::opt_out::Keyword;
use cxc_core::opt_out::wording::Certainty;
use cxc_store::attempt::{NewAttempt, month_of};
use cxc_store::id_block::Numbered;
use cxc_store::lease::Lease;
use cxc_store::{StoreError, Tx};

use super::SenderContext;
use super::plan::{Plans, content_of};
use super::prepare::reference;
use super::written::writers;
use crate::channel::{Body, Carrier, Inbound, OutMessage, Outcome, SmsBody};
use crate::content::{CompiledContent, Fields, confirmation};
use crate::opt_out::{self, Heard, Meaning};

/// Handles one message of a person. Once it answers, the message is durable; what is to be sent to the person comes back.
pub async fn message_in(
    context: &SenderContext,
    plans: &Plans,
    lease: &Lease,
    event: &Inbound,
) -> Result<Option<(NewAttempt, OutMessage)>, StoreError> {
    let Inbound::Message { from, to, text, provider_id } = event else { return Ok(None) };
    let now = context.now();
    let mut tx = context.app.db.begin().await?;
    tx.lease_check(lease).await?;
    let writers = writers(&mut tx, context, plans, from).await?;
    let Some(from) = writers.first() else { return Ok(None) };
    let device = context.app.hash_key.hash(plans.tenant, from);
    let meaning = opt_out::meaning(&mut tx, context, plans.tenant, text).await?;
    let kind = match meaning {
        Meaning::Word { keyword: Keyword::OptOut, .. } => "opt_out",
        Meaning::Wording(hit) if hit.certainty == Certainty::Certain => "opt_out",
        Meaning::Wording(_) => "opt_out_review",
        Meaning::Word { keyword: Keyword::Help, .. } => "help",
        Meaning::Word { keyword: Keyword::OptIn, .. } => "opt_in",
        Meaning::Other => "reply",
    };
    // a carrier may bring a message twice; it is acted on once
    let is_new = tx.inbound_insert(plans.number, plans.tenant, plans.channel, provider_id, device, kind, now).await?;
    let own = context.app.config.public_base_url.as_str();
    let mut answer = None;
    if is_new {
        let heard = Heard { tenant: plans.tenant, channel: plans.channel, from, device, text, now };
        match meaning {
            Meaning::Word { keyword: Keyword::Help, .. } => {
                let content = answered(&mut tx, plans, device).await?;
                answer = Some(text_for(plans, content.as_ref(), Keyword::Help, own));
            }
            // who may be somebody else gives nobody's consent
            Meaning::Word { keyword: Keyword::OptIn, .. } if writers.len() > 1 => {}
            Meaning::Word { keyword: Keyword::OptIn, .. } => {
                tx.opt_in_by_word(plans.tenant, plans.channel, from, device, text, now).await?;
            }
            Meaning::Other => {}
            Meaning::Word { keyword: Keyword::OptOut, .. } | Meaning::Wording(_) => {
                let is_first = opt_out::hear(&mut tx, &context.app, &heard, &meaning).await?;
                for from in &writers[1..] {
                    let heard = Heard { from, device: context.app.hash_key.hash(plans.tenant, from), ..heard };
                    opt_out::hear(&mut tx, &context.app, &heard, &meaning).await?;
                }
                context
                    .metrics
                    .opt_outs
                    .with_label_values(&[plans.channel.as_str(), &plans.labels.ccid, &plans.labels.name])
                    .inc();
                // one confirmation, then silence
                if is_first {
                    let content = answered(&mut tx, plans, device).await?;
                    answer = Some(text_for(plans, content.as_ref(), Keyword::OptOut, own));
                }
            }
        }
    }
    let message = match answer.filter(|_| plans.channel == Channel::Sms) {
        Some(text) => {
            Some(answer_attempt(&mut tx, &context.app.hash_key, plans, lease, device, from, to, text, now).await?)
        }
        None => None,
    };
    tx.commit().await?;
    Ok(message)
}

/// Sends the answer to a person's message.
pub async fn send(
    context: &SenderContext,
    (attempt, message): (NewAttempt, OutMessage),
    carrier: &dyn Carrier,
) -> Result<(), StoreError> {
    let outcome = carrier.send(message).await;
    store_answer(context, attempt, &outcome).await
}

/// The content of the message that a device's owner answers: its group may be over.
async fn answered(tx: &mut Tx, plans: &Plans, device: i64) -> Result<Option<Arc<CompiledContent>>, StoreError> {
    let Some(body) = opt_out::answered_group(tx, plans.tenant, plans.channel, device).await? else { return Ok(None) };
    let (content, _) = content_of(tx, plans.tenant, plans.channel, &body.settings.unwrap_or_default(), None).await?;
    Ok(content.ok().flatten())
}

/// What the tenant answers: from the content that is answered, else from that of a loaded group, else a plain sentence. A
/// confirmation that advertises or leads elsewhere, by a field of it or of before that was refused, is not sent.
fn text_for(plans: &Plans, answered: Option<&Arc<CompiledContent>>, keyword: Keyword, own: &str) -> String {
    let loaded = plans.groups.iter().filter_map(|g| g.content.as_ref().ok()?.as_ref());
    let contents = answered.into_iter().chain(loaded);
    let answer = |content: &Arc<CompiledContent>| match keyword {
        Keyword::Help => content.render_help(Fields::default()),
        _ => content.render_opt_out(Fields::default()),
    };
    let may_be_sent = |text: &String| keyword != Keyword::OptOut || confirmation::problem(text, own).is_none();
    let texts = contents.filter_map(answer).filter_map(Result::ok).map(|body| body.text);
    let text = texts.into_iter().find(may_be_sent);
    text.unwrap_or_else(|| match keyword {
        Keyword::Help => "Reply STOP to end these messages.".into(),
        _ => "You will get no more messages from us.".into(),
    })
}

/// The durable attempt of an answer. It belongs to no group, so no attempt rule counts it.
#[expect(clippy::too_many_arguments, reason = "they are the attempt")]
async fn answer_attempt(
    tx: &mut Tx,
    key: &HashKey,
    plans: &Plans,
    lease: &Lease,
    device: i64,
    person: &str,
    ours: &str,
    text: String,
    now: i64,
) -> Result<(NewAttempt, OutMessage), StoreError> {
    let id = tx.id_block_take(Numbered::Attempt, 1).await?;
    let attempt = NewAttempt {
        tenant: plans.tenant,
        month: month_of(now),
        id,
        grp: 0,
        record: 0,
        list: 0,
        contact: 0,
        account: plans.number,
        epoch: lease.token,
        channel: plans.channel.bit(),
        position: 0,
        device_hash: device,
        client_hash: None,
        location: 0,
        rule_set: 0,
        regions: None,
        started_at: now,
    };
    tx.in_flight_insert(std::slice::from_ref(&attempt)).await?;
    let parts = u16::try_from(cxc_core::sms::count(&text).parts).unwrap_or(u16::MAX);
    let body = Body::Sms(SmsBody { text, parts });
    let reference = reference(key, plans.tenant, id);
    let message = OutMessage { attempt: id, reference, from: ours.to_owned(), to: person.to_owned(), body };
    Ok((attempt, message))
}

async fn store_answer(context: &SenderContext, attempt: NewAttempt, outcome: &Outcome) -> Result<(), StoreError> {
    let (tenant, id) = (attempt.tenant, attempt.id);
    let made = attempt.made(super::outcome::stored(outcome, context.now()));
    let mut tx = context.app.db.begin().await?;
    tx.attempt_insert(&[made]).await?;
    tx.in_flight_delete_answers(tenant, &[id]).await?;
    tx.commit().await
}

//! Starts a sender for each channel account that has work, where no other process has one.
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cxc_core::channel::Channel;
use cxc_store::StoreError;
use cxc_store::lease::Lease;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::SenderContext;
use super::account::{AccountSender, AccountStart, SenderError};
use super::plan::Plans;
use crate::channel::voice::VoiceCarrier;
use crate::channel::{self, Carrier, ConnectError, InboundSender};

const LOOK: Duration = Duration::from_millis(500);
/// The months of attempts are looked after so often; each look makes two ahead.
const MONTHS: Duration = Duration::from_secs(6 * 3_600);
/// An account of another component is looked at again after this time.
const FOREIGN: Duration = Duration::from_secs(30);
/// Events that wait for the engine; more slow the carrier down.
const INBOUND_ROOM: usize = 1_000;

/// Runs senders until it is told to stop; waits for each to finish what it began.
pub async fn supervise(context: SenderContext, stop: CancellationToken) {
    let mut senders: JoinSet<(i64, Result<(), SenderError>)> = JoinSet::new();
    let mut running: HashMap<i64, tokio::task::Id> = HashMap::new();
    let mut foreign = Foreign::default();
    let mut months: Option<Instant> = None;
    while !stop.is_cancelled() {
        if months.is_none_or(|at| at.elapsed() >= MONTHS) {
            months = make_months(&context).await;
        }
        match start_wanted(&context, &mut senders, (&mut running, &mut foreign), &stop).await {
            Ok(()) => context.metrics.healthy.with_label_values::<&str>(&[]).set(1.0),
            Err(error) => {
                context.metrics.healthy.with_label_values::<&str>(&[]).set(0.0);
                tracing::warn!(%error, "senders can't be started");
            }
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(LOOK) => {}
            Some(ended) = senders.join_next_with_id() => forget(&mut running, &ended),
        }
    }
    while let Some(ended) = senders.join_next_with_id().await {
        forget(&mut running, &ended);
    }
}

/// Makes the months of attempts that lie ahead; `None` where that must be tried again.
async fn make_months(context: &SenderContext) -> Option<Instant> {
    match context.app.db.attempt_partitions(context.now()).await {
        Ok(()) => Some(Instant::now()),
        Err(error) => {
            // attempts go to the default month until it is possible
            tracing::warn!(%error, "months of attempts can't be made");
            None
        }
    }
}

type Ended = Result<(tokio::task::Id, (i64, Result<(), SenderError>)), tokio::task::JoinError>;

fn forget(running: &mut HashMap<i64, tokio::task::Id>, ended: &Ended) {
    let id = match ended {
        Ok((id, (account, Ok(())))) => {
            tracing::info!(account, reason = "nothing left to do, or the process stops", "a sender stops");
            *id
        }
        Ok((id, (account, Err(error)))) => {
            tracing::error!(account, %error, "a sender ended");
            *id
        }
        Err(error) => {
            tracing::error!(%error, "a sender failed");
            error.id()
        }
    };
    running.retain(|_, task| *task != id);
}

async fn start_wanted(
    context: &SenderContext,
    senders: &mut JoinSet<(i64, Result<(), SenderError>)>,
    (running, foreign): (&mut HashMap<i64, tokio::task::Id>, &mut Foreign),
    stop: &CancellationToken,
) -> Result<(), StoreError> {
    let accounts = context.app.db.read().await?.channel_accounts().await?;
    for (number, tenant, id) in accounts {
        if running.contains_key(&number) || foreign.has(number) {
            continue;
        }
        let Some(start) = start(context, foreign, (tenant, number, id)).await? else { continue };
        let sender = AccountSender::new(context.clone(), start);
        let stop = stop.child_token();
        let task = senders.spawn(async move { (number, sender.run(stop).await) });
        running.insert(number, task.id());
    }
    Ok(())
}

/// The way out of an account: calls are placed by the dialer, all else is sent by the dial manager.
fn open(
    context: &SenderContext,
    plans: &Plans,
    lease: &Lease,
    events: InboundSender,
) -> Result<Arc<dyn Carrier>, ConnectError> {
    if let Some(kit) = &context.calls {
        let carrier = VoiceCarrier::start(context.app.clone(), Arc::clone(kit), plans, lease.token)?;
        return Ok(Arc::new(carrier));
    }
    let clock = context.app.clock.clone();
    let now = Arc::new(move || clock.now().as_microsecond());
    channel::open(&plans.account, events, now, &context.app.channel_reach)
}

/// Accounts that another component sends by. Their kind may change: each is looked at again now and then.
#[derive(Default)]
struct Foreign(HashMap<i64, Instant>);

impl Foreign {
    fn note(&mut self, account: i64) {
        self.0.insert(account, Instant::now());
    }

    fn has(&self, account: i64) -> bool {
        self.0.get(&account).is_some_and(|at| at.elapsed() < FOREIGN)
    }
}

/// Takes an account's lease and connects, if it has work and nobody else sends for it.
async fn start(
    context: &SenderContext,
    foreign: &mut Foreign,
    (tenant, number, id): (i64, i64, Uuid),
) -> Result<Option<AccountStart>, StoreError> {
    let Some(plans) = Plans::load(context, tenant, number, id).await? else { return Ok(None) };
    let is_ours = (plans.channel == Channel::Voice) == context.calls.is_some();
    if !is_ours {
        foreign.note(number);
    }
    if !plans.is_wanted || !is_ours {
        return Ok(None);
    }
    let mut tx = context.app.db.begin().await?;
    // each start is a holder of its own: what an earlier one of this process left behind is an orphan
    let holder = format!("{}/{}", context.holder, context.app.ids.next());
    let lease = tx.lease_acquire(&format!("sender:{number}"), &holder, context.lease_micros()).await?;
    tx.commit().await?;
    let Some(lease) = lease else { return Ok(None) };
    let (events, inbound) = channel::inbound_channel(INBOUND_ROOM);
    match open(context, &plans, &lease, events) {
        Ok(carrier) => {
            tracing::info!(account = number, tenant, id = %id, groups = plans.groups.len(), "a sender starts");
            Ok(Some(AccountStart { lease, carrier, inbound, plans }))
        }
        Err(error) => {
            tracing::error!(account = number, %error, "a channel account can't be used");
            let mut tx = context.app.db.begin().await?;
            tx.lease_release(&lease).await?;
            tx.commit().await?;
            Ok(None)
        }
    }
}

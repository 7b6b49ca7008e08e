//! What comes in: delivery receipts and people's own messages. Each is answered to the carrier only after
//! its commit, so that the carrier brings it again after a crash.
use std::collections::HashMap;

use cxc_core::attempt::AttemptState;
use cxc_core::device::DeviceKind;
use cxc_core::enumerations::CallResult;
use cxc_core::record::RecordStatus;
use cxc_core::treatment::Treatment;
use cxc_store::attempt::{Attempt, AttemptUpdate};
use cxc_store::contact::Device;
use cxc_store::counter::Deltas;
use cxc_store::lease::Lease;
use cxc_store::record::{Record, RecordChange};
use cxc_store::{StoreError, Tx};

use super::SenderContext;
use super::outcome::after_result;
use super::plan::Plans;
use super::reply;
use crate::channel::{Carrier, Inbound, InboundEvent, ReceiptState};

/// A receipt can overtake the commit of its own message's acceptance: it is tried again for so long.
const RECEIPT_PATIENCE: i64 = 5_000_000;

/// Handles what came in; what is too early stays in the inbox.
pub async fn handle(
    context: &SenderContext,
    plans: &Plans,
    lease: &Lease,
    inbox: &mut Vec<InboundEvent>,
    carrier: &dyn Carrier,
) -> Result<(), StoreError> {
    let (receipts, messages): (Vec<_>, Vec<_>) =
        inbox.drain(..).partition(|e| matches!(e.event, Inbound::Receipt { .. }));
    let early = receipts_in(context, plans, lease, receipts).await?;
    inbox.extend(early);
    for message in messages {
        let InboundEvent { event, ack } = message;
        match reply::message_in(context, plans, lease, &event).await {
            Ok(answer) => {
                ack.done();
                if let Some(answer) = answer {
                    reply::send(context, answer, carrier).await?;
                }
            }
            Err(error) if error.is_bad_value() => {
                set_aside(context, plans, &error);
                ack.done();
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// One event that the store refuses ends neither the sender nor takes others with it. The carrier is not asked for it
/// again, since it would bring the same.
fn set_aside(context: &SenderContext, plans: &Plans, error: &StoreError) {
    let labels = [plans.channel.as_str(), &plans.labels.ccid, &plans.labels.name];
    context.metrics.failed.with_label_values(&labels).inc();
    tracing::error!(account = plans.number, %error, "an event of a carrier can't be stored and was set aside");
}

/// Stores receipts, together where that is possible; answers those that are too early.
async fn receipts_in(
    context: &SenderContext,
    plans: &Plans,
    lease: &Lease,
    events: Vec<InboundEvent>,
) -> Result<Vec<InboundEvent>, StoreError> {
    let early = match receipts_stored(context, plans, lease, &events).await {
        Err(error) if error.is_bad_value() => {
            let mut early = Vec::with_capacity(events.len());
            for event in &events {
                early.extend(match receipts_stored(context, plans, lease, std::slice::from_ref(event)).await {
                    Err(error) if error.is_bad_value() => {
                        set_aside(context, plans, &error);
                        vec![false]
                    }
                    stored => stored?,
                });
            }
            early
        }
        stored => stored?,
    };
    let mut waiting = Vec::new();
    for (event, is_early) in events.into_iter().zip(early) {
        if is_early { waiting.push(event) } else { event.ack.done() }
    }
    Ok(waiting)
}

/// Stores receipts; answers for each whether it is too early.
async fn receipts_stored(
    context: &SenderContext,
    plans: &Plans,
    lease: &Lease,
    events: &[InboundEvent],
) -> Result<Vec<bool>, StoreError> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let now = context.now();
    let ids: Vec<&str> = events.iter().filter_map(|e| receipt_id(&e.event)).collect();
    let mut tx = context.app.db.begin().await?;
    tx.lease_check(lease).await?;
    let mut attempts: HashMap<String, Attempt> = tx
        .attempt_by_provider(plans.number, &ids)
        .await?
        .into_iter()
        .filter_map(|a| a.provider_id.clone().map(|id| (id, a)))
        .collect();
    let mut settled = Vec::new();
    let mut early = Vec::with_capacity(events.len());
    for event in events {
        early.push(false);
        let Inbound::Receipt { provider_id, reference, address, state, at } = &event.event else { continue };
        let attempt = match attempts.remove(provider_id) {
            Some(attempt) => Some(attempt),
            None => doubted(&mut tx, context, plans, *reference, address).await?,
        };
        match (attempt, result_of(state)) {
            (Some(attempt), Some(result)) => settled.push((attempt, result, provider_id.clone())),
            // a receipt that nobody knows after a while belongs to somebody else's message
            (None, Some(_)) if now - at < RECEIPT_PATIENCE => {
                early.pop();
                early.push(true);
            }
            _ => {}
        }
    }
    apply(&mut tx, plans, lease, &settled, now).await?;
    tx.commit().await?;
    Ok(early)
}

fn receipt_id(event: &Inbound) -> Option<&str> {
    match event {
        Inbound::Receipt { provider_id, .. } => Some(provider_id),
        Inbound::Message { .. } => None,
    }
}

/// The call result of a receipt; `None` while it is not final.
fn result_of(state: &ReceiptState) -> Option<CallResult> {
    match state {
        ReceiptState::Delivered => Some(CallResult::Ok),
        ReceiptState::Failed { permanent: true, .. } => Some(CallResult::WrongNumber),
        ReceiptState::Failed { .. } => Some(CallResult::GeneralError),
        ReceiptState::Buffered | ReceiptState::Unknown => None,
    }
}

/// An attempt in doubt that a receipt settles: it carries our reference and the address fits.
async fn doubted(
    tx: &mut Tx,
    context: &SenderContext,
    plans: &Plans,
    reference: Option<u16>,
    address: &str,
) -> Result<Option<Attempt>, StoreError> {
    let Some(reference) = reference else { return Ok(None) };
    let device = context.app.hash_key.hash(plans.tenant, address);
    let found = tx.attempt_in_doubt(plans.number, &[device]).await?;
    Ok(found.into_iter().find(|a| a.id & 0xffff == i64::from(reference)))
}

/// Writes results of attempts that were accepted or in doubt, and moves their records on.
pub async fn apply(
    tx: &mut Tx,
    plans: &Plans,
    lease: &Lease,
    settled: &[(Attempt, CallResult, String)],
    now: i64,
) -> Result<(), StoreError> {
    // a final attempt keeps its result: receipts are brought more than once
    let open: Vec<_> = settled.iter().filter(|(a, ..)| a.state != AttemptState::Final.code()).collect();
    let updates: Vec<AttemptUpdate> = open
        .iter()
        .map(|(a, result, provider_id)| AttemptUpdate {
            month: a.month,
            id: a.id,
            state: AttemptState::Final.code(),
            result: Some(result.code()),
            provider_id: (!provider_id.is_empty()).then(|| provider_id.clone()),
            detail: None,
            finished_at: Some(now),
        })
        .collect();
    tx.attempt_update(plans.tenant, &updates).await?;
    let mut by_group: HashMap<i64, Vec<i64>> = HashMap::new();
    for (a, ..) in open.iter().filter(|(a, ..)| a.grp > 0) {
        by_group.entry(a.grp).or_default().push(a.record);
    }
    let results: HashMap<(i64, i64), (CallResult, i64)> =
        open.iter().map(|(a, result, _)| ((a.grp, a.record), (*result, a.id))).collect();
    let mut changes: Vec<RecordChange> = Vec::new();
    for (grp, ids) in by_group {
        let default = Treatment::default();
        let treatment = plans.group(grp).map_or(&default, |p| &p.settings.treatment);
        let records = tx.record_get_many(grp, &ids).await?;
        let devices = devices_of(tx, plans, &records, &results).await?;
        for record in records {
            let Some((result, attempt)) = results.get(&(grp, record.id)) else { continue };
            if awaits(&record, *attempt) {
                let usable = devices.get(&record.id).map_or(&[][..], Vec::as_slice);
                changes.push(after_result(&record, treatment, *result, usable, now));
            }
        }
    }
    let mut deltas = Deltas::default();
    tx.record_apply(&changes, lease.token, now, &mut deltas).await?;
    tx.record_counters_add(plans.number, &deltas).await
}

/// The positions of the devices of contacts whose message failed: a next one may be tried.
async fn devices_of(
    tx: &mut Tx,
    plans: &Plans,
    records: &[Record],
    results: &HashMap<(i64, i64), (CallResult, i64)>,
) -> Result<HashMap<i64, Vec<i16>>, StoreError> {
    let failed = |r: &&Record| results.get(&(r.grp, r.id)).is_some_and(|(result, _)| *result != CallResult::Ok);
    let keys: Vec<(i64, i64)> = records.iter().filter(failed).map(|r| (r.list, r.id)).collect();
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let kind = DeviceKind::for_channel(plans.channel).code();
    let contacts = tx.contacts_of_lists(plans.tenant, &keys).await?;
    let positions = |devices: Vec<Device>| devices.into_iter().filter(|d| d.kind == kind).map(|d| d.position).collect();
    Ok(contacts.into_iter().map(|(_, c)| (c.contact.id, positions(c.devices))).collect())
}

/// Whether a record still stands where this attempt left it.
fn awaits(record: &Record, attempt: i64) -> bool {
    let open = [RecordStatus::InProgress.code(), RecordStatus::InDoubt.code()];
    open.contains(&record.status) && record.last_attempt == Some(attempt)
}

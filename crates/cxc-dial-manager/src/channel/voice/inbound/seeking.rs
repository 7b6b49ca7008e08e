//! Who calls and wants an agent: what is known of them, which group's agents they come to, and what became of it.
use std::sync::Arc;

use cxc_core::Micros;
use cxc_server::App;
use cxc_sip::engine::Loan;
use cxc_store::StoreError;
use cxc_store::attempt::Attempt;
use cxc_store::id_block::Numbered;

use super::conversation::Conversation;
use super::wishes::Visit;
use crate::agents::record_of_number;
use crate::channel::voice::CallKit;
use crate::channel::voice::desk::{Asking, Story};
use crate::channel::{PersonNumber, ScreenPop};
use crate::sender::screen_pop;

/// Puts a person to an agent and stays until what came of it is written. It is told once whether an agent came.
pub async fn seek(
    app: App,
    kit: Arc<CallKit>,
    visit: Arc<Visit>,
    (loan, wait): (Loan, Micros),
    tell: impl FnOnce(bool) + Send,
) {
    let asked = ask(&app, &kit, &visit, (loan, wait)).await;
    let (mut conversation, story) = match asked {
        Ok(Some(asked)) => asked,
        Ok(None) => return tell(false),
        Err(error) => {
            tracing::warn!(%error, "who calls can't be put to an agent");
            return tell(false);
        }
    };
    let Story { talks, outcome, terms } = story;
    if talks.await.is_err() {
        return tell(false);
    }
    tell(true);
    conversation.begins(&app, &terms).await;
    // a dialer that ends in the middle of it knows no more than that they talked
    conversation.ends(&app, &terms, outcome.await.ok()).await;
}

/// Hands the call over to a group with agents; none if there is none.
async fn ask(
    app: &App,
    kit: &CallKit,
    visit: &Visit,
    (loan, wait): (Loan, Micros),
) -> Result<Option<(Conversation, Story)>, StoreError> {
    let last = match &visit.caller {
        Some(caller) => visit.last_call(app, &mut app.db.read().await?, caller).await?,
        None => None,
    };
    let found = kit.desks.find(visit.tenant, last.as_ref().map(|last| last.grp), &visit.called);
    let Some(desk) = found else { return Ok(None) };
    let known = known(app, visit, (desk.group(), last)).await?;
    let mut tx = app.db.begin().await?;
    // a second one is for its final report
    let attempt = tx.id_block_take(Numbered::Attempt, 2).await?;
    tx.commit().await?;
    let record = known.record.map(|record| (desk.group(), record));
    let conversation = Conversation::new(app, visit, attempt, (known.client.as_deref(), record));
    let (number, called, person) = (visit.caller.clone(), visit.called.clone(), Arc::new(known.person));
    let story = desk.receive(Asking { loan, wait, attempt, number, called, person });
    Ok(story.map(|story| (conversation, story)))
}

/// Who calls.
#[derive(Default)]
struct Known {
    person: ScreenPop,
    client: Option<String>,
    /// Their record in the group.
    record: Option<i64>,
}

/// What is known by their number: the record that was called last, else one of the group that has this number.
async fn known(app: &App, visit: &Visit, (group, last): (i64, Option<Attempt>)) -> Result<Known, StoreError> {
    let Some(caller) = &visit.caller else { return Ok(Known::default()) };
    let own = last.as_ref().filter(|last| last.grp == group).map(|last| last.record);
    let own = match own {
        Some(record) => Some(record),
        None => record_of_number(app, visit.tenant, group, caller).await?.map(|named| named.record),
    };
    let place = own.map(|record| (group, record)).or_else(|| last.map(|last| (last.grp, last.record)));
    let number = PersonNumber { position: 1, number: caller.clone() };
    let person = ScreenPop { numbers: vec![number], dialed: 1, ..ScreenPop::default() };
    let stranger = Known { person, ..Known::default() };
    let Some((grp, record)) = place else { return Ok(stranger) };
    let mut tx = app.db.read().await?;
    let Some(record) = tx.record_get(grp, record).await? else { return Ok(stranger) };
    let contact = tx.contacts_of_lists(visit.tenant, &[(record.list, record.id)]).await?.pop();
    let Some((_, contact)) = contact else { return Ok(stranger) };
    let Some(device) = contact.devices.iter().find(|device| device.address == *caller) else { return Ok(stranger) };
    let mut person = screen_pop(&record, &contact, device);
    if own.is_none() {
        // of another group: nothing is done with it here
        person.record_id.clear();
    }
    Ok(Known { person, client: contact.contact.client_id.clone(), record: own.map(|_| record.id) })
}

//! Numbers that an agent dials: each is one of a record of the group, so that it is checked, written and counted as any call.
use cxc_server::App;
use cxc_store::StoreError;

use super::said::Failed;
use super::seat::{Refused, Seat};
use crate::sender::Named;

/// Dials another number of the person in hand, by its position, or a number of the group's records.
pub async fn dial(app: &App, seat: &Seat, position: Option<i16>, number: Option<String>) -> Result<(), Failed> {
    match (position, number) {
        (Some(position), None) => Ok(seat.dial_other(position, app.now())?),
        (None, Some(number)) => {
            let group = seat.dials_for()?;
            let found = record_of_number(app, seat.agent.tenant, group, &number).await?;
            let unknown: Refused =
                ("unknown_number", "no record of the group has this number: add the person to a list");
            Ok(seat.dial_record(found.ok_or(unknown)?)?)
        }
        _ => Err(Failed::Refused(("bad_message", "dial names a position or a number"))),
    }
}

/// The first record of a group that has a number.
pub async fn record_of_number(app: &App, tenant: i64, group: i64, number: &str) -> Result<Option<Named>, StoreError> {
    let mut tx = app.db.read().await?;
    let hash = app.hash_key.hash(tenant, number);
    for entry in tx.group_lists(group).await? {
        let Some(list) = tx.contact_list_of_number(tenant, entry.list).await? else { continue };
        for holder in tx.contact_addresses(list.generation, &[hash]).await? {
            if holder.address != number || tx.record_get(group, holder.contact).await?.is_none() {
                continue;
            }
            let contacts = tx.contacts_of(list.generation, &[holder.contact]).await?;
            let devices = contacts.into_iter().flat_map(|contact| contact.devices);
            let position = devices.into_iter().find(|device| device.address == number).map(|device| device.position);
            return Ok(position.map(|at| Named { record: holder.contact, device: Some(at), or_done: false }));
        }
    }
    Ok(None)
}

//! Finds the places of a list's contacts anew: they were found with the tables of their import, and a provider has
//! published others since. Streamed, a slice at a time; what did not move is not written.
use std::collections::HashMap;
use std::sync::Arc;

use cxc_core::contact::{ContactPlaces, Told};
use cxc_core::device::{DeviceKind, LineType};
use cxc_core::location::{Country, Location, LocationTables};
use cxc_core::phone::PhoneNumber;
use cxc_server::ApiError;
use cxc_server::job_runner::{JobControl, JobError};
use cxc_store::StoreError;
use cxc_store::contact::{Contact, Device, FullContact};
use cxc_store::contact_place::NewPlace;
use cxc_store::list::ContactList;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::import::{HeldLease, ImportContext, release, settle_list, take_lease};

/// Contacts that are looked at together: some tens of milliseconds of SQLite's only writer where all of them moved.
const SLICE: i64 = 2_000;

/// How a list is looked through.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RelocateSettings {
    /// Only count what would change.
    #[serde(default)]
    pub dry_run: bool,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Relocated {
    /// Contacts that were looked at.
    pub contacts: i64,
    /// Contacts with another place of their own than before.
    pub moved_contacts: i64,
    /// Devices with another place than before.
    pub moved_devices: i64,
    /// Of both, those that are in other time zones than before.
    pub other_zones: i64,
    /// Of both, those that are in other regions than before.
    pub other_regions: i64,
}

/// Looks through a list under its lease. What was written before a cancel or a crash stays: each contact stands for
/// itself, and another run goes on from there.
pub async fn run_relocate(
    context: &ImportContext,
    list: Uuid,
    settings: &RelocateSettings,
    control: &JobControl,
) -> Result<Relocated, JobError> {
    let (app, tenant) = (&context.app, control.job().tenant);
    let found = app.db.read().await?.contact_list_get(tenant, list).await?;
    let number = found.ok_or_else(|| ApiError::not_found("contact list"))?.number;
    let mut lease = take_lease(context, "contacts", number, control).await?;
    let done = leased(context, list, settings, control, &mut lease).await;
    release(context, &lease).await;
    done
}

async fn leased(
    context: &ImportContext,
    list: Uuid,
    settings: &RelocateSettings,
    control: &JobControl,
    lease: &mut HeldLease,
) -> Result<Relocated, JobError> {
    let (app, tenant) = (&context.app, control.job().tenant);
    let missing = || ApiError::not_found("contact list");
    let number = app.db.read().await?.contact_list_get(tenant, list).await?.ok_or_else(missing)?.number;
    settle_list(&app.db, lease, "contacts", number, "failed", app.now()).await?;
    let list = app.db.read().await?.contact_list_get(tenant, list).await?.ok_or_else(missing)?;
    let mut finder = Finder { tables: context.checkers.tables.current(), places: ContactPlaces::default() };
    let (mut after, mut done, mut wrote) = (i64::MIN, Relocated::default(), false);
    let ended = loop {
        if let Err(stop) = control.check() {
            break Err(stop);
        }
        let slice = app.db.read().await?.contact_slice_full(&list, after, SLICE, None).await?;
        let Some((contacts, last)) = slice else { break Ok(()) };
        after = last;
        let moved = finder.moved(context, &contacts, &mut done).await?;
        if !settings.dry_run && !moved.is_empty() {
            let mut tx = app.db.begin_relaxed().await?;
            tx.lease_check(lease.lease()).await?;
            tx.contact_places_set(list.generation, &moved).await?;
            tx.commit().await?;
            wrote = true;
        }
        lease.renew(&app.db).await?;
        done.contacts += i64::try_from(contacts.len()).unwrap_or(0);
        control.progress(done.contacts.min(list.contacts), list.contacts);
    };
    if wrote {
        tell(context, &list, lease).await?;
    }
    ended?;
    Ok(done)
}

/// Lets groups refresh and counts be made anew.
async fn tell(context: &ImportContext, list: &ContactList, lease: &HeldLease) -> Result<(), StoreError> {
    let mut tx = context.app.db.begin().await?;
    tx.lease_check(lease.lease()).await?;
    tx.contact_list_count(list.number, 0, 0, list.visible_to).await?;
    tx.commit().await
}

/// Finds places with one set of tables to the end.
struct Finder {
    tables: Arc<LocationTables>,
    places: ContactPlaces,
}

impl Finder {
    /// The contacts and devices of a slice that are elsewhere now.
    async fn moved(
        &mut self,
        context: &ImportContext,
        contacts: &[FullContact],
        done: &mut Relocated,
    ) -> Result<Vec<NewPlace>, JobError> {
        let mut found: Vec<(NewPlace, i64, Option<Location>)> = Vec::new();
        for full in contacts {
            let own = NewPlace { contact: full.contact.id, position: 0, location: 0 };
            found.push((own, full.contact.location, self.of_contact(&full.contact)));
            for device in &full.devices {
                let own = NewPlace { contact: full.contact.id, position: device.position, location: 0 };
                found.push((own, device.location, self.of_device(device)));
            }
        }
        let mut wanted: Vec<Location> = Vec::new();
        let mut index: HashMap<Location, usize> = HashMap::new();
        for location in found.iter().filter_map(|(_, _, location)| location.as_ref()) {
            if !index.contains_key(location) {
                index.insert(location.clone(), wanted.len());
                wanted.push(location.clone());
            }
        }
        let db = &context.app.db;
        let numbers = context.locations.numbers(db, &wanted).await?;
        let number = |location: &Location| index.get(location).and_then(|at| numbers.get(*at)).copied().unwrap_or(0);
        let moved = found.into_iter().filter_map(|(own, before, location)| {
            let now = location.as_ref().map_or(0, number);
            (now != before).then_some((NewPlace { location: now, ..own }, before, location))
        });
        let moved: Vec<(NewPlace, i64, Option<Location>)> = moved.collect();
        let before: Vec<i64> = moved.iter().map(|(_, before, _)| *before).collect();
        let before = context.locations.resolve(&mut db.read().await?, &before).await?;
        for (place, old, location) in &moved {
            done.note(*place, before.get(old), location.as_ref());
        }
        Ok(moved.into_iter().map(|(place, ..)| place).collect())
    }

    /// As an import finds it, by what it kept of the line.
    fn of_contact(&mut self, contact: &Contact) -> Option<Location> {
        let zone = contact.zone.as_deref().and_then(|zone| self.tables.of_zone(zone).ok());
        let home = contact.country.as_deref().and_then(Country::from_code);
        // the row does not tell whether its country was given or is that of a phone; who had a place had it given
        let country = home.filter(|_| contact.location != 0);
        let (postal, state) = (contact.postal.as_deref().unwrap_or(""), contact.region.as_deref().unwrap_or(""));
        self.places.find(&self.tables, Told { zone, country, home, postal, state })
    }

    fn of_device(&self, device: &Device) -> Option<Location> {
        if device.kind != DeviceKind::Phone.code() {
            return None;
        }
        let number = PhoneNumber::parse(&device.address).ok()?;
        Some(self.tables.of_phone(&number, LineType::from_code(device.line_type)))
    }
}

impl Relocated {
    fn note(&mut self, place: NewPlace, before: Option<&Location>, now: Option<&Location>) {
        match place.position {
            0 => self.moved_contacts += 1,
            _ => self.moved_devices += 1,
        }
        let zones = |at: Option<&Location>| at.map(|at| at.zones().to_vec()).unwrap_or_default();
        let regions = |at: Option<&Location>| at.map(|at| at.regions().to_vec()).unwrap_or_default();
        self.other_zones += i64::from(zones(before) != zones(now));
        self.other_regions += i64::from(regions(before) != regions(now));
    }
}

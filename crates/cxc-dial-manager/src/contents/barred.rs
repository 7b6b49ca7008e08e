//! To whom no test goes: it skips pacing, and is a contact all the same.
use std::collections::HashMap;

use cxc_core::channel::Channel;
use cxc_core::compliance::Zones;
use cxc_core::consent::{ConsentEvent, opted_out_of_any};
use cxc_core::location::LocationTables;
use cxc_core::phone::{PhoneNumber, PhoneParser};
use cxc_server::{ApiError, App};
use cxc_store::Tx;
use jiff::Timestamp;

/// The hours of the day in which what advertises goes to phones: the narrowest of federal law in the United States, whose
/// states and whose neighbours differ little. A test is sent by day.
const OPEN: std::ops::Range<i8> = 8..21;

/// What is sent.
pub(super) struct Test {
    pub tenant: i64,
    pub channel: Channel,
    /// It advertises.
    pub sells: bool,
}

/// Why a test does not go to some addresses: never past what people, a list or the stop switch forbid.
pub(super) struct Barred {
    stopped: Option<String>,
    by_address: HashMap<i64, String>,
}

impl Barred {
    /// Reads what stands in the way of addresses, each with its keyed hash.
    pub async fn read(app: &App, tx: &mut Tx, test: &Test, to: &[(i64, &str)]) -> Result<Self, ApiError> {
        let (tenant, channel, now) = (test.tenant, test.channel, app.clock.now());
        let at = now.as_microsecond();
        let hashes: Vec<i64> = to.iter().map(|(hash, _)| *hash).collect();
        let lists = tx.suppression_applicable(tenant, &[], channel, at).await?;
        let hits = tx.suppression_hits(&lists, &hashes, &[], at).await?;
        let mut by_address: HashMap<i64, String> =
            hits.into_iter().map(|hit| (hit.key_hash, "suppressed".to_owned())).collect();
        let mut ledger: HashMap<i64, Vec<ConsentEvent>> = HashMap::new();
        for entry in tx.consents_of(tenant, &hashes, &[]).await? {
            ledger.entry(entry.key_hash).or_default().extend(entry.event());
        }
        for (hash, events) in &ledger {
            if opted_out_of_any(events, channel, now).is_some() {
                by_address.entry(*hash).or_insert_with(|| "opted out".to_owned());
            }
        }
        if channel != Channel::Email {
            let numbers = app.numbers.at_hand(tx, tenant).await?;
            let tables = tables(app)?;
            for (hash, address) in to {
                let Ok(number) = PhoneNumber::parse(address) else { continue };
                let mut lists = numbers.lists().iter().filter(|list| list.bears_on(channel));
                let listed = lists.find_map(|list| match list.is_own() {
                    true if list.holds(number) || list.fault(now).is_some() => Some("suppressed".to_owned()),
                    false if test.sells && list.holds(number) => {
                        Some(format!("on the register {}", list.list.register))
                    }
                    _ => None,
                });
                let closed = || (test.sells && !is_day(&app.rules.zones, &tables, address, now)).then(out_of_hours);
                if let Some(why) = listed.or_else(closed) {
                    by_address.entry(*hash).or_insert(why);
                }
            }
        }
        let stopped = tx.stop_switch_get(tenant).await?.map(|why| format!("everything is stopped: {why}"));
        Ok(Self { stopped, by_address })
    }

    /// Why nothing goes to an address.
    pub fn why(&self, address: i64) -> Option<&String> {
        self.stopped.as_ref().or_else(|| self.by_address.get(&address))
    }
}

fn out_of_hours() -> String {
    format!("not sent: what advertises goes to phones from {}:00 to {}:00 of their time", OPEN.start, OPEN.end)
}

fn tables(app: &App) -> Result<std::sync::Arc<LocationTables>, ApiError> {
    match &app.rules.tables {
        Some(live) => Ok(live.current()),
        None => LocationTables::embedded().map(std::sync::Arc::new).map_err(ApiError::internal),
    }
}

/// Whether it is day wherever a number may be. Of one of which no zone is known, nobody can say it.
fn is_day(zones: &Zones, tables: &LocationTables, address: &str, now: Timestamp) -> bool {
    let Ok(phone) = PhoneParser::shared().map_err(|_| ()).and_then(|p| p.parse(address, None).map_err(|_| ())) else {
        return false;
    };
    let place = tables.of_phone(&phone.number, phone.line_type);
    let is_open = |zone: &str| zones.get(zone).is_some_and(|zone| OPEN.contains(&now.to_zoned(zone).hour()));
    !place.is_unmappable() && place.zones().iter().all(|zone| is_open(zone))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_day_where_a_number_may_be_or_nothing_is_sent() {
        let tables = LocationTables::embedded().unwrap();
        let zones = Zones::bundled();
        let day = |address: &str, at: &str| is_day(&zones, &tables, address, at.parse().unwrap());
        assert!(day("+12129300001", "2026-03-02T13:00:00Z") && !day("+12129300001", "2026-03-02T12:59:59Z"));
        assert!(!day("+12129300001", "2026-03-03T02:00:00Z"));
        assert!(day("+442079460123", "2026-03-02T09:00:00Z") && !day("+61412345999", "2026-03-02T15:00:00Z"));
        assert!(!day("+18005550100", "2026-03-02T17:00:00Z"), "a freephone number is nowhere");
        assert!(!day("nobody", "2026-03-02T17:00:00Z"));
    }
}

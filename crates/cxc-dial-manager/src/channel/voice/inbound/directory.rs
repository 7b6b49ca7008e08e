//! Who may call in, and whom: the hosts of the tenants' trunks, and their enabled caller ids. Read anew every few seconds.
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};

use cxc_core::call_script::CallScript;
use cxc_core::kind;
use cxc_server::App;
use cxc_server::resources::caller_ids::CallerId;
use cxc_sip::ua::{Knock, Refusal};
use cxc_store::StoreError;
use tokio::time::{Duration, Instant};

use crate::channel::{AccountKind, ChannelAccount};

/// The addresses of a host are looked up again after this time.
const RESOLVE: Duration = Duration::from_secs(60);

/// A number that is answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Called {
    /// Whose it is.
    pub tenant: i64,
    /// The account of the trunk by which it was called.
    pub account: i64,
    /// A + and digits.
    pub number: String,
    /// What it says; else the usual script.
    pub script: Option<Arc<CallScript>>,
}

/// What is known of trunks and numbers now.
#[derive(Debug, Default)]
struct Known {
    /// Tenants and accounts by the addresses of their trunks.
    hosts: HashMap<IpAddr, Vec<(i64, i64)>>,
    /// Scripts by tenant and number.
    numbers: HashMap<(i64, String), Option<Arc<CallScript>>>,
}

/// Hosts with their ports: when they were looked up, and what was found.
type Resolved = HashMap<(String, u16), (Instant, Vec<IpAddr>)>;

/// The directory. Asked by the task that receives, so it never waits for the store.
#[derive(Debug, Default)]
pub struct Directory {
    known: RwLock<Known>,
    resolved: tokio::sync::Mutex<Resolved>,
}

impl Directory {
    /// The number that a call is for, if who calls may.
    pub fn find(&self, knock: &Knock) -> Result<Called, Refusal> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.find(knock)
    }

    /// Reads all of it anew.
    pub async fn read(&self, app: &App) -> Result<(), StoreError> {
        let mut known = Known::default();
        // hosts are looked up while nothing of the store is held
        for (tenant, number, account) in trunks(app).await? {
            for address in self.addresses(app, number, &account).await {
                known.hosts.entry(address).or_default().push((tenant, number));
            }
        }
        let mut tx = app.db.read().await?;
        let mut tenants: Vec<i64> = known.hosts.values().flatten().map(|(tenant, _)| *tenant).collect();
        tenants.sort_unstable();
        tenants.dedup();
        for tenant in tenants {
            for object in tx.object_all(tenant, kind::CALLER_ID).await? {
                let id: CallerId = serde_json::from_value(object.body.0)?;
                if id.enabled {
                    known.numbers.insert((tenant, id.number), id.inbound.map(Arc::new));
                }
            }
        }
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(())
    }

    async fn addresses(&self, app: &App, number: i64, account: &ChannelAccount) -> Vec<IpAddr> {
        let host = account.host.clone().unwrap_or_default();
        let place = (host, account.effective_port());
        let mut resolved = self.resolved.lock().await;
        if let Some((_, addresses)) = resolved.get(&place).filter(|(at, _)| at.elapsed() < RESOLVE) {
            return addresses.clone();
        }
        let found = app.channel_reach.resolve(&place.0, place.1).await;
        let addresses: Vec<IpAddr> = match found {
            Ok(found) => found.iter().map(|address| address.ip().to_canonical()).collect(),
            Err(error) => {
                let host = &place.0;
                tracing::warn!(account = number, host, %error, "the host of a trunk can't be found: its calls are refused");
                Vec::new()
            }
        };
        resolved.insert(place, (Instant::now(), addresses.clone()));
        addresses
    }
}

/// The SIP accounts of all tenants at work, with their tenants and numbers.
async fn trunks(app: &App) -> Result<Vec<(i64, i64, ChannelAccount)>, StoreError> {
    let (mut tx, mut trunks) = (app.db.read().await?, Vec::new());
    for (number, tenant, id) in tx.channel_accounts().await? {
        let Some(object) = tx.object_get(tenant, kind::CHANNEL_ACCOUNT, id).await? else { continue };
        let Ok(account) = serde_json::from_value::<ChannelAccount>(object.body.0) else { continue };
        if account.kind == AccountKind::Sip && tx.tenant_get(tenant).await?.is_some_and(|owner| owner.enabled) {
            trunks.push((tenant, number, account));
        }
    }
    Ok(trunks)
}

impl Known {
    fn find(&self, knock: &Knock) -> Result<Called, Refusal> {
        let owners = self.hosts.get(&knock.source.ip().to_canonical()).ok_or(Refusal::Forbidden)?;
        for dialed in knock.dialed.iter().filter_map(|user| e164(user)) {
            for (tenant, account) in owners {
                if let Some(script) = self.numbers.get(&(*tenant, dialed.clone())) {
                    let (tenant, account, script) = (*tenant, *account, script.clone());
                    return Ok(Called { tenant, account, number: dialed, script });
                }
            }
        }
        Err(Refusal::NotFound)
    }
}

/// The number of a SIP user: a + and 8 to 15 digits. Carriers leave the + away, or add parameters.
pub fn e164(user: &str) -> Option<String> {
    let user = user.split(';').next().unwrap_or_default();
    let digits = user.strip_prefix('+').unwrap_or(user);
    let fits = (8..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| format!("+{digits}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knock(source: &str, dialed: [&str; 2]) -> Knock {
        let dialed = dialed.map(ToOwned::to_owned);
        Knock { source: source.parse().unwrap(), dialed, caller: None, call_id: "1".into() }
    }

    #[test]
    fn a_trunk_reaches_the_numbers_of_its_own_tenants_only() {
        let known = Known {
            hosts: HashMap::from([
                ("192.0.2.1".parse().unwrap(), vec![(1, 11), (2, 12)]),
                ("192.0.2.2".parse().unwrap(), vec![(2, 13)]),
            ]),
            numbers: HashMap::from([((1, "+12125550100".into()), None), ((2, "+12125550200".into()), None)]),
        };
        let find = |source: &str, dialed: [&str; 2]| {
            known.find(&knock(source, dialed)).map(|called| (called.tenant, called.account))
        };
        assert_eq!(find("192.0.2.1:5060", ["12125550100", ""]), Ok((1, 11)));
        assert_eq!(find("192.0.2.1:9", ["trunk-user", "+12125550200"]), Ok((2, 12)), "the To header counts, too");
        assert_eq!(find("192.0.2.2:5060", ["+12125550200;npdi", ""]), Ok((2, 13)));
        assert_eq!(find("192.0.2.2:5060", ["+12125550100", ""]), Err(Refusal::NotFound), "another tenant's number");
        assert_eq!(find("192.0.2.3:5060", ["+12125550100", ""]), Err(Refusal::Forbidden));
        assert_eq!(find("[::ffff:192.0.2.1]:5060", ["+12125550100", ""]), Ok((1, 11)));
        for user in ["", "100", "+1212555010x", "1234567890123456"] {
            assert_eq!(e164(user), None, "{user}");
        }
    }
}

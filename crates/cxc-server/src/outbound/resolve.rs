//! Looks names up, and leaves out the addresses that must not be reached. Done for each connection, so that a name
//! which pointed elsewhere when it was written down gets nowhere.
use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::{Network, may_reach};

/// Resolves to public addresses and those of some networks.
pub(super) struct PublicOnly(pub Arc<[Network]>);

/// A name that has addresses, none of which may be reached.
#[derive(Debug, thiserror::Error)]
#[error("the name points to no public address")]
pub(super) struct NotPublic;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let inside = Arc::clone(&self.0);
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let any = !found.is_empty();
            let open: Vec<SocketAddr> = found.into_iter().filter(|a| may_reach(&inside, a.ip())).collect();
            if any && open.is_empty() {
                return Err(NotPublic.into());
            }
            Ok(Box::new(open.into_iter()) as Addrs)
        })
    }
}

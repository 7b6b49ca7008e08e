//! Which addresses connections to hosts that tenants name may go to. A name is judged by its addresses at each
//! connection, so that one which pointed elsewhere when it was written down gets nowhere.
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::networks::{Network, is_public};

/// Public addresses and those of some networks. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Reach(Arc<[Network]>);

/// Why a host has no address to connect to.
#[derive(Debug, thiserror::Error)]
pub enum ReachError {
    /// The name can't be looked up.
    #[error(transparent)]
    Unknown(#[from] io::Error),
    /// It has addresses, none of which may be reached.
    #[error("the name points to no address that may be reached")]
    NotAllowed,
}

impl Reach {
    /// Public addresses and those of these networks.
    pub fn new(inside: &[Network]) -> Self {
        Self(inside.into())
    }

    /// Whether an address may be connected to.
    pub fn allows(&self, address: IpAddr) -> bool {
        is_public(address) || self.0.iter().any(|network| network.holds(address))
    }

    /// Whether a host may be connected to as far as its text says: a name is judged when it is looked up.
    pub fn may_allow(&self, host: &str) -> bool {
        host.trim_start_matches('[').trim_end_matches(']').parse().map_or(true, |address| self.allows(address))
    }

    /// The addresses of a host that may be connected to, at least one.
    pub async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, ReachError> {
        let found: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await?.collect();
        let any = !found.is_empty();
        let open: Vec<SocketAddr> = found.into_iter().filter(|address| self.allows(address.ip())).collect();
        match (open.is_empty(), any) {
            (false, _) => Ok(open),
            (true, true) => Err(ReachError::NotAllowed),
            (true, false) => Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address").into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_is_judged_by_its_addresses() {
        let (none, loopback) = (Reach::new(&[]), Reach::new(&["127.0.0.0/8".parse().unwrap()]));
        assert!(matches!(none.resolve("localhost", 25).await, Err(ReachError::NotAllowed)));
        assert!(matches!(none.resolve("169.254.169.254", 80).await, Err(ReachError::NotAllowed)));
        assert_eq!(loopback.resolve("127.0.0.1", 25).await.unwrap(), ["127.0.0.1:25".parse().unwrap()]);
        assert!(matches!(loopback.resolve("10.0.0.1", 25).await, Err(ReachError::NotAllowed)));
        assert!(!none.may_allow("[::1]") && none.may_allow("mail.example.com") && loopback.may_allow("127.0.0.2"));
    }
}

//! How the phones of a trunk's agents are reached.
use std::sync::Arc;

use cxc_core::call_settings::{phone_host, phone_transport};
use cxc_core::phone_address::{BadPhone, is_extension, phone_problem};
use cxc_server::outbound::Reach;
use cxc_sip::engine::Phone;
use cxc_sip::ua::{Transport, Trust};

use super::setup::{resolve, transport, trust};
use crate::channel::{ChannelAccount, Srtp};

/// By what phones are called that do not say it, and who vouches for those that are called by TLS.
#[derive(Debug, Clone, Default)]
pub struct Phones {
    transport: Transport,
    trust: Option<Trust>,
    /// Phones by TLS take encrypted audio, as the trunk does.
    srtp: bool,
    /// The hosts of the trunk and its alternates.
    trunks: Arc<[String]>,
}

/// Why a phone is not called.
#[derive(Debug, thiserror::Error)]
pub enum NoPhone {
    /// The address is none of a phone.
    #[error(transparent)]
    Bad(#[from] BadPhone),
    /// A carrier would dial it.
    #[error("{}", OF_TRUNK)]
    OfTrunk,
    /// The host is not there, or out of reach.
    #[error("{0}")]
    OutOfReach(String),
}

/// Why digits are no phone where a trunk is.
pub const OF_TRUNK: &str =
    "digits at the host of a trunk are dialed by it as a number: a phone there has a name, such as sip:ann@10.0.0.7";

/// Whether one of these hosts is that of a phone, by its name or by an address.
pub async fn shares_host(reach: &Reach, uri: &str, hosts: &[String]) -> bool {
    let Some((own, port)) = phone_host(uri) else { return false };
    if hosts.iter().any(|host| host.eq_ignore_ascii_case(own)) {
        return true;
    }
    let Ok(places) = reach.resolve(own, port).await else { return false };
    for host in hosts {
        let theirs = reach.resolve(host, port).await.unwrap_or_default();
        if theirs.iter().any(|their| places.iter().any(|own| own.ip() == their.ip())) {
            return true;
        }
    }
    false
}

impl Phones {
    /// As the account of the trunk says. Its TLS is for its own host: phones ask for theirs.
    pub fn of(account: &ChannelAccount) -> Self {
        let transport = match transport(account) {
            Transport::Tls => Transport::Udp,
            plain => plain,
        };
        // without it no phone is called by TLS; that the certificate is bad is said of the trunk itself
        let srtp = account.sip.as_ref().is_some_and(|sip| sip.srtp == Srtp::Required);
        let trunks = account.host.iter().cloned().collect();
        Self { transport, trust: trust(account).ok(), srtp, trunks }
    }

    /// The hosts of the trunk and its alternates: nothing is called there that reads as a number.
    pub fn set_trunks(&mut self, hosts: Vec<String>) {
        self.trunks = hosts.into();
    }

    /// The same, with the reason in words.
    pub async fn find(&self, reach: &Reach, uri: &str) -> Result<Phone, String> {
        self.look(reach, uri).await.map_err(|reason| reason.to_string())
    }

    /// A phone within reach of the installation, and none that a gateway would dial as a number.
    pub async fn look(&self, reach: &Reach, uri: &str) -> Result<Phone, NoPhone> {
        if let Some(problem) = phone_problem(uri) {
            return Err(problem.into());
        }
        let (host, port) = phone_host(uri).ok_or(BadPhone::NotPlain)?;
        let transport = match phone_transport(uri) {
            Some("tls") => Transport::Tls,
            Some("tcp") => Transport::Tcp,
            Some(_) => Transport::Udp,
            None => self.transport,
        };
        let place = Some(resolve(reach, host, port).await.map_err(NoPhone::OutOfReach)?);
        if is_extension(uri) && shares_host(reach, uri, &self.trunks).await {
            return Err(NoPhone::OfTrunk);
        }
        let srtp = self.srtp && transport == Transport::Tls;
        Ok(Phone { place, transport, trust: self.trust.clone(), srtp, ..Phone::at(uri) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_phone_says_how_it_is_called_else_its_trunk_does() {
        let account = |transport: &str| -> ChannelAccount {
            let text = format!(r#"{{"kind":"sip","host":"h","sip":{{"transport":"{transport}","countries":["US"]}}}}"#);
            serde_json::from_str(&text).unwrap()
        };
        let reach = Reach::new(&["127.0.0.0/8".parse().unwrap()]);
        let by = async |trunk: &str, uri: &str| Phones::of(&account(trunk)).find(&reach, uri).await.unwrap();
        assert_eq!(by("udp", "sip:a@127.0.0.1").await.transport, Transport::Udp);
        assert_eq!(by("tcp", "sip:a@127.0.0.1").await.transport, Transport::Tcp);
        assert_eq!(by("tls", "sip:a@127.0.0.1").await.transport, Transport::Udp);
        let secure = by("udp", "sip:a@127.0.0.1;transport=tls").await;
        assert_eq!((secure.transport, secure.place), (Transport::Tls, Some("127.0.0.1:5061".parse().unwrap())));
        assert!(secure.trust.is_some() && !secure.srtp);
    }

    #[tokio::test]
    async fn nothing_is_called_as_a_phone_that_a_gateway_would_dial() {
        let reach = Reach::new(&["127.0.0.0/8".parse().unwrap()]);
        let phones = |hosts: &[&str]| {
            let mut phones = Phones::default();
            phones.set_trunks(hosts.iter().map(|host| (*host).to_owned()).collect());
            phones
        };
        let carrier = phones(&["sip.example.com", "127.0.0.9"]);
        for uri in ["sip:911@127.0.0.1", "sip:+19005550142@127.0.0.1", "sip:19005550142@127.0.0.9"] {
            assert!(matches!(carrier.look(&reach, uri).await, Err(NoPhone::Bad(_))), "{uri}");
        }
        for uri in ["sip:201@127.0.0.1", "sip:ann@127.0.0.9"] {
            assert!(carrier.look(&reach, uri).await.is_ok(), "{uri}");
        }
        assert!(matches!(carrier.look(&reach, "sip:201@127.0.0.9").await, Err(NoPhone::OfTrunk)));
        let named = phones(&["localhost"]);
        assert!(matches!(named.look(&reach, "sip:201@127.0.0.1").await, Err(NoPhone::OfTrunk)), "by another name");
        assert!(matches!(carrier.look(&reach, "sip:ann@10.0.0.7").await, Err(NoPhone::OutOfReach(_))));
    }
}
